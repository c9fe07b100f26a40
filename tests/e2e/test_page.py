"""The page of the local Slack, in a real browser, on the real server."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Browser, Page, expect
from standardwebhooks import Webhook

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.words import ENGLISH
from bot.sandbox.slack.workspace import Channel
from bot.sandbox.square import example_posts
from bot.sandbox.square.posts import SANDBOX_SECRET
from tests.conftest import eventually
from tests.e2e.little_app import LittleApp, button, card, mrkdwn, plain, running_workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEBCARE, SANNE, YOUSSEF = "C0WEBCARE", "U0SANNE", "U0YOUSSEF"
QUESTION = "Mijn container is niet geleegd."
Json = dict[str, Any]
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
HOSTILE = "<img src=x onerror=hacked=1><script>hacked=1</script> <!channel> *boos* [x](javascript:hacked=1)"


MRKDWN: list[tuple[str, str, list[str]]] = [
    ("*vet* _schuin_ ~weg~ `code`", "vet schuin weg code", ["strong", "em", "s", "code"]),
    ("snake_case_name 2*3*4", "snake_case_name 2*3*4", []),
    ("&lt;b&gt; &amp;lt;", "<b> &lt;", []),
    ("&lt;https://x.nl|y&gt;", "<https://x.nl|y>", ["a"]),
    ("<https://example.nl/?a=1&amp;b=2|hier>", "hier", ["a[href='https://example.nl/?a=1&b=2']"]),
    ("<javascript:alert(1)|hier>", "hier", []),
    ("<@U0SANNE> <#C0WEBCARE> <!here> <!subteam^S1>", "@Sanne #webcare @here @team", [".mention"]),
    ("<#C0BEHEER> <#C0BEHEER|beheer>", "privékanaal #beheer", [".mention"]),
    ("<!date^0^{date_num}|toen>", "01-01-1970", ["time"]),
    (":white_check_mark: :bestaatniet:", "✅ :bestaatniet:", [".sign"]),
    ("> citaat\nnormaal", "citaatnormaal", ["blockquote", "p"]),
    ("• een\n• twee", "eentwee", ["ul > li + li"]),
    ("```\n*a* <b>\n```", "*a* <b>", ["pre"]),
    ("*open _en\ndicht*", "*open _en\ndicht*", []),
]
"""Source, displayed text, and the elements that it must contain."""
READ_MRKDWN = """async (cases) => {
    const { mrkdwn } = await import("/slack/static/mrkdwn.js");
    const channel = (id) => (id === "C0WEBCARE" ? "webcare" : null);
    const names = { user: () => "Sanne", channel, usergroup: () => "@team" };
    return cases.map(([source, marked]) => {
        const box = document.createElement("div");
        box.append(mrkdwn(source, names));
        const tags = box.querySelector("strong, em, s, code, a, .mention, blockquote, ul, pre");
        return [box.textContent, marked.filter((each) => !box.querySelector(each)), tags !== null];
    });
}"""


SHOWN = """() => [...document.querySelectorAll("body *")].flatMap((node) => [
    ...["aria-label", "title", "placeholder"].map((name) => node.getAttribute(name) ?? ""),
    ...[...node.childNodes].filter((child) => child.nodeType === 3).map((child) => child.data),
])"""
"""All texts and labels on the page."""


@pytest_asyncio.fixture(loop_scope="session")
async def workspace() -> AsyncIterator[tuple[Sandbox, LittleApp]]:
    async with running_workspace() as both:
        yield both


@pytest.fixture
def slack(workspace: tuple[Sandbox, LittleApp]) -> Sandbox:
    return workspace[0]


@pytest.fixture
def app(workspace: tuple[Sandbox, LittleApp]) -> LittleApp:
    return workspace[1]


async def post_card(app: LittleApp, claimed_by: str = "") -> None:
    await app.client.chat_postMessage(channel=WEBCARE, text=QUESTION, blocks=card(QUESTION, claimed_by))


async def look(page: Page, slack: Sandbox, person: str = SANNE) -> None:
    await page.goto(f"{slack.base_url}/?person={person}")
    await expect(page.locator("[data-test=person][aria-pressed=true]")).to_be_visible()


async def open_modal(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await post_card(app, claimed_by=f"<@{SANNE}>")
    await look(page, slack)
    await page.locator("[data-action-id='case:answer']").click()
    await expect(page.locator("[data-test=modal]")).to_be_visible()


async def answer_as_team(slack: Sandbox, post_id: str, text: str) -> None:
    reply = {"id": "r1", "in_reply_to": post_id, "conversation": post_id, "text": text, "private": False}
    body = json.dumps({"type": "reply.created", "timestamp": "2026-11-24T12:00:00Z", "data": reply})
    now = datetime.now(UTC)
    signed = {"webhook-id": "r1", "webhook-timestamp": str(int(now.timestamp()))}
    signed["webhook-signature"] = Webhook(SANDBOX_SECRET).sign("r1", now, body)
    async with (
        ClientSession() as session,
        session.post(f"{slack.base_url}/square/replies", data=body, headers=signed) as r,
    ):
        assert r.status == 200


async def test_hostile_text_is_shown_as_text_everywhere(page: Page, slack: Sandbox, app: LittleApp) -> None:
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    blocks: list[Json] = [
        {"type": "header", "text": plain(HOSTILE[:150])},
        {"type": "section", "text": mrkdwn(escaped)},
        {"type": "markdown", "text": HOSTILE},
    ]
    slack.square.post({"id": "c1", "name": HOSTILE[:60], "handle": HOSTILE[:60]}, HOSTILE)
    await app.client.chat_postMessage(channel=WEBCARE, text=escaped, blocks=blocks)
    await look(page, slack)
    message = page.locator("[data-test=message]")
    for shown in (message.locator(".block-header"), message.locator(".block-section"), page.locator(".post-text")):
        await expect(shown).to_contain_text("<script>hacked=1</script> <!channel>")
    assert await page.locator("img[src='x'], body script, a[href^='javascript']").count() == 0
    assert await message.locator(".mention").count() == 0
    assert await page.evaluate("typeof hacked") == "undefined"


async def test_another_person_sees_their_own_view_of_the_workspace(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await app.client.chat_postEphemeral(channel=WEBCARE, user=YOUSSEF, text="Alleen voor Youssef")
    await look(page, slack)
    assert await page.get_by_text("Alleen voor Youssef").count() == 0
    await page.locator(f"[data-person={YOUSSEF}]").click()
    await expect(page.locator(".ephemeral")).to_contain_text("Alleen zichtbaar voor jou")
    await expect(page.locator(f"[data-person={YOUSSEF}]")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith(f"?person={YOUSSEF}")


async def test_a_status_is_set_in_one_click_and_seen_by_others(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await look(page, slack)
    await page.locator("[data-test=status]").click()
    await expect(page.locator("[data-test=status]")).to_contain_text("Op vakantie")
    await look(page, slack, YOUSSEF)
    await expect(page.locator(f"[data-person={SANNE}]")).to_contain_text("🌴")


async def test_a_modal_keeps_typed_text_when_the_app_updates_it(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await open_modal(page, slack, app)
    field = page.get_by_label("Je antwoord")
    await expect(field).to_be_focused()
    await page.get_by_label("Hoe").select_option("private")
    await field.focus()
    await page.keyboard.type("Dag Fatima")
    await expect(page.locator("[data-block=preview]")).to_have_text("Voorbeeld: Dag Fatima")
    await expect(field).to_be_focused()
    await page.keyboard.type(", tot morgen")
    await expect(page.locator("[data-block=preview]")).to_have_text("Voorbeeld: Dag Fatima, tot morgen")
    await expect(field).to_have_value("Dag Fatima, tot morgen")
    await expect(page.get_by_label("Hoe")).to_have_value("private")
    await expect(page.locator(".counter")).to_have_text("22 / 60 tekens")


async def test_an_error_is_shown_at_its_field_which_gets_the_focus(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await open_modal(page, slack, app)
    field, submit = page.get_by_label("Je antwoord"), page.locator("[data-test=modal-submit]")
    await submit.click()
    await expect(field).to_be_focused()
    await expect(field).to_have_accessible_description("Vul dit veld in. 0 / 60 tekens")
    assert not any(sent.get("type") == "view_submission" for sent in app.received)
    await field.fill("Nee.")
    await expect(field).not_to_have_attribute("aria-invalid", "true")
    await submit.click()
    await expect(page.locator(".field.invalid .error")).to_have_text("Schrijf wat vriendelijker.")
    await expect(field).to_be_focused()
    assert [sent["type"] for sent in app.received].count("view_submission") == 1


async def test_escape_closes_a_modal_and_restores_the_focus(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await open_modal(page, slack, app)
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-test=modal]")).to_be_hidden()
    await expect(page.locator("[data-action-id='case:answer']")).to_be_focused()
    await slack.wait_for(lambda: not slack.views(SANNE))


async def test_a_modal_that_was_there_at_a_reload_leaves_the_focus_on_the_conversation(
    page: Page, slack: Sandbox, app: LittleApp
) -> None:
    await open_modal(page, slack, app)
    await page.reload()
    await expect(page.get_by_label("Je antwoord")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-test=modal]")).to_be_hidden()
    await expect(page.locator("#main")).to_be_focused()


async def test_the_first_field_of_a_loaded_modal_gets_the_focus(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    loading = {"id": "V1", "type": "modal", "title": plain("Antwoord"), "state": {"values": {}}}
    text = {"type": "section", "block_id": "wait", "text": plain("Even laden …")}
    field = {"type": "plain_text_input", "action_id": "text"}
    asked = {"type": "input", "block_id": "text", "label": plain("Je antwoord"), "element": field}
    slack.workspace.set_stack(SANNE, [loading | {"blocks": [text]}])
    await expect(page.get_by_role("heading", name="Antwoord")).to_be_focused()
    slack.workspace.set_stack(SANNE, [loading | {"blocks": [asked]}])
    await expect(page.get_by_label("Je antwoord")).to_be_focused()


async def test_a_text_too_long_for_any_field_is_told_in_the_language_of_the_page(page: Page, slack: Sandbox) -> None:
    slack.workspace.language = "en"
    await look(page, slack)
    field = {"type": "plain_text_input", "action_id": "text", "multiline": True}
    asked = {"type": "input", "block_id": "text", "label": plain("Your answer"), "element": field}
    shell = {"id": "V1", "type": "modal", "title": plain("Answer"), "submit": plain("Send"), "notify_on_close": False}
    slack.workspace.set_stack(SANNE, [shell | {"state": {"values": {}}, "blocks": [asked]}])
    await page.get_by_label("Your answer").fill("é" * 3012)
    await page.get_by_role("button", name="Send", exact=True).last.click()
    await expect(page.locator(".field .error")).to_have_text("This is 12 characters too long (at most 3000).")


async def test_a_modal_that_shows_something_else_has_the_focus_in_it(page: Page, slack: Sandbox) -> None:
    """It was on nothing after a form that begins with boxes opened, and after a form was saved by keyboard."""
    await look(page, slack)
    shell = {"id": "V1", "type": "modal", "title": plain("Instellingen"), "state": {"values": {}}}
    menu = {"type": "actions", "block_id": "menu", "elements": [button("Rollen", "settings:group")]}
    options = [{"text": plain(each), "value": each} for each in ("Sanne", "Youssef")]
    boxes = {"type": "checkboxes", "action_id": "who", "options": options}
    asked = {"type": "input", "block_id": "who", "label": plain("Wie"), "element": boxes}
    saved = {"type": "section", "block_id": "saved", "text": plain("Opgeslagen.")}
    slack.workspace.set_stack(SANNE, [shell | {"blocks": [menu]}])
    await page.get_by_role("button", name="Rollen").focus()
    slack.workspace.set_stack(SANNE, [shell | {"blocks": [asked], "submit": plain("Opslaan")}])
    await expect(page.get_by_role("checkbox", name="Sanne")).to_be_focused()
    await page.get_by_role("button", name="Opslaan").focus()
    slack.workspace.set_stack(SANNE, [shell | {"blocks": [saved]}])
    await expect(page.get_by_role("heading", name="Instellingen")).to_be_focused()
    slack.workspace.set_stack(SANNE, [shell | {"blocks": [menu]}])
    await page.get_by_role("button", name="Rollen").focus()
    slack.workspace.set_stack(SANNE, [shell | {"blocks": [saved]}])
    await expect(page.get_by_role("heading", name="Instellingen")).to_be_focused()


async def test_unread_messages_and_unseen_answers_are_counted(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await look(page, slack)
    await app.client.chat_postMessage(channel="C0ESCALATIE", text="Kijk even mee")
    channel = page.locator("[data-row=C0ESCALATIE]")
    await expect(channel).to_contain_text("1 ongelezen")
    await channel.click()
    await expect(channel).not_to_contain_text("ongelezen")
    asked = slack.square.post({"id": "c1", "name": "Jan", "handle": "jan"}, "Hallo")
    toggle = page.locator("[data-test=square-toggle]")
    await toggle.click()
    await expect(page.locator("#square")).to_be_hidden()
    await answer_as_team(slack, asked["id"], "Dag Jan")
    await expect(toggle).to_contain_text("1 nieuw antwoord")
    await toggle.click()
    await expect(page.locator("[data-test=team-post]")).to_be_visible()
    await expect(toggle.locator("[data-test=square-unread]")).to_be_hidden()


async def test_a_case_is_claimed_with_the_keyboard_alone(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await post_card(app)
    await look(page, slack)
    await expect(page.locator("[data-action-id='case:claim']")).to_be_visible()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.actionId") == "case:claim":
            break
    await expect(page.locator("[data-action-id='case:claim']")).to_be_focused()
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-block=fields]")).to_contain_text("@Sanne de Boer")
    await expect(page.locator("[data-action-id='case:answer']")).to_be_focused()


async def test_a_press_reaches_its_button_though_the_card_changes_before_the_release(
    page: Page, slack: Sandbox, app: LittleApp
) -> None:
    posted = await app.client.chat_postMessage(channel=WEBCARE, text=QUESTION, blocks=card(QUESTION))
    async with page.expect_websocket() as opened:
        await look(page, slack)
    frames = await opened.value
    await page.locator("[data-action-id='case:close']").focus()  # which it loses at the press
    await page.locator("[data-action-id='case:claim']").hover()
    await page.mouse.down()
    pushed = {"type": "section", "block_id": "pushed", "text": mrkdwn("\n".join(["Dit duwt de knop weg."] * 5))}
    async with frames.expect_event("framereceived", lambda frame: "Dit duwt" in frame):
        await app.client.chat_update(
            channel=WEBCARE, ts=posted["ts"], text="Gewijzigd", blocks=[*card(QUESTION), pushed]
        )
    await expect(page.locator("[data-block=pushed]")).to_have_count(0)
    await page.mouse.up()
    await expect(page.locator("[data-block=fields]")).to_contain_text("@Sanne de Boer")


async def test_a_declined_confirmation_sends_the_app_nothing(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await post_card(app)
    await look(page, slack)
    close, dialog = page.locator("[data-action-id='case:close']"), page.locator("[data-test=confirm]")
    await close.click()
    await dialog.get_by_role("button", name="Nee").click()
    await expect(dialog).to_have_count(0)
    assert app.received == []
    await close.click()
    await dialog.get_by_role("button", name="Sluiten").click()
    await expect(dialog).to_have_count(0)
    await eventually(app.has_received)
    await expect(close).not_to_have_attribute("aria-busy", "true")
    await page.locator("[data-action-id='case:claim']").click()
    await expect(page.locator("[data-block=fields]")).to_contain_text("@Sanne de Boer")
    assert [sent["actions"][0]["action_id"] for sent in app.received] == ["case:close", "case:claim"]


async def test_a_command_is_suggested_and_sent(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await look(page, slack)
    composer = page.locator("[data-test=composer]")
    await composer.press_sequentially("/we")
    await expect(page.locator("#main .hints [role=option]")).to_have_count(2)
    await composer.press("ArrowDown")
    await composer.press("Enter")
    await composer.press_sequentially("zoek container")
    await expect(page.locator("#main .hints")).to_contain_text("zoek | rapport")
    await composer.press("Enter")
    await expect(page.locator(".ephemeral")).to_contain_text("Gezocht naar: zoek container")
    await expect(composer).to_have_value("")


async def test_what_a_person_writes_is_escaped_as_slack_does(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    await page.locator("[data-test=composer]").fill("1 < 2 & <!channel> @youssef")
    await page.locator("[data-test=composer-send]").click()
    await expect(page.locator("[data-test=message]")).to_contain_text("1 < 2 & <!channel> @Youssef Amrani")
    assert slack.messages(WEBCARE)[-1]["text"] == f"1 &lt; 2 &amp; &lt;!channel&gt; <@{YOUSSEF}>"


async def test_a_thread_is_opened_answered_and_counted(page: Page, slack: Sandbox, app: LittleApp) -> None:
    await post_card(app)
    await look(page, slack)
    await page.locator("[data-test=message]").hover()
    await page.locator("[data-test=reply-in-thread]").click()
    await expect(page.locator("[data-test=thread-composer]")).to_be_focused()
    await page.keyboard.type("Ik bel de wijkbeheerder")
    await page.keyboard.press("Enter")
    await expect(page.locator("#thread [data-test=message]")).to_have_count(2)
    await expect(page.locator("[data-test=open-thread]")).to_contain_text("1 reactie")
    await page.keyboard.press("Escape")
    await expect(page.locator("#square")).to_be_visible()


async def test_a_reply_that_is_sent_to_the_channel_too_leads_to_its_thread(
    page: Page, slack: Sandbox, app: LittleApp
) -> None:
    await post_card(app)
    [root] = slack.messages(WEBCARE)
    reply = {"channel": WEBCARE, "thread_ts": root["ts"], "text": "Fatima schreef opnieuw", "reply_broadcast": True}
    await app.client.chat_postMessage(**reply)
    await look(page, slack)
    shown = page.locator("[data-test=message]", has_text="Fatima schreef opnieuw")
    await expect(shown).to_contain_text("Reactie in een thread: ")
    await shown.locator("[data-test=open-root]").click()
    thread = page.locator("#thread [data-test=message]")
    await expect(thread).to_have_count(2)
    await expect(thread.last).to_contain_text("Ook in het kanaal gezet")
    await page.keyboard.press("Escape")
    await expect(shown.locator("[data-test=open-root]")).to_be_focused()


async def test_the_citizen_sees_the_answer_of_the_team(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    await page.locator("[data-test=citizen]").select_option("Aylin Yılmaz")
    await page.locator("[data-test=square-text]").fill("Mag ik mijn hond loslaten in het park?")
    await page.locator("[data-test=square-private]").check()
    await page.locator("[data-test=square-post]").click()
    citizen = page.locator("[data-test=citizen-post]")
    await expect(citizen).to_contain_text("privé")
    await expect(citizen).to_contain_text("onderweg")
    await answer_as_team(slack, slack.square.posts[-1]["id"], "Alleen op het veld bij de vijver.")
    answer = page.locator("[data-test=team-post]")
    await expect(answer).to_contain_text("Alleen op het veld bij de vijver.")
    await expect(answer).to_contain_text("Nieuw")
    await expect(page.locator("#announcer")).to_contain_text("Alleen op het veld bij de vijver.")


async def test_a_hint_leads_a_newcomer_in_three_steps_and_stays_closed(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    hint = page.locator("[data-test=hint]")
    for words in ("Stap 1 van 3", "Stap 2 van 3", "Alt+↓ en Alt+↑"):
        await expect(hint).to_contain_text(words)
        await page.locator("[data-test=hint-next]").click()
    await expect(hint).to_have_count(0)
    await expect(page.locator("#main")).to_be_focused()
    await page.reload()
    await expect(page.locator("[data-test=channel]").first).to_be_visible()
    await expect(hint).to_have_count(0)


async def test_a_hint_is_closed_at_its_first_step(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    await page.get_by_role("button", name="Uitleg sluiten").click()
    await expect(page.locator("[data-test=hint]")).to_have_count(0)


async def test_the_page_speaks_english_when_the_bot_does(page: Page, slack: Sandbox, app: LittleApp) -> None:
    slack.workspace.language = "en"
    slack.square.post({"id": "c1", "name": "Jan", "handle": "jan"}, "Verwijderen")
    await app.client.chat_postMessage(channel=WEBCARE, text="Hello")
    await look(page, slack)
    await expect(page.get_by_role("heading", name="You work as")).to_be_visible()
    await expect(page.locator("[data-test=hint]")).to_contain_text("Step 1 of 3")
    await expect(page.locator("[data-test=composer]")).to_have_attribute(
        "placeholder", re.compile("Message in #webcare")
    )
    await expect(page.locator(".day")).to_have_text("Today")
    await expect(page.locator("[data-test=citizen-post]")).to_contain_text("Verwijderen")  # what a citizen wrote stays
    dutch = {dutch for dutch, english in ENGLISH.items() if dutch != english} - {"Verwijderen"}
    shown = await page.evaluate(SHOWN)
    assert not dutch & {words.strip() for words in shown}


async def test_a_citizen_with_almost_the_same_name_is_the_one_who_is_known(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    picker = page.locator("[data-test=citizen]").first
    await expect(picker.locator("option")).to_contain_text(["Aylin Yılmaz", "Fatima El Amrani", "Iemand anders …"])
    for typed in ("aylin  yilmaz", "FATIMA EL AMRANI", "Wilma"):
        await picker.select_option("Iemand anders …")
        await page.locator("[data-test=citizen-name]").first.fill(typed)
        await page.locator("[data-test=square-text]").fill(f"Hallo van {typed}")
        await page.locator("[data-test=square-post]").click()
        await expect(page.locator("[data-test=citizen-post]").filter(has_text=typed)).to_be_visible()
    written = [(post["author"]["name"], post["author"]["id"]) for post in slack.square.posts]
    known = {each["name"]: each["id"] for each in example_posts.citizens()}
    assert written[:2] == [(name, known[name]) for name in ("Aylin Yılmaz", "Fatima El Amrani")]
    assert written[2][0] == "Wilma"


async def test_a_picture_is_shown_with_what_can_be_seen_on_it(page: Page, slack: Sandbox) -> None:
    picture = {"file": "boom.svg", "alt": "Een omgevallen boom op het fietspad."}
    slack.square.post({"id": "c1", "name": "Jan", "handle": "jan"}, "Kijk", picture=picture)
    await look(page, slack)
    shown = page.get_by_role("img", name=picture["alt"])
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("complete", True)
    assert await shown.evaluate("node => node.naturalWidth") > 0


async def test_a_citizen_replies_edits_and_deletes(page: Page, slack: Sandbox) -> None:
    slack.square.post({"id": "c1", "name": "Jan", "handle": "jan"}, "Hallo")
    await look(page, slack)
    await page.locator("[data-test=post-edit]").click()
    await page.locator("[data-test=edit-text]").fill("Hallo daar")
    await page.locator("[data-test=edit-send]").click()
    await expect(page.locator("[data-test=citizen-post]")).to_contain_text("bewerkt")
    await page.locator("[data-test=post-reply]").click()
    await page.locator("[data-test=reply-text]").fill("Iemand?")
    await page.locator("[data-test=reply-send]").click()
    await expect(page.locator("[data-test=citizen-post]")).to_have_count(2)
    await page.locator("[data-test=post-delete]").last.click()
    await page.locator("[data-test=confirm]").get_by_role("button", name="Verwijderen").click()
    await expect(page.get_by_text("Dit bericht is verwijderd.")).to_be_visible()
    assert [post["deleted"] for post in slack.square.posts] == [False, True]


async def test_words_that_are_too_long_for_the_square_stay_where_they_are_with_the_limit(
    page: Page, slack: Sandbox
) -> None:
    await look(page, slack)
    text = page.locator("[data-test=square-text]")
    await text.fill("é" * 5012)
    await page.locator("[data-test=square-post]").click()
    await expect(page.locator("[data-test=toast]")).to_contain_text(
        "Een bericht telt hooguit 5.000 tekens. Haal er 12 weg."
    )
    await expect(text).to_have_value("é" * 5012)
    await text.fill("é" * 5000)
    await page.locator("[data-test=square-post]").click()
    await expect(page.locator("[data-test=citizen-post]")).to_have_count(1)
    await page.locator("[data-test=post-edit]").click()
    await page.locator("[data-test=edit-text]").fill("é" * 5001)
    await page.locator("[data-test=edit-send]").click()
    await expect(page.locator("[data-test=toast]").last).to_contain_text("Haal er 1 weg.")
    await expect(page.locator("[data-test=edit-text]")).to_have_value("é" * 5001)


async def test_a_lost_connection_is_shown_and_restored(browser: Browser, slack: Sandbox) -> None:
    page = await browser.new_page()
    await look(page, slack)
    port = int(slack.base_url.rpartition(":")[2])
    await slack.stop()
    await expect(page.locator("[data-test=offline]")).to_be_visible()
    await slack.start(port=port)
    await expect(page.locator("[data-test=offline]")).to_be_hidden()
    await page.close()


async def test_mrkdwn_looks_as_in_slack(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    read = await page.evaluate(READ_MRKDWN, [[source, marked] for source, _, marked in MRKDWN])
    expected = [[text, [], any(each not in {"time", ".sign"} for each in marked)] for _, text, marked in MRKDWN]
    assert read == expected


async def test_every_block_is_drawn_and_an_unknown_one_gets_a_notice(page: Page, slack: Sandbox) -> None:
    series = [
        {"name": name, "data": [{"label": "ma", "value": 3}, {"label": "di", "value": 8}]} for name in ("in", "uit")
    ]
    axes = {"categories": ["ma", "di"], "x_label": "Dag"}
    cells: list[list[Json]] = [[{"type": "raw_text", "text": "Agent"}, {"type": "raw_text", "text": "Zaken"}]]
    cells += [
        [{"type": "raw_text", "text": name}, {"type": "raw_number", "value": n, "text": str(n)}]
        for name, n in (("B", 2), ("A", 9))
    ]
    sections = [{"type": "rich_text_section", "elements": [{"type": "text", "text": "vet", "style": {"bold": True}}]}]
    charts: list[Json] = [{"type": kind, "series": series, "axis_config": axes} for kind in ("bar", "line", "area")]
    charts.append({"type": "pie", "segments": [{"label": "Plein", "value": 3}, {"label": "Mail", "value": 1}]})
    options = [{"text": plain("Een"), "value": "1"}, {"text": plain("Twee"), "value": "2"}]
    blocks = [
        *({"type": "data_visualization", "block_id": c["type"], "title": c["type"], "chart": c} for c in charts),
        {"type": "data_table", "block_id": "data", "caption": "Agenten", "rows": cells},
        {"type": "table", "block_id": "table", "rows": cells},
        {"type": "rich_text", "block_id": "rich", "elements": sections},
        {"type": "markdown", "block_id": "md", "text": "## Kop\n**vet**"},
        {"type": "image", "block_id": "image", "image_url": "https://example.org/x.png", "alt_text": "Kaart"},
        {
            "type": "section",
            "block_id": "choice",
            "text": mrkdwn("Kies"),
            "accessory": {"type": "overflow", "action_id": "more", "options": options},
        },
        {"type": "video", "block_id": "video"},
    ]
    slack.workspace.add_message(WEBCARE, {"user": slack.app.user_id, "text": "alles", "blocks": blocks})
    await look(page, slack)
    await expect(page.locator("[data-block]")).to_have_count(len(blocks))
    await expect(page.locator("[data-test=unknown-block]")).to_have_text(
        "Dit onderdeel (video) wordt hier niet getoond."
    )
    await expect(page.locator("svg.chart[role=img]")).to_have_count(4)
    await page.locator("[data-block=pie] summary").click()
    await expect(page.locator("[data-block=pie] tbody tr").first).to_have_text("Plein3")
    await page.locator("[data-block=data]").get_by_role("button", name="Agent").click()
    await expect(page.locator("[data-block=data] tbody tr").first).to_have_text("A9")
    await page.locator("[data-block=choice] [data-action-id=more]").first.click()
    await expect(page.get_by_role("menuitem", name="Een")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="Twee")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_all_text_has_enough_contrast(
    page: Page, slack: Sandbox, app: LittleApp, artifacts: Path, theme: Any
) -> None:
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    asked = slack.square.post({"id": "c1", "name": "Fatima", "handle": "fatima"}, QUESTION, private=True)
    await app.client.chat_postMessage(
        channel=WEBCARE, text="<!here> zie <#C0WEBCARE>, <https://example.nl|hier> `code`"
    )
    await app.client.chat_postEphemeral(channel=WEBCARE, user=SANNE, text=f"Al opgepakt door <@{YOUSSEF}>")
    await open_modal(page, slack, app)
    await page.locator("[data-test=modal-submit]").click()
    await page.screenshot(path=artifacts / f"modal-{theme}.png")
    assert await page.evaluate(CONTRAST) == []
    await page.keyboard.press("Escape")
    await answer_as_team(slack, asked["id"], "Morgen komt de wagen.")
    await expect(page.locator("[data-test=team-post]")).to_be_visible()
    await page.screenshot(path=artifacts / f"page-{theme}.png")
    assert await page.evaluate(CONTRAST) == []


async def test_the_reader_chooses_the_other_theme(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    await page.locator("[data-test=theme]").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_a_screen_of_320_pixels_shows_one_column_at_a_time(
    page: Page, slack: Sandbox, app: LittleApp, artifacts: Path
) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await post_card(app, claimed_by=f"<@{SANNE}>")
    slack.square.post({"id": "c1", "name": "Fatima", "handle": "fatima"}, "x" * 200)
    await page.goto(f"{slack.base_url}/?person={SANNE}")
    await expect(page.locator("[data-test=message]")).to_be_visible()
    for pane, seen in (("main", "#main"), ("side", "#square"), ("rail", "#rail")):
        await page.locator(f"[data-test=pane-{pane}]").click()
        await expect(page.locator(seen)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
        assert await page.evaluate(f"document.querySelector('{seen}').scrollWidth") == 320
        await page.screenshot(path=artifacts / f"narrow-{pane}.png")


async def test_app_home_is_drawn_and_its_buttons_work(page: Page, slack: Sandbox, app: LittleApp) -> None:
    view = {"type": "home", "blocks": [{"type": "actions", "elements": [button("Mijn zaken", "home:mine")]}]}
    await app.client.views_publish(user_id=SANNE, view=view)
    await look(page, slack)
    await page.locator("[data-test=home]").click()
    await page.locator("[data-action-id='home:mine']").click()
    [sent] = await eventually(app.has_received)
    assert sent["view"]["type"] == "home"
    await expect(page.locator("[data-action-id='home:mine']")).not_to_have_attribute("aria-busy", "true")


async def test_home_opens_at_its_top(page: Page, slack: Sandbox, app: LittleApp) -> None:
    long = [{"type": "section", "text": plain(f"Regel {n}")} for n in range(60)]
    await app.client.views_publish(user_id=SANNE, view={"type": "home", "blocks": long})
    for n in range(30):
        await app.client.chat_postMessage(channel=WEBCARE, text=f"Bericht {n}")
    await look(page, slack)
    await expect(page.get_by_text("Bericht 29")).to_be_in_viewport()
    await page.locator("[data-test=home]").click()
    await expect(page.get_by_text("Regel 0")).to_be_in_viewport()


async def test_a_typed_address_is_a_link_as_in_slack(page: Page, slack: Sandbox) -> None:
    await look(page, slack)
    await page.locator("[data-test=composer]").fill("Zie https://mastodon.example/@sanne/1?a=1&b=2, @sanne.")
    await page.locator("[data-test=composer-send]").click()
    link = page.locator("[data-test=message] a[href='https://mastodon.example/@sanne/1?a=1&b=2']")
    await expect(link).to_be_visible()
    sent = "Zie <https://mastodon.example/@sanne/1?a=1&amp;b=2>, <@U0SANNE>."
    assert slack.messages(WEBCARE)[-1]["text"] == sent


async def test_the_times_go_on_while_one_looks(page: Page, slack: Sandbox) -> None:
    await page.clock.install()
    slack.square.post({"id": "c1", "name": "Jan", "handle": "jan"}, "Hallo")
    await look(page, slack)
    time = page.locator("[data-test=citizen-post] time")
    await expect(time).to_have_text("zojuist")
    await page.clock.fast_forward(65_000)
    await expect(time).to_have_text("1 min")
    await page.clock.fast_forward(60_000)
    await expect(time).to_have_text("2 min")


async def test_who_wrote_before_can_write_again_and_goes_on_in_their_own_thread(page: Page, slack: Sandbox) -> None:
    slack.square.post({"id": "c1", "name": "Fatima El Amrani", "handle": "fatima"}, "Hallo")
    await look(page, slack)
    offered = await page.locator("[data-test=citizen] option").all_inner_texts()
    assert "Fatima El Amrani" in offered
    firsts = [name.split()[0] for name in offered if name != "Iemand anders …"]
    assert sorted(set(firsts)) == sorted(firsts)
    await page.locator("[data-test=citizen]").select_option("Sjoerd Hoekstra")
    await page.locator("[data-test=post-reply]").click()
    await page.locator("[data-test=reply-text]").fill("En nog iets.")
    await page.locator("[data-test=reply-send]").click()
    await expect(page.locator("[data-test=citizen-post]")).to_have_count(2)
    assert [post["author"]["id"] for post in slack.square.posts] == ["c1", "c1"]
    await page.locator("[data-test=citizen]").select_option("Iemand anders …")
    await page.locator("[data-test=citizen-name]").fill("Fatima El Amrani")
    await page.locator("[data-test=square-text]").fill("Weer ik.")
    await page.locator("[data-test=square-post]").click()
    await expect(page.locator("[data-test=citizen-post]")).to_have_count(3)
    assert slack.square.posts[-1]["author"]["id"] == "c1"


@pytest.mark.parametrize(
    ("filter_", "offered"),
    [
        ({"include": ["private"]}, ["#bestuur", "#met-anderen"]),
        ({"include": ["public"]}, ["#algemeen", "#beheer", "#webcare", "#webcare-escalatie"]),
        ({"include": ["private"], "exclude_external_shared_channels": True}, ["#bestuur"]),
        (
            {"include": ["im"], "exclude_bot_users": True},
            ["Marieke Visser", "Sanne de Boer", "Tom Verbeek", "Youssef Amrani"],
        ),
    ],
)
async def test_a_menu_of_conversations_obeys_its_filter(
    page: Page, slack: Sandbox, filter_: Json, offered: list[str]
) -> None:
    for name, shared in (("bestuur", False), ("met-anderen", True)):
        slack.workspace.add_channel(Channel(f"G0{name}", name, {SANNE}, private=True, shared=shared))
    menu = {"type": "conversations_select", "action_id": "where", "filter": filter_}
    blocks = [{"type": "section", "text": plain("Kies"), "accessory": menu}]
    slack.workspace.add_message(WEBCARE, {"user": slack.app.user_id, "text": "Kies", "blocks": blocks})
    await look(page, slack)
    shown = page.locator("[data-action-id=where] option")
    await expect(shown).to_have_count(len(offered) + 1)
    assert sorted((await shown.all_inner_texts())[1:]) == offered


async def test_the_list_of_a_searched_menu_stays_closed_after_a_choice_by_keyboard(page: Page, slack: Sandbox) -> None:
    options = [{"text": plain(name), "value": name} for name in ("Doorgegeven", "Meer weten")]
    menu = {"type": "external_select", "action_id": "snippet", "min_query_length": 0}
    ask = {"type": "section", "block_id": "snippet", "text": plain("Tekst"), "accessory": menu}
    view = {"id": "V1", "type": "modal", "title": plain("Antwoord"), "blocks": [ask], "state": {"values": {}}}
    await look(page, slack)
    await page.evaluate(
        """(options) => {
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (text) {
                const { type, key, typed } = JSON.parse(text);
                if (type !== "suggest") return send.call(this, text);
                const data = JSON.stringify({ type: "suggestions", key, typed, options });
                this.dispatchEvent(new MessageEvent("message", { data }));
            };
        }""",
        options,
    )
    slack.workspace.set_stack(SANNE, [view])
    field, listed = page.locator("[data-action-id=snippet]"), page.locator("[role=listbox].suggestions")
    await field.focus()
    await page.keyboard.press("ArrowDown")
    await expect(listed).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("Doorgegeven")
    again = ask | {"text": plain("Nog een tekst")}
    slack.workspace.set_stack(SANNE, [view | {"blocks": [again]}])
    await expect(page.get_by_text("Nog een tekst")).to_be_visible()
    await expect(field).to_be_focused()
    await expect(listed).to_be_hidden()


async def test_a_file_is_downloaded_also_where_the_page_has_another_name_of_this_machine(
    page: Page, slack: Sandbox, app: LittleApp
) -> None:
    await app.client.files_upload_v2(channel=WEBCARE, filename="cijfers.csv", content="a;b", title="Cijfers")
    await page.goto(f"{slack.base_url.replace('127.0.0.1', 'localhost')}/?person={SANNE}")
    async with page.expect_download() as downloading:
        await page.locator("a.file").click()
    assert (await (await downloading.value).path()).read_text() == "a;b"
