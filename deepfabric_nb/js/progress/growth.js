import { element, follow, say } from "../dom.js";

/** The topics as they come, before the first sample. */
export function growth() {
  const title = element("h4", {});
  const list = element("ul");
  const root = element("section", { class: "dfr-growth", "aria-label": "Topics that were found last" }, title, list);
  return {
    root,
    update(view) {
      say(title, view.growth.length ? "New topics" : "The first samples come here.");
      follow(list, view.growth, { key: (one) => `${one.path} ${one.names}`, make: grown });
    },
  };
}

function grown() {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const names = element("div", { class: "dfr-names" });
  return {
    root: element("li", {}, path, names),
    update(one) {
      say(path, one.path);
      follow(names, one.names.map((text, index) => ({ text, index })), { key: (name) => name.index, make: name });
    },
  };
}

function name() {
  const root = element("span", { class: "dfr-chip", dir: "auto" });
  return { root, update: (one) => say(root, one.text) };
}
