"""Render each of our messages from the state, in the transaction that leases it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, connectors
from bot.cases import subjects
from bot.connectors.platform import Capability
from bot.desk import TeamDesk
from bot.domain.case import OPEN, Move, Status
from bot.domain.figures import Overview
from bot.domain.signals import Rank
from bot.domain.text import Text
from bot.models import (
    AGAIN,
    RETURNED,
    Absence,
    Account,
    AccountRemoved,
    AccountTroubled,
    Act,
    Asking,
    Called,
    CaseBrief,
    CaseFile,
    Escalation,
    HandedOver,
    Hiding,
    Message,
    MessageKind,
    Passed,
    Person,
    ReplyStatus,
    Rising,
    RolledUp,
    SigningIn,
    Subject,
    Team,
    TokenEnds,
    Transfer,
    Troubled,
    Unanswered,
    Waiting,
    review_key,
)
from bot.slack import rollups
from bot.slack.calls import home_of
from bot.slack.places import left_channel_at, links_of
from bot.slack.reminding import late_of, reminders_of
from bot.staffing import duty, presence
from bot.team import agents, teams
from bot.team.settings import TeamSettings
from bot.views import thread
from bot.views.account import account_removed, account_stopped, account_trouble, token_ends
from bot.views.act import act_problem
from bot.views.ask import ask_card
from bot.views.away import back_again, handed_back, kept, nothing_left, returned_unanswered, seen_away_question
from bot.views.backlog import backlog
from bot.views.block import View
from bot.views.case_card import case_card
from bot.views.citizen import as_it_was
from bot.views.connecting import signed_in
from bot.views.digest import overview
from bot.views.handing_over import handed_to_you
from bot.views.hide import review, second_asked
from bot.views.passing import passed_on
from bot.views.reminder import urgent_call
from bot.views.rollup import rollup
from bot.views.slack_trouble import slack_trouble
from bot.views.spike import spike
from bot.views.transfer import former_card, to_and_fro, transferred
from bot.views.unanswered import unanswered, went_on


async def view_of(desk: TeamDesk, session: AsyncSession, message: Message, file: CaseFile | None = None) -> View | None:
    """Return what a message must show now; None when there is nothing left to say. `file`: its case, if it was read.

    mypy reports a kind that has no renderer here.
    """
    desk = replace(desk, t=replace(desk.t, posted_at=message.posted_at))
    t, now, subject = desk.t, desk.now(), message.subject_id
    match message.kind:
        case MessageKind.CASE:
            return await _card(desk, session, message, file or await _file(session, message))
        case MessageKind.FORMER:
            return await _former(desk, session, message)
        case MessageKind.TRANSFERRED:
            return transferred(await _file(session, message), await session.get_one(Transfer, subject), t, now)
        case MessageKind.TO_AND_FRO:
            return to_and_fro(await _file(session, message), await session.get_one(Transfer, subject), t, now)
        case MessageKind.FOLLOW_UP:
            return thread.follow_up(await _file(session, message), subject, t, now)
        case MessageKind.ASK:
            return await _ask(desk, session, message)
        case MessageKind.NO_ADVICE:
            return await _no_advice(desk, session, message)
        case MessageKind.QUESTION:
            return thread.question(await _file(session, message), subject, t)
        case MessageKind.ADVICE:
            return thread.advice(await _file(session, message), subject, t)
        case MessageKind.NOTICE:
            return await _notice(desk, session, message)
        case MessageKind.PASSED:
            return await _passed(desk, session, message)
        case MessageKind.HANDED_OVER:
            return await _handed_over(desk, session, message)
        case MessageKind.NOTE:
            return thread.note(await _file(session, message), subject, t)
        case MessageKind.REPLY_PROBLEM:
            return await _reply_problem(desk, session, message)
        case MessageKind.REPLY_WAITS:
            return thread.reply_waits(await _file(session, message), subject, t, now)
        case MessageKind.ACT_PROBLEM:
            act, hiding = await session.get_one(Act, subject), await session.get(Hiding, subject)
            agreed = hiding.decided_by if hiding is not None else None
            return act_problem(act, await session.get_one(Account, act.account_id), t, agreed=agreed)
        case MessageKind.SECOND:
            return await _second(desk, session, message)
        case MessageKind.REVIEW:
            return await _review(desk, session, message)
        case MessageKind.ACCOUNT_PROBLEM:
            if subject is None:
                return account_removed(AccountRemoved.of(message.details).account, t) if message.ts else None
            return _of_account(desk, await session.get_one(Account, subject), message)
        case MessageKind.REMINDER:
            return await reminders_of(desk, session, message)
        case MessageKind.BACKLOG:
            return backlog(Waiting.of(message.details), t)
        case MessageKind.SPIKE:
            return spike(Rising.of(message.details), message.id, t)
        case MessageKind.ROLLUP:
            shown, said = RolledUp.of(message.details), await rollups.examples(session, message.details)
            return rollup(shown, message.subject_id or 0, said, t, now)
        case MessageKind.URGENT:
            return await _urgent(desk, session, message)
        case MessageKind.UNANSWERED:
            return await _unanswered(desk, session, message)
        case MessageKind.AWAY:
            return await _away(desk, session, message)
        case MessageKind.SLACK_TROUBLE:
            return slack_trouble(Troubled.of(message.details), (await session.get_one(Team, subject)).name, t, now)
        case MessageKind.SIGNED_IN:
            begun = await session.get_one(SigningIn, subject)
            return signed_in(begun, connectors.title(begun.platform), t)
        case MessageKind.DIGEST:
            late = await late_of(desk, session, message)
            return overview(Overview.from_json(message.details or {}), t, late=late)
    assert_never(message.kind)


def _of_account(desk: TeamDesk, account: Account, message: Message) -> View:
    t, label, details = desk.t, connectors.label_of(account), message.details
    platform = connectors.known(account.platform)
    if not details:
        asks = platform is None or platform.can(Capability.POLLS)
        answers = platform is None or platform.answers
        return account_stopped(account, label, t, is_asked=asks, answers=answers)
    if "kind" in details:
        return account_trouble(AccountTroubled.of(details), label, t, desk.now())
    signs_in = platform is not None and platform.sign_in is not None
    ends_at = TokenEnds.of(details).ends_at
    return token_ends(label, ends_at, t, signs_in=signs_in, renewed=account.token_ends_at != ends_at)


async def team_of(session: AsyncSession, message: Message) -> Team:
    """Return the team that a message is from: that of its case or account, else of its channel or reader."""
    case_id, team = message.case_id, None
    match message.kind:
        case MessageKind.ACCOUNT_PROBLEM if message.subject_id is not None:
            account = await session.get_one(Account, message.subject_id)
            team = await session.get_one(Team, account.team_id)
        case MessageKind.SLACK_TROUBLE:
            team = await session.get_one(Team, message.subject_id)
        case MessageKind.SIGNED_IN:
            begun = await session.get_one(SigningIn, message.subject_id)
            team = await session.get_one(Team, begun.team_id)
        case MessageKind.FORMER:
            made = await session.get_one(Transfer, message.subject_id)
            return await session.get_one(Team, made.from_team_id)
        case MessageKind.ROLLUP if (subject := await session.get(Subject, message.subject_id)) is not None:
            team = await session.get_one(Team, subject.team_id)
        case MessageKind.BACKLOG | MessageKind.SPIKE:
            team = await session.get_one(Team, message.subject_id)
        case MessageKind.DIGEST | MessageKind.REMINDER | MessageKind.NOTICE if message.subject_id is not None:
            team = await session.get_one(Team, message.subject_id)
        case MessageKind.PASSED:
            case_id = Passed.of(message.details).cases[0]
        case MessageKind.HANDED_OVER:
            case_id = HandedOver.of(message.details).cases[0]
        case MessageKind.AWAY:
            team = next(iter(await teams.of_person(session, Absence.of(message.details).owner)), None)
    if case_id is not None:
        team = await teams.of_case(session, case_id)
    return team or await teams.of_channel(session, message.channel) or (await teams.all_teams(session))[0]


async def _file(session: AsyncSession, message: Message) -> CaseFile:
    """Return the case that a message is about, in the thread of a team that handed it over with its words of then."""
    if message.case_id is None:
        raise ValueError(f"message {message.id} ({message.kind}) has no case")
    file = await cases.read(session, message.case_id)
    left_at = await left_channel_at(session, message) if message.in_thread and file.transfers else None
    if left_at is None:
        return file
    return replace(file, mentions=[as_it_was(mention, left_at) for mention in file.mentions])


async def _card(desk: TeamDesk, session: AsyncSession, message: Message, file: CaseFile) -> View | None:
    """Return the card of a case; None if it was not posted yet and the case is on the card of a roll-up."""
    if not message.may_be_there and message.rank != Rank.FIRST and await subjects.needs_no_card(session, file.case):
        return None
    return card_of(desk, message, file)


def card_of(desk: TeamDesk, message: Message, file: CaseFile) -> View:
    """Return the card of a case for its team."""
    return case_card(file, replace(desk.t, posted_at=message.posted_at), desk.now(), home=home_of(desk.slack))


async def _ask(desk: TeamDesk, session: AsyncSession, message: Message) -> View:
    """Return a question to an adviser, with what was written until their turn is over."""
    file, asked = await _file(session, message), await session.get_one(Escalation, message.subject_id)
    over = await cases.turn_over(session, asked, file.case, file.team, desk.now())
    return ask_card(file, asked.id, desk.t, desk.now(), over=over)


async def _notice(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return a sentence in the thread; None if a case that the clock put back went on before Slack took it."""
    if message.ts is None and message.key.startswith(RETURNED):
        file, put_back_at = await _file(session, message), float(message.key.rpartition(":")[2])
        is_others = any(made.at.timestamp() > put_back_at for made in file.transfers)
        if is_others or file.case.status is not Status.NEW:
            return None
    return thread.notice(Text.from_json(message.details or {}), desk.t)


