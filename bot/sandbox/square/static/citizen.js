// The citizen who writes on Het Plein: one of a list, or any other name.

import { freshId, h } from "../../slack/static/dom.js";

const CITIZENS = [
  "Fatima El Idrissi",
  "Jan Willem Bakker",
  "Aylin Yılmaz",
  "Sjoerd Hoekstra",
  "Chantal Maduro",
];
const OTHER = "other";

/** A picker: `node`, and `chosen()`, the citizen {id, name, handle} who writes. */
export function createCitizen() {
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
  const select = h(
    "select",
    { class: "select", id, dataset: { test: "citizen" } },
    CITIZENS.map((citizen) => h("option", { value: citizen }, citizen)),
    h("option", { value: OTHER }, "Iemand anders …"),
  );
  select.addEventListener("change", () => {
    name.hidden = select.value !== OTHER;
    if (!name.hidden) name.focus();
  });
  const chosen = () => asCitizen(select.value === OTHER ? name.value.trim() || "Anoniem" : select.value);
  return { node: h("div", { class: "citizen" }, h("label", { for: id }, "Je bent"), select, name), chosen };
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
