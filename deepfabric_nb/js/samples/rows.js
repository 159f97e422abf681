// The rows of the list, by column, as `deepfabric_nb/samples/protocol.py` says.

const COLUMNS = ["title", "topic", "status", "verdict", "reason", "score", "length", "model", "cycle", "attempts", "cost", "calls", "problems"];

/** All rows of a view, kept up to date by the kernel's messages. */
export class Rows {
  columns = Object.fromEntries(COLUMNS.map((name) => [name, []]));
  title = "";
  topics = [];
  models = [];
  reasons = [];
  review = null;
  canReview = false;
  /** Verdicts that were given here and that the kernel hasn't confirmed: row to what was there before. */
  #unconfirmed = new Map();
  #branches = { count: 0, of: [], names: [] };

  get length() {
    return this.columns.title.length;
  }

  /** Replace everything. */
  fill(index) {
    const { title, topics, models, reasons, rows, review, can_review: canReview } = index;
    Object.assign(this, { title, topics, models, reasons, review, canReview });
    for (const name of COLUMNS) this.columns[name] = [...(rows[name] ?? [])];
    this.#unconfirmed.clear();
    this.#branches = { count: 0, of: [], names: [] };
  }

  /** Replace the rows from a number on, or add them. Return the numbers of those that were there before. */
  replace(from, rows) {
    const known = this.length;
    const at = rows.title.map((_, n) => from + n);
    this.#set(at, rows);
    return at.filter((row) => row < known);
  }

  /** Replace single rows. */
  change(at, rows) {
    this.#set(at, rows);
  }

  #set(at, rows) {
    for (const row of at) this.#unconfirmed.delete(row);
    for (const name of COLUMNS) {
      const column = this.columns[name];
      at.forEach((row, n) => (column[row] = rows[name]?.[n] ?? null));
    }
  }

  /** Take over the lists that have grown, and how far the review is. */
  extend({ topics, models, reasons, review }) {
    Object.assign(this, { topics: topics ?? this.topics, models: models ?? this.models, reasons: reasons ?? this.reasons, review: review ?? this.review });
  }

  /** Show a verdict before the kernel has confirmed it. */
  expect(rows, verdict) {
    for (const row of rows) {
      if (!this.#unconfirmed.has(row)) this.#unconfirmed.set(row, this.columns.verdict[row]);
      this.columns.verdict[row] = verdict;
    }
  }

  /** Show again what was there before the verdicts that the kernel has refused. */
  withdraw() {
    for (const [row, verdict] of this.#unconfirmed) this.columns.verdict[row] = verdict;
    this.#unconfirmed.clear();
  }

  path(row) {
    return this.topics[this.columns.topic[row]] ?? [];
  }

  /**
   * Return the status of a row: "done", "failed", "rejected", "replaced" for the earlier text of a sample that was made
   * again, or "unreadable" for a line of a file that is no record.
   */
  status(row) {
    const { status, reason } = this.columns;
    if (status[row] === "done") return "done";
    const why = this.reasons[reason[row]];
    if (status[row] === "failed") return why === "unreadable line" ? "unreadable" : "failed";
    return why === "review" ? "replaced" : "rejected";
  }

  /** Return the names of the main branches, in the order in which they come. */
  get branches() {
    return this.#known().names;
  }

  /** Return the number of the main branch of a row, -1 if it has none. */
  branch(row) {
    return this.#known().of[this.columns.topic[row]] ?? -1;
  }

  #known() {
    const known = this.#branches;
    for (; known.count < this.topics.length; known.count += 1) {
      const name = this.topics[known.count][1];
      const at = name === undefined ? -1 : known.names.indexOf(name);
      known.of.push(name !== undefined && at < 0 ? known.names.push(name) - 1 : at);
    }
    return known;
  }

  /** Return the largest score that the judge can give, as far as the scores tell. */
  get scale() {
    const most = this.columns.score.reduce((sum, one) => Math.max(sum, one ?? 0), 0);
    return [1, 5, 10].find((scale) => most <= scale) ?? 100;
  }
}
