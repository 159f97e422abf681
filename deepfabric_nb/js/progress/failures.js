import { element, follow, say, show } from "../dom.js";

/** What failed; `buttons` say what can be done about it. */
export const failures = (...buttons) => byKind("Failures", (view) => [view.trouble, view.failures], undefined, buttons);

/** Replies that were refused, so that the model was asked again. */
export const repairs = () => byKind("Replies asked again", (view) => [view.repairs ?? "", view.repaired ?? []]);

/** Samples that were made and not accepted. */
export const rejections = () =>
  byKind("Rejected samples", (view) => [view.refusals ?? "", view.rejected ?? []], ["Question", "Answer"]);

/** Failures by kind. A kind can be opened to show examples, and stays open. */
function byKind(label, of, names = ["Request", "Reply"], buttons = []) {
  const total = element("span", { class: "dfn-count" });
  const list = element("div");
  const root = element("section", { "aria-label": label }, element("div", { class: "dfn-kinds" }, element("h4", {}, `${label} `, total), ...buttons), list);
  return {
    root,
    update(view) {
      const [sum, kinds] = of(view);
      say(total, sum);
      follow(list, kinds, { key: (failure) => failure.kind, make: () => category(names) });
      show(root, kinds.length > 0);
    },
  };
}

function category(names) {
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
      const earlier = { path: "", message: "From an earlier run: see the file beside the dataset.", request: "", reply: "" };
      const shown = failure.examples.length ? failure.examples : [earlier];
      follow(examples, shown.map((one, index) => ({ ...one, index })), { key: (one) => one.index, make: () => example(names) });
    },
  };
}

function example([asked, said]) {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const message = element("div", { class: "dfn-message", dir: "auto" });
  const request = element("pre", { dir: "auto", tabindex: "0", "aria-label": asked });
  const reply = element("pre", { dir: "auto", tabindex: "0", "aria-label": said });
  const texts = [element("h5", {}, asked), request, element("h5", {}, said), reply];
  const exchange = element("details", { class: "dfn-exchange" }, element("summary", {}, `${asked} and ${said.toLowerCase()}`), ...texts);
  return {
    root: element("li", {}, path, message, exchange),
    update(example) {
      say(path, example.path);
      say(message, example.message);
      say(request, example.request);
      say(reply, example.reply || "(none)");
      show(exchange, Boolean(example.request));
    },
  };
}
