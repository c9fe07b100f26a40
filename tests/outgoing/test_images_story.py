"""An image with an answer: chosen in Slack's modal, seen by the citizen with its description, each once."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.models import Account, AnswerDraft, Reply, ReplyStatus, StoredImage
from bot.outgoing import images, outbox
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import drafts
from tests.conftest import CHANNEL, SANNE, Bot, Databases, eventually, running_bot, second_desk
from tests.fakes.pictures import HIDDEN, drawing, moving, photograph
from tests.people import open_modal, sent_out, square_texts

WORDS, SEEN = "De container staat er weer.", "Een grijze container op een stoep."


async def takes_images(bot: Bot) -> Bot:
    """Let the square take images with replies, as `webcare try` does."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.options = {**account.options, "images": True}
        session.add(account)
    return bot


@pytest.fixture
async def illustrated(bot: Bot) -> Bot:
    """The bot on each database."""
    return await takes_images(bot)


@pytest.fixture
async def slow(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on each database, with a minute to undo."""
    async with running_bot(database_url, slack, undo_seconds=60) as running:
        yield await takes_images(running)


@pytest.fixture
async def impatient(databases: Databases, sqlite_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot, with no patience for the work behind a submission: it says that it is at work."""
    async with running_bot(sqlite_url, slack, ack_within=0) as running:
        yield await takes_images(running)


async def writing(bot: Bot, *words: str) -> dict[str, Any]:
    """A citizen asks something, and Sanne has the modal open, with these words on the card before that."""
    if not bot.cards():
        bot.citizen_posts("Waar is de container?")
    card = await bot.card("Waar is de container?", *words)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, SANNE, "case:answer")


async def send(bot: Bot, content: bytes | None = None, name: str = "IMG_2026 Jan.jpg", **values: Any) -> Any:
    """Send what stands in the modal, with an image chosen in it."""
    chosen: dict[str, Any] = {"answer_text": WORDS, **values}
    if content is not None:
        chosen["answer_image"] = [bot.slack.give_file(SANNE, name, content)]
    if "initials" in action_ids(bot.slack.view(SANNE) or {}):
        chosen["initials"] = "SB"
    return await bot.slack.submit(SANNE, chosen)


def shown(bot: Bot) -> list[tuple[str, str, bytes]]:
    """The answers on the square that hold a picture: words, description, and what a browser gets."""
    posts = [post for post in bot.slack.square.replies() if post["picture"]]
    return [
        (post["text"], post["picture"]["alt"], bot.slack.square.pictures[post["picture"]["src"].rpartition("/")[2]][1])
        for post in posts
    ]


async def only_image(bot: Bot) -> StoredImage:
    async with bot.desk.reading() as session:
        [found] = await all_images(bot)
        return await session.get_one(StoredImage, found)


async def all_images(bot: Bot) -> list[str]:
    async with bot.desk.reading() as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql("SELECT sha256 FROM images ORDER BY sha256")
        return [row[0] for row in rows]


async def test_an_agent_adds_an_image_and_the_citizen_sees_it_with_its_description(illustrated: Bot) -> None:
    bot = illustrated
    view = await writing(bot)
    assert {"answer_image", "answer_image_description"} <= set(action_ids(view))
    assert "answer_keep_image" not in action_ids(view)
    made = photograph(turned=True)
    ack = await send(bot, made)
    assert ack.errors == {"answer_image_description": "Zeg wat er te zien is, voor wie de afbeelding niet kan zien."}
    assert square_texts(bot) == []
    ack = await send(bot, made, answer_image_description=f"  {SEEN} ")
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*", "Met een afbeelding")
    stored = await only_image(bot)
    assert shown(bot) == [(f"{WORDS} ^SB", SEEN, stored.content)]
    assert (stored.kind, stored.width, stored.height) == ("image/jpeg", 200, 320)
    assert not any(hidden in stored.content for hidden in HIDDEN)
    [reply] = await bot.rows(Reply)
    assert reply.image == stored.sha256 == hashlib.sha256(stored.content).hexdigest()
    given = [each.id for each in bot.slack.workspace.files.values() if each.by == SANNE]
    assert (reply.image_file, reply.image_description) == (given[-1], SEEN)
    assert await bot_drafts(bot) == []


