// What a person decides on samples: accepted, rejected, edited, commented, taken back.
import { askAlike, askLine, askReason } from "./box.js";
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
    parts.card.focus();
    act.soon();
  }

  function rejectAll(found, reason) {
    rows.expect(found, "rejected");
    state.kernel.send({ type: "decide_all", rows: found, action: "reject", reason });
    goOn();
    state.relist();
    act.soon();
  }

  return {
    accept: () => decide("accept"),
    reject: () => ask(() => askReason(parts.box, rows, (reason) => decide("reject", { reason }))),
    again: () => ask(() => askLine(parts.box, AGAIN, (instruction) => decide("reject", { instruction }))),
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
      act.soon();
    },
    save() {
      if (!state.draft || !state.canJudge) return;
      const texts = drafts.changed(state.draft);
      if (texts.length) {
        drafts.send(state.row);
        decide("edit", { texts });
      } else drafts.discard(state.row);
      endEdit(() => {});
    },
    leave: () => endEdit((row) => drafts.leave(row)),
    discard: () => endEdit((row) => drafts.discard(row)),
  };
}
