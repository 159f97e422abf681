import { describe, element, follow, say, show } from "../dom.js";
import { sparkline } from "./sparkline.js";

/** A bar and a line of figures for each stage. */
export function stages() {
  const root = element("div", { class: "dfn-stages" });
  return {
    root,
    update: (view) => follow(root, view.stages, { key: (stage) => stage.label, make: stage }),
  };
}

function stage() {
  const label = element("span", { class: "dfn-label" });
  const count = element("span", { class: "dfn-count" });
  const lost = element("span", { class: "dfn-lost" });
  const done = element("span", { class: "dfn-done" });
  const failed = element("span", { class: "dfn-failed" });
  const rates = sparkline();
  const pace = element("div", { class: "dfn-pace" });
  const bar = element("div", { class: "dfn-bar", role: "progressbar", "aria-valuemin": "0" }, done, failed);
  const root = element("div", { class: "dfn-stage" }, element("div", { class: "dfn-figures" }, label, count, lost), bar, rates.root, pace);
  return {
    root,
    update(stage) {
      say(label, stage.label);
      say(count, stage.count);
      say(lost, stage.lost);
      rates.update(stage.rates);
      say(pace, [stage.rate, stage.left, stage.active ? `${stage.elapsed} so far` : `took ${stage.elapsed}`].filter(Boolean).join(" · "));
      done.style.width = `${stage.total ? (100 * stage.done) / stage.total : 100}%`;
      failed.style.width = `${stage.total ? (100 * stage.failed) / stage.total : 0}%`;
      describe(bar, spoken(stage));
      root.classList.toggle("dfn-active", stage.active);
    },
  };
}

function spoken(stage) {
  return {
    "aria-label": stage.label,
    "aria-valuenow": String(stage.total ? stage.done : 1),
    "aria-valuemax": String(stage.total || 1),
    "aria-valuetext": [stage.count, stage.lost].filter(Boolean).join(", "),
  };
}

/** Two columns of labels and values. */
export function facts() {
  const root = element("dl", { class: "dfn-facts" });
  return {
    root,
    update(view) {
      follow(root, view.facts, { key: (fact) => fact.label, make: fact });
      show(root, view.facts.length > 0);
    },
  };
}

function fact() {
  const label = element("dt");
  const value = element("dd", { dir: "auto" });
  return {
    root: element("div", {}, label, value),
    update(fact) {
      say(label, fact.label);
      say(value, fact.value);
    },
  };
}
