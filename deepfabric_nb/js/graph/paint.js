import { boxOf, LEGIBLE } from "./layout.js";
import { isRightToLeft } from "./label.js";
import { figures, number } from "./captions.js";

const LINE = 15;
const PAD = 6;
const MOST_LINES = 4;

/** Draw the boxes. `scene` holds topics, colours, label, the width, and what is selected, pointed at, found and how to colour. */
export function paint(context, boxes, scene) {
  context.textBaseline = "middle";
  for (const box of boxes) (box.more ? band : cell)(context, box, scene);
  for (const box of boxes) if (!box.more) outline(context, box, scene);
  for (const row of scene.selected) arcs(context, boxes, row, scene);
}

function cell(context, box, scene) {
  const { topics, colours } = scene;
  const { row, x, y, w, h } = box;
  const gap = h > 6 ? 1 : h > 4 ? 0.5 : 0;
  context.fillStyle = scene.colourBy === "depth" ? colours.depths[topics.depth[row] % colours.depths.length] : colours.cell;
  context.fillRect(x, y, w - 1, h - gap);
  if (scene.colourBy === "coverage") coverage(context, box, scene, h - gap);
  found(context, box, scene, h - gap);
  if (h >= LEGIBLE && w > 24) name(context, box, scene);
}

/** Draw how much of the branch is made and how much failed, as a bar that fills its box. */
function coverage(context, { row, x, y, w }, { topics, colours }, h) {
  const [done, failed] = [topics.allDone[row], topics.allFailed[row]];
  const whole = Math.max(topics.allWanted[row], done + failed);
  if (!whole) return;
  const made = ((w - 1) * done) / whole;
  const lost = failed ? Math.max(2, ((w - 1) * failed) / whole) : 0;
  context.fillStyle = colours.done;
  context.fillRect(x, y, made, h);
  context.fillStyle = colours.lost;
  context.fillRect(x + w - 1 - lost, y, lost, h);
}

function found(context, { row, x, y, w }, { matches, colours }, h) {
  if (!matches) return;
  const own = matches.own[row];
  if (!own && !matches.below[row]) return;
  context.fillStyle = own ? colours.found : colours.mark;
  if (own) context.fillRect(x, y, w - 1, h);
  else context.fillRect(x + w - 5, y, 4, h);
}

function name(context, box, scene) {
  const { topics, colours, label } = scene;
  const { row, x, y, w, h } = box;
  const links = topics.others.get(row)?.length ?? 0;
  const badge = `${topics.marks.has(row) ? "≈ " : ""}${links ? `⑂${links + 1} ` : ""}`;
  const room = Math.max(1, Math.min(MOST_LINES, Math.floor((h - 2) / LINE)));
  const lines = label(badge + topics.names[row], w - 2 * PAD - 1, room);
  const told = room > lines.length ? label(figures(topics, row).join(" · "), w - 2 * PAD - 1, 1) : [];
  const top = y + h / 2 - ((lines.length + told.length - 1) * LINE) / 2;
  const small = h < 14;
  context.font = `${small ? 10 : 12}px ${colours.font}`;
  context.fillStyle = colours.text;
  lines.forEach((line, n) => write(context, line, x, w, top + n * LINE));
  context.font = `11px ${colours.font}`;
  told.forEach((line) => write(context, line, x, w, top + lines.length * LINE));
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
  context.fillStyle = colours.band;
  context.fillRect(x, y, w - 1, h - (h > 6 ? 1 : 0));
  if (h < LEGIBLE || w < 40) return;
  const sign = box.to === null ? "+" : box.before ? "↑ " : "↓ ";
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

/** Draw links from a selected topic to its other parents where these are visible. */
function arcs(context, boxes, row, { topics, colours }) {
  const others = topics.others.get(row);
  const own = others && boxOf(topics, boxes, row);
  if (!own) return;
  context.strokeStyle = colours.brand;
  context.lineWidth = 1.5;
  for (const other of others) {
    const box = boxOf(topics, boxes, other);
    if (!box || box === own) continue;
    const [x0, y0] = [box.x + box.w - 4, box.y + box.h / 2];
    const [x1, y1] = [own.x + 4, own.y + own.h / 2];
    const bend = Math.max(30, Math.abs(x1 - x0) / 2);
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    context.stroke();
    context.beginPath();
    context.arc(x0, y0, 3, 0, 2 * Math.PI);
    context.fillStyle = colours.brand;
    context.fill();
  }
}
