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
from handlers.roles import Person

SHOWN = 10


async def listed(desk: TeamDesk, person: Person, which: str, words: str = "", *, of: str = "") -> View:
    """Return a list for the person who asks, with the button that posts it in the channel.

    `which` is open, mine (of the agent `of`) or search (for `words`).
    """
    return await _shown(desk, _teams(person, which), which, words, of, share=f"{which}|{of}|{words}")


async def share(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Post the list that an agent asked for in the channel, as it is now, without private messages."""
    which, of, words = action["value"].split("|", 2)
    view = await _shown(desk, [team.id for team in person.teams], which, words, of)
    await post(desk.slack, body["channel"]["id"], f"shared:{body['trigger_id']}", view, thread_ts=None)


def _teams(person: Person, which: str) -> Sequence[int]:
    """Return the teams whose cases a list shows: a person's own cases are in all their teams."""
    return list(person.roles) if which == "mine" else [team.id for team in person.teams]


async def _shown(desk: TeamDesk, teams: Sequence[int], which: str, words: str, of: str, *, share: str = "") -> View:
    """Return the list: for the person who asks with what `share` remembers, else for all, without private messages."""
    result, cards = await _read(desk, teams, which, words, of, public=not share)
    rows = await _rows(desk, result.lines, cards)
    more = [desk.t("… and {n} more", n=result.count - len(rows))] if result.count > len(rows) else []
    if result.partial:
        more.append(desk.t("Only the newest {n} mentions were searched.", n=lists.SEARCHED))
    if not share:
        more.append("🔒 " + desk.t("Private messages are not shown in a channel."))
    return case_list(_head(desk, which, result.count), rows, desk.t, more=more, share=share)


async def _read(
    desk: TeamDesk, teams: Sequence[int], which: str, words: str, of: str, *, public: bool
) -> tuple[CaseList, Mapping[int, Place]]:
    async with desk.reading() as session:
        match which:
            case "open":
                result = await lists.waiting(session, teams, most=SHOWN, public=public)
            case "mine":
                result = await lists.waiting(session, teams, of=of, most=SHOWN, public=public)
            case _:
                result = await lists.containing(session, teams, words, most=SHOWN, public=public)
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
