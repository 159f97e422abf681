// The keys of the review, and what each does.

/** The keys, as they are listed in the help: key, what it does, the name of the action. */
export const KEYS = [
  ["A", "Accept", "accept"],
  ["R", "Reject, with a reason", "reject"],
  ["E", "Edit the texts", "edit"],
  ["C", "Comment", "comment"],
  ["G", "Reject and make again, with an instruction", "again"],
  ["L", "Reject all that are like this", "alike"],
  ["U", "Undo the latest decision", "undo"],
  ["J", "Next sample", "next"],
  ["K", "Previous sample", "previous"],
  ["M", "Show texts as Markdown or as they are", "toggleText"],
  ["/", "Search", "search"],
  ["?", "This help", "help"],
];
const ACTIONS = new Map(KEYS.map(([key, , action]) => [key.toLowerCase(), action]));

/** Return whether an element takes text. */
export const takesText = (node) => Boolean(node?.matches?.("textarea, select, input:not([type=checkbox]), [contenteditable]"));

/**
 * Return the action that a key means: a name in `KEYS`, "save", "escape", or `{ move }` in the list; else undefined.
 * In a text box only Escape and, in an editor, Ctrl or Cmd with Enter mean anything.
 */
export function actionOf(event, { isInList }) {
  const { key } = event;
  const command = event.ctrlKey || event.metaKey;
  if (event.isComposing || event.altKey) return undefined;
  if (key === "Escape") return "escape";
  if (takesText(event.target)) return command && key === "Enter" && event.target.matches("textarea") ? "save" : undefined;
  if (command) return letter(event) === "z" && !event.shiftKey ? "undo" : undefined;
  if (isInList && MOVES[key]) return { move: MOVES[key] };
  return ACTIONS.get(letter(event));
}

const MOVES = { ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last", PageDown: "pageDown", PageUp: "pageUp", Enter: "read" };

/** The letter of a key, by its place on the keyboard where the layout isn't Latin. */
function letter({ key, code }) {
  if (/^[\u0020-\u007e]$/.test(key)) return key.toLowerCase();
  return /^Key[A-Z]$/.test(code ?? "") && key.length === 1 ? code.at(-1).toLowerCase() : "";
}
