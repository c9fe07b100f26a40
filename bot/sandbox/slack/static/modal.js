// The modal stack: one dialog that shows the top view, keeps typed text, and restores the focus when it closes.

import { renderBlocks, showErrors } from "./blocks.js";
import { toast } from "./dialogs.js";
import { h } from "./dom.js";
import { LEAVING } from "./fields.js";
import { problems } from "./form.js";
import { icon } from "./icons.js";
import { containerKey, contextOf, paintBusy } from "./interact.js";
import { bare } from "./texts.js";
import { t } from "./words.js";

const FIELDS = "input, textarea, select, .block [data-action-id]";

/** Put the modal dialog on the page and update it with the store. */
export function createModal(page) {
  const { store } = page;
  const parts = drawFrame();
  const shown = { view: null, opener: null, waiting: false };
  document.body.append(parts.dialog);

  const top = () => store.state.views.at(-1);
  const close = () => {
    const view = top();
    if (view) for (const field of parts.blocks.querySelectorAll(FIELDS)) field.dispatchEvent(new Event(LEAVING));
    if (!view || !page.send({ type: "close", key: `close:${view.id}`, view_id: view.id })) return;
    store.receive({ type: "views", views: store.state.views.slice(0, -1) });
  };
  const showProblems = (errors) => {
    const { rest, first } = showErrors(parts.blocks, errors);
    rest.forEach(toast);
    first?.focus();
  };
  parts.dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  for (const button of [parts.back, parts.cross, parts.close]) button.addEventListener("click", close);
  parts.form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(page, top(), showProblems);
  });
  parts.form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    submit(page, top(), showProblems);
  });
  parts.blocks.addEventListener("input", (event) => clearError(event, store.state.errors.get(top()?.id)));
  store.on("views", () => {
    show(page, parts, shown, top());
    forgetClosed(page);
  });
  store.on("view_errors", ({ errors }) => showProblems(errors.get(top()?.id) ?? {}));
  store.on("busy", ({ busy }) => {
    const waiting = busy.has(`submit:${top()?.id}`);
    parts.submit.setAttribute("aria-disabled", String(waiting));
    parts.dialog.setAttribute("aria-busy", String(waiting));
  });
}

function drawFrame() {
  const title = h("h2", { id: "modal-title", tabindex: "-1", dir: "auto" });
  const back = h("button", { type: "button", class: "icon-button", "aria-label": t("Terug") }, icon("arrow"));
  const cross = h(
    "button",
    { type: "button", class: "icon-button", "aria-label": t("Sluiten"), dataset: { test: "modal-close" } },
    icon("close"),
  );
  const blocks = h("div", { class: "blocks modal-blocks" });
  const close = h("button", { type: "button", class: "button" });
  const submit = h("button", {
    type: "submit",
    class: "button primary",
    title: "Ctrl+Enter",
    "aria-keyshortcuts": "Control+Enter Meta+Enter",
    dataset: { test: "modal-submit" },
  });
  const form = h(
    "form",
    { class: "modal-form", novalidate: true },
    h("header", {}, back, title, cross),
    blocks,
    h("footer", {}, h("div", { class: "toasts", role: "alert" }), close, submit),
  );
  const dialog = h(
    "dialog",
    { class: "dialog modal", "aria-labelledby": "modal-title", dataset: { test: "modal" } },
    form,
  );
  return { dialog, form, title, back, cross, blocks, close, submit };
}

function show(page, parts, shown, view) {
  const before = shown.view;
  shown.view = view ?? null;
  if (!view) return hide(parts, shown);
  if (!parts.dialog.open) shown.opener = describeOpener();
  const isNew = before?.id !== view.id;
  if (isNew) parts.blocks.replaceChildren();
  const focused = document.activeElement;
  drawView(page, parts, view);
  if (!parts.dialog.open) parts.dialog.showModal();
  paintBusy(page.store.state, parts.dialog);
  if (isNew) parts.blocks.scrollTop = 0;
  const idle = focused === parts.title || !parts.dialog.contains(document.activeElement);
  const lost = document.activeElement === document.body || document.activeElement.hidden; // as the button that saved
  if (isNew || lost || (shown.waiting && idle)) focusFirst(parts);
  shown.waiting = !parts.blocks.querySelector(FIELDS);
}

function drawView(page, parts, view) {
  const key = `submit:${view.id}`;
  const ctx = contextOf(page, { type: "view", view_id: view.id }, 3);
  for (const [block, entries] of Object.entries(view.state?.values ?? {}))
    ctx.form.values[block] = { ...entries, ...ctx.form.values[block] };
  Object.assign(parts.dialog.dataset, { viewId: view.id, callbackId: view.callback_id ?? "" });
  parts.title.textContent = bare(view.title);
  parts.back.hidden = page.store.state.views.length < 2;
  parts.close.textContent = bare(view.close) || (view.submit ? t("Annuleren") : t("Sluiten"));
  parts.submit.hidden = !view.submit;
  parts.submit.textContent = bare(view.submit);
  parts.submit.dataset.key = key;
  renderBlocks(parts.blocks, view.blocks, ctx);
  showErrors(parts.blocks, page.store.state.errors.get(view.id) ?? {});
}

function hide(parts, shown) {
  if (!parts.dialog.open) return;
  parts.dialog.close();
  parts.blocks.replaceChildren();
  const { key, node, message } = shown.opener;
  const stays = node.isConnected && node !== document.body; // a reload opens a modal from nothing
  const again = stays ? node : key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const firstAction = message?.isConnected && message.querySelector("[data-action-id]");
  (again || firstAction || document.querySelector("#main")).focus();
}

// The message stays when it changes meanwhile, the element that was pressed perhaps not.
function describeOpener() {
  const node = document.activeElement;
  return { node, key: node.dataset?.key, message: node.closest(".message") };
}

function focusFirst({ blocks, title }) {
  const wanted =
    blocks.querySelector("[data-autofocus]") ??
    blocks.querySelector(".field input, .field textarea, .field select");
  (wanted ?? title).focus();
}

function submit(page, view, showProblems) {
  if (!view?.submit || page.store.state.busy.has(`submit:${view.id}`)) return;
  const form = page.forms.of(containerKey({ type: "view", view_id: view.id }));
  const errors = problems(view.blocks, form);
  page.store.state.errors.set(view.id, errors);
  showProblems(errors);
  if (Object.keys(errors).length) return;
  page.send({ type: "submit", key: `submit:${view.id}`, view_id: view.id, state: { values: form.values } });
}

function clearError(event, errors) {
  const field = event.target.closest(".field.invalid");
  if (!field) return;
  if (errors) delete errors[field.dataset.blockId];
  field.classList.remove("invalid");
  field.querySelector(".error").replaceChildren();
  field.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
}

function forgetClosed(page) {
  const open = new Set(page.store.state.views.map((view) => `view:${view.id}`));
  const home = `view:${page.store.state.home?.id}`;
  for (const key of page.forms.keys())
    if (key.startsWith("view:") && key !== home && !open.has(key)) page.forms.drop(key);
}
