"""What Slack needs to be in order: settings, tokens, permissions, channels and user groups; and how to mend each."""

import json
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config import Settings
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call, open_socket, slack_client

MANIFEST = Path(__file__).parents[1] / "slack_manifest.json"
NO_CONNECTION = "Slack does not accept SLACK_APP_TOKEN: make an app-level token (xapp-…) with scope connections:write."


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: what about, whether it works, and in words what was found or how to mend it."""

    about: str
    works: bool
    words: str


@dataclass(frozen=True)
class Group:
    """A team's user group that is to follow duty, and Slack's refusal when it was last changed ("": none)."""

    team: str
    id: str
    problem: str


OPTIONAL = {
    "dnd:read": "an owner's do-not-disturb is not seen",
    "usergroups:write": "no user group can follow duty",
}
"""The permissions that the manifest marks as optional, and what is missed without."""


def missing(settings: Settings, *, http: bool) -> Iterator[str]:
    """Yield a sentence for every setting that Slack needs and that is not there."""
    if not settings.slack_bot_token.get_secret_value():
        yield "SLACK_BOT_TOKEN is not set: copy the bot token (xoxb-…) of your Slack app into .env."
    if not http and not settings.slack_app_token.get_secret_value():
        yield "SLACK_APP_TOKEN is not set: make an app-level token (xapp-…) with scope connections:write."
    if http and not settings.slack_signing_secret.get_secret_value():
        yield "SLACK_SIGNING_SECRET is not set: copy it from Basic Information of your Slack app."
    if not settings.slack_channel:
        yield "SLACK_CHANNEL is not set: give the id (C…) of the channel where the cards must appear."


def explain(error: str, channel: str, *, where: str = "SLACK_CHANNEL") -> str:
    """Say in one plain sentence what one of Slack's errors means and how to mend it; `where` sets the channel."""
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
    """Tell whether Slack is to reach us over HTTP: there is a signing secret and no token for Socket Mode."""
    return bool(settings.slack_signing_secret.get_secret_value()) and not settings.slack_app_token.get_secret_value()


async def slack_findings(
    settings: Settings, channels: Sequence[tuple[str, str]], groups: Sequence[Group]
) -> AsyncIterator[Finding]:
    """Try all that has to do with Slack: the tokens, the permissions, each team's channel and user group."""
    async with aiohttp.ClientSession() as session:
        client = slack_client(settings, session)
        if client.token:
            try:
                answer = await call(client, "auth.test")
            except (SlackRefuses, SlackDown, SlackLater) as problem:
                yield Finding("Bot token", False, _slack_problem(problem, settings, ""))
            else:
                yield Finding("Bot token", True, f"it is of {answer['user']} in the workspace {answer['team']}.")
                given = _given(answer)
                yield _scopes(given)
                for number, (team, channel) in enumerate(channels):
                    where = "SLACK_CHANNEL" if number == 0 else f"`webcare teams add {team} …`"
                    if channel:
                        yield await _channel(settings, client, team, channel, where)
                for group in groups:
                    yield _group(group, given)
        if settings.slack_app_token.get_secret_value():
            yield await _app_token(settings)
        elif by_http(settings):
            yield Finding("Signing secret", True, "it is set; the first click in Slack shows whether it is right.")


def _slack_problem(problem: Exception, settings: Settings, channel: str, where: str = "SLACK_CHANNEL") -> str:
    match problem:
        case SlackRefuses(error=error):
            return explain(error, channel, where=where)
        case SlackLater(wait=wait):
            return f"Slack asks us to wait: try again in {wait.total_seconds():.0f} seconds."
        case _:
            return f"Slack cannot be reached at {settings.slack_api_url}: check the network and SLACK_API_URL."


def _given(answer: AsyncSlackResponse) -> set[str]:
    """Return the token's permissions, which Slack tells in a header of every answer."""
    # https://docs.slack.dev/authentication/installing-with-oauth ("x-oauth-scopes")
    told = {str(name).lower(): str(value) for name, value in dict(answer.headers).items()}.get("x-oauth-scopes", "")
    return {scope.strip() for scope in told.split(",")}


def _scopes(given: Collection[str]) -> Finding:
    """Compare the permissions that are given with those of the manifest."""
    wanted = json.loads(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    lacking = [scope for scope in wanted if scope not in given]
    if needed := [scope for scope in lacking if scope not in OPTIONAL]:
        words = f"The Slack app lacks {', '.join(needed)}: paste bot/slack_manifest.json again and reinstall the app."
        return Finding("Permissions", False, words)
    missed = "".join(f" Without the optional {scope}, {OPTIONAL[scope]}." for scope in lacking)
    return Finding("Permissions", True, f"the Slack app has all it needs.{missed}")


def _group(group: Group, given: Collection[str]) -> Finding:
    """Tell whether a user group follows duty, from what Slack said when it last had to."""
    about, problem = f"User group of {group.team}", group.problem
    if "usergroups:write" not in given:
        problem = "missing_scope"
    if not problem:
        return Finding(about, True, f"{group.id} follows who is on duty.")
    return Finding(about, False, _why_not(problem, group.id))


def _why_not(error: str, group: str) -> str:
    """Say why a user group cannot follow duty and how to mend it.

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
        await call(client, "conversations.history", channel=channel, limit=1)
    except (SlackRefuses, SlackDown, SlackLater) as problem:
        return Finding(f"Channel of {team}", False, _slack_problem(problem, settings, channel, where))
    return Finding(f"Channel of {team}", True, f"the bot is in {channel} and reads it.")


async def _app_token(settings: Settings) -> Finding:
    try:
        await open_socket(settings)
    except SlackRefuses:
        return Finding("App token", False, NO_CONNECTION)
    except (SlackDown, SlackLater) as problem:
        return Finding("App token", False, _slack_problem(problem, settings, ""))
    return Finding("App token", True, "Slack lets us connect by Socket Mode.")
