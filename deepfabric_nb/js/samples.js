import { element, say } from "./dom.js";
import { liveFrame } from "./live_frame.js";
import { samplesView } from "./samples/view.js";

/** The samples of a dataset as a widget of its own. */
export default liveFrame((model) => {
  const view = samplesView(model);
  const title = element("div", { class: "dfs-title", role: "heading", "aria-level": "3", dir: "auto" });
  const root = element("div", { class: "dfn dfs-frame" }, title, view.root);
  view.ready.then(() => say(title, view.title));
  return { root, ready: view.ready, dispose: () => (view.dispose(), root.remove()) };
});
