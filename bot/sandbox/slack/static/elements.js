// Elements that are no inputs: buttons, overflow menus, images; and the function that draws any element.
// https://docs.slack.dev/reference/block-kit/block-elements

import { choices } from "./choices.js";
import { h } from "./dom.js";
import { fields } from "./fields.js";
import { icon } from "./icons.js";
import { menuButton } from "./menu.js";
import { bare, textNodes } from "./texts.js";
import { t } from "./words.js";

const ELEMENTS = { button, overflow, image, workflow_button: button, ...choices, ...fields };

/**
 * Draw one element of a block. `ctx` is its context: {key, form, state, names, act(element, block, content)}.
 * `wiring` has the ids of the label and the descriptions of an input: {id, labelledby, describedby}.
 */
export function drawElement(element, block, ctx, wiring = {}) {
  const draw = ELEMENTS[element.type];
  return draw ? draw(element, block, ctx, wiring) : notice(element.type);
}

/** A notice in the place of a block or element that this page does not draw. */
export function notice(type) {
  return h(
    "p",
    { class: "notice", dataset: { test: "unknown-block" } },
    icon("info"),
    t("Dit onderdeel ({type}) wordt hier niet getoond.", { type }),
  );
}

/** The attributes by which tests and the busy state find an element. */
export function marks(element, block, ctx) {
  return {
    actionId: element.action_id,
    blockId: block.block_id,
    key: `${ctx.key}:${block.block_id}:${element.action_id}`,
  };
}

/** An image with its alternative text; of one from another site only the text, since this page fetches nothing from outside. */
export function picture(address, alt, className) {
  const url = new URL(address ?? "", location.href);
  if (address && url.origin === location.origin)
    return h("img", { src: url.href, alt, class: className, loading: "lazy" });
  return h(
    "span",
    { class: `picture-away ${className}`, role: "img", "aria-label": alt, title: alt },
    icon("image"),
  );
}

function image(element) {
  return picture(element.image_url, element.alt_text ?? "", "thumb");
}

function button(element, block, ctx) {
  const style = { primary: "primary", danger: "danger" }[element.style] ?? "";
  const props = {
    class: `button ${style}`,
    "aria-label": element.accessibility_label,
    dataset: { ...marks(element, block, ctx), value: element.value },
    on: {
      click: () =>
        ctx.act(element, block, { text: element.text, value: element.value, style: element.style }),
    },
  };
  const content = h("span", { class: "button-text", dir: "auto" }, textNodes(element.text, ctx.names));
  if (!element.url) return h("button", { ...props, type: "button" }, content);
  return h(
    "a",
    { ...props, href: safe(element.url), target: "_blank", rel: "noopener noreferrer nofollow" },
    content,
  );
}

function overflow(element, block, ctx) {
  const items = () =>
    element.options.map((option) => ({
      label: bare(option.text),
      description: bare(option.description),
      href: option.url ? safe(option.url) : null,
      dataset: { ...marks(element, block, ctx), value: option.value },
      run: () => ctx.act(element, block, { selected_option: option }),
    }));
  return menuButton({
    label: t("Meer acties"),
    content: icon("dots"),
    className: "button square",
    items,
    dataset: marks(element, block, ctx),
  });
}

function safe(address) {
  return /^(https?|mailto|tel):/i.test(address) ? address : null;
}
