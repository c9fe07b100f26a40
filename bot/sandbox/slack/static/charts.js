// The data_visualization block as inline SVG: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
// Series differ in colour and in dash or marker. The legend or the table below the chart has every value.

import { h, s } from "./dom.js";
import { plainTable } from "./tables.js";
import { locale, t } from "./words.js";

const WIDTH = 520;
const HEIGHT = 240;
const EDGE = { top: 16, right: 12, bottom: 48, left: 44, title: 22 };
const GRID_LINES = 4; // about

const number = (value) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(value);

/** A chart with its title, legend and the same numbers as a table. */
export function chartBlock(block) {
  const { chart, title } = block;
  const drawing = chart.type === "pie" ? pie(chart) : axes(chart);
  const svg = s(
    "svg",
    {
      class: "chart",
      viewBox: `0 0 ${drawing.width} ${drawing.height}`,
      role: "img",
      "aria-label": t("{title}. De getallen staan in de tabel eronder.", { title }),
    },
    drawing.nodes,
  );
  return h(
    "figure",
    { class: `chart-figure chart-${chart.type}` },
    h("figcaption", {}, title),
    h("div", { class: "chart-body" }, svg, legend(drawing.legend, chart.type)),
    h("details", {}, h("summary", {}, t("Bekijk als tabel")), plainTable(title, drawing.head, drawing.rows)),
  );
}

function legend(entries, type) {
  const block = (at) =>
    s(
      "svg",
      { class: "swatch", viewBox: "0 0 12 12", "aria-hidden": "true" },
      s("rect", { width: 12, height: 12, rx: 2, class: `fill-${at % 6}` }),
    );
  const stroke = (at) =>
    s(
      "svg",
      { class: "swatch", viewBox: "0 0 28 12", "aria-hidden": "true" },
      s("line", { x1: 1, y1: 6, x2: 27, y2: 6, class: `stroke-${at % 6}` }),
      marker(14, 6, at),
    );
  const mark = type === "bar" ? block : stroke;
  return h(
    "ul",
    { class: "legend" },
    entries.map(([label, value], at) =>
      h("li", {}, mark(at), h("span", { dir: "auto" }, label), value && h("strong", {}, value)),
    ),
  );
}

function pie(chart) {
  const total = chart.segments.reduce((sum, segment) => sum + segment.value, 0) || 1;
  const share = (segment) => `${number(segment.value)} (${Math.round((segment.value / total) * 100)}%)`;
  let turned = 0;
  const nodes = chart.segments.map((segment, at) => {
    const start = turned;
    turned += segment.value / total;
    return s(
      "path",
      { d: slice(start, turned), class: `fill-${at % 6} slice` },
      s("title", {}, `${segment.label}: ${share(segment)}`),
    );
  });
  const rows = chart.segments.map((segment) => [segment.label, segment.value]);
  return {
    width: HEIGHT,
    height: HEIGHT,
    nodes,
    legend: chart.segments.map((segment) => [segment.label, share(segment)]),
    head: [t("Onderdeel"), t("Aantal")],
    rows,
  };
}

function slice(from, to) {
  const [centre, outer, inner] = [HEIGHT / 2, HEIGHT / 2 - 8, HEIGHT / 4 - 4];
  const end = Math.min(to, from + 0.99999);
  const at = (turn, radius) => {
    const angle = turn * 2 * Math.PI - Math.PI / 2;
    return `${(centre + radius * Math.cos(angle)).toFixed(2)} ${(centre + radius * Math.sin(angle)).toFixed(2)}`;
  };
  const large = end - from > 0.5 ? 1 : 0;
  return `M${at(from, outer)} A${outer} ${outer} 0 ${large} 1 ${at(end, outer)} L${at(end, inner)} A${inner} ${inner} 0 ${large} 0 ${at(from, inner)}Z`;
}

