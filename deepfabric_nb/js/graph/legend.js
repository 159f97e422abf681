import { element, say, show } from "../dom.js";
import { BY } from "./colours.js";

/** What the marks and colours of the picture mean: those that there are. */
export function legend(topics, state) {
  const entry = (mark, text) => element("span", { class: "dfg-key" }, element("i", { class: `dfg-key-${mark}` }), text);
  const scale = element("i", { class: "dfg-key-scale" });
  const [low, high] = [element("span"), element("span")];
  const figures = element("span", { class: "dfg-key" }, low, scale, high);
  const marks = {
    made: entry("made", "samples made, of those wanted"),
    failed: entry("failed", "failed"),
    link: entry("link", "a further parent's link"),
    rings: entry("rings", "also below another topic"),
    alike: entry("alike", "nearly the same as another"),
    found: entry("found", "found"),
    more: entry("more", "folded: click to open"),
  };
  const root = element("div", { class: "dfg-legend", "aria-hidden": "true" }, figures, ...Object.values(marks));
  return {
    root,
    update() {
      if (!topics.length) return show(root, false);
      const by = BY[state.colourBy];
      const there = {
        made: topics.allWanted[0] > 0 || topics.allDone[0] > 0,
        failed: topics.allFailed[0] > 0,
        link: state.view === "map" && topics.others.size > 0,
        rings: topics.others.size > 0,
        alike: topics.marks.size > 0,
        found: Boolean(state.matches()?.rows.length),
        more: state.view === "map" && state.hasFolded,
      };
      for (const [name, mark] of Object.entries(marks)) show(mark, Boolean(there[name]));
      show(figures, Boolean(by.of));
      if (by.of) {
        say(low, by.low);
        say(high, by.high);
        scale.style.setProperty("--dfg-end", `var(--dfg-${by.colour})`);
      }
      show(root, Boolean(by.of) || Object.values(there).some(Boolean));
    },
  };
}
