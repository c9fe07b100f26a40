"""One message of reminders per recipient: it is edited as cases come and go, and never says what is not so."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.cases import advice, inbox, reminders
from bot.domain.case import CloseReason, Urgency
from bot.domain.mention import Act, Author, permits
from bot.domain.text import text
from bot.models import Message, MessageKind, Reminder, ReplyKind, Role, Team
from bot.outgoing import replies
from bot.outgoing.composing import Answer
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages, troubles
from bot.slack.writing import is_stale
from bot.team import agents, teams
from jobs import claims, digest, due, members, sla, sweep, workspace
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, second_desk
from tests.people import asked, at, claim_in_two_teams, held_up, lists, mention, read, sent, settings, showing
from tests.slack.conftest import post

ESCALATION = "C0ESCALATIE"


async def ask_youssef(office: Bot, case_id: int, question: str) -> None:
    """Let Sanne ask Youssef for advice."""
    async with office.desk.session() as session:
        await cases.escalate(
            session, case_id, by=SANNE, now=office.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
            question=question, urgency=Urgency.NORMAL, submission=f"v{case_id}",
        )  # fmt: skip


async def claimed(bot: Bot, count: int, by: str = SANNE, **more: Any) -> list[int]:
    """So many cases that came in now and are somebody's."""
    ids = []
    for number in range(count):
        case_id = await mention(bot, number, text=f"Vraag {number}", **more)
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=by, now=bot.desk.now())
        ids.append(case_id)
    return ids


async def mixed(bot: Bot) -> list[int]:
    """Sanne's cases 0, 1 and 2, as old as that: the first is due last, and the last one is urgent."""
    ids = []
    for number, reaction in enumerate((240, 60, 60)):
        await settings(bot, norm={"first_reaction": reaction})
        case_id = await mention(bot, number, text=f"Vraag {number}")
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
            await cases.set_urgent(session, case_id, urgent=number == 2, by=SANNE, now=bot.desk.now())
        ids.append(case_id)
    return ids


def in_order(words: str, *, of: str = "Vraag") -> list[int]:
    """Which of the cases 0, 1 and 2 these words name, in the order in which they do."""
    return sorted((n for n in range(3) if f"{of} {n}" in words), key=lambda n: words.index(f"{of} {n}"))


async def level(bot: Bot) -> None:
    """Let the sweep bring Slack level."""
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


def direct(bot: Bot, person: str) -> list[str]:
    return [text_of(message) for message in bot.slack.direct(person)]


async def test_eight_neglected_cases_bring_each_recipient_one_message(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE], escalation_channel=ESCALATION, claim_reminder=9000)
    await claimed(office, 8)
    for moment in ("10:48", "11:00", "11:15", "11:30", "13:12", "14:00", "15:00", "16:00", "16:59"):
        await at(office, f"2026-11-20 {moment}")
        await level(office)
    assert [len(direct(office, person)) for person in (SANNE, MARIEKE)] == [1, 1]
    assert "8 te laat" in direct(office, SANNE)[0]
    for channel in (CHANNEL, ESCALATION):
        assert len(showing(office, "8 te laat", channel=channel)) == 1
    assert len(office.slack.messages(CHANNEL)) == 9, "the cards and one list, nothing in threads"
    assert len(office.slack.messages(ESCALATION)) == 1


async def test_what_is_answered_is_ticked_and_the_same_message_is_edited(office: Bot) -> None:
    first, second = await claimed(office, 2)
    await at(office, "2026-11-20 10:48")
    await level(office)
    [before] = office.slack.direct(SANNE)
    assert "2 bijna te laat" in text_of(before) and "Vraag 0" in text_of(before)
    assert action_ids(before).count("case:answer") == 2, "each row has its button"
    await sent(office, first)
    await level(office)
    [after] = office.slack.direct(SANNE)
    assert after["ts"] == before["ts"]
    assert "1 bijna te laat" in text_of(after) and "Vraag 0" not in text_of(after) and "Gedaan: " in text_of(after)
    async with office.desk.session() as session:
        await cases.close(session, second, by=SANNE, now=office.desk.now(), reason=CloseReason.SPAM)
    await messages.sync(office.desk, second)
    await office.slack.wait_for(lambda: "Hier wacht niets meer" in direct(office, SANNE)[0])
    assert "te laat" not in direct(office, SANNE)[0]


