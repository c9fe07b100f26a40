"""Steps that many tests share: a citizen writes, an agent clicks and answers, a coordinator changes a setting."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, select, text
from standardwebhooks import Webhook

from bot import accounts, cases
from bot.cases import inbox
from bot.connectors.base import Request
from bot.domain.case import Status
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Agent, Clock, Event, Message, MessageKind, Reminder, ReminderKind, ReplyKind, Role, Team
from bot.outgoing import outbox, replies
from bot.outgoing.composing import Answer
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.sandbox.slack.workspace import Person
from bot.slack import messages
from bot.team.settings import TeamSettings
from jobs import check, poll, sla, sweep
from jobs.members import read_channels
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, account_of
from tests.connectors.mastodon.fake import FakeMastodon

FIRE = "Er vallen zwarte vlokken in onze tuin aan de Havenweg, is dat gevaarlijk? {}"
"""What many write of one fire; the street differs."""
STREETS = ("Lindestraat", "Stationsweg", "Molenpad", "Kerkstraat", "Vaart", "Singel", "Dam", "Markt")


async def held_up(engine: AsyncEngine, count: int) -> bool:
    """Whether so many of the connections to a PostgreSQL database wait for a lock."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with engine.connect() as connection:
        return bool((await connection.execute(waits)).scalar_one() == count)


async def open_modal(bot: Bot, person: str, callback: str) -> dict:
    """Wait until the modal has been filled, and return it."""
    return await bot.slack.wait_for(
        lambda: (view := bot.slack.view(person)) and view["callback_id"] == callback and view
    )


async def answer(bot: Bot, person: str, card: dict, text: str, channel: str = CHANNEL, **values: str) -> None:
    """Open the answer modal on a card, and send."""
    ack = await bot.slack.click(person, channel, card["ts"], "case:answer")
    assert ack.ok
    view = await open_modal(bot, person, "case:answer")
    if values.get("answer_kind") == "interim":
        await bot.slack.click_in_view(person, "answer_kind", values["answer_kind"])
        view = await asks_for_a_promise(bot, person)
    filled = {"answer_text": text, **values}
    if "initials" in action_ids(view) and "initials" not in values:
        filled["initials"] = {SANNE: "SB", YOUSSEF: "YA", MARIEKE: "MV"}[person]
    ack = await bot.slack.submit(person, filled)
    assert ack.ok, ack
    assert not ack.errors, ack.errors


async def asks_for_a_promise(bot: Bot, person: str) -> dict:
    """Wait until the answer modal asks by when the citizen hears more."""

    def asked() -> dict | None:
        view = bot.slack.view(person)
        return view if view and "answer_promise" in action_ids(view) else None

    return await bot.slack.wait_for(asked)


def square_texts(bot: Bot) -> list[str]:
    return [post["text"] for post in bot.slack.square.posts if post["author"]["team"]]


async def home(bot: Bot, person: str, *words: str) -> dict:
    """Wait until someone's Home holds all these words, and return it."""
    return await bot.slack.wait_for(
        lambda: (view := bot.slack.home(person)) and all(word in text_of(view) for word in words) and view
    )


async def make_role(bot: Bot, person: str, role: Role, team_id: int = 1) -> None:
    async with bot.desk.session() as session:
        session.add(Agent(team_id=team_id, slack_id=person, role=role, created_at=bot.desk.now()))


async def asked(bot: Bot, person: str, command: str, channel: str = CHANNEL) -> str:
    """Give a command and return what its asker alone is told."""
    before = len(bot.slack.ephemerals(person, channel))
    ack = await bot.slack.command(person, channel, command)
    assert ack.ok, ack
    told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person, channel)[before:])
    assert len(told) == 1
    return text_of(told[0])


async def open_group(bot: Bot, person: str, group: str) -> dict:
    """Open a group of settings from the Home."""
    while bot.slack.view(person):
        await bot.slack.close_view(person)
    await bot.slack.open_home(person)
    await home(bot, person, "Instellingen")
    await bot.slack.click_in_view(person, "settings:open")
    menu = await bot.slack.wait_for(
        lambda: (view := bot.slack.view(person)) and "settings:group" in action_ids(view) and view
    )
    return await changed(bot, person, menu, "settings:group", group)


async def changed(bot: Bot, person: str, shown: dict, button: str, value: str = "") -> dict:
    """Click a button in a modal, and return what comes in its place."""
    ack = await bot.slack.click_in_view(person, button, value=value)
    assert ack.ok
    return await bot.slack.wait_for(lambda: (view := bot.slack.view(person)) and view["hash"] != shown["hash"] and view)


