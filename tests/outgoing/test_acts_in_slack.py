"""What agents do to posts from Slack: like them, remove our own answer, and take that back; and what the card says."""

import asyncio

from bot.cases import inbox
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Gone, Post, permits
from bot.models import Act as ActRow
from bot.models import ActStatus, Event, Mention, Reply
from bot.outgoing import outbox
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from jobs import replies, sweep
from tests.acting import ALL, choose, come_to, forged, offered, statuses, with_a_case, writes_more
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.fakes.wall import Wall
from tests.people import answer, open_modal, stopped


async def test_a_post_is_liked_and_the_like_taken_back(acting: Bot, wall: Wall) -> None:
    await choose(acting, "like:1:1")
    card = await acting.card("♥ *Geliket* door", SANNE)
    assert "Geliket door" in card["text"]
    assert wall.marks == {("p1", "liked")}
    await acting.slack.wait_for(lambda: (view := acting.slack.view(SANNE)) and "Like intrekken" in text_of(view))
    await acting.slack.click_in_view(SANNE, "case:more", value="unlike:1:1")
    await come_to(acting, (Act.LIKE, ActStatus.DONE), (Act.UNLIKE, ActStatus.DONE))
    assert wall.marks == set()
    await acting.slack.wait_for(lambda: not acting.card_now("Geliket"))
    assert [e.by for e in await acting.rows(Event) if e.kind is EventKind.ACT_APPROVED] == [SANNE, SANNE]


async def test_of_several_liked_posts_the_agent_chooses_of_which_the_like_is_taken_back(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    await choose(bot, "like:1:1")
    await come_to(bot, (Act.LIKE, ActStatus.DONE))
    await writes_more(bot, "En bedankt")
    await choose(bot, "like:1:2", "En bedankt")
    await come_to(bot, *[(Act.LIKE, ActStatus.DONE)] * 2)
    assert "Like intrekken" not in await offered(bot, "En bedankt")
    await choose(bot, "unlike_one:1", "En bedankt")
    view = await open_modal(bot, SANNE, "case:unlike_one")
    assert "Stelletje prutsers!" in text_of(view) and "En bedankt" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"unlike_post": "1"})
    assert ack.ok and not ack.errors, ack.errors
    await come_to(bot, *[(Act.LIKE, ActStatus.DONE)] * 2, (Act.UNLIKE, ActStatus.DONE))
    assert wall.marks == {("p2", "liked")}
    assert "Like intrekken" in await offered(bot, "En bedankt")


async def test_of_several_posts_the_agent_chooses_which_is_liked(acting: Bot, wall: Wall) -> None:
    bot = acting
    await writes_more(bot, "Laat ook maar")
    assert "Liken" not in await offered(bot, "Laat ook maar")
    await choose(bot, "like_one:1", "Laat ook maar")
    view = await open_modal(bot, SANNE, "case:like_one")
    assert "Stelletje prutsers!" in text_of(view) and "Laat ook maar" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"like_post": "1"})
    assert ack.ok and not ack.errors, ack.errors
    await come_to(bot, (Act.LIKE, ActStatus.DONE))
    assert wall.marks == {("p1", "liked")}
    assert "Liken" in await offered(bot, "Laat ook maar"), "one is left"


async def test_two_agents_who_like_at_once_like_once(acting: Bot, wall: Wall) -> None:
    card = await acting.card("prutsers")
    await asyncio.gather(*(forged(acting, who, card, "case:more", "like:1:1") for who in (SANNE, YOUSSEF)))
    await acting.card("Geliket")
    assert wall.wanted == ["like p1"]


async def test_a_like_is_undone_before_it_is_carried_out(slow: Bot, wall: Wall) -> None:
    await choose(slow, "like:1:1")
    card = await slow.card("*Zo meteen*", "bericht liken", SANNE)
    assert "Like intrekken" in await offered(slow)
    await slow.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:undo_act")
    await slow.slack.wait_for(lambda: not slow.card_now("Zo meteen"))
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    assert (wall.wanted, await statuses(slow)) == ([], [(Act.LIKE, ActStatus.WITHDRAWN)])
    await forged(slow, SANNE, card, "case:undo_act", "1:1")  # of a card that stood still
    assert not slow.slack.ephemerals(SANNE, CHANNEL)


async def test_undo_is_too_late_once_the_platform_was_asked_and_never_of_another_case(slow: Bot, wall: Wall) -> None:
    await choose(slow, "like:1:1")
    card = await slow.card("*Zo meteen*")
    await forged(slow, SANNE, card, "case:undo_act", "1:99")
    slow.citizen_posts("Een andere vraag", name="Piet")
    other = await slow.card("andere vraag")
    await forged(slow, SANNE, other, "case:undo_act", "2:1")
    assert await statuses(slow) == [(Act.LIKE, ActStatus.APPROVED)]
    slow.clock.advance(minutes=2)
    await outbox.drain(slow.desk, "2")
    await forged(slow, SANNE, card, "case:undo_act", "1:1")
    said = [text_of(each) for each in slow.slack.ephemerals(SANNE, CHANNEL)]
    assert [("andere zaak" in words, "Ongedaan maken" in words) for words in said] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    assert wall.wanted == ["like p1"]


async def test_what_the_platform_refuses_is_said_on_the_card(acting_sqlite: Bot, wall: Wall) -> None:
    wall.answers = [403]
    await choose(acting_sqlite, "like:1:1")
    await acting_sqlite.card("*Niet gelukt*", "bericht liken", "Because.")
    assert "Liken" in await offered(acting_sqlite)


