"""The main job on Bluesky, end to end: a citizen writes there, the team answers in Slack, the reply stands there."""

from collections.abc import AsyncIterator

import pytest

from bot import cases
from bot.domain.mention import Act
from bot.models import Act as ActRow
from bot.models import ActStatus, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from tests import people
from tests.acting import approve
from tests.conftest import CHANNEL, SANNE, Bot, account_of, second_desk
from tests.connectors.bluesky.fake import HANDLE, PASSWORD, FakeBluesky
from tests.fakes.pictures import drawing
from tests.people import answer, polled, sent_out

SEND = "/xrpc/chat.bsky.convo.sendMessage"


@pytest.fixture
async def server() -> AsyncIterator[FakeBluesky]:
    async with FakeBluesky() as one:
        yield one


async def connected(bot: Bot, server: FakeBluesky, **options: object) -> Bot:
    """Add the team's account to the bot, and check it."""
    server.clock = bot.desk.now
    return await people.connected(
        bot, "bluesky", server.url, {"app_password": PASSWORD}, {"handle": HANDLE, "directory": server.url, **options}
    )


@pytest.fixture
async def on_bluesky(bot: Bot, server: FakeBluesky) -> Bot:
    """The bot on each database, with the team's account on Bluesky."""
    return await connected(bot, server, messages=True)


async def test_a_mention_is_answered_hidden_liked_and_the_answer_removed(on_bluesky: Bot, server: FakeBluesky) -> None:
    bot = on_bluesky
    ours = server.write("gemeente", "De markt gaat door.")
    asked = server.write("jan", "Wanneer wordt de <container> geleegd?", answers=ours)
    await polled(bot)
    card = await bot.card("container", "Nieuw", "🦋 Bluesky")
    assert "🦋 Bluesky" in await people.asked(bot, SANNE, "/webcare open")
    await answer(bot, SANNE, card, "Donderdag, zie voorbeeld.nl/afval")
    await bot.card("*Beantwoord*", "🦋 Bluesky", "Donderdag, zie voorbeeld.nl/afval ^SB", "bekijk het antwoord")
    reply = server.ours()[-1]
    assert (reply["text"], reply["reply"]["parent"]["uri"]) == ("Donderdag, zie voorbeeld.nl/afval ^SB", asked)
    assert reply["facets"][0]["features"][0]["uri"] == "https://voorbeeld.nl/afval"
    for kind in (Act.HIDE, Act.LIKE):
        await approve(bot, kind)
    await approve(bot, Act.DELETE, reply_id=1)
    await sent_out(bot)
    assert (server.gate(ours) or {})["hiddenReplies"] == [asked]
    assert server.likes() == [asked]
    assert [post["text"] for post in server.ours()] == ["De markt gaat door."]
    assert {act.status for act in await bot.rows(ActRow)} == {ActStatus.DONE}
    await polled(bot)
    await bot.card("*Beantwoord*", "ons antwoord is verwijderd")
    assert [mention.external_id for mention in await bot.rows(Mention)] == [asked]


async def test_a_post_with_what_no_database_takes_keeps_no_other_out(on_bluesky: Bot, server: FakeBluesky) -> None:
    nowhere = {"uri": f"at://did:web:{'a1b2.' * 400}nl/app.bsky.feed.post/{'c3d4' * 128}", "cid": "bafyreib"}
    server.write("els", f"@{HANDLE} Nul\x00 en half", reply={"root": nowhere, "parent": nowhere})
    server.write("jan", f"@{HANDLE} Hallo")
    await polled(on_bluesky)
    await on_bluesky.card("Hallo", "Nieuw")
    await on_bluesky.card("Nul en half", "Nieuw")


async def test_a_private_answer_opens_a_conversation_and_the_citizens_next_words_join_the_case(
    on_bluesky: Bot, server: FakeBluesky
) -> None:
    bot = on_bluesky
    server.write("jan", f"@{HANDLE} Wie belt mij terug?")
    await polled(bot)
    words = f"Wat is uw nummer? {'Wij bellen u. ' * 30}".strip()  # longer than a post may be
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), words, answer_visibility="private")
    await bot.card("*Beantwoord*")
    assert server.said() == [f"{words} ^SB"]
    server.say("jan", "012-345")
    await polled(bot)
    assert [(mention.case_id, mention.private) for mention in await bot.rows(Mention)] == [(1, False), (1, True)]


