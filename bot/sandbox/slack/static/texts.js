// Slack's text objects: plain_text and mrkdwn.

import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

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
