// Het Plein: the made-up network where citizens write and read the team's answers.

import { createCitizen } from "./citizen.js";
import { announce } from "./dialogs.js";
import { arrange, h, spoken } from "./dom.js";
import { icon } from "./icons.js";
import { conversationView } from "./post.js";
import { squareApi } from "./squareapi.js";

/** Fill the square and keep it level with the store. */
export function createSquare(page, root) {
  const { store } = page;
  const list = h("ol", { class: "conversations", "aria-label": "Gesprekken op Het Plein" });
  const empty = h(
    "p",
    { class: "empty" },
    "Het is nog stil op het Plein. Plaats een bericht als burger en kijk wat het team ermee doet.",
  );
  const citizen = createCitizen();
  const api = squareApi(citizen);
  const square = { api, citizen, store, views: new Map() };
  root.append(
    h(
      "header",
      { class: "place-head" },
      h(
        "div",
        { class: "place-name" },
        h("h2", { class: "place-title", id: "square-title" }, icon("plaza"), "Het Plein"),
        h("p", { class: "topic" }, "Hier schrijven burgers. Jij speelt ze."),
      ),
    ),
    h(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-labelledby": "square-title" },
      writer(square),
      empty,
      list,
    ),
  );
  const draw = (state) => {
    root.classList.toggle("under-thread", Boolean(state.thread));
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
  store.on("hello square thread", draw);
  page.countUnseen = () => countUnseen(store.state);
  store.on("square", ({ arrivedAnswers }) => {
    for (const answer of arrivedAnswers)
      announce(`Antwoord van ${answer.author.name} op het Plein: ${answer.text}`);
    countUnseen(store.state);
  });
  page.showPost = (id) => {
    page.showSquare();
    const post = list.querySelector(`[data-post="${CSS.escape(id)}"]`);
    if (!post) return;
    post.scrollIntoView({ block: "center" });
    post.focus();
  };
  const seen = () => {
    store.state.freshAnswers.clear();
    draw(store.state);
    countUnseen(store.state);
  };
  root.addEventListener("pointerleave", seen);
  root.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !root.contains(event.relatedTarget)) seen();
  });
}

function writer(square) {
  const text = h("textarea", {
    class: "input",
    rows: 3,
    dir: "auto",
    "aria-label": "Bericht op het Plein",
    placeholder: "Wat wil je de gemeente laten weten?",
    dataset: { test: "square-text" },
  });
  const closed = h("input", { type: "checkbox", dataset: { test: "square-private" } });
  const post = h(
    "button",
    { type: "submit", class: "button plaza", dataset: { test: "square-post" } },
    "Plaatsen",
  );
  const form = h(
    "form",
    { class: "writer" },
    square.citizen.node,
    text,
    h(
      "div",
      { class: "writer-foot" },
      h("label", { class: "choice" }, closed, h("span", {}, icon("lock"), "Privébericht")),
      post,
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    if (!(await square.api.post({ text: text.value.trim(), private: closed.checked }))) return;
    text.value = "";
    closed.checked = false;
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}

// Conversations, the one with the latest post first; within one, in the order of writing.
function grouped(posts) {
  const found = new Map();
  for (const post of posts.toSorted((a, b) => a.published_at.localeCompare(b.published_at))) {
    found.set(post.conversation, [...(found.get(post.conversation) ?? []), post]);
  }
  return [...found.values()].sort((a, b) => b.at(-1).published_at.localeCompare(a.at(-1).published_at));
}

function countUnseen({ freshAnswers, square }) {
  const visible = document.querySelector("#square").checkVisibility();
  const count = visible ? 0 : square.filter((post) => freshAnswers.has(post.id)).length;
  for (const badge of document.querySelectorAll("[data-test=square-unread]")) {
    badge.hidden = count === 0;
    badge.textContent = String(count);
    badge.append(spoken(count === 1 ? " nieuw antwoord" : " nieuwe antwoorden"));
  }
}
