// The icons of the page, drawn on a grid of 24 as strokes.

import { s } from "./dom.js";

const PATHS = {
  arrow: ["M19 12H5", "M11 6l-6 6 6 6"],
  bolt: ["M13 3 5 14h6l-1 7 8-11h-6z"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  chat: ["M4 5h16v11H9l-5 4z"],
  chevron: ["M7 10l5 5 5-5"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M12 7.5V12l3 2"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  dots: ["M5.5 12h.01", "M12 12h.01", "M18.5 12h.01"],
  download: ["M12 4v11", "M7 11l5 5 5-5", "M5 20h14"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z"],
  error: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M9 9l6 6", "M15 9l-6 6"],
  eye: ["M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z", "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"],
  file: ["M6 3h8l4 4v14H6z", "M14 3v4h4"],
  hash: ["M9 4 7 20", "M17 4l-2 16", "M4.5 9h15", "M4 15h15"],
  home: ["M4 11l8-7 8 7", "M6 10v10h12V10", "M10 20v-6h4v6"],
  image: ["M4 5h16v14H4z", "M4 16l5-5 4 4 3-3 4 4", "M15 9h.01"],
  info: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z", "M12 11v5", "M12 8h.01"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  plaza: ["M4 20h16", "M6 20V10", "M10 20V10", "M14 20V10", "M18 20V10", "M3.5 10h17L12 4z"],
  reply: ["M9 7 4 12l5 5", "M4 12h9a7 7 0 0 1 7 7"],
  robot: ["M5 9h14v10H5z", "M12 9V5", "M12 5h.01", "M9.5 13v1.5", "M14.5 13v1.5"],
  send: ["M4 12 20 4l-5 16-3.5-6.5z", "M11.5 13.5 20 4"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M12 2.5v2", "M12 19.5v2", "M2.5 12h2", "M19.5 12h2", "M5.3 5.3l1.4 1.4", "M17.3 17.3l1.4 1.4", "M5.3 18.7l1.4-1.4", "M17.3 6.7l1.4-1.4"],
  trash: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  warning: ["M12 4 2.5 20h19z", "M12 10v4.5", "M12 17.5h.01"],
};

/** A decorative icon; what it means is said in the text or label beside it. */
export function icon(name, extra = "") {
  return s(
    "svg",
    { class: `icon ${extra}`.trim(), viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    PATHS[name].map((d) => s("path", { d })),
  );
}
