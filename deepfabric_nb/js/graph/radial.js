// A radial tree for a small branch. With more than a few hundred topics it would be an unreadable ring.

/*! d3-hierarchy, which lays out the radial tree:
Copyright 2010-2026 Mike Bostock

Permission to use, copy, modify, and/or distribute this software for any purpose
with or without fee is hereby granted, provided that the above copyright notice
and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS
OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER
TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
*/
import { cluster, hierarchy } from "d3-hierarchy";
import { isRightToLeft } from "./label.js";

export const MOST = 300;
const MARGIN = 110; // for names, if there is enough room
const DOT = 4;
const HIT = 9;
const LINE = 11; // the least distance between two names
const FEW = 10; // up to so many branches of the root have their names inside the ring
const ROOMY = 120;

export const isSmall = (topics, focus) => topics.size[focus] <= MOST;

/** Return a box around each topic's dot and its position: {row, x, y, w, h, cx, cy, angle, depth, above, leaf, long}. */
export function radial(topics, focus, { width, height }) {
  const margin = Math.min(MARGIN, width / 4);
  const radius = Math.max(20, Math.min(width, height) / 2 - margin);
  const root = hierarchy(focus, (row) => topics.childrenOf(row));
  cluster().size([2 * Math.PI, radius]).separation(() => 1)(root);
  const named = (2 * Math.PI * radius) / topics.leaves[focus] >= LINE;
  const beside = root.children?.length ?? 0;
  const known = new Map();
  root.each((node) => {
    const angle = node.x - Math.PI / 2;
    const leaf = !node.children;
    const [cx, cy] = [width / 2 + node.y * Math.cos(angle), height / 2 + node.y * Math.sin(angle)];
    const box = { row: node.data, more: 0, x: cx - HIT, y: cy - HIT, w: 2 * HIT, h: 2 * HIT };
    const long = leaf ? margin - 12 : 1.6 * Math.min(margin, radius);
    const shown = leaf ? named : node.depth === 1 && beside <= FEW && radius > ROOMY;
    known.set(node, { ...box, cx, cy, angle, leaf, long, shown, depth: node.depth, above: known.get(node.parent) });
  });
  return [...known.values()];
}

/** Draw the tree: links, dots, names outwards. */
export function paintRadial(context, boxes, scene) {
  const { topics, colours } = scene;
  context.textBaseline = "middle";
  context.setLineDash([]);
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  for (const box of boxes) if (box.above) link(context, box.above, box);
  further(context, boxes, scene);
  for (const box of boxes) dot(context, box, scene);
  context.font = `11px ${colours.font}`;
  for (const box of boxes) if (box.shown || isNear(box, scene)) (box.leaf && box.depth ? outwards : above)(context, box, scene);
}

const isNear = ({ row }, { selected, hover, current }) => selected.has(row) || row === hover || row === current;

function link(context, from, to) {
  context.beginPath();
  context.moveTo(from.cx, from.cy);
  context.lineTo(to.cx, to.cy);
  context.stroke();
}

/** Draw the links of selected topics to their other parents. */
function further(context, boxes, { topics, selected, colours }) {
  const places = new Map(boxes.map((box) => [box.row, box]));
  context.strokeStyle = colours.brand;
  context.setLineDash([4, 3]);
  for (const row of selected) {
    for (const other of topics.others.get(row) ?? []) {
      if (places.has(row) && places.has(other)) link(context, places.get(other), places.get(row));
    }
  }
  context.setLineDash([]);
}

function dot(context, box, scene) {
  const { topics, colours, matches, colourBy } = scene;
  const { row } = box;
  const near = isNear(box, scene);
  context.beginPath();
  context.arc(box.cx, box.cy, near ? DOT + 2 : DOT, 0, 2 * Math.PI);
  context.fillStyle = colourBy === "depth" ? colours.depths[topics.depth[row] % colours.depths.length] : colours.cell;
  context.fill();
  if (colourBy === "coverage") share(context, box, scene);
  context.lineWidth = near ? 2.5 : 1;
  context.strokeStyle = near ? colours.brand : matches?.own[row] ? colours.mark : colours.quiet;
  if (matches?.own[row]) context.lineWidth = 3;
  context.beginPath();
  context.arc(box.cx, box.cy, near ? DOT + 2 : DOT, 0, 2 * Math.PI);
  context.stroke();
}

/** Draw how much is made and failed, as parts of the dot. */
function share(context, { row, cx, cy }, { topics, colours }) {
  const [done, failed] = [topics.allDone[row], topics.allFailed[row]];
  const whole = Math.max(topics.allWanted[row], done + failed);
  if (!whole) return;
  slice(context, cx, cy, 0, done / whole, colours.brand);
  slice(context, cx, cy, 1 - failed / whole, 1, colours.bad);
}

function slice(context, x, y, from, to, colour) {
  if (to <= from) return;
  const turn = (part) => 2 * Math.PI * part - Math.PI / 2;
  context.beginPath();
  context.moveTo(x, y);
  context.arc(x, y, DOT, turn(from), turn(to));
  context.fillStyle = colour;
  context.fill();
}

/** Draw a leaf's name, outwards. */
function outwards(context, box, scene) {
  const turned = Math.cos(box.angle) < -0.001;
  const text = shownName(box, scene);
  context.save();
  context.translate(box.cx, box.cy);
  context.rotate(turned ? box.angle + Math.PI : box.angle);
  context.direction = isRightToLeft(text) ? "rtl" : "ltr";
  context.textAlign = turned ? "right" : "left";
  context.fillStyle = scene.colours.text;
  context.fillText(text, turned ? -DOT - 5 : DOT + 5, 0);
  context.restore();
}

/** Draw any other name, above its dot. */
function above(context, box, scene) {
  const text = shownName(box, scene);
  context.direction = isRightToLeft(text) ? "rtl" : "ltr";
  context.textAlign = "center";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = scene.colours.back;
  context.strokeText(text, box.cx, box.cy - DOT - 9);
  context.fillStyle = scene.colours.text;
  context.fillText(text, box.cx, box.cy - DOT - 9);
}

function shownName(box, { topics, label }) {
  const links = topics.others.has(box.row) ? "⑂ " : "";
  return label(links + topics.names[box.row], box.long, 1)[0] ?? "";
}
