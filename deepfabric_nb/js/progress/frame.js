import { describe, element, say, show } from "../dom.js";
import { askingUntilAnswered } from "../asking.js";
import { samplesView } from "../samples/view.js";
import { budget } from "./budget.js";
import { failures, rejections, repairs } from "./failures.js";
import { files, notices } from "./files.js";
import { growth } from "./growth.js";
import { headline } from "./headline.js";
import { reportPages } from "./report_page.js";
import { facts, stages } from "./stages.js";
import { stop } from "./stop_button.js";

const PATIENCE = 1500; // ms for which a static page stays at most until the samples are there

const KERNEL_GONE = "The kernel has restarted or ended";
const WAIT_TITLE = "Failed samples can be tried again when the run is over";

/**
 * The frame of a run: a line above, and below it the samples as they come, to be read and reviewed at any time. When the
 * run is over only the line changes, and nothing moves. Everything but the samples is drawn from the `view` of the model.
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
  const report = button("Report", () => reports.ask() || open("report"));
  const exporting = button("Export", () => open("export"));
  const review = button("Review", () => samples.review(), "dfr-button dfr-primary");
  const stopper = stop(model);
  const head = headline({ opens: open, buttons: [more, report, exporting, review, stopper.root], hint: stopper.hint });
  const again = button("Try these again", tryAgain);
  const [failed, rejected, details] = [failures(again), rejections(), detailsOf(model)];
  const reports = reportPages(model, () => open("report"));
  const warning = element("p", { class: "dfn-warning", dir: "auto" });
  const telling = { report: reportText(), export: exportText() };
  const [failedPart, rejectedPart, reportPart, exportPart] = [failed.root, rejected.root, telling.report.root, telling.export.root].map((content) => element("section", { class: "dfr-fold" }, content));
  const topics = growth();
  const body = element("div", { class: "dfr-body" }, topics.root, ...(samples ? [samples.root] : []));
  const milestones = element("div", { class: "dfn-unseen", "aria-live": "polite", role: "status" });
  const root = element("div", { class: "dfn dfr", tabindex: "-1", role: "group" }, head.root, warning, failedPart, rejectedPart, reportPart, exportPart, details.root, body, milestones);
  const news = newsOf();

  function draw() {
    const known = model.get("view");
    if (!known?.headline) return;
    const view = isDead && known.phase !== "over" ? { ...known, phase: "over", headline: KERNEL_GONE, head: { ...known.head, bar: null }, was: known.head.bar } : known;
    const isOver = view.phase === "over";
    const focused = stopper.root.contains(document.activeElement);
    root.setAttribute("aria-label", `Run ${view.name}`.trim());
    Object.assign(root.dataset, { phase: view.phase, ending: view.ending ?? "", kernel: isDead ? "dead" : "alive" });
    const noted = isOver && !isDead ? view.notices.filter((notice) => !view.resume || !notice.includes(view.resume)) : [];
    head.update(view, wayOn(view, isOver, isDead), noted, opened);
    for (const part of [...Object.values(telling), stopper, failed, rejected, details, topics]) part.update(view);
    drawTexts(view);
    drawFolds(view, isOver);
    samples?.setLive(!isOver);
    if (focused && isOver) root.focus({ preventScroll: true });
  }

  function drawTexts(view) {
    say(milestones, news(view) || milestones.textContent);
    say(warning, view.budget?.warning ?? "");
    show(warning, Boolean(view.budget?.warning));
  }

  function drawFolds(view, isOver) {
    const isThere = { failures: view.failures.length > 0, rejected: (view.rejected ?? []).length > 0, report: isOver, export: isOver, details: true };
    if (!isThere[opened]) opened = "";
    for (const [part, name] of [[failedPart, "failures"], [rejectedPart, "rejected"], [reportPart, "report"], [exportPart, "export"], [details.root, "details"]]) show(part, opened === name);
    for (const [one, name] of [[more, "details"], [report, "report"], [exporting, "export"]]) one.setAttribute("aria-expanded", String(opened === name));
    for (const one of [report, exporting, review]) show(one, isOver && view.rows > 0 && !isDead);
    const canTry = isOver && view.can_try_again && !isDead;
    show(again, canTry || (view.has_samples && !view.watched));
    describe(again, { "aria-disabled": String(!canTry), title: canTry || isOver ? "" : WAIT_TITLE });
    const hasRows = view.rows > 0 || view.samples.length > 0;
    show(topics.root, !isOver && !hasRows);
    if (samples) show(samples.root, hasRows);
    show(body, view.has_samples && (!isOver || hasRows));
  }

  function tryAgain() {
    if (again.getAttribute("aria-disabled") === "true") return;
    model.send({ type: "try_again" });
    open("");
  }

  function lost() {
    isDead = true;
    asking.dispose();
    draw();
  }

  // What changed while the page was loaded isn't lost, above all the end of the run.
  const asking = askingUntilAnswered(() => model.send({ type: "resync" }));
  const heard = (told) => told?.type === "synced" && asking.answered();

  model.on("change:view", draw);
  model.on("msg:custom", heard);
  model.on("comm_live_update", lost);
  draw();
  if (model.get("view")?.phase !== "over") asking.start();
  return {
    root,
    ready: samples && model.get("view").phase === "over" ? Promise.race([samples.ready, new Promise((resolve) => setTimeout(resolve, PATIENCE))]) : undefined,
    dispose() {
      asking.dispose();
      model.off("change:view", draw);
      model.off("msg:custom", heard);
      model.off("comm_live_update", lost);
      stopper.dispose();
      reports.dispose();
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

/** Return how to go on: some words and a command. When the kernel is gone they say so, unless the headline does. */
function wayOn({ resume, commands, headline: text, rows, phase }, isOver, isDead) {
  const gone = isDead && phase === "over" && text !== KERNEL_GONE ? `${KERNEL_GONE}. ` : "";
  if (isOver && resume) return [`${gone}Go on with:`, resume];
  return gone && rows > 0 ? [`${gone}Open again:`, commands?.samples ?? ""] : ["", ""];
}

function reportText() {
  return command("A report on topics, lengths, repetitions, checks, scores and cost, in a cell:", "report");
}

function exportText() {
  const parts = [command("What wasn't rejected, as it was edited, in a cell:", "accepted"), command("In the formats of trainers, in a terminal:", "export")];
  return { root: element("div", {}, ...parts.map((part) => part.root)), update: (view) => parts.forEach((part) => part.update(view)) };
}

/** Words with one of the commands of a run. */
function command(words, name) {
  const code = element("code");
  return { root: element("p", { class: "dfr-next" }, words, " ", code), update: ({ commands }) => say(code, commands?.[name] ?? "") };
}

/** What is opened when one wants to know more: rates, facts, limits, notes and files. */
function detailsOf(model) {
  const [left, right] = [
    [stages(), reasonOf(), budget(), notices()],
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

function reasonOf() {
  const root = element("p", { dir: "auto" });
  return {
    root,
    update({ reason }) {
      say(root, reason ?? "");
      show(root, Boolean(reason));
    },
  };
}

/** Return the address at which the notebook serves a file, or "" if it doesn't. */
async function address(model, link) {
  return (await model.widget_manager?.resolveUrl?.(link)) ?? "";
}
