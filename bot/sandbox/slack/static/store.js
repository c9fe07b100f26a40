// The state of the page. Frames of the server and actions of the reader change it; surfaces listen to its topics.

import { setClock } from "./time.js";
import { t } from "./words.js";

/** The state before the first frame. */
function emptyState() {
  return {
    team: null,
    speed: 1, // how many times faster than real time the workspace's clock goes
    me: null,
    people: [],
    channels: [],
    commands: [],
    shortcuts: [],
    usergroups: [],
    messages: new Map(), // channel id → Map(ts → message)
    home: null,
    views: [],
    errors: new Map(), // view id → {block_id: text}
    place: null, // {kind: "channel", id} | {kind: "home"}
    thread: null, // {channel, ts}
    since: null, // ts of the last message when the page opened; older messages count as seen
    seen: new Map(), // person → Map(channel → ts of the last message seen)
    dismissed: new Set(), // "channel/ts" of hidden ephemerals
    busy: new Set(), // keys of actions that the app has not answered yet
    online: true,
    arrived: null, // the last new message
    reworded: null, // the last message whose text changed
    failure: null, // {key, text}: the last failure
    suggested: null, // {key, typed, options}: the app's last offer for a typed text
  };
}

/**
 * Make the store: `state` to read, `set` and `receive` to change it, `on(topics, listener)` to follow it.
 * `beside` is state that is not Slack's; `frames` handle the frames that change it, as FRAMES do.
 */
export function createStore(beside = {}, frames = {}) {
  const state = { ...emptyState(), ...beside };
  const receivers = { ...FRAMES, ...frames };
  const listeners = new Map();
  const notify = (...topics) =>
    topics.forEach((topic) => listeners.get(topic)?.forEach((listener) => listener(state)));
  return {
    state,
    on(topics, listener) {
      for (const topic of topics.split(" "))
        listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
    set(patch, ...topics) {
      Object.assign(state, patch);
      notify(...topics);
    },
    receive(frame) {
      const topics = receivers[frame.type]?.(state, frame) ?? [];
      notify(...topics);
    },
  };
}

const FRAMES = {
  hello(state, frame) {
    const { type, messages, clock, ...rest } = frame;
    setClock(clock);
    state.speed = clock.speed;
    Object.assign(state, rest);
    state.messages = new Map(
      Object.entries(messages ?? {}).map(([id, list]) => [id, new Map(list.map((m) => [m.ts, m]))]),
    );
    state.busy.clear();
    const last =
      state.channels
        .map((channel) => lastTs(state, channel.id))
        .sort()
        .at(-1) ?? "0";
    state.since ??= last;
    if (!state.seen.has(state.me))
      state.seen.set(state.me, new Map(state.channels.map((channel) => [channel.id, state.since])));
    if (!visible(state, state.place)) state.place = firstPlace(state);
    if (state.thread && !state.messages.get(state.thread.channel)?.has(state.thread.ts)) state.thread = null;
    return ["hello", "rail", "channel", "thread", "home", "views", "busy"];
  },
  message(state, { message }) {
    const known = state.messages.get(message.channel) ?? new Map();
    const before = known.get(message.ts);
    known.set(message.ts, message);
    state.messages.set(message.channel, known);
    const isReworded = before && before.text !== message.text;
    if (!before) state.arrived = message;
    if (isReworded) state.reworded = message;
    return ["channel", "thread", "rail", !before ? "arrived" : "", isReworded ? "reworded" : ""];
  },
  message_deleted(state, { channel, ts }) {
    state.messages.get(channel)?.delete(ts);
    return ["channel", "thread", "rail"];
  },
  channel(state, { channel }) {
    state.channels = [...state.channels.filter((known) => known.id !== channel.id), channel];
    return ["rail", "channel", "opened"];
  },
  views(state, { views }) {
    state.views = views;
    const open = new Set(views.map((view) => view.id));
    for (const id of state.errors.keys()) if (!open.has(id)) state.errors.delete(id);
    return ["views"];
  },
  view_errors(state, frame) {
    state.errors.set(frame.view_id, frame.errors);
    return ["view_errors"];
  },
  home(state, { view }) {
    state.home = view;
    return ["home"];
  },
  busy(state, { key, on }) {
    if (on) state.busy.add(key);
    else state.busy.delete(key);
    return ["busy"];
  },
  failed(state, { key, text }) {
    state.busy.delete(key);
    state.failure = { key, text };
    return ["busy", "failed"];
  },
  people(state, { people }) {
    state.people = people;
    return ["rail"];
  },
  suggestions(state, frame) {
    state.suggested = frame;
    return ["suggestions"];
  },
};

function lastTs(state, channel) {
  return [...(state.messages.get(channel)?.keys() ?? [])].sort().at(-1) ?? "0";
}

function visible(state, place) {
  return place?.kind === "home" || state.channels.some((channel) => channel.id === place?.id);
}

function firstPlace(state) {
  const channel = state.channels.find((known) => known.kind === "channel") ?? state.channels[0];
  return channel ? { kind: "channel", id: channel.id } : { kind: "home" };
}

/** The messages of a channel, oldest first: without replies in threads and hidden ephemerals. */
export function channelMessages(state, channel) {
  return all(state, channel).filter(
    (message) =>
      !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast",
  );
}

/** A thread's first message and its replies, oldest first. */
export function threadMessages(state, { channel, ts }) {
  return all(state, channel).filter((message) => message.ts === ts || message.thread_ts === ts);
}

function all(state, channel) {
  return [...(state.messages.get(channel)?.values() ?? [])]
    .filter((message) => !state.dismissed.has(`${message.channel}/${message.ts}`))
    .sort((a, b) => Number.parseFloat(a.ts) - Number.parseFloat(b.ts));
}

/** How many messages of others arrived since this person last looked at the channel. */
export function unread(state, channel) {
  const since = state.seen.get(state.me)?.get(channel) ?? state.since;
  return channelMessages(state, channel).filter((message) => message.ts > since && message.user !== state.me)
    .length;
}

/** Mark the messages of a channel as seen by the current person. */
export function markSeen(state, channel) {
  state.seen.get(state.me)?.set(channel, lastTs(state, channel));
}

/** The person, or a placeholder for one that this page does not know. */
export function person(state, id) {
  return (
    state.people.find((known) => known.id === id) ?? {
      id,
      name: id ?? "?",
      real_name: id ?? t("Onbekend"),
      is_bot: false,
    }
  );
}

/** Functions that give the name of an id; null for an id that this page does not know. */
export function namesOf(state) {
  const find = (list, id) => list.find((known) => known.id === id);
  return {
    user: (id) => shownName(find(state.people, id)),
    channel: (id) => find(state.channels, id)?.name ?? null,
    usergroup: (id) => {
      const group = find(state.usergroups, id);
      return group ? `@${group.handle}` : null;
    },
  };
}

/** The displayed name of a person; null without a person. */
export function shownName(known) {
  return known ? known.real_name || known.name : null;
}

/** A channel's displayed name; a direct message has the name of the other person. */
export function channelTitle(state, channel) {
  return channel.kind === "im" ? shownName(person(state, channel.with)) : channel.name;
}
