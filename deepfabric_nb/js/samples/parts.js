// Long lists are put on the page in parts.
import { element } from "../dom.js";
import { number } from "./text.js";

/**
 * Return the elements of the first items of a list, `make(item)` for each, and a button that puts the next ones in its
 * place; `wrap` puts the button into what may stand in such a list.
 */
export function inParts(list, { most, noun, make, wrap = (button) => button }) {
  const part = list.slice(0, most).flatMap(make);
  const rest = list.slice(most);
  if (!rest.length) return part;
  const label = `Show ${number(Math.min(most, rest.length))} more of ${number(rest.length)} ${noun}${rest.length === 1 ? "" : "s"}`;
  const button = element("button", { type: "button", class: "dfs-more", click: show }, label);
  const more = wrap(button);

  function show() {
    more.closest("[tabindex]")?.focus({ preventScroll: true });
    more.replaceWith(...inParts(rest, { most, noun, make, wrap }));
  }
  return [...part, more];
}
