import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { bytes, drawn, frame, modelOf, send, snapshotOf } from "./graph_page.js";
import { cardOf, messageOf } from "./samples_kernel.js";

const HOSTILE = '<img src=x onerror="alert(1)"></script> مرحبا';
const TEA = ["tea", ["green", "sencha", "matcha"], ["black", "assam"], "white"];
const tea = (changes) => modelOf(snapshotOf(TEA, changes));
const grown = (seq, before, ids, parents, counts = [[], [], [], []]) => [
  { type: "delta", seq, before, ids, names: ids.map((id) => id.split("/").at(-1)), samples: [], failures: [] },
  [bytes(...parents), ...counts.map((column) => bytes(...column))],
];

test("topics are drawn with their names", () => {
  const { labels } = drawn(tea());
  for (const name of ["tea", "green", "sencha", "matcha", "black", "assam", "white"]) assert.ok(labels().includes(name));
});

test("a model that has nothing yet draws nothing and throws nothing", () => {
  const model = modelOf(null);
  const page = drawn(model);
  model.show(snapshotOf(TEA));
  assert.ok(page.labels().includes("sencha"));
});

test("new topics and counts are added to those that are there", () => {
  const model = tea();
  const { find, labels, click } = drawn(model);
  model.hears(...grown(2, 7, ["tea/white/silver needle"], [6], [[6, 7], [4, 2], [1, 0], [1, 0]]));
  assert.ok(labels().includes("silver needle"));
  click("white");
  assert.match(find(".dfg-details").textContent, /1 of 6 samples · 1 failed · 1 subtopic/);
  assert.equal(find(".dfg").dataset.topics, "8");
});

test("a page asks for everything when it is loaded, and again when a message is missing", () => {
  const model = tea();
  const { find } = drawn(model);
  assert.deepEqual(model.sent, [{ type: "resync", seq: 1 }]);
  model.hears(...grown(3, 8, ["x"], [0]));
  assert.deepEqual(model.sent.at(-1), { type: "resync", seq: 1 });
  assert.equal(find(".dfg").dataset.topics, "7");
});

test("a page asks until it is answered, less and less often", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = Object.assign(tea(), { isSilent: true });
  drawn(model);
  mock.timers.tick(1000);
  mock.timers.tick(1999);
  assert.equal(model.sent.length, 2);
  mock.timers.tick(1);
  assert.deepEqual(model.sent, Array(3).fill({ type: "resync", seq: 1 }));
  model.hears({ type: "synced", seq: 5 });
  mock.timers.tick(4000);
  assert.equal(model.sent.length, 4, "what another page was told is no answer");
  model.hears({ type: "synced", seq: 1 });
  mock.timers.tick(1_000_000);
  assert.equal(model.sent.length, 4);
  mock.timers.reset();
});

test("a page that missed something asks for it until everything comes, and a kernel that is gone isn't asked for ever", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const model = Object.assign(tea(), { isSilent: true });
  drawn(model);
  model.hears({ type: "synced", seq: 1 });
  model.hears(...grown(3, 8, ["x"], [0]));
  mock.timers.tick(1000);
  assert.equal(model.sent.length, 3);
  model.show(snapshotOf(TEA, { seq: 3 }));
  mock.timers.tick(1_000_000);
  assert.equal(model.sent.length, 3);
  model.hears(...grown(5, 8, ["x"], [0]));
  for (let second = 0; second < 1000; second += 1) mock.timers.tick(1000);
  assert.equal(model.sent.length, 13);
  model.hears(...grown(6, 8, ["x"], [0]));
  assert.equal(model.sent.length, 14, "with news it is asked again");
  mock.timers.reset();
});

test("what a snapshot has brought already isn't added a second time", () => {
  const model = modelOf(snapshotOf([...TEA, "oolong"]));
  const { find } = drawn(model);
  model.hears(...grown(2, 7, ["tea/oolong", "tea/mate"], [0, 0]));
  assert.equal(find(".dfg").dataset.topics, "9");
  model.hears(...grown(2, 7, ["tea/oolong"], [0]));
  assert.equal(find(".dfg").dataset.topics, "9");
});

