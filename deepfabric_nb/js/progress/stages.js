import { element, follow, say, show } from "../dom.js";
import { sparkline } from "./sparkline.js";

/** The figures of each stage; its bar is in the headline. */
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
  const rates = sparkline();
  const pace = element("div", { class: "dfn-pace" });
  const root = element("div", { class: "dfn-stage" }, element("div", { class: "dfn-figures" }, label, count, lost), rates.root, pace);
  return {
    root,
    update(stage) {
      say(label, stage.label);
      say(count, stage.count);
      say(lost, stage.lost);
      rates.update(stage.rates);
      say(pace, [stage.rate, stage.left, stage.active ? `${stage.elapsed} so far` : `took ${stage.elapsed}`].filter(Boolean).join(" · "));
    },
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
