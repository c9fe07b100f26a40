"""Who may do what: the guide's table, every listener, and somebody without a role who tries each of them."""

import inspect
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import handlers
from bot import cases
from bot.domain.case import Status, Urgency
from bot.domain.queue import Filter, Which
from bot.models import Agent, ReplyKind, Role, Team
from bot.sandbox.slack import payloads
from bot.sandbox.slack.delivery import Acknowledgement, Kind
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.staffing import presence
from bot.team import agents, teams
from bot.team.members import READ_EVERY
from bot.team.settings import TeamSettings
from bot.texts import Texts
from bot.views import case_menu
from handlers import card_menu, commands
from handlers.roles import Access
from jobs import members
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import asked, comes, home, make_role, mention, open_modal, second_team, sent

GUIDE = Path(__file__).parents[2] / ".github" / "guide"
ELSEWHERE = "C0ALGEMEEN"

TABLE: dict[str, dict[str, set[str]]] = {
    # A line of the table, and the listeners behind it: what is registered, and the words of /webcare and of the menu.
    "look: lists, search, details, figures, export, the Home": {
        "action": {
            "case:details", "case:earlier", "case:others", "search:words", "search:open", "list:back", "list:on",
            "list:which", "list:where", "list:all", "list:overview", "list:show", "rollup:subjects",
        },
        "view": {"search"},
        "word": {"open", "mine", "search", "stats", "digest", "export"},
        "verb": {"more", "open"},
    },
    "act on a case: claim, answer, escalate, assign, pass on, release, postpone, close, reopen, note, topic, "
    "like, hide and show posts, remove our answer, undo …": {
        "action": {
            "case:claim", "case:release", "case:answer", "answer_text", "answer_visibility", "answer_kind",
            "answer_promise", "answer_topic", "answer_invitation", "answer_anew", "answer_snippet", "case:undo",
            "case:settle_sent", "case:settle_absent", "case:escalate", "case:snooze", "case:reopen", "case:urgent",
            "case:not_urgent", "case:topic",
            "case:undo_close", "case:take_over", "list:close", "case:wait_on",
            "list:hand_over", "case:undo_hand_over", "case:undo_act", "case:act_done",
            "case:act_not_done",
            "case:hide_agree", "case:hide_decline", "case:hide_keep", "case:hide_show",
            "rollup:claim", "rollup:take_out", "series:begin", "series:on", "series:back",
        },
        "options": {"answer_snippet"},
        "view": {"case:take_over", "case:close_many", "case:hand_over", "rollup:take_out"},
    },
    "make a case of a message, share a list or figures in the channel, say that a rise is known, go on duty, "
    "choose initials": {
        "message_shortcut": {"make_case"},
        "action": {"list:share", "figures:share", "spike:know"},
        "word": {"duty", "initials"},
    },
    "settings and roles, undoing a change of them, and connecting accounts": {
        "action": {
            "settings:open", "settings:group", "settings:undo", "snippet:add", "snippet:edit", "adviser:add",
            "adviser:edit", "rule:add", "rule:edit", "platform:edit", "initials:edit", "route:add",
            "route:do", "history:newer",
            "history:older", "account:connect", "sign_in:choose",
        },
        "view": {
            "settings:team", "settings:hours", "settings:closed", "settings:norms", "settings:reminders",
            "settings:duty", "settings:reasons", "settings:card", "settings:hiding", "settings:rule",
            "settings:roles", "settings:snippet",
            "settings:adviser", "settings:platform", "settings:initials", "route:try", "route:save",
            "account:begin", "sign_in:paste", "sign_in:choose",
        },
        "word": {"settings"},
    },
    "give advice that was asked of you": {"action": {"case:advise"}, "view": {"case:advise"}},
    "be away, keep your cases or hand them back, ask for help, write in a thread that you can see": {
        "action": {"agent:hand_back", "agent:keep", "case:open", "account:page"},
        "view_closed": {"case:answer"},
        "event": {"message", "app_home_opened"},
        "word": {"away", "help", ""},
    },
}  # fmt: skip
"""What the menu of a card offers is missing: the guide's own table of it says who may (`menu_of_the_guide`)."""
LOOKS, ACTS = list(TABLE)[:2]
OF_SLACK = {
    "member_joined_channel", "member_left_channel", "channel_archive", "channel_left", "channel_unarchive",
    "group_archive", "group_left", "group_unarchive", "tokens_revoked", "app_uninstalled",
}  # fmt: skip
"""Events that tell what happened in Slack; nobody asks for anything by them."""
COLUMNS = {Access.COORDINATORS: "✔", Access.AGENTS: "✔✔", Access.READERS: "✔✔✔", Access.ASKED: "✔✔✔if asked",
           Access.EVERYONE: "✔✔✔✔"}  # fmt: skip
