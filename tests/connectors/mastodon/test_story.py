"""The main job on Mastodon, end to end: a citizen writes there, the team answers in Slack, the reply stands there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bot import accounts
from bot.domain.case import Status
from bot.models import Account, Mention, Message, MessageKind, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import poll, sweep
from tests.conftest import CHANNEL, SANNE, Bot, account_of
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import ACCOUNT, answer, connect, open_modal

Json = dict[str, Any]

STATUSES = "/api/v1/statuses"
ISOLATES = "\u2068\u2069"
"""The signs that keep hostile spacing of strangers' words within those words; nobody sees them."""


@pytest.fixture
async def on_mastodon(bot: Bot, mastodon: FakeMastodon) -> Bot:
    """The bot on each database, with the team's account on Mastodon."""
    await connect(bot, mastodon.base_url)
    return bot


@pytest.fixture
async def on_mastodon_sqlite(sqlite_bot: Bot, mastodon: FakeMastodon) -> Bot:
    """The bot on SQLite only, with the team's account on Mastodon."""
    await connect(sqlite_bot, mastodon.base_url)
    return sqlite_bot


def shown_preview(view: Json) -> str:
    """The words of which an answer modal says that the citizen will see them, as a person reads them."""
    heads = [number for number, block in enumerate(view["blocks"]) if "Dit krijgt de burger" in json.dumps(block)]
    (element,) = view["blocks"][heads[0] + 1]["elements"]
    return "".join(part["text"] for part in element["elements"]).strip(ISOLATES)


async def typed_until(bot: Bot, typed: str, holds: Callable[[Json], bool]) -> Json:
    """Type in Sanne's answer modal, and return it once this holds of what it shows."""
    await bot.slack.type(SANNE, "answer_text", typed)

    def shown() -> Json | None:
        view = bot.slack.view(SANNE)
        return view if view and holds(view) else None

    return await bot.slack.wait_for(shown)


def source_of(mastodon: FakeMastodon, status: Json) -> str:
    """The text of a status as it was sent, not as it is shown."""
    text: str = mastodon.as_team("GET", f"/api/v1/statuses/{status['id']}/source")["text"]
    return text


async def test_a_mention_is_answered_in_public_under_its_post(on_mastodon: Bot, mastodon: FakeMastodon) -> None:
    bot = on_mastodon
    post = mastodon.post_as("jan@elders.example", "@gemeente Wanneer wordt de <container> geleegd?")
    await poll.poll_due(bot.desk)
    card = await bot.card("container", "Nieuw")
    assert "Mastodon" in text_of(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("container", "In behandeling", SANNE)
    await answer(bot, SANNE, card, "Donderdag, Jan!")
    answered = await bot.card("*Beantwoord*", "@jan@elders.example Donderdag, Jan! ^SB")
    (status,) = mastodon.statuses_by_team()
    assert source_of(mastodon, status) == "@jan@elders.example Donderdag, Jan! ^SB"
    assert status["in_reply_to_id"] == post["id"]
    assert status["visibility"] == "public"
    assert [m["acct"] for m in status["mentions"]] == ["jan@elders.example"]
    assert status["url"] in json.dumps(answered)
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(await bot.rows(Mention)) == 1


async def test_a_private_message_is_answered_in_private(on_mastodon: Bot, mastodon: FakeMastodon) -> None:
    bot = on_mastodon
    mastodon.post_as("jan", "@gemeente Mijn zaaknummer is 12.", visibility="direct")
    await poll.poll_due(bot.desk)
    card = await bot.card("zaaknummer", "privébericht")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "answer_visibility" not in action_ids(view)
    assert "alleen" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"answer_text": "Dank, we zoeken het op.", "initials": "SB"})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*", "privébericht")
    (status,) = mastodon.statuses_by_team()
    assert status["visibility"] == "direct"
    assert source_of(mastodon, status) == "@jan Dank, we zoeken het op. ^SB"


