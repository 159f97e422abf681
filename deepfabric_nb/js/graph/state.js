// The state of the view. Topics are stored by id, so that nothing jumps when rows change.

import { choices } from "./colours.js";
import { OPENED } from "./map_tree.js";

const MOST_OPEN = 1000; // topics that are drawn at once

export const VIEWS = ["map", "icicle", "sunburst"];

/** Focus, selection, keyboard position, search and colours, and how they follow changes of the topics. */
export class State {
  focusId = null;
  currentId = null;
  selectedIds = [];
  pages = new Map();
  /** By id, how many children of a branch the mind map shows, if the user has opened it; 0 if it was folded. */
  folds = new Map();
  /** Topics that are to be moved below another one. */
  cutIds = [];
  /** The topics for which another weight was asked for, as text, and how many times the samples above they get. */
  asked = null;
  view = kept("view", VIEWS) ?? "map";
  colour = "branch";
  outline = kept("outline", ["yes", "no"]) === "yes";
  panel = true;
  dismissed = false; // the panel, until the next selection
  height = null; // of the picture, if the user has chosen
  query = "";
  #above = []; // the ids from the root to the current topic, of which one is current when it is gone
  #matches = null;
  #searched = "";
  #folded = [];

  constructor(topics) {
    this.topics = topics;
  }

  /** What the colours show: what the user has chosen, as long as anything is known of it. */
  get colourBy() {
    return choices(this.topics).includes(this.colour) ? this.colour : "branch";
  }

  /** Choose a view, now and for graphs that are opened later. */
  show(view) {
    this.view = view;
    keep("view", view);
  }

  showOutline(shown) {
    this.outline = shown;
    keep("outline", shown ? "yes" : "no");
  }

  get focus() {
    return Math.max(0, this.rowOf(this.focusId));
  }

  get current() {
    return this.rowOf(this.currentId) < 0 ? this.focus : this.rowOf(this.currentId);
  }

  get selected() {
    return this.selectedIds.map((id) => this.rowOf(id)).filter((row) => row >= 0);
  }

  rowOf(id) {
    return this.topics.rows.get(id) ?? -1;
  }

  /** Return the part of the state that the picture shows. */
  shown() {
    const current = this.keyboard ? this.current : -1;
    const cut = new Set(this.cutIds.map((id) => this.rowOf(id)));
    return { selected: new Set(this.selected), current, cut, colourBy: this.colourBy, matches: this.matches() };
  }

  select(row, { add = false, range = false } = {}) {
    const rows = range ? this.#stretch(row) : [row];
    const ids = rows.map((at) => this.topics.ids[at]);
    if (range) this.selectedIds = [...new Set([...this.selectedIds, ...ids])];
    else if (!add) this.selectedIds = ids;
    else if (this.selectedIds.includes(ids[0])) this.selectedIds = this.selectedIds.filter((id) => id !== ids[0]);
    else this.selectedIds = [...this.selectedIds, ...ids];
    this.currentId = this.topics.ids[row];
  }

  /** Return the siblings from the current one to this one. */
  #stretch(row) {
    const siblings = this.topics.siblingsOf(row);
    const from = siblings.indexOf(this.current);
    const to = siblings.indexOf(row);
    return from < 0 ? [row] : siblings.slice(Math.min(from, to), Math.max(from, to) + 1);
  }

  /** Forget topics that don't exist any more; the focus goes to the nearest existing ancestor. */
  follow(line) {
    if (this.rowOf(this.focusId) < 0) this.focusId = line.findLast((id) => this.rowOf(id) >= 0) ?? this.topics.ids[0];
    this.selectedIds = this.selectedIds.filter((id) => this.rowOf(id) >= 0);
    this.cutIds = this.cutIds.filter((id) => this.rowOf(id) >= 0);
    if (this.rowOf(this.currentId) < 0) this.currentId = this.#above.findLast((id) => this.rowOf(id) >= 0) ?? this.focusId;
    this.#above = this.topics.lineOf(this.current).map((row) => this.topics.ids[row]);
  }

  /** Open a branch of the mind map, so that at least `count` of its children are shown. */
  open(row, count = OPENED) {
    this.folds.set(this.topics.ids[row], Math.max(count, 1));
  }

  /** Open all branches at and below a topic, level by level, up to a number of topics. */
  openAll(row, most = MOST_OPEN) {
    let [level, count] = [[row], 0];
    while (level.length && count < most) {
      for (const branch of level) this.open(branch, this.topics.children[branch]);
      level = level.flatMap((branch) => this.topics.childrenOf(branch));
      count += level.length;
    }
  }

  fold(row) {
    this.folds.set(this.topics.ids[row], 0);
  }

  /** Open all branches above a topic, as far as it takes to show it. */
  openTo(row) {
    for (let at = row; at !== this.focus && this.topics.parent[at] >= 0; at = this.topics.parent[at]) {
      const above = this.topics.parent[at];
      const place = this.topics.childrenOf(above).indexOf(at) + 2;
      this.open(above, Math.max(place, this.folds.get(this.topics.ids[above]) ?? 0, OPENED));
    }
  }

  /** Return the ids from the root to the focus, by which they are found when rows have changed. */
  line() {
    return this.topics.length ? this.topics.lineOf(this.focus).map((row) => this.topics.ids[row]) : [];
  }

  /** Replace the id of a topic that got another one; return `line` with the new id. */
  moved(line, from, to) {
    const now = (id) => (id === from ? to : id);
    this.focusId = now(this.focusId);
    this.currentId = now(this.currentId);
    this.selectedIds = this.selectedIds.map(now);
    this.cutIds = this.cutIds.map(now);
    this.#above = this.#above.map(now);
    this.folds = new Map([...this.folds].map(([id, count]) => [now(id), count]));
    return line.map(now);
  }

  forgetNames() {
    this.#folded = [];
    this.#searched = "";
  }

  /** Return the rows that the search finds, and the rows that have such rows below them. */
  matches() {
    const wanted = fold(this.query.trim());
    const asked = `${this.topics.length} ${wanted}`;
    if (!wanted) this.#matches = null;
    else if (asked !== this.#searched) this.#matches = this.#search(wanted);
    this.#searched = asked;
    return this.#matches;
  }

  #search(wanted) {
    const { length, names, parent } = this.topics;
    for (let row = this.#folded.length; row < length; row += 1) this.#folded.push(fold(names[row]));
    const own = new Uint8Array(length);
    const below = new Uint8Array(length);
    const rows = [];
    for (let row = 0; row < length; row += 1) {
      if (!this.#folded[row].includes(wanted)) continue;
      own[row] = 1;
      rows.push(row);
    }
    for (let row = length - 1; row > 0; row -= 1) if (own[row] || below[row]) below[parent[row]] = 1;
    return { own, below, rows };
  }
}

const fold = (text) => text.normalize("NFKC").toLocaleLowerCase();

/** Remember a choice in the browser; where that isn't allowed, it lasts as long as the page. */
function keep(name, value) {
  try {
    globalThis.localStorage?.setItem(`deepfabric-topics-${name}`, value);
  } catch {
    // No storage here.
  }
}

function kept(name, known) {
  try {
    const value = globalThis.localStorage?.getItem(`deepfabric-topics-${name}`);
    return known.includes(value) ? value : null;
  } catch {
    return null;
  }
}
