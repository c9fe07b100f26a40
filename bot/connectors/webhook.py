"""Any source that can POST JSON to us (monitoring suite, web form, own system) and, if it wants, receive our replies.

In: `verify` checks that a request comes from the source, `posts_of` reads its mentions. Signatures are Standard
Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: HMAC-SHA256 of
`id.timestamp.body` with the base64 key after `whsec_`), X-Hub-Signature-256 (HMAC-SHA256 of the raw body with the whole
secret as text, see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries), or a secret in
the address for suites that cannot sign. The last two do not prove when a request was made: an eavesdropper can repeat
it. With X-Hub-Signature-256 they cannot change it; with a secret in the address they can.

Out: we POST a reply to the source's callback with both signatures. The receiver must publish each `webhook-id` once and
remember it for a day; so we may send a reply again when its outcome is unknown.

Secrets: signing_secret, url_token, and each with `_old` while it is being replaced. Options: see PLATFORM and
webhook.md.
"""

import base64
import hashlib
import hmac
import json
import math
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import regex
from standardwebhooks.webhooks import Webhook as Signature

from bot.connectors import http
from bot.connectors.base import (
    Account,
    Draft,
    Health,
    Measure,
    NotSigned,
    Received,
    Rejected,
    Request,
    Sent,
    Unauthorized,
    Unknowable,
    Verdict,
)
from bot.connectors.html import text_of
from bot.connectors.platform import Capability, Option, OptionKind, Platform, Quality, Tools
from bot.connectors.webhook_example import first_steps
from bot.domain.image import Image, Images
from bot.domain.mention import Act, Author, Gone, Media, Permit, Post, PostKind, permits
from bot.domain.payload import BadPayload, Item, Reading, fingerprint, items
from bot.domain.text import Text, text

METHODS = {
    "standard": "Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature)",
    "hub": "X-Hub-Signature-256",
    "token": "/in/<source>?token=<token>",
}
BY_DEFAULT = ("standard", "hub")
FIELDS = frozenset(
    """id text published_at url author.id author.name author.handle author.url conversation in_reply_to
    private language can_reply can_reply_privately can_reply_until edited_at deleted kind rating media""".split()
)
"""The fields of a mention, and the keys of a source's mapping."""
TOLERANCE = 300
"""Seconds that a sender's clock may differ from ours, as in the package standardwebhooks."""
LEAST_KEY_BYTES = 24
"""The minimum length of a key in the specification."""
RESEND_SAFE_FOR = timedelta(days=1)
MAX_BODY = 5 * 1024 * 1024
MAX_MEDIA, MAX_ALT = 16, 1_500
"""Of a mention: how many pictures, and how many characters of each description, as on Mastodon."""
MAX_TEXT = 100_000
CUT = " […]"
NOT_UNDERSTOOD = frozenset({400, 422})
"""How a callback answers that does not know our ping."""


