// A menu whose options the app offers for a typed text (external_select): a combobox with a list.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/examples/combobox-autocomplete-list/

import { freshId, h } from "./dom.js";
import { entryOf, setEntry } from "./form.js";
import { bare } from "./texts.js";
import { t } from "./words.js";

const PAUSE = 250; // ms of silence after which the app is asked

/** Draw an external_select; `ctx.suggest(element, block, typed)` resolves to the options. */
export function suggesting(element, block, ctx, wiring) {
  const list = h("ul", {
    class: "suggestions",
    role: "listbox",
    id: freshId("options"),
    "aria-label": t("Voorstellen"),
    hidden: true,
  });
  const selected = entryOf(ctx.form, block, element, { selected_option: element.initial_option ?? null }).selected_option;
  const input = h("input", {
    class: "input",
    id: wiring.id,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    placeholder: bare(element.placeholder) || null,
    value: bare(selected?.text),
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-expanded": "false",
    "aria-describedby": wiring.describedby,
    "aria-label": wiring.labelledby ? null : bare(element.placeholder) || t("Zoek en kies"),
    dataset: ctx.marks(element, block),
  });
  const menu = { input, list, options: [], at: -1 };
  let timer = 0;
  const ask = async () => {
    const typed = input.value;
    if (typed.length < (element.min_query_length ?? 3)) return show(menu, []);
    const options = await ctx.suggest(element, block, typed);
    if (input.isConnected && typed === input.value && document.activeElement === input) show(menu, options);
  };
  const choose = (option) => {
    clearTimeout(timer);
    input.value = bare(option.text);
    hide(menu);
    setEntry(ctx.form, block, element, { selected_option: option });
    ctx.changed(element, block, { selected_option: option });
  };
  input.addEventListener("click", ask); // not at focus: it also comes back by itself, after a choice
  input.addEventListener("blur", () => hide(menu));
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (menu.list.hidden && event.key === "ArrowDown") ask();
    else byKey(event, menu, choose);
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the input keeps the focus
    const place = event.target.closest("[role=option]")?.dataset.place;
    if (place !== undefined) choose(menu.options[Number(place)]);
  });
  return h("div", { class: "suggesting" }, input, list);
}

function show(menu, options) {
  menu.options = options;
  menu.at = -1;
  const nodes = options.map((option, place) =>
    h(
      "li",
      { role: "option", id: `${menu.list.id}-${place}`, "aria-selected": "false", dataset: { place, value: option.value } },
      h("span", { dir: "auto" }, bare(option.text)),
      option.description && h("small", { dir: "auto" }, bare(option.description)),
    ),
  );
  const none = h("li", { class: "none", role: "presentation" }, t("Niets gevonden"));
  menu.list.replaceChildren(...(nodes.length ? nodes : [none]));
  menu.list.hidden = false;
  menu.input.setAttribute("aria-expanded", "true");
  menu.input.removeAttribute("aria-activedescendant");
}

function hide(menu) {
  menu.list.hidden = true;
  menu.at = -1;
  menu.input.setAttribute("aria-expanded", "false");
  menu.input.removeAttribute("aria-activedescendant");
}

function byKey(event, menu, choose) {
  if (menu.list.hidden) return;
  if (event.key === "Escape") {
    event.stopPropagation(); // closes the list, not the modal
    event.preventDefault();
    hide(menu);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (menu.options[menu.at]) choose(menu.options[menu.at]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    go(menu, event.key === "ArrowDown" ? 1 : -1);
  }
}

function go(menu, step) {
  const count = menu.options.length;
  if (!count) return;
  menu.at = (menu.at + step + count) % count;
  [...menu.list.children].forEach((node, place) => {
    node.setAttribute("aria-selected", String(place === menu.at));
    if (place !== menu.at) return;
    node.scrollIntoView({ block: "nearest" });
    menu.input.setAttribute("aria-activedescendant", node.id);
  });
}
