// Which sample is shown: by hand, by search and filters, or the newest one while a run adds samples.
import { say } from "../dom.js";
import { neighbour, toReview } from "./query.js";
import { line } from "./text.js";

const LATE = 200; // ms of reading until a placeholder takes the place of the former card
const TOLD = 150; // ms until the kernel is told of a selection

/** The actions that lead to a sample. `pace` is for how many ms one is shown at least while new ones are followed. */
export function navigation(state, act, parts, pace) {
  const { rows } = state;
  const timers = {};
  let followed = -Infinity;
  let asks = Math.floor(Math.random() * 1e6) * 1000; // other views of the same model have other numbers

  const after = (name, wait, what) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(what, wait);
  };
  const step = (row) => row >= 0 && act.go(row);
  const page = (step_) => state.list[Math.max(0, Math.min(state.list.length - 1, state.list.indexOf(state.row) + step_ * parts.list.page()))] ?? -1;

  /** Show a row, without a person's doing. */
  function select(row) {
    if (row < 0 || row >= rows.length || row === state.row) return;
    Object.assign(state, { row, refusal: "", isLate: false });
    clearTimeout(timers.late);
    if (!state.card) after("late", LATE, () => act.soon((state.isLate = true)));
    state.cards.read([row, neighbour(state.list, row, 1)]);
    act.soon();
  }

  /** Tell screen readers what is shown now: the topic and the question. */
  function announce(row) {
    say(parts.spoken, [rows.path(row).at(-1), rows.columns.title[row]].filter(Boolean).map((text) => line(text, 200)).join(": "));
  }

  function followNewest() {
    if (!state.isLive || state.isHeld || !state.list.length) return;
    const wait = followed + pace - performance.now();
    if (wait > 0) {
      after("follow", wait, followNewest);
      return;
    }
    followed = performance.now();
    select(state.list.at(-1));
    if (!parts.list.isUnderCursor()) act.soon(() => parts.list.reveal(state.row));
  }

  return {
    select,
    followNewest,
    /** Select a row, as a person does. */
    go(row) {
      state.hold();
      select(row);
      announce(row);
      state.memory.write(row);
      act.soon(() => parts.list.reveal(state.row));
      after("told", TOLD, () => state.kernel.send({ type: "select", row }, { isAnswered: false }));
    },
    follow() {
      Object.assign(state, { isHeld: false, unseen: 0 });
      followed = -Infinity;
      if (state.query.sort !== "made") act.ask({ ...state.query, sort: "made" });
      state.isHeld = false;
      followNewest();
      act.soon();
    },
    /** List what a query lists. */
    ask(query) {
      state.query = query;
      state.relist();
      if (state.list.length && !state.list.includes(state.row)) act.go(state.list[0]);
      act.soon(() => parts.list.reveal(state.row));
    },
    within: (path) => act.ask({ ...state.query, path: String(path) === String(state.query.path) ? [] : path }),
    /** Ask the kernel which samples have a text. */
    searchFor(text) {
      state.text = text;
      asks += 1;
      if (text) state.kernel.send({ type: "search", ask: asks, text });
      else act.ask({ ...state.query, found: null });
    },
    /** List what the kernel has found, unless something else is searched for by now. */
    found(ask, found) {
      if (ask === asks && state.text) act.ask({ ...state.query, found: new Set(found) });
    },
    focusList() {
      if (state.list.length && !state.list.includes(state.row)) act.go(state.list[0]);
      parts.list.focus();
    },
    search: () => parts.search.focus(),
    next: () => step(neighbour(state.list, state.row, 1)),
    previous: () => step(neighbour(state.list, state.row, -1)),
    first: () => step(state.list[0] ?? -1),
    last: () => step(state.list.at(-1) ?? -1),
    pageDown: () => step(page(1)),
    pageUp: () => step(page(-1)),
    read: () => parts.card.focus(),
    /** Begin the review with the first sample that isn't reviewed. */
    review() {
      const first = toReview(rows, state.list);
      if (first >= 0) act.go(first);
      parts.card.focus();
    },
    /** Go to the next sample that was made again. */
    showMadeAgain() {
      const made = (row) => state.madeAgain.rows.has(row);
      const next = neighbour(state.list, state.row, 1, made);
      step(next >= 0 ? next : neighbour(state.list, -1, 1, made));
    },
    toggleText() {
      state.asText = !state.asText;
      act.soon();
    },
    endNavigation: () => Object.values(timers).forEach(clearTimeout),
  };
}
