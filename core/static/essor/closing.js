// What a page says until a moment is not said after it, also where the page stays open: a sentence takes its place, or it
// goes. The moment is that of the server, whatever the clock of the device shows; where it may be moved (data-asks) the
// server is asked before it is said to have passed, and what it answers counts, earlier or later.
"use strict";

(() => {
  const HOUR = 3600 * 1000;
  const AGAIN = 15 * 1000; // the line is cut: nothing can be sent either, and nothing false is said meanwhile
  const opened = Date.now();
  const given = Number(document.body.dataset.now) * 1000;
  const now = () => given + (Date.now() - opened);
  const left = (at) => Number(at) * 1000 - now();
  let timer = 0;

  const over = (place) => {
    if (place.dataset.closes) place.dataset.at = place.dataset.closes;
    place.removeAttribute("data-closes");
    if (!("closedText" in place.dataset)) {
      place.hidden = true;
      return;
    }
    place.textContent = place.dataset.closedText;
    place.hidden = false;
  };

  const asking = new Set();
  const ask = async (address) => {
    if (asking.has(address)) return;
    asking.add(address);
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      const closes = response.ok ? await response.json() : null;
      if (closes) follow(closes, address);
      // No answer to be read: what the page was told stands.
      else document.querySelectorAll("[data-asks][data-closes]").forEach((place) => {
        if (place.dataset.asks === address && left(place.dataset.closes) <= 0) over(place);
      });
    } catch {
      setTimeout(look, AGAIN);
    } finally {
      asking.delete(address);
    }
  };

  const look = () => {
    clearTimeout(timer);
    let next = Infinity;
    const asked = new Set();
    for (const place of document.querySelectorAll("[data-closes]")) {
      const rest = left(place.dataset.closes);
      if (rest > 0) next = Math.min(next, rest);
      else if (place.dataset.asks) asked.add(place.dataset.asks);
      else over(place);
    }
    asked.forEach(ask);
    // A device that slept, or a limit in weeks: looked at again.
    if (next < Infinity) timer = setTimeout(look, Math.min(next + 20, HOUR));
  };

  // The moment was changed while the page was open: what the page says of it follows, both ways. `closes` is what the
  // server answers when it is asked, and at each save: the moment, and the words of each place (data-follows) until then
  // and afterwards. A place without words of its own is what may be done until then.
  const follow = (closes, address) => {
    for (const place of document.querySelectorAll("[data-follows], [data-asks]")) {
      if (address && place.dataset.asks !== address) continue;
      const words = closes[place.dataset.follows];
      if (place.dataset.follows && !words) continue;
      if (words) place.dataset.closedText = words.afterwards;
      if (left(closes.at) <= 0) {
        if (place.dataset.closes || place.dataset.at !== closes.at) {
          place.dataset.closes = closes.at;
          over(place);
        }
        continue;
      }
      if ((place.dataset.closes || place.dataset.at) === closes.at && place.dataset.closes) continue;
      Object.assign(place.dataset, { closes: closes.at, at: closes.at });
      if (words) place.textContent = words.until;
      place.hidden = words ? !words.until : false;
    }
    look();
  };
  window.essorClosing = { follow };

  // Somebody comes back to the page: what it says may have been changed since.
  const comeBack = () => {
    look();
    const places = document.querySelectorAll("[data-asks][data-closes], [data-asks][data-at]");
    new Set([...places].map((place) => place.dataset.asks)).forEach(ask);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) comeBack(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) comeBack(); });
  window.addEventListener("focus", look);
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
