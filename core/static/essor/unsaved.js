// What a person typed on a staff page and did not save is marked, and asked about before another button, the form of a
// step or a link goes without it. Where another form of the page is sent all the same, what was typed comes back with the
// page, still marked, as long as its field is there and holds what it held. Kept for this window and this account alone,
// until the next page; never a password, a file or an IBAN. The server knows nothing of it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("es-unsaved");
  if (!dialog) return;
  const { standsFor, valueOf, givenOf, put } = window.essorFields;
  const words = dialog.dataset;
  const KEPT = "essor-unsaved";
  const TYPED = "textarea, select, input:not([type=hidden], [type=search], [type=submit], [type=button], [type=image], [type=reset])";
  const NEVER_KEPT = "[type=password], [type=file], [name$=iban], [name$=bic]";

  // --- what is typed and not saved

  // Lists choose and search: nothing is typed there that could be lost. A field named "method" hides that of the form.
  const isPost = (form) => (form.getAttribute("method") || "").toLowerCase() === "post";
  const isWritten = (form) => isPost(form) && !form.matches("#changelist-form, #logout-form");
  const fieldsOf = (form) => [...form.elements].filter((one) => one.name && one.matches(TYPED) && standsFor(one) === one);
  const touched = new WeakSet(); // by a person: what a page's own script fills in by itself is not typed
  const given = new WeakMap(); // what the server has, where that is not what it sent with the page
  const before = (field) => given.get(field) ?? givenOf(field);
  const isChanged = (field) => touched.has(field) && (field.type === "file" ? field.files.length > 0 : valueOf(field) !== before(field));
  const changedIn = (form) => (isWritten(form) ? fieldsOf(form).filter(isChanged) : []);
  const unsaved = () => [...document.forms].filter((form) => changedIn(form).length);

  const submitsOf = (form) => [...form.elements].filter((one) => one.type === "submit" && !one.disabled);
  const wordsOf = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".material-symbols-outlined, .muted, .pill").forEach((part) => part.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };

  // The button that saves and decides nothing by itself, where there is one.
  const isStep = (form) => form.hasAttribute("data-transition");
  const saverOf = (form) => {
    const buttons = submitsOf(form);
    if (isStep(form)) return null;
    return buttons.find((one) => one.name === "_continue") ?? buttons.find((one) => !one.name || one.name === "_save")
      ?? (buttons.length === 1 ? buttons[0] : null);
  };
  const isOwn = (button) => ["_continue", "_save"].includes(button.name);
  const titleOf = (form) => {
    const card = form.closest(".es-beside, .es-card");
    const parts = [card?.querySelector("h2"), form.closest("details")?.querySelector("summary")];
    return parts.filter(Boolean).map(wordsOf).join(" : ") || words.page;
  };

  const marks = new WeakMap();
  const mark = (form) => {
    const shown = marks.get(form);
    const isDirty = changedIn(form).length > 0;
    if (isDirty === Boolean(shown?.isConnected)) return;
    if (!isDirty) {
      shown.remove();
      return;
    }
    const pill = dialog.querySelector("template").content.firstElementChild.cloneNode(true);
    const place = submitsOf(form).at(-1);
    if (place) place.after(pill);
    else form.append(pill);
    marks.set(form, pill);
  };

  let waved = new Set(); // forms that a step opened beside the page goes without: said when it was opened
  const touch = (target, isTyped) => {
    if (!target?.form || !target.name || !target.matches(TYPED) || !isWritten(target.form)) return;
    const field = standsFor(target);
    // What stood there when the person came to it is what the server has, as the page's scripts may write it.
    if (!isTyped && !touched.has(field) && !given.has(field) && field.type !== "file") given.set(field, valueOf(field));
    touched.add(field);
    if (isTyped) waved.delete(field.form);
    mark(field.form);
  };
  document.addEventListener("focusin", (event) => touch(event.target, false));
  for (const name of ["input", "change"]) document.addEventListener(name, (event) => touch(event.target, true));
  document.addEventListener("focusout", (event) => touch(event.target, false));
  // A list with a search of its own tells jQuery alone that something was chosen.
  window.django?.jQuery?.(document).on("change", "select", (event) => touch(event.target, true));

  // A script of the page saved a part of a form by itself: pairs of a field and what the server now has of it.
  document.addEventListener("essor:saved-fields", (event) => {
    for (const [field, value] of event.detail) {
      given.set(field, value);
      touched.add(field);
      mark(field.form);
    }
  });

  // --- what comes back with the next page

  const quietly = (action) => { try { return action(); } catch { return null; } };
  const read = () => {
    const kept = quietly(() => JSON.parse(sessionStorage.getItem(KEPT)));
    return kept?.account === words.account ? kept : { account: words.account, others: {} };
  };
  const write = (kept) => quietly(() => {
    if (kept.sent || Object.keys(kept.others).length) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
  });
  const pathOf = (form) => new URL(form.getAttribute("action") || window.location.href, window.location.href).pathname;
  const keyOf = (form) => {
    const hidden = [...form.elements].filter((one) => one.type === "hidden" && !/^(csrfmiddlewaretoken|typed-by|key)$|shown$/.test(one.name));
    return [pathOf(form), ...hidden.map((one) => `${one.name}=${one.value}`)].join("\n");
  };
  const isAlone = (form) => [...document.forms].filter((one) => isWritten(one) && keyOf(one) === keyOf(form)).length === 1;
  const typedIn = (form) => Object.fromEntries(changedIn(form).filter((field) => !field.matches(NEVER_KEPT))
    .map((field) => [field.name, { before: before(field), typed: valueOf(field) }]));

  const keep = (form, others) => {
    const kept = read();
    kept.sent = { key: keyOf(form), path: pathOf(form), fields: typedIn(form) };
    others.filter(isAlone).forEach((one) => { kept.others[keyOf(one)] = { page: window.location.pathname, fields: typedIn(one) }; });
    delete kept.others[kept.sent.key];
    write(kept);
  };

  const putBack = () => {
    const kept = read();
    const formOf = (key) => [...document.forms].find((one) => isWritten(one) && keyOf(one) === key);
    const each = (form, fields, action) => {
      for (const field of fieldsOf(form)) {
        if (!fields[field.name] || !action(field, fields[field.name])) continue;
        given.set(field, fields[field.name].before);
        touched.add(field);
      }
      mark(form);
    };
    // The page answers the form itself: it was refused, and shows what was typed as if it had been saved.
    const came = performance.getEntriesByType("navigation")[0];
    const sent = kept.sent;
    delete kept.sent;
    const refused = sent && came?.redirectCount === 0 && sent.path === window.location.pathname && formOf(sent.key);
    if (refused) each(refused, sent.fields, (field, { typed }) => valueOf(field) === typed);
    for (const [key, { page, fields }] of Object.entries(kept.others)) {
      const form = formOf(key);
      if (form || page === window.location.pathname) delete kept.others[key];
      if (!form) continue;
      each(form, fields, (field, copy) => valueOf(field) === copy.before && put(field, copy.typed));
      const folded = changedIn(form).length && form.closest("details");
      if (folded) folded.open = true;
    }
    write(kept);
  };

  // --- the question

  let passed = false; // what goes on is not asked about again
  let leaving = false;
  const leave = () => {
    leaving = true;
    setTimeout(() => { leaving = false; }, 2000); // a file that came instead of a page
  };
  const pass = (action) => {
    passed = true;
    try { action(); } finally { passed = false; }
  };
  const send = (form, button) => pass(() => form.requestSubmit(button ?? null));

  const show = (form) => {
    const field = changedIn(form)[0];
    for (let folded = field?.closest("details"); folded; folded = folded.parentElement.closest("details")) folded.open = true;
    field?.focus();
  };

  let asked = null;
  // forms: what is not saved; kind: whether it comes back with the page ("acts") or is lost ("leaves").
  const comesBack = (form) => isAlone(form) && !changedIn(form).some((field) => field.matches(NEVER_KEPT));
  const ask = (forms, wanted, goOn) => {
    asked = { forms, goOn };
    const kind = forms.every(comesBack) ? wanted : "leaves";
    dialog.querySelectorAll("[data-when]").forEach((part) => { part.hidden = part.dataset.when !== kind; });
    const savers = forms.map(saverOf);
    dialog.querySelector("ul").replaceChildren(...forms.map((form, rank) => {
      const line = document.createElement("li");
      line.textContent = titleOf(form);
      if (!savers[rank] && !isStep(form)) line.append(` (${words.byItsButtons.replace("{buttons}", submitsOf(form).map(wordsOf).join(", "))})`);
      return line;
    }));
    dialog.querySelector("[data-saving]").hidden = !savers.some(Boolean);
    dialog.querySelector("[data-savers]").replaceChildren(...forms.flatMap((form, rank) => {
      if (!savers[rank]) return [];
      const label = isOwn(savers[rank]) ? words.saveFirst : words.first.replace("{button}", wordsOf(savers[rank]));
      const button = Object.assign(document.createElement("button"), { type: "button", className: "es-btn", textContent: label });
      button.addEventListener("click", () => {
        dialog.close();
        show(form); // what the browser finds missing is seen
        send(form, savers[rank]);
      });
      return [button];
    }));
    dialog.showModal();
  };
  const stay = () => {
    dialog.close();
    show(asked.forms[0]);
  };
  dialog.querySelector("[data-stay]").addEventListener("click", stay);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    stay();
  });
  dialog.querySelector("[data-go-on]").addEventListener("click", () => {
    dialog.close();
    asked.goOn();
  });

  // --- where it is asked

  const hold = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const isPlain = (event) => !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const inPane = () => unsaved().filter((form) => form.closest(".es-beside"));

  // The form of a step opens beside the page (beside.js): before it does. What is typed in the pane goes with the pane.
  const opensBeside = (link) => link.pathname.startsWith(document.querySelector("[data-beside]").dataset.documents.replace(/0\/$/, ""));
  document.addEventListener("click", (event) => {
    if (passed || !isPlain(event)) return;
    const step = event.target.closest?.("[data-beside] .es-transitions a[href]");
    const other = event.target.closest?.("[data-beside] a[href], .es-beside-head button");
    if (step) {
      waved = new Set();
      const forms = unsaved();
      if (!forms.length) return;
      hold(event);
      ask(forms, "acts", () => {
        waved = new Set(forms);
        pass(() => step.click());
      });
    } else if (other && (other.matches("button") || opensBeside(other)) && inPane().length) {
      hold(event);
      ask(inPane(), "leaves", () => pass(() => other.click()));
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (dialog.open) event.stopImmediatePropagation(); // closes the question, not the pane behind it
    else if (inPane().length) {
      hold(event);
      ask(inPane(), "leaves", () => pass(() => document.querySelector(".es-beside-head button").click()));
    }
  }, true);

  // The page's own scripts have had their word: what is left to do leaves the page.
  const leaves = (link) => link.target !== "_blank" && !link.hasAttribute("download") && /^https?:$/.test(link.protocol)
    && !(link.hash && link.href.split("#")[0] === window.location.href.split("#")[0]);
  window.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (passed || event.defaultPrevented || !link || !isPlain(event) || !leaves(link)) return;
    const cancelled = link.matches(".es-btn") ? link.closest("form") : null; // "Cancel" says itself what it does
    const forms = unsaved().filter((form) => form !== cancelled);
    if (!forms.length) return void (cancelled && leave());
    event.preventDefault();
    ask(forms, "leaves", () => {
      leave();
      pass(() => link.click());
    });
  });

  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.closest("dialog") || form.target === "_blank") return;
    const others = unsaved().filter((one) => one !== form);
    const untold = form.closest(".es-beside") ? others.filter((one) => !waved.has(one)) : others;
    if (!passed && untold.length) {
      event.preventDefault();
      const button = event.submitter;
      return void ask(untold, isWritten(form) ? "acts" : "leaves", () => send(form, button));
    }
    leave();
    if (isWritten(form)) keep(form, others);
    else if (form.matches("#logout-form")) write({ others: {} });
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && unsaved().length) event.preventDefault();
  });

  putBack();
});
