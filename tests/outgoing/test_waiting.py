"""An answer that cannot go out is not forgotten: thread, card, reminders, lists and digest say so."""

import pytest

from bot.accounts import store
from bot.domain.case import WaitsFor
from bot.domain.queue import Filter, Which
from bot.figures import lists
from bot.figures.standing import standing
from bot.models import Account, Clock, Message, MessageKind, Team
from bot.sandbox.slack.inspection import text_of
from jobs import digest, replies, sweep
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, Bot
from tests.people import asked, at, mention, open_modal, sent, settings

NOWHERE = "http://127.0.0.1:9/replies"


async def works(bot: Bot, works: bool, by_hand: bool) -> None:
    """Let people stop the account or start it again, or its platform be gone or back."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        if by_hand:
            (store.start if works else store.stop)(session, account, bot.desk.now())
        else:
            url = account.options["callback_url"]
            account.options = (
                {"callback_url": account.options["was"]} if works else {"callback_url": NOWHERE, "was": url}
            )
        session.add(account)


async def passes(bot: Bot, moment: str) -> list[str]:
    """Let the jobs run at a moment; returns who is told of which step."""
    bot.clock.at = local(f"2026-11-{moment}")  # type: ignore[attr-defined]
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await replies.look_after(bot.desk)
    told = await at(bot, f"2026-11-{moment}")
    await digest.send_digests(bot.desk)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return told


def thread(bot: Bot) -> list[str]:
    return [text_of(each) for each in bot.slack.thread(CHANNEL, bot.cards()[0]["ts"])]


@pytest.mark.parametrize("by_hand", [True, False])
async def test_an_answer_that_cannot_go_out_is_heard_of_until_it_does(office: Bot, by_hand: bool) -> None:
    await settings(office, coordinators=[MARIEKE], escalation_channel="C0ESCALATIE")
    case_id = await mention(office)
    await office.card("Wanneer?")
    await works(office, False, by_hand)
    await sent(office, case_id)
    assert await passes(office, "20 10:30") == []
    why = "Het is met de hand stopgezet." if by_hand else "Geen verbinding met 127.0.0.1."
    await office.card("Wanneer?", "Wacht op verzending", why)
    assert not office.card_now("Wordt zo verstuurd")
    assert await passes(office, "20 10:48") == [f"{SANNE}:80"]
    [reminder] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    assert "bijna te laat" in text_of(reminder) and "Wacht op verzending" in text_of(reminder)
    assert thread(office) == []

    assert await passes(office, "20 11:01") == [f"{CHANNEL}:100"]
    [said] = thread(office)
    assert f"<@{SANNE}>, een antwoord van je wacht nog" in said and why in said
    assert await passes(office, "20 11:15") == [f"{MARIEKE}:125"]
    assert await passes(office, "20 11:30") == ["C0ESCALATIE:150"]
    assert len(thread(office)) == 1, "it is said once"

    await passes(office, "23 09:00")
    [written] = [m for m in office.slack.messages(CHANNEL) if "Open: *1*" in text_of(m)]
    assert "Te laat: *1*" in text_of(written) or "1 te laat" in text_of(written)
    shown = await asked(office, SANNE, "/webcare open")
    assert "beantwoord, maar de burger kan het nog niet lezen" in shown
    assert "Wanneer?" in await asked(office, SANNE, "/webcare mijn")
    await office.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await open_modal(office, SANNE, "search")
    await office.slack.submit(SANNE, {"search_words": "wanneer", "search_status": "open"})
    await office.slack.wait_for(lambda: "1 zaak gevonden" in text_of(office.slack.view(SANNE) or {}))

    await works(office, True, by_hand)
    await passes(office, "23 09:30")
    await passes(office, "23 09:31")
    await office.card("Wanneer?", "*Beantwoord*")
    assert ["Alsnog verstuurd" in each for each in thread(office)] == [True]
    assert all(clock.stopped_at for clock in await office.rows(Clock))
    assert await passes(office, "24 09:00") == []
    async with office.desk.reading() as session:
        stands = await standing(session, await session.get_one(Team, 1), office.desk.now())
    assert (stands.open, stands.late) == (0, 0)


async def test_the_reminder_of_an_answer_that_cannot_go_out_is_put_off_with_its_button(office: Bot) -> None:
    case_id = await mention(office)
    await works(office, False, by_hand=True)
    await sent(office, case_id)
    assert await passes(office, "20 10:48") == [f"{SANNE}:80"]
    [reminder] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    await office.slack.click(SANNE, office.direct_channel(SANNE), reminder["ts"], "case:snooze")
    await open_modal(office, SANNE, "case:snooze")
    ack = await office.slack.submit(SANNE, {"snooze_minutes": "60", "snooze_reason": "De beheerder belt"})
    assert ack.ok and not ack.errors
    await office.card("Wacht op verzending", "herinnering uitgesteld tot 11:48")
    assert await passes(office, "20 11:30") == []
    assert await passes(office, "20 11:48") == [f"{CHANNEL}:150"]
    await works(office, True, by_hand=True)
    await passes(office, "20 11:50")
    await office.card("*Beantwoord*")


async def test_an_answer_on_its_way_is_in_no_list_and_nothing_is_said_of_it(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await works(office, False, by_hand=False)
    await sent(office, case_id)
    office.clock.at = local("2026-11-20 10:04")  # type: ignore[attr-defined]
    await replies.look_after(office.desk)
    async with office.desk.reading() as session:
        for which in (Which.OPEN, Which.MINE):
            now = office.desk.now()
            assert (await lists.waiting(session, [1], Filter(which, SANNE), now=now, most=5)).count == 0
        assert (await standing(session, await session.get_one(Team, 1), office.desk.now())).open == 0
    assert MessageKind.REPLY_WAITS not in {each.kind for each in await office.rows(Message)}


async def test_what_waits_to_be_sent_is_not_offered_to_be_answered_again(office: Bot) -> None:
    case_id = await mention(office)
    await works(office, False, by_hand=True)
    await sent(office, case_id)
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    async with office.desk.reading() as session:
        mine, now = Filter(Which.MINE, SANNE), office.desk.now()
        listing = await lists.waiting(session, [1], mine, now=now, most=5)
        assert [line.waits_for for line in listing.lines] == [WaitsFor.US]
        assert await lists.to_answer(session, [1], mine, now=now) == []
