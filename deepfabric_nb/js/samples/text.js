// Make texts of models safe and plain to see, as `deepfabric_core/printable.py` does for terminals.

const UNSEEN = "\ufffd";
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u206f\ud800-\udfff\u{e0000}-\u{e007f}]/gu;
// What has no width, but joiners only after ASCII or one another: many scripts and emoji are written with them.
const NO_WIDTH = /[\u00ad\u034f\u180e\u200b\u2060-\u2064\ufeff]|(?<![^\u0000-\u007f\u200b-\u200d])[\u200c\u200d]/gu;
const MARK = "\u2423";
const BREAKS = /[\v\f\u0085\u2028\u2029]/;

/** Return the text with control characters and those without a width made visible, and without what reverses its direction; lines stay. */
export function visible(text) {
  return text.replace(/\r\n?/g, "\n").replace(CONTROLS, seen).replace(NO_WIDTH, MARK);
}

function seen(character) {
  if (BREAKS.test(character)) return " ";
  const code = character.codePointAt(0);
  return code < 0xa0 ? `\\x${code.toString(16).padStart(2, "0")}` : UNSEEN;
}

/** Return the text on one line, cut to `length` characters. */
export function line(text, length = 300) {
  const start = text.length > length ? `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "")}…` : text;
  return visible(start).replace(/\s+/g, " ").trim();
}

/** Return a number as it is read: 20,000. */
export const number = (value) => value.toLocaleString("en-US");

/** Return a count with its noun: "1 step", "5 steps". */
export const counted = (count, one, several = `${one}s`) => `${number(count)} ${count === 1 ? one : several}`;

/** Return how long a text is: "812 characters", "1.0 MB". */
export function size(length) {
  if (length < 10_000) return counted(length, "character");
  return length < 1_000_000 ? `${Math.round(length / 1000)} kB` : `${(length / 1_000_000).toFixed(1)} MB`;
}

/** Return a score with at most two digits after the point, as short as it is. */
export const score = (value) => String(Math.round(value * 100) / 100);

/** Return the key of a text's place in its record. */
export const placeKey = (at) => JSON.stringify(at);