test("ten thousand topics that come in pieces are all there", () => {
  const model = modelOf(snapshotOf("root"));
  const { find } = drawn(model);
  for (let seq = 2, at = 1; at < 10_000; seq += 1, at += 500) {
    const rows = Array.from({ length: Math.min(500, 10_000 - at) }, (_, n) => at + n);
    model.hears(...grown(seq, at, rows.map((row) => `t${row}`), rows.map((row) => Math.floor((row - 1) / 10))));
  }
  assert.equal(find(".dfg").dataset.topics, "10000");
  assert.match(find("canvas").getAttribute("aria-label"), /10,000 topics, 9,000 leaves, 5 levels/);
});

test("texts of models are text, wherever they stand", () => {
  const model = modelOf(
    snapshotOf([HOSTILE, [HOSTILE, HOSTILE], "b"], {
      samples: [[1, [[HOSTILE, HOSTILE]]]],
      failures: [[1, [["timeout", HOSTILE]]]],
      marks: [[1, HOSTILE]],
      others: [[1, 3]],
      undo: HOSTILE,
    }),
  );
  const { el, find, point, press } = drawn(model);
  press("ArrowRight");
  point("<img");
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.equal(find(".dfs-user").textContent.trim(), HOSTILE);
  assert.equal(find(".dfg-title").getAttribute("dir"), "auto");
});

test("a click selects a topic, tells Python, and shows what is known of it", () => {
  const model = tea({ wanted: [0, 0, 3, 0, 0, 0, 0], done: [0, 0, 1, 0, 0, 0, 0], failed: [0, 0, 1, 0, 0, 0, 0], samples: [[2, [["why?", "so"]]]], failures: [[2, [["timeout", "slow"]]]] });
  const { click, find } = drawn(model);
  click("sencha");
  assert.deepEqual(model.sent[1], { type: "select", ids: ["tea/green/sencha"] });
  assert.equal(find(".dfg-title").textContent, "sencha");
  const details = find(".dfg-details").textContent;
  for (const text of ["tea › green", "1 of 3 samples", "why?", "so", "timeout slow"]) assert.ok(details.includes(text), text);
});

const answerOf = (topic, from, count, total) => ({
  type: "samples", topic, from, total,
  cards: Array.from({ length: count }, (_, n) => ({ ...cardOf(from + n), path: ["tea", "green", `leaf ${from + n}`], messages: [messageOf("user", `Question ${from + n}?`)] })),
});

test("a topic's samples are asked for and shown as cards, some at a time, of the branch below it", () => {
  const model = tea({ done: [0, 0, 4, 3, 0, 0, 0], wanted: [0, 0, 4, 3, 0, 0, 0], samples: [[2, [["why?", "so"]]]] });
  const { click, find, all } = drawn(model);
  const cards = () => all(".dfg-card").map((card) => card.textContent);
  click("green");
  assert.deepEqual(model.sent.at(-1), { type: "samples_of", topic: "tea/green", from: 0 });
  assert.match(cards()[0], /^sencha.*why.*so/s, "what the page knows already");
  model.hears(answerOf("tea/black", 0, 1, 1));
  assert.equal(cards().length, 1, "an answer for another topic changes nothing");
  model.hears(answerOf("tea/green", 0, 5, 7));
  assert.equal(cards().length, 5);
  assert.match(cards()[0], /^leaf 0.*Question 0/s);
  find(".dfg-cards .dfs-more").click();
  assert.deepEqual(model.sent.at(-1), { type: "samples_of", topic: "tea/green", from: 5 });
  model.hears(answerOf("tea/green", 5, 2, 7));
  assert.equal(cards().length, 7);
  assert.ok(find(".dfg-cards .dfs-more").hidden);
  click("white");
  assert.ok(find(".dfg-cards").hidden, "nothing is made there");
});

test("samples that come while few are shown are asked for again, but never twice at once", () => {
  const model = tea({ done: [0, 0, 1, 0, 0, 0, 0] });
  const { click } = drawn(model);
  const asked = () => model.sent.filter(({ type }) => type === "samples_of").length;
  const made = (seq, count) => model.hears({ type: "delta", seq, before: 7, ids: [], names: [], samples: [], failures: [] }, [bytes(), bytes(2), bytes(9), bytes(count), bytes(0)]);
  click("sencha");
  made(2, 2);
  assert.equal(asked(), 1);
  model.hears(answerOf("tea/green/sencha", 0, 1, 1));
  assert.equal(asked(), 2);
  model.hears(answerOf("tea/green/sencha", 0, 5, 5));
  made(3, 9);
  assert.equal(asked(), 2, "as many as are shown at first are there");
});

