"""Hiding a post from Slack: for a house rule, with a copy kept, the citizen told, a second colleague if needed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import accounts, cases
from bot.cases import inbox
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Gone, Post, permits
from bot.domain.period import Period
from bot.figures import export, reports
from bot.models import (
    Account,
    ActStatus,
    AnswerDraft,
    Event,
    Hiding,
    Mention,
    Message,
    MessageKind,
    Reply,
    ReplyStatus,
    Role,
    Team,
)
from bot.models import Act as ActRow
from bot.outgoing import hiding, looking_again, moderation, outbox
from bot.outgoing.moderation import Moderation
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.team.settings import HOUSE_RULES, TeamSettings
from jobs import due, redaction, replies
from tests.acting import ALL, choose, come_to, forged, offered, statuses, with_a_case, writes_more
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, running_bot, second_desk
from tests.fakes.between import Between
from tests.fakes.wall import Wall
from tests.people import BEA, BEHEER, answer, card_in, make_role, moves_to, open_modal, read, second_team, settings
from tests.people import asked as command


async def hide(bot: Bot, rule: str = "Schelden", person: str = SANNE, **more: str) -> None:
    """Hide the post of the card for a house rule."""
    await choose(bot, "hide:1", person=person)
    await open_modal(bot, person, "case:hide")
    ack = await bot.slack.submit(person, {"hide_rule": rule, **more})
    assert ack.ok and not ack.errors, ack.errors


async def closed(bot: Bot, person: str = SANNE) -> None:
    """Leave the modal in which the citizen is told."""
    while bot.slack.view(person):
        await bot.slack.close_view(person)


async def seconds(bot: Bot) -> list[str]:
    """When each question to a second colleague was posted in the thread."""
    rows = [m for m in await bot.rows(Message) if m.kind is MessageKind.SECOND and m.in_thread]
    return [str(m.ts) for m in rows if m.ts]


async def asked(bot: Bot) -> dict[str, Any]:
    """Wait for the question to a second colleague in the thread, and return it."""
    ts = (await eventually(lambda: seconds(bot)))[-1]
    question: dict[str, Any] = bot.slack.message(CHANNEL, ts)
    return question


async def second_says(bot: Bot, *words: str) -> None:
    """Wait until what asked a second colleague first says this."""
    ts = (await seconds(bot))[0]
    await bot.slack.wait_for(lambda: all(each in read(bot.slack.message(CHANNEL, ts)) for each in words))


# --- One agent -----------------------------------------------------------------------------------


async def test_a_post_is_hidden_for_a_house_rule_and_the_citizen_is_told_and_it_is_shown_again(
    acting: Bot, wall: Wall
) -> None:
    await hide(acting, hide_note="Al eens gewaarschuwd.")
    card = await acting.card("🙈 *Verborgen* door", SANNE, "Schelden", "weet nog niet waarom")
    assert "Verborgen door" in card["text"]
    assert wall.marks == {("p1", "hidden")}
    view = await open_modal(acting, SANNE, "case:answer")
    assert "Beste Fatima, we hebben uw bericht verborgen" in json.dumps(view, ensure_ascii=False)
    assert not acting.slack.ephemerals(SANNE, CHANNEL) and await acting.rows(Reply) == []  # nothing goes by itself
    words = "We hebben uw bericht verborgen."
    ack = await acting.slack.submit(SANNE, {"answer_text": words, "initials": "SB"})
    assert ack.ok and not ack.errors, ack.errors
    card = await acting.card("*Beantwoord*", "Verborgen")
    assert "weet nog niet waarom" not in text_of(card)
    assert [reply.text for reply in await acting.rows(Reply)] == [f"{words} ^SB"]
    await choose(acting, "show:1:1", "*Beantwoord*", person=YOUSSEF)
    await come_to(acting, (Act.HIDE, ActStatus.DONE), (Act.SHOW, ActStatus.DONE))
    assert wall.marks == set()
    await acting.slack.wait_for(lambda: (card := acting.card_now("*Beantwoord*")) and "erborgen" not in text_of(card))


async def test_a_copy_of_the_post_and_of_the_rule_is_kept_whatever_happens_to_them(acting: Bot, wall: Wall) -> None:
    await hide(acting)
    await closed(acting)
    async with acting.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.text, mention.gone, mention.gone_at = "Wat een mooie dag", Gone.BY_AUTHOR, acting.desk.now()
        session.add(mention)
    [kept] = await hidings(acting)
    rule = next(each for each in HOUSE_RULES if each.title == "Schelden")
    assert (kept.rule, kept.article, kept.text) == ("Schelden", rule.text, "Stelletje prutsers!")
    assert (kept.author_id, kept.external_id, kept.untold, kept.second) == ("a", "p1", False, False)
    await acting.slack.click(SANNE, CHANNEL, (await acting.card("Verborgen"))["ts"], "case:more", "details:1")
    details = read(await open_modal(acting, SANNE, "said"))
    assert all(words in details for words in ("Stelletje prutsers!", rule.text, "bericht verbergen: gedaan"))


async def hidings(bot: Bot) -> list[Hiding]:
    async with bot.desk.reading() as session:
        return [await session.get_one(Hiding, act.id) for act in await bot.rows(ActRow) if act.kind is Act.HIDE]


async def test_of_several_hidden_posts_the_agent_chooses_which_is_shown_again(acting: Bot, wall: Wall) -> None:
    bot = acting
    await writes_more(bot, "Idioten zijn het")
    for number, chosen in ((1, {"hide_post": "1"}), (2, {})):
        await choose(bot, "hide:1", "Idioten")
        await open_modal(bot, SANNE, "case:hide")
        assert not (await bot.slack.submit(SANNE, {"hide_rule": "Schelden", **chosen})).errors
        await closed(bot)
        await come_to(bot, *[(Act.HIDE, ActStatus.DONE)] * number)
    await bot.slack.wait_for(lambda: read(bot.cards()[0]).count("Verborgen* door") == 2)
    assert "Bericht weer tonen" not in await offered(bot, "Idioten")
    await choose(bot, "show_one:1", "Idioten")
    view = await open_modal(bot, SANNE, "case:show_one")
    assert "Stelletje prutsers!" in text_of(view) and "Idioten zijn het" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"show_post": "1"})
    assert ack.ok and not ack.errors, ack.errors
    await come_to(bot, *[(Act.HIDE, ActStatus.DONE)] * 2, (Act.SHOW, ActStatus.DONE))
    assert wall.marks == {("p2", "hidden")}
    await bot.slack.wait_for(lambda: read(bot.cards()[0]).count("Verborgen* door") == 1)
    assert "Bericht weer tonen" in await offered(bot, "Idioten")


async def test_spam_is_hidden_and_nobody_needs_to_be_told(acting_sqlite: Bot, wall: Wall) -> None:
    await hide(acting_sqlite, "Spam of reclame")
    card = await acting_sqlite.card("Verborgen", "Spam of reclame")
    assert "weet nog niet" not in text_of(card)
    assert acting_sqlite.slack.view(SANNE) is None
    assert "De burger inlichten…" not in await offered(acting_sqlite)


async def test_whoever_was_not_told_can_be_told_later(acting_sqlite: Bot, wall: Wall) -> None:
    await hide(acting_sqlite)
    await closed(acting_sqlite)
    await acting_sqlite.card("weet nog niet waarom")
    await choose(acting_sqlite, "tell:1")
    view = await open_modal(acting_sqlite, SANNE, "case:answer")
    assert "Beste Fatima" in json.dumps(view, ensure_ascii=False)
    ack = await acting_sqlite.slack.submit(SANNE, {"initials": "SB"})
    assert not ack.errors
    card = await acting_sqlite.card("*Beantwoord*", "Verborgen")
    assert "weet nog niet" not in text_of(card)


async def test_whoever_takes_a_case_over_to_tell_the_citizen_gets_the_text_for_that(
    acting_sqlite: Bot, wall: Wall
) -> None:
    bot = acting_sqlite
    await hide(bot)
    await closed(bot)
    card = await bot.card("weet nog niet waarom")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling", SANNE)
    await choose(bot, "tell:1", person=YOUSSEF)
    await open_modal(bot, YOUSSEF, "case:take_over")
    assert (await bot.slack.submit(YOUSSEF)).ok
    assert "we hebben uw bericht verborgen" in begins_with(await open_modal(bot, YOUSSEF, "case:answer"))
    assert not (await bot.slack.submit(YOUSSEF, {"initials": "YA"})).errors
    await bot.card("*Beantwoord*", YOUSSEF)
    assert [reply.tells_of for reply in await bot.rows(Reply)] == [1]


def begins_with(view: dict[str, Any]) -> str:
    """The text with which the answer modal opens."""
    [field] = [each["element"] for each in view["blocks"] if each.get("element", {}).get("action_id") == "answer_text"]
    return str(field.get("initial_value", ""))


async def test_an_answer_that_tells_and_is_taken_back_is_offered_once(slow: Bot, wall: Wall) -> None:
    await hide(slow)
    await open_modal(slow, SANNE, "case:answer")
    await slow.slack.submit(SANNE, {"initials": "SB"})
    card = await slow.card("Zo meteen", "bericht verbergen: ", "Wordt zo verstuurd")
    await slow.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await slow.slack.wait_for(lambda: not slow.card_now("Wordt zo verstuurd"))
    await choose(slow, "tell:1")
    text = begins_with(await open_modal(slow, SANNE, "case:answer"))
    assert text.count("we hebben uw bericht verborgen") == 1, text


async def test_the_text_that_tells_is_offered_once_also_after_a_change_in_it(acting_sqlite: Bot, wall: Wall) -> None:
    await hide(acting_sqlite)
    text = begins_with(await open_modal(acting_sqlite, SANNE, "case:answer")).replace("Beste Fatima", "Dag mevrouw")
    await acting_sqlite.slack.type(SANNE, "answer_text", text)
    await eventually(lambda: kept(acting_sqlite, text))
    await closed(acting_sqlite)
    await acting_sqlite.card("weet nog niet waarom")
    await choose(acting_sqlite, "tell:1")
    assert begins_with(await open_modal(acting_sqlite, SANNE, "case:answer")) == text


async def kept(bot: Bot, words: str) -> bool:
    async with bot.desk.reading() as session:
        return [draft.words for draft in await session.exec(select(AnswerDraft))] == [words]


async def test_a_hide_is_undone_with_the_answer_that_tells_of_it(slow: Bot, wall: Wall) -> None:
    await hide(slow)
    await open_modal(slow, SANNE, "case:answer")
    await slow.slack.submit(SANNE, {"answer_text": "We hebben uw bericht verborgen.", "initials": "SB"})
    card = await slow.card("Zo meteen", "bericht verbergen: ", "Wordt zo verstuurd")
    await slow.slack.click(SANNE, CHANNEL, card["ts"], "case:undo_act")
    await slow.slack.wait_for(lambda: not slow.card_now("Zo meteen") and not slow.card_now("Wordt zo verstuurd"))
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    assert wall.wanted == []
    assert await statuses(slow) == [(Act.HIDE, ActStatus.WITHDRAWN)]
    assert [reply.status for reply in await slow.rows(Reply)] == [ReplyStatus.WITHDRAWN]


async def telling_later(bot: Bot) -> dict[str, Any]:
    """Hide a post, leave the modal, and tell the citizen from the menu; returns the card."""
    await hide(bot)
    await closed(bot)
    card = await bot.card("Zo meteen", "bericht verbergen: ")
    assert "weet nog niet waarom" not in read(card), "it is not hidden yet"
    await choose(bot, "tell:1")
    await open_modal(bot, SANNE, "case:answer")
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert not ack.errors
    return await bot.card("Zo meteen", "bericht verbergen: ", "Wordt zo verstuurd")


async def test_a_colleague_reads_that_an_answer_of_another_goes_with_the_act_that_they_would_undo(slow: Bot) -> None:
    card = await telling_later(slow)
    await slow.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:undo_act")
    [told] = await slow.slack.wait_for(lambda: slow.slack.ephemerals(YOUSSEF, CHANNEL))
    assert f"Hierbij hoort een antwoord aan de burger van <@{SANNE}>." in read(told)
    assert await statuses(slow) == [(Act.HIDE, ActStatus.APPROVED)]


@pytest.mark.parametrize("how", ["undo", "show"])
async def test_a_hide_is_undone_with_the_answer_that_told_of_it_later(slow: Bot, wall: Wall, how: str) -> None:
    card = await telling_later(slow)
    if how == "undo":
        await slow.slack.click(SANNE, CHANNEL, card["ts"], "case:undo_act")
    else:
        async with slow.desk.session() as session:
            chosen = Moderation(Act.SHOW, 1, 1, "V-show")
            await moderation.approve(session, chosen, by=YOUSSEF, now=slow.desk.now(), undo=timedelta(minutes=1))
        await messages.sync(slow.desk, 1)
    await slow.slack.wait_for(lambda: not slow.card_now("Zo meteen") and not slow.card_now("Wordt zo verstuurd"))
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    assert wall.wanted == []
    assert [reply.status for reply in await slow.rows(Reply)] == [ReplyStatus.WITHDRAWN]


async def test_nobody_is_told_any_more_of_a_hide_once_the_post_is_to_be_shown_again(slow: Bot, wall: Wall) -> None:
    await telling_later(slow)
    wall.answers = [200, 429]
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    await forged(slow, YOUSSEF, await slow.card("*Verborgen* door"), "case:more", "show:1:1")
    await slow.card("Zo meteen", "bericht weer tonen")
    for _ in range(2):
        slow.clock.advance(minutes=5)
        await outbox.drain(slow.desk, "2")
    assert wall.wanted == ["hide p1", "reply", "show p1"]
    assert [reply.status for reply in await slow.rows(Reply)] == [ReplyStatus.WITHDRAWN]


@pytest.mark.parametrize("first", [429, 500])
async def test_nobody_is_told_any_more_of_a_hide_once_the_post_is_shown_again_on_the_platform_itself(
    slow: Bot, wall: Wall, first: int
) -> None:
    await telling_later(slow)
    wall.answers = [200, first]
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    slow.clock.advance(minutes=6)
    async with slow.desk.session() as session:
        told = Post("p1", Author("a", "Fatima"), "Stelletje prutsers!", slow.desk.now(), permits=ALL, hidden=False)
        await inbox.take_in(session, 2, [told], now=slow.desk.now())
    await outbox.drain(slow.desk, "2")
    assert wall.wanted == ["hide p1", "reply"]
    assert [reply.status for reply in await slow.rows(Reply)] == [ReplyStatus.FAILED]
    card = await slow.card("Niet verstuurd", "intussen ingetrokken of niet gelukt")
    [said] = await slow.slack.wait_for(lambda: slow.slack.thread(CHANNEL, card["ts"]))
    assert f"<@{SANNE}>" in read(said)


async def test_an_answer_that_tells_later_waits_for_the_hide_too(slow: Bot, wall: Wall) -> None:
    await telling_later(slow)
    wall.answers = [429]
    for _ in range(4):
        slow.clock.advance(minutes=5)
        await outbox.drain(slow.desk, "2")
    assert wall.wanted == ["hide p1"] * 2 + ["reply"]


async def test_who_still_writes_of_a_hide_that_was_taken_back_hears_that_there_is_nothing_to_tell(
    slow: Bot, wall: Wall
) -> None:
    await hide(slow)
    await open_modal(slow, SANNE, "case:answer")
    card = await slow.card("Zo meteen", "bericht verbergen: ")
    await slow.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:undo_act")
    await slow.slack.wait_for(lambda: not slow.card_now("Zo meteen"))
    ack = await slow.slack.submit(SANNE, {"answer_text": "We hebben uw bericht verborgen.", "initials": "SB"})
    said = json.dumps([ack.payload, slow.slack.messages(CHANNEL)], ensure_ascii=False, default=str)
    assert await slow.rows(Reply) == [], said
    assert wall.wanted == []


async def test_two_agents_who_hide_at_once_hide_once_and_the_second_is_told_who_was_first(
    acting: Bot, wall: Wall
) -> None:
    for who in (SANNE, YOUSSEF):
        await choose(acting, "hide:1", person=who)
        await open_modal(acting, who, "case:hide")
    sent = [
        acting.slack.submit(who, {"hide_rule": rule}) for who, rule in ((SANNE, "Schelden"), (YOUSSEF, "Herhaling"))
    ]
    outcomes = await asyncio.gather(*sent)
    await acting.card("Verborgen")
    assert (wall.wanted, len(await hidings(acting))) == (["hide p1"], 1)
    told = "".join(str(each.errors) + json.dumps(each.payload, ensure_ascii=False) for each in outcomes)
    assert "heeft dit bericht al verborgen" in told


async def test_what_is_still_hidden_as_showing_it_again_was_refused_is_not_hidden_twice(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    await choose(bot, "hide:1", person=YOUSSEF)
    await open_modal(bot, YOUSSEF, "case:hide")
    await hide(bot)
    await closed(bot)
    await bot.card("Verborgen")
    wall.answers = [403]
    await choose(bot, "show:1:1", "Verborgen")
    await come_to(bot, (Act.HIDE, ActStatus.DONE), (Act.SHOW, ActStatus.FAILED))
    ack = await bot.slack.submit(YOUSSEF, {"hide_rule": "Schelden"})
    assert "heeft dit bericht al verborgen" in f"{ack.errors}{json.dumps(ack.payload, ensure_ascii=False)}"
    assert len(await bot.rows(ActRow)) == 2


async def test_what_the_platform_refuses_is_not_hidden_and_can_be_tried_again(acting_sqlite: Bot, wall: Wall) -> None:
    wall.answers = [403]
    await hide(acting_sqlite)
    await closed(acting_sqlite)
    await acting_sqlite.card("*Niet gelukt*", "bericht verbergen: ", "Because.")
    await hide(acting_sqlite, "Herhaling")
    await closed(acting_sqlite)
    await acting_sqlite.card("*Verborgen* door", "Herhaling")


@pytest.mark.parametrize("done_anyway", [False, True], ids=["not hidden", "perhaps hidden"])
async def test_the_citizen_is_not_told_of_a_hide_that_the_platform_refused(
    slow: Bot, wall: Wall, done_anyway: bool
) -> None:
    await hide(slow)
    await open_modal(slow, SANNE, "case:answer")
    await slow.slack.submit(SANNE, {"answer_text": "We hebben uw bericht verborgen.", "initials": "SB"})
    await slow.card("Wordt zo verstuurd")
    wall.answers, wall.done_anyway = ([500, 403] if done_anyway else [403]), done_anyway
    for _ in range(3):
        slow.clock.advance(minutes=2)
        await outbox.drain(slow.desk, "2")
    assert "reply" not in wall.wanted
    assert [reply.status for reply in await slow.rows(Reply)] == [ReplyStatus.WITHDRAWN]
    card = await slow.card("In behandeling", SANNE)
    await slow.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "We hebben uw bericht verborgen." in json.dumps(await open_modal(slow, SANNE, "case:answer"))


async def test_a_hide_of_which_nobody_knew_the_outcome_is_ours_once_the_platform_says_that_the_post_is_hidden(
    slow: Bot, wall: Wall
) -> None:
    wall.done_anyway, wall.answers = True, [500, 403]
    await hide(slow)
    await closed(slow)
    for _ in range(3):
        slow.clock.advance(minutes=5)
        await outbox.drain(slow.desk, "2")
    card = await slow.card("*Misschien gelukt*", "Schelden")
    async with slow.desk.session() as session:
        told = Post("p1", Author("a", "Fatima"), "Stelletje prutsers!", slow.desk.now(), permits=ALL, hidden=True)
        await inbox.take_in(session, 2, [told], now=slow.desk.now())
    await messages.wake_lanes(slow.desk)
    await slow.card("*Verborgen* door", SANNE, "Schelden", "weet nog niet waarom")
    assert await statuses(slow) == [(Act.HIDE, ActStatus.DONE)]
    await slow.slack.wait_for(lambda: any("Toch gelukt" in read(m) for m in slow.slack.thread(CHANNEL, card["ts"])))
    [kept] = await hidings(slow)
    assert kept.review_at is not None


async def test_the_citizen_is_told_only_once_the_post_is_hidden(slow: Bot, wall: Wall) -> None:
    await hide(slow)
    await open_modal(slow, SANNE, "case:answer")
    await slow.slack.submit(SANNE, {"answer_text": "We hebben uw bericht verborgen.", "initials": "SB"})
    await slow.card("Wordt zo verstuurd")
    wall.answers = [429, 429]
    for _ in range(8):
        slow.clock.advance(minutes=5)
        await outbox.drain(slow.desk, "2")
    assert wall.wanted == ["hide p1"] * 3 + ["reply"]


async def test_a_post_that_the_platform_says_is_hidden_can_be_shown_again(acting_sqlite: Bot, wall: Wall) -> None:
    """A platform tells, when it is read again, that the post which we hid is hidden."""
    bot = acting_sqlite
    await hide(bot)
    await closed(bot)
    await bot.card("Verborgen")
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone, mention.gone_at = Gone.HIDDEN, bot.desk.now()
        session.add(mention)
    await choose(bot, "show:1:1", "Verborgen")
    await bot.slack.wait_for(lambda: wall.marks == set())


async def test_a_removed_rule_a_post_without_permit_and_a_platform_without_hiding_are_refused(
    sqlite_bot: Bot, wall: Wall
) -> None:
    bot = await with_a_case(sqlite_bot, wall.url, allowed=permits(Act.ANSWER))
    assert "Bericht verbergen…" not in await offered(bot)
    await forged(bot, SANNE, await bot.card("prutsers"), "case:more", "hide:1")
    await bot.slack.wait_for(lambda: "geen bericht dat verborgen" in text_of(bot.slack.view(SANNE) or {}))
    await closed(bot)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [Act.ANSWER, Act.HIDE]
        session.add(mention)
    card = await bot.card("prutsers")
    await forged(bot, SANNE, card, "case:more", "hide:1")
    await open_modal(bot, SANNE, "case:hide")
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = {"house_rules": []}
    await bot.slack.submit(SANNE, {"hide_rule": "Schelden"})
    assert await bot.rows(ActRow) == [] and wall.wanted == []


# --- Four eyes -----------------------------------------------------------------------------------


async def test_a_second_colleague_agrees_and_whoever_proposed_it_cannot(acting: Bot, wall: Wall) -> None:
    await hide(acting, "Discriminatie")
    assert acting.slack.view(SANNE) is None
    await acting.card("*Wacht op een tweede collega*", SANNE)
    question = await asked(acting)
    assert "Stelletje prutsers!" in text_of(question)
    await outbox.drain(acting.desk, "2")
    assert wall.wanted == []
    await acting.slack.click(SANNE, CHANNEL, question["ts"], "case:hide_agree")
    assert "iemand anders" in text_of(acting.slack.ephemerals(SANNE, CHANNEL)[-1])
    assert await statuses(acting) == [(Act.HIDE, ActStatus.ASKED)]
    await acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    await acting.card("*Verborgen* door", f"<@{SANNE}> en <@{YOUSSEF}>", "Discriminatie", "weet nog niet waarom")
    await second_says(acting, "het eens met", YOUSSEF)
    assert wall.marks == {("p1", "hidden")}
    kinds = [(e.kind, e.by) for e in await acting.rows(Event) if e.kind.startswith("act_")]
    assert kinds[:2] == [(EventKind.ACT_ASKED, SANNE), (EventKind.ACT_AGREED, YOUSSEF)]


SORRY = "Sorry, ik was boos. Wanneer is het loket open?"


async def edits(bot: Bot, text: str = SORRY, **more: Any) -> None:
    """The citizen edits the post, as the platform tells us."""
    now = bot.desk.now()
    post = Post("p1", Author("a", "Fatima"), text, now, edited_at=now, permits=ALL, **more)
    async with bot.desk.session() as session:
        await inbox.take_in(session, 2, [post], now=now)
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_who_agreed_is_told_too_that_the_platform_refused_to_hide_the_post(acting: Bot, wall: Wall) -> None:
    await hide(acting, "Discriminatie")
    question = await asked(acting)
    wall.answers = [403]
    await acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    card = await acting.card("*Niet gelukt*", SANNE)

    def told() -> list[dict[str, Any]]:
        return [m for m in acting.slack.thread(CHANNEL, card["ts"]) if "niet gelukt" in text_of(m)]

    [notice] = await acting.slack.wait_for(told)
    assert f"<@{SANNE}> <@{YOUSSEF}>, " in text_of(notice)


async def test_a_proposal_goes_to_another_team_with_its_case_and_is_decided_there(acting: Bot, wall: Wall) -> None:
    bot = acting
    beheer = await second_team(bot)
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await choose(bot, "transfer:1")
    await open_modal(bot, SANNE, "case:transfer")
    assert not (await bot.slack.submit(SANNE, {"transfer_to": str(beheer), "transfer_note": "Voor jullie"})).errors
    await second_says(bot, "De zaak ging naar een ander team")
    assert action_ids(bot.slack.message(CHANNEL, question["ts"])) == []
    card = await card_in(bot, BEHEER, "prutsers", "Wacht op een tweede collega")
    anew = await bot.slack.wait_for(
        lambda: next((m for m in bot.slack.thread(BEHEER, card["ts"]) if "case:hide_agree" in action_ids(m)), None)
    )
    assert "Stelletje prutsers!" in text_of(anew)
    await bot.slack.click(BEA, BEHEER, anew["ts"], "case:hide_agree")
    await card_in(bot, BEHEER, "Verborgen", f"<@{SANNE}> en <@{BEA}>")
    await second_says(bot, "het eens met", BEA)


async def test_a_question_to_a_second_colleague_that_slack_did_not_take_before_the_transfer_is_not_told_there(
    calm: Bot, wall: Wall
) -> None:
    bot = calm
    beheer = await second_team(bot)
    await choose(bot, "hide:1")
    await open_modal(bot, SANNE, "case:hide")
    bot.slack.faults.down = True
    assert (await bot.slack.submit(SANNE, {"hide_rule": "Discriminatie"})).ok
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.transfer(session, 1, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=now, submission="t")
        await hiding.ask_anew(session, 1, now)
    bot.slack.faults.clear()
    await at(bot, "2026-11-20 10:05")
    await messages.wake_lanes(bot.desk)
    card = await card_in(bot, BEHEER, "prutsers", "Wacht op een tweede collega")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    [question] = [m for m in bot.slack.thread(BEHEER, card["ts"]) if "Discriminatie" in text_of(m)]
    assert "case:hide_agree" in action_ids(question)


async def test_the_second_colleague_reads_that_the_post_was_edited_and_what_it_says_now(
    acting_sqlite: Bot, wall: Wall
) -> None:
    bot = acting_sqlite
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await edits(bot, "stelletje PRUTSERS")
    assert "paste het bericht" not in text_of(await asked(bot))
    await edits(bot)
    question = await asked(bot)
    assert "paste het bericht sindsdien aan" in text_of(question) and SORRY in text_of(question)
    assert SORRY in question["text"] and "Stelletje prutsers!" in text_of(question)
    await edits(bot, "Privé: ik was boos", private=True)
    question = await asked(bot)
    assert "paste het bericht sindsdien aan: de woorden staan in Details" in text_of(question)
    assert "ik was boos" not in text_of(question)


async def test_the_second_colleague_agrees_only_to_the_words_that_the_question_showed(acting: Bot, wall: Wall) -> None:
    bot = acting
    await hide(bot, "Discriminatie")
    before = await asked(bot)
    [row] = [each for each in before["blocks"] if each["type"] == "actions"]
    await edits(bot)
    await clicks_as_shown(bot, YOUSSEF, before, row)
    told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    assert "paste dit bericht intussen aan" in text_of(told[-1])
    assert await statuses(bot) == [(Act.HIDE, ActStatus.ASKED)]
    await bot.slack.click(YOUSSEF, CHANNEL, (await asked(bot))["ts"], "case:hide_agree")
    await bot.card("*Verborgen* door", f"<@{SANNE}> en <@{YOUSSEF}>")


async def clicks_as_shown(
    bot: Bot, who: str, message: dict[str, Any], row: dict[str, Any], channel: str = CHANNEL
) -> None:
    """Click the first button of a row of a message that Slack still shows as it was."""
    action = row["elements"][0] | {"block_id": row["block_id"]}
    workspace = bot.slack.workspace
    clicked = payloads.block_actions_in_message(
        workspace, who, workspace.channels[channel], message, action, {}, ephemeral=False
    )
    await bot.slack._deliver(Kind.INTERACTION, clicked)


async def test_a_post_that_was_edited_since_the_modal_was_opened_is_read_before_it_is_hidden(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    await choose(bot, "hide:1")
    await open_modal(bot, SANNE, "case:hide")
    await edits(bot)
    ack = await bot.slack.submit(SANNE, {"hide_rule": "Schelden", "hide_note": "Al gewaarschuwd"})
    assert ack.ok and not ack.errors, ack.errors
    view = await open_modal(bot, SANNE, "case:hide")
    assert SORRY in text_of(view) and "of paste een bericht aan" in text_of(view)
    assert await bot.rows(ActRow) == []
    assert (await bot.slack.submit(SANNE)).ok
    await bot.card("Verborgen", "Schelden")
    [act] = await bot.rows(ActRow)
    [kept] = await hidings(bot)
    assert (act.note, kept.text) == ("Al gewaarschuwd", SORRY)


async def test_of_several_posts_the_one_that_was_edited_is_read_in_full_before_it_is_hidden(
    acting_sqlite: Bot, wall: Wall
) -> None:
    bot, end = acting_sqlite, "en daarom bied ik mijn excuses aan"
    await writes_more(bot, "Idioten zijn het")
    await choose(bot, "hide:1", "Idioten")
    await open_modal(bot, SANNE, "case:hide")
    await edits(bot, f"{SORRY} Ik was in de war na het overlijden van mijn moeder, {end}")
    ack = await bot.slack.submit(SANNE, {"hide_rule": "Schelden", "hide_post": "1"})
    assert ack.ok and not ack.errors, ack
    view = await open_modal(bot, SANNE, "case:hide")
    assert "of paste een bericht aan" in text_of(view)
    assert end in text_of(view)
    assert await bot.rows(ActRow) == []
    assert not (await bot.slack.submit(SANNE)).errors
    [kept] = await hidings(bot)
    assert kept.text.endswith(end)


async def test_of_more_posts_than_one_list_holds_an_edited_one_is_read_before_it_is_hidden(
    acting_sqlite: Bot, wall: Wall
) -> None:
    bot, writer = acting_sqlite, Author("a", "Fatima")
    now = bot.desk.now()
    page = [Post(f"p{n}", writer, f"Idioot {n}", now, permits=ALL, in_reply_to="p1") for n in range(2, 112)]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 2, page, now=now)
    await messages.wake_lanes(bot.desk)
    await choose(bot, "hide:1", "Idioot 111")
    assert "Idioot 111" in str((await open_modal(bot, SANNE, "case:hide"))["blocks"])
    await edits(bot)
    ack = await bot.slack.submit(SANNE, {"hide_rule": "Schelden", "hide_post": "1"})
    assert ack.ok and not ack.errors, ack
    assert "of paste een bericht aan" in text_of(await open_modal(bot, SANNE, "case:hide"))
    assert not (await bot.slack.submit(SANNE)).errors
    [kept] = await hidings(bot)
    assert kept.text == SORRY


async def test_two_who_decide_at_once_decide_once(acting: Bot, wall: Wall) -> None:
    await hide(acting, "Discriminatie")
    question = await asked(acting)
    await asyncio.gather(
        acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree"),
        acting.slack.click(MARIEKE, CHANNEL, question["ts"], "case:hide_decline"),
        acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree"),
    )
    await acting.desk.wake.idle()  # type: ignore[attr-defined]  # the lane may be asking the platform just now
    await outbox.drain(acting.desk, "2")
    [(_, status)] = await statuses(acting)
    [kept] = await hidings(acting)
    agreed = status is ActStatus.DONE
    assert kept.decided_by == (YOUSSEF if agreed else MARIEKE)
    assert wall.wanted == (["hide p1"] if agreed else [])
    decided = [e.kind for e in await acting.rows(Event) if e.kind in {EventKind.ACT_AGREED, EventKind.ACT_DECLINED}]
    assert len(decided) == 1


async def test_a_second_colleague_declines_and_it_can_be_proposed_again(acting: Bot, wall: Wall) -> None:
    await hide(acting, "Discriminatie")
    question = await asked(acting)
    await acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_decline")
    await acting.card("*Afgewezen* door", YOUSSEF)
    await second_says(acting, "wees af")
    await forged(acting, MARIEKE, question, "case:hide_agree", "1:1")
    assert "al over beslist" in text_of(acting.slack.ephemerals(MARIEKE, CHANNEL)[-1])
    assert "Bericht verbergen…" in await offered(acting)
    await outbox.drain(acting.desk, "2")
    assert wall.wanted == []


async def test_whoever_proposed_it_takes_it_back_by_the_card_or_by_declining(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await bot.slack.click(SANNE, CHANNEL, question["ts"], "case:hide_decline")
    await second_says(bot, "ingetrokken")
    await hide(bot, "Discriminatie")
    card = await bot.card("Wacht op een tweede collega")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:undo_act")
    await bot.slack.wait_for(lambda: not bot.card_now("Wacht op een tweede collega"))
    await forged(bot, MARIEKE, question, "case:hide_agree", "1:2")
    assert "ingetrokken" in text_of(bot.slack.ephemerals(MARIEKE, CHANNEL)[-1])
    assert [status for _, status in await statuses(bot)] == [ActStatus.WITHDRAWN, ActStatus.WITHDRAWN]


async def test_a_post_that_was_removed_meanwhile_is_not_agreed_to(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone, mention.gone_at = Gone.BY_AUTHOR, bot.desk.now()
        session.add(mention)
    await bot.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    assert "staat er niet meer" in text_of(bot.slack.ephemerals(YOUSSEF, CHANNEL)[-1])
    await outbox.drain(bot.desk, "2")
    assert wall.wanted == []


async def redacted(bot: Bot) -> None:
    """Let its author have removed the post long ago, and delete its words."""
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone, mention.gone_at = Gone.BY_AUTHOR, bot.desk.now() - timedelta(days=400)
        session.add(mention)
    await redaction.redact(bot.desk)
    assert [mention.text for mention in await bot.rows(Mention)] == [""]


async def details(bot: Bot) -> str:
    """What the details of the case show."""
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "details:1")
    said = read(await open_modal(bot, SANNE, "said"))
    await closed(bot)
    return said


async def test_the_copy_of_a_removed_post_that_nobody_hid_goes_with_its_words(acting: Bot, wall: Wall) -> None:
    bot = acting
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_decline")
    await bot.card("*Afgewezen* door", YOUSSEF)
    await hide(bot, "Discriminatie")
    card = await bot.card("Wacht op een tweede collega")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo_act")
    await bot.slack.wait_for(lambda: not bot.card_now("Wacht op een tweede collega"))
    wall.answers = [403]
    await hide(bot)
    await closed(bot)
    await bot.card("*Niet gelukt*")
    ended = [ActStatus.DECLINED, ActStatus.WITHDRAWN, ActStatus.FAILED]
    assert [status for _, status in await statuses(bot)] == ended
    assert (await details(bot)).count("Stelletje prutsers!") == 4, "the post and three copies"
    await redacted(bot)
    assert [(each.text, each.url, each.author, bool(each.rule)) for each in await hidings(bot)] == [
        ("", "", "", True)
    ] * 3
    said = await details(bot)
    assert "prutsers" not in said and "Kopie van" not in said


async def test_the_copy_of_a_removed_post_stays_while_it_may_still_be_hidden(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await redacted(bot)
    assert [each.text for each in await hidings(bot)] == ["Stelletje prutsers!"]
    await bot.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_decline")
    await second_says(bot, "wees af")
    assert [each.text for each in await hidings(bot)] == [""]


async def test_the_copy_of_a_removed_post_that_was_hidden_stays(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    await hide(bot, "Spam of reclame")
    await bot.card("Verborgen", "Spam of reclame")
    await redacted(bot)
    assert [each.text for each in await hidings(bot)] == ["Stelletje prutsers!"]
    assert "Stelletje prutsers!" in await details(bot)


async def test_a_reader_and_a_stranger_neither_propose_nor_agree_and_another_case_is_refused(
    acting_sqlite: Bot, wall: Wall
) -> None:
    bot = acting_sqlite
    await make_role(bot, MARIEKE, Role.READER)
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    await bot.slack.click(MARIEKE, CHANNEL, question["ts"], "case:hide_agree")
    await forged(bot, MARIEKE, await bot.card("prutsers"), "case:more", "hide:1")
    assert all("kijkt alleen mee" in text_of(each) for each in bot.slack.ephemerals(MARIEKE, CHANNEL))
    bot.citizen_posts("Een andere vraag", name="Piet")
    other = await bot.card("andere vraag")
    for value in ("2:1", "1:99"):
        await forged(bot, YOUSSEF, other, "case:hide_agree", value)
        assert "andere zaak" in text_of(bot.slack.ephemerals(YOUSSEF, CHANNEL)[-1])
    assert await statuses(bot) == [(Act.HIDE, ActStatus.ASKED)]


async def test_an_answer_after_the_hide_counts_as_telling_whatever_its_words(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    await hide(bot)
    await closed(bot)
    card = await bot.card("weet nog niet waarom")
    await answer(bot, SANNE, card, "Zo praten we hier niet.")
    await bot.card("*Beantwoord*")
    await messages.sync(bot.desk, 1)
    assert "weet nog niet" not in text_of(await bot.card("*Beantwoord*"))


async def test_an_answer_from_before_a_second_colleague_agreed_told_nobody_of_the_hide(acting: Bot, wall: Wall) -> None:
    await hide(acting, "Discriminatie")
    question = await asked(acting)
    await answer(acting, SANNE, await acting.card("*Wacht op een tweede collega*"), "Het loket is om 9 uur open.")
    await acting.card("*Beantwoord*")
    await acting.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    await acting.card("*Beantwoord*", "*Verborgen* door", "weet nog niet waarom")
    await choose(acting, "reopen:1", "*Beantwoord*")
    await acting.card("In behandeling")
    await choose(acting, "tell:1")
    assert "we hebben uw bericht verborgen" in begins_with(await open_modal(acting, SANNE, "case:answer"))


async def test_killed_between_agreeing_and_carrying_out_the_post_is_hidden_once_by_whoever_comes_next(
    slow: Bot, wall: Wall
) -> None:
    """The process that took the click carries nothing out: what it committed is all that is needed."""
    await hide(slow, "Discriminatie")
    question = await asked(slow)
    await slow.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    assert await statuses(slow) == [(Act.HIDE, ActStatus.APPROVED)]
    slow.clock.advance(minutes=2)
    async with second_desk(slow) as other:
        await asyncio.gather(outbox.drain(other, "2"), outbox.drain(slow.desk, "2"))
    assert wall.wanted == ["hide p1"]
    assert await statuses(slow) == [(Act.HIDE, ActStatus.DONE)]


async def test_a_hide_to_which_a_colleague_agreed_only_just_is_not_said_to_wait_for_long(slow: Bot, wall: Wall) -> None:
    bot = slow
    await hide(bot, "Discriminatie")
    question = await asked(bot)
    bot.clock.advance(minutes=90)
    await bot.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")

    async def told() -> int:
        await replies.look_after(bot.desk)
        return len([m for m in await bot.rows(Message) if m.kind is MessageKind.ACT_PROBLEM])

    assert await told() == 0, "they may still undo it"
    wall.answers = [429] * 9
    bot.clock.advance(minutes=2)
    await outbox.drain(bot.desk, "2")
    assert await statuses(bot) == [(Act.HIDE, ActStatus.APPROVED)]
    assert await told() == 0
    bot.clock.advance(minutes=58)
    assert await told() == 1


# --- By the clock --------------------------------------------------------------------------------


async def at(bot: Bot, moment: str) -> None:
    """Move the clock, and let the minute's job run."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    await due.look_after(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


