"""Transfer a case to another team, with a note; its clocks go on by that team's hours and norm, and its card moves."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks, numbers, signals
from bot.cases.moves import tell_thread
from bot.cases.state import TEAM, locked, record, refuse_unless_allowed
from bot.domain.case import Move
from bot.domain.signals import QUIETLY, Rank
from bot.domain.text import Refused
from bot.models import AnswerDraft, Case, Message, MessageKind, Reply, ReplyStatus, Team, Transfer, card_key
from bot.team import agents

UNSETTLED = (ReplyStatus.APPROVED, ReplyStatus.SENDING, ReplyStatus.UNCERTAIN)
MANY = 2
"""From this number of transfers of a case on, the coordinators of both teams are notified: somebody must decide."""


async def transfer(
    session: AsyncSession, case_id: int, *, seen: int, to: int, note: str, by: str, now: datetime, submission: str
) -> Case:
    """Transfer a case to the queue of the team `to`; the same submission again changes nothing.

    Raises Refused when it is no longer with the team in which it was `seen`, when an answer is being sent or uncertain,
    or when a colleague has it.
    """
    case = await locked(session, case_id)
    done = await session.exec(select(Transfer.id).where(Transfer.submission == submission))
    if done.first() is not None:
        return case
    if case.team_id != seen:
        raise Refused("This case moved meanwhile.")
    former, receiver = await session.get_one(Team, seen), await session.get(Team, to)
    if receiver is None or receiver.id == former.id or receiver.workspace_id != former.workspace_id:
        raise Refused("Choose another team.")
    refuse_unless_allowed(case, Move.TRANSFER, by)
    await _refuse_unsettled(session, case)
    made = Transfer(
        case_id=case_id, from_team_id=former.id, to_team_id=receiver.id, number=case.number, note=note, by=by, at=now,
        submission=submission,
    )  # fmt: skip
    case.number = await _number_there(session, case, receiver)
    case.transfers += 1
    case.subject_id = None
    await clocks.hand_over(session, case, receiver.id, now)
    if TEAM in session.info:  # the rest of this transaction is about the same case
        session.info[TEAM] = receiver.id
    session.add(made)
    await _stop_writing(session, case_id)
    await record(session, Move.TRANSFER, case, by=by, now=now, details={"from_team": former.id, "to_team": receiver.id})
    await _move_card(session, case, made, receiver)
    if case.transfers >= MANY:
        await _notify_coordinators(session, case, made, [former, receiver])
    return case


async def _refuse_unsettled(session: AsyncSession, case: Case) -> None:
    """Raise Refused while the outcome of an answer is open: the team that wrote it settles that."""
    query = select(Reply.id).where(Reply.case_id == case.id, col(Reply.status).in_(UNSETTLED)).limit(1)
    if (await session.exec(query)).first() is not None:
        raise Refused("An answer to this citizen is on its way or not certain yet. Hand the case over after that.")


async def _stop_writing(session: AsyncSession, case_id: int) -> None:
    """Mark nobody as writing: those who were cannot send any more, and keep their drafts."""
    writing = update(AnswerDraft).where(col(AnswerDraft.case_id) == case_id, col(AnswerDraft.writing))
    await session.exec(writing.values(writing=False).execution_options(synchronize_session=False))


async def _number_there(session: AsyncSession, case: Case, team: Team) -> int:
    """Return the number of the case in the team that gets it: its earlier number there, else the next."""
    had = select(Transfer.number).where(Transfer.case_id == case.id, Transfer.from_team_id == team.id).limit(1)
    before = (await session.exec(had)).first()
    return before if before is not None else (await numbers.take(session, team.id, 1))[0]


async def _move_card(session: AsyncSession, case: Case, made: Transfer, team: Team) -> None:
    """Show on the card where the case went, and post a new one for the team that has it now, with the note under it.

    The new card and the note go first if the old card did, or the case is urgent. Its versions go on from those of the
    old one, by which lists of reminders see that a case changed. Messages that are in no thread yet go to the new one;
    those that Slack may have already stay with the old card.
    """
    old = update(Message).where(col(Message.case_id) == case.id).execution_options(synchronize_session=False)
    former = old.where(col(Message.kind) == MessageKind.CASE).values(kind=MessageKind.FORMER, subject_id=made.id)
    had = (await session.exec(former.returning(col(Message.rank), col(Message.version)))).all()
    rank = Rank(min([signals.rank_again(case), *(each.rank % QUIETLY for each in had)]))
    version = 1 + max((each.version for each in had), default=0)
    unposted = col(Message.ts).is_(None) & col(Message.posting_since).is_(None)
    moved = old.where(col(Message.in_thread), unposted)
    await session.exec(moved.where(col(Message.problem) != "").values(retry_at=None))  # the new channel may take it now
    await session.exec(moved.values(channel=team.channel, problem=""))
    key = card_key(case.id, case.transfers)
    card = Message(key=key, kind=MessageKind.CASE, case_id=case.id, channel=team.channel, rank=rank, version=version)
    session.add(card)
    await session.flush()
    await tell_thread(session, case, MessageKind.TRANSFERRED, f"transferred:{made.id}", made.id, rank=rank)


async def _notify_coordinators(session: AsyncSession, case: Case, made: Transfer, both: Sequence[Team]) -> None:
    """Notify the coordinators of both teams that the case goes to and fro; without any, all its agents."""
    notified: set[str] = set()
    for team in both:
        notified.update(await agents.heard_by(session, team))
    for person in sorted(notified):
        key = f"to_and_fro:{made.id}:{person}"
        session.add(Message(key=key, kind=MessageKind.TO_AND_FRO, case_id=case.id, subject_id=made.id, channel=person))
    await session.flush()
