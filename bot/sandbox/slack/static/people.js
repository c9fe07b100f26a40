// Avatars: a disc with initials for a person, a square for a bot.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const COLORS = ["#7a4b9a", "#1f6f8b", "#8a5a1c", "#2f6b3c", "#a03c5a", "#4a5aa8"];

/** A person's avatar: decoration, since the name is always beside it. */
export function avatar({ name, real_name: realName, color, is_bot: isBot, id = "" }, extra = "") {
  const paint = color ? `#${color.replace("#", "")}` : COLORS[hash(id || name || "") % COLORS.length];
  const ink = luminance(paint) > 0.3 ? "#10201d" : "#ffffff";
  const content = isBot ? icon("robot") : initials(realName || name || "?");
  return h(
    "span",
    {
      class: `avatar ${isBot ? "bot" : ""} ${extra}`,
      "aria-hidden": "true",
      vars: { paint, "on-paint": ink },
    },
    content,
  );
}

function initials(name) {
  const words = name.split(/[\s._-]+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toUpperCase()).join("") || "?";
}

function hash(text) {
  return [...text].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) % 9973, 7);
}

// https://www.w3.org/TR/WCAG21/#dfn-relative-luminance
function luminance(paint) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(paint.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
