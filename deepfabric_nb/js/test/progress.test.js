import assert from "node:assert/strict";
import { test } from "node:test";
import { outline } from "../progress/sparkline.js";
import { budgetOf, drawn, event, failureOf, limitOf, modelOf, sampleOf, stageOf, viewOf } from "./notebook.js";

const HOSTILE = '<img src=x onerror="alert(1)"></script>\n  مرحبا';
const texts = (nodes) => nodes.map((node) => node.textContent);

test("a bar tells assistive technology its value, its range and its words", () => {
  const { find } = drawn(modelOf(viewOf()));
  const bar = find('[role="progressbar"]');
  const told = ["aria-label", "aria-valuemin", "aria-valuenow", "aria-valuemax", "aria-valuetext"].map((name) => bar.getAttribute(name));
  assert.deepEqual(told, ["Samples", "0", "40", "100", "40 of 100 (40 %), 2 failed"]);
  assert.equal(find(".dfn-pace").textContent, "4.0/s · about 15 s left · 10 s so far");
});

test("the rate over the last minute is a step for each second, the latest at the right end", () => {
  const model = modelOf(viewOf({ stages: [stageOf({ rates: [] })] }));
  const { find } = drawn(model);
  assert.equal(find(".dfn-spark").hidden, true);
  model.show(viewOf({ stages: [stageOf({ rates: [0, 100] })] }));
  assert.equal(find(".dfn-spark").hidden, false);
  assert.equal(find(".dfn-spark").getAttribute("role"), "img");
  assert.equal(outline([0, 100]), "polygon(96.67% 100%, 96.67% 100%, 98.33% 100%, 98.33% 0%, 100% 0%, 100% 100%)");
  assert.ok(outline(Array(60).fill(100)).startsWith("polygon(0% 100%, 0% 0%, 1.67% 0%"));
  assert.ok(!/NaN|Infinity/.test(outline([])));
});

test("the budget is a bar of what is spent and reserved, with a mark at the forecast, for the ear, too", () => {
  const { find } = drawn(modelOf(viewOf({ budget: budgetOf() })));
  const widths = [".dfn-done", ".dfn-reserved"].map((part) => find(`.dfn-budget ${part}`).style.width);
  assert.deepEqual([...widths, find(".dfn-mark").style.left], ["32%", "8.4%", "80%"]);
  assert.equal(find('[role="meter"]').getAttribute("aria-valuetext"), "$1.60 of $5.00 (32 %), $0.42 reserved, forecast $4.00 ($3.85 to $4.16)");
  assert.equal(find(".dfn-budget .dfn-pace").textContent, "$0.42 reserved · forecast $4.00 ($3.85 to $4.16)");
});

test("no bar is longer than its limit, whatever is spent", () => {
  const { find } = drawn(modelOf(viewOf({ budget: budgetOf({}, limitOf({ spent: 96, reserved: 30, expected: 140 })) })));
  const widths = [".dfn-done", ".dfn-reserved"].map((part) => find(`.dfn-budget ${part}`).style.width);
  assert.deepEqual([...widths, find(".dfn-mark").style.left], ["96%", "4%", "100%"]);
});

test("without a budget there is no bar, and without a forecast no mark; a view of an older version has neither", () => {
  const none = { limits: [], shared: "", warning: "" };
  for (const budget of [none, undefined]) assert.equal(drawn(modelOf(viewOf({ budget }))).find(".dfn-budget").hidden, true);
  const { find } = drawn(modelOf(viewOf({ budget: budgetOf({}, limitOf({ expected: null, forecast: "", reservation: "" })) })));
  assert.deepEqual([".dfn-mark", ".dfn-budget .dfn-pace", ".dfn-warning"].map((part) => find(part).hidden), [true, true, true]);
});

