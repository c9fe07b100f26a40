"""Lists of cases for the one who asks: what waits, what is mine, and where words occur."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import TeamDesk
from bot.domain.case import Status
from bot.figures.standing import card_of
from bot.models import WAITING, Author, Case, Mention, Message
from bot.slack.calls import Place, permalink, post
from bot.views.block import View, link, literal
from bot.views.case_list import case_list
from handlers.bolt_args import Ack

SHOWN = 10
SEARCHED = 1_000_000
"""The newest mentions are searched, so that an answer comes in time however many there are."""


Row = tuple[Case, Author, Message | None, str]
"""A case, who asks, its card, and the newest words."""


async def listed(desk: TeamDesk, which: str, words: str = "", *, of: str = "") -> View:
    """Return a list for the one who asks, with the button that shows it to the whole channel.

    `which` is open, mine (of the agent `of`) or search (for `words`).
    """
    return case_list(await _told(desk, which, words, of), desk.t, share=f"{which}|{of}|{words}")


async def share(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Show the list that one agent asked for to the whole channel, as it is now."""
    await ack()
    which, of, words = action["value"].split("|", 2)
    view = case_list(await _told(desk, which, words, of), desk.t)
    await post(desk.slack, body["channel"]["id"], f"shared:{body['trigger_id']}", view, thread_ts=None)


async def _told(desk: TeamDesk, which: str, words: str, of: str) -> str:
    match which:
        case "open":
            return await waiting(desk)
        case "mine":
            return await waiting(desk, of=of)
        case _:
            return await containing(desk, words)


async def waiting(desk: TeamDesk, *, of: str | None = None) -> str:
    """List the cases that wait, oldest first: all, or those of one agent."""
    wanted = WAITING if of is None else WAITING & (col(Case.assignee) == of)
    async with desk.reading() as session:
        count, rows = await _first(session, wanted, col(Case.opened_at))
    if not count:
        return desk.t("Nothing is waiting. 🎉")
    head = desk.t.plural("*{n} case is waiting*", "*{n} cases are waiting*", count)
    return "\n".join([head, *await _lines(desk, count, rows)])


async def containing(desk: TeamDesk, words: str) -> str:
    """List the cases in which words occur, newest first; says so when not all mentions were searched."""
    async with desk.reading() as session:
        newest = (await session.exec(select(func.max(Mention.id)))).one() or 0
        recent = col(Mention.id) > newest - SEARCHED
        found = select(Mention.case_id).where(recent, col(Mention.text).icontains(words, autoescape=True))
        count, rows = await _first(session, col(Case.id).in_(found), col(Case.opened_at).desc())
    head = desk.t.plural("*{n} case found*", "*{n} cases found*", count) if count else desk.t("Nothing found.")
    searched = [desk.t("Only the newest {n} mentions were searched.", n=SEARCHED)] if newest > SEARCHED else []
    return "\n".join([head, *await _lines(desk, count, rows), *searched])


async def _first(session: AsyncSession, wanted: ColumnElement[bool], order: Any) -> tuple[int, list[Row]]:
    """Return how many cases there are, and the first of them in this order."""
    count = (await session.exec(select(func.count()).select_from(Case).where(wanted))).one()
    found = await session.exec(
        select(Case, Author).join(Author, col(Case.author_id) == Author.id).where(wanted).order_by(order).limit(SHOWN)
    )
    return count, [
        (case, author, await card_of(session, case.id), await _first_words(session, case.id))
        for case, author in found.all()
    ]


async def _lines(desk: TeamDesk, count: int, rows: Sequence[Row]) -> list[str]:
    lines = [f"• {line}" for line in await asyncio.gather(*(_line(desk, *row) for row in rows))]
    return [*lines, desk.t("… and {n} more", n=count - SHOWN)] if count > SHOWN else lines


async def _first_words(session: AsyncSession, case_id: int) -> str:
    found = await session.exec(
        select(Mention.text).where(Mention.case_id == case_id).order_by(col(Mention.id).desc()).limit(1)
    )
    return literal(found.first() or "", 80)


async def _line(desk: TeamDesk, case: Case, author: Author, message: Message | None, text: str) -> str:
    since = desk.t.when(case.opened_at, desk.now())
    who = desk.t("nobody yet") if case.status is Status.NEW else f"<@{case.assignee}>"
    url = await permalink(desk.slack, Place(message.channel, message.ts)) if message and message.ts else ""
    card = link(url, desk.t("card")) if url else ""
    return " · ".join(part for part in (since, who, f"{literal(author.name, 60)}: {text}", card) if part)
