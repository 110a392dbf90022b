// The application's form, saved as one types. Without this file the buttons "Save" do the same.
"use strict";

(() => {
  const form = document.getElementById("application-form");
  if (!form) return;
  const words = form.dataset;
  // Read anew each time: the list of steps, where they stand, is replaced when a file is joined.
  const statusLine = () => document.querySelector("[data-status]");
  const retryButton = () => document.querySelector("[data-retry]");
  const TYPING_PAUSE = 900;
  const TIMEOUT = 30000;
  const RETRY_DELAYS = [3000, 8000, 20000, 60000];

  const questions = () => [...form.querySelectorAll("[data-question]")];
  const questionOf = (element) => element.closest("[data-question]");
  const codeOf = (question) => question.dataset.question;
  const findQuestion = (code) => form.querySelector(`[data-question="${CSS.escape(code)}"]`);

  // --- what is typed, as the server reads it ------------------------------------------------------------------

  const controls = (question) => [...question.querySelectorAll("input, select, textarea")].filter((one) => one.name);

  const entriesOf = (question) => {
    const entries = [];
    for (const control of controls(question)) {
      if (control.disabled) continue;
      if ((control.type === "checkbox" || control.type === "radio") && !control.checked) continue;
      entries.push([control.name, control.value]);
    }
    return entries;
  };

  const typedIn = (question) => entriesOf(question).filter(([name]) => name.startsWith("q-"));

  // --- the copy on this device: kept until the server has the answer ---------------------------------------------

  const localKey = (code) => `${words.key}-${code}`;

  const keepCopy = (question) => {
    try {
      localStorage.setItem(localKey(codeOf(question)), JSON.stringify({
        version: question.querySelector("[data-version]").value, entries: typedIn(question),
      }));
    } catch { /* private browsing or a full disk: the page itself still holds what was typed */ }
  };

  const dropCopy = (code) => {
    try { localStorage.removeItem(localKey(code)); } catch { /* nothing was kept */ }
  };

  const readCopy = (code) => {
    try { return JSON.parse(localStorage.getItem(localKey(code))); } catch { return null; }
  };

  const sameEntries = (left, right) => JSON.stringify(left) === JSON.stringify(right);

  // Typed anew before this script came: that stands, and what the copy holds is offered beside it.
  const { standsFor, valueOf, isTypedEarly, put, askWhich } = window.essorFields;
  const offerLater = (question, control, given) => {
    const copy = given.join("\n");
    if (standsFor(control) !== control || valueOf(control) === copy) return;
    const take = () => { put(control, copy); later(question, 0); };
    document.addEventListener("essor:typed-early", () => askWhich(control, copy, { take }), { once: true });
  };

  const putBack = (question, entries) => {
    const values = new Map();
    for (const [name, value] of entries) values.set(name, [...(values.get(name) || []), value]);
    for (const name of values.keys()) {
      if (!question.querySelector(`[name="${CSS.escape(name)}"]`)) addRowFor(question, name);
    }
    for (const control of controls(question)) {
      if (!control.name.startsWith("q-")) continue;
      const given = values.get(control.name) || [];
      if (isTypedEarly(control)) {
        offerLater(question, control, given);
        continue;
      }
      if (control.type === "checkbox" || control.type === "radio") control.checked = given.includes(control.value);
      else control.value = given[0] ?? "";
    }
  };

  // --- saving ----------------------------------------------------------------------------------------------------

  const waiting = new Map(); // code -> timer
  const unsaved = new Set(); // codes that the server does not have
  const refusals = new Map(); // code -> why the server did not take it: in conflict, or a cell that cannot be read
  const wrong = new Map(); // code -> what is to be corrected in an answer that is kept as it was typed
  let chain = Promise.resolve();
  let inFlight = 0; // sendings that wait for their answer, or for their turn
  let failures = 0;
  let ended = false; // the session: until a sending is taken again
  let gone = false; // who signed out in another window: this page shows nothing more, and sends nothing more
  let underWay = null; // what cuts off the sending that waits for its answer
  let retryTimer = 0;

  const say = (text, failed = false, again = failed) => {
    const status = statusLine();
    if (!status) return;
    if (status.textContent !== text) status.textContent = text; // told once, not at each key
    status.classList.toggle("failed", failed);
    if (retryButton()) retryButton().hidden = !again;
    // Trying again does nothing while the session is ended: the way to sign in stands beside.
    const signIn = document.querySelector("[data-sign-in]");
    if (!signIn) return;
    signIn.hidden = !ended; // it stays while the page tries again: to click on it leaves a field, which sends once more
    signIn.href = document.querySelector("#session-expired a")?.href ?? signIn.href; // back to this very step
  };

  // "Saved" is said of the whole page or not at all.
  const sayWhereItStands = (savedText) => {
    const file = document.querySelector("[data-not-sent]");
    if (refusals.size) say(`${words.textNotAll} ${[...refusals.values()][0]}`, true, false);
    else if (file) say(`${words.textNotAll} ${file.textContent}`, true, false);
    else if (unsaved.size) say(failures ? words.textFailed : words.textSaving, failures > 0);
    else if (wrong.size) say(`${savedText} ${[...wrong.values()][0]}`, true, false);
    else say(savedText);
    if (!unsaved.size) form.querySelector("[data-restored]").hidden = true;
  };

  const later = (question, delay) => {
    const code = codeOf(question);
    clearTimeout(waiting.get(code));
    unsaved.add(code);
    keepCopy(question);
    waiting.set(code, setTimeout(() => { waiting.delete(code); enqueue(code); }, delay));
    if (!failures && !ended) sayWhereItStands("");
  };

  // One sending at a time, in the order of typing: an older answer never arrives after a newer one.
  // A fault of this page in one sending must not stop the following ones.
  const enqueue = (code) => {
    inFlight += 1;
    chain = chain.then(() => send([code]))
      .catch((fault) => { failed(words.textFailed); reportError(fault); })
      .finally(() => { inFlight -= 1; });
  };

  const send = async (codes) => {
    const sent = codes.map(findQuestion).filter(Boolean);
    if (!sent.length || gone) return;
    say(words.textSaving);
    document.dispatchEvent(new CustomEvent("essor:sending"));
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    const before = new Map();
    // Who typed: the server takes it from no other account.
    body.append("typed-by", form.querySelector("[name=typed-by]")?.value ?? "");
    for (const question of sent) {
      before.set(codeOf(question), typedIn(question));
      for (const [name, value] of entriesOf(question)) body.append(name, value);
    }
    const timer = new AbortController();
    underWay = timer;
    const stop = setTimeout(() => timer.abort(), TIMEOUT);
    let response;
    try {
      response = await fetch(words.autosave, {
        method: "POST", body, headers: { Accept: "application/json" }, signal: timer.signal, credentials: "same-origin",
      });
    } catch {
      failed(words.textFailed);
      return;
    } finally {
      clearTimeout(stop);
    }
    await answered(response, sent, before);
  };

  const answered = async (response, sent, before) => {
    if (gone) return;
    if (response.status === 401 || response.status === 403) {
      ended = true;
      say(words.textExpired, true);
      document.dispatchEvent(new CustomEvent("essor:session-expired"));
      return;
    }
    if (response.status === 404) {
      say(words.textAccount, true);
      return;
    }
    let reply = null;
    try { reply = await response.json(); } catch { /* an error page */ }
    if (!reply || (!response.ok && !reply.refused)) {
      failed(words.textFailed);
      return;
    }
    if (reply.refused) {
      say(reply.refused, true, false);
      return;
    }
    failures = 0;
    ended = false;
    document.dispatchEvent(new CustomEvent("essor:saved"));
    apply(reply, sent, before);
  };

  const failed = (text) => {
    if (gone) return;
    say(text, true);
    clearTimeout(retryTimer);
    const delay = RETRY_DELAYS[Math.min(failures, RETRY_DELAYS.length - 1)];
    failures += 1;
    retryTimer = setTimeout(retry, delay);
  };

  const retry = () => {
    clearTimeout(retryTimer);
    // A conflict waits for the person's choice; the rest is sent again.
    for (const code of [...unsaved]) if (!waiting.has(code) && !refusals.has(code)) enqueue(code);
  };

  const apply = (reply, sent, before) => {
    for (const [code, version] of Object.entries(reply.versions)) {
      const question = findQuestion(code);
      if (!question) continue;
      question.querySelector("[data-version]").value = version;
      if (sameEntries(before.get(code) || [], typedIn(question))) {
        unsaved.delete(code);
        dropCopy(code);
      }
      question.querySelector("[data-conflict]").replaceChildren();
    }
    for (const question of sent) {
      const code = codeOf(question);
      told.delete(question.querySelector("[data-version]"));
      const [cell] = reply.cells[code] || [];
      const [error] = reply.errors[code] || [];
      refusals.delete(code);
      wrong.delete(code);
      if (cell) refusals.set(code, cell.message);
      else if (error && !question.querySelector("[data-table]")) wrong.set(code, error);
      showProblems(question, reply);
    }
    reply.conflicts.forEach((conflict) => {
      refusals.set(conflict.code, conflict.message);
      showConflict({ ...conflict, theirs: `${words.textOther}\n${conflict.theirs}` });
    });
    showQuestions(new Set(reply.shown));
    showMissing(reply.missing, reply.missing_texts);
    if (reply.budget) showBudget(reply.budget);
    window.essorClosing.follow(reply.closes);
    sayWhereItStands(reply.saved);
  };

  // --- what the server says ------------------------------------------------------------------------------------------

  const showProblems = (question, reply) => {
    const code = codeOf(question);
    const cells = reply.cells[code] || [];
    const whole = (reply.errors[code] || []).concat(cells.filter((cell) => !cell.column).map((cell) => cell.message));
    const isTable = Boolean(question.querySelector("[data-table]"));
    const list = question.querySelector("[data-errors]");
    // What is missing in a table is told when the person wants to go on, not while the first line is being typed.
    const shown = isTable && !cells.length ? [] : whole;
    list.replaceChildren(...shown.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
    question.querySelector(".field").classList.toggle("error", shown.length > 0);
    for (const control of controls(question)) {
      control.removeAttribute("aria-invalid");
      // The note of a cell; the question's own list of errors stays.
      control.parentElement.querySelector(":scope > .msg:not([data-errors])")?.remove();
    }
    if (shown.length && !isTable) controls(question).forEach((control) => control.setAttribute("aria-invalid", "true"));
    const rows = rowNumbers(question);
    for (const cell of cells.filter((one) => one.column)) {
      const control = question.querySelector(`[name="q-${CSS.escape(code)}-${rows[cell.row]}-${CSS.escape(cell.column)}"]`);
      if (!control) continue;
      control.setAttribute("aria-invalid", "true");
      const note = Object.assign(document.createElement("div"), { className: "msg", textContent: cell.message });
      note.id = `${control.id || control.name}-error`;
      control.setAttribute("aria-describedby", note.id);
      control.after(note);
    }
  };

  const rowNumbers = (question) =>
    [...question.querySelectorAll("tr[data-row]")].map((row) => Number(row.dataset.row)).sort((a, b) => a - b);

  const showConflict = (conflict) => {
    const question = findQuestion(conflict.code);
    if (!question) return;
    const box = document.createElement("div");
    box.className = "conflict";
    box.setAttribute("role", "alert");
    for (const text of [conflict.message, conflict.theirs]) {
      if (text) box.append(Object.assign(document.createElement("p"), { className: "es-lines", textContent: text }));
    }
    const button = (text, action) => {
      const one = Object.assign(document.createElement("button"), { type: "button", className: "btn small quiet", textContent: text });
      one.addEventListener("click", action);
      box.append(one, " ");
    };
    button(words.textMine, () => {
      question.querySelector("[data-version]").value = conflict.version;
      enqueue(conflict.code);
    });
    button(words.textTheirs, () => {
      unsaved.delete(conflict.code);
      refusals.delete(conflict.code);
      dropCopy(conflict.code);
      leaving = unsaved.size === 0 || leaving;
      window.location.replace(window.location.pathname); // a page that answers a form is not sent once more
    });
    question.querySelector("[data-conflict]").replaceChildren(box);
  };

  const showQuestions = (shown) => {
    for (const question of questions()) {
      const visible = shown.has(codeOf(question));
      question.hidden = !visible;
      question.querySelector(`[name="p-${CSS.escape(codeOf(question))}"]`).disabled = !visible;
    }
  };

  // A step that was not begun stays as it is until something in it is missing no more.
  const showMissing = (missing, texts) => {
    document.querySelectorAll("[data-step]").forEach((step) => {
      const count = missing[step.dataset.step];
      const wasDone = step.classList.contains("done");
      if (count && !wasDone && !step.classList.contains("miss")) return;
      step.className = count ? "miss" : "done";
      step.querySelector("[data-missing]").textContent = count ? texts[step.dataset.step] : "";
      if (!count) step.querySelector(".dot").textContent = "✓";
      else if (wasDone) step.querySelector(".dot").textContent = "!";
    });
  };

  // --- amounts ---------------------------------------------------------------------------------------------------------

  const { withPoint } = window.essorAmounts;
  const language = document.documentElement.lang || "fr";

  // Whole cents: sums of typed amounts are exact. NaN for what is no amount: it is not 0, and no total is made of it.
  const cents = (text) => {
    if (!text.trim()) return 0;
    const found = /^(-?\d+)(?:\.(\d{1,2}))?$/.exec(withPoint(text));
    if (!found) return NaN;
    const sign = found[1].startsWith("-") ? -1 : 1;
    return Number(found[1]) * 100 + sign * Number((found[2] || "0").padEnd(2, "0"));
  };
  const euros = (value) => Number.isNaN(value) ? words.textUnreadable
    : (value / 100).toLocaleString(language, { style: "currency", currency: "EUR" });

  const columnSum = (table, column) =>
    [...table.querySelectorAll(`[data-column="${column}"]`)].reduce((sum, cell) => sum + cents(cell.value), 0);

  const sumTables = () => {
    form.querySelectorAll("[data-sum]").forEach((cell) => {
      cell.textContent = euros(columnSum(cell.closest("table"), cell.dataset.sum));
    });
    const budget = form.querySelector("[data-budget]");
    if (budget) sumBudget(budget);
  };

  // What is typed here and what the server has are two budgets: no aid of the one stands under the total of the other.
  const isUndecided = (budget) => Boolean(budget.closest("[data-question]").querySelector("[data-conflict] .conflict"));
  const sayLater = (budget) => {
    budget.querySelector("[data-request]").textContent = "–";
    budget.querySelector('[data-total="product"]').textContent = "–";
    budget.querySelector("[data-aid]").textContent = budget.querySelector("[data-aid]").dataset.later;
    budget.querySelector("[data-aid-lines]").replaceChildren();
    budget.querySelector("[data-gap]").hidden = true;
  };

  const sumBudget = (budget) => {
    const table = (group) => budget.querySelector(`[data-group="${group}"]`);
    const charges = columnSum(table("charge"), "amount");
    const products = columnSum(table("product"), "amount") + (Number(budget.dataset.request) || 0);
    let retained = 0;
    table("charge").querySelectorAll("tr[data-row]").forEach((row) => {
      const account = row.querySelector('[data-column="account"]').value;
      const axis = row.querySelector('[data-column="axis"]')?.value || "general";
      const accounts = budget.getAttribute(`data-eligible-${axis}`);
      const amount = cents(row.querySelector('[data-column="amount"]').value);
      const kept = accounts !== null && (accounts === "" || accounts.split(" ").includes(account)) ? amount : 0;
      retained += kept;
      const cell = row.querySelector("[data-retained]");
      if (cell) cell.textContent = amount ? euros(kept) : ""; // nothing beside what is no amount: its total says so
    });
    let kind = 0;
    table("kind").querySelectorAll("tr[data-row]").forEach((row) => {
      const amount = cents(row.querySelector('[data-column="amount"]').value);
      kind += row.querySelector('[data-column="account"]').value.startsWith("86") ? amount : -amount;
    });
    budget.querySelector('[data-total="charge"]').textContent = euros(charges);
    budget.querySelector('[data-total="product"]').textContent = euros(products);
    budget.querySelector('[data-total="retained"]').textContent = euros(retained);
    showGap(budget.querySelector("[data-gap]"), charges, products, kind);
    if (isUndecided(budget)) sayLater(budget);
  };

  const showGap = (line, charges, products, kind) => {
    const gap = charges - products;
    const texts = [];
    if (Number.isNaN(gap) || Number.isNaN(kind)) texts.push(words.textUnreadableGap);
    if (gap > 0) texts.push(words.textMissing.replace("{amount}", euros(gap)));
    if (gap < 0) texts.push(words.textOver.replace("{amount}", euros(-gap)));
    if (kind) texts.push(words.textKind.replace("{amount}", euros(Math.abs(kind))));
    line.className = texts.length ? "gap" : "ok";
    line.textContent = texts.join(" ") || words.textBalanced;
    line.hidden = charges === 0 && products === 0;
  };

  const showBudget = (amounts) => {
    const budget = form.querySelector("[data-budget]");
    if (!budget) return;
    budget.dataset.request = cents(amounts.request);
    budget.querySelector("[data-request]").textContent = euros(cents(amounts.request));
    budget.querySelector("[data-aid]").textContent = amounts.aid;
    budget.querySelector("[data-aid-lines]").replaceChildren(
      ...amounts.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
    );
    sumBudget(budget);
  };

  // --- rows of tables ----------------------------------------------------------------------------------------------------

  const nextNumber = (question) => Math.max(-1, ...rowNumbers(question)) + 1;

  const addRow = (question, table, number = nextNumber(question)) => {
    const model = table.querySelector("tr[data-row]:last-of-type");
    if (!model) return null;
    const row = model.cloneNode(true);
    const old = model.dataset.row;
    row.dataset.row = number;
    row.querySelectorAll("[name]").forEach((control) => {
      control.name = control.name.replace(`-${old}-`, `-${number}-`);
      if (control.id) control.id = `cell-${control.name}`;
      control.setAttribute("aria-label", control.getAttribute("aria-label").replace(/\d+$/, String(number + 1)));
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
      if (control.tagName === "SELECT") control.selectedIndex = 0;
      else control.value = "";
    });
    row.querySelectorAll(".msg").forEach((note) => note.remove());
    row.querySelectorAll("[data-retained]").forEach((cell) => { cell.textContent = ""; });
    table.tBodies[0].append(row);
    addRemoveButton(row);
    return row;
  };

  const addRowFor = (question, name) => {
    const found = /-(\d+)-[a-z_]+$/.exec(name);
    const table = question.querySelector("[data-table]");
    if (found && table) addRow(question, table, Number(found[1]));
  };

  const addRemoveButton = (row) => {
    const place = row.querySelector("[data-actions]");
    if (!place) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn small quiet", textContent: "×" });
    button.dataset.removeRow = "";
    button.setAttribute("aria-label", `${words.textRemove} ${Number(row.dataset.row) + 1}`);
    place.replaceChildren(button);
  };

  form.addEventListener("click", (event) => {
    const add = event.target.closest("[data-add-row]");
    if (add) {
      const question = questionOf(add);
      const group = add.dataset.addRow;
      const table = question.querySelector(group ? `[data-group="${group}"]` : "[data-table]");
      const row = table && addRow(question, table);
      if (row) {
        event.preventDefault();
        row.querySelector("input, select").focus();
      }
      return;
    }
    const remove = event.target.closest("[data-remove-row]");
    if (!remove) return;
    const question = questionOf(remove);
    const row = remove.closest("tr");
    // One tap, beside the amount, has no way back: what stands in the line is asked about. Its choices are no typing.
    const typed = [...row.querySelectorAll("input, textarea")].some((field) => field.value.trim());
    if (typed && !window.confirm(words.textSure.replace("{line}", Number(row.dataset.row) + 1))) return;
    const body = row.parentElement;
    if (body.querySelectorAll("tr[data-row]").length > 1) {
      const neighbour = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      neighbour?.querySelector("input, select")?.focus();
    } else {
      row.querySelectorAll("input, textarea").forEach((input) => { input.value = ""; });
      row.querySelectorAll("select").forEach((select) => { select.selectedIndex = 0; });
    }
    sumTables();
    later(question, 0);
  });

  // --- events ----------------------------------------------------------------------------------------------------------

  form.addEventListener("input", (event) => {
    const question = questionOf(event.target);
    if (!question || !event.target.name) return;
    sumTables();
    later(question, TYPING_PAUSE);
  });
  form.addEventListener("change", (event) => {
    const question = questionOf(event.target);
    if (!question || !event.target.name) return;
    sumTables();
    later(question, 0);
  });
  form.addEventListener("keydown", (event) => {
    // Enter in a cell goes on in the table; it does not send the form.
    if (event.key === "Enter" && event.target.matches("input") && event.target.closest("[data-table]")) event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    waiting.forEach((timer) => clearTimeout(timer));
    waiting.clear();
    if (!inFlight) {
      leaving = true;
      // Both answers were shown: saving the page is to choose this one.
      if (["next", "save"].includes(event.submitter?.value)) for (const [field, version] of told) field.value = version;
      // The page that follows says whether the server has them: then their copies go (keep.js).
      try { sessionStorage.setItem("essor-form-sent", questions().map((one) => localKey(codeOf(one))).join("\n")); } catch { /* none */ }
      return;
    }
    // The answers on their way change the versions that this form sends: without them the person would be told of
    // a conflict with what they typed themselves a second ago.
    event.preventDefault();
    if (submitting) return;
    submitting = true;
    const button = event.submitter;
    chain.then(() => { submitting = false; form.requestSubmit(button); });
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-retry]")) retry(); });
  window.addEventListener("online", retry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && unsaved.size) retry(); });

  let leaving = false;
  document.addEventListener("essor:signed-out", () => {
    leaving = true;
    gone = true;
    underWay?.abort(); // what the other window said it removes is not stored a moment later
    waiting.forEach((timer) => clearTimeout(timer));
    waiting.clear();
    clearTimeout(retryTimer);
    unsaved.clear();
  });
  const told = new Map(); // the field of a version -> the version that a page in conflict showed beside what was typed
  let submitting = false; // "save" was pressed and waits for the answers on their way
  window.addEventListener("beforeunload", (event) => {
    if (unsaved.size && !leaving) event.preventDefault();
  });

  // --- at the start ------------------------------------------------------------------------------------------------------

  form.querySelectorAll("tr[data-row]").forEach(addRemoveButton);
  const start = form.querySelector("[data-budget]");
  if (start) start.dataset.request = cents(start.querySelector("[data-request]").textContent);
  form.querySelectorAll("[data-refused]").forEach((question) => {
    unsaved.add(codeOf(question));
    refusals.set(codeOf(question), question.querySelector("[data-errors]").textContent.trim());
    // A conflict: until the person chooses, what is on the page stays what was typed on the version of then.
    const field = question.querySelector("[data-version][data-typed-on]");
    if (!field) return;
    told.set(field, field.value);
    showConflict({ code: codeOf(question), theirs: question.querySelector("[data-theirs]").innerText, version: field.value });
    field.value = field.dataset.typedOn;
  });
  questions().filter((question) => !question.hasAttribute("data-refused")).forEach((question) => {
    const text = question.querySelector("[data-errors]").textContent.trim();
    if (text) wrong.set(codeOf(question), text);
  });
  let restored = false;
  const cameBack = Boolean(form.querySelector("[data-refused]"));
  for (const question of questions()) {
    const copy = readCopy(codeOf(question));
    if (!copy) continue;
    if (question.hasAttribute("data-refused")) {
      // The page that came back shows it, the server does not have it: the copy stays until it does.
      keepCopy(question);
      continue;
    }
    // A page that came back was sent whole: what it does not refuse is saved, however the server writes it.
    if (cameBack || sameEntries(copy.entries, typedIn(question))) {
      dropCopy(codeOf(question));
      continue;
    }
    // The version of the copy goes with it: if somebody changed the answer since, the server says so.
    question.querySelector("[data-version]").value = copy.version;
    putBack(question, copy.entries);
    restored = true;
    later(question, 0);
  }
  if (restored) {
    const note = form.querySelector("[data-restored]");
    note.textContent = words.textRestored;
    note.hidden = false;
  }
  sumTables();

  // A file that was not sent, said beside its field: the line of the page follows.
  document.addEventListener("essor:file-not-sent", () => sayWhereItStands(""));
  document.addEventListener("htmx:afterSettle", () => {
    if (refusals.size || unsaved.size || document.querySelector("[data-not-sent]")) sayWhereItStands("");
  });
})();
