// A test page for the topic graph: a canvas that records drawing, frames on demand, and a model.
import { Window } from "happy-dom";

const window = new Window();
const WIDTH = 1000;

Object.assign(globalThis, {
  window,
  document: window.document,
  getComputedStyle: (node) => ({ color: node.style.color, fontFamily: "sans-serif" }),
  MutationObserver: window.MutationObserver,
  requestAnimationFrame: (draw) => frames.push(draw),
  cancelAnimationFrame: () => {},
});
Object.defineProperty(window.HTMLElement.prototype, "clientWidth", { get: () => WIDTH });
window.HTMLCanvasElement.prototype.getContext = function context() {
  return (this.recorded ??= recorder());
};

let frames = [];
const stored = new Map();
Object.defineProperty(globalThis, "localStorage", {
  value: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => void stored.set(key, value) },
});

/** Forget what the browser has stored. */
export const forget = () => stored.clear();

/** A canvas context that draws nothing and records every call. Letters are six pixels wide. */
function recorder() {
  const calls = [];
  const known = { calls, measureText: (text) => ({ width: 6 * [...text].length }) };
  return new Proxy(known, {
    get: (target, name) => target[name] ?? ((...given) => void calls.push([name, ...given, target.fillStyle])),
    set: (target, name, value) => {
      target[name] = value;
      return true;
    },
  });
}

/** Run frames until nothing is left to draw. */
export function frame() {
  for (let left = 20; frames.length && left; left -= 1) {
    const now = frames;
    frames = [];
    for (const draw of now) draw();
  }
}

const { default: widget } = await import("../graph.js");

/** A model with a snapshot, which records what was sent. It answers a page that has everything, unless it `isSilent`. */
export function modelOf(snapshot) {
  const listeners = new Map();
  const told = (name, ...values) => [...(listeners.get(name) ?? [])].forEach((listener) => listener(...values));
  return {
    sent: [],
    isSilent: false,
    edits() {
      return this.sent.filter((message) => message.type === "edit");
    },
    get: (name) => (name === "frame" ? "" : snapshot),
    send(message, _, buffers) {
      this.sent.push(message);
      this.buffers = buffers;
      if (message.type === "resync" && message.seq === snapshot?.seq && !this.isSilent) queueMicrotask(() => told("msg:custom", { type: "synced", seq: message.seq }));
    },
    on: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
    off: (name, listener) => listeners.get(name)?.delete(listener),
    show(next) {
      snapshot = next;
      told("change:snapshot");
      frame();
    },
    hears(message, buffers = []) {
      told("msg:custom", message, buffers);
      frame();
    },
    listening: () => [...listeners.values()].reduce((sum, all) => sum + all.size, 0),
  };
}

/** The widget on the page, in a browser that has stored nothing, unless `again`. */
export function drawn(model, { again = false } = {}) {
  if (!again) forget();
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  const { initialize, render } = widget();
  const end = initialize({ model });
  const clean = render({ model, el });
  frame();
  const find = (selector) => el.querySelector(selector);
  const canvas = find("canvas");
  return {
    el,
    find,
    canvas,
    render: (place) => render({ model, el: place }),
    all: (selector) => [...el.querySelectorAll(selector)],
    clean: () => [clean(), end()],
    /** Return the texts of the last picture. */
    labels: () => pictureOf(canvas).filter(([name]) => name === "fillText").map(([, text]) => text),
    at: (label) => placeOf(canvas, label),
    press: (key, more = {}) => send(find('[role="treeitem"][tabindex="0"]'), "keydown", { key, ...more }),
    click: (label, more = {}) => send(canvas, "click", { ...placeOf(canvas, label), ...more }),
    twice: (label) => send(canvas, "dblclick", placeOf(canvas, label)),
    point: (label) => send(canvas, "pointermove", placeOf(canvas, label)),
    /** Press the button at one name, and let it go at another. */
    drag: (label, to) => {
      const [from, end] = [placeOf(canvas, label), placeOf(canvas, to)];
      for (const [name, at] of [["pointerdown", from], ["pointermove", end], ["pointermove", end], ["pointerup", end]]) send(canvas, name, at);
    },
    show: (view) => (find(`[data-view="${view}"]`).click(), frame()),
    does: (what) => (find(`[data-does="${what}"]`).click(), frame()),
    type: (field, value) => ((field.value = value), send(field, "input")),
  };
}

export function send(node, name, more = {}) {
  const event = new window.Event(name, { bubbles: true, cancelable: true });
  for (const [key, value] of Object.entries(more)) Object.defineProperty(event, key, { value });
  node.dispatchEvent(event);
  frame();
  return event;
}

function pictureOf({ recorded: { calls } }) {
  return calls.slice(calls.findLastIndex(([name]) => name === "clearRect"));
}

function placeOf(canvas, label) {
  const found = pictureOf(canvas).find(([name, text]) => name === "fillText" && text.startsWith(label));
  if (!found) throw new Error(`no label ${label}`);
  return { offsetX: found[2], offsetY: found[3] };
}

/** A snapshot of nested names: [name, child, ...], a leaf may be a plain name. A topic's id is its path. */
export function snapshotOf(nested, changes = {}) {
  const columns = { ids: [], names: [], parent: [], wanted: [], done: [], failed: [] };
  const add = (node, parent) => {
    const [name, ...children] = [node].flat(1);
    const row = columns.ids.length;
    columns.ids.push(parent < 0 ? name : `${columns.ids[parent]}/${name}`);
    columns.names.push(name);
    columns.parent.push(parent);
    for (const count of ["wanted", "done", "failed"]) columns[count].push(0);
    for (const child of children) add(child, row);
  };
  add(nested, -1);
  return { snapshot: { seq: 1, ...columns, others: [], samples: [], failures: [], marks: [], selected: [], undo: "", redo: "", ...changes } }.snapshot;
}

/** Encode numbers as in a message: bytes at any offset. */
export function bytes(...numbers) {
  const view = new DataView(new ArrayBuffer(3 + 4 * numbers.length), 3);
  numbers.forEach((number, n) => view.setInt32(4 * n, number, true));
  return view;
}
