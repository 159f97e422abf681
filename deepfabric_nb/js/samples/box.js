// The boxes that open above the review bar: why a sample is rejected, a comment, which others are like it.
import { element } from "../dom.js";
import { counted, line } from "./text.js";

const COMMON = ["wrong", "off topic", "too vague", "repeats another", "badly formatted"];
const SUGGESTED = 8;

/** A place for one box at a time; `closed` is called when it closes, by itself or by Escape. */
export function boxPlace(closed) {
  const root = element("div", { class: "dfs-box", role: "dialog", hidden: "" });

  function close() {
    if (root.hidden) return false;
    root.hidden = true;
    root.replaceChildren();
    closed();
    return true;
  }

  return {
    root,
    close,
    open(label, ...content) {
      root.setAttribute("aria-label", label);
      root.replaceChildren(element("div", { class: "dfs-box-head" }, element("h4", {}, label), element("button", { type: "button", class: "dfs-close", "aria-label": "Close", click: close }, "×")), ...content);
      root.hidden = false;
      (root.querySelector("input[type=text]") ?? root.querySelector(".dfs-chips button") ?? root.querySelector("button"))?.focus();
    },
  };
}

/** Return the reasons that were given so far, the most frequent first, then common ones. */
export function suggestedReasons(rows) {
  const { verdict, reason } = rows.columns;
  const counts = new Map();
  verdict.forEach((one, row) => {
    const given = rows.reasons[reason[row]];
    if (one === "rejected" && given) counts.set(given, (counts.get(given) ?? 0) + 1);
  });
  const used = [...counts].sort(([, one], [, other]) => other - one).map(([given]) => given);
  return [...new Set([...used, ...COMMON])].slice(0, SUGGESTED);
}

/** Ask why a sample is rejected: Enter or a click on a reason rejects it. */
export function askReason(place, rows, done) {
  const finish = (reason) => {
    place.close();
    done(reason);
  };
  place.open("Reject because", reasons(rows, finish), oneLine("Reason", "or in your words; Enter rejects", "Reject", finish));
}

function reasons(rows, done) {
  const one = (reason) => element("button", { type: "button", class: "dfs-chip", dir: "auto", click: () => done(reason) }, line(reason, 80));
  return element("div", { class: "dfs-chips", role: "group", "aria-label": "Reasons" }, ...suggestedReasons(rows).map(one));
}

/** Ask for one line of text. An empty one is taken too, unless `isNeeded`. */
export function askLine(place, { label, field, hint, button, isNeeded = false }, done) {
  const finish = (text) => {
    if (isNeeded && !text) return;
    place.close();
    done(text);
  };
  place.open(label, oneLine(field, hint, button, finish));
}

function oneLine(label, placeholder, button, done) {
  const field = element("input", { type: "text", "aria-label": label, placeholder, dir: "auto" });
  const send = () => done(field.value.trim());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  return element("div", { class: "dfs-line" }, field, element("button", { type: "button", class: "dfs-primary", click: send }, button));
}

/** Ask what becomes of an edit that isn't saved before a sample is accepted or rejected. */
export function askDraft(place, does, { save, discard, edit }) {
  const one = (text, then, style = "") => {
    const click = () => {
      place.close();
      then();
    };
    return element("button", { type: "button", class: style, click }, text);
  };
  const saved = does === "Accept" ? [one("Save the edit", save, "dfs-primary")] : [];
  const note = element("p", {}, saved.length ? "A sample that is edited counts as accepted." : "A sample that is rejected has no use for it.");
  place.open("This sample has an edit that isn't saved", note, element("div", { class: "dfs-chips" }, ...saved, one(`${does} without the edit`, discard), one("Go on editing", edit)));
}

/** Show the groups of samples that are like one; those that are ticked may be rejected together. */
export function askAlike(place, rows, groups, done) {
  if (!groups.length) {
    place.open("Reject all like this", element("p", {}, "No other sample is like this one."));
    return;
  }
  const boxes = groups.map(({ label, rows: found }, at) => {
    const box = element("input", { type: "checkbox", change: count });
    box.checked = at === 0;
    const examples = found.slice(0, 3).map((row) => line(rows.columns.title[row] ?? "", 70)).join(" · ");
    return { box, found, root: element("label", { class: "dfs-alike" }, box, element("b", { dir: "auto" }, line(label, 120)), element("span", { class: "dfs-quiet", dir: "auto" }, examples)) };
  });
  const field = element("input", { type: "text", "aria-label": "Reason", placeholder: "reason", dir: "auto" });
  const button = element("button", { type: "button", class: "dfs-primary dfs-danger", click: send });
  const chosen = () => [...new Set(boxes.filter(({ box }) => box.checked).flatMap(({ found }) => found))];

  function count() {
    const { length } = chosen();
    button.textContent = `Reject ${counted(length, "sample")}`;
    button.disabled = length === 0;
  }

  function send() {
    const found = chosen();
    place.close();
    done(found, field.value.trim());
  }

  count();
  place.open("Reject all like this", ...boxes.map(({ root }) => root), element("div", { class: "dfs-line" }, field, button));
}
