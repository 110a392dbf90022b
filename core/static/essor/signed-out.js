// Who signs out in one window signs out of all of them: the other windows take away what they show and what was typed
// in them, say why, and keep nothing more on the device.
"use strict";

(() => {
  const { account, textSignedOut, textSignIn } = document.body.dataset;
  if (!account) return;
  const opened = Date.now();
  const KEY = `signed-out-${account}`;
  let covered = false;

  const cover = () => {
    if (covered) return;
    covered = true;
    document.dispatchEvent(new CustomEvent("essor:signed-out"));
    const link = Object.assign(document.createElement("a"), { textContent: textSignIn, className: "btn" });
    link.href = document.querySelector("#session-expired a").href;
    const why = Object.assign(document.createElement("p"), { textContent: textSignedOut });
    const way = document.createElement("p");
    way.append(link);
    const notice = Object.assign(document.createElement("div"), { className: "notice act" });
    notice.setAttribute("role", "alert");
    notice.append(why, way);
    document.getElementById("content").replaceChildren(notice);
    document.getElementById("session-expired").hidden = true;
    document.title = textSignedOut;
    try {
      Object.keys(localStorage).filter((key) => key.startsWith(`essor-form-${account}-`)).forEach((key) => localStorage.removeItem(key));
      sessionStorage.removeItem("essor-form-sent");
    } catch { /* nothing is kept here */ }
  };

  const look = () => {
    let when = null;
    try { when = localStorage.getItem(KEY); } catch { /* nothing is kept here */ }
    if (when && Number(when) > opened) cover();
  };

  window.addEventListener("storage", (event) => { if (event.key === KEY && event.newValue) look(); });
  // A window that slept, or that the "previous page" button shows again, has heard nothing.
  window.addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
})();
