import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { pageOf } from "../progress/report_page.js";
import { outline } from "../progress/sparkline.js";
import { budgetOf, barOf, drawn, failureOf, headOf, limitOf, modelOf, stageOf, viewOf } from "./notebook.js";

const HOSTILE = '<img src=x onerror="alert(1)"></script>\n  مرحبا';
const texts = (nodes) => nodes.map((node) => node.textContent);

test("a bar tells assistive technology its value, its range and its words", () => {
  const { find } = drawn(modelOf(viewOf()));
  const bar = find('[role="progressbar"]');
  const told = ["aria-label", "aria-valuemin", "aria-valuenow", "aria-valuemax", "aria-valuetext"].map((name) => bar.getAttribute(name));
  assert.deepEqual(told, ["Samples", "0", "40", "100", "40 of 100, 2 failed"]);
  assert.deepEqual([".dfn-done", ".dfn-failed"].map((part) => find(part).style.width), ["40%", "2%"]);
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
  const { find } = drawn(modelOf(viewOf({ head: headOf({ bar: barOf({ done: 0, failed: 0, total: 0, count: "nothing to do" }) }) })));
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
  const view = viewOf({ growth: [{ path: "Tea", names: ["Green"] }], failures: [failureOf("timeout", 3, "slow")], trouble: "3 timeout" });
  assert.equal(drawn(modelOf(view)).el.innerHTML, drawn(modelOf(structuredClone(view))).el.innerHTML);
});

