// What a person types on a page whose other scripts are still on their way: on a slow line, that takes seconds. This file is
// small and comes before the page can be seen; as-sent.js tells the other scripts what was typed once they are all there.
"use strict";

window.essorTyped = (() => {
  const fields = new Map(); // a field in which a person wrote -> what was heard of it
  // A browser that fills a page by itself does so before anybody has touched it, and no other script has begun.
  const isTouched = () => navigator.userActivation?.hasBeenActive ?? true;
  const hear = (event) => {
    if (!event.target.form || !isTouched()) return;
    fields.set(event.target, (fields.get(event.target) ?? new Set()).add(event.type));
  };
  const NAMES = ["input", "change"];
  NAMES.forEach((name) => document.addEventListener(name, hear, true));
  const has = (field) => fields.has(field);
  // The scripts that are there now hear what they missed, once.
  const tell = () => {
    NAMES.forEach((name) => document.removeEventListener(name, hear, true));
    const heard = [...fields];
    fields.clear();
    for (const [field, names] of heard) for (const name of NAMES) {
      if (field.isConnected && names.has(name)) field.dispatchEvent(new Event(name, { bubbles: true }));
    }
    document.dispatchEvent(new CustomEvent("essor:typed-early"));
  };
  return { has, tell };
})();
