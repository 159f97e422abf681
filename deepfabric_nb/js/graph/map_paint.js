import { number } from "./captions.js";
import { colourOf, hueOf } from "./colours.js";
import { isRightToLeft } from "./label.js";
import { PAD } from "./map_layout.js";
import { head, traceLink } from "./map_links.js";
import { alikeMark, bar, card, linkMark, ring } from "./marks.js";
import { mix } from "./theme.js";

const FONT = 12;
const BAR = 2.5;
const FAINT = 0.55; // of links
const FAINTEST = 0.16; // of links, if there are many
const MANY = 60; // links, from which on each is fainter
const FADED = 0.62; // as much fades of what isn't linked with the topic pointed at
const ASIDE = 200; // px beside a node that its signs may take
const READ = 5.5; // smaller letters are left out

/**
 * Draw the mind map. `drawn` are nodes at their places, as `MovingNodes.now` returns them, at scale `k`. All but what is in
 * `scene.near` is drawn faded, as far as `scene.faded` says.
 */
export function paintMap(context, drawn, links, k, scene) {
  const { near, faded } = scene;
  const places = new Map(drawn.map((one) => [one.node.id, one]));
  const clear = ({ node }) => (near.ids.has(node.id) ? 1 : 1 - FADED * faded);
  const faint = Math.max(FAINTEST, FAINT * Math.min(1, MANY / links.length));
  context.textBaseline = "middle";
  for (const one of drawn) if (one.above) edge(context, one, k, scene, Math.min(clear(one), clear(one.above)));
  for (const link of links) if (!near.links.has(link)) crossLink(context, link, places, k, scene, faint * (1 - FADED * faded));
  for (const one of drawn) if (isInView(one, scene.size)) node(context, one, k, scene, clear(one));
  for (const link of near.links) crossLink(context, link, places, k, scene, faded > 0.5 ? 1 : FAINT);
  context.globalAlpha = 1;
}

/** Whether any of a node is seen, with the sign of a folded branch beside it. */
const isInView = ({ x, y, w, h }, { width, height }) => x < width + ASIDE && x + w > -ASIDE && y < height && y + h > 0;

function edge(context, { node, above, x, y, w, h, opacity }, k, scene, clear) {
  const { row, side, more } = node;
  const start = side > 0 ? above.x + above.w : above.x;
  const end = side > 0 ? x : x + w;
  const [from, to] = [above.y + above.h / 2, y + h / 2];
  const middle = (start + end) / 2;
  context.globalAlpha = opacity * clear;
  context.strokeStyle = more ? scene.colours.quiet : colourOf(row, scene).edge;
  context.lineWidth = Math.max(0.8, 1.6 * k);
  context.setLineDash(more ? [3 * k, 3 * k] : []);
  context.beginPath();
  context.moveTo(start, from);
  context.bezierCurveTo(middle, from, middle, to, end, to);
  context.stroke();
  context.setLineDash([]);
}

/** Draw a dashed line between two nodes that aren't above each other in the tree. */
function crossLink(context, { from, to, lane }, places, k, scene, alpha) {
  const [one, other] = [places.get(from.id), places.get(to.id)];
  if (!one || !other) return;
  const isFull = alpha === 1;
  context.globalAlpha = alpha;
  context.strokeStyle = hueOf(from.row, scene);
  context.lineWidth = (isFull ? 2 : 1.2) * Math.max(0.8, k);
  context.setLineDash([4 * k, 3 * k]);
  const end = traceLink(context, one, other, lane, k);
  context.setLineDash([]);
  context.fillStyle = context.strokeStyle;
  head(context, end, (isFull ? 9 : 7) * k);
  context.globalAlpha = 1;
}

function node(context, place, k, scene, clear) {
  const { node: { row, level, more, id }, opacity } = place;
  const isNear = scene.faded > 0 && scene.near.ends.has(id);
  context.globalAlpha = opacity * clear;
  if (more) return rest(context, place, k, scene);
  const looks = colourOf(row, scene);
  const radius = 6 * k;
  card(context, place, radius, looks.fill);
  found(context, place, radius, scene);
  around(context, place, radius, k, scene, isNear);
  if (FONT * k < READ) return;
  name(context, place, k, scene, looks, level < 2);
  marks(context, place, k, scene, looks);
  const inner = { x: place.x + PAD * k, y: place.y + place.h - (BAR + 2.5) * k, w: place.w - 2 * PAD * k, h: BAR * k };
  const colours = { track: mix(looks.fill, looks.ink, 0.18), done: looks.strong, bad: looks.bad };
  if (place.node.isBarred) bar(context, inner, row, scene.topics, colours);
  if (place.node.pill) pill(context, place, k, scene, looks);
}

