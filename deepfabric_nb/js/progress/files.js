import { element, follow, say, show } from "../dom.js";

/** The files of a run. `resolve` turns a path relative to the notebook into an address, where the notebook can. */
export function files(resolve) {
  const root = element("ul", { class: "dfn-files", "aria-label": "Files" });
  return {
    root,
    update(view) {
      follow(root, view.files, { key: (one) => `${one.role} ${one.path}`, make: () => file(resolve) });
      show(root, view.files.length > 0);
    },
  };
}

function file(resolve) {
  const role = element("span", { class: "dfn-role" });
  const path = element("a", { target: "_blank", rel: "noopener" });
  let link = "";
  return {
    root: element("li", {}, role, path),
    update(file) {
      say(role, file.role);
      say(path, file.path);
      if (!file.link || file.link === link) return;
      link = file.link;
      resolve(link).then((address) => address && path.setAttribute("href", address), () => {});
    },
  };
}

/** The notices of a run. */
export function notices() {
  const root = element("ul", { class: "dfn-notices", "aria-label": "Notes" });
  return {
    root,
    update(view) {
      follow(root, view.notices.map((text, index) => ({ text, index })), { key: (one) => one.index, make: notice });
      show(root, view.notices.length > 0);
    },
  };
}

function notice() {
  const root = element("li", { dir: "auto" });
  return { root, update: (one) => say(root, one.text) };
}
