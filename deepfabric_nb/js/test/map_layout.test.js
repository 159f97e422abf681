import assert from "node:assert/strict";
import { test } from "node:test";
import { labels } from "../graph/label.js";
import { mindMap } from "../graph/map_layout.js";
import { neighbours } from "../graph/map_links.js";
import { Topics } from "../graph/topics.js";

const measure = (text) => 6 * [...text].length;
const laid = (topics, changes = {}) =>
  mindMap(topics, 0, { width: 1100, height: null, folds: new Map(), label: labels(measure), measure, ...changes });

/** A tree whose topic `n` is below the topic that `above` returns for it. */
function tree(count, above, name = (n) => `Topic ${"long name ".repeat(n % 5)}${n}`) {
  const topics = new Topics();
  for (let n = 0; n < count; n += 1) topics.add(`t${n}`, name(n), n ? above(n) : -1);
  topics.settle();
  return topics;
}

/** Numbers that look random and are the same each time. */
function dice(seed) {
  let now = seed;
  return (sides) => (now = (now * 16807) % 2147483647) % sides;
}

const trees = [
  ...Array.from({ length: 30 }, (_, seed) => {
    const roll = dice(seed + 1);
    return tree(1 + roll(400), (n) => (roll(3) ? roll(n) : Math.floor(n / 4)));
  }),
  tree(10_000, (n) => Math.floor((n - 1) / 10)),
  tree(5000, () => 0),
  tree(60, (n) => n - 1),
];

test("every topic is drawn or counted as folded, exactly once", () => {
  for (const topics of trees) {
    const { nodes } = laid(topics);
    const told = nodes.reduce((sum, { more, hidden }) => sum + (more || 1 + hidden), 0);
    assert.equal(told, topics.length);
  }
});

test("no card lies on another one, on wide and on narrow pages, roomy and dense", () => {
  for (const topics of trees) {
    for (const width of [1100, 600]) {
      const { nodes } = laid(topics, { width });
      nodes.forEach((one, n) => {
        const touches = (other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h - 0.01 && other.y < one.y + one.h - 0.01;
        assert.ok(!nodes.slice(n + 1).some(touches), `${one.id} in a tree of ${topics.length}`);
      });
    }
  }
});

test("what is shown by itself can be read without moving the picture", () => {
  for (const topics of trees.slice(0, -1)) {
    const { nodes, w, h } = laid(topics);
    assert.ok(nodes.length <= 160);
    assert.ok(Math.min(1100 / w, 720 / h) >= 0.74, `${w} by ${h} for ${topics.length}`);
  }
});

test("figures fold no topic: where they have no room the bars tell", () => {
  for (const [degree, count] of [[4, 85], [3, 40], [6, 259]]) {
    const topics = tree(count, (n) => Math.floor((n - 1) / degree), (n) => `Topic of some length ${n}`);
    for (const width of [700, 1100, 1250, 1600]) {
      const before = laid(topics, { width }).nodes.length;
      for (let row = 0; row < count; row += 1) topics.count(row, 9, 5, 1);
      topics.settle();
      const { nodes } = laid(topics, { width });
      assert.ok(nodes.length >= 0.6 * before, `${count} in ${width}: ${before}, ${nodes.length}`);
      assert.ok(nodes.every((node) => node.more || node.isBarred));
      for (let row = 0; row < count; row += 1) topics.count(row, 0, 0, 0);
      topics.settle();
    }
  }
});

test("a branch that is opened by hand folds no other one", () => {
  const topics = tree(10_000, (n) => Math.floor((n - 1) / 10));
  const before = laid(topics).nodes.filter((node) => !node.more).map((node) => node.id);
  const after = new Set(laid(topics, { folds: new Map([["t42", 40]]) }).nodes.map((node) => node.id));
  assert.deepEqual(before.filter((id) => !after.has(id)), []);
  assert.ok(after.has("t421"));
});

test("branches keep their sides while the map grows evenly", () => {
  const topics = tree(85, (n) => Math.floor((n - 1) / 4), (n) => `T${n}`);
  const first = laid(topics, { height: 700 });
  topics.add("new", "New", 5);
  topics.settle();
  const sides = (map) => map.nodes.filter((node) => node.level === 1).map((node) => node.side);
  assert.deepEqual(sides(laid(topics, { height: 700, split: first.split })), sides(first));
  assert.deepEqual(new Set(sides(first)), new Set([1, -1]));
});

test("a link to a topic that is folded away leads to the branch where it is", () => {
  const topics = tree(10_000, (n) => Math.floor((n - 1) / 10));
  topics.others.set(9_000, [2]);
  const [{ from, to }] = laid(topics).links;
  assert.equal(from.id, "t2");
  assert.ok(topics.isWithin(9_000, to.row));
});

test("links between two columns have ways of their own and make room for themselves", () => {
  const topics = tree(40, (n) => Math.floor((n - 1) / 3));
  const before = laid(topics);
  for (const [row, parent] of [[20, 4], [21, 5], [22, 7], [39, 4]]) topics.others.set(row, [parent]);
  const { nodes, links, w } = laid(topics);
  const lanes = links.map(({ lane }) => lane);
  assert.ok(lanes.every((lane) => lane > 0 && lane < 1) || lanes.includes(null));
  assert.equal(new Set(links.filter(({ from }) => from.side > 0).map(({ lane }) => lane)).size, links.filter(({ from }) => from.side > 0).length);
  assert.ok(w > before.w && nodes.length === before.nodes.length);
});

test("what is linked with a topic stays clear with its parents and children, and nothing without links", () => {
  const topics = tree(13, (n) => Math.floor((n - 1) / 3));
  topics.others.set(12, [1]);
  const map = laid(topics);
  const near = (hover) => neighbours(map, { hover, selected: new Set() });
  assert.deepEqual([...near(1).ends].toSorted(), ["t1", "t12"]);
  assert.deepEqual([...near(1).ids].toSorted(), ["t0", "t1", "t12", "t4", "t5", "t6"]);
  assert.equal(near(2).ids.size, 0);
});
