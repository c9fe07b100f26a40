"""Meta's pushes: one address of an app gets the events of all its accounts, up to 1,000 updates at once.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started

The signature covers the bytes as they were sent. For 36 hours Meta repeats a push that is not answered with 2xx, and
it sends some things twice.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.connectors.base import Account, NotSigned, Received, Request
from bot.connectors.json_api import Json
from bot.connectors.meta.graph import signature
from bot.domain.mention import Delivery, Post
from bot.domain.payload import BadPayload, moment
from bot.domain.text import text

WITHIN = 3.0
"""Seconds that we may take to ask for what a push leaves out and can be without: Meta waits for our answer."""
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, OverflowError)

log = structlog.get_logger()


@dataclass(frozen=True)
class Update:
    """One event: of which object (`id`), in which `field`, and `at` what moment, if Meta says so.

    An event of Messenger has the field `messaging`.
    """

    id: str
    field: str
    value: Json
    at: datetime | None


def new_verify_token() -> str:
    """Return a new token with which Meta proves that it verifies our address."""
    return secrets.token_urlsafe(24)


def its_id(update: Update) -> str:
    """Return the id of the object of an update."""
    return update.id


@dataclass(frozen=True)
class Hooks:
    """Receives Meta's pushes about one kind of `object`. Secrets: `app_secret`, `verify_token`.

    `read` returns the posts of one update, or raises one of UNREADABLE. `account_in` returns the `Identity.id` of the
    account that an update is about.
    """

    object: str
    read: Callable[[Account, Update, datetime], Iterable[Post | Delivery]]
    account_in: Callable[[Update], str] = its_id
    asks: Callable[[Update], bool] = lambda update: False
    """Whether an update only says that there is something to poll."""
    only_pushed: Callable[[Update], bool] = lambda update: False
    """Whether an update is pushed once and is in no list that we poll."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return the number that Meta expects when it knows our `verify_token`."""
        query = request.query
        if request.method != "GET" or query.get("hub.mode") != "subscribe":
            return None
        ours, theirs = account.secrets.get("verify_token", ""), query.get("hub.verify_token", "")
        if not ours or not _equal(ours, theirs):
            raise NotSigned(text("The verify token is not the one of this account."))
        return query.get("hub.challenge", "")

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return the ids of the accounts that the body is about."""
        return frozenset(ident for each in self._updates(request) if (ident := self._account_in(each)))

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return the items in the body for this account; an update that cannot be read does not affect the others."""
        secret, sent = account.secrets.get("app_secret", ""), request.headers.get("x-hub-signature-256", "")
        if not secret or not _equal("sha256=" + signature(secret, request.body), sent.strip().lower()):
            raise NotSigned(text("X-Hub-Signature-256 does not match this body and the app secret of this account."))
        if account.identity is None:
            raise BadPayload(text("This account was not checked yet; run `webcare check`."))
        mine = [each for each in self._updates(request) if self._account_in(each) == account.identity.id]
        items = [item for update in mine for item in self._read(account, update, now)]
        return Received(
            tuple(sorted(items, key=_happened)), any(map(self.asks, mine)), any(map(self.only_pushed, mine))
        )

    def _read(self, account: Account, update: Update, now: datetime) -> list[Post | Delivery]:
        try:
            return list(self.read(account, update, now))
        except UNREADABLE as error:
            log.warning("update not understood", field=update.field, account=account.id, error=type(error).__name__)
            return []

    def _account_in(self, update: Update) -> str:
        try:
            return self.account_in(update)
        except UNREADABLE:
            return ""

    def _updates(self, request: Request) -> list[Update]:
        """Return the updates; none when the body is about another kind of object. Raises BadPayload."""
        try:
            sent = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise BadPayload(text("The body is not JSON.")) from error
        if not isinstance(sent, dict):
            raise BadPayload(text("The body is not JSON."))
        return list(_updates(sent)) if sent.get("object") == self.object else []


def _updates(sent: Json) -> Iterator[Update]:
    for entry in _objects(sent.get("entry")):
        ident, at = str(entry.get("id") or ""), moment_of(entry.get("time"))
        for change in _objects(entry.get("changes")):
            if isinstance(change.get("value"), dict):
                yield Update(ident, str(change.get("field")), change["value"], at)
        for event in _objects(entry.get("messaging")):
            yield Update(ident, "messaging", event, moment_of(event.get("timestamp")) or at)


def moment_of(value: Any) -> datetime | None:
    """Return a moment from seconds or milliseconds since 1970, or from ISO 8601 text; None for anything else."""
    try:
        return moment(value, UTC)
    except UNREADABLE:
        return None


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _happened(item: Post | Delivery) -> datetime:
    return item.at if isinstance(item, Delivery) else item.edited_at or item.published_at


def _equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))
