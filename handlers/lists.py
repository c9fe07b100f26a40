"""Lists of cases for the one who asks: what waits, what is mine, and where words occur."""

import asyncio

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import reports
from bot.desk import Desk
from bot.domain.case import Status
from bot.models import WAITING, Author, Case, Mention, Message
from bot.slack_calls import Place, SlackDown, SlackLater, SlackRefuses, permalink
from bot.views.block import link, literal

SHOWN = 10
SEARCHED = 1_000_000
"""The newest mentions are searched, so that an answer comes in time however many there are."""


async def waiting(desk: Desk, *, of: str | None = None, containing: str = "") -> str:
    """List the cases that wait, oldest first: all, or those of one agent; or all cases in which words occur."""
    async with desk.reading() as session:
        wanted = await _wanted(session, of, containing)
        count = (await session.exec(select(func.count()).select_from(Case).where(*wanted))).one()
        if not count:
            return desk.t("Nothing found.") if containing else desk.t("Nothing is waiting. 🎉")
        found = await session.exec(
            select(Case, Author)
            .join(Author, col(Case.author_id) == Author.id)
            .where(*wanted)
            .order_by(col(Case.opened_at).desc() if containing else col(Case.opened_at))
            .limit(SHOWN)
        )
        rows = found.all()
        cards = [await reports.card(session, case.id or 0) for case, _ in rows]
        texts = [await _first_words(session, case.id or 0) for case, _ in rows]
    if containing:
        lines = [desk.t.plural("*{n} case found*", "*{n} cases found*", count)]
    else:
        lines = [desk.t.plural("*{n} case is waiting*", "*{n} cases are waiting*", count)]
    told = [_line(desk, *row, card, text) for row, card, text in zip(rows, cards, texts, strict=True)]
    lines += [f"• {line}" for line in await asyncio.gather(*told)]
    if count > SHOWN:
        lines.append(desk.t("… and {n} more", n=count - SHOWN))
    return "\n".join(lines)


async def _wanted(session: AsyncSession, of: str | None, containing: str) -> list[ColumnElement[bool]]:
    if containing:
        newest = (await session.exec(select(func.max(Mention.id)))).one() or 0
        found = select(Mention.case_id).where(
            col(Mention.id) > newest - SEARCHED, col(Mention.text).icontains(containing, autoescape=True)
        )
        return [col(Case.id).in_(found)]
    return [WAITING] if of is None else [WAITING, col(Case.assignee) == of]


async def _first_words(session: AsyncSession, case_id: int) -> str:
    found = await session.exec(
        select(Mention.text).where(Mention.case_id == case_id).order_by(col(Mention.id).desc()).limit(1)
    )
    return literal(found.first() or "", 80)


async def _line(desk: Desk, case: Case, author: Author, message: Message | None, text: str) -> str:
    since = desk.t.when(case.opened_at, desk.now())
    who = desk.t("nobody yet") if case.status is Status.NEW else f"<@{case.assignee}>"
    card = ""
    if message is not None and message.ts is not None:
        try:
            card = link(await permalink(desk.slack, Place(message.channel, message.ts)), desk.t("card"))
        except (SlackRefuses, SlackLater, SlackDown):
            card = ""  # the list is worth having without the link
    return " · ".join(part for part in (since, who, f"{literal(author.name, 60)}: {text}", card) if part)
