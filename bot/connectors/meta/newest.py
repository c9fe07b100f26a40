"""The new items of lists that Graph gives newest first: nothing twice, nothing left out.

A moment, the floor, divides known items from those that may be new. We remember the ids of items not far above it,
because an item may enter a list below newer ones, and because Graph gives moments in whole seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.connectors.json_api import Json, time_of
from bot.domain.mention import Post

LATE = timedelta(hours=1)
"""How far below the newest an item may still enter a list."""
REMEMBERED = 1_000
EVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Known:
    """The known items of a list: all below `floor`, and those in `ids`, with their moments."""

    floor: datetime
    ids: Mapping[str, datetime]
    is_first: bool = False
    """Nothing was read yet."""

    @classmethod
    def of(cls, state: Mapping[str, Any] | None, begins: datetime | None) -> "Known":
        """Return what is known from the remembered state; without one, all before the account begins."""
        if state is None:
            return cls(begins or EVER, {}, is_first=True)
        ids = {ident: datetime.fromtimestamp(at, UTC) for ident, at in state["seen"].items()}
        return cls(time_of(state["floor"]), ids)

    def may_be_new(self, moment: datetime | None) -> bool:
        """Tell whether an item of this moment may be new; so may one without a moment."""
        return moment is None or moment >= self.floor

    def news(self, posts: Iterable[Post]) -> list[Post]:
        """Return the new ones among these posts."""
        return [post for post in posts if self.may_be_new(post.published_at) and post.external_id not in self.ids]

    def after(self, seen: Iterable[Post], now: datetime) -> Json:
        """Return what to remember after seeing these posts."""
        above = {
            **self.ids,
            **{post.external_id: post.published_at for post in seen if post.published_at >= self.floor},
        }
        floor = self.floor
        if above:
            floor = max(floor, min(max(above.values()), now) - LATE)
        remembered = sorted((at, ident) for ident, at in above.items() if at >= floor)
        if len(remembered) > REMEMBERED:
            remembered = remembered[-REMEMBERED:]
            floor = remembered[0][0]
        return {"floor": floor.isoformat(), "seen": {ident: int(at.timestamp()) for at, ident in remembered}}


@dataclass(frozen=True)
class Found:
    """The new posts of a list, what to remember of it (JSON), and whether there is more to read at once."""

    posts: list[Post]
    state: Json
    more: bool = False
