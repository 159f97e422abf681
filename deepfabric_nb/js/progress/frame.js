import { element, say, show } from "../dom.js";
import { samplesView } from "../samples/view.js";
import { budget } from "./budget.js";
import { failures, rejections, repairs } from "./failures.js";
import { files, notices } from "./files.js";
import { growth } from "./growth.js";
import { headline } from "./headline.js";
import { facts, stages } from "./stages.js";
import { stop } from "./stop_button.js";

const PATIENCE = 1500; // ms for which a static page stays at most until the samples are there

/**
 * The frame of a run: a line above, and below it the samples as they come, to be read and reviewed at any time. When the
 * run is over only the line changes. Everything but the samples is drawn from the `view` of the model.
 */
export function runFrame(model) {
  let opened = ""; // the part that was opened: failures, rejected or details
  let isDead = false;
  const samples = model.get("view")?.has_samples ? samplesView(model) : null;
  const button = (text, click, name = "dfr-button") => element("button", { type: "button", class: name, click }, text);
  const open = (what) => {
    opened = opened === what ? "" : what;
    draw();
  };
  const more = button("Details", () => open("details"));
  const report = button("Report", () => open("report"));
  const review = button("Review", () => samples.review(), "dfr-button dfr-primary");
  const stopper = stop(model);
  const head = headline({ opens: open, buttons: [more, report, review, stopper.root] });
  const again = button("Try these again", tryAgain);
  const [failed, rejected, details] = [failures(), rejections(), detailsOf(model)];
  const reason = element("p", { class: "dfn-reason", dir: "auto" });
  const warning = element("p", { class: "dfn-warning", dir: "auto" });
  const next = element("p", { class: "dfr-next", dir: "auto" }, element("span"), " ", element("code"));
  const told = notices();
  const [failedPart, rejectedPart, reportPart] = [[failed.root, again], [rejected.root], [reportText()]].map((content) => element("section", { class: "dfr-fold" }, ...content));
  const topics = growth();
  const body = element("div", { class: "dfr-body" }, topics.root, ...(samples ? [samples.root] : []));
  const milestones = element("div", { class: "dfn-unseen", "aria-live": "polite", role: "status" });
  const root = element("div", { class: "dfn dfr", tabindex: "-1", role: "group" }, head.root, reason, stopper.hint, warning, next, failedPart, rejectedPart, reportPart, details.root, body, told.root, milestones);
  const news = newsOf();

  function draw() {
    const known = model.get("view");
    if (!known?.headline) return;
    const view = isDead && known.phase !== "over" ? { ...known, phase: "over", headline: "The kernel has restarted or ended", head: { ...known.head, bar: null }, was: known.head.bar } : known;
    const isOver = view.phase === "over";
    const focused = stopper.root.contains(document.activeElement);
    root.setAttribute("aria-label", `Run ${view.name}`.trim());
    Object.assign(root.dataset, { phase: view.phase, ending: view.ending ?? "", kernel: isDead ? "dead" : "alive" });
    head.update(view, opened);
    for (const part of [stopper, failed, rejected, details, topics]) part.update(view);
    told.update({ notices: isOver && !isDead ? view.notices.filter((notice) => !view.resume || !notice.includes(view.resume)) : [] });
    drawTexts(view, isOver);
    drawFolds(view, isOver);
    samples?.setLive(!isOver);
    if (focused && isOver) root.focus({ preventScroll: true });
  }

  function drawTexts(view, isOver) {
    say(milestones, news(view) || milestones.textContent);
    for (const [part, text] of [[reason, view.reason], [warning, view.budget?.warning]]) {
      say(part, text ?? "");
      show(part, Boolean(text));
    }
    const [words, command] = next.children;
    say(words, "Go on with:");
    say(command, view.resume);
    show(next, isOver && Boolean(view.resume));
  }

  function drawFolds(view, isOver) {
    const isThere = { failures: view.failures.length > 0, rejected: (view.rejected ?? []).length > 0, report: isOver, details: true };
    if (!isThere[opened]) opened = "";
    for (const [part, name] of [[failedPart, "failures"], [rejectedPart, "rejected"], [reportPart, "report"], [details.root, "details"]]) show(part, opened === name);
    for (const [one, name] of [[more, "details"], [report, "report"]]) one.setAttribute("aria-expanded", String(opened === name));
    show(report, isOver && view.rows > 0 && !isDead);
    show(review, isOver && view.rows > 0 && !isDead);
    show(again, isOver && view.can_try_again && !isDead);
    say(reportPart.querySelector("code"), `%deepfabric report ${view.name}`);
    const hasRows = view.rows > 0 || view.samples.length > 0;
    show(topics.root, !isOver && !hasRows);
    if (samples) show(samples.root, hasRows);
    show(body, view.has_samples && (!isOver || hasRows));
  }

  function tryAgain() {
    model.send({ type: "try_again" });
    open("");
  }

  function lost() {
    isDead = true;
    draw();
  }

  model.on("change:view", draw);
  model.on("comm_live_update", lost);
  draw();
  return {
    root,
    ready: samples && model.get("view").phase === "over" ? Promise.race([samples.ready, new Promise((resolve) => setTimeout(resolve, PATIENCE))]) : undefined,
    dispose() {
      model.off("change:view", draw);
      model.off("comm_live_update", lost);
      stopper.dispose();
      samples?.dispose();
      root.remove();
    },
  };
}

/** Return what tells the news of a view that are worth announcing: another headline, or the first warning. */
function newsOf() {
  let [headline, warned] = ["", false];
  return (view) => {
    const warning = view.budget?.warning ?? "";
    const [isOther, isWarned] = [view.headline !== headline, Boolean(warning) && !warned];
    const isFirst = !headline;
    [headline, warned] = [view.headline, Boolean(warning)];
    return isFirst ? "" : [isOther ? view.headline : "", isWarned ? warning : ""].filter(Boolean).join(". ");
  };
}

function reportText() {
  return element("p", { class: "dfr-next" }, "A report on topics, lengths, repetitions, checks, scores and cost, in a cell: ", element("code"));
}

/** What is opened when one wants to know more: rates, facts, limits, notes and files. */
function detailsOf(model) {
  const [left, right] = [
    [stages(), budget(), notices()],
    [facts(), files((link) => address(model, link)), repairs()],
  ];
  const columns = [left, right].map((parts) => element("div", { class: "dfn-column" }, ...parts.map((part) => part.root)));
  return {
    root: element("div", { class: "dfr-fold dfr-details", role: "group", "aria-label": "Details" }, ...columns),
    update(view) {
      for (const part of [...left, ...right]) part.update(view);
    },
  };
}

/** Return the address at which the notebook serves a file, or "" if it doesn't. */
async function address(model, link) {
  return (await model.widget_manager?.resolveUrl?.(link)) ?? "";
}
