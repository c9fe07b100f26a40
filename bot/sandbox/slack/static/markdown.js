// The markdown block (ordinary Markdown, a subset): https://docs.slack.dev/reference/block-kit/blocks/markdown-block

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link } from "./mrkdwn.js";
import { t } from "./words.js";

const INLINE = [
  [/`([^`\n]+)`/, (m) => h("code", {}, m[1])],
  [/!?\[([^\]\n]*)\]\(([^()\s]+)\)/, (m) => link(m[2], m[1] || m[2])],
  [/\*\*([^\n]+?)\*\*|__([^\n]+?)__/, (m) => h("strong", {}, inline(m[1] ?? m[2]))],
  [/~~([^\n]+?)~~/, (m) => h("s", {}, inline(m[1]))],
  [
    /\*([^\s*][^*\n]*)\*|(?<![\p{L}\p{N}])_([^\s_][^_\n]*)_(?![\p{L}\p{N}])/u,
    (m) => h("em", {}, inline(m[1] ?? m[2])),
  ],
];

const BLOCKS = [
  { is: /^```/, take: fenced },
  { is: /^#{1,6}\s/, take: heading },
  { is: /^(-{3,}|\*{3,})\s*$/, take: (rows) => (rows.shift(), h("hr")) },
  {
    is: /^>/,
    take: (rows) =>
      h("blockquote", { dir: "auto" }, blocks(run(rows, /^>/).map((r) => r.replace(/^> ?/, "")))),
  },
  { is: /^\s*[-*+]\s+/, take: (rows) => list("ul", rows, /^\s*[-*+]\s+/) },
  { is: /^\s*\d+[.)]\s+/, take: (rows) => list("ol", rows, /^\s*\d+[.)]\s+/) },
  { is: /^\|.*\|\s*$/, take: table },
];

/** The nodes of a Markdown text; HTML in it stays text. */
export function markdown(text) {
  return blocks(text.split("\n"));
}

function blocks(source) {
  const rows = [...source];
  const nodes = [];
  while (rows.length) {
    if (!rows[0].trim()) {
      rows.shift();
      continue;
    }
    const kind = BLOCKS.find((block) => block.is.test(rows[0]));
    nodes.push(kind ? kind.take(rows) : paragraph(rows));
  }
  return nodes;
}

function run(rows, pattern) {
  const end = rows.findIndex((row) => !pattern.test(row));
  return rows.splice(0, end < 0 ? rows.length : end);
}

function paragraph(rows) {
  const end = rows.findIndex(
    (row, at) => at > 0 && (!row.trim() || BLOCKS.some((block) => block.is.test(row))),
  );
  return h("p", { class: "lines" }, inline(rows.splice(0, end < 0 ? rows.length : end).join("\n")));
}

function fenced(rows) {
  rows.shift();
  const end = rows.findIndex((row) => row.startsWith("```"));
  const code = rows.splice(0, end < 0 ? rows.length : end);
  rows.shift();
  return h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, code.join("\n")));
}

function heading(rows) {
  const [, marks, text] = rows.shift().match(/^(#{1,6})\s+(.*)$/) ?? [null, "#", ""];
  return h(
    "div",
    { class: "md-heading", role: "heading", "aria-level": Math.min(6, marks.length + 2) },
    inline(text),
  );
}

function list(tag, rows, pattern) {
  return h(
    tag,
    {},
    run(rows, pattern).map((row) => h("li", { dir: "auto" }, inline(row.replace(pattern, "")))),
  );
}

function table(rows) {
  const cells = run(rows, /^\|/).map((row) =>
    row
      .trim()
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  const [head, ...rest] = cells.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
  const tr = (row, tag) =>
    h(
      "tr",
      {},
      row.map((cell) => h(tag, tag === "th" ? { scope: "col" } : {}, inline(cell))),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "group", "aria-label": t("Tabel") },
    h(
      "table",
      {},
      h("thead", {}, tr(head, "th")),
      h(
        "tbody",
        {},
        rest.map((row) => tr(row, "td")),
      ),
    ),
  );
}

function inline(text) {
  let first = null;
  for (const [pattern, make] of INLINE) {
    const match = text.match(pattern);
    if (match && (!first || match.index < first.match.index)) first = { match, make };
  }
  if (!first) return withEmoji(text);
  const { match, make } = first;
  return [
    withEmoji(text.slice(0, match.index)),
    make(match),
    inline(text.slice(match.index + match[0].length)),
  ];
}
