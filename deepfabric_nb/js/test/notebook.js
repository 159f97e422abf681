// A page without a browser, and a model like the one that a notebook gives to a widget.
import { Window } from "happy-dom";

const window = new Window();
globalThis.document = window.document;

export const { default: runFrame } = await import("../run_frame.js");

/** A model that records what was sent, but for how often it was `asked` for the view. `kernel` and `resolveUrl` are what a notebook may offer. */
export function modelOf(view, manager = {}) {
  const listeners = new Map();
  const told = (name, value) => [...(listeners.get(name) ?? [])].forEach((listener) => listener(value));
  return {
    sent: [],
    asked: 0,
    widget_manager: manager,
    get: (name) => (name === "frame" ? "" : view),
    send(message) {
      if (message.type === "resync") this.asked += 1;
      else this.sent.push(message);
    },
    on: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
    off: (name, listener) => listeners.get(name)?.delete(listener),
    show(next) {
      view = next;
      told("change:view");
    },
    loses: () => told("comm_live_update"),
    hears: (message) => told("msg:custom", message),
    listening: () => [...listeners.values()].reduce((sum, all) => sum + all.size, 0),
  };
}

/** The widget on the page. */
export function drawn(model) {
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  const clean = runFrame().render({ model, el });
  const find = (selector) => el.querySelector(selector);
  return { el, clean, find, all: (selector) => [...el.querySelectorAll(selector)] };
}

export function viewOf(changes = {}) {
  return {
    run: "run-1",
    name: "first",
    phase: "running",
    ending: null,
    headline: "Writing samples",
    head: headOf(),
    watched: false,
    resume: "%deepfabric resume first",
    commands: { samples: "%deepfabric samples first", report: "%deepfabric report first", accepted: "%deepfabric export first accepted.jsonl", export: "deepfabric export first.jsonl --to trl" },
    can_try_again: false,
    has_samples: false,
    rows: 0,
    growth: [],
    elapsed: "3 s",
    stages: [stageOf()],
    facts: [{ label: "Cost", value: "$0.01" }],
    trouble: "",
    failures: [],
    topic: "",
    samples: [],
    notices: [],
    files: [],
    ...changes,
  };
}

export function headOf(changes = {}) {
  return { bar: barOf(), chips: [], money: "$0.84", expected: "of about $1.45", totals: "", ...changes };
}

export const barOf = (changes = {}) => ({ label: "Samples", done: 40, failed: 2, total: 100, count: "40 of 100", left: "15 s left", ...changes });

export function stageOf(changes = {}) {
  return {
    label: "Samples",
    active: true,
    done: 40,
    failed: 2,
    total: 100,
    percent: 40,
    count: "40 of 100 (40 %)",
    lost: "2 failed",
    rate: "4.0/s",
    rates: [50, 100, 80],
    left: "about 15 s left",
    elapsed: "10 s",
    ...changes,
  };
}

export function budgetOf(changes = {}, ...limits) {
  return { limits: limits.length ? limits : [limitOf()], shared: "", warning: "", ...changes };
}

export function limitOf(changes = {}) {
  return {
    label: "Cost",
    told: "$1.60 of $5.00 (32 %)",
    forecast: "forecast $4.00 ($3.85 to $4.16)",
    reservation: "$0.42 reserved",
    spent: 32,
    reserved: 8.4,
    expected: 80,
    warned: false,
    ...changes,
  };
}

export const failureOf = (kind, count, ...messages) => ({
  kind,
  count,
  examples: messages.map((message) => ({ path: "root > leaf", message })),
});
