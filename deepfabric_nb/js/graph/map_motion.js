// The nodes of the mind map on their way: new ones come out of their parents, folded ones go back.

import { eased, stillWanted } from "./viewport.js";

/** Nodes with their current places; each drawn node has `x`, `y` and `opacity` of now. */
export class MovingNodes {
  #drawn = new Map(); // id -> { node, x, y, opacity }
  #leaving = [];

  /** Go to a new layout. `renumbered`: rows have changed, so what has gone can't be drawn any more. */
  to(nodes, renumbered = false) {
    const before = this.#drawn;
    const first = before.size === 0 || stillWanted();
    this.#drawn = new Map();
    for (const node of nodes) {
      const known = before.get(node.id);
      const start = known ?? (first ? { x: node.x, y: node.y, opacity: 1 } : from(node, this.#drawn, before));
      this.#drawn.set(node.id, { node, x: start.x, y: start.y, opacity: start.opacity });
    }
    this.#leaving = first || renumbered ? [] : [...this.#leaving, ...gone(before, this.#drawn)];
    if (stillWanted()) for (const drawn of this.#drawn.values()) Object.assign(drawn, { x: drawn.node.x, y: drawn.node.y, opacity: 1 });
  }

  /** Go on with the movement; return whether anything is still on its way. */
  step(passed) {
    const part = eased(passed);
    let moving = this.#leaving.length > 0;
    for (const drawn of this.#drawn.values()) {
      const { node } = drawn;
      if (Math.abs(node.x - drawn.x) + Math.abs(node.y - drawn.y) < 0.5 && drawn.opacity > 0.98) {
        Object.assign(drawn, { x: node.x, y: node.y, opacity: 1 });
        continue;
      }
      moving = true;
      drawn.x += (node.x - drawn.x) * part;
      drawn.y += (node.y - drawn.y) * part;
      drawn.opacity += (1 - drawn.opacity) * part;
    }
    for (const drawn of this.#leaving) {
      const { x, y } = drawn.refuge.node;
      drawn.x += (x - drawn.x) * part;
      drawn.y += (y - drawn.y) * part;
      drawn.opacity -= drawn.opacity * part;
    }
    this.#leaving = this.#leaving.filter(({ opacity }) => opacity > 0.04);
    return moving;
  }

  /** Return all that is drawn now, what is leaving first: {node, above, x, y, w, h, opacity}, as `shown` places them. */
  now(shown) {
    const placed = (drawn) => ({ ...drawn, node: drawn.node, ...shown({ x: drawn.x, y: drawn.y, w: drawn.node.w, h: drawn.node.h }) });
    const all = new Map([...this.#drawn].map(([id, drawn]) => [id, placed(drawn)]));
    for (const one of all.values()) one.above = one.node.above ? all.get(one.node.above.id) : null;
    const leaving = this.#leaving.map((drawn) => ({ ...placed(drawn), above: all.get(drawn.refuge.node.id) }));
    return [...leaving, ...all.values()];
  }
}

/** Return where a new node starts: at the place of the one above it. */
function from(node, drawn, before) {
  const above = drawn.get(node.above?.id) ?? before.get(node.above?.id);
  return above ? { x: above.x, y: above.y, opacity: 0 } : { x: node.x, y: node.y, opacity: 0 };
}

/** Return the nodes that are gone, each with the nearest node above it that is still there. */
function gone(before, now) {
  const left = [];
  for (const [id, drawn] of before) {
    if (now.has(id)) continue;
    let above = drawn.node.above;
    while (above && !now.has(above.id)) above = above.above;
    if (above) left.push({ ...drawn, refuge: now.get(above.id) });
  }
  return left;
}
