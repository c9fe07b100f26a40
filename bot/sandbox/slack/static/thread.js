// The thread panel: a message and its replies.

import { createComposer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { paintBusy } from "./interact.js";
import { createLog } from "./log.js";
import { threadMessages } from "./store.js";
import { t } from "./words.js";

/** Fill the thread panel and update it with the store. */
export function createThread(page, root) {
  const { store } = page;
  const list = h("ol", { class: "messages", "aria-label": t("Berichten in deze thread") });
  const scroller = h(
    "div",
    { class: "scroller", tabindex: "0", role: "group", "aria-labelledby": "thread-title" },
    list,
  );
  const composer = createComposer(page, {
    label: t("Schrijf een interne reactie in deze thread"),
    target: () => ({ channel: store.state.thread?.channel ?? "", thread_ts: store.state.thread?.ts ?? "" }),
    commands: () => [],
    test: "thread-composer",
  });
  const close = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": t("Thread sluiten"),
      dataset: { test: "close-thread" },
      on: { click: () => page.closeThread() },
    },
    icon("close"),
  );
  const log = createLog(page, list, scroller, { inThread: true });
  root.append(
    h(
      "div",
      { class: "place-head" },
      h(
        "div",
        { class: "place-name" },
        h("h2", { id: "thread-title", class: "place-title" }, icon("reply"), t("Thread")),
        h("p", { class: "topic" }, t("Intern: burgers zien dit niet")),
      ),
      close,
    ),
    scroller,
    log.jump,
    composer.node,
  );
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) page.closeThread();
  });

  let shown = null;
  store.on("hello thread", (state) => {
    root.hidden = !state.thread;
    if (!state.thread) {
      shown = null;
      return;
    }
    const id = `${state.me} ${state.thread.channel}/${state.thread.ts}`;
    log.show(id, threadMessages(state, state.thread));
    if (id !== shown) {
      composer.show(t("Overleg met collega's"));
      composer.focus();
    }
    shown = id;
    paintBusy(state, root);
  });
}
