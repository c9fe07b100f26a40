"""The calls to Slack that place messages; Slack's errors become exceptions by how we must react.

The client must not retry after a connection error: Slack may have taken the message, and a second post would show it
twice.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config import Settings
from bot.domain.slack_id import is_person
from bot.meters import Meters
from bot.slack.contact import Contact
from bot.slack.pace import Pace
from bot.steady_clock import SteadyClock
from bot.views.block import View, for_edit

EVENT_TYPE = "webcare_message"
"""The metadata's event type under which our messages carry their key."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""How much earlier than our clock Slack's clock may date a message of ours."""


@dataclass(frozen=True)
class Place:
    """The place of a message in Slack."""

    channel: str
    ts: str


class SlackProblem(Exception):
    """A call that Slack did not carry out, as far as we know.

    `error` is Slack's name for the reason (https://docs.slack.dev/reference/methods), `method` what was called.
    """

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error, self.method = error, ""


class SlackLater(SlackProblem):
    """Slack asks us to wait; nothing was done."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("ratelimited")
        self.wait = wait


class SlackDown(SlackProblem):
    """Slack could not be reached or failed.

    `maybe_done` tells whether the call may have had its effect, `maybe_late` whether it may still have it: Slack did
    not answer, so it may still be at work.
    """

    def __init__(self, *, maybe_done: bool, maybe_late: bool = False) -> None:
        super().__init__("unreachable")
        self.maybe_done, self.maybe_late = maybe_done, maybe_late


class SlackRefuses(SlackProblem):
    """Slack refuses; `details` is what it adds when it refuses blocks: what is wrong, and where."""

    def __init__(self, error: str, details: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.details = details


RESULTS = {SlackLater: "ratelimited", SlackDown: "failed", SlackRefuses: "refused"}
"""How a call that Slack did not carry out is counted."""
READS = frozenset(
    {
        "bots.info",
        "conversations.history",
        "conversations.info",
        "conversations.members",
        "conversations.replies",
        "dnd.info",
        "files.getUploadURLExternal",
        "usergroups.list",
        "usergroups.users.list",
        "users.info",
        "users.list",
    }
)
"""Methods that take their arguments in the query, not as JSON."""
PATIENCE = timedelta(seconds=20)
"""How long a view, or a message to one person, waits for its turn."""
LONGEST = timedelta(hours=1)
"""How long we wait at most when Slack, or a proxy before it, asks for that; who wants longer says so again."""
UPLOAD_SECONDS = 60
"""How long the bytes of a file may take to reach Slack."""
GONE_VIEW = frozenset({"not_found", "view_not_found", "hash_conflict"})
"""Refusals of a view that was closed or changed in the meantime."""
KEPT = frozenset({"cant_delete_message", "compliance_exports_prevent_deletion"})
"""Refusals to delete a message that is there: a workspace may have to keep all of them for its archive."""
REFUSED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
CLOSED = frozenset(
    {
        "channel_is_limited_access",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "is_inactive",
        "no_permission",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
    }
)
"""Refusals that concern the channel, so that no message can be written there."""
REFUSED_TOKEN = frozenset(
    {"account_inactive", "invalid_auth", "not_allowed_token_type", "not_authed", "token_expired", "token_revoked"}
)
"""Refusals that concern our token, so that no call is taken."""
FAULTS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})


UNANSWERED = (TimeoutError, aiohttp.ClientError, SlackClientError, OSError)
"""What a call raises when Slack does not answer."""


