// Counts in words, formatted the same everywhere.

const english = new Intl.NumberFormat("en"); // made once: that takes long

export const number = (count) => english.format(count);
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
export const pathText = (topics, row) => topics.pathOf(row).join(" › ");

const told = (value, write) => (value === null ? "" : write(value));

/** Return the figures of a branch: samples, failures, topics below, mean score and mean cost. */
export function figures(topics, row) {
  const [wanted, done, failed] = [topics.allWanted[row], topics.allDone[row], topics.allFailed[row]];
  const below = topics.size[row] - 1;
  const anyMade = topics.allDone[0] + topics.allFailed[0] > 0;
  return [
    wanted ? (anyMade ? `${number(done)} of ${counted(wanted, "sample")}` : `${counted(wanted, "sample")} planned`) : done ? counted(done, "sample") : "",
    failed ? `${number(failed)} failed` : "",
    below ? counted(below, "subtopic") : "",
    told(topics.meanOf("scores", row), (score) => `score ${score.toFixed(1)}`),
    told(topics.meanOf("costs", row), (cost) => (cost ? `$${cost.toPrecision(2)} a sample` : "")),
  ].filter(Boolean);
}

/** Return how many samples of a branch are made, "7 of 9", or an empty text if none are wanted. */
export function share(topics, row) {
  const [wanted, done] = [topics.allWanted[row], topics.allDone[row]];
  return wanted ? `${number(done)} of ${number(wanted)}` : "";
}

/** Return a sentence on all topics. */
export function summary(topics) {
  if (!topics.length) return "Topic graph: no topics yet.";
  const whole = [counted(topics.length, "topic"), counted(topics.leaves[0], "leaf", "leaves"), counted(topics.levels, "level")];
  return `Topic graph: ${[...whole, ...figures(topics, 0).filter((figure) => !/subtopic/.test(figure))].join(", ")}.`;
}
