// Staff site: the counts beside the menu, and its small repairs for keyboards and screen readers.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const places = [...document.querySelectorAll("[data-badge]")];
  if (places.length) {
    fetch("/admin/badges/", { headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then((response) => (response.ok ? response.json() : {}))
      .then((counts) => {
        places.forEach((place) => {
          const count = counts[place.dataset.badge] || 0;
          place.textContent = count;
          place.hidden = !count;
        });
      })
      .catch(() => {});
  }
});

// Unfold writes the name of a chosen file into the text field of its own widget; where a form has none, it would fail.
document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.type !== "file") return;
  if (!input.parentNode?.parentNode?.parentNode?.querySelector("input[type=text]")) event.stopPropagation();
}, true);
