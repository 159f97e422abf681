// A text of a model, as Markdown or as plain text; a long one in part, until all of it is asked for.
import { element } from "../dom.js";
import { rendered } from "./markdown.js";
import { size, visible } from "./text.js";

const PART = 20_000; // characters of a long text that are shown first
const PLAIN = 200_000; // characters from which on a text is never taken as Markdown
const CHUNK = 40_000; // characters that are added to the page at a time

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
  const nodes = asText ? null : rendered(seen);
  root.append(nodes ?? plain(seen));
}

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
