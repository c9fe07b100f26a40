"""What is new in lists that Graph gives newest first: nothing twice, nothing left out.

A moment, the floor, divides what is known from what may be new. Of what is not far above it the ids are remembered,
because something may come into a list below newer things, and because Graph tells moments in whole seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.connectors.json_api import Json, time_of
from bot.domain.mention import Post

LATE = timedelta(hours=1)
"""How far below the newest something may still come into a list."""
REMEMBERED = 1_000
EVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Known:
    """What is known of a list: all below `floor`, and what is in `ids`, with its moment."""

    floor: datetime
    ids: Mapping[str, datetime]
    is_first: bool = False
    """Nothing was read yet."""

    @classmethod
    def of(cls, state: Mapping[str, Any] | None, begins: datetime | None) -> "Known":
        """Return what is known by what was remembered; without that, all before the account begins."""
        if state is None:
            return cls(begins or EVER, {}, is_first=True)
        ids = {ident: datetime.fromtimestamp(at, UTC) for ident, at in state["seen"].items()}
        return cls(time_of(state["floor"]), ids)

    def may_be_new(self, moment: datetime | None) -> bool:
        """Tell whether something of this moment may be new; without a moment too."""
        return moment is None or moment >= self.floor

    def news(self, posts: Iterable[Post]) -> list[Post]:
        """Return which of these posts are new."""
        return [post for post in posts if self.may_be_new(post.published_at) and post.external_id not in self.ids]

    def after(self, seen: Iterable[Post], now: datetime) -> Json:
        """Return what to remember, when these posts were seen."""
        above = {
            **self.ids,
            **{post.external_id: post.published_at for post in seen if post.published_at >= self.floor},
        }
        floor = self.floor
        if above:
            floor = max(floor, min(max(above.values()), now) - LATE)
        kept = sorted((at, ident) for ident, at in above.items() if at >= floor)
        if len(kept) > REMEMBERED:
            kept = kept[-REMEMBERED:]
            floor = kept[0][0]
        return {"floor": floor.isoformat(), "seen": {ident: int(at.timestamp()) for at, ident in kept}}


@dataclass(frozen=True)
class Found:
    """The new posts of a list, what to remember of it (JSON), and whether there is more to read at once."""

    posts: list[Post]
    state: Json
    more: bool = False
