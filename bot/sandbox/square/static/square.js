// Het Plein: a made-up social network where citizens write and read the team's replies.

import { announce } from "../../slack/static/dialogs.js";
import { arrange, h, spoken } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { squareApi } from "./api.js";
import { citizenPicker } from "./citizen.js";
import { conversationView } from "./post.js";
import { t } from "../../slack/static/words.js";

/** The state of the square in the store, before the first frame. */
export function squareState() {
  return {
    square: [], // posts
    citizens: [], // {id, name, handle} of those who are offered to play
    freshAnswers: new Set(), // ids of the team's posts that arrived while this page was open
    arrivedAnswers: [], // the team's posts that the last change of the square brought
  };
}

/** The frames that change that state. */
export const squareFrames = {
  square(state, { square: posts }) {
    const known = new Set(state.square.map((post) => post.id));
    state.arrivedAnswers = posts.filter((post) => post.author.team && !known.has(post.id));
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
  const empty = h(
    "p",
    { class: "empty" },
    t("Het is nog stil op het Plein. Plaats een bericht als burger en kijk wat het team ermee doet."),
  );
  const citizen = citizenPicker();
  const square = {
    api: squareApi(),
    citizen,
    citizens: () => store.state.citizens,
    posts: () => store.state.square,
    views: new Map(),
  };
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
    h(
      "div",
      { class: "scroller", tabindex: "0", role: "group", "aria-labelledby": "square-title" },
      writer(square),
      empty,
      list,
    ),
  );
  const draw = (state) => {
    citizen.offer(state.citizens, state.square);
    const conversations = grouped(state.square);
    empty.hidden = conversations.length > 0;
    square.views = new Map(
      conversations.map((posts) => [
        posts[0].conversation,
        square.views.get(posts[0].conversation) ?? conversationView(square),
      ]),
    );
    for (const posts of conversations)
      square.views.get(posts[0].conversation).update(posts, state.freshAnswers);
    arrange(
      list,
      [...square.views.values()].map((view) => view.node),
    );
  };
  const count = (state) => countUnseen(state, root.checkVisibility());
  store.on("hello square", draw);
  store.on("hello square side", count);
  store.on("square", ({ arrivedAnswers }) => {
    for (const answer of arrivedAnswers)
      announce(t("Antwoord van {name} op het Plein: {text}", { name: answer.author.name, text: answer.text }));
  });
  const seen = () => {
    store.state.freshAnswers.clear();
    draw(store.state);
    count(store.state);
  };
  root.addEventListener("pointerleave", seen);
  root.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !root.contains(event.relatedTarget)) seen();
  });
  return {
    showPost(id) {
      const post = list.querySelector(`[data-post="${CSS.escape(id)}"]`);
      if (!post) return;
      post.scrollIntoView({ block: "center" });
      post.focus();
    },
  };
}

function writer(square) {
  const text = h("textarea", {
    class: "input",
    rows: 3,
    dir: "auto",
    "aria-label": t("Bericht op het Plein"),
    placeholder: t("Wat wil je de gemeente laten weten?"),
    dataset: { test: "square-text" },
  });
  const closed = h("input", { type: "checkbox", dataset: { test: "square-private" } });
  const post = h(
    "button",
    { type: "submit", class: "button plaza", dataset: { test: "square-post" } },
    t("Plaatsen"),
  );
  const form = h(
    "form",
    { class: "writer" },
    square.citizen.node,
    text,
    h(
      "div",
      { class: "writer-foot" },
      h("label", { class: "choice" }, closed, h("span", {}, icon("lock"), t("Privébericht"))),
      post,
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    if (!(await square.api.post({ citizen: square.citizen.chosen(), text: text.value.trim(), private: closed.checked }))) return;
    text.value = "";
    closed.checked = false;
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}

// The posts by conversation, that with the latest post first; within one, oldest first.
function grouped(posts) {
  const conversations = new Map();
  for (const post of posts.toSorted((a, b) => a.published_at.localeCompare(b.published_at))) {
    conversations.set(post.conversation, [...(conversations.get(post.conversation) ?? []), post]);
  }
  return [...conversations.values()].sort((a, b) => b.at(-1).published_at.localeCompare(a.at(-1).published_at));
}

function countUnseen({ freshAnswers, square }, visible) {
  const count = visible ? 0 : square.filter((post) => freshAnswers.has(post.id)).length;
  for (const badge of document.querySelectorAll("[data-test=square-unread]")) {
    badge.hidden = count === 0;
    badge.textContent = String(count);
    badge.append(spoken(count === 1 ? t(" nieuw antwoord") : t(" nieuwe antwoorden")));
  }
}
