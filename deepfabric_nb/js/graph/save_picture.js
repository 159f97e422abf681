import { summary } from "./captions.js";
import { SvgContext } from "./svg_context.js";

const SHARP = 2; // pixels of a PNG for each of the page
const LONGEST = 60; // characters of a file's name

/** Return what is seen as SVG. */
export function svgOf(topics, canvas) {
  const measuring = canvas.canvas.getContext("2d");
  const context = new SvgContext((text, font) => {
    measuring.font = font;
    return measuring.measureText(text).width;
  });
  canvas.paintIn(context);
  return context.svg(canvas.size(), canvas.colours().back, `${topics.names[0] ?? ""}. ${summary(topics)}`);
}

/** Return what is seen as a PNG, a promise of a blob. */
export function pngOf(canvas) {
  const { width, height } = canvas.size();
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: Math.round(width * SHARP), height: Math.round(height * SHARP) });
  const context = sheet.getContext("2d");
  context.scale(SHARP, SHARP);
  context.fillStyle = canvas.colours().back;
  context.fillRect(0, 0, width, height);
  canvas.paintIn(context);
  return new Promise((done) => sheet.toBlob(done, "image/png"));
}

/** Return what is seen as the bytes of a file, "png" or "svg". */
export async function bytesOf(kind, topics, canvas) {
  return kind === "svg" ? new TextEncoder().encode(svgOf(topics, canvas)).buffer : (await pngOf(canvas)).arrayBuffer();
}

/** Let the browser save what is seen as a file, "png" or "svg". */
export async function download(kind, topics, canvas) {
  const blob = kind === "svg" ? new Blob([svgOf(topics, canvas)], { type: "image/svg+xml" }) : await pngOf(canvas);
  const link = document.createElement("a");
  const name = (topics.names[0] ?? "topics").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, LONGEST) || "topics";
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
