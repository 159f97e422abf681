// Apply Python's messages to the columns: a snapshot of everything, then deltas.
import { askingUntilAnswered } from "../asking.js";

/** Return a column of numbers, from a list or from bytes at any offset of a message. */
function numbers(column) {
  if (Array.isArray(column)) return column;
  const bytes = column.buffer ? column : new DataView(column);
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Fill the columns from a snapshot. */
export function fill(topics, snapshot) {
  topics.clear();
  append(topics, { before: 0, ...snapshot }, [snapshot.parent, [], [], [], []]);
  const [wanted, done, failed] = [snapshot.wanted, snapshot.done, snapshot.failed].map(numbers);
  for (let row = 0; row < topics.length; row += 1) topics.count(row, wanted[row], done[row], failed[row]);
  for (const [row, parent] of snapshot.others ?? []) topics.others.set(row, [...(topics.others.get(row) ?? []), parent]);
  for (const [row, mark] of snapshot.marks ?? []) topics.mark(row, mark);
  for (const [row, ...weight] of snapshot.weights ?? []) topics.weights.set(row, weight);
  for (const what of ["scores", "costs"]) for (const [row, sum, count] of snapshot[what] ?? []) topics[what].set(row, [sum, count]);
}

/** Apply a delta. What a snapshot contained already changes nothing. */
export function append(topics, delta, [parent, rows, wanted, done, failed]) {
  const [above, at, asked, made, lost] = [parent, rows, wanted, done, failed].map(numbers);
  for (let n = topics.length - delta.before; n < delta.ids.length; n += 1) topics.add(delta.ids[n], delta.names[n], above[n]);
  at.forEach((row, n) => topics.count(row, asked[n], made[n], lost[n]));
  for (const [row, samples] of delta.samples ?? []) topics.samples.set(row, samples);
  for (const [row, failures] of delta.failures ?? []) topics.failures.set(row, failures);
}

/**
 * Keep the columns in sync with Python. Messages are numbered; if one is missing, a new snapshot is requested until it
 * comes, or Python says that there is nothing new.
 * `heard` is called with each new message after the columns are up to date.
 */
export function connect(model, topics, heard) {
  let seq = -1;
  const asking = askingUntilAnswered(() => model.send({ type: "resync", seq }));

  function snapshot() {
    const sent = model.get("snapshot");
    if (!sent?.ids) return;
    asking.answered();
    fill(topics, sent);
    seq = sent.seq;
    heard({ type: "snapshot", ...sent });
  }

  function message(told, buffers) {
    if (told?.type === "synced") synced(told);
    else if (told?.type !== "delta") heard(told);
    else if (told.seq === seq + 1 && told.before <= topics.length) {
      append(topics, told, buffers);
      seq = told.seq;
      heard(told);
    } else if (told.seq > seq) asking.start();
  }

  /** Pages hear answers that are meant for others, too. */
  function synced(told) {
    if (told.seq === seq) asking.answered();
  }

  model.on("change:snapshot", snapshot);
  model.on("msg:custom", message);
  snapshot();
  asking.start(); // What was sent while the page was loading the widget is not lost.
  return () => {
    asking.dispose();
    model.off("change:snapshot", snapshot);
    model.off("msg:custom", message);
  };
}
