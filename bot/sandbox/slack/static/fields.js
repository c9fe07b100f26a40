// Elements in which something is typed: text, numbers, addresses.

import { h } from "./dom.js";
import { entryOf, setEntry } from "./form.js";
import { bare } from "./texts.js";
import { t } from "./words.js";

const PAUSE = 300; // ms of silence after which typed characters are sent

/** The event that an input gets before its form goes away: it sends what was typed last. */
export const LEAVING = "leaving";

const KEYBOARDS = { number_input: "decimal", url_text_input: "url", email_text_input: "email" };

/** Element type → drawing function. */
export const fields = {
  plain_text_input: field,
  number_input: field,
  url_text_input: field,
  email_text_input: field,
  file_input: files,
};

// The file goes to the server at once; the form keeps how that describes it. Only one is asked for at a time here.
function files(element, block, ctx, wiring) {
  const chosen = entryOf(ctx.form, block, element, { files: [] }).files ?? [];
  const kinds = (element.filetypes ?? []).map((kind) => `.${kind}`).join(",");
  const named = h("span", { class: "file-name", role: "status" });
  const remove = h("button", { type: "button", class: "link-button" }, t("Haal weg"));
  const input = h("input", {
    type: "file",
    class: "sr-only",
    id: wiring.id,
    accept: kinds || null,
    "aria-describedby": wiring.describedby || null,
    dataset: ctx.marks(element, block),
  });
  const keep = (described) => {
    setEntry(ctx.form, block, element, { files: described });
    named.textContent = described.map((file) => file.name).join(", ");
    remove.hidden = !described.length;
  };
  keep(chosen);
  input.addEventListener("change", async () => {
    if (!input.files.length) return;
    const described = await give(input.files[0], ctx.state.me);
    keep(described ? [described] : []);
    if (!described) named.textContent = t("Dit bestand is te groot of leeg.");
    input.value = "";
  });
  remove.addEventListener("click", () => {
    keep([]);
    input.focus();
  });
  const choose = h("label", { class: "button", for: wiring.id }, t("Kies een bestand"));
  return h("div", { class: "file-input" }, input, choose, named, remove);
}

async function give(file, person) {
  const asked = new URLSearchParams({ person, name: file.name });
  const answer = await fetch(`page/files?${asked}`, { method: "POST", body: file });
  return answer.ok ? answer.json() : null;
}

function field(element, block, ctx, wiring) {
  const value = entryOf(ctx.form, block, element, { value: element.initial_value ?? null }).value ?? "";
  const counted = counter(element, wiring);
  const described = [wiring.describedby, counted?.id].filter(Boolean).join(" ");
  const input = h(element.multiline ? "textarea" : "input", {
    class: "input",
    id: wiring.id,
    type: element.multiline ? null : "text",
    rows: element.multiline ? 5 : null,
    inputmode: KEYBOARDS[element.type],
    dir: "auto",
    autocomplete: "off",
    placeholder: bare(element.placeholder) || null,
    "aria-describedby": described || null,
    "aria-label": wiring.labelledby ? null : bare(element.placeholder) || t("Invoer"),
    dataset: { ...ctx.marks(element, block), autofocus: element.focus_on_load ? "yes" : null },
    value,
  });
  const count = () => counted?.show(input.value);
  count();
  input.addEventListener("input", () => {
    setEntry(ctx.form, block, element, { value: input.value || null });
    count();
  });
  dispatching(input, element, block, ctx);
  return h("div", { class: "field-input" }, input, counted?.node);
}

// https://docs.slack.dev/reference/block-kit/composition-objects/dispatch-action-configuration-object
function dispatching(input, element, block, ctx) {
  if (block.type === "input" && !block.dispatch_action) return;
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const act = () => input.isConnected && ctx.act(element, block, { value: input.value });
  if (triggers.includes("on_character_entered")) {
    let timer = 0;
    const send = () => {
      timer = 0;
      act();
    };
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(send, PAUSE);
    });
    input.addEventListener(LEAVING, () => {
      if (!timer) return;
      clearTimeout(timer);
      send();
    });
  }
  if (triggers.includes("on_enter_pressed")) {
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      act();
    });
  }
}

function counted(length, min, max) {
  const count = max ? t("{length} / {max} tekens", { length, max }) : t("{length} tekens", { length });
  return min && length < min ? t("{count}, ten minste {min}", { count, min }) : count;
}

function counter({ type, min_length: min, max_length: max }, { id }) {
  if (type !== "plain_text_input" || !(min || max) || !id) return null;
  const node = h("p", { class: "counter", id: `${id}-count` });
  const show = (value) => {
    const length = [...value].length;
    const over = max && length > max;
    node.textContent = over
      ? t("{n} te veel ({length} / {max})", { n: length - max, length, max })
      : counted(length, min, max);
    node.classList.toggle("over", Boolean(over));
  };
  return { id: node.id, node, show };
}
