// What is typed in a form marked data-keep stays on this device until the server has it: another button of the page,
// a link, or a connection that fails does not lose it. The mark names the person: nobody else on the device reads it.
"use strict";

(() => {
  const SENT = "essor-form-sent";
  const keyOf = (form) => `essor-form-${form.dataset.keep}`;
  const fieldsOf = (form) => [...form.elements].filter((one) =>
    one.name && (one.matches("textarea") || one.matches("input[type=text], input[type=number], input[type=date], input[type=email], input[type=tel], input:not([type])")));

  // A private window or a full disk keeps nothing: the page itself still holds what was typed.
  const quietly = (action) => { try { return action(); } catch { return null; } };
  const read = (key) => quietly(() => JSON.parse(localStorage.getItem(key))) || {};
  const write = (key, copy) => quietly(() => {
    if (Object.keys(copy).length) localStorage.setItem(key, JSON.stringify(copy));
    else localStorage.removeItem(key);
  });

  // A form that was sent and that the server said it has is kept no more.
  const sent = quietly(() => sessionStorage.getItem(SENT));
  if (sent) {
    quietly(() => sessionStorage.removeItem(SENT));
    if (document.querySelector(".messages .ok, [data-has-it]")) write(sent, {});
  }

  // A page that refuses shows again what was typed: the server does not have it.
  const refused = document.querySelector("[data-error-summary]");

  document.querySelectorAll("form[data-keep]").forEach((form) => {
    const key = keyOf(form);
    const copy = read(key);
    let restored = false;
    for (const field of fieldsOf(form)) {
      const kept = copy[field.name];
      if (!kept) continue;
      if (field.value === kept.typed) {
        if (!refused) delete copy[field.name];  // sent with another button of the page, and saved
        continue;
      }
      // The server has another value than when this was typed: what it shows now is the one that counts.
      if (field.defaultValue === kept.before) {
        field.value = kept.typed;
        restored = true;
      } else delete copy[field.name];
    }
    write(key, copy);
    if (restored) {
      const note = Object.assign(document.createElement("p"), { className: "notice act", textContent: document.body.dataset.textKept });
      note.setAttribute("role", "status");
      form.prepend(note);
    }

    form.addEventListener("input", (event) => {
      const field = event.target;
      if (!fieldsOf(form).includes(field)) return;
      const kept = read(key);
      const before = kept[field.name]?.before ?? field.defaultValue;
      if (field.value === before) delete kept[field.name];
      else kept[field.name] = { before, typed: field.value };
      write(key, kept);
    });
    form.addEventListener("submit", (event) => {
      if (!event.defaultPrevented) quietly(() => sessionStorage.setItem(SENT, key));
    });
  });
})();
