import { element } from "../dom.js";
import { OWN_KEYS } from "./keyboard.js";

const LEAST = 160;
const MOST = 2400;
const STEP = 40;

/** A handle at the lower edge of the picture; `resize` is called with the new height. */
export function resizeHandle(height, resize) {
  let from = null;

  function down(event) {
    from = { y: event.clientY, height: height() };
    root.setPointerCapture?.(event.pointerId);
    event.preventDefault();
  }

  function moved(event) {
    if (from) resize(within(from.height + event.clientY - from.y));
  }

  function key(event) {
    const by = { ArrowDown: STEP, ArrowUp: -STEP }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    resize(within(height() + by));
  }

  const within = (wanted) => Math.round(Math.min(MOST, Math.max(LEAST, wanted)));
  const about = { ...OWN_KEYS, class: "dfg-handle", role: "separator", tabindex: "0", "aria-orientation": "horizontal", "aria-label": "Height of the picture", title: "Drag to change the height" };
  const root = element("div", { ...about, pointerdown: down, pointermove: moved, pointerup: () => (from = null), dblclick: () => resize(null), keydown: key });
  return root;
}