class _PacedClient(AsyncWebClient):
    """A client that calls no method before Slack takes it again.

    `share` is the part of the calls that may be made at once that this client may use. `waits_until` is until when,
    by the loop's clock, it waits for its turn. `booked` is the method whose next call has its turn already. `now` is
    our clock, and `set_back` is called when an answer of Slack set it back. `views` has the newest view of each modal
    that is being updated. `contact` is what the calls show about Slack, and `meters` count them.
    """

    pace: Pace
    contact: Contact
    meters: Meters
    now: Callable[[], datetime]
    set_back: Callable[[], Awaitable[None]]
    share = 1.0
    waits_until = 0.0
    booked = ""
    views: dict[str, dict[str, Any]]

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method as AsyncWebClient does; raises SlackLater when there is no room for it in time."""
        channel = str((arguments.get("json") or arguments.get("params") or {}).get("channel", ""))
        is_booked = self.booked == api_method
        self.booked = "" if is_booked else self.booked
        while not is_booked and (wait := await self.pace.wait(api_method, channel, self.now(), share=self.share)):
            if asyncio.get_running_loop().time() + wait.total_seconds() > self.waits_until:
                raise SlackLater(wait)
            await asyncio.sleep(wait.total_seconds())
        try:
            answer = await super().api_call(api_method, **arguments)
        except SlackApiError as error:
            problem = _error_of(error.response)
            self._count(api_method, RESULTS[type(problem)])
            if isinstance(problem, SlackLater):
                await self.pace.hold(api_method, channel, self.now() + problem.wait)
            if isinstance(problem, SlackDown):
                self.contact.unanswered(self.now())
            else:
                self.contact.answered(self.now())
            raise
        except UNANSWERED:
            self._count(api_method, RESULTS[SlackDown])
            self.contact.unanswered(self.now())
            raise
        self._count(api_method, "ok")
        if isinstance(self.now, SteadyClock) and self.now.heard(str(answer.headers.get("Date", ""))):
            await self.pace.forget()
            await self.set_back()
        self.contact.answered(self.now())
        self.contact.scopes = granted(answer) or self.contact.scopes
        if api_method == "auth.test":
            self.contact.identity = {name: str(answer.get(name) or "") for name in ("user_id", "bot_id", "url")}
        return answer

    def _count(self, method: str, result: str) -> None:
        self.meters.slack_calls.labels(method, result).inc()


def slack_session(settings: Settings) -> aiohttp.ClientSession:
    """Return the HTTP session for calls to Slack. It has a time-out: the client sets none on a session it is given."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=settings.slack_timeout))


