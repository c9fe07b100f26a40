"""Lists of cases: waiting cases by filter and page, and search results; read in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, and_, cast, false, literal, true, union_all
from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.cases import around
from bot.domain.case import ALLOWED_FROM, Move, Status, Urgency, WaitsFor
from bot.domain.period import DAY, midnight
from bot.domain.queue import Filter, Place, Where, Which, moments
from bot.domain.sla import ClockKind
from bot.models import (
    ASKED,
    IN_ORDER,
    NOT_ENDED,
    WAITING,
    Account,
    Act,
    Author,
    Case,
    CaseFile,
    CaseLine,
    Clock,
    Escalation,
    Mention,
    Message,
    Reply,
    ReplyKind,
    ReplyStatus,
    Team,
    answerable,
    on_our_desk,
    overdue,
    resting,
    waits_for,
)
from bot.team.settings import TeamSettings
from bot.texts import Texts

TO_ANSWER = 100
"""How many cases one can answer in a row before the list is read on."""
PUBLIC = and_(
    *(
        ~select(each.id).where(each.case_id == Case.id, col(each.private)).correlate(Case).exists()
        for each in (Mention, Reply)
    )
)
"""Cases with nothing private in them, of their citizen or of us, in SQL."""
LAST_ANSWER = (
    select(Reply.status)
    .where(Reply.case_id == Case.id, Reply.status != ReplyStatus.WITHDRAWN, Reply.kind != ReplyKind.INVITATION)
    .order_by(col(Reply.id).desc())
    .limit(1)
    .correlate(Case)
    .scalar_subquery()
)
"""How the answer to a case stands that decides its state (`CaseFile.reply`), in SQL."""


@dataclass(frozen=True)
class CaseList:
    """The number of cases, and one page of them. `more`: there are more than were counted."""

    count: int
    lines: Sequence[CaseLine]
    page: int = 0
    pages: int = 1
    more: bool = False


async def waiting(
    session: AsyncSession,
    team_ids: Collection[int],
    wanted: Filter | None = None,
    *,
    now: datetime,
    most: int,
    public: bool = False,
) -> CaseList:
    """Return one page of the cases of these teams that match a filter; without a filter, of all that wait.

    If the page no longer exists, because cases were answered in the meantime, the last page is returned. With `public`
    cases with something private in them are left out.
    """
    wanted = wanted or Filter()
    which = await _which(session, team_ids, wanted, now) & _where(wanted) & col(Case.team_id).in_(team_ids)
    if public:
        which &= PUBLIC
    return await listed(session, which, most=most, page=wanted.page)


async def to_answer(session: AsyncSession, team_ids: Collection[int], wanted: Filter, *, now: datetime) -> list[Case]:
    """Return those of the first TO_ANSWER cases of a list that wait for an answer and can get one, in its order."""
    lines = await _for_us(session, team_ids, wanted, now)
    return [line.case for line in lines if line.takes_answer]


async def undecided(session: AsyncSession, team_ids: Collection[int], wanted: Filter, *, now: datetime) -> int:
    """Return how many of the same cases get no answer until somebody says whether their last one was published."""
    return sum(line.undecided for line in await _for_us(session, team_ids, wanted, now))


async def _for_us(
    session: AsyncSession, team_ids: Collection[int], wanted: Filter, now: datetime
) -> Sequence[CaseLine]:
    listing = await waiting(session, team_ids, wanted, now=now, most=TO_ANSWER)
    return [line for line in listing.lines if line.waits_for is WaitsFor.US and line.case.status is not Status.ANSWERED]


async def _which(
    session: AsyncSession, team_ids: Collection[int], wanted: Filter, now: datetime
) -> ColumnElement[bool]:
    match wanted.which:
        case Which.OPEN:
            return on_our_desk(now)
        case Which.UNOWNED:
            return WAITING & (col(Case.status) == Status.NEW)
        case Which.MINE:
            return on_our_desk(now) & (col(Case.assignee) == wanted.of)
        case Which.LATE:
            return overdue(now)
        case Which.ADVICE:
            return WAITING & (col(Case.status) == Status.ESCALATED)
        case Which.CITIZEN:
            return resting(Status.WITH_CITIZEN)
        case Which.PROMISED:
            return await _promised_by(session, team_ids, now)


async def _promised_by(session: AsyncSession, team_ids: Collection[int], now: datetime) -> ColumnElement[bool]:
    """Return the condition for the promises of today of these teams: of each in its own time zone."""
    teams_in = defaultdict[tzinfo, list[int]](list)
    for team in await session.exec(select(Team).where(col(Team.id).in_(team_ids))):
        settings = TeamSettings.if_readable(team) or TeamSettings()
        teams_in[ZoneInfo(settings.time_zone)].append(team.id)
    each = (col(Case.team_id).in_(ids) & promised(now, zone) for zone, ids in teams_in.items())
    return or_(false(), *each)


def promised(now: datetime, zone: tzinfo) -> ColumnElement[bool]:
    """Return the condition that a promise to the citizen is due today, or overdue; `zone` says when today ends."""
    tomorrow = midnight(now.astimezone(zone).date() + DAY, zone)
    due = select(Clock.case_id).where(
        Clock.kind == ClockKind.PROMISE, col(Clock.stopped_at).is_(None), col(Clock.due_at) < tomorrow
    )
    return col(Case.id).in_(due)


def _where(wanted: Filter) -> ColumnElement[bool]:
    kind, name = wanted.place
    match kind:
        case Where.TEAM:
            return col(Case.team_id) == _id(name)
        case Where.ACCOUNT:
            return col(Case.account_id) == _id(name)
        case Where.PLATFORM:
            return col(Case.account_id).in_(select(Account.id).where(Account.platform == name))
        case Where.TOPIC:
            return col(Case.topic) == name
        case Where.TIME:
            return _came_in(name)
        case Where.SUBJECT:
            return col(Case.subject_id) == _id(name)
        case None:
            return true()


def _came_in(name: str) -> ColumnElement[bool]:
    """Return the condition that something of a case came in between two moments (Where.TIME)."""
    first, last = moments(name)
    received = col(Mention.received_at)
    came = received >= first
    if last:
        came &= received <= last
    return col(Case.id).in_(select(Mention.case_id).where(came))


async def places(session: AsyncSession, own: Sequence[Team], t: Texts) -> list[Place]:
    """Return what else the lists of these teams can be filtered by; a kind with only one value is left out.

    Their cases are of their own accounts, and of those of other teams from which cases were routed or handed over.
    """
    ids = [team.id for team in own]
    theirs = [select(Case.account_id).where(each, col(Case.team_id).in_(ids)) for each in NOT_ENDED]
    rows = await session.exec(
        select(Account)
        .where(or_(col(Account.team_id).in_(ids), col(Account.id).in_(union_all(*theirs))))
        .order_by(col(Account.id))
    )
    accounts = [(account, connectors.label_of(account)) for account in rows]
    platforms = {account.platform: t(connectors.called(account.platform)) for account, _ in accounts}
    readable = [settings for team in own if (settings := TeamSettings.if_readable(team))]
    topics = dict.fromkeys(topic for settings in readable for topic in settings.topics)
    return [
        *(Place(Where.TEAM, str(team.id), team.name) for team in own if len(own) > 1),
        *(Place(Where.PLATFORM, name, label) for name, label in platforms.items() if len(platforms) > 1),
        *(Place(Where.ACCOUNT, str(account.id), str(label)) for account, label in accounts if len(accounts) > 1),
        *(Place(Where.TOPIC, topic, topic) for topic in topics),
    ]


async def name_of(session: AsyncSession, wanted: Filter, t: Texts) -> str:
    """Return what people call the team, account, platform or topic of a filter; its value when it no longer exists."""
    kind, name = wanted.place
    match kind:
        case Where.TEAM:
            team = await session.get(Team, _id(name))
            return team.name if team else name
        case Where.ACCOUNT:
            account = await session.get(Account, _id(name))
            return str(connectors.label_of(account)) if account else name
        case Where.PLATFORM:
            return t(connectors.called(name))
        case _:
            return name


async def of_author(session: AsyncSession, file: CaseFile, *, most: int) -> CaseList:
    """Return the newest other cases of a case's author, in all teams of its organisation, the newest first."""
    wanted = around.of_author(file.case, file.team, [team.id for team in file.teams])
    return await listed(session, wanted, most=most, order=[col(Case.id).desc()])