def said_to(bot: Bot, person: str, *words: str) -> list[dict[str, Any]]:
    return [m for m in bot.slack.direct(person) if all(word in read(m) for word in words)]


@pytest.fixture(name="calm")
async def calm_fixture(database_url: str, slack: Sandbox, to_wall: Between) -> AsyncIterator[Bot]:
    """The bot on a Friday morning; the clock stands still until it is moved. Marieke coordinates."""
    async with running_bot(database_url, slack, StoppedClock(local("2026-11-20 10:00"))) as running:
        await settings(running, coordinators=[MARIEKE])
        yield await with_a_case(running, to_wall.url)


async def test_what_waits_for_a_second_colleague_is_not_forgotten(calm: Bot, wall: Wall) -> None:
    await hide(calm, "Discriminatie")
    await asked(calm)
    await at(calm, "2026-11-20 10:30")
    assert said_to(calm, MARIEKE, "tweede collega") == []
    for _ in range(2):
        await at(calm, "2026-11-20 11:01")
    [first] = said_to(calm, MARIEKE, "tweede collega", "Het wacht al 1 uur werktijd")
    await at(calm, "2026-11-22 12:00")  # a Sunday
    await at(calm, "2026-11-23 09:30")
    assert len(said_to(calm, MARIEKE, "tweede collega")) == 1
    await at(calm, "2026-11-23 11:30")
    assert len(said_to(calm, MARIEKE, "Het wacht al 8 uur werktijd")) == 1
    await calm.slack.click(MARIEKE, calm.direct_channel(MARIEKE), first["ts"], "case:hide_agree")
    await calm.card("*Verborgen* door", MARIEKE)
    await calm.desk.wake.idle()  # type: ignore[attr-defined]
    assert said_to(calm, MARIEKE, "Het wacht al") == []
    assert len(said_to(calm, MARIEKE, "het eens met")) == 2
    await at(calm, "2026-11-24 16:30")
    assert len(said_to(calm, MARIEKE)) == 2


