"""A case goes to another team: its card, clocks, number, thread and rights go with it; both teams read the truth."""

import asyncio
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql
from sqlmodel import col, select, update

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason, Status, Urgency
from bot.domain.mention import Act, Author, Gone, Media, Post, permits
from bot.domain.routing import Rule
from bot.domain.sla import ClockKind
from bot.domain.text import Refused, text
from bot.figures.search import Asked, search
from bot.models import Author as AuthorRow
from bot.models import Case, Clock, Event, Message, MessageKind, Note, Role, Team, Transfer
from bot.outgoing import replies
from bot.outgoing.composing import Answer
from bot.sandbox.slack import payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import duty
from bot.team import routing
from jobs import digest, redaction, sla, sweep
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, rows_with, second_desk
from tests.people import (
    BEA,
    BEHEER,
    answer,
    asked,
    card_in,
    home,
    make_role,
    mention,
    open_modal,
    read,
    second_team,
    sent,
    settings,
)

WHY = "Dit gaat over het fietspad, dat is van jullie."


async def opens(bot: Bot, person: str, channel: str, card: dict[str, Any], case_id: int = 1) -> dict[str, Any]:
    await bot.slack.click(person, channel, card["ts"], "case:more", f"more:{case_id}")
    await open_modal(bot, person, "more")
    await bot.slack.click_in_view(person, "case:more", value=f"transfer:{case_id}")
    return await open_modal(bot, person, "case:transfer")


async def hands_over(
    bot: Bot, person: str, channel: str, card: dict[str, Any], to: int, why: str = WHY, case_id: int = 1
) -> Any:
    await opens(bot, person, channel, card, case_id)
    return await bot.slack.submit(person, {"transfer_to": str(to), "transfer_note": why})


async def by_verb(bot: Bot, case_id: int = 1, *, seen: int, to: int, by: str = SANNE, key: str = "s") -> Case:
    async with bot.desk.session() as session:
        case = await cases.transfer(
            session, case_id, seen=seen, to=to, note=WHY, by=by, now=bot.desk.now(), submission=key
        )
    await messages.sync(bot.desk, case_id)
    return case