async def settings_of(bot: Bot) -> TeamSettings:
    return TeamSettings.of((await bot.rows(Team))[0].settings)


async def changes(bot: Bot) -> list[dict]:
    return [event.details for event in await bot.rows(Event) if event.kind == "settings"]


async def settings(bot: Bot, **changed: Any) -> None:
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = changed
        session.add(team)


async def mention(bot: Bot, number: int = 1, text: str = "Wanneer?", **more: Any) -> int:
    """Take a mention in at this moment, and show what Slack takes of it; returns its case."""
    post = Post(str(number), Author(f"a{number}", f"Burger {number}"), text, bot.desk.now(),
                permits=permits(Act.ANSWER), **more)  # fmt: skip
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.reading() as session:
        found = await session.exec(select(Clock.case_id).order_by(col(Clock.id).desc()))
        return found.first() or 0


async def sent(bot: Bot, case_id: int, kind: ReplyKind = ReplyKind.FINAL, until: datetime | None = None) -> None:
    """Let Sanne answer, the answer reach the citizen, and the card show that."""
    async with bot.desk.session() as session:
        file = await cases.read(session, case_id)
        if file.case.status is Status.NEW:
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        answer = Answer(
            case_id, file.latest.id, submission=f"v{bot.desk.now()}{kind}", words="x", private=file.latest.private,
            kind=kind, promised_at=until, initials="SB",
        )  # fmt: skip
        reply = await replies.answer(
            session, answer, connector=bot.desk.connector, by=SANNE, now=bot.desk.now(), undo=timedelta()
        )
    await outbox.drain(bot.desk, str(reply.account_id))
    await bot.desk.wake.idle()  # type: ignore[attr-defined]  # the lane may have been writing the card at that moment


ACCOUNT = "gemeente"


@asynccontextmanager
async def refusing(bot: Bot, what: str) -> AsyncIterator[None]:
    """Let SQLite refuse something ("INSERT ON mentions") in this block."""
    async with bot.engine.begin() as connection:
        refuse = "BEGIN SELECT RAISE(ABORT, 'not now'); END"
        await connection.exec_driver_sql(f"CREATE TRIGGER refusing BEFORE {what} {refuse}")
    yield
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TRIGGER refusing")


async def set_sealed(bot: Bot, name: str, sealed: bytes = b"sealed with another key") -> bytes:
    """Let the tokens of an account be sealed so, by default unreadable; returns how they were sealed before."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, (await account_of(bot, name)).id)
        before, account.sealed = account.sealed, sealed
        session.add(account)
    return before


async def connect(bot: Bot, url: str, *, token: str = FakeMastodon.token, name: str = ACCOUNT, **options: Any) -> int:
    """Add the team's account on this server to the bot, checked as `webcare accounts add` does; returns its id."""
    async with bot.desk.session() as session:
        account = await accounts.add(
            session, bot.desk.settings, platform="mastodon", name=name, url=url,
            secrets={"token": token}, options=options, now=bot.desk.now(),
        )  # fmt: skip
        health = await accounts.health(bot.desk.connector(account))
        assert health.problems == ()
        accounts.learned(account, health)
        session.add(account)
        return account.id or 0


async def at(bot: Bot, moment: str) -> list[str]:
    """Move the clock, let the minute's job run, and return who is told what by it: of each recipient the last step."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    before = {(each.id, each.told_at) for each in await reminders(bot)}
    await sla.remind(bot.desk)
    told: dict[str, int] = {}
    for each in await reminders(bot):
        if (each.id, each.told_at) not in before:
            told[each.recipient] = max(told.get(each.recipient, 0), each.percent)
    return [f"{recipient}:{percent}" for recipient, percent in told.items()]


async def reminders(bot: Bot) -> list[Reminder]:
    """What is told of clocks, each recipient's in the order in which it was told first."""
    return [each for each in await bot.rows(Reminder) if each.kind is ReminderKind.CLOCK]


def showing(bot: Bot, *words: str, channel: str = CHANNEL) -> list[dict]:
    """The messages in a channel that show all these words."""
    return [m for m in bot.slack.messages(channel) if all(word in text_of(m) for word in words)]


async def lists(bot: Bot) -> list[Message]:
    """The messages with reminders."""
    return [m for m in await bot.rows(Message) if m.kind is MessageKind.REMINDER]


async def comes(bot: Bot, slack_id: str, name: str, channel: str = CHANNEL, **kind: Any) -> str:
    """Let somebody new join a channel: `guest`, `one_channel`, `is_bot`, or of another organisation (`team_id`)."""
    bot.slack.workspace.people[slack_id] = Person(slack_id, name.split()[0].lower(), name, **kind)
    ack = await bot.slack.join(slack_id, channel)
    assert ack.ok
    return slack_id


