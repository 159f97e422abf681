// Which sample was looked at, for as long as the page's tab lives: a page that is loaded again goes on there.

const PREFIX = "deepfabric.samples.";

/** Return `read`, the row or -1, and `write`, for the view of that name; without a name nothing is remembered. */
export function memoryOf(name) {
  const storage = name ? stored() : null;
  return {
    read() {
      const row = Number.parseInt(storage?.getItem(PREFIX + name) ?? "", 10);
      return Number.isInteger(row) ? row : -1;
    },
    write: (row) => storage?.setItem(PREFIX + name, String(row)),
  };
}

function stored() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // A page may forbid it.
  }
}
