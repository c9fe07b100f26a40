"""The context of a case: who had it before, the posts of others that its mentions answer, its author's other cases."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, bindparam, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.domain.case import ONGOING, Status
from bot.domain.event import EventKind
from bot.domain.period import months_before
from bot.models import (
    COUNTED,
    Account,
    Author,
    Case,
    Event,
    Mention,
    Message,
    MessageKind,
    OtherCase,
    Reply,
    Team,
    UtcDateTime,
)
from bot.team.settings import TeamSettings

GAVE = sorted({EventKind.CLAIM, EventKind.TAKE_OVER, EventKind.ASSIGN, EventKind.REOPEN})
"""The events that gave a case to somebody: to `to` in their details, else to `by`."""


def _others_of(author: Any, case: Any, teams: Any, since: Any) -> ColumnElement[bool]:
    shown = or_(col(Case.opened_at) >= since, col(Case.status).in_(ONGOING))
    return and_(col(Case.author_id) == author, col(Case.id) != case, col(Case.team_id).in_(teams), shown)


# Built once, for each card: to build them takes longer than to run them.
_SINCE: Any = bindparam("since", type_=UtcDateTime)
_SHOWN: list[Any] = [Case.id, Case.number, Case.status, Case.team_id, Message.channel, Message.ts]
_OTHERS = db.short(
    sqlalchemy.select(*_SHOWN)
    .outerjoin(Message, and_(col(Message.case_id) == Case.id, col(Message.kind) == MessageKind.CASE))
    .where(_others_of(bindparam("author"), bindparam("case"), bindparam("teams", expanding=True), _SINCE))
    .order_by(col(Case.id).desc())
    .limit(COUNTED)
)
_HAD = db.short(
    select(Event)
    .where(Event.case_id == bindparam("case"), col(Event.kind).in_(GAVE))
    .order_by(col(Event.id).desc())
    .limit(1)
)


async def former(session: AsyncSession, case: Case) -> str | None:
    """Return the last owner of a case that has no owner now; None when it never had one."""
    if case.status is not Status.NEW:
        return None
    last = (await session.exec(_HAD, params={"case": case.id})).first()
    return (last.details.get("to") or last.by or None) if last else None


async def answered_posts(
    session: AsyncSession, account: Account, mentions: Sequence[Mention]
) -> dict[str, dict[str, str]]:
    """Return the public posts that these mentions answer and that others wrote, or that we wrote to others."""
    own = {mention.external_id for mention in mentions}
    above = {m.in_reply_to for m in mentions if m.in_reply_to and not m.replies_to} - own
    if not above:
        return {}
    case_ids = {mention.case_id for mention in mentions}
    posts = await session.exec(
        select(Mention.external_id, Author.name, Mention.text)
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(Mention.account_id == account.id, col(Mention.external_id).in_(above), ~col(Mention.private))
        .where(col(Mention.gone_at).is_(None))
    )
    ours = await session.exec(
        select(Reply.external_id, Reply.text)
        .where(Reply.account_id == account.id, col(Reply.external_id).in_(above), ~col(Reply.private))
        .where(col(Reply.gone_at).is_(None), col(Reply.case_id).not_in(case_ids))
    )
    theirs = {key: {"author": name, "text": text} for key, name, text in posts}
    us = connectors.label_of(account)
    return theirs | {key: {"author": us.name or us.platform, "text": text} for key, text in ours if key}


def of_author(case: Case, team: Team, team_ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition for the other cases of an author in these teams, as far back as the case's team looks.

    The look-back counts from when the case came in, so that its card does not change by the clock. Cases that have not
    ended always count.
    """
    return _others_of(**_about(case, team, team_ids))


def _about(case: Case, team: Team, team_ids: Sequence[int]) -> dict[str, Any]:
    since = months_before(case.opened_at, TeamSettings.of(team.settings).person_months)
    return {"author": case.author_id, "case": case.id, "teams": team_ids, "since": since}


async def others(session: AsyncSession, case: Case, team: Team, teams: Sequence[Team]) -> list[OtherCase]:
    """Return the newest other cases of a case's author in these teams, the newest first."""
    names: Mapping[int, str] = {each.id: each.name for each in teams if each.id != team.id}
    about = _about(case, team, [each.id for each in teams])
    rows = (await (await session.connection()).execute(_OTHERS, about)).all()
    return [
        OtherCase(case_id, number, status, names.get(team_id, ""), channel or "", ts or "")
        for case_id, number, status, team_id, channel, ts in rows
    ]
