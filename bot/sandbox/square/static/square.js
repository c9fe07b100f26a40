// Het Plein: a made-up social network where citizens write and read the team's replies.

import { announce } from "../../slack/static/dialogs.js";
import { arrange, h, spoken } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { squareApi } from "./api.js";
import { citizenPicker } from "./citizen.js";
import { placeAbout, placeOf, placeSwitch } from "./places.js";
import { conversationView } from "./post.js";
import { writer } from "./writer.js";
import { t } from "../../slack/static/words.js";

/** The state of the square in the store, before the first frame. */
export function squareState() {
  return {
    square: [], // posts
    places: [], // the platforms as which the square can be seen
    seenAs: "", // the name of the one that is shown; "" for the open square
    citizens: [], // {id, name, handle} of those who are offered to play
    freshAnswers: new Set(), // ids of the team's posts that arrived while this page was open
    arrivedAnswers: [], // the team's posts that the last change of the square brought
  };
}

/** The frames that change that state. */
export const squareFrames = {
  square(state, { square: posts }) {
    const known = new Set(state.square.map((post) => post.id));
    state.arrivedAnswers = posts.filter((post) => post.author.team && post.in_reply_to && !known.has(post.id));
    for (const post of state.arrivedAnswers) state.freshAnswers.add(post.id);
    state.square = posts;
    return ["square"];
  },
};

/** The number of unseen replies, for the buttons that show the square. */
export function unseenBadge() {
  return h("span", { class: "unread", hidden: true, dataset: { test: "square-unread" } });
}

/** Fill the square and update it with the store; `showPost(id)` of the result scrolls to a post. */
export function createSquare(store, root) {
  const list = h("ol", { class: "conversations", "aria-label": t("Gesprekken op Het Plein") });
  const empty = h("p", { class: "empty" });
  const citizen = citizenPicker();
  const square = {
    api: squareApi(),
    citizen,
    citizens: () => store.state.citizens,
    place: (name) => placeOf(store.state, name),
    posts: () => store.state.square,
    views: new Map(),
  };
  const show = (name) => store.set({ seenAs: name }, "seenAs");
  const parts = { switch: placeSwitch(show), about: placeAbout(), writer: writer(square), list, empty };
  root.append(
    h(
      "div",
      { class: "place-head" },
      h(
        "div",
        { class: "place-name" },
        h("h2", { class: "place-title", id: "square-title" }, icon("building"), t("Het Plein")),
        h("p", { class: "topic" }, t("Hier schrijven burgers. Jij speelt ze.")),
      ),
    ),
    parts.switch.node,
    h(
      "div",
      { class: "scroller", tabindex: "0", role: "group", "aria-labelledby": "square-title" },
      parts.about.node,
      parts.writer.node,
      empty,
      list,
    ),
  );
  const draw = (state) => drawSquare(square, parts, state);
  const count = (state) => countUnseen(parts, state, root.checkVisibility());
  citizen.node.addEventListener("change", () => draw(store.state));
  store.on("hello square seenAs", draw);
  store.on("hello square side seenAs", count);
  store.on("square", ({ arrivedAnswers, places }) => {
    for (const answer of arrivedAnswers) announce(spokenAnswer(answer, placeOf({ places }, answer.place)));
  });
  const seen = () => {
    for (const post of here(store.state)) store.state.freshAnswers.delete(post.id);
    draw(store.state);
    count(store.state);
  };
  root.addEventListener("pointerleave", seen);
  root.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !root.contains(event.relatedTarget)) seen();
  });
  return {
    showPost(id) {
      const known = store.state.square.find((post) => post.id === id);
      if (known && known.place !== store.state.seenAs) show(known.place);
      const post = list.querySelector(`[data-post="${CSS.escape(id)}"]`);
      if (!post) return;
      post.scrollIntoView({ block: "center" });
      post.focus();
    },
  };
}

function here({ square, seenAs }) {
  return square.filter((post) => post.place === seenAs);
}

function drawSquare(square, parts, state) {
  const place = placeOf(state, state.seenAs);
  const posts = here(state);
  square.citizen.offer(state.citizens, state.square);
  parts.about.update(place);
  parts.writer.update(place, posts.findLast((post) => post.author.team && !post.in_reply_to));
  const conversations = grouped(posts);
  parts.empty.hidden = conversations.length > 0;
  parts.empty.textContent = place
    ? t("Hier is nog niets geschreven. Schrijf als burger en kijk wat het team ermee doet.")
    : t("Het is nog stil op Het Plein. Plaats een bericht als burger en kijk wat het team ermee doet.");
  square.views = new Map(
    conversations.map((those) => [
      those[0].conversation,
      square.views.get(those[0].conversation) ?? conversationView(square),
    ]),
  );
  for (const those of conversations) square.views.get(those[0].conversation).update(those, state.freshAnswers);
  arrange(
    parts.list,
    [...square.views.values()].map((view) => view.node),
  );
}

function spokenAnswer({ author, text }, place) {
  const said = { name: author.name, text };
  return place
    ? t("Antwoord van {name} via {place}: {text}", { ...said, place: place.title })
    : t("Antwoord van {name} op Het Plein: {text}", said);
}

// The posts by conversation, that with the latest post first; within one, oldest first.
function grouped(posts) {
  const conversations = new Map();
  for (const post of posts.toSorted((a, b) => a.published_at.localeCompare(b.published_at))) {
    conversations.set(post.conversation, [...(conversations.get(post.conversation) ?? []), post]);
  }
  return [...conversations.values()].sort((a, b) => b.at(-1).published_at.localeCompare(a.at(-1).published_at));
}

// At the buttons that show the square all that nobody sees; at each place what is new there while another is shown.
function countUnseen(parts, { freshAnswers, square, places, seenAs }, visible) {
  const fresh = square.filter((post) => freshAnswers.has(post.id));
  const count = visible ? 0 : fresh.length;
  for (const badge of document.querySelectorAll("[data-test=square-unread]")) {
    badge.hidden = count === 0;
    badge.textContent = String(count);
    badge.append(spoken(count === 1 ? t(" nieuw antwoord") : t(" nieuwe antwoorden")));
  }
  const unseen = new Map();
  for (const { place } of fresh)
    if (place !== seenAs || !visible) unseen.set(place, (unseen.get(place) ?? 0) + 1);
  parts.switch.update(places, seenAs, unseen);
}
