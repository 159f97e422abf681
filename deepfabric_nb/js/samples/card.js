// One sample in full: its topic, its messages or fields, and what was said of it.
import { element, say, show } from "../dom.js";
import { timeline } from "./calls.js";
import { changes } from "./changes.js";
import { fold, json, pair, reasoning } from "./fields.js";
import { judgement } from "./judgement.js";
import { inParts } from "./parts.js";
import { prose } from "./prose.js";
import { counted, line, number, placeKey } from "./text.js";

const MESSAGES = 60; // messages that are shown first
const ROLES = { user: "User", assistant: "Assistant", system: "System prompt", tool: "Tool result" };

/** The card of the selected row. */
export function cardView(state, act) {
  const { rows } = state;
  const path = element("nav", { class: "dfs-path", "aria-label": "Topic" });
  const facts = element("p", { class: "dfs-facts" });
  const asText = element("button", { type: "button", class: "dfs-quiet-button", title: "Markdown or plain text (M)", click: () => act.toggleText() });
  const place = element("span", { class: "dfs-quiet dfs-place" });
  const moves = element("div", { class: "dfs-moves" }, mover("previous", "‹", "Previous sample", "K", act), place, mover("next", "›", "Next sample", "J", act));
  const tools = element("div", { class: "dfs-card-tools" }, asText, moves);
  const head = element("header", { class: "dfs-card-head" }, element("div", {}, path, facts), tools);
  const body = element("div", { class: "dfs-card-body" });
  const foot = element("p", { class: "dfs-held" });
  const root = element("section", { class: "dfs-card", tabindex: "-1", "aria-label": "Sample" }, head, body, foot);
  let drawn = {};
  let drawnPath = "";

  function drawHead(row, card) {
    const [names, branch] = [card?.path ?? rows.path(row), Math.max(0, rows.branch(row))];
    const key = `${branch}\n${names.join("\n")}`;
    if (key !== drawnPath) path.replaceChildren(...crumbs(names, branch, act));
    drawnPath = key;
    say(facts, (card?.facts ?? []).map((fact) => line(fact, 80)).join(" · "));
    const at = state.list.indexOf(row);
    say(place, at < 0 ? `Sample ${number(row + 1)}` : `${number(at + 1)} of ${number(state.list.length)}`);
  }

  function drawBody(row, card) {
    const [isSame, scrolled] = [row === drawn.row, root.scrollTop];
    const open = isSame ? [...body.querySelectorAll(":scope details")].map((one) => one.open) : [];
    const unsaved = !state.draft && state.drafts.isUnsaved(row) ? [unsavedNote(act)] : [];
    body.replaceChildren(...unsaved, ...content(card, state.draft, { asText: state.asText, scale: rows.scale, act }));
    [...body.querySelectorAll("details")].forEach((one, at) => open[at] && (one.open = true));
    root.scrollTop = isSame ? scrolled : 0;
  }

  /** While a text is edited, an update changes nothing but the note above it. */
  function noteEdit(draft) {
    const note = body.querySelector(".dfs-edit-note");
    if (note) say(note, editHint(draft));
    return false;
  }

  function drawFoot() {
    const told = state.isLive && state.isHeld && state.madeAgain.isOver ? `Held while you read · ${state.unseen ? `${number(state.unseen)} more · ` : ""}` : "";
    show(foot, Boolean(told));
    if (told && foot.dataset.told !== told) foot.replaceChildren(told, element("button", { type: "button", class: "dfs-link", click: () => act.follow() }, "Follow"));
    foot.dataset.told = told;
  }

  function nothing() {
    path.replaceChildren();
    drawnPath = "";
    for (const node of [facts, place]) say(node, "");
    const text = rows.length ? "No sample is selected." : state.isLive ? "The first sample is being written." : "There are no samples.";
    body.replaceChildren(element("p", { class: "dfs-empty" }, text));
  }

  return {
    root,
    body,
    focus: () => root.focus({ preventScroll: true }),
    /** Put the cursor into the last answer, or else into the first text. */
    focusEditor: () => ([...body.querySelectorAll("textarea[data-role=assistant]")].at(-1) ?? body.querySelector("textarea"))?.focus(),
    /** Draw what has changed. */
    update() {
      const row = state.row;
      const { card, draft } = state;
      const isUnsaved = !draft && state.drafts.isUnsaved(row);
      const next = { row, card, asText: state.asText, texts: draft?.texts, late: !card && state.isLate, isUnsaved };
      show(asText, row >= 0);
      say(asText, state.asText ? "As Markdown" : "As text");
      root.setAttribute("aria-label", row < 0 ? "Sample" : `Sample ${number(row + 1)} of ${number(rows.length)}`);
      drawFoot();
      if (row < 0) nothing();
      else {
        drawHead(row, card);
        if (draft && drawn.row === row && drawn.texts === draft.texts) return noteEdit(draft);
        if (!Object.keys(next).some((name) => next[name] !== drawn[name])) return false;
        root.setAttribute("aria-busy", String(!card));
        if (card) drawBody(row, card);
        else if (state.isLate) body.replaceChildren(waiting(rows.columns.title[row]));
        else return false; // The former card stays for the moment that reading takes.
      }
      drawn = next;
      return true;
    },
  };
}