def new_secret() -> str:
    """Return a new signing secret of 32 random bytes, in the notation of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def new_token() -> str:
    """Return a new secret for the address of a source that cannot sign."""
    return secrets.token_urlsafe(32)


def verify(account: Account, headers: Mapping[str, str], body: bytes, *, token: str | None) -> None:
    """Check by a method that the source accepts that it sent these bytes; raises NotSigned otherwise.

    `token` is the token in the address, if any. No content of a request raises any other error.
    """
    accepted = _accepted(account)
    sent = {name.lower(): value for name, value in headers.items()}
    refusals = []
    for method in accepted:
        try:
            if method == "standard" and "webhook-signature" in sent:
                return _verify_standard(_current(account, "signing_secret"), sent, body)
            if method == "hub" and "x-hub-signature-256" in sent:
                return _verify_hub(_current(account, "signing_secret"), sent["x-hub-signature-256"], body)
            if method == "token" and token:
                return _verify_token(_current(account, "url_token"), token)
        except NotSigned as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]
    methods = ", ".join(METHODS[method] for method in accepted)
    raise NotSigned(text("The request is not signed. This source accepts: {methods}.", methods=methods or "-"))


def _accepted(account: Account) -> list[str]:
    wanted = account.options.get("accept", BY_DEFAULT)
    return [method for method in METHODS if method in wanted]


def _current(account: Account, name: str) -> list[str]:
    """Return the secrets of this name that are valid now: the new one, then the one being replaced."""
    return [account.secrets[key] for key in (name, f"{name}_old") if account.secrets.get(key)]


def _verify_standard(keys: list[str], headers: dict[str, str], body: bytes) -> None:
    # The package reads the time as a float, so it would accept "01" and " 1" for the signed "1".
    sent_at = headers.get("webhook-timestamp", "")
    if not re.fullmatch(r"[1-9][0-9]{0,11}", sent_at):
        raise NotSigned(text("webhook-timestamp must be whole seconds since 1970."))
    if abs(time.time() - int(sent_at)) > TOLERANCE:
        raise NotSigned(text("webhook-timestamp differs more than five minutes from our clock; set the sender's."))
    expected = [_standard_signature(key, headers.get("webhook-id", ""), sent_at, body) for key in keys if _key(key)]
    sent = [signature.partition(",") for signature in headers["webhook-signature"].split(" ")]
    if any(version == "v1" and _equal(found, each) for version, _, found in sent for each in expected):
        return
    raise NotSigned(text("webhook-signature does not match this body and the signing secret of this source."))


def _standard_signature(secret: str, id: str, sent_at: str, body: bytes) -> str:
    # Not by the package, which reads the body as UTF-8 first: bytes that are none may be signed all the same.
    signed = f"{id}.{sent_at}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _verify_hub(keys: list[str], signature: str, body: bytes) -> None:
    sent = signature.strip().lower()
    if not any(_equal(sent, _hub_signature(key, body)) for key in keys):
        raise NotSigned(text("X-Hub-Signature-256 does not match this body and the signing secret of this source."))


def _verify_token(tokens: list[str], sent: str) -> None:
    if not any(_equal(sent, token) for token in tokens):
        raise NotSigned(text("The token in the address is not the one of this source."))


def _hub_signature(key: str, body: bytes) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _equal(sent: str, expected: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def posts_of(account: Account, body: bytes, *, now: datetime | None = None) -> list[Post]:
    """Return the mentions in a body, oldest first: one object, a list, or a list under "mentions" (option `items`).

    A mention without a date, or with one in the future, gets `now`. A mention without an id gets the hash of its
    address, else of its author, text and date; in the last case an edit is a new mention. An address that is not
    http(s) is dropped; an id over 500 characters becomes its hash; a text over 100,000 is cut. Raises BadPayload.
    """
    if len(body) > MAX_BODY:
        raise BadPayload(text("The body is larger than {size} MB; send fewer mentions at once.", size=MAX_BODY >> 20))
    try:
        sent = json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadPayload(text("The body is not JSON.")) from error
    options = account.options
    reading = Reading(options.get("mapping", {}), _zone(options), now or datetime.now(UTC))
    posts = [_post(item, options) for item in items(sent, options.get("items", ""), reading)]
    return sorted(posts, key=lambda post: post.published_at)


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which Python would read and JSON does not have."""
    raise BadPayload(text("The body is not JSON."))


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise BadPayload(text("A number in the body is too large."))
    return number