function name(context, { node: { lines, told, isBarred, marks: signs }, x, y, w, h }, k, { colours }, looks, bold) {
  const line = lineHeight(h, lines, isBarred, k);
  const top = y + (h - (isBarred ? 4 * k : 0)) / 2 - ((lines.length - 1) * line) / 2;
  context.font = `${bold ? "600 " : ""}${FONT * k}px ${colours.font}`;
  context.fillStyle = looks.ink;
  lines.forEach((text, n) => write(context, text, x + PAD * k, x + w - (PAD + signs * 16) * k, top + n * line));
  if (!told) return;
  context.font = `${10 * k}px ${colours.font}`;
  context.fillStyle = looks.quiet;
  context.direction = "ltr";
  const turned = isRightToLeft(lines[0]);
  context.textAlign = turned ? "left" : "right";
  context.fillText(told, turned ? x + PAD * k : x + w - (PAD + signs * 16) * k, top);
}

const lineHeight = (h, lines, isBarred, k) => Math.min(16 * k, (h - (isBarred ? 5 * k : 0)) / lines.length);

function write(context, text, left, right, y) {
  const turned = isRightToLeft(text);
  context.direction = turned ? "rtl" : "ltr";
  context.textAlign = turned ? "right" : "left";
  context.fillText(text, turned ? right : left, y);
}

function marks(context, { node: { row }, x, y, w, h }, k, { topics, colours }, looks) {
  let at = x + w - (PAD + 5) * k;
  const middle = y + h / 2;
  if (topics.marks.has(row)) {
    alikeMark(context, at, middle, 13 * k, topics.depth[row] === 1 ? looks.ink : colours.mark);
    at -= 16 * k;
  }
  if (topics.others.has(row)) linkMark(context, at, middle, 12 * k, looks.quiet);
}

/** Draw what a search found: the topic itself, or that there is something below it. */
function found(context, { node: { row, hidden }, x, y, w, h }, radius, { matches, colours }) {
  if (matches?.own[row]) ring(context, { x: x - 1, y: y - 1, w: w + 2, h: h + 2 }, radius + 1, colours.mark, 2.5);
  else if (hidden && matches?.below[row]) ring(context, { x: x - 1, y: y - 1, w: w + 2, h: h + 2 }, radius + 1, colours.mark, 1.5, [2, 3]);
}

function around(context, { node: { row }, x, y, w, h }, radius, k, { selected, hover, current, target, cut, colours }, isNear) {
  const outside = (by) => ({ x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by });
  if (selected.has(row)) ring(context, outside(2.5), radius + 2.5, colours.brand, 2.5);
  else if (row === target) ring(context, outside(3), radius + 3, colours.good, 3);
  else if (row === current) ring(context, outside(2), radius + 2, colours.brand, 2, [4, 3]);
  else if (row === hover || isNear) ring(context, outside(1.5), radius + 1.5, colours.quiet, 1.5);
  if (cut?.has(row)) ring(context, outside(2.5), radius + 2.5, colours.quiet, 1.5, [2, 3]);
}

/** Draw the node for further topics. */
function rest(context, place, k, { colours, hoverMore }) {
  const { node: { lines, id }, x, y, w, h } = place;
  ring(context, place, 6 * k, id === hoverMore ? colours.text : colours.quiet, 1, [3, 3]);
  context.font = `${11 * k}px ${colours.font}`;
  context.fillStyle = colours.quiet;
  context.direction = "ltr";
  context.textAlign = "left";
  if (11 * k >= READ) context.fillText(lines[0], x + PAD * k, y + h / 2, w);
}

/** Return where the sign of a folded branch is. */
export function pillOf({ node, x, y, w, h }, k) {
  const [width, height] = [node.pill * k, Math.min(h, 18 * k)];
  return { x: node.side > 0 ? x + w + 9 * k : x - 9 * k - width, y: y + (h - height) / 2, w: width, h: height };
}

/** Draw the sign of a folded branch: how many topics are in it. */
function pill(context, place, k, { colours, hoverMore }, looks) {
  const { node } = place;
  const box = pillOf(place, k);
  const colour = looks.edge;
  context.strokeStyle = colour;
  context.lineWidth = 1.4 * k;
  context.beginPath();
  context.moveTo(node.side > 0 ? place.x + place.w : place.x, box.y + box.h / 2);
  context.lineTo(node.side > 0 ? box.x : box.x + box.w, box.y + box.h / 2);
  context.stroke();
  card(context, box, box.h / 2, mix(colours.back, colours.text, node.id === hoverMore ? 0.14 : 0.06));
  ring(context, box, box.h / 2, colour, 1);
  context.font = `${10.5 * k}px ${colours.font}`;
  context.fillStyle = colours.text;
  context.direction = "ltr";
  context.textAlign = "center";
  context.fillText(`${number(node.hidden)} more`, box.x + box.w / 2, box.y + box.h / 2);
}
