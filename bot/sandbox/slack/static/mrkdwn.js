// Slack's mrkdwn as DOM nodes: https://docs.slack.dev/messaging/formatting-message-text
// Markup is parsed first, `&amp;` `&lt;` `&gt;` are decoded last, so that escaped text never becomes markup.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { withSigns } from "./signs.js";
import { fillDate, fullMoment } from "./time.js";
import { t } from "./words.js";

const FENCE = /```\n?([\s\S]*?)```/g;
const BULLET = /^\s*[•◦▪-]\s+(.*)$/;
const NUMBERED = /^\s*(\d{1,3})[.)]\s+(.*)$/;
const SHORTCODE = /:([a-z0-9_+'-]+):(?::skin-tone-\d:)?/y;
const ADDRESS = /https?:\/\/[^\s<>|]+/y;
const TOKEN = /<([^<>\n]+)>/y;
const WORD = /[\p{L}\p{N}]/u;
const PAIRS = { "*": "strong", _: "em", "~": "s" };
const SAFE = new Set(["http:", "https:", "mailto:", "tel:"]);

/**
 * Parse mrkdwn. `names` gives the displayed names of ids: `{user(id), channel(id), usergroup(id)}`, null when unknown.
 * With `verbatim` bare web addresses do not become links.
 */
export function mrkdwn(text, names, { verbatim = false } = {}) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const fence of text.matchAll(FENCE)) {
    lines(text.slice(from, fence.index).replace(/\n$/, ""), names, verbatim, out);
    out.append(
      h("pre", { class: "code-block", tabindex: "0" }, h("code", {}, decode(fence[1].replace(/\n$/, "")))),
    );
    from = fence.index + fence[0].length;
  }
  lines(text.slice(from).replace(from ? /^\n/ : /^$/, ""), names, verbatim, out);
  return out;
}

/** Mrkdwn on one line (labels, table cells): inline marks only. */
export function inlineMrkdwn(text, names) {
  const out = document.createDocumentFragment();
  inline(text, names, true, out);
  return out;
}

/** Decode `&amp;`, `&lt;` and `&gt;`, once. */
export function decode(text) {
  return text.replace(/&(amp|lt|gt);/g, (whole, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}

/** A link that opens in a new tab, or plain text when the address is not safe to open. */
export function link(address, label) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return document.createTextNode(label);
  }
  if (!SAFE.has(url.protocol)) return document.createTextNode(label);
  const here = url.origin === location.origin && url.hash;
  return h(
    "a",
    { href: url.href, target: here ? null : "_blank", rel: "noopener noreferrer nofollow", dir: "auto" },
    label,
  );
}

/** A mention of a person, channel or group. */
export function mention(label, extra = "") {
  return h("span", { class: `mention ${extra}`.trim() }, h("bdi", {}, label));
}

function lines(text, names, verbatim, out) {
  if (!text) return;
  const rows = text.split("\n");
  let at = 0;
  const take = (matches) => {
    const taken = [];
    while (at < rows.length && matches(rows[at])) taken.push(rows[at++]);
    return taken;
  };
  const plain = (row) => !row.startsWith(">") && !BULLET.test(row) && !NUMBERED.test(row);
  while (at < rows.length) {
    const row = rows[at];
    if (row.startsWith(">>>"))
      out.append(quote(rows.splice(at).join("\n").slice(3).trimStart(), names, verbatim));
    else if (row.startsWith(">"))
      out.append(
        quote(
          take((r) => r.startsWith(">"))
            .map((r) => r.replace(/^> ?/, ""))
            .join("\n"),
          names,
          verbatim,
        ),
      );
    else if (BULLET.test(row))
      out.append(
        list(
          "ul",
          take((r) => BULLET.test(r)).map((r) => r.match(BULLET)[1]),
          names,
          verbatim,
        ),
      );
    else if (NUMBERED.test(row))
      out.append(
        numbered(
          take((r) => NUMBERED.test(r)),
          names,
          verbatim,
        ),
      );
    else {
      const paragraph = take(plain).join("\n");
      if (paragraph.trim()) inline(paragraph, names, verbatim, out.appendChild(h("p", { class: "lines" })));
    }
  }
}

function quote(text, names, verbatim) {
  const node = h("blockquote", { class: "lines", dir: "auto" });
  inline(text, names, verbatim, node);
  return node;
}

function list(tag, items, names, verbatim, attributes = {}) {
  const node = h(tag, attributes);
  for (const item of items) inline(item, names, verbatim, node.appendChild(h("li", { dir: "auto" })));
  return node;
}

