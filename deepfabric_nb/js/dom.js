// Helpers to create and update elements. Text is inserted as text, never as HTML.

/** Create an element. Attributes are set as they are, functions become listeners. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Set a text unless it is there already, so that a selection and screen readers aren't disturbed. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set attributes that differ. */
export function describe(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
}

/** Show or hide an element. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Make a parent's children follow a list, each identified by its key: existing ones are updated in place,
 * so that nothing that is open, focused or selected is lost.
 */
export function follow(parent, list, { key, make }) {
  const parts = (parent.parts ??= new Map());
  const wanted = new Set(list.map(key));
  for (const [known, part] of parts) {
    if (!wanted.has(known)) {
      part.root.remove();
      parts.delete(known);
    }
  }
  let place = parent.firstChild;
  for (const item of list) {
    const part = parts.get(key(item)) ?? make();
    parts.set(key(item), part);
    if (part.root === place) place = place.nextSibling;
    else parent.insertBefore(part.root, place);
    part.update(item);
  }
}
