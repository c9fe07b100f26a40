// One message: author, time, blocks or text, files, thread and tools.

import { renderBlocks } from "./blocks.js";
import { h, movingTime, spoken } from "./dom.js";
import { icon } from "./icons.js";
import { containerKey, contextOf } from "./interact.js";
import { menuButton } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { namesOf, person, shownName, threadMessages } from "./store.js";
import { spokenLine } from "./texts.js";
import { ago, clockTime, fullMoment, momentOf } from "./time.js";
import { t } from "./words.js";

/** A message on the page: `node`, and `update(message, {compact})`. With `inThread` it has no button to its thread. */
export function messageView(page, { inThread }) {
  const body = h("div", { class: "message-body" });
  const parts = {
    head: h("div", { class: "message-head" }),
    above: h("div", { class: "message-above" }),
    blocks: h("div", { class: "blocks" }),
    tail: h("div", { class: "message-tail" }),
    tools: h("div", { class: "tools" }),
    skip: h("a", { class: "skip-message", href: "#", dataset: { test: "skip-message" } }, t("Naar het volgende bericht")),
  };
  const picture = h("div", { class: "message-picture" });
  const article = h("article", { tabindex: "-1" }, parts.skip, picture, body, parts.tools);
  const node = h("li", { class: "message" }, article);
  parts.skip.addEventListener("click", (event) => skipMessage(event, node));
  body.append(parts.head, parts.above, parts.blocks, parts.tail);
  let drawn = "";
  return {
    node,
    update(message, { compact }) {
      const answers = threadMessages(page.store.state, message).slice(1);
      const root = rootOf(page, message);
      const source = JSON.stringify([message, compact, answers.length, answers.at(-1)?.ts, root?.text]);
      if (source === drawn) return;
      drawn = source;
      const hadFocus = node.contains(document.activeElement);
      draw(page, { node, article, picture, ...parts }, message, { compact, inThread, answers, root });
      if (hadFocus && !node.contains(document.activeElement))
        (parts.blocks.querySelector("[data-action-id]") ?? article).focus();
    },
  };
}

// The first message of the thread from which a message was sent to the channel too.
function rootOf(page, { subtype, channel, thread_ts: ts }) {
  return subtype === "thread_broadcast" ? threadMessages(page.store.state, { channel, ts })[0] : null;
}

function draw(page, parts, message, { compact, inThread, answers, root }) {
  const author = person(page.store.state, message.user);
  const when = momentOf(message.ts);
  Object.assign(parts.node.dataset, { ts: message.ts, channel: message.channel, test: "message" });
  parts.node.classList.toggle("compact", compact);
  parts.node.classList.toggle("ephemeral", Boolean(message.ephemeral));
  const line = spokenLine(message, namesOf(page.store.state));
  parts.article.setAttribute("aria-label", `${shownName(author)}, ${clockTime(when)}: ${line}`);
  parts.picture.replaceChildren(
    compact
      ? h(
          "time",
          { class: "small-time", datetime: when.toISOString(), title: fullMoment(when) },
          clockTime(when),
        )
      : avatar(author),
  );
  parts.head.replaceChildren(...head(author, when, message));
  parts.head.hidden = compact && !message.ephemeral;
  parts.above.replaceChildren(...(root ? [from(page, message, inThread, root)] : []));
  drawContent(page, parts.blocks, message);
  parts.skip.hidden = !parts.blocks.querySelector("[data-action-id]");
  parts.tail.replaceChildren(...tail(page, message, inThread, answers));
  if (!parts.node.contains(document.activeElement) || !parts.tools.childElementCount)
    parts.tools.replaceChildren(...tools(page, message, inThread));
}

// The next message with something to do, else what comes after the list: where one writes.
function skipMessage(event, node) {
  event.preventDefault();
  const next = node.nextElementSibling?.matches(".day") ? node.nextElementSibling.nextElementSibling : node.nextElementSibling;
  const composer = node.closest(".scroller").parentElement.querySelector(".composer-text");
  (next?.querySelector("article") ?? composer).focus();
}

function head(author, when, message) {
  return [
    h("bdi", { class: "author" }, shownName(author)),
    author.is_bot && h("span", { class: "badge" }, "app"),
    h("time", { datetime: when.toISOString(), title: fullMoment(when) }, clockTime(when)),
    message.ephemeral && h("span", { class: "only-you" }, icon("eye"), t("Alleen zichtbaar voor jou")),
  ].filter(Boolean);
}

