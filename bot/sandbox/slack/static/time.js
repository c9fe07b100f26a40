// Moments as text, in the reader's own time zone.

import { locale, t } from "./words.js";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

// The workspace's clock, which may be faster than real time: its time `now` at the real time `at` (seconds).
let clock = { now: Date.now() / 1000, at: Date.now() / 1000, speed: 1 };

/** Use the workspace's clock from now on: it shows `now` and goes `speed` times as fast as real time. */
export function setClock({ now, speed }) {
  clock = { now, at: Date.now() / 1000, speed };
}

/** The time in the workspace. */
export function present() {
  return new Date((clock.now + (Date.now() / 1000 - clock.at) * clock.speed) * 1000);
}

const format = (options) => (date) => new Intl.DateTimeFormat(locale(), options).format(date);

const time = format({ hour: "2-digit", minute: "2-digit" });
const full = format({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const weekDay = format({ weekday: "long" });
const longDay = format({ weekday: "long", day: "numeric", month: "long" });

// The tokens of <!date^…>: https://docs.slack.dev/messaging/formatting-message-text#date-formatting
const TOKENS = {
  date_num: format({ year: "numeric", month: "2-digit", day: "2-digit" }),
  date_slash: format({ year: "numeric", month: "2-digit", day: "2-digit" }),
  date: format({ day: "numeric", month: "long", year: "numeric" }),
  date_short: format({ day: "numeric", month: "short", year: "numeric" }),
  date_long: format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  date_long_full: format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
  time,
  time_secs: format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
};

/** The moment of a message: its `ts` is seconds since 1970 with a fraction that makes it unique. */
export function momentOf(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

/** "14:05". */
export function clockTime(date) {
  return time(date);
}

/** "dinsdag". */
export function weekday(date) {
  return weekDay(date);
}

/** "dinsdag 24 november 2026 om 14:05", for tooltips and screen readers. */
export function fullMoment(date) {
  return full(date);
}

/** "Vandaag", "Gisteren" or "maandag 23 november". */
export function dayName(date, now = present()) {
  const days = daysBetween(date, now);
  if (days === 0) return t("Vandaag");
  if (days === 1) return t("Gisteren");
  return capital(longDay(date));
}

/** "zojuist", "5 min", "3 u" or the date: how long ago it was. */
export function ago(date, now = present()) {
  const seconds = Math.max(0, (now - date) / 1000);
  if (seconds < MINUTE) return t("zojuist");
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return t("{n} u", { n: Math.floor(seconds / HOUR) });
  return TOKENS.date_short(date);
}

/** The reader's time zone, in which all of this is written: "Europe/Amsterdam". */
export function zoneName() {
  return new Intl.DateTimeFormat(locale()).resolvedOptions().timeZone;
}

/** Fill the tokens of Slack's `<!date^…>` format string, as "{date_short_pretty} om {time}". */
export function fillDate(pattern, date, now = present()) {
  return pattern.replace(/\{([a-z_]+)\}/g, (whole, token) => {
    if (token === "ago") return ago(date, now);
    const pretty = token.endsWith("_pretty");
    const name = pretty ? token.slice(0, -"_pretty".length) : token;
    const days = daysBetween(date, now);
    if (pretty && Math.abs(days) <= 1) return { 0: t("vandaag"), 1: t("gisteren"), [-1]: t("morgen") }[days];
    return TOKENS[name]?.(date) ?? whole;
  });
}

function daysBetween(date, now) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(now) - midnight(date)) / (DAY * 1000));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
