import { boxAt, icicle, LEGIBLE, ROW } from "./icicle_layout.js";
import { paintIcicle } from "./icicle_paint.js";
import { motion } from "./motion.js";
import { arcAt, paintSunburst, sunburst } from "./sunburst.js";

const LOWEST = 64;
const HIGHEST = 720;
const ROUNDEST = 680;
const now = () => performance.now();

/** The icicle chart as a picture of the canvas. */
export function iciclePicture(topics, state) {
  const zooming = motion(now);
  let boxes = [];
  let drawn = {}; // the focus and the size of the current picture

  function zoom(before, { width, height }) {
    const whole = { x: 0, y: 0, w: width, h: height };
    const inwards = before.boxes.find((box) => !box.more && box.row === state.focus);
    const outwards = boxes.find((box) => !box.more && topics.ids[box.row] === before.focus);
    if (inwards) zooming.start(whole, { ...inwards, w: width - inwards.x });
    else if (outwards) zooming.start({ ...outwards, w: width - outwards.x }, whole);
  }

  return {
    height: (_, given) => given ?? Math.min(HIGHEST, Math.max(LOWEST, (topics.leaves[0] ?? 1) * (ROW + (topics.allWanted[0] ? 12 : 6)))),
    lay(size) {
      const before = { boxes, ...drawn };
      boxes = icicle(topics, state.focus, { ...size, pages: state.pages });
      if (before.focus !== undefined && before.focus !== topics.ids[state.focus]) zoom(before, size);
      drawn = { ...size, focus: topics.ids[state.focus] };
    },
    paint(context, scene) {
      paintIcicle(context, zooming.at(boxes), scene);
      return zooming.goesOn;
    },
    at: (x, y) => boxAt(boxes, x, y),
    legible: (row) => boxes.some((box) => !box.more && box.row === row && box.h >= LEGIBLE),
    placeOf: (row) => boxes.find((box) => !box.more && box.row === row),
  };
}

/** The sunburst as a picture of the canvas. */
export function sunburstPicture(topics, state) {
  let arcs = [];
  return {
    height: (width, given) => given ?? Math.min(ROUNDEST, Math.max(320, width)),
    lay: (size) => void (arcs = sunburst(topics, state.focus, size)),
    paint(context, scene) {
      paintSunburst(context, arcs, scene);
      return false;
    },
    at: (x, y) => arcAt(arcs, x, y),
    legible: (row) => arcs.some((arc) => !arc.more && arc.row === row),
    placeOf: () => undefined,
  };
}
