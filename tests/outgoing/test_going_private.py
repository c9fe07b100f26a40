"""From a public post to a private talk: a private message, and once that was sent, words in public beside it."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bot import cases
from bot.connectors.base import Sent, Unknowable
from bot.domain.case import Status
from bot.domain.mention import Act, permits, permits_to_json
from bot.domain.period import Period
from bot.figures import reports
from bot.models import Mention, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing import outbox, outcomes, queue
from bot.outgoing import replies as replying
from bot.outgoing.composing import Answer
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from jobs import poll, sla, sweep, workspace
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import connect, mention, open_modal, read, settings

STATUSES = "/api/v1/statuses"
ASKED = "@gemeente Hoe hoog is mijn aanslag?"
OURS, BESIDE = "Je aanslag is € 312.", "We hebben u hierover een privébericht gestuurd."


@pytest.fixture
async def asked(bot: Bot, mastodon: FakeMastodon) -> Bot:
    """A public question on Mastodon that can be answered privately too."""
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", ASKED)
    await poll.poll_due(bot.desk)
    await bot.card("aanslag", "Nieuw")
    return bot


async def goes_private(bot: Bot, shows: str = "case:answer") -> dict[str, Any]:
    """Sanne chooses "Privé verder…" behind "Meer…" in the menu of the card; returns what that shows."""
    card = await bot.card("aanslag")
    ack = await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    assert ack.ok
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="to_private:1")
    return await open_modal(bot, SANNE, shows)


async def sends(bot: Bot, **filled: str) -> None:
    asks = "initials" in action_ids(bot.slack.view(SANNE))
    ack = await bot.slack.submit(SANNE, {"answer_text": OURS, **({"initials": "SB"} if asks else {}), **filled})
    assert ack.ok and not ack.errors, ack.errors


async def published(bot: Bot, mastodon: FakeMastodon, count: int) -> list[tuple[str, str]]:
    """Wait until so many statuses are there; return who may read each and its words, the oldest first."""

    async def there() -> bool:
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        return len(mastodon.statuses_by_team()) == count

    await eventually(there)
    return [
        (status["visibility"], mastodon.as_team("GET", f"{STATUSES}/{status['id']}/source")["text"])
        for status in sorted(mastodon.statuses_by_team(), key=lambda each: int(each["id"]))
    ]


async def replies(bot: Bot) -> list[tuple[ReplyKind, ReplyStatus]]:
    return [(reply.kind, reply.status) for reply in await bot.rows(Reply)]


async def test_the_private_message_goes_first_and_then_everyone_reads_that_it_was_sent(
    asked: Bot, mastodon: FakeMastodon
) -> None:
    bot = asked
    view = await goes_private(bot)
    assert "alleen" in text_of(view) and BESIDE in str(view)
    await sends(bot)
    assert await published(bot, mastodon, 2) == [("direct", f"@jan {OURS} ^SB"), ("public", f"@jan {BESIDE} ^SB")]
    await bot.card("*Beantwoord*", "privébericht")
    assert await replies(bot) == [(ReplyKind.FINAL, ReplyStatus.SENT), (ReplyKind.INVITATION, ReplyStatus.SENT)]
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.ANSWERED, SANNE)


async def test_whoever_takes_a_case_over_to_go_on_in_private_does_so(asked: Bot) -> None:
    bot = asked
    card = await bot.card("aanslag")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    await bot.card("aanslag", "In behandeling", YOUSSEF)
    assert await goes_private(bot, "case:take_over")
    assert (await bot.slack.submit(SANNE)).ok
    view = await open_modal(bot, SANNE, "case:answer")
    assert "Privé: alleen" in text_of(view) and "Openbaar: iedereen" not in text_of(view)
    assert BESIDE in str(view)
    assert (await bot.case()).assignee == SANNE


async def test_what_the_citizen_writes_under_either_joins_the_case(asked: Bot, mastodon: FakeMastodon) -> None:
    bot = asked
    await goes_private(bot)
    await sends(bot)
    await published(bot, mastodon, 2)
    await bot.card("*Beantwoord*")
    public = next(each for each in mastodon.statuses_by_team() if each["visibility"] == "public")
    private = next(each for each in mastodon.statuses_by_team() if each["visibility"] == "direct")
    mastodon.post_as("jan", "@gemeente Ik heb niets gekregen?", in_reply_to=public["id"])
    mastodon.post_as("jan", "@gemeente O, toch wel. Klopt dat bedrag?", in_reply_to=private["id"], visibility="direct")
    await poll.poll_due(bot.desk)
    card = read(await bot.card("Klopt dat bedrag?", "Nieuw", "privébericht"))
    said = ["Ons antwoord", OURS, "Onze openbare tekst bij het privébericht", BESIDE]
    assert [card.index(words) for words in said] == sorted(card.index(words) for words in said)
    assert len(bot.cards()) == 1


async def test_words_for_everyone_that_were_taken_out_of_a_slow_answer_with_an_error_do_not_come_back(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon
) -> None:
    async with running_bot(database_url, slack, ack_within=0) as bot:
        await connect(bot, mastodon.base_url)
        mastodon.post_as("jan", ASKED)
        await poll.poll_due(bot.desk)
        await bot.card("aanslag", "Nieuw")
        await goes_private(bot)
        filled = {"answer_text": OURS, "answer_invitation": None, "initials": "12"}
        assert (await bot.slack.submit(SANNE, filled)).ok
        await bot.slack.wait_for(lambda: "letters" in str(bot.slack.view(SANNE)))
        assert (await bot.slack.submit(SANNE, {"initials": "SB"})).ok
        await bot.card("*Beantwoord*")
        assert [kind for kind, _ in await replies(bot)] == [ReplyKind.FINAL]


@pytest.mark.parametrize("said", ["", "   "])
async def test_without_words_for_everyone_only_the_private_message_goes_out(
    asked: Bot, mastodon: FakeMastodon, said: str
) -> None:
    bot = asked
    await goes_private(bot)
    await sends(bot, answer_invitation=said)
    assert [who for who, _ in await published(bot, mastodon, 1)] == ["direct"]
    await bot.card("*Beantwoord*")
    assert len(await replies(bot)) == 1


async def test_nothing_is_said_in_public_of_a_private_message_that_was_refused(
    asked: Bot, mastodon: FakeMastodon
) -> None:
    bot = asked
    await goes_private(bot)
    mastodon.fault(STATUSES, "status", status=422, count=1, body={"error": "They block you"}, method="POST")
    await sends(bot)
    await bot.card("Niet verstuurd", "They block you")
    assert mastodon.statuses_by_team() == []
    assert await replies(bot) == [(ReplyKind.FINAL, ReplyStatus.FAILED)]
    view = await goes_private(bot)
    assert OURS in str(view) and BESIDE in str(view)
    await sends(bot)
    assert len(await published(bot, mastodon, 2)) == 2


async def test_that_the_public_words_are_refused_is_told_and_leaves_the_case_answered(
    asked: Bot, mastodon: FakeMastodon
) -> None:
    bot = asked
    await goes_private(bot)
    # Within the limit as Mastodon counts, but this server counts the whole of an address.
    await sends(bot, answer_invitation="é" * 460 + " https://www.voorbeeldstad.nl/" + "a" * 60)
    card = await bot.card("*Beantwoord*", "privébericht")
    [told] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert "je privébericht is verstuurd" in text_of(told) and "niet geplaatst" in text_of(told)
    assert [status["visibility"] for status in mastodon.statuses_by_team()] == ["direct"]
    assert await replies(bot) == [(ReplyKind.FINAL, ReplyStatus.SENT), (ReplyKind.INVITATION, ReplyStatus.FAILED)]
    assert (await bot.case()).status is Status.ANSWERED


async def test_taken_back_in_time_neither_goes_out_and_both_are_offered_again(
    slow_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = slow_bot
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", ASKED)
    await poll.poll_due(bot.desk)
    await goes_private(bot)
    await sends(bot, answer_invitation="Kijk in je berichten, Jan!")
    card = await bot.card("aanslag", "Wordt zo verstuurd")
    assert "Daarna openbaar:" in text_of(card) and "Kijk in je berichten, Jan!" in text_of(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.card("aanslag", "In behandeling")
    view = await goes_private(bot)
    assert OURS in str(view) and "Kijk in je berichten, Jan!" in str(view)
    assert mastodon.statuses_by_team() == []


async def test_the_words_for_everyone_are_kept_while_typing_and_measured_as_the_platform_does(
    asked: Bot, mastodon: FakeMastodon
) -> None:
    bot = asked
    await goes_private(bot)
    await bot.slack.type(SANNE, "answer_invitation", "Kijk in je berichten!")
    await bot.slack.close_view(SANNE)
    view = await goes_private(bot)
    assert "Kijk in je berichten!" in str(view)
    long = "é" * 600
    ack = await bot.slack.submit(SANNE, {"answer_text": OURS, "answer_invitation": long, "initials": "SB"})
    assert list(ack.errors) == ["answer_invitation"] and "Te lang" in ack.errors["answer_invitation"]
    assert mastodon.statuses_by_team() == []


async def test_a_team_has_words_of_its_own_and_a_private_post_needs_none(asked: Bot, mastodon: FakeMastodon) -> None:
    bot = asked
    await settings(bot, invitation="Kijk even in je privéberichten, of bel 14 0123.")
    assert "of bel 14 0123" in str(await goes_private(bot))
    await bot.slack.close_view(SANNE)
    mastodon.post_as("piet", "@gemeente Mijn nummer is 12", visibility="direct")
    await poll.poll_due(bot.desk)
    card = await bot.card("nummer is 12")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:2")
    assert "to_private" not in str(await open_modal(bot, SANNE, "more"))
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "answer_invitation" not in action_ids(await open_modal(bot, SANNE, "case:answer"))


async def menu_of(bot: Bot) -> dict[str, Any]:
    card = await bot.card("Wanneer?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    return await open_modal(bot, SANNE, "more")


async def test_where_a_platform_takes_no_private_message_the_citizen_reads_where_to_reach_us(bot: Bot) -> None:
    await mention(bot)
    assert "to_private" not in str(await menu_of(bot))
    await bot.slack.close_view(SANNE)
    await settings(bot, way_to_us="Bel ons op 14 0123, dan zoeken we het samen uit.")
    view = await menu_of(bot)
    assert "zeg waar de burger je kan bereiken" in text_of(view)
    await bot.slack.click_in_view(SANNE, "case:more", value="to_private:1")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "Bel ons op 14 0123" in str(view) and "answer_invitation" not in action_ids(view)
    assert "iedereen kan dit lezen" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert ack.ok and not ack.errors, ack.errors
    [reply] = await bot.rows(Reply)
    assert (reply.private, reply.text) == (False, "Bel ons op 14 0123, dan zoeken we het samen uit. ^SB")


async def test_what_was_typed_before_is_kept_when_the_talk_goes_on_elsewhere(bot: Bot) -> None:
    await mention(bot)
    await settings(bot, way_to_us="Bel ons op 14 0123.")
    card = await bot.card("Wanneer?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.type(SANNE, "answer_text", "Donderdag.")
    await bot.slack.close_view(SANNE)
    await menu_of(bot)
    await bot.slack.click_in_view(SANNE, "case:more", value="to_private:1")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "Donderdag." in str(view) and "14 0123" not in str(view)


async def approved(bot: Bot) -> Reply:
    """A private reply to a public post, with words for everyone, about to be sent."""
    await mention(bot)
    async with bot.desk.session() as session:
        stored = await session.get_one(Mention, 1)
        stored.allows = [Act.ANSWER.value, Act.ANSWER_PRIVATELY.value]
        session.add(stored)
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
        chosen = Answer(1, 1, submission="v1", words=OURS, private=True, initials="SB", invitation=BESIDE)
        undo = timedelta()
        return await replying.answer(
            session, chosen, connector=bot.desk.connector, by=SANNE, now=bot.desk.now(), undo=undo
        )


async def unknown(bot: Bot) -> None:
    """Take the next reply, and never hear what became of it."""
    async with bot.desk.session() as session:
        taken = await queue.take_next(session, 1, bot.desk.now())
    assert taken is not None
    async with bot.desk.session() as session:
        await outcomes.record(session, taken, Unknowable(), bot.desk.now())
    await messages.sync(bot.desk, 1)


async def doubted_invitation(bot: Bot) -> None:
    """Send the private answer, and never hear what became of the public words beside it."""
    await approved(bot)
    async with bot.desk.session() as session:
        taken = await queue.take_next(session, 1, bot.desk.now())
    assert taken is not None
    async with bot.desk.session() as session:
        await outcomes.record(session, taken, Sent("p1"), bot.desk.now())
    await unknown(bot)


async def settled(bot: Bot, *, published: bool) -> None:
    async with bot.desk.session() as session:
        await replying.settle(session, 1, published=published, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)


async def test_nothing_is_said_in_public_while_it_is_not_certain_that_the_private_message_was_sent(
    office: Bot,
) -> None:
    bot = office
    await approved(bot)
    await unknown(bot)
    assert await replies(bot) == [(ReplyKind.FINAL, ReplyStatus.UNCERTAIN)]
    await settled(bot, published=True)
    assert await replies(bot) == [(ReplyKind.FINAL, ReplyStatus.SENT), (ReplyKind.INVITATION, ReplyStatus.APPROVED)]
    await outbox.drain(bot.desk, "1")
    assert (await replies(bot))[1] == (ReplyKind.INVITATION, ReplyStatus.SENT)
    async with bot.desk.reading() as session:
        day = Period(bot.desk.now() - timedelta(days=1), bot.desk.now() + timedelta(minutes=1))
        team = await session.get_one(Team, 1)
        assert (await reports.figures(session, team, day, bot.desk.now())).answered == 1


async def test_public_words_of_which_it_is_not_certain_that_they_are_there_are_asked_about_and_move_no_case(
    office: Bot,
) -> None:
    bot = office
    await doubted_invitation(bot)
    assert (await replies(bot))[1] == (ReplyKind.INVITATION, ReplyStatus.UNCERTAIN)
    card = await bot.card("Misschien verstuurd")
    assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(card))
    await settled(bot, published=False)
    assert (await replies(bot))[1] == (ReplyKind.INVITATION, ReplyStatus.WITHDRAWN)
    assert (await bot.case()).status is Status.ANSWERED
    await bot.card("*Beantwoord*", "privébericht")


async def questions_at(bot: Bot, moment: str) -> int:
    """Return how often the thread of the card asks at this moment whether the words are there."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return len([m for m in bot.slack.thread(CHANNEL, bot.cards()[0]["ts"]) if "niet zeker" in text_of(m)])


