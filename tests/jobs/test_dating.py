"""What a card says is true on any day: a time without a date is that of the day below whose date the card stands."""

from datetime import timedelta

from sqlmodel import select

from bot import cases
from bot.models import Message
from bot.slack import dating, messages, writing
from jobs import days
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, Bot
from tests.people import asked, at, mention, read, sent
from tests.slack.conftest import come, post


async def level(bot: Bot) -> None:
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def begins(bot: Bot, moment: str) -> list[str]:
    """Let the first minute of a day pass; returns which messages Slack is asked to change."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    bot.slack.api.calls.clear()
    await days.begin(bot.desk)
    await level(bot)
    return [call.args["ts"] for call in bot.slack.api.calls if call.method == "chat.update"]


async def test_a_card_that_nothing_happens_to_names_the_day_before_from_midnight_on(office: Bot) -> None:
    await days.begin(office.desk)
    await mention(office, 1, "Wanneer komen jullie?")
    for moment in ("10:48", "11:00", "11:15", "11:30", "13:12", "14:00", "15:00", "16:00", "16:30"):
        await at(office, f"2026-11-20 {moment}")  # all steps of its ladder
    await level(office)
    card = await office.card("Te laat", "uiterlijk 11:00", "wacht sinds 10:00")
    [reminder] = [each for each in office.slack.messages(CHANNEL) if "1 te laat" in read(each)]
    assert {card["ts"], reminder["ts"]} <= set(await begins(office, "2026-11-21 00:01"))
    for ts in (card["ts"], reminder["ts"]):
        now = read(office.slack.message(CHANNEL, ts))
        assert "uiterlijk vr 20 nov 11:00" in now
        assert "sinds vr 20 nov 10:00" in now
        assert "uiterlijk 11:00" not in now
    assert await begins(office, "2026-11-22 00:01") == [], "it is true on every further day"
    assert "vr 20 nov 11:00" in await asked(office, SANNE, "/webcare open")


async def test_a_card_names_the_day_on_which_it_was_answered_unless_it_was_posted_then(office: Bot) -> None:
    for number in (1, 2):
        await mention(office, number, f"Vraag {number}")
    await sent(office, 1)
    await level(office)
    office.clock.at = local("2026-11-23 09:30")  # type: ignore[attr-defined]
    await sent(office, 2)
    await level(office)
    assert await office.card("Vraag 1", "*Beantwoord*", "(10:00)")
    assert await office.card("Vraag 2", "*Beantwoord*", "ma 23 nov 09:30")


async def test_what_happens_today_to_an_older_card_has_its_day_already(office: Bot) -> None:
    await mention(office, 1, "Wanneer komen jullie?")
    await begins(office, "2026-11-23 00:01")
    office.clock.at = local("2026-11-23 09:30")  # type: ignore[attr-defined]
    async with messages.changing(office.desk, 1) as session:
        await cases.claim(session, 1, by=SANNE, now=office.desk.now())
    assert await office.card("In behandeling", "ma 23 nov 09:30")
    assert await begins(office, "2026-11-24 00:01") == []


async def test_what_happens_does_not_wait_for_the_cards_of_the_day_before(office: Bot) -> None:
    await come(office, *(post(office, number, f"Vraag {number}") for number in range(1, 9)))
    await level(office)
    office.clock.at = local("2026-11-21 00:01")  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await dating.begin_day(session, office.desk.texts(), office.desk.now())
    async with office.desk.session() as session:
        await cases.touch(session, 8)
    await come(office, post(office, 9, "Vraag 9"))
    office.slack.api.calls.clear()
    await level(office)
    written = [
        call.args.get("text", "")
        for call in office.slack.api.calls
        if call.method in {"chat.postMessage", "chat.update"}
    ]
    assert len(written) == 9
    assert "Vraag 8" in written[0]
    assert "Vraag 9" in written[1]
    async with office.desk.reading() as session:
        assert {each.rank for each in await session.exec(select(Message))} == {2}, "all come in turn again"


async def test_several_processes_begin_a_day_once_and_a_clock_set_back_is_no_trouble(office: Bot) -> None:
    await days.begin(office.desk)
    await mention(office, 1, "Wanneer komen jullie?")
    versions = []
    for moment in (timedelta(days=1), timedelta(days=1), timedelta(days=-1), timedelta(days=2)):
        office.clock.at = local("2026-11-20 10:00") + moment  # type: ignore[attr-defined]
        await days.begin(office.desk)
        versions.append((await office.rows(Message))[0].version)
    assert versions[0] == versions[1]
    await level(office)
    assert await office.card("wacht sinds vr 20 nov 10:00")


async def test_a_card_that_is_on_its_way_to_slack_at_midnight_names_the_day_before(office: Bot) -> None:
    await days.begin(office.desk)
    office.clock.at = local("2026-11-20 23:59")  # type: ignore[attr-defined]
    await come(office, post(office, 1, "Wanneer komen jullie?"))
    async with office.desk.session() as session:
        lease = await writing.take(office.desk, session, 1)
    assert lease is not None
    office.clock.at = local("2026-11-21 00:00")  # type: ignore[attr-defined]
    await days.begin(office.desk)
    result = await writing.write(lease)
    async with office.desk.session() as session:
        await writing.record(session, lease, result, office.desk.now())
    await level(office)
    assert "wacht sinds vr 20 nov 23:59" in read(office.cards()[0])
