// What a page does by its own script, it has seen: its forms and buttons go on from there. What anybody does elsewhere,
// the same person in another window too, it has not: the server refuses what rests on it.
"use strict";

(() => {
  // "row before after" (core/engine/versions.py, REACHED_HEADER): only what stood at "before" has seen all that came.
  const reach = (text) => {
    const [row, before, after] = (text || "").split(" ");
    if (!after) return;
    document.querySelectorAll(`[data-row="${CSS.escape(row)}"]`).forEach((item) => {
      if (item.matches("input") && item.dataset.number === before) {
        item.dataset.number = after;
        item.value = `${item.value.split("+")[0]}+${after}`;
      } else if (item.matches("a")) {
        item.href = item.href.replace(new RegExp(`([?&]seen=)${before}(?!\\d)`), (_seen, name) => `${name}${after}`);
      }
    });
  };

  document.addEventListener("essor:reached", (event) => reach(event.detail));
  document.addEventListener("htmx:beforeSwap", (event) => reach(event.detail.xhr?.getResponseHeader("Essor-Reached")));
})();
