import { Topics } from "./graph/topics.js";
import { sampleCards } from "./graph/sample_cards.js";
import { topicGraph } from "./graph/view.js";
import { connect } from "./graph/sync.js";
import { liveFrame } from "./live_frame.js";

/** The topic graph as a widget: one set of topics for each model, however many views show it. */
export default () => {
  const topics = new Topics();
  const views = new Set();
  let last = null; // edits and selection in the latest snapshot, for views that are added later

  function heard(message) {
    if (message.type === "picture") return void [...views].at(-1)?.answer(message);
    if (message.type === "snapshot") last = message;
    if (message.type === "select") last = { ...last, selected: message.ids };
    for (const view of views) view.heard(message);
  }

  const frame = liveFrame((model) => {
    const send = (message, buffers) => model.send(message, undefined, buffers);
    const view = topicGraph(topics, send, sampleCards(topics, send));
    views.add(view);
    if (last) view.heard(last);
    if (last) view.heard({ type: "select", ids: last.selected });
    return {
      root: view.root,
      dispose() {
        views.delete(view);
        view.dispose();
      },
    };
  })();

  return {
    initialize({ model }) {
      const ends = [connect(model, topics, heard), frame.initialize({ model })];
      return () => ends.forEach((end) => end?.());
    },
    render: frame.render,
  };
};