async def test_a_public_post_can_be_answered_in_private(on_mastodon_sqlite: Bot, mastodon: FakeMastodon) -> None:
    bot = on_mastodon_sqlite
    mastodon.post_as("jan", "@gemeente Hoe hoog is mijn aanslag?")
    await poll.poll_due(bot.desk)
    card = await bot.card("aanslag")
    await answer(bot, SANNE, card, "Dat sturen we je hier.", answer_visibility="private")
    await bot.card("*Beantwoord*", "privébericht")
    assert [s["visibility"] for s in mastodon.statuses_by_team()] == ["direct"]


async def test_a_post_with_our_hashtag_is_answered_though_it_does_not_name_us(
    sqlite_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url, hashtags=["voorbeeldstad"])
    post = mastodon.post_as("jan", "De brug staat weer open #voorbeeldstad")
    await poll.poll_due(bot.desk)
    card = await bot.card("De brug staat weer open")
    await answer(bot, SANNE, card, "Klopt, tot twee uur.")
    await bot.card("*Beantwoord*")
    (status,) = mastodon.statuses_by_team()
    assert (status["in_reply_to_id"], source_of(mastodon, status)) == (post["id"], "@jan Klopt, tot twee uur. ^SB")


async def test_the_options_of_a_poll_stand_on_the_card(on_mastodon_sqlite: Bot, mastodon: FakeMastodon) -> None:
    bot = on_mastodon_sqlite
    options = {"options": ["De markt", "Het *park*"], "expires_in": 3600}
    mastodon.post_as("jan", "@gemeente Waar komt de kerstboom?", poll=options)
    await poll.poll_due(bot.desk)
    await bot.card("kerstboom", "De markt", "park")


async def test_an_edit_and_a_removal_by_the_citizen_show_on_the_card(on_mastodon: Bot, mastodon: FakeMastodon) -> None:
    bot = on_mastodon
    post = mastodon.post_as("jan", "@gemeente De brug is dicht")
    await poll.poll_due(bot.desk)
    await bot.card("De brug is dicht")
    mastodon.edit("jan", post["id"], "@gemeente De brug is weer open")
    await poll.poll_due(bot.desk)
    await bot.card("De brug is weer open", "bewerkt")
    assert (await bot.rows(Mention))[0].earlier_text == "@gemeente De brug is dicht"
    mastodon.delete("jan", post["id"])
    await poll.poll_due(bot.desk)
    gone = await bot.card("verwijderd")
    assert "case:answer" not in action_ids(gone)


async def test_the_citizens_reply_to_our_answer_joins_the_case_and_reopens_it(
    on_mastodon: Bot, mastodon: FakeMastodon
) -> None:
    bot = on_mastodon
    mastodon.post_as("jan", "@gemeente Wat kost een rijbewijs?")
    await poll.poll_due(bot.desk)
    card = await bot.card("rijbewijs")
    await answer(bot, SANNE, card, "€ 52,10")
    await bot.card("*Beantwoord*")
    (ours,) = mastodon.statuses_by_team()
    mastodon.post_as("piet", "@gemeente Hier ook!", in_reply_to=ours["id"])
    mastodon.post_as("jan", "@gemeente Bedankt!", in_reply_to=ours["id"])
    await poll.poll_due(bot.desk)
    await bot.card("Hier ook!", "Nieuw")
    await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert (await bot.case()).status is Status.ANSWERED
    again = mastodon.post_as("jan", "@gemeente En met spoed?", in_reply_to=ours["id"])
    await poll.poll_due(bot.desk)
    await bot.card("En met spoed?", "Nieuw")
    assert len(bot.cards()) == 2
    assert ((await bot.case()).status, (await bot.case()).assignee) == (Status.NEW, None)
    await answer(bot, SANNE, card, "Dan € 39 meer.")
    await bot.card("*Beantwoord*", "En met spoed?")
    assert mastodon.statuses_by_team()[0]["in_reply_to_id"] == again["id"]


