import { element, say, show } from "../dom.js";
import { actions } from "./actions.js";
import { breadcrumbs } from "./breadcrumbs.js";
import { topicCanvas } from "./canvas.js";
import { summary } from "./captions.js";
import { details } from "./details.js";
import { editBar } from "./edit_bar.js";
import { icon } from "./icons.js";
import { legend } from "./legend.js";
import { menu } from "./menu.js";
import { nameField } from "./name_field.js";
import { resizeHandle } from "./resize_handle.js";
import { bytesOf } from "./save_picture.js";
import { searchBar } from "./search_bar.js";
import { State } from "./state.js";
import { toolbar } from "./toolbar.js";
import { tree } from "./tree.js";

const NEWS = 400; // with more new topics at once, the picture shows all of them instead of moving there

/** Let a line only break between figures. */
const unbroken = (text) => text.split(", ").map((part) => part.replaceAll(" ", "\u00a0")).join(", ");

/**
 * The topic graph on the page. It draws the columns, at most once per frame; `send` sends messages to Python,
 * and without it the graph can be read and not changed. `cards` shows the samples of the selected topic.
 */
export function topicGraph(topics, send = null, cards = null) {
  const state = new State(topics);
  const root = element("div", { class: "dfn dfg", role: "group", "aria-label": "Topic graph" });
  const spoken = element("div", { class: "dfn-unseen", role: "status", "aria-live": "polite" });
  const waiting = new Set();
  const parts = {};
  let line = [];
  let frame = 0;
  let known = null; // the ids before a snapshot

  const soon = (what = update) => {
    waiting.add(what);
    frame ||= requestAnimationFrame(turn);
  };
  const act = actions({ topics, state, root, parts, spoken, send, soon, update });

  Object.assign(parts, {
    breadcrumbs: breadcrumbs(topics, state, act),
    searchBar: searchBar(topics, state, act),
    toolbar: toolbar(topics, state, act),
    canvas: topicCanvas(topics, state, act, root),
    editBar: editBar(topics, state, act, send),
    details: details(topics, state, act, cards),
    legend: legend(topics, state),
  });
  const list = (parts.list = tree(topics, state, act));
  const picture = parts.canvas.root;
  parts.menu = menu(picture, () => act.hold());
  parts.nameField = nameField(picture, (id, name) => parts.editBar.change("rename", { ids: [id], name }), () => act.hold());
  const about = element("span", { class: "dfn-count dfg-about" });
  const close = element("button", { type: "button", class: "dfg-close", title: "Close", "aria-label": "Close the panel", click: () => act.dismiss() }, icon("close"));
  const side = element("aside", { class: "dfg-side" }, close, parts.details.root, parts.editBar.root);
  parts.side = side;
  const height = () => state.height ?? parts.canvas.size()?.height ?? 0;
  const handle = resizeHandle(height, (wanted) => ((state.height = wanted), soon()));
  const stage = element("div", { class: "dfg-stage" }, list.root, picture, side);
  const head = element("header", { class: "dfg-head" }, parts.breadcrumbs.root, about, parts.searchBar.root, parts.toolbar.root);
  root.addEventListener("keydown", leaveFull, { capture: true });
  root.addEventListener("fullscreenchange", () => soon());
  root.append(head, stage, handle, parts.legend.root, spoken);

  /** Escape ends what fills the page instead of the screen; a real full screen is ended by the browser itself. */
  function leaveFull(event) {
    if (event.key !== "Escape" || event.target.tagName === "INPUT" || !root.classList.contains("dfg-full")) return;
    event.stopPropagation();
    act.full();
  }

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
    say(about, unbroken(summary(topics).replace(/^Topic graph: (no topics yet)?|, [\d,]+ levels?|\.$/g, (_, none) => (none ? "No topics yet" : ""))));
    root.classList.toggle("dfg-outlined", state.outline);
    parts.editBar.update();
    const told = state.selected.length > 0 || parts.editBar.root.querySelector(".dfg-last:not([hidden])");
    show(side, (state.panel || parts.editBar.trouble() !== "") && topics.length > 0 && Boolean(told) && !state.dismissed);
    for (const name of ["details", "breadcrumbs", "searchBar", "toolbar", "canvas", "legend", "list"]) parts[name].update();
    const now = height();
    for (const [name, value] of [["aria-valuenow", now], ["aria-valuemin", 0], ["aria-valuemax", Math.max(now, 2400)]]) handle.setAttribute(name, String(value));
    root.dataset.topics = topics.length;
  }

  /** Show what Python has selected. */
  function chosen(ids) {
    state.selectedIds = ids;
    const row = ids.length === 1 ? (topics.rows.get(ids[0]) ?? -1) : -1;
    if (row < 0 || !topics.isWithin(row, state.focus)) return;
    topics.settle();
    if (!parts.canvas.legible(row)) state.openTo(row);
    parts.canvas.pictures.map.reveal(ids);
  }

  /** After a change of the topics: open the branches with what is new, and show it. */
  function showNews() {
    const before = known;
    known = new Set(topics.ids);
    if (!before?.size) return;
    const fresh = topics.ids.map((_, row) => row).filter((row) => !before.has(topics.ids[row]));
    if (!fresh.length || fresh.length > NEWS || fresh.length === topics.length) return;
    topics.settle();
    for (const row of fresh) if (topics.isWithin(row, state.focus)) state.openTo(row);
    parts.canvas.pictures.map.reveal(fresh.map((row) => topics.ids[row]));
  }

  return {
    root,
    /** Handle a message; the columns are up to date already. */
    heard(message) {
      if (message.type === "snapshot") {
        state.forgetNames();
        parts.canvas.renumber();
      }
      for (const [from, to] of message.moved ?? []) line = state.moved(line, from, to);
      if (message.type === "snapshot") showNews();
      if (message.type === "delta") for (const id of message.ids) known?.add(id);
      if (message.type === "select") chosen(message.ids);
      if (message.type === "samples") cards?.heard(message);
      if (message.type !== "delta" && message.type !== "samples") state.dismissed = false;
      parts.editBar.heard(message);
      soon();
    },
    /** Send Python the picture that it asks for. */
    async answer({ kind, number }) {
      if (parts.canvas.size()) send({ type: "picture", number }, [await bytesOf(kind, topics, parts.canvas)]);
    },
    dispose() {
      cancelAnimationFrame(frame);
      for (const part of Object.values(parts)) part.dispose?.();
      root.remove();
    },
  };
}
