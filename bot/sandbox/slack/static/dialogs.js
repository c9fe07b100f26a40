// Small dialogs: "are you sure?" and the toasts that say what went wrong.

import { freshId, h } from "./dom.js";
import { icon } from "./icons.js";
import { bare, textNodes } from "./texts.js";

const TOAST_TIME = 9000; // ms

/** Ask with Slack's confirm object: https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object */
export function askConfirm(confirm, names) {
  return new Promise((resolve) => {
    const id = freshId("confirm");
    const danger = confirm.style === "danger";
    const dialog = h(
      "dialog",
      { class: "dialog small", "aria-labelledby": id, dataset: { test: "confirm" }, on: { close: done } },
      h("h2", { id }, textNodes(confirm.title, names)),
      h("div", { class: "dialog-text" }, textNodes(confirm.text, names)),
      h(
        "form",
        { method: "dialog", class: "dialog-buttons" },
        h("button", { class: "button", value: "deny" }, bare(confirm.deny) || "Annuleren"),
        h(
          "button",
          { class: `button ${danger ? "danger solid" : "primary"}`, value: "confirm" },
          bare(confirm.confirm) || "Ja",
        ),
      ),
    );
    function done() {
      dialog.remove();
      resolve(dialog.returnValue === "confirm");
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Say something went wrong, in the region nearest to what the reader is at (a modal has its own). */
export function toast(text) {
  const open = [...document.querySelectorAll("dialog[open] .toasts")].at(-1);
  const region = open ?? document.querySelector("#toasts");
  const note = h("div", { class: "toast", dataset: { test: "toast" } }, icon("warning"), h("p", {}, text));
  const away = () => note.remove();
  note.append(
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Melding sluiten", on: { click: away } },
      icon("close"),
    ),
  );
  region.append(note);
  setTimeout(away, TOAST_TIME);
}

/** Tell readers of the screen aloud, without anything to see. */
export function announce(text) {
  const log = document.querySelector("#announcer");
  log.append(h("p", {}, text));
  while (log.childElementCount > 20) log.firstElementChild.remove();
}
