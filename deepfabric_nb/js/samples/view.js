// The view of samples: list, card and review bar over the rows that the kernel sends.
import { element, say, show } from "../dom.js";
import { askAlike, askLine, askReason, boxPlace } from "./box.js";
import { cardView } from "./card.js";
import { Cards } from "./cards.js";
import { Drafts } from "./drafts.js";
import { helpDialog } from "./help.js";
import { highlighter } from "./highlight.js";
import { kernelOf } from "./kernel.js";
import { actionOf, takesText } from "./keyboard.js";
import { listView } from "./list.js";
import { everything, listed, neighbour, nextToReview } from "./query.js";
import { reviewBar } from "./review_bar.js";
import { Rows } from "./rows.js";
import { searchBar } from "./search_bar.js";
import { line } from "./text.js";

const LATE = 200; // ms of reading until a placeholder takes the place of the former card
const PACE = 1500;
const SOON = 60; // ms in which a changed card may come by itself
const TOLD = 150; // ms until the kernel is told of a selection
const EXPECTED = { accept: "accepted", reject: "rejected", edit: "edited" };

/**
 * Show the samples of a model, see `deepfabric_nb/samples/protocol.py`. `actions` are elements at the end of its bar,
 * `pace` is for how many ms a sample is shown at least while new ones are followed.
 *
 * Return `root`, `dispose`, `ready` (a promise, until the rows are there), `setLive` (while a run adds samples, the
 * newest is shown until one is selected), `select(row)` and `within(path)` (only the samples of a topic).
 */