async def bot_drafts(bot: Bot) -> list[AnswerDraft]:
    async with bot.desk.reading() as session:
        draft = await session.get(AnswerDraft, (1, SANNE))
        return [draft] if draft else []


async def test_an_answer_without_an_image_is_sent_as_before(illustrated: Bot) -> None:
    bot = illustrated
    await writing(bot)
    ack = await send(bot)
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    assert (square_texts(bot), shown(bot), await all_images(bot)) == ([f"{WORDS} ^SB"], [], [])


NO_IMAGE = "Dit is geen JPEG- of PNG-afbeelding die we kunnen lezen."


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"<html>", "x.jpg", NO_IMAGE), (photograph()[:700], "x.jpg", NO_IMAGE),
        (moving(), "x.png", "Deze afbeelding beweegt. Kies er een die stilstaat."),
    ],
)  # fmt: skip
async def test_what_is_no_image_is_refused_at_its_field_and_the_words_stay(
    sqlite_bot: Bot, content: bytes, name: str, said: str
) -> None:
    bot = await takes_images(sqlite_bot)
    await writing(bot)
    ack = await send(bot, content, name, answer_image_description=SEEN)
    assert ack.errors == {"answer_image": said}
    assert (square_texts(bot), await all_images(bot)) == ([], [])
    [draft] = await bot_drafts(bot)
    assert (draft.words, draft.image, draft.image_description) == (WORDS, None, SEEN)


async def test_an_image_that_could_not_be_sent_stays_in_the_draft_also_after_closing(illustrated: Bot) -> None:
    """It is offered again by a box, because Slack shows no file that was chosen before."""
    bot = illustrated
    await writing(bot)
    ack = await send(bot, drawing(), "x.png")
    assert set(ack.errors) == {"answer_image_description"}
    await bot.slack.type(SANNE, "answer_text", f"{WORDS} Kijk maar.")  # the modal is still open, with the file in it
    await bot.slack.close_view(SANNE)
    view = await writing(bot)
    boxes = view["state"]["values"]["answer_keep_image"]["answer_keep_image"]["selected_options"]
    assert [each["value"] for each in boxes] == ["keep"]
    ack = await bot.slack.submit(SANNE, {"answer_image_description": SEEN, "initials": "SB"})
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    assert shown(bot) == [(f"{WORDS} Kijk maar. ^SB", SEEN, (await only_image(bot)).content)]


Step = Callable[[Bot], Awaitable[None]]


async def _as_it_is(bot: Bot) -> None:
    ack = await bot.slack.submit(SANNE, {})
    assert ack.ok and not ack.errors, ack


async def _without(bot: Bot) -> None:
    ack = await bot.slack.submit(SANNE, {"answer_keep_image": []})
    assert ack.ok and not ack.errors, ack


async def _another(bot: Bot) -> None:
    ack = await send(bot, drawing(), "x.png", answer_image_description="Een lijn.")
    assert ack.ok and not ack.errors, ack


@pytest.mark.parametrize(
    ("step", "seen"), [(_as_it_is, [SEEN]), (_without, []), (_another, ["Een lijn."])], ids=["kept", "without", "new"]
)
async def test_an_answer_that_was_taken_back_offers_its_image_again(slow: Bot, step: Step, seen: list[str]) -> None:
    bot = slow
    await writing(bot)
    await send(bot, photograph(), answer_image_description=SEEN)
    card = await bot.card("Ongedaan maken", "Met een afbeelding")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    view = await writing(bot, "In behandeling")
    assert "De afbeelding die eerder gekozen is" in text_of(view)
    assert view["state"]["values"]["answer_image_description"]["answer_image_description"]["value"] == SEEN
    await step(bot)
    await bot.card("Ongedaan maken")
    bot.clock.advance(minutes=2)
    await sent_out(bot)
    await bot.card("*Beantwoord*")
    assert [description for _, description, _ in shown(bot)] == seen
    assert len(square_texts(bot)) == 1


