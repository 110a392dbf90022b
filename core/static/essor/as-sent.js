// A page shows what the server sent with it. What a browser would put in its fields by itself (going back, reloading,
// opening a closed tab again) stood beside older versions: it is put back before any other script looks, and what was typed
// and not saved comes back by keep.js, application-form.js and unsaved.js alone, which know on what it was typed. The
// server says it of each form (core/middleware.py); this file sees to the fields that say themselves what they hold.
"use strict";

(() => {
  const { standsFor, valueOf, isTypedEarly, restore, held } = window.essorFields;
  const TYPED = "textarea, select, input:not([type=hidden], [type=submit], [type=button], [type=image], [type=reset])";
  // What a browser fills in a form with a password is what it keeps for signing in: no row stands behind it.
  const isWritten = (form) => (form.getAttribute("method") || "").toLowerCase() === "post" && !form.querySelector("[type=password]");
  const fieldsOf = (form) => [...form.elements].filter((one) => one.name && one.matches(TYPED) && standsFor(one) === one);
  const written = () => [...document.forms].filter(isWritten).flatMap(fieldsOf);
  const mayBeFilled = () => written().filter((field) => field.getAttribute("autocomplete") !== "off");

  const begin = () => {
    written().filter((field) => !isTypedEarly(field)).forEach((field) => restore(field));
    for (const form of document.forms) {
      // Some browsers read it of each field alone.
      [...form.elements].filter((one) => one.name && !one.hasAttribute("autocomplete"))
        .forEach((one) => one.setAttribute("autocomplete", "off"));
    }
  };
  const note = (field) => held.set(field, valueOf(field));
  const isRead = document.readyState !== "loading";
  if (isRead) begin();
  document.addEventListener("DOMContentLoaded", () => {
    if (!isRead) begin();
    mayBeFilled().forEach(note); // with what the page's own scripts put there
    setTimeout(() => window.essorTyped?.tell()); // once each of them has begun; that file may not have come at all
  });
  for (const name of ["input", "change"]) {
    document.addEventListener(name, (event) => {
      if (event.target.form && event.target.matches(TYPED)) note(standsFor(event.target));
    }, true);
  }

  // A browser may fill a page as late as this.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) {
      for (const field of mayBeFilled()) if (held.has(field) && valueOf(field) !== held.get(field)) restore(field, held.get(field));
      return;
    }
    // A page that was put aside whole is as old as its versions: it is asked for anew, unless something stands in it alone.
    if (document.dispatchEvent(new CustomEvent("essor:came-back", { cancelable: true }))) {
      window.location.replace(window.location.pathname + window.location.search);
    }
  });
})();
