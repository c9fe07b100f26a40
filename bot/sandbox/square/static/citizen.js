// The citizen who writes on Het Plein: one whom the server named, who wrote before, or any other name.

import { freshId, h } from "../../slack/static/dom.js";
import { t } from "../../slack/static/words.js";

const OTHER = "other";
const NAMELESS = "burger"; // the handle of a name without Latin letters

/**
 * A picker: `node`, `chosen()`, the citizen {id, name, handle} who writes, and `offer(known, posts)`, which offers
 * these citizens and the authors of these posts. It begins with the citizen `first`, if any.
 */
export function citizenPicker(first = null) {
  const id = freshId("citizen");
  const name = h("input", {
    class: "input",
    type: "text",
    dir: "auto",
    maxlength: 60,
    "aria-label": t("Naam van de burger"),
    placeholder: t("Naam van de burger"),
    autocomplete: "off",
    hidden: true,
    dataset: { test: "citizen-name" },
  });
  const select = h("select", { class: "select", id, dataset: { test: "citizen" } });
  let citizens = [];
  const offer = (known, posts) => {
    const before = select.value || first?.id;
    citizens = allCitizens(known, posts, first);
    select.replaceChildren(
      ...citizens.map((citizen) => h("option", { value: citizen.id }, citizen.name)),
      h("option", { value: OTHER }, t("Iemand anders …")),
    );
    select.value = [...citizens.map((citizen) => citizen.id), OTHER].find((value) => value === before) ?? select.value;
    name.hidden = select.value !== OTHER;
  };
  select.addEventListener("change", () => {
    name.hidden = select.value !== OTHER;
    if (!name.hidden) name.focus();
  });
  const chosen = () => {
    if (select.value !== OTHER) return citizens.find((citizen) => citizen.id === select.value);
    const typed = asCitizen(name.value.trim().replace(/\s+/g, " ") || t("Anoniem"));
    return citizens.find((citizen) => isSame(citizen, typed)) ?? typed;
  };
  return { node: h("div", { class: "citizen" }, h("label", { for: id }, t("Je bent")), select, name), chosen, offer };
}

// Of one name only one: the author on the square, whom the team knows already.
function allCitizens(known, posts, first) {
  const authors = posts.map((post) => post.citizen).filter(Boolean);
  const all = new Map();
  for (const { id, name, handle } of [...known, ...authors, ...(first ? [first] : [])]) all.set(name, { id, name, handle });
  return [...all.values()];
}

// "aylin yilmaz" is Aylin Yılmaz, not somebody else.
function isSame(one, other) {
  return one.name === other.name || (one.handle === other.handle && other.handle !== NAMELESS);
}

// The same name is always the same citizen, so that a second post joins the case of the first.
function asCitizen(name) {
  const plain = name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .replaceAll("ı", "i")
    .toLowerCase();
  const handle = plain.replace(/[^a-z0-9]+/g, "").slice(0, 20) || NAMELESS;
  const mark = [...name].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) >>> 0, 7);
  return { id: `${handle}-${mark.toString(36)}`, name, handle };
}