async def test_an_image_that_was_chosen_in_private_becomes_public_only_when_that_is_confirmed(illustrated: Bot) -> None:
    bot = illustrated
    await writing(bot)
    ack = await send(bot, photograph(), answer_text=" ", answer_visibility="private", answer_image_description=SEEN)
    assert ack.errors == {"answer_text": "Schrijf eerst een antwoord."}
    ack = await send(bot, answer_visibility="public")
    view = await bot.slack.wait_for(
        lambda: (shown := bot.slack.view(SANNE)) and "answer_confirm" in action_ids(shown) and shown
    )
    assert "answer_image" in action_ids(view) and square_texts(bot) == []
    ack = await send(bot, answer_visibility="public")
    assert "answer_confirm" in ack.errors and square_texts(bot) == []
    ack = await send(bot, answer_visibility="public", answer_confirm=["public"])
    assert (ack.ok, ack.errors) == (True, {})
    await bot.card("*Beantwoord*", "Met een afbeelding")
    assert [(words, seen) for words, seen, _ in shown(bot)] == [(f"{WORDS} ^SB", SEEN)]


async def test_beginning_anew_forgets_the_image(slow: Bot) -> None:
    bot = slow
    await writing(bot)
    await send(bot, photograph(), answer_image_description=SEEN)
    card = await bot.card("Ongedaan maken")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await writing(bot, "In behandeling")
    await bot.slack.click_in_view(SANNE, "answer_anew")
    await bot.slack.wait_for(lambda: "answer_keep_image" not in action_ids(bot.slack.view(SANNE) or {}))
    [draft] = await bot_drafts(bot)
    assert (draft.image, draft.image_description) == (None, "")


async def test_the_same_bytes_go_out_once_however_often_the_answer_gets_lost(illustrated: Bot) -> None:
    """The square took the answer, and its own answer got lost; then it is down; another process sends it again."""
    bot = illustrated
    await writing(bot)
    bot.slack.faults.drop_after("square.replies")
    bot.slack.faults.status("square.replies", 503)
    bot.slack.faults.drop_before("square.replies")
    ack = await send(bot, photograph(), answer_image_description=SEEN)
    assert ack.ok and not ack.errors, ack
    await bot.card("Wordt verstuurd")

    async def tried_again() -> bool:  # the first try may still be on its way when the second process looks
        bot.clock.advance(minutes=11)
        async with second_desk(bot) as other:
            await outbox.drain(other, "1")
        return await sent_in(bot)()

    await eventually(tried_again)
    assert [(text, seen) for text, seen, _ in shown(bot)] == [(f"{WORDS} ^SB", SEEN)]
    assert shown(bot)[0][2] == (await only_image(bot)).content
    assert len(square_texts(bot)) == 1


def sent_in(bot: Bot) -> Callable[[], Awaitable[bool]]:
    async def is_sent() -> bool:
        return [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]

    return is_sent


async def test_an_image_that_nothing_has_is_deleted_after_a_day_and_one_of_an_answer_never(illustrated: Bot) -> None:
    bot = illustrated
    await writing(bot)
    await send(bot, drawing(), "x.png")  # without a description: it stays in the draft
    [of_draft] = await all_images(bot)
    ack = await send(bot, photograph(), answer_image_description=SEEN)
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    [reply] = await bot.rows(Reply)
    assert await all_images(bot) == sorted([of_draft, reply.image])
    await drafts.look_after(bot.desk)
    assert len(await all_images(bot)) == 2
    bot.clock.advance(minutes=60 * 24 * 40)
    await drafts.look_after(bot.desk)
    assert await all_images(bot) == [reply.image]
    async with bot.desk.reading() as session:
        kept = await images.of(session, reply)
    assert kept is not None and shown(bot) == [(reply.text, kept.description, kept.content)]


async def test_without_the_permission_the_modal_says_so_and_all_else_works(sqlite_bot: Bot) -> None:
    bot = await takes_images(sqlite_bot)
    bot.slack.app.scopes.discard("files:read")
    view = await writing(bot)
    assert "answer_image" not in action_ids(view)
    assert "de Slack-app mist het recht files:read" in text_of(view)
    ack = await send(bot)
    assert ack.ok and not ack.errors, ack
    await bot.card("*Beantwoord*")
    assert square_texts(bot) == [f"{WORDS} ^SB"]


