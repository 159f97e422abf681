// What a view of samples shows: which rows, which of them, and how.
import { Drafts } from "./drafts.js";
import { everything, listed } from "./query.js";
import { Rows } from "./rows.js";

/** The state of a view. Parts read it and draw; only `navigation.js`, `decisions.js` and `messages.js` change it. */
export class State {
  rows = new Rows();
  drafts = new Drafts();
  cards = null;
  kernel = null;
  memory = null;
  /** The numbers of the rows that are listed, in their order, and the selected one, -1 for none. */
  list = [];
  row = -1;
  query = everything();
  /** What is searched for. */
  text = "";
  asText = false;
  /** Whether a run adds samples, whether the newest is no longer followed, and how many came since then. */
  isLive = false;
  isHeld = false;
  unseen = 0;
  /** Whether reading the card takes so long that a placeholder is shown. */
  isLate = false;
  /** What the kernel has refused, in a sentence. */
  refusal = "";
  /** The samples that are being made again, or were last: their rows so far, how many are wanted, whether that is over. */
  madeAgain = { rows: new Set(), total: 0, isOver: true };

  /** Whether anything can be decided, and whether the selected sample can be judged. */
  get canDecide() {
    return this.rows.canReview && this.kernel.state !== "dead";
  }

  get canJudge() {
    return this.canDecide && this.rows.columns.status[this.row] === "done";
  }

  /** Why no sample can be made again, now or later; empty if it can. */
  get whyNotAgain() {
    return this.rows.review?.why_not_again ?? "";
  }

  /** The card of the selected row, if it is here. */
  get card() {
    return this.cards.get(this.row);
  }

  /** The texts of the selected row that are being edited, or null. */
  get draft() {
    return this.drafts.opened(this.row);
  }

  /** List anew what the query lists. */
  relist() {
    this.list = listed(this.rows, this.query);
  }

  /** Stay where the person is: the newest sample is no longer followed. */
  hold() {
    if (!this.isLive || this.isHeld) return;
    this.isHeld = true;
    this.unseen = 0;
  }
}
