"""A field for a file in a modal: what Slack takes, what the app gets, and who may read the file."""

import asyncio
import io
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import files, input_state
from bot.sandbox.slack.blocks import MODAL, problems
from bot.sandbox.slack.server import LocalSlack
from tests.sandbox.slack.bolt_app import over_socket_mode

SANNE, YOUSSEF = "U0SANNE", "U0YOUSSEF"
PNG = b"\x89PNG\r\n\x1a\n and so on"


def asked(element: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    wanted = {"type": "file_input", "action_id": "file", **(element or {})}
    label = {"type": "plain_text", "text": "Afbeelding"}
    return {"type": "input", "block_id": "file", "label": label, "element": wanted, "optional": True, **fields}


def modal(*blocks: dict[str, Any]) -> dict[str, Any]:
    said = {"type": "plain_text", "text": "x"}
    return {"type": "modal", "callback_id": "give", "title": said, "submit": said, "blocks": list(blocks)}


@pytest.mark.parametrize(
    "block", [asked(), asked({"max_files": 1, "filetypes": ["jpg", "png"]}), asked({"max_files": 10})]
)
def test_slack_takes(block: dict[str, Any]) -> None:
    assert problems([block], MODAL, at="") == []


@pytest.mark.parametrize(
    "block",
    [
        asked({"max_files": 0}), asked({"max_files": 11}), asked({"filetypes": []}), asked({"filetypes": "png"}),
        asked(dispatch_action=True),
        {"type": "actions", "elements": [{"type": "file_input", "action_id": "file"}]},
    ],
)  # fmt: skip
def test_slack_refuses(block: dict[str, Any]) -> None:
    assert problems([block], MODAL, at="") != []


async def opened(slack: LocalSlack, client: AsyncWebClient) -> dict[str, Any]:
    trigger = slack.workspace.tickets.trigger(SANNE)
    return dict((await client.views_open(trigger_id=trigger, view=modal(asked())))["view"])


async def test_without_the_permission_slack_shows_no_such_field(slack: LocalSlack, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        await opened(slack, client)
    assert (refused.value.response["error"], refused.value.response["needed"]) == ("missing_scope", "files:read")


async def test_a_file_comes_with_the_submission_and_the_app_reads_it_with_its_token(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp
) -> None:
    slack.app.scopes.add("files:read")
    got: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()

    @app.view("give")
    async def given(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        got.put_nowait(view["state"]["values"]["file"]["file"]["files"])

    async with over_socket_mode(slack, app):
        await opened(slack, client)
        described = slack.give_file(SANNE, "Mijn foto.PNG", PNG)
        assert (await slack.submit(SANNE, {"file": [described]})).ok
        [file] = await asyncio.wait_for(got.get(), 20)
    assert (file["name"], file["mimetype"], file["size"], file["user"]) == (
        "Mijn foto.PNG",
        "image/png",
        len(PNG),
        SANNE,
    )
    async with aiohttp.ClientSession() as session:
        for address in (file["url_private"], file["url_private_download"]):
            for token in ("", "xoxb-wrong", slack.app.app_token):
                headers = {"Authorization": f"Bearer {token}"}
                async with session.get(address, headers=headers, allow_redirects=False) as answer:
                    assert answer.status == 302
            async with session.get(address, headers={"Authorization": f"Bearer {slack.app.bot_token}"}) as answer:
                assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", PNG)
        async with session.get(file["permalink"]) as answer:
            assert answer.status == 404  # it was given to the app, and shared with nobody


async def test_the_page_gives_files_and_can_name_only_those_of_its_person(slack: LocalSlack) -> None:
    async with aiohttp.ClientSession() as session:
        address = f"{slack.base_url}/page/files"
        async with session.post(address, params={"person": SANNE, "name": "x.png"}, data=PNG) as answer:
            mine = await answer.json()
        for size in (0, files.MOST_GIVEN + 1):
            sent = io.BytesIO(bytes(size))
            async with session.post(address, params={"person": SANNE, "name": "x.png"}, data=sent) as answer:
                assert answer.status == 413
    theirs = slack.give_file(YOUSSEF, "y.png", PNG)
    forged = {**mine, "url_private_download": "http://elders.example/"}
    assert files.given(slack.workspace, SANNE, [forged, theirs, {"id": "F9"}, 7]) == [mine]
    assert files.given(slack.workspace, SANNE, None) == []
    assert input_state.initial({"type": "file_input"}) == {"type": "file_input", "files": []}
