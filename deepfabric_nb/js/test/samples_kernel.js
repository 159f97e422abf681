// A model whose kernel is on the page: it answers as `deepfabric_nb/samples/protocol.py` says, and records what was sent.

/** `index` is an Index, `cards` are its cards by row. With `isSilent` nothing is answered. */
export function modelOf(index, cards, { isSilent = false, frame = "", soon = queueMicrotask } = {}) {
  const listeners = new Map();
  const undone = [];
  const tell = (name, ...values) => [...(listeners.get(name) ?? [])].forEach((listener) => listener(...values));
  const hears = (message) => tell("msg:custom", structuredClone(message), []);
  const rowsAt = (at) => Object.fromEntries(Object.entries(index.rows).map(([name, column]) => [name, at.map((row) => column[row])]));

  function changed(at) {
    const count = (verdict) => index.rows.verdict.filter((one) => one === verdict).length;
    Object.assign(index.review, { accepted: count("accepted"), rejected: count("rejected"), edited: count("edited"), to_make_again: count("rejected"), can_undo: undone.length ? "the latest decision" : "" });
    hears({ type: "changed", at, rows: rowsAt(at), review: index.review });
  }

  function judged(at, verdict, reason = "") {
    if (reason && !index.reasons.includes(reason)) index.reasons.push(reason);
    undone.push(at.map((row) => [row, index.rows.verdict[row]]));
    for (const row of at) {
      index.rows.verdict[row] = verdict;
      index.rows.reason[row] = index.reasons.indexOf(reason);
    }
    hears({ type: "rows", from: index.rows.title.length, rows: rowsAt([]), reasons: index.reasons });
    changed(at);
  }

  const answers = {
    open: () => hears({ type: "index", index }),
    read: ({ rows }) => hears({ type: "cards", cards: Object.fromEntries(rows.map((row) => [row, cards[row] ?? cardOf(row)])) }),
    search: ({ ask, text }) => hears({ type: "found", ask, rows: index.rows.title.flatMap((title, row) => (`${title} ${JSON.stringify(cards[row] ?? "")}`.toLowerCase().includes(text.toLowerCase()) ? [row] : [])) }),
    decide({ row, action, reason, comment, texts }) {
      const before = cards[row] ?? cardOf(row);
      const told = { action, who: "ada", when: "14:03", said: reason ?? comment ?? "" };
      cards[row] = { ...before, history: [...before.history, told] };
      for (const { at, text } of texts ?? []) replace(cards, row, at, text);
      if (action === "comment") changed([row]);
      else judged([row], { accept: "accepted", reject: "rejected", edit: "edited" }[action], reason);
    },
    decide_all: ({ rows, reason }) => judged(rows, "rejected", reason),
    undo() {
      const last = undone.pop();
      for (const [row, verdict] of last) index.rows.verdict[row] = verdict;
      changed(last.map(([row]) => row));
      hears({ type: "selected", row: last[0][0] });
    },
    alike: ({ row }) => hears({ type: "alike", row, groups: [{ label: "3 near-duplicates", rows: [row, row + 1, row + 2] }, { label: "all 12 of this topic", rows: Array.from({ length: 12 }, (_, n) => n) }] }),
    make_again: () => hears({ type: "refused", message: "The run is still going on." }),
    select: () => {},
  };

  return {
    sent: [],
    of(type) {
      return this.sent.filter((message) => message.type === type);
    },
    get: (name) => ({ frame })[name],
    send(message) {
      this.sent.push(structuredClone(message));
      if (!isSilent) soon(() => answers[message.type](message));
    },
    on: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
    off: (name, listener) => listeners.get(name)?.delete(listener),
    hears,
    dies: () => tell("comm_live_update"),
    silent: (value) => (isSilent = value),
    listening: () => [...listeners.values()].reduce((sum, all) => sum + all.size, 0),
  };
}

function replace(cards, row, at, text) {
  const is = (one) => JSON.stringify(one.at) === JSON.stringify(at);
  const { messages, fields, before } = cards[row];
  const was = [...messages, ...fields].find(is);
  const edited = (list) => list.map((one) => (is(one) ? { ...one, text } : one));
  cards[row] = { ...cards[row], messages: edited(messages), fields: edited(fields), before: [...before, { name: "", text: was.text, is_json: false, at }] };
}

/** A card of two messages. */
export function cardOf(row, changes = {}) {
  return {
    row,
    path: ["root", "branch", `topic ${row}`],
    facts: ["gpt-4o-mini", "412 tokens", "$0.0003"],
    system: "",
    messages: [messageOf("user", `question ${row}`, 0), messageOf("assistant", `answer ${row}`, 1)],
    fields: [],
    tools: [],
    score: null,
    scores: [],
    checks: [],
    error: "",
    request: "",
    reply: "",
    history: [],
    before: [],
    ...changes,
  };
}

export const messageOf = (role, text, at, changes = {}) => ({ role, text, reasoning: [], calls: [], at: ["messages", at, "content"], ...changes });

/** An index of `count` rows, with changes to its columns: a list, or a value for all rows. */
export function indexOf(count, columns = {}, changes = {}) {
  const all = (value) => Array.from({ length: count }, (_, row) => (typeof value === "function" ? value(row) : value));
  const rows = {
    title: all((row) => `question ${row}`),
    topic: all((row) => row % 4),
    status: all("done"),
    verdict: all(""),
    reason: all(-1),
    score: all(null),
    length: all((row) => 100 + row),
    model: all(0),
    cycle: all(0),
    attempts: all(1),
    cost: all(null),
    calls: all(0),
    problems: all(0),
    ...Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, Array.isArray(value) ? value : all(value)])),
  };
  const review = { accepted: 0, rejected: 0, edited: 0, total: count, agrees: 0, compared: 0, to_make_again: 0, can_undo: "", can_make_again: true, why_not_again: "", file: "tea.reviews.jsonl" };
  const topics = [["tea", "green", "sencha"], ["tea", "green", "matcha"], ["tea", "black", "assam"], ["tea", "white"]];
  return { title: "tea", topics, models: ["gpt-4o-mini"], reasons: [], rows, review, can_review: true, ...changes };
}
