import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { ANSWER_WITHIN } from "../progress/stop_button.js";
import { drawn, modelOf, viewOf } from "./notebook.js";

const later = async () => {
  mock.timers.tick(ANSWER_WITHIN);
  await new Promise(setImmediate);
};

function kernel(interrupt = async () => {}) {
  return { kernel: { interrupts: 0, interrupt() { this.interrupts += 1; return interrupt(); } } };
}

function pressed(model) {
  const page = drawn(model);
  page.find(".dfn-stop").click();
  return page;
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("the button says what it will do", () => {
  const { find } = drawn(modelOf(viewOf()));
  assert.equal(find(".dfn-stop").title, "Stop: calls in flight finish, finished samples are kept");
  assert.equal(find(".dfn-hint").hidden, true);
});

test("a click asks the run once, and says so at once", () => {
  const model = modelOf(viewOf());
  const { find } = pressed(model);
  find(".dfn-stop").click();
  assert.deepEqual(model.sent, [{ type: "stop", run: "run-1" }]);
  assert.equal(find(".dfn-stop").textContent, "Stopping…");
  assert.equal(find(".dfn-stop").getAttribute("aria-disabled"), "true");
  assert.match(find(".dfn-hint").textContent, /To leave at once, press the notebook's interrupt button/);
});

test("a run that answers isn't interrupted", async () => {
  const manager = kernel();
  const model = modelOf(viewOf(), manager);
  pressed(model);
  model.hears({ type: "stopping", run: "run-1" });
  await later();
  assert.equal(manager.kernel.interrupts, 0);
});

test("a run that is seen to be stopping isn't interrupted", async () => {
  const manager = kernel();
  const model = modelOf(viewOf(), manager);
  pressed(model);
  model.show(viewOf({ phase: "stopping" }));
  await later();
  assert.equal(manager.kernel.interrupts, 0);
});

test("a run that doesn't answer is interrupted through the kernel", async () => {
  const manager = kernel();
  const { find } = pressed(modelOf(viewOf(), manager));
  await later();
  assert.equal(manager.kernel.interrupts, 1);
  assert.equal(find(".dfn-stop").textContent, "Stopping…");
});

test("an answer for another run doesn't count", async () => {
  const manager = kernel();
  const model = modelOf(viewOf(), manager);
  pressed(model);
  model.hears({ type: "stopping", run: "another" });
  await later();
  assert.equal(manager.kernel.interrupts, 1);
});

for (const [why, manager] of [
  ["there is none", {}],
  ["there is no manager", null],
  ["the kernel refuses", kernel(() => Promise.reject(new Error("refused")))],
  ["the kernel is gone", kernel(() => { throw new Error("disposed"); })],
]) {
  test(`where the kernel can't be interrupted, since ${why}, the notebook's own button is named`, async () => {
    const model = modelOf(viewOf(), manager);
    const { find } = pressed(model);
    await later();
    assert.match(find(".dfn-hint").textContent, /Press the notebook's interrupt button \(■\)/);
    find(".dfn-stop").click();
    assert.equal(model.sent.length, 2);
  });
}

test("a dead connection throws nothing and goes on to the interrupt", async () => {
  const manager = kernel();
  const model = { ...modelOf(viewOf(), manager), send() { throw new Error("Cannot send"); } };
  pressed(model);
  await later();
  assert.equal(manager.kernel.interrupts, 1);
});

test("a late answer takes the advice back", async () => {
  const model = modelOf(viewOf());
  const { find } = pressed(model);
  await later();
  model.hears({ type: "stopping", run: "run-1" });
  assert.equal(find(".dfn-stop").textContent, "Stopping…");
});

test("a run that ends in the meantime isn't interrupted, and has no button", async () => {
  const manager = kernel();
  const model = modelOf(viewOf(), manager);
  const { find } = pressed(model);
  model.show(viewOf({ phase: "over", ending: "stopped" }));
  await later();
  assert.equal(manager.kernel.interrupts, 0);
  assert.equal(find(".dfn-stop").hidden, true);
  assert.equal(find(".dfn-hint").hidden, true);
});

test("a page that comes back in the middle of a stop shows it", () => {
  const { find } = drawn(modelOf(viewOf({ phase: "stopping" })));
  assert.equal(find(".dfn-stop").textContent, "Stopping…");
});

test("the keyboard's place isn't lost when the button goes", () => {
  const model = modelOf(viewOf());
  const { find } = drawn(model);
  find(".dfn-stop").focus();
  model.show(viewOf({ phase: "over", ending: "complete" }));
  assert.equal(document.activeElement, find(".dfn"));
});

test("a widget that is taken away interrupts nothing afterwards", async () => {
  const manager = kernel();
  const { clean } = pressed(modelOf(viewOf(), manager));
  clean();
  await later();
  assert.equal(manager.kernel.interrupts, 0);
});
