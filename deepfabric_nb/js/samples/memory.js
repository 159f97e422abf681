// What is remembered for as long as the page's tab lives: a page that is loaded again goes on there.

const PREFIX = "deepfabric.samples.";

/**
 * Return what remembers the selected row, and edits that aren't saved, for the view of that name: `read`, the row or -1,
 * `write`, `readDrafts` and `writeDrafts`. Without a name nothing is remembered.
 */
export function memoryOf(name) {
  const storage = name ? stored() : null;
  const [row, drafts] = [PREFIX + name, `${PREFIX}${name}.drafts`];
  return {
    read() {
      const known = Number.parseInt(storage?.getItem(row) ?? "", 10);
      return Number.isInteger(known) ? known : -1;
    },
    write: (selected) => keep(storage, row, String(selected)),
    readDrafts() {
      try {
        return JSON.parse(storage?.getItem(drafts) ?? "[]").filter(isDraft);
      } catch {
        return [];
      }
    },
    writeDrafts(kept) {
      if (kept.length) keep(storage, drafts, JSON.stringify(kept));
      else storage?.removeItem(drafts);
    },
  };
}

const isDraft = (one) => Number.isInteger(one?.row) && Array.isArray(one.texts) && one.texts.every((text) => Array.isArray(text.at) && typeof text.was === "string" && typeof text.text === "string");

/** Keep a text, unless there is no room for it. */
function keep(storage, key, text) {
  try {
    storage?.setItem(key, text);
  } catch {
    storage?.removeItem(key);
  }
}

function stored() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // A page may forbid it.
  }
}
