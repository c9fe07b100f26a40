"""The past weeks of the made-up team of `webcare try`, so that its digests, figures and charts have data.

The normal use cases write this history, each with its own moment as `now`, but nothing is sent to Slack. The random
numbers have a fixed seed, so the history is the same every time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import clocks, inbox
from bot.domain.case import CloseReason
from bot.domain.event import EventKind
from bot.domain.figures import Span
from bot.domain.hours import Hours, add
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.period import opening, working_day_before
from bot.figures.digests import daily, key_of
from bot.models import Account, Event, Mention, Message, MessageKind, Reply, ReplyKind, ReplyStatus, Team
from bot.team.digest_time import moment
from bot.team.settings import TeamSettings

AGENTS = {"U0SANNE": "SB", "U0YOUSSEF": "YA"}
PROMISED_BY = "U0YOUSSEF"
QUESTIONS = (
    ("Afval", "Wanneer wordt het oud papier in onze straat opgehaald?"),
    ("Afval", "De ondergrondse container bij het winkelcentrum zit al dagen vol."),
    ("Wegen en verkeer", "Het stoplicht op de kruising bij het station staat steeds op rood."),
    ("Wegen en verkeer", "Er zit een groot gat in het fietspad langs de vaart."),
    ("Burgerzaken", "Hoe lang duurt het voordat mijn rijbewijs klaar is?"),
    ("Burgerzaken", "Kan ik ook zonder afspraak een uittreksel halen?"),
    ("Groen", "De bomen in het park zijn wel heel kaal gesnoeid."),
)
TOPICS = tuple(dict.fromkeys(topic for topic, _ in QUESTIONS))
ANSWERED_IN = (4, 8, 12, 15, 20, 24, 30, 35, 42, 50, 55, 75, 140)
"""Working minutes; a few exceed the target of one hour."""
CLOSED = (CloseReason.NO_ANSWER_NEEDED, CloseReason.NO_ANSWER_NEEDED, CloseReason.NOT_FOR_US, CloseReason.SPAM)
ANSWERED_AFTER = timedelta(minutes=10)
MORNING, AFTERNOON = time(9, 10), time(13, 20)


@dataclass(frozen=True)
class OpenPost:
    """A post that still waits, or that has an `interim` reply with a promise for `promised_at`."""

    post: Post
    interim: str = ""
    promised_at: datetime | None = None


async def write_history(
    session: AsyncSession,
    team: Team,
    sources: Sequence[Account],
    until: datetime,
    *,
    still_open: Sequence[OpenPost] = (),
) -> None:
    """Write the history of a team from its creation until this moment; `still_open` stays open, at the first source."""
    random = Random(2026)  # noqa: S311 - an example, no secret
    hours = TeamSettings.of(team.settings).hours(until)
    for at in _moments(hours, team.created_at, until):
        for source in sources:
            await _receive_and_end(session, source, _posts(random, at), at, random, hours)
    await session.exec(update(Message).values(shown_version=col(Message.version)))  # Slack need not show them
    for each in still_open:
        await _leave_open(session, sources[0], each)
    await _write_last_digest(session, team, hours, until)


def _moments(hours: Hours, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield two moments of every working day, at which the posts of half a day arrive."""
    day = since.astimezone(hours.zone).date() + timedelta(days=1)
    while day < until.astimezone(hours.zone).date():
        if opening(hours, day) is not None:
            for wall in (MORNING, AFTERNOON):
                yield datetime.combine(day, wall, tzinfo=hours.zone)
        day += timedelta(days=1)


def _posts(random: Random, at: datetime) -> list[Post]:
    count = random.randint(1, 5)
    return [
        Post(
            external_id=f"past-{at:%m%d%H}-{random.getrandbits(32):08x}",
            author=Author(f"past-{random.getrandbits(32):08x}", "Een inwoner", "inwoner"),
            text=random.choice(QUESTIONS)[1],
            published_at=at,
            permits=permits(Act.ANSWER),
        )
        for _ in range(count)
    ]


async def _receive_and_end(
    session: AsyncSession, source: Account, posts: Sequence[Post], at: datetime, random: Random, hours: Hours
) -> None:
    """Receive these posts and end each case: answer it, or close one in nine with a reason."""
    await inbox.take_in(session, source.id, posts, now=at)
    topics = {words: topic for topic, words in QUESTIONS}
    for mention in await _mentions(session, source, posts):
        by = random.choice(list(AGENTS))
        ended = add(hours, at, timedelta(minutes=random.choice(ANSWERED_IN)))
        await cases.set_topic(session, mention.case_id, topic=topics[mention.text], by=by, now=ended)
        await cases.claim(session, mention.case_id, by=by, now=at + (ended - at) / 2)
        if random.random() < 1 / 9:
            await cases.close(session, mention.case_id, by=by, now=ended, reason=random.choice(CLOSED))
        else:
            await _reply(session, mention, by, ended, f"Dank voor uw bericht, we geven het door! ^{AGENTS[by]}")


async def _mentions(session: AsyncSession, source: Account, posts: Sequence[Post]) -> Sequence[Mention]:
    ids = [post.external_id for post in posts]
    mentions = await session.exec(
        select(Mention).where(Mention.account_id == source.id, col(Mention.external_id).in_(ids))
    )
    return mentions.all()


async def _reply(
    session: AsyncSession, mention: Mention, by: str, at: datetime, words: str, promised_at: datetime | None = None
) -> None:
    """Write an agent's reply that was sent; after one with a promise the case stays with its agent."""
    kind = ReplyKind.FINAL if promised_at is None else ReplyKind.INTERIM
    reply = Reply(
        case_id=mention.case_id, mention_id=mention.id, account_id=mention.account_id, by=by,
        key=f"past-{mention.id}", draft=words, text=words, kind=kind, promised_at=promised_at,
        status=ReplyStatus.SENT, created_at=at, send_at=at, sent_at=at, tries=1,
    )  # fmt: skip
    case = await cases.get(session, mention.case_id)
    if kind is ReplyKind.FINAL:
        await cases.answered(session, reply, now=at)
    else:
        session.add(reply)
        await cases.index(session, {reply.case_id})
    case.answered_at = at
    await clocks.reply_sent(session, case, reply, at)
    session.add(Event(case_id=mention.case_id, kind=EventKind.REPLY_SENT, by=by, at=at))


async def _write_last_digest(session: AsyncSession, team: Team, hours: Hours, until: datetime) -> None:
    """Write the digest of the last working day; the next digest begins where it ends."""
    last = working_day_before(hours, until.astimezone(hours.zone).date())
    at = moment(TeamSettings.of(team.settings), hours, last) if last else None
    if last is not None and at is not None:
        details = (await daily(session, team, at, last)).to_json()
        key = key_of(team, last, Span.DAY)
        session.add(
            Message(
                key=key, kind=MessageKind.DIGEST, subject_id=team.id, channel=team.channel, details=details,
                shown_version=1,
            )
        )  # fmt: skip


async def _leave_open(session: AsyncSession, source: Account, still_open: OpenPost) -> None:
    post = still_open.post
    await inbox.take_in(session, source.id, [post], now=post.published_at)
    if still_open.promised_at is not None:
        [mention] = await _mentions(session, source, [post])
        at = post.published_at + ANSWERED_AFTER
        await cases.claim(session, mention.case_id, by=PROMISED_BY, now=at)
        await _reply(session, mention, PROMISED_BY, at, still_open.interim, still_open.promised_at)
