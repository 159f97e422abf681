// Cards that were read: kept up to a size in characters, those that weren't looked at for longest go first.

const MOST = 8_000_000; // characters, about 16 MB

/** Cards by their rows. `ask` gets the rows that are to be read. */
export class Cards {
  #cards = new Map();
  #asked = new Set();
  #size = 0;

  constructor(ask, most = MOST) {
    this.ask = ask;
    this.most = most;
  }

  /** Return a card, or undefined. */
  get(row) {
    const known = this.#cards.get(row);
    if (known) {
      this.#cards.delete(row);
      this.#cards.set(row, known);
    }
    return known?.card;
  }

  /** Ask for the cards of rows that aren't here or asked for yet. */
  read(rows) {
    const missing = rows.filter((row) => row >= 0 && (this.#cards.get(row)?.isOld ?? true) && !this.#asked.has(row));
    for (const row of missing) this.#asked.add(row);
    if (missing.length) this.ask(missing);
  }

  /** Keep cards that have come. */
  keep(cards) {
    for (const [row, card] of Object.entries(cards)) {
      this.forget([Number(row)]);
      const length = JSON.stringify(card).length;
      this.#cards.set(Number(row), { card, length });
      this.#size += length;
    }
    for (const [row] of this.#cards) {
      if (this.#size <= this.most || this.#cards.size <= 2) break;
      this.forget([row]);
    }
  }

  /** Forget cards that are no longer true. */
  forget(rows) {
    for (const row of rows) {
      this.#size -= this.#cards.get(row)?.length ?? 0;
      this.#cards.delete(row);
      this.#asked.delete(row);
    }
  }

  /** Show what a card said until it is read anew. */
  hold(row, card) {
    this.#cards.set(row, { card, length: 0, isOld: true });
  }

  clear() {
    this.#cards.clear();
    this.#asked.clear();
    this.#size = 0;
  }
}
