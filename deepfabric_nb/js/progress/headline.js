import { describe, element, follow, say, show } from "../dom.js";

/**
 * The two lines above everything: what goes on or was made, and what can be done; below it what it takes, and when it is
 * over how to go on. They are as high at any time. `opens(name)` opens or closes a part of the frame, `buttons` stand at
 * the end of the first line, `hint` in the second.
 */
export function headline({ opens, buttons, hint }) {
  const title = element("strong", { dir: "auto" });
  const name = element("span", { class: "dfr-name", dir: "auto" });
  const chips = element("div", { class: "dfr-chips" });
  const [done, failed] = ["dfn-done", "dfn-failed"].map((part) => element("span", { class: part }));
  const bar = element("div", { class: "dfr-bar", role: "progressbar", "aria-valuemin": "0" }, done, failed);
  const [count, left, money] = ["", "dfr-quiet", ""].map((part) => element("span", { class: part }));
  const expected = element("span", { class: "dfr-quiet" });
  const spent = element("span", {}, money, " ", expected);
  const figures = element("div", { class: "dfr-figures" }, count, left, spent);
  const totals = element("span", { class: "dfr-quiet dfr-totals" });
  const [words, command] = [element("span"), element("code")];
  const next = element("span", { class: "dfr-next", dir: "auto" }, words, " ", command);
  const reason = element("span", { class: "dfn-reason", dir: "auto" });
  const notes = element("span", { class: "dfr-quiet dfr-notes", dir: "auto" });
  const called = element("div", { class: "dfr-called" }, title, name);
  const line = element("div", { class: "dfr-line" }, bar, figures, hint, totals, next, reason, notes);
  const root = element("header", { class: "dfr-head" }, called, chips, element("div", { class: "dfr-buttons" }, ...buttons), line);
  return {
    root,
    update({ headline: text, name: called, head, reason: why }, [how, what], noted, opened) {
      for (const [part, told] of [[title, text], [name, called], [reason, why ?? ""], [notes, noted.join(" · ")]]) tell(part, told);
      for (const [part, told] of [[words, how], [command, what]]) say(part, told);
      next.title = `${how} ${what}`.trim();
      show(next, Boolean(next.title));
      show(reason, Boolean(why));
      show(notes, noted.length > 0);
      follow(chips, head.chips.map((one) => ({ ...one, opened: opened === one.opens })), { key: (one) => `${one.opens} ${one.kind}`, make: () => chip(opens) });
      show(chips, head.chips.length > 0);
      drawBar(head.bar);
      say(money, head.money);
      say(expected, head.expected);
      show(spent, Boolean(head.money));
      say(totals, head.totals);
      show(totals, Boolean(head.totals));
    },
  };

  function drawBar(shown) {
    for (const part of [bar, figures]) show(part, Boolean(shown));
    if (!shown) return;
    done.style.width = `${shown.total ? (100 * shown.done) / shown.total : 100}%`;
    failed.style.width = `${shown.total ? (100 * shown.failed) / shown.total : 0}%`;
    say(count, shown.count);
    say(left, shown.left);
    show(left, Boolean(shown.left));
    describe(bar, {
      "aria-label": shown.label,
      "aria-valuenow": String(shown.total ? shown.done : 1),
      "aria-valuemax": String(shown.total || 1),
      "aria-valuetext": [shown.count, shown.failed ? `${shown.failed.toLocaleString("en")} failed` : ""].filter(Boolean).join(", "),
    });
  }
}

/** Set a text that may be cut where there is little room. */
function tell(part, text) {
  say(part, text);
  describe(part, { title: text });
}

/** A few words; if they open something, a button. */
function chip(opens) {
  let what = "";
  let root = element("span", { class: "dfr-chip" });
  return {
    get root() {
      return root;
    },
    update(one) {
      if (one.opens && !what) {
        what = one.opens;
        const button = element("button", { type: "button", class: "dfr-chip", click: () => opens(what) });
        root.replaceWith(button);
        root = button;
      }
      if (what) describe(root, { "aria-expanded": String(one.opened) });
      root.dataset.kind = one.kind;
      say(root, one.text);
    },
  };
}
