import { element, say, show } from "../dom.js";
import { isSmall, MOST } from "./radial.js";
import { counted, number } from "./captions.js";

/** The search field and the choice of colours. */
export function searchBar(topics, state, act) {
  const field = element("input", { type: "search", placeholder: "Search topics", "aria-label": "Search topics", input: search, keydown: key });
  const hits = element("span", { class: "dfn-count", role: "status" });
  const buttons = [
    ["coverage", "Coverage", "Colour by samples made and failed"],
    ["depth", "Depth", "Colour by depth"],
  ].map(([by, text, title]) => element("button", { type: "button", title, "data-by": by, click: () => colour(by) }, text));
  const choice = element("div", { class: "dfg-choice", role: "group", "aria-label": "Colour by" }, ...buttons);
  const round = element("button", { type: "button", click: () => shape(!state.radial) }, "Radial");
  const colours = legend(topics, state);
  let at = -1;

  function search() {
    state.query = field.value;
    at = -1;
    act.soon();
  }

  function key(event) {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && field.value) {
      field.value = "";
      search();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function next(step) {
    const rows = state.matches()?.rows ?? [];
    if (!rows.length) return;
    at = (at + (at < 0 && step < 0 ? 0 : step) + rows.length) % rows.length;
    act.reveal(rows[at]);
  }

  function colour(by) {
    state.chosen = by;
    act.soon();
  }

  function shape(radial) {
    state.radial = radial && isSmall(topics, state.focus);
    act.soon();
  }

  function found() {
    const rows = state.matches()?.rows;
    if (!rows) return "";
    return at < 0 ? counted(rows.length, "match", "matches") : `${number(at + 1)} of ${number(rows.length)}`;
  }

  return {
    root: element("div", { class: "dfg-tools" }, field, hits, choice, round, colours.root),
    focus: () => field.focus(),
    update() {
      say(hits, found());
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.by === state.colourBy));
      round.setAttribute("aria-pressed", String(state.radial && isSmall(topics, state.focus)));
      round.setAttribute("aria-disabled", String(!isSmall(topics, state.focus)));
      round.title = isSmall(topics, state.focus) ? "This branch as a radial tree" : `For branches of at most ${MOST} topics: zoom into one`;
      colours.update();
    },
  };
}

function legend(topics, state) {
  const made = element("span", { class: "dfg-key dfg-key-done" }, "made");
  const lost = element("span", { class: "dfg-key dfg-key-lost" }, "failed");
  const wanted = element("span", { class: "dfg-key dfg-key-cell" }, "wanted");
  const root = element("div", { class: "dfg-legend", "aria-hidden": "true" }, made, wanted, lost);
  return {
    root,
    update() {
      show(root, state.colourBy === "coverage" && (topics.allWanted[0] > 0 || topics.allDone[0] > 0));
      show(lost, topics.allFailed[0] > 0);
    },
  };
}
