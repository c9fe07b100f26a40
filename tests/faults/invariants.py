"""What holds once everything has settled, whatever happened."""

import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import inspect
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.clocks import elapsed
from bot.desk import Desk
from bot.domain.case import OPEN, Status
from bot.domain.event import EventKind
from bot.domain.hours import between
from bot.domain.mention import OPPOSITES
from bot.domain.sla import ClockKind
from bot.domain.words import names_of, words_of
from bot.models import (
    Account,
    Act,
    ActStatus,
    AnswerDraft,
    Author,
    Case,
    CaseWords,
    Clock,
    Escalation,
    Event,
    Mention,
    Message,
    MessageKind,
    Note,
    Reminder,
    ReminderKind,
    Removal,
    Reply,
    ReplyStatus,
    Rollup,
    Team,
    Transfer,
)
from bot.slack.rendering import team_of, view_of
from bot.team.settings import TeamSettings
from tests.conftest import SECRET_KEY
from tests.faults.citizens_at_random import NAMES
from tests.faults.people_at_random import READER
from tests.faults.schedule import World, forgotten
from tests.faults.source import SECRET
from tests.faults.trouble import SLOW

DELAYS = (0.0, *SLOW)
"""Seconds that may have passed between rendering a card and the end of the call that showed it."""
NAMED = re.compile(rf"\b({'|'.join(NAMES)})\b", re.IGNORECASE)
"""A citizen's name."""
ROLLED = frozenset({Status.NEW, Status.CLOSED})
OUTCOMES = frozenset(
    {
        EventKind.REPLY_SENT,
        EventKind.REPLY_FAILED,
        EventKind.REPLY_UNCERTAIN,
        EventKind.ACT_DONE,
        EventKind.ACT_FAILED,
        EventKind.ACT_UNCERTAIN,
    }
)
"""What became of what an agent approved: it is logged under their name, whoever has the case by then."""


async def broken(world: World) -> list[str]:
    """Return a sentence for everything that does not hold."""
    faults = [*world.faults, *(fault for process in world.processes for fault in process.faults)]
    found = [
        *faults,
        *logs(world),
        *slack_has_each_message_once(world),
    ]
    async with reading(world) as session:
        state = await State.of(session)
        found += posts(world, state)
        found += cards(world, state)
        found += clocks(world, state)
        found += replies(world, state)
        found += acts(world, state)
        found += steps(world, state)
        found += roles(world, state)
        found += drafts(world, state, list(await session.exec(select(AnswerDraft))))
        found += words(state)
        found += transfers(state)
        found += await cards_show_their_case(world, session, state)
    return found


class State:
    """All rows that matter."""

    rows: dict[type[Any], list[Any]]

    @classmethod
    async def of(cls, session: AsyncSession) -> "State":
        state = cls()
        tables: list[type[Any]] = [
            Account,
            Act,
            Author,
            Case,
            CaseWords,
            Clock,
            Escalation,
            Event,
            Mention,
            Message,
            Note,
            Reminder,
            Removal,
            Reply,
            Rollup,
            Team,
            Transfer,
        ]
        state.rows = {
            table: list(await session.exec(select(table).order_by(*inspect(table).primary_key))) for table in tables
        }
        return state

    def __getitem__(self, table: type[Any]) -> list[Any]:
        return self.rows[table]


@asynccontextmanager
async def reading(world: World) -> AsyncIterator[AsyncSession]:
    engine = db.create_engine(world.url)
    try:
        async with db.readings(engine)() as session:
            yield session
    finally:
        await engine.dispose()


def logs(world: World) -> list[str]:
    """No words or names of citizens, no words of agents and no token stand in the log, nor in what libraries log."""
    words = [word for post in world.citizens.posts.values() for word in post.words if "geheim" in word]
    words = [word.split()[-1] for word in words]
    secrets = [*words, world.slack.app.bot_token, world.slack.app.app_token, SECRET, SECRET_KEY, "zegsel"]
    told = [f"the log tells {secret}: {line}" for line in world.logged for secret in secrets if secret in line]
    return told + [f"the log names {NAMED.findall(line)}: {line}" for line in world.logged if NAMED.search(line)]


