// Slack's text objects: plain_text and mrkdwn.

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { inlineMrkdwn, mrkdwn } from "./mrkdwn.js";

const SPOKEN = 240; // the most characters of a message that a screen reader says by itself

/** A text object as nodes. */
export function textNodes(text, names) {
  if (!text) return null;
  if (typeof text === "string") return text;
  if (text.type === "mrkdwn") return mrkdwn(text.text, names, { verbatim: text.verbatim });
  return text.emoji === false ? text.text : withEmoji(text.text);
}

/** A text object as a string, for labels that cannot contain nodes. */
export function bare(text) {
  return typeof text === "string" ? text : (text?.text ?? "");
}

/** The first line of a message's `text`, as words without markup: what a screen reader says of it by itself. */
export function spokenLine(message, names) {
  const line = (message.text ?? "").split("\n").find((each) => each.trim()) ?? "";
  const words = h("p", {}, inlineMrkdwn(line, names)).textContent.trim();
  return words.length > SPOKEN ? `${words.slice(0, SPOKEN)}…` : words;
}
