/**
 * Make the module of a widget that is shown in the place of its static page, see `kernel/live_frame.py`.
 *
 * `mount(model)` returns `{ root, dispose }`, and `ready`, a promise, if the static page is to stay until then. It is
 * called once for each place where the widget is shown. When a place is drawn anew, its view moves there as it is.
 */
export function liveFrame(mount) {
  return () => ({
    initialize({ model }) {
      const name = model.get("frame");
      if (!name) return undefined;
      const views = new Set();
      const stop = whenAdded(`[data-deepfabric="${name}"]`, (place) => settle(views, place, () => mount(model)));
      return () => {
        stop();
        for (const view of views) view.dispose();
      };
    },
    render({ model, el }) {
      const view = mount(model);
      el.append(view.root);
      const stop = echo(model);
      return () => {
        stop();
        view.dispose();
      };
    },
  });
}

/** marimo runs the cells that use a widget when its page changes it, so the page counts what the kernel has changed. */
function echo(model) {
  const told = () => {
    model.set("changes", model.get("changes") + 1);
    model.save_changes();
  };
  const names = typeof model.get("changes") === "number" ? ["change:selected", "change:decisions"] : [];
  for (const name of names) model.on(name, told);
  return () => names.forEach((name) => model.off(name, told));
}

/** Show a view in a place: one whose place is gone, or else a new one. */
function settle(views, place, mount) {
  if ([...views].some((view) => view.place === place)) return;
  const view = [...views].find((one) => !one.place.isConnected) ?? settled(mount());
  views.add(view);
  view.place = place;
  view.show();
}

/** A view that remembers where its parts were scrolled to and what had the focus, which moving it forgets. */
function settled({ root, dispose, ready }) {
  const positions = new Map();
  let focused = null;
  root.addEventListener("scroll", ({ target }) => positions.set(target, [target.scrollLeft, target.scrollTop]), { capture: true, passive: true });
  root.addEventListener("focusin", ({ target }) => {
    focused = target;
    // Notebook 7 looks for this on the element itself, and else takes its keys before the view hears of them.
    if (target.closest("[data-lm-suppress-shortcuts]")) target.dataset.lmSuppressShortcuts = "true";
  });
  // An element that is taken out of the page with its view loses the focus just before.
  root.addEventListener("focusout", () => setTimeout(() => {
    if (root.isConnected && !root.contains(document.activeElement)) focused = null;
  }));
  let isReady = !ready;
  const view = {
    place: null,
    shown: null, // the static page that it replaced
    show() {
      if (!isReady) return;
      const [before, had] = [[...positions].filter(([part]) => root.contains(part)), focused];
      view.shown = [...view.place.childNodes];
      view.place.replaceChildren(root);
      for (const [part, [left, top]] of before) part.scrollTo(left, top);
      if (had && root.contains(had) && document.activeElement === document.body) had.focus({ preventScroll: true });
    },
    dispose() {
      dispose();
      if (view.shown && view.place.contains(root)) view.place.replaceChildren(...view.shown);
    },
  };
  ready?.then(() => {
    isReady = true;
    view.show();
  });
  return view;
}

/** Call back with each element that a selector finds, now or later; return a function that ends it. */
function whenAdded(selector, found) {
  const search = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.matches(selector)) found(node);
    else for (const one of node.querySelectorAll(selector)) found(one);
  };
  const observer = new MutationObserver((records) => {
    for (const { addedNodes } of records) for (const node of addedNodes) search(node);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  search(document.body);
  return () => observer.disconnect();
}