async def test_a_list_of_many_long_posts_is_edited_too(office: Bot) -> None:
    """Slack takes less text when it edits a message than when it gets it."""
    ids = [await mention(office, number, text=f"Vraag {number}: wij ⛏️ " + "vielen 😡 " * 20) for number in range(12)]
    for case_id in ids:
        async with office.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await at(office, "2026-11-20 10:48")
    await level(office)
    assert "Vraag 0:" in direct(office, SANNE)[0]
    await sent(office, ids[0])
    await level(office)
    [shown] = direct(office, SANNE)
    assert "Vraag 0:" not in shown and "Vraag 10:" in shown


async def test_a_list_that_does_not_show_all_names_whoever_is_in_danger(office: Bot) -> None:
    for number in range(11):
        await mention(office, number, text=f"Vraag {number}")
    await mention(office, 11, text="Mijn buurman is zwaargewond")
    await at(office, "2026-11-20 11:30")
    await level(office)
    [shown] = showing(office, "⏰", "12 te laat")
    assert "en nog 2" in text_of(shown) and "Vraag 9" not in text_of(shown)
    assert text_of(shown).index("zwaargewond") < text_of(shown).index("Vraag 0")


async def test_a_list_that_somebody_deleted_comes_back_when_more_comes_in_it(office: Bot) -> None:
    """An owner of the workspace tidied the channel up; what is due later that day was only edited into that list."""
    await mention(office, 1, text="Vraag 1")
    await at(office, "2026-11-20 10:30")
    await mention(office, 2, text="Vraag 2")
    await at(office, "2026-11-20 11:00")
    await level(office)
    [before] = showing(office, "⏰", "1 te laat")
    await office.slack.delete(CHANNEL, before["ts"])
    await at(office, "2026-11-20 11:30")
    await level(office)
    [after] = showing(office, "⏰", "2 te laat")
    assert after["ts"] != before["ts"]
    assert len(await lists(office)) == 1


async def test_a_case_that_is_handed_over_leaves_one_message_and_enters_the_other(office: Bot) -> None:
    first, _ = await claimed(office, 2)
    await at(office, "2026-11-20 10:48")
    async with office.desk.session() as session:
        await cases.assign(session, first, to=YOUSSEF, by=SANNE, now=office.desk.now())
    await messages.sync(office.desk, first)
    await office.slack.wait_for(lambda: [words for words in direct(office, SANNE) if "1 bijna te laat" in words])
    assert "Vraag 0" not in direct(office, SANNE)[0]
    await at(office, "2026-11-20 10:49")
    await level(office)
    assert [("Vraag 0" in words, "1 bijna te laat" in words) for words in direct(office, YOUSSEF)] == [(True, True)]
    async with office.desk.session() as session:
        await cases.assign(session, first, to=SANNE, by=YOUSSEF, now=office.desk.now())
    await at(office, "2026-11-20 10:50")
    await level(office)
    assert "2 bijna te laat" in direct(office, SANNE)[0]
    assert "Hier wacht niets meer" in direct(office, YOUSSEF)[0]


async def test_yesterdays_message_says_only_that_there_is_a_newer_one(office: Bot) -> None:
    [case_id] = await claimed(office, 1)
    for moment in ("2026-11-20 11:00", "2026-11-20 16:59", "2026-11-23 09:00"):
        await at(office, moment)
        await level(office)
    assert len(showing(office, "1 te laat")) == 1
    assert len(showing(office, "verlopen")) == 1
    await sent(office, case_id)
    await level(office)
    assert showing(office, "⏰") == []


async def test_the_last_message_of_a_day_follows_its_case_on_the_next(office: Bot) -> None:
    """Sanne hears nothing new on Monday; what stands there from Friday is still edited."""
    [case_id] = await claimed(office, 1)
    await at(office, "2026-11-20 16:00")
    await level(office)
    office.clock.at = local("2026-11-23 10:00")  # type: ignore[attr-defined]
    await sent(office, case_id)
    await level(office)
    assert showing(office, "⏰") == []
    assert len(showing(office, "Gedaan: ")) == 1


