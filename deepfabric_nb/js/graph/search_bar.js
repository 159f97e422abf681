import { element, follow, say, show } from "../dom.js";
import { counted, number } from "./captions.js";
import { OWN_KEYS } from "./keyboard.js";

const LISTED = 50;

/** The search field, and a list of what it finds. */
export function searchBar(topics, state, act) {
  const field = element("input", { type: "search", placeholder: "Search topics", "aria-label": "Search topics", input: search, keydown: key });
  const hits = element("span", { class: "dfn-unseen", role: "status" });
  const count = element("p", { class: "dfn-count", "aria-hidden": "true" });
  const list = element("ul", { class: "dfg-hits", ...OWN_KEYS, "aria-label": "Topics that were found" });
  const root = element("div", { class: "dfg-search", focusin: () => open(true), focusout: left }, field, hits);
  const popup = element("div", { class: "dfg-found" }, count, list);
  root.append(popup);
  let at = -1;
  let opened = false;

  function open(now) {
    if (opened === now) return;
    opened = now;
    act.soon();
  }

  function left({ relatedTarget }) {
    if (!root.contains(relatedTarget)) open(false);
  }

  function search() {
    state.query = field.value;
    at = -1;
    opened = true;
    act.soon();
  }

  function key(event) {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && field.value) {
      field.value = "";
      search();
    } else if (event.key === "ArrowDown") list.querySelector("button")?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function next(step) {
    const rows = state.matches()?.rows ?? [];
    if (!rows.length) return;
    at = (at + (at < 0 && step < 0 ? 0 : step) + rows.length) % rows.length;
    act.reveal(rows[at]);
  }

  function found() {
    const rows = state.matches()?.rows;
    if (!rows) return "";
    return at < 0 ? counted(rows.length, "match", "matches") : `${number(at + 1)} of ${number(rows.length)}`;
  }

  function hit() {
    const name = element("b", { dir: "auto" });
    const path = element("span", { class: "dfn-count", dir: "auto" });
    const button = element("button", { type: "button", click: () => chosen(button.row), keydown: step }, name, path);
    return {
      root: element("li", {}, button),
      update(row) {
        button.row = row;
        say(name, topics.names[row].slice(0, 120));
        say(path, topics.pathOf(row).slice(0, -1).map((one) => one.slice(0, 60)).join(" › "));
      },
    };
  }

  function chosen(row) {
    act.reveal(row);
    open(false);
    act.hold();
  }

  /** Go from hit to hit with the arrow keys. */
  function step(event) {
    const item = event.target.closest("li");
    const to = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling }[event.key];
    if (event.key === "Escape" || (event.key === "ArrowUp" && !to)) field.focus();
    else if (to) to.querySelector("button").focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    root,
    focus: () => field.focus(),
    update() {
      for (const one of [hits, count]) say(one, found());
      const rows = opened ? (state.matches()?.rows ?? []) : [];
      show(list, rows.length > 0);
      show(popup, opened && found() !== "");
      follow(list, rows.slice(0, LISTED), { key: (row) => topics.ids[row], make: hit });
    },
  };
}
