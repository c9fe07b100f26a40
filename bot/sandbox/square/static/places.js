// As what the square is seen: the open square, or like one of the platforms that the server offers.

import { freshId, h, spoken } from "../../slack/static/dom.js";
import { icon } from "../../slack/static/icons.js";
import { t } from "../../slack/static/words.js";

/** The switch: `node`, and `update(places, chosen, unseen)` with the number of unseen answers at each place. */
export function placeSwitch(choose) {
  const choices = h("div", { class: "place-choices" });
  const node = h(
    "fieldset",
    { class: "places", hidden: true, dataset: { test: "places" } },
    h("legend", {}, t("Je schrijft via")),
    choices,
  );
  const name = freshId("place");
  const shown = new Map();
  return {
    node,
    update(places, chosen, unseen) {
      node.hidden = places.length === 0;
      for (const place of [{ name: "", title: t("Het Plein") }, ...places]) {
        if (!shown.has(place.name)) {
          shown.set(place.name, choice(place, name, () => choose(place.name)));
          choices.append(shown.get(place.name).node);
        }
        shown.get(place.name).update(place.name === chosen, unseen.get(place.name) ?? 0);
      }
    },
  };
}

function choice(place, group, pick) {
  const input = h("input", {
    type: "radio",
    class: "sr-only",
    name: group,
    value: place.name,
    dataset: { test: "place", place: place.name },
    on: { change: pick },
  });
  const badge = h("span", { class: "unread", hidden: true });
  const node = h("label", { class: "place-choice" }, input, signOf(place), h("span", {}, place.title), badge);
  return {
    node,
    update(isChosen, count) {
      input.checked = isChosen;
      badge.hidden = count === 0;
      badge.textContent = String(count);
      badge.append(spoken(count === 1 ? t(" nieuw antwoord") : t(" nieuwe antwoorden")));
    },
  };
}

function signOf({ sign }) {
  return sign ? h("span", { class: "place-sign", "aria-hidden": "true" }, sign) : icon("building");
}

/** What is particular to a place, in a few sentences; hidden on the open square. */
export function placeAbout() {
  const node = h("p", { class: "place-about", dataset: { test: "place-about" } });
  return {
    node,
    update(place) {
      node.hidden = !place;
      if (place) node.replaceChildren(h("strong", {}, t("Zoals bij {place}.", { place: place.title })), ` ${place.about}`);
    },
  };
}

/** The place of this name; undefined for the open square. */
export function placeOf(state, name) {
  return state.places.find((place) => place.name === name);
}

/** The way in which a post was written; undefined on the open square and for a post of the team's own accord. */
export function wayOf(place, post) {
  return place?.ways.find((way) => way.name === post.way);
}
