// The layout of the icicle chart: the topic in focus on the left, a column per level, heights by leaves.

export const ROW = 20; // a line of text with its spacing
export const LEGIBLE = 12; // a lower box has no room for a name: it is part of a band
const FEW = 4; // lines for thin boxes next to the focus, which can't be reached otherwise
const WIDE = 150; // the width that a column should have
const FIRST = 0.6; // the focus has the full height for its name, and needs less width

/**
 * Return the visible boxes. Boxes too low for a name are drawn as one band, "N more"; a band with room for lines
 * lists as many topics as fit, from the one that `pages` names (by ids) for their parent.
 *
 * A last column that would hold nothing but low bands is left out.
 *
 * A box is {row, level, x, y, w, h}; a band has `more` (how many it stands for), `row` (their parent) and `to`
 * (the id from which the list goes on when it is clicked, or null).
 */
export function icicle(topics, focus, { width, height, pages }) {
  const most = Math.min(4, Math.max(2, Math.floor(width / WIDE)));
  let boxes = [];
  let edges = [];
  for (let count = topics.levelsBelow(focus, most); count > 0; count -= 1) {
    boxes = [];
    edges = columns(width, count);
    place(focus, 0, 0, height);
    if (count <= 2 || boxes.some((box) => box.level === count - 1 && (!box.more || box.h >= LEGIBLE))) break;
  }
  return boxes;

  function box(level, y, h, what) {
    boxes.push({ level, x: edges[level], y, w: edges[level + 1] - edges[level], h, ...what });
  }

  function place(row, level, y, h) {
    box(level, y, h, { row, more: 0 });
    if (level + 2 >= edges.length || topics.first[row] < 0) return;
    const unit = h / topics.leaves[row];
    const children = topics.childrenOf(row);
    const room = (count) => (level ? LEGIBLE : Math.max(LEGIBLE, Math.min(count * ROW, FEW * ROW, h / 2)));
    const { thin, isThin, scale } = divide(children, (child) => unit * topics.leaves[child], LEGIBLE, room);
    let at = y;
    for (const child of children) {
      if (isThin(child)) continue;
      const own = unit * topics.leaves[child] * scale;
      place(child, level + 1, at, own);
      at += own;
    }
    if (thin.length) rest(row, thin, level + 1, at, y + h - at);
  }

  function rest(row, thin, level, y, h) {
    const lines = Math.floor(h / ROW + 0.01);
    if (thin.length === 1) place(thin[0], level, y, h);
    else if (thin.length <= lines) thin.forEach((child, n) => place(child, level, y + (n * h) / thin.length, h / thin.length));
    else if (lines < 3) h >= LEGIBLE - 1 && box(level, y, h, { row, more: thin.length, to: null });
    else list(row, thin, level, y, h, lines);
  }

  function list(row, thin, level, y, h, lines) {
    const asked = thin.indexOf(topics.rows.get(pages.get(topics.ids[row])));
    const from = Math.max(0, Math.min(asked, thin.length - lines + 1));
    const shown = thin.slice(from, from + lines - (from ? 2 : 1));
    const after = thin.length - from - shown.length;
    const line = h / (shown.length + (from ? 1 : 0) + (after ? 1 : 0));
    const first = (index) => topics.ids[thin[Math.max(0, index)]];
    if (from) box(level, y, line, { row, more: from, to: first(from - shown.length), before: true });
    shown.forEach((child, n) => place(child, level, y + (n + (from ? 1 : 0)) * line, line));
    if (after) box(level, y + h - line, line, { row, more: after, to: first(from + shown.length) });
  }
}

/**
 * Divide a length among children by their sizes: return those that get less than `least` as `thin`, in their order, and the
 * `scale` of all others. So many thin ones get at least `room(count)`.
 */
export function divide(children, sizeOf, least, room = () => least) {
  const bySize = children.toSorted((one, other) => sizeOf(one) - sizeOf(other));
  const whole = children.reduce((sum, child) => sum + sizeOf(child), 0);
  let [count, natural, scale] = [0, 0, 1];
  while (count < bySize.length && sizeOf(bySize[count]) * scale < least) {
    natural += sizeOf(bySize[count]);
    count += 1;
    const given = Math.min(whole, Math.max(natural, room(count)));
    scale = natural < whole ? (whole - given) / (whole - natural) : 1;
  }
  const thin = new Set(bySize.slice(0, count));
  return { thin: children.filter((child) => thin.has(child)), isThin: (child) => thin.has(child), scale };
}

function columns(width, count) {
  const first = count > 1 ? FIRST : 1;
  const one = width / (first + count - 1);
  return Array.from({ length: count + 1 }, (_, n) => (n ? (first + n - 1) * one : 0));
}

/** Return the box at a point. */
export function boxAt(boxes, x, y) {
  return boxes.find((box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h);
}
