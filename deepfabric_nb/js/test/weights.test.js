import assert from "node:assert/strict";
import { test } from "node:test";
import { drawn, frame, modelOf, send, snapshotOf } from "./graph_page.js";

const TEA = ["tea", ["green", "sencha", "matcha"], ["black", "assam", "ceylon"]];
const PLANNED = { wanted: [0, 0, 4, 4, 0, 2, 2], weights: [[1, 2, false]] };
const tea = (changes) => modelOf(snapshotOf(TEA, changes));
const steps = ({ all }) => all(".dfg-steps button");

test("a branch gets more samples by a click, and the panel says how many that is", () => {
  const model = tea(PLANNED);
  const page = drawn(model);
  page.click("green");
  assert.equal(steps(page).find((button) => button.getAttribute("aria-pressed") === "true").textContent, "×2");
  assert.match(page.find(".dfg-weights").textContent, /comes to 8 of 12/);
  steps(page)[3].click();
  assert.deepEqual(model.edits(), [{ type: "edit", op: "weigh", ids: ["tea/green"], weight: 4 }]);
  steps(page)[1].click();
  assert.equal(model.edits()[1].weight, null, "as many as above it");
});

test("a step says about how many samples it comes to, within what is planned", () => {
  const page = drawn(tea(PLANNED));
  page.click("black");
  const said = steps(page).map((button) => (send(button, "pointerenter"), button.getAttribute("title")));
  assert.match(said[1], /about 4 of 12 samples/);
  assert.match(said[2], /about 6 of 12 samples/);
  assert.match(said[3], /about 8 of 12 samples/);
});

test("below a branch with a weight the steps count from that", () => {
  const model = tea(PLANNED);
  const page = drawn(model);
  page.click("sencha");
  steps(page)[2].click();
  assert.equal(model.edits()[0].weight, 4);
});

test("keys give more and fewer, also to several topics, and never to the root", () => {
  const model = tea(PLANNED);
  const { press } = drawn(model);
  press(">");
  assert.deepEqual(model.edits(), []);
  press("ArrowRight");
  press(">");
  press(">");
  press("<");
  assert.deepEqual(model.edits().map(({ weight }) => weight), [4, 8, 4], "each a step from the one before");
  model.hears({ type: "refused", message: "It can't." });
  press("<");
  assert.equal(model.edits().at(-1).weight, null);
  press("ArrowDown", { shiftKey: true });
  press(">");
  assert.deepEqual(model.edits().at(-1), { type: "edit", op: "weigh", ids: ["tea/green", "tea/black"], weight: 4 });
});

test("the context menu has both, and what Python says of it is told", () => {
  const model = tea(PLANNED);
  const { canvas, at, all, find } = drawn(model);
  send(canvas, "contextmenu", at("black"));
  all('[role="menuitem"]').find((item) => item.textContent.startsWith("More samples here")).click();
  assert.deepEqual(model.edits().at(-1), { type: "edit", op: "weigh", ids: ["tea/black"], weight: 2 });
  model.hears({ type: "heard", message: "Run it again to make 4 samples more." });
  assert.match(find(".dfg-last").textContent, /make 4 samples more/);
});

test("the weights are copied as the config has them, and one that it gives can't be changed here", () => {
  const page = drawn(tea({ ...PLANNED, weights: [[1, 2, true], [5, 0.5, false]] }));
  page.click("green");
  assert.equal(steps(page)[0].getAttribute("aria-disabled"), "true");
  let copied = "";
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { clipboard: { writeText: (text) => ((copied = text), Promise.resolve()) } } });
  page.all(".dfg-weights button").at(-1).click();
  frame();
  assert.match(page.find(".dfg-last").textContent, /Below topics in the config: weights: {"green": 2/);
  assert.equal(copied, 'weights: {"green": 2, "black > assam": 0.5}');
});
