import { element, say } from "../dom.js";
import { breadcrumbs } from "./breadcrumbs.js";
import { details } from "./details.js";
import { pressed } from "./keyboard.js";
import { topicCanvas } from "./canvas.js";
import { State } from "./state.js";
import { editBar } from "./edit_bar.js";
import { searchBar } from "./search_bar.js";
import { tree } from "./tree.js";

const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta"]);

/**
 * The topic graph on the page. It draws the columns, at most once per frame; `send` sends messages to Python,
 * and without it the graph can be read and not changed.
 */
export function topicGraph(topics, send = null) {
  const state = new State(topics);
  const root = element("div", { class: "dfn dfg", role: "group", "aria-label": "Topic graph" });
  const spoken = element("div", { class: "dfn-unseen", role: "status", "aria-live": "polite" });
  const waiting = new Set();
  let line = [];
  let frame = 0;

  const act = {
    soon(what = update) {
      waiting.add(what);
      frame ||= requestAnimationFrame(turn);
    },
    select(row, how) {
      const before = state.selectedIds;
      state.select(row, how);
      if (String(before) !== String(state.selectedIds)) tellSelection();
      act.soon();
    },
    /** Go to a topic with the keyboard: select it and make it visible. */
    go(row, add) {
      act.select(row, { add });
      bringIntoView(row);
    },
    /** Focus a branch, or the parent of a leaf. */
    zoom(row) {
      if (row < 0) return;
      const branch = topics.children[row] ? row : Math.max(0, topics.parent[row]);
      state.focusId = topics.ids[branch];
      if (!topics.isWithin(state.current, branch)) state.currentId = state.focusId;
      say(spoken, `In view: ${topics.names[branch].slice(0, 120)}`);
      act.soon();
    },
    reveal(row) {
      act.select(row);
      bringIntoView(row);
    },
    page(id, first) {
      state.pages.set(id, first);
      act.soon();
    },
    key(event) {
      if (!pressed(event, topics, state, act)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    keyboard(held) {
      state.keyboard = held;
      act.soon();
    },
    hold: () => requestAnimationFrame(() => list.focus()),
    search: () => parts.searchBar.focus(),
    prune: send && (() => state.current > 0 && parts.editBar.change("prune")),
    rename: send && (() => parts.editBar.ask("rename")),
  };

  /** Make a topic visible: by the page of its list, else by the focus. */
  function bringIntoView(row) {
    const parent = topics.parent[row];
    if (parent < 0) state.focusId = topics.ids[row];
    else if (!topics.isWithin(row, state.focus)) state.focusId = topics.ids[parent];
    update();
    if (parent < 0 || parts.canvas.legible(row)) return;
    state.pages.set(topics.ids[parent], topics.ids[row]);
    update();
    if (parts.canvas.legible(row)) return;
    state.focusId = topics.ids[parent];
    act.soon();
  }

  function tellSelection() {
    try {
      send?.({ type: "select", ids: state.selectedIds });
    } catch {
      // The connection is gone; the page goes on alone.
    }
  }

  const list = tree(topics, state, act);
  const parts = {
    breadcrumbs: breadcrumbs(topics, state, act),
    searchBar: searchBar(topics, state, act),
    canvas: topicCanvas(topics, state, act, root),
    editBar: editBar(topics, state, act, send),
    details: details(topics, state, act),
  };
  const stage = element("div", { class: "dfg-stage" }, list.root, parts.canvas.root);
  const head = element("header", { class: "dfg-head" }, parts.breadcrumbs.root, parts.searchBar.root);
  for (const name of ["keydown", "keyup", "pointerdown"]) {
    const mouse = name === "pointerdown";
    // Typing a name isn't keyboard navigation: the list would open and move the picture before the next click.
    const stays = ({ key, target }) => MODIFIERS.has(key) || (!mouse && target.tagName === "INPUT");
    root.addEventListener(name, (event) => stays(event) || root.classList.toggle("dfg-keys", !mouse), { capture: true });
  }
  root.append(head, stage, parts.editBar.root, parts.details.root, spoken);

  function turn() {
    frame = 0;
    const now = [...waiting];
    waiting.clear();
    if (now.includes(update)) update();
    else for (const what of now) what();
  }

  function update() {
    topics.settle();
    if (topics.length) state.follow(line);
    line = state.line();
    for (const part of [...Object.values(parts), list]) part.update();
    root.dataset.topics = topics.length;
  }

  return {
    root,
    /** Handle a message; the columns are up to date already. */
    heard(message) {
      if (message.type === "snapshot") state.forgetNames();
      for (const [from, to] of message.moved ?? []) line = state.moved(line, from, to);
      if (message.type === "select") state.selectedIds = message.ids;
      parts.editBar.heard(message);
      act.soon();
    },
    dispose() {
      cancelAnimationFrame(frame);
      for (const part of Object.values(parts)) part.dispose?.();
      root.remove();
    },
  };
}