async def test_what_is_urgent_and_newly_late_is_posted_anew_and_the_rest_when_it_is_calm(office: Bot) -> None:
    await mention(office, 0, text="Vraag 0")
    await at(office, "2026-11-20 11:00")
    await mention(office, 1, text="Vraag 1")
    await at(office, "2026-11-20 12:00")
    await level(office)
    assert len(await lists(office)) == 1 and len(showing(office, "2 te laat", "Vraag 1")) == 1, "edited"
    urgent = await mention(office, 2, text="Vraag 2")
    async with office.desk.session() as session:
        await cases.set_urgent(session, urgent, urgent=True, by=SANNE, now=office.desk.now())
    await at(office, "2026-11-20 12:14")
    assert len(await lists(office)) == 1
    await at(office, "2026-11-20 12:15")
    await level(office)
    assert len(await lists(office)) == 2
    assert len(showing(office, "3 te laat")) == 1 and len(showing(office, "verlopen")) == 1
    await at(office, "2026-11-20 12:30")
    assert len(await lists(office)) == 2, "once"
    await mention(office, 3)
    await at(office, "2026-11-20 13:30")
    assert len(await lists(office)) == 2
    await at(office, "2026-11-20 16:15")
    assert len(await lists(office)) == 3
    await at(office, "2026-11-20 16:30")
    assert len(await lists(office)) == 3


async def test_what_is_late_anew_after_it_had_more_time_is_posted_anew(office: Bot) -> None:
    [case_id] = await claimed(office, 1)
    for urgent, moment, told in ((True, "10:15", [f"{CHANNEL}:100"]), (False, "10:48", [f"{SANNE}:80"])):
        async with office.desk.session() as session:
            await cases.set_urgent(session, case_id, urgent=urgent, by=SANNE, now=office.desk.now())
        assert await at(office, f"2026-11-20 {moment}") == told
        await level(office)
    assert showing(office, "1 te laat") == []
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
    await level(office)
    [before, posted] = [each for each in await lists(office) if each.channel == CHANNEL]
    [shown] = showing(office, "1 te laat")
    assert (shown["ts"], before.ts) == (posted.ts, min(before.ts or "", posted.ts or "")), "an edit notifies nobody"


async def test_what_was_answered_while_slack_was_down_is_never_told(office: Bot) -> None:
    first, _ = await claimed(office, 2)
    office.slack.faults.down = True
    await at(office, "2026-11-20 10:48")
    await sent(office, first)
    office.slack.faults.clear()

    async def is_shown() -> bool:
        office.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
        await level(office)
        return bool(direct(office, SANNE))

    await eventually(is_shown)
    assert ["Vraag 0" in words for words in direct(office, SANNE)] == [False]
    assert "Vraag 1" in direct(office, SANNE)[0]


async def test_two_processes_write_one_message(office: Bot) -> None:
    await settings(office, claim_reminder=45)
    await claimed(office, 3)
    office.clock.at = local("2026-11-20 10:48")  # type: ignore[attr-defined]
    async with second_desk(office) as other:
        jobs = [each for desk in (office.desk, other) for each in (sla.remind(desk), claims.look_after(desk))]
        await asyncio.gather(*jobs)
    await level(office)
    [words] = direct(office, SANNE)
    assert "3 bijna te laat" in words and words.count("terug naar de wachtrij") == 3
    assert len({each.message_id for each in await office.rows(Reminder)}) == 1


async def test_a_process_that_dies_after_an_answer_leaves_no_wrong_message(office: Bot) -> None:
    """It committed the answer and told nobody; the sweep of another process finds the list that is behind."""
    [case_id] = await claimed(office, 1)
    await at(office, "2026-11-20 10:48")
    await level(office)
    async with office.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=office.desk.now(), reason=CloseReason.SPAM)
    async with office.desk.reading() as session:
        assert await reminders.behind(session)
    async with second_desk(office) as other:
        await messages.wake_lanes(other)
        await other.wake.idle()  # type: ignore[attr-defined]
    await office.slack.wait_for(lambda: "Hier wacht niets meer" in direct(office, SANNE)[0])
    async with office.desk.reading() as session:
        assert await reminders.behind(session) == []


