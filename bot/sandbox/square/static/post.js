// Conversations on Het Plein: posts of citizens, replies of the team, and a citizen's actions on them.

import { askConfirm } from "../../slack/static/dialogs.js";
import { arrange, h, isolated, movingTime } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { avatar } from "../../slack/static/people.js";
import { ago, fullMoment } from "../../slack/static/time.js";
import { citizenPicker } from "./citizen.js";
import { wayOf } from "./places.js";
import { t } from "../../slack/static/words.js";

const CONFIRM_DELETE = {
  title: t("Bericht verwijderen?"),
  text: t("Het verdwijnt van Het Plein en het team krijgt dat te horen."),
  confirm: t("Verwijderen"),
  style: "danger",
};

/** One conversation: `node`, and `update(posts, fresh)` with its posts in order and the ids of new replies. */
export function conversationView(square) {
  const node = h("li", { class: "conversation" });
  const head = h("h3", { class: "talk-head" });
  const views = new Map();
  return {
    node,
    update(posts, fresh) {
      for (const post of posts) {
        if (!views.has(post.id)) views.set(post.id, postView(square));
        views.get(post.id).update(post, posts, fresh.has(post.id));
      }
      const title = headOf(square, posts);
      if (title) head.replaceChildren(icon(title.sign), h("span", { dir: "auto" }, title.words));
      node.classList.toggle("talk", title?.sign === "lock");
      arrange(node, [...(title ? [head] : []), ...posts.map((post) => views.get(post.id).node)]);
    },
  };
}

// A private talk is named after the citizen, a mail after its subject.
function headOf(square, posts) {
  const [first] = posts;
  if (!first.place || !first.private) return null;
  if (first.subject) return { sign: "mail", words: first.subject };
  return { sign: "lock", words: t("Privé met {name}", { name: talksWith(square, first)?.name ?? "" }) };
}

// Whom a conversation is with: who wrote in it first, else whose post the team answered.
function talksWith(square, post) {
  const posts = square.posts();
  const wrote = posts.find((each) => each.conversation === post.conversation && each.citizen);
  return (wrote ?? posts.find((each) => each.id === post.in_reply_to))?.citizen;
}

function postView(square) {
  const content = h("div", { class: "post-content" });
  const forms = h("div", { class: "post-forms" });
  const node = h("article", { class: "post", tabindex: "-1" }, content, forms);
  let drawn = "";
  return {
    node,
    update(post, posts, fresh) {
      const isSeen = !post.hidden || square.citizen.chosen()?.id === post.citizen?.id;
      const source = JSON.stringify([post, fresh, isSeen]);
      if (source === drawn) return;
      drawn = source;
      const focused = content.contains(document.activeElement) ? document.activeElement.dataset.test : null;
      Object.assign(node.dataset, { post: post.id, test: post.author.team ? "team-post" : "citizen-post" });
      node.classList.toggle("team", post.author.team);
      node.classList.toggle("reply", Boolean(post.in_reply_to) && !post.private);
      node.classList.toggle("hidden-post", post.hidden);
      node.classList.toggle("fresh", fresh);
      node.setAttribute("aria-label", t("Bericht van {name}", { name: post.author.name }));
      content.replaceChildren(...postContent(square, forms, post, fresh, isSeen));
      if (focused) content.querySelector(`[data-test="${focused}"]`)?.focus();
    },
  };
}

function postContent(square, forms, post, fresh, isSeen) {
  const when = new Date(post.published_at);
  const place = square.place(post.place);
  return [
    h(
      "header",
      {},
      avatar({ ...post.author, is_bot: false, color: post.author.team ? "0b6b61" : null }),
      h(
        "div",
        { class: "post-author" },
        h(
          "strong",
          {},
          isolated(post.author.name),
          post.author.team && h("span", { class: "badge team-badge" }, icon("check"), t("team")),
        ),
        h("small", {}, ...handleOf(post), movingTime(when, ago, { title: fullMoment(when) })),
      ),
      fresh && h("span", { class: "badge new" }, t("Nieuw")),
    ),
    answersTo(square, post),
    ...wordsOf(post, place, isSeen),
    post.picture && pictureOf(post.picture),
    h("footer", {}, marksOf(post, place), post.deleted ? null : actions(square, forms, post, place)),
  ].filter(Boolean);
}

// A team's post on a platform shows no handle: that differs for each.
function handleOf({ author, place }) {
  if (!author.handle || (author.team && place)) return [];
  return [isolated(author.handle.includes("@") ? author.handle : `@${author.handle}`), " · "];
}

function answersTo(square, post) {
  const replied = square.posts().find((other) => other.id === post.in_reply_to);
  if (!replied) return null;
  if (replied.conversation !== post.conversation)
    return h("p", { class: "answers-to" }, icon("reply"), h("span", { class: "one-line", dir: "auto" }, replied.text));
  const isPlain = replied.id === post.conversation || post.private;
  return isPlain ? null : h("p", { class: "answers-to" }, t("in antwoord op "), isolated(replied.author.name));
}