function numbered(rows, names, verbatim) {
  const parts = rows.map((row) => row.match(NUMBERED));
  return list(
    "ol",
    parts.map((part) => part[2]),
    names,
    verbatim,
    { start: parts[0][1] },
  );
}

function inline(text, names, verbatim, out) {
  let plain = "";
  const flush = () => {
    if (plain) out.append(...withSigns(decode(plain)));
    plain = "";
  };
  let at = 0;
  while (at < text.length) {
    const marked = nodeAt(text, at, names, verbatim);
    if (marked) {
      flush();
      out.append(marked.node);
      at = marked.end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
}

function nodeAt(text, at, names, verbatim) {
  const sign = text[at];
  if (sign === "`") return codeAt(text, at);
  if (sign === "<") return tokenAt(text, at, names);
  if (sign in PAIRS) return pairAt(text, at, names, verbatim);
  if (sign === ":") return shortcodeAt(text, at);
  if (sign === "h" && !verbatim && !WORD.test(text[at - 1] ?? "")) return addressAt(text, at);
  return null;
}

function codeAt(text, at) {
  const end = text.indexOf("`", at + 1);
  const content = text.slice(at + 1, end);
  if (end <= at + 1 || content.includes("\n")) return null;
  return { node: h("code", {}, decode(content)), end: end + 1 };
}

function shortcodeAt(text, at) {
  const match = matchAt(SHORTCODE, text, at);
  const node = match && emoji(match[1]);
  return node ? { node, end: at + match[0].length } : null;
}

function addressAt(text, at) {
  const match = matchAt(ADDRESS, text, at);
  if (!match) return null;
  const address = match[0].replace(/[.,;:!?)'"*_~]+$/, "");
  return { node: link(decode(address), decode(address)), end: at + address.length };
}

function pairAt(text, at, names, verbatim) {
  const sign = text[at];
  if (WORD.test(text[at - 1] ?? "") || /^[\s]?$/.test(text[at + 1] ?? "") || text[at + 1] === sign)
    return null;
  const end = closing(text, at);
  if (end < 0) return null;
  const node = h(PAIRS[sign]);
  inline(text.slice(at + 1, end), names, verbatim, node);
  return { node, end: end + 1 };
}

function closing(text, at) {
  const sign = text[at];
  for (let end = at + 1; end < text.length && text[end] !== "\n"; end += 1) {
    const skip =
      text[end] === "`"
        ? codeAt(text, end)?.end
        : text[end] === "<"
          ? matchAt(TOKEN, text, end) && TOKEN.lastIndex
          : 0;
    if (skip) end = skip - 1;
    else if (
      text[end] === sign &&
      end > at + 1 &&
      !/\s/.test(text[end - 1]) &&
      !WORD.test(text[end + 1] ?? "")
    )
      return end;
  }
  return -1;
}

function tokenAt(text, at, names) {
  const match = matchAt(TOKEN, text, at);
  if (!match) return null;
  const bar = match[1].indexOf("|");
  const target = bar < 0 ? match[1] : match[1].slice(0, bar);
  const label = bar < 0 ? null : decode(match[1].slice(bar + 1));
  return { node: tokenNode(target, label, names), end: at + match[0].length };
}

/** The mention of a channel; without a name it is one of which the reader is no member. */
export function channelNode(name) {
  return mention(name ? `#${name}` : t("privékanaal"));
}

function tokenNode(target, label, names) {
  const rest = target.slice(1);
  if (target.startsWith("@")) return mention(`@${names.user(rest) ?? label ?? rest}`);
  if (target.startsWith("#")) return channelNode(names.channel(rest) ?? label);
  if (target.startsWith("!subteam^"))
    return mention(names.usergroup(rest.slice(8)) ?? label ?? t("@groep"), "loud");
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (["!here", "!channel", "!everyone"].includes(target)) return mention(`@${rest}`, "loud");
  if (target.startsWith("!")) return document.createTextNode(label ?? `<${target}>`);
  return link(decode(target), label ?? decode(target).replace(/^(mailto|tel):/, ""));
}

function dateNode(target, label) {
  const [, seconds, pattern = "", address] = target.split("^");
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(label ?? "");
  const shown = h(
    "time",
    { datetime: date.toISOString(), title: fullMoment(date) },
    fillDate(decode(pattern), date),
  );
  if (!address) return shown;
  const anchor = link(decode(address), "");
  anchor.append(shown);
  return anchor;
}

function matchAt(sticky, text, at) {
  sticky.lastIndex = at;
  return sticky.exec(text);
}
