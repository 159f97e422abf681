// A text of a model, as Markdown or as plain text; a long one in part, until all of it is asked for.
import { element } from "../dom.js";
import { rendered } from "./markdown.js";
import { counted, size, visible } from "./text.js";

const PART = 20_000; // characters of a long text that are shown first
const PLAIN = 200_000; // characters from which on a text is never taken as Markdown, and a block is cut
const BRIEF = 5_000; // characters of a reason, a remark, or evidence
const CHUNK = 40_000; // characters that are added to the page at a time
const AT_ONCE = 120; // ms for the Markdown of a card; the rest is rendered when the page has nothing else to do

let spent = 0;

/** Return an element with the text. `asText` shows it as it is. */
export function prose(text, { asText = false } = {}) {
  const root = element("div", { class: "dfs-prose", dir: "auto" });
  if (text.length <= PART) {
    fill(root, text, asText);
    return root;
  }
  fill(root, cut(text), asText || text.length > PLAIN);
  const more = element("button", { type: "button", class: "dfs-more", click: all }, `Show all (${size(text.length)})`);
  root.append(more);

  function all() {
    root.replaceChildren();
    if (text.length <= PLAIN) fill(root, text, asText);
    else addChunks(root, text);
    root.tabIndex = -1;
    root.focus({ preventScroll: true });
  }
  return root;
}

function cut(text) {
  const end = text.lastIndexOf("\n", PART);
  return text.slice(0, end > PART / 2 ? end : PART).replace(/[\ud800-\udbff]$/, "");
}

function fill(root, text, asText) {
  const seen = visible(text);
  if (!asText && spent > AT_ONCE) fillLater(root, seen);
  else root.append((asText ? null : markdown(seen)) ?? plain(seen));
}

/** Show a text as it is for now, and as Markdown a little later. */
function fillLater(root, seen) {
  const shown = plain(seen);
  root.append(shown);
  (globalThis.requestIdleCallback ?? setTimeout)(() => {
    const nodes = shown.isConnected ? markdown(seen) : null;
    if (nodes) shown.replaceWith(nodes);
  });
}

function markdown(seen) {
  if (!spent) setTimeout(() => (spent = 0));
  const began = performance.now();
  const nodes = rendered(seen);
  spent += performance.now() - began;
  return nodes;
}

/** Return a text of a program, such as JSON, as it is; of a very long one the beginning. */
export function block(text, attributes = {}) {
  const cut = text.length > PLAIN ? `${text.slice(0, PLAIN)}\n… ${counted(text.length - PLAIN, "more character")}` : text;
  return element("pre", { tabindex: "0", ...attributes }, visible(cut));
}

/** Return the beginning of a text that is usually short. */
export const brief = (text) => visible(text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text);

const plain = (text) => element("div", { class: "dfs-plain" }, text);

/** Add a long text piece by piece, so that the page never freezes. */
function addChunks(root, text, from = 0) {
  if (from >= text.length || (from && !root.isConnected)) return;
  const end = text.lastIndexOf("\n", from + CHUNK);
  const to = end > from ? end + 1 : from + CHUNK;
  const piece = text.slice(from, to);
  root.append(plain(visible(to < text.length ? piece.replace(/\n$/, "") : piece)));
  requestAnimationFrame(() => addChunks(root, text, to));
}
