// Elements in which something is chosen: menus, radio buttons, checkboxes, dates and times.

import { freshId, h } from "./dom.js";
import { entryOf, setEntry } from "./form.js";
import { suggesting } from "./suggest.js";
import { bare, textNodes } from "./texts.js";
import { t } from "./words.js";

const asOption = (value, text) => ({ value, text: { type: "plain_text", text } });

const asPerson = (person) => asOption(person.id, person.real_name || person.name);
const asChannel = (channel) => asOption(channel.id, `#${channel.name}`);

const people = (state) => state.people.filter((person) => !person.is_bot).map(asPerson);
const channels = (state) => state.channels.filter((channel) => channel.kind !== "im").map(asChannel);

// https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object
function conversations(state, { filter = {} }) {
  const wants = (kind) => !filter.include || filter.include.includes(kind);
  const rooms = state.channels.filter(
    (channel) =>
      channel.kind !== "im" &&
      wants(channel.private ? "private" : "public") &&
      !(filter.exclude_external_shared_channels && channel.shared),
  );
  const others = state.people.filter((person) => wants("im") && !(filter.exclude_bot_users && person.is_bot));
  return [...rooms.map(asChannel), ...others.map(asPerson)];
}

// The list that a menu offers, and the field of the entry in which the choice is sent.
const KINDS = {
  static_select: { field: "option", whole: true },
  users_select: { field: "user", list: people },
  channels_select: { field: "channel", list: channels },
  conversations_select: { field: "conversation", list: conversations },
};

/** Element type → drawing function. */
export const choices = {
  ...Object.fromEntries(
    Object.entries(KINDS).map(([type, kind]) => [type, (...args) => menu(kind, ...args)]),
  ),
  ...Object.fromEntries(
    Object.entries(KINDS).map(([type, kind]) => [`multi_${type}`, (...args) => many(kind, ...args)]),
  ),
  external_select: suggesting,
  checkboxes: (...args) => many(KINDS.static_select, ...args),
  radio_buttons: radios,
  datepicker: (...args) => moment("date", "date", ...args),
  timepicker: (...args) => moment("time", "time", ...args),
  datetimepicker: dateTime,
};

function menu(kind, element, block, ctx, wiring) {
  const groups = offered(kind, element, ctx.state);
  const options = groups.flatMap((group) => group.options);
  const [name, initial] = [`selected_${kind.field}`, `initial_${kind.field}`];
  const selected = entryOf(ctx.form, block, element, { [name]: element[initial] ?? null })[name];
  const select = h(
    "select",
    { ...named(element, wiring), class: "select", dataset: ctx.marks(element, block) },
    h("option", { value: "" }, bare(element.placeholder) || t("Kies …")),
    groups.map((group) =>
      group.label
        ? h("optgroup", { label: group.label }, optionNodes(group.options))
        : optionNodes(group.options),
    ),
  );
  select.value = selected ? (kind.whole ? selected.value : selected) : "";
  select.addEventListener("change", async () => {
    const option = options.find((each) => each.value === select.value);
    const before = entryOf(ctx.form, block, element)[name];
    const content = { [name]: option ? (kind.whole ? option : option.value) : null };
    setEntry(ctx.form, block, element, content);
    if ((await ctx.changed(element, block, content)) !== false) return;
    setEntry(ctx.form, block, element, { [name]: before });
    select.value = before ? (kind.whole ? before.value : before) : "";
  });
  return select;
}