async def test_a_proposal_about_a_post_that_its_author_removed_is_taken_back(calm: Bot, wall: Wall) -> None:
    await hide(calm, "Discriminatie")
    await asked(calm)
    async with calm.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone, mention.gone_at = Gone.BY_AUTHOR, calm.desk.now()
        session.add(mention)
    await at(calm, "2026-11-20 10:05")
    assert await statuses(calm) == [(Act.HIDE, ActStatus.WITHDRAWN)]
    await second_says(calm, "ingetrokken")


async def test_a_proposal_about_a_post_that_is_hidden_on_the_platform_itself_is_taken_back(
    calm: Bot, wall: Wall
) -> None:
    await hide(calm, "Discriminatie")
    question = await asked(calm)
    async with calm.desk.session() as session:
        told = Post("p1", Author("a", "Fatima"), "Stelletje prutsers!", calm.desk.now(), permits=ALL, hidden=True)
        await inbox.take_in(session, 2, [told], now=calm.desk.now())
    await calm.slack.click(YOUSSEF, CHANNEL, question["ts"], "case:hide_agree")
    assert "op het platform zelf verborgen" in text_of(calm.slack.ephemerals(YOUSSEF, CHANNEL)[-1])
    await at(calm, "2026-11-20 10:05")
    assert await statuses(calm) == [(Act.HIDE, ActStatus.WITHDRAWN), (Act.HIDE, ActStatus.DONE)]
    await second_says(calm, "ingetrokken")
    await at(calm, "2026-11-20 16:00")
    assert said_to(calm, MARIEKE) == []
    assert wall.wanted == []


