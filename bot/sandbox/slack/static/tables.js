// The table and data_table blocks:
// https://docs.slack.dev/reference/block-kit/blocks/table-block  …/data-table-block

import { h, spoken } from "./dom.js";
import { icon } from "./icons.js";
import { richText } from "./richtext.js";
import { locale, t } from "./words.js";

const PAGE_SIZE = 5; // Slack's default for data_table

const number = (value) => new Intl.NumberFormat(locale()).format(value);

/** A table block: the first row is its header. */
export function tableBlock(block, names) {
  const settings = block.column_settings ?? [];
  const classes = (at) =>
    `align-${settings[at]?.align ?? "left"} ${settings[at]?.is_wrapped ? "wrapped" : ""}`;
  const row = (cells, tag) =>
    h(
      "tr",
      {},
      cells.map((cell, at) =>
        h(tag, { class: classes(at), scope: tag === "th" ? "col" : null }, cellNodes(cell, names)),
      ),
    );
  const [head, ...body] = block.rows;
  return scrolling(
    t("Tabel"),
    h(
      "table",
      {},
      h("thead", {}, row(head, "th")),
      h(
        "tbody",
        {},
        body.map((cells) => row(cells, "td")),
      ),
    ),
  );
}

/** A data_table block, with a caption; a click on a column sorts it; it shows one page at a time. */
export function dataTable(block, names) {
  const [head, ...rows] = block.rows;
  const shown = { page: 0, column: null, descending: false };
  const body = h("tbody");
  const headers = head.map((cell, at) =>
    columnHeader(cell, at, names, (column) => sortBy(shown, column, draw)),
  );
  const pager = h("div", { class: "pager" });
  const size = block.page_size ?? PAGE_SIZE;
  const rowHeader = block.row_header_column_index ?? 0;
  const draw = () => {
    const sorted = sortedRows(rows, shown);
    const page = sorted.slice(shown.page * size, (shown.page + 1) * size);
    body.replaceChildren(
      ...page.map((cells) =>
        h(
          "tr",
          {},
          cells.map((cell, at) => dataCell(cell, at === rowHeader, names)),
        ),
      ),
    );
    headers.forEach((header, at) =>
      header.setAttribute(
        "aria-sort",
        at !== shown.column ? "none" : shown.descending ? "descending" : "ascending",
      ),
    );
    drawPager(pager, shown, Math.ceil(rows.length / size), draw);
  };
  draw();
  const table = h("table", {}, h("caption", {}, block.caption), h("thead", {}, h("tr", {}, headers)), body);
  return h("div", { class: "data-table" }, scrolling(block.caption, table), pager);
}

/** A table of texts and numbers: the data of a chart. */
export function plainTable(caption, head, rows) {
  const cell = (value, at) =>
    at === 0 ? h("th", { scope: "row" }, value) : h("td", { class: "align-right" }, number(value));
  const header = h(
    "tr",
    {},
    head.map((label, at) => h("th", { scope: "col", class: at ? "align-right" : null }, label)),
  );
  const body = rows.map((row) => h("tr", {}, row.map(cell)));
  return scrolling(
    caption,
    h("table", {}, h("caption", { class: "sr-only" }, caption), h("thead", {}, header), h("tbody", {}, body)),
  );
}

function scrolling(label, table) {
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": label }, table);
}

function cellNodes(cell, names) {
  if (cell.type === "rich_text") return richText(cell, names);
  if (cell.type === "raw_number") return cell.text ?? number(cell.value);
  return cell.text ?? "";
}

function dataCell(cell, isHeader, names) {
  const align = cell.type === "raw_number" ? "align-right" : null;
  return h(
    isHeader ? "th" : "td",
    { scope: isHeader ? "row" : null, class: align, dir: "auto" },
    cellNodes(cell, names),
  );
}

function columnHeader(cell, at, names, sort) {
  const button = h(
    "button",
    { type: "button", class: "sort", on: { click: () => sort(at) } },
    cellNodes(cell, names),
    icon("chevron"),
    spoken(t(", sorteer")),
  );
  return h("th", { scope: "col" }, button);
}

function sortBy(shown, column, draw) {
  shown.descending = shown.column === column && !shown.descending;
  shown.column = column;
  shown.page = 0;
  draw();
}

function sortedRows(rows, { column, descending }) {
  if (column === null) return rows;
  const key = (row) => row[column].value ?? row[column].text ?? "";
  const order = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), locale());
  return rows.toSorted((a, b) => order(key(a), key(b)) * (descending ? -1 : 1));
}

function drawPager(pager, shown, pages, draw) {
  if (pages < 2) return;
  const turn = (by) => () => {
    shown.page += by;
    draw();
    pager.querySelector("button:not(:disabled)").focus();
  };
  pager.replaceChildren(
    h(
      "button",
      { type: "button", class: "button small", disabled: shown.page === 0, on: { click: turn(-1) } },
      t("Vorige"),
    ),
    h("span", { "aria-live": "polite" }, t("Pagina {n} van {pages}", { n: shown.page + 1, pages })),
    h(
      "button",
      { type: "button", class: "button small", disabled: shown.page === pages - 1, on: { click: turn(1) } },
      t("Volgende"),
    ),
  );
}
