// What a person decides on samples: accepted, rejected, edited, commented, taken back.
import { askAlike, askDraft, askLine, askReason } from "./box.js";
import { nextToReview } from "./query.js";

const EXPECTED = { accept: "accepted", reject: "rejected", edit: "edited" };
const AGAIN = { label: "Reject, to be made again", field: "Instruction", hint: "what should be different (may be empty)", button: "Reject" };
const COMMENT = { label: "Comment", field: "Comment", hint: "what you think of this sample", button: "Comment", isNeeded: true };

/** The actions of the review. */
export function decisions(state, act, parts) {
  const { rows, drafts } = state;

  function decide(action, more = {}) {
    const { row } = state;
    if (!state.canJudge) return;
    state.refusal = "";
    if (EXPECTED[action]) rows.expect([row], EXPECTED[action]);
    state.kernel.send({ type: "decide", row, action, ...more });
    if (action === "accept" || action === "reject") goOn();
    state.relist();
    act.soon();
  }

  function goOn() {
    const next = nextToReview(rows, state.list, state.row);
    if (next >= 0) act.go(next);
  }

  function ask(open) {
    if (!state.canJudge) return;
    state.hold();
    state.refusal = "";
    open();
    act.soon();
  }

  function endEdit(how) {
    how(state.row);
    remember();
    parts.card.focus();
    act.soon();
  }

  const remember = () => state.memory.writeDrafts(drafts.kept());

  /** Do something that takes the text as it was, once it is clear what becomes of an edit that isn't saved. */
  function withoutDraft(does, go) {
    if (!state.canJudge || !drafts.isUnsaved(state.row)) {
      go();
      return;
    }
    const discard = () => {
      drafts.discard(state.row);
      remember();
      go();
    };
    ask(() => askDraft(parts.box, does, { save: saveAndGoOn, discard, edit: act.edit }));
  }

  function save() {
    const draft = state.card && state.canJudge ? drafts.open(state.card) : null;
    if (!draft) return;
    const texts = drafts.changed(draft);
    if (texts.length) {
      drafts.send(state.row);
      decide("edit", { texts });
    } else drafts.discard(state.row);
    endEdit(() => {});
  }

  function saveAndGoOn() {
    save();
    goOn();
  }

  function again() {
    if (state.whyNotAgain) {
      state.refusal = state.whyNotAgain;
      act.soon();
    } else withoutDraft("Reject", () => ask(() => askLine(parts.box, AGAIN, (instruction) => decide("reject", { instruction }))));
  }

  function rejectAll(found, reason) {
    rows.expect(found, "rejected");
    state.kernel.send({ type: "decide_all", rows: found, action: "reject", reason });
    goOn();
    state.relist();
    act.soon();
  }

  return {
    accept: () => withoutDraft("Accept", () => decide("accept")),
    reject: () => withoutDraft("Reject", () => ask(() => askReason(parts.box, rows, (reason) => decide("reject", { reason })))),
    again,
    comment: () => ask(() => askLine(parts.box, COMMENT, (comment) => decide("comment", { comment }))),
    alike: () => ask(() => state.kernel.send({ type: "alike", row: state.row })),
    /** Show which samples are like the selected one. */
    chooseAlike: (groups) => askAlike(parts.box, rows, groups, rejectAll),
    undo() {
      if (state.canDecide && rows.review?.can_undo) state.kernel.send({ type: "undo" });
    },
    makeAgain() {
      if (state.canDecide) state.kernel.send({ type: "make_again" });
    },
    edit() {
      if (!state.canJudge || !state.card || !drafts.open(state.card)) return;
      state.hold();
      parts.update();
      parts.card.focusEditor();
    },
    drafted(text, value) {
      text.text = value;
      remember();
      act.soon();
    },
    save: () => state.draft && save(),
    leave: () => endEdit((row) => drafts.leave(row)),
    discard: () => endEdit((row) => drafts.discard(row)),
  };
}