async def test_an_answer_that_is_too_long_is_refused_at_its_field_with_how_much(
    on_mastodon_sqlite: Bot, mastodon: FakeMastodon
) -> None:
    bot = on_mastodon_sqlite
    mastodon.post_as("jan", "@gemeente Hoe vraag ik dit aan?")
    await poll.poll_due(bot.desk)
    card = await bot.card("aan?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    long = "é" * (500 - len("@jan " + " ^SB") + 7)
    await typed_until(bot, long, lambda view: "7 tekens te lang" in text_of(view))
    ack = await bot.slack.submit(SANNE, {"answer_text": long, "initials": "SB"})
    assert ack.errors == {"answer_text": "Te lang. Tekens te veel: 7."}
    assert mastodon.statuses_by_team() == []
    await typed_until(bot, long[7:], lambda view: "nog 0 tekens over" in text_of(view))
    ack = await bot.slack.submit(SANNE, {"answer_text": long[7:]})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    assert [source_of(mastodon, s) for s in mastodon.statuses_by_team()] == [f"@jan {long[7:]} ^SB"]


async def test_a_private_answer_that_names_somebody_else_is_refused_at_its_words_and_stays_here(
    on_mastodon_sqlite: Bot, mastodon: FakeMastodon
) -> None:
    bot = on_mastodon_sqlite
    mastodon.post_as("politie", "Wij zijn er ook")
    mastodon.post_as("jan", "@gemeente Wat is er met mijn uitkering?")
    await poll.poll_due(bot.desk)
    card = await bot.card("uitkering")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    words = "Uw uitkering 4711 is gestopt. Vragen? Stuur @politie een bericht"
    await typed_until(bot, words, lambda view: "iedereen kan dit lezen" in text_of(view))
    refused = "Wie je met een @ noemt, krijgt dit privébericht ook. Schrijf @politie zonder @."
    ack = await bot.slack.submit(SANNE, {"answer_text": words, "answer_visibility": "private", "initials": "SB"})
    assert ack.errors == {"answer_text": refused}
    view = await typed_until(bot, f"{words}!", lambda view: "zonder @" in text_of(view))
    assert refused in text_of(view) and "Privé: alleen" not in text_of(view)
    assert mastodon.statuses_by_team() == []
    fine = words.replace("@", "") + ", of mail info@voorbeeld.nl"
    await typed_until(bot, fine, lambda view: "Privé: alleen" in text_of(view))
    ack = await bot.slack.submit(SANNE, {"answer_text": fine})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    (status,) = mastodon.statuses_by_team()
    assert (status["visibility"], [each["acct"] for each in status["mentions"]]) == ("direct", ["jan"])


async def test_what_the_server_refuses_comes_back_to_its_agent_in_the_servers_words(
    on_mastodon_sqlite: Bot, mastodon: FakeMastodon
) -> None:
    bot = on_mastodon_sqlite
    mastodon.post_as("jan@elders.example", "@gemeente Hoe vraag ik dit aan?")
    await poll.poll_due(bot.desk)
    card = await bot.card("aan?")
    # Within the limit as Mastodon counts; this server counts the citizen's own server too.
    await answer(bot, SANNE, card, "é" * 490)
    await bot.card("Niet verstuurd", "Text is too long")
    assert mastodon.statuses_by_team() == []
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.CLAIMED, SANNE)
    await answer(bot, SANNE, card, "Dat kan aan de balie.")
    await bot.card("*Beantwoord*", "aan de balie")
    assert len(mastodon.statuses_by_team()) == 1


NOTHING_TYPED = "(typ hierboven je antwoord)"
TYPED = [
    "Donderdag komen we langs.",
    "  Twee regels,\n\nmet een lege ertussen.  ",
    "Kijk op https://www.voorbeeld.nl/afval?nr=7&x=<y> & bel 14 0123 *niet* _mailen_ `x` ~y~ :smile:",
    "Jan, ^sb typte dit zelf al ^SB",
    "Hoi @jan@elders.example, dat komt goed 👨‍👩‍👧‍👦 <!channel> <@U0SANNE>",
]


