// Search, filters and sort, above the list.
import { describe, element, say, show } from "../dom.js";
import { active, facets, others, sorts, toggle } from "./query.js";
import { counted, number } from "./text.js";

const VALUES = 30; // values of a facet that are offered
const PAUSE = 60; // ms without a key before the kernel is asked

/** The controls above the list. `act.ask(query)` lists anew, `act.searchFor(text)` asks the kernel. */
export function searchBar(state, act) {
  const { rows } = state;
  const field = element("input", { type: "search", placeholder: "Search all texts", "aria-label": "Search the samples", input: typed, keydown: key });
  const count = element("span", { class: "dfs-quiet dfs-count", role: "status" });
  const sort = element("select", { "aria-label": "Sort", change: () => act.ask({ ...state.query, sort: sort.value }) });
  const open = element("button", { type: "button", "aria-expanded": "false", click: () => flip() }, "Filter");
  const panel = element("div", { class: "dfs-filters", role: "group", "aria-label": "Filters", hidden: "" });
  const chips = element("div", { class: "dfs-chips", role: "group", "aria-label": "Active filters" });
  let timer = 0;

  function typed() {
    clearTimeout(timer);
    timer = setTimeout(() => act.searchFor(field.value.trim()), field.value ? PAUSE : 0);
  }

  function key(event) {
    if (event.key === "Escape" && field.value) {
      field.value = "";
      typed();
    } else if (event.key === "ArrowDown" || event.key === "Enter" || event.key === "Escape") act.focusList();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function flip(opened = panel.hidden) {
    show(panel, opened);
    open.setAttribute("aria-expanded", String(opened));
    if (opened) fill();
    if (opened) panel.querySelector("input")?.focus();
  }

  function choose(facet, value) {
    act.ask(toggle(state.query, facet, value));
    fill();
  }

  function fill() {
    const held = panel.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    const scrolled = panel.scrollTop;
    const all = facets(rows, state.query).map((facet) => fieldset(facet, state.query.chosen.get(facet.key), choose));
    panel.replaceChildren(...(all.length ? all : [element("p", { class: "dfs-quiet" }, "All samples are alike: there is nothing to filter by.")]));
    panel.scrollTop = scrolled;
    if (held) panel.querySelector(`[data-value="${CSS.escape(held)}"]`)?.focus();
  }

  function drawChips() {
    const list = active(rows, state.query);
    const key = list.map(({ name }) => name).join("\n");
    show(chips, list.length > 0);
    if (chips.dataset.key === key) return;
    chips.dataset.key = key;
    chips.replaceChildren(...list.map((one) => chip(one, () => act.ask(without(state.query, one)))));
  }

  function drawSorts() {
    const list = sorts(rows);
    if (sort.options.length !== list.length) sort.replaceChildren(...list.map(({ key: value, label }) => element("option", { value }, label)));
    sort.value = state.query.sort;
  }

  return {
    root: element("div", { class: "dfs-find" }, element("div", { class: "dfs-find-line" }, field, open), element("div", { class: "dfs-find-line" }, count, sort), chips),
    panel,
    focus() {
      field.focus();
      field.select();
    },
    contains: (node) => panel.contains(node) || open.contains(node),
    /** Close the filters, if they are open; return whether they were. The focus stays if it went elsewhere. */
    close({ isLeft = false } = {}) {
      if (panel.hidden) return false;
      flip(false);
      if (!isLeft) open.focus();
      return true;
    },
    update() {
      const all = number(rows.length);
      describe(count, { "aria-live": state.isLive ? "off" : "polite" });
      const made = rows.columns.status.reduce((sum, status) => sum + (status === "done"), 0);
      const rest = rows.length - made;
      say(count, state.list.length < rows.length ? `${number(state.list.length)} of ${all}` : `${counted(made, "sample")}${rest ? ` + ${counted(rest, "other")}` : ""}`);
      describe(count, { title: rest ? `Listed and not in the dataset: ${others(rows)}` : "" });
      drawChips();
      drawSorts();
    },
    dispose: () => clearTimeout(timer),
  };
}

function fieldset({ key, label, values: all }, chosen, choose) {
  const values = mostFrequent(all, chosen);
  const cut = all.length - values.length;
  const one = ({ value, name, count }) => {
    const box = element("input", { type: "checkbox", "data-value": `${key}:${value}`, change: () => choose(key, value) });
    box.checked = chosen?.has(value) ?? false;
    return element("label", {}, box, element("span", { dir: "auto" }, name), element("span", { class: "dfs-quiet" }, number(count)));
  };
  return element("fieldset", {}, element("legend", {}, label), ...values.map(one), cut ? element("p", { class: "dfs-quiet" }, `and ${number(cut)} with fewer samples`) : "");
}

function mostFrequent(values, chosen) {
  if (values.length <= VALUES) return values;
  const kept = new Set([...values].sort((one, other) => other.count - one.count).slice(0, VALUES));
  return values.filter((one) => kept.has(one) || chosen?.has(one.value));
}

function chip({ name }, remove) {
  return element("button", { type: "button", class: "dfs-chip", "aria-label": `Remove the filter ${name}`, click: remove }, element("span", { dir: "auto" }, name), element("span", { "aria-hidden": "true" }, " ×"));
}

function without(query, { key, value }) {
  return key === "path" ? { ...query, path: [] } : toggle(query, key, value);
}
