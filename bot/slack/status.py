"""Whether Slack shows someone as away, by their status or by do-not-disturb."""

from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.absence import do_not_disturb, status_says_away
from bot.slack.calls import SlackRefuses, call


async def shown_away(client: AsyncWebClient, slack_id: str, now: datetime) -> bool:
    """Tell whether Slack shows this person as away; someone whose account was closed is away. Raises as `call` does."""
    # https://docs.slack.dev/reference/methods/users.info: the status is part of the profile
    user = (await call(client, "users.info", user=slack_id))["user"]
    profile = user.get("profile") or {}
    emoji, words = str(profile.get("status_emoji") or ""), str(profile.get("status_text") or "")
    if user.get("deleted") or status_says_away(emoji, words, float(profile.get("status_expiration") or 0), now):
        return True
    return await _is_quiet(client, slack_id, now)


async def _is_quiet(client: AsyncWebClient, slack_id: str, now: datetime) -> bool:
    """Tell whether do-not-disturb is on; False without the optional permission to see that.

    https://docs.slack.dev/reference/methods/dnd.info: for other people, Slack gives the period only, not whether they
    chose it.
    """
    try:
        answer = await call(client, "dnd.info", user=slack_id)
    except SlackRefuses:
        return False
    if not answer.get("dnd_enabled"):
        return False
    return do_not_disturb(float(answer.get("next_dnd_start_ts") or 0), float(answer.get("next_dnd_end_ts") or 0), now)