"""What a line of the table says under coordinator, agent, reader, and others."""
ASKS_ITSELF = {("action", "settings:open"), ("word", "settings")}
"""Listeners that open a modal, which says who may."""
SHOWS_NOTHING = {"agent:hand_back", "agent:keep", "case:open", "account:page"}


class Registered:
    """Stands where the Bolt app stands, and keeps what each listener needs."""

    def __init__(self) -> None:
        self.needs: dict[tuple[str, str], Any] = {}

    def __getattr__(self, kind: str) -> Any:
        def of(name: str) -> Any:
            def take(listener: Any) -> None:
                inner = inspect.getclosurevars(inspect.getclosurevars(listener).nonlocals["call"]).nonlocals
                self.needs[kind, name] = inner["needs"]

            return take

        return of


def registered() -> dict[tuple[str, str], Any]:
    app = Registered()
    handlers.register(app, None)  # type: ignore[arg-type]
    return app.needs


def needed() -> Iterator[tuple[str, str, Access]]:
    """What each listener, word and choice needs, as the code says."""
    for (kind, name), needs in registered().items():
        if needs is commands.needs:
            yield from (("word", word, access) for word, access in commands.NEEDS.items())
        elif needs is card_menu.needs:
            for verb in {case_menu.MORE, card_menu.OPEN, *card_menu.OPENS, *card_menu.DOES}:
                chosen = {"actions": [{"action_id": name, "value": f"{verb}:1"}]}
                yield "verb", verb, card_menu.needs(chosen)
        else:
            yield kind, name, needs


