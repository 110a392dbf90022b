// What met somebody else's change and waits in the session of who typed it (core/site/not_saved.py): carried beside the
// token of its form at each reading of the page, until it is sent or let go. It stands again in its fields; a new row of a
// table is opened again. Where the page did not say what a field held, an empty one alone takes it without asking. What
// was given back is named in the form that is sent; what finds no field is told so, and waits on.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  if (!window.essorUnsaved) return;
  const { fieldsOf, giveBackQuietly, pass, pathOf } = window.essorUnsaved;
  const { valueOf, alike, askWhich } = window.essorFields;
  const BACK = "given-back";
  const found = new Set(); // forms that are on the page
  const placed = new Set(); // what stands in a field, or is asked about beside it
  const mine = (key, name) => `${key} ${name}`;

  const isOf = (form, kept) => pathOf(form) === kept.path && [...form.elements]
    .filter((one) => one.type === "hidden" && one.name !== BACK && !/^(csrfmiddlewaretoken|typed-by|key)$|shown$|_FORMS$|-\d+-/.test(one.name))
    .every((one) => (kept.hidden[one.name] ?? kept.fields[one.name] ?? [one.value]).includes(one.value));

  // The server forgets what went with the form, and nothing else.
  const goesWith = (form, name) => {
    if ([...form.elements].some((one) => one.name === BACK && one.value === name)) return;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: BACK, value: name }));
  };

  const giveBack = (field, kept, name, values, isAsked = false) => {
    const [typed, now] = [values.join("\n"), valueOf(field)];
    const settle = () => goesWith(field.form, name);
    if (alike(now, typed)) settle();
    else if (isAsked) askWhich(field, typed, { take: () => giveBackQuietly(field, typed) && settle(), leave: settle });
    else if (giveBackQuietly(field, typed)) settle();
    else return; // a choice that is gone
    placed.add(mine(kept.key, name));
  };

  const giveBackForm = (form, kept) => {
    for (const field of fieldsOf(form)) {
      const values = kept.fields[field.name];
      const isAsked = kept.moved.includes(field.name) || (valueOf(field) !== "" && !kept.known.includes(field.name));
      if (values) giveBack(field, kept, kept.names[field.name], values, isAsked);
    }
    for (const name of kept.sent) {
      goesWith(form, name);
      placed.add(mine(kept.key, name)); // the page that answers a refused form shows what was sent
    }
    found.add(kept.key);
    const folded = form.closest("details");
    if (folded) folded.open = true;
  };

  // --- new rows

  const taken = new Set();
  const cellsOf = (form, row) => fieldsOf(form).filter((one) => one.name.startsWith(row));
  const isFree = (form, table, row) => !taken.has(row) && cellsOf(form, row).length
    && cellsOf(form, row).every((cell) => {
      const empty = form.elements[cell.name.replace(row, `${table}-__prefix__-`)];
      return empty instanceof Element && valueOf(empty) === valueOf(cell);
    });
  const freeRow = (form, table) => {
    const count = (name) => Number(form.elements[`${table}-${name}_FORMS`]?.value ?? 0);
    const find = () => {
      for (let rank = count("INITIAL"); rank < count("TOTAL"); rank += 1) {
        if (isFree(form, table, `${table}-${rank}-`)) return `${table}-${rank}-`;
      }
      return null;
    };
    const add = form.querySelector(`#${CSS.escape(table)}-group .add-row`);
    if (!find() && add) pass(() => add.click());
    return find();
  };
  const openRow = (form, kept, { table, row, fields }) => {
    const place = freeRow(form, table);
    if (!place) return;
    taken.add(place);
    for (const cell of cellsOf(form, place)) {
      const name = cell.name.slice(place.length);
      if (fields[name]) giveBack(cell, kept, row + name, fields[name]);
    }
  };

  // --- what is said of it

  const isBehind = (path) => [...document.querySelectorAll(".es-transitions a[href]")].some((link) => link.pathname === path);
  const hasField = ({ key, path, names }) => {
    if (!found.has(key)) return isBehind(path);
    return !names || names.split(" ").every((name) => placed.has(mine(key, name)));
  };
  const tell = () => document.querySelectorAll("[data-told]").forEach((banner) => {
    for (const line of banner.querySelectorAll("li")) {
      banner.querySelector(hasField(line.dataset) ? "[data-in-fields] ul" : "[data-without-field] ul").append(line);
    }
    for (const part of banner.querySelectorAll("[data-in-fields], [data-without-field]")) part.hidden = !part.querySelector("li");
    banner.querySelector("[data-unsorted]")?.remove();
  });

  const giveBackCarried = () => {
    document.querySelectorAll("input[data-not-saved]").forEach((input) => {
      for (const kept of JSON.parse(input.dataset.notSaved).filter((one) => isOf(input.form, one))) {
        giveBackForm(input.form, kept);
        for (const row of kept.rows) openRow(input.form, kept, row);
      }
      input.removeAttribute("data-not-saved");
    });
    tell();
  };
  document.addEventListener("essor:beside", giveBackCarried);
  // The buttons that add a row are ready once the page is.
  if (document.readyState === "complete") giveBackCarried();
  else window.addEventListener("load", () => setTimeout(giveBackCarried));
});