export function samplesView(model, { actions = [], pace = PACE } = {}) {
  const rows = new Rows();
  const drafts = new Drafts();
  const marks = highlighter();
  const state = {
    list: [],
    row: -1,
    query: everything(),
    text: "", // what is searched for
    asText: false,
    isLive: false,
    isHeld: false,
    isLate: false,
    unseen: 0,
    cards: new Cards((missing) => kernel.send({ type: "read", rows: missing })),
    draftOf: (row) => drafts.opened(row),
    get canDecide() {
      return rows.canReview && kernel.state !== "dead";
    },
    get canJudge() {
      return state.canDecide && rows.columns.status[state.row] === "done";
    },
  };
  const waiting = new Set();
  const timers = {};
  let frame = 0;
  let asks = Math.floor(Math.random() * 1e6) * 1000; // other views of the same model have other numbers
  let followed = 0;
  let becameReady;
  const ready = new Promise((resolve) => (becameReady = resolve));

  const act = {
    soon(what) {
      waiting.add(what);
      frame ||= requestAnimationFrame(turn);
    },
    /** Select a row, as a person does: what is newest is no longer followed. */
    go(row) {
      if (state.isLive && !state.isHeld) [state.isHeld, state.unseen] = [true, 0];
      select(row);
      list.reveal(row);
      clearTimeout(timers.told);
      timers.told = setTimeout(() => kernel.send({ type: "select", row }, { isAnswered: false }), TOLD);
    },
    follow() {
      [state.isHeld, state.unseen, followed] = [false, 0, 0];
      if (state.query.sort !== "made") act.ask({ ...state.query, sort: "made" });
      follow();
      act.soon(update);
    },
    ask(query) {
      state.query = query;
      relist();
      if (!state.list.includes(state.row) && state.list.length) act.go(state.list[0]);
      else list.reveal(state.row);
      act.soon(update);
    },
    within: (path) => act.ask({ ...state.query, path: String(path) === String(state.query.path) ? [] : path }),
    search(text) {
      state.text = text;
      asks += 1;
      if (text) kernel.send({ type: "search", ask: asks, text });
      else act.ask({ ...state.query, found: null });
    },
    focusList(isIntoList) {
      if (isIntoList && state.list.length && !state.list.includes(state.row)) act.go(state.list[0]);
      list.focus();
    },
    next: () => step(neighbour(state.list, state.row, 1)),
    previous: () => step(neighbour(state.list, state.row, -1)),
    first: () => step(state.list[0] ?? -1),
    last: () => step(state.list.at(-1) ?? -1),
    pageDown: () => step(state.list[Math.min(state.list.length - 1, state.list.indexOf(state.row) + list.page())] ?? -1),
    pageUp: () => step(state.list[Math.max(0, state.list.indexOf(state.row) - list.page())] ?? -1),
    read: () => card.root.focus({ preventScroll: true }),
    toggleText() {
      state.asText = !state.asText;
      act.soon(update);
    },
    accept: () => decide("accept"),
    reject: () => ask(() => askReason(box, rows, (reason) => decide("reject", { reason }))),
    again: () => ask(() => askLine(box, { label: "Reject, to be made again", field: "Instruction", hint: "what should be different (may be empty)", button: "Reject" }, (instruction) => decide("reject", { instruction }))),
    comment: () => ask(() => askLine(box, { label: "Comment", field: "Comment", hint: "what you think of this sample", button: "Comment", isNeeded: true }, (comment) => decide("comment", { comment }))),
    alike: () => ask(() => kernel.send({ type: "alike", row: state.row })),
    undo() {
      if (state.canDecide && rows.review?.can_undo) kernel.send({ type: "undo" });
    },
    makeAgain() {
      if (state.canDecide) kernel.send({ type: "make_again" });
    },
    edit() {
      const shown = state.cards.get(state.row);
      if (!state.canJudge || !shown || !drafts.open(shown)) return;
      hold();
      update();
      card.focusEditor();
    },
    drafted(text, value) {
      text.text = value;
      act.soon(update);
    },
    save: () => save(),
    leave: () => endEdit(() => drafts.leave(state.row)),
    discard: () => endEdit(() => drafts.discard(state.row)),
    search_: () => search.focus(),
    help: () => help.open(rows.review?.file ?? ""),
  };

  const kernel = kernelOf(model, { heard, changed: () => act.soon(update) });
  const list = listView(rows, state, act);
  const search = searchBar(rows, state, act);
  const card = cardView(rows, state, act);
  const review = reviewBar(rows, state, act, actions);
  const box = boxPlace(() => card.root.focus({ preventScroll: true }));
  const help = helpDialog();
  const note = element("p", { class: "dfs-note", role: "status", dir: "auto", hidden: "" });
  const spoken = element("div", { class: "dfn-unseen", role: "status", "aria-live": "polite" });
  const side = element("section", { class: "dfs-side", "aria-label": "List of samples" }, search.root, list.root, search.panel);
  const body = element("div", { class: "dfs-body" }, side, card.root, box.root);
  const root = element("div", { class: "dfs", role: "group", "aria-label": "Samples", "data-lm-suppress-shortcuts": "true", keydown: key }, note, body, review.root, spoken, help.root);
  let refusal = "";

  function turn() {
    frame = 0;
    const now = [...waiting];
    waiting.clear();
    if (now.includes(update)) update();
    for (const what of now) if (what !== update) what();
  }

  function update() {
    list.update();
    search.update();
    review.update();
    if (card.update()) marks.mark(card.body, state.text);
    const told = noteText();
    show(note, Boolean(told));
    say(note, told);
    note.dataset.kind = kernel.state || (refusal ? "refused" : "");
    root.dataset.rows = rows.length;
    root.dataset.kernel = kernel.state || "alive";
    root.toggleAttribute("data-live", state.isLive);
    root.toggleAttribute("data-single", rows.length <= 1 && !state.isLive);
  }

  function noteText() {
    if (kernel.state === "dead") return deadNote(rows.title);
    if (refusal) return refusal;
    if (kernel.state === "busy") return "Waiting for the kernel, which is busy.";
    return drafts.isUnsaved(state.row) && !drafts.opened(state.row) ? "This sample has an edit that isn't saved: E goes on with it." : "";
  }

  function relist() {
    state.list = listed(rows, state.query);
  }

  function select(row) {
    if (row < 0 || row >= rows.length || row === state.row) return;
    state.row = row;
    refusal = "";
    state.isLate = false;
    clearTimeout(timers.late);
    if (!state.cards.get(row)) {
      timers.late = setTimeout(() => {
        state.isLate = true;
        act.soon(update);
      }, LATE);
    }
    state.cards.read([row, neighbour(state.list, row, 1)]);
    say(spoken, spokenOf(row));
    act.soon(update);
  }

  const spokenOf = (row) => [rows.path(row).at(-1), rows.columns.title[row]].filter(Boolean).map((text) => line(text, 200)).join(": ");

  function step(row) {
    if (row >= 0) act.go(row);
  }

  function hold() {
    if (state.isLive && !state.isHeld) [state.isHeld, state.unseen] = [true, 0];
  }

  function ask(open) {
    if (!state.canJudge) return;
    hold();
    refusal = "";
    open();
  }

  function decide(action, more = {}) {
    const { row } = state;
    if (!state.canJudge) return;
    refusal = "";
    if (EXPECTED[action]) rows.expect([row], EXPECTED[action]);
    kernel.send({ type: "decide", row, action, ...more });
    const next = action === "accept" || action === "reject" ? nextToReview(rows, state.list, row) : -1;
    relist();
    step(next);
    act.soon(update);
  }

  function save() {
    const draft = drafts.opened(state.row);
    if (!draft || !state.canDecide) return;
    const texts = drafts.changed(draft);
    if (texts.length) {
      drafts.send(state.row);
      decide("edit", { texts });
    } else drafts.discard(state.row);
    card.root.focus({ preventScroll: true });
    act.soon(update);
  }

  function endEdit(how) {
    how();
    card.root.focus({ preventScroll: true });
    act.soon(update);
  }

  function follow() {
    if (!state.isLive || state.isHeld || !state.list.length) return;
    clearTimeout(timers.follow);
    const wait = followed + pace - performance.now();
    if (followed && wait > 0) {
      timers.follow = setTimeout(follow, wait);
      return;
    }
    followed = performance.now();
    const row = state.list.at(-1);
    select(row);
    if (!list.isUnderCursor()) act.soon(() => list.reveal(state.row));
  }

  function heard(message) {
    hears[message.type]?.(message);
    act.soon(update);
  }

  const hears = {
    index({ index }) {
      rows.fill(index);
      state.cards.clear();
      relist();
      const [row, chosen] = [state.row, model.get("selected")];
      state.row = -1;
      const wanted = row >= 0 ? row : Number.isInteger(chosen) && chosen >= 0 ? chosen : -1;
      if (state.isLive && !state.isHeld && wanted < 0) follow();
      else select(wanted >= 0 && wanted < rows.length ? wanted : (state.list[0] ?? -1));
      if (state.text) act.search(state.text);
      act.soon(() => list.reveal(state.row));
      becameReady();
    },
    rows({ from, rows: columns, ...more }) {
      const before = rows.length;
      rows.extend(more);
      changed(rows.replace(from, columns));
      if (state.isHeld) state.unseen += rows.length - before;
      if (state.row < 0 && !state.isLive) select(state.list[0] ?? -1);
      else follow();
    },
    changed({ at, rows: columns, review: progress, ...more }) {
      rows.extend(more);
      rows.change(at, columns, progress);
      changed(at);
    },
    cards({ cards }) {
      for (const one of Object.values(cards)) drafts.compare(one);
      state.cards.keep(cards);
    },
    card: ({ card: one }) => hears.cards({ cards: { [one.row]: one } }),
    found({ ask: number, rows: found }) {
      if (number === asks && state.text) act.ask({ ...state.query, found: new Set(found) });
    },
    alike({ row, groups }) {
      if (row === state.row) askAlike(box, rows, groups, rejectAll);
    },
    selected({ row }) {
      hold();
      select(row);
      act.soon(() => list.reveal(state.row));
    },
    refused({ message }) {
      refusal = line(message, 500);
      rows.withdraw();
      drafts.refused();
      relist();
    },
  };

  /** Rows have changed: their cards are read again when they are looked at. */
  function changed(at) {
    drafts.taken(at);
    const known = state.cards.get(state.row);
    state.cards.forget(at);
    relist();
    if (at.includes(state.row)) {
      if (known) state.cards.hold(state.row, known);
      clearTimeout(timers.read);
      timers.read = setTimeout(() => state.cards.read([state.row]), known ? SOON : 0);
    }
  }

  function rejectAll(found, reason) {
    rows.expect(found, "rejected");
    kernel.send({ type: "decide_all", rows: found, action: "reject", reason });
    const next = nextToReview(rows, state.list, state.row);
    relist();
    step(next);
  }

  function key(event) {
    const { altKey, ctrlKey, metaKey, target } = event;
    const meant = actionOf(event, { isInList: list.root.contains(target) });
    if (!altKey && !ctrlKey && !metaKey) event.stopPropagation();
    if (!meant || help.root.open) return;
    if (meant === "escape" ? escape(target) : does(meant)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  function does(meant) {
    const action = meant.move ?? meant;
    if (!box.root.hidden && action !== "save") return false;
    act[action === "search" ? "search_" : action]();
    return true;
  }

  function escape(target) {
    if (box.close() || search.close()) return true;
    if (drafts.opened(state.row) && card.root.contains(target)) act.leave();
    else if (takesText(target)) card.root.focus({ preventScroll: true });
    else return false;
    return true;
  }

  kernel.send({ type: "open" });
  update();
  return {
    root,
    ready,
    get title() {
      return rows.title;
    },
    setLive(isLive) {
      if (state.isLive === isLive) return;
      [state.isLive, state.isHeld, state.unseen] = [isLive, isLive && state.isHeld, 0];
      follow();
      act.soon(update);
    },
    select: (row) => act.go(row),
    within: (path) => act.ask({ ...state.query, path }),
    dispose() {
      cancelAnimationFrame(frame);
      for (const timer of Object.values(timers)) clearTimeout(timer);
      for (const part of [kernel, list, search]) part.dispose();
      marks.clear();
      root.remove();
    },
  };
}

function deadNote(title) {
  const name = /^[\w./-]+$/.test(title) ? ` ${title}` : "";
  return `The kernel has restarted or ended. Decisions are saved; "%deepfabric samples${name}" opens the samples again.`;
}
