"""Lists of cases for the person who asks: all that wait, their own, and search results."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bot.desk import TeamDesk
from bot.figures import lists
from bot.figures.lists import CaseList
from bot.models import CaseLine
from bot.slack.calls import Place, permalink, post
from bot.slack.messages import cards_of
from bot.views.block import View
from bot.views.case_list import case_list, case_row

SHOWN = 10


async def listed(desk: TeamDesk, which: str, words: str = "", *, of: str = "") -> View:
    """Return a list for the person who asks, with the button that posts it in the channel.

    `which` is open, mine (of the agent `of`) or search (for `words`).
    """
    return await _shown(desk, which, words, of, share=f"{which}|{of}|{words}")


async def share(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Post the list that an agent asked for in the channel, as it is now."""
    which, of, words = action["value"].split("|", 2)
    view = await _shown(desk, which, words, of)
    await post(desk.slack, body["channel"]["id"], f"shared:{body['trigger_id']}", view, thread_ts=None)


async def _shown(desk: TeamDesk, which: str, words: str, of: str, *, share: str = "") -> View:
    result, cards = await _read(desk, which, words, of)
    rows = await _rows(desk, result.lines, cards)
    more = [desk.t("… and {n} more", n=result.count - len(rows))] if result.count > len(rows) else []
    if result.partial:
        more.append(desk.t("Only the newest {n} mentions were searched.", n=lists.SEARCHED))
    return case_list(_head(desk, which, result.count), rows, desk.t, more=more, share=share)


async def _read(desk: TeamDesk, which: str, words: str, of: str) -> tuple[CaseList, Mapping[int, Place]]:
    async with desk.reading() as session:
        match which:
            case "open":
                result = await lists.waiting(session, most=SHOWN)
            case "mine":
                result = await lists.waiting(session, of=of, most=SHOWN)
            case _:
                result = await lists.containing(session, words, most=SHOWN)
        return result, await cards_of(session, [line.case.id for line in result.lines])


def _head(desk: TeamDesk, which: str, count: int) -> str:
    if which == "search":
        return desk.t.plural("*{n} case found*", "*{n} cases found*", count) if count else desk.t("Nothing found.")
    if not count:
        return desk.t("Nothing is waiting. 🎉")
    return desk.t.plural("*{n} case is waiting*", "*{n} cases are waiting*", count)


async def _rows(desk: TeamDesk, lines: Sequence[CaseLine], cards: Mapping[int, Place]) -> list[str]:
    """Return the rows, each with the link to its card if Slack gives one."""
    urls = await asyncio.gather(*(_url(desk, cards.get(line.case.id)) for line in lines))
    return [case_row(line, desk.t, desk.now(), card_url=url) for line, url in zip(lines, urls, strict=True)]


async def _url(desk: TeamDesk, card: Place | None) -> str:
    return await permalink(desk.slack, card) if card else ""
