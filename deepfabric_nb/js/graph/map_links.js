// The links of the mind map: those between a topic and its further parents, beside the edges of the tree.

const LANE = 5; // px between links that run beside each other
const WIDEST = 100; // px that links take between two columns
const BOW = 26; // px that a link within a column bends out at least

/** Return pairs of visible nodes, a further parent and its child, or those in whose folded branches they are. */
export function crossLinks(topics, nodes) {
  if (!topics.others.size) return [];
  const known = new Map(nodes.filter((node) => !node.more).map((node) => [node.row, node]));
  const shown = (row) => {
    let at = row;
    while (at >= 0 && !known.has(at)) at = topics.parent[at];
    return known.get(at);
  };
  const found = new Map();
  for (const [row, parents] of topics.others) {
    for (const parent of parents) {
      const [from, to] = [shown(parent), shown(row)];
      if (from && to && from !== to) found.set(`${from.id} ${to.id}`, { from, to, lane: null });
    }
  }
  return [...found.values()];
}

/** Return how much room the links need between each level and the next, in pixels by level. */
export function roomOf(links) {
  const counts = new Map();
  for (const link of links) if (isNext(link)) counts.set(link.from.level, (counts.get(link.from.level) ?? 0) + 1);
  return new Map([...counts].map(([level, count]) => [level, Math.min(WIDEST, LANE * (count + 1))]));
}

const isNext = ({ from, to }) => to.level === from.level + 1 && from.level > 0;

/**
 * Give each link between neighbouring columns a lane of its own between them, from 0 at the parents to 1: `lane`. The longest
 * turn first.
 */
export function placeLinks(links) {
  const groups = new Map();
  for (const link of links) {
    if (!isNext(link) || link.from.side !== link.to.side) continue;
    const key = `${link.from.side} ${link.from.level}`;
    groups.set(key, [...(groups.get(key) ?? []), link]);
  }
  const length = ({ from, to }) => Math.abs(from.y - to.y);
  for (const group of groups.values()) {
    const ways = group.toSorted((one, other) => length(other) - length(one));
    ways.forEach((link, n) => (link.lane = (n + 1) / (ways.length + 1)));
  }
}

/** Return how far a link between two nodes bends out, if they are in the same column; else 0. */
export function bowOf(from, to) {
  return Math.abs(from.x - to.x) < 30 ? BOW + Math.min(70, Math.abs(from.y - to.y) / 4) : 0;
}

export const NONE = { links: new Set(), ends: new Set(), ids: new Set() };

/**
 * Return the links of the topics that are selected or pointed at, the ids of the nodes at their `ends`, and of all that stay
 * clear: `ids`.
 */
export function neighbours({ nodes, links }, { selected, hover }) {
  const found = { links: new Set(), ends: new Set(), ids: new Set() };
  const isMeant = ({ row }) => row === hover || selected.has(row);
  for (const link of links) if (isMeant(link.from) || isMeant(link.to)) found.links.add(link);
  if (!found.links.size) return found;
  for (const { from, to } of found.links) found.ends.add(from.id).add(to.id);
  const clear = [];
  for (const node of nodes) if (!node.more && isMeant(node)) clear.push(node, ...node.below, ...above(node));
  for (const id of [...found.ends, ...clear.map((node) => node.id)]) found.ids.add(id);
  return found;
}

const above = (node) => (node.above ? [node.above, ...above(node.above)] : []);

/** Draw a link from one place to another, each a node with where it is shown at the scale `k`; return where it ends. */
export function traceLink(context, one, other, lane, k) {
  const [a, b, bend] = ends(one, other, k);
  context.beginPath();
  context.moveTo(a.x, a.y);
  if (lane === null) context.bezierCurveTo(a.x + bend[0], a.y, b.x + bend[1], b.y, b.x, b.y);
  else throughLane(context, a, b, a.x + (b.x - a.x) * (0.12 + 0.76 * lane), k);
  context.stroke();
  return { ...b, to: bend[1] < 0 ? 1 : -1 };
}

/** Draw the head of a link where it ends, `to` the right for 1. */
export function head(context, { x, y, to }, size) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - to * size, y - size * 0.55);
  context.lineTo(x - to * size, y + size * 0.55);
  context.closePath();
  context.fill();
}

/** Draw a way that turns at `x`, with round corners. */
function throughLane(context, a, b, x, k) {
  const [side, down] = [Math.sign(b.x - a.x), Math.sign(b.y - a.y)];
  const r = Math.min(7 * k, Math.abs(b.y - a.y) / 2, Math.abs(x - a.x), Math.abs(b.x - x));
  context.lineTo(x - side * r, a.y);
  context.bezierCurveTo(x - side * r * 0.4, a.y, x, a.y + down * r * 0.4, x, a.y + down * r);
  context.lineTo(x, b.y - down * r);
  context.bezierCurveTo(x, b.y - down * r * 0.4, x + side * r * 0.4, b.y, x + side * r, b.y);
  context.lineTo(b.x, b.y);
}

/** Return both ends of a link and how far it bends out at each: around the outside in a column, else from side to side. */
function ends(one, other, k) {
  const [side, isSame] = [one.node.side, one.node.side === other.node.side];
  const bow = isSame ? side * bowOf(one.node, other.node) * k : 0;
  if (bow) return [outside(one, k), outside(other, k), [bow, bow]];
  const forth = one.x < other.x;
  const low = one.y < other.y;
  const [a, b] = [at(one, forth, low ? 0.78 : 0.22), at(other, !forth, low ? 0.25 : 0.75)];
  const bend = Math.max(30 * k, Math.abs(b.x - a.x) / 2);
  return [a, b, forth ? [bend, -bend] : [-bend, bend]];
}

const at = ({ x, y, w, h }, right, part) => ({ x: right ? x + w : x, y: y + part * h });

/** Return the end of a node that is away from the root, after the sign of what is folded there. */
function outside({ node, x, y, w, h }, k) {
  const beside = node.pill ? (node.pill + 9) * k : 0;
  return { x: node.side > 0 ? x + w + beside : x - beside, y: y + h / 2 };
}
