import { element, follow, say } from "../dom.js";

/** Breadcrumbs: the path from the root to the topic in focus; a click on a step goes to that topic. */
export function breadcrumbs(topics, state, act) {
  const list = element("ol");
  const root = element("nav", { class: "dfg-crumbs", "aria-label": "The topic in view" }, list);

  function step() {
    const button = element("button", { type: "button", dir: "auto", click: () => act.zoom(button.row) });
    return {
      root: element("li", {}, button),
      update(row) {
        button.row = row;
        say(button, topics.names[row].slice(0, 120));
        if (row === state.focus) button.setAttribute("aria-current", "location");
        else button.removeAttribute("aria-current");
      },
    };
  }

  return {
    root,
    update: () => topics.length && follow(list, topics.lineOf(state.focus), { key: (row) => topics.ids[row], make: step }),
  };
}