def words(state: State) -> list[str]:
    """Each case is found by the words that can be read in it, and by no others."""
    authors = {author.id: author for author in state[Author]}
    texts: dict[int, list[str]] = {case.id: [] for case in state[Case]}
    for mention in state[Mention]:
        texts[mention.case_id] += [] if mention.gone_at else [mention.text]
    for reply in state[Reply]:
        texts[reply.case_id] += [] if reply.status is ReplyStatus.WITHDRAWN else [reply.text]
    for note in state[Note]:
        texts[note.case_id] += [] if note.deleted_at else [note.text]
    known = {row.case_id: (row.names, row.words) for row in state[CaseWords]}
    return [
        f"case {case.id} is found by {known.get(case.id)} instead of its words"
        for case in state[Case]
        if known.get(case.id)
        != (names_of(authors[case.author_id].name, authors[case.author_id].handle), words_of(texts[case.id]))
    ]


def slack_has_each_message_once(world: World) -> list[str]:
    """Slack has no message of ours twice."""
    counted = keys(world).items()
    return [f"Slack has {key} {times} times: {calls(world, key)}" for key, times in counted if times > 1]


def keys(world: World) -> Counter[str]:
    """How many messages Slack has of each of our keys."""
    return Counter(
        m["metadata"]["event_payload"]["key"]
        for channel in world.slack.workspace.messages.values()
        for m in channel.values()
        if "metadata" in m
    )


def calls(world: World, key: str) -> str:
    """The calls to Slack about one of our messages: the second at which each ended, the method, and what came of it."""
    about = [call for call in world.slack.api.calls if key in str(call.args) or key in str(call.answer)]
    short = [f"{call.at:.1f} {call.method} {call.status} {str(call.answer)[:60]}" for call in about]
    return "; ".join(short)


def posts(world: World, state: State) -> list[str]:
    """Each post is one mention, with its last text; those of one author and conversation are one case."""
    found = []
    rows = {mention.external_id: mention for mention in state[Mention]}
    removed = {removal.external_id for removal in state[Removal]}
    for name, times in Counter(mention.external_id for mention in state[Mention]).items():
        if times > 1:
            found.append(f"post {name} is {times} mentions")
    for post in world.citizens.posts.values():
        mention = rows.get(post.id)
        if mention is None:
            if post.id not in removed:
                found.append(f"post {post.id} was lost")
        elif post.deleted != (mention.gone_at is not None):
            found.append(f"post {post.id} removed: {post.deleted}, but its mention: {mention.gone}")
        elif not post.deleted and mention.text != post.text:
            found.append(
                f"post {post.id} shows {mention.text!r} of {mention.edited_at}, not {post.text!r} of {post.edited_at}"
            )
    together: dict[tuple[str, str], set[int]] = {}
    for post in world.citizens.posts.values():
        if post.id in rows:
            together.setdefault((post.author, post.opens), set()).add(rows[post.id].case_id)
    found += [f"conversation {key} is {len(ids)} cases" for key, ids in together.items() if len(ids) > 1]
    of_case = Counter(case_id for ids in together.values() for case_id in ids)
    found += [f"case {case_id} has {n} conversations" for case_id, n in of_case.items() if n > 1]
    found += [f"case {case.id} has no mention" for case in state[Case] if case.id not in of_case]
    return found


def cards(world: World, state: State) -> list[str]:
    """Each case has one card, which stands in the channel of its team; every message stands where its row says.

    The card of a case that a roll-up shows may still have to come.
    """
    found, standing = [], {rollup.subject_id for rollup in state[Rollup]}
    shared = {case.id for case in state[Case] if case.subject_id in standing and case.status in ROLLED}
    channels = {team.id: team.channel for team in state[Team]}
    belongs = {case.id: channels[case.team_id] for case in state[Case]}
    counted = Counter(m.case_id for m in state[Message] if m.kind is MessageKind.CASE)
    seen = keys(world)
    found += [f"case {case.id} has {counted[case.id]} cards" for case in state[Case] if counted[case.id] != 1]
    for message in state[Message]:
        if message.ts is not None:
            shown = world.slack.workspace.messages.get(message.channel, {}).get(message.ts)
            key = shown["metadata"]["event_payload"]["key"] if shown and "metadata" in shown else None
            if key != message.key:
                found.append(f"{message.key} is not in Slack where its row says, but {key}")
        elif message.kind is MessageKind.CASE and message.case_id not in shared:
            found.append(f"{message.key} was never shown")
        elif message.key in seen:
            found.append(f"{message.key} is in Slack and its row does not know: {calls(world, message.key)}")
        if message.kind is MessageKind.CASE and message.channel != belongs[message.case_id]:
            found.append(f"{message.key} is in {message.channel}")
    return found


