"""`webcare try` as on a platform: what a case allows and how its answer is counted is what that platform's own are."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.connectors.base import Account, Connector, Replies, TakesImages
from bot.connectors.platform import Platform
from bot.connectors.trial import Trial, Way
from bot.domain.image import Images
from bot.domain.mention import Author, Post
from bot.models import Account as AccountRow
from bot.models import Act as ActRow
from bot.models import ActStatus, Case, Mention, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.texts import Texts
from bot.trial import platforms
from jobs import check, poll
from tests.conftest import CHANNEL, SANNE, Bot, running_bot
from tests.fakes.tools import tools
from tests.people import answer, asked, open_modal, read

OFFERED = list(platforms.offered())
WAYS = [(platform, trial, way) for platform, trial in OFFERED for way in trial.ways]
CLIENT = httpx.AsyncClient()
AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
NOOR = {"id": "c-noor", "name": "Noor Jacobs", "handle": "noorjacobs"}
KEES = {"id": "c-kees", "name": "Kees Bos", "handle": "keesbos"}


def named(case: tuple[Any, ...]) -> str:
    return " ".join(each.name for each in case if hasattr(each, "name"))


# --- A platform is itself ------------------------------------------------------------------------


def images_of(connector: Connector, *, private: bool) -> Images | None:
    return connector.images(private=private) if isinstance(connector, TakesImages) else None


@given(text=st.text(max_size=400), private=st.booleans())
@pytest.mark.parametrize(("platform", "trial"), OFFERED, ids=map(named, OFFERED))
def test_an_answer_is_put_and_counted_as_the_platform_does(
    platform: Platform, trial: Trial, text: str, private: bool
) -> None:
    account = Account(1, platform.name, platforms.NAME, "", {"signing_secret": "x"}, trial.options)
    with_tools = tools(CLIENT)
    tried, own = (each.connect(account, with_tools) for each in (platforms.on_square()[platform.name], platform))
    assert isinstance(tried, Replies) and isinstance(own, Replies)
    to = Post("P2", Author("c-noor", "Noor", "noor"), "?", AT, place={"parent": "P1"})
    put = tried.compose(text, to=to, private=private)
    assert put == own.compose(text, to=to, private=private)
    assert tried.measure(put, private=private) == own.measure(put, private=private)
    assert images_of(tried, private=private) == images_of(own, private=private)


def test_only_requests_go_elsewhere_all_else_a_platform_has_of_its_own() -> None:
    tried = platforms.on_square()
    for platform, _ in OFFERED:
        there = tried[platform.name]
        for name in ("title", "sign", "capabilities", "templates", "keeps_removed", "edits", "options", "acts"):
            assert getattr(there, name) == getattr(platform, name), name


# --- The desk ------------------------------------------------------------------------------------


@pytest.fixture
async def trial(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot with an account on each platform, whose posts are on the square."""
    slack.square.places = platforms.places_in(Texts("nl", "Europe/Amsterdam"))
    async with running_bot(database_url, slack, stand_ins=platforms.on_square()) as bot:
        async with bot.desk.session() as session:
            await platforms.add_accounts(session, bot.desk.settings, slack, bot.desk.now())
        for place in slack.square.places:
            if place.below_team():
                slack.square.publish(place.name, "Vanaf maandag is de Molenbrug dicht.")
        yield bot


def writes(bot: Bot, place: str, way: str, text: str, who: Mapping[str, str] = NOOR, **more: Any) -> dict[str, Any]:
    return bot.slack.square.write(place, dict(who), text, way=way, **more)


def said(bot: Bot, place: str) -> list[tuple[str, bool]]:
    """What the team answered there, and whether in private."""
    found = [post for post in bot.slack.square.replies() if post["place"] == place and post["in_reply_to"]]
    return [(post["text"], post["private"]) for post in found]


async def answered(bot: Bot, place: str, words: str) -> dict[str, Any]:
    """Wait until an answer of the team with these words stands there, and the bot has stored that."""
    posts = bot.slack.square.posts
    there = await bot.slack.wait_for(
        lambda: next((p for p in posts if p["author"]["team"] and p["place"] == place and words in p["text"]), None)
    )
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return there


async def choose(bot: Bot, words: str, verb: str) -> None:
    """Choose in the menu of the card with these words, or behind its "Meer…"."""
    card = await bot.card(words)
    [menu] = [each for _, each in input_state.elements(card["blocks"]) if each["action_id"] == "case:more"]
    values = [each["value"] for each in menu["options"]]
    if value := next((each for each in values if each.startswith(f"{verb}:")), None):
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", value)
        return
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", next(v for v in values if v.startswith("more:")))
    view = await open_modal(bot, SANNE, "more")
    behind = [str(each.get("value")) for _, each in input_state.elements(view["blocks"])]
    await bot.slack.click_in_view(SANNE, "case:more", value=next(v for v in behind if v.startswith(f"{verb}:")))


