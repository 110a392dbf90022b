// What is typed and chosen in a form marked data-keep stays on this device until the server has it: another button of
// the page, a link, or a connection that fails does not lose it. The mark names the person: nobody else reads it.
"use strict";

(() => {
  const SENT = "essor-form-sent";
  const KEPT = "textarea, select, input[type=radio], input[type=checkbox], input[type=text], input[type=number], input[type=date], input[type=email], input[type=tel], input:not([type])";
  const keyOf = (form) => `essor-form-${form.dataset.keep}`;
  const { standsFor, valueOf, givenOf, isTypedEarly, put, alike, askWhich } = window.essorFields;
  // That a file is left out is said each time: it is no answer to keep.
  const fieldsOf = (form) => [...form.elements].filter((one) =>
    one.name && one.matches(KEPT) && !one.name.endsWith("-without") && standsFor(one) === one);

  // A private window or a full disk keeps nothing: the page itself still holds what was typed.
  const quietly = (action) => { try { return action(); } catch { return null; } };
  const copies = (start) => quietly(() => Object.keys(localStorage).filter((key) => key.startsWith(start))) || [];
  const drop = (keys) => keys.forEach((key) => quietly(() => localStorage.removeItem(key)));
  const isOf = (account, key) => Boolean(account) && key.startsWith(`essor-form-${account}-`);
  const account = document.body.dataset.account || "";

  // The cookies of what the server has just done are read once.
  const told = (name) => {
    const found = new RegExp(`(?:^|; )${name}=([^;]+)`).exec(document.cookie);
    if (found) document.cookie = `${name}=; max-age=0; path=/; SameSite=Lax`;
    return found ? found[1] : "";
  };

  // A copy that names no account is nobody's: it is put on no page and asked of nobody.
  drop(copies("essor-").filter((key) => !key.startsWith("essor-form-")));

  // Who signs out leaves nothing typed on the device; it is asked first when something of theirs was not sent. What
  // another account typed here and did not send is neither asked about nor removed.
  const signedOut = told("essor-signed-out");
  if (signedOut) {
    drop(copies(`essor-form-${signedOut}-`));
    // The other windows of this account hear of it (signed-out.js).
    quietly(() => localStorage.setItem(`signed-out-${signedOut}`, String(Date.now())));
    quietly(() => sessionStorage.removeItem(SENT));
  }
  // What was typed in forms of a case or a claim that is filed or withdrawn can never be sent.
  document.querySelectorAll("[data-form-over]").forEach((place) => {
    const start = `essor-form-${account}-${place.dataset.formOver}`;
    const here = [...document.querySelectorAll("form[data-keep]")].map(keyOf);
    drop(copies(start).filter((key) => (key === start || key.startsWith(`${start}-`)) && !here.includes(key)));
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.signsOut;
    if (question && copies(`essor-form-${account}-`).length && !window.confirm(question)) event.preventDefault();
  }, true);

  const read = (key) => quietly(() => JSON.parse(localStorage.getItem(key))) || {};
  const write = (key, copy) => quietly(() => {
    if (Object.keys(copy).length) localStorage.setItem(key, JSON.stringify(copy));
    else localStorage.removeItem(key);
  });

  // A form that was sent and that the server said it has is kept no more. A page that stands in between (signing in
  // again, somebody else's change) has the form on board: what follows it says whether it was taken.
  const sent = quietly(() => sessionStorage.getItem(SENT));
  const forget = () => quietly(() => sessionStorage.removeItem(SENT));
  const hasIt = Boolean(told("essor-has-it"));
  if (document.querySelector("[data-resumes]")) {
    // Signing out or changing the language from there is no sending of it.
    document.addEventListener("submit", (event) => { if (!event.target.closest("main")) forget(); });
  } else if (sent) {
    forget();
    const keys = sent.split("\n").filter((key) => isOf(account, key) || !/^essor-form-\d/.test(key));
    if (hasIt || document.querySelector(".messages .ok, [data-has-it]")) drop(keys);
  }

  // A page that refuses shows again what was typed: the server does not have it.
  const refused = document.querySelector("[data-error-summary]");

  // No browser keeps a chosen file, and this device only its name: it is chosen again, or left out in so many words.
  const fileFieldsOf = (form) => [...form.elements].filter((one) => one.type === "file" && one.name);
  const askAgain = (field, name) => {
    const mark = Object.assign(document.createElement("input"), { type: "hidden", name: `${field.name}-chosen`, value: name });
    const text = document.body.dataset.textChooseAgain.replace("{name}", name);
    const note = Object.assign(document.createElement("p"), { className: "notice act", textContent: text });
    note.dataset.chooseAgain = "";
    field.after(mark, note);
    // It holds other buttons of the page: neither it nor the way on without it stands folded away.
    const folded = field.closest("details");
    if (folded) folded.open = true;
    if (!field.dataset.without) return;
    const choice = Object.assign(document.createElement("div"), { className: "choice" });
    const id = `${field.id || field.name}-without`;
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: field.dataset.without, value: "1", id });
    choice.append(box, Object.assign(document.createElement("label"), { htmlFor: id, textContent: document.body.dataset.textWithout.replace("{name}", name) }));
    note.after(choice);
  };

  // A chosen file does not come back by itself: the page is not left without it unless somebody says so.
  let sending = null;
  const hasChosen = (form) => form !== sending && fileFieldsOf(form).some((field) => field.files.length);
  document.addEventListener("submit", (event) => { if (!event.defaultPrevented) sending = event.target; });
  document.addEventListener("essor:signed-out", () => document.querySelectorAll("input[type=file]").forEach((field) => { field.value = ""; }), true);
  window.addEventListener("pageshow", () => { sending = null; });
  document.addEventListener("essor:came-back", (event) => {
    if ([...document.querySelectorAll("form[data-keep]")].some(hasChosen)) event.preventDefault(); // lost otherwise
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll("form[data-keep]")].some(hasChosen)) event.preventDefault();
  });

  document.querySelectorAll("form[data-keep]").forEach((form) => {
    const key = keyOf(form);
    const copy = read(key);
    let restored = false;
    for (const field of fileFieldsOf(form)) {
      const name = copy[field.name]?.file;
      if (!name || field.files.length) continue;
      const isAsked = Boolean(form.elements[`${field.name}-chosen`]);
      // A page that refuses asks itself for what it does not have: the rest is stored.
      if (refused && !isAsked) delete copy[field.name];
      else if (!isAsked) {
        askAgain(field, name);
        restored = true;
      }
    }
    const asked = new Map(); // fields of which the server has another value than when this was typed
    const decided = (field, typed) => {
      asked.get(field)?.remove();
      asked.delete(field);
      const kept = read(key);
      if (typed === undefined || !put(field, typed)) delete kept[field.name];
      else kept[field.name] = { before: givenOf(field), typed };
      write(key, kept);
    };
    for (const field of fieldsOf(form)) {
      const kept = copy[field.name];
      const given = givenOf(field);
      if (!kept) continue;
      const ask = () => asked.set(field, askWhich(field, kept.typed, { take: () => decided(field, kept.typed), leave: () => decided(field) }));
      if (isTypedEarly(field)) {
        // Typed anew before this script came: that stands, and the copy is offered beside it.
        if (!alike(valueOf(field), kept.typed)) document.addEventListener("essor:typed-early", ask, { once: true });
      } else if (alike(given, kept.typed)) {
        if (!refused) delete copy[field.name];  // sent with another button of the page, and saved
      } else if (given === kept.before && put(field, kept.typed)) restored = true;
      else {
        put(field, given);
        if (refused || given === kept.before) delete copy[field.name]; // a choice that is gone
        else ask();
      }
    }
    write(key, copy);
    if (restored) {
      const note = Object.assign(document.createElement("p"), { className: "notice act", textContent: document.body.dataset.textKept });
      note.setAttribute("role", "status");
      form.prepend(note);
    }

    form.addEventListener("input", (event) => {
      if (fileFieldsOf(form).includes(event.target)) {
        const kept = read(key);
        if (event.target.files.length) kept[event.target.name] = { file: event.target.files[0].name };
        else delete kept[event.target.name];
        write(key, kept);
        return;
      }
      const field = standsFor(event.target);
      if (!fieldsOf(form).includes(field)) return;
      if (asked.has(field)) decided(field); // what is typed now is typed on what stands there now
      const kept = read(key);
      const before = kept[field.name]?.before ?? givenOf(field);
      if (valueOf(field) === before) delete kept[field.name];
      else kept[field.name] = { before, typed: valueOf(field) };
      write(key, kept);
    });
    form.addEventListener("submit", (event) => {
      if (!event.defaultPrevented) quietly(() => sessionStorage.setItem(SENT, key));
    });
  });
})();
