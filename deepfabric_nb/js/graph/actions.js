import { say } from "../dom.js";
import { commands } from "./commands.js";
import { pressed } from "./keyboard.js";
import { OPENED } from "./map_tree.js";
import { download } from "./save_picture.js";
import { nextStep } from "./weights.js";

/** What the parts of the view can do with each other: `act`. */
export function actions({ topics, state, root, parts, spoken, send, soon, update }) {
  const isFull = () => document.fullscreenElement === root || root.classList.contains("dfg-full");
  const map = () => parts.canvas.pictures.map;

  function tellSelection() {
    try {
      send?.({ type: "select", ids: state.selectedIds });
    } catch {
      // The connection is gone; the page goes on alone.
    }
  }

  function selecting(change) {
    const before = String(state.selectedIds);
    state.dismissed = false;
    change();
    if (before !== String(state.selectedIds)) tellSelection();
    soon();
  }

  /** Make a topic visible: open the branches above it, show the page of its list, or else another branch. */
  function bringIntoView(row) {
    const parent = topics.parent[row];
    if (parent < 0) state.focusId = topics.ids[row];
    else if (!topics.isWithin(row, state.focus)) state.focusId = state.view === "map" ? topics.ids[0] : topics.ids[parent];
    update();
    if (parent >= 0 && !parts.canvas.legible(row)) (state.view === "map" ? unfolded : paged)(row, parent);
    if (state.view !== "map") return;
    map().reveal([topics.ids[row]]);
    soon();
  }

  function unfolded(row) {
    state.openTo(row);
    map().viewport.taken = true;
    update();
  }

  function paged(row, parent) {
    state.pages.set(topics.ids[parent], topics.ids[row]);
    update();
    if (parts.canvas.legible(row)) return;
    state.focusId = topics.ids[parent];
    soon();
  }

  const viewing = {
    soon,
    isFull,
    select: (row, how) => selecting(() => state.select(row, how)),
    selectAll: (rows) => selecting(() => (state.selectedIds = rows.map((row) => topics.ids[row]))),
    /** Go to a topic with the keyboard: select it and make it visible. */
    go(row, add) {
      viewing.select(row, { add });
      bringIntoView(row);
    },
    reveal(row) {
      viewing.select(row);
      bringIntoView(row);
    },
    /** Return how many pixels of the picture's right edge are under the panel. */
    covered() {
      const { side, canvas } = parts;
      return side && !side.hidden && side.offsetWidth < canvas.root.clientWidth - 20 ? side.offsetWidth : 0;
    },
    /** Move the picture if a selected topic is under the panel. */
    uncover(row) {
      if (!state.selected.includes(row) || row >= topics.length) return;
      map().uncover(row);
      soon();
    },
    /** Focus a branch, or the parent of a leaf. */
    zoom(row) {
      if (row < 0) return;
      const branch = topics.children[row] ? row : Math.max(0, topics.parent[row]);
      state.focusId = topics.ids[branch];
      if (!topics.isWithin(state.current, branch)) state.currentId = state.focusId;
      say(spoken, `In view: ${topics.names[branch].slice(0, 120)}`);
      soon();
    },
    page(id, first) {
      state.pages.set(id, first);
      soon();
    },
    /** Open a folded branch of the mind map, or show more of a list that is too long; `id` is that of the node clicked. */
    unfold(row) {
      const shown = map().nodeOf(row)?.below.filter((node) => !node.more) ?? [];
      const before = new Set(shown.map((node) => node.id));
      state.open(row, shown.length ? shown.length + OPENED : OPENED);
      const fresh = topics.childrenOf(row).slice(0, shown.length + OPENED - 1).map((child) => topics.ids[child]).filter((id) => !before.has(id));
      map().viewport.taken = true;
      map().reveal(fresh);
      say(spoken, `Opened: ${topics.names[row].slice(0, 120)}`);
      soon();
    },
    /** Open everything below a branch, as far as so many topics can be drawn. */
    unfoldAll(row) {
      state.openAll(row);
      map().fit();
      say(spoken, `Opened all below: ${topics.names[row].slice(0, 120)}`);
      soon();
    },
    fold(row) {
      state.fold(row);
      say(spoken, `Folded: ${topics.names[row].slice(0, 120)}`);
      soon();
    },
    key(event) {
      if (!pressed(event, topics, state, act)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    keyboard(held) {
      state.keyboard = held;
      soon();
    },
    placeOf: (row) => parts.canvas?.placeOf(row),
    /** Give the keyboard back to the list, unless a name or a menu has it. */
    hold: () => requestAnimationFrame(() => parts.nameField.field.hidden && parts.menu.root.hidden && parts.list.focus()),
    search: () => parts.searchBar.focus(),
    show(view) {
      state.show(view);
      map().fit();
      soon();
    },
    colourBy(by) {
      state.colour = by;
      soon();
    },
    showOutline(shown) {
      state.showOutline(shown);
      if (state.selected.length) map().reveal(state.selectedIds);
      soon();
    },
    showPanel(shown) {
      state.panel = shown;
      soon();
    },
    /** Close the panel until something is selected again. */
    dismiss() {
      state.dismissed = true;
      soon();
    },
    fit() {
      map().fit();
      soon();
    },
    scale(by) {
      const { width, height } = parts.canvas.size() ?? { width: 0, height: 0 };
      map().viewport.zoom(by, width / 2, height / 2, true);
      soon();
    },
    /** Fill the screen, or where that isn't allowed, the page. */
    full() {
      const on = !isFull();
      map().fit();
      if (on) root.requestFullscreen?.().catch(() => filled(true)) ?? filled(true);
      else if (document.fullscreenElement === root) document.exitFullscreen();
      filled(on && !root.requestFullscreen);
    },
    savePicture(button) {
      const place = { x: parts.canvas.root.clientWidth, y: 0 };
      const kinds = [["png", "PNG"], ["svg", "SVG"]].map(([kind, text]) => [`Save as ${text}`, "", () => download(kind, topics, parts.canvas)]);
      parts.menu.open(kinds, place.x, place.y);
      button.blur();
    },
    /** Copy all weights as a line for `topics` in the config. */
    copyWeights() {
      const named = [...topics.weights].map(([row, [weight]]) => `${JSON.stringify(pathOf(row))}: ${weight}`);
      const line = `weights: {${named.join(", ")}}`;
      navigator.clipboard?.writeText(line).catch(() => {}); // It may be refused, so the line is shown as well.
      parts.editBar.tell(`Below topics in the config: ${line}`);
    },
    /** Open the menu of a topic at a point, or else where the topic is drawn. */
    menu(row, x, y) {
      const place = parts.canvas.placeOf(row) ?? { x: 0, y: 0, h: 20 };
      parts.menu.open(commands(row, topics, state, act), x ?? place.x + 12, y ?? place.y + place.h);
    },
  };

  function filled(full) {
    root.classList.toggle("dfg-full", full);
    soon();
  }

  /** Return how the config names a topic: by its path, without the root. */
  const pathOf = (row) => topics.pathOf(row).slice(row ? 1 : 0).join(" > ");

  const change = (op, more) => parts.editBar.change(op, more);
  const editing = send && {
    prune: () => (state.selected.length ? !state.selected.includes(0) : state.current > 0) && change("prune"),
    rename: () => editing.renameAt(state.current),
    /** Ask for a new name where the topic is drawn, or below. */
    renameAt(row) {
      const node = state.view === "map" && parts.canvas.placeOf(row);
      if (node) parts.nameField.open(topics.ids[row], topics.names[row], node);
      else parts.editBar.ask("rename");
    },
    edit: change,
    ask: (what) => ((state.panel = true), parts.editBar.ask(what)),
    undo: () => change("undo"),
    redo: () => change("redo"),
    /** Remember topics to be put below another one. */
    cut(rows) {
      state.cutIds = rows.filter((row) => row > 0).map((row) => topics.ids[row]);
      say(spoken, state.cutIds.length ? "Go to the topic that they belong below, and press Ctrl+V." : "");
      soon();
    },
    paste(row) {
      if (!state.cutIds.length) return;
      change("move", { ids: state.cutIds, to: topics.ids[row] });
      state.cutIds = [];
    },
    /** Give the selected topics so many times the samples of the topic above them. */
    weigh(factor) {
      const rows = state.selected.length ? state.selected : [state.current];
      if (rows.includes(0)) return;
      const above = topics.weightOf(topics.parent[rows[0]]) || 1;
      state.asked = { ids: String(rows.map((row) => topics.ids[row])), factor };
      change("weigh", { ids: rows.map((row) => topics.ids[row]), weight: factor === 1 ? null : factor * above });
    },
    /** Go a step from the present factor, or from the one that was asked for a moment ago. */
    weighMore(more) {
      const rows = state.selected.length ? state.selected : [state.current];
      const isAsked = state.asked?.ids === String(rows.map((row) => topics.ids[row]));
      editing.weigh(nextStep(isAsked ? state.asked.factor : topics.factorOf(rows[0]), more));
    },
    move: (rows, to) => change("move", { ids: rows.map((row) => topics.ids[row]), to: topics.ids[to] }),
  };
  const act = { ...viewing, ...editing };
  return act;
}
