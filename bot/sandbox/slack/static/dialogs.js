// Small dialogs: "are you sure?", and toasts with errors.

import { freshId, h } from "./dom.js";
import { icon } from "./icons.js";
import { bare, textNodes } from "./texts.js";
import { t } from "./words.js";

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
        h("button", { class: "button", value: "deny" }, bare(confirm.deny) || t("Annuleren")),
        h(
          "button",
          { class: `button ${danger ? "danger solid" : "primary"}`, value: "confirm" },
          bare(confirm.confirm) || t("Ja"),
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

/** Show an error in the nearest region (an open modal has its own). */
export function toast(text) {
  const open = [...document.querySelectorAll("dialog[open] .toasts")].at(-1);
  const region = open ?? document.querySelector("#toasts");
  const note = h("div", { class: "toast", dataset: { test: "toast" } }, icon("warning"), h("p", {}, text));
  const remove = () => note.remove();
  note.append(
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": t("Melding sluiten"), on: { click: remove } },
      icon("close"),
    ),
  );
  region.append(note);
  setTimeout(remove, TOAST_TIME);
}

/** Announce a text to screen readers only. */
export function announce(text) {
  const log = document.querySelector("#announcer");
  log.append(h("p", {}, text));
  while (log.childElementCount > 20) log.firstElementChild.remove();
}
