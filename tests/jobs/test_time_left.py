"""The time left on cards: each card has its minute in every round, and no minute has more of them than Slack takes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, update

from bot import cases
from bot.models import Message, MessageKind
from bot.slack import messages
from jobs import time_left
from tests.clocks import local
from tests.conftest import SANNE, Bot
from tests.people import mention, second_team, settings


async def through(bot: Bot, begin: str, end: str) -> None:
    """Count down in every minute from `begin` to `end`, as the scheduler does."""
    minute = local(begin)
    while minute <= local(end):
        bot.clock.at = minute  # type: ignore[attr-defined]
        await time_left.count_down(bot.desk)
        await messages.wake_lanes(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        minute += timedelta(minutes=1)


async def counted(bot: Bot, begin: str, end: str) -> dict[int | None, int]:
    """How often the card of each case is marked when it is counted down in these minutes."""
    before = await versions(bot)
    await through(bot, begin, end)
    return {case_id: version - before[case_id] for case_id, version in (await versions(bot)).items()}


async def versions(bot: Bot) -> dict[int | None, int]:
    """The version of the card of each case."""
    return {each.case_id: each.version for each in await bot.rows(Message) if each.kind is MessageKind.CASE}


async def two_teams(bot: Bot, *, given: int) -> None:
    """Let so many cases come in, and the last of them go to a second team."""
    beheer, now = await second_team(bot), bot.desk.now()
    for number in range(1, given + 1):
        await mention(bot, number)
    async with bot.desk.session() as session:
        await cases.transfer(session, given, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=now, submission="t")


async def test_cards_say_how_long_there_is_left_and_are_at_most_five_minutes_behind(office: Bot) -> None:
    for number in range(1, 8):
        await mention(office, number, f"Vraag nummer {number}?")
    await through(office, "2026-11-20 10:01", "2026-11-20 10:35")
    for number in range(1, 8):
        card = await office.card(f"Vraag nummer {number}?", "Eerste reactie", "11:00")
        assert any(f"nog ongeveer {minutes} minuten" in str(card["blocks"]) for minutes in (25, 30)), card["blocks"]


async def test_a_card_says_that_it_is_late_whatever_the_ladder(office: Bot) -> None:
    await settings(office, ladder=[])
    await mention(office)
    await office.card("Wanneer?", "Eerste reactie", "11:00")
    await through(office, "2026-11-20 11:00", "2026-11-20 11:04")
    await office.card("Wanneer?", "Te laat")


async def test_what_happens_does_not_wait_for_cards_that_are_counted_down(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 9):
        await mention(office, number, f"Vraag nummer {number}?")
    monkeypatch.setattr(time_left, "ROUNDS", (1,))
    office.clock.at = local("2026-11-20 10:20")  # type: ignore[attr-defined]
    await time_left.count_down(office.desk)
    async with office.desk.session() as session:
        await cases.touch(session, 8)
    office.slack.api.calls.clear()
    await messages.wake_lanes(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    written = [call.args["text"] for call in office.slack.api.calls if call.method == "chat.update"]
    assert len(written) == 8
    assert "Vraag nummer 8?" in written[0]


async def test_the_many_cases_of_one_team_leave_no_card_of_another_team_behind(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_left, "A_MINUTE", 2)
    monkeypatch.setattr(time_left, "ROUNDS", (1, 2))
    await two_teams(office, given=3)
    await through(office, "2026-11-20 10:02", "2026-11-20 10:02")
    assert await counted(office, "2026-11-20 10:03", "2026-11-20 10:04") == {1: 1, 2: 1, 3: 2}


async def test_of_more_teams_than_there_are_turns_none_is_left_behind(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_left, "A_MINUTE", 1)
    monkeypatch.setattr(time_left, "ROUNDS", (1,))
    await two_teams(office, given=2)
    await through(office, "2026-11-20 10:02", "2026-11-20 10:03")
    assert await counted(office, "2026-11-20 10:04", "2026-11-20 10:05") == {1: 1, 2: 1}


async def test_cases_without_a_card_take_no_turn_of_those_that_have_one(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a flood, thousands of cases have no card of their own, and those that came first are due first."""
    monkeypatch.setattr(time_left, "A_MINUTE", 1)
    monkeypatch.setattr(time_left, "ROUNDS", (1,))
    for number in range(1, 5):
        await mention(office, number)
    async with office.desk.session() as session:
        waits = (col(Message.case_id) < 4) & (col(Message.kind) == MessageKind.CASE)
        await session.exec(update(Message).where(waits).values(ts=None))
    assert await counted(office, "2026-11-20 10:05", "2026-11-20 10:05") == {1: 0, 2: 0, 3: 0, 4: 1}


@given(st.integers(1, 1000), st.integers(0, 600), st.integers(1, time_left.A_MINUTE), st.integers(0, 10_000))
def test_each_card_has_one_turn_in_a_round_and_a_minute_has_no_more_than_its_share(
    first: int, count: int, a_minute: int, begin: int
) -> None:
    ids, longest = range(first, first + count), max(time_left.ROUNDS)
    a_round = next((each for each in time_left.ROUNDS if count <= each * a_minute), longest)
    moments = [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=begin + minute) for minute in range(a_round)]
    turns = [time_left.in_turn(ids, a_minute, each) for each in moments]
    assert sorted(number for turn in turns for number in turn) == list(ids[: longest * a_minute])
    assert max(len(turn) for turn in turns) <= a_minute


async def test_while_slack_is_behind_with_what_happens_no_card_is_counted_down(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_left, "A_MINUTE", 3)
    monkeypatch.setattr(time_left, "ROUNDS", (1,))
    for number in range(1, 5):
        await mention(office, number)
    await office.desk.wake.stop(1)  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await cases.touch_all(session, {3, 4})
    assert await counted(office, "2026-11-20 10:05", "2026-11-20 10:05") == {1: 1, 2: 0, 3: 0, 4: 0}
    assert await counted(office, "2026-11-20 10:06", "2026-11-20 10:06") == {1: 0, 2: 0, 3: 0, 4: 0}
