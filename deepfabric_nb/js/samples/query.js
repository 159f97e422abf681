// Which rows are listed, and in which order: pure functions over the columns.
import { counted, line, number } from "./text.js";

const LENGTHS = [500, 2_000, 8_000, 32_000];
const STATUSES = { done: "made", failed: "failed", rejected: "rejected by a check", replaced: "rejected by you and replaced", unreadable: "unreadable line" };
const VERDICTS = { "": "not reviewed", accepted: "accepted", rejected: "rejected by you", edited: "edited" };

/** Return what is listed and isn't in the dataset, in a few words: "2 failed, 1 rejected by a check". */
export function others(rows) {
  const counts = new Map();
  for (let row = 0; row < rows.length; row += 1) {
    const status = rows.status(row);
    if (status !== "done") counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts].map(([status, count]) => (status === "unreadable" ? counted(count, STATUSES[status]) : `${number(count)} ${STATUSES[status]}`)).join(", ");
}

/** What the rows can be filtered by. `of` returns the value of a row, `name` how a value is called. */
const FACETS = [
  { key: "verdict", label: "Review", of: ({ columns }) => (row) => columns.verdict[row] || "", name: (_, value) => VERDICTS[value] },
  { key: "status", label: "Status", of: (rows) => (row) => rows.status(row), name: (_, value) => STATUSES[value] ?? line(String(value)) },
  { key: "branch", label: "Branch", of: (rows) => (row) => rows.branch(row), name: (rows, value) => line(rows.branches[value] ?? "none", 60) },
  { key: "score", label: "Score", of: scores, name: (rows, value) => scoreRange(rows.scale, value) },
  { key: "reason", label: "Reason", of: ({ columns }) => (row) => columns.reason[row] ?? -1, name: (rows, value) => line(rows.reasons[value] ?? "none", 60) },
  { key: "problems", label: "Checks", of: ({ columns }) => (row) => (columns.problems[row] ? 1 : 0), name: (_, value) => (value ? "found something" : "found nothing") },
  { key: "length", label: "Length", of: ({ columns }) => (row) => LENGTHS.filter((most) => columns.length[row] >= most).length, name: (_, value) => lengthRange(value) },
  { key: "model", label: "Model", of: ({ columns }) => (row) => columns.model[row] ?? -1, name: (rows, value) => line(rows.models[value] ?? "unknown", 60) },
  { key: "cycle", label: "Cycle", of: ({ columns }) => (row) => columns.cycle[row], name: (_, value) => String(value + 1) },
];

/** How the rows can be sorted. Those without a value come last. */
export const SORTS = [
  { key: "made", label: "In the order made" },
  { key: "low", label: "Lowest score first", column: "score", down: false },
  { key: "high", label: "Highest score first", column: "score", down: true },
  { key: "long", label: "Longest first", column: "length", down: true },
  { key: "short", label: "Shortest first", column: "length", down: false },
  { key: "cost", label: "Highest cost first", column: "cost", down: true },
  { key: "topic", label: "By topic", column: "topic", down: false },
];

/** Nothing chosen: `chosen` maps a facet to its values, `path` is a topic within which rows are. */
export const everything = () => ({ chosen: new Map(), path: [], sort: "made", found: null });

/** Return the sorts that change something. */
export function sorts(rows) {
  const has = (column) => rows.columns[column].some((value) => value !== null && value !== undefined);
  return SORTS.filter(({ column }) => !column || column === "length" || column === "topic" || has(column));
}

/**
 * Return the facets with more than one value, and each value's count among the rows that all other facets leave:
 * `[{ key, label, values: [{ value, name, count }] }]`.
 */
export function facets(rows, query) {
  return FACETS.map((facet) => ({ key: facet.key, label: facet.label, values: valuesOf(facet, rows, query) })).filter(
    ({ key, values }) => values.length > 1 || query.chosen.has(key),
  );
}

function valuesOf(facet, rows, query) {
  const of = facet.of(rows);
  const counts = new Map();
  const others = test(rows, query, facet.key);
  for (let row = 0; row < rows.length; row += 1) {
    const value = of(row);
    counts.set(value, (counts.get(value) ?? 0) + (others(row) ? 1 : 0));
  }
  return [...counts]
    .sort(([one], [other]) => (typeof one === "number" ? one - other : String(one).localeCompare(String(other))))
    .map(([value, count]) => ({ value, name: facet.name(rows, value), count }));
}

