// Icons drawn as lines, 16 by 16.

const NS = "http://www.w3.org/2000/svg";
const PATHS = {
  map: ["M1.5 8h3", "M4.5 8c3 0 2-4.5 5-4.5", "M4.5 8c3 0 2 4.5 5 4.5", "M4.5 8h5", "M9.5 2h5v3h-5z", "M9.5 6.5h5v3h-5z", "M9.5 11h5v3h-5z"],
  icicle: ["M1.5 2h13v12h-13z", "M6 2v12", "M10.5 2v12", "M6 8h4.5", "M10.5 5h4", "M10.5 11h4"],
  sunburst: ["M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13", "M8 5.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5", "M8 1.5v4", "M2.4 11.3l3.4-2", "M13.6 11.3l-3.4-2"],
  outline: ["M2 3h8", "M5 6.5h9", "M5 10h7", "M2 13.5h9"],
  panel: ["M1.5 2.5h13v11h-13z", "M10 2.5v11"],
  out: ["M3 8h10"],
  in: ["M3 8h10", "M8 3v10"],
  fit: ["M2 6v-4h4", "M10 2h4v4", "M14 10v4h-4", "M6 14h-4v-4", "M6 6h4v4h-4z"],
  full: ["M9.5 2h4.5v4.5", "M14 2l-5 5", "M6.5 14h-4.5v-4.5", "M2 14l5-5"],
  save: ["M8 2v8", "M4.5 7l3.5 3.5l3.5-3.5", "M2.5 13.5h11"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
};

/** Return an icon; what it means must be said by the element around it. */
export function icon(name) {
  const svg = document.createElementNS(NS, "svg");
  const looks = { viewBox: "0 0 16 16", width: 16, height: 16, fill: "none", stroke: "currentColor", "stroke-width": 1.3 };
  for (const [key, value] of Object.entries({ ...looks, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) {
    svg.setAttribute(key, String(value));
  }
  for (const d of PATHS[name]) {
    const path = document.createElementNS(NS, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
