"""What an agent types is kept while they type it, for them alone; and the card says who is writing."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from sqlmodel import select

from bot import cases
from bot.domain.case import Status
from bot.domain.mention import Act
from bot.models import AnswerDraft, Event, Mention, Message, MessageKind, Reply, ReplyKind, Role
from bot.outgoing import drafts
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import drafts as job
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, patient_app, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.faults.processes import looking_on, running
from tests.people import asks_for_a_promise, make_role, open_modal, sent, settings, square_texts

WORDS = "Dat zit zo."
WRITES = "schrijft een antwoord"


async def asked(bot: Bot, **more: Any) -> dict[str, Any]:
    """A citizen asks something; returns the card."""
    bot.citizen_posts("Klopt dit?", **more)
    return await bot.card("Klopt dit?", "Nieuw")


async def opens(bot: Bot, person: str = SANNE) -> dict[str, Any]:
    """Press Answer on the card, and return the modal."""
    card = await bot.card("Klopt dit?")
    await bot.slack.click(person, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, person, "case:answer")


async def writes(bot: Bot, words: str = WORDS, person: str = SANNE) -> None:
    """Type, and wait until the preview shows it."""
    await bot.slack.type(person, "answer_text", words)
    await bot.slack.wait_for(lambda: words in text_of(bot.slack.view(person) or {}))


def text_in(view: dict[str, Any]) -> str:
    """What stands in the text field."""
    state = view["state"]["values"]
    return next(each["answer_text"]["value"] or "" for each in state.values() if "answer_text" in each)


def chosen_in(view: dict[str, Any], name: str) -> str:
    """What a choice of the modal stands at."""
    state = view["state"]["values"]
    return next(str(each[name]["selected_option"]["value"]) for each in state.values() if name in each)


def advance(bot: Bot, **by: float) -> None:
    """Move the clock that stands still."""
    bot.clock.at += timedelta(**by)  # type: ignore[attr-defined]


async def of_drafts(bot: Bot) -> dict[tuple[int, str], AnswerDraft]:
    async with bot.desk.reading() as session:
        return {(each.case_id, each.by): each for each in await session.exec(select(AnswerDraft))}


async def cancelled(bot: Bot) -> None:
    await bot.slack.close_view(SANNE)


async def put_aside(bot: Bot) -> None:
    """Another modal comes in its place, of which Slack tells nothing."""
    bot.slack.workspace.set_stack(SANNE, [])


async def taken_over(bot: Bot) -> None:
    """A colleague takes the case over meanwhile; Sanne takes it back."""
    await bot.slack.close_view(SANNE)
    card = await bot.card("Klopt dit?")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    await bot.card("Klopt dit?", "In behandeling")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:take_over")
    await bot.slack.submit(SANNE)
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.close_view(SANNE)


# --- The draft ------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", [cancelled, put_aside, taken_over])
async def test_all_that_was_typed_and_chosen_for_the_first_time_is_offered_again(
    bot: Bot, leaves: Callable[[Bot], Awaitable[None]]
) -> None:
    await settings(bot, topics=["Afval", "Wegwerk"])
    await asked(bot)
    assert text_in(await opens(bot)) == ""
    until = int((bot.desk.now() + timedelta(hours=3)).timestamp())
    await writes(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.click_in_view(SANNE, "answer_kind", "interim")
    await asks_for_a_promise(bot, SANNE)
    await bot.slack.click_in_view(SANNE, "answer_promise", until)
    await bot.slack.click_in_view(SANNE, "answer_topic", "is:Wegwerk")
    [draft] = (await of_drafts(bot)).values()
    typed_at = bot.desk.texts("nl").time(draft.changed_at or bot.desk.now())
    await leaves(bot)
    view = await opens(bot)
    assert text_in(view) == WORDS
    assert chosen_in(view, "answer_visibility") == "private"
    assert chosen_in(view, "answer_kind") == "interim"
    assert view["state"]["values"]["answer_promise"]["answer_promise"]["selected_date_time"] == until
    assert chosen_in(view, "answer_topic") == "is:Wegwerk"
    assert f"Concept van {typed_at}" in text_of(view)
    assert (await bot.case()).topic is None
    assert [event.kind for event in await bot.rows(Event) if event.kind == "topic"] == []


async def test_it_is_offered_to_nobody_else_and_stands_nowhere_else(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    await writes(bot)
    view = await opens(bot, YOUSSEF)
    assert WORDS not in str(view) and "Concept van" not in text_of(view)
    everything = str([list(messages.values()) for messages in bot.slack.workspace.messages.values()])
    assert WORDS not in everything
    assert WORDS not in str([event.model_dump() for event in await bot.rows(Event)])


async def test_after_a_crash_in_the_middle_of_a_word_the_draft_is_there(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, tmp_path: Path
) -> None:
    mastodon.post_as("jan", "@gemeente Klopt dit?")
    async with looking_on(database_url, slack, to_mastodon.url) as bot:
        async with running(bot, tmp_path):
            await opens(bot)
            await writes(bot)
        await put_aside(bot)
        async with running(bot, tmp_path):
            card = await bot.card("Klopt dit?")

            async def is_taken() -> bool:
                return (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")).ok

            await eventually(is_taken)
            assert text_in(await open_modal(bot, SANNE, "case:answer")) == WORDS
    assert WORDS not in (tmp_path / "log").read_text(encoding="utf-8")


async def test_sent_it_is_gone_and_what_comes_in_late_does_not_bring_it_back(slow_bot: Bot) -> None:
    bot = slow_bot
    await asked(bot)
    view = await opens(bot)
    await writes(bot)
    late = key_pressed(bot, view["id"], "Dat zit")
    assert (await bot.slack.submit(SANNE, {"initials": "SB"})).ok
    await bot.card("Wordt zo verstuurd")
    assert await of_drafts(bot) == {}
    assert (await bot.slack._deliver(Kind.INTERACTION, late)).ok
    assert await of_drafts(bot) == {}


async def test_what_was_refused_is_still_a_draft_with_the_words_that_were_sent(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    card = await bot.card("Klopt dit?")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    await bot.card("Klopt dit?", "In behandeling")
    await bot.slack.submit(SANNE, {"answer_text": WORDS, "initials": "SB"})
    assert await bot.rows(Reply) == []
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:take_over")
    await bot.slack.submit(SANNE)
    assert text_in(await open_modal(bot, SANNE, "case:answer")) == WORDS


async def test_a_week_later_it_is_deleted_and_not_a_day_sooner(office: Bot) -> None:
    bot = office
    bot.citizen_posts("Klopt dit?")
    await opens(bot)
    await writes(bot)
    await bot.slack.close_view(SANNE)
    advance(bot, days=6, hours=23)
    await job.look_after(bot.desk)
    assert [draft.words for draft in (await of_drafts(bot)).values()] == [WORDS]
    advance(bot, hours=1)
    await job.look_after(bot.desk)
    assert await of_drafts(bot) == {}
    assert text_in(await opens(bot)) == ""


async def test_a_modal_in_which_nothing_was_typed_leaves_nothing(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    await bot.slack.close_view(SANNE)
    assert await of_drafts(bot) == {}


async def test_begun_anew_nothing_is_left_of_it_and_the_modal_is_as_without_a_draft(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    await writes(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.click_in_view(SANNE, "answer_kind", "question")
    await bot.slack.close_view(SANNE)
    view = await opens(bot)
    view = await begins_anew(bot)
    assert text_in(view) == ""
    assert (chosen_in(view, "answer_visibility"), chosen_in(view, "answer_kind")) == ("public", "final")
    assert WORDS not in str(await of_drafts(bot))
    await writes(bot, "Nee.")
    assert "answer_confirm" not in action_ids(bot.slack.view(SANNE) or {})
    assert (await bot.slack.submit(SANNE, {"initials": "SB"})).errors == {}
    await bot.slack.wait_for(lambda: square_texts(bot) == ["Nee. ^SB"])


async def begins_anew(bot: Bot) -> dict[str, Any]:
    await bot.slack.click_in_view(SANNE, "answer_anew")
    return await bot.slack.wait_for(
        lambda: (shown := bot.slack.view(SANNE)) and "answer_anew" not in action_ids(shown) and shown
    )


@pytest.mark.parametrize(("field", "chosen"), [("answer_visibility", "private"), ("answer_kind", "interim")])
async def test_choices_without_words_are_a_draft_too_which_can_be_begun_anew(bot: Bot, field: str, chosen: str) -> None:
    await asked(bot)
    await opens(bot)
    await bot.slack.click_in_view(SANNE, field, chosen)

    async def stored() -> bool:
        return any(draft.newest for draft in (await of_drafts(bot)).values())

    await eventually(stored)
    await bot.slack.close_view(SANNE)
    view = await opens(bot)
    assert chosen_in(view, field) == chosen and "Concept van" in text_of(view)
    await begins_anew(bot)
    await bot.slack.close_view(SANNE)
    assert "Concept van" not in text_of(await opens(bot))


async def test_begun_anew_what_goes_to_a_citizen_whom_we_asked_is_a_question_as_it_was(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await asked(bot)
    await sent(bot, 1, ReplyKind.QUESTION)
    assert chosen_in(await opens(bot), "answer_kind") == "question"
    await writes(bot)
    await bot.slack.close_view(SANNE)
    await opens(bot)
    assert chosen_in(await begins_anew(bot), "answer_kind") == "question"
    await bot.slack.close_view(SANNE)
    assert "Concept van" not in text_of(await opens(bot))


# --- Once private ---------------------------------------------------------------------------------


async def test_once_private_it_becomes_public_only_by_a_new_choice_that_is_confirmed(slow_bot: Bot) -> None:
    bot = slow_bot
    await asked(bot)
    await opens(bot)
    await writes(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.click_in_view(SANNE, "answer_visibility", "public")
    await bot.slack.close_view(SANNE)
    view = await opens(bot)
    assert chosen_in(view, "answer_visibility") == "private"
    await bot.slack.click_in_view(SANNE, "answer_visibility", "public")
    await bot.slack.wait_for(lambda: "answer_confirm" in action_ids(bot.slack.view(SANNE) or {}))
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert "answer_confirm" in ack.errors
    assert await bot.rows(Reply) == []
    ack = await bot.slack.submit(SANNE, {"answer_confirm": ["public"]})
    assert (ack.ok, ack.errors) == (True, {})
    await bot.card("Wordt zo verstuurd", "🌐 openbaar")


async def test_what_was_private_in_one_window_is_confirmed_also_when_she_started_over_in_another(slow_bot: Bot) -> None:
    bot = slow_bot
    await asked(bot)
    await opens(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await writes(bot)
    async with bot.desk.session() as session:  # as on her phone
        file, nothing = await cases.read(session, 1), drafts.Chosen(1, "", private=False)
        await drafts.keep(session, file, nothing, by=SANNE, view="V0PHONE", newest=None, now=bot.desk.now(), anew=True)
    await bot.slack.submit(SANNE, {"answer_visibility": "public", "initials": "SB"})
    view = await bot.slack.wait_for(
        lambda: (shown := bot.slack.view(SANNE)) and "answer_confirm" in action_ids(shown) and shown
    )
    assert text_in(view) == WORDS
    ack = await bot.slack.submit(SANNE, {})
    assert "answer_confirm" in ack.errors and await bot.rows(Reply) == []
    await bot.slack.close_view(SANNE)
    assert chosen_in(await opens(bot), "answer_visibility") == "private"
    await begins_anew(bot)
    await writes(bot)
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert (ack.ok, ack.errors) == (True, {})
    await bot.card("Wordt zo verstuurd", "🌐 openbaar")


async def test_a_private_reply_that_was_taken_back_is_not_public_because_public_was_chosen_first(
    slow_bot: Bot,
) -> None:
    bot = slow_bot
    await asked(bot)
    await opens(bot)
    await bot.slack.submit(SANNE, {"answer_text": WORDS, "answer_visibility": "private", "initials": "SB"})
    card = await bot.card("Wordt zo verstuurd")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.card("Klopt dit?", "In behandeling")
    await opens(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "public")
    await bot.slack.close_view(SANNE)
    view = await opens(bot)
    assert (text_in(view), chosen_in(view, "answer_visibility")) == (WORDS, "private")
    ack = await bot.slack.submit(SANNE, {"answer_visibility": "public"})
    assert ack.ok and len(await bot.rows(Reply)) == 1


async def test_a_private_draft_is_not_offered_where_only_a_public_answer_is_possible(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    await writes(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.close_view(SANNE)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [Act.ANSWER.value]
        session.add(mention)
    view = await opens(bot)
    assert WORDS not in str(view)
    assert "answer_confirm" in action_ids(view)


# --- The newest wins ------------------------------------------------------------------------------


def key_pressed(bot: Bot, view_id: str, words: str) -> dict[str, Any]:
    """What Slack sends for a key, which is not delivered yet."""
    view = copy.deepcopy(next(each for each in bot.slack.views(SANNE) if each["id"] == view_id))
    block, element = next(
        (block, element)
        for block, element in input_state.elements(view["blocks"])
        if element["action_id"] == "answer_text"
    )
    action = input_state.action(block, element, {"value": words})
    view["state"]["values"][block["block_id"]]["answer_text"]["value"] = words
    return payloads.block_actions_in_view(bot.slack.workspace, SANNE, view, action)


async def test_keys_that_come_in_the_wrong_order_and_in_two_processes_leave_the_newest_words(bot: Bot) -> None:
    await asked(bot)
    view = await opens(bot)
    pressed = [key_pressed(bot, view["id"], "Dat zit zo."[:length]) for length in range(1, 12)]
    async with second_desk(bot) as second:
        apps = [patient_app(desk, 25) for desk in (bot.desk, second)]
        mixed = [pressed[-1], *pressed[4:-1], *pressed[:4]]
        await asyncio.gather(
            *(
                apps[number % 2].async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
                for number, body in enumerate(mixed)
            )
        )

        async def handled() -> bool:
            return not [
                t for t in asyncio.all_tasks() if "run_ack_function" in getattr(t.get_coro(), "__qualname__", "")
            ]

        await eventually(handled)
    [draft] = (await of_drafts(bot)).values()
    assert draft.words == "Dat zit zo."
    await bot.slack.close_view(SANNE)
    assert text_in(await opens(bot)) == "Dat zit zo."


async def test_a_key_that_comes_in_after_the_modal_was_closed_is_kept_and_nobody_is_said_to_write(bot: Bot) -> None:
    await asked(bot)
    view = await opens(bot)
    late = key_pressed(bot, view["id"], WORDS)
    await bot.slack.close_view(SANNE)
    assert (await bot.slack._deliver(Kind.INTERACTION, late)).ok
    [draft] = (await of_drafts(bot)).values()
    assert (draft.words, draft.writing) == (WORDS, False)
    assert text_in(await opens(bot)) == WORDS


async def test_two_at_once_on_one_case_each_keep_their_own(bot: Bot) -> None:
    await asked(bot)
    for person in (SANNE, YOUSSEF):
        await opens(bot, person)
    await asyncio.gather(
        bot.slack.type(SANNE, "answer_text", "Van Sanne"), bot.slack.type(YOUSSEF, "answer_text", "Van Youssef")
    )
    assert {by: draft.words for (_, by), draft in (await of_drafts(bot)).items()} == {
        SANNE: "Van Sanne", YOUSSEF: "Van Youssef",
    }  # fmt: skip


# --- Who is writing -------------------------------------------------------------------------------


async def silent(bot: Bot) -> dict[str, Any]:
    """Wait until the card says of nobody that they write."""
    return await bot.slack.wait_for(lambda: (card := bot.card_now("Klopt dit?")) and WRITES not in str(card) and card)


def updates(bot: Bot) -> int:
    return len([call for call in bot.slack.api.calls if call.method == "chat.update"])


async def test_the_card_says_who_writes_from_opening_until_closing_with_one_update_each(bot: Bot) -> None:
    await asked(bot)
    before = updates(bot)
    await opens(bot)
    card = await bot.card(f"<@{SANNE}> {WRITES}…")
    assert WRITES in card["text"]
    for length in range(1, len(WORDS) + 1):
        await bot.slack.type(SANNE, "answer_text", WORDS[:length])
    assert updates(bot) == before + 1
    await bot.slack.close_view(SANNE)
    card = await silent(bot)
    assert updates(bot) == before + 2
    assert (await bot.case()).status is Status.NEW


async def test_the_card_of_a_case_that_waits_for_its_citizen_says_who_writes_too(bot: Bot) -> None:
    await asked(bot)
    await sent(bot, 1, ReplyKind.QUESTION)
    await bot.card("*Wacht op de burger*")
    await opens(bot)
    card = await bot.card("*Wacht op de burger*", f"<@{SANNE}> {WRITES}…")
    assert WRITES in card["text"]
    await bot.slack.close_view(SANNE)
    await silent(bot)


async def test_a_colleague_who_opens_the_modal_sees_who_writes_and_the_card_names_both(bot: Bot) -> None:
    await asked(bot)
    assert WRITES not in text_of(await opens(bot))
    assert f"<@{SANNE}> {WRITES}…" in text_of(await opens(bot, YOUSSEF))
    card = await bot.card(f"<@{SANNE}> {WRITES}…", f"<@{YOUSSEF}> {WRITES}…")
    await writes(bot)
    assert f"<@{YOUSSEF}> {WRITES}…" in text_of(bot.slack.view(SANNE) or {})
    await bot.slack.close_view(YOUSSEF)
    card = await bot.slack.wait_for(
        lambda: (now := bot.card_now("Klopt dit?")) and f"<@{YOUSSEF}> {WRITES}" not in str(now) and now
    )
    assert f"<@{SANNE}> {WRITES}…" in str(card)


async def test_who_wants_to_take_a_case_over_sees_that_its_owner_is_writing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await asked(bot)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await opens(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:answer")
    assert f"<@{SANNE}> {WRITES}…" in text_of(await open_modal(bot, YOUSSEF, "case:take_over"))


async def test_after_five_minutes_of_silence_it_says_so_no_more_until_the_next_key(office: Bot) -> None:
    bot = office
    bot.citizen_posts("Klopt dit?")
    await opens(bot)
    await writes(bot)
    advance(bot, minutes=4, seconds=59)
    await job.look_after(bot.desk)
    await bot.card(f"<@{SANNE}> {WRITES}…")
    assert [draft.writing for draft in (await of_drafts(bot)).values()] == [True]
    advance(bot, seconds=1)
    await job.look_after(bot.desk)
    await silent(bot)
    await writes(bot, "Dat zit zo, denk ik.")
    await bot.card(f"<@{SANNE}> {WRITES}…")


async def test_of_two_modals_of_one_agent_closing_the_older_one_ends_nothing(bot: Bot) -> None:
    await asked(bot)
    first = await opens(bot)
    async with bot.desk.session() as session:
        await drafts.begin(session, 1, by=SANNE, view="V0ANOTHER", now=bot.desk.now())
    await bot.slack.close_view(SANNE, first["id"])
    assert [draft.writing for draft in (await of_drafts(bot)).values()] == [True]


async def test_of_two_modals_the_one_that_is_typed_in_ends_it_whichever_was_stored_last(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    async with bot.desk.session() as session:
        await drafts.begin(session, 1, by=SANNE, view="V0ANOTHER", now=bot.desk.now())
    await writes(bot)
    await bot.slack.close_view(SANNE)
    assert [draft.writing for draft in (await of_drafts(bot)).values()] == [False]
    await silent(bot)


async def test_closed_while_it_was_loading_nobody_is_said_to_write(bot: Bot) -> None:
    card = await asked(bot)
    bot.slack.faults.error("views.update", "not_found")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert await of_drafts(bot) == {}
    await silent(bot)


async def test_a_case_that_was_answered_says_of_nobody_that_they_write(bot: Bot) -> None:
    await asked(bot)
    for person in (SANNE, YOUSSEF):
        await opens(bot, person)
    await bot.slack.submit(SANNE, {"answer_text": WORDS, "initials": "SB"})
    await bot.card("*Beantwoord*")
    await bot.slack.wait_for(lambda: (card := bot.card_now("*Beantwoord*")) and WRITES not in str(card))
    assert [by for _, by in await of_drafts(bot)] == [YOUSSEF]
    assert len([m for m in await bot.rows(Message) if m.kind is MessageKind.CASE]) == 1


async def test_whoever_may_not_answer_any_more_reads_that_once_in_the_modal_where_their_words_stay(bot: Bot) -> None:
    await asked(bot)
    await opens(bot)
    await writes(bot)
    await make_role(bot, SANNE, Role.READER)
    for words in (f"{WORDS} En", f"{WORDS} En ook", f"{WORDS} En ook dit"):
        assert (await bot.slack.type(SANNE, "answer_text", words)).ok
        view = await bot.slack.wait_for(
            lambda: (view := bot.slack.view(SANNE)) and "kijkt alleen mee" in text_of(view) and view
        )
        assert text_of(view).count("kijkt alleen mee") == 1
        assert text_in(view) == words
    assert bot.slack.direct(SANNE) == [] and bot.slack.ephemerals(SANNE, CHANNEL) == []
