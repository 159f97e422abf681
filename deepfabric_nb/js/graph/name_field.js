import { element } from "../dom.js";

const BROADEST = 320;

/** A field over a topic's name in the picture, to give it another one: Enter saves, Escape and leaving it don't. */
export function nameField(place, saved, closed) {
  const field = element("input", { class: "dfg-name", type: "text", dir: "auto", maxlength: "2000", "aria-label": "New name", keydown: key, focusout: leave });
  field.hidden = true;
  place.append(field);
  let asked = null;

  function open(id, name, box) {
    asked = id;
    field.value = name;
    field.hidden = false;
    field.style.left = `${box.x}px`;
    field.style.top = `${box.y + box.h / 2 - 14}px`;
    field.style.width = `${Math.min(BROADEST, Math.max(box.w, 160))}px`;
    field.focus({ preventScroll: true });
    field.select();
  }

  function leave() {
    field.hidden = true;
    asked = null;
  }

  function key(event) {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    const [id, name] = [asked, field.value.trim()];
    leave();
    if (event.key === "Enter" && name) saved(id, name);
    closed();
  }

  return { open, field };
}
