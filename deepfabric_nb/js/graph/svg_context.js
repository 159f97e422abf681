// Draw as on a canvas, but write SVG: the part of a canvas' context that the pictures use.

const round = (value) => Math.round(value * 100) / 100;
const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
// What XML forbids, and controls of direction, which could change how the text around reads.
const UNFIT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ANCHORS = { left: "start", center: "middle", right: "end" };

/** A context whose `svg()` is the picture; `measure` returns the width of a text in a font. */
export class SvgContext {
  fillStyle = "#000";
  strokeStyle = "#000";
  lineWidth = 1;
  font = "12px sans-serif";
  textAlign = "left";
  textBaseline = "middle";
  direction = "ltr";
  globalAlpha = 1;
  lineJoin = "miter";
  #parts = [];
  #path = [];
  #dash = [];
  #moves = [];
  #kept = [];

  constructor(measure) {
    this.measureText = (text) => ({ width: measure(text, this.font) });
  }

  setLineDash(dash) {
    this.#dash = dash;
  }

  save() {
    this.#kept.push(this.#moves.length);
  }

  restore() {
    this.#moves.length = this.#kept.pop() ?? 0;
  }

  translate(x, y) {
    this.#moves.push(`translate(${round(x)} ${round(y)})`);
  }

  rotate(angle) {
    this.#moves.push(`rotate(${round((angle * 180) / Math.PI)})`);
  }

  beginPath() {
    this.#path = [];
  }

  moveTo(x, y) {
    this.#path.push(`M${round(x)} ${round(y)}`);
  }

  lineTo(x, y) {
    this.#path.push(`${this.#path.length ? "L" : "M"}${round(x)} ${round(y)}`);
  }

  bezierCurveTo(...points) {
    this.#path.push(`C${points.map(round).join(" ")}`);
  }

  closePath() {
    this.#path.push("Z");
  }

  roundRect(x, y, w, h, radius) {
    const r = Math.max(0, Math.min(radius, w / 2, h / 2));
    const corner = (dx, dy) => `a${round(r)} ${round(r)} 0 0 1 ${round(dx)} ${round(dy)}`;
    const parts = [`M${round(x + r)} ${round(y)}h${round(w - 2 * r)}`, corner(r, r), `v${round(h - 2 * r)}`, corner(-r, r)];
    this.#path.push([...parts, `h${round(2 * r - w)}`, corner(-r, -r), `v${round(2 * r - h)}`, corner(r, -r), "Z"].join(""));
  }

  arc(x, y, radius, from, to, back = false) {
    const turn = Math.abs(to - from);
    const at = (angle) => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
    this.lineTo(...at(from));
    const halves = turn > Math.PI - 0.001 ? [(from + to) / 2, to] : [to];
    for (const end of halves) this.#path.push(`A${round(radius)} ${round(radius)} 0 0 ${back ? 0 : 1} ${at(end).map(round).join(" ")}`);
  }

  fill() {
    this.#add(`<path d="${this.#path.join("")}" fill="${escaped(this.fillStyle)}"`, "/>");
  }

  stroke() {
    this.#add(`<path d="${this.#path.join("")}" fill="none" ${this.#line()}`, "/>");
  }

  fillRect(x, y, w, h) {
    this.#add(`<rect ${this.#box(x, y, w, h)} fill="${escaped(this.fillStyle)}"`, "/>");
  }

  strokeRect(x, y, w, h) {
    this.#add(`<rect ${this.#box(x, y, w, h)} fill="none" ${this.#line()}`, "/>");
  }

  fillText(text, x, y) {
    const [, weight = "", size, family] = /^(600 )?([\d.]+)px (.*)$/.exec(this.font) ?? [undefined, "", 12, "sans-serif"];
    const turned = this.direction === "rtl";
    const anchor = turned ? { left: "end", right: "start", center: "middle" }[this.textAlign] : ANCHORS[this.textAlign];
    const font = `font-family="${escaped(family)}" font-size="${round(size)}"${weight ? ' font-weight="600"' : ""}`;
    const place = `x="${round(x)}" y="${round(y + 0.36 * size)}" text-anchor="${anchor}"${turned ? ' direction="rtl"' : ""}`;
    this.#add(`<text ${place} ${font} fill="${escaped(this.fillStyle)}"`, `>${escaped(String(text).replace(UNFIT, ""))}</text>`);
  }

  #box(x, y, w, h) {
    return `x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, w))}" height="${round(Math.max(0, h))}"`;
  }

  #line() {
    const dash = this.#dash.length ? ` stroke-dasharray="${this.#dash.map(round).join(" ")}"` : "";
    return `stroke="${escaped(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}"${dash}`;
  }

  #add(start, end) {
    const moved = this.#moves.length ? ` transform="${this.#moves.join(" ")}"` : "";
    const faint = this.globalAlpha < 0.995 ? ` opacity="${round(this.globalAlpha)}"` : "";
    this.#parts.push(`${start}${moved}${faint}${end}`);
  }

  svg({ width, height }, background, title) {
    const size = `width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}"`;
    const back = `<rect width="100%" height="100%" fill="${escaped(background)}"/>`;
    const about = `<title>${escaped(title.replace(UNFIT, ""))}</title>`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">${about}${back}\n${this.#parts.join("\n")}\n</svg>\n`;
  }
}