def _zone(options: Mapping[str, Any]) -> tzinfo:
    name = options.get("time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadPayload(text("The time zone set for this source is unknown: {zone}", zone=name)) from error


def _post(item: Item, options: Mapping[str, Any]) -> Post:
    external_id = _external_id(item)
    conversation = item.id("conversation") or None
    gone = item.flag("deleted", default=False)
    return Post(
        external_id=external_id,
        author=_author(item, conversation or external_id),
        text=_words(item.string("text"), html=bool(options.get("html"))),
        published_at=item.moment("published_at") or item.reading.now,
        url=item.address("url"),
        conversation=conversation,
        in_reply_to=item.id("in_reply_to") or None,
        private=item.flag("private", default=bool(options.get("private"))),
        language=item.name("language"),
        permits=frozenset() if gone else _permits(item, has_callback=bool(options.get("callback_url"))),
        edited_at=item.moment("edited_at", ahead=timedelta(seconds=TOLERANCE)),
        gone=Gone.BY_AUTHOR if gone else None,
        kind=_kind(item),
        rating=_rating(item),
        media=tuple(_media(item)),
    )


def _words(sent: str, *, html: bool) -> str:
    """Return the text, cut when it is too long; HTML is cut before it is parsed, because parsing is slow."""
    words = text_of(sent[:MAX_TEXT]) if html else sent[:MAX_TEXT]
    return words if len(sent) <= MAX_TEXT else words[: MAX_TEXT - len(CUT)] + CUT


def _external_id(item: Item) -> str:
    if external_id := item.id("id"):
        return external_id
    if url := item.address("url"):
        return fingerprint(url)
    if item.flag("deleted", default=False) or not item.string("text").strip():
        raise BadPayload(text("{field} is missing, and so is what could stand for it.", field=item.path("id")))
    # The date as sent: with the moment of receipt, every repeat would be a new mention.
    author = item.string("author.id") or item.string("author.handle") or item.string("author.name")
    return fingerprint(author, item.string("text"), str(item.raw("published_at")))


def _author(item: Item, alone: str) -> Author:
    """Return the author; without id, page or handle it is a different author in every conversation (`alone`).

    Two citizens may have the same name, and must not get each other's answers.
    """
    name, handle, url = item.name("author.name"), item.name("author.handle"), item.address("author.url")
    known = item.id("author.id") or url or handle
    return Author(known or fingerprint(alone, name), name or handle or http.host(url), handle, url)


def _permits(item: Item, *, has_callback: bool) -> frozenset[Permit]:
    wishes = {
        Act.ANSWER: item.flag("can_reply", default=has_callback),
        Act.ANSWER_PRIVATELY: item.flag("can_reply_privately", default=False),
    }
    allowed = [act for act, wished in wishes.items() if wished and has_callback]
    return permits(*allowed, until=item.end("can_reply_until"))


def _kind(item: Item) -> PostKind:
    """Return the kind of the post; without the field, a post that answers another is a reply."""
    sent = item.name("kind")
    if sent in set(PostKind):
        return PostKind(sent)
    return PostKind.REPLY if item.id("in_reply_to") else PostKind.POST


def _rating(item: Item) -> int | None:
    """Return the stars of a review; None for anything but 1 to 5."""
    sent = item.name("rating")
    return int(sent) if sent in {"1", "2", "3", "4", "5"} else None


def _media(item: Item) -> Iterator[Media]:
    """Yield the pictures, films and sounds with a post; one without a web address is left out."""
    for each in item.inside("media", MAX_MEDIA):
        if url := each.address("url"):
            yield Media(url, each.name("kind") or "image", " ".join(each.string("alt").split())[:MAX_ALT])


class Webhook:
    """One source that sends us its mentions, and its callback."""

    resend_safe_for = RESEND_SAFE_FOR

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._client = tools.http

    async def check(self) -> Health:
        """Report how to call us and what we accept, find settings that cannot work, and ping the callback."""
        working, problems = _check_settings(self._account)
        try:
            working.append(await self._check_callback())
        except Verdict as verdict:
            problems.append(verdict.text)
        return Health(tuple(working), problems=tuple(problems))

    async def _check_callback(self) -> Text:
        if not self._account.options.get("callback_url"):
            return text("Replies are not possible: no callback_url is set.")
        response = await self.call("ping", f"ping_{secrets.token_hex(8)}", datetime.now(UTC), {})
        if response.status_code in NOT_UNDERSTOOD:
            return text("The callback answers, but does not know our ping; the first reply will tell whether it works.")
        self.judge(response)
        return text("The callback accepts our signature.")

    async def send(self, draft: Draft) -> Sent:
        """POST the reply to the callback; body and `webhook-id` are the same at every attempt, so it can drop repeats.

        The receiver may answer with {"id", "url"} of the published post; without an id, the key of the reply is its id.
        `conversation` is that of what the citizen writes back to a private reply, if it has another key.
        """
        content: dict[str, Any] = {
            "id": draft.key,
            "in_reply_to": draft.to.external_id,
            "conversation": draft.to.conversation,
            "text": draft.text,
            "private": draft.private,
        }
        if draft.image is not None:
            content["image"] = _image(draft.image)
        approved_at = draft.approved_at or draft.first_tried_at
        response = await self.call("reply.created", draft.key, approved_at, content)
        self.judge(response)
        answer = Item(_object_in(response), "", Reading({}, UTC, approved_at))
        try:
            sent = Sent(answer.id("id") or draft.key, answer.address("url"))
        except BadPayload:
            sent = Sent(draft.key)
        try:
            return replace(sent, conversation=answer.id("conversation"))
        except BadPayload:
            return sent

    def images(self, *, private: bool) -> Images | None:
        """Return which image goes with a reply, if the source takes any (option `images`)."""
        takes = self._account.options.get("images") and self._account.options.get("callback_url")
        return Images() if takes else None

    async def find(self, draft: Draft) -> Sent | None:
        """Raise Unknowable: a callback cannot be asked. Within `resend_safe_for`, send again instead."""
        raise Unknowable

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters as a reader does; the limit is the option `max_length`, 5,000 by default."""
        return Measure(len(regex.findall(r"\X", text)), int(self._account.options.get("max_length", 5000)))

    async def call(self, kind: str, key: str, at: datetime, content: dict[str, Any]) -> httpx.Response:
        """POST one signed event to the callback and return its answer, whatever the status."""
        options = self._account.options
        if not options.get("callback_url"):
            raise Rejected("This source takes no replies: it has no callback.")
        keys = [key for key in _current(self._account, "signing_secret") if _key(key)]
        if not keys:
            raise Rejected("This source has no signing secret to sign replies with.")
        timestamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": kind, "timestamp": timestamp, "data": content})
        headers = {"Content-Type": "application/json", **_signed(keys, key, body)}
        return await http.request(self._client, "POST", options["callback_url"], content=body, headers=headers)

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on a callback's answer, by the rules of Standard Webhooks."""
        where, status = response.request.url.host, response.status_code
        if status == 401:
            raise Unauthorized(
                "{host} does not accept our signature; renew this source's signing secret and give it the new one.",
                host=where,
            )
        if status == 410:
            raise Unauthorized("{host} says that this callback is gone for good.", host=where)
        if 300 <= status < 400:
            raise Rejected("{host} sends us on to another address; set that one as the callback.", host=where)
        answer = _object_in(response)
        reason = answer.get("error") or answer.get("message")
        http.judge(response, reason=reason if isinstance(reason, str) else "")


def _image(image: Image) -> dict[str, Any]:
    encoded = base64.b64encode(image.content).decode()
    size = {"width": image.width, "height": image.height}
    return {"type": image.kind, "alt": image.description, **size, "content": encoded}


def _signed(keys: list[str], id: str, body: str) -> dict[str, str]:
    """Return the headers of both signatures; that of Standard Webhooks signs with each current key."""
    now = datetime.now(UTC)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signature(key).sign(id, now, body) for key in keys),
        "X-Hub-Signature-256": _hub_signature(keys[0], body.encode()),
    }