@pytest.mark.parametrize(
    ("first", "second", "goes_to"),
    [
        ("closed", "question", 2),
        ("claimed", "question", 2),
        ("closed", "final", 2),
        ("claimed", "final", 1),
    ],
)
async def test_who_answers_in_a_conversation_of_two_cases_answers_what_we_asked_there_last(
    on_bluesky: Bot, server: FakeBluesky, first: str, second: str, goes_to: int
) -> None:
    """Of each citizen there is one conversation; a case that goes on comes before one that has ended."""
    bot = on_bluesky
    privately = {"answer_visibility": "private"}
    server.write("jan", f"@{HANDLE} Mijn paspoort is kwijt")
    await polled(bot)
    asks = privately | {"answer_kind": "question"}
    await answer(bot, SANNE, await bot.card("paspoort", "Nieuw"), "Waar woont u?", **asks)
    await bot.card("*Wacht op de burger*")
    server.say("jan", "In de Kerkstraat")
    await polled(bot)
    card = await bot.card("Kerkstraat", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("Kerkstraat", "In behandeling")
    if first == "closed":
        async with bot.desk.session() as session:
            await cases.close(session, 1, by=SANNE, reason="answered_elsewhere", now=bot.desk.now())
    bot.clock.advance(days=3)
    server.write("jan", f"@{HANDLE} Er staat een auto op mijn oprit")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("oprit", "Nieuw"), "Welk kenteken?", **privately | {"answer_kind": second})
    await bot.card("oprit", "*Wacht op de burger*" if second == "question" else "*Beantwoord*")
    server.say("jan", "Het kenteken is AB-12-CD")
    await polled(bot)
    assert [mention.case_id for mention in await bot.rows(Mention)] == [1, 1, 2, goes_to]
    await bot.card("AB-12-CD", "Nieuw" if goes_to == 2 else "In behandeling")


async def test_why_a_citizen_gets_no_private_answer_stands_on_the_card(on_bluesky: Bot, server: FakeBluesky) -> None:
    bot = on_bluesky
    server.write("jan", f"@{HANDLE} Wie belt mij terug?")
    await polled(bot)
    server.refusal = "NotFollowedBySender"
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wat is uw nummer?", answer_visibility="private")
    await bot.card("Niet verstuurd", "alleen privéberichten van accounts die hij of zij volgt")
    assert server.said() == []


@pytest.mark.parametrize("private", [False, True], ids=["in public", "in private"])
@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_an_answer_whose_outcome_was_lost_is_there_once(
    sqlite_bot: Bot, server: FakeBluesky, taken: bool, private: bool
) -> None:
    bot = await connected(sqlite_bot, server, messages=True)
    server.write("jan", f"@{HANDLE} Wie belt mij terug?")
    await polled(bot)
    server.fail(SEND if private else "/xrpc/com.atproto.repo.putRecord", status=0, done=taken)
    chosen = {"answer_visibility": "private"} if private else {}
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.", **chosen)
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    assert [*server.said(), *(post["text"] for post in server.ours())] == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]


@pytest.mark.parametrize(
    ("status", "body"), [(400, '{"error": "InvalidConvo"}'), (302, "")], ids=["refused", "sent on elsewhere"]
)
async def test_when_a_lost_answer_cannot_be_looked_up_a_person_must_look(
    sqlite_bot: Bot, server: FakeBluesky, status: int, body: str
) -> None:
    bot = await connected(sqlite_bot, server, messages=True)
    server.write("jan", f"@{HANDLE} Wie belt mij terug?")
    await polled(bot)
    server.fail(SEND, status=0, done=True)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.", answer_visibility="private")
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    server.fail("/xrpc/chat.bsky.convo.", status=status, body=body, headers={"Location": "/onderhoud"})
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    [reply] = await bot.rows(Reply)
    assert (reply.status, server.said()) == (ReplyStatus.UNCERTAIN, ["Wij bellen u. ^SB"])
    assert not bot.card_now("Niet verstuurd")


async def test_two_processes_share_one_session(on_bluesky: Bot, server: FakeBluesky) -> None:
    bot = on_bluesky
    async with second_desk(bot) as other:
        account = await account_of(bot, "gemeente")
        for desk in (bot.desk, other, bot.desk):
            server.end_access()
            connector = desk.connector(account)
            assert (await connector.check()).problems == ()
    assert server.logins == 1
    assert (await account_of(bot, "gemeente")).stopped_at is None


async def test_a_withdrawn_app_password_stops_the_account_and_tells_the_team(
    sqlite_bot: Bot, server: FakeBluesky
) -> None:
    bot = await connected(sqlite_bot, server)
    server.password = "withdrawn"
    server.end_sessions()
    await polled(bot)
    assert (await account_of(bot, "gemeente")).stopped_at is not None
    told = text_of(await bot.card("gemeente", "app-wachtwoord"))
    assert "Invalid identifier or password" in told


async def test_a_reply_for_everyone_holds_an_image_and_a_private_message_none(
    on_bluesky: Bot, server: FakeBluesky
) -> None:
    bot = on_bluesky
    server.write("jan", f"@{HANDLE} Hoe ziet dat eruit?")
    await polled(bot)
    card = await bot.card("eruit", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await people.open_modal(bot, SANNE, "case:answer")
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.wait_for(lambda: "answer_image" not in action_ids(bot.slack.view(SANNE) or {}))
    await bot.slack.click_in_view(SANNE, "answer_visibility", "public")
    await bot.slack.wait_for(lambda: "answer_image" in action_ids(bot.slack.view(SANNE) or {}))
    values = {"answer_text": "Zo.", "initials": "SB", "answer_image_description": "Een gele lijn."}
    file = bot.slack.give_file(SANNE, "x.png", drawing())
    ack = await bot.slack.submit(SANNE, {**values, "answer_image": [file]})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*", "Met een afbeelding")
    [shown] = server.ours()[-1]["embed"]["images"]
    assert (shown["alt"], shown["aspectRatio"]) == ("Een gele lijn.", {"width": 200, "height": 100})
    [stored] = server.blobs.values()
    assert stored.startswith(b"\x89PNG")