async def test_what_was_written_privately_is_marked_and_not_told(office: Bot) -> None:
    await claimed(office, 1, private=True)
    await at(office, "2026-11-20 11:30")
    await level(office)
    for words in [*direct(office, SANNE), *(text_of(each) for each in showing(office, "1 te laat"))]:
        assert "🔒" in words and "Vraag 0" not in words


async def test_who_wrote_by_mail_is_not_called_by_their_address_outside_the_team(office: Bot) -> None:
    bot, address = office, "fatima@voorbeeld.example"
    await settings(bot, escalation_channel=ESCALATION)
    for number in (1, 2):
        wrote = replace(post(bot, number), author=Author(address, address, address), private=True)
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [replace(wrote, permits=permits(Act.ANSWER_PRIVATELY))], now=bot.desk.now())
            await cases.claim(session, number, by=SANNE, now=bot.desk.now())
    await at(bot, "2026-11-20 11:31")
    await level(bot)
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
        file = await cases.read(session, 2)
        answer = Answer(2, file.latest.id, submission="v", words="Ja", private=True, initials="SB", seen=file.seen)
        reply = await replies.answer(
            session, answer, connector=bot.desk.connector, by=SANNE, now=bot.desk.now(), undo=timedelta(hours=2)
        )
        said = text("{host} does not take the mail now: {reason}", host="mx", reason=f"450 <{address}>")
        reply.problem = said.to_json()
        session.add(reply)
    bot.clock.at += timedelta(minutes=6)  # type: ignore[attr-defined]
    await level(bot)
    [shown] = bot.slack.messages(ESCALATION)
    assert "…@…" in text_of(shown) and "Gedaan: " in text_of(shown) and "450" in text_of(shown)
    assert address not in json.dumps(shown)


async def test_an_idle_case_stands_in_the_owners_message_until_it_moves(office: Bot) -> None:
    [case_id] = await claimed(office, 1)
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await level(office)
    assert "1 stil" in direct(office, SANNE)[0]
    async with office.desk.session() as session:
        await cases.release(session, case_id, by=SANNE, now=office.desk.now())
    await messages.sync(office.desk, case_id)
    await office.slack.wait_for(lambda: "Hier wacht niets meer" in direct(office, SANNE)[0])


async def test_idle_and_late_cases_and_questions_stand_in_the_order_of_every_list(office: Bot) -> None:
    ids = await mixed(office)
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await level(office)
    [idle] = direct(office, SANNE)
    assert "3 stil" in idle and in_order(idle) == [2, 1, 0]
    for number, case_id in enumerate(ids):
        await ask_youssef(office, case_id, f"Weet jij {number}?")
    office.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    await due.look_after(office.desk)
    await level(office)
    [asked] = [words for words in direct(office, YOUSSEF) if "3 vragen wachten op advies" in words]
    assert in_order(asked, of="Weet jij") == [2, 1, 0]
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await digest.send_digests(office.desk)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert in_order(text_of(shown)) == [2, 1, 0]
    async with office.desk.session() as session:
        await cases.set_urgent(session, ids[2], urgent=False, by=SANNE, now=office.desk.now())
        await cases.set_urgent(session, ids[0], urgent=True, by=SANNE, now=office.desk.now())
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert in_order(text_of(shown)) == [0, 1, 2], "the digest follows its cases"


async def test_each_row_leads_to_the_card_of_its_case(office: Bot) -> None:
    await settings(office, claim_return=9000)
    ids = await claimed(office, 2)
    cards = [f"/archives/{CHANNEL}/p{card['ts'].replace('.', '')}|kaart>" for card in office.cards()]
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await level(office)
    assert all("stil en gaat terug naar de wachtrij (" in words for words in direct(office, SANNE)), "idle"
    assert all(card in str(office.slack.direct(SANNE)[0]["blocks"]) for card in cards)
    await at(office, "2026-11-20 11:00")
    await level(office)
    [late] = showing(office, "2 te laat")
    assert all(card in str(late["blocks"]) for card in cards)
    for number, case_id in enumerate(ids):
        async with office.desk.session() as session:
            await cases.escalate(
                session, case_id, by=SANNE, now=office.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
                question="Weet jij dit?", urgency=[Urgency.URGENT, Urgency.NORMAL][number], submission=f"v{number}",
            )  # fmt: skip
    office.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    await due.look_after(office.desk)
    await level(office)
    [asked] = [m for m in office.slack.direct(YOUSSEF) if "wachten op advies" in text_of(m)]
    assert all(card in str(asked["blocks"]) for card in cards)
    words = text_of(asked)
    assert words.index("Zaak 1 · 🔴 *Dringend*") < words.index("Zaak 2") and words.count("Dringend") == 1
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await digest.send_digests(office.desk)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert all(card in str(shown["blocks"]) for card in cards)


