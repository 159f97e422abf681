// Tool calls as a timeline: what was called with what, and what came of it.
import { element } from "../dom.js";
import { fold } from "./fields.js";
import { inParts } from "./parts.js";
import { block } from "./prose.js";
import { counted, line } from "./text.js";

const SHORT = 90; // characters of arguments that stand beside the name
const SHOWN = 700; // characters of a result that aren't folded
const LINES = 10;
const MOST = 100; // calls that are shown first

/**
 * Return the timeline of the calls of a message. `edit(label, at)` returns the text area of a text that is edited,
 * `changed(at, text)` what an edit changed.
 */
export function timeline(calls, { edit, changed }) {
  const made = inParts(calls, { most: MOST, noun: "call", make: (one) => [call(one, edit, changed)], wrap: (more) => element("li", {}, more) });
  return element("ol", { class: "dfs-calls", "aria-label": counted(calls.length, "tool call") }, ...made);
}

function call({ name, arguments: given, result, failed, at, result_at: resultAt }, edit, changed) {
  const short = summary(given);
  const [givenArea, resultArea] = [edit(`Arguments of ${line(name, 60)}`, at), edit(`Result of ${line(name, 60)}`, resultAt)];
  const said = element("span", { class: "dfn-unseen" }, failed ? " (failed)" : "");
  const head = element("div", { class: "dfs-call-name" }, element("b", {}, line(name, 80)), said, element("span", { class: "dfs-quiet", dir: "auto" }, short));
  const whole = givenArea ?? (short && given.length > SHORT ? fold("arguments", () => block(given)) : "");
  const came = resultArea ?? (result === null ? element("p", { class: "dfs-quiet" }, "no result") : outcome(result));
  return element("li", { class: failed ? "dfs-call dfs-call-failed" : "dfs-call" }, head, whole, ...changed(at, given), came, ...changed(resultAt, result ?? ""));
}

/** Return the arguments on one short line: the values, with names where there are several. */
function summary(given) {
  try {
    const parsed = JSON.parse(given);
    if (parsed === null || typeof parsed !== "object") return line(given, SHORT);
    const told = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    const entries = Object.entries(parsed);
    if (entries.length === 1) return line(told(entries[0][1]), SHORT);
    return line(entries.map(([name, value]) => `${name}: ${told(value)}`).join(", "), SHORT);
  } catch {
    return line(given, SHORT);
  }
}

function outcome(result) {
  if (result.length <= SHOWN && result.split("\n", LINES + 1).length <= LINES) return block(result);
  const start = line(result, 80);
  return fold(`${start} (${counted(result.length, "character")})`, () => block(result), { className: "dfs-result" });
}