async def hidden_long_ago(bot: Bot) -> None:
    await hide(bot)
    await closed(bot)
    await bot.card("Verborgen")


async def test_after_ninety_days_the_coordinators_are_asked_once_and_keep_it_hidden(calm: Bot, wall: Wall) -> None:
    await hidden_long_ago(calm)
    await at(calm, "2027-02-17 10:00")
    assert said_to(calm, MARIEKE) == []
    for moment in ("2027-02-20 12:00", "2027-02-22 10:00", "2027-02-22 11:00", "2027-02-23 10:00"):
        await at(calm, moment)
    [question] = said_to(calm, MARIEKE, "nog steeds nodig", "Stelletje prutsers!")
    where, value = calm.direct_channel(MARIEKE), value_of(question, "case:hide_keep")
    for _ in range(2):
        await forged(calm, MARIEKE, question, "case:hide_keep", value, channel=where)
    await calm.desk.wake.idle()  # type: ignore[attr-defined]
    [question] = said_to(calm, MARIEKE, "blijft verborgen", "24 mei 2027")
    [kept] = await hidings(calm)
    assert (kept.kept_by, kept.review_at) == (MARIEKE, calm.desk.now() + timedelta(days=90))
    await at(calm, "2027-05-25 10:00")
    assert len(said_to(calm, MARIEKE, "nog steeds nodig")) == 1


