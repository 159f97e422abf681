import assert from "node:assert/strict";
import { test } from "node:test";
import { icicle, LEGIBLE } from "../graph/icicle_layout.js";
import { sunburst } from "../graph/sunburst.js";
import { Topics } from "../graph/topics.js";

/** A tree whose branches differ in size: topic `n` is below the topic that `above` returns for it. */
function tree(count, above) {
  const topics = new Topics();
  for (let n = 0; n < count; n += 1) topics.add(`t${n}`, `Topic ${n}`, n ? above(n) : -1);
  topics.settle();
  return topics;
}

const trees = [
  tree(314, (n) => Math.floor((n - 1) / 6)),
  tree(314, (n) => (n % 3 ? Math.floor(n / 7) : Math.floor((n - 1) / 40))),
  tree(10_000, (n) => Math.floor((n - 1) / 10)),
  tree(5000, () => 0),
  tree(200, (n) => (n < 100 ? 0 : 1)),
];

test("every box of the icicle has room for its name or number", () => {
  for (const topics of trees) {
    for (const height of [300, 720]) {
      const low = icicle(topics, 0, { width: 1000, height, pages: new Map() }).filter(({ h }) => h < LEGIBLE - 0.01);
      assert.deepEqual(low.map(({ row, h }) => [row, h]), []);
    }
  }
});

test("every arc of the sunburst has room for its name or number", () => {
  for (const topics of trees) {
    const thin = sunburst(topics, 0, { width: 700, height: 700 }).filter(({ level, from, to, inner, outer }) => level && ((to - from) * (inner + outer)) / 2 < 10);
    assert.deepEqual(thin.map(({ row, level }) => [row, level]), []);
  }
});