async def cards_show_their_case(world: World, session: AsyncSession, state: State) -> list[str]:
    """Each card shows what its case would show if it were rendered anew for the moment of its last update."""
    found = []
    desk = next(process.desk for process in world.processes if process.alive and process.desk)
    shown_at = {
        (str(call.answer["channel"]), str(call.answer["ts"])): call.at
        for call in world.slack.api.calls
        if call.answer and call.answer.get("ok") and call.method in {"chat.update", "chat.postMessage"}
    }
    for message in state[Message]:
        if message.kind not in {MessageKind.CASE, MessageKind.FORMER} or message.ts is None:
            continue
        shown = world.slack.workspace.messages[message.channel].get(message.ts, {})
        moment = datetime.fromtimestamp(shown_at.get((message.channel, message.ts), 0), UTC)
        wanted = [await _rendered(desk, session, message, moment - timedelta(seconds=d)) for d in DELAYS]
        if _as_text(shown.get("blocks")) not in wanted:
            found.append(f"{message.key} shows {_as_text(shown.get('blocks'))}, not {wanted[0]}")
    return found


async def _rendered(desk: Desk, session: AsyncSession, message: Message, moment: datetime) -> str:
    team = await team_of(session, message)
    view = await view_of(replace(desk, now=lambda: moment).of(team), session, message)
    return _as_text(view.blocks if view else None)


def _as_text(blocks: Any) -> str:
    """Blocks without the ids that Slack gives them."""
    if isinstance(blocks, list):
        return f"[{', '.join(_as_text(block) for block in blocks)}]"
    if isinstance(blocks, dict):
        parts = sorted((key, _as_text(value)) for key, value in blocks.items() if key != "block_id")
        return f"{{{', '.join(f'{key}: {value}' for key, value in parts)}}}"
    return str(blocks)


def clocks(world: World, state: State) -> list[str]:
    """Every case that waits for us, and that can be answered, has a clock that runs and a moment for its next step.

    That moment is still to come, or its team is closed.
    """
    found = forgotten(state[Clock], state[Team], world.now())
    for case in state[Case]:
        mine = [clock for clock in state[Clock] if clock.case_id == case.id and clock.stopped_at is None]
        answerable = any(m.permits() for m in state[Mention] if m.case_id == case.id)
        if case.status in OPEN:
            running = [clock for clock in mine if clock.running_since is not None]
            if answerable and not running:
                found.append(f"case {case.id} ({case.status}) waits and no clock runs")
            if any(clock.next_at is None for clock in running):
                found.append(f"case {case.id} ({case.status}) waits and nobody hears of it again")
            if any(clock.rests_for is not None for clock in mine):
                found.append(f"case {case.id} ({case.status}) waits and a clock rests")
        elif case.status is Status.CLOSED and mine:
            found.append(f"case {case.id} is closed and a clock goes on: {[clock.kind for clock in mine]}")
        if any(clock.team_id != case.team_id for clock in mine):
            found.append(f"case {case.id} is with team {case.team_id}, and a clock of it with another")
        kinds = [clock.kind for clock in mine if clock.kind is not ClockKind.PROMISE]
        if len(set(kinds)) < len(kinds):
            found.append(f"case {case.id} has two clocks of one kind: {kinds}")
    return found


def replies(world: World, state: State) -> list[str]:
    """Each approved reply was published once, or a person is asked; one that was taken back was not.

    A standard text may be sent twice: then as often as it was approved for that post.
    """
    found = []
    published = Counter((each.text, each.to) for each in [*world.source.published, *world.board.published])
    idents = {mention.id: mention.external_id for mention in state[Mention]}
    alike: dict[tuple[str, str], list[Reply]] = {}
    for reply in state[Reply]:
        alike.setdefault((reply.text, idents[reply.mention_id]), []).append(reply)
        what = f"reply {reply.id} of case {reply.case_id} ({reply.status}, {reply.tries} tries)"
        if reply.status is ReplyStatus.UNCERTAIN:
            asked = [m for m in state[Message] if m.key == f"reply_uncertain:{reply.id}" and m.ts]
            found += [] if asked else [f"nobody is asked about {what}"]
        if reply.status in {ReplyStatus.APPROVED, ReplyStatus.SENDING}:
            found.append(f"{what} never ended")
    for key, these in alike.items():
        statuses, times = Counter(reply.status for reply in these), published.pop(key, 0)
        sent = statuses[ReplyStatus.SENT]
        if not sent <= times <= sent + statuses[ReplyStatus.UNCERTAIN]:
            found.append(f"replies {[r.id for r in these]} of case {these[0].case_id} ({statuses}) came {times} times")
    found += [f"nobody approved what was published: {key}" for key in published]
    stored = [reply.draft for reply in state[Reply]]
    return found + [f"an approved answer was lost: {words}" for words in world.people.approved if words not in stored]