async def next_review(bot: Bot) -> datetime:
    """When `webcare doctor` says that the coordinators are asked next."""
    async with bot.desk.reading() as session:
        file = await cases.read(session, 1)
        [coming] = await looking_again.reviews(session, file, TeamSettings.of(file.team.settings), bot.desk.now())
    return coming.at


async def test_a_review_that_everybody_ignores_is_asked_again_each_week_until_somebody_decides(
    calm: Bot, wall: Wall
) -> None:
    await hidden_long_ago(calm)
    due = {"2027-02-18 10:01": 1, "2027-02-25 16:00": 1, "2027-02-26 09:30": 2, "2027-02-27 12:00": 2}
    for moment, times in {**due, "2027-03-04 10:00": 2, "2027-03-05 10:00": 3}.items():
        for _ in range(2):
            await at(calm, moment)
        assert len(said_to(calm, MARIEKE, "nog steeds nodig")) == times, moment
        assert await next_review(calm) == local(f"2027-{('02-26', '03-05', '03-12')[times - 1]} 09:00")
    question = said_to(calm, MARIEKE, "nog steeds nodig")[-1]
    await calm.slack.click(MARIEKE, calm.direct_channel(MARIEKE), question["ts"], "case:hide_keep")
    await calm.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(said_to(calm, MARIEKE, "blijft verborgen")) == 3
    await at(calm, "2027-03-22 10:00")
    assert said_to(calm, MARIEKE, "nog steeds nodig") == []


