// What a person typed on a staff page and did not save is marked, and asked about before another button, the form of a
// step or a link goes without it. Where another form of the page is sent all the same, what was typed comes back with the
// page, still marked, as long as its field is there and holds what it held. Kept for this window and this account alone,
// until the next page; what was left knowingly, or refused, comes back with the "previous page" button alone. Never a
// password, a file or an IBAN. Where the server's value has changed meanwhile, both are shown and the person chooses.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("es-unsaved");
  if (!dialog) return;
  const { standsFor, valueOf, givenOf, put, alike, askWhich } = window.essorFields;
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

  let sending = false; // a form that is written: what is typed goes with it, or is kept for the next page
  let waved = new Set(); // forms that a step opened beside the page goes without: said when it was opened
  const touch = (target, isTyped) => {
    if (!target?.form || !target.name || !target.matches(TYPED) || !isWritten(target.form)) return;
    const field = standsFor(target);
    // What stood there when the person came to it is what the server has, as the page's scripts may write it.
    if (!isTyped && !touched.has(field) && !given.has(field) && field.type !== "file") given.set(field, valueOf(field));
    touched.add(field);
    if (isTyped) {
      waved.delete(field.form);
      sending = false;
    }
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
    return { others: {}, left: {}, ...(kept?.account === words.account ? kept : { account: words.account }) };
  };
  const write = (kept) => quietly(() => {
    if (kept.sent || [kept.others, kept.left].some((forms) => Object.keys(forms).length)) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
  });
  const pathOf = (form) => new URL(form.getAttribute("action") || window.location.href, window.location.href).pathname;
  const keyOf = (form) => {
    const hidden = [...form.elements].filter((one) => one.type === "hidden" && !/^(csrfmiddlewaretoken|typed-by|key|given-back)$|shown$/.test(one.name));
    return [pathOf(form), ...hidden.map((one) => `${one.name}=${one.value}`)].join("\n");
  };
  const isAlone = (form) => [...document.forms].filter((one) => isWritten(one) && keyOf(one) === keyOf(form)).length === 1;
  const typedIn = (form) => Object.fromEntries(changedIn(form).filter((field) => !field.matches(NEVER_KEPT))
    .map((field) => [field.name, { before: before(field), typed: valueOf(field) }]));

  const keep = (form, others) => {
    const kept = read();
    kept.sent = { key: keyOf(form), path: pathOf(form), page: window.location.pathname, fields: typedIn(form) };
    // What was refused before is sent again: by its form, or by the page that showed both versions.
    const isAgain = (key) => key === kept.sent.key || (document.querySelector("[data-resumes]") && key.split("\n")[0] === kept.sent.path);
    for (const left of Object.values(kept.left)) Object.keys(left).filter(isAgain).forEach((key) => delete left[key]);
    others.filter(isAlone).forEach((one) => { kept.others[keyOf(one)] = { page: window.location.pathname, fields: typedIn(one) }; });
    delete kept.others[kept.sent.key];
    write(kept);
  };

  const formOf = (key) => [...document.forms].find((one) => isWritten(one) && keyOf(one) === key);
  const own = (field, now) => {
    given.set(field, now);
    touched.add(field);
    mark(field.form);
  };
  const giveBack = (form, fields) => {
    let isAsked = false;
    for (const field of fieldsOf(form)) {
      const copy = fields[field.name];
      const now = valueOf(field);
      if (!copy || alike(now, copy.typed)) continue;
      if (now === copy.before) {
        if (put(field, copy.typed)) own(field, now);
        else put(field, now); // a choice that is gone
        continue;
      }
      isAsked = true;
      askWhich(field, copy.typed, { take: () => put(field, copy.typed) && own(field, now) });
    }
    const folded = (isAsked || changedIn(form).length) && form.closest("details");
    if (folded) folded.open = true;
  };
  // The form of a step stood beside the page, and goes with it: it is opened again.
  const giveBackBeside = (key, fields) => {
    const step = [...document.querySelectorAll("[data-beside] .es-transitions a[href]")].find((link) => link.pathname === key.split("\n")[0]);
    if (!step) return;
    document.addEventListener("essor:beside", () => formOf(key) && giveBack(formOf(key), fields), { once: true });
    pass(() => step.click());
  };
  const giveBackAll = (forms) => Object.entries(forms).forEach(([key, fields]) => {
    if (formOf(key)) giveBack(formOf(key), fields);
    else giveBackBeside(key, fields);
  });

  // What the server has of a form that met somebody else's change is not lost with the page (not-saved.js).
  const held = new WeakMap();
  const isAtRisk = (form) => changedIn(form).some((field) => held.get(field) !== valueOf(field));
  const giveBackQuietly = (field, typed) => {
    const now = valueOf(field);
    if (!put(field, typed)) {
      put(field, now); // a choice that is gone
      return false;
    }
    held.set(field, valueOf(field));
    own(field, now);
    return true;
  };

  const putBack = () => {
    const kept = read();
    const here = window.location.pathname;
    const came = performance.getEntriesByType("navigation")[0];
    const isBack = came?.type === "back_forward";
    const { sent, left: { [here]: left = {} } } = kept;
    delete kept.sent;
    delete kept.left[here]; // asked for anew, the page is as the server has it: that was said when it was left
    if (sent && isBack && sent.page === here) left[sent.key] = sent.fields; // no answer came
    // The page answers the form itself: it was refused, and shows what was typed as if it had been saved.
    if (sent && !isBack && came?.redirectCount === 0 && sent.path === here) {
      const refused = formOf(sent.key);
      if (refused) fieldsOf(refused).forEach((field) => {
        const copy = sent.fields[field.name];
        if (copy && valueOf(field) === copy.typed) own(field, copy.before);
      });
      kept.left[sent.page] = { ...kept.left[sent.page], [sent.key]: sent.fields };
    }
    const back = isBack ? left : {};
    for (const [key, { page, fields }] of Object.entries(kept.others)) {
      if (!formOf(key) && page !== here) continue;
      delete kept.others[key];
      back[key] = fields;
    }
    write(kept);
    giveBackAll(back);
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
    const forms = unsaved().filter((form) => form !== cancelled && isAtRisk(form));
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
    if (form.matches("[data-lets-go]")) {
      sending = true;
      return void leave();
    }
    const others = unsaved().filter((one) => one !== form);
    const untold = form.closest(".es-beside") ? others.filter((one) => !waved.has(one)) : others;
    if (!passed && untold.length) {
      event.preventDefault();
      const button = event.submitter;
      return void ask(untold, isWritten(form) ? "acts" : "leaves", () => send(form, button));
    }
    leave();
    sending = isWritten(form) || form.matches("#logout-form");
    if (isWritten(form)) keep(form, others);
    else if (sending) write({ others: {}, left: {} });
  });
  window.addEventListener("pagehide", () => {
    const forms = sending ? [] : unsaved().filter(isAlone);
    if (!forms.length) return;
    const kept = read();
    kept.left[window.location.pathname] = Object.fromEntries(forms.map((form) => [keyOf(form), typedIn(form)]));
    write(kept);
  });
  document.addEventListener("essor:came-back", (event) => {
    if (!sending && unsaved().length) event.preventDefault(); // it is all still here, marked, with the versions it is typed on
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && unsaved().some(isAtRisk)) event.preventDefault();
  });

  putBack();
  window.essorUnsaved = { fieldsOf, giveBackQuietly, pass, pathOf };
});