async def test_a_call_to_an_urgent_case_says_when_somebody_has_it(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE])
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=SANNE, now=office.desk.now())
    await due.look_after(office.desk)
    await level(office)
    assert "nog niemand" in text_of(office.slack.thread(CHANNEL, office.cards()[0]["ts"])[0])
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await level(office)
    assert "nog niemand" not in text_of(office.slack.thread(CHANNEL, office.cards()[0]["ts"])[0])


async def test_an_adviser_has_one_message_of_all_questions(office: Bot) -> None:
    await settings(office, claim_reminder=9000)
    for case_id in await claimed(office, 3):
        await ask_youssef(office, case_id, f"Weet jij {case_id}?")
    office.clock.at = local("2026-11-20 12:00")  # type: ignore[attr-defined]
    await due.look_after(office.desk)
    await level(office)
    [words] = [words for words in direct(office, YOUSSEF) if "3 vragen wachten op advies" in words]
    assert all(f"Weet jij {case_id}?" in words for case_id in (1, 2, 3))
    async with office.desk.session() as session:
        await cases.advise(session, 2, by=YOUSSEF, now=office.desk.now(), advice="Ja")
    await level(office)
    [words] = [words for words in direct(office, YOUSSEF) if "2 vragen wachten op advies" in words]
    assert "Weet jij 2?" not in words


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
@pytest.mark.parametrize("of", ["clocks", "advice"])
async def test_who_reminds_locks_lists_and_cards_in_the_order_of_their_ids(office: Bot, of: str) -> None:
    """As what names the day before after midnight does: else each waits for the other, and one is broken off."""
    await settings(office, claim_reminder=9000)
    await claimed(office, 1)
    if of == "advice":
        await ask_youssef(office, 1, "Weet jij het?")
    office.clock.at = local("2026-11-20 10:50")  # type: ignore[attr-defined]
    await due.look_after(office.desk)
    await sla.remind(office.desk)
    if of == "clocks":
        await mention(office, 5, text="Vraag 5")
    listed = [each.id for each in await office.rows(Message) if each.kind is MessageKind.REMINDER]
    cards = [each.id for each in await office.rows(Message) if each.kind is MessageKind.CASE]
    both = sorted([listed[-1], cards[-1]])
    office.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    await level(office)

    async def asks_again() -> None:
        async with office.desk.session() as session:
            await advice.ask_again(session, 1, percent=100, now=office.desk.now())

    async with office.desk.session() as first:
        await first.exec(select(Message).where(Message.id == both[0]).with_for_update())
        reminding = asyncio.create_task(sla.remind(office.desk) if of == "clocks" else asks_again())
        await eventually(lambda: held_up(office.engine, 1))
        await first.exec(select(Message).where(Message.id == both[1]).with_for_update(nowait=True))
    await reminding


async def test_an_adviser_of_several_teams_reads_whose_questions_these_are(office: Bot) -> None:
    await settings(office, claim_reminder=9000)
    await claim_in_two_teams(office)
    for case_id in (1, 2):
        await ask_youssef(office, case_id, f"Weet jij {case_id}?")
    office.clock.at = local("2026-11-20 12:00")  # type: ignore[attr-defined]
    await due.look_after(office.desk)
    await level(office)
    reminded = [words for words in direct(office, YOUSSEF) if "1 vraag wacht op advies" in words]
    ours, theirs = [team.name for team in await office.rows(Team)]
    of_team = {name: [words for words in reminded if f"(\u2068{name}\u2069)" in words] for name in (ours, theirs)}
    assert ["Weet jij 1?" in words for words in of_team[ours]] == [True]
    assert ["Weet jij 2?" in words for words in of_team[theirs]] == [True]


