// Topics in columns, a row each. Parents come before children, so one pass from the end computes all sums.

const COLUMNS = [
  ...["parent", "first", "last", "next", "depth", "children"],
  ...["wanted", "done", "failed"],
  ...["size", "leaves", "allWanted", "allDone", "allFailed", "allMarked"],
  "main", // the number of the root's child that a topic belongs to, -1 for the root: it decides the colour
];
const NONE = [];

/** All topics and their counts. Rows are only added; `clear` removes all of them. */
export class Topics {
  constructor() {
    this.clear();
  }

  clear() {
    this.ids = [];
    this.names = [];
    this.rows = new Map();
    this.others = new Map(); // row -> further parents' rows
    this.samples = new Map(); // row -> [question, answer] pairs
    this.failures = new Map(); // row -> [kind, message] pairs
    this.marks = new Map(); // row -> a sentence about the topic
    this.scores = new Map(); // row -> the sum of a judge's scores of its samples, and their number
    this.weights = new Map(); // row -> its own weight, and whether the config gives it
    this.costs = new Map(); // row -> what its samples cost in dollars, and the number of samples of known cost
    this.levels = 0;
    this.#room(256);
    this.#stale = true;
  }

  #stale = true;

  #room(rows) {
    for (const name of COLUMNS) {
      const column = new Int32Array(rows);
      if (this[name]) column.set(this[name].subarray(0, this.length));
      this[name] = column;
    }
  }

  get length() {
    return this.ids.length;
  }

  add(id, name, parent) {
    const row = this.length;
    if (row === this.parent.length) this.#room(2 * row);
    this.ids.push(id);
    this.names.push(name);
    this.rows.set(id, row);
    this.parent[row] = parent;
    this.first[row] = this.last[row] = this.next[row] = -1;
    this.depth[row] = parent < 0 ? 0 : this.depth[parent] + 1;
    this.levels = Math.max(this.levels, this.depth[row] + 1);
    if (parent >= 0) this.#attach(row, parent);
    this.#stale = true;
    return row;
  }

  #attach(row, parent) {
    if (this.first[parent] < 0) this.first[parent] = row;
    else this.next[this.last[parent]] = row;
    this.last[parent] = row;
    this.children[parent] += 1;
  }

  count(row, wanted, done, failed) {
    this.wanted[row] = wanted;
    this.done[row] = done;
    this.failed[row] = failed;
    this.#stale = true;
  }

  mark(row, sentence) {
    this.marks.set(row, sentence);
    this.#stale = true;
  }

  /** Return the weight by which a topic gets samples: that of the nearest topic at or above it that has one. */
  weightOf(row) {
    for (let at = row; at >= 0; at = this.parent[at]) if (this.weights.has(at)) return this.weights.get(at)[0];
    return 1;
  }

  /** Return how many times the samples of the topic above a topic gets. */
  factorOf(row) {
    const above = row > 0 ? this.weightOf(this.parent[row]) : 1;
    return this.weights.has(row) ? this.weights.get(row)[0] / (above || 1) : 1;
  }

  /** Return the mean of a branch's "scores" or "costs", null if none is known. */
  meanOf(what, row) {
    if (!this[what].size) return null;
    const [sum, count] = this.#sums(what)[row] ?? [0, 0];
    return count ? sum / count : null;
  }

  /** Return the largest mean of "costs" of a topic's own samples, 0 if none is known or all are free. */
  get dearest() {
    return (this.#measured.dearest ??= Math.max(0, ...[...this.costs.values()].map(([sum, count]) => sum / count)));
  }

  #measured = {};

  #sums(what) {
    if (this.#measured[what]) return this.#measured[what];
    const sums = Array.from({ length: this.length }, (_, row) => [...(this[what].get(row) ?? [0, 0])]);
    for (let row = this.length - 1; row > 0; row -= 1) sums[row].forEach((value, n) => (sums[this.parent[row]][n] += value));
    return (this.#measured[what] = sums);
  }

  /** Update the sums over whole branches. */
  settle() {
    if (!this.#stale) return;
    this.#measured = {};
    const { size, leaves, allWanted, allDone, allFailed, allMarked, parent, first, main, length } = this;
    let mains = 0;
    for (let row = 0; row < length; row += 1) {
      main[row] = parent[row] < 0 ? -1 : parent[row] ? main[parent[row]] : mains++;
      size[row] = 1;
      leaves[row] = first[row] < 0 ? 1 : 0;
      allWanted[row] = this.wanted[row];
      allDone[row] = this.done[row];
      allFailed[row] = this.failed[row];
      allMarked[row] = this.marks.has(row) ? 1 : 0;
    }
    for (let row = length - 1; row > 0; row -= 1) {
      const above = parent[row];
      size[above] += size[row];
      leaves[above] += leaves[row];
      allWanted[above] += allWanted[row];
      allDone[above] += allDone[row];
      allFailed[above] += allFailed[row];
      allMarked[above] += allMarked[row];
    }
    this.#stale = false;
  }

  childrenOf(row) {
    if (row < 0 || this.first[row] < 0) return NONE;
    const found = [];
    for (let child = this.first[row]; child >= 0; child = this.next[child]) found.push(child);
    return found;
  }

  siblingsOf(row) {
    return this.parent[row] < 0 ? [row] : this.childrenOf(this.parent[row]);
  }

  /** Return the rows from the root to this one. */
  lineOf(row) {
    const line = [];
    for (let at = row; at >= 0; at = this.parent[at]) line.unshift(at);
    return line;
  }

  pathOf(row) {
    return this.lineOf(row).map((at) => this.names[at]);
  }

  isWithin(row, branch) {
    let at = row;
    while (at > branch) at = this.parent[at];
    return at === branch;
  }

  /** Return the number of levels from this topic down, itself included, but at most `most`. */
  levelsBelow(row, most) {
    let level = [row];
    let count = 0;
    while (level.length && count < most) {
      count += 1;
      level = count < most ? level.flatMap((at) => this.childrenOf(at)) : level;
    }
    return count;
  }
}