test("failures of a branch are told with their topics", () => {
  const model = tea({ failed: [0, 0, 1, 0, 0, 0, 0], failures: [[2, [["timeout", "No answer within 60 s."]]]] });
  const { click, find } = drawn(model);
  click("green");
  assert.match(find(".dfg-failures").textContent, /timeout No answer within 60 s\. sencha/);
});

test("Ctrl adds to the selection and takes away, Shift takes all in between", () => {
  const model = tea();
  const { click } = drawn(model);
  click("green");
  click("white", { shiftKey: true });
  assert.deepEqual(model.sent.at(-1).ids, ["tea/green", "tea/black", "tea/white"]);
  click("black", { ctrlKey: true });
  assert.deepEqual(model.sent.at(-1).ids, ["tea/green", "tea/white"]);
});

test("a double click goes into a branch, and its way back is in the breadcrumb", () => {
  const { twice, labels, all, show } = drawn(tea());
  show("icicle");
  twice("green");
  assert.ok(!labels().includes("black"));
  const steps = all(".dfg-crumbs button");
  assert.deepEqual(steps.map((step) => step.textContent), ["tea", "green"]);
  steps[0].click();
  frame();
  assert.ok(labels().includes("black"));
});

test("the keyboard goes everywhere and changes everything", () => {
  const model = tea();
  const { press, find, labels } = drawn(model);
  for (const key of ["ArrowRight", "ArrowDown", "ArrowRight"]) press(key);
  assert.deepEqual(model.sent.at(-1).ids, ["tea/black/assam"]);
  press("ArrowLeft");
  press("Enter");
  assert.ok(!labels().includes("green"));
  press("Escape");
  assert.ok(labels().includes("green"));
  press("Delete");
  assert.deepEqual(model.edits(), [{ type: "edit", op: "prune", ids: ["tea/black"] }]);
  press("F2");
  assert.equal(find(".dfg-name").value, "black");
});

test("a double click on a leaf goes to where it is", () => {
  const { twice, labels, show } = drawn(tea());
  show("icicle");
  twice("sencha");
  assert.ok(labels().includes("matcha") && !labels().includes("black"));
});

