import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Window } from "happy-dom";
import { cardOf, indexOf, messageOf, modelOf } from "./samples_kernel.js";

const window = new Window();
Object.assign(globalThis, {
  window,
  document: window.document,
  MutationObserver: window.MutationObserver,
  CSS: { escape: (text) => text },
  requestAnimationFrame: (draw) => setTimeout(draw, 0),
  cancelAnimationFrame: clearTimeout,
});
const { html } = await import("../samples/markdown.js");
const { actionOf } = await import("../samples/keyboard.js");
const { Cards } = await import("../samples/cards.js");
const { Drafts } = await import("../samples/drafts.js");
const { kernelOf } = await import("../samples/kernel.js");
const { everything, facets, listed, nextToReview, toggle, active } = await import("../samples/query.js");
const { Rows } = await import("../samples/rows.js");
const { line, visible } = await import("../samples/text.js");
const { madeAgainSentence, sentence } = await import("../samples/review_bar.js");
const { samplesView } = await import("../samples/view.js");

const rowsOf = (...given) => {
  const rows = new Rows();
  rows.fill(indexOf(...given));
  return rows;
};
const names = (list) => list.map(({ label, values }) => `${label}: ${values.map(({ name, count }) => `${name} ${count}`).join(", ")}`);

test("only what differs between samples can be filtered by, and is counted", () => {
  assert.deepEqual(names(facets(rowsOf(4, { length: 100, score: [1, 4.5, 5, null] }), everything())), ["Branch: green 2, black 1, white 1", "Score: none 1, 1 to below 2 1, 4 to 5 2"]);
});

