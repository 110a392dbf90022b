// How an amount that is typed is read before the server has it: as the server reads it (core/money.py, typed_with_point).
"use strict";

window.essorAmounts = (() => {
  const isEnglish = (document.documentElement.lang || "fr").startsWith("en");
  const isGrouped = (whole, sign) => new RegExp(`^[+-]?\\d{1,3}(?:\\${sign}\\d{3})+$`).test(whole);

  // With a point before its cents, without spaces and currency; "" for what is no amount.
  const withPoint = (typed) => {
    const text = typed.replace(/[\s\u00a0\u202f€'’]/g, "");
    if (isEnglish && isGrouped(text, ",") && !/^[+-]?0/.test(text)) return text.replaceAll(",", "");
    const both = text.includes(",") && text.includes(".");
    if (!both && text.split(/[,.]/).length <= 2) return text.replace(",", ".");
    const place = both ? Math.max(text.lastIndexOf(","), text.lastIndexOf(".")) : text.length;
    const whole = text.slice(0, place);
    const sign = whole.includes(",") ? "," : ".";
    return isGrouped(whole, sign) ? whole.replaceAll(sign, "") + (both ? `.${text.slice(place + 1)}` : "") : "";
  };

  return { withPoint };
})();
