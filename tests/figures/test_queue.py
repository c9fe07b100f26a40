"""The queue: one order, in SQL and of what was read, and pages of it."""

import asyncio
import re
from datetime import timedelta
from random import Random
from typing import Any

from sqlmodel import col, select

from bot import cases
from bot.domain.case import Status, Urgency, WaitsFor
from bot.domain.queue import Filter, Which
from bot.domain.sla import ClockKind
from bot.figures import lists
from bot.models import IN_ORDER, Account, Author, Case, Clock, Mention, ReplyKind, due_at, in_order
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.texts import Texts
from bot.views.filters import in_words
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import BEA, BEHEER, asked, home, mention, second_team, sent, settings


async def fill(bot: Bot, many: int = 40) -> None:
    """Cases of every kind: urgent or not, due at different moments or never, with clocks that rest or have stopped."""
    dice, now = Random(7), bot.desk.now()
    async with bot.desk.session() as session:
        session.add(Author(id=1, account_id=1, external_id="a", name="Fatima"))
        await session.flush()
        for number in range(1, many + 1):
            at = now - timedelta(minutes=dice.choice([1, 5, 5, 60, 600]))
            status, urgent = dice.choice([Status.NEW, Status.CLAIMED, Status.ESCALATED]), dice.random() < 0.3
            signals = dice.choice([None, None, ["danger"], ["press", "self_harm"], ['own:"hurt"'], ["own:é_%"]])
            about: dict[str, Any] = {"team_id": 1, "account_id": 1, "author_id": 1, "signals": signals}
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
    by_rule = sorted(found, key=lambda case: in_order(case, due_at(each for each in clocks if each.case_id == case.id)))
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


async def test_whoever_is_in_danger_comes_before_what_is_due_on_every_list(bot: Bot) -> None:
    """An urgent case still comes before it: a person said that. Danger in general and the press keep their places."""
    said = ["Het licht is stuk", "Er is brand bij de sluis", "De lift is stuk", "Mijn buurman is zwaargewond"]
    for number, text in enumerate(said, 1):
        await mention(bot, number, text)
    async with bot.desk.session() as session:
        await cases.set_urgent(session, 3, urgent=True, by=SANNE, now=bot.desk.now())
    await bot.slack.open_home(YOUSSEF)
    for words in (await asked(bot, YOUSSEF, "/webcare open"), text_of(await home(bot, YOUSSEF, "zwaargewond"))):
        places = [words.index(text) for text in (said[2], said[3], said[0], said[1])]
        assert places == sorted(places), words


async def opened_home(bot: Bot) -> dict:
    await bot.slack.open_home(YOUSSEF)
    return await home(bot, YOUSSEF, "Vraag 3")


async def test_the_list_is_turned_page_by_page_and_a_case_is_claimed_from_it(bot: Bot) -> None:
    for number in range(1, 24):
        await mention(bot, number, f"Vraag {number:02}")
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    first = await listed(bot, "pagina 1 van 3")
    assert "Vraag 10" in text_of(first) and "Vraag 11" not in text_of(first)
    rows, below = ["case:claim"] * 10, ["list:on", "list:close", "list:share"]
    assert action_ids(first) == ["list:which", "list:where", *rows, *below]

    await bot.slack.click(SANNE, CHANNEL, first["ts"], "list:on")
    second = await listed(bot, "pagina 2 van 3")
    assert action_ids(second)[-4:] == ["list:back", "list:on", "list:close", "list:share"]
    await bot.slack.click(SANNE, CHANNEL, second["ts"], "list:on")
    last = await listed(bot, "pagina 3 van 3")
    assert "Vraag 23" in text_of(last) and action_ids(last)[-3:] == ["list:back", "list:close", "list:share"]
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


# --- Filters -------------------------------------------------------------------------------------


async def desk_of_23(bot: Bot) -> None:
    """Cases 1 to 23: the first is Sanne's, the second Youssef's, the third waits for its citizen; topics by turns."""
    await settings(bot, topics=["Afval", "Water"])
    for number in range(1, 24):
        await mention(bot, number, f"Vraag {number:02}")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.claim(session, 1, by=SANNE, now=now)
        await cases.claim(session, 2, by=YOUSSEF, now=now)
        for number in range(1, 24):
            topic = "Afval" if number % 2 else "Water"
            await cases.set_topic(session, number, topic=topic, by=SANNE, now=now)
    await sent(bot, 3, ReplyKind.QUESTION)


def numbers(shown: dict) -> list[int]:
    """The cases that a list shows, in its order."""
    return [int(found) for found in re.findall(r"Vraag (\d\d)", text_of(shown))]


async def chosen(bot: Bot, shown: dict, menu: str, label: str, *words: str) -> dict:
    """Choose from a menu of a list, and wait until the list shows these words."""
    value = value_of(shown, menu, label)
    ack = await bot.slack.click(SANNE, CHANNEL, shown["ts"], menu, value)
    assert ack.ok
    return await listed(bot, *words)


