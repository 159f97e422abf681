import { element, follow, say, show } from "../dom.js";
import { counted, figures, summary } from "./captions.js";

const LISTED = 12;

/** The details of the selected topic, or a summary of all topics if none is selected. */
export function details(topics, state, act) {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const title = element("h4", { class: "dfg-title", dir: "auto" });
  const told = element("p", { class: "dfn-count" });
  const mark = element("p", { class: "dfg-mark", dir: "auto" });
  const links = element("ul", { class: "dfg-links", "aria-label": "Other parents" });
  const failures = element("ul", { class: "dfg-failures", "aria-label": "Failures" });
  const samples = element("div", { class: "dfg-samples", role: "group", "aria-label": "Samples" });
  const root = element("section", { class: "dfg-details", "aria-label": "Selected topic" }, path, title, told, mark, links, failures, samples);

  function link() {
    const button = element("button", { type: "button", dir: "auto", click: () => act.reveal(button.row) });
    return {
      root: element("li", {}, button),
      update(row) {
        button.row = row;
        say(button, topics.names[row].slice(0, 120));
      },
    };
  }

  function nothing() {
    say(title, "");
    say(path, topics.length ? `${summary(topics).replace("Topic graph: ", "")} Click a topic to see more of it, twice to go into it.` : "");
    return { told: "", mark: "", links: [], failures: [], samples: [] };
  }

  function several(rows) {
    say(path, "");
    say(title, counted(rows.length, "topic selected", "topics selected"));
    const more = rows.length > LISTED ? `and ${rows.length - LISTED} more` : "";
    return { told: more, mark: "", links: rows.slice(0, LISTED), failures: [], samples: [] };
  }

  function one(row) {
    say(path, topics.pathOf(row).slice(0, -1).join(" › "));
    say(title, topics.names[row]);
    return {
      told: figures(topics, row).join(" · ") || "no samples yet",
      mark: topics.marks.get(row) ?? "",
      links: topics.others.get(row) ?? [],
      failures: numbered(topics.failures.get(row)),
      samples: numbered(topics.samples.get(row)),
    };
  }

  return {
    root,
    update() {
      const rows = state.selected;
      const shown = rows.length > 1 ? several(rows) : rows.length ? one(rows[0]) : nothing();
      say(told, shown.told);
      say(mark, shown.mark);
      links.dataset.label = rows.length > 1 ? "" : "Also under";
      follow(links, shown.links, { key: (row) => topics.ids[row], make: link });
      follow(failures, shown.failures, { key: (failure) => failure.key, make: failure });
      follow(samples, shown.samples, { key: (sample) => sample.key, make: sample });
      for (const node of [path, title, told, mark]) show(node, node.textContent !== "");
      for (const node of [links, failures, samples]) show(node, node.childNodes.length > 0);
    },
  };
}

function numbered(list = []) {
  return list.map((one, n) => ({ key: `${n} ${one[0]} ${one[1]}`, one }));
}

function sample() {
  const question = element("div", { class: "dfn-text dfn-question", dir: "auto" });
  const answer = element("div", { class: "dfn-text", dir: "auto" });
  return {
    root: element("article", { class: "dfn-sample" }, question, answer),
    update({ one }) {
      say(question, one[0]);
      say(answer, one[1]);
    },
  };
}

function failure() {
  const kind = element("b");
  const message = element("span", { dir: "auto" });
  return {
    root: element("li", {}, kind, " ", message),
    update({ one }) {
      say(kind, one[0]);
      say(message, one[1]);
    },
  };
}
