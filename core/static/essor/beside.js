/* Beside the case: a piece, a proof or the form of a step opens in a pane at the right of the page, which stays in use.
   Without this file the links open as before: the file is downloaded, the form has its own page. */
"use strict";

(() => {
  const root = document.querySelector("[data-beside]");
  if (!root) return;
  const words = root.dataset;
  const documents = words.documents.replace(/0\/$/, "");
  // What a browser shows as a picture or a document and never runs.
  const SHOWN = ["application/pdf", "image/png", "image/jpeg"];
  let pane = null;
  let opener = null;
  let address = "";

  const element = (name, props = {}, ...children) => {
    const made = Object.assign(document.createElement(name), props);
    made.append(...children);
    return made;
  };

  // What a link says, without its icon and without what only a screen reader is told.
  const wordsOf = (link) => {
    if (link.dataset.title) return link.dataset.title;
    const copy = link.cloneNode(true);
    copy.querySelectorAll(".material-symbols-outlined, .visually-hidden").forEach((part) => part.remove());
    return copy.textContent.trim();
  };

  const close = () => {
    if (!pane) return;
    if (address) URL.revokeObjectURL(address);
    address = "";
    pane.remove();
    pane = null;
    document.body.classList.remove("es-has-beside");
    if (opener?.isConnected) opener.focus();
  };

  const open = (link, title) => {
    close();
    opener = link;
    const shut = element("button", { type: "button", className: "es-btn quiet", textContent: words.close });
    shut.addEventListener("click", close);
    const heading = element("h2", { textContent: title, id: "es-beside-title", tabIndex: -1 });
    pane = element("aside", { className: "es-beside" },
      element("header", { className: "es-beside-head" }, heading, shut),
      element("div", { className: "es-beside-body", ariaBusy: "true" }, element("p", { className: "muted", textContent: words.loading })),
    );
    pane.setAttribute("aria-labelledby", "es-beside-title");
    document.body.append(pane);
    document.body.classList.add("es-has-beside");
    heading.focus();
    return pane;
  };

  const show = (into, ...content) => {
    const body = into.querySelector(".es-beside-body");
    body.replaceChildren(...content);
    body.removeAttribute("aria-busy");
  };

  // A browser's reader of documents takes the keyboard once, when it is ready, and Escape would no longer close the pane:
  // the keyboard comes back, unless a person went there by Tab or with the pointer meanwhile.
  const keepKeyboard = (here, view) => {
    let isPerson = false;
    here.addEventListener("keydown", (event) => { isPerson = event.key === "Tab"; });
    here.addEventListener("pointermove", () => { isPerson = true; });
    window.addEventListener("blur", () => setTimeout(() => { // once it is gone: before, the browser would take it all the same
      if (document.activeElement === view && !isPerson) here.querySelector("h2").focus();
    }), { once: true });
  };

  const download = (link, text) => element("p", {}, `${text} `, element("a", { href: link.href, textContent: words.download }));

  async function showFile(link) {
    const here = open(link, wordsOf(link));
    try {
      const response = await fetch(link.href, { credentials: "same-origin" });
      if (response.redirected) return void window.location.assign(link.href);
      const type = (response.headers.get("Content-Type") || "").split(";")[0];
      if (!response.ok || !SHOWN.includes(type)) return show(here, download(link, response.ok ? words.other : words.failed));
      const content = await response.arrayBuffer();
      if (here !== pane) return;
      address = URL.createObjectURL(new Blob([content], { type }));
      const title = wordsOf(link);
      const isDocument = type === "application/pdf";
      const view = isDocument ? element("iframe", { src: `${address}#navpanes=0&view=FitH`, title }) : element("img", { src: address, alt: title });
      show(here, download(link, ""), view);
      if (isDocument) keepKeyboard(here, view);
    } catch {
      show(here, download(link, words.failed));
    }
  }

  async function showForm(link) {
    const here = open(link, wordsOf(link));
    try {
      const response = await fetch(link.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const form = page.querySelector(".es-page form");
      if (response.redirected || !form) return void window.location.assign(link.href);
      if (here !== pane) return;
      form.action = link.href;
      show(here, document.importNode(form, true));
      document.dispatchEvent(new CustomEvent("essor:beside"));
      here.querySelector("form a.es-btn")?.addEventListener("click", (event) => { event.preventDefault(); close(); });
      here.querySelector("form :is(input:not([type=hidden]), select, textarea, button)")?.focus();
    } catch {
      window.location.assign(link.href);
    }
  }

  root.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    if (!link || link.hasAttribute("download")) return;
    if (link.matches(".es-transitions a")) {
      event.preventDefault();
      showForm(link);
    } else if (link.pathname.startsWith(documents)) {
      event.preventDefault();
      showFile(link);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && pane) close();
  });
})();
