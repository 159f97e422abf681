// Keyboard navigation, as in any tree; `act` carries out what a key does.

/** The attribute of what has keys of its own: otherwise Jupyter moves between cells with the same keys. */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

/** Handle a key; return whether it has a meaning here. */
export function pressed(event, topics, state, act) {
  const row = state.current;
  const command = event.ctrlKey || event.metaKey ? withCtrl(event, state, act, row) : undefined;
  if (command) {
    command();
    return true;
  }
  const to = target(event.key, topics, row);
  if (to !== undefined) {
    if (to >= 0) act.go(to, event.shiftKey);
    return true;
  }
  const does = {
    Enter: () => act.zoom(row),
    " ": () => act.select(row, { add: event.ctrlKey || event.shiftKey || event.metaKey }),
    Escape: () => (state.cutIds.length ? act.cut([]) : act.zoom(topics.parent[state.focus])),
    Backspace: () => act.zoom(topics.parent[state.focus]),
    Delete: () => act.prune?.(),
    F2: () => act.rename?.(),
    "/": () => act.search(),
    ">": () => act.weighMore?.(true),
    "<": () => act.weighMore?.(false),
    "+": () => topics.children[row] && act.unfold(row),
    "-": () => topics.children[row] && row !== state.focus && act.fold(row),
    ContextMenu: () => act.menu(row),
    F10: event.shiftKey ? () => act.menu(row) : undefined,
  }[event.key];
  does?.();
  return Boolean(does);
}

function withCtrl({ key, shiftKey }, state, act, row) {
  const letter = key.toLowerCase();
  if (letter === "z") return shiftKey ? act.redo : act.undo;
  return {
    y: act.redo,
    x: act.cut && (() => act.cut(state.selected.length ? state.selected : [row])),
    v: act.paste && state.cutIds.length ? () => act.paste(row) : undefined,
  }[letter];
}

/** Return the row that a navigation key leads to: -1 for none, undefined for any other key. */
function target(key, topics, row) {
  const siblings = topics.siblingsOf(row);
  const at = siblings.indexOf(row);
  const found = {
    ArrowRight: topics.first[row],
    ArrowLeft: topics.parent[row],
    ArrowDown: siblings[at + 1] ?? -1,
    ArrowUp: siblings[at - 1] ?? -1,
    Home: siblings[0],
    End: siblings.at(-1),
  };
  return found[key];
}