async def asked_while_slack_was_away(bot: Bot, rule: str, asked_at: str) -> None:
    """A post was hidden for this rule, and its coordinators were asked about it when Slack took nothing."""
    bot.clock.at = local("2026-11-20 15:59")  # type: ignore[attr-defined]
    await hide(bot, rule)
    await closed(bot)
    await bot.card("Verborgen" if rule == "Schelden" else "Wacht op een tweede collega")
    bot.slack.faults.down = True
    await at(bot, asked_at)
    bot.slack.faults.clear()


@pytest.mark.parametrize(
    ("rule", "asked_at", "opens_at", "words"),
    [
        ("Schelden", "2027-02-18 16:59", "2027-02-19 09:00", "nog steeds nodig"),
        ("Discriminatie", "2026-11-20 16:59", "2026-11-23 09:00", "Het wacht al 1 uur werktijd"),
    ],
)
async def test_what_coordinators_are_asked_and_slack_did_not_take_before_closing_comes_at_the_opening(
    calm: Bot, wall: Wall, rule: str, asked_at: str, opens_at: str, words: str
) -> None:
    await asked_while_slack_was_away(calm, rule, asked_at)
    for hour, times in (("18:00", 0), ("23:59", 0), (opens_at, 1)):
        await at(calm, hour if times else f"{asked_at[:10]} {hour}")
        await messages.wake_lanes(calm.desk)
        await calm.desk.wake.idle()  # type: ignore[attr-defined]
        assert len(said_to(calm, MARIEKE, words)) == times, hour