def _id(name: str) -> int:
    return int(name) if name.isdecimal() and len(name) < 10 else 0


async def asked(session: AsyncSession, slack_id: str) -> list[tuple[Escalation, Case]]:
    """Return the open questions that were put to a person, alone or in a group, with their cases.

    Urgent questions and cases come first, then they are in the order of the queue.
    """
    key = literal("ask:") + cast(col(Escalation.id), String) + literal(f":{slack_id}")
    put = select(Message.id).where(Message.key == key).correlate(Escalation)
    escalated = select(Case.id).where(WAITING, Case.status == Status.ESCALATED)
    urgent = or_(col(Case.urgent), col(Escalation.urgency) == Urgency.URGENT)
    rows = await session.exec(
        select(Escalation, Case)
        .join(Case, col(Escalation.case_id) == Case.id)
        .where(ASKED, col(Escalation.case_id).in_(escalated), put.exists())
        .order_by(urgent.desc(), *IN_ORDER, col(Escalation.id))
    )
    return list(rows.all())


async def listed(
    session: AsyncSession,
    wanted: ColumnElement[bool],
    *,
    most: int,
    page: int = 0,
    order: Sequence[Any] = IN_ORDER,
) -> CaseList:
    """Return one page of `most` of the wanted cases, in the order of the queue."""
    count = (await session.exec(select(func.count()).select_from(Case).where(wanted))).one()
    page = max(0, min(page, (count - 1) // most))
    pairs = await session.exec(
        select(Case, Author, Account, LAST_ANSWER)
        .join(Author, col(Case.author_id) == Author.id)
        .join(Account, col(Case.account_id) == Account.id)
        .where(wanted)
        .order_by(*order)
        .limit(most)
        .offset(page * most)
    )
    rows = pairs.all()
    case_ids = [case.id for case, *_ in rows]
    mentions, clocks = await _mentions(session, case_ids), await _clocks(session, case_ids)
    replies = await _replies(session, [case.id for case, *_ in rows if case.status is Status.ANSWERED])
    below_hidden = {account.id: connectors.below_hidden(account.platform) for _, _, account, _ in rows}
    acts = await _acts(session, [case.id for case, *_ in rows if not below_hidden[case.account_id]])
    lines = [
        CaseLine(
            case=case,
            author=author,
            platform=connectors.label_of(account).signed_platform,
            latest=mentions[case.id][-1],
            has_private=any(mention.private for mention in mentions[case.id]),
            clocks=clocks[case.id],
            waits_for=waits_for(case, replies[case.id], clocks[case.id]),
            answerable=answerable(mentions[case.id], acts[case.id], below_hidden=below_hidden[account.id]) is not None,
            undecided=case.status in ALLOWED_FROM[Move.ANSWER] and last is ReplyStatus.UNCERTAIN,
        )
        for case, author, account, last in rows
    ]
    return CaseList(count, lines, page=page, pages=max(1, -(-count // most)))


async def _mentions(session: AsyncSession, case_ids: Collection[int]) -> dict[int, list[Mention]]:
    rows = await session.exec(
        select(Mention).where(col(Mention.case_id).in_(case_ids)).order_by(col(Mention.published_at), col(Mention.id))
    )
    return _by_case(rows)


async def _clocks(session: AsyncSession, case_ids: Collection[int]) -> dict[int, list[Clock]]:
    rows = await session.exec(
        select(Clock).where(col(Clock.case_id).in_(case_ids), col(Clock.stopped_at).is_(None)).order_by(col(Clock.id))
    )
    return _by_case(rows)


async def _replies(session: AsyncSession, case_ids: Collection[int]) -> dict[int, list[Reply]]:
    """Return the replies of answered cases; what other cases wait for does not depend on replies."""
    if not case_ids:
        return defaultdict(list)
    rows = await session.exec(
        select(Reply)
        .where(col(Reply.case_id).in_(case_ids), Reply.status != ReplyStatus.WITHDRAWN)
        .order_by(col(Reply.id))
    )
    return _by_case(rows)


async def _acts(session: AsyncSession, case_ids: Collection[int]) -> dict[int, list[Act]]:
    """Return what was done to posts of cases on platforms where it decides whether they can be answered."""
    if not case_ids:
        return defaultdict(list)
    return _by_case(await session.exec(select(Act).where(col(Act.case_id).in_(case_ids)).order_by(col(Act.id))))


def _by_case(rows: Any) -> dict[int, list[Any]]:
    by_case = defaultdict(list)
    for row in rows:
        by_case[row.case_id].append(row)
    return by_case
