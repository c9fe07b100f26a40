// A list of messages with the days between them; it keeps its scroll position while messages arrive and change.

import { arrange, h } from "./dom.js";
import { icon } from "./icons.js";
import { messageView } from "./message.js";
import { dayName, momentOf } from "./time.js";
import { t } from "./words.js";

const NEAR = 80; // px from the end that still count as "reading the last message"
const TOGETHER = 300; // s within which messages of one person are grouped under one name

/** A list in `scroller`: `show(id, messages)` updates it; a new `id` (a channel, a thread) starts at the end.
 * `jump`, to be put below the scroller, leads to what came while one read higher up. */
export function createLog(page, list, scroller, { inThread = false } = {}) {
  let shown = null;
  let views = new Map();
  const left = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  const jump = h(
    "button",
    { type: "button", class: "button small jump", hidden: true, on: { click: toEnd } },
    t("Nieuwe berichten"),
    icon("chevron"),
  );
  let atEnd = true;
  scroller.addEventListener("scroll", () => {
    atEnd = left() < NEAR;
    if (atEnd) jump.hidden = true;
  });
  new ResizeObserver(() => {
    if (atEnd) toEnd(); // what is written below takes room, and the last message stays in sight
  }).observe(scroller);
  return {
    jump,
    /** Something else is in the scroller now: the list begins at its end once it is back. */
    leave() {
      shown = null;
      atEnd = false;
    },
    show(id, messages) {
      const fresh = id !== shown;
      if (fresh) views = new Map();
      shown = id;
      const last = messages.at(-1);
      const isNew = last && !views.has(last.ts);
      const mine = last?.ephemeral || last?.user === page.store.state.me; // what I wrote, or the answer to it
      // A list that is out of sight, behind another pane of a phone, has no height: what it showed last counts.
      const below = scroller.clientHeight ? left() < NEAR : atEnd;
      const follow = fresh || below || (isNew && mine);
      views = updated(views, messages, () => messageView(page, { inThread }));
      arrange(list, rows(views, messages));
      if (follow) {
        atEnd = true;
        toEnd();
      } else if (isNew) {
        jump.hidden = false;
      }
    },
  };
}

function updated(views, messages, make) {
  const next = new Map(messages.map((message) => [message.ts, views.get(message.ts) ?? make()]));
  messages.forEach((message, at) =>
    next.get(message.ts).update(message, { compact: belongsTo(messages[at - 1], message) }),
  );
  for (const [name, day] of views) if (name.startsWith("day ")) next.set(name, day);
  return next;
}

function rows(views, messages) {
  const nodes = [];
  messages.forEach((message, at) => {
    const day = dayName(momentOf(message.ts));
    if (at === 0 || day !== dayName(momentOf(messages[at - 1].ts))) nodes.push(divider(views, day));
    nodes.push(views.get(message.ts).node);
  });
  return nodes;
}

function divider(views, day) {
  const key = `day ${day}`;
  if (!views.has(key)) views.set(key, { node: h("li", { class: "day" }, h("h3", {}, day)) });
  return views.get(key).node;
}

function belongsTo(before, message) {
  if (!before || message.blocks?.length || before.blocks?.length || message.ephemeral || before.ephemeral)
    return false;
  return (
    before.user === message.user && Number.parseFloat(message.ts) - Number.parseFloat(before.ts) < TOGETHER
  );
}
