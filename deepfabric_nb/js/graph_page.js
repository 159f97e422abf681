import "./graph/view.css";
import { Topics } from "./graph/topics.js";
import { topicGraph } from "./graph/view.js";
import { fill } from "./graph/sync.js";

/** Show a snapshot in an element of a standalone page, read-only. */
function show(place, data) {
  const topics = new Topics();
  fill(topics, data);
  const view = topicGraph(topics);
  place.append(view.root);
  view.heard({ type: "snapshot" });
  return view;
}

window.deepfabricGraph = { show };