test("a warning is shown while it holds, marks its limit, and is announced once", () => {
  const limits = [limitOf(), limitOf({ label: "Tokens", warned: true })];
  const model = modelOf(viewOf({ budget: budgetOf() }));
  const { find, all } = drawn(model);
  const warn = (warning) => model.show(viewOf({ budget: budgetOf({ warning }, ...limits) }));
  warn("About $6.20 expected");
  assert.equal(find("[aria-live=polite]").textContent, "About $6.20 expected");
  warn("About $6.30 expected");
  assert.equal(find("[aria-live=polite]").textContent, "About $6.20 expected");
  assert.equal(find(".dfn-warning").textContent, "About $6.30 expected");
  assert.deepEqual(all(".dfn-limits > div").map((one) => one.classList.contains("dfn-warned")), [false, true]);
  warn("");
  assert.equal(find(".dfn-warning").hidden, true);
});

test("at the end of a budget its reason stands below the headline", () => {
  const { find, all } = drawn(modelOf(viewOf({ phase: "over", ending: "budget", headline: "Budget reached", reason: HOSTILE })));
  assert.equal(find(".dfn").dataset.ending, "budget");
  assert.equal(find(".dfn-reason").textContent, HOSTILE);
  assert.equal(all(".dfn-reason img").length, 0);
  assert.equal(drawn(modelOf(viewOf())).find(".dfn-reason").hidden, true);
});

test("a stage with nothing to do has a full bar", () => {
  const { find } = drawn(modelOf(viewOf({ stages: [stageOf({ done: 0, failed: 0, total: 0, count: "nothing to do", lost: "" })] })));
  assert.equal(find(".dfn-done").style.width, "100%");
  assert.equal(find('[role="progressbar"]').getAttribute("aria-valuemax"), "1");
});

test("a model without a view yet draws nothing and throws nothing", () => {
  const model = modelOf({});
  const { find } = drawn(model);
  model.show(viewOf());
  assert.equal(find("strong").textContent, "Writing samples");
});

test("everything is drawn from the view, so a page that comes back shows the same", () => {
  const view = viewOf({ samples: [sampleOf(2), sampleOf(1)], failures: [failureOf("timeout", 3, "slow")], trouble: "3 timeout" });
  assert.equal(drawn(modelOf(view)).el.innerHTML, drawn(modelOf(structuredClone(view))).el.innerHTML);
});

test("texts of models are text, wherever they stand", () => {
  const view = viewOf({
    name: HOSTILE,
    headline: HOSTILE,
    topic: HOSTILE,
    budget: budgetOf({ shared: HOSTILE, warning: HOSTILE }),
    notices: [HOSTILE],
    facts: [{ label: "Model", value: HOSTILE }],
    failures: [failureOf("timeout", 1, HOSTILE)],
    samples: [sampleOf(1, { path: HOSTILE, question: HOSTILE, answer: HOSTILE })],
    files: [{ role: "Dataset", path: HOSTILE, link: "" }],
  });
  const { el, find } = drawn(modelOf(view));
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.equal(find(".dfn-answer").textContent, HOSTILE);
  assert.equal(find(".dfn-answer").getAttribute("dir"), "auto");
});

test("only milestones are announced, and not the one that is there at the beginning", () => {
  const model = modelOf(viewOf({ headline: "Growing topics" }));
  const { find } = drawn(model);
  const announced = find("[aria-live=polite]");
  assert.equal(announced.textContent, "");
  model.show(viewOf({ headline: "Writing samples" }));
  model.show(viewOf({ headline: "Writing samples", elapsed: "4 s" }));
  assert.equal(announced.textContent, "Writing samples");
});

test("an open category stays open, and the same node, while its figures change", () => {
  const model = modelOf(viewOf({ failures: [failureOf("timeout", 1, "slow")], trouble: "1 timeout" }));
  const { find, all } = drawn(model);
  const opened = find("details");
  opened.open = true;
  model.show(viewOf({ failures: [failureOf("truncated reply", 5, "cut"), failureOf("timeout", 2, "slow", "slower")] }));
  assert.equal(all(".dfn-failure")[1], opened);
  assert.equal(opened.open, true);
  assert.deepEqual(texts([...opened.querySelectorAll(".dfn-message")]), ["slow", "slower"]);
});