async def offered(bot: Bot, words: str) -> set[str]:
    """The verbs of all that can be done with the case of the card with these words."""
    card = await bot.card(words)
    [menu] = [each for _, each in input_state.elements(card["blocks"]) if each["action_id"] == "case:more"]
    values = [each["value"] for each in menu["options"]]
    if more := [each for each in values if each.startswith("more:")]:
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", more[0])
        view = await open_modal(bot, SANNE, "more")
        values += [str(each.get("value")) for _, each in input_state.elements(view["blocks"])]
        await bot.slack.close_view(SANNE)
    return {value.partition(":")[0] for value in values}


@pytest.mark.parametrize(("platform", "trial_of", "way"), WAYS, ids=map(named, WAYS))
async def test_what_is_written_in_each_way_is_a_card_and_its_answer_is_read_there(
    trial: Bot, platform: Platform, trial_of: Trial, way: Way
) -> None:
    more: dict[str, Any] = {"subject": "De brug"} if way.has_subject else {}
    writes(trial, platform.name, way.name, "Hoe lang duurt dat?", **more)
    card = await trial.card("Hoe lang duurt dat?")
    assert f"*{platform.sign} {platform.title}*" in read(card)
    assert platforms.NAME in read(card)
    assert ("🔒" in text_of(card)) is way.private
    await answer(trial, SANNE, card, "Drie weken.")
    there = await answered(trial, platform.name, "Drie weken. ^SB")
    assert there["private"] is way.private
    assert (await trial.case()).status == "answered"
    [stored] = await trial.rows(Reply)
    assert stored.external_id == there["id"]


async def test_a_comment_takes_one_private_answer_and_the_talk_belongs_to_its_case(trial: Bot) -> None:
    writes(trial, "facebook", "comment", "Mijn kind kan er niet in")
    card = await trial.card("Mijn kind kan er niet in")
    assert "Molenbrug" in text_of(card) and "privé antwoorden kan tot" in text_of(card)
    await answer(trial, SANNE, card, "Om welk toestel gaat het?", answer_visibility="private")
    ours = await answered(trial, "facebook", "Om welk toestel")
    assert ours["private"] is True and ours["conversation"] == "facebook:c-noor"
    trial.slack.square.write("facebook", dict(NOOR), "De schommel", in_reply_to=ours["id"])
    card = await trial.card("De schommel")
    assert "🔒" in text_of(card)
    writes(trial, "facebook", "message", "Nog iets: de wip ook")  # not in reply to anything
    card = await trial.card("de wip ook")
    await answer(trial, SANNE, card, "We kijken ernaar.")
    await answered(trial, "facebook", "We kijken ernaar")
    assert len(await trial.rows(Case)) == 1
    assert [private for _, private in said(trial, "facebook")] == [True, True]


async def test_a_private_answer_that_a_comment_takes_once_is_refused_when_it_was_given_elsewhere(trial: Bot) -> None:
    post = writes(trial, "instagram", "comment", "Wanneer gaat de brug open?")
    trial.slack.square.take_reply("by hand", post["id"], "Maandag.", private=True)
    card = await trial.card("Wanneer gaat de brug open?")
    await answer(trial, SANNE, card, "Of dinsdag.", answer_visibility="private")
    card = await trial.card("Op deze reactie is al privé geantwoord")
    assert said(trial, "instagram") == [("Maandag.", True)]
    assert [reply.status for reply in await trial.rows(Reply)] == [ReplyStatus.FAILED]
    assert {account.stopped_at for account in await trial.rows(AccountRow)} == {None}
    await trial.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "answer_visibility" not in action_ids(await open_modal(trial, SANNE, "case:answer"))


