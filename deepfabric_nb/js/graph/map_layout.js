// The layout of a mind map: columns from the root to the right, or to both sides if one would be too high.

import { bowOf, crossLinks, placeLinks, roomOf } from "./map_links.js";
import { shownChildren, visibleTree } from "./map_tree.js";
import { number, share } from "./captions.js";

export const MARGIN = 14;
export const PAD = 8;
export const LEAST_SCALE = 0.74; // names are still read at it
export const MOST_HIGH = 720;
const MODEST = 560; // px; a higher map goes to both sides if it can
const MOST = 150; // nodes
const MOST_LEVELS = 7;
const TWO_SIDED = 640; // px; a narrower map has one side
const GAP = 44; // between columns
const WIDEST = 210; // of a name's line
const WIDEST_OF_FEW = 320; // in a map of two levels
const NARROWEST = 46;
const LINES = 2;
const ROOT_GAP = 26;
const UNEVEN = 0.35; // as far a side may be from half of the lines before branches change sides

/** How dense the nodes may be: line height, padding, gap between siblings and between families. */
const DENSITIES = [
  { line: 16, pad: 8, gap: 6, family: 14 },
  { line: 15, pad: 5, gap: 4, family: 8 },
  { line: 14, pad: 2, gap: 2, family: 4 },
];
const FEWER = 0.8; // with fewer of the topics than this there are no figures
const BAR = 5; // for the bar of what is made
const LOWEST = DENSITIES.at(-1).line + DENSITIES.at(-1).pad + DENSITIES.at(-1).gap;

/**
 * Lay out the mind map of a branch: return {nodes, links, x, y, w, h}, in pixels at scale 1; the root is at (0, 0).
 *
 * A node of `visibleTree` gets x, y, w, h, its `lines`, `side` (1 to the right, -1 to the left), whether it has a bar
 * (`isBarred`), and `told`, its figures in short; these are left out if many more topics are shown without them.
 * `height` is the height that it must have, or null. `split` is that of the last layout, or 0: how many of the root's
 * branches are on the right, if there are some on the left. `label(name, width, lines)` breaks names, `measure` returns the
 * width of a text, and of a bold one.
 */
export function mindMap(topics, focus, { width, height, folds, label, measure, split = 0 }) {
  const room = { split, width: width - 2 * MARGIN, height: (height ?? MOST_HIGH) - 2 * MARGIN, modest: (height ?? MODEST) - 2 * MARGIN };
  const named = (hasFigures) => (nodes) => write(topics, nodes, label, measure, hasFigures);
  const { counts, sides, density, hasFigures } = planWithFigures(topics, focus, room, named);
  const nodes = visibleTree(topics, focus, counts, folds);
  named(hasFigures)(nodes);
  const halves = divided(nodes[0], sides, split);
  const links = crossLinks(topics, nodes);
  arrange(nodes[0], halves, density, roomOf(links));
  placeLinks(links);
  return { nodes, links, split: halves[1].length ? halves[0].length : 0, ...extent(nodes, links) };
}

/** Decide how much is shown, and whether with figures: without them where they would cost more than a few topics. */
function planWithFigures(topics, focus, room, named) {
  const full = { ...plan(topics, focus, room, named(true)), hasFigures: true };
  if (!topics.allWanted[focus] || full.complete) return full;
  const bare = { ...plan(topics, focus, room, named(false)), hasFigures: false };
  return full.nodes < FEWER * bare.nodes ? bare : full;
}

/**
 * Decide how much is shown, on how many sides, and how densely, as if nothing was opened or folded by hand: on one side
 * if that isn't too high, else on both; less if that wouldn't be legible.
 */
function plan(topics, focus, room, write) {
  const tried = [];
  for (let levels = Math.min(MOST_LEVELS, topics.levelsBelow(focus, MOST_LEVELS)); levels > 0; levels -= 1) {
    for (const sides of room.width < TWO_SIDED || levels < 2 ? [1] : [1, 2]) {
      const one = attempt(topics, focus, room, { levels, sides }, write);
      if (sides < 2 && one.fits && one.modest && one.complete) return one;
      tried.push(one);
    }
    const fitting = tried.filter((one) => one.fits);
    if (fitting.some((one) => one.nodes >= 20 || levels <= 2)) return fitting.toSorted((one, other) => other.nodes - one.nodes)[0];
  }
  return tried.toSorted((one, other) => other.scale - one.scale)[0];
}

function attempt(topics, focus, room, { levels, sides }, write) {
  const line = LOWEST + (topics.allWanted[focus] ? BAR : 0);
  let made = null;
  for (let rows = Math.floor((room.height / LEAST_SCALE / line) * sides); rows > 3; rows = Math.floor(rows * 0.85)) {
    const counts = shownChildren(topics, focus, { most: MOST, rows, levels });
    const nodes = visibleTree(topics, focus, counts, new Map());
    write(nodes);
    const halves = divided(nodes[0], sides, room.split);
    const density = DENSITIES.find((one) => highest(halves, one) <= room.modest) ?? DENSITIES.at(-1);
    const links = crossLinks(topics, nodes);
    arrange(nodes[0], halves, density, roomOf(links));
    const { w, h } = extent(nodes, links);
    const scale = Math.min(room.width / w, room.height / h);
    const shown = nodes.filter((node) => !node.more).length;
    made = { counts, sides, density, scale, nodes: shown, modest: h <= room.modest, fits: scale >= LEAST_SCALE, complete: shown === topics.size[focus] };
    if (made.fits || room.width / w < LEAST_SCALE) break;
  }
  return made;
}