def slack_client(settings: Settings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Return the Slack client. It never retries: a retry after a lost connection could post twice."""
    token = settings.slack_bot_token.get_secret_value()
    return AsyncWebClient(token=token, base_url=settings.slack_api_url, session=session, retry_handlers=[])


def paced_client(
    settings: Settings, session: aiohttp.ClientSession, pace: Pace, now: Callable[[], datetime], meters: Meters
) -> AsyncWebClient:
    """Return the Slack client of a running bot, which keeps to Slack's pace."""
    token = settings.slack_bot_token.get_secret_value()
    client = _PacedClient(token=token, base_url=settings.slack_api_url, session=session, retry_handlers=[])
    client.pace, client.now, client.views, client.contact, client.meters = pace, now, {}, Contact(), meters
    client.set_back = _nothing
    return client


async def _nothing() -> None:
    pass


def when_set_back(client: AsyncWebClient, then: Callable[[], Awaitable[None]]) -> None:
    """Call `then` whenever an answer of Slack showed that our clock was ahead, and set it back."""
    if isinstance(client, _PacedClient):
        client.set_back = then


def contact_of(client: AsyncWebClient) -> Contact:
    """Return what the client's process knows about its contact with Slack."""
    return client.contact if isinstance(client, _PacedClient) else Contact()


def home_of(client: AsyncWebClient) -> str:
    """Return the address of the workspace in Slack, like https://gemeente.slack.com/; "" until Slack has said it."""
    return contact_of(client).identity.get("url", "")


def granted(answer: AsyncSlackResponse) -> frozenset[str]:
    """Return our token's permissions; Slack lists them in a header of every answer.

    https://docs.slack.dev/authentication/installing-with-oauth ("x-oauth-scopes")
    """
    header = {str(name).lower(): str(value) for name, value in dict(answer.headers).items()}.get("x-oauth-scopes", "")
    return frozenset(scope.strip() for scope in header.split(",")) - {""}


async def full_until(client: AsyncWebClient, method: str, channel: str) -> datetime | None:
    """Return until when Slack takes no call of a method, or no new message in a channel; None when it does."""
    return await client.pace.full_until(method, channel, client.now()) if isinstance(client, _PacedClient) else None


async def book(client: AsyncWebClient, method: str, channel: str) -> AsyncWebClient:
    """Return the client for a call that has its turn from now on, or as it is when there is no room for one now."""
    if not isinstance(client, _PacedClient):
        return client
    if await client.pace.wait(method, channel, client.now(), share=client.share):
        return client
    booked = copy.copy(client)
    booked.booked = method
    return booked


def in_background(client: AsyncWebClient) -> AsyncWebClient:
    """Return the client for work that nobody waits for: half of the calls that may be made at once are for clicks."""
    return _with_share(client, 0.5)


def in_front(client: AsyncWebClient) -> AsyncWebClient:
    """Return the client for work that a colleague waits for."""
    return _with_share(client, 1.0)


def _with_share(client: AsyncWebClient, share: float) -> AsyncWebClient:
    if not isinstance(client, _PacedClient):
        return client
    sharing = copy.copy(client)
    sharing.share = share
    return sharing


def is_in_background(client: AsyncWebClient) -> bool:
    """Tell whether nobody waits for what this client does."""
    return isinstance(client, _PacedClient) and client.share < 1


def in_turn(client: AsyncWebClient, seconds: float) -> AsyncWebClient:
    """Return the client for calls that belong together: each waits up to `seconds`, counted from now, for room.

    Starting over each time one of them has to wait would use the room that the next one waits for.
    """
    if not isinstance(client, _PacedClient):
        return client
    waiting = copy.copy(client)
    waiting.waits_until = asyncio.get_running_loop().time() + seconds
    return waiting


async def open_socket(settings: Settings) -> str:
    """Ask Slack, with the app token, for the address of a Socket Mode connection; raises as `call` does."""
    as_app = settings.model_copy(update={"slack_bot_token": settings.slack_app_token})
    async with slack_session(settings) as session:
        answer = await call(slack_client(as_app, session), "apps.connections.open")
    return str(answer["url"])


async def call(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncSlackResponse:
    """Call a method of Slack's Web API; raises SlackLater, SlackDown or SlackRefuses."""
    try:
        return await _call(client, method, arguments)
    except SlackProblem as problem:
        problem.method = method
        raise


async def _call(client: AsyncWebClient, method: str, arguments: dict[str, Any]) -> AsyncSlackResponse:
    try:
        if method in READS:
            return await client.api_call(method, http_verb="GET", params=arguments)
        return await client.api_call(method, json=arguments)
    except SlackApiError as error:
        raise _error_of(error.response) from None
    except aiohttp.ClientConnectorError:
        raise SlackDown(maybe_done=False) from None
    except UNANSWERED:
        raise SlackDown(maybe_done=True, maybe_late=True) from None


def _error_of(response: Any) -> SlackProblem:
    """Return the exception for an answer of Slack that is not a success."""
    status = getattr(response, "status_code", 200)
    content = getattr(response, "data", response)
    name = str(content.get("error", "")) if isinstance(content, dict) else ""
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        return SlackLater(timedelta(seconds=_retry_after(response)))
    if status >= 500 or name in FAULTS or not name:
        return SlackDown(maybe_done=True)
    wrong = content.get("errors") or []
    details = [f"{each.get('pointer')}: {each.get('message')}" for each in wrong if isinstance(each, dict)]
    return SlackRefuses(name, details)


def _retry_after(response: Any) -> float:
    headers = {str(k).lower(): v for k, v in dict(getattr(response, "headers", None) or {}).items()}
    try:
        return min(max(1.0, float(headers.get("retry-after", "30"))), LONGEST.total_seconds())
    except ValueError:
        return 30.0


async def post(
    client: AsyncWebClient, channel: str, key: str, view: View, *, thread_ts: str | None, in_channel: bool = False
) -> Place:
    """Post a message, with its key in the metadata so that it can be found again; one of a thread `in_channel` too."""
    arguments = {
        "channel": await conversation(client, channel),
        "metadata": keyed(key),
        "unfurl_links": False,
        "unfurl_media": False,
        **({"thread_ts": thread_ts} if thread_ts else {}),
        **({"reply_broadcast": True} if thread_ts and in_channel else {}),
    }
    answer = await _with_blocks(client, "chat.postMessage", arguments, view)
    return Place(str(answer["channel"]), str(answer["ts"]))


async def revise(client: AsyncWebClient, place: Place, view: View, *, key: str | None = None) -> Place:
    """Update a message to show this view; `key` is the one that it gets, if another."""
    new_key = {} if key is None else {"metadata": keyed(key)}
    await _with_blocks(client, "chat.update", {"channel": place.channel, "ts": place.ts, **new_key}, view)
    return place


def keyed(key: str) -> dict[str, Any]:
    """Return the metadata by which a message of ours is found; one with the key "" is not."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


async def _with_blocks(
    client: AsyncWebClient, method: str, arguments: dict[str, Any], view: View
) -> AsyncSlackResponse:
    """Send text and blocks; if the workspace refuses the blocks, send older ones, and finally only the text."""
    spoken, text = view.spoken, view.text
    if method == "chat.update":
        spoken, text = for_edit(spoken), for_edit(text)
    *forms, last = view.forms
    for blocks in forms:
        try:
            return await call(client, method, **arguments, text=spoken if blocks else text, blocks=blocks)
        except SlackRefuses as refusal:
            if refusal.error not in REFUSED_BLOCKS:
                raise
    return await call(client, method, **arguments, text=text, blocks=last)


async def call_in_turn(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncSlackResponse:
    """Call a method once Slack takes it; raises SlackLater when that takes longer than PATIENCE."""
    ends = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    while True:
        try:
            return await call(client, method, **arguments)
        except SlackLater as later:
            wait = later.wait.total_seconds()
            if asyncio.get_running_loop().time() + wait > ends:
                raise
            await asyncio.sleep(wait)


async def show(client: AsyncWebClient, view_id: str, view: dict[str, Any]) -> None:
    """Show a view in an open modal, once Slack takes it; of several in the meantime only the newest is shown."""
    views = client.views if isinstance(client, _PacedClient) else {}
    is_shown_by_another = view_id in views
    views[view_id] = view
    if is_shown_by_another:
        return
    try:
        shown = None
        while shown is not views[view_id]:
            shown = views[view_id]
            try:
                await call(client, "views.update", view_id=view_id, view=shown)
            except SlackLater as later:
                if later.wait > PATIENCE:
                    raise
                shown = None
                await asyncio.sleep(later.wait.total_seconds())
    finally:
        del views[view_id]


async def show_if_open(client: AsyncWebClient, view_id: str, view: dict[str, Any]) -> bool:
    """Show a view in a modal, unless the person has closed it; return whether it was still open."""
    try:
        await show(client, view_id, view)
    except SlackRefuses as refusal:
        if refusal.error not in GONE_VIEW:
            raise
        return False
    return True


async def upload(client: AsyncWebClient, target: str, name: str, content: bytes, words: str) -> None:
    """Share a file in a channel or a person's direct messages; raises as `call` does.

    https://docs.slack.dev/reference/methods/files.getUploadURLExternal
    """
    place = await call(client, "files.getUploadURLExternal", filename=name, length=len(content))
    try:
        timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(str(place["upload_url"]), data=content, proxy=client.proxy) as answer,
        ):
            answer.raise_for_status()
    except (TimeoutError, aiohttp.ClientError, OSError):
        raise SlackDown(maybe_done=False) from None
    channel = await conversation(client, target)
    files = [{"id": place["file_id"], "title": name}]
    await call(client, "files.completeUploadExternal", files=files, channel_id=channel, initial_comment=words)


async def find(
    client: AsyncWebClient, channel: str, key: str, *, since: datetime, thread_ts: str | None
) -> list[Place]:
    """Return where the message of ours with this key is, in the channel or thread: posted after `since`, oldest first.

    It is there more than once when Slack carried out a call that we had given up.
    """
    channel = await conversation(client, channel)
    found = await posted_since(client, channel, since - CLOCKS_DIFFER, thread_ts=thread_ts)
    return [Place(channel, str(message["ts"])) for message in found if key_of(message) == key]


async def posted_since(
    client: AsyncWebClient, channel: str, since: datetime, *, thread_ts: str | None = None
) -> list[dict[str, Any]]:
    """Return our messages in a channel or thread that were posted after `since` by Slack's clock, oldest first."""
    method = "conversations.replies" if thread_ts else "conversations.history"
    where = {"channel": channel, **({"ts": thread_ts} if thread_ts else {})}
    oldest = f"{since.astimezone(UTC).timestamp():.6f}"
    ours, cursor = list[dict[str, Any]](), ""
    while True:
        asked = {**where, "oldest": oldest, "limit": 200, "include_all_metadata": True}
        answer = await call(client, method, **asked, **({"cursor": cursor} if cursor else {}))
        ours += [message for message in answer.get("messages") or [] if key_of(message)]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return sorted(ours, key=lambda message: float(message["ts"]))


async def remove(client: AsyncWebClient, place: Place, instead: View) -> None:
    """Delete a message of ours, which may be gone already; where Slack lets us delete none, it shows `instead`.

    Then it has no key, so that it is not found any more.
    """
    try:
        await call(client, "chat.delete", channel=place.channel, ts=place.ts)
    except SlackRefuses as refusal:
        if refusal.error in KEPT:
            await revise(client, place, instead, key="")
        elif refusal.error != "message_not_found":
            raise


async def key_at(client: AsyncWebClient, place: Place) -> str:
    """Return the key of the message at this place, "" if it is not one of ours."""
    only = {"latest": place.ts, "oldest": place.ts, "inclusive": True, "limit": 1, "include_all_metadata": True}
    answer = await call(client, "conversations.history", channel=place.channel, **only)
    return next((key_of(message) for message in answer.get("messages") or []), "")


def key_of(message: dict[str, Any]) -> str:
    """Return the key in a message as Slack returns it, "" if it is not one of ours."""
    metadata = message.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("key", "")) if metadata.get("event_type") == EVENT_TYPE else ""


async def try_channel(client: AsyncWebClient, channel: str) -> bool:
    """Raise SlackRefuses with the reason if we cannot write in a channel; raises as `call` does.

    Return False when we only know that we can read the channel, which may be archived: an older installation of the app
    lacks channels:read. https://docs.slack.dev/reference/methods/conversations.info
    """
    try:
        about = (await call(client, "conversations.info", channel=channel))["channel"]
    except SlackRefuses as refusal:
        if refusal.error != "missing_scope":
            raise
        await call(client, "conversations.history", channel=channel, limit=1)
        return False
    if about.get("is_archived"):
        raise SlackRefuses("is_archived")
    if not about.get("is_member"):
        raise SlackRefuses("not_in_channel")
    return True


async def conversation(client: AsyncWebClient, target: str) -> str:
    """Return the channel to post in for a target: a person's direct messages, else the channel itself."""
    if not is_person(target):
        return target
    answer = await call(client, "conversations.open", users=target)
    return str(answer["channel"]["id"])
