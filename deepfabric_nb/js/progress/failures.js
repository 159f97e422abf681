import { element, follow, say, show } from "../dom.js";

/** The failures, by kind. A kind can be opened to show examples, and stays open. */
export function failures() {
  const total = element("span", { class: "dfn-count" });
  const list = element("div");
  const root = element("section", { "aria-label": "Failures" }, element("h4", {}, "Failures ", total), list);
  return {
    root,
    update(view) {
      say(total, view.trouble);
      follow(list, view.failures, { key: (failure) => failure.kind, make: category });
      show(root, view.failures.length > 0);
    },
  };
}

function category() {
  const kind = element("b");
  const count = element("span", { class: "dfn-count" });
  const first = element("span", { class: "dfn-first", dir: "auto" });
  const examples = element("ul");
  const root = element("details", { class: "dfn-failure" }, element("summary", {}, kind, count, first), examples);
  return {
    root,
    update(failure) {
      say(kind, failure.kind);
      say(count, failure.count.toLocaleString("en"));
      say(first, failure.examples[0]?.message ?? "");
      const shown = failure.examples.length ? failure.examples : [{ path: "", message: "From an earlier run: see the file of failures." }];
      follow(examples, shown.map((one, index) => ({ ...one, index })), { key: (one) => one.index, make: example });
    },
  };
}

function example() {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const message = element("div", { class: "dfn-message", dir: "auto" });
  return {
    root: element("li", {}, path, message),
    update(example) {
      say(path, example.path);
      say(message, example.message);
    },
  };
}
