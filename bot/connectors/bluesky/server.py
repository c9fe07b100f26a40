"""Requests to the server of one Bluesky account (its PDS): the session, records, posts, and verdicts on answers.

https://atproto.com/specs/xrpc and https://docs.bsky.app/docs/api/at-protocol-xrpc-api

A session is made from the app password, and renewed with its refresh token, which may work only once. An access token
is valid for two hours and 300 logins a day are allowed, so the session is stored with the secrets, for all processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from bot.connectors import http, own_secrets
from bot.connectors.base import Account, Rejected, TooLarge, Unauthorized, Usage, Verdict
from bot.connectors.bluesky.posts import UNREADABLE, split
from bot.connectors.json_api import Json, JsonApi, before_sending, web, within
from bot.connectors.platform import Tools
from bot.domain.image import Image
from bot.domain.mention import Gone
from bot.domain.text import text
from bot.steady_clock import steady_now

AT_ONCE = 25
"""Posts in one request: https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/getPosts.json"""
RESERVE = 10
"""One of this many requests of the rate limit is reserved for answers."""
CHAT = {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"}
"""Requests about private messages are forwarded to their service: https://docs.bsky.app/docs/api/chat-bsky-convo"""
DIRECTORY = "https://plc.directory"
"""The directory that says which server an account is on: https://web.plc.directory"""
PROOF_WITHIN, PROOF_SIZE = 5.0, 1024 * 1024
"""Limits in seconds and bytes for another server's answer, so that a slow one does not hold up our reading."""
HAS_A_RECORD = b"e$type"
"""A field of every record, and of no other block of a proof: https://atproto.com/specs/repository"""
ENDED = frozenset({"ExpiredToken", "InvalidToken"})
NO_RIGHTS = frozenset({"Bad token method", "Bad token scope"})


REFUSALS = {
    "AccountSuspended": text("Bluesky does not let this account send private messages."),
    "BlockedActor": text("The citizen or our account blocks the other, so no private message can be sent."),
    "BlockedSubject": text("The citizen or our account blocks the other, so no private message can be sent."),
    "ConvoLocked": text("This conversation is closed, so no private message can be sent."),
    "InvalidConvo": text("This conversation is no longer there, so no private message can be sent."),
    "MessagesDisabled": text("The citizen takes no private messages."),
    "NotFollowedBySender": text(
        "The citizen takes private messages only from accounts that they follow. Ask them in public to follow ours, "
        "or to send us a message."
    ),
    "RecipientNotFound": text("The citizen's account is no longer there, so no private message can be sent."),
}
"""https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/getConvoForMembers.json"""


class Swapped(Exception):
    """The record was not as expected, so it was not written: someone else wrote it in the meantime."""


@dataclass(frozen=True)
class Session:
    """A session with the server. `of` says which app password it was made with; `pds` is where it is used."""

    access: str
    refresh: str
    did: str
    handle: str
    pds: str
    of: str


