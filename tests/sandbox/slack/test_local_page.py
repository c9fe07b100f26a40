"""The page's web socket, and who may connect to it."""

from typing import Any

import aiohttp
import aiohttp.web
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.delivery import Acknowledgement, Kind
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Change, Workspace
from tests.sandbox.slack.tab import open_page

WEBCARE, SANNE, YOUSSEF = "C0WEBCARE", "U0SANNE", "U0YOUSSEF"
BUTTON = {"type": "button", "action_id": "case:claim", "text": {"type": "plain_text", "text": "Neem"}, "value": "7"}
CARD = [{"type": "actions", "block_id": "moves", "elements": [BUTTON]}]
MODAL = {
    "type": "modal",
    "callback_id": "answer",
    "title": {"type": "plain_text", "text": "Antwoord"},
    "submit": {"type": "plain_text", "text": "Verstuur"},
    "blocks": [
        {
            "type": "input",
            "block_id": "text",
            "label": {"type": "plain_text", "text": "Tekst"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


class Bot:
    """An app that gives `answer` at once, and records what was sent to it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Kind, dict[str, Any]]] = []
        self.answer = Acknowledgement(True)

    async def deliver(self, kind: Kind, payload: dict[str, Any], attempt: int = 0, reason: str = "") -> Acknowledgement:
        self.sent.append((kind, payload))
        return self.answer

    async def close(self) -> None:
        pass


@pytest.fixture
def bot(slack: LocalSlack) -> Bot:
    bot = Bot()
    slack.delivery = bot
    return bot


async def test_hello_has_what_this_person_may_see(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=WEBCARE, text="voor allen")
    await client.chat_postMessage(channel=YOUSSEF, text="voor Youssef")
    await client.chat_postEphemeral(channel=WEBCARE, user=YOUSSEF, text="ook voor Youssef")
    async with open_page(slack, SANNE) as (_, sannes), open_page(slack, YOUSSEF) as (_, youssefs):
        assert sannes["me"] == SANNE
        assert [c["name"] for c in sannes["channels"]] == ["webcare", "webcare-escalatie", "beheer", "algemeen"]
        assert [m["text"] for m in sannes["messages"][WEBCARE]] == ["voor allen"]
        assert sannes["commands"][0]["command"] == "/webcare"
        assert {s["callback_id"] for s in sannes["shortcuts"]} == {"case:from-message", "case:new"}
        assert sannes["team"]["name"] == "Gemeente Voorbeeld"
        assert sannes["usergroups"] == [{"id": "S0COMMUNICATIE", "handle": "communicatie", "name": "Communicatie"}]
        im = youssefs["channels"][-1]
        assert (im["kind"], im["with"]) == ("im", slack.app.user_id)
        assert [m["text"] for m in youssefs["messages"][im["id"]]] == ["voor Youssef"]
        assert youssefs["messages"][WEBCARE][-1]["ephemeral"]


async def test_changed_messages_views_and_homes_appear(slack: LocalSlack, client: AsyncWebClient) -> None:
    async with open_page(slack) as (tab, _):
        ts = (await client.chat_postMessage(channel=WEBCARE, text="kaart", blocks=CARD))["ts"]
        assert (await tab.next("message"))["message"] | {"channel": WEBCARE, "ts": ts} == (
            slack.message(WEBCARE, ts) | {"channel": WEBCARE}
        )
        await client.chat_update(channel=WEBCARE, ts=ts, text="anders")
        assert (await tab.next("message"))["message"]["text"] == "anders"
        await client.chat_delete(channel=WEBCARE, ts=ts)
        assert (await tab.next("message_deleted"))["ts"] == ts
        await client.views_open(trigger_id=slack.workspace.tickets.trigger(SANNE), view=MODAL)
        assert (await tab.next("views"))["views"][0]["callback_id"] == "answer"
        await client.views_publish(user_id=SANNE, view={"type": "home", "blocks": CARD})
        assert (await tab.next("home"))["view"]["blocks"][0]["block_id"] == "moves"


async def test_a_status_is_shown_to_everybody_and_to_the_app(slack: LocalSlack, client: AsyncWebClient) -> None:
    async with open_page(slack, SANNE) as (sannes, _), open_page(slack, YOUSSEF) as (youssefs, hello):
        assert {p["status_emoji"] for p in hello["people"]} == {""}
        await sannes.send(type="status", key="k", emoji=":palm_tree:", text="Op vakantie")
        people = {p["id"]: p for p in (await youssefs.next("people"))["people"]}
        assert people[SANNE]["status_text"] == "Op vakantie"
    profile = (await client.users_info(user=SANNE))["user"]["profile"]
    assert (profile["status_emoji"], profile["status_text"]) == (":palm_tree:", "Op vakantie")


async def test_a_click_is_busy_until_the_app_acknowledged(slack: LocalSlack, client: AsyncWebClient, bot: Bot) -> None:
    ts = (await client.chat_postMessage(channel=WEBCARE, text="kaart", blocks=CARD))["ts"]
    async with open_page(slack) as (tab, _):
        action = {"type": "button", "action_id": "case:claim", "block_id": "moves", "value": "forged"}
        container = {"type": "message", "channel": WEBCARE, "ts": ts}
        await tab.send(type="action", key="k", container=container, action=action, state={"values": {}})
        assert [(await tab.next("busy"))["on"] for _ in range(2)] == [True, False]
    kind, payload = bot.sent[-1]
    assert (kind, payload["actions"][0]["value"]) == (Kind.INTERACTION, "7")


@pytest.mark.parametrize(("now", "reached"), [("7", True), ("8", False)], ids=["still there", "another one"])
async def test_a_click_on_a_message_that_changed_meanwhile_reaches_the_same_button(
    slack: LocalSlack, client: AsyncWebClient, bot: Bot, now: str, reached: bool
) -> None:
    """Slack names blocks without an id itself, anew at each change; the page may not have drawn the last one yet."""
    posted = await client.chat_postMessage(channel=WEBCARE, text="Nieuw", blocks=[{**CARD[0], "block_id": "drawn"}])
    changed: list[dict[str, Any]] = [{"type": "divider"}, {"type": "actions", "elements": [{**BUTTON, "value": now}]}]
    await client.chat_update(channel=WEBCARE, ts=posted["ts"], text="Anders", blocks=changed)
    clicked = {**BUTTON, "block_id": "drawn"}
    ack = await slack.act_in_message(SANNE, WEBCARE, posted["ts"], clicked)
    assert ack.ok is reached
    sent = [payload["actions"][0]["value"] for kind, payload in bot.sent if kind is Kind.INTERACTION]
    assert sent == (["7"] if reached else [])


async def test_a_submission_answered_with_errors_shows_them(
    slack: LocalSlack, client: AsyncWebClient, bot: Bot
) -> None:
    view = (await client.views_open(trigger_id=slack.workspace.tickets.trigger(SANNE), view=MODAL))["view"]
    typed = {"values": {"text": {"text": {"type": "plain_text_input", "value": "hoi"}}}}
    async with open_page(slack) as (tab, hello):
        assert hello["views"][0]["id"] == view["id"]
        bot.answer = Acknowledgement(True, payload={"response_action": "errors", "errors": {"text": "Te kort"}})
        await tab.send(type="submit", key="k", view_id=view["id"], state=typed)
        assert (await tab.next("view_errors"))["errors"] == {"text": "Te kort"}
        bot.answer = Acknowledgement(True)
        await tab.send(type="submit", key="k", view_id=view["id"], state=typed)
        assert (await tab.next("views"))["views"] == []
    assert bot.sent[-1][1]["view"]["state"] == typed


async def test_posts_commands_shortcuts_homes_and_direct_messages_reach_the_app(slack: LocalSlack, bot: Bot) -> None:
    async with open_page(slack) as (tab, _):
        await tab.send(type="post", channel=WEBCARE, text="dag")
        assert (await tab.next("message"))["message"]["text"] == "dag"
        bot.answer = Acknowledgement(True, text="Gezocht")
        await tab.send(type="post", channel=WEBCARE, text="/webcare zoek")
        assert (await tab.next("message"))["message"]["ephemeral"]
        bot.answer = Acknowledgement(True)
        for frame in (
            {"type": "shortcut", "kind": "global", "callback_id": "case:new"},
            {"type": "shortcut", "kind": "message", "callback_id": "case:from-message", "channel": WEBCARE,
             "ts": slack.messages(WEBCARE)[0]["ts"]},
            {"type": "home"},
        ):  # fmt: skip
            await tab.send(key="k", **frame)
            while (await tab.next("busy"))["on"]:
                pass
        await tab.send(type="im", user=slack.app.user_id)
    kinds = [payload.get("type") if kind is not Kind.EVENT else payload["event"]["type"] for kind, payload in bot.sent]
    assert kinds == ["message", None, "shortcut", "message_action", "app_home_opened"]


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("timeout", "De app heeft niet op tijd geantwoord (Slack wacht 3 seconden)."),
        ("http_500", "De app gaf een fout (http_500)."),
    ],
)
async def test_a_failure_is_shown_as_a_plain_sentence(slack: LocalSlack, bot: Bot, reason: str, sentence: str) -> None:
    bot.answer = Acknowledgement(False, reason=reason)
    async with open_page(slack) as (tab, _):
        await tab.send(type="shortcut", kind="global", callback_id="case:new", key="k")
        assert await tab.next("failed") == {"type": "failed", "key": "k", "text": sentence}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "banana"},
        {"type": "post", "channel": "C0NOWHERE", "text": "x"},
        {"type": "submit", "view_id": "V0NONE", "state": {"values": {}}},
        {"type": "action", "container": "x", "action": 3},
    ],
)
async def test_a_malformed_frame_gets_a_plain_sentence(slack: LocalSlack, bot: Bot, frame: dict[str, Any]) -> None:
    async with open_page(slack) as (tab, _):
        await tab.socket.send_str("not json")
        await tab.send(key="k", **frame)
        assert (await tab.next("failed"))["text"] == "Dit is er niet meer."
    assert bot.sent == []


async def test_nobody_writes_in_a_direct_message_of_others(slack: LocalSlack, bot: Bot) -> None:
    channel = slack.open_im(YOUSSEF, slack.app.user_id).id
    async with open_page(slack) as (tab, _):
        await tab.send(type="post", channel=channel, text="x", key="k")
        assert (await tab.next("failed"))["key"] == "k"
    assert slack.direct(YOUSSEF) == []


@pytest.mark.parametrize(
    "headers", [{"Host": "kwaad.example"}, {"Origin": "https://kwaad.example"}, {"Origin": "null"}]
)
async def test_other_hosts_and_origins_are_refused(slack: LocalSlack, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{slack.base_url}/page/socket", headers=headers) as answer:
            assert answer.status == 403
        async with http.post(f"{slack.base_url}/api/api.test", headers=headers, json={}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "kwaad.example"},
        {"Host": "127.0.0.1.kwaad.example"},
        {"Origin": "https://kwaad.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
async def test_a_page_elsewhere_acts_by_no_method(slack: LocalSlack, method: str, headers: dict[str, str]) -> None:
    """Without any header (an old browser, an image): a token in the address is none."""
    url = f"{slack.base_url}/api/chat.postMessage?token={slack.app.bot_token}&channel=C0WEBCARE&text=gehackt"
    async with aiohttp.ClientSession() as http, http.request(method, url, headers=headers) as answer:
        assert answer.status in ({200, 404, 405} if not headers else {403})
    assert slack.calls("chat.postMessage") == [] or not headers
    assert all(not channel for channel in slack.workspace.messages.values())


async def test_the_page_itself_is_opened_by_a_link_elsewhere(slack: LocalSlack) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with aiohttp.ClientSession() as http, http.get(f"{slack.base_url}/", headers=headers) as answer:
        assert answer.status == 200


async def test_it_is_served_only_on_this_machine(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="not this machine"):
        await LocalSlack(workspace).start("0.0.0.0")


async def test_what_is_shown_beside_slack_is_read_again_at_each_of_its_changes(workspace: Workspace) -> None:
    weather = ["sun"]
    async with LocalSlack(workspace, beside={"weather": lambda: weather}) as slack, open_page(slack) as (tab, hello):
        assert hello["weather"] == ["sun"]
        weather.append("rain")
        workspace.notify(Change("unknown"))
        workspace.notify(Change("weather"))
        assert await tab.socket.receive_json(timeout=60) == {"type": "weather", "weather": ["sun", "rain"]}


async def test_a_click_on_the_page_reaches_bolt_and_its_answer_the_page(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    app = AsyncApp(client=client, signing_secret=slack.app.signing_secret)

    @app.action("case:claim")
    async def claim(ack: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        await client.chat_update(channel=WEBCARE, ts=body["message"]["ts"], text=f"van {body['user']['name']}")

    runner = aiohttp.web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    ts = (await client.chat_postMessage(channel=WEBCARE, text="kaart", blocks=CARD))["ts"]
    async with open_page(slack) as (tab, _):
        action = {"type": "button", "action_id": "case:claim", "block_id": "moves"}
        await tab.send(type="action", container={"type": "message", "channel": WEBCARE, "ts": ts}, action=action)
        assert (await tab.next("message"))["message"]["text"] == "van sanne"
    await slack.delivery.close()
    await runner.cleanup()