async def test_a_platform_that_takes_no_image_is_offered_none(sqlite_bot: Bot) -> None:
    view = await writing(sqlite_bot)
    assert [each for each in action_ids(view) if "image" in each] == []


async def test_when_slack_does_not_give_the_file_the_agent_reads_so_at_its_field(sqlite_bot: Bot) -> None:
    bot = await takes_images(sqlite_bot)
    await writing(bot)
    chosen = bot.slack.give_file(SANNE, "x.jpg", photograph())
    bot.slack.app.scopes.discard("files:read")  # withdrawn while the modal was open
    ack = await bot.slack.submit(SANNE, {"answer_text": WORDS, "initials": "SB", "answer_image": [chosen]})
    assert ack.errors == {"answer_image": "Slack geeft ons deze afbeelding niet. Kies hem opnieuw."}
    bot.slack.app.scopes.add("files:read")
    del bot.slack.workspace.files[chosen["id"]]
    ack = await bot.slack.submit(SANNE, {"answer_image": [chosen]})
    assert ack.errors == {"answer_image": "Slack geeft ons deze afbeelding niet. Kies hem opnieuw."}


async def test_a_file_that_lies_elsewhere_does_not_get_our_token(sqlite_bot: Bot) -> None:
    """Slack describes a file of another service by that service's address."""
    bot, asked = await takes_images(sqlite_bot), list[str]()

    async def take(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.Response(body=photograph())

    stranger = web.Application()
    stranger.router.add_get("/{path:.*}", take)
    async with TestServer(stranger) as server:
        await writing(bot)
        here = str(server.make_url("/x.jpg"))
        for host in (here, "https://slack.com.example/x.jpg", "file:///etc/passwd", "", "http://["):
            chosen = {"id": "F1", "name": "x.jpg", "url_private": host, "url_private_download": host}
            values = {"answer_text": WORDS, "initials": "SB", "answer_image": [chosen]}
            ack = await bot.slack.submit(SANNE, values)
            assert ack.errors == {"answer_image": "Slack geeft ons deze afbeelding niet. Kies hem opnieuw."}
    assert asked == []


async def test_a_submission_that_took_long_keeps_its_image_when_something_is_wrong(impatient: Bot) -> None:
    """The modal that said that we were at work comes back with a box for the image, because Slack forgot the file."""
    bot = impatient
    await writing(bot)
    await send(bot, photograph())

    def asked_again() -> dict[str, Any] | None:
        view = bot.slack.view(SANNE)
        return view if view and "answer_keep_image" in action_ids(view) else None

    view = await bot.slack.wait_for(asked_again)
    assert "Zeg wat er te zien is" in text_of(view)
    await bot.slack.submit(SANNE, {"answer_image_description": SEEN})
    await bot.card("*Beantwoord*")
    assert [seen for _, seen, _ in shown(bot)] == [SEEN]


async def test_the_same_submission_again_sends_one_answer(illustrated: Bot) -> None:
    bot = illustrated
    view = dict(await writing(bot))
    await send(bot, photograph(), answer_image_description=SEEN)
    await bot.card("*Beantwoord*")
    bot.slack.workspace.set_stack(SANNE, [view])  # our answer to the submission got lost, so the modal is still there
    ack = await send(bot, photograph(), answer_image_description=SEEN)
    assert ack.ok and not ack.errors, ack
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    assert len(square_texts(bot)) == len(await bot.rows(Reply)) == 1


async def test_who_changes_the_description_of_an_answer_that_was_accepted_reads_that_it_went_as_it_was(
    illustrated: Bot,
) -> None:
    bot = illustrated
    view = dict(await writing(bot))
    await send(bot, photograph(), answer_image_description=SEEN)
    await bot.card("*Beantwoord*")
    bot.slack.workspace.set_stack(SANNE, [view])  # our answer to the submission got lost, so the modal is still there
    ack = await send(bot, photograph(), answer_image_description="Een volle container.")
    assert "zoals je het de eerste keer verstuurde" in ack.errors["answer_text"]
    assert [reply.image_description for reply in await bot.rows(Reply)] == [SEEN]