def rows() -> dict[str, str]:
    """The lines of the guide's table, and what each says, column by column."""
    found = re.findall(r"^\| ([^|]+?) \|(.*)\|$", (GUIDE / "team.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {what: re.sub(r"[\s|]", "", ticks.replace("if asked", "ifasked")) for what, ticks in found}


def menu_of_the_guide() -> list[tuple[str, str, bool]]:
    """The guide's table of the card's menu: what is chosen there, what it does, and whether a reader may."""
    _, _, section = (GUIDE / "working.md").read_text(encoding="utf-8").partition("\n## What you can do with a case\n")
    found = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (✔?) ?\|$", section.partition("\n## ")[0], re.MULTILINE)
    return [(label, does, bool(tick)) for label, does, tick in found]


def of_the_menu() -> Iterator[tuple[tuple[str, str], str]]:
    """The line of TABLE that holds for each choice of the guide's menu, and for the modal that it sends."""
    t = Texts("nl", "Europe/Amsterdam")
    verbs = {t(choice.label): choice.verb for choice in case_menu.CHOICES}
    for label, _, reader_may in menu_of_the_guide():
        line, verb = LOOKS if reader_may else ACTS, verbs[label]
        yield ("verb", verb), line
        _, sends = card_menu.OPENS.get(verb, (None, None))
        if sends is not None:
            yield ("view", f"case:{verb}"), line


def test_the_guide_lists_what_the_menu_of_a_card_offers() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    offered = [(t(choice.label), choice.does.message) for choice in case_menu.CHOICES]
    assert [(label, does) for label, does, _ in menu_of_the_guide()] == offered


def test_the_tables_of_the_guide_say_what_the_code_asks() -> None:
    said = rows()
    classed = {(kind, name): line for line, named in TABLE.items() for kind in named for name in named[kind]}
    classed |= dict(of_the_menu())
    asked_for = {(kind, name): access for kind, name, access in needed() if kind != "event" or name not in OF_SLACK}
    assert set(classed) == set(asked_for), "give each listener its line in TABLE, and in .github/guide/"
    for (kind, name), access in asked_for.items():
        needs = Access.COORDINATORS if (kind, name) in ASKS_ITSELF else access
        line = classed[kind, name]
        assert said[line] == COLUMNS[needs].replace("if asked", "ifasked"), (kind, name, line)


def test_what_slack_itself_tells_is_listened_to() -> None:
    assert {name for kind, name in registered() if kind == "event"} >= OF_SLACK


def test_every_word_of_the_command_is_classed() -> None:
    assert set(commands.NEEDS) == {*commands.WORDS.values(), ""}


# --- Somebody without a role tries all of it -----------------------------------------------------


async def rows_of_all_tables(bot: Bot) -> dict[str, list[Any]]:
    """What the database holds, besides who is known to be in a channel and when that was read."""
    async with bot.engine.connect() as connection:
        tables = "cases events replies acts mentions notes escalations clocks agents people accounts messages".split()
        return {
            each: sorted(map(repr, (await connection.execute(text(f"SELECT * FROM {each}"))).all())) for each in tables
        }


def attempt(bot: Bot, who: str, kind: str, name: str, case_id: int, channel: str) -> tuple[Kind, dict[str, Any]]:
    """A request of this kind by somebody, about a case of the team."""
    workspace = bot.slack.workspace
    where = workspace.channels[channel]
    message = {"ts": "1.000001", "text": "<https://example.org/1> kijk", "blocks": []}
    settings = name.partition(":")[0] in {
        "settings", "snippet", "adviser", "rule", "platform", "initials", "route", "account", "sign_in",
    }  # fmt: skip
    kept = {"team": 1, "title": None, "platform": "x", "agent": SANNE, "sign_in": 1}
    metadata = json.dumps(kept) if settings else str(case_id)
    in_answer = name.startswith("answer_") or name in {"series:on", "series:back"}
    if in_answer or name == "case:answer":
        metadata = json.dumps({"case": case_id, "mention": 1})
    typed = {"type": "plain_text_input", "value": "Nee."}
    view = {
        "id": "V1", "type": "modal", "callback_id": name, "private_metadata": metadata, "hash": "1",
        "blocks": [], "state": {"values": {"advice_text": {"advice_text": typed}}},
        "title": {"type": "plain_text", "text": "x"},
    }  # fmt: skip
    values = {
        "list:share": "search||paspoort", "list:close": "open|||", "figures:share": "1|digest",
        "case:undo_close": f"{case_id}:1:", "list:hand_over": "mine|||", "series:begin": "mine|||",
        "case:undo_hand_over": f"{case_id}:V1:",
    }  # fmt: skip
    value = values.get(name, str(case_id))
    action = {"action_id": name, "block_id": "b", "type": "button", "value": value}
    match kind:
        case "action" if (settings and name != "settings:open") or in_answer:
            return Kind.INTERACTION, payloads.block_actions_in_view(workspace, who, view, action)
        case "action":
            clicked = payloads.block_actions_in_message(
                workspace, who, where, message, action, {}, ephemeral=name.endswith(":share")
            )
            return Kind.INTERACTION, clicked
        case "options":
            block, select = {"block_id": "b"}, {"action_id": name}
            return Kind.INTERACTION, payloads.block_suggestion(workspace, who, view, (block, select), "a")
        case "view":
            return Kind.INTERACTION, payloads.view_submission(workspace, who, view)
        case "view_closed":
            return Kind.INTERACTION, payloads.view_closed(workspace, who, view, cleared=False)
        case "message_shortcut":
            return Kind.INTERACTION, payloads.message_action(workspace, who, name, where, message)
        case "verb":
            chosen = action | {"action_id": "case:more", "value": f"{name}:{case_id}"}
            return Kind.INTERACTION, payloads.block_actions_in_message(
                workspace, who, where, message, chosen, {}, ephemeral=False
            )
        case "word":
            word = next(word for word, asked_for in commands.WORDS.items() if asked_for == name)
            return Kind.COMMAND, payloads.slash_command(workspace, who, where, "/webcare", f"{word} paspoort")
    raise LookupError(kind)


def told(bot: Bot, who: str, ack: Acknowledgement) -> str:
    """All that somebody was told or shown."""
    shown = [*bot.slack.ephemerals(who), *bot.slack.direct(who), *bot.slack.views(who)]
    if theirs := bot.slack.home(who):
        shown.append(theirs)
    return "\n".join([*map(text_of, shown), json.dumps(ack.payload, ensure_ascii=False), str(ack.errors)])


STRANGERS: dict[str, dict[str, Any]] = {
    "a guest in the channel": {"guest": True},
    "a guest of one channel": {"one_channel": True},
    "somebody of another organisation": {"team_id": "T0ELDERS"},
}


@pytest.mark.parametrize("kind", STRANGERS)
async def test_a_stranger_in_the_channel_neither_acts_nor_searches_nor_coordinates(bot: Bot, kind: str) -> None:
    case_id = await mention(bot, text="Mijn paspoort en BSN 123456782", private=True)
    who = await comes(bot, "U0ANDERS", "Iemand Anders", **STRANGERS[kind])
    await bot.slack.click(who, CHANNEL, (await bot.card("paspoort"))["ts"], "case:claim")
    for command in ("zoek paspoort", "instellingen"):
        await bot.slack.command(who, CHANNEL, f"/webcare {command}")
    assert (await bot.case(case_id)).status is Status.NEW
    said = "\n".join(map(text_of, [*bot.slack.ephemerals(who), *bot.slack.views(who)]))
    assert said.count("Dit kan alleen het team") == 2 and "eerste coördinator" in said
    assert "123456782" not in said
    async with bot.desk.reading() as session:
        assert await agents.with_role(session, 1, Role.COORDINATOR) == []


@pytest.mark.parametrize("kind", ["a guest in the channel", "a colleague who is not in the channel"])
async def test_one_without_a_role_is_refused_everything_and_learns_nothing(sqlite_bot: Bot, kind: str) -> None:
    bot = sqlite_bot
    case_id = await mention(bot, text="Mijn paspoort en BSN 123456782", private=True)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        await cases.escalate(
            session, case_id, by=SANNE, now=bot.desk.now(), target=MARIEKE, channels=[MARIEKE],
            question="Weet jij dit?", urgency=Urgency.NORMAL, submission="s",
        )  # fmt: skip
    await messages.sync(bot.desk, case_id)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    where = CHANNEL if kind in STRANGERS else ELSEWHERE
    who = await comes(bot, "U0ANDERS", "Iemand Anders", where, **STRANGERS.get(kind, {}))
    bot.slack.workspace.channels[ELSEWHERE].members.add("U0WEBCARE")
    before, shown = await rows_of_all_tables(bot), [len(bot.slack.messages(each)) for each in (CHANNEL, ELSEWHERE)]
    for what, name, access in needed():
        if access is Access.EVERYONE and (what, name) not in ASKS_ITSELF:
            continue
        bot.slack.workspace.set_stack(who, [])
        bot.slack.workspace.ephemerals.clear()
        bot.slack.workspace.messages[bot.slack.open_im(who, "U0WEBCARE").id].clear()
        sent, payload = attempt(bot, who, what, name, case_id, where)
        ack = await bot.slack._deliver(sent, payload)
        words = told(bot, who, ack)
        assert "123456782" not in words and "paspoort" not in words, (what, name, words)
        refused = ("Dit kan alleen het team", "niet aan jou gesteld", "eerste coördinator", '{"options": []}')
        assert any(each in words for each in refused), (what, name, words)
    assert await rows_of_all_tables(bot) == before
    assert [len(bot.slack.messages(each)) for each in (CHANNEL, ELSEWHERE)] == shown
    await bot.slack.open_home(who)
    assert "paspoort" not in text_of(await home(bot, who, "geen webcareteam"))


async def test_a_stranger_whom_a_coordinator_names_answers(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    who = await comes(bot, "U0GAST", "Gast van buiten", guest=True)
    await make_role(bot, who, Role.AGENT)
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(who, CHANNEL, card["ts"], "case:claim")
    await bot.card("paspoort", "In behandeling", who)


async def test_the_name_of_a_team_is_nothing_but_a_name_in_a_refusal(bot: Bot) -> None:
    who = await comes(bot, "U0GAST", "Gast van buiten", guest=True)
    await make_role(bot, who, Role.AGENT)
    async with bot.desk.session() as session:
        (await session.get_one(Team, 1)).name = "<!channel> *R&D*"
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(who, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, who, "case:close")
    async with bot.desk.session() as session:
        await session.delete(await session.get_one(Agent, (1, who)))
    await bot.slack.click(who, CHANNEL, card["ts"], "case:claim")
    [said] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(who, CHANNEL))
    assert "Dit kan alleen het team \u2068&lt;!channel&gt; ∗R&amp;D∗\u2069:" in said["text"]
    sent = await bot.slack.submit(who, {"close_reason": "spam"})
    assert "Dit kan alleen het team \u2068<!channel> ∗R&D∗\u2069:" in sent.errors["close_reason"], "plain text"


async def test_a_reader_looks_and_takes_no_initials_no_duty_and_shares_nothing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, YOUSSEF, Role.READER)
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    await bot.card("paspoort")
    assert "paspoort" in await asked(bot, YOUSSEF, "/webcare open")
    listed = bot.slack.ephemerals(YOUSSEF, CHANNEL)[-1]
    await bot.slack.click(YOUSSEF, CHANNEL, listed["ts"], "list:share")
    for command in ("initialen YA", "dienst"):
        assert "Je kijkt alleen mee" in await asked(bot, YOUSSEF, f"/webcare {command}")
    assert len(bot.cards()) == 1


async def test_one_on_duty_who_is_made_a_reader_no_longer_replaces_the_rota(bot: Bot) -> None:
    await asked(bot, YOUSSEF, "/webcare dienst")
    rota = TeamSettings(rota={day: [SANNE] for day in range(7)})
    for role, on_duty in ((None, [YOUSSEF]), (Role.READER, [SANNE])):
        async with bot.desk.session() as session:
            (await session.get_one(Agent, (1, YOUSSEF))).role = role
        async with bot.desk.reading() as session:
            assert await presence.on_duty(session, 1, rota, bot.desk.now()) == on_duty


async def test_a_team_that_names_its_agents_lets_the_rest_of_the_channel_read(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.AGENT)
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = {"channel_answers": False}
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    assert "Je kijkt alleen mee" in text_of(bot.slack.ephemerals(YOUSSEF, CHANNEL)[-1])
    assert "paspoort" in await asked(bot, YOUSSEF, "/webcare open")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("paspoort", "In behandeling", SANNE)


async def test_one_whom_slack_cannot_tell_of_just_now_is_asked_to_try_again(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    bot.slack.workspace.people["U0JAN"] = type(bot.slack.workspace.people[SANNE])("U0JAN", "jan", "Jan Nieuw")
    bot.slack.workspace.channels[CHANNEL].members.add("U0JAN")  # the event of it did not come
    bot.slack.faults.status("conversations.members", 503)
    await bot.slack.click("U0JAN", CHANNEL, card["ts"], "case:claim")
    assert "Probeer het zo opnieuw" in text_of(bot.slack.ephemerals("U0JAN", CHANNEL)[-1])
    bot.slack.faults.status("conversations.members", 503)  # Sanne is known: nobody asks Slack
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("paspoort", "In behandeling", SANNE)
    bot.slack.faults.clear()
    await bot.slack.click("U0JAN", CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, "U0JAN", "case:take_over")


# --- What is private ------------------------------------------------------------------------------


async def test_a_private_message_is_marked_in_words_and_never_shared_in_a_channel(bot: Bot) -> None:
    await mention(bot, 1, text="Mijn paspoort en BSN 123456782", private=True)
    await mention(bot, 2, text="Hoe duur is een paspoort?")
    for command in ("open", "zoek paspoort"):
        assert "🔒 privébericht" in await asked(bot, SANNE, f"/webcare {command}")
        listed = bot.slack.ephemerals(SANNE, CHANNEL)[-1]
        assert "123456782" in text_of(listed)
        before = len(bot.slack.messages(CHANNEL))
        await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:share")
        [shared] = bot.slack.messages(CHANNEL)[before:]
        assert "Burger 2" in text_of(shared) and "Privéberichten worden niet" in text_of(shared)
        assert "123456782" not in json.dumps(shared) and "Burger 1" not in json.dumps(shared)


async def test_a_citizen_whom_we_asked_something_in_private_is_in_no_shared_list(office: Bot) -> None:
    bot = office
    for number in (1, 2):
        await mention(bot, number, "Waar is het loket?")
        await sent(bot, number, ReplyKind.QUESTION)
        bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        [asked_in_private] = (await cases.read(session, 1)).replies
        asked_in_private.private = True
        session.add(asked_in_private)
    waiting = Filter(Which.CITIZEN).to_text()
    await asked(bot, SANNE, "/webcare open")
    listed = bot.slack.ephemerals(SANNE, CHANNEL)[-1]
    await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:which", waiting)
    await bot.slack.wait_for(lambda: "Burger 1" in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1]))
    before = len(bot.slack.messages(CHANNEL))
    await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:share")
    [shared] = await bot.slack.wait_for(lambda: bot.slack.messages(CHANNEL)[before:])
    assert "Burger 2" in text_of(shared) and "Burger 1" not in text_of(shared)


