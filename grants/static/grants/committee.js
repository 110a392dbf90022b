/* The session grid by keyboard. Without this file the grid is a form with one button.
   Arrows: change line. Digits: type the amount. A: grant what is proposed. R: reject. D: defer. I: interest. */
(() => {
  "use strict";

  const grid = document.getElementById("session-grid");
  if (!grid || !grid.dataset.decides) return;

  const rows = [...grid.querySelectorAll("tbody tr")];
  const status = document.getElementById("grid-saved");
  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const inField = (target) => target.matches("input, select, textarea");

  function select(row) {
    for (const other of rows) {
      other.classList.toggle("es-selected", other === row);
      other.tabIndex = other === row ? 0 : -1;
    }
  }

  function move(row, step) {
    const next = rows[rows.indexOf(row) + step];
    if (next) next.focus();
    return Boolean(next);
  }

  function number(text) {
    const plain = window.essorAmounts.withPoint(text);
    return plain === "" ? NaN : Number(plain);
  }

  function complete(row) {
    const decision = field(row, "decision").value;
    const reason = field(row, "reason").value.trim();
    if (decision === "granted") {
      return number(field(row, "amount").value) === Number(row.dataset.proposed) || reason !== "";
    }
    return decision === "" || reason !== "";
  }

  // A key of the grid types too: what is not saved is marked (unsaved.js).
  function put(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function decide(row, decision) {
    put(field(row, "decision"), decision);
    showAmount(row);
    if (decision === "granted") {
      put(field(row, "amount"), row.dataset.proposed.replace(".", ","));
      put(field(row, "reason"), "");
    }
    if (complete(row)) save(row);
    else field(row, "reason").focus();
  }

  // What is rejected or deferred is granted nothing: no amount stands beside it.
  function showAmount(row) {
    const amount = field(row, "amount");
    if (["rejected", "deferred"].includes(field(row, "decision").value)) put(amount, "");
    else if (amount.value === "") put(amount, row.dataset.proposed.replace(".", ","));
  }

  function typed(row) {
    return ["decision", "amount", "reason"].map((name) => field(row, name).value).join("\n");
  }

  async function save(row) {
    // Enter saves, then leaving the field would save the same again.
    if (row.dataset.sent === typed(row)) return;
    row.dataset.sent = typed(row);
    const taken = ["decision", "amount", "reason"].map((name) => [field(row, name), field(row, name).value]);
    const body = new FormData();
    for (const input of row.querySelectorAll("input, select, textarea")) body.append(input.name, input.value);
    body.append("csrfmiddlewaretoken", grid.querySelector("[name=csrfmiddlewaretoken]").value);
    let answer;
    let response;
    try {
      response = await fetch(row.dataset.url, { method: "POST", body, credentials: "same-origin" });
      answer = await response.json();
    } catch {
      delete row.dataset.sent;
      status.textContent = grid.dataset.offline;
      return;
    }
    show(row, response.ok ? {} : answer.errors);
    // The row now carries the version that the answer tells: what was refused may be sent once more, knowingly.
    if (answer.shown) field(row, "shown").value = answer.shown;
    document.dispatchEvent(new CustomEvent("essor:reached", { detail: response.headers.get("Essor-Reached") }));
    if (!response.ok) {
      delete row.dataset.sent;
      return;
    }
    total(answer);
    if (answer.amount) {
      field(row, "amount").value = answer.amount.replace(/[\s\u00a0\u202f]*€/, "");
      taken[1][1] = field(row, "amount").value;
    }
    row.dataset.sent = typed(row);
    document.dispatchEvent(new CustomEvent("essor:saved-fields", { detail: taken }));
    // The last decision opens the way to closing the session: the page shows it.
    if (answer.undecided === 0 && grid.dataset.undecided !== "0") {
      window.location.reload();
      return;
    }
    status.textContent = `${row.cells[0].textContent} ✓ ${answer.label} ${answer.amount}`;
  }

  function show(row, errors) {
    const texts = Object.values(errors);
    row.querySelector(".msg").textContent = texts.join(" ");
    row.classList.toggle("es-bad", texts.length > 0);
    row.classList.toggle("es-done", texts.length === 0);
    for (const name of ["decision", "amount", "reason"]) {
      field(row, name).toggleAttribute("aria-invalid", name in errors);
    }
  }

  function total(answer) {
    document.getElementById("grid-decided").textContent = answer.decided;
    document.getElementById("grid-undecided").textContent = answer.undecided;
    for (const [id, line] of Object.entries(answer.envelopes)) {
      const item = document.getElementById(`envelope-${id}`);
      if (!item) continue;
      item.querySelector("b").textContent = line.left;
      item.classList.toggle("es-over", line.over);
    }
    // The header, which stays in sight, says the same: proposed, decided, then the envelopes in the order of the list.
    const header = document.querySelectorAll(".es-bar .es-amounts dd");
    const left = [...document.querySelectorAll("[id^='envelope-'] b")].map((figure) => figure.textContent);
    [answer.decided, ...left].forEach((text, rank) => { if (header[rank + 1]) header[rank + 1].textContent = text; });
  }

  function onRow(event, row) {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "a") decide(row, "granted");
    else if (key === "r") decide(row, "rejected");
    else if (key === "d") decide(row, "deferred");
    else if (key === "i") row.querySelector(".es-recuse")?.click();
    else if (/^[0-9]$/.test(key)) {
      const amount = field(row, "amount");
      put(field(row, "decision"), "granted");
      put(amount, key);
      amount.focus();
    } else return;
    event.preventDefault();
  }

  grid.addEventListener("keydown", (event) => {
    const row = event.target.closest("tbody tr");
    if (!row) return;
    const vertical = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (vertical && event.target.tagName !== "SELECT") {
      event.preventDefault();
      move(row, vertical);
    } else if (event.key === "Escape" && inField(event.target)) {
      row.focus();
    } else if (event.key === "Enter" && inField(event.target)) {
      event.preventDefault();
      if (!complete(row)) field(row, "reason").focus();
      else {
        save(row);
        if (!move(row, 1)) row.focus();
      }
    } else if (event.target === row) onRow(event, row);
  });

  grid.addEventListener("focusin", (event) => {
    const row = event.target.closest("tbody tr");
    if (row) select(row);
  });

  grid.addEventListener("change", (event) => {
    const row = event.target.closest("tbody tr");
    if (row && event.target === field(row, "decision")) showAmount(row);
    if (row && complete(row)) save(row);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".es-recuse");
    if (!link) return;
    const form = document.querySelector(link.getAttribute("href"));
    form.closest("details").open = true;
    form.querySelector("select").focus();
    event.preventDefault();
  });

  if (rows.length) select(rows[0]);
})();
