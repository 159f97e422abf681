// Marks drawn as shapes, since not every machine has a letter for them.

/** Draw a rounded box and fill it. */
export function card(context, { x, y, w, h }, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, w, h, radius);
  context.fill();
}

/** Draw a line around a rounded box. */
export function ring(context, { x, y, w, h }, radius, colour, width, dash = []) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  context.roundRect(x, y, w, h, radius);
  context.stroke();
  context.setLineDash([]);
}

/** Draw a bar of what is made and, at its end, what failed; return whether there was anything to draw. */
export function bar(context, { x, y, w, h }, row, topics, { track, done, bad }) {
  const [made, failed] = [topics.allDone[row], topics.allFailed[row]];
  const whole = Math.max(topics.allWanted[row], made + failed);
  if (!whole) return false;
  card(context, { x, y, w, h }, h / 2, track);
  const lost = failed ? Math.max(h, (w * failed) / whole) : 0;
  if (made) card(context, { x, y, w: Math.min(Math.max(h, (w * made) / whole), w - lost), h }, h / 2, done);
  if (lost) card(context, { x: x + w - lost, y, w: lost, h }, h / 2, bad);
  return true;
}

/** Draw two rings that are linked: a topic with further parents. */
export function linkMark(context, x, y, size, colour) {
  const r = size / 4;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, size / 9);
  for (const side of [-1, 1]) {
    context.beginPath();
    context.arc(x + side * r * 0.75, y, r * 1.25, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** Draw two waves: nearly the same as another topic. */
export function alikeMark(context, x, y, size, colour) {
  const w = size / 2.4;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1.2, size / 8);
  for (const side of [-1, 1]) {
    const level = y + side * size * 0.16;
    context.beginPath();
    context.moveTo(x - w, level + 1);
    context.bezierCurveTo(x - w / 3, level - size / 3.5, x + w / 3, level + size / 3.5, x + w, level - 1);
    context.stroke();
  }
}
