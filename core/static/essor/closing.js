// What a page says until a moment is not said after it, also where the page stays open: a sentence takes its place, or it
// goes. The moment is that of the server, whatever the clock of the device shows.
"use strict";

(() => {
  const HOUR = 3600 * 1000;
  const opened = Date.now();
  const given = Number(document.body.dataset.now) * 1000;
  const now = () => given + (Date.now() - opened);
  let timer = 0;

  const over = (place) => {
    place.removeAttribute("data-closes");
    if (!("closedText" in place.dataset)) {
      place.hidden = true;
      return;
    }
    place.textContent = place.dataset.closedText;
    place.hidden = false;
  };

  const look = () => {
    clearTimeout(timer);
    let next = Infinity;
    for (const place of document.querySelectorAll("[data-closes]")) {
      const left = Number(place.dataset.closes) * 1000 - now();
      if (left > 0) next = Math.min(next, left);
      else over(place);
    }
    // A device that slept, or a limit in weeks: looked at again.
    if (next < Infinity) timer = setTimeout(look, Math.min(next + 20, HOUR));
  };

  // The moment was changed while the page was open: what the page says of it follows. `closes` is what the server answers
  // at each save: the moment, and the words of each place (data-follows) until then and afterwards.
  const follow = (closes) => {
    for (const place of document.querySelectorAll("[data-follows]")) {
      const words = closes[place.dataset.follows];
      if (!words || place.dataset.at === closes.at) continue;
      Object.assign(place.dataset, { closes: closes.at, at: closes.at, closedText: words.afterwards });
      place.textContent = words.until;
      place.hidden = !words.until;
    }
    look();
  };
  window.essorClosing = { follow };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  for (const name of ["pageshow", "focus"]) window.addEventListener(name, look);
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
