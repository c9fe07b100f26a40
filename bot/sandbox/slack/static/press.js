// A click is meant for what was there when the pointer went down: until it is up, nothing on the page changes.

const PRESSABLE = "button, a, label, [role=button], [role=menuitem], [role=option]";
const LONGEST = 1000; // ms; a pointer that goes up elsewhere is not always reported

/** Wrap `act` so that what it is called with during a press waits for the end of it, in order. */
export function afterPress(act) {
  const waiting = [];
  let timer = 0;
  let pressed = false;
  const end = () => {
    clearTimeout(timer);
    pressed = false;
    for (const each of waiting.splice(0)) act(each);
  };
  const soon = () => pressed && setTimeout(end); // the click comes after pointerup, in the same task
  addEventListener(
    "pointerdown",
    ({ target }) => {
      if (!target.closest?.(PRESSABLE)) return;
      pressed = true;
      clearTimeout(timer);
      timer = setTimeout(end, LONGEST);
    },
    true,
  );
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, soon, true);
  addEventListener("blur", soon); // of the window alone: an element loses the focus at each press
  return (each) => (pressed ? waiting.push(each) : act(each));
}