async def test_a_post_is_hidden_and_shown_again_liked_and_our_answer_removed(trial: Bot) -> None:
    post = writes(trial, "facebook", "comment", "Stelletje prutsers")
    await trial.card("prutsers")
    await choose(trial, "prutsers", "hide")
    await open_modal(trial, SANNE, "case:hide")
    assert (await trial.slack.submit(SANNE, {"hide_rule": "Schelden"})).ok
    await trial.slack.wait_for(lambda: post["hidden"])
    while trial.slack.view(SANNE):
        await trial.slack.close_view(SANNE)
    await trial.card("🙈 *Verborgen*")
    await choose(trial, "prutsers", "show")
    await trial.slack.wait_for(lambda: not post["hidden"])
    await choose(trial, "prutsers", "like")
    await trial.slack.wait_for(lambda: post["liked"])
    await answer(trial, SANNE, await trial.card("prutsers"), "Wat is er mis?")
    ours = await answered(trial, "facebook", "Wat is er mis")
    await trial.card("prutsers", "*Beantwoord*")
    await choose(trial, "prutsers", "remove")
    await open_modal(trial, SANNE, "case:remove")
    assert (await trial.slack.submit(SANNE, {"remove_why": "Verkeerd"})).ok
    await trial.slack.wait_for(lambda: ours["deleted"])
    await trial.desk.wake.idle()  # type: ignore[attr-defined]
    assert {act.status for act in await trial.rows(ActRow)} == {ActStatus.DONE}


@pytest.mark.parametrize(
    ("place", "way", "removes"),
    [
        ("facebook", "message", False), ("instagram", "message", False), ("bluesky", "message", False),
        ("bluesky", "reply", True),
    ],
)  # fmt: skip
async def test_an_answer_is_offered_to_be_removed_where_the_platform_removes_it(
    trial: Bot, place: str, way: str, removes: bool
) -> None:
    writes(trial, place, way, "Waar is dat?")
    await answer(trial, SANNE, await trial.card("Waar is dat?"), "Bij de haven.")
    await answered(trial, place, "Bij de haven")
    await trial.card("Waar is dat?", "*Beantwoord*")
    assert ("remove" in await offered(trial, "Waar is dat?")) is removes


@pytest.mark.parametrize(
    ("place", "way", "acts"),
    [
        ("facebook", "comment", {"hide", "like"}),
        ("facebook", "post", set()),
        ("facebook", "message", set()),
        ("instagram", "comment", {"hide"}),
        ("bluesky", "reply", {"hide", "like"}),
        ("bluesky", "mention", {"like"}),
        ("whatsapp", "message", {"like"}),
        ("email", "mail", set()),
    ],
)
async def test_the_card_offers_the_acts_of_its_platform(trial: Bot, place: str, way: str, acts: set[str]) -> None:
    more: dict[str, Any] = {"subject": "Brug"} if place == "email" else {}
    writes(trial, place, way, "Kijk eens", **more)
    assert await offered(trial, "Kijk eens") & {"hide", "like"} == acts


async def test_an_answer_that_is_one_sign_too_long_for_the_platform_is_refused(trial: Bot) -> None:
    writes(trial, "bluesky", "reply", "Hoe lang?")
    card = await trial.card("Hoe lang?")
    await trial.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(trial, SANNE, "case:answer")
    room = 300 - len(" ^SB")
    filled = {"answer_text": "👍🏽" * (room + 1)}
    filled |= {"initials": "SB"} if "initials" in action_ids(view) else {}
    ack = await trial.slack.submit(SANNE, filled)
    assert ack.errors == {"answer_text": "Te lang. Tekens te veel: 1."}
    assert said(trial, "bluesky") == []
    ack = await trial.slack.submit(SANNE, {**filled, "answer_text": "👍🏽" * room})
    assert ack.ok and not ack.errors
    await answered(trial, "bluesky", "👍🏽 ^SB")


async def test_after_its_window_a_talk_takes_templates_only(trial: Bot) -> None:
    earlier = trial.desk.now() - timedelta(hours=30)
    writes(trial, "whatsapp", "message", "Ligt mijn rijbewijs klaar?", published_at=earlier)
    card = await trial.card("Ligt mijn rijbewijs klaar?", "alleen nog met een sjabloon")
    await trial.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(trial, SANNE, "case:answer")
    assert "answer_snippet" in action_ids(view)
    filled = {"initials": "SB"} if "initials" in action_ids(view) else {}
    refused = await trial.slack.submit(SANNE, {**filled, "answer_text": "Ja hoor!"})
    assert "sjabloon" in json.dumps(refused.errors)
    words = "Dag Noor, we zoeken het nog voor u uit. Uiterlijk morgen hoort u meer."
    ack = await trial.slack.submit(SANNE, {**filled, "answer_text": words})
    assert ack.ok and not ack.errors, ack.errors
    await trial.slack.wait_for(lambda: said(trial, "whatsapp") == [(words, True)])


