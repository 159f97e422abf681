import { describe, element, follow, say, show } from "../dom.js";

/** The budget: a bar for each limit, and who shares it. */
export function budget() {
  const limits = element("div", { class: "dfn-limits" });
  const shared = element("p", { class: "dfn-count", dir: "auto" });
  const root = element("section", { class: "dfn-budget", "aria-label": "Budget" }, limits, shared);
  return {
    root,
    update(view) {
      const told = view.budget ?? { limits: [], shared: "", warning: "" };
      follow(limits, told.limits, { key: (one) => one.label, make: limit });
      say(shared, told.shared);
      show(shared, Boolean(told.shared));
      show(root, told.limits.length > 0);
    },
  };
}

function limit() {
  const label = element("span", { class: "dfn-label" });
  const told = element("span", { class: "dfn-count" });
  const spent = element("span", { class: "dfn-done" });
  const reserved = element("span", { class: "dfn-reserved" });
  const mark = element("span", { class: "dfn-mark" });
  const bar = element("div", { class: "dfn-bar", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100" }, spent, reserved);
  const gauge = element("div", { class: "dfn-gauge" }, bar, mark);
  const forecast = element("div", { class: "dfn-pace" });
  const root = element("div", {}, element("div", { class: "dfn-figures" }, label, told), gauge, forecast);
  return {
    root,
    update(one) {
      say(label, `Budget: ${one.label.toLowerCase()}`);
      say(told, one.told);
      spent.style.width = `${Math.min(100, one.spent)}%`;
      reserved.style.width = `${Math.min(100 - Math.min(100, one.spent), one.reserved)}%`;
      mark.style.left = `${Math.min(100, one.expected ?? 0)}%`;
      show(mark, one.expected !== null);
      say(forecast, [one.reservation, one.forecast].filter(Boolean).join(" · "));
      show(forecast, Boolean(forecast.textContent));
      root.classList.toggle("dfn-warned", one.warned);
      describe(bar, spoken(one));
    },
  };
}

function spoken(one) {
  return {
    "aria-label": `Budget: ${one.label.toLowerCase()}`,
    "aria-valuenow": String(Math.min(100, one.spent)),
    "aria-valuetext": [one.told, one.reservation, one.forecast].filter(Boolean).join(", "),
  };
}