test("request and reply of a failure can be opened, those of repaired replies too, and both are text", () => {
  const exchange = { path: "a > b", message: "it was empty", request: "[user]\n<img src=x>", reply: HOSTILE };
  const kind = { kind: "invalid reply", count: 1, examples: [exchange] };
  const view = viewOf({ failures: [kind], trouble: "1", repaired: [{ ...kind, examples: [{ ...exchange, reply: "" }] }], repairs: "1" });
  const { el, all } = drawn(modelOf(view));
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.deepEqual(texts(all(".dfn-exchange pre")), ["[user]\n<img src=x>", HOSTILE, "[user]\n<img src=x>", "(none)"]);
});

test("without a request nothing can be opened, and a view of an older version has no repairs", () => {
  const { all } = drawn(modelOf(viewOf({ failures: [failureOf("timeout", 1, "slow")], repaired: undefined })));
  assert.deepEqual(all(".dfn-exchange").map((one) => one.hidden), [true]);
});

test("a category of an earlier run says where its examples are", () => {
  const { find } = drawn(modelOf(viewOf({ failures: [failureOf("timeout", 4)] })));
  assert.match(find(".dfn-message").textContent, /the file beside the dataset/);
});

test("new samples come on top, and those that stay keep their nodes", () => {
  const model = modelOf(viewOf({ samples: [sampleOf(2), sampleOf(1)] }));
  const { all } = drawn(model);
  const [second] = all(".dfn-sample");
  model.show(viewOf({ samples: [sampleOf(4), sampleOf(3), sampleOf(2)] }));
  assert.deepEqual(texts(all(".dfn-question")), ["question 4", "question 3", "question 2"]);
  assert.equal(all(".dfn-sample")[2], second);
});

test("samples stand still while they are read, and catch up afterwards", () => {
  const model = modelOf(viewOf({ samples: [sampleOf(1)] }));
  const { find, all } = drawn(model);
  find(".dfn-samples").dispatchEvent(event("pointerenter"));
  model.show(viewOf({ samples: [sampleOf(1201), sampleOf(1200)] }));
  assert.deepEqual(texts(all(".dfn-question")), ["question 1"]);
  assert.match(find(".dfn").textContent, /held while you read, 1,200 more/);
  find(".dfn-samples").dispatchEvent(event("pointerleave"));
  assert.deepEqual(texts(all(".dfn-question")), ["question 1201", "question 1200"]);
});

test("a long text opens and closes, and stays open when the next samples come", () => {
  const model = modelOf(viewOf({ samples: [sampleOf(1)] }));
  const { find, all } = drawn(model);
  find(".dfn-more").click();
  model.show(viewOf({ samples: [sampleOf(2), sampleOf(1)] }));
  const [, button] = all(".dfn-sample").map((sample) => sample.querySelector(".dfn-more"));
  assert.equal(button.getAttribute("aria-expanded"), "true");
  button.click();
  assert.equal(button.textContent, "Show all");
});

test("a file is a link where the notebook knows its address, and a plain path elsewhere", async () => {
  const files = [
    { role: "Dataset", path: "out.jsonl", link: "out.jsonl" },
    { role: "Journal", path: "/far/j.jsonl", link: "" },
  ];
  const served = drawn(modelOf(viewOf({ files }), { resolveUrl: async (path) => `/files/${path}` }));
  const elsewhere = drawn(modelOf(viewOf({ files })));
  const failing = drawn(modelOf(viewOf({ files }), { resolveUrl: () => Promise.reject(new Error("gone")) }));
  await new Promise(setImmediate);
  assert.deepEqual(served.all("a").map((link) => link.getAttribute("href")), ["/files/out.jsonl", null]);
  for (const page of [elsewhere, failing]) assert.equal(page.find("a[href]"), null);
});

test("a widget that is taken away stops listening", () => {
  const model = modelOf(viewOf());
  const { el, clean } = drawn(model);
  clean();
  assert.equal(model.listening(), 0);
  assert.equal(el.childNodes.length, 0);
});
