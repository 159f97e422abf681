// The focus stays in the view when a change removes or hides what had it; else the next key would be the notebook's.

/** Change the elements in `root`; if that loses the focus, `home` puts it elsewhere in the view. */
export function keepingFocus(root, home, change) {
  const had = root.contains(document.activeElement);
  change();
  const { activeElement } = document;
  if (had && (!root.contains(activeElement) || activeElement.checkVisibility?.() === false)) home();
}