@pytest.mark.parametrize("settled_by_then", [True, False])
async def test_who_does_not_look_whether_public_words_are_there_is_asked_again_at_the_next_opening(
    office: Bot, settled_by_then: bool
) -> None:
    bot, questions = office, partial(questions_at, office)
    await doubted_invitation(bot)
    assert await questions("2026-11-20 16:59") == await questions("2026-11-23 08:59") == 1
    if settled_by_then:
        await settled(bot, published=True)
        assert await questions("2026-11-23 09:00") == 0
        return
    bot.slack.faults.down = True
    assert await questions("2026-11-23 16:59") == 1
    bot.slack.faults.clear()
    for moment in ("2026-11-23 17:05", "2026-11-23 17:10", "2026-11-24 08:59"):
        assert await questions(moment) == 1, "the team is closed"
    assert await questions("2026-11-24 09:00") == 2
    await settled(bot, published=True)
    assert await questions("2026-11-24 09:01") == 0, "both say what was found"


@pytest.mark.parametrize("on_duty", [True, False])
async def test_others_are_asked_whether_public_words_are_there_when_their_agent_is_away_by_then(
    office: Bot, on_duty: bool
) -> None:
    bot = office
    await doubted_invitation(bot)
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    bot.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await presence.set_away(session, SANNE, True, bot.desk.now())
        await presence.set_duty(session, 1, YOUSSEF, on_duty, bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    first, again = [m for m in bot.slack.thread(CHANNEL, bot.cards()[0]["ts"]) if "niet zeker" in text_of(m)]
    assert "er niet" not in text_of(first)
    assert (f"<@{YOUSSEF}> " in text_of(again), again.get("subtype") == "thread_broadcast") == (on_duty, not on_duty)
    assert f"<@{SANNE}> is er niet" in text_of(again)
    await settled(bot, published=True)
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert "er niet" not in text_of(bot.slack.message(CHANNEL, again["ts"]))


async def test_who_is_asked_early_in_the_morning_whether_public_words_are_there_is_asked_again_as_the_team_opens(
    office: Bot,
) -> None:
    office.clock.at = local("2026-11-20 06:00")  # type: ignore[attr-defined]
    await doubted_invitation(office)
    assert await questions_at(office, "2026-11-20 08:59") == 1
    assert await questions_at(office, "2026-11-20 09:00") == 2


async def test_whether_public_words_are_there_is_asked_again_at_an_opening_that_was_added_since(office: Bot) -> None:
    await settings(office, closed_days=[f"2026-11-{day}" for day in range(23, 28)])
    await sla.remind(office.desk)
    await doubted_invitation(office)
    assert await questions_at(office, "2026-11-20 16:00") == 1
    await settings(office, closed_days=[])
    await sla.remind(office.desk)
    assert await questions_at(office, "2026-11-20 16:59") == await questions_at(office, "2026-11-23 08:59") == 1
    assert await questions_at(office, "2026-11-23 09:00") == 2


async def test_whether_public_words_are_there_is_not_asked_twice_as_the_channel_is_open_to_us_again(
    office: Bot,
) -> None:
    bot = office
    await doubted_invitation(bot)
    await bot.slack.archive(CHANNEL)
    await mention(bot, 2, "Wie ziet dit?")
    await bot.slack.archive(CHANNEL, again_open=True)
    await workspace.look_at_slack(bot.desk)
    await bot.card("Wie ziet dit?")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len([m for m in bot.slack.thread(CHANNEL, bot.cards()[0]["ts"]) if "niet zeker" in text_of(m)]) == 1


async def test_the_card_says_until_when_the_platform_takes_an_answer(office: Bot) -> None:
    bot = office
    await mention(bot)
    until = bot.desk.now() + timedelta(days=6)
    async with bot.desk.session() as session:
        stored = await session.get_one(Mention, 1)
        limited = permits(Act.ANSWER_PRIVATELY, until=until)
        stored.allows = permits_to_json(permits(Act.ANSWER) | limited)
        session.add(stored)
        await cases.touch(session, 1)
    await messages.sync(bot.desk, 1)
    card = text_of(await bot.card("privé antwoorden kan tot do 26 nov"))
    assert "antwoorden kan tot" in card and "antwoorden kan niet meer" not in card
    bot.clock.at += timedelta(days=7)  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await cases.touch(session, 1)
    await messages.sync(bot.desk, 1)
    await bot.card("privé antwoorden kan niet meer")


async def test_a_pair_waits_until_its_agent_has_read_what_came_in_meanwhile(asked: Bot, mastodon: FakeMastodon) -> None:
    bot = asked
    await goes_private(bot)
    [first] = await bot.rows(Mention)
    mastodon.post_as("jan", "@gemeente En ik moet morgen betalen!", in_reply_to=first.external_id)
    bot.clock.advance(minutes=6)
    await poll.poll_due(bot.desk)
    await bot.card("morgen betalen")
    await sends(bot, answer_invitation="Kijk in je berichten, Jan!")
    view = bot.slack.view(SANNE)
    assert "morgen betalen" in text_of(view) and await replies(bot) == []
    ack = await bot.slack.submit(SANNE, {})
    assert ack.ok and not ack.errors and bot.slack.view(SANNE) is None
    sent = await published(bot, mastodon, 2)
    assert [(to, words.rpartition("@jan ")[2].partition(" ^")[0]) for to, words in sent] == [
        ("direct", OURS),
        ("public", "Kijk in je berichten, Jan!"),
    ]
