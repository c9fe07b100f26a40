"""A page of somebody else, open in the same browser, does nothing in the local workspace."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL, MANIFEST

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = """<!doctype html><title>kwaad</title><body><script>
const at = %(at)s, query = "token=" + %(token)s + "&channel=" + %(channel)s + "&text=gehackt";
const url = at + "/api/chat.postMessage?" + query;
const plain = (where, body) => fetch(at + where, {method: "POST", mode: "no-cors", body, credentials: "include"});
const seen = (element, src) => new Promise(done => {
  element.onload = element.onerror = done; element.src = src; document.body.append(element);
});
const socket = path => new Promise(done => {
  const s = new WebSocket(at.replace("http", "ws") + path);
  const post = {type: "post", channel: %(channel)s, text: "gehackt", key: "1"};
  s.onopen = () => { s.send(JSON.stringify(post)); done("open"); };
  s.onerror = () => done("refused");
});
window.done = Promise.allSettled([
  seen(new Image(), url),
  seen(document.createElement("script"), url),
  seen(document.createElement("iframe"), url),
  fetch(url, {mode: "no-cors"}),
  plain("/api/chat.postMessage?" + query, ""),
  plain("/api/chat.postMessage", new URLSearchParams(query)),
  plain("/square/posts", JSON.stringify({author: {id: "k", name: "Kwaad", handle: "kwaad"}, text: "gehackt"})),
  fetch(at + "/square/posts/1", {method: "DELETE"}),
  socket("/page/socket?person=U0SANNE"), socket("/socket?ticket=1"),
]).then(all => all.map(each => each.value).filter(each => typeof each === "string"));
</script>"""


async def test_a_page_elsewhere_does_nothing_by_images_forms_fetches_or_sockets(browser: Browser) -> None:
    async with Sandbox(MANIFEST) as slack:

        async def hostile(request: web.Request) -> web.Response:
            filled = {"at": slack.base_url, "token": slack.app.bot_token, "channel": CHANNEL}
            page = HOSTILE % {name: json.dumps(value) for name, value in filled.items()}
            return web.Response(text=page, content_type="text/html")

        elsewhere = web.Application()
        elsewhere.router.add_get("/", hostile)
        async with TestServer(elsewhere, host="localhost") as server:
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(f"http://localhost:{server.port}/")
            async with asyncio.timeout(60):
                assert await page.evaluate("window.done") == ["refused", "refused"]
            await context.close()
        assert all(not messages for messages in slack.workspace.messages.values())
        assert slack.square.posts == []
        assert slack.calls() == []
        # The same call with the token where an app puts it is taken: the page was refused, not the words.
        headers = {"Authorization": f"Bearer {slack.app.bot_token}"}
        url = f"{slack.base_url}/api/chat.postMessage"
        async with aiohttp.ClientSession() as http:
            await http.post(url, headers=headers, json={"channel": CHANNEL, "text": "van ons"})
        assert [message["text"] for message in slack.messages(CHANNEL)] == ["van ons"]
