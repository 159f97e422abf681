// The list of samples. Only the rows in view are on the page.
import { element } from "../dom.js";
import { level } from "./judgement.js";
import { counted, line, number, score } from "./text.js";

export const HEIGHT = 48; // px of a row, as in the style sheet
const SPARE = 6; // rows above and below what is seen

const MARKS = {
  failed: { text: "failed", level: "poor" },
  rejected: { text: "rejected by a check", level: "fair" },
  unreadable: { text: "unreadable", level: "poor" },
  replaced: { text: "✕ replaced", level: "quiet" },
};
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
    for (const [at, part] of parts) part.update(rows, list, at, { isSelected: at === selected, scale, news: newsOf(state, list[at]) });
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
    update(rows, shown, at, { isSelected, scale, news }) {
      const row = shown[at];
      const marked = markOf(rows, row, scale);
      const noted = news || noteOf(rows, row);
      const told = textsOf(rows, row);
      const key = [row, at, shown.length, isSelected, marked.text, noted, told.title, told.parent, told.leaf].join("\n");
      if (key === drawn) return;
      drawn = key;
      root.id = `${list}-${row}`;
      root.dataset.row = row;
      root.dataset.branch = rows.branch(row) < 0 ? "" : rows.branch(row) % 8;
      root.style.transform = `translateY(${at * HEIGHT}px)`;
      root.setAttribute("aria-selected", String(isSelected));
      root.setAttribute("aria-setsize", String(shown.length));
      root.setAttribute("aria-posinset", String(at + 1));
      title.textContent = told.title;
      leaf.textContent = told.leaf;
      parent.textContent = told.parent;
      between.hidden = !told.parent;
      mark.textContent = marked.text;
      mark.className = `dfs-row-mark dfs-${marked.level}`;
      note.textContent = noted;
      note.toggleAttribute("data-new", Boolean(news));
    },
  };
}

/** What stands at the right of a row: the verdict, else the status unless it is done, else the score. */
function markOf(rows, row, scale) {
  const { verdict, score: scores } = rows.columns;
  const status = rows.status(row);
  if (verdict[row]) return { text: `${VERDICTS[verdict[row]][0]} ${verdict[row]}`, level: VERDICTS[verdict[row]][1] };
  if (MARKS[status]) return MARKS[status];
  const given = scores[row];
  return given === null || given === undefined ? { text: "", level: "none" } : { text: score(given), level: level(given, scale) };
}

/** The two lines of a row: the question and the topic; of what failed the topic and why. */
function textsOf(rows, row) {
  const title = line(rows.columns.title[row] ?? "", 160);
  const names = rows.path(row).slice(-2).map((one) => line(one, 60));
  if (rows.columns.status[row] === "failed" && names.length) return { title: names.at(-1), parent: "", leaf: title === names.at(-1) ? "" : title };
  const below = rows.path(row).length > 1 ? names.slice(rows.path(row).length > 2 ? 0 : 1) : [];
  return { title: title || "(no text)", parent: below.length > 1 ? below[0] : "", leaf: below.at(-1) ?? "" };
}

/** What the page knows of a row that is new to the person. */
function newsOf({ drafts, madeAgain }, row) {
  if (drafts.isUnsaved(row)) return "draft";
  return madeAgain.rows.has(row) ? "made again" : "";
}

/** What stands below it: why a sample isn't in the dataset, else what is notable about it. */
function noteOf(rows, row) {
  const { attempts, problems, calls, status, reason } = rows.columns;
  const notes = { replaced: "rejected by you", unreadable: "" };
  if (rows.status(row) in notes) return notes[rows.status(row)];
  if (status[row] !== "done") return line(rows.reasons[reason[row]] ?? "", 40);
  if (problems[row]) return `${number(problems[row])} found`;
  if (attempts[row] > 1) return `${number(attempts[row])} tries`;
  return calls[row] ? counted(calls[row], "tool call") : "";
}
