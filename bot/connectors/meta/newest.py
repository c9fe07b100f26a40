"""The new items of lists that Graph gives newest first: nothing twice, nothing left out.

A moment, the floor, divides known items from those that may be new. We remember the ids of items not far above it,
because an item may enter a list below newer ones, and because Graph gives moments in whole seconds.

If there is more above the floor than a few pages, we remember where we stopped and the next reading goes on from there.
Until that is done the floor stays: a conversation that is written in again moves up, with its older messages.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.connectors.base import Rejected, Unavailable
from bot.connectors.json_api import Json, time_of
from bot.connectors.meta.graph import after, listed
from bot.connectors.meta.hooks import moment_of
from bot.domain.mention import Post

PAGES = 4
"""Pages of a list that one reading reads, and as many again of what an earlier one left."""
LATE = timedelta(hours=1)
"""How far below the newest an item may still enter a list."""
REMEMBERED = 1_000
EVER = datetime.fromtimestamp(0, UTC)

Ask = Callable[..., Awaitable[Json]]
"""Requests one page of a list: the first, or the one after a cursor (`after=…`)."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Rest:
    """What is left to read of a list: from the cursor `after` down to its floor. All from `top` up was read."""

    after: str
    top: datetime


@dataclass(frozen=True)
class Known:
    """The known items of a list: all below `floor`, and those in `ids`, with their moments."""

    floor: datetime
    ids: Mapping[str, datetime]
    is_first: bool = False
    """It was never read to its end."""
    rest: Rest | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any] | None, begins: datetime | None) -> "Known":
        """Return what is known from the remembered state; without one, all before the account begins."""
        if state is None:
            return cls(begins or EVER, {}, is_first=True)
        ids = {ident: datetime.fromtimestamp(at, UTC) for ident, at in state["seen"].items()}
        left = state.get("rest")
        rest = Rest(left["after"], time_of(left["top"])) if left else None
        return cls(time_of(state["floor"]), ids, bool(state.get("first") or (left and left["first"])), rest)

    def may_be_new(self, moment: datetime | None) -> bool:
        """Tell whether an item of this moment may be new; so may one without a moment."""
        return moment is None or moment >= self.floor

    def news(self, posts: Iterable[Post]) -> list[Post]:
        """Return the new ones among these posts, each once."""
        new = (post for post in posts if self.may_be_new(post.published_at) and post.external_id not in self.ids)
        return list({post.external_id: post for post in new}.values())

    def after(self, seen: Iterable[Post], now: datetime, rest: Rest | None = None, *, is_whole: bool = True) -> Json:
        """Return what to remember after seeing these posts; `rest` is what is left to read.

        Not `is_whole`: a part could not be read at all, so that all since the floor may still be new.
        """
        above = {
            **self.ids,
            **{post.external_id: post.published_at for post in seen if post.published_at >= self.floor},
        }
        floor = self.floor
        if above and rest is None and is_whole:
            floor = max(floor, min(max(above.values()), now) - LATE)
        remembered = sorted((at, ident) for ident, at in above.items() if at >= floor)
        if len(remembered) > REMEMBERED:
            remembered = remembered[-REMEMBERED:]
            floor = remembered[0][0] if rest is None else floor
        state: Json = {"floor": floor.isoformat(), "seen": {ident: int(at.timestamp()) for at, ident in remembered}}
        if self.is_first and not is_whole:
            state["first"] = True
        if rest is None:
            return state
        return {**state, "rest": {"after": rest.after, "top": rest.top.isoformat(), "first": self.is_first}}


def unread_since(begins: datetime | None) -> Json:
    """Return the state of a list of which nothing was read yet, and that begins then."""
    return Known(begins or EVER, {}, is_first=True).after((), begins or EVER, is_whole=False)


def tried_later(place: Json, verdict: Rejected | Unavailable) -> Json:
    """Return where to go on below a post that was not read; after a refusal from the top: a cursor does not last."""
    return place if isinstance(verdict, Unavailable) else {**place, "after": ""}


@dataclass(frozen=True)
class Found:
    """The new posts of a list, what to remember of it (JSON), and whether there is more to read at once."""

    posts: list[Post]
    state: Json
    more: bool = False


async def first_pages(ask: Ask, most: int) -> list[Json]:
    """Return the objects on the first pages of a list, at most so many."""
    objects: list[Json] = []
    more: Json = {}
    for _ in range(most):
        answer = await ask(**more)
        objects += listed(answer)
        if not (cursor := after(answer)):
            break
        more = {"after": cursor}
    return objects


async def read_down(ask: Ask, known: Known, moment: str, now: datetime) -> tuple[list[Json], Rest | None]:
    """Return the objects of a list that may be new, some pages at a time, and what is left to read.

    The list is ordered by the field `moment`. An account that begins at no moment is not read to the end of its lists.
    """
    rest, top = known.rest, known.rest.top if known.rest else known.floor
    objects, cursor = await _down(ask, "", top, moment)
    top = min(max((top, *_moments(objects, moment))), now)
    if rest is not None and not cursor:
        try:
            older, cursor = await _down(ask, rest.after, known.floor, moment)
        except Rejected as verdict:  # a cursor does not last: begin at the top again
            log.warning("list not read on", verdict=type(verdict).__name__)
            older, cursor = await _down(ask, "", known.floor, moment)
        objects += older
    goes_on = cursor and not (known.is_first and known.floor <= EVER)
    return objects, Rest(cursor, top) if goes_on else None


async def _down(ask: Ask, cursor: str, floor: datetime, moment: str) -> tuple[list[Json], str]:
    """Read some pages from a cursor down to a moment; returns where to go on if that was not reached."""
    objects: list[Json] = []
    for _ in range(PAGES):
        answer = await ask(**{"after": cursor} if cursor else {})
        page, cursor = listed(answer), after(answer)
        objects += page
        if not cursor or not page or min(_moments(page, moment), default=floor) < floor:
            return objects, ""
    return objects, cursor


def _moments(objects: Iterable[Json], moment: str) -> list[datetime]:
    return [at for each in objects if (at := moment_of(each.get(moment)))]