BEHEER = "C0ESCALATIE"
"""The channel of a second team; the bot and all colleagues of the first are in it."""
BEA = "U0BEA"
"""A colleague who is in the second team only."""


async def second_team(bot: Bot, name: str = "Beheer", **settings: Any) -> int:
    """Add a second team with a colleague of its own; returns its id."""
    async with bot.desk.session() as session:
        team = Team(name=name, channel=BEHEER, settings=settings, created_at=bot.desk.now())
        session.add(team)
        await session.flush()
        team_id = team.id
    await read_channels(bot.desk)
    await comes(bot, BEA, "Bea Beheer", BEHEER)
    return team_id


async def moves_to(bot: Bot, channel: str, team_id: int = 1) -> None:
    """Give a team another channel, in which the bot is."""
    await bot.slack.join(bot.slack.app.user_id, channel)
    async with bot.desk.session() as session:
        team = await session.get_one(Team, team_id)
        team.channel = channel
        session.add(team)


async def claim_in_two_teams(bot: Bot) -> None:
    """Let Sanne have a case in each of two teams: 1 of the first, and 2, which went to the second."""
    beheer = await second_team(bot)
    for number in (1, 2):
        await mention(bot, number, f"Bericht {number}")
    async with bot.desk.session() as session:
        await cases.transfer(
            session, 2, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=bot.desk.now(), submission="t"
        )
        for case_id in (1, 2):
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())


def read(shown: Any) -> str:
    """The text of a message or view, without the signs that keep strangers' words apart."""
    return text_of(shown).replace("\u2068", "").replace("\u2069", "")


async def card_in(bot: Bot, channel: str, *words: str) -> dict[str, Any]:
    """Wait for the message in a channel, outside threads, that holds all these words."""

    def shown() -> dict[str, Any] | None:
        heads = (m for m in bot.slack.messages(channel) if m.get("thread_ts", m["ts"]) == m["ts"])
        return next((m for m in heads if all(word in read(m) for word in words)), None)

    return await bot.slack.wait_for(shown)


async def polled(bot: Bot) -> None:
    """Let every account be asked for what is new."""
    bot.clock.advance(minutes=6)
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def sent_out(bot: Bot) -> None:
    """Let what is due go out."""
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def told(bot: Bot, path: str, request: Request) -> tuple[int, str]:
    """Let a platform call us; returns the status and the answer."""
    async with (
        ClientSession() as session,
        session.request(
            request.method, f"{bot.url}{path}", data=request.body, headers=request.headers, params=dict(request.query)
        ) as response,
    ):
        return response.status, await response.text()


async def connected(
    bot: Bot, platform: str, url: str, secrets: Mapping[str, str], options: Mapping[str, Any] | None = None
) -> Bot:
    """Add the team's account on a platform to the bot, and check it."""
    async with bot.desk.session() as session:
        await accounts.add(
            session, bot.desk.settings, platform=platform, name="gemeente", url=url, secrets=secrets,
            options=options or {}, now=bot.desk.now(),
        )  # fmt: skip
    await check.check_accounts(bot.desk)
    return bot


async def reopened(bot: Bot, case_id: int = 1) -> None:
    """Let a colleague reopen a case."""
    async with bot.desk.session() as session:
        await cases.reopen(session, case_id, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, case_id)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]  # a lane may be at the card, and shows this after that


async def twin(bot: Bot, account: Account, ident: str, *, name: str = "wijk", **secrets: str) -> Account:
    """Add a second account like this one, which has another id on its platform; returns it."""
    async with bot.desk.session() as session:
        known = accounts.opened(account, bot.desk.settings)
        added = await accounts.add(
            session, bot.desk.settings, platform=account.platform, name=name, url=account.url,
            secrets={**known.secrets, **secrets}, options=account.options, now=bot.desk.now(),
        )  # fmt: skip
        added.identity = {"id": ident, "handle": name, "name": name, "url": ""}
        return added


async def stopped(bot: Bot, name: str, *, again: bool = False) -> None:
    """Let people stop an account, or start it again."""
    async with bot.desk.session() as session:
        change = accounts.start if again else accounts.stop
        change(session, await accounts.named(session, name), bot.desk.now())


def signed(secret: str, body: str, ident: str = "msg_1") -> dict[str, str]:
    """The headers with which a source signs a body by Standard Webhooks, at the real time: that is what counts."""
    at = datetime.now(UTC)
    return {
        "webhook-id": ident,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(ident, at, body),
    }
