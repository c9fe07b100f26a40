"""The square seen as a platform: ways to write there, private talks, subjects, and what the team does with posts."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from bot.sandbox.app import Sandbox
from bot.sandbox.square.places import Place, Way
from bot.sandbox.square.posts import Refused, Square
from tests.sandbox.slack.tab import open_page

KIM = {"id": "c1", "name": "Kim", "handle": "kim"}
LEE = {"id": "c2", "name": "Lee", "handle": "lee"}
BOARD = Place(
    "board", "Prikbord", "📌", path="/in/board/Plein", about="Kort.", handle="{handle}@bord.example", once=True,
    ways=(
        Way("note", "Reactie", below=True, answered_by="note"),
        Way("visit", "Bericht", answered_by="note"),
        Way("whisper", "Fluisterbericht", private=True, removes=False, answered_by="whisper"),
    ),
)  # fmt: skip
POST = Place(
    "post", "Brieven", "📮", path="/in/post/Plein", about="Lang.",
    ways=(Way("letter", "Brief", private=True, has_subject=True, edits=False, removes=False, answered_by="letter"),),
)  # fmt: skip


@pytest.fixture
def square(slack: Sandbox) -> Square:
    """A square with two places."""
    slack.square.places = (BOARD, POST)
    return slack.square


@pytest.fixture
async def http(slack: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.base_url) as session:
        yield session


async def from_bot(slack: Sandbox, kind: str, **content: Any) -> tuple[int, Any]:
    """Send what the bot would send, signed; returns the status and the answer."""
    body, moment = json.dumps({"type": kind, "timestamp": "2026-11-24T12:00:00Z", "data": content}), datetime.now(UTC)
    headers = {
        "webhook-id": "m1", "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(slack.square.secret).sign("m1", moment, body),
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/square/replies", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def reply(slack: Sandbox, to: str, key: str = "r1", *, private: bool = False) -> tuple[int, Any]:
    return await from_bot(slack, "reply.created", id=key, in_reply_to=to, text="Ja", private=private)


async def test_a_page_that_opens_knows_the_places_and_the_posts_of_each(slack: Sandbox, square: Square) -> None:
    square.publish("board", "Welkom")
    square.post(KIM, "Op het plein")
    async with open_page(slack) as (_, hello):
        assert [place["name"] for place in hello["places"]] == ["board", "post"]
        assert hello["places"][0]["ways"][2]["private"] is True
        assert [post["place"] for post in hello["square"]] == ["board", ""]


async def test_what_stands_below_a_post_of_the_team_is_sent_with_its_thread(square: Square) -> None:
    ours = square.publish("board", "De brug is dicht")
    first = square.write("board", KIM, "Hoe lang?", way="note")
    second = square.write("board", LEE, "Dat vraag ik ook", in_reply_to=first["id"])
    third = square.write("board", KIM, "En morgen?", in_reply_to=second["id"])
    sent = square.as_sent(third)
    assert (first["in_reply_to"], first["conversation"], first["private"]) == (ours["id"], ours["id"], False)
    assert first["author"]["handle"] == "kim@bord.example" and first["citizen"] == KIM
    assert (sent["way"], sent["root"], sent["ours"]) == ("note", ours["id"], "De brug is dicht")
    assert (sent["in_reply_to"], sent["parent"]) == (second["id"], first["id"])
    assert (sent["above"], sent["conversation"]) == ([first["id"], ours["id"]], None)
    assert square.as_sent(first)["parent"] == ""


async def test_what_stands_below_a_visit_is_no_visit(square: Square) -> None:
    visit = square.write("board", KIM, "Mooie brug", way="visit")
    below = square.write("board", LEE, "Vind ik ook", in_reply_to=visit["id"])
    assert (visit["way"], below["way"]) == ("visit", "note")
    assert (square.as_sent(below)["root"], square.as_sent(below)["ours"]) == (visit["id"], "")


async def test_without_a_post_of_the_team_nobody_can_write_below_one(square: Square) -> None:
    with pytest.raises(Refused) as refused:
        square.write("board", KIM, "Hallo?", way="note")
    assert refused.value.status == 400


async def test_all_that_a_citizen_says_in_private_is_one_talk(slack: Sandbox, square: Square) -> None:
    one = square.write("board", KIM, "Psst", way="whisper")
    other = square.write("board", KIM, "Nog iets", way="whisper")
    lees = square.write("board", LEE, "Psst", way="whisper")
    status, answer = await reply(slack, other["id"], private=True)
    answered = square.find(answer["id"])
    assert answered is not None and status == 200
    assert one["conversation"] == other["conversation"] == answered["conversation"] != lees["conversation"]
    assert "conversation" not in answer  # nothing was opened: the bot knows the talk


async def test_a_private_answer_to_a_public_post_opens_a_talk_once(slack: Sandbox, square: Square) -> None:
    visit = square.write("board", KIM, "Help", way="visit")
    status, answer = await reply(slack, visit["id"], private=True)
    ours = square.find(answer["id"])
    assert ours is not None
    assert (status, answer["conversation"]) == (200, KIM["id"])
    assert (ours["way"], ours["private"], ours["conversation"]) == ("whisper", True, "board:c1")
    assert (await reply(slack, visit["id"], private=True)) == (200, answer)  # the same reply, sent again
    assert (await reply(slack, visit["id"], "r2", private=True))[0] == 409
    assert (await reply(slack, visit["id"], "r3"))[0] == 200
    back = square.write("board", KIM, "Dank", in_reply_to=ours["id"])
    assert (back["way"], back["private"], back["conversation"]) == ("whisper", True, "board:c1")
    assert (await reply(slack, back["id"], "r4", private=True))[0] == 200


async def test_a_letter_has_a_subject_and_what_answers_it_has_the_same(slack: Sandbox, square: Square) -> None:
    letter = square.write("post", KIM, "Geachte heer", way="letter", subject=" De  brug ")
    other = square.write("post", KIM, "Geachte heer", way="letter", subject="De weg")
    _, answer = await reply(slack, letter["id"], private=True)
    ours = square.find(answer["id"])
    assert ours is not None
    back = square.write("post", KIM, "Dank", in_reply_to=ours["id"])
    assert [each["subject"] for each in (letter, ours, back)] == ["De brug", "Re: De brug", "Re: De brug"]
    assert letter["conversation"] == ours["conversation"] == back["conversation"] != other["conversation"]
    assert square.as_sent(back)["parent"] == ours["id"]
    for subject in ("", "  ", "x" * 201, 7):
        with pytest.raises(Refused):
            square.write("post", KIM, "Geachte heer", way="letter", subject=subject)  # type: ignore[arg-type]


async def test_a_post_is_hidden_and_liked_and_an_answer_removed_as_often_as_it_is_asked(
    slack: Sandbox, square: Square
) -> None:
    visit = square.write("board", KIM, "Bah", way="visit")
    _, answer = await reply(slack, visit["id"])
    for act, name, value in (("hide", "hidden", True), ("like", "liked", True), ("show", "hidden", False)):
        for _ in range(2):
            assert await from_bot(slack, "act", act=act, id=visit["id"]) == (200, {"id": visit["id"]})
            assert visit[name] is value
    assert visit["delivered"] is False and square._version[visit["id"]] == 1  # the bot is not sent what it did itself
    for _ in range(2):
        assert (await from_bot(slack, "act", act="delete", id=answer["id"]))[0] == 200
    ours = square.find(answer["id"])
    assert ours is not None
    assert (ours["deleted"], ours["text"]) == (True, "")


async def test_only_posts_of_citizens_are_hidden_and_only_those_of_the_team_removed(
    slack: Sandbox, square: Square
) -> None:
    visit = square.write("board", KIM, "Bah", way="visit")
    _, answer = await reply(slack, visit["id"])
    for act, post in (("delete", visit["id"]), ("hide", answer["id"]), ("eat", visit["id"]), ("hide", "P9")):
        assert (await from_bot(slack, "act", act=act, id=post))[0] == 404
    assert (await from_bot(slack, "act", act="hide"))[0] == 400
    assert (await from_bot(slack, "ping"))[0] == 400
    assert (visit["deleted"], visit["hidden"]) == (False, False)


async def test_a_change_that_does_not_reach_the_team_cannot_be_made(
    square: Square, http: aiohttp.ClientSession
) -> None:
    letter = square.write("post", KIM, "Geachte heer", way="letter", subject="De brug")
    whisper = square.write("board", KIM, "Psst", way="whisper")
    path = f"/square/posts/{letter['id']}"
    assert (await http.put(path, json={"text": "Anders"})).status == 403
    assert (await http.delete(path)).status == 403
    assert (await http.delete(f"/square/posts/{whisper['id']}")).status == 403
    assert (await http.put(f"/square/posts/{whisper['id']}", json={"text": "Pssst"})).status == 200
    assert (letter["text"], whisper["text"]) == ("Geachte heer", "Pssst")


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (404, {"place": "mars", "way": "note"}),
        (404, {"place": ["board"], "way": "visit"}),
        (400, {"place": "board"}),
        (400, {"place": "board", "way": "letter"}),
        (400, {"place": "board", "way": "visit", "text": " "}),
        (400, {"place": "post", "way": "letter"}),
        (400, {"place": "post", "way": "letter", "subject": {}}),
        (404, {"place": "board", "in_reply_to": "P9"}),
    ],
)
async def test_a_malformed_post_is_refused(
    square: Square, http: aiohttp.ClientSession, status: int, sent: dict[str, Any]
) -> None:
    assert (await http.post("/square/posts", json={"citizen": KIM, "text": "Hallo", **sent})).status == status
    assert square.posts == []


async def test_nobody_answers_from_another_place(square: Square, http: aiohttp.ClientSession) -> None:
    letter = square.write("post", KIM, "Geachte heer", way="letter", subject="De brug")
    open_post = square.post(KIM, "Hallo")
    for other in (letter, open_post):
        sent = {"citizen": KIM, "text": "Hallo", "place": "board", "in_reply_to": other["id"]}
        assert (await http.post("/square/posts", json=sent)).status == 400


async def test_posts_of_each_place_go_to_its_own_address(slack: Sandbox, square: Square) -> None:
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(request.path)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/in/{tail:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        square.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/in/plein"
        square.post(KIM, "een")
        square.write("board", KIM, "twee", way="visit")
        square.write("post", KIM, "drie", way="letter", subject="drie")
        await slack.wait_for(lambda: all(post["delivered"] for post in square.posts))
        assert sorted(taken) == ["/in/board/Plein", "/in/plein", "/in/post/Plein"]
    finally:
        await runner.cleanup()
