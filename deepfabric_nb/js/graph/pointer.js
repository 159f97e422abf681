// What the mouse, a finger or a pen does on the picture.

const AWAY = 4; // px; a smaller movement is a click
const WHEEL = 0.0022;
const DOUBLE = 400; // ms
const LONG = 500; // ms; a finger that rests so long opens the menu

/**
 * Listen to a canvas: clicks select, open and rename; on the mind map the background is moved, the wheel with Ctrl
 * zooms, Shift draws a lasso, and topics are dragged below another one. A finger moves the map, two zoom it, and one that
 * rests opens the menu. `pointed` is what the picture shows of it.
 */
export function pointer({ canvas, topics, state, act, pointed, picture, explain, redraw }) {
  let held = null; // where the button went down, what is there, and what it has become: "pan", "lasso", "drag" or "pinch"
  let timer = null;
  let resting = null; // the timer of a finger that rests
  let hasRested = false;
  const fingers = new Map(); // by id, where they are
  let swallowed = false; // the click that ends a movement

  const under = ({ offsetX, offsetY }) => picture().at(offsetX, offsetY);
  const isTopic = (hit) => hit && !hit.more && !hit.opens;

  function down(event) {
    swallowed = false;
    if (event.pointerType === "touch") touched(event);
    if (event.button || state.view !== "map" || fingers.size > 1) return;
    held = { x: event.offsetX, y: event.offsetY, hit: under(event), shift: event.shiftKey, how: null };
  }

  function touched(event) {
    fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    clearTimeout(resting);
    if (fingers.size === 1) resting = setTimeout(() => rested(event), LONG);
    else if (state.view === "map") held = { ...held, how: "pinch" };
  }

  function rested(event) {
    if (held?.how) return;
    menu(event);
    held = null;
    hasRested = true;
  }

  /** The end of a rest isn't a click beside the menu that it has opened. */
  function touchEnded(event) {
    if (hasRested) event.preventDefault();
    hasRested = false;
  }

  /** Zoom and move by two fingers, as far as one of them has moved. */
  function pinch({ pointerId, offsetX, offsetY }) {
    const before = fingers.get(pointerId);
    const other = [...fingers].find(([id]) => id !== pointerId)?.[1];
    if (!before || !other) return;
    const now = { x: offsetX, y: offsetY };
    fingers.set(pointerId, now);
    const apart = (one) => Math.max(10, Math.hypot(one.x - other.x, one.y - other.y));
    const { viewport } = picture();
    viewport.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    viewport.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    redraw();
  }

  function moved(event) {
    if (held?.how === "pinch") return pinch(event);
    if (held) return movedOn(event);
    if (event.pointerType === "touch") return;
    const hit = under(event);
    explain(hit, event);
    canvas.style.cursor = hit ? "pointer" : state.view === "map" ? "grab" : "default";
    point(isTopic(hit) ? hit.row : -1, hit && !isTopic(hit) ? hit.id : null);
  }

  function point(row, more = null) {
    if (row === pointed.hover && more === pointed.hoverMore) return;
    Object.assign(pointed, { hover: row, hoverMore: more });
    redraw();
  }

  function movedOn(event) {
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    if (!held.how && Math.hypot(dx, dy) < AWAY) return;
    held.how ??= begun(event);
    clearTimeout(resting);
    explain(null);
    if (held.how === "pan") pan(event, dx, dy);
    else if (held.how === "lasso") pointed.lasso = boxOf(held, event);
    else if (held.how === "drag") drag(event);
    redraw();
  }

  function begun(event) {
    try {
      canvas.setPointerCapture?.(event.pointerId);
    } catch {
      // The pointer is gone already.
    }
    if (isTopic(held.hit) && held.hit.row !== 0 && act.move && event.pointerType !== "touch") return "drag";
    return held.shift && !held.hit ? "lasso" : "pan";
  }

  function pan(event, dx, dy) {
    canvas.style.cursor = "grabbing";
    picture().viewport.pan(dx, dy);
    Object.assign(held, { x: event.offsetX, y: event.offsetY });
  }

  function drag(event) {
    const { row } = held.hit;
    const rows = state.selected.includes(row) ? state.selected : [row];
    const hit = under(event);
    pointed.target = isTopic(hit) && !rows.some((one) => topics.isWithin(hit.row, one)) ? hit.row : -1;
    pointed.dragged = { row, x: event.offsetX, y: event.offsetY, count: rows.length };
    canvas.style.cursor = pointed.target < 0 ? "no-drop" : "copy";
  }

  function up(event) {
    const { how, hit } = held ?? {};
    if (how) swallowed = true;
    lifted(event);
    if (how === "pinch" && fingers.size) return;
    if (how) act.hold();
    if (how === "drag" && pointed.target >= 0) {
      const rows = state.selected.includes(hit.row) ? state.selected : [hit.row];
      act.move(rows, pointed.target);
    } else if (how === "lasso") act.selectAll(picture().within(boxOf(held, event)));
    cancelled();
  }

  function lifted({ pointerId }) {
    clearTimeout(resting);
    fingers.delete(pointerId);
  }

  function cancelled(event) {
    if (event) lifted(event);
    held = null;
    Object.assign(pointed, { lasso: null, dragged: null, target: -1 });
    redraw();
  }

  function clicked(event) {
    if (swallowed) return void (swallowed = false);
    const hit = under(event);
    explain(null);
    act.hold();
    if (!hit) return act.selectAll([]);
    if (isTopic(hit)) chosen(hit.row, event);
    else opened(hit);
  }

  function chosen(row, event) {
    act.select(row, { add: event.ctrlKey || event.metaKey, range: event.shiftKey });
    clearTimeout(timer);
    // Not before a double click is over, since its second click is meant for the same place.
    if (state.view === "map") timer = setTimeout(() => act.uncover(row), DOUBLE);
  }

  /** Open a branch that is folded, or show more of a list. */
  function opened(hit) {
    if (state.view === "map") act.unfold(hit.row, hit.id);
    else if (hit.to) act.page(topics.ids[hit.row], hit.to);
    else act.zoom(hit.row);
  }

  function twice(event) {
    const hit = under(event);
    if (!isTopic(hit)) return;
    if (state.view === "map" && act.renameAt) act.renameAt(hit.row);
    else act.zoom(hit.row === state.focus ? topics.parent[hit.row] : hit.row);
  }

  function menu(event) {
    const hit = under(event);
    event.preventDefault();
    event.stopPropagation(); // Jupyter has a menu of its own
    clearTimeout(resting);
    explain(null);
    if (isTopic(hit) && !state.selected.includes(hit.row)) act.select(hit.row);
    act.menu(isTopic(hit) ? hit.row : -1, event.offsetX, event.offsetY);
  }

  function wheel(event) {
    if (state.view !== "map" || !(event.ctrlKey || event.metaKey || act.isFull())) return;
    event.preventDefault();
    picture().viewport.zoom(Math.exp(-event.deltaY * WHEEL * (event.deltaMode ? 16 : 1)), event.offsetX, event.offsetY);
    redraw();
  }

  function left() {
    explain(null);
    point(-1);
  }

  const listeners = {
    ...{ pointerdown: down, pointermove: moved, pointerup: up, pointercancel: cancelled, pointerleave: left },
    ...{ mousedown: keptFromJupyter, click: clicked, dblclick: twice, contextmenu: menu },
  };
  for (const [name, listener] of Object.entries(listeners)) canvas.addEventListener(name, listener);
  canvas.addEventListener("touchend", touchEnded, { passive: false });
  canvas.addEventListener("wheel", wheel, { passive: false });
  return {
    dispose() {
      clearTimeout(timer);
      clearTimeout(resting);
      cancelled();
    },
  };
}

/** With Shift, Jupyter would select all cells up to this one, which would then run together. */
function keptFromJupyter(event) {
  if (!event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
}

function boxOf(from, { offsetX, offsetY }) {
  const [x, y] = [Math.min(from.x, offsetX), Math.min(from.y, offsetY)];
  return { x, y, w: Math.abs(from.x - offsetX), h: Math.abs(from.y - offsetY) };
}
