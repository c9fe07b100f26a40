"""Checks of everything that we need in Slack: settings, tokens, permissions, channels and user groups."""

import json
import re
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings, names_proxy
from bot.slack.calls import (
    SlackDown,
    SlackLater,
    SlackRefuses,
    call,
    granted,
    open_socket,
    slack_client,
    slack_session,
    try_channel,
)

MANIFEST = Path(__file__).parents[1] / "slack_manifest.json"
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}")
"""The id of a channel. Slack takes a name too to post in, but says the id of where a button was pressed."""
APP = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")
"""An app-level token begins with the id of its app; Slack tells it of a bot token only."""
NO_CONNECTION = "Slack does not accept SLACK_APP_TOKEN: make an app-level token (xapp-…) with scope connections:write."


@dataclass(frozen=True)
class Finding:
    """The result of one check: its subject, whether it works, and a sentence with the result or the repair.

    `warns`: it works, but somebody should decide whether it may stay that way.
    """

    about: str
    works: bool
    words: str
    warns: bool = False


@dataclass(frozen=True)
class Group:
    """A team's user group that should follow duty, and Slack's error at its last update ("": none)."""

    team: str
    id: str
    problem: str


OPTIONAL = {
    "dnd:read": "an owner's do-not-disturb is not seen",
    "files:read": "no image can go with an answer",
    "usergroups:write": "no user group can follow duty",
}
"""The permissions that the manifest marks as optional, and what does not work without them."""


def missing(settings: Settings, *, http: bool, hears: bool = True) -> Iterator[str]:
    """Yield a sentence for each missing setting that Slack needs, of a process that `hears` Slack or does not."""
    if not settings.slack_bot_token.get_secret_value():
        yield "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) of your Slack app into .env."
    if hears and not http and not settings.slack_app_token.get_secret_value():
        yield "SLACK_APP_TOKEN is not set: make an app-level token (xapp-…) with scope connections:write."
    if hears and http and not settings.slack_signing_secret.get_secret_value():
        yield "SLACK_SIGNING_SECRET is not set: copy it from Basic Information of your Slack app."
    if not settings.slack_channel:
        yield "SLACK_CHANNEL is not set: give the id (C…) of the channel where the cards must appear."
    elif not CHANNEL.fullmatch(settings.slack_channel):
        yield "SLACK_CHANNEL is not the id of a channel (C…): in Slack, open the channel's details and copy it there."


def explain(error: str, channel: str, *, where: str = "SLACK_CHANNEL") -> str:
    """Explain an error of Slack and its repair in one sentence; `where` is the setting that holds the channel."""
    match error:
        case "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired":
            return "Slack does not accept SLACK_BOT_TOKEN: copy the bot token (xoxb-…) of your app again."
        case "not_allowed_token_type":
            return "SLACK_BOT_TOKEN is a token of another kind: copy the bot token (xoxb-…) of your app."
        case "channel_not_found":
            return f"Slack knows no channel {channel}: check {where} (the id, C…), and invite the bot if private."
        case "not_in_channel":
            return f"The bot is not in channel {channel}: type /invite @webcare there."
        case "is_archived":
            return f"Channel {channel} is archived: choose another in {where}."
        case "missing_scope":
            return "The Slack app lacks a permission: paste bot/slack_manifest.json again and reinstall the app."
        case _:
            return f"Slack refuses ({error}); see https://docs.slack.dev/reference/methods for what that means."


def by_http(settings: Settings) -> bool:
    """Tell whether Slack reaches us over HTTP: there is a signing secret and no token for Socket Mode."""
    return bool(settings.slack_signing_secret.get_secret_value()) and not settings.slack_app_token.get_secret_value()


async def slack_findings(
    settings: Settings, channels: Sequence[tuple[str, str]], groups: Sequence[Group]
) -> AsyncIterator[Finding]:
    """Check the tokens, the permissions, and each team's channel and user group."""
    async with slack_session(settings) as session:
        client, bots_app = slack_client(settings, session), ""
        if client.token:
            try:
                answer = await call(client, "auth.test")
            except (SlackRefuses, SlackDown, SlackLater) as problem:
                yield Finding("Bot token", False, _slack_problem(problem, settings, ""))
            else:
                yield Finding("Bot token", True, f"it is of {answer['user']} in the workspace {answer['team']}.")
                scopes = granted(answer)
                yield _scopes(scopes)
                bots_app = await _app_of(client, answer.get("bot_id") or "")
                for number, (team, channel) in enumerate(channels):
                    where = "SLACK_CHANNEL" if number == 0 else f"`webcare teams add {team} …`"
                    if channel:
                        finding = await _channel(settings, client, team, channel, where)
                        yield finding
                        if finding.works and (warning := await _who_reads(client, team, channel)):
                            yield warning
                for group in groups:
                    yield _group(group, scopes)
        if settings.slack_app_token.get_secret_value():
            yield await _app_token(settings, bots_app)
        elif by_http(settings):
            yield Finding("Signing secret", True, "it is set; the first click in Slack shows whether it is right.")


