// Files joined one by one: what did not reach the server is said beside its field, and stays chosen. A form that is sent
// while a file is still on its way waits for it: else it would go without the file. A file that is chosen and not joined
// is named, and the page is not left without it unless somebody says so.
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
    return note;
  };

  const chosenIn = (piece) => [...(piece.querySelector("input[type=file]")?.files ?? [])].map((file) => file.name).join(", ");
  const goesWithout = (piece) => Boolean(piece.querySelector("[data-go-without]:checked"));
  const forgotten = () => [...document.querySelectorAll("[data-piece]")].filter((piece) => chosenIn(piece) && !goesWithout(piece));

  document.addEventListener("change", (event) => {
    if (event.target.type !== "file") return;
    const piece = pieceOf(event);
    if (!piece) return;
    clear(piece);
    if (chosenIn(piece)) say(piece, piece.dataset.textChosen.replace("{file}", chosenIn(piece)));
    else document.dispatchEvent(new CustomEvent("essor:file-not-sent"));
  });

  const holdBack = (event) => {
    const pieces = forgotten();
    if (!pieces.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    for (const piece of pieces) {
      const file = chosenIn(piece);
      const note = say(piece, piece.dataset.textChosen.replace("{file}", file));
      const label = Object.assign(document.createElement("label"), { textContent: ` ${piece.dataset.textWithout.replace("{file}", file)}` });
      const box = Object.assign(document.createElement("input"), { type: "checkbox" });
      box.dataset.goWithout = "";
      label.prepend(box);
      note.append(" ", label);
    }
    pieces[0].querySelector("[data-go-without]").focus();
  };
  const leavesThePage = (link) => link && !link.target && !link.hasAttribute("download") && !link.closest("[data-piece]")
    && !link.getAttribute("href").startsWith("#");
  document.addEventListener("click", (event) => {
    if (!event.ctrlKey && !event.metaKey && leavesThePage(event.target.closest?.("main a[href]"))) holdBack(event);
  }, true);
  window.addEventListener("beforeunload", (event) => {
    if (forgotten().length) event.preventDefault();
  });

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
      if (event.target.closest("[data-piece]") || event.target.method !== "post") return;
      if (!underWay.size) {
        if (event.target.closest("main")) holdBack(event);
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      waiting = { form: event.target, button: event.submitter };
    },
    true,
  );
})();