/** Break the nodes' names into lines, and find how broad they are. */
function write(topics, nodes, label, measure, hasFigures) {
  const widest = nodes.some((node) => node.level > 1) ? WIDEST : WIDEST_OF_FEW;
  for (const node of nodes) {
    const { row, more, level } = node;
    node.lines = more ? [`${number(more)} more`] : label(topics.names[row], widest, LINES);
    const figures = more ? "" : share(topics, row);
    node.isBarred = figures !== "";
    node.told = hasFigures ? figures : "";
    node.marks = more ? 0 : (topics.others.has(row) ? 1 : 0) + (topics.marks.has(row) ? 1 : 0);
    const name = Math.max(...node.lines.map((line) => measure(line, level < 2)), 0);
    node.w = Math.max(NARROWEST, name + 2 * PAD + node.marks * 16 + (node.told ? 0.84 * measure(node.told) + 12 : 0));
    node.pill = node.hidden ? 0.86 * measure(`${number(node.hidden)} more`) + 14 : 0;
  }
}

const leavesOf = (node) => (node.below.length ? node.below.reduce((sum, one) => sum + leavesOf(one), 0) : 1);

/**
 * Divide the root's branches between right and left, in their order. `before` is how many were on the right; that stays
 * as long as it isn't too uneven, so that a map that grows doesn't jump.
 */
function divided(root, sides, before) {
  const lines = root.below.map(leavesOf);
  if (sides < 2 || lines.length < 2) return [root.below, []];
  const sum = (count) => lines.slice(0, count).reduce((all, one) => all + one, 0);
  const half = sum(lines.length) / 2;
  let at = before;
  if (!before || before >= lines.length || Math.abs(sum(before) - half) > UNEVEN * half) {
    for (at = 1; at < lines.length - 1 && sum(at) + lines[at] / 2 < half; ) at += 1;
  }
  return [root.below.slice(0, at), root.below.slice(at)];
}

const highest = (halves, density) => Math.max(...halves.map((half) => stack(half, density)));

/** Place all nodes; `room` is what links need between a level and the next. */
function arrange(root, halves, density, room) {
  const all = highest(halves, density);
  root.h = heightOf(root, density);
  [root.x, root.y, root.side] = [0, (all - root.h) / 2, 1];
  halves.forEach((half, n) => {
    const side = n ? -1 : 1;
    const high = stack(half, density);
    shift(half, (all - high) / 2);
    columns(half, side, side > 0 ? root.w + ROOT_GAP + GAP / 2 : -ROOT_GAP - GAP / 2, room);
  });
  const [right, left] = halves.map((half) => half.length && (half[0].y + half.at(-1).y + half.at(-1).h) / 2);
  if (halves[0].length && !halves[1].length) root.y = right - root.h / 2;
  else if (halves[1].length) root.y = (right + left) / 2 - root.h / 2;
}

function heightOf(node, { line, pad }) {
  return node.lines.length * line + pad + (node.isBarred ? BAR : 0) + (node.level < 1 ? 6 : 0);
}

/** Stack siblings and all below them from y = 0 on; return the height. */
function stack(siblings, density) {
  let at = 0;
  siblings.forEach((node, n) => {
    if (n) at += gap(siblings[n - 1], node, density);
    at = place(node, at, density);
  });
  return at;
}

function place(node, top, density) {
  node.h = heightOf(node, density);
  node.y = top;
  if (!node.below.length) return top + node.h;
  const bottom = stack(node.below, density);
  const [first, last] = [node.below[0], node.below.at(-1)];
  const middle = (first.y + last.y + last.h) / 2;
  const down = top + Math.max(0, node.h / 2 - middle);
  shift(node.below, down);
  node.y = middle + down - node.h / 2;
  return Math.max(bottom + down, node.y + node.h);
}

const gap = (above, below, density) => (above.below.length || below.below.length ? density.family : density.gap);

function shift(nodes, by) {
  for (const node of nodes) {
    node.y += by;
    shift(node.below, by);
  }
}

/** Place the columns of a side, each as broad as its broadest node. */
function columns(siblings, side, from, room) {
  if (!siblings.length) return;
  const w = Math.max(...siblings.map((node) => node.w));
  for (const node of siblings) Object.assign(node, { side, w, x: side > 0 ? from : from - w });
  const next = siblings.flatMap((node) => node.below);
  columns(next, side, from + side * (w + GAP + (room.get(siblings[0].level) ?? 0)), room);
}

function extent(nodes, links = []) {
  const beside = new Map(nodes.map((node) => [node, node.pill ? node.pill + 10 : 0]));
  for (const { from, to } of links) {
    const bow = 0.75 * bowOf(from, to);
    for (const node of bow ? [from, to] : []) beside.set(node, Math.max(beside.get(node), bow + (node.pill ? node.pill + 9 : 0)));
  }
  const x = Math.min(...nodes.map((node) => node.x - (node.side < 0 ? beside.get(node) : 0)));
  const y = Math.min(...nodes.map((node) => node.y));
  const right = Math.max(...nodes.map((node) => node.x + node.w + (node.side < 0 ? 0 : beside.get(node))));
  return { x, y, w: right - x, h: Math.max(...nodes.map((node) => node.y + node.h)) - y };
}
