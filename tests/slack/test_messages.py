"""What each kind of message shows: every kind has a renderer, and one that cannot be shown blocks no other."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, event, text
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, select, update

from bot import cases
from bot.domain import mention
from bot.domain import text as words
from bot.domain.figures import Figures, Overview, Span
from bot.models import (
    Absence,
    Act,
    ActStatus,
    Called,
    Case,
    Details,
    Escalation,
    HandedOver,
    Hiding,
    Listed,
    Message,
    MessageKind,
    Named,
    Note,
    Passed,
    Reply,
    ReplyStatus,
    Rising,
    RolledUp,
    SigningIn,
    Team,
    Transfer,
    Troubled,
    Unanswered,
    Waiting,
)
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.slack.messages import drain
from bot.slack.rendering import team_of, view_of
from bot.slack.writing import TRY_AGAIN
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import second_team

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
DETAILS: dict[MessageKind, dict[str, Any]] = {
    MessageKind.NOTICE: words.text("{agent}, this case has been assigned to you.", agent=f"<@{SANNE}>").to_json(),
    MessageKind.REMINDER: Listed(SANNE, NOW.isoformat()).to_json(),
    MessageKind.URGENT: Called([SANNE]).to_json(),
    MessageKind.AWAY: Absence(SANNE, returned=2).to_json(),
    MessageKind.PASSED: Passed(SANNE, [1]).to_json(),
    MessageKind.HANDED_OVER: HandedOver(SANNE, SANNE, [1]).to_json(),
    MessageKind.UNANSWERED: Unanswered(NOW.isoformat(), 5, [SANNE]).to_json(),
    MessageKind.SLACK_TROUBLE: Troubled(CHANNEL, "is_archived", NOW.isoformat()).to_json(),
    MessageKind.BACKLOG: Waiting(20, 20, NOW.isoformat()).to_json(),
    MessageKind.SPIKE: Rising(40, 4, 40, NOW.isoformat(), NOW.isoformat(), words=["brand"]).to_json(),
    MessageKind.ROLLUP: RolledUp(1, 1, 1, NOW.isoformat(), NOW.isoformat(), {"webhook": 1}, [1]).to_json(),
    MessageKind.DIGEST: Overview(Span.ASKED, "Webcare", Figures(NOW - timedelta(days=1), NOW)).to_json(),
}


async def stored(bot: Bot, key: str) -> str:
    """Return the problem that is written down of a message; nothing while there is none."""
    async with bot.desk.reading() as session:
        found = await (await session.connection()).execute(
            text("SELECT problem FROM messages WHERE key = :key").bindparams(key=key)
        )
        return str(found.scalar_one())


async def test_every_kind_has_a_renderer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mag ik hier vissen?")
    await bot.card("vissen")
    async with bot.desk.session() as session:
        (await session.get_one(Case, 1)).transfers = 1
        session.add(
            Escalation(id=1, case_id=1, target=SANNE, question="?", by=SANNE, at=NOW, submission="v", advice="!")
        )
        session.add(Note(id=1, case_id=1, by=SANNE, text="Let op", at=NOW))
        session.add(
            Reply(id=1, case_id=1, mention_id=1, account_id=1, by=SANNE, key="k", draft="Ja", text="Ja",
                  status=ReplyStatus.FAILED, created_at=NOW, send_at=NOW)
        )  # fmt: skip
        session.add(
            Act(id=1, case_id=1, mention_id=1, account_id=1, kind=mention.Act.HIDE, by=SANNE, key="a",
                status=ActStatus.FAILED, created_at=NOW, send_at=NOW)
        )  # fmt: skip
        await session.flush()
        session.add(
            Hiding(act_id=1, rule="Schelden", article="We schelden niet.", text="?", url="", external_id="1",
                   author_id="f", author="Fatima", published_at=NOW, seen_at=NOW)
        )  # fmt: skip
        session.add(
            SigningIn(id=1, state="", platform="webhook", team_id=1, by=SANNE, redirect="", ends_at=NOW)
        )  # fmt: skip
        session.add(
            Transfer(id=1, case_id=1, from_team_id=1, to_team_id=1, number=1, note="Let op", by=SANNE, at=NOW,
                     submission="v")
        )  # fmt: skip
    async with bot.desk.reading() as session:
        for kind in MessageKind:
            case_id = None if kind is MessageKind.ACCOUNT_PROBLEM else 1
            message = Message(
                id=99, key="k", kind=kind, case_id=case_id, subject_id=1, channel=CHANNEL, details=DETAILS.get(kind)
            )
            desk = bot.desk.of(await team_of(session, message))
            shown = await view_of(desk, session, message)
            # of a case that is not urgent, was not asked anything, is back here (so that a review is asked anew) and
            # with nobody (so that nobody waits for advice); of an act that failed (so that nobody has to agree); and
            # nothing is told
            nothing = {
                MessageKind.URGENT, MessageKind.UNANSWERED, MessageKind.FORMER, MessageKind.REMINDER,
                MessageKind.HANDED_OVER, MessageKind.NO_ADVICE, MessageKind.REVIEW, MessageKind.SECOND,
            }  # fmt: skip
            assert (shown is None) is (kind in nothing), kind
            assert "gestopt" not in (shown.text if shown else "") or kind is MessageKind.ACCOUNT_PROBLEM


@pytest.mark.logs("a message cannot be shown")
async def test_a_message_that_lacks_its_case_is_an_error_and_not_a_stopped_account(sqlite_bot: Bot) -> None:
    async with sqlite_bot.desk.session() as session:
        session.add(Message(key="lost", kind=MessageKind.NOTE, subject_id=1, channel=CHANNEL))
    sqlite_bot.desk.wake(f"messages:{CHANNEL}")
    await eventually(lambda: stored(sqlite_bot, "lost"))
    assert await stored(sqlite_bot, "lost") == "fault"
    assert sqlite_bot.slack.messages(CHANNEL) == []


@pytest.mark.logs("a message cannot be shown")
async def test_what_the_database_refuses_for_a_moment_is_written_soon(postgres_bot: Bot) -> None:
    """One side of a deadlock is undone, for instance; here the database cancels the statement."""
    bot = postgres_bot
    bot.citizen_posts("Komt deze kaart nog?")
    await bot.card("Komt deze kaart nog?")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    waiters = text("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    async with bot.desk.session() as session:  # without waking the lane, which could be done before the row is held
        await session.exec(update(Message).values(version=col(Message.version) + 1))
    async with bot.desk.session() as holder:
        await holder.exec(select(Message).with_for_update())
        bot.desk.wake(f"messages:{CHANNEL}")
        async with bot.desk.reading() as session:
            connection = await session.connection()
            await eventually(lambda: cancelled(connection, waiters))
    (card,) = await eventually(lambda: put_off(bot))
    assert card.retry_at <= bot.desk.now() + TRY_AGAIN


@pytest.mark.logs("a message cannot be shown")
async def test_a_message_for_which_no_connection_was_free_is_written_soon(bot: Bot) -> None:
    bot.citizen_posts("Komt deze kaart nog?")
    await bot.card("Komt deze kaart nog?")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    failed = list[str]()

    def none_is_free(*_: object) -> None:
        task = asyncio.current_task()
        if not failed and task is not None and "_level_or_put_off" in repr(task.get_coro()):
            failed.append(task.get_name())
            raise NoConnection("QueuePool limit reached, connection timed out")

    event.listen(bot.engine.sync_engine.pool, "checkout", none_is_free)
    async with bot.desk.session() as session:
        await cases.touch_all(session, {1})
    bot.desk.wake(f"messages:{CHANNEL}")
    (card,) = await eventually(lambda: put_off(bot))
    assert failed and card.retry_at <= bot.desk.now() + TRY_AGAIN


async def test_a_claim_after_which_no_connection_was_free_for_its_card_is_shown_at_once(bot: Bot) -> None:
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    clicking, failed = list[object](), list[object]()

    def none_is_free(*_: object) -> None:
        if clicking and not failed and asyncio.current_task() is clicking[0]:
            failed.append(clicking[0])
            raise NoConnection("QueuePool limit reached, connection timed out")

    async def stored() -> None:
        clicking.append(asyncio.current_task())

    event.listen(bot.engine.sync_engine.pool, "checkout", none_is_free)
    async with messages.changing(bot.desk, 1, then=stored) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    assert failed and "In behandeling" in text_of(bot.slack.message(CHANNEL, card["ts"]))
    assert await put_off(bot) == []


async def cancelled(connection: AsyncConnection, waiters: TextClause) -> bool:
    return bool((await connection.execute(waiters)).all())


def edited(bot: Bot) -> int:
    return sum(call.method == "chat.update" for call in bot.slack.api.calls)


async def put_off(bot: Bot) -> list[Message]:
    return [message for message in await bot.rows(Message) if message.retry_at is not None]


@pytest.mark.logs("a message cannot be shown")
async def test_a_kind_of_a_newer_version_is_an_error_and_blocks_no_other_message(bot: Bot) -> None:
    """Two versions run beside each other during a deploy."""
    async with bot.desk.session() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO messages (key, kind, channel, in_thread, version, shown_version, problem)"
                f" VALUES ('new', 'hologram', '{CHANNEL}', false, 1, 0, '')"
            )
        )
    bot.citizen_posts("Komt deze kaart nog?")
    await bot.card("Komt deze kaart nog?")
    await eventually(lambda: stored(bot, "new"))
    assert await stored(bot, "new") == "fault"
    assert [text_of(each) for each in bot.cards() if "hologram" in text_of(each)] == []
    bot.citizen_posts("En deze?", name="Kees")
    await bot.card("En deze?")


@pytest.mark.logs("a message cannot be shown")
async def test_a_message_of_a_newer_version_in_the_thread_of_a_case_keeps_nobody_from_claiming_it(bot: Bot) -> None:
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await (await session.connection()).execute(
            text(
                "INSERT INTO messages (key, kind, case_id, channel, ts, in_thread, version, shown_version, problem)"
                f" VALUES ('new', 'hologram', 1, '{CHANNEL}', '1.000001', true, 2, 1, '')"
            )
        )
    async with messages.changing(bot.desk, 1) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert "In behandeling" in text_of(bot.slack.message(CHANNEL, card["ts"]))


async def test_what_changes_before_a_leased_card_is_rendered_is_shown_at_once_and_the_card_is_written_once(
    bot: Bot,
) -> None:
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    edits = edited(bot)

    async def released() -> None:
        async with messages.changing(bot.desk, 1) as session:
            await cases.release(session, 1, by=SANNE, now=bot.desk.now())
            await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())

    async with messages.changing(bot.desk, 1, then=released) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    assert f"<@{YOUSSEF}>" in text_of(bot.slack.message(CHANNEL, card["ts"]))
    assert edited(bot) == edits + 1
    (message,) = await bot.rows(Message)
    assert message.version == message.shown_version and message.leased_until is None


async def test_a_case_that_leaves_for_another_team_before_its_leased_card_is_rendered_is_not_shown_as_theirs(
    bot: Bot,
) -> None:
    to = await second_team(bot)
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]

    async def transferred() -> None:
        async with bot.desk.session() as session:
            await cases.release(session, 1, by=SANNE, now=bot.desk.now())
            await cases.transfer(
                session, 1, seen=1, to=to, note="Niet in de andere groep", by=SANNE, now=bot.desk.now(), submission="v"
            )

    async with messages.changing(bot.desk, 1, then=transferred) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    assert "Overgedragen" in text_of(bot.slack.message(CHANNEL, card["ts"]))
    written = [call.args for call in bot.slack.api.calls if call.method == "chat.update"]
    assert ["overgedragen" in each["text"] for each in written] == [True], "not once as the card that Beheer has now"


@pytest.mark.logs("a message cannot be shown")
async def test_a_card_that_cannot_be_rendered_undoes_no_claim_and_is_shown_later(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    bot.citizen_posts("En wanneer rijdt de tram?")
    await bot.card("tram")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.session() as session:  # the card of one who has other cases is rendered from it
        team = await session.get_one(Team, 1)
        stored, team.settings = team.settings, {"person_months": "een paar"}
        session.add(team)
    async with messages.changing(bot.desk, 1) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    message = next(each for each in await put_off(bot) if each.case_id == 1)
    assert message.leased_until is None and message.problem == "fault"
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = stored
        session.add(team)
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(retry_at=None))
    bot.desk.wake(f"messages:{CHANNEL}")
    await bot.slack.wait_for(lambda: "In behandeling" in text_of(bot.slack.message(CHANNEL, card["ts"])))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, Named()),
        ({"called": [SANNE]}, Called([SANNE])),
        ({"owner": SANNE, "returned": 0}, Absence(SANNE)),
        ({"steps": [{"case": 1, "clock": 2, "percent": 80, "text": ""}], "duty": [SANNE]}, Listed()),
    ],
)
def test_what_was_stored_before_is_read(before: dict[str, Any] | None, now: Details) -> None:
    assert type(now).of(before) == now
    assert type(now).of(now.to_json()) == now
    assert type(now).of({**now.to_json(), "from_a_newer_version": 1}) == now


async def test_a_lane_with_nothing_but_an_edit_ends_without_a_fault(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("bus")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    assert await drain(bot.desk, CHANNEL) is None
    assert "In behandeling" in text_of(bot.slack.message(CHANNEL, card["ts"]))


@pytest.mark.parametrize(
    ("stored", "woken"),
    [
        ({}, True),
        ({"version": 2, "shown_version": 1}, True),
        ({"version": 2, "shown_version": 2}, False),
        ({"leased_until": NOW}, False),
        ({"retry_at": NOW}, False),
    ],
    ids=["new", "stale", "level", "being written", "put off"],
)
def test_what_is_stored_wakes_the_lane_of_its_channel_when_it_became_stale_and_may_be_written(
    stored: dict[str, Any], woken: bool
) -> None:
    changed = Message(key="case:1", kind=MessageKind.CASE, case_id=1, channel=CHANNEL, **stored)
    assert messages.lane_of(changed) == (f"messages:{CHANNEL}" if woken else None)
    set_committed_value(changed, "version", changed.version)
    assert messages.lane_of(changed) is None, "its version is as it was"
