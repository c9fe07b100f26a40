// Sends clicks in blocks to the server, after a confirmation where the app asks for one.

import { askConfirm } from "./dialogs.js";
import { namesOf } from "./store.js";

/**
 * The context in which blocks are drawn. `container` is Slack's: {type: "message", channel, ts} or {type: "view", view_id};
 * `level` is the heading level of header blocks there.
 */
export function contextOf(page, container, level) {
  const key = containerKey(container);
  const { state } = page.store;
  const ctx = { key, level, state, form: page.forms.of(key), names: namesOf(state) };
  ctx.suggest = (element, block, typed) => suggest(page, container, ctx, element, block, typed);
  ctx.act = (element, block, content) => act(page, container, ctx, element, block, content);
  return ctx;
}

/** A key for a message or a view. */
export function containerKey(container) {
  return container.type === "view"
    ? `view:${container.view_id}`
    : `message:${container.channel}/${container.ts}`;
}

async function act(page, container, ctx, element, block, content) {
  const key = `${ctx.key}:${block.block_id}:${element.action_id}`;
  const { busy } = page.store.state;
  if (element.type === "button" && busy.has(key)) return false;
  if (busy.has(`submit:${container.view_id}`)) return false; // a change just before the modal was sent
  if (element.confirm && !(await askConfirm(element.confirm, ctx.names))) return false;
  const action = { type: element.type, action_id: element.action_id, block_id: block.block_id, ...content };
  return page.send({ type: "action", key, container, action, state: { values: ctx.form.values } });
}

// The options that the app offers for a typed text. Of two questions before an answer, only the last is answered.
function suggest(page, { view_id }, ctx, element, block, typed) {
  const key = `${ctx.key}:${block.block_id}:${element.action_id}`;
  const where = { view_id, block_id: block.block_id, action_id: element.action_id };
  return new Promise((resolve) => {
    page.asked.set(key, resolve);
    page.send({ type: "suggest", key, ...where, typed });
  });
}

/** Mark the elements that wait for an answer of the app. */
export function paintBusy({ busy }, root = document) {
  for (const node of root.querySelectorAll("[data-key]")) {
    if (busy.has(node.dataset.key)) node.setAttribute("aria-busy", "true");
    else node.removeAttribute("aria-busy");
  }
}
