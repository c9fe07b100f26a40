"""Slack waits 3 seconds for an acknowledgement: a click has it before anything is read."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from sqlalchemy import text

import handlers
from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason, Status
from bot.domain.mention import Act, Author, Media, Post, Quote, permits
from bot.models import Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.workspace import UserGroup
from bot.slack import messages
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, Databases, eventually, patient_app, running_bot
from tests.people import open_group, open_modal, settings, settings_of


class Registered:
    """Takes down which listeners answer by themselves; stands where the Bolt app stands."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self.acknowledging: list[tuple[str, str]] = []

    def __getattr__(self, kind: str) -> Any:
        def of(name: str) -> Any:
            def take(listener: Any) -> None:
                self.all.append((kind, name))
                if "ack" in inspect.getclosurevars(listener).nonlocals["wanted"]:
                    self.acknowledging.append((kind, name))

            return take

        return of


@pytest.fixture
async def impatient_bot(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot, with no patience at all for the work behind a submission."""
    async with running_bot(await databases.postgresql(postgres_uri), slack, ack_within=0) as bot:
        yield bot


async def test_a_click_is_acknowledged_while_the_database_answers_nobody(postgres_bot: Bot) -> None:
    bot = postgres_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    bot.slack.listeners_end = None  # the listener cannot end while the tables are locked
    async with bot.engine.connect() as other:
        await other.execute(text("LOCK TABLE agents, cases, teams IN ACCESS EXCLUSIVE MODE"))
        assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")).ok

    async def claimed() -> bool:
        return (await bot.case()).status is Status.CLAIMED

    await eventually(claimed)


def test_only_what_is_answered_with_what_was_read_acknowledges_by_itself() -> None:
    registered = Registered()
    handlers.register(registered, None)  # type: ignore[arg-type]
    assert {kind for kind, name in registered.acknowledging} <= {"view", "options"}
    assert registered.acknowledging


# --- Slack itself hangs --------------------------------------------------------------------------


def registered() -> list[tuple[str, str]]:
    found = Registered()
    handlers.register(found, None)  # type: ignore[arg-type]
    return found.all


def request(kind: str, name: str) -> dict[str, Any]:
    """What Slack sends for a listener, with no more in it than what every such request has."""
    common = {"user": {"id": SANNE}, "team": {"id": "T0VOORBEELD"}, "trigger_id": "1.2.3", "api_app_id": "A0"}
    where = {"channel": {"id": CHANNEL}, "message": {"ts": "1.1", "text": "x"}}
    view: dict[str, Any] = {"id": "V1", "type": "modal", "callback_id": name, "private_metadata": "1"}
    view |= {"state": {"values": {}}, "blocks": []}
    match kind:
        case "action":
            clicked = {"type": "button", "action_id": name, "block_id": "b", "value": "1"}
            return {"type": "block_actions", "actions": [clicked], **where, **common}
        case "options":
            return {"type": "block_suggestion", "action_id": name, "block_id": "b", "value": "", "view": view, **common}
        case "view" | "view_closed":
            return {"type": "view_submission" if kind == "view" else kind, "view": view, **common}
        case "message_shortcut":
            return {"type": "message_action", "callback_id": name, **where, **common}
        case "command":
            return {"command": name, "text": "open", "user_id": SANNE, "channel_id": CHANNEL, "team_id": "T0"} | {
                "response_url": "http://127.0.0.1:1/", "trigger_id": "1.2.3"
            }  # fmt: skip
        case "event":
            event = {"type": name, "channel": CHANNEL, "user": SANNE, "tab": "home", "ts": "1.2"}
            return {"type": "event_callback", "event": event, "team_id": "T0VOORBEELD"}
    raise AssertionError(f"{kind}: how does Slack send that?")


@pytest.mark.logs("a handler failed")
async def test_every_listener_acknowledges_while_slack_answers_no_call(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        slack.faults.delay("*", 3600, times=10_000)
        app = patient_app(bot.desk, ack_within=0)  # one that has called nobody yet
        for kind, name in registered():
            body = request(kind, name)
            async with asyncio.timeout(60):
                answer = await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
            assert answer.status == 200, (kind, name)
        assert len(registered()) > 50
        for task in asyncio.all_tasks():
            if "run_ack_function" in getattr(task.get_coro(), "__qualname__", ""):
                task.cancel()


async def test_an_assignment_is_made_and_acknowledged_however_long_slack_takes(sqlite_url: str, slack: Sandbox) -> None:
    slack.workspace.channels[CHANNEL].members -= {YOUSSEF}  # so Slack is asked who he is
    async with running_bot(sqlite_url, slack, ack_within=0) as bot:
        bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
        card = await bot.card("paspoort")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "assign:1")
        await open_modal(bot, SANNE, "case:assign")
        bot.slack.listeners_end = None
        asked = bot.slack.faults.hold("users.info", times=10_000)  # also the ones that nobody waits for
        slack.workspace.channels[CHANNEL].members |= {YOUSSEF}
        assert (await bot.slack.submit(SANNE, {"assign_to": YOUSSEF})).ok
        assert (await bot.case()).status is Status.NEW
        asked.set()
        await bot.card("paspoort", "In behandeling", YOUSSEF)
        await view_with(bot, "Gelukt")


async def test_what_took_long_is_said_to_be_done_in_the_language_of_the_team(database_url: str, slack: Sandbox) -> None:
    slack.workspace.channels[CHANNEL].members -= {YOUSSEF}  # so Slack is asked who he is
    async with running_bot(database_url, slack, ack_within=0) as bot:
        await settings(bot, language="en")
        bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
        card = await bot.card("paspoort", "New")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "assign:1")
        await open_modal(bot, SANNE, "case:assign")
        bot.slack.listeners_end = None
        asked = bot.slack.faults.hold("users.info", times=10_000)
        slack.workspace.channels[CHANNEL].members |= {YOUSSEF}
        assert (await bot.slack.submit(SANNE, {"assign_to": YOUSSEF})).ok
        asked.set()
        await bot.card("paspoort", "Claimed", YOUSSEF)
        await view_with(bot, "It has been done.", '"Close"')


async def test_a_question_to_a_group_is_acknowledged_and_asked_however_long_slack_takes(
    sqlite_url: str, slack: Sandbox
) -> None:
    slack.workspace.usergroups["S0WEG"] = UserGroup("S0WEG", "wegen", "Wegen", [YOUSSEF, MARIEKE])
    async with running_bot(sqlite_url, slack, ack_within=0) as bot:
        bot.citizen_posts("Wanneer wordt de weg hersteld?")
        card = await bot.card("weg")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
        await open_modal(bot, SANNE, "case:escalate")
        bot.slack.listeners_end = None
        asked = bot.slack.faults.hold("usergroups.users.list")
        question = {"escalate_group": "S0WEG", "escalate_question": "Weten jullie dit?"}
        assert (await bot.slack.submit(SANNE, question)).ok
        assert (await bot.case()).status is Status.NEW
        asked.set()
        await view_with(bot, "Gelukt")
        direct = bot.slack.direct
        await bot.slack.wait_for(lambda: all("Weten jullie dit?" in str(direct(each)) for each in (YOUSSEF, MARIEKE)))
        assert (await bot.case()).status is Status.ESCALATED


# --- A submission that takes longer than Slack waits --------------------------------------------


@asynccontextmanager
async def locked_tables(bot: Bot) -> AsyncIterator[None]:
    """Lock the agents, so that every listener waits."""
    async with bot.engine.connect() as other:
        await other.execute(text("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE"))
        yield


async def view_with(bot: Bot, *words: str) -> dict:
    def shown() -> dict | None:
        view = bot.slack.view(SANNE)
        return view if view and all(word in json.dumps(view, ensure_ascii=False) for word in words) else None

    return await bot.slack.wait_for(shown)


async def in_modal(bot: Bot, action: str, callback: str) -> None:
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], action)
    await open_modal(bot, SANNE, callback)
    bot.slack.listeners_end = None  # the listener cannot end while the tables are locked


async def test_an_answer_that_takes_long_is_acknowledged_and_the_modal_says_later_that_it_was_sent(
    impatient_bot: Bot,
) -> None:
    bot = impatient_bot
    await in_modal(bot, "case:answer", "case:answer")
    async with locked_tables(bot):
        sent = await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "SB"})
        assert sent.ok
        await view_with(bot, "Een ogenblik")
    await view_with(bot, "Gelukt")
    await bot.slack.wait_for(lambda: [post for post in bot.slack.square.posts if "Bij de balie. ^SB" in post["text"]])


async def test_what_is_wrong_with_a_slow_submission_is_said_above_what_was_typed(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await in_modal(bot, "case:answer", "case:answer")
    async with locked_tables(bot):
        sent = await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "12"})
        assert sent.ok
        await view_with(bot, "Een ogenblik")
    again = await view_with(bot, "Bij de balie.", "letters")
    assert again["callback_id"] == "case:answer"
    assert (await bot.slack.submit(SANNE, {"initials": "SB"})).ok
    await bot.slack.wait_for(lambda: [post for post in bot.slack.square.posts if "Bij de balie. ^SB" in post["text"]])


async def test_what_is_sent_again_after_a_slow_form_of_the_settings_was_wrong_is_set(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await open_group(bot, SANNE, "hours")
    assert (await bot.slack.submit(SANNE, {"day_0": "van 9 tot 5", "day_1": "10:00-12:00"})).ok
    await view_with(bot, "van 9 tot 5", "Schrijf tijden zo")
    assert (await bot.slack.submit(SANNE, {"day_0": "9-5"})).ok
    await view_with(bot, "9-5", "Schrijf tijden zo")
    assert (await bot.slack.submit(SANNE, {"day_0": "09:00-12:00"})).ok
    await view_with(bot, "Opgeslagen")
    week = (await settings_of(bot)).week
    assert week[:3] == [[("09:00", "12:00")], [("10:00", "12:00")], [("09:00", "17:00")]]


async def test_what_a_slow_form_does_not_understand_is_quoted_as_it_was_typed(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await open_group(bot, SANNE, "closed")
    assert (await bot.slack.submit(SANNE, {"closed_days": "<morgen>"})).ok
    await view_with(bot, "Niet begrepen: '&lt;morgen&gt;'")


async def test_what_was_taken_out_of_a_slow_form_that_was_wrong_stays_out(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await settings(bot, invitation="We stuurden u een bericht.", images=True)
    await open_group(bot, SANNE, "card")
    assert (await bot.slack.submit(SANNE, {"invitation": None, "images": [], "person_months": "veel"})).ok
    await view_with(bot, "veel", "een heel getal")
    assert (await bot.slack.submit(SANNE, {"person_months": "6"})).ok
    await view_with(bot, "Opgeslagen")
    now_set = await settings_of(bot)
    assert (now_set.invitation, now_set.images, now_set.person_months) == ("", False, 6)


async def test_a_channel_that_slack_opens_meanwhile_is_set_when_the_slow_form_is_sent_again(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await open_group(bot, SANNE, "team")
    bot.slack.faults.error("conversations.info", "is_archived", times=1_000)
    assert (await bot.slack.submit(SANNE, {"name": "Online", "channel": "C0ESCALATIE"})).ok
    await view_with(bot, "C0ESCALATIE", "laat de bot hier niet toe")
    bot.slack.faults.clear()
    assert (await bot.slack.submit(SANNE)).ok
    await view_with(bot, "Opgeslagen")
    [team] = await bot.rows(Team)
    assert (team.name, team.channel) == ("Online", "C0ESCALATIE")


@pytest.mark.parametrize("fault", ["not_found", "internal_error"])
async def test_one_who_closed_a_slow_modal_is_told_what_is_wrong_where_they_are(impatient_bot: Bot, fault: str) -> None:
    bot = impatient_bot
    await in_modal(bot, "case:answer", "case:answer")
    async with locked_tables(bot):
        assert (await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "12"})).ok
        await view_with(bot, "Een ogenblik")
        bot.slack.faults.error("views.update", fault)
    shown = bot.slack.ephemerals
    await bot.slack.wait_for(lambda: "letters" in str([*shown(SANNE, CHANNEL), *bot.slack.direct(SANNE)]))


async def test_a_slow_submission_that_is_refused_comes_back_with_the_reason(impatient_bot: Bot) -> None:
    bot = impatient_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, SANNE, "case:close")
    bot.slack.listeners_end = None
    async with locked_tables(bot):
        assert (await bot.slack.submit(SANNE, {"close_reason": "other"})).ok
        await view_with(bot, "Een ogenblik")
    again = await view_with(bot, "in een paar woorden")
    assert again["callback_id"] == "case:close"
    assert (await bot.slack.submit(SANNE, {"close_text": "Dubbel gemeld"})).ok
    await bot.card("paspoort", "Afgesloten", "Dubbel gemeld")


async def test_a_slow_window_without_fields_says_too_why_it_was_refused(impatient_bot: Bot) -> None:
    bot = impatient_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    await bot.card("paspoort", "In behandeling", YOUSSEF)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:take_over")
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=YOUSSEF, now=bot.desk.now(), reason=CloseReason.SPAM)
    bot.slack.listeners_end = None
    async with locked_tables(bot):
        assert (await bot.slack.submit(SANNE)).ok
        await view_with(bot, "Een ogenblik")
    await view_with(bot, YOUSSEF, "heeft deze zaak afgesloten")


async def test_a_modal_full_of_posts_has_room_for_what_is_wrong_with_a_slow_answer(
    database_url: str, slack: Sandbox
) -> None:
    async with running_bot(database_url, slack, ack_within=0) as bot:
        now, quote = bot.desk.now(), Quote("Jan", "Kijk")
        media = tuple(Media(f"https://platform.example/{n}.png", "image", "Glas") for n in range(4))
        posts = [
            Post(str(n), Author("a1", "Fatima"), f"Glas {n}.", now, conversation="c", replies_to=quote, media=media,
                 edited_at=now if n < 2 else None, permits=permits(Act.ANSWER))
            for n in range(13)
        ]  # fmt: skip
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, posts, now=now)
        await messages.wake_lanes(bot.desk)
        card = await bot.card("Glas")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
        await open_modal(bot, SANNE, "case:answer")
        bot.slack.listeners_end = None
        assert (await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "12"})).ok
        again = await view_with(bot, "Bij de balie.", "letters")
        assert again["callback_id"] == "case:answer"


async def test_a_modal_of_posts_full_of_emoji_has_room_for_what_was_typed_in_a_slow_answer(
    database_url: str, slack: Sandbox
) -> None:
    """Slack takes 250 kB, of which an emoji is twelve bytes: in the posts and in the answer."""
    async with running_bot(database_url, slack, ack_within=0) as bot:
        now = bot.desk.now()
        media = tuple(Media(f"https://platform.example/{n}.png", "image", "🙂" * 240) for n in range(2))
        posts = [
            Post(str(n), Author("a1", "Fatima"), "🙂" * 2500, now, conversation="c", media=media,
                 permits=permits(Act.ANSWER))
            for n in range(13)
        ]  # fmt: skip
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, posts, now=now)
        await messages.wake_lanes(bot.desk)
        card = await bot.card("🙂")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
        await open_modal(bot, SANNE, "case:answer")
        bot.slack.listeners_end = None
        assert (await bot.slack.submit(SANNE, {"answer_text": f"Wat leuk! {'🎉' * 2900}", "initials": "12"})).ok
        again = await view_with(bot, "Wat leuk!", "letters")
        assert again["callback_id"] == "case:answer"
