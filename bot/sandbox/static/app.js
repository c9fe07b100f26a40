// The page of the local Slack workspace: puts store, connection and surfaces together.

import { announce, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { createForms } from "./form.js";
import { icon } from "./icons.js";
import { paintBusy } from "./interact.js";
import { createMain } from "./main.js";
import { createModal } from "./modal.js";
import { createRail } from "./rail.js";
import { connect } from "./socket.js";
import { createSquare } from "./square.js";
import { createStore, markSeen, person, shownName } from "./store.js";
import { restoreTheme } from "./theme.js";
import { createThread } from "./thread.js";

const NO_LINE = "Er is nu geen verbinding. Probeer het zo nog eens.";
const WIDE = matchMedia("(min-width: 1200px)");

const find = (selector) => document.querySelector(selector);

/** What surfaces may ask of the page. */
function createPage() {
  const store = createStore();
  const page = { store, forms: createForms(), line: null, asked: new Map() };
  return Object.assign(page, {
    send(frame) {
      const sent = page.line.send(frame);
      if (!sent) toast(NO_LINE);
      return sent;
    },
    become(who) {
      if (who === store.state.me) return;
      history.replaceState(null, "", `?person=${encodeURIComponent(who)}`);
      page.line.close();
      store.set({ views: [], home: null }, "views");
      page.line = openLine(store, who);
    },
    goTo(place) {
      store.set({ place, thread: null }, "channel", "thread");
      if (place.kind === "home") page.send({ type: "home", key: "home" });
      else markSeen(store.state, place.id);
      store.set({}, "rail");
      showPane("main");
    },
    openIm(user) {
      const known = (state) => state.channels.find((channel) => channel.with === user);
      page.send({ type: "im", key: `im:${user}`, user });
      page.wantsIm = known;
    },
    openThread({ channel, ts, thread_ts: root }) {
      page.threadOpener = document.activeElement;
      store.set({ thread: { channel, ts: root ?? ts } }, "thread");
      showSide(page, true);
      showPane("side");
    },
    closeThread() {
      store.set({ thread: null }, "thread");
      showSide(page, WIDE.matches);
      showPane("main");
      if (page.threadOpener?.isConnected) page.threadOpener.focus();
    },
    squareToggle: () => squareToggle(page),
    showSquare() {
      store.set({ thread: null }, "thread");
      showSide(page, true);
      showPane("side");
    },
  });
}

function openLine(store, who) {
  return connect(who, {
    onFrame: (frame) => store.receive(frame),
    onLine: (online) => store.set({ online }, "online"),
  });
}

function showSide(page, open) {
  document.documentElement.dataset.side = open ? "open" : "closed";
  const visible = open && find("#square").checkVisibility();
  find("[data-test=square-toggle]").setAttribute("aria-expanded", String(visible));
  page.countUnseen();
}

// On narrow screens one column at a time; on wider ones this changes nothing to see.
function showPane(pane) {
  document.documentElement.dataset.pane = pane;
  for (const button of document.querySelectorAll("#panes button"))
    button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
}

function squareToggle(page) {
  const toggle = () => {
    if (find("#square").checkVisibility()) showSide(page, false);
    else page.showSquare();
  };
  return h(
    "button",
    {
      type: "button",
      class: "button square-toggle",
      "aria-controls": "side",
      "aria-expanded": "false",
      dataset: { test: "square-toggle" },
      on: { click: toggle },
    },
    icon("plaza"),
    h("span", {}, "Het Plein"),
    squareBadge(),
  );
}

function squareBadge() {
  return h("span", { class: "unread", hidden: true, dataset: { test: "square-unread" } });
}

function createPanes(page, root) {
  const pane = (name, sign, label, go) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(name === "main"),
        dataset: { pane: name, test: `pane-${name}` },
        on: { click: go },
      },
      icon(sign),
      label,
    );
  root.append(
    pane("rail", "menu", "Overzicht", () => showPane("rail")),
    pane("main", "chat", "Gesprek", () => showPane("main")),
    pane("side", "plaza", ["Het Plein", squareBadge()], () => page.showSquare()),
  );
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
    document.title = `${state.team?.name ?? "Werkplek"} – ${me}`;
    if (state.place?.kind === "home") page.line.send({ type: "home", key: "home" });
  });
  store.on("opened", (state) => {
    const channel = page.wantsIm?.(state);
    if (!channel) return;
    page.wantsIm = null;
    page.goTo({ kind: "channel", id: channel.id });
  });
  store.on("arrived", ({ arrived, me, ...state }) => {
    if (arrived.user !== me)
      announce(`${shownName(person(state, arrived.user))}: ${arrived.text ?? "nieuw bericht"}`);
  });
  addEventListener("online", () => page.line.retry());
  document.addEventListener("click", (event) => {
    const post = postOf(event.target.closest("a[href]"));
    if (!post) return;
    event.preventDefault();
    page.showPost(post);
  });
}

// Where a card links to a post of the square ("…/#plein/<id>"), the square of this very page shows it.
function postOf(anchor) {
  const url = anchor && new URL(anchor.href);
  return url?.origin === location.origin && url.hash.startsWith("#plein/")
    ? decodeURIComponent(url.hash.slice("#plein/".length))
    : null;
}

function start() {
  restoreTheme();
  const page = createPage();
  createRail(page, find("#rail"));
  createMain(page, find("#main"));
  createThread(page, find("#thread"));
  createSquare(page, find("#square"));
  createModal(page);
  createPanes(page, find("#panes"));
  listen(page);
  showSide(page, WIDE.matches);
  WIDE.addEventListener("change", () => showSide(page, WIDE.matches));
  showPane("main");
  page.line = openLine(page.store, new URLSearchParams(location.search).get("person"));
}

start();