@pytest.mark.parametrize(
    ("rule", "asked_at", "opens_at"),
    [
        ("Schelden", "2027-02-18 16:59", "2027-02-19 09:00"),
        ("Discriminatie", "2026-11-20 16:59", "2026-11-23 09:00"),
    ],
)
async def test_what_was_decided_before_slack_took_the_question_to_coordinators_is_not_told_to_them_any_more(
    calm: Bot, wall: Wall, rule: str, asked_at: str, opens_at: str
) -> None:
    await asked_while_slack_was_away(calm, rule, asked_at)
    [hidden] = await hidings(calm)
    async with calm.desk.session() as session:
        about: dict[str, Any] = {"case_id": 1, "by": YOUSSEF, "now": calm.desk.now()}
        if hidden.review_at is not None and rule == "Schelden":
            await looking_again.keep(session, hidden.act_id, at=hidden.review_at.isoformat(), **about)
        else:
            await hiding.agree(session, hidden.act_id, undo=timedelta(), **about)
    for moment in (f"{asked_at[:10]} 17:30", opens_at):
        await at(calm, moment)
        await messages.wake_lanes(calm.desk)
        await calm.desk.wake.idle()  # type: ignore[attr-defined]
        assert said_to(calm, MARIEKE) == []


async def test_who_reviews_a_hidden_post_reads_that_it_was_edited(calm: Bot, wall: Wall) -> None:
    await hidden_long_ago(calm)
    await at(calm, "2027-02-22 10:00")
    assert said_to(calm, MARIEKE, "nog steeds nodig", SORRY) == []
    [before] = said_to(calm, MARIEKE, "nog steeds nodig")
    [row] = [each for each in before["blocks"] if each["type"] == "actions"]
    await edits(calm)
    [question] = said_to(calm, MARIEKE, "nog steeds nodig", "Stelletje prutsers!", SORRY)
    assert SORRY in question["text"]
    where = calm.direct_channel(MARIEKE)
    await clicks_as_shown(calm, MARIEKE, before, row, where)
    [kept] = await hidings(calm)
    assert kept.kept_by is None
    await calm.slack.click(MARIEKE, where, question["ts"], "case:hide_keep")
    [kept] = await hidings(calm)
    assert kept.kept_by == MARIEKE


