"""The citizens' square: posts are sent to the bot until accepted, and each reply appears once."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from bot.sandbox.app import Sandbox
from bot.sandbox.square import example_posts

KIM = {"id": "c1", "name": "Kim", "handle": "kim"}


class Bot:
    """The bot's webhook: it answers `status` and stores each accepted post, if rightly signed."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.status = 200
        self.tries = 0
        self.tried_again = asyncio.Event()
        self.accepted: list[dict[str, Any]] = []
        self.ids: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.tries += 1
        if self.tries == 4:
            self.tried_again.set()
        mention = Webhook(self.secret).verify(await request.text(), dict(request.headers))
        if self.status == 200:
            self.accepted.append(mention)
            self.ids.append(request.headers["webhook-id"])
        return web.Response(status=self.status)


@pytest.fixture
async def bot(slack: Sandbox) -> AsyncIterator[Bot]:
    bot = Bot(slack.square.secret)
    app = web.Application()
    app.router.add_post("/in/plein", bot.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.square.retry_seconds = 0.01
    slack.square.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/in/plein"
    yield bot
    await runner.cleanup()


async def test_a_picture_is_sent_with_its_address_and_what_can_be_seen(slack: Sandbox, bot: Bot) -> None:
    post = slack.square.post(KIM, "Kijk", picture={"file": "boom.svg", "alt": "Een boom"})
    assert await slack.wait_for(lambda: bot.accepted)
    [sent] = bot.accepted[0]["media"]
    assert (sent["kind"], sent["alt"]) == ("image", "Een boom")
    async with aiohttp.ClientSession() as session, session.get(sent["url"]) as response:
        assert (response.status, response.content_type) == (200, "image/svg+xml")
    slack.square.delete(post["id"])
    assert await slack.wait_for(lambda: len(bot.accepted) == 2)
    assert "media" not in bot.accepted[-1]


def signed(slack: Sandbox, body: str, secret: str = "") -> dict[str, str]:
    moment = datetime.now(UTC)
    return {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret or slack.square.secret).sign("m1", moment, body),
    }


def reply(mention: str, key: str = "r1", **fields: Any) -> str:
    sent = {"id": key, "in_reply_to": mention, "conversation": mention, "text": "Bij de balie", "private": False}
    return json.dumps({"type": "reply.created", "timestamp": "2026-11-24T12:00:00Z", "data": sent | fields})


