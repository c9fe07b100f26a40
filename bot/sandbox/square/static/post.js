// Conversations on Het Plein: posts of citizens, replies of the team, and a citizen's actions on them.

import { askConfirm } from "../../slack/static/dialogs.js";
import { arrange, h, isolated, movingTime } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { avatar } from "../../slack/static/people.js";
import { ago, fullMoment } from "../../slack/static/time.js";
import { citizenPicker } from "./citizen.js";
import { t } from "../../slack/static/words.js";

const CONFIRM_DELETE = {
  title: t("Bericht verwijderen?"),
  text: t("Het verdwijnt van het Plein en het team krijgt dat te horen."),
  confirm: t("Verwijderen"),
  style: "danger",
};

/** One conversation: `node`, and `update(posts, fresh)` with its posts in order and the ids of new replies. */
export function conversationView(square) {
  const node = h("li", { class: "conversation" });
  const views = new Map();
  return {
    node,
    update(posts, fresh) {
      for (const post of posts) {
        if (!views.has(post.id)) views.set(post.id, postView(square));
        views.get(post.id).update(post, posts, fresh.has(post.id));
      }
      arrange(
        node,
        posts.map((post) => views.get(post.id).node),
      );
    },
  };
}

function postView(square) {
  const content = h("div", { class: "post-content" });
  const forms = h("div", { class: "post-forms" });
  const node = h("article", { class: "post", tabindex: "-1" }, content, forms);
  let drawn = "";
  return {
    node,
    update(post, posts, fresh) {
      const source = JSON.stringify([post, fresh]);
      if (source === drawn) return;
      drawn = source;
      const focused = content.contains(document.activeElement) ? document.activeElement.dataset.test : null;
      const replied = posts.find((other) => other.id === post.in_reply_to);
      Object.assign(node.dataset, { post: post.id, test: post.author.team ? "team-post" : "citizen-post" });
      node.classList.toggle("team", post.author.team);
      node.classList.toggle("reply", Boolean(post.in_reply_to));
      node.classList.toggle("fresh", fresh);
      node.setAttribute("aria-label", t("Bericht van {name}", { name: post.author.name }));
      content.replaceChildren(...postContent(square, forms, post, replied, fresh));
      if (focused) content.querySelector(`[data-test="${focused}"]`)?.focus();
    },
  };
}

function postContent(square, forms, post, replied, fresh) {
  const when = new Date(post.published_at);
  const answered =
    replied &&
    replied.id !== post.conversation &&
    h("p", { class: "answers-to" }, t("in antwoord op "), isolated(replied.author.name));
  const text = post.deleted
    ? h("p", { class: "post-text gone" }, t("Dit bericht is verwijderd."))
    : h("p", { class: "post-text", dir: "auto" }, post.text);
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
        h(
          "small",
          {},
          isolated(`@${post.author.handle}`),
          " · ",
          movingTime(when, ago, { title: fullMoment(when) }),
        ),
      ),
      fresh && h("span", { class: "badge new" }, t("Nieuw")),
    ),
    answered,
    text,
    post.picture && pictureOf(post.picture),
    h("footer", {}, marksOf(post), post.deleted ? null : actions(square, forms, post)),
  ].filter(Boolean);
}

// The description stands below the team's picture, so that whoever plays the citizen sees what a screen reader says.
function pictureOf({ file, src, alt, width, height }) {
  const image = h("img", { class: "post-picture", src: src ?? `square/static/pictures/${file}`, alt, width, height });
  return src ? h("figure", { class: "team-picture" }, image, h("figcaption", { "aria-hidden": "true" }, alt)) : image;
}

function marksOf(post) {
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
    arrived && h("li", { class: "delivery" }, arrived),
  );
}

function actions(square, forms, post) {
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
  const own = !post.author.team && [
    tool("edit", t("Bewerken"), "post-edit", edit),
    tool("trash", t("Verwijderen"), "post-delete", remove),
  ];
  return h("div", { class: "post-actions" }, tool("reply", t("Reageren"), "post-reply", reply), own);
}

// Who began the conversation usually goes on in it.
function replyForm(square, forms, post) {
  const posts = square.posts();
  const { author } = posts.find((each) => each.id === post.conversation) ?? post;
  const citizen = citizenPicker(author.team ? square.citizen.chosen() : author);
  citizen.offer(square.citizens(), posts);
  return shortForm(forms, {
    before: citizen.node,
    label: t("Reactie"),
    value: "",
    submit: t("Reageer"),
    test: "reply",
    save: (text) =>
      square.api.post({ citizen: citizen.chosen(), text, in_reply_to: post.id, private: post.private }),
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
