// The values of the inputs of one message or view, as Slack's `state.values`: {block_id: {action_id: entry}}.

import { t } from "./words.js";

const LONGEST = 3000; // characters in a field that has no limit of its own, as in ../input_state.py

/** Forms by container ("view:V…", "message:C…/ts"): they survive a redraw, so that no typed text is lost. */
export function createForms() {
  const forms = new Map();
  return {
    of(key) {
      if (!forms.has(key)) forms.set(key, { values: {} });
      return forms.get(key);
    },
    drop(key) {
      forms.delete(key);
    },
    keys: () => [...forms.keys()],
  };
}

/** The entry of an input: what was typed or chosen before, else `first`, which then becomes its entry. */
export function entryOf(form, block, element, first) {
  const entries = (form.values[block.block_id] ??= {});
  if (entries[element.action_id]?.type !== element.type)
    entries[element.action_id] = { type: element.type, ...first };
  return entries[element.action_id];
}

/** Set the entry of an input. */
export function setEntry(form, block, element, entry) {
  (form.values[block.block_id] ??= {})[element.action_id] = { type: element.type, ...entry };
}

/** Remove the entries of inputs that are no longer in the blocks. */
export function prune(form, blocks) {
  const present = new Set(
    blocks.flatMap((block) => elementsOf(block).map((element) => `${block.block_id} ${element.action_id}`)),
  );
  for (const [block, entries] of Object.entries(form.values)) {
    for (const action of Object.keys(entries)) if (!present.has(`${block} ${action}`)) delete entries[action];
    if (!Object.keys(entries).length) delete form.values[block];
  }
}

/** The interactive elements of a block. */
export function elementsOf(block) {
  return [block.element, block.accessory, ...(block.type === "actions" ? block.elements : [])].filter(
    Boolean,
  );
}

/** The content of an entry: its value, option, list, date …; null when it is empty. */
export function contentOf(entry = {}) {
  const { type, ...content } = entry;
  const value = Object.values(content)[0];
  return value === "" || value === undefined || (Array.isArray(value) && !value.length) ? null : value;
}

const PATTERNS = {
  email_text_input: [/^\S+@\S+\.\S+$/, t("Vul een geldig e-mailadres in.")],
  url_text_input: [/^https?:\/\/\S+$/i, t("Vul een webadres in dat begint met https://.")],
};

/** Why Slack itself refuses these inputs, before it asks the app: {block_id: sentence}. */
export function problems(blocks, form) {
  const sentences = {};
  for (const block of blocks) {
    if (block.type !== "input") continue;
    const text = problemOf(
      block,
      block.element,
      contentOf(form.values[block.block_id]?.[block.element.action_id]),
    );
    if (text) sentences[block.block_id] = text;
  }
  return sentences;
}

function problemOf(block, element, content) {
  if (content === null) return block.optional ? null : t("Vul dit veld in.");
  if (element.type === "plain_text_input") return lengthProblem(element, [...content].length);
  if (element.type === "number_input") return numberProblem(element, content);
  const [pattern, text] = PATTERNS[element.type] ?? [];
  return pattern && !pattern.test(content) ? text : null;
}

function lengthProblem({ min_length: min, max_length: max = LONGEST }, length) {
  if (length > max)
    return length - max === 1
      ? t("Dit is {n} teken te lang (maximaal {max}).", { n: 1, max })
      : t("Dit is {n} tekens te lang (maximaal {max}).", { n: length - max, max });
  if (min && length < min) return t("Gebruik ten minste {min} tekens.", { min });
  return null;
}

function numberProblem(element, content) {
  const pattern = element.is_decimal_allowed ? /^-?\d+([.,]\d+)?$/ : /^-?\d+$/;
  if (!pattern.test(content))
    return element.is_decimal_allowed ? t("Vul een getal in.") : t("Vul een heel getal in.");
  const value = Number(content.replace(",", "."));
  if (element.min_value !== undefined && value < Number(element.min_value))
    return t("Vul ten minste {min} in.", { min: element.min_value });
  if (element.max_value !== undefined && value > Number(element.max_value))
    return t("Vul maximaal {max} in.", { max: element.max_value });
  return null;
}
