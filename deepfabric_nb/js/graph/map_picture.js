import { LEAST_SCALE, MARGIN, MOST_HIGH, mindMap } from "./map_layout.js";
import { MovingNodes } from "./map_motion.js";
import { neighbours, NONE } from "./map_links.js";
import { paintMap, pillOf } from "./map_paint.js";
import { eased, Viewport } from "./viewport.js";

const LEAST_HIGH = 160;
const PANEL = 290; // px that the panel of the selected topic takes from the picture
const STEP = 40; // the height changes in steps, so that the page below is moved rarely
const LEAST_BESIDE = 0.66; // of a map beside the panel, where all of it is seen
const MOST_SCALE = 1.4; // where there is more room than the map needs
const REVEALED = 16; // px between what is revealed and the edge

/** The mind map as a picture of the canvas; `covered` returns how much of its right edge is under a panel. */
export function mapPicture(topics, state, label, measure, covered) {
  const moving = new MovingNodes();
  const viewport = new Viewport();
  let map = { nodes: [], links: [], x: 0, y: 0, w: 0, h: 0 };
  let drawn = [];
  let near = NONE; // what is linked with the topics that are pointed at or selected
  let faded = 0; // how far everything else has faded, 0 to 1
  let size = { width: 0, height: 0 };
  let was = null; // focus and width of the last layout
  let high = LEAST_HIGH;
  let wanted = null; // ids to be shown next
  let given = null; // the height that the user has chosen, or that of the screen
  let isBeside = false; // the map is made smaller, so that all of it is seen beside the panel

  /** Return the height that the map needs in a width; it doesn't shrink while the same branch is shown. */
  function height(width, asked) {
    given = asked;
    const focus = topics.ids[state.focus];
    const changed = was?.focus !== focus || was?.width !== width;
    map = mindMap(topics, state.focus, { width, height: given, folds: state.folds, label, measure, split: was?.focus === focus ? map.split : 0 });
    const scale = Math.max(LEAST_SCALE, Math.min(1, (width - 2 * MARGIN) / map.w));
    const needed = Math.ceil((map.h * scale + 2 * MARGIN) / STEP) * STEP;
    high = Math.min(MOST_HIGH, Math.max(needed, changed ? LEAST_HIGH : high));
    if (was?.focus !== focus) viewport.taken = false;
    was = { focus, width };
    return given ?? high;
  }

  function lay(now, renumbered) {
    size = now;
    moving.to(map.nodes, renumbered);
    state.hasFolded = map.nodes.some((node) => node.hidden || node.more);
    if (!viewport.taken) fit();
    const asked = wanted && map.nodes.filter((node) => !node.more && wanted.has(node.id));
    wanted = null;
    if (asked?.length === 1) uncover(asked[0].row);
    else if (asked?.length) viewport.reveal(around(asked), left(), REVEALED);
  }

  /** Return the size of what isn't under the panel. */
  const left = () => ({ ...size, width: size.width - covered() });

  function fit() {
    isBeside &&= covered() > 0;
    const most = given ? MOST_SCALE : 1;
    const beside = map.w + 2 * MARGIN + PANEL <= size.width ? freeForPanel(most) : isBeside ? covered() : 0;
    viewport.fit(map, map.nodes[0], { ...size, width: size.width - beside }, { margin: MARGIN, least: isBeside ? LEAST_BESIDE : LEAST_SCALE, most });
  }

  /** Return how much must be free at the right so that nothing moves when the panel opens: less than it, if it is beside a map in the middle. */
  function freeForPanel(most) {
    const scale = Math.min(most, (size.width - PANEL - 2 * MARGIN) / map.w, (size.height - 2 * MARGIN) / map.h);
    return Math.min(PANEL, Math.max(0, map.w * scale + 2 * (PANEL + MARGIN) - size.width));
  }

  /** Show a topic that the panel covers: all of the map beside the panel if it is legible there, else move it a little. */
  function uncover(row) {
    const node = nodeOf(row);
    if (!node) return;
    const { width } = left();
    const isLegible = (width - 2 * MARGIN) / map.w >= LEAST_BESIDE;
    if (viewport.taken || !isLegible) viewport.reveal(node, left(), REVEALED);
    else if (viewport.rightOf(node) > width) isBeside = true;
    if (isBeside) fit();
  }

  function paint(context, scene, passed) {
    const goesOn = [moving.step(passed), viewport.step(passed), fade(scene, passed)].includes(true);
    drawn = moving.now((box) => viewport.shown(box));
    paintMap(context, drawn, map.links, viewport.k, { ...scene, near, faded, size });
    return goesOn;
  }

  /** Let all but linked topics fade, or come back; return whether that goes on. */
  function fade(scene, passed) {
    const now = neighbours(map, scene);
    const to = now.links.size ? 1 : 0;
    if (to || faded < 0.02) near = now;
    faded = Math.abs(to - faded) < 0.02 ? to : faded + (to - faded) * eased(passed);
    return faded !== to;
  }

  function at(x, y) {
    const within = (box) => x >= box.x - 1 && x <= box.x + box.w + 1 && y >= box.y - 1 && y <= box.y + box.h + 1;
    const known = drawn.filter(({ refuge }) => !refuge);
    const pill = known.find((one) => one.node.pill && within(pillOf(one, viewport.k)));
    if (pill) return { ...pill, row: pill.node.row, id: pill.node.id, opens: pill.node.hidden };
    const one = known.find(within);
    return one && { ...one, row: one.node.row, id: one.node.id, more: one.node.more };
  }

  const nodeOf = (row) => map.nodes.find((node) => !node.more && node.row === row);

  return {
    viewport,
    height,
    lay,
    paint,
    at,
    fit() {
      viewport.taken = false;
      fit();
    },
    legible: (row) => Boolean(nodeOf(row)),
    /** Return the node of a topic if it is shown. */
    nodeOf,
    placeOf: (row) => drawn.find(({ node, refuge }) => !refuge && !node.more && node.row === row),
    uncover,
    /** Move to topics, by their ids, when the map is laid out next. */
    reveal: (ids) => (wanted = new Set(ids)),
    within: (box) => drawn.filter(({ node, refuge, ...one }) => !refuge && !node.more && meet(one, box)).map(({ node }) => node.row),
  };
}

function around(nodes) {
  const [x, y] = [Math.min(...nodes.map((node) => node.x)), Math.min(...nodes.map((node) => node.y))];
  return { x, y, w: Math.max(...nodes.map((node) => node.x + node.w)) - x, h: Math.max(...nodes.map((node) => node.y + node.h)) - y };
}

const meet = (one, other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
