// The citizen who writes on Het Plein: who wrote before, one of a list, or any other name.

import { freshId, h } from "../../slack/static/dom.js";

const CITIZENS = ["Aylin Yılmaz", "Sjoerd Hoekstra", "Chantal Maduro", "Bram de Groot"];
const OTHER = "other";

/**
 * A picker: `node`, `chosen()`, the citizen {id, name, handle} who writes, and `offer(posts)`, which offers the
 * authors of these posts too. It begins with the citizen `first`, if any.
 */
export function citizenPicker(first = null) {
  const id = freshId("citizen");
  const name = h("input", {
    class: "input",
    type: "text",
    dir: "auto",
    maxlength: 60,
    "aria-label": "Naam van de burger",
    placeholder: "Naam van de burger",
    autocomplete: "off",
    hidden: true,
    dataset: { test: "citizen-name" },
  });
  const select = h("select", { class: "select", id, dataset: { test: "citizen" } });
  let citizens = [];
  const offer = (posts) => {
    const before = select.value || first?.id;
    citizens = allCitizens(first, posts);
    select.replaceChildren(
      ...citizens.map((citizen) => h("option", { value: citizen.id }, citizen.name)),
      h("option", { value: OTHER }, "Iemand anders …"),
    );
    select.value = [OTHER, ...citizens.map((citizen) => citizen.id)].includes(before) ? before : citizens[0].id;
  };
  select.addEventListener("change", () => {
    name.hidden = select.value !== OTHER;
    if (!name.hidden) name.focus();
  });
  const chosen = () => {
    const typed = name.value.trim() || "Anoniem";
    return select.value === OTHER
      ? (citizens.find((citizen) => citizen.name === typed) ?? asCitizen(typed))
      : citizens.find((citizen) => citizen.id === select.value);
  };
  offer([]);
  return { node: h("div", { class: "citizen" }, h("label", { for: id }, "Je bent"), select, name), chosen, offer };
}

// The first one, the list, and who wrote on the square; of one name only one.
function allCitizens(first, posts) {
  const authors = posts.filter((post) => !post.author.team).map((post) => post.author);
  const all = new Map(CITIZENS.map((name) => [name, asCitizen(name)]));
  for (const { id, name, handle } of [...authors, ...(first ? [first] : [])]) all.set(name, { id, name, handle });
  return [...all.values()];
}

// The same name is always the same citizen, so that a second post joins the case of the first.
function asCitizen(name) {
  const plain = name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .replaceAll("ı", "i")
    .toLowerCase();
  const handle = plain.replace(/[^a-z0-9]+/g, "").slice(0, 20) || "burger";
  const mark = [...name].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) >>> 0, 7);
  return { id: `${handle}-${mark.toString(36)}`, name, handle };
}