async def test_a_mail_has_its_subject_and_what_follows_joins_it(trial: Bot) -> None:
    writes(trial, "email", "mail", "Geachte heer,\n\nEr staat geen bord.", subject="Zebrapad bij de school")
    card = await trial.card("Zebrapad bij de school", "Er staat geen bord", "noorjacobs@plein.example")
    await answer(trial, SANNE, card, "Dank, we plaatsen er een.")
    ours = await answered(trial, "email", "we plaatsen er een")
    assert ours["subject"] == "Re: Zebrapad bij de school"
    trial.slack.square.write("email", dict(NOOR), "Fijn, wanneer dan?", in_reply_to=ours["id"])
    await trial.card("Fijn, wanneer dan?")
    writes(trial, "email", "mail", "Iets anders", subject="Parkeren")
    await trial.card("Iets anders")
    assert len(await trial.rows(Case)) == 2


async def test_citizens_below_one_post_have_cases_of_their_own(trial: Bot) -> None:
    first = writes(trial, "instagram", "comment", "Mag de fiets mee?")
    trial.slack.square.write("instagram", dict(KEES), "Dat wil ik ook weten", in_reply_to=first["id"])
    await trial.card("Mag de fiets mee?")
    card = await trial.card("Dat wil ik ook weten")
    await answer(trial, SANNE, card, "Ja, dat mag.")
    await answered(trial, "instagram", "@keesbos Ja, dat mag. ^SB")  # below a comment an answer is addressed
    assert len(await trial.rows(Case)) == 2


async def test_an_edit_and_a_removal_reach_the_card(trial: Bot) -> None:
    post = writes(trial, "facebook", "post", "De lantaarn is stuk")
    await trial.card("De lantaarn is stuk")
    trial.slack.square.edit(post["id"], "De lantaarn knippert")
    await trial.card("De lantaarn knippert", "✏️")
    trial.slack.square.delete(post["id"])
    await trial.card("De schrijver heeft dit bericht verwijderd")
    [mention] = await trial.rows(Mention)
    assert mention.gone_at is not None


async def test_lists_and_figures_name_the_platform_with_its_sign(trial: Bot) -> None:
    for place, way in (("facebook", "post"), ("whatsapp", "message")):
        writes(trial, place, way, f"Vraag op {place}")
        await trial.card(f"Vraag op {place}")
    listed = await asked(trial, SANNE, "/webcare open")
    assert "📘 Facebook" in listed and "💬 WhatsApp" in listed
    figures = await asked(trial, SANNE, "/webcare stats vandaag")
    assert "📘 Facebook · Het Plein" in figures


async def test_the_clock_finds_nothing_wrong_with_the_accounts(trial: Bot) -> None:
    await poll.poll_due(trial.desk)
    await check.check_accounts(trial.desk)
    await trial.desk.wake.idle()  # type: ignore[attr-defined]
    for account in await trial.rows(AccountRow):
        assert (account.problem, account.stopped_at) == (None, None), account.platform
    whatsapp = next(row for row in await trial.rows(AccountRow) if row.platform == "whatsapp")
    assert whatsapp.limits["templates"]  # a check forgets no template


async def test_a_post_in_no_way_or_with_an_id_that_the_platform_cannot_have_is_refused(trial: Bot) -> None:
    square = trial.slack.square
    post = writes(trial, "facebook", "post", "Hallo")
    await trial.card("Hallo")
    for wrong in ({"way": "smoke"}, {"way": None}, {"way": "comment", "root": "no id!", "parent": "no id!"}):
        sent = square.as_sent(post) | {"id": "no id!" if "root" in wrong else "P77"} | wrong
        body = json.dumps(sent)
        async with (
            aiohttp.ClientSession() as http,
            http.post(square._address(post), data=body, headers=square._signed("m1", body)) as refused,
        ):
            assert refused.status == 400, await refused.text()
    body = json.dumps(square.as_sent(post))
    async with (
        aiohttp.ClientSession() as http,
        http.post(square._address(post), data=body, headers={"X": "y"}) as refused,
    ):
        assert refused.status == 401
    assert len(await trial.rows(Mention)) == 1


async def test_an_answer_whose_confirmation_is_lost_stands_there_once(trial: Bot) -> None:
    writes(trial, "bluesky", "mention", "Is de brug al open?")
    card = await trial.card("Is de brug al open?")
    trial.slack.faults.drop_after("square.replies")
    await answer(trial, SANNE, card, "Nee, maandag pas.")
    await answered(trial, "bluesky", "maandag pas")

    await trial.card("Is de brug al open?", "*Beantwoord*")
    assert said(trial, "bluesky") == [("Nee, maandag pas. ^SB", False)]
