// Emoji with a meaning on cards, drawn by us: the same on every machine, also without an emoji font.

import { h, s } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

const disc = () => s("circle", { class: "filled", cx: 12, cy: 12, r: 8.5 });
const tile = () => s("rect", { class: "filled", x: 4, y: 4, width: 16, height: 16, rx: 3 });
const shape = (make) => s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, make());

// sign → [icon or shape, tone, label]
const DRAWN = {
  "🔴": [disc, "red", "rood"], "🟠": [disc, "orange", "oranje"], "🟡": [disc, "yellow", "geel"], "🟢": [disc, "green", "groen"],
  "🔵": [disc, "blue", "blauw"], "🟣": [disc, "purple", "paars"], "⚪": [disc, "grey", "wit"], "⚫": [disc, "black", "zwart"],
  "🟥": [tile, "red", "rood"], "🟧": [tile, "orange", "oranje"], "🟨": [tile, "yellow", "geel"], "🟩": [tile, "green", "groen"],
  "🟦": [tile, "blue", "blauw"], "⬜": [tile, "grey", "wit"], "⬛": [tile, "black", "zwart"],
  "✅": ["done", "good", "in orde"], "☑": ["done", "soft", "afgerond"], "✔": ["check", "good", "vinkje"],
  "❌": ["error", "danger", "fout"], "⛔": ["error", "danger", "verboden"], "🚫": ["error", "danger", "verboden"],
  "⚠": ["warning", "warning", "let op"], "🚨": ["warning", "danger", "dringend"], "❗": ["warning", "danger", "let op"],
  "❓": ["question", "info", "vraag"], "ℹ": ["info", "info", "ter info"], "🆕": ["star", "earth", "nieuw"],
  "🙋": ["user", "accent", "persoon"], "👤": ["user", "soft", "persoon"], "👥": ["user", "soft", "mensen"],
  "⏳": ["clock", "warning", "wachten"], "⌛": ["clock", "warning", "wachten"], "⏰": ["clock", "warning", "tijd"],
  "⏱": ["clock", "soft", "tijd"], "⏲": ["clock", "soft", "tijd"], "🕐": ["clock", "soft", "tijd"], "🕒": ["clock", "soft", "tijd"],
  "🔒": ["lock", "earth", "privé"], "🌐": ["globe", "info", "openbaar"], "🔗": ["link", "soft", "koppeling"],
  "📝": ["edit", "soft", "notitie"], "✏": ["edit", "soft", "bewerkt"], "🗑": ["trash", "soft", "verwijderd"],
  "🖼": ["image", "soft", "afbeelding"], "📎": ["file", "soft", "bijlage"], "📄": ["file", "soft", "document"],
  "👀": ["eye", "soft", "kijkt mee"], "💬": ["chat", "info", "gesprek"], "🗨": ["chat", "info", "gesprek"],
  "📣": ["bell", "earth", "aankondiging"], "📢": ["bell", "earth", "aankondiging"], "🔔": ["bell", "warning", "melding"],
  "📊": ["chart", "accent", "cijfers"], "📈": ["chart", "accent", "stijgend"], "📉": ["chart", "danger", "dalend"],
  "📥": ["mail", "accent", "binnengekomen"], "📨": ["mail", "accent", "bericht"], "✉": ["mail", "soft", "bericht"], "📬": ["mail", "accent", "bericht"],
  "⭐": ["star", "warning", "ster"], "✨": ["star", "warning", "nieuw"], "🎉": ["star", "good", "feestelijk"],
  "👍": ["thumb", "accent", "duim omhoog"], "🏛": ["building", "earth", "gebouw"], "🤖": ["robot", "soft", "robot"], "🏠": ["home", "soft", "huis"],
  "↩": ["reply", "soft", "terug"], "🔄": ["turn", "soft", "opnieuw"], "🔁": ["turn", "soft", "opnieuw"], "🔍": ["search", "soft", "zoeken"], "🔎": ["search", "soft", "zoeken"],
};

const SIGN = new RegExp(`(${Object.keys(DRAWN).join("|")})\uFE0F?`, "gu");

/** Text as nodes, with known signs drawn; a copy of the text has their characters. */
export function withSigns(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(SIGN)) {
    nodes.push(text.slice(from, match.index), drawn(match[1], match[0]));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

/** One emoji: drawn when known, else its character with a name for screen readers. */
export function sign(character, name) {
  const bare = character.replace("\uFE0F", "");
  if (DRAWN[bare]) return drawn(bare, character);
  return h("span", { class: "emoji", role: "img", "aria-label": name, title: name }, character);
}

function drawn(bare, character) {
  const [what, tone, label] = DRAWN[bare];
  const picture = typeof what === "string" ? icon(what) : shape(what);
  return h("span", { class: `sign tone-${tone}`, role: "img", "aria-label": t(label) }, picture, h("span", { class: "sr-only" }, character));
}