test("a page whose connection is gone can still be read", () => {
  const model = { ...tea(), send() { throw new Error("Cannot send"); } };
  const { click, does, find } = drawn(model);
  click("green");
  does("prune");
  assert.equal(find(".dfg-title").textContent, "green");
  assert.match(find(".dfg-last").textContent, /kernel can't be reached/);
});

test("a key that means nothing is left to the notebook", () => {
  const { press } = drawn(tea());
  assert.equal(press("x").defaultPrevented, false);
  assert.equal(press("ArrowRight").defaultPrevented, true);
});

test("screen readers get the same topics as a tree, with places counted in truth", () => {
  const { all, press, find } = drawn(modelOf(snapshotOf(["root", ...Array.from({ length: 500 }, (_, n) => `t${n}`)])));
  press("ArrowRight");
  press("End");
  const items = all('[role="treeitem"]');
  assert.ok(items.length < 40);
  const last = find('[role="treeitem"][tabindex="0"]');
  const told = ["aria-level", "aria-posinset", "aria-setsize", "aria-selected"].map((name) => last.getAttribute(name));
  assert.deepEqual(told, ["2", "500", "500", "true"]);
  assert.equal(last.hasAttribute("aria-expanded"), false);
  assert.equal(items[0].getAttribute("aria-expanded"), "true");
  assert.equal(items.filter((item) => item.tabIndex === 0).length, 1);
});

test("children without end are listed a page at a time", () => {
  const page = drawn(modelOf(snapshotOf(["root", ...Array.from({ length: 5000 }, (_, n) => `t${n}`)])));
  page.show("icicle");
  const listed = page.labels().filter((label) => /^t\d/.test(label));
  assert.ok(listed.length > 15);
  page.click("↓");
  assert.ok(page.labels().includes(`t${listed.length}`));
  assert.ok(page.labels().some((label) => label.startsWith("↑")));
});

test("slivers are one band, and a click on it goes into their branch", () => {
  const branch = (name) => [name, ...Array.from({ length: 60 }, (_, n) => `${name}${n}`)];
  const page = drawn(modelOf(snapshotOf(["root", ...[..."abcdefghijklmnop"].map(branch)])));
  page.show("icicle");
  assert.equal(page.labels().filter((label) => label === "60 more").length, 16);
  page.click("60 more");
  assert.ok(page.labels().includes("a19"));
});

test("the search marks what it finds, counts it, and Enter goes from one to the next", () => {
  const model = tea();
  const { find, type } = drawn(model);
  const field = find('[type="search"]');
  type(field, "SS");
  assert.equal(find(".dfg-search .dfn-count").textContent, "1 match");
  type(field, "a");
  send(field, "keydown", { key: "Enter" });
  send(field, "keydown", { key: "Enter" });
  assert.equal(find(".dfg-search .dfn-count").textContent, "2 of 5");
  assert.deepEqual(model.sent.at(-1).ids, ["tea/green/sencha"]);
  send(field, "keydown", { key: "Escape" });
  assert.equal(find(".dfg-search .dfn-count").textContent, "");
});

test("changes are asked of Python, of the topics that are selected", () => {
  const model = tea();
  const { click, does, find, type } = drawn(model);
  click("green");
  for (const what of ["prune", "keep", "grow", "regenerate"]) does(what);
  does("rename");
  type(find(".dfg-form input"), " Green tea ");
  send(find(".dfg-form"), "submit");
  does("add");
  type(find(".dfg-form input"), "bancha");
  send(find(".dfg-form"), "submit");
  const ids = ["tea/green"];
  assert.deepEqual(model.edits(), [
    ...["prune", "keep_only", "grow", "regenerate"].map((op) => ({ type: "edit", op, ids })),
    { type: "edit", op: "rename", ids, name: "Green tea" },
    { type: "edit", op: "add", ids, name: "bancha" },
  ]);
});

test("only what fits the selection can be pressed, and every button keeps its place", () => {
  const model = tea();
  const { click, all } = drawn(model);
  const offered = () => all("[data-does]").filter((button) => button.getAttribute("aria-disabled") !== "true").map((button) => button.dataset.does);
  click("tea");
  assert.deepEqual(offered(), ["zoom", "rename", "add", "grow", "regenerate"]);
  click("white");
  assert.deepEqual(offered(), ["zoom", "prune", "keep", "rename", "add", "grow"]);
  click("black", { ctrlKey: true });
  assert.deepEqual(offered(), ["prune", "merge"]);
  assert.ok(all("[data-does]").every((button) => !button.hidden));
  all("[data-does=rename]")[0].click();
  all("[data-does=zoom]")[0].click();
  assert.deepEqual(model.edits(), [], "a button that is disabled does nothing");
});

test("what was pruned is gone, the rest stays in view, and Undo is there", () => {
  const model = tea();
  const { press, find, all, labels } = drawn(model);
  for (const key of ["ArrowRight", "Enter"]) press(key);
  model.show(snapshotOf(["tea", ["black", "assam"], "white"], { seq: 2, undo: "Pruned “green”" }));
  assert.ok(labels().includes("assam"));
  assert.match(find(".dfg-last").textContent, /Pruned “green”/);
  all(".dfg-last button")[0].click();
  assert.equal(model.edits().at(-1).op, "undo");
});

test("a branch that stays in view keeps its place while rows change", () => {
  const model = tea();
  const { twice, labels, show } = drawn(model);
  show("icicle");
  twice("black");
  model.show(snapshotOf(["tea", ["black", "assam"]], { seq: 2 }));
  assert.ok(labels().includes("assam") && !labels().includes("tea"));
});

test("a branch that is renamed stays in view and selected", () => {
  const model = tea();
  const { click, twice, find, labels, show } = drawn(model);
  show("icicle");
  click("black");
  twice("black");
  const renamed = snapshotOf(["tea", ["green", "sencha", "matcha"], ["Black tea", "assam"], "white"], { seq: 2 });
  model.show({ ...renamed, moved: [["tea/black", "tea/Black tea"]] });
  assert.equal(find(".dfg-title").textContent, "Black tea");
  assert.ok(labels().includes("assam") && !labels().includes("green"));
});

test("a change that is refused says why, and the next one takes the word back", () => {
  const model = tea();
  const { find } = drawn(model);
  model.hears({ type: "refused", message: "There is no such topic." });
  assert.match(find(".dfg-last").textContent, /There is no such topic/);
  model.hears({ type: "heard" });
  assert.equal(find(".dfg-last").hidden, true);
});

test("a kernel that doesn't answer is said to be busy", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { click, does, find } = drawn(tea());
  click("green");
  does("prune");
  mock.timers.tick(1500);
  frame();
  mock.timers.reset();
  assert.match(find(".dfg-last").textContent, /Python is busy/);
});