async def test_what_waits_for_a_stopped_account_is_said_to_wait_and_heard_of_until_it_is_done(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    await stopped(bot, "gemeente")
    await choose(bot, "like:1:1")
    card = await bot.card("*Wacht*", "account is gestopt", "bericht liken", SANNE)
    assert "Zo meteen" not in text_of(card)
    for minutes in (30, 31, 31):
        bot.clock.advance(minutes=minutes)
        await replies.look_after(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        said = [text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])]
        assert len(said) == (minutes == 31), "after an hour, once"
    assert f"<@{SANNE}>" in said[0] and "bericht liken" in said[0] and "account is gestopt" in said[0]
    await stopped(bot, "gemeente", again=True)
    await sweep(bot.desk)
    await come_to(bot, (Act.LIKE, ActStatus.DONE))
    await bot.card("Geliket")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert "Toch gelukt" in text_of(bot.slack.thread(CHANNEL, card["ts"])[0])


async def test_what_was_said_to_be_tried_again_is_said_to_wait_once_the_account_is_stopped(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    wall.answers = [429] * 9
    await choose(bot, "like:1:1")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    card = await bot.card("bericht liken")
    bot.clock.advance(minutes=61)
    await outbox.drain(bot.desk, "2")

    def says(words: str) -> bool:
        return any(words in text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"]))

    await bot.slack.wait_for(lambda: says("blijven het proberen"))
    await stopped(bot, "gemeente")
    await outbox.drain(bot.desk, "2")
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(lambda: says("account is gestopt") and not says("blijven het proberen"))


async def test_only_what_a_post_allows_is_offered_and_a_choice_of_an_old_menu_is_refused(
    sqlite_bot: Bot, wall: Wall
) -> None:
    bot = await with_a_case(sqlite_bot, wall.url, allowed=permits(Act.ANSWER))
    assert not {"Liken", "Ons antwoord verwijderen…"} & await offered(bot)
    card = await bot.card("prutsers")
    for value in ("like:1:1", "like:1:99", "unlike:1:1"):
        await forged(bot, SANNE, card, "case:more", value)
    said = [text_of(each) for each in bot.slack.ephemerals(SANNE, CHANNEL)]
    assert len(said) == 3 and "andere zaak" in said[1]
    assert (await bot.rows(ActRow), wall.wanted) == ([], [])


async def test_a_like_is_for_the_post_that_the_card_showed(acting_sqlite: Bot, wall: Wall) -> None:
    """The citizen writes again between the card and the click."""
    bot, author = acting_sqlite, Author("a", "Fatima")
    async with bot.desk.session() as session:
        post = Post("p2", author, "En jullie zijn lui", bot.desk.now(), in_reply_to="p1", permits=ALL)
        await inbox.take_in(session, 2, [post], now=bot.desk.now())
    await forged(bot, SANNE, await bot.card("prutsers"), "case:more", "like:1:1")
    await bot.card("Geliket", "(⁨Stelletje prutsers!⁩)")
    assert wall.marks == {("p1", "liked")}


async def test_a_post_that_its_author_removed_meanwhile_is_not_liked(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone_at, mention.gone = bot.desk.now(), Gone.BY_AUTHOR
        session.add(mention)
    assert "Liken" not in await offered(bot)
    await forged(bot, SANNE, await bot.card("prutsers"), "case:more", "like:1:1")
    assert "staat er niet meer" in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
    assert wall.wanted == []


async def answered(bot: Bot) -> None:
    """Let Sanne answer, and the citizen read it."""
    await answer(bot, SANNE, await bot.card("prutsers"), "Dat spijt ons.")
    await bot.card("*Beantwoord*")
    await outbox.drain(bot.desk, "2")
    await messages.sync(bot.desk, 1)


async def test_our_answer_is_removed_for_a_reason_and_kept_here(acting: Bot, wall: Wall) -> None:
    await answered(acting)
    await choose(acting, "remove:1", "*Beantwoord*", person=YOUSSEF)
    view = await open_modal(acting, YOUSSEF, "case:remove")
    assert "Dat spijt ons." in text_of(view)
    ack = await acting.slack.submit(YOUSSEF, {"remove_why": " "})
    assert "remove_why" in (ack.errors or {})
    ack = await acting.slack.submit(YOUSSEF, {"remove_why": "Verkeerde persoon."})
    assert ack.ok and not ack.errors
    await acting.card("*Beantwoord*", "ons antwoord is verwijderd")
    assert ("r1", "removed") in wall.marks
    [act] = await acting.rows(ActRow)
    assert (act.kind, act.status, act.by, act.note) == (Act.DELETE, ActStatus.DONE, YOUSSEF, "Verkeerde persoon.")
    [reply] = await acting.rows(Reply)
    assert (reply.gone, reply.text) == (Gone.BY_AUTHOR, "Dat spijt ons. ^SB")
    card = await acting.card("*Beantwoord*")
    await acting.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    shown = text_of(await open_modal(acting, SANNE, "said"))
    assert all(words in shown for words in ("verwijderd van het platform", "Dat spijt ons.", "Verkeerde persoon."))
    await acting.slack.close_view(SANNE)
    assert "Ons antwoord verwijderen…" not in await offered(acting, "*Beantwoord*")


async def test_an_answer_that_the_platform_keeps_stays_as_it_is(acting_sqlite: Bot, wall: Wall) -> None:
    await answered(acting_sqlite)
    wall.answers = [403]
    await choose(acting_sqlite, "remove:1", "*Beantwoord*")
    await open_modal(acting_sqlite, SANNE, "case:remove")
    await acting_sqlite.slack.submit(SANNE, {"remove_why": "Verkeerde persoon."})
    await acting_sqlite.card("*Niet gelukt*", "ons antwoord verwijderen", "Because.")
    assert (await acting_sqlite.rows(Reply))[0].gone is None
    assert "Ons antwoord verwijderen…" in await offered(acting_sqlite, "*Beantwoord*")
