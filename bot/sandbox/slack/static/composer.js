// Where a person writes: a message, an answer in a thread, or a slash command with hints.

import { freshId, h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

/**
 * A composer. `target()` says where the text goes: {channel, thread_ts?}; each target has its own draft.
 * `commands()` are the slash commands to hint at, [] in a thread.
 */
export function createComposer(page, { label, target, commands, test }) {
  const ids = { text: freshId("composer"), hints: freshId("hints") };
  const hints = h("ul", {
    class: "hints",
    id: ids.hints,
    role: "listbox",
    "aria-label": t("Opdrachten"),
    hidden: true,
  });
  const text = h("textarea", {
    id: ids.text,
    class: "composer-text",
    rows: 1,
    dir: "auto",
    "aria-label": label,
    "aria-autocomplete": "list",
    "aria-controls": ids.hints,
    dataset: { test },
  });
  const send = h(
    "button",
    {
      type: "submit",
      class: "button primary send",
      "aria-label": t("Verstuur"),
      title: t("Verstuur (Enter)"),
      disabled: true,
      dataset: { test: `${test}-send` },
    },
    icon("send"),
  );
  const form = h("form", { class: "composer" }, hints, h("div", { class: "composer-box" }, text, send));
  const drafts = new Map();
  const here = () => Object.values(target()).join("/");
  const picker = hintPicker(text, hints, commands);

  const changed = () => {
    send.disabled = !text.value.trim();
    drafts.set(here(), text.value);
    picker.show();
  };
  const submit = () => {
    if (!text.value.trim()) return;
    const written = text.value.trim();
    const sent = page.send({
      type: "post",
      key: `post:${here()}`,
      text: outgoing(written, page.store.state),
      ...target(),
    });
    if (!sent) return;
    text.value = "";
    changed();
  };
  text.addEventListener("input", changed);
  text.addEventListener("keydown", (event) => {
    if (event.isComposing || picker.key(event)) return;
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    submit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    text.focus();
  });
  return {
    node: form,
    focus: () => text.focus(),
    show(placeholder) {
      text.placeholder = placeholder;
      text.value = drafts.get(here()) ?? "";
      send.disabled = !text.value.trim();
      picker.show();
    },
  };
}

const ADDRESS = /(https?:\/\/[^\s<>|]*[^\s<>|.,;:!?'")\]])/;

// Like Slack's composer: escape the three markup characters, and turn web addresses into links and names into mentions.
// A command is sent as typed.
function outgoing(text, { commands, people, channels }) {
  if (commands.some(({ command }) => command === text.split(/\s/)[0])) return text;
  const parts = text.split(ADDRESS); // every second one is an address
  const withNames = (part) => named(escaped(part), people, channels);
  return parts.map((part, at) => (at % 2 ? `<${escaped(part)}>` : withNames(part))).join("");
}

function escaped(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/(?!^)>/gm, "&gt;");
}

function named(text, people, channels) {
  return text.replace(/(^|[^\p{L}\p{N}&;])([@#])([\p{L}\p{N}._-]*[\p{L}\p{N}])/gu, (whole, before, sign, name) => {
    const list = sign === "@" ? people : channels;
    const mentioned = list.find((each) => each.name?.toLowerCase() === name.toLowerCase());
    return mentioned ? `${before}<${sign}${mentioned.id}>` : whole;
  });
}

function hintPicker(text, list, commands) {
  let chosen = -1;
  let offered = [];
  const paint = () => {
    list.hidden = !offered.length;
    list.replaceChildren(
      ...offered.map((command, at) => hint(command, at, list.id, at === chosen, () => take(at))),
    );
    if (chosen >= 0) text.setAttribute("aria-activedescendant", `${list.id}-${chosen}`);
    else text.removeAttribute("aria-activedescendant");
  };
  const take = (at) => {
    text.value = `${offered[at].command} `;
    text.dispatchEvent(new Event("input"));
    text.focus();
  };
  return {
    show() {
      const typed = text.value;
      offered = /^\/\S*$/.test(typed)
        ? commands().filter(({ command }) => command.startsWith(typed))
        : exact(typed, commands());
      chosen = -1;
      paint();
    },
    key(event) {
      if (!offered.length) return false;
      const open = /^\/\S*$/.test(text.value);
      if (event.key === "Escape") offered = [];
      else if (open && event.key === "ArrowDown") chosen = (chosen + 1) % offered.length;
      else if (open && event.key === "ArrowUp") chosen = (chosen + offered.length - 1) % offered.length;
      else if (open && event.key === "Tab" && !event.shiftKey) take(Math.max(0, chosen));
      else if (open && event.key === "Enter" && chosen >= 0) take(chosen);
      else return false;
      event.preventDefault();
      paint();
      return true;
    },
  };
}

// While its arguments are typed, the hint of a command stays visible.
function exact(typed, commands) {
  return commands.filter(({ command }) => typed.startsWith(`${command} `));
}

function hint({ command, description, usage_hint: usage }, at, list, selected, take) {
  const press = (event) => {
    event.preventDefault();
    take();
  };
  return h(
    "li",
    { id: `${list}-${at}`, role: "option", "aria-selected": String(selected), on: { pointerdown: press } },
    h("strong", {}, command),
    usage && h("code", {}, usage),
    h("span", {}, description),
  );
}