async def send(slack: Sandbox, body: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http:
        address = f"{slack.base_url}/square/replies"
        async with http.post(address, data=body, headers=headers or signed(slack, body)) as answer:
            return answer.status, await answer.json()


async def test_a_post_reaches_the_bot_signed_and_is_marked_delivered(slack: Sandbox, bot: Bot) -> None:
    async with aiohttp.ClientSession() as http:
        sent = {"citizen": KIM, "text": "Waar is mijn paspoort?", "private": True}
        async with http.post(f"{slack.base_url}/square/posts", json=sent) as answer:
            assert answer.status == 201
            post = await answer.json()
    await slack.wait_for(lambda: slack.square.posts[0]["delivered"])
    mention = bot.accepted[0]
    assert mention["id"] == mention["conversation"] == post["id"]
    assert mention["author"] | {"url": ""} == KIM | {"url": ""}
    assert (mention["text"], mention["private"], mention["can_reply"]) == ("Waar is mijn paspoort?", True, True)
    assert datetime.fromisoformat(mention["published_at"]).tzinfo is not None


async def test_posts_wait_while_the_bot_is_down_and_arrive_in_order(slack: Sandbox, bot: Bot) -> None:
    bot.status = 503
    slack.square.post(KIM, "een")
    slack.square.post(KIM, "twee")
    await asyncio.wait_for(bot.tried_again.wait(), 60)
    assert not slack.square.posts[0]["delivered"]
    bot.status = 200
    await slack.wait_for(lambda: all(post["delivered"] for post in slack.square.posts))
    assert [mention["text"] for mention in bot.accepted] == ["een", "twee"]


async def test_an_edit_and_a_deletion_are_sent_as_new_deliveries(slack: Sandbox, bot: Bot) -> None:
    post = slack.square.post(KIM, "een")
    await slack.wait_for(lambda: post["delivered"])
    async with aiohttp.ClientSession() as http:
        await http.put(f"{slack.base_url}/square/posts/{post['id']}", json={"text": "anders"})
        await slack.wait_for(lambda: len(bot.accepted) == 2)
        await http.delete(f"{slack.base_url}/square/posts/{post['id']}")
        await slack.wait_for(lambda: len(bot.accepted) == 3)
        async with http.put(f"{slack.base_url}/square/posts/{post['id']}", json={"text": "te laat"}) as answer:
            assert answer.status == 410
    assert "edited_at" not in bot.accepted[0]
    assert (bot.accepted[1]["text"], "edited_at" in bot.accepted[1]) == ("anders", True)
    assert bot.accepted[2]["deleted"] is True
    assert len(set(bot.ids)) == 3


async def test_the_examples_go_on_without_the_answer_to_a_post_that_was_removed(slack: Sandbox) -> None:
    examples = (
        example_posts.ExamplePost(0, "Kim", "De weg ligt open."),
        example_posts.ExamplePost(0, "Kim", "Tot februari?", answers=0),
        example_posts.ExamplePost(0, "Ans", "Een compliment!"),
    )
    playing = asyncio.create_task(example_posts.play(slack.square, examples))
    slack.square.delete((await slack.wait_for(lambda: slack.square.posts))[0]["id"])
    await playing
    assert [post["text"] for post in slack.square.posts] == ["", "Een compliment!"]


async def test_a_conversation_keeps_the_id_of_its_first_post(slack: Sandbox) -> None:
    first = slack.square.post(KIM, "een")
    second = slack.square.post(KIM, "twee", in_reply_to=first["id"])
    third = slack.square.post(KIM, "drie", in_reply_to=second["id"])
    assert third["conversation"] == first["id"]


async def test_a_reply_appears_once_however_often_it_is_sent(slack: Sandbox) -> None:
    post = slack.square.post(KIM, "vraag")
    body = reply(post["id"])
    first, again = await send(slack, body), await send(slack, body)
    other = await send(slack, reply(post["id"], key="r2", private=True))
    assert first == again
    assert first[0] == 200
    assert other[1]["id"] != first[1]["id"]
    assert [(p["text"], p["private"], p["author"]["team"]) for p in slack.square.replies()] == [
        ("Bij de balie", False, True),
        ("Bij de balie", True, True),
    ]


async def test_a_reply_accepted_before_the_connection_broke_appears_once(slack: Sandbox) -> None:
    body = reply(slack.square.post(KIM, "vraag")["id"])
    slack.faults.drop_after("square.replies")
    with pytest.raises(aiohttp.ClientError):
        await send(slack, body)
    assert (await send(slack, body))[0] == 200
    assert len(slack.square.replies()) == 1


async def test_a_reply_must_be_signed_and_answer_a_post(slack: Sandbox) -> None:
    post = slack.square.post(KIM, "vraag")
    body = reply(post["id"])
    wrong = "whsec_" + "d3Jvbmc="
    assert (await send(slack, body, signed(slack, body, wrong)))[0] == 401
    assert (await send(slack, body, {"X": "y"}))[0] == 401
    assert (await send(slack, reply("P0NONE")))[0] == 404
    assert (await send(slack, reply(post["id"], text="")))[0] == 400
    assert (await send(slack, "[]"))[0] == 400
    slack.square.delete(post["id"])
    assert (await send(slack, reply(post["id"])))[0] == 410
    slack.faults.down = True
    assert (await send(slack, body))[0] == 503


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"citizen": KIM},
        {"citizen": KIM, "text": " "},
        {"citizen": KIM, "text": "x" * 5001},
        {"citizen": {"id": "c1"}, "text": "x"},
        {"citizen": "Kim", "text": "x"},
    ],
)
async def test_a_malformed_post_is_refused(slack: Sandbox, sent: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{slack.base_url}/square/posts", json=sent) as answer:
        assert answer.status == 400
    assert slack.square.posts == []
