// The page of `webcare try`: Slack, with the square in its side column.

import { h } from "../slack/static/dom.js";
import { icon } from "../slack/static/icons.js";
import { createPage, paneButton, startPage } from "../slack/static/page.js";
import { createSquare, squareFrames, squareState, unseenBadge } from "../square/static/square.js";
import { showHint } from "./hint.js";
import { jumpBetweenOpen } from "./jump.js";
import { t } from "../slack/static/words.js";

const WIDE = matchMedia("(min-width: 1200px)");

const column = document.querySelector("#square");
const page = createPage({ state: squareState(), frames: squareFrames, keepsSide: () => WIDE.matches });
const square = createSquare(page.store, column);

function showSquare() {
  page.store.set({ thread: null }, "thread");
  page.showSide(true);
  page.showPane("side");
}

const toggle = h(
  "button",
  {
    type: "button",
    class: "button square-toggle",
    "aria-controls": "side",
    "aria-expanded": "false",
    dataset: { test: "square-toggle" },
    on: { click: () => (column.checkVisibility() ? page.showSide(false) : showSquare()) },
  },
  icon("building"),
  h("span", {}, t("Het Plein")),
  unseenBadge(),
);

// A link on a card to a post of the square ("…/#plein/<id>") shows that post on this page.
function showLinkedPost(event) {
  const url = event.target.closest("a[href]")?.href;
  const { origin, hash } = url ? new URL(url) : {};
  if (origin !== location.origin || !hash.startsWith("#plein/")) return;
  event.preventDefault();
  showSquare();
  square.showPost(decodeURIComponent(hash.slice("#plein/".length)));
}

page.store.on("hello thread", ({ thread }) => column.classList.toggle("under-thread", Boolean(thread)));
page.store.on("side", () => toggle.setAttribute("aria-expanded", String(column.checkVisibility())));
document.querySelector("#panes").append(paneButton("side", "building", [t("Het Plein"), unseenBadge()], showSquare));
document.addEventListener("click", showLinkedPost);
jumpBetweenOpen(page.store);
startPage(page, { headButton: toggle });
showHint(document.querySelector("#main"));
page.showSide(WIDE.matches);
WIDE.addEventListener("change", () => page.showSide(WIDE.matches));