const mover = (action, sign, label, key, act) =>
  element("button", { type: "button", class: "dfs-move", "aria-label": label, title: `${label} (${key})`, "aria-keyshortcuts": key, click: () => act[action]() }, sign);

const waiting = (title) => element("div", { class: "dfs-waiting" }, element("p", { class: "dfs-bubble dfs-user", dir: "auto" }, line(title)), element("p", { class: "dfs-quiet" }, "Reading the sample …"));

/** The path of topics: each leads to the samples within it, the main branch has its colour. */
function crumbs(names, branch, act) {
  return names.flatMap((name, at) => {
    const inside = names.slice(0, at + 1);
    const button = element("button", { type: "button", class: "dfs-crumb", dir: "auto", title: "Only samples of this topic", click: () => act.within(inside) }, line(name, 120));
    if (at === 1) button.dataset.branch = branch % 8;
    return at ? [element("span", { "aria-hidden": "true" }, " › "), button] : [button];
  });
}

/** Return the content of a card to be read, as elements; `scale` is the highest score that there may be. */
export const cardContent = (card, scale) => content(card, null, { asText: false, scale, act: {} });

/** The content of a card, as elements; with a draft, the texts are there to be edited. */
function content(card, draft, { asText, scale, act }) {
  const before = new Map(card.before.map(({ at, text }) => [placeKey(at), text]));
  const one = { asText, before, draft, act };
  const given = [card.system && fold("System prompt", () => prose(card.system, { asText })), card.tools.length && toolsOf(card.tools)].filter(Boolean);
  const fields = card.fields.length ? [element("dl", { class: "dfs-fields" }, ...card.fields.map((field) => fieldOf(field, one)))] : [];
  const note = draft ? [editNote(draft)] : [];
  return [...note, ...given, ...inParts(card.messages, { most: MESSAGES, noun: "message", make: (message) => messageOf(message, one) }), ...fields, ...judgement(card, scale)];
}

const toolsOf = (names) => fold(counted(names.length, "tool"), () => element("p", {}, names.map((name) => line(name, 80)).join(", ")));

function messageOf(message, one) {
  const { role, text, at } = message;
  const parts = [];
  if (message.reasoning.length) parts.push(reasoning(message.reasoning));
  const area = editorAt(`Text of ${ROLES[role] ?? line(role, 40)}`, at, one);
  if (area) area.dataset.role = role;
  if (area) parts.push(area);
  else if (role === "system" || role === "tool") parts.push(fold(ROLES[role], () => prose(text, one)));
  else if (text || !message.calls.length) parts.push(bubble(role, text, one));
  parts.push(...changed(at, text, one));
  if (message.calls.length) parts.push(timeline(message.calls, { edit: (label, place) => editorAt(label, place, one), changed: (place, said) => changed(place, said, one) }));
  return parts;
}

function bubble(role, text, one) {
  const label = ROLES[role] ?? line(role, 40);
  const known = role === "user" || role === "assistant" ? "" : element("b", { class: "dfs-role" }, label);
  const inside = text ? prose(text, one) : element("span", { class: "dfs-quiet" }, "(empty)");
  return element("div", { class: `dfs-bubble dfs-${role === "user" ? "user" : "other"}`, role: "group", "aria-label": label }, known, inside);
}

function changed(at, text, { before, draft }) {
  const old = at?.length ? before.get(placeKey(at)) : undefined;
  return old === undefined || old === text || draft ? [] : [fold("Edited: what was changed", () => changes(old, text), { className: "dfs-changed" })];
}

function fieldOf(field, one) {
  const area = editorAt(`Text of ${line(field.name, 60)}`, field.at, one);
  if (area) return pair(field.name, area);
  return pair(field.name, field.is_json ? json(field.text) : prose(field.text, one), ...changed(field.at, field.text, one));
}

/** Return the text area of a text that is edited, or null. */
function editorAt(label, at, { draft, act }) {
  const text = at?.length ? draft?.texts.get(placeKey(at)) : null;
  return text ? editor(label, text, act) : null;
}

function editor(label, text, act) {
  const area = element("textarea", {
    class: "dfs-editor",
    dir: "auto",
    spellcheck: "false",
    "aria-label": label,
    input: () => act.drafted(text, area.value),
  });
  area.value = text.text;
  area.rows = Math.min(24, Math.max(2, text.text.split("\n").length, Math.ceil(text.text.length / 90)));
  return area;
}

const unsavedNote = (act) =>
  element("p", { class: "dfs-edit-note" }, "An edit of this sample isn't saved. ", element("button", { type: "button", class: "dfs-link", click: () => act.edit() }, "Go on"), " · ", element("button", { type: "button", class: "dfs-link", click: () => act.discard() }, "Discard"));

const editNote = (draft) => element("p", { class: "dfs-edit-note" }, editHint(draft));

const editHint = ({ isOutdated }) =>
  isOutdated ? "The sample has changed since you began to edit; saving replaces what is there now." : "The edit is kept beside the dataset, which stays as it is.";
