// The fields of a form as keep.js and unsaved.js read them: text, lists and choices alike.
"use strict";

window.essorFields = (() => {
  // Radio buttons and boxes to tick: one field a name, for which the first of its group stands.
  const isChoice = (field) => field.type === "radio" || field.type === "checkbox";
  const groupOf = (field) => [...field.form.elements].filter((one) => one.type === field.type && one.name === field.name);
  const standsFor = (field) => (isChoice(field) ? groupOf(field)[0] : field);

  // What a field holds, what the server gave it, and how to put something in it. Several choices of one name are one
  // text, a line each.
  const written = (chosen) => chosen.map((one) => one.value).join("\n");
  const valueOf = (field) => {
    if (isChoice(field)) return written(groupOf(field).filter((one) => one.checked));
    return field.multiple ? written([...field.selectedOptions]) : field.value;
  };
  const givenOf = (field) => {
    if (isChoice(field)) return written(groupOf(field).filter((one) => one.defaultChecked));
    if (!field.matches("select")) return field.defaultValue;
    const given = [...field.options].filter((one) => one.defaultSelected);
    return field.multiple ? written(given) : (given[0] ?? field.options[0])?.value ?? "";
  };
  const put = (field, value) => {
    const values = value.split("\n");
    if (isChoice(field)) groupOf(field).forEach((one) => { one.checked = values.includes(one.value); });
    else if (field.multiple) [...field.options].forEach((one) => { one.selected = values.includes(one.value); });
    else field.value = value;
    return valueOf(field) === value;  // a choice may be gone
  };

  return { standsFor, valueOf, givenOf, put };
})();
