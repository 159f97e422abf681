import { element, say, show } from "../dom.js";
import { counted, figures, pathText, summary } from "./captions.js";
import { labels } from "./label.js";
import { mapPicture } from "./map_picture.js";
import { iciclePicture, sunburstPicture } from "./overviews.js";
import { pointer } from "./pointer.js";
import { ring } from "./marks.js";
import { theme } from "./theme.js";

const FONT = 12;
const LONGEST_FRAME = 64; // ms; after a pause, movements go on from where they were
const MEASURED = 8000;
const now = () => performance.now();

/** The canvas with the mind map, the icicle chart or the sunburst. It calls `act` for what is hovered, clicked and opened. */
export function topicCanvas(topics, state, act, root) {
  const canvas = element("canvas", { class: "dfg-canvas", role: "img" });
  const tip = element("div", { class: "dfg-tip", dir: "auto", "aria-hidden": "true" });
  const frame = element("div", { class: "dfg-picture" }, canvas, tip);
  const context = canvas.getContext("2d");
  const colours = theme(root, () => act.soon());
  const measure = widths(context, () => colours.colours().font);
  const label = labels((text) => measure(text));
  const pictures = {
    map: mapPicture(topics, state, label, measure, () => act.covered()),
    icicle: iciclePicture(topics, state),
    sunburst: sunburstPicture(topics, state),
  };
  const pointed = { hover: -1, hoverMore: null, target: -1, lasso: null, dragged: null };
  let drawn = null; // the size of the current picture
  let renumbered = false;
  let last = 0;
  tip.hidden = true;

  const picture = () => pictures[state.view];

  function update() {
    canvas.setAttribute("aria-label", summary(topics));
    const size = topics.length ? fitted() : null;
    if (!size) return;
    drawn = size;
    canvas.dataset.view = state.view;
    picture().lay(size, renumbered);
    renumbered = false;
    redraw();
  }

  /** Make the canvas as large as its place, in device pixels. */
  function fitted() {
    const width = frame.clientWidth;
    if (!width) return null;
    const height = picture().height(width, act.isFull() ? Math.max(200, frame.clientHeight) : state.height);
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

  function redraw() {
    if (!drawn) return;
    const passed = Math.min(LONGEST_FRAME, now() - last);
    last = now();
    context.clearRect(0, 0, drawn.width, drawn.height);
    if (picture().paint(context, scene(), passed)) act.soon(redraw);
    if (pointed.lasso) ring(context, pointed.lasso, 2, colours.colours().brand, 1.5, [4, 3]);
    if (pointed.dragged) ghost(pointed.dragged);
  }

  /** Draw the name of what is dragged beside the pointer. */
  function ghost({ row, x, y, count }) {
    const { back, text, brand, font } = colours.colours();
    const [line = ""] = label(count > 1 ? counted(count, "topic") : topics.names[row], 200, 1);
    context.font = `${FONT}px ${font}`;
    const box = { x: x + 12, y: y - 11, w: measure(line) + 16, h: 22 };
    context.fillStyle = back;
    context.fillRect(box.x, box.y, box.w, box.h);
    ring(context, box, 5, brand, 1.5);
    context.fillStyle = text;
    context.textAlign = "left";
    context.fillText(line, box.x + 8, box.y + 11);
  }

  function scene() {
    return { topics, colours: colours.colours(), label, ...pointed, ...state.shown() };
  }

  /** Say what is under the pointer, beside it. */
  function explain(hit, { offsetX, offsetY } = {}) {
    show(tip, Boolean(hit));
    if (!hit) return;
    const more = hit.more || hit.opens;
    const what = more ? `${counted(more, "more topic")}: click to see them` : figures(topics, hit.row).join(" · ");
    const mark = more ? "" : topics.marks.get(hit.row) ?? "";
    say(tip, [pathText(topics, hit.row), what, mark].filter(Boolean).join("\n"));
    const left = offsetX > frame.clientWidth / 2;
    tip.style.left = left ? "auto" : `${offsetX + 14}px`;
    tip.style.right = left ? `${frame.clientWidth - offsetX + 14}px` : "auto";
    tip.style.top = `${offsetY + 16}px`;
  }

  const hand = pointer({ canvas, topics, state, act, pointed, picture, explain, redraw: () => act.soon(redraw) });
  const resized = globalThis.ResizeObserver && new ResizeObserver(() => isOutgrown() && act.soon());
  const isOutgrown = () => frame.clientWidth !== drawn?.width || (act.isFull() && frame.clientHeight !== drawn?.height);
  resized?.observe(frame);
  return {
    root: frame,
    canvas,
    pictures,
    update,
    /** Rows have other numbers from now on. */
    renumber: () => (renumbered = true),
    /** Draw what is seen in another context. */
    paintIn(other) {
      const unmarked = { hover: -1, hoverMore: null, target: -1, current: -1 };
      picture().paint(other, { ...scene(), ...unmarked }, 10_000);
    },
    size: () => drawn,
    colours: () => colours.colours(),
    /** Return whether a topic is shown with its name. */
    legible: (row) => picture().legible(row),
    placeOf: (row) => picture().placeOf(row),
    dispose() {
      hand.dispose();
      resized?.disconnect();
      colours.dispose();
    },
  };
}

/** Return what measures texts, normal or bold; widths are remembered, since most names are measured again and again. */
function widths(context, font) {
  const known = new Map();
  let last = "";
  return (text, bold = false) => {
    if (known.size > MEASURED || last !== font()) known.clear();
    last = font();
    const key = `${bold}${text}`;
    if (!known.has(key)) {
      context.font = `${bold ? "600 " : ""}${FONT}px ${last}`;
      known.set(key, context.measureText(text).width);
    }
    return known.get(key);
  };
}
