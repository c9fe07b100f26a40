"""What holds once everything has settled, whatever happened."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import inspect
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.desk import Desk
from bot.domain.case import OPEN, Status
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
    Team,
    Transfer,
)
from bot.slack.rendering import team_of, view_of
from tests.conftest import SECRET_KEY
from tests.faults.people_at_random import READER
from tests.faults.schedule import World
from tests.faults.source import SECRET
from tests.faults.trouble import SLOW

DELAYS = (0.0, *SLOW)
"""Seconds that may have passed between rendering a card and the end of the call that showed it."""


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
        found += clocks(state)
        found += replies(world, state)
        found += acts(world, state)
        found += steps(state)
        found += roles(state)
        found += drafts(state, list(await session.exec(select(AnswerDraft))))
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
            Event,
            Mention,
            Message,
            Note,
            Reminder,
            Removal,
            Reply,
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
    """No citizen's or agent's words and no token stand in the log."""
    words = [word for post in world.citizens.posts.values() for word in post.words if "geheim" in word]
    words = [word.split()[-1] for word in words]
    tokens = [world.slack.app.bot_token, world.slack.app.app_token, SECRET, SECRET_KEY]
    return [
        f"the log tells {secret}: {line}"
        for line in world.logged
        for secret in [*words, *tokens, "zegsel"]
        if secret in line
    ]


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
    """Each case has one card, which stands in the channel of its team; every message stands where its row says."""
    found = []
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
        elif message.kind is MessageKind.CASE:
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


def clocks(state: State) -> list[str]:
    """Every case that waits for us, and that can be answered, has a clock that runs and a moment for its next step."""
    found = []
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


def steps(state: State) -> list[str]:
    """No step of a clock is told twice, but after a snooze; each recipient has one message of reminders at a time."""
    told = Counter((e.case_id, e.details["clock"], e.details["percent"]) for e in state[Event] if e.kind == "reminded")
    snoozes = Counter(event.case_id for event in state[Event] if event.kind == "snooze")
    found = [
        f"step {percent} of clock {clock} of case {case_id} was told {times} times"
        for (case_id, clock, percent), times in told.items()
        if times > 1 + snoozes[case_id]
    ]
    live: dict[tuple[int, str, bool], set[int]] = {}
    for each in state[Reminder]:
        if each.kind is ReminderKind.HANDED_OVER:
            continue
        of_digest = each.kind is ReminderKind.LISTED
        live.setdefault((each.team_id, each.recipient, of_digest), set()).add(each.message_id)
    return found + [f"the reminders of {who} are in {len(ids)} messages" for who, ids in live.items() if len(ids) > 1]


def drafts(state: State, kept: list[AnswerDraft]) -> list[str]:
    """No draft is left of a modal that was sent, none of a reader, and none in which nothing was typed or chosen."""
    sent = {reply.key for reply in state[Reply]}
    found = [f"{each.by} has a draft of what was sent about case {each.case_id}" for each in kept if each.view in sent]
    found += [f"the reader has a draft about case {each.case_id}" for each in kept if each.by == READER]
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
    made = Counter(each.case_id for each in state[Transfer])
    return found + [f"case {c.id} counts {c.transfers} transfers" for c in state[Case] if c.transfers != made[c.id]]


def roles(state: State) -> list[str]:
    """A reader has moved nothing and answered nobody."""
    moved = [event for event in state[Event] if event.by == READER and event.kind not in {"advise", "note"}]
    found = [f"the reader did {event.kind} on case {event.case_id}" for event in moved]
    found += [f"the reader answered case {reply.case_id}" for reply in state[Reply] if reply.by == READER]
    return found + [f"the reader has case {case.id}" for case in state[Case] if case.assignee == READER]
