// Build DOM nodes. Text enters the page only as text nodes and attributes, never as markup.

const MOVES = Symbol("says the time again");
const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element: `h("button", {class: "x", dataset: {…}, on: {click}}, "text", node)`.
 * `null`, `undefined` and `false` attributes and children are left out.
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Make an SVG element, in the same way as `h`. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "dataset") {
      for (const [key, entry] of Object.entries(value))
        if (entry !== null && entry !== undefined) node.dataset[key] = entry;
    } else if (name === "vars") {
      for (const [key, entry] of Object.entries(value)) node.style.setProperty(`--${key}`, entry);
    } else if (name === "value") {
      node.value = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  append(node, children);
  return node;
}

/** Add children (nested lists, nodes, strings); empty ones are skipped. */
export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child);
  }
  return node;
}

/** Text for screen readers only. */
export function spoken(text) {
  return h("span", { class: "sr-only" }, text);
}

/** Text of a stranger, with its own writing direction, which does not affect the text around it. */
export function isolated(text) {
  return h("bdi", { dir: "auto" }, text);
}

/**
 * Make `nodes`, in this order, the children of `parent`. Only what differs is touched,
 * so that a node that stays keeps its focus, caret and scroll position.
 */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, at) => {
    if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
  });
}

/** A moment in words that go on with time, as "1 min"; `words(date)` says it. `keepTime` keeps them true. */
export function movingTime(date, words, props = {}) {
  const node = h("time", { datetime: date.toISOString(), ...props }, words(date));
  node[MOVES] = () => {
    const now = words(date);
    if (node.textContent !== now) node.textContent = now;
  };
  node.dataset.moves = "";
  return node;
}

/** Bring the words of every moving time on the page up to now. */
export function keepTime() {
  for (const node of document.querySelectorAll("[data-moves]")) node[MOVES]();
}

/** A new id, to link a label or a description to its field. */
export function freshId(prefix) {
  return `${prefix}-${Math.random().toString(36).slice(2)}`;
}
