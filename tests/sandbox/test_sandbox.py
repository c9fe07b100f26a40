"""The local Slack and the square together: the page that shows both, and who may use it."""

import asyncio

import aiohttp
import pytest
from yarl import URL

from bot.sandbox.app import Sandbox
from tests.sandbox.slack.tab import open_page


async def test_the_page_and_its_files_are_served_with_a_strict_policy(slack: Sandbox) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/static/app.js", "/slack/static/page.js", "/square/static/square.js"):
            async with http.get(f"{slack.base_url}{path}") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for folder in ("static", "slack/static", "square/static"):
            for outside in ("..%2fapp.py", "..%2f__init__.py"):
                async with http.get(URL(f"{slack.base_url}/{folder}/{outside}", encoded=True)) as answer:
                    assert answer.status in {403, 404}


@pytest.mark.parametrize(
    "headers", [{"Host": "kwaad.example"}, {"Origin": "https://kwaad.example"}, {"Origin": "null"}]
)
async def test_other_hosts_and_origins_may_not_post_on_the_square(slack: Sandbox, headers: dict[str, str]) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{slack.base_url}/square/posts", headers=headers, json={}) as answer,
    ):
        assert answer.status == 403


async def test_the_page_shows_new_posts_of_the_square(slack: Sandbox) -> None:
    slack.square.post({"id": "c1", "name": "Kim", "handle": "kim"}, "een")
    async with open_page(slack) as (tab, hello):
        assert [post["text"] for post in hello["square"]] == ["een"]
        slack.square.post({"id": "c1", "name": "Kim", "handle": "kim"}, "twee")
        assert [post["text"] for post in (await tab.next("square"))["square"]] == ["een", "twee"]


async def test_what_is_no_change_of_the_workspace_is_waited_for_too(slack: Sandbox) -> None:
    """As what an app notes after it has acknowledged, or a platform when it is asked."""
    came: list[str] = []
    asyncio.get_running_loop().call_soon(came.append, "een")
    assert await slack.wait_for(lambda: came, 30) == ["een"]
