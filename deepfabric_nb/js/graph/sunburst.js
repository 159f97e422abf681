// The sunburst: the topic in focus in the middle, a ring per level, angles by leaves. An overview of large trees.

import { number } from "./captions.js";
import { colourOf, hueOf } from "./colours.js";
import { divide } from "./icicle_layout.js";
import { isRightToLeft } from "./label.js";
import { mix } from "./theme.js";

const RINGS = 3;
const LAST = 1.25; // how broad the last ring is, which has the most names
const LETTER = 12; // px along the ring that a name needs
const FULL = 2 * Math.PI;
const TOP = -Math.PI / 2;

/**
 * Return the arcs: {row, level, from, to, inner, outer, cx, cy, more, hidden}. Topics whose arc has no room for a name are one
 * arc, "N more" of their parent; where nothing has room, the level is left out.
 */
export function sunburst(topics, focus, size) {
  for (let levels = topics.levelsBelow(focus, RINGS + 1); ; levels -= 1) {
    const arcs = rings(topics, focus, size, levels);
    if (levels <= 2 || arcs.some((arc) => arc.level === levels - 1 && !arc.more)) return arcs;
  }
}

function rings(topics, focus, { width, height }, levels) {
  const radius = Math.min(width, height) / 2 - 4;
  const [cx, cy] = [width / 2, height / 2];
  const core = levels > 1 ? (levels > 3 ? 0.19 : 0.25) * radius : radius / 2;
  const edges = [0, core];
  for (let level = 1; level < levels; level += 1) edges.push(edges.at(-1) + ((radius - core) * (level === levels - 1 ? LAST : 1)) / (levels - 2 + LAST));
  const arcs = [];

  function add(row, level, from, to, more = 0) {
    const [inner, outer] = [edges[level], edges[level + 1]];
    const ends = !more && level === levels - 1;
    arcs.push({ row, level, from, to, inner, outer, cx, cy, more, hidden: ends ? topics.size[row] - 1 : 0 });
    if (more || level + 1 >= levels || topics.first[row] < 0) return;
    const unit = (to - from) / topics.leaves[row];
    const least = LETTER / ((edges[level + 1] + edges[level + 2]) / 2);
    const children = topics.childrenOf(row);
    const { thin, isThin, scale } = divide(children, (child) => unit * topics.leaves[child], least);
    if (thin.length === children.length && to - from < 1.2 * least) return;
    let at = from;
    for (const child of children) {
      if (isThin(child)) continue;
      const own = unit * topics.leaves[child] * scale;
      add(child, level + 1, at, at + own);
      at += own;
    }
    if (thin.length) add(row, level + 1, at, to, thin.reduce((sum, child) => sum + topics.size[child], 0));
  }

  add(focus, 0, TOP, TOP + FULL);
  return arcs;
}

/** Return the arc at a point. */
export function arcAt(arcs, x, y) {
  if (!arcs.length) return undefined;
  const { cx, cy } = arcs[0];
  const away = Math.hypot(x - cx, y - cy);
  const angle = ((Math.atan2(y - cy, x - cx) - TOP + FULL) % FULL) + TOP;
  return arcs.find((arc) => away >= arc.inner && away < arc.outer && (!arc.level || (angle >= arc.from && angle < arc.to)));
}

/** Draw the arcs and their names. */
export function paintSunburst(context, arcs, scene) {
  context.textBaseline = "middle";
  for (const arc of arcs) slice(context, arc, scene);
  for (const arc of arcs) if (!arc.more) outline(context, arc, scene);
  for (const arc of arcs) name(context, arc, scene);
}

function path(context, { cx, cy, inner, outer, from, to, level }, less = 0) {
  context.beginPath();
  if (!level) return context.arc(cx, cy, outer - less - 1, 0, FULL);
  const gap = (radius) => Math.min((to - from) / 3, (less + 0.6) / radius);
  context.arc(cx, cy, outer - less - 1, from + gap(outer), to - gap(outer));
  context.arc(cx, cy, inner + less, to - gap(inner), from + gap(inner), true);
  context.closePath();
}

function slice(context, arc, scene) {
  const { topics, colours } = scene;
  path(context, arc);
  context.fillStyle = arc.more ? mix(colours.back, hueOf(arc.row, scene), 0.07) : colourOf(arc.row, scene).fill;
  context.fill();
  const [made, failed] = [topics.allDone[arc.row], topics.allFailed[arc.row]];
  const whole = Math.max(topics.allWanted[arc.row], made + failed);
  if (arc.more || !arc.level || !whole) return;
  const { fill, ink, strong, bad } = colourOf(arc.row, scene);
  const gap = 3 / arc.outer;
  const [start, end] = [arc.from + gap, arc.to - gap];
  const at = (part) => start + (end - start) * part;
  for (const [from, to, colour] of [[0, 1, mix(fill, ink, 0.18)], [0, made / whole, strong], [1 - failed / whole, 1, bad]]) {
    if (to <= from || end <= start) continue;
    context.beginPath();
    context.arc(arc.cx, arc.cy, arc.outer - 4.5, at(from), at(to));
    context.strokeStyle = colour;
    context.lineWidth = 3;
    context.stroke();
  }
}

function outline(context, arc, { selected, hover, current, matches, colours }) {
  const { row } = arc;
  const chosen = selected.has(row);
  const found = matches?.own[row] || (arc.level && matches?.below[row]);
  if (!chosen && row !== hover && row !== current && !found) return;
  path(context, arc, 1);
  context.strokeStyle = chosen || row === current ? colours.brand : found ? colours.mark : colours.quiet;
  context.lineWidth = chosen || matches?.own[row] ? 2.5 : 1.5;
  context.setLineDash(chosen || matches?.own[row] ? [] : row === current || found ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
}

function name(context, arc, scene) {
  const { topics, colours, label } = scene;
  const { cx, cy, inner, outer, from, to, level, row, more, hidden } = arc;
  const text = more ? `${number(more)} more` : topics.names[row];
  const looks = more ? { ink: colours.quiet } : colourOf(row, scene);
  context.font = `${!more && topics.depth[row] < 2 ? "600 " : ""}11px ${colours.font}`;
  context.fillStyle = looks.ink;
  if (!level) return middle(context, label(text, 1.5 * outer, 3), cx, cy);
  const angle = (from + to) / 2;
  const radius = (inner + outer) / 2;
  const thick = (to - from) * radius;
  const lines = label(text, outer - inner - 11, Math.max(1, Math.min(3, Math.floor(thick / 14)))).slice();
  if (thick < LETTER - 2) return;
  if (hidden && thick > 15 * (lines.length + 1)) lines.push(`${number(hidden)} more`);
  const turned = Math.cos(angle) < -0.001;
  context.save();
  context.translate(cx, cy);
  context.rotate(turned ? angle + Math.PI : angle);
  context.textAlign = "center";
  lines.forEach((line, n) => {
    context.direction = isRightToLeft(line) ? "rtl" : "ltr";
    context.fillText(line, (turned ? -1 : 1) * (radius - 3), (n - (lines.length - 1) / 2) * 13);
  });
  context.restore();
}

function middle(context, lines, x, y) {
  context.textAlign = "center";
  lines.forEach((line, n) => {
    context.direction = isRightToLeft(line) ? "rtl" : "ltr";
    context.fillText(line, x, y + (n - (lines.length - 1) / 2) * 14);
  });
}

