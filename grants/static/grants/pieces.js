// Files joined one by one: what did not reach the server is said beside its field, and stays chosen. A form that is sent
// while a file is still on its way waits for it: else it would go without the file.
"use strict";

(() => {
  const pieceOf = (event) => event.target.closest?.("[data-piece]");

  const clear = (piece) => piece.querySelectorAll("[data-not-sent]").forEach((note) => note.remove());

  const say = (piece, text) => {
    clear(piece);
    const note = Object.assign(document.createElement("p"), { className: "notice no", textContent: text });
    note.setAttribute("role", "alert");
    note.dataset.notSent = "";
    piece.querySelector("h3").after(note);
    document.dispatchEvent(new CustomEvent("essor:file-not-sent"));
  };

  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:sendAbort"]) {
    document.addEventListener(name, (event) => {
      const piece = pieceOf(event);
      if (piece) say(piece, piece.dataset.textOffline);
    });
  }
  document.addEventListener("htmx:responseError", (event) => {
    const piece = pieceOf(event);
    if (piece) say(piece, piece.dataset.textRefused);
  });

  const underWay = new Set();
  let waiting = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (pieceOf(event)) underWay.add(event.detail.xhr);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!underWay.delete(event.detail.xhr)) return;
    if (!event.detail.successful) waiting = null; // what went wrong is said beside the file: the person decides
    if (underWay.size || !waiting) return;
    const { form, button } = waiting;
    waiting = null;
    if (form.isConnected) form.requestSubmit(button?.isConnected ? button : null);
  });
  document.addEventListener(
    "submit",
    (event) => {
      if (!underWay.size || event.target.closest("[data-piece]") || event.target.method !== "post") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      waiting = { form: event.target, button: event.submitter };
    },
    true,
  );
})();
