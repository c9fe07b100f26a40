"""The slash command /webcare: figures and lists for the one who asks."""

from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import agents
from bot.desk import Desk
from bot.domain.case import OPEN, Status
from bot.models import Author, Case, Mention, Message
from bot.slack_calls import SlackDown, SlackLater, SlackRefuses, call
from bot.views.block import link, literal
from handlers.given import Ack, Respond

SHOWN = 10


async def webcare(ack: Ack, command: dict[str, Any], respond: Respond, desk: Desk) -> None:
    """Answer `/webcare [word …]`, to the one who asks only."""
    await ack()
    word, _, rest = (command.get("text") or "").strip().partition(" ")
    match word.casefold():
        case "open":
            words = await _open_cases(desk)
        case "initialen" | "initials":
            words = await _initials(desk, command["user_id"], rest)
        case _:
            words = _help(desk)
    await respond(text=words, response_type="ephemeral")


def _help(desk: Desk) -> str:
    lines = [
        desk.t("*Webcare* – what you can ask:"),
        desk.t("• `/webcare open` – the cases that wait, oldest first"),
        desk.t("• `/webcare initialen SB` – the initials that sign your answers"),
        desk.t("On a card: Claim, Answer or Escalate; the rest is in the menu ⋯. Replies in a thread stay internal."),
    ]
    return "\n".join(lines)


async def _initials(desk: Desk, user: str, wanted: str) -> str:
    async with desk.session() as session:
        chosen = await agents.set_initials(session, user, wanted, now=desk.now())
    return desk.t("Your answers are signed with ^{initials} from now on.", initials=chosen)


async def _open_cases(desk: Desk) -> str:
    async with desk.reading() as session:
        waiting = col(Case.status).in_(OPEN)
        count = (await session.exec(select(func.count()).select_from(Case).where(waiting))).one()
        if not count:
            return desk.t("Nothing is waiting. 🎉")
        found = await session.exec(
            select(Case, Author, Message)
            .join(Author, col(Case.author_id) == Author.id)
            .join(Message, (col(Message.case_id) == Case.id) & (col(Message.kind) == "case"))
            .where(waiting)
            .order_by(col(Case.opened_at))
            .limit(SHOWN)
        )
        rows = found.all()
        texts = [await _first_words(session, case.id or 0) for case, *_ in rows]
    lines = [desk.t.plural("*{n} case is waiting*", "*{n} cases are waiting*", count)]
    for (case, author, message), text in zip(rows, texts, strict=True):
        lines.append(f"• {await _line(desk, case, author, message, text)}")
    if count > SHOWN:
        lines.append(desk.t("… and {n} more", n=count - SHOWN))
    return "\n".join(lines)


async def _first_words(session: AsyncSession, case_id: int) -> str:
    found = await session.exec(
        select(Mention.text).where(Mention.case_id == case_id).order_by(col(Mention.id).desc()).limit(1)
    )
    return literal(found.first() or "", 80)


async def _line(desk: Desk, case: Case, author: Author, message: Message, text: str) -> str:
    since = desk.t.when(case.opened_at, desk.now())
    who = desk.t("nobody yet") if case.status is Status.NEW else f"<@{case.assignee}>"
    card = ""
    if message.ts is not None:
        try:
            answer = await call(desk.slack, "chat.getPermalink", channel=message.channel, message_ts=message.ts)
            card = link(str(answer["permalink"]), desk.t("card"))
        except (SlackRefuses, SlackLater, SlackDown):
            card = ""  # the list is worth having without the link
    return " · ".join(part for part in (since, who, f"{literal(author.name, 60)}: {text}", card) if part)
