// The colour of a topic: by its main branch, or by a figure of its branch.

import { mix } from "./theme.js";

const TINTS = [0.3, 0.19, 0.12]; // of levels 2, 3 and all deeper ones
const EMPTY = 0.05;

const share = (part, whole) => (whole > 0 ? part / whole : null);

/** What topics can be coloured by: `of` is a figure from 0 to 1, or null where there is none; `low` and `high` are its ends. */
export const BY = {
  branch: { text: "Branch" },
  coverage: {
    text: "Coverage",
    ...{ low: "nothing made", high: "all made", colour: "good" },
    of: (topics, row) => share(topics.allDone[row], Math.max(topics.allWanted[row], topics.allDone[row])),
  },
  failures: {
    text: "Failures",
    ...{ low: "none failed", high: "half or more failed", colour: "bad" },
    of: (topics, row) => scaled(share(topics.allFailed[row], topics.allDone[row] + topics.allFailed[row]), 2),
  },
  score: {
    text: "Score",
    ...{ low: "score 1", high: "score 5", colour: "good" },
    of: (topics, row) => part(topics.meanOf("scores", row), (score) => (score - 1) / 4),
  },
  cost: {
    text: "Cost",
    ...{ low: "$0 a sample", high: "the dearest", colour: "mark" },
    of: (topics, row) => part(topics.meanOf("costs", row), (cost) => cost / (topics.dearest || 1)),
  },
  duplicates: {
    text: "Duplicates",
    ...{ low: "none", high: "nearly the same as another", colour: "mark" },
    of: (topics, row) => Math.min(1, topics.allMarked[row] / topics.leaves[row]),
  },
};

const part = (value, of) => (value === null ? null : Math.min(1, Math.max(0, of(value))));
const scaled = (value, by) => part(value, (known) => known * by);

/**
 * Return a topic's colours: {fill, ink, quiet, edge, strong, bad}. `strong` is that of bars and of lines on the background,
 * `bad` that of failures on the fill.
 */
export function colourOf(row, { topics, colours, colourBy }) {
  const { back, text, bad } = colours;
  const depth = topics.depth[row];
  if (BY[colourBy].of) return measured(BY[colourBy], row, topics, colours);
  if (depth === 0) return { fill: text, ink: back, quiet: mix(back, text, 0.25), edge: text, strong: mix(back, text, 0.55), bad: colours.badOn };
  const hue = colours.hues[topics.main[row] % colours.hues.length];
  if (depth === 1) return { fill: hue, ink: colours.on, quiet: mix(colours.on, hue, 0.12), edge: hue, strong: colours.on, bad: colours.badOn };
  const fill = mix(back, hue, TINTS[Math.min(depth - 2, TINTS.length - 1)]);
  return { fill, ink: text, quiet: mix(text, fill, 0.3), edge: mix(back, hue, 0.75), strong: hue, bad };
}

function measured({ of, colour }, row, topics, colours) {
  const { back, text, bad } = colours;
  const value = of(topics, row);
  const fill = value === null ? mix(back, text, EMPTY) : mix(back, colours[colour], 0.1 + 0.5 * value);
  return { fill, ink: text, quiet: mix(text, fill, 0.3), edge: mix(back, text, 0.3), strong: mix(text, fill, 0.35), bad };
}

/** Return the colour on the background that stands for a topic's main branch. */
export function hueOf(row, { topics, colours, colourBy }) {
  return topics.main[row] < 0 || BY[colourBy].of ? colours.quiet : colours.hues[topics.main[row] % colours.hues.length];
}

/** Return what topics can be coloured by here: what nothing is known of isn't offered. */
export function choices(topics) {
  const known = {
    branch: true,
    coverage: topics.allWanted[0] > 0 || topics.allDone[0] > 0,
    failures: topics.allFailed[0] > 0,
    score: topics.scores.size > 0,
    cost: topics.dearest > 0,
    duplicates: topics.marks.size > 0,
  };
  return Object.keys(BY).filter((by) => known[by]);
}
