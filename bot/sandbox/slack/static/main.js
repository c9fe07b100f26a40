// The middle: a channel with its composer, or App Home.

import { renderBlocks } from "./blocks.js";
import { createComposer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { contextOf, paintBusy } from "./interact.js";
import { createLog } from "./log.js";
import { menuButton } from "./menu.js";
import { channelMessages, channelTitle, markSeen } from "./store.js";
import { t } from "./words.js";

/** Fill the middle column and update it with the store; `headButton`, if any, is in its head. */
export function createMain(page, root, headButton) {
  const { store } = page;
  const parts = {
    title: h("h2", { id: "place-title", class: "place-title" }),
    topic: h("p", { class: "topic", dir: "auto" }),
    list: h("ol", { class: "messages", "aria-label": t("Berichten") }),
    empty: h("p", { class: "empty" }),
    home: h("div", { class: "home blocks" }),
  };
  const scroller = h(
    "div",
    { class: "scroller", tabindex: "0", role: "group", "aria-labelledby": "place-title" },
    parts.empty,
    parts.list,
    parts.home,
  );
  const composer = createComposer(page, {
    label: t("Schrijf een bericht"),
    target: () => ({ channel: store.state.place?.id ?? "" }),
    commands: () => store.state.commands,
    test: "composer",
  });
  const shortcuts = globalShortcuts(page);
  composer.node.querySelector(".composer-box").prepend(shortcuts);
  const log = createLog(page, parts.list, scroller);
  root.append(
    h(
      "div",
      { class: "place-head" },
      h("div", { class: "place-name" }, parts.title, parts.topic),
      headButton,
    ),
    scroller,
    log.jump,
    composer.node,
  );

  let shown = null;
  store.on("hello channel home", (state) => {
    const place = state.place;
    if (!place) return;
    const id = `${state.me} ${place.kind} ${place.id ?? ""}`;
    const isNew = id !== shown;
    shown = id;
    const isHome = place.kind === "home";
    for (const node of [parts.list, composer.node]) node.hidden = isHome;
    parts.home.hidden = !isHome;
    shortcuts.hidden = !state.shortcuts.some((each) => each.type === "global");
    if (isHome) {
      showHome(page, parts);
      if (isNew) {
        log.leave();
        scroller.scrollTop = 0;
      }
    }
    else
      showChannel(
        page,
        parts,
        state.channels.find((each) => each.id === place.id),
        log,
        isNew ? composer : null,
        id,
      );
    paintBusy(state, root);
  });
}

function showHome(page, parts) {
  const { state } = page.store;
  const bot = state.people.find((each) => each.is_bot);
  parts.title.replaceChildren(icon("home"), bot ? t("Startpagina {name}", { name: bot.real_name || bot.name }) : t("Startpagina van de app"));
  parts.topic.textContent = t("Alleen voor jou");
  parts.empty.textContent = state.home ? "" : t("De startpagina komt eraan …");
  if (state.home)
    renderBlocks(parts.home, state.home.blocks, contextOf(page, { type: "view", view_id: state.home.id }, 3));
}

function showChannel(page, parts, channel, log, composer, id) {
  const { state } = page.store;
  if (!channel) return;
  const messages = channelMessages(state, channel.id);
  const name = channelTitle(state, channel);
  parts.title.replaceChildren(...(channel.kind === "im" ? [] : [icon("hash")]), h("bdi", {}, name));
  parts.topic.textContent = channel.topic ?? "";
  parts.empty.textContent = messages.length
    ? ""
    : t("Nog geen berichten. Zodra een burger iets schrijft, verschijnt het hier.");
  log.show(id, messages);
  composer?.show(
    channel.kind === "im" ? t("Bericht aan {name}", { name }) : t("Bericht in #{name}, of / voor een opdracht", { name }),
  );
  markSeen(state, channel.id);
}

function globalShortcuts(page) {
  const items = () =>
    page.store.state.shortcuts
      .filter((each) => each.type === "global")
      .map(({ callback_id: callbackId, name, description }) => ({
        label: name,
        description,
        dataset: { callbackId },
        run: () =>
          page.send({
            type: "shortcut",
            key: `shortcut:${callbackId}`,
            kind: "global",
            callback_id: callbackId,
          }),
      }));
  return menuButton({
    label: t("Snelkoppelingen"),
    content: icon("bolt"),
    items,
    dataset: { test: "global-shortcuts" },
  });
}
