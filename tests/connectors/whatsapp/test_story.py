"""The main job on WhatsApp, end to end: a citizen writes there, the team answers in Slack, the answer arrives."""

import copy
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot import cases
from bot.domain.case import CloseReason, Status
from bot.domain.event import EventKind
from bot.domain.mention import Act, Arrived, Gone
from bot.domain.routing import Rule
from bot.models import Act as ActRow
from bot.models import ActStatus, Author, Case, Event, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.team import routing
from jobs import check, sweep
from tests import people
from tests.acting import approve
from tests.conftest import CHANNEL, SANNE, Bot, account_of, eventually
from tests.connectors.meta.graph import SECRETS, VERIFY, pushed
from tests.connectors.whatsapp.fake import NOT_SUPPORTED, NUMBER_ID, OPTIONS, WINDOW_OVER, FakeWhatsApp
from tests.fakes.pictures import photograph
from tests.people import BEHEER, answer, card_in, open_modal, second_team, sent_out, stopped, told, twin

SEND = f"/v26.0/{NUMBER_ID}/messages"


@pytest.fixture
async def server() -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp() as one:
        yield one


async def connected(bot: Bot, server: FakeWhatsApp) -> Bot:
    """Add the team's number to the bot, and check it."""
    server.clock = bot.desk.now
    return await people.connected(bot, "whatsapp", server.url, SECRETS, OPTIONS)


@pytest.fixture
async def on_whatsapp(bot: Bot, server: FakeWhatsApp) -> Bot:
    """The bot on each database, with the team's number on WhatsApp."""
    return await connected(bot, server)


@pytest.fixture
async def on_sqlite(sqlite_bot: Bot, server: FakeWhatsApp) -> Bot:
    """The same, on SQLite alone."""
    return await connected(sqlite_bot, server)


async def pushes(bot: Bot, server: FakeWhatsApp, *, times: int = 1) -> None:
    """Let all that happened be sent to the bot."""
    statuses = await server.deliver(f"{bot.url}/in/whatsapp", times=times)
    assert set(statuses) <= {200}
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def asked(bot: Bot, server: FakeWhatsApp, words: str = "Wie belt mij terug?", name: str = "jan") -> dict:
    server.write(name, words)
    await pushes(bot, server)
    return await bot.card(words, "WhatsApp")


async def answered(bot: Bot, server: FakeWhatsApp) -> dict:
    """Let a citizen ask and an agent answer; returns the card as it was asked."""
    card = await asked(bot, server)
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.card("*Beantwoord*")
    return card


async def reply_of(bot: Bot) -> Reply:
    found: Reply = (await bot.rows(Reply))[-1]
    return found


