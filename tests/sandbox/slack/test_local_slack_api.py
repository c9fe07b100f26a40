"""The Web API of the local Slack, called by the real SDK."""

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.inspection import action_ids, text_of
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.web_api import METHODS
from bot.views.block import message_url

WEBCARE, ELSEWHERE = "C0WEBCARE", "C0ALGEMEEN"
SANNE, YOUSSEF, MARIEKE = "U0SANNE", "U0YOUSSEF", "U0MARIEKE"


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str = "case:claim", **fields: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": "Neem"}, **fields}


def modal(**fields: Any) -> dict[str, Any]:
    view = {
        "type": "modal",
        "callback_id": "answer",
        "title": {"type": "plain_text", "text": "Antwoord"},
        "blocks": [section("Hallo")],
    }
    return view | fields


async def refusal(answer: Any) -> Any:
    """The answer in which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await answer
    return caught.value.response


async def test_the_history_has_a_posted_message_with_its_metadata(slack: LocalSlack, client: AsyncWebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {"case": 7}}
    posted = await client.chat_postMessage(
        channel="#webcare", text="Kaart", blocks=[section("Zaak 7")], metadata=metadata
    )
    without = await client.conversations_history(channel=WEBCARE)
    history = await client.conversations_history(channel=WEBCARE, include_all_metadata=True)
    assert "metadata" not in without["messages"][0]
    assert history["messages"][0]["metadata"] == metadata
    assert history["messages"][0]["ts"] == posted["ts"]
    assert history["messages"][0]["bot_id"] == slack.app.bot_id
    assert history["messages"][0]["blocks"][0]["block_id"]
    assert text_of(slack.message(WEBCARE, posted["ts"])) == "Zaak 7"


async def test_a_form_body_may_have_blocks_as_a_string(slack: LocalSlack) -> None:
    form = {"token": slack.app.bot_token, "channel": WEBCARE, "text": "x", "blocks": json.dumps([section("ja")])}
    async with aiohttp.ClientSession() as http, http.post(f"{slack.api_url}chat.postMessage", data=form) as answer:
        assert (await answer.json())["ok"]
    assert text_of(slack.messages(WEBCARE)[0]) == "ja"


async def test_history_is_read_in_pages_between_two_moments(slack: LocalSlack, client: AsyncWebClient) -> None:
    ts = [(await client.chat_postMessage(channel=WEBCARE, text=str(i)))["ts"] for i in range(5)]
    first = await client.conversations_history(channel=WEBCARE, limit=2)
    second = await client.conversations_history(
        channel=WEBCARE, limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    between = await client.conversations_history(channel=WEBCARE, oldest=ts[1], latest=ts[3])
    inclusive = await client.conversations_history(channel=WEBCARE, oldest=ts[1], latest=ts[3], inclusive=True)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    assert first["has_more"]
    assert [m["text"] for m in second["messages"]] == ["2", "1"]
    assert [m["text"] for m in between["messages"]] == ["2"]
    assert [m["text"] for m in inclusive["messages"]] == ["3", "2", "1"]


async def test_replies_stay_in_their_thread_and_are_counted(slack: LocalSlack, client: AsyncWebClient) -> None:
    parent = (await client.chat_postMessage(channel=WEBCARE, text="kaart"))["ts"]
    reply = await client.chat_postMessage(channel=WEBCARE, text="notitie", thread_ts=parent)
    thread = await client.conversations_replies(channel=WEBCARE, ts=parent)
    history = await client.conversations_history(channel=WEBCARE)
    assert [m["text"] for m in thread["messages"]] == ["kaart", "notitie"]
    assert [m["text"] for m in history["messages"]] == ["kaart"]
    assert history["messages"][0]["reply_count"] == 1
    await client.chat_delete(channel=WEBCARE, ts=reply["ts"])
    assert "reply_count" not in slack.message(WEBCARE, parent)


async def test_an_update_leaves_fields_that_are_not_sent(slack: LocalSlack, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel=WEBCARE, text="een", blocks=[section("blok")]))["ts"]
    await client.chat_update(channel=WEBCARE, ts=ts, text="twee")
    assert text_of(slack.message(WEBCARE, ts)) == "blok"
    await client.chat_update(channel=WEBCARE, ts=ts, text="twee", blocks=[])
    assert text_of(slack.message(WEBCARE, ts)) == "twee"
    assert slack.message(WEBCARE, ts)["edited"]["user"] == slack.app.user_id


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": ELSEWHERE, "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": WEBCARE}, "no_text"),
        ("chat.postMessage", {"channel": WEBCARE, "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": WEBCARE, "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ("chat.postMessage", {"channel": WEBCARE, "text": "x", "blocks": {"a": 1}}, "invalid_blocks_format"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        (
            "chat.postMessage",
            {"channel": WEBCARE, "text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "x" * 9000}}},
            "metadata_too_large",
        ),
        ("chat.update", {"channel": WEBCARE, "ts": "1.000000", "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": WEBCARE, "ts": "1.000000"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": WEBCARE, "user": "U0NOBODY", "text": "x"}, "user_not_in_channel"),
        ("conversations.history", {"channel": ELSEWHERE}, "not_in_channel"),
        ("conversations.replies", {"channel": WEBCARE, "ts": "1.000000"}, "thread_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("usergroups.users.update", {"usergroup": "S0NONE", "users": SANNE}, "no_such_subteam"),
        ("usergroups.users.update", {"usergroup": "S0COMMUNICATIE", "users": ""}, "no_users_provided"),
        ("views.update", {"view_id": "V0NONE", "view": modal()}, "not_found"),
        ("views.open", {"trigger_id": "1.2.3", "view": modal()}, "invalid_trigger_id"),
        ("views.open", {"trigger_id": "1.2.3", "view": modal(title={"type": "plain_text", "text": "x" * 25})},
         "invalid_arguments"),
        ("conversations.history", {"channel": WEBCARE, "oldest": "gisteren"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": WEBCARE, "cursor": "gisteren"}, "invalid_cursor"),
        ("conversations.banana", {}, "unknown_method"),
    ],
)  # fmt: skip
async def test_errors_have_slacks_codes(
    client: AsyncWebClient, method: str, arguments: dict[str, Any], error: str
) -> None:
    reads = METHODS[method].reads if method in METHODS else False
    how: dict[str, Any] = {"params": arguments} if reads else {"json": arguments}
    assert (await refusal(client.api_call(method, **how)))["error"] == error


async def test_a_method_that_reads_ignores_json(client: AsyncWebClient) -> None:
    assert (await client.api_call("users.info", params={"user": SANNE}))["ok"]
    assert (await refusal(client.api_call("users.info", json={"user": SANNE})))["error"] == "invalid_arguments"


async def test_a_body_that_is_not_json_is_refused(slack: LocalSlack) -> None:
    headers = {"Authorization": f"Bearer {slack.app.bot_token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{slack.api_url}chat.postMessage", data="{") as answer:
            assert (await answer.json())["error"] == "invalid_json"
        async with http.post(f"{slack.api_url}chat.postMessage", data="[]") as answer:
            assert (await answer.json())["error"] == "json_not_object"


async def test_a_view_is_updated_only_if_its_hash_is_current(slack: LocalSlack, client: AsyncWebClient) -> None:
    trigger = slack.workspace.tickets.trigger(SANNE)
    view = (await client.views_open(trigger_id=trigger, view=modal(external_id="case-7")))["view"]
    changed = modal(external_id="case-7", blocks=[section("Anders")])
    await client.views_update(external_id="case-7", view=changed)
    stale = await refusal(client.views_update(view_id=view["id"], hash=view["hash"], view=changed))
    assert stale["error"] == "hash_conflict"
    assert text_of(slack.views(SANNE)[0]) == "Antwoord\nAnders"


async def test_an_archived_channel_accepts_no_messages(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.workspace.channels[WEBCARE].archived = True
    assert (await refusal(client.chat_postMessage(channel=WEBCARE, text="x")))["error"] == "is_archived"


async def test_a_colleagues_message_cannot_be_changed_or_deleted(slack: LocalSlack, client: AsyncWebClient) -> None:
    ts = slack.workspace.add_message(WEBCARE, {"user": SANNE, "text": "hoi"})["ts"]
    changed = await refusal(client.chat_update(channel=WEBCARE, ts=ts, text="x"))
    deleted = await refusal(client.chat_delete(channel=WEBCARE, ts=ts))
    assert (changed["error"], deleted["error"]) == ("cant_update_message", "cant_delete_message")


async def test_tokens_and_scopes_are_checked(slack: LocalSlack, client: AsyncWebClient) -> None:
    nobody = AsyncWebClient(base_url=slack.api_url)
    stranger = AsyncWebClient(token="xoxb-other", base_url=slack.api_url)
    assert (await refusal(nobody.auth_test()))["error"] == "not_authed"
    assert (await refusal(stranger.auth_test()))["error"] == "invalid_auth"
    assert (await refusal(client.apps_connections_open(app_token=slack.app.bot_token)))[
        "error"
    ] == "not_allowed_token_type"
    slack.app.scopes.discard("chat:write")
    answer = await refusal(client.chat_postMessage(channel=WEBCARE, text="x"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert "users:read" in answer["provided"]


async def test_auth_test_returns_the_app_and_its_scopes(slack: LocalSlack, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert answer["user_id"] == slack.app.user_id
    assert answer["team"] == "Gemeente Voorbeeld"
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_wrong_blocks_are_refused_with_a_pointer(client: AsyncWebClient) -> None:
    blocks = [section("goed"), {"type": "actions", "elements": []}]
    answer = await refusal(client.chat_postMessage(channel=WEBCARE, text="x", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] no fewer than 1 items allowed [json-pointer:/blocks/1/elements]"
    ]


async def test_a_workspace_without_the_new_blocks_refuses_them(slack: LocalSlack, client: AsyncWebClient) -> None:
    chart = {
        "type": "data_visualization",
        "title": "Vragen",
        "chart": {"type": "pie", "segments": [{"label": "Afval", "value": 3}]},
    }
    await client.chat_postMessage(channel=WEBCARE, text="x", blocks=[chart])
    slack.rules.modern_blocks = False
    answer = await refusal(client.chat_postMessage(channel=WEBCARE, text="x", blocks=[chart]))
    assert answer["error"] == "invalid_blocks"


async def test_a_channel_accepts_one_message_a_second_and_then_answers_429(
    slack: LocalSlack, client: AsyncWebClient, clock: Any
) -> None:
    slack.rules.message_seconds = 1.0
    await client.chat_postMessage(channel=WEBCARE, text="een")
    await client.chat_postMessage(channel="C0ESCALATIE", text="elders")
    answer = await refusal(client.chat_postMessage(channel=WEBCARE, text="twee"))
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")
    clock.pass_(1)
    await client.chat_postMessage(channel=WEBCARE, text="twee")
    assert [m["text"] for m in slack.messages(WEBCARE)] == ["een", "twee"]


async def test_a_method_is_limited_by_its_tier(slack: LocalSlack, client: AsyncWebClient, clock: Any) -> None:
    slack.rules.tiers = True
    for _ in range(20):
        await client.users_list()
    clock.pass_(45)
    answer = await refusal(client.users_list())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "15")
    clock.pass_(15)
    assert (await client.users_list())["ok"]


async def test_people_channels_and_groups_are_described(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.set_status(SANNE, ":palm_tree:", "Met vakantie")
    slack.do_not_disturb(SANNE, 1)
    assert (await client.users_info(user=SANNE, include_locale=True))["user"]["locale"] == "nl-NL"
    assert (await client.users_profile_get(user=SANNE))["profile"]["status_text"] == "Met vakantie"
    quiet = await client.dnd_info(user=SANNE)
    assert quiet["dnd_enabled"]
    assert quiet["next_dnd_end_ts"] - quiet["next_dnd_start_ts"] == 60
    assert "snooze_enabled" not in quiet.data  # only the person sees it
    page = await client.users_list(limit=3)
    rest = await client.users_list(limit=3, cursor=page["response_metadata"]["next_cursor"])
    assert len(page["members"]) + len(rest["members"]) == len(slack.workspace.people)
    channels = (await client.conversations_list(types="public_channel"))["channels"]
    assert {c["name"]: c["is_member"] for c in channels} == {
        "webcare": True, "webcare-escalatie": True, "beheer": True, "algemeen": False}  # fmt: skip
    assert MARIEKE in (await client.conversations_members(channel=WEBCARE))["members"]
    assert (await client.conversations_info(channel=WEBCARE))["channel"]["name"] == "webcare"
    assert (await client.bots_info(bot=slack.app.bot_id))["bot"]["user_id"] == slack.app.user_id
    await client.usergroups_users_update(usergroup="S0COMMUNICATIE", users=[SANNE, YOUSSEF])
    assert (await client.usergroups_users_list(usergroup="S0COMMUNICATIE"))["users"] == [SANNE, YOUSSEF]
    assert (await client.usergroups_list(include_users=True))["usergroups"][0]["users"] == [SANNE, YOUSSEF]


async def test_a_direct_message_can_be_sent_to_a_person(slack: LocalSlack, client: AsyncWebClient) -> None:
    opened = (await client.conversations_open(users=SANNE))["channel"]["id"]
    posted = await client.chat_postMessage(channel=SANNE, text="Psst")
    assert posted["channel"] == opened
    assert [m["text"] for m in slack.direct(SANNE)] == ["Psst"]


async def test_an_ephemeral_message_is_seen_by_one_person_and_not_in_the_history(
    slack: LocalSlack, client: AsyncWebClient
) -> None:
    answer = await client.chat_postEphemeral(channel=WEBCARE, user=SANNE, text="Alleen jij")
    assert [m["text"] for m in slack.ephemerals(SANNE)] == ["Alleen jij"]
    assert slack.ephemerals(YOUSSEF) == []
    assert (await client.conversations_history(channel=WEBCARE))["messages"] == []
    refused = await refusal(client.chat_update(channel=WEBCARE, ts=answer["message_ts"], text="x"))
    assert refused["error"] == "message_not_found"


async def test_a_file_is_uploaded_by_the_sdk_and_shared_in_a_thread(slack: LocalSlack, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel=WEBCARE, text="rapport"))["ts"]
    await client.files_upload_v2(
        channel=WEBCARE, thread_ts=ts, filename="rapport.csv", content="a;b", initial_comment="Hier"
    )
    shared = slack.thread(WEBCARE, ts)[0]
    assert (shared["text"], shared["files"][0]["name"]) == ("Hier", "rapport.csv")
    assert slack.workspace.files[shared["files"][0]["id"]].content == b"a;b"


async def test_permalinks_and_reactions(slack: LocalSlack, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel=WEBCARE, text="x"))["ts"]
    link = (await client.chat_getPermalink(channel=WEBCARE, message_ts=ts))["permalink"]
    assert link == message_url((await client.auth_test())["url"], WEBCARE, ts), "as our links without a call"
    await client.reactions_add(channel=WEBCARE, timestamp=ts, name="eyes")
    assert slack.message(WEBCARE, ts)["reactions"][0]["users"] == [slack.app.user_id]


async def test_a_home_is_published_only_if_its_hash_is_current(slack: LocalSlack, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [section("Welkom"), {"type": "actions", "elements": [button()]}]}
    first = (await client.views_publish(user_id=SANNE, view=home))["view"]
    await client.views_publish(user_id=SANNE, view=home, hash=first["hash"])
    assert (await refusal(client.views_publish(user_id=SANNE, view=home, hash=first["hash"])))[
        "error"
    ] == "hash_conflict"
    published = slack.home(SANNE)
    assert published is not None
    assert published["id"] == first["id"]
    assert action_ids(published) == ["case:claim"]


async def test_calls_are_recorded(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=WEBCARE, text="x")
    call = slack.calls("chat.postMessage")[0]
    assert (call.args["text"], call.status, call.answer and call.answer["ok"]) == ("x", 200, True)