/** Return the chosen values as `[{ key, value, name }]`, to be shown and removed one by one. */
export function active(rows, query) {
  const chosen = FACETS.flatMap(({ key, label, name }) =>
    [...(query.chosen.get(key) ?? [])].map((value) => ({ key, value, name: `${label.toLowerCase()}: ${name(rows, value)}` })),
  );
  return query.path.length ? [{ key: "path", value: "", name: `topic: ${line(query.path.at(-1), 60)}` }, ...chosen] : chosen;
}

/** Choose a value of a facet, or take it back. */
export function toggle(query, key, value) {
  const chosen = new Map(query.chosen);
  const values = new Set(chosen.get(key));
  if (!values.delete(value)) values.add(value);
  if (values.size) chosen.set(key, values);
  else chosen.delete(key);
  return { ...query, chosen };
}

/** Return the numbers of the rows that a query lists, in its order. */
export function listed(rows, query) {
  const fits = test(rows, query);
  const found = [];
  for (let row = 0; row < rows.length; row += 1) if (fits(row)) found.push(row);
  return sorted(rows, found, query.sort);
}

function test(rows, query, except) {
  const tests = FACETS.filter(({ key }) => key !== except && query.chosen.has(key)).map((facet) => {
    const [of, values] = [facet.of(rows), query.chosen.get(facet.key)];
    return (row) => values.has(of(row));
  });
  if (query.found) tests.push((row) => query.found.has(row));
  if (query.path.length) tests.push(within(rows, query.path));
  return (row) => tests.every((one) => one(row));
}

function within(rows, path) {
  const topics = rows.topics.map((topic) => path.every((name, depth) => topic[depth] === name));
  return (row) => topics[rows.columns.topic[row]] ?? false;
}

function sorted(rows, found, key) {
  const { column, down } = SORTS.find((sort) => sort.key === key) ?? {};
  if (!column) return found;
  const values = column === "topic" ? topicOrder(rows) : rows.columns[column];
  const missing = (value) => value === null || value === undefined;
  return found.sort((one, other) => {
    const [a, b] = [values[one], values[other]];
    if (missing(a) || missing(b)) return missing(a) - missing(b) || one - other;
    return (down ? b - a : a - b) || one - other;
  });
}

function topicOrder(rows) {
  const keys = rows.topics.map((path, at) => [path.join("\u0000"), at]).sort(([one], [other]) => (one < other ? -1 : 1));
  const places = [];
  keys.forEach(([, at], place) => (places[at] = place));
  return rows.columns.topic.map((topic) => places[topic] ?? null);
}

/** Return the row after (or before) another in a list for which something holds; else -1. `from` may be missing. */
export function neighbour(list, from, step, holds = () => true) {
  let at = list.indexOf(from);
  if (at < 0 && step < 0) at = list.length;
  for (at += step; at >= 0 && at < list.length; at += step) if (holds(list[at])) return list[at];
  return -1;
}

/** Return the row to go to after a decision: the next that isn't reviewed, from the top if need be, else the next. */
export function nextToReview(rows, list, from) {
  const open = (row) => row !== from && isOpen(rows, row);
  const next = neighbour(list, from, 1, open);
  if (next >= 0) return next;
  const first = list.find(open);
  return first ?? neighbour(list, from, 1);
}

/** Return the first row of a list that isn't reviewed; -1 if all are. */
export const toReview = (rows, list) => list.find((row) => isOpen(rows, row)) ?? -1;

const isOpen = ({ columns }, row) => !columns.verdict[row] && columns.status[row] === "done";

function scores({ columns, scale }) {
  return (row) => {
    const value = columns.score[row];
    return value === null || value === undefined ? -1 : Math.min(4, Math.floor((value / scale) * 5 + 1e-9));
  };
}

function scoreRange(scale, value) {
  if (value < 0) return "none";
  const at = (step) => String(Math.round((step * scale) / 5 * 100) / 100);
  return value === 4 ? `${at(4)} to ${at(5)}` : `${at(value)} to below ${at(value + 1)}`;
}

function lengthRange(value) {
  if (value === 0) return `below ${number(LENGTHS[0])}`;
  return value === LENGTHS.length ? `${number(LENGTHS.at(-1))} and more` : `${number(LENGTHS[value - 1])} to ${number(LENGTHS[value])}`;
}