def value_of(shown: dict, menu: str, label: str) -> str:
    """The value of an option of a menu, by its words."""
    [element] = [e for _, e in input_state.elements(shown["blocks"]) if e["action_id"] == menu]
    options = [*element.get("options", []), *(o for g in element.get("option_groups", []) for o in g["options"])]
    [value] = [option["value"] for option in options if option["text"]["text"] == label]
    return str(value)


async def test_the_list_is_filtered_by_who_has_it_how_it_waits_and_from_where(office: Bot) -> None:
    await desk_of_23(office)
    await office.slack.command(SANNE, CHANNEL, "/webcare open")
    shown = await listed(office, "*Er wachten 22 zaken*")
    assert numbers(await chosen(office, shown, "list:which", "Van mij", "*Er wacht 1 zaak*")) == [1]
    shown = await listed(office)
    assert numbers(await chosen(office, shown, "list:which", "Wacht op de burger", "wacht op de burger")) == [3]
    shown = await chosen(office, await listed(office), "list:which", "Van niemand", "*Er wachten 20 zaken*")
    shown = await chosen(office, shown, "list:where", "Water", "*Er wachten 10 zaken*")
    assert numbers(shown) == list(range(4, 24, 2)), "both filters hold"
    shown = await chosen(office, shown, "list:which", "Te laat", "Hier is niets.")
    office.clock.at += timedelta(hours=2)  # type: ignore[attr-defined]
    shown = await chosen(office, shown, "list:where", "Overal", "*Er wachten 22 zaken* · pagina 1 van 3")
    await office.slack.click(SANNE, CHANNEL, shown["ts"], "list:on")
    assert len(numbers(await listed(office, "pagina 2 van 3", "Te laat"))) == 10, "the filter is kept while paging"


async def test_the_list_is_filtered_by_platform_by_one_account_of_the_team_and_by_advice(bot: Bot) -> None:
    for number in range(1, 7):
        await mention(bot, number, f"Vraag {number:02}")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        city, quarter = (
            Account(team_id=1, platform="mastodon", name=name, url="", created_at=now) for name in ("stad", "wijk")
        )
        session.add_all([city, quarter])
        await session.flush()
        for number, account in ((2, city), (3, quarter), (4, quarter)):
            (await cases.get(session, number)).account_id = account.id
        await cases.claim(session, 4, by=SANNE, now=now)
        await cases.escalate(
            session, 4, by=SANNE, now=now, target=MARIEKE, channels=[MARIEKE], question="Weet jij dit?",
            urgency=Urgency.NORMAL, submission="s",
        )  # fmt: skip
        of_city, of_quarter = f"account:{city.id}", f"account:{quarter.id}"
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    shown = await listed(bot, "*Er wachten 6 zaken*")
    for menu, wanted, head, found in (
        ("list:where", Filter(where="platform:mastodon"), "*Er wachten 3 zaken*", [2, 3, 4]),
        ("list:where", Filter(where=of_quarter), "*Er wachten 2 zaken*", [3, 4]),
        ("list:where", Filter(where="platform:webhook"), "*Er wachten 3 zaken*", [1, 5, 6]),
        ("list:which", Filter(Which.ADVICE, where="platform:webhook"), "Hier is niets.", []),
        ("list:where", Filter(Which.ADVICE), "*Er wacht 1 zaak*", [4]),
        ("list:where", Filter(Which.ADVICE, where=of_city), "Hier is niets.", []),
    ):
        assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], menu, wanted.to_text())).ok
        assert sorted(numbers(await listed(bot, head))) == found, wanted


async def test_a_team_filters_by_where_its_cases_come_from_also_when_the_accounts_are_another_teams(bot: Bot) -> None:
    beheer = await second_team(bot)
    for number in (1, 2):
        await mention(bot, number, f"Vraag {number:02}")
    async with bot.desk.session() as session:
        city = Account(team_id=1, platform="mastodon", name="stad", url="", created_at=bot.desk.now())
        session.add(city)
        await session.flush()
        (await cases.get(session, 2)).account_id = city.id
        for number in (1, 2):
            await cases.transfer(
                session, number, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=bot.desk.now(),
                submission=f"t{number}",
            )  # fmt: skip
    await bot.slack.command(BEA, BEHEER, "/webcare open")
    shown = (await bot.slack.wait_for(lambda: bot.slack.ephemerals(BEA, BEHEER)))[-1]
    value = value_of(shown, "list:where", "Mastodon")
    assert value_of(shown, "list:where", "Mastodon · stad")
    assert (await bot.slack.click(BEA, BEHEER, shown["ts"], "list:where", value)).ok
    shown = await bot.slack.wait_for(
        lambda: "*Er wacht 1 zaak*" in text_of(m := bot.slack.ephemerals(BEA, BEHEER)[-1]) and m
    )
    assert numbers(shown) == [2]
    assert (await bot.slack.command(BEA, BEHEER, "/webcare zoek")).ok
    modal = await bot.slack.wait_for(lambda: (v := bot.slack.view(BEA)) and v["callback_id"] == "search" and v)
    assert value_of(modal, "search_platform", "Mastodon") == "mastodon"