test("values of one facet are alternatives, and facets hold together", () => {
  const rows = rowsOf(8, { verdict: ["", "accepted", "", "rejected", "", "", "", ""] });
  const green = toggle(everything(), "branch", 0);
  assert.deepEqual(listed(rows, green), [0, 1, 4, 5]);
  assert.deepEqual(listed(rows, toggle(green, "branch", 1)), [0, 1, 2, 4, 5, 6]);
  const open = toggle(green, "verdict", "");
  assert.deepEqual(listed(rows, open), [0, 4, 5]);
  assert.deepEqual(active(rows, open).map(({ name }) => name), ["review: not reviewed", "branch: green"]);
  assert.deepEqual(listed(rows, toggle(toggle(open, "verdict", ""), "branch", 0)), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test("the samples of a topic are those of all topics below it, whatever was searched for", () => {
  assert.deepEqual(listed(rowsOf(8), { ...everything(), path: ["tea", "green"] }), [0, 1, 4, 5]);
  assert.deepEqual(listed(rowsOf(8), { ...everything(), path: ["tea", "green"], found: new Set([5, 6]) }), [5]);
});

test("samples without a score come last, in either direction", () => {
  const rows = rowsOf(4, { score: [null, 3, 1, 5] });
  assert.deepEqual(listed(rows, { ...everything(), sort: "low" }), [2, 1, 3, 0]);
  assert.deepEqual(listed(rows, { ...everything(), sort: "high" }), [3, 1, 2, 0]);
});

test("rows that come later are added, those that change stay in their place", () => {
  const rows = rowsOf(3);
  const more = indexOf(2, { title: ["new", "newer"], topic: 4 }).rows;
  rows.extend({ topics: [...rows.topics, ["tea", "oolong"]] });
  assert.deepEqual(rows.replace(2, more), [2]);
  assert.deepEqual(rows.columns.title, ["question 0", "question 1", "new", "newer"]);
  assert.deepEqual([rows.branches, rows.branch(3)], [["green", "black", "white", "oolong"], 3]);
});

test("after a decision comes the next sample that isn't reviewed, from the top if need be", () => {
  const rows = rowsOf(5, { verdict: ["", "accepted", "accepted", "", "accepted"], status: ["done", "done", "done", "done", "failed"] });
  const list = [0, 1, 2, 3, 4];
  assert.equal(nextToReview(rows, list, 1), 3);
  assert.equal(nextToReview(rows, list, 3), 0);
  rows.expect([0, 3], "accepted");
  assert.equal(nextToReview(rows, list, 3), 4);
  rows.withdraw();
  assert.equal(nextToReview(rows, list, 1), 3);
});

test("how far the review is, is said in one sentence", () => {
  const review = { accepted: 19, rejected: 4, edited: 3, agrees: 22, compared: 26, total: 100 };
  assert.equal(sentence(review, 26), "26 reviewed: 19 accepted, 4 rejected, 3 edited · agrees with the judge in 22 of 26");
  assert.equal(sentence({ ...review, accepted: 1, rejected: 0, edited: 0, compared: 0 }, 1), "1 reviewed: 1 accepted");
});

test("keys mean something outside of text boxes only", () => {
  const box = { matches: (selector) => selector.includes("textarea") };
  const list = { matches: () => false };
  const meant = (key, more = {}) => actionOf({ key, target: list, ...more }, { isInList: false });
  assert.deepEqual(["a", "R", "/", "?", "x", "Enter", "Tab"].map((key) => meant(key)), ["accept", "reject", "search", "help", undefined, undefined, undefined]);
  assert.equal(meant("ф", { code: "KeyA" }), "accept");
  assert.deepEqual(["a", "Escape"].map((key) => meant(key, { target: box })), [undefined, "escape"]);
  assert.equal(meant("Enter", { target: box, ctrlKey: true }), "save");
  assert.deepEqual([meant("z", { metaKey: true }), meant("a", { ctrlKey: true }), meant("z", { ctrlKey: true, target: box })], ["undo", undefined, undefined]);
  assert.deepEqual(actionOf({ key: "ArrowDown", target: list }, { isInList: true }), { move: "next" });
});

test("control codes are made visible and overrides of direction are replaced", () => {
  assert.equal(visible("a\u001b[2J\u202eb\r\nc\td\u0000"), "a\\x1b[2J\ufffdb\nc\td\\x00");
  assert.equal(line(" a\n\n b\u2066 "), "a b\ufffd");
  assert.equal(line("😀".repeat(9), 3), "😀…");
});

test("what has no width is marked, unless a script or an emoji is written with it", () => {
  assert.equal(visible("a\u200bb\ufeff c\u00add\u2060 e\u200df\u200c\u200c"), "a␣b␣ c␣d␣ e␣f␣␣");
  for (const text of ["می\u200cخواهم", "👩\u200d👧", "❤\ufe0f\u200d🔥", "क्\u200dष", "é́"]) assert.equal(visible(text), text);
});

test("raw HTML is text, images are text, and only web addresses are links", () => {
  assert.equal(html("<img src=x onerror=1>"), "<p>&lt;img src=x onerror=1&gt;</p>\n");
  assert.equal(html("![a](http://x.y/z.png)"), "<p><code>image: a, http://x.y/z.png</code></p>\n");
  for (const address of ["javascript:1", "JAVASCRIPT:1", "data:text/html,x", "vbscript:1", "file:///x", "//x.y", "../x"]) {
    assert.doesNotMatch(html(`[a](${address}) <${address}>\n\n[r]: ${address}\n\n[r]`), /<a/);
  }
  assert.match(html("[a](https://x.y)"), /<a href="https:\/\/x.y">/);
  assert.equal(html('```js" onclick="1\nx\n```'), '<pre title="js&quot; onclick=&quot;1"><code>x\n</code></pre>\n');
});

test("Markdown that is nested too deeply or takes too long is left as it is", () => {
  assert.equal(html("> ".repeat(5000) + "x"), null);
  assert.equal(html("*a ".repeat(3000), -1), null);
  assert.match(html("> > > x"), /<blockquote>/);
});

test("cards that weren't looked at for longest are forgotten, and no card is asked for twice", () => {
  const asked = [];
  const cards = new Cards((rows) => asked.push(...rows), 2500);
  cards.read([0, 1, 2, -1]);
  cards.read([1]);
  assert.deepEqual(asked, [0, 1, 2]);
  const long = (row) => cardOf(row, { system: "x".repeat(800) });
  cards.keep({ 0: long(0), 1: long(1) });
  cards.get(0);
  cards.keep({ 2: long(2) });
  assert.deepEqual([0, 1, 2].map((row) => cards.get(row)?.row), [0, undefined, 2]);
  cards.read([1]);
  assert.deepEqual(asked, [0, 1, 2, 1]);
});

test("an edit stays until the kernel has taken it, and only what was changed is sent", () => {
  const drafts = new Drafts();
  const call = { name: "read", arguments: "{}", result: "old", failed: false, at: [], result_at: ["messages", 2, "content"] };
  const card = cardOf(0, { messages: [messageOf("user", "a\r\nb", 0), messageOf("assistant", "", 1, { calls: [call] })] });
  const texts = () => [...drafts.opened(0).texts.values()];
  drafts.open(card);
  assert.deepEqual(texts().map(({ text }) => text), ["a\r\nb", "", "old"]);
  texts()[0].text = "a\nb"; // what a text area makes of it
  assert.deepEqual(drafts.changed(drafts.opened(0)), []);
  texts()[2].text = "new";
  assert.deepEqual(drafts.changed(drafts.opened(0)), [{ at: ["messages", 2, "content"], text: "new" }]);
  drafts.send(0);
  assert.equal(drafts.opened(0), null);
  drafts.refused();
  assert.equal(texts()[2].text, "new");
  drafts.leave(0);
  assert.deepEqual([drafts.opened(0), drafts.isUnsaved(0)], [null, true]);
  drafts.open(card);
  drafts.send(0);
  drafts.taken([0]);
  assert.equal(drafts.isUnsaved(0), false);
});

test("a kernel that doesn't answer is said to be busy, and one that is gone isn't asked any more", (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const states = [];
  const model = modelOf(indexOf(1), {}, { isSilent: true });
  const kernel = kernelOf(model, { heard: () => {}, changed: (state) => states.push(state) });
  kernel.send({ type: "select", row: 0 }, { isAnswered: false });
  mock.timers.tick(5000);
  kernel.send({ type: "search", ask: 1, text: "x" });
  mock.timers.tick(5000);
  model.hears({ type: "found", ask: 1, rows: [] });
  model.dies();
  kernel.send({ type: "undo" });
  mock.timers.tick(5000);
  assert.deepEqual([states, model.of("undo")], [["busy", "", "dead"], []]);
  kernel.dispose();
  assert.equal(model.listening(), 0);
});

/** Let what is due happen, and what that makes due. */
async function settled() {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function shown(index, cards = {}, more = {}) {
  const model = modelOf(index, cards, more);
  const view = samplesView(model, { pace: 0 });
  document.body.replaceChildren(view.root);
  await settled();
  const find = (selector) => view.root.querySelector(selector);
  return { model, view, find, text: (selector) => find(selector)?.textContent ?? "", does: (name) => find(`[data-does="${name}"]`).click() };
}

test("a sample is shown in full and the next one is read ahead", async () => {
  const one = cardOf(0, { system: "Be brief.", messages: [messageOf("user", "Why?", 0), messageOf("assistant", "**So.**", 1, { reasoning: ["first", "second"] })] });
  const { model, text, view } = await shown(indexOf(3), { 0: one });
  assert.deepEqual(model.of("read").flatMap(({ rows }) => rows), [0, 1]);
  assert.match(text(".dfs-card-body"), /System prompt.*Why\?.*Reasoning, 2 steps.*So\./s);
  assert.match(text(".dfs-facts"), /gpt-4o-mini · 412 tokens/);
  view.dispose();
  assert.equal(model.listening(), 0);
});

test("a page that is loaded again shows the sample that was selected", async () => {
  globalThis.sessionStorage = window.sessionStorage;
  const before = await shown(indexOf(5), {}, { frame: "f1" });
  before.find('[data-row="3"]').click();
  before.view.dispose();
  const after = await shown(indexOf(5), {}, { frame: "f1" });
  assert.equal(after.find('[aria-selected="true"]').dataset.row, "3");
  const fewer = await shown(indexOf(2), {}, { frame: "f1" });
  assert.equal(fewer.find('[aria-selected="true"]').dataset.row, "0");
  for (const { view } of [after, fewer]) view.dispose();
});

test("a kernel that didn't hear of a new page is asked for the samples again, until it answers", async (context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  context.after(() => mock.timers.reset());
  const model = modelOf(indexOf(2), {}, { isSilent: true });
  const view = samplesView(model, { pace: 0 });
  mock.timers.tick(1000);
  mock.timers.tick(2000);
  assert.equal(model.of("open").length, 3);
  model.hears({ type: "index", index: indexOf(2) });
  await view.ready;
  for (let turn = 0; turn < 10; turn += 1) mock.timers.tick(32_000);
  assert.deepEqual([model.of("open").length, view.root.dataset.rows], [3, "2"]);
  view.dispose();
});

test("only the samples of a topic are listed that was selected elsewhere", async () => {
  const { model, view } = await shown(indexOf(8));
  const rows = () => [...view.root.querySelectorAll("[data-row]")].map((one) => Number(one.dataset.row));
  model.hears({ type: "within", path: ["tea", "green"] });
  await settled();
  assert.deepEqual(rows(), [0, 1, 4, 5]);
  model.hears({ type: "within", path: [] });
  await settled();
  assert.equal(rows().length, 8);
  view.dispose();
});

test("while a run adds samples the newest is shown, until one is selected", async () => {
  const { model, view, find, text } = await shown(indexOf(2));
  view.setLive(true);
  const add = async (from) => (model.hears({ type: "rows", from, rows: indexOf(1, { title: `late ${from}` }).rows }), await settled());
  await add(2);
  assert.equal(find('[aria-selected="true"]').dataset.row, "2");
  find('[data-row="0"]').click();
  await add(3);
  await add(4);
  assert.equal(find('[aria-selected="true"]').dataset.row, "0");
  assert.equal(text(".dfs-held"), "Held while you read · 2 more · Follow");
  find(".dfs-held button").click();
  await settled();
  assert.equal(find('[aria-selected="true"]').dataset.row, "4");
  view.setLive(false);
  view.dispose();
});

test("what the kernel refuses is said, and the verdict is taken back", async () => {
  const { model, find, text, does, view } = await shown(indexOf(2), {}, { isSilent: false });
  model.silent(true);
  does("accept");
  await settled();
  assert.match(text('[data-row="0"]'), /accepted/);
  model.hears({ type: "refused", message: "The file of reviews can't be written." });
  await settled();
  assert.doesNotMatch(text('[data-row="0"]'), /accepted/);
  assert.equal(text(".dfs-note"), "The file of reviews can't be written.");
  assert.equal(find(".dfs-note").hidden, false);
  view.dispose();
});

test("who reviews what isn't reviewed yet goes on with the next one, and an undo leads back", async () => {
  const { model, view, find, does } = await shown(indexOf(3, {}));
  find(".dfs-find button").click();
  find('[data-value="branch:0"]').click();
  await settled();
  does("accept");
  await settled();
  assert.equal(find('[aria-selected="true"]').dataset.row, "1");
  does("undo");
  await settled();
  assert.equal(find('[aria-selected="true"]').dataset.row, "0");
  assert.match(find(".dfs-count").textContent, /^2 of 3$/);
  assert.deepEqual(model.sent.map(({ type }) => type).filter((type) => !["read", "select"].includes(type)), ["open", "decide", "undo"]);
  view.dispose();
});

test("a sample that failed can be read and not judged", async () => {
  const { model, does, find, text, view } = await shown(indexOf(1, { status: "failed" }), { 0: cardOf(0, { messages: [], error: "no reply", reply: "x" }) });
  assert.equal(find('[data-does="accept"]').getAttribute("aria-disabled"), "true");
  does("accept");
  assert.deepEqual(model.of("decide"), []);
  assert.match(text(".dfs-failure"), /no reply/);
  view.dispose();
});

test("without samples, that is what is said", async () => {
  const { text, view } = await shown(indexOf(0));
  assert.match(text(".dfs-card"), /There are no samples\./);
  view.setLive(true);
  await settled();
  assert.match(text(".dfs-card"), /The first sample is being written\./);
  view.dispose();
});

test("of a conversation of a thousand messages the first ones are shown, and more when they are asked for", async () => {
  const messages = Array.from({ length: 1000 }, (_, n) => messageOf(n % 2 ? "assistant" : "user", `said ${n}`, n));
  const { view } = await shown(indexOf(1), { 0: cardOf(0, { messages }) });
  const bubbles = () => view.root.querySelectorAll(".dfs-bubble").length;
  assert.equal(bubbles(), 60);
  const more = view.root.querySelector(".dfs-more");
  assert.equal(more.textContent, "Show 60 more of 940 messages");
  more.click();
  assert.equal(bubbles(), 120);
  view.dispose();
});

const typed = (view, text) => {
  const area = view.root.querySelector("textarea[data-role=assistant]");
  area.value = text;
  area.dispatchEvent(new window.Event("input"));
};
const pressed = (find, name) => [...find(".dfs-box").querySelectorAll("button")].find(({ textContent }) => textContent === name).click();

test("an edit that isn't saved is marked, and asked for before its sample is accepted or rejected", async () => {
  const { model, view, find, text, does } = await shown(indexOf(3));
  does("edit");
  assert.equal(document.activeElement.value, "answer 0");
  typed(view, "better");
  does("leave");
  await settled();
  assert.equal(text('[data-row="0"] .dfs-row-note'), "draft");
  assert.match(text(".dfs-edit-note"), /isn't saved. Go on · Discard/);
  does("accept");
  assert.deepEqual([model.of("decide"), find(".dfs-box").getAttribute("aria-label")], [[], "This sample has an edit that isn't saved"]);
  pressed(find, "Go on editing");
  assert.equal(document.activeElement.value, "better");
  does("leave");
  does("accept");
  pressed(find, "Save the edit");
  await settled();
  assert.deepEqual(model.of("decide").map(({ row, action, texts }) => [row, action, texts[0].text]), [[0, "edit", "better"]]);
  assert.equal(find('[aria-selected="true"]').dataset.row, "1");
  does("edit");
  typed(view, "worse");
  does("leave");
  does("reject");
  pressed(find, "Reject without the edit");
  pressed(find, "Reject");
  await settled();
  assert.deepEqual([model.of("decide").at(-1).action, text('[data-row="1"] .dfs-row-note')], ["reject", ""]);
  view.dispose();
});

test("a page that is loaded again has the edits that weren't saved", async () => {
  globalThis.sessionStorage = window.sessionStorage;
  const before = await shown(indexOf(3), {}, { frame: "f2" });
  before.does("edit");
  typed(before.view, "better");
  before.view.dispose();
  const after = await shown(indexOf(3), {}, { frame: "f2" });
  assert.equal(after.text('[data-row="0"] .dfs-row-note'), "draft");
  after.does("edit");
  after.does("save");
  await settled();
  assert.deepEqual(after.model.of("decide")[0].texts, [{ at: ["messages", 1, "content"], text: "better" }]);
  assert.equal(sessionStorage.getItem("deepfabric.samples.f2.drafts"), null);
  sessionStorage.setItem("deepfabric.samples.f2.drafts", '[{"row": 1, "texts": [null]}]');
  const broken = await shown(indexOf(3), {}, { frame: "f2" });
  assert.equal(broken.text('[data-row="1"] .dfs-row-note'), "");
  for (const { view } of [after, broken]) view.dispose();
});

test("where nothing can be made again, that isn't offered, and why is said", async () => {
  const why = "These samples belong to no run.";
  const index = indexOf(2);
  Object.assign(index.review, { can_make_again: false, why_not_again: why });
  const { find, text, does, view } = await shown(index);
  assert.deepEqual([find('[data-does="again"]').getAttribute("aria-disabled"), find('[data-does="again"]').title], ["true", why]);
  does("again");
  await settled();
  assert.deepEqual([find(".dfs-box").hidden, text(".dfs-note")], [true, why]);
  view.dispose();
});

test("samples that are made again are counted, marked and found", async () => {
  const one = (rows, isOver) => madeAgainSentence({ rows: new Set(rows), total: 2, isOver });
  assert.deepEqual([one([], false), one([3], false), one([3, 4], true), one([3], true)], ["Making 2 again: 0 of 2", "Making 2 again: 1 of 2", "2 made again", "1 of 2 made again"]);
  const { model, text, find, view } = await shown(indexOf(4));
  model.hears({ type: "made_again", rows: [3], total: 1, is_over: true });
  await settled();
  assert.match(text(".dfs-progress"), /1 made again/);
  assert.equal(text('[data-row="3"] .dfs-row-note'), "made again");
  find(".dfs-progress .dfs-link").click();
  await settled();
  assert.equal(find('[aria-selected="true"]').dataset.row, "3");
  model.hears({ type: "made_again", rows: [], total: 1, is_over: false });
  find('[data-row="1"]').click();
  view.setLive(true);
  model.hears({ type: "rows", from: 4, rows: indexOf(1).rows });
  await settled();
  assert.deepEqual([find('[aria-selected="true"]').dataset.row, find(".dfs-held").hidden], ["1", true]);
  view.dispose();
});

test("a review begins with the first sample that isn't reviewed", async () => {
  const { find, view } = await shown(indexOf(4, { verdict: ["accepted", "", "", ""], status: ["done", "failed", "done", "done"] }));
  const selected = () => find('[aria-selected="true"]').dataset.row;
  assert.equal(selected(), "2");
  find('[data-row="3"]').click();
  await settled();
  view.review();
  await settled();
  assert.deepEqual([selected(), document.activeElement.className], ["2", "dfs-card"]);
  view.dispose();
});

test("what failed is known by its topic and kind, and who rejected a sample is told", async () => {
  const index = indexOf(5, { status: ["failed", "rejected", "rejected", "done", "failed"], reason: [0, 1, 2, -1, 3], calls: [0, 0, 0, 2, 0], title: ["the reply isn't JSON", "Why?", "How?", "What?", "Line 5 is no record"] });
  Object.assign(index, { reasons: ["invalid reply", "too short", "review", "unreadable line"], topics: [...index.topics.slice(0, 4), []] });
  index.rows.topic[4] = 4;
  const { text, find, view } = await shown(index);
  const row = (at) => ["title", "topic", "mark", "note"].map((part) => text(`[data-row="${at}"] .dfs-row-${part}`));
  assert.deepEqual(row(0), ["sencha", "the reply isn't JSON", "failed", "invalid reply"].map((one, at) => (at === 1 ? ` › ${one}` : one)));
  assert.deepEqual([...row(1).slice(2), ...row(2).slice(2), row(3)[3]], ["rejected by a check", "too short", "✕ replaced", "rejected by you", "2 tool calls"]);
  assert.deepEqual(row(4), ["Line 5 is no record", " › ", "unreadable", ""]);
  assert.equal(text(".dfs-count"), "1 sample + 4 others");
  assert.equal(find(".dfs-count").title, "Listed and not in the dataset: 1 failed, 1 rejected by a check, 1 rejected by you and replaced, 1 unreadable line");
  view.dispose();
});

test("when a search is emptied, its places in the card are no longer marked", async () => {
  const index = indexOf(1);
  const marks = new Set();
  Object.assign(globalThis, { NodeFilter: window.NodeFilter, Range: window.Range, Highlight: Set });
  globalThis.CSS.highlights = new Map([["dfs-found", marks]]);
  const { find, view } = await shown(index);
  const search = async (text) => {
    find("input[type=search]").value = text;
    find("input[type=search]").dispatchEvent(new window.Event("input"));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await settled();
  };
  await search("answer");
  assert.equal(marks.size, 1);
  await search("");
  assert.equal(marks.size, 0);
  delete globalThis.CSS.highlights;
  view.dispose();
});
