import { Topics } from "./graph/topics.js";
import { topicGraph } from "./graph/view.js";
import { connect } from "./graph/sync.js";

/** The topic graph as a widget: one set of topics for each model, however many views show it. */
export default () => {
  const topics = new Topics();
  const views = new Set();
  let last = null; // edits and selection in the latest snapshot, for views that are added later

  function heard(message) {
    if (message.type === "snapshot") last = message;
    if (message.type === "select") last = { ...last, selected: message.ids };
    for (const view of views) view.heard(message);
  }

  return {
    initialize: ({ model }) => connect(model, topics, heard),
    render({ model, el }) {
      const view = topicGraph(topics, (message) => model.send(message));
      views.add(view);
      el.append(view.root);
      if (last) view.heard(last);
      if (last) view.heard({ type: "select", ids: last.selected });
      return () => {
        views.delete(view);
        view.dispose();
      };
    },
  };
};
