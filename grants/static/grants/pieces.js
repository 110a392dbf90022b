// Files joined one by one: what did not reach the server is said beside its field, and stays chosen.
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
})();
