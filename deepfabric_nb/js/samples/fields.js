// The fields of a record of an own schema: texts, and lists and objects as nested lists.
import { element } from "../dom.js";
import { block, prose } from "./prose.js";
import { counted, line } from "./text.js";

const DEEPEST = 8;
const MOST = 1500; // values of one field

/** Return the value of a field that isn't a text: nested, with its JSON on demand. */
export function json(text) {
  const raw = fold("JSON", () => block(text));
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return block(text);
  }
  if (value === null || typeof value !== "object") return element("span", { class: "dfs-value" }, String(value));
  const left = { values: MOST };
  const list = nested(value, 0, left);
  const cut = left.values < 0 ? element("p", { class: "dfs-quiet" }, "The rest is in the JSON.") : "";
  return element("div", { class: "dfs-json" }, list, cut, raw);
}

function nested(value, depth, left) {
  left.values -= 1;
  if (left.values < 0) return "…";
  if (typeof value === "string") return prose(value);
  if (value === null || typeof value !== "object") return element("span", { class: "dfs-value" }, String(value));
  if (depth >= DEEPEST) return element("code", {}, line(JSON.stringify(value), 200));
  if (Array.isArray(value)) {
    if (!value.length) return element("span", { class: "dfs-quiet" }, "an empty list");
    return element("ol", {}, ...taken(value, left).map((one) => element("li", {}, nested(one, depth + 1, left))));
  }
  const entries = Object.entries(value);
  if (!entries.length) return element("span", { class: "dfs-quiet" }, "nothing");
  return element("dl", {}, ...taken(entries, left).map(([name, one]) => pair(name, nested(one, depth + 1, left))));
}

const taken = (list, left) => list.slice(0, Math.max(1, left.values));

/** Return a name with its value. */
export function pair(name, ...value) {
  return element("div", { class: "dfs-pair" }, element("dt", { dir: "auto" }, line(name, 80)), element("dd", { dir: "auto" }, ...value));
}

/** Return something folded whose inside is made when it is opened first. */
export function fold(label, make, { open = false, className = "" } = {}) {
  const root = element("details", { class: `dfs-fold ${className}`.trim() }, element("summary", {}, label));
  const fill = () => {
    if (root.open && root.childElementCount === 1) root.append(make());
  };
  root.addEventListener("toggle", fill);
  root.open = open;
  if (open) fill();
  return root;
}

/** Return reasoning, folded: one text or several steps. */
export function reasoning(steps) {
  const label = steps.length === 1 ? "Reasoning" : `Reasoning, ${counted(steps.length, "step")}`;
  return fold(label, () => (steps.length === 1 ? prose(steps[0]) : element("ol", {}, ...steps.map((step) => element("li", {}, prose(step))))));
}