def acts(world: World, state: State) -> list[str]:
    """Of what was done to a post the last counts, or colleagues are told; nothing was done that nobody approved."""
    found, board = [], world.board
    idents = {(mention.id, None): mention.external_id for mention in state[Mention]}
    idents |= {(reply.mention_id, reply.id): reply.external_id for reply in state[Reply]}
    tried: set[tuple[str, str]] = set()
    last: dict[tuple[str, frozenset[Any]], Act] = {}
    for act in state[Act]:
        ident = idents[act.mention_id, act.reply_id]
        what = f"act {act.id} on {ident} ({act.kind}, {act.status}, {act.tries} tries)"
        if act.status in {ActStatus.APPROVED, ActStatus.SENDING}:
            found.append(f"{what} never ended")
        if act.status in {ActStatus.FAILED, ActStatus.UNCERTAIN}:
            told = [m for m in state[Message] if m.kind is MessageKind.ACT_PROBLEM and m.subject_id == act.id and m.ts]
            found += [] if told else [f"nobody is told of {what}"]
        if act.tries:
            tried.add((act.kind, ident))
            last[ident, frozenset({act.kind, OPPOSITES.get(act.kind)})] = act
    for (ident, _), act in last.items():
        if act.status is ActStatus.DONE and not board.stands(act.kind, ident):
            found.append(f"act {act.id} ({act.kind} {ident}) was done, but then {board.acts}")
    return found + [f"nobody approved {act} {ident}" for act, ident in board.acts if (act, ident) not in tried]


def steps(world: World, state: State) -> list[str]:
    """No step of a clock is told twice, but as `again` says; each recipient has one message of reminders at a time."""
    history: dict[int, list[Event]] = {}
    for event in sorted(state[Event], key=lambda e: (e.at, e.kind is not EventKind.REMINDED, e.id)):
        history.setdefault(event.case_id, []).append(event)
    settings = TeamSettings.of(state[Team][0].settings)  # those of the other team are the same
    found = [fault for clock in state[Clock] for fault in again(clock, history[clock.case_id], settings, world.now())]
    live: dict[tuple[int, str, bool], set[int]] = {}
    for each in state[Reminder]:
        if each.kind is ReminderKind.HANDED_OVER:
            continue
        of_digest = each.kind is ReminderKind.LISTED
        live.setdefault((each.team_id, each.recipient, of_digest), set()).add(each.message_id)
    return found + [f"the reminders of {who} are in {len(ids)} messages" for who, ids in live.items() if len(ids) > 1]


def again(clock: Clock, history: list[Event], settings: TeamSettings, now: datetime) -> Iterator[str]:
    """What was told of a clock again, and should not have been.

    After a snooze one thing is told again: what was told last. When the urgency of the case or its team changes, the
    clock gets the target of that; what is due by it already is not told again, what is not due yet is, once it is. How
    long a clock rested until then is not known here: at most as long as it rested in all, which is in its favour.
    """
    hours, policy = settings.hours(now), settings.policy()
    rested = between(hours, clock.started_at, now) - elapsed(clock, hours, now)
    told, snoozed, urgent = 0, False, False
    for event in history:
        match event.kind:
            case EventKind.SNOOZE:
                snoozed = True
            case EventKind.URGENT | EventKind.NOT_URGENT | EventKind.TRANSFER:
                urgent = event.kind is EventKind.URGENT or (urgent and event.kind is EventKind.TRANSFER)
                snoozed = False
                if clock.kind is not ClockKind.PROMISE:
                    target = policy.targets(platform="", private=False, urgent=urgent).of(clock.kind)
                    used = max(timedelta(), between(hours, clock.started_at, event.at) - rested)
                    told = min(told, int(100 * used / target))
            case EventKind.REMINDED if event.details["clock"] == clock.id:
                percent = event.details["percent"]
                if percent < told or (percent == told and not snoozed):
                    yield f"step {percent} of clock {clock.id} of case {clock.case_id} was told again at {event.at}"
                told, snoozed = percent, False


def drafts(world: World, state: State, kept: list[AnswerDraft]) -> list[str]:
    """No draft is left of a modal that was sent, none of a reader, and none in which nothing was typed or chosen."""
    sent, agents = {reply.key for reply in state[Reply]}, set[str]().union(*agents_of(world, state).values())
    found = [f"{each.by} has a draft of what was sent about case {each.case_id}" for each in kept if each.view in sent]
    found += [f"{each.by} has a draft about case {each.case_id}" for each in kept if each.by not in agents]
    return found + [f"an empty draft is kept of case {each.case_id}" for each in kept if not (each.newest or each.view)]


