import assert from "node:assert/strict";
import test from "node:test";
import { Window } from "happy-dom";

const window = new Window();
Object.assign(globalThis, { document: window.document, MutationObserver: window.MutationObserver, Node: window.Node });
const { liveFrame } = await import("../live_frame.js");
const soon = () => new Promise((resolve) => setTimeout(resolve, 10));

/** A page with static outputs, and a widget whose views count themselves. */
function begun({ ready } = {}) {
  document.body.innerHTML = "";
  const views = [];
  const module = liveFrame(() => {
    const root = document.createElement("section");
    root.textContent = `view ${views.length + 1}`;
    views.push({ root, disposed: false, ready, dispose: () => (views.find((one) => one.root === root).disposed = true) });
    return views.at(-1);
  })();
  const place = (html = "static") => {
    const output = document.createElement("div");
    output.innerHTML = `<p><div data-deepfabric="abc">${html}</div></p>`;
    document.body.append(output);
    return output;
  };
  return { views, place, begin: () => module.initialize({ model: { get: () => "abc" } }), render: module.render };
}

test("a live view takes the place of the static page, whichever comes first", async () => {
  const { place, begin, views } = begun();
  const before = place();
  begin();
  assert.equal(before.textContent, "view 1");
  const after = place();
  await soon();
  assert.equal(after.textContent, "view 2");
  assert.equal(views.length, 2);
});

test("a place that is drawn anew gets the view that it had", async () => {
  const { place, begin, views } = begun();
  const output = place();
  begin();
  output.innerHTML = '<div data-deepfabric="abc">static again</div>';
  await soon();
  assert.equal(output.textContent, "view 1");
  assert.equal(views.length, 1);
});

test("a static page stays until the view is ready", async () => {
  let isReady;
  const { place, begin } = begun({ ready: new Promise((resolve) => (isReady = resolve)) });
  const output = place();
  begin();
  assert.equal(output.textContent, "static");
  isReady();
  await soon();
  assert.equal(output.textContent, "view 1");
});

test("a widget that ends leaves the static page", async () => {
  const { place, begin, views } = begun();
  const output = place();
  const end = begin();
  end();
  assert.equal(output.textContent, "static");
  assert.ok(views[0].disposed);
  place();
  await soon();
  assert.equal(views.length, 1);
});

test("where a front end draws the widget itself, it is drawn there", () => {
  const { render, views } = begun();
  const el = document.createElement("div");
  const clean = render({ model: { get: () => "abc" }, el });
  assert.equal(el.textContent, "view 1");
  clean();
  assert.ok(views[0].disposed);
});
