// Where the picture is looked at: pan and zoom, moved smoothly.

const SLOWNESS = 80; // ms until about two thirds of a way are gone
const MOST_SCALE = 2.5;
const LEAST_SCALE = 0.15;

export const stillWanted = () => globalThis.matchMedia?.("(prefers-reduced-motion: reduce)")?.matches ?? true;

/** Return which part of its way something goes in `passed` milliseconds. */
export const eased = (passed) => 1 - Math.exp(-passed / SLOWNESS);

/** A scale `k` and an offset `x`, `y`, in pixels: a point of the picture is shown at k * point + offset. */
export class Viewport {
  k = 1;
  x = 0;
  y = 0;
  /** Whether the user has moved the picture, so that it doesn't fit itself to what is new any more. */
  taken = false;
  #to = { k: 1, x: 0, y: 0 };
  #placed = false;

  /** Show all of a box {x, y, w, h} in a size, at a scale from `least` to `most`; or as much as is there of it from `start` on. */
  fit(box, start, { width, height }, { margin, least, most }) {
    const k = Math.max(least, Math.min(most, (width - 2 * margin) / box.w, (height - 2 * margin) / box.h));
    const place = (size, from, length, point, extent) =>
      length * k <= size - 2 * margin + 1 ? (size - length * k) / 2 - from * k : Math.min(margin - from * k, Math.max(size - margin - (from + length) * k, size / 2 - (point + extent / 2) * k));
    this.#go({ k, x: place(width, box.x, box.w, start.x, start.w), y: place(height, box.y, box.h, start.y, start.h) });
  }

  /** Move as little as is needed to see a box. That is as if the user did it. */
  reveal(box, { width, height }, margin) {
    const { k, x, y } = this.#to;
    const moved = (size, from, length, offset) => {
      const [start, end] = [from * k + offset, (from + length) * k + offset];
      if (start < margin || length * k > size - 2 * margin) return offset + margin - start;
      return end > size - margin ? offset + size - margin - end : offset;
    };
    const to = { k, x: moved(width, box.x, box.w, x), y: moved(height, box.y, box.h, y) };
    if (to.x === x && to.y === y) return;
    this.taken = true;
    this.#go(to);
  }

  /** Zoom around a point, by hand. */
  zoom(by, px, py, smoothly = false) {
    const from = smoothly ? this.#to : this;
    const k = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, from.k * by));
    const [x, y] = [px - ((px - from.x) * k) / from.k, py - ((py - from.y) * k) / from.k];
    this.taken = true;
    this.#go({ k, x, y });
    if (!smoothly) this.jump();
  }

  pan(dx, dy) {
    this.taken = true;
    this.#go({ k: this.k, x: this.x + dx, y: this.y + dy });
    this.jump();
  }

  #go(to) {
    this.#to = to;
    if (!this.#placed || stillWanted()) this.jump();
    this.#placed = true;
  }

  jump() {
    Object.assign(this, this.#to);
  }

  /** Go on with the movement; return whether it is still on its way. */
  step(passed) {
    const part = eased(passed);
    const close = ["k", "x", "y"].every((name) => Math.abs(this.#to[name] - this[name]) < (name === "k" ? 0.002 : 0.4));
    if (close) this.jump();
    else for (const name of ["k", "x", "y"]) this[name] += (this.#to[name] - this[name]) * part;
    return !close;
  }

  /** Return where the right end of a box will be when the movement is over. */
  rightOf({ x, w }) {
    return (x + w) * this.#to.k + this.#to.x;
  }

  /** Return where a box is shown. */
  shown({ x, y, w, h }) {
    return { x: x * this.k + this.x, y: y * this.k + this.y, w: w * this.k, h: h * this.k };
  }
}