async def test_a_team_that_gets_the_case_while_the_review_waits_is_asked_too(calm: Bot, wall: Wall) -> None:
    await hidden_long_ago(calm)
    await at(calm, "2027-02-22 10:00")
    assert len(said_to(calm, MARIEKE, "nog steeds nodig")) == 1
    beheer = await second_team(calm, coordinators=[BEA])
    await choose(calm, "transfer:1")
    await open_modal(calm, SANNE, "case:transfer")
    ack = await calm.slack.submit(SANNE, {"transfer_to": str(beheer), "transfer_note": "Voor jullie"})
    assert ack.ok and not ack.errors, ack.errors
    for moment in ("2027-02-22 10:01", "2027-02-22 10:02"):
        await at(calm, moment)
    [question] = said_to(calm, BEA, "nog steeds nodig", "Stelletje prutsers!")
    [former] = said_to(calm, MARIEKE, "ging naar een ander team", "verborgen blijft")
    assert action_ids(former) == []
    await calm.slack.click(BEA, calm.direct_channel(BEA), question["ts"], "case:hide_keep")
    [kept] = await hidings(calm)
    assert kept.kept_by == BEA


def value_of(message: dict[str, Any], action_id: str) -> str:
    """The value of this button of a message, to click it also when a colleague was faster."""
    return next(each["value"] for _, each in input_state.elements(message["blocks"]) if each["action_id"] == action_id)


async def test_after_ninety_days_a_coordinator_shows_the_post_again(calm: Bot, wall: Wall) -> None:
    await hidden_long_ago(calm)
    await at(calm, "2027-02-22 10:00")
    [question] = said_to(calm, MARIEKE, "nog steeds nodig")
    keeps = value_of(question, "case:hide_keep")
    await calm.slack.click(MARIEKE, calm.direct_channel(MARIEKE), question["ts"], "case:hide_show")
    await outbox.drain(calm.desk, "2")
    await calm.desk.wake.idle()  # type: ignore[attr-defined]  # the lane may have taken it before us
    assert wall.marks == set()
    await forged(calm, YOUSSEF, await calm.card("prutsers"), "case:hide_keep", keeps)
    assert "al besloten" in text_of(calm.slack.ephemerals(YOUSSEF, CHANNEL)[-1])
    assert len(said_to(calm, MARIEKE, "toont het bericht weer")) == 1
    await at(calm, "2027-06-22 10:00")
    assert len(said_to(calm, MARIEKE)) == 1


async def test_nobody_is_asked_about_a_post_that_is_shown_again_or_no_longer_there(calm: Bot, wall: Wall) -> None:
    await hidden_long_ago(calm)
    await choose(calm, "show:1:1", "Verborgen")
    await outbox.drain(calm.desk, "2")
    await calm.desk.wake.idle()  # type: ignore[attr-defined]  # the lane may have taken it before us
    await at(calm, "2027-02-22 10:00")
    assert said_to(calm, MARIEKE) == []
    assert [kept.review_at for kept in await hidings(calm)] == [None]


async def test_a_post_that_the_platform_does_not_show_again_stays_under_review(calm: Bot, wall: Wall) -> None:
    """Showing it again is asked for in the review; the platform refuses, after a look by the clock in between."""
    await hidden_long_ago(calm)
    await at(calm, "2027-02-22 10:00")
    [question] = said_to(calm, MARIEKE, "nog steeds nodig")
    where = calm.direct_channel(MARIEKE)
    for verb in (accounts.stop, accounts.start):
        async with calm.desk.session() as session:
            verb(session, await session.get_one(Account, 2), calm.desk.now())
        if verb is accounts.stop:
            await calm.slack.click(MARIEKE, where, question["ts"], "case:hide_show")
            await calm.slack.wait_for(lambda: said_to(calm, MARIEKE, "toont het bericht weer"))
            await at(calm, "2027-02-22 10:01")
    wall.answers = [403]
    await outbox.drain(calm.desk, "2")
    await calm.desk.wake.idle()  # type: ignore[attr-defined]
    assert wall.marks == {("p1", "hidden")}
    await calm.card("*Niet gelukt*", "bericht weer tonen", "weet nog niet waarom")
    [question] = said_to(calm, MARIEKE, "nog steeds nodig")
    await at(calm, "2027-03-02 10:00")
    assert len(said_to(calm, MARIEKE, "nog steeds nodig")) == 2
    await calm.slack.click(MARIEKE, where, question["ts"], "case:hide_keep")
    [kept] = await hidings(calm)
    assert kept.kept_by == MARIEKE


async def test_without_coordinators_the_channel_is_asked(calm: Bot, wall: Wall) -> None:
    await settings(calm)
    await hidden_long_ago(calm)
    await at(calm, "2027-02-22 10:00")
    [question] = [m for m in calm.slack.messages(CHANNEL) if "nog steeds nodig" in read(m)]
    assert question.get("thread_ts", question["ts"]) == question["ts"]


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize(
    ("rule", "moment", "later", "words"),
    [
        ("Schelden", "2027-02-22 10:00", "2027-02-22 11:00", "nog steeds nodig"),
        ("Discriminatie", "2026-11-20 11:01", "2026-11-20 12:00", "Het wacht al"),
    ],
)
async def test_what_the_channel_is_asked_comes_in_the_new_one_of_the_team_when_its_own_is_archived(
    calm: Bot, wall: Wall, rule: str, moment: str, later: str, words: str, is_asked: bool
) -> None:
    await settings(calm)
    await hide(calm, rule)
    await closed(calm)
    await calm.desk.wake.idle()  # type: ignore[attr-defined]
    if is_asked:
        await at(calm, moment)
    await calm.slack.archive(CHANNEL)
    await at(calm, moment)
    await moves_to(calm, "C0ALGEMEEN")
    for minutes in (0, 5):
        calm.clock.at = local(later) + timedelta(minutes=minutes)  # type: ignore[attr-defined]
        await messages.wake_lanes(calm.desk)
        await calm.desk.wake.idle()  # type: ignore[attr-defined]
    assert sum(words in read(m) for m in calm.slack.messages("C0ALGEMEEN")) == (not is_asked)
    await edits(calm)
    for minutes in (10, 15, 20):
        calm.clock.at = local(later) + timedelta(minutes=minutes)  # type: ignore[attr-defined]
        await messages.wake_lanes(calm.desk)
        await calm.desk.wake.idle()  # type: ignore[attr-defined]
    assert not [m.kind for m in await calm.rows(Message) if m.shown_version < m.version]


# --- Figures -------------------------------------------------------------------------------------


async def test_hidden_posts_are_counted_by_their_rule(acting: Bot, wall: Wall) -> None:
    await hide(acting)
    await closed(acting)
    await acting.card("Verborgen")
    await choose(acting, "show:1:1", "Verborgen")
    await acting.slack.wait_for(lambda: wall.marks == set())
    assert "Berichten verborgen: *1* (⁨Schelden⁩ 1)" in await command(acting, SANNE, "/webcare stats vandaag")
    async with acting.desk.reading() as session:
        team, now = await session.get_one(Team, 1), acting.desk.now()
        period = Period(now - timedelta(hours=1), now + timedelta(hours=1))
        counted = await reports.figures(session, team, period, now)
        hid = [line for line in await export.lines(session, team, period, now) if line.what == export.HID]
    assert counted.hidden == {"Schelden": 1}
    assert [(line.case_id, line.reason) for line in hid] == [(1, "Schelden")]