def transfers(state: State) -> list[str]:
    """Each number of a team names one case, without gaps; each transfer left one card behind."""
    found = []
    for team in state[Team]:
        names = {(case.number, case.id) for case in state[Case] if case.team_id == team.id}
        names |= {(each.number, each.case_id) for each in state[Transfer] if each.from_team_id == team.id}
        if sorted(number for number, _ in names) != list(range(1, len(names) + 1)):
            found.append(f"the numbers of {team.name} are {sorted(names)}")
    left = [m.subject_id for m in state[Message] if m.kind is MessageKind.FORMER]
    if sorted(left) != [each.id for each in state[Transfer]]:
        found.append(f"the cards that were left are those of the transfers {sorted(left)}")
    for case in state[Case]:
        mine = [each for each in state[Transfer] if each.case_id == case.id]
        came, went = [each.to_team_id for each in mine], [each.from_team_id for each in mine]
        if mine and [*went[1:], case.team_id] != came:
            found.append(f"case {case.id} is with team {case.team_id}, and went from {went} to {came}")
    made = Counter(each.case_id for each in state[Transfer])
    return found + [f"case {c.id} counts {c.transfers} transfers" for c in state[Case] if c.transfers != made[c.id]]


def roles(world: World, state: State) -> list[str]:
    """What was done with a case was done by those who answer for the team that had it then.

    Others wrote in threads that they see, and advised where they were asked: the reader and the adviser no more than
    that, an agent no more than that with the case of another team.
    """
    agents = agents_of(world, state)
    found = [
        f"{case.assignee} has case {case.id} of team {case.team_id}"
        for case in state[Case]
        if case.assignee is not None and case.assignee not in agents[case.team_id]
    ]
    answered = {(e.case_id, e.by, e.at) for e in state[Event] if e.kind is EventKind.ANSWER}
    for reply in state[Reply]:
        if (reply.case_id, reply.by, reply.created_at) not in answered:
            found.append(f"{reply.by} wrote reply {reply.id}, and did not answer case {reply.case_id}")
    for event, team_id in with_teams(state):
        if event.by and not _might(world, state, event, agents, team_id):
            found.append(f"{event.by} did {event.kind} with case {event.case_id} of team {team_id} at {event.at}")
    return found


def agents_of(world: World, state: State) -> dict[int, frozenset[str]]:
    """Who answers for each team: everybody in its channel but the reader."""
    channels = world.slack.workspace.channels
    return {team.id: frozenset(channels[team.channel].members) - {READER} for team in state[Team]}


def with_teams(state: State) -> Iterator[tuple[Event, int]]:
    """Each event of a case, and the team that had it then; of a transfer the team from which it went."""
    teams = {case.id: case.team_id for case in state[Case]}
    went = {case_id: deque[int]() for case_id in teams}
    for each in state[Transfer]:
        went[each.case_id].append(each.from_team_id)
    for event in state[Event]:
        if event.case_id is not None:
            left = went[event.case_id]
            yield event, left[0] if left else teams[event.case_id]
            if event.kind is EventKind.TRANSFER:
                left.popleft()


def _might(world: World, state: State, event: Event, agents: Mapping[int, Collection[str]], team_id: int) -> bool:
    """Whether somebody might do this with a case of a team."""
    if event.by in agents[team_id]:
        return True
    match event.kind:
        case EventKind.NOTE:
            wrote = {note.channel for note in state[Note] if (note.by, note.at) == (event.by, event.at)}
            return any(where and event.by in world.slack.workspace.channels[where].members for where in wrote)
        case EventKind.ADVISE:
            return _was_asked(world, state, event.by, event.details["escalation"])
        case kind if kind in OUTCOMES:
            return any(event.by in each for each in agents.values())
        case _:
            return False


def _was_asked(world: World, state: State, who: str, escalation_id: int) -> bool:
    """Whether somebody was asked for this advice: by name, or where they are; who reads for a team is always."""
    if any(each.id == escalation_id and each.target == who for each in state[Escalation]):
        return True
    asked = [m.channel for m in state[Message] if m.kind is MessageKind.ASK and m.subject_id == escalation_id]
    places = [*asked, *(team.channel for team in state[Team])]
    channels = world.slack.workspace.channels
    return any(who in channels[each].members for each in places if each in channels)