async def test_every_filter_can_be_said_in_words(office: Bot) -> None:
    now, t = office.desk.now(), Texts("nl", "Europe/Amsterdam")
    at, hour = int(now.timestamp()), 3600
    for wanted, words in (
        (Filter(), "Alle open zaken"),
        (Filter(Which.MINE, SANNE), f"Van <@{SANNE}>"),
        (Filter(Which.LATE, where="topic:<!here>"), "Te laat · Onderwerp: &lt;!here&gt;"),
        (Filter(where="team:1"), "Alle open zaken · Team: Webcare"),
        (Filter(where="team:9"), "Alle open zaken · Team: 9"),
        (Filter(where="account:1"), "Alle open zaken · Account: plein"),
        (Filter(where="account:9"), "Alle open zaken · Account: 9"),
        (Filter(where="platform:mastodon"), "Alle open zaken · Platform: Mastodon"),
        (Filter(Which.UNOWNED, where="subject:1"), "Van niemand · Over hetzelfde"),
        (Filter(where=f"time:{at - hour}"), "Alle open zaken · Tijd: sinds 09:00"),
        (Filter(where=f"time:{at - 2 * hour}-{at - hour}"), "Alle open zaken · Tijd: 08:00 tot 09:00"),
    ):
        async with office.desk.reading() as session:
            name = await lists.name_of(session, wanted, t)
        assert in_words(wanted, name, t, now).replace("\u2068", "").replace("\u2069", "") == words


async def test_a_filter_on_a_topic_that_no_longer_exists_shows_nothing_and_fails_nothing(office: Bot) -> None:
    await desk_of_23(office)
    await office.slack.command(SANNE, CHANNEL, "/webcare open")
    shown = await listed(office, "*Er wachten 22 zaken*")
    async with office.desk.session() as session:
        for number in range(2, 24, 2):
            await cases.set_topic(session, number, topic="Afval", by=SANNE, now=office.desk.now())
    await settings(office, topics=["Afval"])
    shown = await chosen(office, shown, "list:where", "Water", "Hier is niets.")
    assert "Water" not in text_of(shown)
    await chosen(office, shown, "list:where", "Overal", "*Er wachten 22 zaken*")


async def test_the_home_is_filtered_turned_and_acted_on_and_keeps_its_filter(office: Bot) -> None:
    bot = office
    await desk_of_23(bot)
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "*Mijn zaken* (1)", "*Wachtrij* (20)", "Alle 20 bekijken")
    assert len(numbers(shown)) == 1 + 15
    await bot.slack.click_in_view(SANNE, "list:all")
    await home(bot, SANNE, "*Van niemand – pagina 1 van 2* (20)")
    await bot.slack.click_in_view(SANNE, "list:on")
    shown = await home(bot, SANNE, "*Van niemand – pagina 2 van 2* (20)")
    assert len(numbers(shown)) == 5
    last = numbers(shown)[-1]
    await bot.slack.click_in_view(SANNE, "case:claim", value=str(last))
    shown = await home(bot, SANNE, "*Van niemand – pagina 2 van 2* (19)")
    assert last not in numbers(shown), "what was claimed is gone from the list, which stays"
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Van niemand – pagina 2 van 2* (19)")
    await bot.slack.click_in_view(SANNE, "settings:open")
    await bot.slack.wait_for(lambda: bot.slack.view(SANNE))
    await bot.slack.close_view(SANNE)
    await bot.slack.click_in_view(SANNE, "list:overview")
    await home(bot, SANNE, "*Mijn zaken* (2)", "*Wachtrij* (19)")


async def test_two_who_turn_and_claim_at_once_see_no_error(office: Bot) -> None:
    bot = office
    await desk_of_23(bot)
    for who in (SANNE, YOUSSEF):
        await bot.slack.open_home(who)
        await home(bot, who, "*Wachtrij* (20)")
        await bot.slack.click_in_view(who, "list:all")
        await home(bot, who, "*Van niemand – pagina 1 van 2* (20)")
    clicks = [("case:claim", "4"), ("list:on", "")]
    acks = await asyncio.gather(
        *(bot.slack.click_in_view(who, act, value=value) for who in (SANNE, YOUSSEF) for act, value in clicks)
    )
    assert all(ack.ok for ack in acks)
    await bot.slack.open_home(YOUSSEF)
    await home(bot, YOUSSEF, "(19)")
    assert (await bot.case(4)).assignee in {SANNE, YOUSSEF}