def _slack_problem(problem: Exception, settings: Settings, channel: str, where: str = "SLACK_CHANNEL") -> str:
    match problem:
        case SlackRefuses(error=error):
            return explain(error, channel, where=where)
        case SlackLater(wait=wait):
            return f"Slack asks us to wait: try again in {wait.total_seconds():.0f} seconds."
        case _:
            through = f" through the proxy of {proxy}" if (proxy := names_proxy()) else ""
            look_at = f"the network, {proxy}" if proxy else "the network"
            return f"Slack cannot be reached at {settings.slack_api_url}{through}: check {look_at} and SLACK_API_URL."


def _scopes(scopes: Collection[str]) -> Finding:
    """Compare the granted permissions with the manifest."""
    wanted = json.loads(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    lacking = [scope for scope in wanted if scope not in scopes]
    if needed := [scope for scope in lacking if scope not in OPTIONAL]:
        words = f"The Slack app lacks {', '.join(needed)}: paste bot/slack_manifest.json again and reinstall the app."
        return Finding("Permissions", False, words)
    missed = "".join(f" Without the optional {scope}, {OPTIONAL[scope]}." for scope in lacking)
    return Finding("Permissions", True, f"the Slack app has all it needs.{missed}")


def _group(group: Group, scopes: Collection[str]) -> Finding:
    """Report whether a user group follows duty, by Slack's answer to its last update."""
    about, problem = f"User group of {group.team}", group.problem
    if "usergroups:write" not in scopes:
        problem = "missing_scope"
    if not problem:
        return Finding(about, True, f"{group.id} follows who is on duty.")
    return Finding(about, False, _why_not(problem, group.id))


def _why_not(error: str, group: str) -> str:
    """Say why a user group cannot follow duty and how to repair that.

    The errors: https://docs.slack.dev/reference/methods/usergroups.users.update
    """
    match error:
        case "missing_scope":
            return "The Slack app lacks the optional usergroups:write: paste bot/slack_manifest.json again, reinstall \
the app and allow it; or set no user group."
        case "permission_denied":
            return f"Slack lets the bot not change {group}: let an owner of the workspace allow it, in the permissions."
        case "no_such_subteam" | "subteam_not_found":
            return f"Slack knows no user group {group}: choose another in the team's settings."
        case "plan_upgrade_required" | "paid_teams_only":
            return "Slack has user groups in its paid plans only: set no user group."
        case "invalid_users" | "failed_for_some_users":
            return "Someone on duty or in the rota is no member of the workspace: mend the rota in the team's settings."
        case _:
            return explain(error, "")


async def _channel(settings: Settings, client: AsyncWebClient, team: str, channel: str, where: str) -> Finding:
    try:
        is_open = await try_channel(client, channel)
    except (SlackRefuses, SlackDown, SlackLater) as problem:
        return Finding(f"Channel of {team}", False, _slack_problem(problem, settings, channel, where))
    known = "can write there" if is_open else "reads it; whether it is archived, it may not see"
    return Finding(f"Channel of {team}", True, f"the bot is in {channel} and {known}.")


async def _who_reads(client: AsyncWebClient, team: str, channel: str) -> Finding | None:
    """Warn about a channel that others than the team can read; None when there are none, or Slack does not say."""
    try:
        described = (await call(client, "conversations.info", channel=channel))["channel"]
    except (SlackRefuses, SlackDown, SlackLater):
        return None
    if described.get("is_ext_shared"):
        words = f"{channel} is shared with another organisation, which reads what citizens write: use one of your own."
    elif not described.get("is_private"):
        words = f"{channel} is public: everyone in the workspace reads what citizens write. Make it private in Slack."
    else:
        return None
    return Finding(f"Readers of {team}", True, words, warns=True)


async def _app_of(client: AsyncWebClient, bot: str) -> str:
    """Return the id of the app that a bot belongs to; "" when Slack does not say, or the token is of no bot."""
    if not bot:
        return ""
    try:
        return str((await call(client, "bots.info", bot=bot))["bot"]["app_id"])
    except (SlackRefuses, SlackDown, SlackLater):
        return ""


async def _app_token(settings: Settings, bots_app: str) -> Finding:
    """Report whether Slack lets us connect, by a token of the app of the bot token: `bots_app`, "" if not known."""
    try:
        await open_socket(settings)
    except SlackRefuses:
        return Finding("App token", False, NO_CONNECTION)
    except (SlackDown, SlackLater) as problem:
        return Finding("App token", False, _slack_problem(problem, settings, ""))
    named = APP.match(settings.slack_app_token.get_secret_value())
    if named and bots_app and named[1] != bots_app:
        words = f"SLACK_APP_TOKEN is of the Slack app {named[1]}, SLACK_BOT_TOKEN of {bots_app}: no click on a card \
comes in. Copy both from one app."
        return Finding("App token", False, words)
    return Finding("App token", True, "Slack lets us connect by Socket Mode.")
