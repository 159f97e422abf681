import { describe, element, say, show } from "../dom.js";

export const ANSWER_WITHIN = 800;

const OWN = {
  idle: "Stop",
  asked: "Stopping…",
  title: "Stop: calls in flight finish, finished samples are kept",
  hint: "Calls in flight finish, finished samples are kept. To leave at once, press the notebook's interrupt button (■).",
};
const WATCHED = {
  idle: "Stop watching",
  asked: "Stop watching",
  title: "Stop watching: the run itself goes on where it was started",
  hint: "The run itself goes on where it was started.",
};
const NOT_HEARD = "The kernel is busy and can't be reached from here. Press the notebook's interrupt button (■).";

/**
 * The Stop button. It sends a message to the run; if there is no answer, it interrupts the kernel; if that isn't
 * possible, it advises to press the notebook's own button.
 */
export function stop(model) {
  let view = null;
  let asked = null; // the run that was asked to stop
  let timer = null;
  let unheard = false;
  const button = element("button", { type: "button", class: "dfn-stop", title: OWN.title, click: ask });
  const hint = element("span", { class: "dfn-hint", role: "status" });
  const root = element("div", { class: "dfn-stopper" }, button);

  function ask() {
    if (view?.phase !== "running" || (asked === view.run && !unheard)) return;
    asked = view.run;
    unheard = false;
    clearTimeout(timer);
    timer = setTimeout(interrupt, ANSWER_WITHIN, asked);
    try {
      model.send({ type: "stop", run: asked });
    } catch {
      // The connection is gone; the timer tries the other ways.
    }
    draw();
  }

  function answered(message) {
    if (message?.type !== "stopping" || message.run !== view?.run) return;
    clearTimeout(timer);
    asked = message.run;
    unheard = false;
    draw();
  }

  async function interrupt(run) {
    if (view?.phase !== "running" || view.run !== run) return;
    try {
      const kernel = model.widget_manager?.kernel;
      if (!kernel?.interrupt) throw new Error("no kernel to interrupt");
      await kernel.interrupt();
    } catch {
      unheard = asked === run && view.phase === "running";
      draw();
    }
  }

  function draw() {
    const over = view.phase === "over";
    const stopping = view.phase === "stopping" || asked === view.run;
    const words = view.watched ? WATCHED : OWN;
    describe(button, { title: words.title });
    say(button, stopping && !unheard ? words.asked : words.idle);
    button.setAttribute("aria-disabled", String(stopping && !unheard));
    show(button, !over);
    say(hint, over || !stopping ? "" : unheard ? NOT_HEARD : words.hint);
    describe(hint, { title: hint.textContent });
    hint.toggleAttribute("data-unheard", unheard);
    show(hint, !over && stopping);
  }

  model.on("msg:custom", answered);
  return {
    root,
    hint,
    update(next) {
      view = next;
      if (view.phase !== "running") {
        clearTimeout(timer);
        unheard = false;
      }
      draw();
    },
    dispose() {
      clearTimeout(timer);
      model.off("msg:custom", answered);
    },
  };
}
