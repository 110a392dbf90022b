// Comfort only: everything works without this file.
"use strict";

(() => {
  // A form marked js-once is sent once, however many times its button is pressed. The server is idempotent anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form.js-once") || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
    const pressed = event.submitter ? [event.submitter] : form.querySelectorAll("button[type=submit], button:not([type])");
    pressed.forEach((button) => button.classList.add("busy"));
  });

  // Coming back with the "previous page" button shows the page as it was: let the form be sent again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form.js-once").forEach((form) => {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
      form.querySelectorAll("button.busy").forEach((button) => button.classList.remove("busy"));
    });
  });

  // After a refused form, the summary of what is wrong is read first.
  document.querySelector("[data-error-summary]")?.focus();

  // Signing in again, in another tab, gives the site's forms a new mark (the CSRF token). This page takes it, so that
  // its forms and its scripts go on where they were.
  const takeNewMark = () => {
    const found = /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie);
    if (!found) return;
    document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((input) => { input.value = found[1]; });
    if (document.body.hasAttribute("hx-headers")) {
      document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": found[1] }));
    }
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) takeNewMark(); });
  window.addEventListener("focus", takeNewMark);
  document.addEventListener("essor:sending", takeNewMark);
  // The header names nobody whose session is over.
  const nameInHeader = (signedIn) => {
    document.querySelectorAll("header.site [data-signed-in]").forEach((item) => { item.hidden = !signedIn; });
    document.querySelectorAll("header.site [data-signed-out]").forEach((item) => { item.hidden = signedIn; });
  };
  document.addEventListener("essor:saved", () => {
    const notice = document.getElementById("session-expired");
    if (notice) notice.hidden = true;
    nameInHeader(true);
  });
  let isGone = false; // signed out in another window: the page says so, and holds nothing that one could go back to
  document.addEventListener("essor:signed-out", () => {
    isGone = true;
    nameInHeader(false);
  });

  // The session ended while the page was open: nothing typed is lost, the person signs in in another tab.
  const sayExpired = () => {
    if (isGone) return;
    const notice = document.getElementById("session-expired");
    if (notice) notice.hidden = false;
    nameInHeader(false);
  };
  document.addEventListener("htmx:responseError", (event) => {
    if ([401, 403].includes(event.detail.xhr?.status)) sayExpired();
  });
  document.addEventListener("essor:session-expired", sayExpired);

  // A page that shows a list or a choice may ask to be sent as soon as it changes.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form?.requestSubmit();
  });
})();