function from(page, message, inThread, root) {
  if (inThread) return t("Ook in het kanaal gezet");
  const opener = h(
    "button",
    {
      type: "button",
      class: "link-button",
      dataset: { test: "open-root" },
      on: { click: () => page.openThread(message) },
    },
    spokenLine(root, namesOf(page.store.state)) || t("de thread"),
  );
  return h("span", {}, t("Reactie in een thread: "), opener);
}

function drawContent(page, container, message) {
  if (message.blocks?.length) {
    renderBlocks(
      container,
      message.blocks,
      contextOf(page, { type: "message", channel: message.channel, ts: message.ts }, 4),
    );
  } else {
    container.replaceChildren(
      h("div", { class: "text", dir: "auto" }, mrkdwn(message.text ?? "", namesOf(page.store.state))),
    );
  }
}

function tail(page, message, inThread, answers) {
  return [
    message.edited && h("span", { class: "edited" }, t("(bewerkt)")),
    message.files?.length && h("ul", { class: "files", "aria-label": t("Bestanden") }, message.files.map(file)),
    !inThread && answers.length > 0 && threadButton(page, message, answers),
    message.ephemeral &&
      h(
        "button",
        { type: "button", class: "link-button", on: { click: () => dismiss(page, message) } },
        t("Verbergen"),
      ),
  ].filter(Boolean);
}

function file(shared) {
  // Its full address names this machine in one way; a page that was opened under another name gets nothing from there.
  const address = shared.permalink && `files/${encodeURIComponent(shared.id)}`;
  const size = shared.size ? `${Math.max(1, Math.round(shared.size / 1024))} kB` : "";
  const content = [
    icon("file"),
    h("span", { dir: "auto" }, shared.name ?? shared.title ?? t("bestand")),
    h("small", {}, size),
  ];
  if (!address) return h("li", { class: "file" }, content);
  return h(
    "li",
    {},
    h(
      "a",
      { class: "file", href: address, download: shared.name ?? true },
      content,
      icon("download"),
      spoken(t("downloaden")),
    ),
  );
}

function threadButton(page, message, answers) {
  const authors = [...new Set(answers.map((answer) => answer.user))]
    .slice(0, 3)
    .map((id) => avatar(person(page.store.state, id), "tiny"));
  const count = `${answers.length} ${answers.length === 1 ? t("reactie") : t("reacties")}`;
  const last = h("small", {}, t("laatste: "), movingTime(momentOf(answers.at(-1).ts), ago));
  return h(
    "button",
    {
      type: "button",
      class: "thread-button",
      dataset: { test: "open-thread" },
      on: { click: () => page.openThread(message) },
    },
    authors,
    h("strong", {}, count),
    last,
  );
}

function tools(page, message, inThread) {
  const shortcuts = page.store.state.shortcuts.filter((shortcut) => shortcut.type === "message");
  return [
    !inThread &&
      !message.ephemeral &&
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          title: t("Reageren in thread"),
          "aria-label": t("Reageren in thread"),
          dataset: { test: "reply-in-thread" },
          on: { click: () => page.openThread(message) },
        },
        icon("reply"),
      ),
    shortcuts.length > 0 &&
      !message.ephemeral &&
      menuButton({
        label: t("Snelkoppelingen bij dit bericht"),
        content: icon("bolt"),
        items: () => shortcuts.map((each) => shortcutItem(page, each, message)),
        dataset: { test: "message-shortcuts" },
      }),
  ].filter(Boolean);
}

function shortcutItem(page, { callback_id: callbackId, name, description }, { channel, ts }) {
  const key = `shortcut:${callbackId}:${channel}/${ts}`;
  const run = () =>
    page.send({ type: "shortcut", key, kind: "message", callback_id: callbackId, channel, ts });
  return { label: name, description, dataset: { callbackId }, run };
}

function dismiss(page, { channel, ts }) {
  page.store.state.dismissed.add(`${channel}/${ts}`);
  page.forms.drop(containerKey({ type: "message", channel, ts }));
  page.store.set({}, "channel", "thread");
}