async def test_the_digest_lists_what_is_late_as_long_as_it_is(office: Bot) -> None:
    [case_id] = await claimed(office, 1)
    await mention(office, 9, text="Nog een")
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await digest.send_digests(office.desk)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert "Vraag 0" in text_of(shown) and "Nog een" in text_of(shown)
    assert "*0 %* binnen de norm, 2 waren te laat en wachtten nog" in text_of(shown)
    for nothing in ("Toezeggingen", "Afgesloten zonder antwoord"):
        assert nothing not in text_of(shown), "no line that says nothing"
    assert not [block for block in shown["blocks"] if block["type"] == "data_visualization"], "never one bar"
    await sent(office, case_id)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert "Vraag 0" not in text_of(shown) and "Nog een" in text_of(shown)
    for words in ("Stand om 09:00:", "❗ Te laat: *2*"):
        assert words in text_of(shown), "what is counted says of which moment"
    assert "niet in deze lijst" not in text_of(shown), "an answer adds nothing to what the list leaves out"


async def test_who_asks_for_the_digest_sees_what_is_late_now_and_so_does_who_it_is_shared_with(office: Bot) -> None:
    [first, *_] = await claimed(office, 2)
    [_, card] = office.cards()
    async with office.desk.session() as session:
        await cases.set_urgent(session, first, urgent=True, by=SANNE, now=office.desk.now())
    await mention(office, 9, text="Niet voor iedereen", private=True)
    await level(office)
    office.clock.at = local("2026-11-23 09:10")  # type: ignore[attr-defined]
    shown = await asked(office, SANNE, "/webcare dagoverzicht")
    assert "Te laat: *3*" in shown and shown.index("Vraag 0") < shown.index("Vraag 1")
    await sent(office, first)
    shown = await asked(office, SANNE, "/webcare dagoverzicht")
    assert "Te laat: *2*" in shown and "Vraag 0" not in shown and "Vraag 1" in shown
    assert "Niet voor iedereen" not in shown and "(privé)" in shown
    own = office.slack.ephemerals(SANNE, CHANNEL)[-1]
    assert (await office.slack.click(SANNE, CHANNEL, own["ts"], "figures:share")).ok
    shared = await office.card("Dagoverzicht", "Te laat: *", "Burger 1", "Zaak 2")
    assert f"/archives/{CHANNEL}/p{card['ts'].replace('.', '')}|kaart>" in str(shared["blocks"])
    assert "Niet voor iedereen" not in str(shared) and "Burger 9" not in read(shared)
    assert "Vraag 1" not in str(shared), "it is not rendered again, so it has no words"
    assert "Te laat om 09:10, maar niet in deze lijst: *1*" in text_of(shared), "a private message"


async def test_a_digest_lists_ten_late_cases_and_says_how_many_more_there_were(office: Bot) -> None:
    ids = await claimed(office, 12)
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await digest.send_digests(office.desk)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert text_of(shown).count(" via ") == 10
    assert "Te laat om 09:00, maar niet in deze lijst: *2*" in text_of(shown)
    for case_id in ids[:3]:
        async with office.desk.session() as session:
            await cases.close(session, case_id, by=SANNE, now=office.desk.now(), reason=CloseReason.SPAM)
    await level(office)
    [shown] = showing(office, "Dagoverzicht")
    assert text_of(shown).count(" via ") == 7
    assert "Te laat om 09:00, maar niet in deze lijst: *2*" in text_of(shown)
    before = len(office.slack.ephemerals(SANNE, CHANNEL))
    assert (await office.slack.click(SANNE, CHANNEL, shown["ts"], "list:show")).ok
    [listed] = await office.slack.wait_for(lambda: office.slack.ephemerals(SANNE, CHANNEL)[before:])
    assert "Er wachten 9 zaken" in text_of(listed) and "list:which" in action_ids(listed)
    assert showing(office, "Dagoverzicht") == [shown], "what everybody sees stays as it is"