test("links to other parents are always drawn, and lead there", () => {
  const model = modelOf(snapshotOf(["root", ["a", "x"], ["b", "y"]], { others: [[2, 3]] }));
  const { click, find, canvas } = drawn(model);
  const dashed = () => canvas.recorded.calls.slice(canvas.recorded.calls.findLastIndex(([name]) => name === "clearRect")).filter(([name, dash]) => name === "setLineDash" && dash.length);
  assert.equal(dashed().length, 1);
  click("x");
  find(".dfg-links button").click();
  assert.deepEqual(model.sent.at(-1).ids, ["root/b"]);
});

test("what Python selects is selected", () => {
  const model = tea();
  const { find } = drawn(model);
  model.hears({ type: "select", ids: ["tea/white"] });
  assert.equal(find(".dfg-title").textContent, "white");
});

test("what Python selects is brought into view, however deep it is folded away", () => {
  const model = modelOf(snapshotOf(["root", ...[..."abcdefghijklmnopqrstuvwxyz"].map((name) => family(name, 38))]));
  const { labels } = drawn(model);
  model.hears({ type: "select", ids: ["root/c/c30"] });
  assert.ok(labels().includes("c30"));
});

test("a click on the background selects nothing", () => {
  const model = tea();
  const { click, canvas, find } = drawn(model);
  click("green");
  send(canvas, "click", { offsetX: 990, offsetY: 4 });
  assert.deepEqual(model.sent.at(-1), { type: "select", ids: [] });
  assert.equal(find(".dfg-side").hidden, true);
});

test("colours are by what is known of the topics", () => {
  const none = drawn(tea()).find('[aria-label="Colour by"]');
  assert.equal(none.hidden, true);
  const { find } = drawn(tea({ wanted: [0, 0, 3, 3, 3, 3, 3], failed: [0, 0, 1, 0, 0, 0, 0], marks: [[3, "Nearly the same"]] }));
  const choice = find('[aria-label="Colour by"]');
  assert.deepEqual([...choice.children].map((one) => one.value), ["branch", "coverage", "failures", "duplicates"]);
  choice.value = "failures";
  send(choice, "change");
  assert.match(find(".dfg-legend").textContent, /none failed.*half or more failed/);
});

test("the chosen view is kept for graphs that are opened later", () => {
  drawn(tea()).show("sunburst");
  const { find } = drawn(tea(), { again: true });
  assert.equal(find('[data-view="sunburst"]').getAttribute("aria-pressed"), "true");
});

test("a sunburst has the names of a branch and of what is below it", () => {
  const { show, labels, click, find } = drawn(tea());
  show("sunburst");
  assert.deepEqual(labels().toSorted(), ["assam", "black", "green", "matcha", "sencha", "tea", "white"]);
  click("tea");
  assert.equal(find(".dfg-title").textContent, "tea");
});

const family = (name, count) => [name, ...Array.from({ length: count }, (_, n) => `${name}${n}`)];

test("a branch that is too large is folded, and opens on a click", () => {
  const { labels, click, find } = drawn(modelOf(snapshotOf(["root", ...[..."abcdefghijklmnopqrstuvwxyz"].map((name) => family(name, 38))])));
  assert.ok(labels().includes("38 more") && !labels().includes("a0"));
  assert.match(find(".dfg-legend").textContent, /folded: click to open/);
  click("38 more");
  assert.ok(labels().includes("a0") && labels().includes("a37") && !labels().includes("b0"));
});

