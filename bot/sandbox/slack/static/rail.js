// The left rail: the workspace, the person you act as, channels, direct messages, App Home and the theme.

import { arrange, h, spoken } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { avatar } from "./people.js";
import { channelTitle, person, shownName, unread } from "./store.js";
import { currentTheme, switchTheme } from "./theme.js";
import { clockTime, fullMoment, present, weekday, zoneName } from "./time.js";
import { t } from "./words.js";

const TICK = 250; // ms

/** Fill the rail and update it with the store. */
export function createRail(page, root) {
  const { store } = page;
  const parts = {
    team: h("p", { class: "team" }),
    people: h("ul", { class: "people", "aria-labelledby": "people-title" }),
    home: h("ul", { "aria-label": "App" }),
    channels: h("ul", { "aria-labelledby": "channels-title" }),
    ims: h("ul", { "aria-labelledby": "ims-title" }),
  };
  root.append(
    h(
      "div",
      { class: "rail-head" },
      h("span", { class: "team-sign", "aria-hidden": "true" }, icon("chat")),
      parts.team,
    ),
    h(
      "section",
      { "aria-labelledby": "people-title" },
      h("h2", { id: "people-title" }, t("Je werkt als")),
      parts.people,
    ),
    h(
      "nav",
      { "aria-label": t("Gesprekken") },
      parts.home,
      h("h2", { id: "channels-title" }, t("Kanalen")),
      parts.channels,
      h("h2", { id: "ims-title" }, t("Directe berichten")),
      parts.ims,
    ),
    h("div", { class: "rail-foot" }, fastClock(store), themeButton()),
  );
  store.on("hello rail", (state) => {
    const place = state.place ?? {};
    parts.team.textContent = state.team?.name ?? "";
    redraw(
      parts.people,
      state.people.filter((each) => !each.is_bot).map((each) => personRow(page, each)),
    );
    redraw(parts.home, [homeRow(page, state, place)]);
    const rows = (kind) =>
      state.channels
        .filter((channel) => (channel.kind === "im") === (kind === "im"))
        .map((channel) => channelRow(page, state, channel, place));
    redraw(parts.channels, rows("channel"));
    redraw(parts.ims, [...rows("im"), ...strangers(state).map((each) => imRow(page, each))]);
  });
}

// Rows are small and stateless: all are drawn again, and the row that had the focus gets it back.
function redraw(list, rows) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.row : null;
  arrange(list, rows);
  if (focused) list.querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus();
}

function personRow(page, who) {
  const me = who.id === page.store.state.me;
  const props = {
    type: "button",
    "aria-pressed": String(me),
    dataset: { test: "person", person: who.id, row: who.id },
    on: { click: () => page.switchPerson(who.id) },
  };
  return h(
    "li",
    {},
    h(
      "button",
      props,
      avatar(who),
      h(
        "span",
        { class: "person-name" },
        h("bdi", {}, shownName(who)),
        who.title && h("small", {}, who.title),
      ),
      !me && who.status_emoji && h("span", { title: who.status_text }, ...withEmoji(who.status_emoji)),
      me && h("span", { class: "you" }, t("jij")),
    ),
    me && statusButton(page, who),
  );
}

// Sets a Slack status in one click: on holiday, or none.
function statusButton(page, who) {
  const away = Boolean(who.status_emoji);
  const status = away ? { emoji: "", text: "" } : { emoji: ":palm_tree:", text: t("Op vakantie") };
  const props = {
    type: "button",
    class: "status-button",
    dataset: { test: "status", row: "status" },
    on: { click: () => page.send({ type: "status", key: "status", ...status }) },
  };
  const now = away ? [...withEmoji(who.status_emoji), ` ${t("{status} – zet uit", { status: who.status_text })}`] : [t("Zet je status op vakantie")];
  return h("button", props, ...now);
}

function homeRow(page, state, place) {
  const bot = state.people.find((each) => each.is_bot);
  return row({
    id: "home",
    sign: icon("home"),
    label: bot ? t("Startpagina {name}", { name: shownName(bot) }) : t("Startpagina van de app"),
    current: place.kind === "home",
    go: () => page.goTo({ kind: "home" }),
    test: "home",
  });
}

function channelRow(page, state, channel, place) {
  const sign = channel.kind === "im" ? avatar(person(state, channel.with), "tiny") : icon("hash");
  const current = place.kind === "channel" && place.id === channel.id;
  return row({
    id: channel.id,
    sign,
    label: channelTitle(state, channel),
    current,
    count: current ? 0 : unread(state, channel.id),
    go: () => page.goTo({ kind: "channel", id: channel.id }),
    test: "channel",
  });
}

function imRow(page, who) {
  return row({
    id: who.id,
    sign: avatar(who, "tiny"),
    label: shownName(who),
    current: false,
    count: 0,
    go: () => page.openIm(who.id),
    test: "open-im",
  });
}

// People without a direct message; one click opens it.
function strangers(state) {
  const known = new Set(state.channels.map((channel) => channel.with));
  return state.people.filter((each) => each.id !== state.me && !known.has(each.id));
}

function row({ id, sign, label, current, count = 0, go, test }) {
  const mark = count > 0 && h("span", { class: "unread" }, String(count), spoken(t(" ongelezen")));
  const props = {
    type: "button",
    class: count ? "has-unread" : null,
    "aria-current": current ? "page" : null,
    dataset: { test, row: id, channel: test === "channel" ? id : null },
    on: { click: go },
  };
  return h("li", {}, h("button", props, sign, h("bdi", { class: "row-label" }, label), mark));
}

// The time of a workspace whose clock is faster than real time.
function fastClock(store) {
  const time = h("span", { class: "fast-time" });
  const speed = h("small");
  const node = h("p", { class: "fast-clock", dataset: { test: "clock" }, hidden: true }, time, speed);
  const paint = () => {
    const now = present();
    time.textContent = `${weekday(now)} ${clockTime(now)}`;
    node.title = fullMoment(now);
  };
  let ticking = null;
  store.on("hello", (state) => {
    node.hidden = state.speed === 1;
    speed.textContent = t("de tijd gaat {n} × zo snel ({zone})", { n: state.speed, zone: zoneName() });
    if (node.hidden) return;
    paint();
    ticking ??= setInterval(paint, TICK);
  });
  return node;
}

function themeButton() {
  const label = h("span");
  const button = h("button", { type: "button", class: "theme-button", dataset: { test: "theme" } });
  const paint = () => {
    const dark = currentTheme() === "dark";
    label.textContent = dark ? t("Licht thema") : t("Donker thema");
    button.replaceChildren(icon(dark ? "sun" : "moon"), label);
  };
  button.addEventListener("click", () => {
    switchTheme();
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
  return button;
}
