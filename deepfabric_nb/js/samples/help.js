// The help dialog.
import { element } from "../dom.js";
import { KEYS } from "./keyboard.js";

const MORE = [
  ["↑ ↓", "Move in the list"],
  ["Ctrl Enter", "Save an edit"],
  ["Esc", "Close, leave an edit (its text is kept), go to the list"],
];

/** The dialog that lists the keys; `file` is where decisions are kept. */
export function helpDialog() {
  const file = element("p", { class: "dfs-quiet" });
  const keys = [...KEYS, ...MORE].map(([key, does]) => element("div", {}, element("dt", {}, ...key.split(" ").map((one) => element("kbd", {}, one))), element("dd", {}, does)));
  const close = element("button", { type: "button", class: "dfs-primary", click: () => root.close() }, "Close");
  const root = element("dialog", { class: "dfs-help", "aria-label": "Keys" }, element("h4", {}, "Keys"), element("dl", {}, ...keys), file, close);
  return {
    root,
    open(name) {
      file.textContent = name ? `Decisions are kept in ${name}, at once.` : "";
      if (!root.open) root.showModal();
    },
  };
}
