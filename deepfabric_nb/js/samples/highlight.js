// Marks what was searched for in a card, without changing its elements.

const NAME = "dfs-found";
const MOST = 500;

/** Mark the places of a text, of any case, in elements; `clear` takes the marks away. */
export function highlighter() {
  let mine = [];

  function registry() {
    if (!globalThis.CSS?.highlights) return null;
    if (!CSS.highlights.has(NAME)) CSS.highlights.set(NAME, new Highlight());
    return CSS.highlights.get(NAME);
  }

  function clear() {
    const all = registry();
    for (const range of mine) all?.delete(range);
    mine = [];
  }

  return {
    clear,
    mark(root, text) {
      clear();
      const all = registry();
      if (!all || !text) return;
      mine = ranges(root, text.toLowerCase());
      for (const range of mine) all.add(range);
    },
  };
}

function ranges(root, wanted) {
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && found.length < MOST) {
    const node = walker.currentNode;
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue;
    for (let at = text.indexOf(wanted); at >= 0 && found.length < MOST; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      found.push(range);
    }
  }
  return found;
}
