/** Return the commands of the context menu of a topic, or of the background if the row is -1, for `menu.open`. */
export function commands(row, topics, state, act) {
  if (row < 0) return [["Show all", "", () => act.fit()], ["Unfold all", "", state.view === "map" ? () => act.unfoldAll(state.focus) : null], null, ...history(act)];
  const [one, root] = [state.selected.length < 2, state.selected.includes(0)];
  const branch = topics.children[row] > 0;
  const folded = branch && state.view === "map";
  const does = (may, what) => (may && act.edit ? what : null);
  return [
    ["Show this branch alone", "Enter", branch && one ? () => act.zoom(row) : null],
    ["Unfold", "+", folded ? () => act.unfold(row) : null],
    ["Unfold all below", "", folded ? () => act.unfoldAll(row) : null],
    ["Fold", "−", folded && row !== state.focus ? () => act.fold(row) : null],
    null,
    ["Rename", "F2", does(one, () => act.renameAt(row))],
    ["Add subtopic", "", does(one, () => act.ask("add"))],
    ["Grow deeper", "", does(one, () => act.edit("grow"))],
    ["Ask again", "", does(one && branch, () => act.edit("regenerate"))],
    ["More samples here", ">", does(!root && row > 0, () => act.weighMore(true))],
    ["Fewer samples here", "<", does(!root && row > 0, () => act.weighMore(false))],
    ["Merge into the first", "", does(!one && !root, () => act.edit("merge"))],
    null,
    ["Move: cut", "Ctrl+X", does(!root, () => act.cut(state.selected))],
    ["Put here", "Ctrl+V", does(one && state.cutIds.length > 0, () => act.paste(row))],
    ["Keep only this", "", does(one && !root, () => act.edit("keep_only"))],
    ["Prune", "Delete", does(!root, () => act.edit("prune"))],
    null,
    ...history(act),
  ];
}

const history = (act) => [
  ["Undo", "Ctrl+Z", act.undo ?? null],
  ["Redo", "Ctrl+Shift+Z", act.redo ?? null],
];
