// The rich_text block: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelNode, link, mention } from "./mrkdwn.js";
import { withSigns } from "./signs.js";
import { fillDate } from "./time.js";
import { t } from "./words.js";

const GROUPS = {
  rich_text_section: (group, names) => h("p", { class: "lines" }, pieces(group, names)),
  rich_text_quote: (group, names) => h("blockquote", { class: "lines", dir: "auto" }, pieces(group, names)),
  rich_text_preformatted: (group, names) =>
    h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, pieces(group, names))),
  rich_text_list: list,
};

const PIECES = {
  text: (piece) => h("span", {}, withSigns(piece.text)),
  link: (piece) => link(piece.url, piece.text || piece.url),
  emoji: (piece) => emoji(piece.name) ?? `:${piece.name}:`,
  user: (piece, names) => mention(`@${names.user(piece.user_id) ?? piece.user_id}`),
  channel: (piece, names) => channelNode(names.channel(piece.channel_id)),
  usergroup: (piece, names) => mention(names.usergroup(piece.usergroup_id) ?? t("@groep"), "loud"),
  broadcast: (piece) => mention(`@${piece.range}`, "loud"),
  date: (piece) => fillDate(piece.format ?? "{date_short}", new Date(piece.timestamp * 1000)),
  color: (piece) => h("code", {}, piece.value),
};

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

/** The nodes of a rich_text block. */
export function richText(block, names) {
  return (block.elements ?? []).map(
    (group) => GROUPS[group.type]?.(group, names) ?? pieces({ elements: [group] }, names),
  );
}

function list(group, names) {
  const items = group.elements.map((item) => h("li", { dir: "auto" }, pieces(item, names)));
  const node = h(
    group.style === "ordered" ? "ol" : "ul",
    { class: `indent-${Math.min(group.indent ?? 0, 4)}` },
    items,
  );
  if (group.offset) node.setAttribute("start", group.offset + 1);
  return node;
}

function pieces(group, names) {
  return (group.elements ?? []).map((piece) =>
    styled(PIECES[piece.type]?.(piece, names) ?? piece.fallback ?? "", piece.style),
  );
}

function styled(node, style = {}) {
  if (typeof style !== "object") return node;
  return Object.entries(STYLES).reduce(
    (inner, [name, tag]) => (style[name] ? h(tag, {}, inner) : inner),
    node,
  );
}
