import { element, say } from "../dom.js";
import { crumbs } from "./breadcrumbs.js";
import { details } from "./details.js";
import { pressed } from "./keyboard.js";
import { picture } from "./canvas.js";
import { State } from "./state.js";
import { steering } from "./edit_bar.js";
import { tools } from "./search_bar.js";
import { tree } from "./tree.js";

const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta"]);

/**
 * The topic graph on the page. It draws what is in the columns, at most once a frame; `send` takes messages to Python,
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
    /** Go to a topic with the keyboard: it is selected, and comes into view. */
    go(row, add) {
      act.select(row, { add });
      bringIntoView(row);
    },
    /** Go into a branch, or to where a leaf is. */
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
    search: () => parts.tools.focus(),
    prune: send && (() => state.current > 0 && parts.steering.change("prune")),
    rename: send && (() => parts.steering.ask("rename")),
  };

  /** Bring a topic into view: by the page of its list, else by the focus. */
  function bringIntoView(row) {
    const parent = topics.parent[row];
    if (parent < 0) state.focusId = topics.ids[row];
    else if (!topics.isWithin(row, state.focus)) state.focusId = topics.ids[parent];
    update();
    if (parent < 0 || parts.picture.legible(row)) return;
    state.pages.set(topics.ids[parent], topics.ids[row]);
    update();
    if (parts.picture.legible(row)) return;
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
    crumbs: crumbs(topics, state, act),
    tools: tools(topics, state, act),
    picture: picture(topics, state, act, root),
    steering: steering(topics, state, act, send),
    details: details(topics, state, act),
  };
  const stage = element("div", { class: "dfg-stage" }, list.root, parts.picture.root);
  const head = element("header", { class: "dfg-head" }, parts.crumbs.root, parts.tools.root);
  for (const name of ["keydown", "keyup", "pointerdown"]) {
    const mouse = name === "pointerdown";
    // Typing a name isn't going by keyboard: the list would open, and the picture slip from under the next click.
    const stays = ({ key, target }) => MODIFIERS.has(key) || (!mouse && target.tagName === "INPUT");
    root.addEventListener(name, (event) => stays(event) || root.classList.toggle("dfg-keys", !mouse), { capture: true });
  }
  root.append(head, stage, parts.steering.root, parts.details.root, spoken);

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
    /** Take in what a message says; the columns are up to date already. */
    heard(message) {
      if (message.type === "snapshot") state.forgetNames();
      for (const [from, to] of message.moved ?? []) line = state.moved(line, from, to);
      if (message.type === "select") state.selectedIds = message.ids;
      parts.steering.heard(message);
      act.soon();
    },
    dispose() {
      cancelAnimationFrame(frame);
      for (const part of Object.values(parts)) part.dispose?.();
      root.remove();
    },
  };
}
