"""Where Slack no longer lets us write: the message to coordinators, and the words on the Home and in the digest."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.text import Text, text
from bot.models import SOCKET, Troubled
from bot.texts import Texts
from bot.views.block import View, context, literal, section

REASONS: Mapping[str, Text] = {
    "is_archived": text("the channel is archived. Open it again, or choose another channel in the settings."),
    "not_in_channel": text("I am not in the channel. Type /invite @webcare there."),
    "channel_not_found": text(
        "the channel does not exist, or it is private and I am not in it. Type /invite @webcare there, or choose "
        "another channel in the settings."
    ),
    "restricted_action": text("only some people may write there. Let an owner of the workspace allow it."),
    "missing_scope": text("the Slack app lacks a permission. An administrator can mend it with `webcare check`."),
}
"""Why we cannot write in a channel, and what to do, by Slack's error
(https://docs.slack.dev/reference/methods/chat.postMessage#errors)."""
REFUSED = text("Slack refuses our token. An administrator can mend it with `webcare check`.")
NO_CLICKS = text(
    "Slack gives us no connection, so it does not pass clicks on. An administrator can mend it with \
`webcare check`."
)
OTHER = text("Slack gives as its reason: {error}.")


def reason_of(channel: str, error: str) -> Text:
    """Return why we cannot write in a channel ("": anywhere), and what to do."""
    if not channel:
        return REFUSED
    if channel == SOCKET:
        return NO_CLICKS
    return REASONS.get(error) or Text(OTHER.message, {"error": error})


def slack_trouble(troubled: Troubled, team: str, t: Texts, now: datetime) -> View:
    """Notify a coordinator where we cannot write and why; once it is over, until when it was."""
    since, name = t.when(troubled.since, now), literal(team, 80)
    if troubled.channel == SOCKET:
        return _of_clicks(troubled, since, t, now)
    if troubled.until is None:
        words = t("⚠️ I can no longer write in <#{channel}>: {reason}", channel=troubled.channel,
                  reason=t(reason_of(troubled.channel, troubled.error)))  # fmt: skip
        waits = t("What belongs there of the team {team} waits since {time}.", team=name, time=since)
        return View(f"{words}\n{waits}", [section(words), context(waits)])
    until = t.when(troubled.until, now)
    if not troubled.channel:
        words = t("✅ Slack takes our messages again. From {since} to {until} it refused our token. What waited of the "
                  "team {team} follows now.", since=since, until=until, team=name)  # fmt: skip
    elif troubled.is_news:
        words = t("✅ I can write in <#{channel}> again. What waited since {since} follows now.",
                  channel=troubled.channel, since=since)  # fmt: skip
    else:
        words = t("From {since} to {until} I could not write in <#{channel}>. That is over.",
                  channel=troubled.channel, since=since, until=until)  # fmt: skip
    return View(words, [section(words)])


def came_twice(t: Texts) -> View:
    """Return what a message shows that Slack has twice, and does not let us delete."""
    words = t("This message came twice. The other one goes on.")
    return View(words, [context(words)])


def _of_clicks(troubled: Troubled, since: str, t: Texts, now: datetime) -> View:
    """Notify a coordinator that nobody's clicks reach us, or that they do again."""
    if troubled.until is None:
        words = "⚠️ " + t(NO_CLICKS)
        began = t("Since {time}.", time=since)
        return View(f"{words}\n{began}", [section(words), context(began)])
    until = t.when(troubled.until, now)
    words = t("✅ From {since} to {until} no clicks reached me. They do again.", since=since, until=until)
    return View(words, [section(words)])
