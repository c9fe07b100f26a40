"""The platforms that can be tried out: each is the real one, but its posts are on the square.

Everything that a case shows comes from the platform: what may be done with a post and until when, how an answer is
composed and counted. Only the requests go to the square, signed as those of a source of our own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, connectors
from bot.config import Settings
from bot.connectors import webhook
from bot.connectors.base import (
    Account,
    Connector,
    Draft,
    Measure,
    Received,
    Rejected,
    Replies,
    Request,
    Sent,
    TakesImages,
    UsedUp,
)
from bot.connectors.platform import Platform, Tools
from bot.connectors.trial import Trial, Way, Written
from bot.domain.image import Images
from bot.domain.mention import Act, Post
from bot.domain.payload import BadPayload
from bot.domain.text import text
from bot.sandbox.app import Sandbox
from bot.sandbox.square import places
from bot.texts import Texts

NAME = "Het Plein"
"""The name of the account on each platform, so that each card says where its post really is."""
ALREADY, GONE = 409, 410
"""The square's answers to a second private answer to a post that takes one, and to an answer to a removed post."""


class OnSquare(webhook.Webhook):
    """An account on the square that counts and composes its answers like one on the platform `like`."""

    def __init__(self, like: Platform, trial: Trial, account: Account, tools: Tools) -> None:
        super().__init__(account, tools)
        self._like, self._once = _answering(like.connect(account, tools)), trial.once
        self._now = tools.now

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return what the platform would publish."""
        return self._like.compose(text, to=to, private=private)

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count as the platform does."""
        return self._like.measure(text, private=private)

    def images(self, *, private: bool) -> Images | None:
        """Return which images the platform takes with an answer."""
        return self._like.images(private=private) if isinstance(self._like, TakesImages) else None

    async def send(self, draft: Draft) -> Sent:
        """Write the reply on the square; a private one has no address."""
        sent = await super().send(draft)
        return replace(sent, url="") if draft.private else sent

    async def act(self, act: Act, post: Post) -> None:
        """Hide, like or remove a post on the square; doing it again changes nothing."""
        at = self._now()
        self.judge(await self.call("act", f"{act}-{post.external_id}", at, {"act": act, "id": post.external_id}))

    def judge(self, response: Any) -> None:
        """Raise the verdict on the square's answer, in the platform's words if it has them."""
        if response.status_code == ALREADY and self._once is not None:
            raise UsedUp(self._once.message)
        if response.status_code == GONE:
            raise Rejected("{host} no longer shows the post, so it cannot be answered.", host=NAME)
        super().judge(response)


def _answering(connector: Connector) -> Replies:
    if not isinstance(connector, Replies):
        raise TypeError("only a platform whose posts can be answered can be tried out")
    return connector


class FromSquare(webhook.Incoming):
    """Receives citizens' posts on the square as if from a platform, and reads them as its connector does."""

    def __init__(self, trial: Trial) -> None:
        self._ways = {way.name: way for way in trial.ways}

    def receive(self, account: Account, request: Request, now: datetime) -> Received:
        """Return the post of a request, after its signature was checked."""
        items, sent = super().receive(account, request, now).items, json.loads(request.body)
        way = self._ways.get(str(sent.get("way"))) if isinstance(sent, dict) else None
        posts = [item for item in items if isinstance(item, Post)]
        if way is None or len(posts) != 1:
            raise BadPayload(text("{field} is missing, and so is what could stand for it.", field="way"))
        return Received((posts[0] if posts[0].gone else _as_there(posts[0], way, sent),))


def _as_there(post: Post, way: Way, sent: Mapping[str, Any]) -> Post:
    """Return a post as the platform would give it; its ids and addresses are those of the square."""
    by = post.author
    words = {name: str(sent.get(name) or "") for name in ("subject", "root", "parent", "ours", "us")}
    written = Written(
        post.external_id, by.external_id, by.name, by.handle, text=post.text, at=post.published_at, **words
    )
    try:
        read = way.read(written)
    except ValueError as error:
        raise BadPayload(text("{field} is missing, and so is what could stand for it.", field="id")) from error
    return replace(
        read,
        external_id=post.external_id,
        author=replace(read.author, url=by.url if read.author.url else ""),
        url=post.url if read.url else "",
        replies_to=replace(read.replies_to, url="") if read.replies_to else None,
        in_reply_to=post.in_reply_to,
        ancestors=tuple(sent.get("above") or ()),
        media=post.media,
        edited_at=post.edited_at,
    )


def offered() -> Iterator[tuple[Platform, Trial]]:
    """Yield the platforms that can be tried out."""
    for platform in connectors.registry().platforms.values():
        if platform.trial is not None:
            yield platform, platform.trial


def on_square() -> dict[str, Platform]:
    """Return these platforms by name, with their posts on the square."""
    return {platform.name: _on_square(platform, trial) for platform, trial in offered()}


def _on_square(platform: Platform, trial: Trial) -> Platform:
    connect = partial(OnSquare, platform, trial)
    return replace(platform, connect=connect, receiver=FromSquare(trial), resend_safe_for=webhook.RESEND_SAFE_FOR)


async def add_accounts(session: AsyncSession, settings: Settings, slack: Sandbox, now: datetime) -> None:
    """Add an account on each platform that can be tried out, as if it had been checked."""
    for platform, trial in offered():
        options = {**trial.options, "callback_url": f"{slack.base_url}/square/replies"}
        secrets = {"signing_secret": slack.square.secret}
        account = await accounts.add(
            session, settings, platform=platform.name, name=NAME, url="", secrets=secrets, options=options, now=now
        )
        account.limits = dict(trial.limits)


def places_in(t: Texts) -> tuple[places.Place, ...]:
    """Return these platforms as the square shows them, in this language."""
    return tuple(
        places.Place(
            platform.name,
            platform.title,
            platform.sign,
            path=f"/in/{platform.name}/{quote(NAME)}",
            about=t(trial.about),
            ways=tuple(_way(way, t) for way in trial.ways),
            handle=trial.handle,
            hidden=t(trial.hidden.who) if trial.hidden else "",
            opens=bool(trial.hidden and trial.hidden.opens),
            once=trial.once is not None,
        )
        for platform, trial in offered()
    )


def _way(way: Way, t: Texts) -> places.Way:
    return places.Way(
        way.name,
        t(way.title),
        private=way.private,
        below=way.below,
        has_subject=way.has_subject,
        edits=way.edits,
        removes=way.removes,
        answered_by=way.answered_by or way.name,
    )
