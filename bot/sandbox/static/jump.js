// Alt+↓ and Alt+↑ go to the next and the previous message that nobody has taken on yet.

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** Follow the keys. A message is open while it has a button with the action `open_action` of the first frame. */
export function jumpBetweenOpen(store) {
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const elsewhere = !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!step || elsewhere || event.target.matches("select") || document.querySelector("dialog[open]")) return;
    const message = nextOpen(store.state.open_action, step);
    if (!message) return;
    event.preventDefault();
    message.focus();
    message.scrollIntoView({ block: "nearest" });
  });
}

// Counted from the message with the focus, else from the ends; after the last comes the first.
function nextOpen(action, step) {
  if (!action) return null;
  const all = [...document.querySelectorAll("#main .message article")];
  const open = all.filter((each) => each.querySelector(`[data-action-id="${CSS.escape(action)}"]`));
  const from = all.findIndex((each) => each.contains(document.activeElement));
  const ahead = open.filter((each) => (all.indexOf(each) - from) * step > 0);
  const ordered = step > 0 ? ahead : ahead.reverse();
  return from < 0 ? open.at(step > 0 ? 0 : -1) : (ordered[0] ?? open.at(step > 0 ? 0 : -1));
}