async def test_a_private_message_is_not_put_to_another_channel(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    case_id = await mention(bot, text="Mijn paspoort en BSN 123456782", private=True)
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
    card = await bot.card("paspoort")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    ack = await bot.slack.submit(SANNE, {"escalate_group": "C0ESCALATIE", "escalate_question": "Weten jullie dit?"})
    assert "niet in een ander kanaal" in json.dumps(ack.errors, ensure_ascii=False)
    assert (await bot.case(case_id)).status is Status.NEW


async def test_a_case_or_change_of_another_team_is_refused_whatever_a_request_names(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    case_id = await mention(bot, text="Waar is mijn paspoort?")
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
        session.add(Agent(team_id=1, slack_id=SANNE, role=Role.COORDINATOR, created_at=bot.desk.now()))
    who = await comes(bot, "U0WEGEN", "Wim Wegen", "C0ESCALATIE")
    await make_role(bot, who, Role.COORDINATOR, team_id=2)
    async with bot.desk.session() as session:
        [event] = await teams.change(session, 1, {"claim_reminder": 45}, by=SANNE, now=bot.desk.now())
    workspace, ours = bot.slack.workspace, json.dumps({"team": 2})
    view = {"id": "V1", "type": "modal", "callback_id": "said", "hash": "1", "blocks": [], "state": {"values": {}}}
    forged = [
        ({**view, "private_metadata": ours}, {"action_id": "settings:undo", "value": str(event.id)}),
        ({**view, "private_metadata": ours}, {"action_id": "case:urgent", "value": str(case_id)}),
        ({**view, "private_metadata": str(case_id)}, {"action_id": "case:urgent", "value": str(case_id)}),
    ]
    before = await rows_of_all_tables(bot)
    for opened, action in forged:
        sent = payloads.block_actions_in_view(workspace, who, opened, action | {"block_id": "b", "type": "button"})
        await bot.slack._deliver(Kind.INTERACTION, sent)
    assert await rows_of_all_tables(bot) == before
    async with bot.desk.reading() as session:
        assert (await teams.settings(session, 1)).claim_reminder == 45


async def test_a_coordinator_is_warned_of_a_channel_that_more_people_read(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.COORDINATOR)
    channel = bot.slack.workspace.channels[CHANNEL]
    for private, shared, words in ((False, False, "is openbaar"), (True, True, "gedeeld met een andere organisatie")):
        channel.private, channel.shared = private, shared
        bot.clock.advance(seconds=READ_EVERY.total_seconds() + 1)
        await members.read_channels(bot.desk)
        await bot.slack.open_home(SANNE)
        assert words in text_of(await home(bot, SANNE, "Het kanaal van", words))
        await bot.slack.open_home(YOUSSEF)
        assert "Het kanaal van" not in text_of(await home(bot, YOUSSEF, "Wachtrij"))


@pytest.mark.logs("the settings of a team cannot be read")
async def test_who_is_in_two_channels_works_on_though_the_settings_of_one_team_cannot_be_read(bot: Bot) -> None:
    await second_team(bot, "Kapot", time_zone="Mars/Olympus")
    await mention(bot, text="Waar kan ik heen?")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Vandaag", "Waar kan ik heen?")
    await bot.slack.click(SANNE, CHANNEL, (await bot.card("Waar"))["ts"], "case:claim")
    await bot.card("Waar", "In behandeling", SANNE)
    assert "Waar kan ik heen?" in await asked(bot, SANNE, "/webcare mijn")
    async with bot.desk.reading() as session:
        assert await agents.roles(session, SANNE) == {1: Role.AGENT, 2: Role.READER}
