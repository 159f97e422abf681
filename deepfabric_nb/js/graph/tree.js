import { element, follow, say } from "../dom.js";
import { figures, share } from "./captions.js";
import { OWN_KEYS } from "./keyboard.js";
import { shownChildren } from "./map_tree.js";

const AROUND = 12; // siblings on either side
const BELOW = 20; // subtopics of the topic itself
const LISTED = 400; // topics in the panel
const MOST = { most: 150, rows: 120, levels: 7 };

/**
 * The same topics as a list, for screen readers and the keyboard: the path to the current topic, its siblings and its
 * subtopics. Only these are on the page; attributes give the true number of siblings.
 */
export function tree(topics, state, act) {
  const root = element("ul", {
    ...{ class: "dfg-tree", role: "tree", "aria-label": "Topics", "aria-multiselectable": "true" },
    ...OWN_KEYS,
  });
  const places = new Map();
  let shown = new Set();

  function listed() {
    const line = topics.lineOf(state.current);
    const above = line.slice(0, -1);
    const siblings = topics.siblingsOf(state.current);
    const at = siblings.indexOf(state.current);
    const near = siblings.slice(Math.max(0, at - AROUND), at + AROUND + 1);
    const below = topics.childrenOf(state.current).slice(0, BELOW);
    const after = near.indexOf(state.current) + 1;
    for (const row of above) placed(topics.siblingsOf(row), row);
    for (const row of near) placed(siblings, row);
    below.forEach((row, n) => places.set(row, [n + 1, topics.children[state.current]]));
    return [...above, ...near.slice(0, after), ...below, ...near.slice(after)];
  }

  /** Return the topics that are unfolded, as in the mind map, for the panel. */
  function unfolded() {
    const counts = shownChildren(topics, state.focus, MOST);
    const found = [];
    const waiting = [state.focus];
    while (waiting.length && found.length < LISTED) {
      const row = waiting.pop();
      found.push(row);
      const children = topics.childrenOf(row);
      const shown = children.slice(0, state.folds.get(topics.ids[row]) ?? counts.get(row) ?? 0);
      shown.forEach((child, n) => places.set(child, [n + 1, children.length]));
      waiting.push(...shown.reverse());
    }
    placed(topics.siblingsOf(state.focus), state.focus);
    return found.includes(state.current) ? found : listed();
  }

  function placed(siblings, row) {
    places.set(row, [siblings.indexOf(row) + 1, siblings.length]);
  }

  function item() {
    const name = element("span", { class: "dfg-item-name", dir: "auto" });
    const told = element("span", { class: "dfn-count" });
    const made = element("li", { role: "treeitem", class: "dfg-item", click: clicked, dblclick: () => act.zoom(made.row) });
    function clicked(event) {
      const sign = event.target === made && state.outline && topics.children[made.row];
      if (sign) (made.getAttribute("aria-expanded") === "true" ? act.fold : act.unfold)(made.row);
      else act.select(made.row, { add: event.ctrlKey || event.metaKey, range: event.shiftKey });
    }
    made.append(name, " ", told);
    return {
      root: made,
      update(row) {
        made.row = row;
        say(name, topics.names[row].slice(0, 200));
        say(told, state.outline ? share(topics, row) : figures(topics, row).join(", "));
        describe(made, row);
      },
    };
  }

  function describe(made, row) {
    const [at, of] = places.get(row);
    const open = state.outline ? shown.has(topics.first[row]) : topics.lineOf(state.current).includes(row);
    const attributes = {
      "aria-level": topics.depth[row] + 1,
      "aria-posinset": at,
      "aria-setsize": of,
      "aria-selected": state.selectedIds.includes(topics.ids[row]),
      tabindex: row === state.current ? 0 : -1,
    };
    for (const [name, value] of Object.entries(attributes)) set(made, name, String(value));
    if (topics.children[row]) set(made, "aria-expanded", String(open));
    else made.removeAttribute("aria-expanded");
    made.style.paddingInlineStart = `${8 + 12 * (topics.depth[row] - (state.outline ? topics.depth[state.focus] : 0))}px`;
  }

  root.addEventListener("keydown", (event) => act.key(event));
  root.addEventListener("focusin", () => act.keyboard(true));
  root.addEventListener("focusout", ({ relatedTarget }) => root.contains(relatedTarget) || act.keyboard(false));
  /** Scroll the page to the current topic: in the list, or where the unseen list now lies, where the picture shows the topic. */
  function scrollToCurrent() {
    if (state.outline) return current()?.scrollIntoView?.({ block: "nearest" });
    const { x, y } = act.placeOf(state.current) ?? { x: 0, y: 0 };
    Object.assign(root.style, { left: `${Math.max(0, x)}px`, top: `${Math.max(0, y)}px` });
    root.scrollIntoView?.({ block: "nearest" });
  }

  const current = () => root.querySelector('[tabindex="0"]');
  return {
    root,
    update() {
      if (!topics.length) return;
      const within = root.contains(document.activeElement);
      places.clear();
      const rows = state.outline ? unfolded() : listed();
      shown = new Set(rows);
      follow(root, rows, { key: (row) => topics.ids[row], make: item });
      if (!within || document.activeElement === current()) return;
      this.focus();
      scrollToCurrent();
    },
    focus() {
      current()?.focus({ preventScroll: true });
    },
  };
}

function set(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