function many(kind, element, block, ctx, wiring) {
  const options = offered(kind, element, ctx.state).flatMap((group) => group.options);
  const [name, initial] = [`selected_${kind.field}s`, `initial_${kind.field}s`];
  const first = entryOf(ctx.form, block, element, { [name]: element[initial] ?? [] })[name];
  const chosen = new Set(first.map((each) => (kind.whole ? each.value : each)));
  const change = (option) => (event) => {
    if (event.target.checked) chosen.add(option.value);
    else chosen.delete(option.value);
    const content = {
      [name]: options
        .filter((each) => chosen.has(each.value))
        .map((each) => (kind.whole ? each : each.value)),
    };
    setEntry(ctx.form, block, element, content);
    ctx.changed(element, block, content);
  };
  const boxes = options.map((option) =>
    choice("checkbox", option, element, ctx, chosen.has(option.value), change(option)),
  );
  return group(element, block, ctx, wiring, "group", boxes);
}

function radios(element, block, ctx, wiring) {
  const selected = entryOf(ctx.form, block, element, {
    selected_option: element.initial_option ?? null,
  }).selected_option;
  const name = freshId("radio");
  const change = (option) => () => {
    setEntry(ctx.form, block, element, { selected_option: option });
    ctx.changed(element, block, { selected_option: option });
  };
  const buttons = element.options.map((option) =>
    choice("radio", option, element, ctx, selected?.value === option.value, change(option), name),
  );
  return group(element, block, ctx, wiring, "radiogroup", buttons);
}

function choice(type, option, element, ctx, checked, change, name = null) {
  const id = freshId("description");
  const input = h("input", {
    type,
    name,
    checked,
    value: option.value,
    "aria-describedby": option.description ? id : null,
    dataset: { value: option.value },
    on: { change },
  });
  const description = option.description && h("small", { id }, textNodes(option.description, ctx.names));
  return h(
    "label",
    { class: "choice" },
    input,
    h("span", { dir: "auto" }, textNodes(option.text, ctx.names), description),
  );
}

function group(element, block, ctx, wiring, role, nodes) {
  const long = nodes.length > 8 ? "long" : "";
  const label = wiring.labelledby ? {} : { "aria-label": bare(element.placeholder) || t("Keuze") };
  return h(
    "div",
    {
      class: `choices ${long}`,
      role,
      id: wiring.id,
      "aria-labelledby": wiring.labelledby,
      "aria-describedby": wiring.describedby,
      ...label,
      dataset: ctx.marks(element, block),
    },
    nodes,
  );
}

function moment(type, field, element, block, ctx, wiring) {
  const name = `selected_${field}`;
  const value = entryOf(ctx.form, block, element, { [name]: element[`initial_${field}`] ?? null })[name];
  return momentInput(type, value ?? "", element, block, ctx, wiring, (text) => ({ [name]: text || null }));
}

function dateTime(element, block, ctx, wiring) {
  const seconds = entryOf(ctx.form, block, element, {
    selected_date_time: element.initial_date_time ?? null,
  }).selected_date_time;
  const local = (moment) =>
    new Date(moment * 1000 - new Date(moment * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  const read = (text) => ({ selected_date_time: text ? Math.floor(new Date(text).getTime() / 1000) : null });
  return momentInput("datetime-local", seconds ? local(seconds) : "", element, block, ctx, wiring, read);
}

function momentInput(type, value, element, block, ctx, wiring, read) {
  const change = (event) => {
    const content = read(event.target.value);
    setEntry(ctx.form, block, element, content);
    ctx.changed(element, block, content);
  };
  return h("input", {
    type,
    class: "input moment",
    value,
    ...named(element, wiring),
    dataset: ctx.marks(element, block),
    on: { change },
  });
}

function offered(kind, element, state) {
  if (kind.list) return [{ options: kind.list(state, element) }];
  if (element.option_groups)
    return element.option_groups.map((each) => ({ label: bare(each.label), options: each.options }));
  return [{ options: element.options ?? [] }];
}

function optionNodes(options) {
  return options.map((option) => h("option", { value: option.value }, bare(option.text)));
}

function named(element, { id, labelledby, describedby }) {
  const label = labelledby ? null : bare(element.placeholder) || t("Keuze");
  return { id, "aria-describedby": describedby, "aria-label": label };
}
