// Edits that aren't saved yet, by rows. Whatever arrives meanwhile, their texts stay.
import { placeKey } from "./text.js";

/** Return the texts of a card that can be edited, with their places. */
function editable({ messages, fields }) {
  const calls = messages.flatMap((message) => message.calls);
  const results = calls.map(({ result_at: at, result }) => ({ at, text: result ?? "" }));
  const all = [...messages, ...calls.map(({ at, arguments: text }) => ({ at, text })), ...results, ...fields];
  return all.filter(({ at }) => at?.length);
}

const isChanged = ({ text, was }) => text !== was.replace(/\r\n?/g, "\n");

/** The drafts of edited texts. One that is open is shown as text areas. */
export class Drafts {
  #drafts = new Map();

  /** Take over what `kept` returned. The drafts are outdated if `compare` finds so. */
  restore(kept) {
    for (const { row, texts } of kept) {
      const known = texts.map((one) => [placeKey(one.at), one]);
      this.#drafts.set(row, { row, texts: new Map(known), isOutdated: false, isOpen: false });
    }
  }

  /** Return what is needed to go on with the drafts later: the changed texts, as JSON can have them. */
  kept() {
    const unsaved = [...this.#drafts.values()].filter(({ row }) => this.isUnsaved(row));
    return unsaved.map(({ row, texts }) => ({ row, texts: [...texts.values()].filter(isChanged) }));
  }

  /** Begin to edit a card, or go on. Return the draft, or null if nothing in it can be edited. */
  open(card) {
    const known = this.#drafts.get(card.row);
    const texts = editable(card).map(({ at, text }) => [placeKey(at), { at, was: text, text }]);
    if (!texts.length) return null;
    const draft = { row: card.row, isOutdated: false, ...known, texts: new Map([...texts, ...(known?.texts ?? [])]) };
    this.#drafts.set(card.row, { ...draft, isOpen: true, isSent: false });
    return this.#drafts.get(card.row);
  }

  /** Return the draft of a row that is being edited. */
  opened(row) {
    const draft = this.#drafts.get(row);
    return draft?.isOpen ? draft : null;
  }

  /** Return whether a row has texts that aren't saved. */
  isUnsaved(row) {
    const draft = this.#drafts.get(row);
    return Boolean(draft) && !draft.isSent && [...draft.texts.values()].some(isChanged);
  }

  /** Return the changed texts, as they are sent. */
  changed(draft) {
    return [...draft.texts.values()].filter(isChanged).map(({ at, text }) => ({ at, text }));
  }

  /** Leave a draft; its text is kept if it says something new. */
  leave(row) {
    const draft = this.#drafts.get(row);
    if (!draft) return;
    if (this.changed(draft).length) this.#drafts.set(row, { ...draft, isOpen: false });
    else this.#drafts.delete(row);
  }

  discard(row) {
    this.#drafts.delete(row);
  }

  /** A draft was sent: it stays until the kernel has taken it. */
  send(row) {
    const draft = this.#drafts.get(row);
    if (draft) this.#drafts.set(row, { ...draft, isOpen: false, isSent: true });
  }

  /** The kernel has taken what was sent of these rows. */
  taken(rows) {
    for (const row of rows) if (this.#drafts.get(row)?.isSent) this.#drafts.delete(row);
  }

  /** The kernel has refused: what was sent is open again. */
  refused() {
    for (const [row, draft] of this.#drafts) if (draft.isSent) this.#drafts.set(row, { ...draft, isOpen: true, isSent: false });
  }

  /** A card was read anew: a draft of it is outdated if its texts are others now. */
  compare(card) {
    const draft = this.#drafts.get(card.row);
    if (!draft || draft.isSent) return;
    const now = new Map(editable(card).map(({ at, text }) => [placeKey(at), text]));
    const isOutdated = [...draft.texts].some(([place, { was }]) => now.get(place) !== was);
    if (isOutdated && !draft.isOutdated) this.#drafts.set(card.row, { ...draft, isOutdated });
  }
}