function wordsOf(post, place, isSeen) {
  if (post.deleted) return [h("p", { class: "post-text gone" }, t("Dit bericht is verwijderd."))];
  const words = h("p", { class: "post-text", dir: "auto" }, post.text);
  if (isSeen) return [words];
  if (place?.opens) return [h("details", { class: "gone" }, h("summary", {}, t("Verborgen bericht: toon het toch")), words)];
  return [h("p", { class: "post-text gone" }, t("Dit bericht is verborgen."))];
}

// The description stands below the team's picture, so that whoever plays the citizen sees what a screen reader says.
function pictureOf({ file, src, alt, width, height }) {
  const image = h("img", { class: "post-picture", src: src ?? `square/static/pictures/${file}`, alt, width, height });
  return src ? h("figure", { class: "team-picture" }, image, h("figcaption", { "aria-hidden": "true" }, alt)) : image;
}

function marksOf(post, place) {
  const arrived = post.author.team
    ? null
    : post.delivered
      ? [icon("check"), t("bij het team")]
      : [icon("clock"), t("onderweg")];
  return h(
    "ul",
    { class: "marks", "aria-label": t("Kenmerken") },
    post.private && h("li", { class: "private" }, icon("lock"), t("privé")),
    post.edited && h("li", {}, t("bewerkt")),
    post.liked && h("li", { class: "liked" }, icon("thumb"), t("de gemeente vindt dit leuk")),
    post.hidden && h("li", { class: "hidden-mark" }, icon("eye"), t("verborgen"), place?.hidden && ` · ${place.hidden}`),
    arrived && h("li", { class: "delivery" }, arrived),
  );
}

function actions(square, forms, post, place) {
  const open = (form) => () => {
    forms.replaceChildren(form);
    form.querySelector("textarea").focus();
  };
  const remove = async () => {
    if (await askConfirm(CONFIRM_DELETE, null)) square.api.remove(post.id);
  };
  const tool = (sign, label, test, run) =>
    h(
      "button",
      { type: "button", class: "link-button", dataset: { test }, on: { click: run } },
      icon(sign),
      label,
    );
  const reply = () => open(replyForm(square, forms, post))();
  const edit = () => open(editForm(square, forms, post))();
  const way = wayOf(place, post);
  const own = !post.author.team && [
    (way?.edits ?? true) && tool("edit", t("Bewerken"), "post-edit", edit),
    (way?.removes ?? true) && tool("trash", t("Verwijderen"), "post-delete", remove),
  ];
  return h("div", { class: "post-actions" }, tool("reply", t("Reageren"), "post-reply", reply), own);
}

// Whom a reply is from at first: who began a conversation usually goes on in it.
function goesOn(square, post) {
  if (!post.place || post.private) return talksWith(square, post) ?? square.citizen.chosen();
  const replied = square.posts().find((other) => other.id === post.in_reply_to);
  return post.citizen ?? replied?.citizen ?? square.citizen.chosen();
}

// On a platform nobody else can go on in a private talk.
function replyForm(square, forms, post) {
  const posts = square.posts();
  const other = goesOn(square, post);
  const alone = Boolean(post.place) && post.private;
  const picker = citizenPicker(other);
  picker.offer(square.citizens(), posts);
  const where = post.place ? { place: post.place } : { private: post.private };
  return shortForm(forms, {
    before: alone ? null : picker.node,
    label: alone ? t("Reactie van {name}", { name: other.name }) : t("Reactie"),
    value: "",
    submit: t("Reageer"),
    test: "reply",
    save: (text) =>
      square.api.post({ citizen: alone ? other : picker.chosen(), text, in_reply_to: post.id, ...where }),
  });
}

function editForm(square, forms, post) {
  return shortForm(forms, {
    label: t("Bericht bewerken"),
    value: post.text,
    submit: t("Opslaan"),
    test: "edit",
    save: (text) => square.api.edit(post.id, text),
  });
}

function shortForm(forms, { before = null, label, value, submit, test, save }) {
  const text = h("textarea", {
    class: "input",
    rows: 2,
    dir: "auto",
    "aria-label": label,
    placeholder: label,
    value,
    dataset: { test: `${test}-text` },
  });
  const close = () => {
    forms.replaceChildren();
    forms.parentElement.querySelector(".post-actions button")?.focus();
  };
  const form = h(
    "form",
    { class: "short-form" },
    before,
    text,
    h(
      "div",
      {},
      h("button", { type: "button", class: "button small", on: { click: close } }, t("Annuleren")),
      h("button", { type: "submit", class: "button small plaza", dataset: { test: `${test}-send` } }, submit),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (text.value.trim() && (await save(text.value.trim()))) close();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  });
  return form;
}
