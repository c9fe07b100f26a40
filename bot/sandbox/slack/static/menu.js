// A menu behind a button, for keyboard and mouse.

import { h } from "./dom.js";

const GAP = 4; // px between button and menu, and between menu and window

/**
 * A button with a menu. `items()` is called at each opening: [{label, description?, href?, run?, danger?, dataset?}].
 * `content` is what the button shows; `label` is its name.
 */
export function menuButton({ label, content, items, className = "icon-button", dataset = {} }) {
  const list = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label });
  const opener = h(
    "button",
    {
      type: "button",
      class: className,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-label": label,
      title: label,
      dataset,
    },
    content,
  );
  opener.popoverTargetElement = list;
  list.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") list.replaceChildren(...items().map((item) => menuItem(item, list)));
  });
  list.addEventListener("toggle", (event) => {
    opener.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState !== "open") return;
    place(list, opener.getBoundingClientRect());
    list.firstElementChild?.focus();
  });
  list.addEventListener("keydown", (event) => moveInMenu(event, list));
  return h("span", { class: "menu-anchor" }, opener, list);
}

function menuItem(item, list) {
  const choose = () => {
    list.hidePopover();
    item.run?.();
  };
  const props = {
    role: "menuitem",
    tabindex: "-1",
    class: item.danger ? "danger" : null,
    dataset: item.dataset ?? {},
    on: { click: choose },
  };
  const content = [h("span", {}, item.label), item.description && h("small", {}, item.description)];
  if (item.href)
    return h(
      "a",
      { ...props, href: item.href, target: "_blank", rel: "noopener noreferrer nofollow" },
      content,
    );
  return h("button", { ...props, type: "button" }, content);
}

function moveInMenu(event, list) {
  const items = [...list.children];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") list.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length).focus();
}

function place(list, anchor) {
  const { width, height } = list.getBoundingClientRect();
  const left = Math.max(GAP, Math.min(anchor.right - width, innerWidth - width - GAP));
  const below = anchor.bottom + GAP + height <= innerHeight;
  list.style.left = `${left}px`;
  list.style.top = `${below ? anchor.bottom + GAP : Math.max(GAP, anchor.top - height - GAP)}px`;
}
