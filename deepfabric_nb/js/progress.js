import { element, say, show } from "./dom.js";
import { budget } from "./progress/budget.js";
import { failures, rejections, repairs } from "./progress/failures.js";
import { files, notices } from "./progress/files.js";
import { samples } from "./progress/samples.js";
import { facts, stages } from "./progress/stages.js";
import { stop } from "./progress/stop_button.js";

/** The live view of a run: everything is drawn from the `view` of the model, so a reload of the page loses nothing. */
function render({ model, el }) {
  const top = head();
  const stopper = stop(model);
  const parts = [top, stages(), budget(), notices(), facts(), files((link) => address(model, link)), failures(), rejections(), repairs(), samples()];
  const [, bars, limits, notes, figures, written, failed, refused, again, latest] = parts.map((part) => part.root);
  top.root.append(stopper.root);
  const left = element("div", { class: "dfn-column" }, bars, limits, notes, figures, written, failed, refused, again);
  const panes = element("div", { class: "dfn-panes" }, left, latest);
  const root = element("div", { class: "dfn", tabindex: "-1", role: "group" }, top.root, top.reason, stopper.hint, top.milestones, panes);

  function draw() {
    const view = model.get("view");
    if (!view?.headline) return;
    const focused = stopper.root.contains(document.activeElement);
    root.setAttribute("aria-label", `Run ${view.name}`.trim());
    root.dataset.phase = view.phase;
    root.dataset.ending = view.ending ?? "";
    for (const part of [...parts, stopper]) part.update(view);
    if (focused && view.phase === "over") root.focus({ preventScroll: true });
  }

  el.append(root);
  model.on("change:view", draw);
  draw();
  return () => {
    model.off("change:view", draw);
    stopper.dispose();
    root.remove();
  };
}

/** The headline. Its changes are announced to screen readers, and a warning when it comes; other updates are not. */
function head() {
  const headline = element("strong", { dir: "auto" });
  const name = element("span", { class: "dfn-name", dir: "auto" });
  const elapsed = element("span", { class: "dfn-elapsed" });
  const reason = element("p", { class: "dfn-reason", dir: "auto" });
  const milestones = element("div", { class: "dfn-unseen", "aria-live": "polite", role: "status" });
  let warned = false;

  /** Return what a view brings that is worth announcing, or "". */
  function news(view) {
    const warning = view.budget?.warning ?? "";
    const isNew = Boolean(warning) && !warned;
    warned = Boolean(warning);
    if (!headline.textContent) return "";
    return [view.headline === headline.textContent ? "" : view.headline, isNew ? warning : ""].filter(Boolean).join(". ");
  }

  return {
    milestones,
    reason,
    root: element("header", { class: "dfn-head" }, element("div", { class: "dfn-title" }, headline, name, elapsed)),
    update(view) {
      say(milestones, news(view) || milestones.textContent);
      say(reason, view.reason ?? "");
      show(reason, Boolean(view.reason));
      say(headline, view.headline);
      say(name, view.name);
      say(elapsed, view.elapsed);
    },
  };
}

/** Return the address at which the notebook serves a file, or "" if it doesn't. */
async function address(model, link) {
  return (await model.widget_manager?.resolveUrl?.(link)) ?? "";
}

export default { render };
