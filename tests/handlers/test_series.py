"""The cases of a list are answered one after another in one modal, each with its own text; copies are pointed out."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.domain.case import CloseReason, Status
from bot.domain.mention import Author
from bot.domain.reply import adapted, nameless
from bot.models import AnswerDraft, Reply, ReplyStatus, Role
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import home, make_role, open_modal, read, second_team, square_texts

FIRE = "Er vallen zwarte vlokken in onze tuin aan de {street}, is dat gevaarlijk?"
PEOPLE = {"Fatima": "Lindestraat", "Kees": "Stationsweg", "Omar": "Molenpad", "Truus": "Kerkstraat", "Bo": "Singel"}
ADVICE = "Beste {name}, houd ramen en deuren dicht. De brandweer meet."


async def theirs(bot: Bot, *names: str, by: str = SANNE) -> None:
    """So many people write of one fire; the cases are with one colleague, in this order."""
    for name in names:
        bot.citizen_posts(FIRE.format(street=PEOPLE[name]), name=name)
        await bot.card(PEOPLE[name])
        bot.clock.advance(seconds=5)
    async with bot.desk.session() as session:
        for case_id in range(1, len(names) + 1):
            await cases.claim(session, case_id, by=by, now=bot.desk.now())


async def goes_to(bot: Bot, team_id: int, case_id: int = 1) -> None:
    """Let Sanne hand a case over to another team."""
    async with bot.desk.session() as session:
        await cases.transfer(
            session, case_id, seen=1, to=team_id, note="Voor jullie", by=SANNE, now=bot.desk.now(), submission="t"
        )


async def begun(bot: Bot) -> dict[str, Any]:
    """Sanne asks for her list, and opens the series there."""
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare mijn")).ok
    [shown] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], "series:begin")).ok
    return await open_modal(bot, SANNE, "case:answer")


async def at(bot: Bot, name: str) -> dict[str, Any]:
    """Wait until the modal is about what this citizen wrote, and return it."""

    def there() -> dict[str, Any] | None:
        view = bot.slack.view(SANNE)
        return view if view and view["callback_id"] == "case:answer" and PEOPLE[name] in read(view) else None

    return await bot.slack.wait_for(there)


async def send(bot: Bot, text: str | None = None) -> None:
    """Send what the modal has, or this text."""
    view = bot.slack.view(SANNE)
    assert view is not None
    filled = {} if text is None else {"answer_text": text}
    if "initials" in action_ids(view):
        filled["initials"] = "SB"
    ack = await bot.slack.submit(SANNE, filled)
    assert ack.ok and not ack.errors, ack


def proposed(view: dict[str, Any]) -> str:
    """The text in the field of the answer."""
    [element] = [each for _, each in elements(view["blocks"]) if each["action_id"] == "answer_text"]
    return str(element.get("initial_value") or "")


async def test_each_gets_an_answer_with_their_own_name_and_the_modal_goes_on_to_the_next(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees", "Omar")
    view = await begun(bot)
    assert PEOPLE["Fatima"] in read(view) and "Nog 3 zaken" in read(view)
    assert proposed(view) == ""
    await send(bot, ADVICE.format(name="Fatima"))
    view = await at(bot, "Kees")
    assert "Nog 2 zaken" in read(view) and "je antwoord aan Fatima" in read(view)
    assert proposed(view) == ADVICE.format(name="Kees")
    await bot.card(PEOPLE["Kees"], "schrijft een antwoord")
    await send(bot)
    view = await at(bot, "Omar")
    assert "Nog 1 zaak" in read(view) and "series:on" not in action_ids(view)
    await send(bot, "Beste Omar, ook aan het Molenpad is er geen gevaar.")
    await bot.slack.wait_for(lambda: "Je hebt alles beantwoord" in read(bot.slack.view(SANNE)))
    await eventually(lambda: all_are(bot, ReplyStatus.SENT, 3))
    sent = sorted(square_texts(bot))
    assert [each.split(",")[0] for each in sent] == ["Beste Fatima", "Beste Kees", "Beste Omar"]
    assert len({reply.key for reply in await bot.rows(Reply)}) == 3
    assert {(await bot.case(n)).status for n in (1, 2, 3)} == {Status.ANSWERED}


async def all_are(bot: Bot, status: ReplyStatus, count: int) -> bool:
    return [reply.status for reply in await bot.rows(Reply)] == [status] * count


async def test_one_goes_back_and_forth_and_what_was_typed_stays(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees", "Omar")
    await begun(bot)
    await bot.slack.type(SANNE, "answer_text", "Beste Fatima, ik zoek het uit.")
    assert (await bot.slack.click_in_view(SANNE, "series:on")).ok
    view = await at(bot, "Kees")
    assert proposed(view) == "", "nothing was answered yet"
    assert (await bot.slack.click_in_view(SANNE, "series:back")).ok
    view = await at(bot, "Fatima")
    assert proposed(view) == "Beste Fatima, ik zoek het uit."
    await bot.slack.click_in_view(SANNE, "series:back")
    await at(bot, "Omar")
    await bot.slack.click_in_view(SANNE, "series:on")
    await at(bot, "Fatima")
    assert await drafts(bot) == [(1, "Beste Fatima, ik zoek het uit.", True)]
    await bot.slack.close_view(SANNE)
    await eventually(lambda: nobody_writes(bot))


async def drafts(bot: Bot) -> list[tuple[int, str, bool]]:
    async with bot.desk.reading() as session:
        return [(each.case_id, each.words, each.writing) for each in await session.exec(select(AnswerDraft))]


async def nobody_writes(bot: Bot) -> bool:
    return not any(writing for *_, writing in await drafts(bot))


async def test_a_case_that_a_colleague_took_or_answered_meanwhile_is_passed_over(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees", "Omar", "Truus")
    await begun(bot)
    async with bot.desk.session() as session:
        await cases.take_over(session, 2, owner=SANNE, by=YOUSSEF, now=bot.desk.now())
        await cases.close(session, 3, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    await send(bot, "Beste Fatima, houd de ramen dicht.")
    view = await at(bot, "Truus")
    assert "Nog 1 zaak" in read(view)


async def test_sent_twice_at_once_each_citizen_is_answered_once(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees")
    view = await begun(bot)
    filled = {"answer_text": "Beste Fatima, houd de ramen dicht.", "initials": "SB"}
    both = await asyncio.gather(*(bot.slack.submit(SANNE, filled, view_id=view["id"]) for _ in range(2)))
    assert all(each.ok for each in both)
    await at(bot, "Kees")
    assert [(reply.case_id, reply.key) for reply in await bot.rows(Reply)] == [(1, f"{view['id']}:1")]
    await send(bot, "Beste Kees, ook bij u.")
    await eventually(lambda: all_are(bot, ReplyStatus.SENT, 2))


async def test_what_slack_reports_late_of_an_answer_does_not_bring_it_back(bot: Bot) -> None:
    """The last letter is reported after the modal went on."""
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await bot.slack.type(SANNE, "answer_text", "Beste Fatima")
    view = deepcopy(bot.slack.view(SANNE))
    assert view is not None
    [(block, field)] = [pair for pair in elements(view["blocks"]) if pair[1]["action_id"] == "answer_text"]
    typed = input_state.action(block, field, {"value": "Beste Fatima!"})
    view["state"]["values"][block["block_id"]]["answer_text"]["value"] = "Beste Fatima!"
    late = payloads.block_actions_in_view(bot.slack.workspace, SANNE, view, typed)
    assert (await bot.slack.click_in_view(SANNE, "series:on")).ok
    await at(bot, "Kees")
    assert (await bot.slack._deliver(Kind.INTERACTION, late)).ok, "which waits until the bot has done with it"
    assert (1, "Beste Fatima", False) in await drafts(bot), "what stood there at the click is newer"
    assert PEOPLE["Kees"] in read(bot.slack.view(SANNE))


async def test_who_sends_many_the_same_text_is_told_until_it_says_something_else(bot: Bot) -> None:
    await theirs(bot, *PEOPLE)
    await begun(bot)
    await send(bot, ADVICE.format(name="Fatima"))
    for name in ("Kees", "Omar"):
        assert "zelfde tekst" not in read(await at(bot, name))
        await send(bot)
    view = await at(bot, "Truus")
    assert "3 anderen kregen deze zelfde tekst" in read(view)
    await bot.slack.type(SANNE, "answer_text", proposed(view) + " In de Kerkstraat is er niets gemeten.")
    await bot.slack.wait_for(lambda: "zelfde tekst" not in read(bot.slack.view(SANNE)))
    await send(bot, proposed(view) + " In de Kerkstraat is er niets gemeten.")
    await at(bot, "Bo")


async def test_what_was_said_in_private_is_never_a_proposal_for_others(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await send(bot, "Beste Fatima, uw dossier ligt bij mij.")
    view = await at(bot, "Kees")
    assert proposed(view) == "" and "dossier" not in read(view)


async def test_on_the_home_the_list_follows_each_answer(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, PEOPLE["Fatima"], PEOPLE["Kees"])
    assert (await bot.slack.click_in_view(SANNE, "series:begin")).ok
    await at(bot, "Fatima")
    await send(bot, "Beste Fatima, houd de ramen dicht.")
    await at(bot, "Kees")
    await eventually(lambda: home_lacks(bot, "Lindestraat"))


async def home_lacks(bot: Bot, words: str) -> bool:
    return words not in read(bot.slack.home(SANNE))


async def test_a_list_in_which_nothing_is_left_says_so(bot: Bot) -> None:
    await theirs(bot, "Fatima")
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare mijn")).ok
    [shown] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], "series:begin")).ok
    await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and "niets meer" in read(view))


FATIMA, KEES = Author("1", "Fatima Jansen", "fatima"), Author("2", "Kees de Wit", "kees@social.nl")


@pytest.mark.parametrize(
    ("words", "to", "adapts_to"),
    [
        ("Beste Fatima, dank je.", KEES, "Beste Kees, dank je."),
        ("Beste Fatima Jansen,\nDank je.", KEES, "Beste Kees de Wit,\nDank je."),
        ("Hallo! Dank je.", KEES, "Hallo! Dank je."),
        ("@fatima Dank je.", KEES, "@kees@social.nl Dank je."),
        ("@fatimah Dank je.", KEES, "@fatimah Dank je."),
        ("Beste Fatima, dag Fatima.", KEES, None),
        ("Beste mevrouw Jansen, dank je.", KEES, None),
        ("Beste Fatima, dank je.", Author("3", "", "omar"), "Beste omar, dank je."),
        ("Beste Fatima, dank je.", Author("3", r"\\1 \\g<0>"), r"Beste \\1, dank je."),
        ("Beste Fatima Jansen, dank je.", Author("3", ""), "Beste, dank je."),
        ("", KEES, ""),
    ],
)
def test_an_answer_is_adapted_in_its_greeting_or_not_at_all(words: str, to: Author, adapts_to: str | None) -> None:
    assert adapted(words, FATIMA, to) == adapts_to


@pytest.mark.parametrize(
    ("words", "of", "adapts_to"),
    [
        ("Dank voor je melding, Bo.", Author("3", "Bo Jansen"), None),
        ("Dank je, Wil.", Author("3", "Wil Jansen"), None),
        ("Houd de ramen dicht in de buurt van de haven, Jan.", Author("3", "Jan van de Berg"), None),
        ("Beste Jan, blijf uit de buurt van de haven.", Author("3", "Jan van de Berg"),
         "Beste Kees, blijf uit de buurt van de haven."),
        ("Beste heer Berg, dank je.", Author("3", "Jan van de Berg"), None),
        ("In de haven brandt het.", Author("3", "In de Hoek"), "In de haven brandt het."),
        ("Beste J. Jansen, dank je.", Author("3", "J. Jansen"), None),
        ("Beste Jansen, j is een letter.", Author("3", "Jansen J."), "Beste Kees, j is een letter."),
        ("@buur88 Dank je.", Author("3", "Wilde Tuin", "buur88@social.nl"), "@kees@social.nl Dank je."),
        ("@buur88@social.nl Dank je.", Author("3", "Wilde Tuin", "buur88@social.nl"), "@kees@social.nl Dank je."),
        ("@buur88@ander.nl Dank je.", Author("3", "Wilde Tuin", "buur88@social.nl"), "@buur88@ander.nl Dank je."),
        ("@buur.nl Dank je.", Author("3", "Wilde Tuin", "buur@social.nl"), "@buur.nl Dank je."),
        ("Dank je, @buur.", Author("3", "Wilde Tuin", "buur@social.nl"), "Dank je, @kees@social.nl."),
    ],
)  # fmt: skip
def test_an_answer_that_names_its_citizen_in_another_way_is_not_proposed_as_it_is(
    words: str, of: Author, adapts_to: str | None
) -> None:
    assert adapted(words, of, KEES) == adapts_to


def test_two_answers_are_the_same_but_for_the_name() -> None:
    assert nameless("Beste Fatima, dank je!", FATIMA) == nameless("beste Kees:  Dank je", KEES) == "beste dank je"
    assert nameless("Beste Fatima, dank u.", FATIMA) != nameless("Beste Kees, dank je.", KEES)


async def test_a_series_waits_for_what_is_unread_and_then_goes_on(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    bot.citizen_posts("Het brandt nu hier!", name="Fatima", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("Het brandt nu hier!")
    await send(bot, ADVICE.format(name="Fatima"))
    view = bot.slack.view(SANNE)
    assert view is not None and "Het brandt nu hier!" in read(view) and "Nog 2 zaken" in read(view)
    assert proposed(view) == ADVICE.format(name="Fatima") and await bot.rows(Reply) == []
    await send(bot)
    await at(bot, "Kees")
    [reply] = await bot.rows(Reply)
    assert reply.draft == ADVICE.format(name="Fatima")


async def test_what_was_taken_back_comes_round_again_and_can_be_sent(slow_bot: Bot) -> None:
    bot = slow_bot
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await send(bot, ADVICE.format(name="Fatima"))
    await at(bot, "Kees")
    card = await bot.card(PEOPLE["Fatima"], "case:undo")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.slack.wait_for(lambda: not bot.card_now(PEOPLE["Fatima"], "case:undo"))
    await send(bot, ADVICE.format(name="Kees"))
    view = await at(bot, "Fatima")
    assert proposed(view) == ADVICE.format(name="Fatima")
    await bot.slack.type(SANNE, "answer_text", "Dag Fatima")

    async def kept() -> bool:
        async with bot.desk.reading() as session:
            return "Dag Fatima" in (await session.exec(select(AnswerDraft.words))).all()

    await eventually(kept)
    await send(bot)
    await bot.card(PEOPLE["Fatima"], "case:undo", "Dag Fatima")
    replies = await bot.rows(Reply)
    assert [(each.case_id, each.status) for each in replies] == [
        (1, ReplyStatus.WITHDRAWN), (2, ReplyStatus.APPROVED), (1, ReplyStatus.APPROVED)
    ]  # fmt: skip


# --- What cannot be answered, or is elsewhere by now ----------------------------------------------


async def test_the_end_says_how_many_are_left_because_their_last_answer_is_in_doubt(bot: Bot) -> None:
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    bot.slack.faults.drop_after("square.replies")
    await send(bot, "Beste Fatima, houd de ramen dicht.")
    await at(bot, "Kees")
    await bot.card(PEOPLE["Fatima"], "nog niet zeker")
    bot.clock.advance(days=2)  # longer than the other side recognises the key
    await sweep(bot.desk)
    card = await bot.card(PEOPLE["Fatima"], "Misschien verstuurd")
    await send(bot, "Beste Kees, ook bij u.")
    view = await open_modal(bot, SANNE, "said")
    assert read(view).endswith(
        "Je hebt alles beantwoord wat te beantwoorden is.\nNog 1 zaak van deze lijst is over:\n"
        "• Het is niet zeker of het laatste antwoord is geplaatst. Kijk eerst op het platform, en druk op de kaart op "
        "Ja of Nee. (1)"
    )
    await bot.slack.close_view(SANNE)
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare mijn")).ok
    [shown] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE)[1:])
    assert PEOPLE["Fatima"] in read(shown) and "case:answer" not in action_ids(shown)
    assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], "series:begin")).ok
    await bot.slack.wait_for(lambda: "Nog 1 zaak van deze lijst is over" in read(bot.slack.view(SANNE)))
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_absent")
    await bot.card(PEOPLE["Fatima"], "case:answer")
    await bot.slack.close_view(SANNE)
    assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], "series:begin")).ok
    assert "Nog 1 zaak in deze lijst te beantwoorden" in read(await at(bot, "Fatima"))


@pytest.mark.parametrize("role", [Role.READER, Role.AGENT])
async def test_next_passes_over_a_case_that_went_to_another_team(bot: Bot, role: Role) -> None:
    """Whatever its agent may do in that team; the series stays with its own."""
    beheer = await second_team(bot)
    await make_role(bot, SANNE, role, beheer)
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await bot.slack.type(SANNE, "answer_text", "Beste Fatima")
    await goes_to(bot, beheer)
    assert (await bot.slack.click_in_view(SANNE, "series:on")).ok
    view = await at(bot, "Kees")
    assert "ging intussen naar een ander team" in read(view) and "Nog 1 zaak" in read(view)
    assert await drafts(bot) == [(1, "Beste Fatima", False), (2, "", True)], (
        "what was typed stays, and is nobody's news"
    )
    await bot.slack.type(SANNE, "answer_text", "Beste Kees")
    await send(bot, "Beste Kees, houd de ramen dicht.")
    await bot.slack.wait_for(lambda: "Je hebt alles beantwoord wat in" in read(bot.slack.view(SANNE)))
    assert "ander team" not in read(bot.slack.view(SANNE))


async def test_an_answer_to_a_case_that_went_to_another_team_of_its_agent_goes_on_in_the_team_of_the_series(
    bot: Bot,
) -> None:
    beheer = await second_team(bot)
    await make_role(bot, SANNE, Role.AGENT, beheer)
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await goes_to(bot, beheer)
    await send(bot, "Beste Fatima, houd de ramen dicht.")
    assert "Nog 1 zaak" in read(await at(bot, "Kees"))
    [reply] = await bot.rows(Reply)
    assert (await bot.case(1)).team_id == beheer and reply.case_id == 1


@pytest.mark.parametrize(
    ("action", "gone", "then"),
    [("series:on", "moved", "Omar"), ("series:back", "moved", "Fatima"), ("series:on", "closed", "Omar"),
     ("send", "moved", "Omar")],
)  # fmt: skip
async def test_a_series_goes_on_after_the_place_of_a_case_that_left_it(
    sqlite_bot: Bot, action: str, gone: str, then: str
) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await make_role(bot, SANNE, Role.AGENT, beheer)
    await theirs(bot, "Fatima", "Kees", "Omar", "Truus")
    await begun(bot)
    await bot.slack.click_in_view(SANNE, "series:on")
    await at(bot, "Kees")
    if gone == "moved":
        await goes_to(bot, beheer, case_id=2)
    else:
        async with bot.desk.session() as session:
            await cases.close(session, 2, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    if action == "send":
        await send(bot, "Beste Kees, houd de ramen dicht.")
    else:
        await bot.slack.click_in_view(SANNE, action)
    await bot.slack.wait_for(lambda: PEOPLE["Kees"] not in read(bot.slack.view(SANNE)))
    assert PEOPLE[then] in read(bot.slack.view(SANNE))


async def test_a_series_whose_last_case_went_to_another_team_says_so(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await make_role(bot, SANNE, Role.READER, beheer)
    await theirs(bot, "Fatima", "Kees")
    await begun(bot)
    await goes_to(bot, beheer)
    async with bot.desk.session() as session:
        await cases.close(session, 2, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    assert (await bot.slack.click_in_view(SANNE, "series:on")).ok
    view = await open_modal(bot, SANNE, "said")
    assert "ging intussen naar een ander team" in read(view) and "Je hebt alles beantwoord" in read(view)


async def test_a_series_goes_on_with_what_its_list_has_of_another_team_before_it_says_that_all_is_answered(
    bot: Bot,
) -> None:
    beheer = await second_team(bot)
    await make_role(bot, SANNE, Role.AGENT, beheer)
    await theirs(bot, "Fatima", "Kees")
    await goes_to(bot, beheer, case_id=2)
    async with bot.desk.session() as session:
        await cases.claim(session, 2, by=SANNE, now=bot.desk.now())
    await begun(bot)
    await send(bot, "Beste Fatima, houd de ramen dicht.")
    await at(bot, "Kees")
    await send(bot, "Beste Kees, houd de deuren dicht.")
    await bot.slack.wait_for(lambda: "Je hebt alles beantwoord" in read(bot.slack.view(SANNE)))
    await eventually(lambda: all_are(bot, ReplyStatus.SENT, 2))
