import { element, follow, say, show } from "../dom.js";

/** The latest samples, the newest first. The list doesn't change while it is hovered or focused. */
export function samples() {
  let latest = null;
  const held = new Set();
  const title = element("h4", {}, "Latest samples ");
  const waiting = element("span", { class: "dfn-count" });
  const topic = element("p", { class: "dfn-path", dir: "auto" });
  const list = element("div", { class: "dfn-samples", tabindex: "0", role: "group", "aria-label": "Latest samples" });
  const root = element("section", { "aria-label": "Latest samples" }, title, topic, list);
  title.append(waiting);

  const hold = (why) => () => held.add(why);
  const release = (why) => () => {
    held.delete(why);
    draw();
  };
  list.addEventListener("pointerenter", hold("pointer"));
  list.addEventListener("pointerleave", release("pointer"));
  list.addEventListener("focusin", hold("focus"));
  list.addEventListener("focusout", ({ relatedTarget }) => list.contains(relatedTarget) || release("focus")());

  function draw() {
    if (!latest) return;
    const newest = latest.samples[0]?.number ?? 0;
    if (held.size && list.newest && latest.phase !== "over") {
      say(waiting, newest > list.newest ? `held while you read, ${(newest - list.newest).toLocaleString("en")} more` : "");
      return;
    }
    say(waiting, "");
    list.newest = newest;
    follow(list, latest.samples, { key: (sample) => sample.number, make: sample });
  }

  return {
    root,
    update(view) {
      latest = view;
      draw();
      say(topic, view.topic ? `Latest topic: ${view.topic}` : "");
      show(topic, Boolean(view.topic));
      show(list, view.samples.length > 0);
      show(title, view.samples.length > 0);
      show(root, view.samples.length > 0 || Boolean(view.topic));
    },
  };
}

function sample() {
  const path = element("div", { class: "dfn-path", dir: "auto" });
  const question = clamped("dfn-question");
  const answer = clamped("dfn-answer");
  return {
    root: element("article", { class: "dfn-sample" }, path, question.root, answer.root),
    update(sample) {
      const attempts = sample.attempts > 1 ? ` · ${sample.attempts} attempts` : "";
      say(path, `${sample.number.toLocaleString("en")} · ${sample.path}${attempts}`);
      question.update(sample.question);
      answer.update(sample.answer);
    },
  };
}

/** A text of a few lines; if there are more, a button shows all of them. */
function clamped(name) {
  const text = element("div", { class: `dfn-text ${name}`, dir: "auto" });
  const more = element("button", { type: "button", class: "dfn-more", "aria-expanded": "false", click: toggle }, "Show all");
  more.hidden = true;

  function toggle() {
    const open = text.classList.toggle("dfn-open");
    more.setAttribute("aria-expanded", String(open));
    say(more, open ? "Show less" : "Show all");
  }

  function measure() {
    if (!text.classList.contains("dfn-open")) show(more, text.scrollHeight > text.clientHeight + 1);
  }

  if (globalThis.ResizeObserver) new ResizeObserver(measure).observe(text);
  return { root: element("div", {}, text, more), update: (content) => say(text, content) };
}
