// Which topics a mind map shows: whole levels while there is room, then each topic's first children.

const LEAST = 5; // fewer of a topic's children aren't worth the place of a node for the others
export const OPENED = 40; // as many children a branch shows that is opened by hand, and as many more each time

/**
 * Return how many children of each topic, by its row, a mind map shows by itself: topics that aren't in it are folded.
 * There are at most about `most` nodes, `rows` lines and `levels` levels.
 */
export function shownChildren(topics, focus, { most, rows, levels }) {
  const counts = new Map();
  let edge = [focus];
  let [nodes, ended] = [1, 0]; // `ended`: lines of topics above the edge that have nothing below them
  for (let level = 1; edge.length && level < levels; level += 1) {
    const branches = edge.filter((row) => topics.children[row]);
    ended += edge.length - branches.length;
    const each = mostEach(branches.map((row) => topics.children[row]), Math.min(most - nodes, rows - ended));
    if (!each) break;
    edge = [];
    for (const row of branches) {
      const shown = Math.min(topics.children[row], each);
      counts.set(row, shown);
      nodes += shown;
      edge.push(...topics.childrenOf(row).slice(0, shown === topics.children[row] ? shown : shown - 1));
      if (shown < topics.children[row]) ended += 1;
    }
  }
  return counts;
}

/** Return how many children of each topic fit into the room, 0 if it would be too few. */
function mostEach(families, room) {
  const largest = Math.max(0, ...families);
  const needed = (each) => families.reduce((sum, one) => sum + Math.min(one, each), 0);
  if (needed(largest) <= room) return largest;
  let [low, high] = [0, largest];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (needed(middle) <= room) low = middle;
    else high = middle - 1;
  }
  return low >= LEAST ? low : 0;
}

/**
 * Return the nodes of a mind map, parents before children: {id, row, level, above, below, more, hidden}.
 *
 * A node with `more` stands for so many further topics below the one above it; `hidden` counts the topics below a
 * branch that is folded. `folds` has, by id, how many children a branch shows that was opened by hand, 0 if it was
 * folded; of all others `counts` has it.
 */
export function visibleTree(topics, focus, counts, folds) {
  const nodes = [made(topics, focus, null)];
  for (const node of nodes) {
    if (node.more) continue;
    const count = Math.min(topics.children[node.row], folds.get(node.id) ?? counts.get(node.row) ?? 0);
    node.below = below(topics, node, count);
    if (!node.below.length) node.hidden = topics.size[node.row] - 1;
    nodes.push(...node.below);
  }
  return nodes;
}

function below(topics, node, count) {
  if (!count) return [];
  const children = topics.childrenOf(node.row);
  if (children.length <= count) return children.map((child) => made(topics, child, node));
  const shown = children.slice(0, Math.max(1, count - 1));
  const more = children.slice(shown.length).reduce((sum, child) => sum + topics.size[child], 0);
  const rest = { ...made(topics, node.row, node), id: `${node.id} more`, more };
  return [...shown.map((child) => made(topics, child, node)), rest];
}

function made(topics, row, above) {
  return { id: topics.ids[row], row, level: above ? above.level + 1 : 0, above, below: [], more: 0, hidden: 0 };
}
