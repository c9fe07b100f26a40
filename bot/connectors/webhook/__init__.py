"""Any source that can POST JSON to us (monitoring suite, web form, own system) and, if it wants, receive our replies.

In: `signing` checks that a request comes from the source, `mentions` reads it.

Out: we POST a reply to the source's callback with both signatures. The receiver must publish each `webhook-id` once and
remember it for a day; so we may send a reply again when its outcome is unknown.

Options: see PLATFORM and webhook.md.
"""

import base64
import json
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import regex

from bot.connectors import http
from bot.connectors.base import (
    Account,
    Draft,
    Health,
    Measure,
    OutcomeUnknown,
    Received,
    Rejected,
    Request,
    Sent,
    Unauthorized,
    Unknowable,
    Verdict,
)
from bot.connectors.platform import Capability, Option, OptionKind, Platform, Quality, Tools
from bot.connectors.webhook.checking import check_settings
from bot.connectors.webhook.first_steps import first_steps
from bot.connectors.webhook.mentions import FIELDS, posts_of
from bot.connectors.webhook.signing import BY_DEFAULT, METHODS, current, key_in, new_secret, new_token, signed, verify
from bot.domain.image import Image, Images
from bot.domain.mention import Post
from bot.domain.payload import BadPayload, Item, Reading
from bot.domain.text import Text, text
from bot.steady_clock import steady_now

__all__ = ["METHODS", "PLATFORM", "RESEND_SAFE_FOR", "Incoming", "Webhook", "new_secret", "posts_of", "verify"]

RESEND_SAFE_FOR = timedelta(days=1)
OK = 200
NOT_UNDERSTOOD = frozenset({400, 422})
"""The statuses with which a callback answers if it does not know our ping."""
PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*+<(?:!doctype\s+)?html[\s>]", re.IGNORECASE | re.DOTALL
)
"""The start of a web page: what stands before a callback may answer 200 with one."""


class Webhook:
    """One source that sends us its mentions, and its callback."""

    resend_safe_for = RESEND_SAFE_FOR

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._client = tools.http

    async def check(self) -> Health:
        """Report how to call us and what we accept, find settings that cannot work, and ping the callback."""
        working, problems = check_settings(self._account)
        try:
            working.append(await self._check_callback())
        except Verdict as verdict:
            problems.append(verdict.text)
        answers = bool(self._account.options.get("callback_url"))
        return Health(tuple(working), problems=tuple(problems), answers=answers)

    async def _check_callback(self) -> Text:
        if not self._account.options.get("callback_url"):
            return text("Replies are not possible: no callback_url is set.")
        response = await self.call("ping", f"ping_{secrets.token_hex(8)}", steady_now(), {})
        if response.status_code in NOT_UNDERSTOOD or (response.is_success and _refusal(response) is not None):
            return text("The callback answers, but does not know our ping; the first reply will tell whether it works.")
        self.judge(response)
        return text("The callback accepts our signature.")

    async def send(self, draft: Draft) -> Sent:
        """POST the reply to the callback; body and `webhook-id` are the same on every attempt, so it can drop repeats.

        The receiver may answer with {"id", "url"} of the published post; without an id, the key of the reply is its id.
        `conversation` is the key with which the citizen's next words come after a private reply, if it is another one.
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
        answer = Item(http.object_in(response), "", Reading({}, UTC, approved_at))
        try:
            sent = Sent(answer.id("id") or draft.key, answer.address("url"))
        except BadPayload:
            sent = Sent(draft.key)
        try:
            return replace(sent, conversation=answer.id("conversation"))
        except BadPayload:
            return sent

    def images(self, *, private: bool) -> Images | None:
        """Return which images a reply can have, if the source takes any (option `images`)."""
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
        """POST one signed event to the callback and return its answer, with any status."""
        options = self._account.options
        if not options.get("callback_url"):
            raise Rejected("This source takes no replies: it has no callback.")
        keys = [key for key in current(self._account, "signing_secret") if key_in(key)]
        if not keys:
            raise Rejected("This source has no signing secret to sign replies with.")
        timestamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": kind, "timestamp": timestamp, "data": content})
        headers = {"Content-Type": "application/json", **signed(keys, key, body)}
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
        refusal = _refusal(response)
        http.judge(response, reason=refusal or _message(http.object_in(response)))
        if status == OK and PAGE.match(response.content):
            raise OutcomeUnknown(
                "{host} answers with a web page, perhaps one to log in, and not as a callback does.", host=where
            )
        if refusal is None or http.object_in(response).get("id"):
            return
        if refusal:
            raise Rejected("{host} says: {reason}", host=where, reason=refusal[:300])
        raise Rejected("{host} refuses this (HTTP {status}).", host=where, status=status)


def _refusal(response: httpx.Response) -> str | None:
    """Return the error that an answer names, "" for one without words; None for none."""
    error = http.object_in(response).get("error")
    return (error if isinstance(error, str) else _message(error)) if error else None


def _message(said: Any) -> str:
    words = said.get("message") if isinstance(said, dict) else ""
    return words if isinstance(words, str) else ""


def _image(image: Image) -> dict[str, Any]:
    encoded = base64.b64encode(image.content).decode()
    size = {"width": image.width, "height": image.height}
    return {"type": image.kind, "alt": image.description, **size, "content": encoded}


class Incoming:
    """Receives the requests of sources, see `verify` and `posts_of`. The address names the account."""

    def challenge(self, account: Account, request: Request) -> str | None:
        """Return None: Standard Webhooks has no challenge."""
        return None

    def accounts_of(self, request: Request) -> frozenset[str]:
        """Return an empty set: each source has its own address."""
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