class Server(JsonApi):
    """The requests of one account; each may raise a verdict. Secrets: `app_password`, `session` (ours)."""

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(tools.http, account.url, {})
        self.account = account
        self.now = tools.now
        self._secrets = tools.secrets
        self._session = own_secrets.read(Session, account.secrets.get("session", ""), self._of(account.secrets))
        self._rate: tuple[int, int, datetime] | None = None
        if self._session is not None:
            self._go_to(self._session)

    @property
    def host(self) -> str:
        """The host name that people know, not that of the machine that the account is on."""
        return http.host(self.account.url)

    @property
    def rests_until(self) -> datetime | None:
        """When to ask again, if the rate limit is nearly reached."""
        if self._rate is None:
            return None
        left, limit, reset = self._rate
        return reset if left * RESERVE < limit else None

    @property
    def usage(self) -> Usage:
        """How much of the rate limit is used, as the last answer said."""
        if self._rate is None:
            return Usage()
        left, limit, _reset_at = self._rate
        return Usage(max(0, 100 - 100 * left // limit) if limit else None, self.rests_until)

    # --- requests --------------------------------------------------------------------------------

    async def get(self, method: str, *, chat: bool = False, **params: Any) -> Json:
        """Ask something; returns the object in the answer."""
        return self.object(await self._signed("GET", method, chat=chat, params=params))

    async def page(
        self, method: str, key: str, cursor: str = "", *, chat: bool = False, **params: Any
    ) -> tuple[list[Json], str]:
        """Return the objects on a page of a list, and the cursor of the next page ("": none).

        An answer without the list is no empty list. Of a page that is too large for us only the first items are given:
        a record may have more than a post needs.
        """
        try:
            answer = await self.get(method, chat=chat, **params, **({"cursor": cursor} if cursor else {}))
        except TooLarge:
            if params.get("limit", 1) == 1:
                raise
            return await self.page(method, key, cursor, chat=chat, **{**params, "limit": params["limit"] // 2})
        if not isinstance(answer.get(key), list):
            raise self.unreadable()
        return objects(answer, key), str(answer.get("cursor") or "")

    async def post(self, method: str, body: Json, *, chat: bool = False) -> Json:
        """Send a command; returns the object in the answer."""
        return self.object(await self._signed("POST", method, chat=chat, json=body))

    async def _signed(self, verb: str, method: str, *, chat: bool = False, **more: Any) -> httpx.Response:
        """Send a request with our session. A session that ended is renewed: the request was not carried out then."""
        session = await self.session()
        response = await self._with(session, verb, method, chat, more)
        for _ in range(2):  # the first new session may be one that another process made, which may have ended too
            if not self._has_ended(response):
                break
            with before_sending():
                session = await self._renewed(session)
            response = await self._with(session, verb, method, chat, more)
        return response

    async def _with(self, session: Session, verb: str, method: str, chat: bool, more: Json) -> httpx.Response:
        headers = {"Authorization": f"Bearer {session.access}", **(CHAT if chat else {}), **more.get("headers", {})}
        return await self.call(verb, f"/xrpc/{method}", **{**more, "headers": headers})

    async def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send one request and return the answer; stores what it says about the rate limit."""
        response = await super().call(method, path, **kwargs)
        left, limit = response.headers.get("RateLimit-Remaining", ""), response.headers.get("RateLimit-Limit", "")
        if left.isdecimal() and limit.isdecimal() and (reset := _reset(response)):
            self._rate = (int(left), int(limit), http.within_reason(reset, self.now()))
        return response

    def reason_of(self, response: httpx.Response) -> str:
        """Return why the server refuses: https://atproto.com/specs/xrpc#error-responses"""
        refusal = http.object_in(response)
        return str(refusal.get("message") or refusal.get("error") or "")

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether a refusal means that our session does not work, although it was renewed."""
        return response.status_code == 401 or self._has_ended(response)

    def retry_at(self, response: httpx.Response) -> datetime:
        """Return when a 429 lets us try again: https://docs.bsky.app/docs/advanced-guides/rate-limits"""
        waits = [http.retry_at(response)] if "Retry-After" in response.headers else []
        waits += [reset] if (reset := _reset(response)) else []
        return http.within_reason(max(waits), steady_now()) if waits else http.retry_at(response)

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer; a missing right of an app password is not a fault of the session."""
        if response.status_code == 400 and self.reason_of(response) in NO_RIGHTS:
            raise Rejected("The app password has no access to direct messages; make one that has.")
        if response.status_code == 400 and error_of(response) == "InvalidSwap":
            raise Swapped
        if response.status_code == 400 and (refusal := REFUSALS.get(error_of(response))):
            raise Rejected(refusal.message)
        super().judge(response)

    # --- the session -----------------------------------------------------------------------------

    async def session(self) -> Session:
        """Return our session: the stored one, or a new one. Nothing that matters was sent before."""
        if self._session is None:
            with before_sending():
                self._session = await self._renewed(None)
        return self._session

    async def me(self) -> str:
        """Return the DID of our account."""
        return (await self.session()).did

    async def _renewed(self, ended: Session | None) -> Session:
        """Return a session that works: one that another process stored since, a refreshed one, or a new one."""
        stored = await self._stored()
        if stored is not None and (ended is None or stored.access != ended.access):
            return self._go_to(stored)
        refreshed = await self._refreshed(stored) if stored is not None else None
        return self._go_to(refreshed or await self._logged_in())

    async def _stored(self) -> Session | None:
        secrets = await self._secrets.read()
        return own_secrets.read(Session, secrets.get("session", ""), self._of(secrets))

    async def _refreshed(self, old: Session) -> Session | None:
        """Return a refreshed session; None when that is refused and no other process refreshed it."""
        self._go_to(old)
        headers = {"Authorization": f"Bearer {old.refresh}"}
        response = await self.call("POST", "/xrpc/com.atproto.server.refreshSession", headers=headers)
        if response.status_code in {400, 401} and self.reason_of(response):
            stored = await self._stored()
            return stored if stored is not None and stored.refresh != old.refresh else None
        return await self._keep(self.object(response), old.of)

    async def _logged_in(self) -> Session:
        secrets = await self._secrets.read()
        self.base = self.account.url.rstrip("/")
        handle = str(self.account.options.get("handle", "")).strip().removeprefix("@")
        body = {"identifier": handle, "password": secrets.get("app_password", "")}
        response = await self.call("POST", "/xrpc/com.atproto.server.createSession", json=body)
        if response.status_code in {400, 401} and (reason := self.reason_of(response)):
            raise Unauthorized(
                "{host} does not accept the handle and app password: {reason}", host=self.host, reason=reason
            )
        return await self._keep(self.object(response), self._of(secrets))

    async def _keep(self, made: Json, of: str) -> Session:
        """Store a session before it is used: the previous refresh token may no longer work."""
        try:
            session = Session(made["accessJwt"], made["refreshJwt"], made["did"], made["handle"], _pds(made), of)
        except UNREADABLE as error:
            raise self.unreadable() from error
        await own_secrets.keep(self._secrets, "session", session, self._of)
        return session

    def _go_to(self, session: Session) -> Session:
        self._session = session
        self.base = session.pds or self.account.url.rstrip("/")
        return session

    def _of(self, secrets: Any) -> str:
        made_with = f"{self.account.options.get('handle')} {secrets.get('app_password')}"
        return own_secrets.fingerprint(made_with)

    def _has_ended(self, response: httpx.Response) -> bool:
        if response.status_code == 400:
            return error_of(response) in ENDED and self.reason_of(response) not in NO_RIGHTS
        return response.status_code == 401

    # --- records and posts -----------------------------------------------------------------------

    async def record(self, uri: str) -> Json | None:
        """Return a record of ours with its `cid` and `value`, as on our own server now; None when there is none."""
        repo, collection, key = split(uri)
        asked = {"repo": repo, "collection": collection, "rkey": key}
        response = await self._signed("GET", "com.atproto.repo.getRecord", params=asked)
        if response.status_code == 400 and is_not_found(response):
            return None
        return self.object(response)

    async def put(self, collection: str, key: str, record: Json, *, instead_of: str | None) -> Json:
        """Write a record of ours if the existing one has this CID, or (None) if there is none; else raises Swapped."""
        body: Json = {"repo": await self.me(), "collection": collection, "rkey": key}
        body |= {"record": {"$type": collection, **record}, "swapRecord": instead_of}
        return await self.post("com.atproto.repo.putRecord", body)

    async def upload(self, image: Image) -> Json:
        """Upload an image to our server, and return its form in a record; the server removes it if no record uses it.

        https://docs.bsky.app/docs/api/com-atproto-repo-upload-blob
        """
        method, headers = "com.atproto.repo.uploadBlob", {"Content-Type": image.kind}
        answer = self.object(await self._signed("POST", method, content=image.content, headers=headers))
        if not isinstance(answer.get("blob"), dict):
            raise self.unreadable()
        return dict(answer["blob"])

    async def remove(self, uri: str) -> None:
        """Remove a record of ours; it is no error if it is not there."""
        repo, collection, key = split(uri)
        await self.post("com.atproto.repo.deleteRecord", {"repo": repo, "collection": collection, "rkey": key})

    async def posts(self, uris: Sequence[str]) -> dict[str, Json]:
        """Return the posts that Bluesky shows us, by address."""
        views: dict[str, Json] = {}
        for start in range(0, len(uris), AT_ONCE):
            views |= await self._some_posts(list(uris[start : start + AT_ONCE]))
        return views

    async def _some_posts(self, uris: list[str]) -> dict[str, Json]:
        try:
            shown, _ = await self.page("app.bsky.feed.getPosts", "posts", uris=uris)
        except TooLarge:
            if len(uris) == 1:
                raise
            half = len(uris) // 2
            return await self._some_posts(uris[:half]) | await self._some_posts(uris[half:])
        return {each["uri"]: each for each in shown if isinstance(each.get("uri"), str)}

    async def why_gone(self, uri: str) -> Gone:
        """Return why Bluesky no longer shows a post: its author removed it only if their own server proves it.

        If Bluesky removed a post, or its author blocks us, Bluesky only says that it cannot be found.
        """
        try:
            repo, collection, key = split(uri)
            proof = await self._proof(repo, collection, key)
        except (Verdict, ValueError):
            return Gone.UNREACHABLE
        return Gone.UNREACHABLE if proof is None or HAS_A_RECORD in proof else Gone.BY_AUTHOR

    async def _proof(self, did: str, collection: str, key: str) -> bytes | None:
        """Return the blocks with which an author's server proves that a record exists or does not.

        https://docs.bsky.app/docs/api/com-atproto-sync-get-record
        """
        server = _pds({"didDoc": http.json_of(await self._asked(self._document(did)))})
        if not server:
            return None
        asked = {"did": did, "collection": collection, "rkey": key}
        answer = await self._asked(f"{server}/xrpc/com.atproto.sync.getRecord", params=asked)
        is_proof = answer.headers.get("Content-Type", "").startswith("application/vnd.ipld.car")
        return answer.content if is_proof and answer.content else None

    async def _asked(self, url: str, **more: Any) -> httpx.Response:
        response = await http.request(self.client, "GET", url, timeout=PROOF_WITHIN, max_bytes=PROOF_SIZE, **more)
        http.judge(response)
        return response

    def _document(self, did: str) -> str:
        """Return the address of an account's document: https://atproto.com/specs/did"""
        if did.startswith("did:web:"):
            return f"https://{did.removeprefix('did:web:')}/.well-known/did.json"
        return f"{self.account.options.get('directory') or DIRECTORY}/{did}"


def objects(answer: Any, key: str) -> list[Json]:
    """Return the objects of a list in an answer."""
    listed = within(answer, key)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def error_of(response: httpx.Response) -> str:
    """Return the name of the error in a refusal."""
    return str(http.object_in(response).get("error") or "")


def is_not_found(response: httpx.Response) -> bool:
    """Tell whether a refusal says that a record does not exist; older servers have no name for that error."""
    named = error_of(response)
    message = str(http.object_in(response).get("message") or "")
    return named == "RecordNotFound" or (named == "InvalidRequest" and message.startswith("Could not locate record"))


def _reset(response: httpx.Response) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(response.headers.get("RateLimit-Reset", "")), UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _pds(made: Json) -> str:
    """Return the address of the server that an account is on, from its document; "" when that does not say."""
    for service in objects(made.get("didDoc"), "service"):
        if str(service.get("id", "")).endswith("#atproto_pds"):
            return web(service.get("serviceEndpoint")).rstrip("/")
    return ""
