"""A real Bolt app on the local Slack, over Socket Mode and over signed HTTP."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.slack.inspection import text_of
from bot.sandbox.slack.server import LocalSlack
from tests.sandbox.slack.bolt_app import (
    CARD,
    SANNE,
    WAYS,
    WEBCARE,
    YOUSSEF,
    asked,
    card,
    modal,
    over_http,
    over_socket_mode,
    plain,
)


@WAYS
async def test_a_button_opens_a_modal_whose_submission_posts_in_the_thread(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp, reach: Any
) -> None:
    @app.action("case:answer")
    async def answer(ack: Any, body: Any, action: Any, client: AsyncWebClient) -> None:
        await ack()
        view = modal("answer", asked(), private_metadata=f"{body['message']['ts']}/{action['value']}")
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("answer")
    async def sent(ack: Any, view: Any, body: Any, client: AsyncWebClient) -> None:
        text = view["state"]["values"]["text"]["text"]["value"]
        if "sorry" in text:
            await ack(response_action="errors", errors={"text": "Zeg geen sorry"})
            return
        await ack()
        ts = view["private_metadata"].partition("/")[0]
        await client.chat_postMessage(channel=WEBCARE, thread_ts=ts, text=f"{body['user']['name']}: {text}")

    async with reach(slack, app):
        ts = await card(client)
        assert (await slack.click(SANNE, WEBCARE, ts, "case:answer")).ok
        view = await slack.wait_for(lambda: slack.view(SANNE))
        assert view["private_metadata"] == f"{ts}/7"
        assert (await slack.submit(SANNE)).errors == {"text": "Vul dit verplichte veld in."}
        assert (await slack.submit(SANNE, {"text": "sorry"})).errors == {"text": "Zeg geen sorry"}
        assert slack.view(SANNE) is not None
        assert (await slack.submit(SANNE, {"text": "Bij de balie"})).ok
        assert slack.view(SANNE) is None
        replies = await slack.wait_for(lambda: slack.thread(WEBCARE, ts))
        assert replies[0]["text"] == "sanne: Bij de balie"


@WAYS
async def test_a_click_has_the_person_the_place_and_the_action(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp, reach: Any
) -> None:
    bodies: list[Any] = []

    @app.action("case:more")
    async def more(ack: Any, body: Any) -> None:
        bodies.append(body)
        await ack()

    async with reach(slack, app):
        ts = await card(client)
        await slack.click(SANNE, WEBCARE, ts, "case:more", "assign")
    body = bodies[0]
    assert body["user"]["id"] == SANNE
    assert body["channel"] == {"id": WEBCARE, "name": "webcare"}
    assert body["container"] == {
        "type": "message", "message_ts": ts, "channel_id": WEBCARE, "is_ephemeral": False}  # fmt: skip
    assert body["message"]["ts"] == ts
    assert body["actions"][0]["selected_option"]["value"] == "assign"
    assert body["actions"][0]["action_ts"]
    assert body["response_url"].startswith(slack.base_url)


@WAYS
async def test_only_the_person_sees_the_answer_to_their_slash_command(
    slack: LocalSlack, app: AsyncApp, reach: Any
) -> None:
    @app.command("/webcare")
    async def webcare(ack: Any, command: Any) -> None:
        await ack(f"Gezocht: {command['text']}")

    async with reach(slack, app):
        assert (await slack.command(SANNE, WEBCARE, "/webcare zoek paspoort")).ok
        assert (await slack.command(SANNE, WEBCARE, "/anders")).reason == "unknown_command"
    assert [m["text"] for m in slack.ephemerals(SANNE, WEBCARE)] == ["Gezocht: zoek paspoort"]
    assert slack.messages(WEBCARE) == []


@WAYS
async def test_the_app_gets_only_events_that_it_subscribed_to_in_its_channels(
    slack: LocalSlack, app: AsyncApp, reach: Any
) -> None:
    received: list[tuple[str, str]] = []

    @app.event("message")
    async def message(event: Any) -> None:
        received.append((event["type"], event["text"]))

    @app.event("app_mention")
    async def mention(event: Any) -> None:
        received.append((event["type"], event["text"]))

    async with reach(slack, app):
        await slack.post(SANNE, WEBCARE, "dag")
        await slack.post(SANNE, "C0ALGEMEEN", "elders")
        await slack.post(SANNE, slack.open_im(SANNE, slack.app.user_id).id, "onder ons")
        await slack.post(SANNE, WEBCARE, f"<@{slack.app.user_id}> help")
        await slack.wait_for(lambda: len(received) == 4)
    assert received == [
        ("message", "dag"),
        ("message", "onder ons"),
        ("message", f"<@{slack.app.user_id}> help"),
        ("app_mention", f"<@{slack.app.user_id}> help"),
    ]


@WAYS
async def test_opening_the_home_publishes_it_and_its_buttons_work(slack: LocalSlack, app: AsyncApp, reach: Any) -> None:
    clicked: list[str] = []

    @app.event("app_home_opened")
    async def opened(event: Any, client: AsyncWebClient) -> None:
        button = {"type": "button", "action_id": "home:mine", "text": plain("Mijn zaken")}
        blocks = [{"type": "actions", "elements": [button]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("home:mine")
    async def mine(ack: Any, body: Any) -> None:
        clicked.append(body["view"]["type"])
        await ack()

    async with reach(slack, app):
        await slack.open_home(SANNE)
        home = await slack.wait_for(lambda: slack.home(SANNE))
        assert text_of(home) == "Mijn zaken"
        assert (await slack.click_in_view(SANNE, "home:mine")).ok
    assert clicked == ["home"]


@WAYS
async def test_modals_are_pushed_updated_closed_and_cleared(
    slack: LocalSlack, client: AsyncWebClient, app: AsyncApp, reach: Any
) -> None:
    closed: list[str] = []

    @app.shortcut("case:new")
    async def new(ack: Any, shortcut: Any, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=modal("one", asked()))

    @app.view("one")
    async def one(ack: Any) -> None:
        await ack(response_action="push", view=modal("two", asked(), notify_on_close=True))

    @app.view("two")
    async def two(ack: Any, view: Any) -> None:
        if view["state"]["values"]["text"]["text"]["value"] == "klaar":
            await ack(response_action="clear")
        else:
            await ack(response_action="update", view=modal("two", asked(), title=plain("Nog eens")))

    @app.view_closed("two")
    async def gone(ack: Any, view: Any) -> None:
        closed.append(view["callback_id"])
        await ack()

    async with reach(slack, app):
        await slack.shortcut(SANNE, "case:new")
        await slack.wait_for(lambda: slack.view(SANNE))
        await slack.submit(SANNE, {"text": "een"})
        assert [view["callback_id"] for view in slack.views(SANNE)] == ["one", "two"]
        await slack.close_view(SANNE)
        assert [view["callback_id"] for view in slack.views(SANNE)] == ["one"]
        await slack.submit(SANNE)
        await slack.submit(SANNE, {"text": "nog niet"})
        assert slack.views(SANNE)[1]["title"]["text"] == "Nog eens"
        assert slack.views(SANNE)[1]["state"]["values"]["text"]["text"]["value"] == "nog niet"
        await slack.submit(SANNE, {"text": "klaar"})
    assert slack.views(SANNE) == []
    assert closed == ["two"]


async def test_a_message_shortcut_sends_the_message(slack: LocalSlack, app: AsyncApp) -> None:
    seen: list[str] = []

    @app.shortcut("case:from-message")
    async def from_message(ack: Any, shortcut: Any) -> None:
        await ack()
        seen.append(f"{shortcut['channel']['name']}: {shortcut['message']['text']}")

    posted = slack.workspace.add_message(WEBCARE, {"user": YOUSSEF, "text": "Kijk"})
    async with over_socket_mode(slack, app):
        await slack.shortcut(SANNE, "case:from-message", channel=WEBCARE, ts=posted["ts"])
        await slack.wait_for(lambda: seen)
    assert seen == ["webcare: Kijk"]


async def test_a_dispatching_input_is_sent_while_typing_and_an_update_keeps_the_text(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient
) -> None:
    @app.shortcut("case:new")
    async def new(ack: Any, shortcut: Any, client: AsyncWebClient) -> None:
        await ack()
        dispatching = {**asked(), "dispatch_action": True}
        await client.views_open(trigger_id=shortcut["trigger_id"], view=modal("live", dispatching))

    @app.action("text")
    async def typed(ack: Any, action: Any, body: Any, client: AsyncWebClient) -> None:
        await ack()
        preview = {"type": "section", "text": plain(f"Voorbeeld: {action['value']}")}
        view = modal("live", {**asked(), "dispatch_action": True}, preview)
        await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    async with over_socket_mode(slack, app):
        await slack.shortcut(SANNE, "case:new")
        await slack.wait_for(lambda: slack.view(SANNE))
        await slack.type(SANNE, "text", "Hallo")
        view = await slack.wait_for(lambda: next((v for v in slack.views(SANNE) if "Voorbeeld" in text_of(v)), None))
    assert "Voorbeeld: Hallo" in text_of(view)
    assert view["state"]["values"]["text"]["text"]["value"] == "Hallo"


async def test_a_response_url_works_five_times_within_half_an_hour(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient, clock: Any
) -> None:
    urls: list[str] = []

    @app.action("case:answer")
    async def answer(ack: Any, body: Any) -> None:
        await ack()
        urls.append(body["response_url"])

    async with over_socket_mode(slack, app):
        ts = await card(client)
        await slack.click(SANNE, WEBCARE, ts, "case:answer")
        await slack.click(SANNE, WEBCARE, ts, "case:answer")
        await slack.wait_for(lambda: len(urls) == 2)
    webhook = AsyncWebhookClient(urls[0])
    assert (await webhook.send(text="alleen jij")).body == "ok"
    assert (await webhook.send(text="iedereen", response_type="in_channel")).body == "ok"
    assert (await webhook.send(text="vervangen", replace_original=True)).body == "ok"
    assert [m["text"] for m in slack.ephemerals(SANNE)] == ["alleen jij"]
    assert [m["text"] for m in slack.messages(WEBCARE)] == ["vervangen", "iedereen"]
    assert "blocks" not in slack.message(WEBCARE, ts)
    assert (await webhook.send(text="", blocks=[{"type": "actions", "elements": []}])).status_code == 200
    assert (await webhook.send(delete_original=True)).body == "ok"
    assert (await webhook.send(text="te vaak")).status_code == 404
    clock.pass_(1801)
    assert "expired_url" in (await AsyncWebhookClient(urls[1]).send(text="te laat")).body
    assert [m["text"] for m in slack.messages(WEBCARE)] == ["iedereen"]


async def test_a_click_in_an_ephemeral_message_does_not_send_the_message(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient
) -> None:
    bodies: list[Any] = []

    @app.action("case:answer")
    async def answer(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        await respond(text="Klaar", replace_original=True)
        bodies.append(body)

    async with over_socket_mode(slack, app):
        shown = await client.chat_postEphemeral(channel=WEBCARE, user=SANNE, text="Kies", blocks=CARD)
        await slack.click(SANNE, WEBCARE, shown["message_ts"], "case:answer")
        await slack.wait_for(lambda: bodies)
        assert (await slack.click(YOUSSEF, WEBCARE, shown["message_ts"], "case:answer")).reason == "gone"
    assert "message" not in bodies[0]
    assert bodies[0]["container"]["is_ephemeral"]
    assert [m["text"] for m in slack.ephemerals(SANNE)] == ["Klaar"]


async def test_a_trigger_id_opens_one_modal_within_three_seconds(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient, clock: Any
) -> None:
    triggers: list[str] = []

    @app.action("case:answer")
    async def answer(ack: Any, body: Any) -> None:
        await ack()
        triggers.append(body["trigger_id"])

    async with over_socket_mode(slack, app):
        ts = await card(client)
        await slack.click(SANNE, WEBCARE, ts, "case:answer")
        await slack.click(SANNE, WEBCARE, ts, "case:answer")
        await slack.wait_for(lambda: len(triggers) == 2)
    clock.pass_(3)
    await client.views_open(trigger_id=triggers[0], view=modal("a", asked()))
    clock.pass_(0.1)
    errors = []
    for trigger in triggers:
        with pytest.raises(SlackApiError) as caught:
            await client.views_open(trigger_id=trigger, view=modal("a", asked()))
        errors.append(caught.value.response["error"])
    assert errors == ["exchanged_trigger_id", "expired_trigger_id"]


async def test_no_more_than_three_modals_are_stacked(slack: LocalSlack, app: AsyncApp, client: AsyncWebClient) -> None:
    @app.view("deeper")
    async def deeper(ack: Any) -> None:
        await ack(response_action="push", view=modal("deeper", asked()))

    async with over_socket_mode(slack, app):
        trigger = slack.workspace.tickets.trigger(SANNE)
        await client.views_open(trigger_id=trigger, view=modal("deeper", asked()))
        assert (await slack.submit(SANNE, {"text": "1"})).ok
        assert (await slack.submit(SANNE, {"text": "2"})).ok
        assert (await slack.submit(SANNE, {"text": "3"})).reason == "invalid_view"
    assert len(slack.views(SANNE)) == 3


async def test_nothing_is_pushed_on_a_modal_that_was_closed_while_it_was_sent(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient
) -> None:
    @app.view("deeper")
    async def deeper(ack: Any) -> None:
        await slack.close_view(SANNE)
        await ack(response_action="push", view=modal("deeper", asked()))

    async with over_socket_mode(slack, app):
        trigger = slack.workspace.tickets.trigger(SANNE)
        await client.views_open(trigger_id=trigger, view=modal("deeper", asked()))
        assert (await slack.submit(SANNE, {"text": "1"})).ok
    assert slack.views(SANNE) == []


async def test_the_person_sees_that_a_slow_app_failed(slack: LocalSlack, app: AsyncApp, client: AsyncWebClient) -> None:
    never = asyncio.Event()

    @app.action("case:answer")
    async def answer(ack: Any) -> None:
        await never.wait()
        await ack()

    slack.rules.ack_seconds = 0.02
    async with over_socket_mode(slack, app):
        ack = await slack.click(SANNE, WEBCARE, await card(client), "case:answer")
        never.set()
    assert (ack.ok, ack.reason) == (False, "timeout")
    assert (await slack.click(SANNE, WEBCARE, slack.messages(WEBCARE)[0]["ts"], "case:answer")).reason == (
        "no_connection"
    )


async def test_the_app_reconnects_when_asked_and_continues(slack: LocalSlack, app: AsyncApp) -> None:
    received: list[str] = []

    @app.event("message")
    async def message(event: Any) -> None:
        received.append(event["text"])

    async with over_socket_mode(slack, app):
        before = slack.socket_mode.connections[0]
        await slack.socket_mode.refresh()
        await slack.wait_for(lambda: slack.socket_mode.connections and before not in slack.socket_mode.connections)
        await slack.post(SANNE, WEBCARE, "na de wissel")
        await slack.wait_for(lambda: received)
    assert received == ["na de wissel"]


async def test_a_badly_signed_request_is_refused_by_bolt(
    slack: LocalSlack, app: AsyncApp, client: AsyncWebClient
) -> None:
    async with over_http(slack, app):
        assert hasattr(slack.delivery, "tampered")
        slack.delivery.tampered = True
        ack = await slack.click(SANNE, WEBCARE, await card(client), "case:answer")
    assert ack.reason == "http_401"


async def test_an_unacknowledged_event_is_sent_again_three_times_with_its_attempt(slack: LocalSlack) -> None:
    seen: list[tuple[str | None, str | None]] = []
    all_came = asyncio.Event()

    async def refuse(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        if len(seen) == 4:
            all_came.set()
        return web.Response(status=500)

    bot = web.Application()
    bot.router.add_post("/slack/events", refuse)
    runner = web.AppRunner(bot, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    assert not (await slack.post(SANNE, WEBCARE, "hoort iemand mij")).ok
    await asyncio.wait_for(all_came.wait(), 60)
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    await runner.cleanup()
