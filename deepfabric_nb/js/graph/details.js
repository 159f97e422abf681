import { element, follow, say, show } from "../dom.js";
import { counted, figures, summary } from "./captions.js";

const LISTED = 12;
const FAILURES = 6;

/** The details of the selected topic, or a summary of all topics if none is selected; `cards` are those of its samples. */
export function details(topics, state, act, cards = null) {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const title = element("h4", { class: "dfg-title", dir: "auto" });
  const told = element("p", { class: "dfn-count" });
  const mark = element("p", { class: "dfg-mark", dir: "auto" });
  const links = element("ul", { class: "dfg-links", "aria-label": "Other parents" });
  const failures = element("ul", { class: "dfg-failures", "aria-label": "Failures" });
  const root = element("section", { class: "dfg-details", "aria-label": "Selected topic" }, path, title, told, mark, links, failures, cards?.root ?? "");

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
    return { told: "", mark: "", links: [], failures: [] };
  }

  function several(rows) {
    say(path, "");
    say(title, counted(rows.length, "topic selected", "topics selected"));
    const more = rows.length > LISTED ? `and ${rows.length - LISTED} more` : "";
    return { told: more, mark: "", links: rows.slice(0, LISTED), failures: [] };
  }

  function one(row) {
    say(path, topics.pathOf(row).slice(0, -1).join(" › "));
    say(title, topics.names[row]);
    return {
      told: figures(topics, row).join(" · ") || "no samples yet",
      mark: topics.marks.get(row) ?? "",
      links: topics.others.get(row) ?? [],
      failures: failuresBelow(topics, row),
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
      cards?.update(rows.length === 1 ? rows[0] : -1);
      for (const node of [path, title, told, mark]) show(node, node.textContent !== "");
      for (const node of [links, failures]) show(node, node.childNodes.length > 0);
    },
  };
}

/** Return some failures at or below a topic, those below it with their topic's name. */
function failuresBelow(topics, row) {
  if (!topics.allFailed[row]) return [];
  const rows = [...topics.failures.keys()].filter((own) => topics.isWithin(own, row));
  const found = rows.flatMap((own) => topics.failures.get(own).map((one) => ({ one, name: own === row ? "" : topics.names[own] })));
  return found.slice(0, FAILURES).map((failure, n) => ({ ...failure, key: `${n} ${failure.name} ${failure.one}` }));
}

function failure() {
  const kind = element("b");
  const message = element("span", { dir: "auto" });
  const where = element("span", { class: "dfn-count", dir: "auto" });
  return {
    root: element("li", {}, kind, " ", message, " ", where),
    update({ one, name }) {
      say(kind, one[0]);
      say(message, one[1]);
      say(where, name.slice(0, 80));
    },
  };
}
