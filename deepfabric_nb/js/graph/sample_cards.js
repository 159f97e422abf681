import { element, say, show } from "../dom.js";
import { cardContent } from "../samples/card.js";
import { line } from "../samples/text.js";
import { counted } from "./captions.js";

const FIRST = 5; // cards in an answer

/**
 * The samples at or below a topic, as the cards of the view of samples. `send` asks Python for them; until it answers, and it
 * doesn't while it is busy, the examples that the page has are shown.
 */
export function sampleCards(topics, send) {
  const list = element("div", { class: "dfg-card-list" });
  const more = element("button", { type: "button", class: "dfs-more", click: () => ask(cards.length) });
  const root = element("div", { class: "dfs dfg-cards", role: "group", "aria-label": "Samples" }, list, more);
  let topic = null;
  let cards = [];
  let total = 0;
  let asked = null; // how many samples there were when Python was asked last
  let isWaiting = false;
  let drawn = "";

  function ask(from) {
    asked = topics.allDone[topics.rows.get(topic)];
    isWaiting = true;
    try {
      send({ type: "samples_of", topic, from });
    } catch {
      isWaiting = false; // The connection is gone; the examples stay.
    }
  }

  function begin(id) {
    topic = id;
    [cards, total, asked, isWaiting] = [[], 0, null, false];
  }

  function draw(row) {
    const shown = cards.length ? cards : examples(topics, row);
    const now = JSON.stringify([topic, Boolean(cards.length), shown.map((card) => [card.row, card.facts, card.path, card.messages])]);
    if (now === drawn) return;
    drawn = now;
    const scale = scaleOf(shown);
    list.replaceChildren(...shown.map((card) => drawnCard(card, topics.depth[row] + 1, scale)));
  }

  return {
    root,
    /** Show the samples of a topic, of none for -1. */
    update(row) {
      const id = row < 0 ? null : topics.ids[row];
      if (id !== topic) begin(id);
      const made = row < 0 ? 0 : topics.allDone[row];
      if (made && made !== asked && !isWaiting && cards.length < Math.min(FIRST, made)) ask(0);
      if (row >= 0) draw(row);
      show(more, total > cards.length && cards.length > 0);
      say(more, `Show more of ${counted(total, "sample")}`);
      show(root, row >= 0 && list.childElementCount > 0);
    },
    /** Take in an answer. */
    heard(message) {
      if (message.topic !== topic) return;
      isWaiting = false;
      total = message.total;
      if (message.from === 0) cards = message.cards;
      else if (message.from === cards.length) cards = [...cards, ...message.cards];
    },
  };
}

/** Return cards of the samples that the page itself knows of, below a topic. */
function examples(topics, row) {
  const rows = [...topics.samples.keys()].filter((own) => topics.isWithin(own, row)).slice(0, FIRST);
  const known = rows.flatMap((own) => topics.samples.get(own).map((texts) => ({ own, texts })));
  return known.slice(0, FIRST).map(({ own, texts }, n) => ({ ...EMPTY, row: n, path: topics.pathOf(own), messages: texts.map(message) }));
}

const EMPTY = { facts: [], system: "", fields: [], tools: [], score: null, scores: [], checks: [], error: "", request: "", reply: "", history: [], before: [] };

const message = (text, n) => ({ role: n ? "assistant" : "user", text, reasoning: [], calls: [], at: [] });

const scaleOf = (cards) => [1, 5, 10].find((scale) => cards.every(({ score }) => (score ?? 0) <= scale)) ?? 100;

function drawnCard(card, depth, scale) {
  const head = [card.path.slice(depth).join(" › "), card.facts.map((fact) => line(fact, 80)).join(" · ")].filter(Boolean);
  return element("article", { class: "dfg-card" }, ...head.map((text) => element("p", { class: "dfs-facts", dir: "auto" }, text)), ...cardContent(card, scale));
}
