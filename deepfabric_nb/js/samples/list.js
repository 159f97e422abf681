// The list of samples. Only the rows in view are on the page.
import { element } from "../dom.js";
import { level } from "./judgement.js";
import { line, number, score } from "./text.js";

export const HEIGHT = 48; // px of a row, as in the style sheet
const SPARE = 6; // rows above and below what is seen

const VERDICTS = { accepted: ["✓", "good"], rejected: ["✕", "poor"], edited: ["✎", "edited"] };
/** The list as a listbox; `act.go(row)` selects a row. */
export function listView(state, act) {
  const { rows } = state;
  const name = `dfs-${Math.random().toString(36).slice(2, 10)}`; // of this list alone, whatever made the others
  const inside = element("div", { class: "dfs-rows", role: "presentation" });
  const root = element("div", { class: "dfs-list", role: "listbox", tabindex: "0", "aria-label": "Samples", click, scroll: () => act.soon(draw) }, inside);
  const empty = element("p", { class: "dfs-empty", role: "status" });
  const parts = new Map();
  const watcher = globalThis.ResizeObserver ? new ResizeObserver(() => act.soon(draw)) : null;
  watcher?.observe(root);
  let scale = 5;

  function click(event) {
    const option = event.target.closest("[data-row]");
    if (!option) return;
    act.go(Number(option.dataset.row));
    requestAnimationFrame(() => root.focus({ preventScroll: true })); // a notebook takes the focus at a click
  }

  function draw() {
    if (root.checkVisibility?.() === false) return; // It has no place to scroll in; it is drawn when it is seen.
    const { list } = state;
    const height = root.clientHeight || 400;
    const first = Math.max(0, Math.floor(root.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(list.length, Math.ceil((root.scrollTop + height) / HEIGHT) + SPARE);
    const wanted = new Set();
    for (let at = first; at < last; at += 1) wanted.add(at);
    const selected = list.indexOf(state.row);
    if (selected >= 0) wanted.add(selected);
    const free = [...parts].filter(([at]) => !wanted.has(at));
    for (const at of wanted) {
      if (parts.has(at)) continue;
      const [old, part] = free.pop() ?? [-1, option(name)];
      parts.delete(old);
      parts.set(at, part);
      if (!part.root.isConnected || part.root.parentNode !== inside) inside.append(part.root);
    }
    for (const [at, part] of free) {
      part.root.remove();
      parts.delete(at);
    }
    for (const [at, part] of parts) part.update(rows, list, at, { isSelected: at === selected, scale });
    if (selected >= 0) root.setAttribute("aria-activedescendant", `${name}-${list[selected]}`);
    else root.removeAttribute("aria-activedescendant");
  }

  return {
    root: element("div", { class: "dfs-list-place" }, root, empty),
    focus: () => root.focus({ preventScroll: true }),
    isUnderCursor: () => root.matches(":hover"),
    update() {
      ({ scale } = rows);
      inside.style.height = `${state.list.length * HEIGHT}px`;
      empty.hidden = state.list.length > 0 || !rows.length;
      empty.textContent = empty.hidden ? "" : "No sample fits the search and the filters.";
      draw();
    },
    /** Scroll so that a row is seen. */
    reveal(row) {
      const at = state.list.indexOf(row);
      if (at < 0) return;
      const [top, height] = [at * HEIGHT, root.clientHeight];
      if (top < root.scrollTop) root.scrollTop = top;
      else if (top + HEIGHT > root.scrollTop + height) root.scrollTop = top + HEIGHT - height;
    },
    /** How many rows a page has. */
    page: () => Math.max(1, Math.floor(root.clientHeight / HEIGHT) - 1),
    dispose: () => watcher?.disconnect(),
  };
}

function option(list) {
  const title = element("span", { class: "dfs-row-title", dir: "auto" });
  const [parent, leaf] = ["dfs-row-parent", "dfs-row-leaf"].map((name) => element("span", { class: name, dir: "auto" }));
  const between = element("span", { class: "dfs-row-between" }, " › ");
  const topic = element("span", { class: "dfs-row-topic" }, parent, between, leaf);
  const mark = element("span", { class: "dfs-row-mark" });
  const note = element("span", { class: "dfs-row-note" });
  const root = element("div", { class: "dfs-row", role: "option" }, title, mark, topic, note);
  let drawn = "";
  return {
    root,
    update(rows, shown, at, { isSelected, scale }) {
      const row = shown[at];
      const marked = markOf(rows.columns, row, scale);
      const noted = noteOf(rows.columns, row);
      const key = [row, at, shown.length, isSelected, marked.text, noted, rows.columns.title[row], rows.columns.topic[row]].join("\n");
      if (key === drawn) return;
      drawn = key;
      root.id = `${list}-${row}`;
      root.dataset.row = row;
      root.dataset.branch = rows.branch(row) < 0 ? "" : rows.branch(row) % 8;
      root.style.transform = `translateY(${at * HEIGHT}px)`;
      root.setAttribute("aria-selected", String(isSelected));
      root.setAttribute("aria-setsize", String(shown.length));
      root.setAttribute("aria-posinset", String(at + 1));
      title.textContent = line(rows.columns.title[row] ?? "", 160) || "(no text)";
      const names = rows.path(row).slice(1).slice(-2).map((one) => line(one, 60));
      leaf.textContent = names.at(-1) ?? "";
      parent.textContent = names.length > 1 ? names[0] : "";
      between.hidden = names.length < 2;
      mark.textContent = marked.text;
      mark.className = `dfs-row-mark dfs-${marked.level}`;
      note.textContent = noted;
    },
  };
}

/** What stands at the right of a row: the verdict, else the status unless it is done, else the score. */
function markOf({ verdict, status, score: scores }, row, scale) {
  if (verdict[row]) return { text: `${VERDICTS[verdict[row]][0]} ${verdict[row]}`, level: VERDICTS[verdict[row]][1] };
  if (status[row] === "failed") return { text: "failed", level: "poor" };
  if (status[row] === "rejected") return { text: "refused", level: "fair" };
  const given = scores[row];
  return given === null || given === undefined ? { text: "", level: "none" } : { text: score(given), level: level(given, scale) };
}

function noteOf({ attempts, problems, calls }, row) {
  if (problems[row]) return `${number(problems[row])} found`;
  if (attempts[row] > 1) return `${number(attempts[row])} tries`;
  return calls[row] ? `${number(calls[row])} ${calls[row] === 1 ? "call" : "calls"}` : "";
}
