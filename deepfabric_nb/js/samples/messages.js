// What the kernel tells, and what of it changes on the page.
import { toReview } from "./query.js";
import { line } from "./text.js";

const SOON = 60; // ms in which a changed card may come by itself

/** Return a function that takes in a message of the kernel, and one that ends it. `ready` is called with the rows. */
export function messages(state, act, parts, ready) {
  const { rows, drafts } = state;
  let timer = 0;

  /** Rows have changed: their cards are read again when they are looked at. */
  function changed(at) {
    const known = state.card;
    drafts.taken(at);
    state.memory.writeDrafts(drafts.kept());
    state.cards.forget(at);
    state.relist();
    if (!at.includes(state.row)) return;
    if (known) state.cards.hold(state.row, known);
    clearTimeout(timer);
    timer = setTimeout(() => state.cards.read([state.row]), known ? SOON : 0);
  }

  /** Select what was selected before, now or before the page was loaded again; else the newest, or the first to review. */
  function selectAgain() {
    const remembered = state.row < 0 ? state.memory.read() : -1;
    if (remembered >= 0 && remembered < rows.length) state.hold();
    const isFollowing = state.isLive && !state.isHeld;
    const row = [state.row, remembered, toReview(rows, state.list), 0].find((one) => one >= 0 && one < rows.length) ?? -1;
    state.row = -1;
    if (isFollowing) act.followNewest();
    else act.select(row);
    act.soon(() => parts.list.reveal(state.row));
  }

  const hears = {
    index({ index }) {
      rows.fill(index);
      state.cards.clear();
      if (state.row < 0) drafts.restore(state.memory.readDrafts());
      state.relist();
      selectAgain();
      if (state.text) act.searchFor(state.text);
      ready();
    },
    rows({ from, rows: columns, ...more }) {
      const before = rows.length;
      rows.extend(more);
      changed(rows.replace(from, columns));
      if (state.isHeld) state.unseen += rows.length - before;
      if (state.row < 0 && !state.isLive) act.select(state.list[0] ?? -1);
      else act.followNewest();
    },
    changed({ at, rows: columns, ...more }) {
      rows.extend(more);
      rows.change(at, columns);
      changed(at);
    },
    cards({ cards }) {
      for (const card of Object.values(cards)) drafts.compare(card);
      state.cards.keep(cards);
    },
    found: ({ ask, rows: found }) => act.found(ask, found),
    alike: ({ row, groups }) => row === state.row && act.chooseAlike(groups),
    selected({ row }) {
      state.hold();
      act.select(row);
      act.soon(() => parts.list.reveal(state.row));
    },
    made_again: ({ rows: made, total, is_over: isOver }) => (state.madeAgain = { rows: new Set(made), total, isOver }),
    within: ({ path }) => act.ask({ ...state.query, path }),
    refused({ message }) {
      state.refusal = line(message, 500);
      rows.withdraw();
      drafts.refused();
      state.memory.writeDrafts(drafts.kept());
      state.relist();
    },
  };

  return {
    heard(message) {
      if (!Object.hasOwn(hears, message.type)) return; // of another part of the same widget
      hears[message.type](message);
      act.soon();
    },
    end: () => clearTimeout(timer),
  };
}
