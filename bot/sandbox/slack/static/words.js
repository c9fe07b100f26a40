// The words of the page: Dutch in the code, English from a catalogue when the document is in English.

const ENGLISH = document.documentElement.lang === "en";
const WORDS = ENGLISH ? await (await fetch(new URL("./en.json", import.meta.url))).json() : {};

/** Return a sentence in the language of the page, with its {names} filled in. */
export function t(dutch, named = {}) {
  return (WORDS[dutch] ?? dutch).replace(/\{(\w+)\}/g, (whole, name) => named[name] ?? whole);
}

/** The locale for numbers and dates: the day before the month, as in Dutch. */
export function locale() {
  return ENGLISH ? "en-GB" : "nl-NL";
}