test("texts of models are text, wherever they stand", () => {
  const view = viewOf({
    name: HOSTILE,
    headline: HOSTILE,
    head: headOf({ chips: [{ text: HOSTILE, kind: "bad", opens: "failures" }], money: HOSTILE, totals: HOSTILE }),
    growth: [{ path: HOSTILE, names: [HOSTILE] }],
    resume: HOSTILE,
    budget: budgetOf({ shared: HOSTILE, warning: HOSTILE }),
    notices: [HOSTILE],
    facts: [{ label: "Model", value: HOSTILE }],
    failures: [failureOf("timeout", 1, HOSTILE)],
    files: [{ role: "Dataset", path: HOSTILE, link: "" }],
  });
  const { el, find } = drawn(modelOf(view));
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.equal(find(".dfr-growth .dfr-chip").textContent, HOSTILE);
  assert.equal(find(".dfr-growth .dfr-chip").getAttribute("dir"), "auto");
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

const press = (page, text) => page.all("button").find((one) => one.textContent === text).click();
const isShown = (page, selector) => !page.find(selector).closest("[hidden]");

test("what was finished stands in a chip, and what failed opens to the raw reply", () => {
  const exchange = { path: "a > b", message: "it was empty", request: "[user]", reply: "{" };
  const chips = [{ text: "✓ 45 topics, 9 s", kind: "good", opens: "" }, { text: "21 failed", kind: "bad", opens: "failures" }];
  const page = drawn(modelOf(viewOf({ head: headOf({ chips }), failures: [{ kind: "invalid reply", count: 21, examples: [exchange] }], trouble: "21" })));
  assert.deepEqual(texts(page.all(".dfr-head .dfr-chip")), ["✓ 45 topics, 9 s", "21 failed"]);
  assert.equal(isShown(page, ".dfn-failure"), false);
  press(page, "21 failed");
  assert.equal(isShown(page, ".dfn-failure"), true);
  assert.deepEqual(texts(page.all(".dfn-failure pre")), ["[user]", "{"]);
  press(page, "21 failed");
  assert.equal(isShown(page, ".dfn-failure"), false);
});

test("when the run is over its failures can be tried again", () => {
  const over = { phase: "over", ending: "incomplete", can_try_again: true, failures: [failureOf("timeout", 1, "slow")], head: headOf({ bar: null, chips: [{ text: "1 failed", kind: "bad", opens: "failures" }] }) };
  const model = modelOf(viewOf(over));
  const page = drawn(model);
  press(page, "1 failed");
  press(page, "Try these again");
  assert.deepEqual(model.sent, [{ type: "try_again" }]);
  assert.equal(isShown(drawn(modelOf(viewOf({ ...over, phase: "running", can_try_again: false }))), ".dfn-failure"), false);
});

test("until then the button waits in its place, and a run that is watched has none", () => {
  const failed = { failures: [failureOf("timeout", 1, "slow")], head: headOf({ chips: [{ text: "1 failed", kind: "bad", opens: "failures" }] }) };
  const button = (view) => {
    const model = modelOf(viewOf(view));
    const page = drawn(model);
    model.show(viewOf({ ...view, has_samples: true }));
    press(page, "1 failed");
    press(page, "Try these again");
    assert.deepEqual(model.sent, []);
    return page.all("button").find((one) => one.textContent === "Try these again");
  };
  const waiting = button(failed);
  assert.deepEqual([waiting.hidden, waiting.getAttribute("aria-disabled")], [false, "true"]);
  assert.equal(button({ ...failed, watched: true }).hidden, true);
});

test("the report opens as a page without any rights, and as a command where no page can be opened", () => {
  const tab = { document: { body: {} }, opener: {}, close() { this.closed = true; } };
  const shown = (open) => {
    globalThis.open = open;
    const model = modelOf(viewOf({ phase: "over", ending: "complete", resume: "", rows: 4 }));
    const page = drawn(model);
    press(page, "Report");
    return { model, page };
  };
  const { model, page } = shown(() => tab);
  assert.deepEqual([model.sent, tab.opener, isShown(page, ".dfr-fold code")], [[{ type: "report" }], null, false]);
  model.hears({ type: "report", html: "<p title='x'>" });
  assert.match(String(tab.location), /^blob:/);
  assert.match(pageOf('<p title="&lt;">'), /default-src 'none'.*<iframe sandbox [^>]*srcdoc="<p title=&quot;&amp;lt;&quot;>"><\/iframe>$/);
  const refused = shown(() => tab);
  refused.model.hears({ type: "refused", message: "no samples" });
  for (const one of [shown(() => null), refused]) assert.equal(one.page.all(".dfr-next code").find((code) => !code.closest("[hidden]")).textContent, "%deepfabric report first");
  assert.equal(tab.closed, true);
});

test("exports are told with the names of the run", () => {
  const page = drawn(modelOf(viewOf({ phase: "over", ending: "complete", resume: "", rows: 4 })));
  press(page, "Export");
  assert.deepEqual(texts(page.all(".dfr-fold code").filter((one) => !one.closest("[hidden]"))), ["%deepfabric export first accepted.jsonl", "deepfabric export first.jsonl --to trl"]);
});

test("what is asked for seldom is in the details, and stays open while the figures change", () => {
  const model = modelOf(viewOf({ notices: ["by the way"] }));
  const page = drawn(model);
  assert.equal(isShown(page, ".dfn-facts"), false);
  press(page, "Details");
  model.show(viewOf({ notices: ["by the way"], elapsed: "9 s" }));
  assert.equal(isShown(page, ".dfn-facts"), true);
});

test("the notes of a run that is over stand in its headline, where they push nothing down", () => {
  const view = { phase: "over", ending: "complete", resume: "", notices: ["9 samples were kept.", HOSTILE] };
  assert.equal(drawn(modelOf(viewOf(view))).find(".dfr-head .dfr-notes").textContent, `9 samples were kept. · ${HOSTILE}`);
  assert.equal(isShown(drawn(modelOf(viewOf({ ...view, phase: "running" }))), ".dfr-notes"), false);
});

test("a run that is over says how to go on, once", () => {
  const over = viewOf({ phase: "over", ending: "stopped" });
  assert.equal(drawn(modelOf(over)).find(".dfr-next code").textContent, "%deepfabric resume first");
  const told = { ...over, notices: ["Go on with: %deepfabric resume first (or run the cell again)"] };
  assert.equal(drawn(modelOf(told)).all("*").filter((one) => one.childElementCount === 0 && one.textContent.includes("resume first") && !one.closest("[hidden]")).length, 1);
  assert.equal(isShown(drawn(modelOf({ ...over, resume: "" })), ".dfr-next"), false);
  assert.ok(drawn(modelOf(over)).find(".dfr-head .dfr-next"), "in the headline, so that nothing below it moves");
});

test("when the kernel has died the frame says so and how to go on, and its Stop is gone", () => {
  const model = modelOf(viewOf());
  const page = drawn(model);
  model.loses();
  assert.equal(page.find("strong").textContent, "The kernel has restarted or ended");
  assert.equal(page.find(".dfr-next").textContent, "Go on with: %deepfabric resume first", "and doesn't say it twice");
  assert.equal(page.find(".dfr-next code").textContent, "%deepfabric resume first");
  assert.equal(isShown(page, ".dfr-next"), true);
  assert.equal(isShown(page, ".dfn-stop"), false);
});

test("a run that was over when the kernel died is still what it was", () => {
  const model = modelOf(viewOf({ phase: "over", ending: "complete", headline: "Complete: 4 samples", resume: "", rows: 4, head: headOf({ bar: null }) }));
  const page = drawn(model);
  assert.equal(isShown(page, ".dfr-next"), false);
  model.loses();
  assert.equal(page.find("strong").textContent, "Complete: 4 samples");
  assert.equal(page.find(".dfr-head .dfr-next").textContent, "The kernel has restarted or ended. Open again: %deepfabric samples first");
});

test("one who only watches a run can stop watching it", () => {
  const { find } = drawn(modelOf(viewOf({ watched: true })));
  assert.equal(find(".dfn-stop").textContent, "Stop watching");
  assert.match(find(".dfn-stop").title, /the run itself goes on/);
});

test("a page that is loaded while a run works asks for the view until it is answered; one that is over isn't asked", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = modelOf(viewOf());
  const { clean } = drawn(model);
  mock.timers.tick(1000);
  assert.equal(model.asked, 2);
  model.hears({ type: "synced" });
  mock.timers.tick(1_000_000);
  assert.equal(model.asked, 2);
  const over = modelOf(viewOf({ phase: "over" }));
  drawn(over);
  assert.equal(over.asked, 0);
  clean();
  assert.equal(model.listening(), 0);
  mock.timers.reset();
});
