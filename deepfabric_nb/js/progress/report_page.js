// The report as a page of its own. It can do nothing: neither run a script nor load or send anything.

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const STYLE = "html,body,iframe{width:100%;height:100%;margin:0;border:0;display:block}";

/** Ask the kernel for the report of a run, and show it in a new tab. `instead` is called if that doesn't come about. */
export function reportPages(model, instead) {
  let tab = null;
  let address = "";

  function heard(message) {
    if (!tab || !["report", "refused"].includes(message?.type)) return;
    const [opened, html] = [tab, message.html];
    tab = null;
    if (message.type === "refused" || typeof html !== "string") {
      opened.close();
      instead();
      return;
    }
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([pageOf(html)], { type: "text/html" }));
    opened.location = address;
  }

  model.on("msg:custom", heard);
  return {
    /** Return whether there is a tab for it; some front ends open none. */
    ask() {
      if (tab && !tab.closed) return true;
      tab = globalThis.open?.("", "_blank") ?? null;
      if (!tab) return false;
      tab.opener = null;
      tab.document.title = "Report";
      tab.document.body.textContent = "The report comes as soon as the kernel has made it.";
      model.send({ type: "report" });
      return true;
    },
    dispose: () => model.off("msg:custom", heard),
  };
}

/** Return a page that holds another one in a frame without any rights. */
export function pageOf(html) {
  const text = html.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const head = `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><title>Report</title><style>${STYLE}</style>`;
  return `<!doctype html>${head}<iframe sandbox title="Report" srcdoc="${text}"></iframe>`;
}