test("everything below a branch is opened at once", () => {
  const branch = (name, count) => [name, ...Array.from({ length: count }, (_, n) => [`${name} ${n}`, ...Array.from({ length: 9 }, (_, leaf) => `${name} ${n} leaf ${leaf}`)])];
  const { canvas, labels, el } = drawn(modelOf(snapshotOf(["root", ...Array.from({ length: 6 }, (_, n) => branch(`b${n}`, 7))])));
  const shown = (name) => labels().includes(name);
  assert.ok(!shown("b0 0 leaf 0"));
  send(canvas, "contextmenu", { offsetX: 2, offsetY: 2 });
  [...el.querySelectorAll(".dfg-menu button")].find((one) => one.textContent === "Unfold all").click();
  frame();
  assert.ok(!labels().some((text) => text.endsWith("more")), "nothing is folded any more");
});

test("plus and minus open and fold a branch", () => {
  const { labels, press } = drawn(tea());
  press("ArrowRight");
  press("-");
  assert.ok(!labels().includes("sencha") && labels().includes("2 more"));
  press("+");
  assert.ok(labels().includes("sencha"));
});

test("new topics are shown, however deep they are folded away", () => {
  const large = ["root", ...[..."abcdefghijklmnopqrstuvwxyz"].map((name) => family(name, 38))];
  const model = modelOf(snapshotOf(large));
  const { labels } = drawn(model);
  large[3] = [...family("c", 37), ["c37", "fresh"]];
  model.show(snapshotOf(large, { seq: 2 }));
  assert.ok(labels().includes("fresh"));
});

test("a double click on a name of the map asks for another, in its place", () => {
  const model = tea();
  const { twice, find } = drawn(model);
  twice("sencha");
  const field = find(".dfg-name");
  assert.deepEqual([field.hidden, field.value], [false, "sencha"]);
  field.value = " gyokuro ";
  send(field, "keydown", { key: "Enter" });
  assert.deepEqual(model.edits(), [{ type: "edit", op: "rename", ids: ["tea/green/sencha"], name: "gyokuro" }]);
  assert.equal(field.hidden, true);
  twice("sencha");
  send(field, "keydown", { key: "Escape" });
  assert.equal(model.edits().length, 1);
});

test("a topic is dragged below another one, never below itself", () => {
  const model = tea();
  const { drag } = drawn(model);
  drag("assam", "green");
  drag("black", "assam");
  assert.deepEqual(model.edits(), [{ type: "edit", op: "move", ids: ["tea/black/assam"], to: "tea/green" }]);
});

test("the keyboard moves a topic too, undoes and redoes", () => {
  const model = tea();
  const { press } = drawn(model);
  for (const key of ["ArrowRight", "ArrowRight"]) press(key);
  press("x", { ctrlKey: true });
  for (const key of ["ArrowLeft", "ArrowDown"]) press(key);
  press("v", { ctrlKey: true });
  press("z", { ctrlKey: true });
  press("Z", { ctrlKey: true, shiftKey: true });
  assert.deepEqual(model.edits().map(({ op, ids, to }) => [op, ids, to]), [
    ["move", ["tea/green/sencha"], "tea/black"],
    ["undo", ["tea/black"], undefined],
    ["redo", ["tea/black"], undefined],
  ]);
});

test("a lasso selects what it meets", () => {
  const model = tea();
  const { canvas, at } = drawn(model);
  const [from, to] = [at("sencha"), at("matcha")];
  const start = { offsetX: from.offsetX + 300, offsetY: from.offsetY - 8, shiftKey: true };
  const end = { offsetX: to.offsetX + 5, offsetY: to.offsetY + 3 };
  for (const [name, where] of [["pointerdown", start], ["pointermove", end], ["pointermove", end], ["pointerup", end]]) send(canvas, name, where);
  assert.deepEqual(model.sent.at(-1), { type: "select", ids: ["tea/green/sencha", "tea/green/matcha"] });
});

test("the background is moved by hand, and after that growth doesn't move it", () => {
  const model = tea();
  const { canvas, at } = drawn(model);
  const before = at("tea");
  for (const [name, x] of [["pointerdown", 900], ["pointermove", 910], ["pointermove", 930], ["pointerup", 930]]) send(canvas, name, { offsetX: x, offsetY: 5 });
  assert.equal(at("tea").offsetX, before.offsetX + 30);
  model.hears(...grown(2, 7, ["tea/mate"], [0]));
  assert.equal(at("tea").offsetX, before.offsetX + 30);
});

