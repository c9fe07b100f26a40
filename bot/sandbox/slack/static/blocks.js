// Block Kit blocks as DOM: https://docs.slack.dev/reference/block-kit/blocks

import { chartBlock } from "./charts.js";
import { arrange, freshId, h, spoken } from "./dom.js";
import { drawElement, marks, notice, picture } from "./elements.js";
import { prune } from "./form.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { richText } from "./richtext.js";
import { dataTable, tableBlock } from "./tables.js";
import { textNodes } from "./texts.js";
import { t } from "./words.js";

const SOURCE = Symbol("the block a node was drawn from");

const BLOCKS = {
  section,
  header: (block, ctx) =>
    h(
      "div",
      { class: "header", role: "heading", "aria-level": ctx.level, dir: "auto" },
      textNodes(block.text, ctx.names),
    ),
  context: (block, ctx) =>
    h(
      "div",
      {},
      (block.elements ?? []).map((element) => contextPart(element, ctx)),
    ),
  actions: (block, ctx) =>
    h(
      "div",
      { role: "group", "aria-label": t("Acties") },
      block.elements.map((element) => drawElement(element, block, ctx)),
    ),
  divider: () => h("hr"),
  image: imageBlock,
  input,
  rich_text: (block, ctx) => h("div", { class: "rich" }, richText(block, ctx.names)),
  markdown: (block) => h("div", { class: "rich" }, markdown(block.text)),
  table: (block, ctx) => tableBlock(block, ctx.names),
  data_table: (block, ctx) => dataTable(block, ctx.names),
  data_visualization: (block) => chartBlock(block),
  alert,
};

const LEVELS = {
  default: ["info", t("Ter info")],
  info: ["info", t("Ter info")],
  warning: ["warning", t("Let op")],
  error: ["error", t("Fout")],
  success: ["check", t("Gelukt")],
};

/**
 * Show blocks in a container. The nodes of unchanged blocks stay, and so does the caret.
 * `ctx`: {key, form, state, names, level, act(element, block, content)}; `act` returns false when the person cancelled.
 */
export function renderBlocks(container, blocks, ctx) {
  const numbered = blocks.map((block, at) =>
    block.block_id ? block : { ...block, block_id: `block-${at}` },
  );
  const full = {
    ...ctx,
    marks: (element, block) => marks(element, block, ctx),
    changed: whenDispatching(ctx),
  };
  const caret = caretIn(container);
  const old = new Map([...container.children].map((node) => [node.dataset.block, node]));
  const nodes = numbered.map((block) => {
    const source = JSON.stringify(block);
    const existing = old.get(block.block_id);
    if (existing?.[SOURCE] === source) return existing;
    const node = drawBlock(block, full);
    node[SOURCE] = source;
    return node;
  });
  arrange(container, nodes);
  prune(ctx.form, numbered);
  restore(container, caret);
}

function drawBlock(block, ctx) {
  const draw = BLOCKS[block.type];
  const node = draw ? draw(block, ctx) : notice(block.type);
  node.classList.add("block", `block-${block.type}`);
  node.dataset.block = block.block_id;
  return node;
}

// A change of an input is an action only when its block says so; elsewhere every change is one.
function whenDispatching(ctx) {
  return (element, block, content) =>
    block.type === "input" && !block.dispatch_action ? true : ctx.act(element, block, content);
}

function caretIn(container) {
  const active = document.activeElement;
  if (!container.contains(active)) return null;
  const { blockId, actionId } = active.closest("[data-action-id]")?.dataset ?? {};
  return {
    blockId,
    actionId,
    value: active.dataset?.value,
    start: active.selectionStart,
    end: active.selectionEnd,
  };
}

function restore(container, caret) {
  if (!caret || container.contains(document.activeElement)) return;
  const place = [...container.querySelectorAll("[data-action-id]")];
  const same = place.find(
    (node) => node.dataset.blockId === caret.blockId && node.dataset.actionId === caret.actionId,
  );
  const chosen = same?.querySelector(`[data-value="${CSS.escape(caret.value ?? "")}"]`);
  const node = chosen ?? control(same ?? place[0]);
  node?.focus();
  if (same && typeof caret.start === "number") node.setSelectionRange?.(caret.start, caret.end);
}

// What takes the focus: of a group of boxes the first one, of anything else the element itself.
function control(node) {
  return node?.matches("[role=group], [role=radiogroup]") ? node.querySelector("input") : node;
}

function section(block, ctx) {
  const text = block.text && h("div", { class: "text", dir: "auto" }, textNodes(block.text, ctx.names));
  const fields =
    block.fields &&
    h(
      "div",
      { class: "fields" },
      block.fields.map((field) => h("div", { class: "text", dir: "auto" }, textNodes(field, ctx.names))),
    );
  const accessory =
    block.accessory && h("div", { class: "accessory" }, drawElement(block.accessory, block, ctx));
  return h(
    "div",
    { class: accessory ? "with-accessory" : null },
    h("div", { class: "section-body" }, text, fields),
    accessory,
  );
}

function contextPart(element, ctx) {
  if (element.type === "image") return picture(element.image_url, element.alt_text ?? "", "pic-tiny");
  return h("div", { class: "text", dir: "auto" }, textNodes(element, ctx.names));
}

function imageBlock(block, ctx) {
  const title = block.title && h("figcaption", {}, textNodes(block.title, ctx.names));
  const address = block.image_url ?? block.slack_file?.url;
  return h(
    "figure",
    {},
    title,
    picture(address, block.alt_text ?? "", "large"),
    !sameOrigin(address) && h("p", { class: "alt" }, block.alt_text),
  );
}

function sameOrigin(address) {
  return Boolean(address) && new URL(address, location.href).origin === location.origin;
}

const GROUPED = /^(radio_buttons|checkboxes|multi_)/;

function input(block, ctx) {
  const id = freshId("field");
  const wiring = {
    id,
    labelledby: `${id}-label`,
    describedby: `${id}-error${block.hint ? ` ${id}-hint` : ""}`,
  };
  const grouped = GROUPED.test(block.element.type);
  const optional = block.optional && h("span", { class: "optional" }, ` ${t("(optioneel)")}`);
  return h(
    "div",
    { class: "field", dataset: { blockId: block.block_id } },
    h(
      grouped ? "div" : "label",
      { class: "label", id: wiring.labelledby, for: grouped ? null : id },
      textNodes(block.label, ctx.names),
      optional,
    ),
    drawElement(block.element, block, ctx, wiring),
    h("p", { class: "error", id: `${id}-error` }),
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, textNodes(block.hint, ctx.names)),
  );
}

function alert(block, ctx) {
  const [sign, word] = LEVELS[block.level] ?? LEVELS.default;
  return h(
    "div",
    { class: `level-${block.level ?? "default"}`, role: "note" },
    icon(sign),
    h("div", { class: "text" }, spoken(`${word}: `), textNodes(block.text, ctx.names)),
  );
}

/** Show each error at its input; returns the errors that have no input, and the first field with an error. */
export function showErrors(container, errors) {
  const rest = { ...errors };
  let first = null;
  for (const node of container.querySelectorAll(".field")) {
    const text = errors[node.dataset.blockId] ?? "";
    delete rest[node.dataset.blockId];
    const element = node.querySelector("[data-action-id]");
    node.querySelector(".error").replaceChildren(...(text ? [icon("warning"), text] : []));
    node.classList.toggle("invalid", Boolean(text));
    if (text) element?.setAttribute("aria-invalid", "true");
    else element?.removeAttribute("aria-invalid");
    if (text && !first) first = control(element);
  }
  return { rest: Object.values(rest), first };
}
