// What a newcomer can do, in three steps: one line above the messages, until it is closed.

import { h } from "../slack/static/dom.js";
import { icon } from "../slack/static/icons.js";
import { t } from "../slack/static/words.js";

const CLOSED = "hint-closed";
const STEPS = [
  t("Een burger schrijft op Het Plein. Hier wordt het een kaart. Klik op een kaart op Beantwoorden."),
  t("Je antwoord komt na tien seconden op Het Plein. Tot die tijd kun je het ongedaan maken. Schrijf daar zelf ook eens als burger, of doe alsof je op een ander platform schrijft."),
  t("Wissel van persoon onder 'Je werkt als' en kijk als collega mee. Met Alt+↓ en Alt+↑ spring je naar zaken van niemand."),
];

/** Show the hint at the top of `column`, unless this browser closed it before. */
export function showHint(column) {
  if (wasClosed()) return;
  const words = h("p", { "aria-live": "polite" });
  const next = h("button", { type: "button", class: "button small", dataset: { test: "hint-next" } });
  const close = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": t("Uitleg sluiten"), dataset: { test: "hint-close" } },
    icon("close"),
  );
  const hint = h("section", { class: "hint", "aria-label": t("Zo begin je"), dataset: { test: "hint" } }, words, next, close);
  let at = 0;
  const paint = () => {
    const step = h("strong", {}, t("Stap {n} van {all}", { n: at + 1, all: STEPS.length }));
    words.replaceChildren(step, ` ${STEPS[at]}`);
    next.textContent = at < STEPS.length - 1 ? t("Volgende") : t("Klaar");
  };
  const end = () => {
    remember();
    hint.remove();
    column.focus();
  };
  next.addEventListener("click", () => {
    at += 1;
    if (at < STEPS.length) paint();
    else end();
  });
  close.addEventListener("click", end);
  paint();
  column.querySelector(".place-head").after(hint);
}

// A browser may refuse to keep anything; then the hint is there again next time.
function wasClosed() {
  try {
    return localStorage.getItem(CLOSED) === "yes";
  } catch {
    return false;
  }
}

function remember() {
  try {
    localStorage.setItem(CLOSED, "yes");
  } catch {
    // see above
  }
}