def _key(secret: str) -> bytes:
    """Return the key in a secret by the rules of Standard Webhooks, b"" when it is unreadable."""
    key = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except ValueError:
        return b""


def _object_in(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in an answer, {} without one: a callback need not return anything."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _check_settings(account: Account) -> tuple[list[Text], list[Text]]:
    """Return what works and what cannot work, with a repair for each problem."""
    options, accepted = account.options, _accepted(account)
    working, problems = [], []
    if account.address:
        working.append(text("Send mentions to {address}.", address=account.address))
    if accepted:
        working.append(
            text("Signatures that are accepted: {methods}.", methods=", ".join(METHODS[m] for m in accepted))
        )
    else:
        problems.append(text("No request can be accepted: set accept to standard, hub or token."))
    if {"standard", "hub"} & set(accepted) and not account.secrets.get("signing_secret"):
        problems.append(text("There is no signing_secret; make one and give it to the source."))
    if "standard" in accepted or options.get("callback_url"):
        keys = _current(account, "signing_secret")
        if any(len(_key(key)) < LEAST_KEY_BYTES for key in keys):
            problems.append(text("The signing secret is not one of Standard Webhooks (whsec_…, 24 bytes or more)."))
    if http.is_readable_on_its_way(str(options.get("callback_url", ""))):
        problems.append(text("The callback is not https, so that replies could be read on their way; make it so."))
    if "token" in accepted and len(account.secrets.get("url_token", "")) < LEAST_KEY_BYTES:
        problems.append(text("The url_token is missing or shorter than 24 characters; make a longer one."))
    for field in sorted(set(options.get("mapping", {})) - FIELDS):
        problems.append(text("The mapping has a field that a mention does not have: {field}", field=field))
    try:
        _zone(options)
    except BadPayload as unknown:
        problems.append(unknown.text)
    return working, problems


class Incoming:
    """Receives the requests of sources, see `verify` and `posts_of`. The address names the account."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return None: Standard Webhooks has no challenge."""
        return None

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return nothing: each source has an address of its own."""
        return frozenset()

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return the mentions of a request, after `verify`."""
        verify(account, request.headers, request.body, token=request.token or request.query.get("token"))
        return Received(tuple(posts_of(account, request.body, now=now)))


PLATFORM = Platform(
    name="webhook",
    title="",  # the card shows the source's own name
    sign="🔗",
    docs="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    about="Let a source of your own send mentions to us, signed. It may take our replies.",
    first_steps=first_steps,
    capabilities=frozenset(
        {
            Capability.PUSHES,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.IMAGES,
            Capability.MESSAGE_IMAGES,
        }
    ),
    options=(
        Option(
            "callback_url",
            "Address for our replies (empty: none)",
            OptionKind.ADDRESS,
            default="",
            help="Where our replies are delivered.",
        ),
        Option(
            "accept",
            kind=OptionKind.CHOICES,
            default=BY_DEFAULT,
            help="Proofs it may use; standard and hub when left out.",
            choices=tuple(METHODS),
        ),
        Option(
            "mapping",
            kind=OptionKind.MAPPING,
            help="A field of ours and where its JSON has it, as in text=content.body (see the guide).",
            choices=tuple(sorted(FIELDS)),
        ),
        Option("title", kind=OptionKind.TITLE, help="Its name on the cards; the account's name when left out."),
        Option("items", help="Path of the list of mentions in its JSON; mentions when left out."),
        Option("time_zone", help="Time zone of dates that name none; UTC when left out."),
        Option("html", kind=OptionKind.FLAG, default=False, help="Its texts are HTML."),
        Option("private", kind=OptionKind.FLAG, default=False, help="What it sends is not public."),
        Option("max_length", kind=OptionKind.NUMBER, help="Most characters of a reply; 5,000 when left out."),
        Option("images", kind=OptionKind.FLAG, default=False, help="It takes an image with a reply."),
        Option("signing_secret", kind=OptionKind.MADE, secret=True, make=new_secret),
        Option("url_token", kind=OptionKind.MADE, secret=True, make=new_token, only_with=("accept", "token")),
    ),
    connect=Webhook,
    quality=Quality(pairs=True, specification="the package standardwebhooks"),
    receiver=Incoming(),
    resend_safe_for=RESEND_SAFE_FOR,
    edits=True,
    limits="5 MB and 1,000 mentions in one request",
    latency="at once",
)
