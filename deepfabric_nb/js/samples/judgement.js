// What was said of a sample: by the judge, by checks, by people, and why it failed.
import { element } from "../dom.js";
import { fold, pair } from "./fields.js";
import { brief, prose } from "./prose.js";
import { counted, line, score } from "./text.js";

const SAID = { accept: "accepted", reject: "rejected", edit: "edited", comment: "commented", undo: "undone" };

/** Return the level of a score on its scale: "good", "fair" or "poor". */
export function level(value, scale) {
  if (value >= 0.75 * scale) return "good";
  return value >= 0.5 * scale ? "fair" : "poor";
}

/** Return all that was said of a sample, as elements. */
export function judgement(card, scale) {
  return [judge(card, scale), checks(card), failure(card), history(card)].filter(Boolean);
}

function judge({ score: total, scores }, scale) {
  if (total === null && !scores.length) return null;
  const title = element("h4", {}, "Judge ", total === null ? "" : element("b", { class: `dfs-score dfs-${level(total, scale)}` }, score(total)));
  const list = scores.map(({ criterion, score: given, reason }) =>
    element(
      "div",
      { class: "dfs-criterion" },
      element("dt", {}, line(criterion, 60), meter(given, scale), element("b", { class: `dfs-score dfs-${level(given, scale)}` }, score(given))),
      element("dd", { dir: "auto" }, brief(reason)),
    ),
  );
  return element("section", { class: "dfs-said", "aria-label": "Judge" }, title, ...(list.length ? [element("dl", {}, ...list)] : []));
}

function meter(value, scale) {
  const filled = element("span", { class: `dfs-${level(value, scale)}` });
  filled.style.width = `${Math.max(0, Math.min(100, (100 * value) / scale))}%`;
  return element("span", { class: "dfs-meter", "aria-hidden": "true" }, filled);
}

function checks({ checks: found }) {
  if (!found.length) return null;
  const list = found.map(({ check, reason, evidence }) => pair(check, brief(reason), evidence ? element("q", { class: "dfs-quiet" }, brief(evidence)) : ""));
  return element("section", { class: "dfs-said", "aria-label": "Checks" }, element("h4", {}, `Checks found ${counted(found.length, "problem")}`), element("dl", {}, ...list));
}

function failure({ error, request, reply }) {
  if (!error && !request && !reply) return null;
  const texts = [["Request", request], ["Reply", reply]].filter(([, text]) => text);
  const folds = texts.map(([label, text]) => fold(label, () => prose(text, { asText: true })));
  return element("section", { class: "dfs-said dfs-failure", "aria-label": "Failure" }, prose(error, { asText: true }), ...folds);
}

function history({ history: decisions }) {
  if (!decisions.length) return null;
  const list = decisions.map(({ action, who, when, said }) =>
    element("li", {}, element("b", {}, SAID[action] ?? action), said ? element("span", { dir: "auto" }, `: ${brief(said)}`) : "", element("span", { class: "dfs-quiet" }, [who, when].filter(Boolean).map((text) => ` · ${line(text, 60)}`).join(""))),
  );
  return element("section", { class: "dfs-said", "aria-label": "Decisions" }, element("h4", {}, "Decisions"), element("ul", {}, ...list));
}
