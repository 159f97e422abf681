import { describe, element, say, show } from "../dom.js";
import { weightControl } from "./weights.js";

export const ANSWER_WITHIN = 1500;

const WAITING = "Python is busy: the change is made as soon as it listens, at the end of the cell at the latest.";

/** The buttons for edits of the selected topics. `send` sends an edit to Python; without it nothing can be edited. */
export function editBar(topics, state, act, send) {
  let asking = null; // "rename" or "add", while its name is typed
  let timer = null;
  const buttons = Object.fromEntries(
    [
      ["zoom", "Zoom", "Show this branch alone (Enter)", () => act.zoom(row())],
      ["prune", "Prune", "Take the topic and all below it out (Delete)", () => change("prune")],
      ["keep", "Keep only this", "Take out everything else", () => change("keep_only")],
      ["rename", "Rename", "Give the topic another name (F2)", () => ask("rename")],
      ["add", "Add subtopic", "Add a topic below by hand", () => ask("add")],
      ["grow", "Grow deeper", "Let the model find subtopics here", () => change("grow")],
      ["regenerate", "Ask again", "These subtopics were poor: let the model find others", () => change("regenerate")],
      ["merge", "Merge", "They are the same: make one topic of them, the first that was selected", () => change("merge")],
    ].map(([what, text, title, click]) => [what, element("button", { type: "button", title, click: enabled(click), "data-does": what }, text)]),
  );
  const field = element("input", { type: "text", dir: "auto", maxlength: "2000" });
  const save = element("button", { type: "submit" }, "Save");
  const cancel = element("button", { type: "button", click: () => ask(null) }, "Cancel");
  const form = element("form", { class: "dfg-form", submit: named, keydown: escaped }, field, save, cancel);
  const bar = element("div", { class: "dfg-steering", role: "group", "aria-label": "Change the topics" }, ...Object.values(buttons));
  const note = element("span", { role: "status", dir: "auto" });
  const undo = element("button", { type: "button", click: () => change("undo") }, "Undo");
  const redo = element("button", { type: "button", click: () => change("redo") }, "Redo");
  const last = element("div", { class: "dfg-last" }, note, undo, redo);
  const weights = weightControl(topics, state, act);
  let history = { undo: "", redo: "" };
  let trouble = "";

  const row = () => state.selected[0] ?? state.current;

  function change(op, more = {}) {
    const ids = state.selectedIds.length ? state.selectedIds : [topics.ids[row()]];
    clearTimeout(timer);
    timer = setTimeout(() => tell(WAITING), ANSWER_WITHIN);
    try {
      send({ type: "edit", op, ids, ...more });
    } catch {
      clearTimeout(timer);
      tell("The kernel can't be reached from here.");
    }
  }

  function tell(text) {
    trouble = text;
    act.soon();
  }

  function ask(what) {
    asking = what;
    field.value = what === "rename" ? topics.names[row()] : "";
    field.setAttribute("aria-label", what === "rename" ? "New name" : "Name of the new subtopic");
    update();
    if (what) field.focus();
    else act.hold();
  }

  function named(event) {
    event.preventDefault();
    const name = field.value.trim();
    if (name) change(asking, { name });
    ask(null);
  }

  function escaped(event) {
    if (event.key === "Escape") ask(null);
    event.stopPropagation();
  }

  function update() {
    const { selected } = state;
    const [one, leaf] = [selected.length === 1, selected.length === 1 && !topics.children[selected[0]]];
    const root = selected.includes(0);
    const fits = {
      ...{ zoom: one, prune: selected.length > 0 && !root, keep: one && !root },
      ...{ rename: one, add: one, grow: one, regenerate: one && !leaf, merge: selected.length > 1 && !root },
    };
    for (const [what, button] of Object.entries(buttons)) {
      show(button, what === "zoom" || Boolean(send));
      describe(button, { "aria-disabled": String(!fits[what]) });
    }
    show(bar, selected.length > 0 && !asking);
    show(form, Boolean(asking));
    weights.update();
    say(note, trouble || history.undo || (history.redo && `Taken back: ${history.redo}`));
    show(undo, Boolean(history.undo));
    show(redo, Boolean(history.redo));
    show(last, Boolean(trouble || history.undo || history.redo));
  }

  return {
    root: element("div", { class: "dfg-changes" }, bar, weights.root, form, last),
    update,
    change,
    /** Return what went wrong last. */
    trouble: () => trouble,
    ask,
    tell,
    /** Show what a message says about edits made or refused. */
    heard(message) {
      if (["snapshot", "refused"].includes(message.type)) state.asked = null;
      if (message.type === "snapshot") history = { undo: message.undo ?? "", redo: message.redo ?? "" };
      if (["snapshot", "refused", "heard"].includes(message.type)) clearTimeout(timer);
      if (["snapshot", "refused", "heard"].includes(message.type)) trouble = message.message ?? "";
    },
    dispose: () => clearTimeout(timer),
  };
}

/** What a click on a button does, unless that is disabled; a button always keeps its place. */
function enabled(click) {
  return ({ currentTarget }) => currentTarget.getAttribute("aria-disabled") === "true" || click();
}
