import { element } from "../dom.js";

const COLOURS = ["back", "text", "quiet", "line", "cell", "band", "brand", "done", "lost", "bad", "mark", "found"];
const DEPTHS = [0, 1, 2, 3, 4].map((depth) => `depth-${depth}`);
const LATE = 400; // ms; a notebook announces the new theme before its style sheet is loaded

/** The style sheet's colours for the canvas, read again when the page's theme changes. */
export function theme(root, changed) {
  const probe = element("span", { class: "dfn-unseen", "aria-hidden": "true" });
  root.append(probe);
  let known = null;

  function read() {
    const style = getComputedStyle(probe);
    const colour = (name) => {
      probe.style.color = `var(--dfg-${name})`;
      return style.color;
    };
    const colours = Object.fromEntries(COLOURS.map((name) => [name, colour(name)]));
    return { ...colours, depths: DEPTHS.map(colour), font: style.fontFamily };
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
  scheme?.addEventListener("change", forgetTwice);
  return {
    colours: () => (known ??= read()),
    dispose() {
      watcher.disconnect();
      scheme?.removeEventListener("change", forgetTwice);
    },
  };
}
