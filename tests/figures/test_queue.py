"""The queue: one order, in SQL and of what was read, and pages of it."""

from datetime import timedelta
from random import Random
from typing import Any

from sqlmodel import col, select

from bot import cases
from bot.domain.case import Status, WaitsFor
from bot.domain.queue import Filter, Which
from bot.domain.sla import ClockKind
from bot.figures import lists
from bot.models import IN_ORDER, Author, Case, Clock, Mention, in_order
from bot.sandbox.slack.inspection import action_ids, text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import asked, home, mention


async def fill(bot: Bot, many: int = 40) -> None:
    """Cases of every kind: urgent or not, due at different moments or never, with clocks that rest or have stopped."""
    dice, now = Random(7), bot.desk.now()
    async with bot.desk.session() as session:
        session.add(Author(id=1, account_id=1, external_id="a", name="Fatima"))
        await session.flush()
        for number in range(1, many + 1):
            at = now - timedelta(minutes=dice.choice([1, 5, 5, 60, 600]))
            status, urgent = dice.choice([Status.NEW, Status.CLAIMED, Status.ESCALATED]), dice.random() < 0.3
            about: dict[str, Any] = {"team_id": 1, "account_id": 1, "author_id": 1}
            session.add(
                Case(id=number, number=number, status=status, urgent=urgent, assignee=SANNE, opened_at=at, **about)
            )
            await session.flush()
            session.add(Mention(case_id=number, account_id=1, external_id=str(number), text=f"Vraag {number}",
                                published_at=at, received_at=at))  # fmt: skip
            session.add_all(
                Clock(case_id=number, team_id=1, started_at=at, **clock(dice, now)) for _ in range(dice.randint(0, 3))
            )


def clock(dice: Random, now: Any) -> dict[str, Any]:
    """A clock that runs, rests or was stopped."""
    kind, due = dice.choice(list(ClockKind)), now + timedelta(minutes=dice.choice([-60, -1, 30, 30, 600]))
    return dice.choice([
        {"kind": kind, "running_since": now, "due_at": due},
        {"kind": kind, "running_since": now, "due_at": due},
        {"kind": kind, "running_since": now, "due_at": due, "stopped_at": now},
        {"kind": kind, "running_since": now},
        {"kind": kind, "rests_for": WaitsFor.CITIZEN},
    ])  # fmt: skip


async def test_the_order_is_the_same_in_sql_and_of_what_was_read(bot: Bot) -> None:
    await fill(bot)
    async with bot.desk.reading() as session:
        found = (await session.exec(select(Case).order_by(*IN_ORDER))).all()
        clocks = (await session.exec(select(Clock).order_by(col(Clock.id)))).all()
    by_rule = sorted(found, key=lambda case: in_order(case, [each for each in clocks if each.case_id == case.id]))
    assert [case.id for case in found] == [case.id for case in by_rule]
    assert len({case.urgent for case in found[:5]}) == 1 and found[0].urgent, "urgent ones come first"


async def test_the_pages_of_the_queue_hold_every_case_once_in_order(bot: Bot) -> None:
    await fill(bot)
    async with bot.desk.reading() as session:
        everything = await lists.waiting(session, [1], now=bot.desk.now(), most=100)
        pages = [await lists.waiting(session, [1], Filter(page=n), now=bot.desk.now(), most=7) for n in range(6)]
        beyond = await lists.waiting(session, [1], Filter(page=99), now=bot.desk.now(), most=7)
    assert [line.case.id for page in pages for line in page.lines] == [line.case.id for line in everything.lines]
    assert (beyond.page, beyond.pages, len(beyond.lines)) == (5, 6, 5)


async def test_an_urgent_case_comes_first_on_every_list(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    for number in (1, 2, 3):
        await mention(bot, number, f"Vraag {number}")
    async with bot.desk.session() as session:
        await cases.set_urgent(session, 3, urgent=True, by=SANNE, now=bot.desk.now())
    for words in (await asked(bot, YOUSSEF, "/webcare open"), text_of(await opened_home(bot))):
        assert words.index("Vraag 3") < words.index("Vraag 1") < words.index("Vraag 2")


async def opened_home(bot: Bot) -> dict:
    await bot.slack.open_home(YOUSSEF)
    return await home(bot, YOUSSEF, "Vraag 3")


async def test_the_list_is_turned_page_by_page_and_a_case_is_claimed_from_it(bot: Bot) -> None:
    for number in range(1, 24):
        await mention(bot, number, f"Vraag {number:02}")
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    first = await listed(bot, "pagina 1 van 3")
    assert "Vraag 10" in text_of(first) and "Vraag 11" not in text_of(first)
    assert action_ids(first) == ["case:claim"] * 10 + ["list:on", "list:share"]

    await bot.slack.click(SANNE, CHANNEL, first["ts"], "list:on")
    second = await listed(bot, "pagina 2 van 3")
    assert action_ids(second)[-3:] == ["list:back", "list:on", "list:share"]
    await bot.slack.click(SANNE, CHANNEL, second["ts"], "list:on")
    last = await listed(bot, "pagina 3 van 3")
    assert "Vraag 23" in text_of(last) and action_ids(last)[-2:] == ["list:back", "list:share"]
    assert len(bot.slack.ephemerals(SANNE, CHANNEL)) == 1, "it is turned in its place"

    await bot.slack.click(SANNE, CHANNEL, last["ts"], "case:claim", value="23")
    await bot.card("Vraag 23", "In behandeling", SANNE)
    assert (await bot.case(23)).assignee == SANNE


async def listed(bot: Bot, *words: str) -> dict:
    """Wait until the list that Sanne asked for holds these words, and return it."""

    def shown() -> dict | None:
        lists = bot.slack.ephemerals(SANNE, CHANNEL)
        return lists[-1] if lists and all(word in text_of(lists[-1]) for word in words) else None

    return await bot.slack.wait_for(shown)


def test_a_filter_is_read_from_every_button_however_old() -> None:
    for wanted in (Filter(), Filter(Which.MINE, SANNE, "topic:a|b:c", 3), Filter(Which.LATE, where="account:3")):
        assert Filter.of_text(wanted.to_text()) == wanted
    assert Filter.of_text("open||") == Filter()
    assert Filter.of_text(f"mine|{SANNE}|") == Filter(Which.MINE, SANNE)
    assert Filter.of_text("gone|x|y|z") == Filter(Which.OPEN, "x", "z")
