// The bar below the card: what can be decided, and how far the review is.
import { element, say, show } from "../dom.js";
import { line, number } from "./text.js";

const BUTTONS = [
  ["accept", "Accept", "A"],
  ["reject", "Reject", "R"],
  ["edit", "Edit", "E"],
  ["comment", "Comment", "C"],
  ["again", "Make again", "G"],
  ["alike", "All like this", "L"],
  ["undo", "Undo", "U"],
];

/** The bar. `act` carries out what its buttons say; `actions` are further elements at its end. */
export function reviewBar(state, act, actions = []) {
  const { rows } = state;
  const buttons = new Map(BUTTONS.map(([action, label, key]) => [action, button(action, label, key, act)]));
  const edits = [["save", "Save", "Ctrl+Enter"], ["leave", "Leave", "Esc"], ["discard", "Discard", ""]].map(([action, label, key]) => button(action, label, key, act));
  edits[0].classList.add("dfs-primary");
  const help = element("button", { type: "button", class: "dfs-help-button", "aria-label": "Keys and help", title: "Keys and help (?)", click: () => act.help() }, "?");
  const told = element("span", { class: "dfs-told", role: "status" });
  const again = element("button", { type: "button", class: "dfs-primary", click: () => act.makeAgain() });
  const remade = element("span", { role: "status" });
  const showRemade = element("button", { type: "button", class: "dfs-link", click: () => act.showMadeAgain() }, "Show");
  const bar = element("div", { class: "dfs-share", role: "img" }, ...["accepted", "edited", "rejected"].map((name) => element("span", { class: `dfs-share-${name}` })));
  const decide = element("div", { class: "dfs-buttons" }, ...buttons.values());
  const edit = element("div", { class: "dfs-buttons" }, ...edits);
  const doing = element("div", { class: "dfs-doing" }, decide, edit); // one in the place of the other, of the same size
  const progress = element("div", { class: "dfs-progress" }, told, remade, showRemade, again, ...actions);
  const root = element("section", { class: "dfs-bar", "aria-label": "Review" }, bar, doing, help, progress);

  return {
    root,
    update() {
      const { review } = rows;
      const can = state.canJudge;
      for (const [action, one] of buttons) {
        one.setAttribute("aria-disabled", String(!isOffered(action, can)));
      }
      buttons.get("again").title = state.whyNotAgain || "Reject, to be made again (G)";
      buttons.get("undo").title = review?.can_undo ? `Undo: ${line(review.can_undo, 100)} (U)` : "Nothing to undo (U)";
      const isEditing = Boolean(state.draft);
      show(doing, rows.canReview);
      show(decide, !isEditing);
      show(edit, isEditing);
      edits[0].setAttribute("aria-disabled", String(!can));
      drawProgress(review);
    },
  };

  function isOffered(action, can) {
    if (action === "undo") return state.canDecide && Boolean(rows.review?.can_undo);
    return can && !(action === "again" && state.whyNotAgain);
  }

  function drawProgress(review) {
    const reviewed = review ? review.accepted + review.rejected + review.edited : 0;
    show(bar, reviewed > 0);
    say(told, review && rows.canReview ? sentence(review, reviewed) : "");
    for (const part of bar.children) part.style.width = `${review?.total ? (100 * review[part.className.split("-").at(-1)]) / review.total : 0}%`;
    bar.setAttribute("aria-label", `${number(reviewed)} of ${number(review?.total ?? 0)} reviewed`);
    const wanted = Boolean(review?.to_make_again && review.can_make_again);
    show(again, wanted);
    if (wanted) say(again, `Make ${number(review.to_make_again)} again`);
    again.setAttribute("aria-disabled", String(!state.canDecide));
    const { madeAgain } = state;
    say(remade, madeAgainSentence(madeAgain));
    show(remade, madeAgain.total > 0);
    show(showRemade, madeAgain.rows.size > 0);
  }
}

function button(action, label, key, act) {
  const shown = key ? [element("kbd", { "aria-hidden": "true" }, key.replace("+", " "))] : [];
  const keys = key && key !== "Esc" ? { "aria-keyshortcuts": key.replace("Ctrl", "Control") } : {};
  return element("button", { type: "button", "data-does": action, title: key ? `${label} (${key})` : label, ...keys, click: () => act[action]() }, label, ...shown);
}

/** Return how far the samples are that are made again: "Making 2 again: 1 of 2", at the end "2 made again". */
export function madeAgainSentence({ rows, total, isOver }) {
  if (!total) return "";
  if (!isOver) return `Making ${number(total)} again: ${number(rows.size)} of ${number(total)}`;
  return rows.size === total ? `${number(total)} made again` : `${number(rows.size)} of ${number(total)} made again`;
}

/** Return how far the review is: "26 reviewed: 19 accepted, 4 rejected, 3 edited · agrees with the judge in 22 of 26". */
export function sentence({ accepted, rejected, edited, agrees, compared, total }, reviewed) {
  if (!reviewed) return total ? "Nothing reviewed yet" : "";
  const parts = [[accepted, "accepted"], [rejected, "rejected"], [edited, "edited"]].filter(([count]) => count);
  const told = `${number(reviewed)} reviewed: ${parts.map(([count, name]) => `${number(count)} ${name}`).join(", ")}`;
  return compared ? `${told} · agrees with the judge in ${number(agrees)} of ${number(compared)}` : told;
}
