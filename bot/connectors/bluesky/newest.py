"""The new items of a list that a server gives newest first, page by page: nothing twice, nothing left out.

Items that we read before are known by their addresses, down to a moment, the floor: a post may enter a list below
newer ones. When there is more than one reading takes, the place where it stopped is a gap, which is read later. New
posts come first, so that many old ones do not hold them up.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.connectors.base import Rejected
from bot.connectors.json_api import Json, time_of
from bot.connectors.parts import Parts
from bot.domain.text import text

PAGES_AT_ONCE = 5
REMEMBERED = 50
"""How many of the newest items we remember by address. A page has twice as many, so one usually reaches the floor."""
LATE = timedelta(hours=6)
"""How far below the newest a post may still enter the list."""
EVER = datetime.min.replace(tzinfo=UTC)
OLDER_NOT_READ = text("Of many posts, the older ones cannot be read now.")

Item = tuple[datetime, Json]
Pages = Callable[[str], Awaitable[tuple[list[Item], str]]]
"""Given a cursor ("" for the newest items), returns a page, newest first, and the cursor of the next ("": none)."""


@dataclass(frozen=True)
class News:
    """The new items, what to remember for the next reading (JSON), and whether there is more to read at once.

    The first ones are `whole` if they go back to where the list begins.
    """

    items: list[Json]
    state: Json
    more: bool
    whole: bool = True


async def read(
    pages: Pages, state: Mapping[str, Any] | None, begins: datetime | None, now: datetime, parts: Parts
) -> News:
    """Return what is new since `state`; the first time (None) since `begins`, as far as a few pages go.

    A gap that cannot be read now holds up nothing new, and is read later.
    """
    if state is None:
        top, left = await _down(pages, "", begins or EVER)
        return News([item for _, item in top], _remembered(top, begins or EVER, [], now), False, not left)
    floor, known, gaps = time_of(state["floor"]), set(state["seen"]), [{**gap} for gap in state["gaps"]]
    top, left = await _down(pages, "", floor)
    if left:
        gaps.append({"cursor": left, "floor": state["floor"], "seen": state["seen"]})
    read_on = await parts.read(_into(pages, gaps), otherwise=OLDER_NOT_READ)
    old, gaps = read_on or ([], gaps)
    new = [item for _, item in top if item["uri"] not in known]
    return News([*new, *old], _remembered(top, floor, gaps, now), bool(gaps) and read_on is not None)


def nothing_since(moment: datetime) -> Json:
    """Return what to remember of a list that could not be read yet and begins then."""
    return {"floor": moment.isoformat(), "seen": [], "gaps": []}


def _remembered(top: list[Item], floor: datetime, gaps: list[Json], now: datetime) -> Json:
    """Return what to remember of a reading: the newest items, and the moment from which on all are known."""
    times = sorted((at for at, _ in top), reverse=True)[:REMEMBERED]
    if len(times) < len(top):
        floor = max(floor, times[-1])
    if floor < now - 2 * LATE:  # in steps, so that a reading without news changes nothing
        floor = now - LATE
    return {"floor": floor.isoformat(), "seen": [item["uri"] for at, item in top if at >= floor], "gaps": gaps}


async def _into(pages: Pages, gaps: list[Json]) -> tuple[list[Json], list[Json]]:
    """Continue in the last gap; returns its new items and the remaining gaps."""
    if not gaps:
        return [], []
    *others, gap = gaps
    try:
        items, left = await _down(pages, gap["cursor"], time_of(gap["floor"]))
    except Rejected:
        gap["cursor"] = ""  # a cursor does not last: the next reading begins at the top again
        raise
    new = [item for _, item in items if item["uri"] not in gap["seen"]]
    return new, [*others, *([{**gap, "cursor": left}] if left else [])]


async def _down(pages: Pages, cursor: str, floor: datetime) -> tuple[list[Item], str]:
    """Read down to `floor`; returns what is not below it, and where to continue if it was not reached."""
    items: list[Item] = []
    for _ in range(PAGES_AT_ONCE):
        page, following = await pages(cursor)
        items += [each for each in page if each[0] >= floor]
        if not following or following == cursor or (page and page[-1][0] < floor):
            return items, ""
        cursor = following
    return items, cursor
