import { element } from "../dom.js";
import { OWN_KEYS } from "./keyboard.js";

/**
 * A menu at a place of the picture. `open(items, x, y)` shows it: an item is [text, keys, act], or null for a line
 * between groups; what has no act isn't offered. It closes with Escape, a click elsewhere, or when an item was chosen.
 */
export function menu(place, closed) {
  const root = element("div", { class: "dfg-menu", role: "menu", ...OWN_KEYS, keydown: key, focusout: left });
  root.hidden = true;
  place.append(root);

  function open(items, x, y) {
    root.replaceChildren(...tidy(items.filter((item) => item === null || item[2])).map(entry));
    root.hidden = false;
    const [width, height] = [place.clientWidth, place.clientHeight];
    root.style.left = `${Math.max(0, Math.min(x, width - root.offsetWidth - 4))}px`;
    root.style.top = `${Math.max(0, Math.min(y, height - root.offsetHeight - 4))}px`;
    root.querySelector("button")?.focus({ preventScroll: true });
  }

  function entry(item) {
    if (item === null) return element("hr");
    const [text, keys, does] = item;
    const click = () => {
      close();
      does();
    };
    return element("button", { type: "button", role: "menuitem", tabindex: "-1", click }, text, element("kbd", {}, keys));
  }

  function close() {
    if (root.hidden) return;
    root.hidden = true;
    closed();
  }

  function left({ relatedTarget }) {
    if (!root.contains(relatedTarget)) root.hidden = true;
  }

  function key(event) {
    const buttons = [...root.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + buttons.length, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (to !== undefined) buttons[to % buttons.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return { open, close, root };
}

/** Leave out lines at the ends and double ones. */
function tidy(items) {
  return items.filter((item, n) => item !== null || (n > 0 && items[n - 1] !== null && items.slice(n + 1).some(Boolean)));
}