async def time_passes(bot: Bot, **time: float) -> None:
    bot.clock.advance(**time)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_a_message_is_answered_and_how_far_the_answer_came_is_kept(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = on_whatsapp
    card = await asked(bot, server, "Wanneer wordt de <container> geleegd?")
    shown = text_of(card)
    assert "🔒" in shown and "Jan Jansen" in shown and "privé antwoorden kan tot" in shown
    assert "31612345678" not in json.dumps(card)
    await answer(bot, SANNE, card, "Donderdag, zie voorbeeld.nl/afval")
    await bot.card("*Beantwoord*", "Donderdag, zie voorbeeld.nl/afval ^SB")
    assert server.said() == ["Donderdag, zie voorbeeld.nl/afval ^SB"]
    for status, words in (("delivered", "bezorgd"), ("read", "gelezen")):
        server.report(server.sent[0], status)
        await pushes(bot, server)
        at = bot.desk.texts().when((await reply_of(bot)).arrived_at, bot.desk.now())
        await bot.card("*Beantwoord*", f"{words} {at}")
    assert ((await reply_of(bot)).status, (await reply_of(bot)).arrived) == (ReplyStatus.SENT, Arrived.READ)
    server.write("jan", "En papier?", context={"from": "15550783881", "id": server.sent[0].id})
    await pushes(bot, server)
    await bot.card("En papier?", "Nieuw")
    assert len(await bot.rows(Case)) == 1
    assert [event.kind for event in await bot.rows(Event)].count(EventKind.REPLY_SENT) == 1


async def test_what_comes_twice_and_in_the_wrong_order_is_there_once(on_whatsapp: Bot, server: FakeWhatsApp) -> None:
    bot = on_whatsapp
    server.write("jan", "Eerste")
    server.write("jan", "Tweede")
    server.events.reverse()
    await pushes(bot, server, times=2)
    await answer(bot, SANNE, await bot.card("WhatsApp", "Nieuw"), "Dag")
    await bot.card("*Beantwoord*")
    server.events.clear()
    for status in ("read", "failed", "delivered", "sent"):
        server.report(server.sent[0], status)
    await pushes(bot, server, times=2)
    assert (await reply_of(bot)).arrived is Arrived.READ
    assert sorted(mention.text for mention in await bot.rows(Mention)) == ["Eerste", "Tweede"]
    assert {mention.case_id for mention in await bot.rows(Mention)} == {1}
    assert (await bot.case()).status is Status.ANSWERED


async def test_an_answer_that_fails_after_it_was_taken_comes_back_to_its_agent(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = on_whatsapp
    card = await answered(bot, server)
    error = {"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable"}
    server.report(server.sent[0], "failed", errors=[error])
    await pushes(bot, server)
    failed = await bot.card("Niet aangekomen", "WhatsApp kan dit niet bij de burger bezorgen", "op een andere manier")
    assert "*Beantwoord*" not in text_of(failed) and "case:answer" in action_ids(failed)
    told = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert f"<@{SANNE}>" in text_of(told[-1]) and "heeft de burger niet bereikt" in text_of(told[-1])
    assert (await bot.case()).status is Status.CLAIMED
    server.report(server.sent[0], "delivered")  # late: it takes nothing back
    await pushes(bot, server)
    assert (await reply_of(bot)).status is ReplyStatus.FAILED


async def test_an_answer_that_fails_after_its_case_was_closed_is_said_to_have_been_sent(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = on_whatsapp
    card = await answered(bot, server)
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason=CloseReason.ANSWERED_ELSEWHERE)
    server.report(server.sent[0], "failed")
    await pushes(bot, server)
    [told] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert f"<@{SANNE}>" in text_of(told) and "niet geplaatst" not in text_of(told)
    assert "heeft de burger niet bereikt" in text_of(told) and "De zaak is intussen afgesloten" in text_of(told)
    closed = await bot.card("*Afgesloten*", "Niet aangekomen", "Heropen de zaak om opnieuw te antwoorden")
    assert "Antwoord opnieuw" not in text_of(closed), "there is no button for that"


async def test_a_message_is_liked_and_the_like_is_taken_back(on_whatsapp: Bot, server: FakeWhatsApp) -> None:
    bot = on_whatsapp
    await asked(bot, server, "Wat is de lantaarn snel gemaakt!")
    await approve(bot, Act.LIKE)
    await sent_out(bot)
    await bot.card("lantaarn", "♥ *Geliket* door")
    assert list(server.reactions.values()) == ["❤️"]
    await pushes(bot, server)  # what is reported of a like is about no answer
    await approve(bot, Act.UNLIKE)
    await sent_out(bot)
    assert server.reactions == {}
    assert [act.status for act in await bot.rows(ActRow)] == [ActStatus.DONE, ActStatus.DONE]
    server.send_as("jan", "reaction", {"message_id": "wamid.ours", "emoji": "😡"})
    await pushes(bot, server)
    assert len(await bot.rows(Mention)) == len(await bot.rows(Case)) == 1


async def test_who_keeps_their_number_from_us_is_answered_too(on_sqlite: Bot, server: FakeWhatsApp) -> None:
    bot = on_sqlite
    await answer(bot, SANNE, await asked(bot, server, name="fatima"), "Wij bellen u.")
    await bot.card("*Beantwoord*", "@fatima.el")
    assert [message.to.name for message in server.sent] == ["Fatima"]


# --- Exactly once --------------------------------------------------------------------------------


@pytest.mark.parametrize("doubted", [False, True], ids=["in time", "after a person was asked"])
async def test_a_report_settles_an_answer_whose_connection_was_cut(
    on_whatsapp: Bot, server: FakeWhatsApp, doubted: bool
) -> None:
    bot = on_whatsapp
    card = await asked(bot, server)
    server.fail(SEND, status=0, done=True)
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.card("nog niet zeker")
    if doubted:
        for _ in range(4):
            await time_passes(bot, minutes=2)
        await bot.card("Misschien verstuurd")
    await pushes(bot, server)
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    if doubted:
        await bot.slack.wait_for(lambda: "nu zeker" in text_of(bot.slack.thread(CHANNEL, card["ts"])[-1]))
    await time_passes(bot, hours=1)
    assert server.said() == ["Wij bellen u. ^SB"]
    assert ((await reply_of(bot)).status, (await reply_of(bot)).external_id) == (ReplyStatus.SENT, server.sent[0].id)


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_without_a_report_a_person_looks_and_nothing_is_sent_twice(
    on_sqlite: Bot, server: FakeWhatsApp, taken: bool
) -> None:
    bot, server.reports = on_sqlite, False
    card = await asked(bot, server)
    server.fail(SEND, status=0, done=taken)
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.card("nog niet zeker")
    await time_passes(bot, minutes=1)
    await bot.card("nog niet zeker")
    for _ in range(4):
        await time_passes(bot, minutes=2)
    shown = await bot.card("Misschien verstuurd")
    assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(shown))
    assert len(server.said()) == int(taken)
    assert (await reply_of(bot)).status is ReplyStatus.UNCERTAIN


async def test_a_report_may_come_before_the_answer_to_our_request(on_whatsapp: Bot, server: FakeWhatsApp) -> None:
    bot = on_whatsapp
    card = await asked(bot, server)
    server.reports_first_to = f"{bot.url}/in/whatsapp"
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.card("*Beantwoord*")
    assert ((await reply_of(bot)).status, len(server.sent)) == (ReplyStatus.SENT, 1)
    assert [event.kind for event in await bot.rows(Event)].count(EventKind.REPLY_SENT) == 1


# --- The window ----------------------------------------------------------------------------------


async def test_after_24_hours_nothing_is_sent_until_the_citizen_writes_again(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    card = await asked(bot, server)
    bot.clock.advance(hours=24, minutes=1)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")

    async def refused() -> bool:
        said = json.dumps([bot.slack.view(SANNE), bot.slack.messages(CHANNEL)], ensure_ascii=False, default=str)
        return "beperkte tijd" in said

    assert await eventually(refused)
    assert server.sent == []
    server.write("jan", "Bent u er nog?")
    await pushes(bot, server)
    await answer(bot, SANNE, await bot.card("Bent u er nog?"), "Zeker.")
    await bot.card("*Beantwoord*")
    assert server.said() == ["Zeker. ^SB"]


async def test_an_answer_that_waits_past_the_window_comes_back_to_its_agent(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    card = await asked(bot, server)
    bot.clock.advance(hours=23, minutes=59)
    server.fail(SEND, status=429)
    await answer(bot, SANNE, card, "Zeker.")
    await bot.card("Wacht op verzending")
    await time_passes(bot, minutes=30)
    await bot.card("Niet verstuurd", "beperkte tijd")
    assert server.sent == []


@pytest.mark.parametrize("has_template", [False, True], ids=["without a template", "with a template"])
async def test_an_answer_that_waits_past_the_window_goes_out_if_the_citizen_wrote_again(
    on_whatsapp: Bot, server: FakeWhatsApp, has_template: bool
) -> None:
    bot = await with_templates(on_whatsapp, server) if has_template else on_whatsapp
    card = await asked(bot, server)
    bot.clock.advance(hours=23, minutes=59)
    server.fail(SEND, status=429)
    await answer(bot, SANNE, card, "Zeker.")
    await bot.card("Wacht op verzending")
    server.write("jan", "Bent u er nog?")
    await pushes(bot, server)
    await time_passes(bot, minutes=30)
    assert server.said() == ["Zeker. ^SB"]
    assert (await reply_of(bot)).status is ReplyStatus.SENT


async def test_who_was_writing_while_the_window_closed_answers_what_the_citizen_wrote_again(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    card = await asked(bot, server)
    bot.clock.advance(hours=23, minutes=59)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    server.write("jan", "Bent u er nog?")
    await pushes(bot, server)
    await time_passes(bot, minutes=30)
    filled = {"initials": "SB", "answer_text": "Zeker."}
    await bot.slack.submit(SANNE, filled)
    assert "De burger schreef intussen opnieuw" in text_of(bot.slack.view(SANNE))
    ack = await bot.slack.submit(SANNE, filled)
    assert not ack.errors
    await bot.card("*Beantwoord*")
    assert server.said() == ["Zeker. ^SB"]


async def test_that_whatsapp_finds_the_window_closed_is_told_in_our_words(on_sqlite: Bot, server: FakeWhatsApp) -> None:
    bot = on_sqlite
    card = await asked(bot, server)
    server.citizens["jan"].wrote_at = None
    await answer(bot, SANNE, card, "Zeker.")
    await bot.card("*Beantwoord*")
    assert server.events[-1]["value"]["statuses"][0]["errors"] == [WINDOW_OVER]
    await pushes(bot, server)
    await bot.card("Niet aangekomen", "24 uur")


# --- Templates -----------------------------------------------------------------------------------

ASK = 'Beste {{1}}, we hebben uw antwoord. Schrijf ons "ja" en we sturen het. Het gaat over: {{2}}.'
FILLED_IN = 'Beste Jan, we hebben uw antwoord. Schrijf ons "ja" en we sturen het. Het gaat over: de container.'


async def with_templates(bot: Bot, server: FakeWhatsApp) -> Bot:
    """Let the team have a template, which the check learns of."""
    server.has_template("antwoord_klaar", ASK)
    server.has_template("reclame", "Koop!", category="MARKETING")
    await check.check_accounts(bot.desk)
    return bot


async def test_after_24_hours_the_answer_window_takes_the_teams_templates_only(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = await with_templates(on_whatsapp, server)
    card = await asked(bot, server)
    bot.clock.advance(hours=25)
    await time_passes(bot)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "alleen een sjabloon" in text_of(view)
    assert "Kies hierboven een sjabloon." in str(view), "not how one writes an answer of one's own"
    await bot.slack.type(SANNE, "initials", "SB")
    await bot.slack.type(SANNE, "answer_text", "Donderdag.")
    await bot.slack.wait_for(lambda: "Donderdag." in text_of(bot.slack.view(SANNE)))
    assert "Donderdag. ^SB" not in text_of(bot.slack.view(SANNE))
    refused = await bot.slack.submit(SANNE)
    assert "neemt nu alleen een sjabloon aan" in str(refused.errors)
    [offered] = await bot.slack.suggest(SANNE, "answer_snippet", "")
    assert offered["value"] == "antwoord_klaar (nl)"
    await bot.slack.click_in_view(SANNE, "answer_snippet", offered)
    await bot.slack.wait_for(lambda: "{{2}}" in text_of(bot.slack.view(SANNE)))
    assert (await bot.slack.submit(SANNE)).errors  # nothing was filled in
    ack = await bot.slack.submit(SANNE, {"answer_text": FILLED_IN})
    assert ack.ok and not ack.errors, ack.errors
    await bot.card("*Beantwoord*", "de container.")
    assert server.said() == [FILLED_IN]
    assert server.sent[0].body["template"]["name"] == "antwoord_klaar"
    await pushes(bot, server)
    assert (await reply_of(bot)).status is ReplyStatus.SENT
    server.write("jan", "ja")
    await pushes(bot, server)
    await answer(bot, SANNE, await bot.card("ja", "Nieuw"), "Donderdag wordt hij geleegd.")
    await bot.card("*Beantwoord*", "Donderdag wordt hij geleegd. ^SB")
    assert server.said()[1:] == ["Donderdag wordt hij geleegd. ^SB"]


async def test_of_two_templates_with_long_names_the_chosen_one_is_inserted(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot, long = on_whatsapp, "gemeente_antwoord_op_uw_vraag_over_afval_en_grondstoffen_staat_klaar"
    server.has_template(f"{long}_v1", "Het oude antwoord staat klaar.")
    server.has_template(f"{long}_v2", "Het nieuwe antwoord staat klaar.")
    await check.check_accounts(bot.desk)
    card = await asked(bot, server)
    bot.clock.advance(hours=25)
    await time_passes(bot)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    offered = await bot.slack.suggest(SANNE, "answer_snippet", "nieuwe")
    await bot.slack.click_in_view(SANNE, "answer_snippet", offered[0])
    await bot.slack.wait_for(lambda: "staat klaar" in text_of(bot.slack.view(SANNE)))
    assert "Het nieuwe antwoord" in text_of(bot.slack.view(SANNE))


async def test_the_card_says_that_only_a_template_will_do(on_sqlite: Bot, server: FakeWhatsApp) -> None:
    bot = await with_templates(on_sqlite, server)
    await asked(bot, server)
    bot.clock.advance(hours=25)
    server.write("jan", "Al iets?")
    server.events[-1]["value"]["messages"][0]["timestamp"] = str(int(bot.desk.now().timestamp()) - 90_000)
    await pushes(bot, server)
    await bot.card("Al iets?", "alleen nog met een sjabloon")


async def test_an_answer_that_waits_past_the_window_can_be_sent_again_as_a_template(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = await with_templates(on_sqlite, server)
    card = await asked(bot, server)
    bot.clock.advance(hours=23, minutes=59)
    server.fail(SEND, status=429)
    await answer(bot, SANNE, card, "Zeker.")
    await bot.card("Wacht op verzending")
    await time_passes(bot, minutes=30)
    await bot.card("Niet verstuurd", "24 uur")
    assert server.sent == []
    await answer(bot, SANNE, await bot.card("Niet verstuurd"), FILLED_IN)
    await bot.card("*Beantwoord*")
    assert server.said() == [FILLED_IN]


async def test_the_card_counts_from_the_last_message_of_the_citizen_also_when_that_was_removed(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    await asked(bot, server)
    bot.clock.advance(hours=23)
    last = server.write("jan", "Laat maar")
    server.revoke("jan", last)
    await pushes(bot, server)
    bot.clock.advance(hours=2)
    server.edit("jan", (await bot.rows(Mention))[0].external_id, "Wie belt mij vandaag terug?")
    await pushes(bot, server)
    await answer(bot, SANNE, await bot.card("Laat maar", "privé antwoorden kan tot"), "Wij.")
    await bot.card("*Beantwoord*")
    assert server.said() == ["Wij. ^SB"]


# --- What is sent to us ----------------------------------------------------------------------------


async def test_an_edit_and_a_removal_by_the_citizen_show_on_the_card(on_whatsapp: Bot, server: FakeWhatsApp) -> None:
    bot = on_whatsapp
    server.write("jan", "Vrijdag?")
    await pushes(bot, server)
    first = (await bot.rows(Mention))[0].external_id
    server.edit("jan", first, "Donderdag?")
    await pushes(bot, server)
    await bot.card("Donderdag?")
    server.revoke("jan", first)
    await pushes(bot, server)
    [mention] = await bot.rows(Mention)
    assert (mention.earlier_text, mention.text, mention.gone) == ("Vrijdag?", "Donderdag?", Gone.BY_AUTHOR)


async def test_a_removal_that_comes_before_its_message_keeps_it_out(on_sqlite: Bot, server: FakeWhatsApp) -> None:
    bot = on_sqlite
    written = server.write("jan", "Vergissing")
    server.revoke("jan", written)
    server.events.reverse()
    await pushes(bot, server)
    assert await bot.rows(Mention) == []


async def test_who_pins_a_message_asks_nothing_and_an_edit_that_is_not_passed_on_is_called_so(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    await answer(bot, SANNE, await asked(bot, server), "Wij bellen u.")
    await bot.card("*Beantwoord*")
    server.send_as("jan", "unsupported", {"type": "pin"}, errors=[NOT_SUPPORTED])
    await pushes(bot, server)
    assert ((await bot.case()).status, len(await bot.rows(Mention))) == (Status.ANSWERED, 1)
    server.send_as("jan", "unsupported", {"type": "edit"}, errors=[NOT_SUPPORTED])
    await pushes(bot, server)
    shown = await bot.card("wijziging van een eerder bericht, die het platform niet doorgeeft")
    assert "not supported" not in text_of(shown)


async def post(bot: Bot, path: str, body: bytes, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as session, session.post(bot.url + path, data=body, headers=headers) as told:
        return told.status


async def test_a_badly_signed_request_brings_nothing_and_one_sent_again_nothing_new(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = on_whatsapp
    server.write("jan", "Mijn BSN is 123456782")
    good = server.request(*server.events)
    headers = dict(good.headers)
    for path in ("/in/whatsapp", "/in/whatsapp/gemeente"):
        assert await post(bot, path, good.body, {}) == 401
        assert await post(bot, path, good.body + b" ", headers) == 401
        assert await post(bot, path, good.body, dict(pushed(good.body, secret="another").headers)) == 401
    of_another_number = good.body.replace(NUMBER_ID.encode(), b"999")
    of_no_number = pushed({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": {"event": "x"}}]}]})
    for each in (pushed(of_another_number), of_no_number):
        assert await post(bot, "/in/whatsapp", each.body, dict(each.headers)) == 200
    assert await bot.rows(Mention) == []
    assert [await post(bot, "/in/whatsapp", good.body, headers) for _ in range(3)] == [200] * 3
    bot.clock.advance(days=3)
    assert await post(bot, "/in/whatsapp/gemeente", good.body, headers) == 200
    assert len(await bot.rows(Mention)) == 1
    assert (await bot.case()).status is Status.NEW


async def test_what_comes_for_another_number_at_the_address_of_one_comes_in_for_that_other(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    """An app at Meta has one address for all its numbers, and what is lost there cannot be read later."""
    bot = on_whatsapp
    await twin(bot, await account_of(bot, "gemeente"), "999")
    server.write("jan", "Wie belt mij terug?")
    ours = server.request(*server.events)
    theirs = pushed(ours.body.replace(NUMBER_ID.encode(), b"999").replace(b"wamid", b"other"))
    for request in (theirs, ours):
        assert (await told(bot, "/in/whatsapp/gemeente", request))[0] == 200
    names = {(await account_of(bot, name)).id for name in ("wijk", "gemeente")}
    assert {mention.account_id for mention in await bot.rows(Mention)} == names


async def test_meta_is_told_that_the_address_is_ours_only_by_the_verify_token(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    async def ask(token: str) -> tuple[int, str]:
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}
        url = f"{on_sqlite.url}/in/whatsapp/gemeente"
        async with aiohttp.ClientSession() as session, session.get(url, params=query) as told:
            return told.status, await told.text()

    assert await ask(VERIFY) == (200, "1158201444")
    status, words = await ask("wrong")
    assert status == 401
    assert "1158201444" not in words


async def test_one_number_serves_several_teams_by_the_rules(on_sqlite: Bot, server: FakeWhatsApp) -> None:
    bot = on_sqlite
    beheer = await second_team(bot)
    number = await account_of(bot, "gemeente")
    async with bot.desk.session() as session:
        rule = Rule("k", beheer, words=("glas",), accounts=(number.id,))
        await routing.put(session, 1, rule, by=SANNE, now=bot.desk.now())
    server.write("jan", "Vol glas op het pad")
    server.write("fatima", "Mijn paspoort")
    await pushes(bot, server)
    await card_in(bot, BEHEER, "Vol glas op het pad")
    await bot.card("Mijn paspoort")
    assert sorted(author.external_id for author in await bot.rows(Author)) == sorted(
        server.citizens[name].user_id for name in ("jan", "fatima")
    )


async def test_an_image_goes_with_words_under_it_which_are_fewer_than_without(
    on_sqlite: Bot, server: FakeWhatsApp
) -> None:
    bot = on_sqlite
    card = await asked(bot, server)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "answer_image_description" not in action_ids(view)
    assert "Het antwoord mag dan 1024 tekens hebben." in text_of(view)
    chosen = [bot.slack.give_file(SANNE, "x.jpg", photograph())]
    long = "é" * 1_030
    ack = await bot.slack.submit(SANNE, {"answer_text": long, "initials": "SB", "answer_image": chosen})
    assert ack.errors == {"answer_text": "Met een afbeelding mag een antwoord 1024 tekens hebben: 10 te veel."}
    ack = await bot.slack.submit(SANNE, {"answer_text": "Kijk maar.", "initials": "SB"})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*", "Met een afbeelding")
    assert server.said() == ["Kijk maar. ^SB"]
    [sent] = server.sent
    assert sent.body["type"] == "image"
    assert server.media[sent.body["image"]["id"]].startswith(b"\xff\xd8\xff")


async def test_the_topic_that_a_citizen_taps_leads_to_the_team_for_it(on_whatsapp: Bot, server: FakeWhatsApp) -> None:
    bot = on_whatsapp
    beheer = await second_team(bot)
    number = await account_of(bot, "gemeente")
    async with bot.desk.session() as session:
        rule = Rule("k", beheer, words=("Melding over straat of afval",), accounts=(number.id,))
        await routing.put(session, 1, rule, by=SANNE, now=bot.desk.now())
    server.write("jan", "Melding over straat of afval")  # an ice breaker comes as the words on it
    server.write("fatima", "Paspoort of rijbewijs")
    chosen = {"id": "2", "title": "Melding over straat of afval", "description": "Wij kijken ernaar"}
    context = {"context": {"from": "15550783881", "id": "wamid.menu"}}
    server.send_as("piet", "interactive", {"type": "list_reply", "list_reply": chosen}, **context)
    await pushes(bot, server)
    await card_in(bot, BEHEER, "Jan Jansen", "Melding over straat of afval")
    await card_in(bot, BEHEER, "Piet", "Wij kijken ernaar")
    await bot.card("Fatima", "Paspoort of rijbewijs")
    server.write("jan", "De container is vol")  # what follows stays with that team
    await pushes(bot, server)
    assert {case.team_id for case in await bot.rows(Case) if case.author_id == 1} == {beheer}
    assert len(await bot.rows(Case)) == 3
    assert server.sent == []


async def test_a_number_that_was_stopped_keeps_nothing_of_another_out_and_gets_its_own_later(
    on_whatsapp: Bot, server: FakeWhatsApp
) -> None:
    bot = on_whatsapp
    await twin(bot, await account_of(bot, "gemeente"), "2222")
    await stopped(bot, "wijk")
    server.write("jan", "Wie veegt hier?")
    ours, theirs = server.events[-1], copy.deepcopy(server.events[-1])
    theirs["value"]["metadata"]["phone_number_id"] = "2222"
    both = server.request(theirs, ours)
    assert (await told(bot, "/in/whatsapp", both))[0] == 503  # nothing else would bring it
    await bot.card("Wie veegt hier?", "Nieuw")
    assert len(await bot.rows(Mention)) == 1
    await stopped(bot, "wijk", again=True)
    assert [(await told(bot, "/in/whatsapp", both))[0] for _ in range(2)] == [200, 200]
    assert sorted(mention.account_id for mention in await bot.rows(Mention)) == [
        (await account_of(bot, name)).id for name in ("gemeente", "wijk")
    ]
