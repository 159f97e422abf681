// The animation of zooming: boxes move from their old position to the new one.

const LASTS = 180;

/** Animated boxes: `start` takes a part of the final picture, and where that part is shown at first. */
export function motion(now) {
  let way = null;
  return {
    start(whole, part) {
      const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)")?.matches ?? true;
      way = still ? null : { whole, part, since: now() };
    },
    /** Return the boxes at their current position. */
    at(boxes) {
      const part = way ? (now() - way.since) / LASTS : 1;
      if (part >= 1) {
        way = null;
        return boxes;
      }
      const eased = 1 - (1 - part) ** 3;
      return boxes.map(moved(way.whole, between(way.part, way.whole, eased)));
    },
    get goesOn() {
      return way !== null;
    },
  };
}

function between(from, to, part) {
  const mix = (name) => from[name] + (to[name] - from[name]) * part;
  return { x: mix("x"), y: mix("y"), w: mix("w"), h: mix("h") };
}

/** Return a function that moves boxes so that `whole`, a part of the final picture, is drawn at `part`. */
function moved(whole, part) {
  const [wide, high] = [part.w / whole.w, part.h / whole.h];
  return (box) => ({
    ...box,
    x: part.x + (box.x - whole.x) * wide,
    y: part.y + (box.y - whole.y) * high,
    w: box.w * wide,
    h: box.h * high,
  });
}
