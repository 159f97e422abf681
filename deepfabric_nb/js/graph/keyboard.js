// Keyboard navigation, as in any tree; `act` carries out what a key does.

/** Handle a key; return whether it has a meaning here. */
export function pressed(event, topics, state, act) {
  const row = state.current;
  const to = target(event.key, topics, row);
  if (to !== undefined) {
    if (to >= 0) act.go(to, event.shiftKey);
    return true;
  }
  const does = {
    Enter: () => act.zoom(row),
    " ": () => act.select(row, { add: event.ctrlKey || event.shiftKey || event.metaKey }),
    Escape: () => act.zoom(topics.parent[state.focus]),
    Backspace: () => act.zoom(topics.parent[state.focus]),
    Delete: () => act.prune?.(),
    F2: () => act.rename?.(),
    "/": () => act.search(),
  }[event.key];
  does?.();
  return Boolean(does);
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
