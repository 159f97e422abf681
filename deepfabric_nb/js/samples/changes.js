// What an edit changed, word by word.
import { diffWordsWithSpace } from "diff";
import { element } from "../dom.js";
import { prose } from "./prose.js";
import { visible } from "./text.js";

const LONGEST = 100; // ms
const LARGEST = 100_000; // characters of both texts that are compared

/** Return the text as it is with what was taken out and put in, both texts if they differ in too much, or the old one. */
export function changes(before, after) {
  if (before.length + after.length > LARGEST) return prose(before, { asText: true });
  const [old, now] = [visible(before), visible(after)];
  const parts = diffWordsWithSpace(old, now, { timeout: LONGEST }) ?? [{ value: old, removed: true }, { value: "\n" }, { value: now, added: true }];
  const nodes = parts.map(({ value, added, removed }) => (added ? element("ins", {}, value) : removed ? element("del", {}, value) : value));
  return element("div", { class: "dfs-plain dfs-changes", dir: "auto" }, ...nodes);
}