test("the context menu offers what fits, and does it", () => {
  const model = tea();
  const { canvas, at, all } = drawn(model);
  send(canvas, "contextmenu", at("green"));
  const items = all('[role="menuitem"]');
  assert.ok(items.some((item) => item.textContent.startsWith("Fold")));
  items.find((item) => item.textContent.startsWith("Prune")).click();
  assert.deepEqual(model.edits(), [{ type: "edit", op: "prune", ids: ["tea/green"] }]);
  send(canvas, "contextmenu", at("tea"));
  assert.ok(!all('[role="menuitem"]').some((item) => item.textContent.startsWith("Prune")));
});

test("what a search finds is listed with its path, and a click goes there", () => {
  const model = tea();
  const { find, type, all } = drawn(model);
  type(find('[type="search"]'), "ma");
  assert.deepEqual(all(".dfg-hits button").map((one) => one.textContent), ["matchatea › green"]);
  all(".dfg-hits button")[0].click();
  assert.deepEqual(model.sent.at(-1).ids, ["tea/green/matcha"]);
});

test("the outline is a panel when it is asked for", () => {
  const { find } = drawn(tea());
  assert.equal(find(".dfg").classList.contains("dfg-outlined"), false);
  find('[aria-label^="Outline"]').click();
  frame();
  assert.equal(find(".dfg").classList.contains("dfg-outlined"), true);
});

test("Python is sent the picture as SVG, in which names are text", async () => {
  const model = modelOf(snapshotOf(["tea", HOSTILE, "a\u0000\u202eb"], { wanted: [0, 2, 2], done: [0, 1, 2] }));
  const { show } = drawn(model);
  for (const view of ["map", "icicle", "sunburst"]) {
    show(view);
    model.hears({ type: "picture", kind: "svg", number: 3 });
    await new Promise((done) => setTimeout(done));
    assert.deepEqual(model.sent.at(-1), { type: "picture", number: 3 });
    const svg = new TextDecoder().decode(model.buffers[0]);
    assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    assert.ok(svg.includes("&lt;img") && !svg.includes("<img") && svg.includes(">ab<"), svg);
    assert.equal(svg.split("NaN").length, 1);
  }
});

test("two views show the same topics, and one that is taken away stops listening", () => {
  const model = tea();
  const page = drawn(model);
  const second = document.createElement("div");
  document.body.append(second);
  page.render(second);
  frame();
  model.hears(...grown(2, 7, ["tea/white/silver"], [6]));
  assert.equal(second.querySelector(".dfg").dataset.topics, "8");
  page.clean();
  assert.equal(page.el.childNodes.length, 0);
  assert.equal(model.listening(), 0);
});

test("with Shift the notebook doesn't select cells, and without it hears of the click", () => {
  const { canvas } = drawn(tea());
  const heard = [];
  document.body.addEventListener("mousedown", ({ shiftKey }) => heard.push(shiftKey));
  for (const shiftKey of [true, false]) send(canvas, "mousedown", { shiftKey });
  assert.deepEqual(heard, [false]);
});

test("what was refused is told although the panel is closed", () => {
  const model = tea();
  const { find } = drawn(model);
  find("[aria-label^='What is known']").click();
  frame();
  assert.equal(find(".dfg-side").hidden, true);
  model.hears({ type: "refused", message: "There is no edit to undo." });
  assert.equal(find(".dfg-side").hidden, false);
  assert.match(find(".dfg-side").textContent, /no edit to undo/);
});

test("when the current topic is gone, the one above it is current", () => {
  const model = tea();
  const { find, press } = drawn(model);
  for (const key of ["ArrowRight", "ArrowRight"]) press(key);
  const current = () => find('[role="treeitem"][tabindex="0"] .dfg-item-name').textContent;
  assert.equal(current(), "sencha");
  model.show(snapshotOf(["tea", ["green", "matcha"], "white"], { seq: 2 }));
  assert.equal(current(), "green");
});

test("keys work after a topic was dragged", () => {
  const model = tea();
  const { find, drag } = drawn(model);
  drag("sencha", "black");
  assert.ok(find(".dfg-tree").contains(document.activeElement));
});

test("Escape leaves a graph that fills the page", () => {
  const { find, press } = drawn(tea());
  find("[data-tool=full]").click();
  assert.ok(find(".dfg").classList.contains("dfg-full"));
  press("Escape");
  assert.ok(!find(".dfg").classList.contains("dfg-full"));
});
