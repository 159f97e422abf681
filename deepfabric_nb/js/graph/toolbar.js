import { element, show } from "../dom.js";
import { BY, choices } from "./colours.js";
import { icon } from "./icons.js";

const SHAPES = [
  ["map", "Mind map"],
  ["icicle", "Icicle: all levels as columns"],
  ["sunburst", "Sunburst: all levels as rings"],
];

/** The choice of the view, of the panels and of colours; zooming, full screen and saving a picture. */
export function toolbar(topics, state, act) {
  const button = (name, title, click, more = {}) => element("button", { type: "button", title, "aria-label": title, click, ...more }, icon(name));
  const shapes = SHAPES.map(([view, title]) => button(view, title, () => act.show(view), { "data-view": view }));
  const outline = button("outline", "Outline: topics as a list", () => act.showOutline(!state.outline));
  const panel = button("panel", "What is known of the selected topic", () => act.showPanel(!state.panel));
  const zoom = [
    button("out", "Smaller (Ctrl + wheel)", () => act.scale(1 / 1.3)),
    button("in", "Larger (Ctrl + wheel)", () => act.scale(1.3)),
    button("fit", "Show all", () => act.fit()),
  ];
  const full = button("full", "Full screen", () => act.full(), { "data-tool": "full" });
  const save = button("save", "Save as a picture", () => act.savePicture(save), { "aria-haspopup": "menu" });
  const colour = element("select", { "aria-label": "Colour by", title: "Colour by", change: () => act.colourBy(colour.value) });
  const group = (label, ...buttons) => element("div", { class: "dfg-choice", role: "group", "aria-label": label }, ...buttons);
  const scaling = group("Zoom", ...zoom);
  let offered = "";

  function offer() {
    const known = choices(topics);
    if (String(known) !== offered) {
      offered = String(known);
      colour.replaceChildren(...known.map((by) => element("option", { value: by }, BY[by].text)));
    }
    colour.value = state.colourBy;
    show(colour, known.length > 1);
  }

  return {
    root: element("div", { class: "dfg-tools" }, group("View", ...shapes), colour, group("Panels", outline, panel), scaling, group("Picture", full, save)),
    update() {
      if (topics.length) offer();
      else show(colour, false);
      for (const one of shapes) one.setAttribute("aria-pressed", String(one.dataset.view === state.view));
      outline.setAttribute("aria-pressed", String(state.outline));
      panel.setAttribute("aria-pressed", String(state.panel));
      full.setAttribute("aria-pressed", String(act.isFull()));
      show(scaling, state.view === "map");
    },
  };
}
