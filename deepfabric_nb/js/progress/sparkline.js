import { element, show } from "../dom.js";

const SECONDS = 60;

/** The rate over the last minute as a small picture; the number beside it says the same in words. */
export function sparkline() {
  const area = element("div", { class: "dfn-spark-area" });
  const told = "Rate over the last minute";
  const root = element("div", { class: "dfn-spark", role: "img", "aria-label": told, title: told }, area);
  return {
    root,
    update(rates) {
      show(root, rates.length > 0);
      area.style.clipPath = outline(rates);
    },
  };
}

/** Return the outline of the rates, given in percent of the height: a step for each second, the latest at the right. */
export function outline(rates) {
  const first = SECONDS - rates.length;
  const steps = rates.flatMap((rate, second) => [point(first + second, rate), point(first + second + 1, rate)]);
  return `polygon(${[point(first, 0), ...steps, point(SECONDS, 0)].join(", ")})`;
}

function point(second, height) {
  return `${Number(((100 * second) / SECONDS).toFixed(2))}% ${100 - height}%`;
}