@pytest.mark.parametrize("typed", TYPED)
async def test_what_the_preview_shows_is_what_is_published(
    on_mastodon_sqlite: Bot, mastodon: FakeMastodon, typed: str
) -> None:
    bot = on_mastodon_sqlite
    mastodon.post_as("jan@elders.example", "@gemeente Wanneer?")
    await poll.poll_due(bot.desk)
    card = await bot.card("Wanneer?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    shown = shown_preview(await typed_until(bot, typed, lambda view: shown_preview(view) != NOTHING_TYPED))
    ack = await bot.slack.submit(SANNE, {"answer_text": typed, "initials": "SB"})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    (status,) = mastodon.statuses_by_team()
    assert source_of(mastodon, status) == shown
    assert shown.endswith(" ^SB")
    assert shown.count("^SB") == 1


async def test_a_reply_that_the_server_asks_to_wait_with_goes_out_once_after_that(
    on_mastodon: Bot, mastodon: FakeMastodon
) -> None:
    bot = on_mastodon
    mastodon.post_as("jan", "@gemeente Druk daar?")
    await poll.poll_due(bot.desk)
    card = await bot.card("Druk daar?")
    wait = {"Retry-After": "120", "X-RateLimit-Reset": "2000-01-01T00:00:00Z"}
    mastodon.fault(STATUSES, "ratelimit", method="POST", count=1, headers=wait)
    await answer(bot, SANNE, card, "Ja!")
    waiting = await bot.card("Wacht op")
    assert "case:undo" in action_ids(waiting)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert mastodon.statuses_by_team() == []
    bot.clock.advance(seconds=121)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert [source_of(mastodon, s) for s in mastodon.statuses_by_team()] == ["@jan Ja! ^SB"]
    assert [r.status for r in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_a_reply_that_may_be_there_already_cannot_be_taken_back(
    on_mastodon_sqlite: Bot, mastodon: FakeMastodon
) -> None:
    """The server broke down while it was sent, and then asks to wait: neither says that nothing was published."""
    bot = on_mastodon_sqlite
    mastodon.post_as("jan", "@gemeente Is dit gelukt?")
    await poll.poll_due(bot.desk)
    card = await bot.card("gelukt?")
    mastodon.fault(STATUSES, "status", method="POST", count=1, status=503)
    await answer(bot, SANNE, card, "Jazeker")
    await bot.card("Wordt verstuurd", "503")
    mastodon.fault(STATUSES, "ratelimit", method="POST", count=1, headers={"Retry-After": "150"})
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    uncertain = await bot.card("Wordt verstuurd", "te wachten")
    assert "case:undo" not in action_ids(uncertain)
    bot.clock.advance(minutes=6)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert [source_of(mastodon, s) for s in mastodon.statuses_by_team()] == ["@jan Jazeker ^SB"]


async def test_with_a_revoked_token_nothing_is_lost_and_the_team_is_told_once(bot: Bot, mastodon: FakeMastodon) -> None:
    """The account stops at the first refusal; after a new token the answer goes out and what was written comes in."""
    old = mastodon.token_with("read", "write")
    account_id = await connect(bot, mastodon.base_url, token=old)
    mastodon.post_as("jan", "@gemeente Eerste vraag")
    await poll.poll_due(bot.desk)
    card = await bot.card("Eerste vraag")
    mastodon.as_team("POST", "/oauth/revoke", data={"token": old})
    await answer(bot, SANNE, card, "Eerste antwoord")
    bot.desk.wake(f"poll:{account_id}")
    told = await bot.card(ACCOUNT, "gestopt", "geen nieuwe berichten binnen en antwoorden wachten")
    await bot.card("Eerste vraag", "Wacht op", "gestopt")
    mastodon.post_as("jan", "@gemeente Tweede vraag")
    for _ in range(2):
        await poll.poll_due(bot.desk)
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert [m for m in bot.cards() if "geen nieuwe berichten binnen" in text_of(m)] == [told]
    assert len(await bot.rows(Mention)) == 1

    async with bot.desk.session() as session:
        account = await session.get_one(Account, account_id)
        accounts.renew(session, account, {"token": mastodon.token}, bot.desk.settings, bot.desk.now())
        accounts.learned(account, await accounts.health(bot.desk.connector(account)))
    await poll.poll_due(bot.desk)
    await sweep(bot.desk)
    await bot.card("Eerste vraag", "*Beantwoord*")
    await bot.card("Tweede vraag", "Nieuw")
    assert [source_of(mastodon, s) for s in mastodon.statuses_by_team()] == ["@jan Eerste antwoord ^SB"]
    assert [m.kind for m in await bot.rows(Message)].count(MessageKind.ACCOUNT_PROBLEM) == 1
    assert (await account_of(bot, ACCOUNT)).problem is None