async def test_who_promised_something_hears_of_it_although_all_that_an_earlier_reminder_named_is_done(
    office: Bot,
) -> None:
    first, promised = await claimed(office, 2)
    await sent(office, promised, ReplyKind.INTERIM, local("2026-11-20 12:00"))
    await at(office, "2026-11-20 10:50")  # the first is nearly late
    await level(office)
    await sent(office, first)
    office.clock.at = local("2026-11-20 10:55")  # type: ignore[attr-defined]
    await sla.remind(office.desk)
    await level(office)
    [done] = office.slack.direct(SANNE)
    assert "Hier wacht niets meer" in read(done)
    await at(office, "2026-11-20 11:55")
    await level(office)
    former, newest = office.slack.direct(SANNE)
    assert "Vraag 1" in read(newest)
    assert "verlopen" in read(former)
    await at(office, "2026-11-20 12:00")
    await level(office)
    assert len(office.slack.direct(SANNE)) == 2, "what waits in it is told by an edit"


async def test_a_promise_of_one_who_no_longer_answers_is_told_in_the_channel_and_not_to_them(office: Bot) -> None:
    [case_id] = await claimed(office, 1)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 12:00"))
    await sent(office, case_id, ReplyKind.QUESTION)
    async with office.desk.session() as session:
        sanne = await agents.locked(session, 1, SANNE, office.desk.now())
        sanne.role = Role.READER
    told = await at(office, "2026-11-20 11:55")
    await level(office)
    assert [each.partition(":")[0] for each in told] == [CHANNEL]
    assert direct(office, SANNE) == []
    assert len(showing(office, "Vraag 0", "⏰")) == 1


async def cut_off_until_closed(bot: Bot) -> None:
    """Let Slack be away from a minute before the team closes until late in the evening."""
    bot.slack.faults.down = True
    await at(bot, "2026-11-20 16:59")
    await level(bot)
    bot.slack.faults.clear()
    for moment in ("17:05", "19:00", "23:00"):
        bot.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await level(bot)
        assert (showing(bot, "te laat"), bot.slack.direct(MARIEKE)) == ([], []), moment


async def test_what_slack_did_not_take_before_the_team_closed_comes_when_it_opens_in_one_message(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE], ladder=[{"percent": 125, "to": "coordinator"}])
    await claimed(office, 2)
    await cut_off_until_closed(office)
    async with office.desk.reading() as session:
        stale = await session.exec(select(Message.key).where(is_stale()))
        assert stale.all() == [], "nothing is in arrears, so no monitor is alarmed"
    await at(office, "2026-11-23 08:59")
    await level(office)
    assert (showing(office, "te laat"), direct(office, MARIEKE)) == ([], [])
    await at(office, "2026-11-23 09:00")
    await level(office)
    assert len(showing(office, "2 te laat")) == 1
    for moment in ("2026-11-23 09:01", "2026-11-23 10:00"):
        await at(office, moment)
        await level(office)
    assert len(showing(office, "2 te laat")) == 1
    assert ["2 te laat" in words for words in direct(office, MARIEKE)] == [True]


async def test_what_slack_took_again_only_when_the_team_opened_comes_once(office: Bot) -> None:
    """The sweep runs before the job that reminds; then something more is late."""
    await settings(office, coordinators=[MARIEKE], ladder=[{"percent": 125, "to": "coordinator"}])
    await claimed(office, 1)
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    await mention(office, 1)
    office.slack.faults.down = True
    await at(office, "2026-11-20 16:59")
    for moment in ("2026-11-20 16:59", "2026-11-23 08:59"):
        office.clock.at = local(moment)  # type: ignore[attr-defined]
        await level(office)
    office.slack.faults.clear()
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await level(office)
    for moment in ("2026-11-23 09:00", "2026-11-23 09:45"):
        await at(office, moment)
        await level(office)
    assert ["2 te laat" in words for words in direct(office, MARIEKE)] == [True]


async def test_what_slack_did_not_take_before_lunch_comes_although_the_team_has_lunch(office: Bot) -> None:
    await settings(office, week=[[("09:00", "12:00"), ("13:00", "17:00")]] * 5 + [[], []])
    await claimed(office, 1)
    office.slack.faults.down = True
    await at(office, "2026-11-20 11:59")
    await level(office)
    office.slack.faults.clear()
    office.clock.at = local("2026-11-20 12:05")  # type: ignore[attr-defined]
    await level(office)
    assert len(showing(office, "1 te laat")) == 1


