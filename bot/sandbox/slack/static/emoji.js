// The common emoji by their Slack names. Any other name stays as written.

import { sign, withSigns } from "./signs.js";

const BY_NAME = new Map(
  Object.entries({
    "+1": "👍", "-1": "👎", "thumbsup": "👍", "thumbsdown": "👎", "wave": "👋", "pray": "🙏", "clap": "👏",
    "raised_hands": "🙌", "raised_hand": "✋", "hand": "✋", "point_right": "👉", "point_left": "👈", "point_up": "☝️",
    "point_down": "👇", "muscle": "💪", "eyes": "👀", "heart": "❤️", "green_heart": "💚", "broken_heart": "💔",
    "smile": "😄", "slightly_smiling_face": "🙂", "smiley": "😃", "grinning": "😀", "joy": "😂", "wink": "😉",
    "thinking_face": "🤔", "neutral_face": "😐", "confused": "😕", "cry": "😢", "sob": "😭", "angry": "😠", "rage": "😡",
    "sweat_smile": "😅", "partying_face": "🥳", "white_check_mark": "✅", "heavy_check_mark": "✔️",
    "ballot_box_with_check": "☑️", "x": "❌", "negative_squared_cross_mark": "❎", "warning": "⚠️", "no_entry": "⛔",
    "no_entry_sign": "🚫", "rotating_light": "🚨", "exclamation": "❗", "question": "❓", "bangbang": "‼️",
    "red_circle": "🔴", "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "large_green_circle": "🟢",
    "large_blue_circle": "🔵", "large_purple_circle": "🟣", "large_brown_circle": "🟤", "white_circle": "⚪",
    "black_circle": "⚫", "large_red_square": "🟥", "large_orange_square": "🟧", "large_yellow_square": "🟨",
    "large_green_square": "🟩", "large_blue_square": "🟦", "white_large_square": "⬜", "black_large_square": "⬛",
    "bell": "🔔", "no_bell": "🔕", "mega": "📣", "loudspeaker": "📢", "speech_balloon": "💬", "left_speech_bubble": "🗨️",
    "thought_balloon": "💭", "email": "✉️", "envelope": "✉️", "incoming_envelope": "📨", "inbox_tray": "📥",
    "outbox_tray": "📤", "mailbox_with_mail": "📬", "telephone_receiver": "📞", "phone": "☎️", "iphone": "📱",
    "computer": "💻", "globe_with_meridians": "🌐", "link": "🔗", "paperclip": "📎", "pushpin": "📌",
    "round_pushpin": "📍", "memo": "📝", "pencil": "📝", "pencil2": "✏️", "clipboard": "📋", "page_facing_up": "📄",
    "file_folder": "📁", "bar_chart": "📊", "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉",
    "calendar": "📆", "date": "📅", "spiral_calendar_pad": "🗓️", "hourglass": "⌛", "hourglass_flowing_sand": "⏳",
    "alarm_clock": "⏰", "stopwatch": "⏱️", "timer_clock": "⏲️", "clock1": "🕐", "clock3": "🕒", "lock": "🔒",
    "unlock": "🔓", "key": "🔑", "mag": "🔍", "mag_right": "🔎", "bulb": "💡", "gear": "⚙️", "wrench": "🔧",
    "hammer_and_wrench": "🛠️", "label": "🏷️", "bookmark": "🔖", "star": "⭐", "star2": "🌟", "sparkles": "✨",
    "fire": "🔥", "tada": "🎉", "rocket": "🚀", "trophy": "🏆", "flag-nl": "🇳🇱", "zzz": "💤", "recycle": "♻️",
    "arrow_right": "➡️", "arrow_left": "⬅️", "arrow_up": "⬆️", "arrow_down": "⬇️", "arrow_upper_right": "↗️",
    "leftwards_arrow_with_hook": "↩️", "arrow_right_hook": "↪️", "arrows_counterclockwise": "🔄", "repeat": "🔁",
    "information_source": "ℹ️", "heavy_plus_sign": "➕", "heavy_minus_sign": "➖", "robot_face": "🤖",
    "bust_in_silhouette": "👤", "busts_in_silhouette": "👥", "office": "🏢", "classical_building": "🏛️", "house": "🏠",
    "coffee": "☕", "sunny": "☀️", "cloud": "☁️", "umbrella": "☔", "snowflake": "❄️", "seedling": "🌱", "tree": "🌳", "palm_tree": "🌴",
    "bike": "🚲", "car": "🚗", "bus": "🚌", "train": "🚆", "construction": "🚧", "passport_control": "🛂",
    "moneybag": "💰", "euro": "💶", "credit_card": "💳", "receipt": "🧾", "100": "💯", "see_no_evil": "🙈",
  }),
);

const NAME = /:([a-z0-9_+'-]+):(?::skin-tone-\d:)?/g;

/** The emoji of a name as a labelled node; null for an unknown name. */
export function emoji(name) {
  const character = BY_NAME.get(name);
  return character ? sign(character, name.replaceAll("_", " ")) : null;
}

/** Text with its `:names:` shown as emoji. */
export function withEmoji(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(NAME)) {
    const node = emoji(match[1]);
    if (!node) continue;
    nodes.push(withSigns(text.slice(from, match.index)), node);
    from = match.index + match[0].length;
  }
  nodes.push(withSigns(text.slice(from)));
  return nodes.flat();
}
