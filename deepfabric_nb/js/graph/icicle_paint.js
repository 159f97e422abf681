import { counted, figures, number, share } from "./captions.js";
import { colourOf, hueOf } from "./colours.js";
import { LEGIBLE } from "./icicle_layout.js";
import { isRightToLeft } from "./label.js";
import { alikeMark, bar, linkMark } from "./marks.js";
import { mix } from "./theme.js";

const LINE = 15;
const PAD = 6;
const MOST_LINES = 4;
const NAME_TO_FIGURES = 1.1; // a name's letters are larger than those of figures, in which both are measured
const BARRED = 20; // the least height of a box with a bar

/** Draw the boxes. `scene` holds topics, colours, label, and what is selected, pointed at, found and how to colour. */
export function paintIcicle(context, boxes, scene) {
  context.textBaseline = "middle";
  for (const box of boxes) (box.more ? band : cell)(context, box, scene);
  for (const box of boxes) if (!box.more) outline(context, box, scene);
}

function cell(context, box, scene) {
  const { row, x, y, w, h } = box;
  const looks = colourOf(row, scene);
  const gap = h > 6 ? 1 : 0.5;
  context.fillStyle = looks.fill;
  context.fillRect(x, y, w - 1, h - gap);
  if (h >= LEGIBLE && w > 24) name(context, box, scene, looks);
  found(context, box, scene, h - gap);
}

function found(context, { row, x, y, w }, { matches, colours }, h) {
  if (!matches?.own[row] && !matches?.below[row]) return;
  context.fillStyle = colours.mark;
  if (matches.own[row]) context.fillRect(x, y, 4, h);
  context.fillRect(x + w - 5, y, 4, h);
}

function name(context, box, scene, looks) {
  const { topics, colours, label } = scene;
  const { row, x, y, w, h } = box;
  const barred = h >= BARRED && topics.allWanted[row] + topics.allDone[row] + topics.allFailed[row] > 0;
  const high = h - (barred ? 7 : 0);
  const signs = (topics.others.has(row) ? 1 : 0) + (topics.marks.has(row) ? 1 : 0);
  const width = w - 2 * PAD - 1 - 16 * signs;
  const room = Math.max(1, Math.min(MOST_LINES, Math.floor((high - 2) / LINE)));
  const lines = label(topics.names[row], width, room);
  const told = room > lines.length ? label(short(topics, row), width, 1) : [];
  const top = y + high / 2 - ((lines.length + told.length - 1) * LINE) / 2;
  context.font = `${topics.depth[row] < 2 ? "600 " : ""}${h < 14 ? 10 : 12}px ${colours.font}`;
  context.fillStyle = looks.ink;
  lines.forEach((line, n) => write(context, line, x, w - 16 * signs, top + n * LINE));
  context.font = `11px ${colours.font}`;
  context.fillStyle = looks.quiet;
  told.forEach((line) => write(context, line, x, w, top + lines.length * LINE));
  if (!told.length && lines.length === 1 && h >= BARRED) beside(context, box, lines[0], share(topics, row), top, width);
  marks(context, box, scene, looks);
  const track = { track: mix(looks.fill, looks.ink, 0.18), done: looks.strong, bad: looks.bad };
  if (barred) bar(context, { x: x + PAD, y: y + h - 7, w: w - 2 * PAD - 1, h: 3 }, row, topics, track);
}

/** Write the figures after a name of one line, if it leaves room for them. */
function beside(context, { x, w }, name, text, y, width) {
  if (context.measureText(`${name} ${text}`).width * NAME_TO_FIGURES + 8 > width) return;
  const turned = isRightToLeft(name);
  context.direction = "ltr";
  context.textAlign = turned ? "left" : "right";
  context.fillText(text, turned ? x + PAD : x + PAD + width, y);
}

const short = (topics, row) => figures(topics, row)[0] ?? (topics.size[row] > 1 ? counted(topics.size[row] - 1, "subtopic") : "");

function marks(context, { row, x, y, w, h }, { topics, colours }, looks) {
  let at = x + w - 13;
  if (topics.marks.has(row)) {
    alikeMark(context, at, y + h / 2, 12, topics.depth[row] === 1 ? looks.ink : colours.mark);
    at -= 16;
  }
  if (topics.others.has(row)) linkMark(context, at, y + h / 2, 12, looks.quiet);
}

function write(context, text, x, w, y) {
  const turned = isRightToLeft(text);
  context.direction = turned ? "rtl" : "ltr";
  context.textAlign = turned ? "right" : "left";
  context.fillText(text, turned ? x + w - PAD - 1 : x + PAD, y);
}

function band(context, box, scene) {
  const { colours } = scene;
  const { x, y, w, h } = box;
  context.fillStyle = mix(colours.back, hueOf(box.row, scene), 0.07);
  context.fillRect(x, y, w - 1, h - (h > 6 ? 1 : 0));
  if (h < LEGIBLE - 2 || w < 40) return;
  const sign = box.to === null ? "" : box.before ? "↑ " : "↓ ";
  const [text = ""] = scene.label(`${sign}${number(box.more)} more`, w - 2 * PAD, 1);
  context.font = `${h < 14 ? 10 : 12}px ${colours.font}`;
  context.fillStyle = colours.quiet;
  write(context, text, x, w, y + h / 2);
}

function outline(context, { row, x, y, w, h }, { selected, hover, current, colours }) {
  const chosen = selected.has(row);
  if (!chosen && row !== hover && row !== current) return;
  context.strokeStyle = chosen || row === current ? colours.brand : colours.quiet;
  context.lineWidth = chosen ? 2.5 : 1.5;
  context.setLineDash(row === current && !chosen ? [4, 3] : []);
  context.strokeRect(x + 1, y + 1, Math.max(1, w - 3), Math.max(1, h - 3));
  context.setLineDash([]);
}