async def settled(bot: Bot) -> None:
    """Let Slack have all that is to be shown."""
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_a_case_goes_to_another_team_with_its_note_and_both_cards_tell_the_truth(bot: Bot) -> None:
    beheer = await second_team(bot)
    bot.citizen_posts("Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await card_in(bot, CHANNEL, "fietspad", "In behandeling")
    asked = await opens(bot, SANNE, CHANNEL, card)
    assert "Beheer" in json.dumps(asked)
    ack = await bot.slack.submit(SANNE, {"transfer_to": str(beheer), "transfer_note": "  "})
    assert list(ack.errors) == ["transfer_note"]
    ack = await bot.slack.submit(SANNE, {"transfer_to": str(beheer), "transfer_note": WHY})
    assert ack.ok and not ack.errors, ack
    new = await card_in(bot, BEHEER, "fietspad", "Nieuw", "Van Webcare", WHY)
    old = await card_in(bot, CHANNEL, "Overgedragen aan Beheer", WHY, "Nu bij Beheer")
    assert old["ts"] == card["ts"] and not action_ids(old)
    case = await bot.case()
    assert (case.team_id, case.status, case.assignee, case.transfers) == (beheer, Status.NEW, None, 1)
    await bot.slack.wait_for(lambda: WHY in str(bot.slack.thread(BEHEER, new["ts"])))
    await answer(bot, BEA, new, "Wij vegen het morgen.", channel=BEHEER, initials="BB")
    await card_in(bot, BEHEER, "fietspad", "*Beantwoord*")
    await card_in(bot, CHANNEL, "Overgedragen aan Beheer", "*Beantwoord*")


async def test_after_the_transfer_only_the_other_team_acts_whatever_a_request_names(bot: Bot) -> None:
    beheer = await second_team(bot)
    await make_role(bot, BEA, Role.READER, team_id=1)
    card_id = await mention(bot, text="Het fietspad ligt vol glas.")
    for person in (SANNE, YOUSSEF):
        await bot.slack.leave(person, BEHEER)
    await by_verb(bot, card_id, seen=1, to=beheer)
    old = await card_in(bot, CHANNEL, "Overgedragen aan Beheer")
    said = "alleen het team \u2068Beheer\u2069:"
    for verb in ("case:claim", "case:answer", "case:escalate", "case:release"):
        sent_ = payloads.block_actions_in_message(
            bot.slack.workspace, SANNE, bot.slack.workspace.channels[CHANNEL], old,
            {"action_id": verb, "block_id": "b", "type": "button", "value": str(card_id)}, {}, ephemeral=False,
        )  # fmt: skip
        await bot.slack._deliver(Kind.INTERACTION, sent_)
        await bot.slack.wait_for(lambda: any(said in each["text"] for each in bot.slack.ephemerals(SANNE, CHANNEL)))
    case = await bot.case(card_id)
    assert (case.status, case.assignee) == (Status.NEW, None)
    view = {
        "id": "V9", "type": "modal", "callback_id": "case:transfer", "private_metadata": f"{card_id}:1", "hash": "1",
        "blocks": [], "title": {"type": "plain_text", "text": "x"},
        "state": {"values": {"transfer_to": {"a": {"type": "static_select", "selected_option": {"value": "1"}}},
                             "transfer_note": {"a": {"type": "plain_text_input", "value": "terug"}}}},
    }  # fmt: skip
    for who in (SANNE, BEA):
        await bot.slack._deliver(Kind.INTERACTION, payloads.view_submission(bot.slack.workspace, who, view))
    assert (await bot.case(card_id)).team_id == beheer
    assert len(await bot.rows(Transfer)) == 1


async def test_a_click_that_crosses_a_transfer_gets_no_case_of_the_other_team(bot: Bot) -> None:
    beheer = await second_team(bot)
    await bot.slack.leave(SANNE, BEHEER)
    bot.citizen_posts("Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    admitted = asyncio.Event()

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "JOIN agents" in statement:
            admitted.set()

    async with bot.desk.session() as session:
        await cases.transfer(session, 1, seen=1, to=beheer, note=WHY, by=YOUSSEF, now=bot.desk.now(), submission="s")
        event.listen(bot.engine.sync_engine, "after_cursor_execute", hear)
        clicks = asyncio.create_task(bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim"))
        await asyncio.wait_for(admitted.wait(), 60)  # what she may do is known, and the case is not locked by her yet
    event.remove(bot.engine.sync_engine, "after_cursor_execute", hear)
    await clicks
    await bot.slack.wait_for(lambda: "intussen" in str(bot.slack.ephemerals(SANNE, CHANNEL)))
    case = await bot.case()
    assert (case.team_id, case.status, case.assignee) == (beheer, Status.NEW, None)


async def test_a_team_that_does_not_exist_or_has_the_case_already_is_refused(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await second_team(bot)
    await mention(bot)
    for to in (1, 99):
        with pytest.raises(Refused, match="another team"):
            await by_verb(bot, seen=1, to=to)


async def test_it_is_sent_back_with_a_reason_and_the_coordinators_of_both_are_told(bot: Bot) -> None:
    beheer = await second_team(bot)
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    await make_role(bot, BEA, Role.COORDINATOR, team_id=beheer)
    bot.citizen_posts("Het fietspad ligt vol glas.")
    first = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    assert (await hands_over(bot, SANNE, CHANNEL, first, beheer)).ok
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    assert not bot.slack.direct(MARIEKE)
    modal = await opens(bot, BEA, BEHEER, there)
    assert "kwam van Webcare" in read(modal)
    why = "Dit pad is van de provincie."
    assert (await bot.slack.submit(BEA, {"transfer_to": "1", "transfer_note": why})).ok
    back = await card_in(bot, CHANNEL, "fietspad", "Nieuw", "Van Beheer", why)
    assert back["ts"] != first["ts"]
    await card_in(bot, BEHEER, "Overgedragen aan Webcare", "Nu bij Webcare", why)
    await card_in(bot, CHANNEL, "Overgedragen aan Beheer", "kwam terug")
    for person in (MARIEKE, BEA):
        told = await eventually(partial(_direct, bot, person))
        assert len(told) == 1 and "2 keer overgedragen: Webcare → Beheer → Webcare" in read(told[0])
    case = await bot.case()
    assert (case.team_id, case.transfers) == (1, 2)


async def test_the_message_that_it_goes_to_and_fro_asks_for_a_decision_however_often_it_went(office: Bot) -> None:
    bot, beheer = office, await second_team(office)
    long = "Beheer openbare ruimte van Noord en Zuid"
    async with bot.desk.session() as session:
        await session.exec(update(Team).where(col(Team.id) == beheer).values(name=long))
    await make_role(bot, BEA, Role.COORDINATOR, team_id=beheer)
    await mention(bot, text="Het fietspad ligt vol glas.")
    for n in range(12):
        seen, to = ((1, beheer), (beheer, 1))[n % 2]
        await by_verb(bot, seen=seen, to=to, key=f"s{n}")
    await settled(bot)
    told = [read(each) for each in bot.slack.direct(BEA)]
    assert len(told) == 11  # from the second time on
    for n, way in ((7, f"Webcare → {long} → " * 4), (12, "Webcare → … → " + f"{long} → Webcare → " * 3)):
        words = f"{n} keer overgedragen: {way.removesuffix(' → ')}. Spreek samen af welk team antwoordt."
        assert any(words in each for each in told), told[n - 2]


async def test_the_message_that_it_goes_to_and_fro_quotes_nothing_that_was_written_later(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    await settings(bot, signal_words=["bsn"])
    await make_role(bot, BEA, Role.COORDINATOR, team_id=beheer)

    async def writes(number: int, words: str, **more: Any) -> None:
        post = Post(str(number), Author("a1", "Fatima"), words, bot.desk.now(), conversation="k", **more)
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await settled(bot)

    await writes(1, "Het fietspad ligt vol glas.")
    await by_verb(bot, seen=1, to=beheer, key="s1")
    await by_verb(bot, seen=beheer, to=1, key="s2")
    await settled(bot)
    assert "vol glas" in read(bot.slack.direct(BEA)[0])
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes(2, "Mijn BSN is 123456782", private=True)
    await writes(1, "", gone=Gone.BY_AUTHOR)
    bot.clock.at += timedelta(days=31)  # type: ignore[attr-defined]
    await redaction.redact(bot.desk)
    await settled(bot)
    [told] = bot.slack.direct(BEA)
    assert "2 keer overgedragen" in read(told) and "vol glas" not in read(told)
    assert "123456782" not in json.dumps(told) and "bsn" not in json.dumps(told)


async def test_the_former_team_reads_nothing_that_was_written_for_or_by_the_other_team_since(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    await make_role(bot, BEA, Role.COORDINATOR, team_id=beheer)
    await make_role(bot, SANNE, Role.COORDINATOR)

    async def writes(words: str, **more: Any) -> None:
        post = Post("1", Author("a1", "Fatima"), words, bot.desk.now(), **more)
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await settled(bot)

    await writes("Het fietspad ligt vol glas.")
    await settled(bot)
    for seen, to in ((1, beheer), (beheer, 1), (1, beheer)):
        await by_verb(bot, seen=seen, to=to, key=f"{bot.clock.at}")  # type: ignore[attr-defined]
        await settled(bot)
        bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes("Mijn BSN is 123456782", edited_at=bot.desk.now())
    async with bot.desk.session() as session:
        file = await cases.read(session, 1)
        await cases.close(
            session, 1, by=BEA, now=bot.desk.now(), reason=CloseReason.OTHER, text="Bel 06-12345678", seen=file.seen
        )
    await settled(bot)
    theirs = "\n".join(map(read, bot.slack.messages(BEHEER)))
    assert "123456782" in theirs and "06-12345678" in theirs
    for shown in (former := bot.slack.messages(CHANNEL)), (direct := bot.slack.direct(SANNE)):
        assert "123456782" not in json.dumps(shown) and "06-12345678" not in json.dumps(shown), list(map(read, shown))
    assert all("vol glas" in read(each) and "*Afgesloten* door" in read(each) for each in former)
    assert any("3 keer overgedragen" in read(each) and "vol glas" in read(each) for each in direct)


async def test_the_former_team_does_not_read_in_the_words_of_a_platform_what_the_other_team_answered(
    office: Bot,
) -> None:
    """A platform may repeat an answer where it says why it does not take that."""
    bot, beheer = office, await second_team(office)
    await mention(bot, text="Het fietspad ligt vol glas.")
    await settled(bot)
    for seen, to in ((1, beheer), (beheer, 1), (1, beheer)):
        await by_verb(bot, seen=seen, to=to, key=f"{bot.clock.at}")  # type: ignore[attr-defined]
        bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    now, answered = bot.desk.now(), "Bel Bea: 06-12345678"
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=BEA, now=now)
        file = await cases.read(session, 1)
        given = Answer(1, file.latest.id, submission="v", words=answered, private=False, initials="BB", seen=file.seen)
        reply = await replies.answer(
            session, given, connector=bot.desk.connector, by=BEA, now=now, undo=timedelta(hours=2)
        )
        reply.problem = text("{host} says: {reason}", host="square", reason=f"not now: {answered}").to_json()
        session.add(reply)
    await messages.sync(bot.desk, 1)
    await settled(bot)
    assert "not now: Bel Bea" in "\n".join(map(read, bot.slack.messages(BEHEER)))
    former = [each for each in bot.slack.messages(CHANNEL) if "Wacht op verzending" in read(each)]
    assert former and all("waarom staat op de kaart van de zaak" in read(each) for each in former)
    assert "06-12345678" not in json.dumps(bot.slack.messages(CHANNEL))


async def test_the_thread_of_the_former_team_shows_what_the_citizen_wrote_as_it_was(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)

    async def writes(number: int, words: str, **more: Any) -> None:
        post = Post(str(number), Author("a1", "Fatima"), words, bot.desk.now(), conversation="k", **more)
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await settled(bot)
        bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]

    def threads(channel: str) -> str:
        return "\n".join(
            read(each) for card in bot.slack.messages(channel) for each in bot.slack.thread(channel, card["ts"])
        )

    await writes(1, "Het fietspad ligt vol glas.")
    await writes(2, "Bij de brug.")
    await by_verb(bot, seen=1, to=beheer, key="s1")
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes(2, "Bij de brug. Bel 06-12345678", edited_at=bot.desk.now())
    assert "06-12345678" in threads(BEHEER), "they have the case"
    assert "Bij de brug." in threads(CHANNEL) and "06-12345678" not in threads(CHANNEL)
    await by_verb(bot, seen=beheer, to=1, key="s2")
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes(2, "Bij de brug. Bel 06-87654321", edited_at=bot.desk.now())
    assert "06-87654321" in threads(CHANNEL), "they have it again"
    assert "06-87654321" not in threads(BEHEER)
    await by_verb(bot, seen=1, to=beheer, key="s3")
    async with bot.desk.session() as session:
        (await session.get_one(Team, 1)).channel = "C0ELDERS"
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes(2, "Bij de brug. Bel 06-11223344", edited_at=bot.desk.now())
    assert "06-11223344" in threads(BEHEER), "they have it"
    assert "06-11223344" not in threads(CHANNEL), "where the former team was"


async def test_the_former_team_reads_no_words_that_were_added_to_a_picture_later_in_two_edits(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    picture = Media("https://x.example/glas.png", alt="Glas")

    async def writes(words: str, **more: Any) -> None:
        post = Post("1", Author("a1", "Fatima"), words, bot.desk.now(), media=(picture,), **more)
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await settled(bot)
        bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]

    await writes("")
    await by_verb(bot, seen=1, to=beheer)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    for words in ("Bel 06-12345678", "Bel 06-12345678 na vijven"):
        await writes(words, edited_at=bot.desk.now())
        assert "06-12345678" in "".join(map(read, bot.slack.messages(BEHEER)))
        assert "06-12345678" not in json.dumps(bot.slack.messages(CHANNEL))


async def test_the_list_of_reminders_and_the_digest_show_a_late_case_that_came_back(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    await mention(bot, 1, "Het fietspad ligt vol glas.")
    bot.clock.at = local("2026-11-23 09:01")  # type: ignore[attr-defined]
    await sla.remind(bot.desk)
    await digest.send_digests(bot.desk)

    async def shown() -> list[str]:
        await sweep(bot.desk)
        await settled(bot)
        listing = [each for each in await bot.rows(Message) if each.kind in {MessageKind.REMINDER, MessageKind.DIGEST}]
        theirs = {each.ts for each in listing if each.channel == CHANNEL}
        told = [read(each) for each in bot.slack.messages(CHANNEL) if each["ts"] in theirs]
        return [each for each in told if "vol glas" in each]

    assert len(await shown()) == 2
    await by_verb(bot, seen=1, to=beheer, key="s1")
    assert await shown() == []
    await by_verb(bot, seen=beheer, to=1, key="s2")
    assert len(await shown()) == 2


async def test_a_case_has_a_number_in_each_team_and_its_old_number_still_finds_it(bot: Bot) -> None:
    beheer = await second_team(bot)
    for number in (1, 2, 3):
        await mention(bot, number)
    await by_verb(bot, 3, seen=1, to=beheer, key="a")
    await by_verb(bot, 1, seen=1, to=beheer, key="b")
    await by_verb(bot, 3, seen=beheer, to=1, key="c")
    numbers = {case.id: (case.team_id, case.number) for case in await bot.rows(Case)}
    assert numbers == {1: (beheer, 2), 2: (1, 2), 3: (1, 3)}
    for asked_for, teams, found in (
        ("zaak 1", (1,), [3]),  # it was number 1 of Beheer; what was our number 1 is Beheer's now
        ("zaak 1", (beheer,), [1]),
        ("zaak 1", (1, beheer), [3, 1]),
        ("zaak 2", (1,), [2]),
        ("zaak 2", (1, beheer), [2, 1]),
        ("zaak 3", (1, beheer), [3]),
        ("zaak 3", (beheer,), []),
    ):
        assert await _found(bot, asked_for, teams) == found, (asked_for, teams)


async def _found(bot: Bot, words: str, teams: tuple[int, ...]) -> list[int]:
    async with bot.desk.reading() as session:
        return [line.case.id for line in (await search(session, teams, Asked(words), most=10)).lines]


async def test_the_number_on_the_former_card_finds_the_case_only_for_who_may_see_it_now(bot: Bot) -> None:
    beheer = await second_team(bot)
    bot.citizen_posts("De lamp is stuk", name="Kees")
    await card_in(bot, CHANNEL, "lamp", "Zaak 1")
    bot.citizen_posts("Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    assert (await hands_over(bot, SANNE, CHANNEL, card, beheer, case_id=2)).ok
    await card_in(bot, CHANNEL, "Overgedragen aan Beheer", "Zaak 2")
    await card_in(bot, BEHEER, "fietspad", "Zaak 1")
    assert "Niets gevonden" in await asked(bot, YOUSSEF, "/webcare zoek zaak 2")
    assert "fietspad" in await asked(bot, BEA, "/webcare zoek zaak 2", BEHEER)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Zaken zoeken")
    await bot.slack.type(SANNE, "search:words", "zaak 2")
    assert "fietspad" in text_of(await open_modal(bot, SANNE, "search"))


async def test_the_clocks_go_on_by_the_hours_and_norm_of_the_other_team(office: Bot) -> None:
    """Webcare is open all Friday and reacts in an hour; Beheer opens on Monday and has two hours."""
    bot = office
    await settings(bot, norm={"first_reaction": 60, "next_reaction": 60, "resolution": 240})
    week = [[("09:00", "17:00")]] * 4 + [[]] * 3
    beheer = await second_team(bot, week=week, norm={"first_reaction": 120, "next_reaction": 120, "resolution": 480})
    case_id = await mention(bot)
    bot.clock.at += timedelta(minutes=30)  # type: ignore[attr-defined]
    await by_verb(bot, case_id, seen=1, to=beheer)
    async with bot.desk.reading() as session:
        found = await session.exec(select(Clock).order_by(col(Clock.kind)))
        first, resolution = found.all()
    assert (first.kind, first.team_id, first.used_seconds, first.target_seconds) == (
        ClockKind.FIRST_REACTION, beheer, 1800, 7200,
    )  # fmt: skip
    assert first.due_at == local("2026-11-23 10:30")
    assert resolution.due_at == local("2026-11-23 16:30")


async def test_while_an_answer_is_on_its_way_the_case_stays(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
    bot.slack.square.bot_url = ""
    await sent(bot, case_id)
    for status in ("approved", "sending", "uncertain"):
        async with bot.desk.session() as session:
            file = await cases.read(session, case_id)
            file.replies[0].status = type(file.replies[0].status)(status)
            file.case.status, file.case.assignee = Status.CLAIMED, SANNE
            session.add_all([file.case, file.replies[0]])
        with pytest.raises(Refused, match="on its way or not certain"):
            await by_verb(bot, case_id, seen=1, to=beheer, key=status)


async def test_a_colleague_who_has_the_case_is_asked_first(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=YOUSSEF, now=bot.desk.now())
    with pytest.raises(Refused, match="is already with"):
        await by_verb(bot, case_id, seen=1, to=beheer)


async def test_the_citizens_next_words_go_to_the_team_that_has_the_case(bot: Bot) -> None:
    beheer = await second_team(bot)
    post = bot.citizen_posts("Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    assert (await hands_over(bot, SANNE, CHANNEL, card, beheer)).ok
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    bot.citizen_posts("En nu ben ik lek.", in_reply_to=post["id"])
    await bot.slack.wait_for(lambda: "ben ik lek" in str(bot.slack.thread(BEHEER, there["ts"])))
    assert "ben ik lek" not in str(bot.slack.thread(CHANNEL, card["ts"]))
    assert "ben ik lek" not in str(await card_in(bot, CHANNEL, "Overgedragen aan Beheer"))
    assert len(await bot.rows(Case)) == 1


async def test_a_note_in_the_old_thread_reaches_the_team_that_has_the_case(bot: Bot) -> None:
    beheer = await second_team(bot)
    bot.citizen_posts("Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    assert (await hands_over(bot, SANNE, CHANNEL, card, beheer)).ok
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    await bot.slack.post(SANNE, CHANNEL, "De melder belde ook.", thread_ts=card["ts"])
    await bot.slack.wait_for(lambda: "melder belde" in str(bot.slack.thread(BEHEER, there["ts"])))
    assert [note.text for note in await bot.rows(Note)] == ["De melder belde ook."]
    [own] = [m for m in bot.slack.thread(CHANNEL, card["ts"]) if m.get("text") == "De melder belde ook."]
    await bot.slack.delete(CHANNEL, own["ts"])
    await bot.slack.wait_for(lambda: "is verwijderd" in str(bot.slack.thread(BEHEER, there["ts"])))
    assert "melder belde" not in str(bot.slack.thread(BEHEER, there["ts"]))


@pytest.mark.parametrize("its_place", ["known", "not yet known"])
async def test_a_note_in_the_thread_from_before_a_case_came_back_reaches_the_new_card(bot: Bot, its_place: str) -> None:
    """Also while we do not know yet where Slack put the card from before."""
    beheer = await second_team(bot)
    if its_place == "not yet known":
        bot.clock.stop()
        bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("Het fietspad ligt vol glas.")
    first = await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    if its_place == "not yet known":
        await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and m.ts is None))
    await by_verb(bot, seen=1, to=beheer)
    await by_verb(bot, seen=beheer, to=1, key="back")
    again = await card_in(bot, CHANNEL, "fietspad", "Nieuw", "Van Beheer")
    await bot.slack.post(SANNE, CHANNEL, "De melder belde ook.", thread_ts=first["ts"])
    await bot.slack.wait_for(lambda: "melder belde" in str(bot.slack.thread(CHANNEL, again["ts"])))
    await bot.slack.post(YOUSSEF, CHANNEL, "Dank, ik bel terug.", thread_ts=again["ts"])
    await eventually(partial(_noted, bot, 2))
    await settled(bot)
    threads = [[read(m) for m in bot.slack.thread(CHANNEL, card["ts"])] for card in (first, again)]
    assert [sum("melder belde" in each for each in thread) for thread in threads] == [1, 1]
    assert [sum("bel terug" in each for each in thread) for thread in threads] == [0, 1]


async def _noted(bot: Bot, count: int) -> bool:
    return len(await bot.rows(Note)) == count


async def test_advice_that_was_asked_before_comes_to_the_team_that_has_the_case(bot: Bot) -> None:
    beheer = await second_team(bot)
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.claim(session, case_id, by=SANNE, now=now)
        await cases.escalate(session, case_id, by=SANNE, now=now, target=MARIEKE, channels=[MARIEKE],
                             question="Van wie is dit?", urgency=Urgency.NORMAL, submission="e")  # fmt: skip
    await by_verb(bot, case_id, seen=1, to=beheer)
    await settled(bot)
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    async with bot.desk.session() as session:
        await cases.advise(session, 1, by=MARIEKE, now=bot.desk.now(), advice="Van de provincie.")
    await settled(bot)
    await bot.slack.wait_for(lambda: "Van de provincie." in str(bot.slack.thread(BEHEER, there["ts"])))
    assert (await bot.case(case_id)).status is Status.NEW


async def test_what_the_channel_of_the_former_team_did_not_take_comes_to_the_other_team_at_once(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    await settled(bot)
    await card_in(bot, CHANNEL, "fietspad")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.claim(session, case_id, by=SANNE, now=now)
        await cases.escalate(session, case_id, by=SANNE, now=now, target=MARIEKE, channels=[MARIEKE],
                             question="Van wie is dit?", urgency=Urgency.NORMAL, submission="e")  # fmt: skip
    await settled(bot)
    await bot.slack.archive(CHANNEL)
    async with bot.desk.session() as session:
        await cases.advise(session, 1, by=MARIEKE, now=now, advice="Van de provincie.")
    await settled(bot)
    await by_verb(bot, case_id, seen=1, to=beheer)
    await settled(bot)
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    await settled(bot)
    assert "Van de provincie." in str(bot.slack.thread(BEHEER, there["ts"]))


async def test_of_two_who_hand_it_over_at_once_in_two_processes_one_does(bot: Bot) -> None:
    beheer = await second_team(bot)
    case_id = await mention(bot)

    async def hand(desk: Any, key: str, to: int, seen: int) -> bool:
        try:
            async with desk.session() as session:
                await cases.transfer(session, case_id, seen=seen, to=to, note=WHY, by=SANNE, now=desk.now(),
                                     submission=key)  # fmt: skip
        except Refused:
            return False
        return True

    async with second_desk(bot) as other:
        made = await asyncio.gather(hand(bot.desk, "a", beheer, 1), hand(other, "b", beheer, 1))
        assert sorted(made) == [False, True]
        made = await asyncio.gather(hand(bot.desk, "c", 1, beheer), hand(other, "c", 1, beheer))
        assert list(made) == [True, True], "the same submission twice is one transfer"
    assert len(await bot.rows(Transfer)) == 2
    await settled(bot)
    cards = [m for m in await bot.rows(Message) if m.kind is MessageKind.CASE]
    assert [(card.channel, card.ts is not None) for card in cards] == [(CHANNEL, True)]
    assert len([event for event in await bot.rows(Event) if event.kind == "transfer"]) == 2


async def test_a_transfer_while_the_citizen_writes_loses_nothing(bot: Bot) -> None:
    beheer = await second_team(bot)
    posts = {n: bot.citizen_posts(f"Vraag {n}.", name=f"Burger{n}")["id"] for n in range(1, 9)}
    await eventually(lambda: _all_cards(bot, 8))

    async def writes(number: int) -> None:
        bot.citizen_posts(f"Vervolg {number}.", name=f"Burger{number}", in_reply_to=posts[number])

    by_words = {case.id: case.id for case in await bot.rows(Case)}
    await asyncio.gather(
        *(writes(n) for n in range(1, 9)), *(by_verb(bot, id_, seen=1, to=beheer, key=f"k{id_}") for id_ in by_words)
    )

    async def shown() -> bool:
        threads = "".join(str(bot.slack.thread(BEHEER, m["ts"])) for m in bot.slack.messages(BEHEER))
        threads += "".join(str(bot.slack.thread(CHANNEL, m["ts"])) for m in bot.slack.messages(CHANNEL))
        return all(f"Vervolg {n}." in threads for n in range(1, 9))

    await eventually(shown)
    assert {case.team_id for case in await bot.rows(Case)} == {beheer}
    assert len(await bot.rows(Case)) == 8


async def _direct(bot: Bot, person: str) -> list[dict[str, Any]]:
    return bot.slack.direct(person)


async def _all_cards(bot: Bot, count: int) -> bool:
    return len([m for m in await bot.rows(Message) if m.kind is MessageKind.CASE and m.ts]) == count


async def test_a_case_that_slack_never_showed_leaves_no_card_behind(bot: Bot) -> None:
    beheer = await second_team(bot)
    bot.slack.faults.error("chat.postMessage", "channel_not_found")
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    await by_verb(bot, case_id, seen=1, to=beheer)
    await settled(bot)
    await card_in(bot, BEHEER, "fietspad", "Nieuw")
    assert not bot.cards()


async def test_an_urgent_case_calls_those_on_duty_there(bot: Bot) -> None:
    beheer = await second_team(bot, always_open=True, coordinators=[BEA])
    await settings(bot, always_open=True, coordinators=[SANNE])
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", f"more:{case_id}")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value=f"urgent:{case_id}")
    await bot.slack.wait_for(lambda: f"<@{SANNE}>" in str(bot.slack.thread(CHANNEL, card["ts"])))
    assert (await hands_over(bot, SANNE, CHANNEL, card, beheer, case_id=case_id)).ok
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    await bot.slack.wait_for(lambda: f"<@{BEA}>" in str(bot.slack.thread(BEHEER, there["ts"])))
    await bot.slack.wait_for(lambda: not calls_in(bot, CHANNEL, card["ts"]))


def calls_in(bot: Bot, channel: str, ts: str) -> list[str]:
    """The calls to an urgent case that stand in the thread of this card."""
    return [m["text"] for m in bot.slack.thread(channel, ts) if "nog niemand heeft deze zaak opgepakt" in m["text"]]


async def test_a_call_that_slack_did_not_take_before_the_transfer_names_nobody_of_the_former_team(bot: Bot) -> None:
    beheer = await second_team(bot, always_open=True, coordinators=[BEA])
    await settings(bot, always_open=True, coordinators=[SANNE])
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad")
    bot.slack.faults.down = True
    async with bot.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=SANNE, now=bot.desk.now())
        await duty.call_to(session, case_id, bot.desk.now())
    await by_verb(bot, case_id, seen=1, to=beheer)
    async with bot.desk.session() as session:
        await duty.call_to(session, case_id, bot.desk.now())
    bot.slack.faults.clear()
    bot.clock.advance(minutes=5)
    await settled(bot)
    there = await card_in(bot, BEHEER, "fietspad", "Nieuw")
    await bot.slack.wait_for(lambda: calls_in(bot, BEHEER, there["ts"]))
    bot.clock.advance(minutes=5)
    await settled(bot)
    [call], former = calls_in(bot, BEHEER, there["ts"]), calls_in(bot, CHANNEL, card["ts"])
    assert former == []
    assert call.startswith(f"<@{BEA}> Dringend")


async def test_with_a_single_team_nothing_is_offered(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot, text="Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    assert "ander team" not in text_of(await open_modal(bot, SANNE, "more"))
    chosen = {"action_id": "case:more", "block_id": "b", "type": "button", "value": "transfer:1"}
    workspace = bot.slack.workspace
    channel = workspace.channels[CHANNEL]
    forged = payloads.block_actions_in_message(workspace, SANNE, channel, card, chosen, {}, ephemeral=False)
    await bot.slack._deliver(Kind.INTERACTION, forged)
    await bot.slack.wait_for(lambda: "geen ander team" in text_of(bot.slack.view(SANNE) or {}))


async def test_a_transfer_and_the_writing_of_a_card_do_not_wait_for_each_other(postgres_bot: Bot) -> None:
    """PostgreSQL looks at the case again when a transaction writes a row that refers to it for the second time."""
    bot = postgres_bot
    beheer = await second_team(bot)
    bot.citizen_posts("Het fietspad ligt vol glas.")
    await card_in(bot, CHANNEL, "fietspad", "Nieuw")
    marks = update(Message).where(col(Message.case_id) == 1).values(version=Message.version + 1)

    async def is_waited_for() -> bool:
        async with bot.desk.reading() as session:
            return bool((await session.exec(sql("SELECT 1 FROM pg_locks WHERE NOT granted"))).first())  # type: ignore[call-overload]

    async with bot.desk.session() as session:
        await session.exec(marks)
        handing_over = asyncio.create_task(by_verb(bot, seen=1, to=beheer))
        await eventually(is_waited_for)
        await session.exec(marks)
    assert (await handing_over).team_id == beheer


def in_thread(bot: Bot, number: int, name: str, words: str, **more: Any) -> Post:
    return Post(f"t{number}", Author(f"t-{name}", name), words, bot.desk.now(), permits=permits(Act.ANSWER), **more)


async def comes_in(bot: Bot, *posts: Post) -> None:
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())


async def with_teams(bot: Bot) -> dict[str, int]:
    """The team that has each case, by the name of its author."""
    names = {author.id: author.name for author in await bot.rows(AuthorRow)}
    return {names[case.author_id]: case.team_id for case in await bot.rows(Case)}


async def test_who_joins_a_conversation_that_was_transferred_comes_to_the_team_that_has_it(bot: Bot) -> None:
    """They answer no post of ours, so that only the key of the conversation ties them to it."""
    beheer = await second_team(bot)
    await comes_in(bot, in_thread(bot, 1, "Jan", "De lamp is stuk.", conversation="c1"))
    await by_verb(bot, 1, seen=1, to=beheer)
    async with bot.desk.session() as session:
        await routing.put(session, 1, Rule("k", 1, words=("lamp",)), by=SANNE, now=bot.desk.now())
    await comes_in(bot, in_thread(bot, 2, "Piet", "Hier ook, die lamp.", conversation="c1"))
    await comes_in(bot, in_thread(bot, 3, "Kees", "Een lamp elders.", conversation="c2"))
    assert await with_teams(bot) == {"Jan": beheer, "Piet": beheer, "Kees": 1}


async def test_citizens_below_one_post_of_ours_go_by_the_rules_each(bot: Bot) -> None:
    """Below news of a municipality one writes about a passport, the next about a lamp: those are two conversations."""
    beheer = await second_team(bot)
    async with bot.desk.session() as session:
        await routing.put(session, 1, Rule("k", beheer, words=("lamp",)), by=SANNE, now=bot.desk.now())
    ours = {"in_reply_to": "our post, which is no mention"}
    await comes_in(bot, in_thread(bot, 1, "Jan", "De lamp is stuk.", **ours))
    await comes_in(bot, in_thread(bot, 2, "Piet", "Hoe lang duurt een paspoort?", **ours))
    await comes_in(bot, in_thread(bot, 3, "Kees", "Bij mij ook.", in_reply_to="t1", ancestors=(ours["in_reply_to"],)))
    assert await with_teams(bot) == {"Jan": beheer, "Piet": 1, "Kees": beheer}


async def test_a_thread_is_with_the_team_of_its_newest_open_case(bot: Bot) -> None:
    beheer = await second_team(bot)
    await comes_in(bot, *(in_thread(bot, n, name, "Lamp", conversation="c1") for n, name in enumerate(("Jan", "Piet"))))
    await by_verb(bot, 1, seen=1, to=beheer)
    await comes_in(bot, in_thread(bot, 2, "Kees", "Lamp", conversation="c1"))
    async with bot.desk.session() as session:
        for case_id in (2, 3):
            await cases.close(session, case_id, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    await comes_in(bot, in_thread(bot, 3, "Truus", "Lamp", conversation="c1"))
    assert await with_teams(bot) == {"Jan": beheer, "Piet": 1, "Kees": 1, "Truus": beheer}
    async with bot.desk.session() as session:
        for case_id in (1, 4):
            await cases.close(session, case_id, by=BEA, now=bot.desk.now(), reason=CloseReason.SPAM)
    await comes_in(bot, in_thread(bot, 4, "Bas", "Lamp", conversation="c1"))
    assert (await with_teams(bot))["Bas"] == beheer


async def test_posts_of_one_page_in_one_new_thread_come_to_one_team(bot: Bot) -> None:
    beheer = await second_team(bot)
    async with bot.desk.session() as session:
        await routing.put(session, 1, Rule("k", beheer, words=("lamp",)), by=SANNE, now=bot.desk.now())
    words = ("De lamp is stuk.", "Hier ook!")
    page = [in_thread(bot, n, f"Burger {n}", each, conversation="c1") for n, each in enumerate(words)]
    await comes_in(bot, *page)
    assert set((await with_teams(bot)).values()) == {beheer}


async def test_the_call_that_ended_at_a_transfer_shows_nothing_that_the_other_team_wrote(bot: Bot) -> None:
    beheer = await second_team(bot, always_open=True, coordinators=[BEA])
    await settings(bot, always_open=True, coordinators=[SANNE])
    case_id = await mention(bot, text="Het fietspad ligt vol glas.")
    card = await card_in(bot, CHANNEL, "fietspad")
    async with bot.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=SANNE, now=bot.desk.now())
        await duty.call_to(session, case_id, bot.desk.now())
    await settled(bot)
    assert calls_in(bot, CHANNEL, card["ts"])
    await by_verb(bot, case_id, seen=1, to=beheer)
    await settled(bot)
    async with bot.desk.session() as session:
        file = await cases.read(session, case_id)
        await cases.close(
            session, case_id, by=BEA, now=bot.desk.now(), reason=CloseReason.OTHER, text="Bel 06-12345678",
            seen=file.seen,
        )  # fmt: skip
    await settled(bot)
    thread = "\n".join(map(read, bot.slack.thread(CHANNEL, card["ts"])))
    assert "*Afgesloten* door" in thread and "06-12345678" not in thread, thread
