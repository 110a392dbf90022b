// The fields of a form as keep.js and unsaved.js read them: text, lists and choices alike.
"use strict";

window.essorFields = (() => {
  // Radio buttons and boxes to tick: one field a name, for which the first of its group stands.
  const isChoice = (field) => field.type === "radio" || field.type === "checkbox";
  const groupOf = (field) => [...field.form.elements].filter((one) => one.type === field.type && one.name === field.name);
  const standsFor = (field) => (isChoice(field) ? groupOf(field)[0] : field);

  const isList = (field) => field.matches("select[multiple]"); // a field of files may take several too
  // What a field holds, what the server gave it, and how to put something in it. Several choices of one name are one
  // text, a line each.
  const written = (chosen) => chosen.map((one) => one.value).join("\n");
  const valueOf = (field) => {
    if (isChoice(field)) return written(groupOf(field).filter((one) => one.checked));
    return isList(field) ? written([...field.selectedOptions]) : field.value;
  };
  const givenOf = (field) => {
    if (isChoice(field)) return written(groupOf(field).filter((one) => one.defaultChecked));
    if (!field.matches("select")) return field.defaultValue;
    const given = [...field.options].filter((one) => one.defaultSelected);
    const first = [...field.options].find((one) => !one.disabled) ?? field.options[0];
    return isList(field) ? written(given) : (given[0] ?? first)?.value ?? "";
  };
  // Whether somebody wrote in it before the page's scripts came: it is theirs, and no script puts anything else there.
  const isTypedEarly = (field) => (isChoice(field) ? groupOf(field) : [field]).some((one) => window.essorTyped?.has(one));
  const held = new WeakMap(); // what a field held when a person or a script of ours last wrote in it (as-sent.js)
  const put = (field, value) => {
    const values = value.split("\n");
    if (isChoice(field)) groupOf(field).forEach((one) => { one.checked = values.includes(one.value); });
    else if (isList(field)) [...field.options].forEach((one) => { one.selected = values.includes(one.value); });
    else field.value = value;
    held.set(field, valueOf(field));
    return valueOf(field) === value;  // a choice may be gone
  };

  // What the server sent, or what is said to have stood there, in the place of what a browser put there by itself. A
  // chosen file cannot be put back: it goes.
  const restore = (field, value = givenOf(field)) => {
    if (field.type === "file") {
      if (field.files.length) field.value = "";
    } else if (valueOf(field) !== value && !(field.size > 1 && !field.multiple)) put(field, value);
  };

  // The same to a reader: an amount with or without its zeros and spaces.
  const plain = (text) => (/^[\s\d.,€+-]+$/.test(text)
    ? text.replace(/[\s€]/g, "").replace(",", ".").replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") : text.trim());
  const alike = (one, other) => plain(one) === plain(other);

  // What a value says on the page: the words of its choices.
  const labelOf = (one) => one.labels?.[0]?.textContent.replace(/\s+/g, " ").trim() || one.value;
  const wordsOf = (field, value) => {
    const chosen = value.split("\n");
    const words = isChoice(field) ? groupOf(field).filter((one) => chosen.includes(one.value)).map(labelOf)
      : field.matches("select") ? [...field.options].filter((one) => chosen.includes(one.value)).map((one) => one.textContent.trim())
        : [value];
    return words.filter(Boolean).join(", ") || "–";
  };

  // What was typed on another value than the one that stands here now: both are shown, and nothing is written until the
  // person says which. ``take`` follows what they typed, ``leave`` what is there.
  const askWhich = (field, typed, { take = () => {}, leave = () => {} } = {}) => {
    const text = (name) => document.querySelector("[data-text-moved]").dataset[name];
    const box = document.createElement("div");
    box.className = "notice es-note act";
    box.setAttribute("role", "alert");
    box.dataset.moved = field.name;
    const sentence = text("textMoved").replace("{typed}", () => wordsOf(field, typed)).replace("{now}", () => wordsOf(field, valueOf(field)));
    box.append(Object.assign(document.createElement("p"), { textContent: sentence }));
    for (const [name, action] of [["textTakeMine", take], ["textLeave", leave]]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn es-btn small quiet", textContent: text(name) });
      button.addEventListener("click", () => {
        box.remove();
        action();
        field.focus();
      });
      box.append(button, " ");
    }
    (field.closest("fieldset, .field, .form-row, td") ?? field.parentElement).append(box);
    return box;
  };

  return { standsFor, valueOf, givenOf, isTypedEarly, put, restore, held, alike, askWhich };
})();
