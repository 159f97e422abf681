import { element, say, show } from "../dom.js";
import { labels } from "./label.js";
import { boxAt, icicle, LEGIBLE, ROW } from "./layout.js";
import { motion } from "./motion.js";
import { paint } from "./paint.js";
import { isSmall, paintRadial, radial } from "./radial.js";
import { theme } from "./theme.js";
import { counted, figures, pathText, summary } from "./captions.js";

const LOWEST = 64;
const HIGHEST = 440;
const ROUND_HIGHEST = 600;
const ROUND = 320;
const FONT = 12;
const now = () => performance.now();

/** The canvas with the icicle chart or the radial tree. It calls `act` for what is hovered, clicked and opened. */
export function topicCanvas(topics, state, act, root) {
  const canvas = element("canvas", { class: "dfg-canvas", role: "img" });
  const tip = element("div", { class: "dfg-tip", dir: "auto", "aria-hidden": "true" });
  const frame = element("div", { class: "dfg-picture" }, canvas, tip);
  const context = canvas.getContext("2d");
  const colours = theme(root, () => act.soon());
  const zooming = motion(now);
  const label = labels((text) => {
    context.font = `${FONT}px ${colours.colours().font}`;
    return context.measureText(text).width;
  });
  let boxes = [];
  let drawn = null; // the focus and the size of the current picture
  let hover = -1;
  tip.hidden = true;

  function update() {
    canvas.setAttribute("aria-label", summary(topics));
    const size = fitted();
    if (!size || !topics.length) return;
    const before = { boxes, ...drawn };
    boxes = round() ? radial(topics, state.focus, size) : icicle(topics, state.focus, { ...size, pages: state.pages });
    if (!round() && before.focus !== undefined && before.focus !== topics.ids[state.focus]) zoom(before, size);
    drawn = { ...size, focus: topics.ids[state.focus] };
    redraw();
  }

  const round = () => state.radial && isSmall(topics, state.focus);

  /** Make the canvas as large as its place, in device pixels. */
  function fitted() {
    const width = frame.clientWidth;
    if (!width) return null;
    const lines = (topics.leaves[0] ?? 1) * (ROW + 4);
    const height = round() ? Math.min(ROUND_HIGHEST, Math.max(width, ROUND)) : Math.min(HIGHEST, Math.max(LOWEST, lines));
    const scale = globalThis.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
      canvas.style.height = `${height}px`;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    return { width, height };
  }

  function zoom(before, { width, height }) {
    const whole = { x: 0, y: 0, w: width, h: height };
    const inwards = before.boxes.find((box) => !box.more && box.row === state.focus);
    const outwards = boxes.find((box) => !box.more && topics.ids[box.row] === before.focus);
    if (inwards) zooming.start(whole, { ...inwards, w: width - inwards.x });
    else if (outwards) zooming.start({ ...outwards, w: width - outwards.x }, whole);
  }

  function redraw() {
    const { width, height } = drawn;
    context.clearRect(0, 0, width, height);
    if (round()) paintRadial(context, boxes, scene());
    else paint(context, zooming.at(boxes), scene());
    if (zooming.goesOn) act.soon(redraw);
  }

  function scene() {
    return { topics, colours: colours.colours(), label, hover, ...state.shown() };
  }

  function pointed(event) {
    const box = boxAt(boxes, event.offsetX, event.offsetY);
    const row = box && !box.more ? box.row : -1;
    explain(box, event);
    if (row === hover) return;
    hover = row;
    act.soon(redraw);
  }

  function explain(box, event) {
    show(tip, Boolean(box));
    canvas.style.cursor = box ? "pointer" : "default";
    if (!box) return;
    const what = box.more ? counted(box.more, "more topic") : figures(topics, box.row).join(" · ");
    say(tip, [pathText(topics, box.row), what].filter(Boolean).join("\n"));
    const left = event.offsetX > frame.clientWidth / 2;
    tip.style.left = left ? "auto" : `${event.offsetX + 14}px`;
    tip.style.right = left ? `${frame.clientWidth - event.offsetX + 14}px` : "auto";
    tip.style.top = `${event.offsetY + 14}px`;
  }

  function clicked(event) {
    const box = boxAt(boxes, event.offsetX, event.offsetY);
    show(tip, false);
    if (!box) return;
    if (box.more) opened(box);
    else act.select(box.row, { add: event.ctrlKey || event.metaKey, range: event.shiftKey });
    act.hold();
  }

  function opened(box) {
    if (box.to === null) act.zoom(box.row);
    else act.page(topics.ids[box.row], box.to);
  }

  function twice(event) {
    const box = boxAt(boxes, event.offsetX, event.offsetY);
    if (box && !box.more) act.zoom(box.row === state.focus ? topics.parent[box.row] : box.row);
  }

  function left() {
    show(tip, false);
    hover = -1;
    act.soon(redraw);
  }

  const listeners = { pointermove: pointed, pointerleave: left, click: clicked, dblclick: twice };
  for (const [name, listener] of Object.entries(listeners)) canvas.addEventListener(name, listener);
  const resized = globalThis.ResizeObserver && new ResizeObserver(() => frame.clientWidth !== drawn?.width && act.soon());
  resized?.observe(frame);
  return {
    root: frame,
    update,
    /** Return whether a topic has its own box with a label. */
    legible: (row) => boxes.some((box) => !box.more && box.row === row && (round() || box.h >= LEGIBLE)),
    dispose() {
      resized?.disconnect();
      colours.dispose();
    },
  };
}
