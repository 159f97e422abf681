import { describe, element, say, show } from "../dom.js";
import { counted, number } from "./captions.js";

const STEPS = [0.5, 1, 2, 4];
const NAMES = { 0.5: "×½", 1: "×1", 2: "×2", 4: "×4" };

/** Return the weight of a topic as written for people: "×2", "×½". */
export const times = (weight) => NAMES[weight] ?? `×${Number(weight.toPrecision(3))}`;

/** Return the next step up or down from how many times the samples of the branch above a topic gets. */
export function nextStep(factor, up) {
  const found = up ? STEPS.find((step) => step > factor) : STEPS.findLast((step) => step < factor);
  return found ?? (up ? 2 * factor : factor / 2);
}

/** Return about how many samples a branch gets with another weight, of all that are planned. */
export function expected(topics, row, factor) {
  let [here, all] = [0, 0];
  for (let at = 0; at < topics.length; at += 1) {
    if (topics.children[at]) continue;
    const weight = topics.weightOf(at);
    all += weight;
    if (topics.isWithin(at, row)) here += weight;
  }
  const now = topics.factorOf(row);
  const wanted = now ? (here / now) * factor : topics.leaves[row] * topics.weightOf(topics.parent[row]) * factor;
  return Math.round((topics.allWanted[0] * wanted) / (all - here + wanted || 1));
}

/** The buttons that give the selected topic more samples, or fewer, and how many that comes to. */
export function weightControl(topics, state, act) {
  const label = element("span", { class: "dfn-count" }, "Samples here");
  const buttons = STEPS.map((step) => {
    const title = () => describe(root, { title: explained(step) });
    const root = element("button", { type: "button", click: () => act.weigh?.(step), pointerenter: title, focus: title }, NAMES[step]);
    return { step, root };
  });
  const told = element("span", { class: "dfn-count", role: "status" });
  const copy = element("button", { type: "button", title: "Copy all weights, to be put below topics in the config", click: () => act.copyWeights() }, "Copy for the config");
  const steps = element("span", { class: "dfg-steps" }, ...buttons.map(({ root }) => root));
  const root = element("div", { class: "dfg-weights", role: "group", "aria-label": "How many samples are made here" }, label, steps, told, copy);

  /** Say what a step means; it is only reckoned when somebody points at it. */
  function explained(step) {
    const [row, planned] = [state.selected[0], topics.allWanted[0]];
    if (topics.weights.get(row)?.[1]) return "topics.weights of the config says how many: change it there";
    const about = planned ? `: about ${number(expected(topics, row, step))} of ${counted(planned, "sample")}` : "";
    return `${NAMES[step]} as many for each topic as above it${about}`;
  }

  return {
    root,
    update() {
      const row = state.selected.length === 1 ? state.selected[0] : -1;
      show(root, row > 0 && Boolean(act.weigh));
      if (row <= 0) return;
      const [factor, planned, isFixed] = [topics.factorOf(row), topics.allWanted[0], topics.weights.get(row)?.[1]];
      for (const { step, root: button } of buttons) {
        describe(button, { "aria-pressed": String(step === factor), "aria-disabled": String(Boolean(isFixed)) });
      }
      const other = STEPS.includes(factor) ? "" : `${times(factor)} `;
      say(told, planned ? `${other}comes to ${number(topics.allWanted[row])} of ${number(planned)}` : other);
      show(copy, topics.weights.size > 0);
    },
  };
}
