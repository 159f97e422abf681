import { element } from "../dom.js";

const COLOURS = ["back", "text", "quiet", "line", "brand", "bad", "good", "mark", "on", "bad-on"];
export const HUES = 8;
const LATE = 400; // ms; a notebook announces the new theme before its style sheet is loaded

/** The style sheet's colours for the canvas, read again when the page's theme changes. */
export function theme(root, changed) {
  const probe = element("span", { class: "dfn-unseen dfg-probe", "aria-hidden": "true" });
  root.append(probe);
  let known = null;

  function read() {
    const style = getComputedStyle(probe);
    const colour = (name) => {
      probe.style.color = `var(--dfg-${name})`;
      return plain(style.color);
    };
    const colours = Object.fromEntries(COLOURS.map((name) => [name, colour(name)]));
    return { ...colours, badOn: colours["bad-on"], hues: Array.from({ length: HUES }, (_, n) => colour(`hue-${n}`)), font: style.fontFamily };
  }

  function forget() {
    known = null;
    changed();
  }

  function forgetTwice() {
    forget();
    setTimeout(forget, LATE);
  }

  const watcher = new MutationObserver(forgetTwice);
  for (const node of [document.documentElement, document.body]) watcher.observe(node, { attributes: true });
  const scheme = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  const forced = globalThis.matchMedia?.("(forced-colors: active)");
  for (const query of [scheme, forced]) query?.addEventListener("change", forgetTwice);
  return {
    colours: () => (known ??= read()),
    dispose() {
      watcher.disconnect();
      for (const query of [scheme, forced]) query?.removeEventListener("change", forgetTwice);
    },
  };
}

/** Write a colour as rgb(), which every program that reads SVG knows. */
function plain(colour) {
  const found = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/.exec(colour);
  return found ? written(found.slice(1).map((part) => 255 * part)) : colour;
}

const written = (parts) => `rgb(${parts.map((part) => Math.round(part)).join(", ")})`;

const mixed = new Map();
const MIXED = 2000;

/** Mix two colours: `part` of the second in the first, 0 to 1. What was mixed is remembered, as it is asked for at each frame. */
export function mix(from, to, part) {
  const key = `${from} ${to} ${part}`;
  if (!mixed.has(key)) {
    if (mixed.size > MIXED) mixed.clear();
    mixed.set(key, blend(from, to, part));
  }
  return mixed.get(key);
}

function blend(from, to, part) {
  const [one, other] = [from, to].map((colour) => /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)/.exec(colour)?.slice(1).map(Number));
  return one && other ? written(one.map((value, n) => value + (other[n] - value) * part)) : to;
}
