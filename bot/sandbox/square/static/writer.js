// The form with which a citizen writes: on the open square, or in one of the ways of a place.

import { freshId, h } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { t } from "../../slack/static/words.js";

/** The form: `node`, and `update(place, ours)` with where it writes and the newest post of the team there. */
export function writer(square) {
  const ways = wayPicker();
  const subject = h("input", {
    class: "input",
    type: "text",
    dir: "auto",
    maxlength: 150,
    "aria-label": t("Onderwerp"),
    placeholder: t("Onderwerp"),
    autocomplete: "off",
    hidden: true,
    dataset: { test: "square-subject" },
  });
  const text = h("textarea", {
    class: "input",
    rows: 3,
    dir: "auto",
    placeholder: t("Wat wil je de gemeente laten weten?"),
    dataset: { test: "square-text" },
  });
  const closed = h("input", { type: "checkbox", dataset: { test: "square-private" } });
  const choice = h("label", { class: "choice" }, closed, h("span", {}, icon("lock"), t("Privébericht")));
  const note = h("p", { class: "writer-note" });
  const send = h("button", { type: "submit", class: "button plaza", dataset: { test: "square-post" } }, t("Plaatsen"));
  const form = h(
    "form",
    { class: "writer" },
    square.citizen.node,
    ways.node,
    subject,
    text,
    h("div", { class: "writer-foot" }, choice, note, send),
  );
  let [there, below] = [null, null];
  const paint = () => {
    const way = ways.chosen();
    subject.hidden = !way?.has_subject;
    choice.hidden = Boolean(there);
    note.hidden = !there;
    note.replaceChildren(...(way ? noteOf(way, below) : []));
    text.setAttribute("aria-label", there ? t("Bericht via {place}", { place: there.title }) : t("Bericht op Het Plein"));
  };
  ways.node.addEventListener("change", paint);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const way = ways.chosen();
    const empty = [way?.has_subject ? subject : null, text].find((field) => field && !field.value.trim());
    if (empty) return empty.focus();
    const where = way ? { place: there.name, way: way.name, subject: subject.value.trim() } : { private: closed.checked };
    if (!(await square.api.post({ citizen: square.citizen.chosen(), text: text.value.trim(), ...where }))) return;
    text.value = "";
    subject.value = "";
    closed.checked = false;
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  paint();
  return {
    node: form,
    update(place, ours) {
      if (place !== there) ways.offer(place?.ways ?? []);
      [there, below] = [place ?? null, ours];
      paint();
    },
  };
}

function noteOf(way, below) {
  if (way.private) return [icon("lock"), t("Alleen het team leest dit.")];
  if (way.below && below) return [icon("reply"), h("span", { class: "one-line" }, below.text)];
  return [icon("globe"), t("Iedereen leest dit.")];
}

// A place with one way has nothing to choose.
function wayPicker() {
  const id = freshId("way");
  const select = h("select", { class: "select", id, dataset: { test: "square-way" } });
  const node = h("div", { class: "citizen", hidden: true }, h("label", { for: id }, t("Soort bericht")), select);
  let ways = [];
  return {
    node,
    chosen: () => ways.find((way) => way.name === select.value),
    offer(known) {
      ways = known;
      select.replaceChildren(...ways.map((way) => h("option", { value: way.name }, way.title)));
      node.hidden = ways.length < 2;
    },
  };
}