async def test_a_reminder_does_not_wait_for_all_the_cards_of_a_flood(office: Bot) -> None:
    await mention(office, 1)
    for number in range(2, 12):
        async with office.desk.session() as session:
            await inbox.take_in(session, 1, [post(office, number)], now=office.desk.now())
    await at(office, "2026-11-20 11:00")
    await level(office)
    rows = sorted((each for each in await office.rows(Message) if each.ts), key=lambda each: float(each.ts or 0))
    assert len(rows) == 12
    assert [each.kind for each in rows].index(MessageKind.REMINDER) <= 2, "one card was on its way already"


@pytest.mark.parametrize("was_posted", [True, False])
async def test_what_a_closed_channel_was_reminded_of_comes_in_the_teams_new_one(office: Bot, was_posted: bool) -> None:
    await mention(office)
    if not was_posted:
        await office.slack.archive(CHANNEL)
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
    await level(office)
    if was_posted:
        await office.slack.archive(CHANNEL)
    async with office.desk.session() as session:
        await teams.change(session, 1, {"channel": ESCALATION}, by=MARIEKE, now=office.desk.now())
    assert await at(office, "2026-11-20 11:10") == [f"{ESCALATION}:100"]
    for _ in range(2):
        await level(office)
    assert len(showing(office, "1 te laat", channel=ESCALATION)) == 1
    assert await at(office, "2026-11-20 11:13") == []
    await level(office)
    await workspace.look_at_slack(office.desk)
    async with office.desk.reading() as session:
        assert await troubles.known(session) == [], "nothing waits any more in the old channel"
    assert await at(office, "2026-11-23 09:00") == [f"{ESCALATION}:150"]
    await level(office)
    assert len(showing(office, "1 te laat", channel=ESCALATION)) == 1, "the one before it is over"


async def test_a_step_that_comes_as_the_team_gets_another_channel_says_its_own_words(office: Bot) -> None:
    steps = [{"percent": 100, "to": "thread", "text": "Te laat."}, {"percent": 150, "to": "thread", "text": "Bel nu."}]
    await settings(office, ladder=steps)
    await mention(office)
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
    await level(office)
    async with office.desk.session() as session:
        await teams.change(session, 1, {"channel": ESCALATION}, by=MARIEKE, now=office.desk.now())
    assert await at(office, "2026-11-20 11:30") == [f"{ESCALATION}:150"]
    await level(office)
    [listed] = showing(office, "1 te laat", channel=ESCALATION)
    assert "Bel nu." in text_of(listed) and "Te laat." not in text_of(listed)


async def test_a_team_that_goes_back_to_its_former_channel_is_reminded_there(office: Bot) -> None:
    await mention(office, 1, text="Vraag 1")
    await at(office, "2026-11-20 11:00")
    await level(office)
    for channel, moment in ((ESCALATION, "11:05"), (CHANNEL, "11:10")):
        async with office.desk.session() as session:
            await teams.change(session, 1, {"channel": channel}, by=MARIEKE, now=office.desk.now())
        await at(office, f"2026-11-20 {moment}")
        await level(office)
    assert len(showing(office, "1 te laat", channel=CHANNEL)) == 1


async def test_an_owner_is_reminded_while_slack_has_not_said_yet_who_is_in_the_teams_new_channel(office: Bot) -> None:
    await settings(office, ladder=[{"percent": percent, "to": "owner"} for percent in (80, 100)])
    await claimed(office, 1)
    async with office.desk.session() as session:
        await teams.change(session, 1, {"channel": ESCALATION}, by=MARIEKE, now=office.desk.now())
    office.slack.faults.error("conversations.members", "fatal_error")
    await members.read_channels(office.desk)
    assert await at(office, "2026-11-20 10:50") == [f"{SANNE}:80"]
    office.slack.faults.clear()
    office.slack.workspace.channels[ESCALATION].members -= {SANNE}
    await members.read_channels(office.desk)
    assert await at(office, "2026-11-20 11:00") == [f"{ESCALATION}:100"]