async def _reply_problem(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return what is wrong with a reply; None if whether it was published is known before that is asked again.

    Nothing else reminds of a case that has ended, so others are asked too when the reply's agent is not there.
    """
    file, doubted = await _file(session, message), message.key.startswith(f"{Move.DOUBT}:")
    reply = next(each for each in file.replies if each.id == message.subject_id)
    if message.ts is None and doubted and message.key.endswith(AGAIN) and reply.status is not ReplyStatus.UNCERTAIN:
        return None
    if message.ts is None:
        settings = TeamSettings.of(desk.team.settings)
        lost = await presence.not_reminded(session, desk.team.id, settings, [reply.by])
        asks_others = reply.by in lost and file.case.status not in OPEN
        message.details = Called(await _on_call(desk, session)).to_json() if asks_others else None
    instead = Called.of(message.details).called if message.details else None
    return thread.reply_problem(file, reply.id, desk.t, doubted=doubted, instead=instead)


async def _no_advice(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return that a case is with its owner again without advice; None if it went on before Slack took it."""
    file = await _file(session, message)
    if message.ts is None and file.case.status is not Status.CLAIMED:
        return None
    return thread.no_advice(file, message.subject_id, desk.t)


async def _second(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the question to a second colleague; after a transfer only what the team is asked that has the case now.

    None if the case went to that team before Slack took it: it would say so in the thread of that team itself. So too
    if it was decided by then, except in the thread.
    """
    act = await session.get_one(Act, message.subject_id)
    in_thread = (Message.case_id == message.case_id, Message.kind == MessageKind.SECOND, Message.subject_id == act.id)
    newest = await session.exec(select(func.max(Message.id)).where(*in_thread, col(Message.in_thread)))
    is_moved = message.id < (newest.one() or 0)
    view = second_asked(await _file(session, message), act, Asking.of(message.details), desk.t, is_moved=is_moved)
    return view if message.ts is not None or _asks(view) or (message.in_thread and not is_moved) else None


async def _review(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the question whether a post must stay hidden, for the team that has the case.

    None if it was decided, or went to another team, before Slack took it.
    """
    file, act = await _file(session, message), await session.get_one(Act, message.subject_id)
    asking = Asking.of(message.details)
    is_moved = not message.key.startswith(review_key(act.id, asking.at, file.case.transfers))
    view = review(file, act, asking, desk.t, is_moved=is_moved)
    return view if message.ts is not None or _asks(view) else None


def _asks(view: View) -> bool:
    """Tell whether a message has buttons: something is still to be decided."""
    return any(block["type"] == "actions" for block in view.blocks)


async def _former(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the card of a team that handed its case over; None if Slack never showed that card."""
    if not message.may_be_there:
        return None
    made = await session.get_one(Transfer, message.subject_id)
    return former_card(await _file(session, message), made, desk.t, desk.now())


async def _urgent(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the call to an urgent case; None if that was over, or another team got the case, before Slack took it."""
    file = await _file(session, message)
    is_over = file.case.status is not Status.NEW or not file.case.urgent or not await duty.is_newest(session, message)
    if message.ts is None and is_over:
        return None
    called = Called.of(message.details)
    if message.ts is None:
        called = replace(called, called=await _on_call(desk, session) or called.called)
        message.details = called.to_json()
    return urgent_call(file, called.called, desk.t, desk.now(), is_over=is_over)


async def _on_call(desk: TeamDesk, session: AsyncSession) -> list[str]:
    """Return whom a message must call by name that is posted now: it may have waited until the team opened."""
    return await duty.whom(session, desk.team, TeamSettings.of(desk.team.settings), desk.now())


async def _unanswered(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the question about a case whose citizen does not answer, or the sequel; None if it went on before that.

    To one who has the case no more it has gone on. Below the card itself there is no link to it.
    """
    asked, file = Unanswered.of(message.details), await _file(session, message)
    urls = await links_of(session, desk.slack, [] if message.in_thread else [file.case.id])
    url = urls.get(file.case.id, "")
    waits, asks = file.case.waits_since == asked.since, asked.asks(file.case.assignee)
    if file.case.status is Status.WITH_CITIZEN and waits and asks:
        if message.in_thread and message.ts is None:
            asked = replace(asked, asked=await _on_call(desk, session) or asked.asked)
            message.details = asked.to_json()
        return unanswered(file, asked.days, asked.asked, desk.t, desk.now(), card_url=url)
    is_moved = not asks or any(made.at > asked.since for made in file.transfers)
    return went_on(file, desk.t, desk.now(), card_url=url, is_moved=is_moved) if message.ts is not None else None


async def _passed(desk: TeamDesk, session: AsyncSession, message: Message) -> View:
    """Return which cases of a colleague were closed or went to others, with the words of when they were told that."""
    passed, told_at = Passed.of(message.details), message.posted_at
    briefs = await cases.briefly(session, passed.cases, until=told_at)
    if told_at is not None:
        briefs = [replace(each, latest=as_it_was(each.latest, told_at)) for each in briefs]
    return passed_on(passed, briefs, desk.t, await _teams_of(session, message.channel, briefs))


async def _handed_over(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return which cases a colleague got and still has; None if none were left before Slack took it."""
    details = HandedOver.of(message.details)
    briefs = await cases.briefly(session, set(details.cases) - set(details.undone))
    theirs = [each for each in briefs if each.case.status in OPEN and each.case.assignee == details.to]
    if not theirs and message.ts is None:
        return None
    return handed_to_you(details, theirs, len(briefs), desk.t, await _teams_of(session, details.to, theirs))


async def _teams_of(session: AsyncSession, person: str, briefs: Sequence[CaseBrief]) -> Mapping[int, str]:
    """Return the names of the teams of a person and of these cases, if they are several."""
    ids = {*await agents.roles(session, person), *(brief.case.team_id for brief in briefs)}
    return await teams.names(session, ids, [])


async def _away(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return the question to an agent who was seen away, or how it was settled.

    None if they were back, or chose by a command, before Slack had it.
    """
    absence = Absence.of(message.details)
    if absence.kept is not None:
        return kept(absence.kept, desk.t) if message.ts is not None else None
    if absence.handed_back is not None:
        return handed_back(absence.handed_back, desk.t) if message.ts is not None else None
    if absence.returned:
        return returned_unanswered(absence.returned, desk.t)
    person, waiting = await session.get(Person, absence.owner), await presence.claimed_by(session, absence.owner)
    if person is None or person.asked_at is None:
        is_back = person is not None and person.away_since is None
        return back_again(desk.t) if is_back and message.ts is not None else None
    if waiting:
        return seen_away_question(absence.owner, len(waiting), desk.t)
    return nothing_left(desk.t) if message.ts is not None else None