function axes(chart) {
  const categories = chart.axis_config?.categories ?? chart.series[0].data.map((point) => point.label);
  const values = chart.series.map((series) =>
    categories.map((label) => series.data.find((point) => point.label === label)?.value ?? 0),
  );
  const scale = scales(categories.length, values.flat());
  const draw = { bar: bars, line: lines, area: areas }[chart.type] ?? lines;
  return {
    width: WIDTH,
    height: HEIGHT - (chart.axis_config?.x_label ? 0 : EDGE.title),
    nodes: [
      grid(scale),
      categoryLabels(categories, scale),
      axisTitles(chart.axis_config ?? {}),
      draw(values, scale, chart.series),
    ],
    legend: chart.series.map((series) => [series.name, null]),
    head: [chart.axis_config?.x_label ?? t("Categorie"), ...chart.series.map((series) => series.name)],
    rows: categories.map((label, at) => [label, ...values.map((series) => series[at])]),
  };
}

function scales(columns, values) {
  const tick = niceStep(Math.max(1, ...values) - Math.min(0, ...values));
  const top = tick * Math.ceil(Math.max(1, ...values) / tick);
  const bottom = tick * Math.floor(Math.min(0, ...values) / tick);
  const plot = { width: WIDTH - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const step = plot.width / columns;
  return {
    top,
    bottom,
    tick,
    step,
    x: (at) => EDGE.left + step * (at + 0.5),
    y: (value) => EDGE.top + plot.height * (1 - (value - bottom) / (top - bottom)),
  };
}

function niceStep(range) {
  const power = 10 ** Math.floor(Math.log10(range / GRID_LINES));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step * GRID_LINES >= range);
}

function grid({ top, bottom, tick, y }) {
  return Array.from({ length: Math.round((top - bottom) / tick) + 1 }, (_, at) => bottom + tick * at).map(
    (value) => [
      s("line", { class: "grid-line", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }),
      s("text", { class: "tick", x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
    ],
  );
}

function categoryLabels(categories, { x }) {
  const every = Math.ceil(categories.length / 8);
  const y = HEIGHT - EDGE.bottom + 18;
  return s(
    "g",
    { class: "categories" },
    categories.map(
      (label, at) => at % every === 0 && s("text", { class: "tick", x: x(at), y, "text-anchor": "middle" }, label),
    ),
  );
}

function axisTitles({ x_label: x, y_label: y }) {
  return [
    x && s("text", { class: "axis-title", x: WIDTH / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x),
    y &&
      s(
        "text",
        {
          class: "axis-title",
          x: -(HEIGHT - EDGE.bottom + EDGE.top) / 2,
          y: 12,
          "text-anchor": "middle",
          transform: "rotate(-90)",
        },
        y,
      ),
  ];
}

function bars(values, { x, y, step }, series) {
  const width = (step * 0.7) / values.length;
  return values.map((points, at) =>
    points.map((value, column) => {
      const left = x(column) - step * 0.35 + at * width;
      const shape = {
        x: left,
        y: Math.min(y(value), y(0)),
        width: Math.max(1, width - 2),
        height: Math.abs(y(0) - y(value)),
        rx: 2,
      };
      return s(
        "rect",
        { ...shape, class: `fill-${at % 6}` },
        s("title", {}, `${series[at].name}: ${number(value)}`),
      );
    }),
  );
}

function lines(values, { x, y }, series) {
  return values.map((points, at) => [
    s("polyline", {
      class: `line stroke-${at % 6}`,
      points: points.map((value, column) => `${x(column)},${y(value)}`).join(" "),
    }),
    points.map((value, column) => marker(x(column), y(value), at, `${series[at].name}: ${number(value)}`)),
  ]);
}

function areas(values, scale, series) {
  const { x, y } = scale;
  const shape = (points) =>
    `${x(0)},${y(0)} ${points.map((value, at) => `${x(at)},${y(value)}`).join(" ")} ${x(points.length - 1)},${y(0)}`;
  return [
    values.map((points, at) => s("polygon", { class: `area fill-${at % 6}`, points: shape(points) })),
    lines(values, scale, series),
  ];
}

function marker(x, y, at, label = "") {
  const props = { class: `marker fill-${at % 6}` };
  const title = label && s("title", {}, label);
  if (at % 3 === 1) return s("rect", { ...props, x: x - 3.5, y: y - 3.5, width: 7, height: 7 }, title);
  if (at % 3 === 2) return s("path", { ...props, d: `M${x} ${y - 5} l5 9 h-10z` }, title);
  return s("circle", { ...props, cx: x, cy: y, r: 4 }, title);
}
