"""Questions that no adviser answers: they are asked again, and in the end their case is with its owner again."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.moves import tell_thread
from bot.cases.state import locked, record
from bot.domain.case import Move, Status
from bot.models import ASKED, WAITING, Case, Chased, Escalation, Message, MessageKind


async def unanswered(session: AsyncSession, team_id: int) -> Sequence[Escalation]:
    """Return the questions for which cases of a team wait."""
    escalated = select(Case.id).where(WAITING, Case.team_id == team_id, Case.status == Status.ESCALATED)
    found = await session.exec(
        select(Escalation).where(ASKED, col(Escalation.case_id).in_(escalated)).order_by(col(Escalation.id))
    )
    return found.all()


async def ask_again(session: AsyncSession, escalation_id: int, *, percent: int, now: datetime) -> None:
    """Remind those who were asked, once for each percentage; at 100 the question lapses.

    With the last question of a case its owner has the case again, and is told. Advice that comes later is still shown.
    """
    case_id = (await session.exec(select(Escalation.case_id).where(Escalation.id == escalation_id))).one()
    case = await locked(session, case_id)
    asked = await session.get_one(Escalation, escalation_id, populate_existing=True)
    if case.status is not Status.ESCALATED or asked.advice is not None or asked.lapsed_at is not None:
        return
    await _remind(session, asked, percent)
    if percent < 100:
        return
    asked.lapsed_at = now
    session.add(asked)
    await session.flush()
    others = await session.exec(select(Escalation.id).where(Escalation.case_id == case.id, ASKED))
    stays, details = others.first() is not None, {"escalation": asked.id}
    await record(session, Move.NO_ADVICE, case, now=now, details=details, stays=stays)
    if not stays:
        await tell_thread(session, case, MessageKind.NO_ADVICE, f"no_advice:{asked.id}", asked.id)


async def _remind(session: AsyncSession, asked: Escalation, percent: int) -> None:
    """Post the question again wherever it was posted, unless that was done."""
    found = await session.exec(
        select(Message.key, Message.channel)
        .where(Message.case_id == asked.case_id, Message.kind == MessageKind.ASK, Message.subject_id == asked.id)
        .order_by(col(Message.id))
    )
    places = {f"asked_again:{percent}:{key}": channel for key, channel in found}
    posted = set(await session.exec(select(Message.key).where(col(Message.key).in_(places))))
    for key in places.keys() - posted:
        session.add(
            Message(
                key=key,
                kind=MessageKind.ASKED_AGAIN,
                case_id=asked.case_id,
                subject_id=asked.id,
                channel=places[key],
                details=Chased(percent).to_json(),
            )
        )
