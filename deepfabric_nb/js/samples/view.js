// The view of samples: list, card and review bar over the rows that the kernel sends.
import { askingUntilAnswered } from "../asking.js";
import { element, say, show } from "../dom.js";
import { boxPlace } from "./box.js";
import { cardView } from "./card.js";
import { Cards } from "./cards.js";
import { decisions } from "./decisions.js";
import { keepingFocus } from "./focus.js";
import { helpDialog } from "./help.js";
import { highlighter } from "./highlight.js";
import { kernelOf } from "./kernel.js";
import { actionOf, takesText } from "./keyboard.js";
import { listView } from "./list.js";
import { memoryOf } from "./memory.js";
import { messages } from "./messages.js";
import { navigation } from "./navigation.js";
import { reviewBar } from "./review_bar.js";
import { searchBar } from "./search_bar.js";
import { State } from "./state.js";

const PACE = 1500; // ms

/**
 * Show the samples of a model, see `deepfabric_nb/samples/protocol.py`. `actions` are elements at the end of its bar,
 * `pace` is for how many ms a sample is shown at least while new ones are followed.
 *
 * Return `root`, `dispose`, `title`, `ready` (a promise, until the rows are there), `setLive` (while a run adds samples,
 * the newest is shown until one is selected, unless samples are made again), `select(row)`, `review()` (go to the first sample that isn't reviewed) and
 * `within(path)` (only the samples of a topic).
 */
export function samplesView(model, { actions = [], pace = PACE } = {}) {
  const state = new State();
  const marks = highlighter();
  let marked = "";
  const { soon, stop } = eachFrame(update);
  const act = { soon };
  const parts = { update };
  let becameReady;
  const ready = new Promise((resolve) => (becameReady = resolve));
  const opening = askingUntilAnswered(() => state.kernel.send({ type: "open" }));
  const told = messages(state, act, parts, opened);
  state.memory = memoryOf(model.get("frame"));
  state.cards = new Cards((rows) => state.kernel.send({ type: "read", rows }));
  state.kernel = kernelOf(model, { heard: told.heard, changed: () => soon() });
  Object.assign(act, navigation(state, act, parts, pace), decisions(state, act, parts));
  act.help = () => parts.help.open(state.rows.review?.file ?? "");
  Object.assign(parts, {
    list: listView(state, act),
    search: searchBar(state, act),
    card: cardView(state, act),
    review: reviewBar(state, act, actions),
    box: boxPlace(() => parts.card.focus()),
    help: helpDialog(),
    note: element("p", { class: "dfs-note", role: "status", dir: "auto", hidden: "" }),
    spoken: element("div", { class: "dfn-unseen", role: "status", "aria-live": "polite" }),
  });
  const root = layout(parts);
  root.addEventListener("keydown", keys(state, act, parts));
  root.addEventListener("pointerdown", ({ target }) => parts.search.contains(target) || parts.search.close({ isLeft: true }));
  for (const name of ["pointerdown", "wheel"]) parts.card.root.addEventListener(name, held, { passive: true });

  function opened() {
    opening.answered();
    becameReady();
  }

  function held() {
    state.hold();
    soon();
  }

  function update() {
    keepingFocus(root, () => parts.card.focus(), draw);
  }

  function draw() {
    for (const name of ["list", "search", "review"]) parts[name].update();
    if (parts.card.update() || state.text !== marked) marks.mark(parts.card.body, state.text);
    marked = state.text;
    const { kind, text } = noteOf(state);
    show(parts.note, Boolean(text));
    say(parts.note, text);
    parts.note.dataset.kind = kind;
    root.dataset.rows = state.rows.length;
    root.toggleAttribute("data-live", state.isLive);
    root.toggleAttribute("data-single", state.rows.length <= 1 && !state.isLive);
  }

  opening.start();
  update();
  return {
    root,
    ready,
    get title() {
      return state.rows.title;
    },
    setLive(isLive) {
      if (state.isLive === isLive) return;
      Object.assign(state, { isLive, isHeld: isLive && !state.madeAgain.isOver, unseen: 0 });
      act.followNewest();
      soon();
    },
    select: act.go,
    review: act.review,
    within: (path) => act.ask({ ...state.query, path }),
    dispose() {
      for (const end of [stop, told.end, act.endNavigation, marks.clear]) end();
      for (const part of [opening, state.kernel, parts.list, parts.search]) part.dispose();
      root.remove();
    },
  };
}

function layout({ list, search, card, review, box, help, note, spoken }) {
  const side = element("section", { class: "dfs-side", "aria-label": "List of samples" }, search.root, search.panel, list.root);
  const body = element("div", { class: "dfs-body" }, side, card.root, box.root);
  const all = { class: "dfs", role: "group", "aria-label": "Samples", "data-lm-suppress-shortcuts": "true" };
  return element("div", all, note, body, review.root, spoken, help.root);
}

/** Return `soon(what)`, by which something is done in the next frame, after `update`, and `stop`. */
function eachFrame(update) {
  const waiting = new Set();
  let frame = 0;

  function turn() {
    frame = 0;
    const now = [...waiting];
    waiting.clear();
    update();
    for (const what of now) what();
  }

  return {
    soon(what) {
      if (typeof what === "function") waiting.add(what);
      frame ||= requestAnimationFrame(turn);
    },
    stop: () => cancelAnimationFrame(frame),
  };
}

/** Return what handles the keys. No key reaches the notebook, which has its own. */
function keys(state, act, parts) {
  function does(meant) {
    if (!parts.box.root.hidden && meant !== "save") return false;
    act[meant.move ?? meant]();
    return true;
  }

  function escape(target) {
    if (parts.box.close() || parts.search.close()) return true;
    if (state.draft && parts.card.root.contains(target)) act.leave();
    else if (takesText(target)) parts.card.focus();
    else if (parts.card.root.contains(target)) parts.list.focus();
    else return false;
    return true;
  }

  return (event) => {
    const meant = actionOf(event, { isInList: parts.list.root.contains(event.target) });
    if (!event.altKey && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    if (!meant || parts.help.root.open) return;
    if (meant === "escape" ? escape(event.target) : does(meant)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

/** Return what is to be said above the list, and its kind. */
function noteOf({ kernel, rows, refusal }) {
  if (kernel.state === "dead") return { kind: "dead", text: goneNote(rows) };
  if (refusal) return { kind: "refused", text: refusal };
  if (kernel.state === "busy") return { kind: "busy", text: "Waiting for the kernel, which is busy." };
  return { kind: "", text: "" };
}

function goneNote({ title, canReview }) {
  const name = /^[\w./-]+$/.test(title) ? ` ${title}` : "";
  const saved = canReview ? "Decisions are saved; " : "";
  return `The kernel has restarted or ended. ${saved}“%deepfabric samples${name}” opens the samples again.`;
}
