// The page of a workspace: its store, its connection and its surfaces.

import { announce, toast } from "./dialogs.js";
import { h, keepTime } from "./dom.js";
import { createForms } from "./form.js";
import { icon } from "./icons.js";
import { paintBusy } from "./interact.js";
import { createMain } from "./main.js";
import { createModal } from "./modal.js";
import { afterPress } from "./press.js";
import { createRail } from "./rail.js";
import { connect } from "./socket.js";
import { createStore, markSeen, namesOf, person, shownName } from "./store.js";
import { spokenLine } from "./texts.js";
import { restoreTheme } from "./theme.js";
import { createThread } from "./thread.js";
import { t } from "./words.js";

const OFFLINE = t("Er is nu geen verbinding. Probeer het zo nog eens.");

const NARROW = matchMedia("(max-width: 767px)"); // as in layout.css
const TICK = 5000; // ms between looks at the times that move
const PANES = ["rail", "main", "side"];

const find = (selector) => document.querySelector(selector);

/**
 * The page with the actions that surfaces call; `startPage` draws and connects it.
 * `state` and `frames` extend the store with what is shown beside Slack; `keepsSide()` says whether the side
 * column stays open when the thread in it closes.
 */
export function createPage({ state = {}, frames = {}, keepsSide = () => false } = {}) {
  const store = createStore(state, frames);
  const page = { store, forms: createForms(), connection: null, asked: new Map() };
  page.receive = afterPress((frame) => store.receive(frame));
  return Object.assign(page, {
    send(frame) {
      const sent = page.connection.send(frame);
      if (!sent) toast(OFFLINE);
      return sent;
    },
    switchPerson(who) {
      if (who === store.state.me) return;
      history.replaceState(null, "", `?person=${encodeURIComponent(who)}`);
      page.connection.close();
      store.set({ views: [], home: null }, "views");
      page.connection = openConnection(page, who);
    },
    goTo(place) {
      store.set({ place, thread: null }, "channel", "thread");
      if (place.kind === "home") page.send({ type: "home", key: "home" });
      else markSeen(store.state, place.id);
      store.set({}, "rail");
      page.showPane("main");
    },
    openIm(user) {
      const known = (state) => state.channels.find((channel) => channel.with === user);
      page.send({ type: "im", key: `im:${user}`, user });
      page.wantsIm = known;
    },
    openThread({ channel, ts, thread_ts: root }) {
      page.threadOpener = document.activeElement;
      page.showSide(true);
      page.showPane("side"); // before the thread, which can take the focus only where it is visible
      store.set({ thread: { channel, ts: root ?? ts } }, "thread");
    },
    closeThread() {
      store.set({ thread: null }, "thread");
      page.showSide(keepsSide());
      page.showPane("main");
      if (page.threadOpener?.isConnected) page.threadOpener.focus();
    },
    showSide(open) {
      document.documentElement.dataset.side = open ? "open" : "closed";
      store.set({}, "side");
    },
    // Narrow screens show one column at a time; on wider ones this has no visible effect.
    showPane(pane) {
      document.documentElement.dataset.pane = pane;
      markMain();
      for (const button of document.querySelectorAll("#panes button"))
        button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
    },
  });
}

/** Draw the page and connect it. `headButton` is shown at the right above the messages. */
export function startPage(page, { headButton = null } = {}) {
  restoreTheme();
  createRail(page, find("#rail"));
  createMain(page, find("#main"), headButton);
  createThread(page, find("#thread"));
  createModal(page);
  find("#panes").prepend(
    paneButton("rail", "menu", t("Overzicht"), () => page.showPane("rail")),
    paneButton("main", "chat", t("Gesprek"), () => page.showPane("main")),
  );
  listen(page);
  page.showPane("main");
  page.connection = openConnection(page, new URLSearchParams(location.search).get("person"));
}

// The column that a narrow screen shows is the main one there.
function markMain() {
  const shown = NARROW.matches ? document.documentElement.dataset.pane : "main";
  for (const pane of PANES) {
    const column = find(`#${pane}`);
    const role = pane === shown ? "main" : column.dataset.role;
    if (role) column.setAttribute("role", role);
    else column.removeAttribute("role");
  }
}

/** A button for `#panes`, which narrow screens show; `go` shows its column. */
export function paneButton(pane, sign, label, go) {
  const props = {
    type: "button",
    "aria-pressed": "false",
    dataset: { pane, test: `pane-${pane}` },
    on: { click: go },
  };
  return h("button", props, icon(sign), label);
}

function openConnection(page, who) {
  return connect(who, {
    onFrame: page.receive,
    onOnline: (online) => page.store.set({ online }, "online"),
  });
}

function listen(page) {
  const { store } = page;
  store.on("busy channel thread", (state) => paintBusy(state));
  store.on("suggestions", ({ suggested }) => page.asked.get(suggested.key)?.(suggested.options));
  store.on("failed", ({ failure }) => toast(failure.text));
  store.on("online", ({ online }) => {
    find("#offline").hidden = online;
  });
  store.on("hello", (state) => {
    const me = shownName(person(state, state.me));
    document.title = `${state.team?.name ?? t("Werkplek")} – ${me}`;
    find("#page-title").textContent = document.title;
    if (state.place?.kind === "home") page.connection.send({ type: "home", key: "home" });
  });
  store.on("opened", (state) => {
    const channel = page.wantsIm?.(state);
    if (!channel) return;
    page.wantsIm = null;
    page.goTo({ kind: "channel", id: channel.id });
  });
  store.on("arrived", (state) => announceArrival(state, state.arrived));
  store.on("reworded", (state) => {
    if (state.reworded.user !== state.me) announce(spokenLine(state.reworded, namesOf(state)));
  });
  addEventListener("online", () => page.connection.retry());
  NARROW.addEventListener("change", markMain);
  setInterval(keepTime, TICK);
}

function announceArrival(state, message) {
  if (message.user === state.me) return;
  const channel = state.channels.find((each) => each.id === message.channel);
  const elsewhere = channel?.kind === "channel" && channel.id !== state.place?.id;
  const from = shownName(person(state, message.user)) + (elsewhere ? ` in ${channel.name}` : "");
  announce(`${from}: ${spokenLine(message, namesOf(state)) || t("nieuw bericht")}`);
}
