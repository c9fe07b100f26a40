"""What is set one by one: norms per platform, whom we ask for advice, initials; and who has which role or duty."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.sla import ClockKind
from bot.domain.text import Refused
from bot.models import Agent, Clock, Escalation, Event, Message, MessageKind, Role
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.sandbox.slack.workspace import UserGroup
from bot.staffing import leaving, presence
from bot.team import agents, teams
from bot.team.settings import HOUSE_RULES, Adviser, Norm
from jobs.members import read_channels
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, asked, changed, changes, make_role, open_group, open_modal, settings_of


async def open_one(bot: Bot, group: str, button: str, value: str = "") -> dict:
    """Open the form of one thing in a list of the settings."""
    return await changed(bot, SANNE, await open_group(bot, SANNE, group), button, value)


async def undone(bot: Bot) -> str:
    """Click Undo, and return what is told."""
    return text_of(await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo"))


# --- Norms per platform --------------------------------------------------------------------------


async def first_reaction(bot: Bot, words: str, name: str) -> int | None:
    bot.citizen_posts(words, name=name)
    await bot.card(words)
    newest = [clock for clock in await bot.rows(Clock) if clock.kind is ClockKind.FIRST_REACTION][-1]
    return newest.target_seconds


async def test_a_platform_gets_a_norm_of_its_own_and_loses_it_again(bot: Bot) -> None:
    shown = await open_group(bot, SANNE, "platforms")
    assert "Eigen bronnen: plein" in text_of(shown)
    assert "De norm van alle platforms" in text_of(shown)
    await changed(bot, SANNE, shown, "platform:edit", "webhook")
    ack = await bot.slack.submit(SANNE, {"platform_first_reaction": "20"})
    assert set(ack.errors) == {"platform_next_reaction", "platform_resolution"}
    ack = await bot.slack.submit(SANNE, {"platform_next_reaction": "30", "platform_resolution": "40"})
    assert ack.ok and not ack.errors, ack.errors
    assert "Eigen bronnen" in text_of(bot.slack.view(SANNE)) and "webhook" not in text_of(bot.slack.view(SANNE))
    assert (await settings_of(bot)).platforms == {"webhook": Norm(first_reaction=20, next_reaction=30, resolution=40)}
    assert await first_reaction(bot, "Is de brug open?", "Kees") == 20 * 60

    shown = await open_group(bot, SANNE, "platforms")
    assert "eerste reactie 20 min" in text_of(shown)
    await changed(bot, SANNE, shown, "platform:edit", "webhook")
    assert not (await bot.slack.submit(SANNE, dict.fromkeys(
        ("platform_first_reaction", "platform_next_reaction", "platform_resolution"), ""
    ))).errors  # fmt: skip
    assert (await settings_of(bot)).platforms == {}
    assert await first_reaction(bot, "En de sluis?", "Fatima") == 60 * 60
    await undone(bot)
    assert list((await settings_of(bot)).platforms) == ["webhook"]


# --- Whom we ask ---------------------------------------------------------------------------------


async def add_adviser(bot: Bot, **filled: object) -> dict[str, str]:
    await open_one(bot, "advisers", "adviser:add")
    return (await bot.slack.submit(SANNE, filled)).errors


async def escalation(bot: Bot, words: str) -> dict:
    """Open the modal that asks for advice on a new mention."""
    bot.citizen_posts(words)
    card = await bot.card(words)
    while bot.slack.view(SANNE):
        await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    return await open_modal(bot, SANNE, "case:escalate")


def options_of(view: dict, action_id: str) -> list[dict]:
    return next(element["options"] for _, element in elements(view["blocks"]) if element["action_id"] == action_id)


async def test_whom_the_team_asks_often_is_offered_first(bot: Bot) -> None:
    assert not await add_adviser(bot, adviser_title="Afval – Youssef", adviser_person=YOUSSEF)
    assert not await add_adviser(bot, adviser_title="Persvragen", adviser_group="S0COMMUNICATIE")
    assert not await add_adviser(bot, adviser_title="Wegen", adviser_channel="C0ESCALATIE")
    assert (await settings_of(bot)).advisers == [
        Adviser(title="Afval – Youssef", target=YOUSSEF),
        Adviser(title="Persvragen", target="S0COMMUNICATIE"),
        Adviser(title="Wegen", target="C0ESCALATIE"),
    ]
    view = await escalation(bot, "Mag ik hier een boom kappen?")
    assert action_ids(view)[0] == "escalate_adviser"
    offered = options_of(view, "escalate_adviser")
    assert [each["text"]["text"] for each in offered] == ["Afval – Youssef", "Persvragen", "Wegen"]
    filled = {"escalate_adviser": offered[2]["value"], "escalate_question": "Weten jullie dit?"}
    ack = await bot.slack.submit(SANNE, {**filled, "escalate_colleague": MARIEKE})
    assert ack.errors == {"escalate_adviser": "Kies aan wie je het vraagt: één collega, groep of kanaal."}
    ack = await bot.slack.submit(SANNE, {"escalate_colleague": None})
    assert ack.ok and not ack.errors, ack.errors
    await bot.slack.wait_for(lambda: "Weten jullie dit?" in str(bot.slack.messages("C0ESCALATIE")))
    assert [each.target for each in await bot.rows(Escalation)] == ["C0ESCALATIE"]


async def test_an_adviser_who_is_a_group_has_its_members_asked(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_adviser(bot, adviser_title="Pers", adviser_group="S0COMMUNICATIE")
    view = await escalation(bot, "Klopt het bericht in de krant?")
    [offered] = options_of(view, "escalate_adviser")
    await bot.slack.submit(SANNE, {"escalate_adviser": offered["value"], "escalate_question": "Klopt dit?"})
    await bot.slack.wait_for(lambda: "Klopt dit?" in str(bot.slack.direct(MARIEKE)))


async def test_without_advisers_the_modal_is_as_it_was_and_still_wants_one(sqlite_bot: Bot) -> None:
    view = await escalation(sqlite_bot, "Mag dit hek?")
    assert "escalate_adviser" not in action_ids(view)
    ack = await sqlite_bot.slack.submit(SANNE, {"escalate_question": "Mag dit?"})
    assert ack.errors == {"escalate_colleague": "Kies aan wie je het vraagt: één collega, groep of kanaal."}


async def test_one_who_became_a_reader_meanwhile_asks_nobody(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_adviser(bot, adviser_title="Afval", adviser_person=YOUSSEF)
    view = await escalation(bot, "Mag dit hek?")
    async with bot.desk.session() as session:
        (await session.get_one(Agent, (1, SANNE))).role = Role.READER
    [offered] = options_of(view, "escalate_adviser")
    ack = await bot.slack.submit(SANNE, {"escalate_adviser": offered["value"], "escalate_question": "Mag dit?"})
    assert "Je kijkt alleen mee" in ack.errors["escalate_adviser"]
    assert await bot.rows(Escalation) == []


async def test_an_adviser_is_changed_and_removed_and_put_back(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_adviser(bot, adviser_title="Afval", adviser_person=YOUSSEF)
    await add_adviser(bot, adviser_title="Wegen", adviser_person=MARIEKE)
    assert "Er is er al een" in (await add_adviser(bot, adviser_title="Afval", adviser_person=SANNE))["adviser_title"]
    await open_one(bot, "advisers", "adviser:edit", "Afval")
    both = {"adviser_title": "Afval en grof vuil", "adviser_channel": "C0ESCALATIE"}
    assert list((await bot.slack.submit(SANNE, both)).errors) == ["adviser_person"]
    assert not (await bot.slack.submit(SANNE, {"adviser_person": None})).errors
    kept = [(each.title, each.target) for each in (await settings_of(bot)).advisers]
    assert kept == [("Afval en grof vuil", "C0ESCALATIE"), ("Wegen", MARIEKE)]

    await open_one(bot, "advisers", "adviser:edit", "Wegen")
    assert not (await bot.slack.submit(SANNE, {"adviser_remove": ["yes"]})).errors
    assert [each.title for each in (await settings_of(bot)).advisers] == ["Afval en grof vuil"]
    await undone(bot)
    assert [each.title for each in (await settings_of(bot)).advisers] == ["Afval en grof vuil", "Wegen"]


@pytest.mark.parametrize(
    ("filled", "field"),
    [
        ({"adviser_title": "Afval"}, "adviser_person"),
        ({"adviser_title": " ", "adviser_person": YOUSSEF}, "adviser_title"),
        ({"adviser_title": "Afval", "adviser_channel": "C0ALGEMEEN"}, "adviser_channel"),
    ],
)
async def test_an_adviser_who_cannot_be_is_told_at_the_field(
    sqlite_bot: Bot, filled: dict[str, str], field: str
) -> None:
    assert list(await add_adviser(sqlite_bot, **filled)) == [field]
    assert (await settings_of(sqlite_bot)).advisers == []


async def test_one_that_was_removed_meanwhile_is_said_to_be_gone(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_adviser(bot, adviser_title="Afval", adviser_person=YOUSSEF)
    shown = await open_group(bot, SANNE, "advisers")
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"advisers": []}, by=YOUSSEF, now=bot.desk.now())
    told = await changed(bot, SANNE, shown, "adviser:edit", "Afval")
    assert "intussen verwijderd" in text_of(told)


# --- Duty ----------------------------------------------------------------------------------------


async def test_the_rota_says_who_is_on_duty_and_is_put_back(bot: Bot) -> None:
    await open_group(bot, SANNE, "duty")
    ack = await bot.slack.submit(SANNE, {"rota_1": [YOUSSEF, MARIEKE], "rota_4": [SANNE]})
    assert ack.ok and not ack.errors, ack.errors
    settings = await settings_of(bot)
    assert settings.rota == {1: [YOUSSEF, MARIEKE], 4: [SANNE]}
    tuesday = datetime.fromisoformat("2026-11-24T12:00:00+01:00")
    async with bot.desk.reading() as session:
        assert await presence.on_duty(session, 1, settings, tuesday) == [YOUSSEF, MARIEKE]
    view = await open_group(bot, SANNE, "duty")
    people = {e["action_id"]: e.get("initial_users") for _, e in elements(view["blocks"])}
    assert (people["rota_1"], people["rota_2"], people["rota_4"]) == ([YOUSSEF, MARIEKE], None, [SANNE])
    assert not (await bot.slack.submit(SANNE, {"rota_4": []})).errors
    assert (await settings_of(bot)).rota == {1: [YOUSSEF, MARIEKE]}
    await undone(bot)
    assert (await settings_of(bot)).rota == {1: [YOUSSEF, MARIEKE], 4: [SANNE]}


def many_groups(bot: Bot) -> None:
    """A workspace with more user groups than Slack takes in one list of a menu."""
    for number in range(1, 251):
        each = f"S0G{number:03}"
        bot.slack.workspace.usergroups[each] = UserGroup(each, f"groep-{number:03}", f"Groep {number}", [MARIEKE])


async def test_any_of_250_user_groups_can_follow_the_duty_and_stays_when_something_else_changes(
    sqlite_bot: Bot,
) -> None:
    many_groups(sqlite_bot)
    await open_group(sqlite_bot, SANNE, "duty")
    await saves(sqlite_bot, SANNE, duty_group="S0G249")
    shown = await open_group(sqlite_bot, SANNE, "duty")
    element = next(block["element"] for block in shown["blocks"] if block.get("block_id") == "duty_group")
    assert element["initial_option"]["text"]["text"] == "@groep-249"
    assert "@groep-001" in str(element["option_groups"][0])
    await saves(sqlite_bot, SANNE, rota_0=[SANNE])
    settings = await settings_of(sqlite_bot)
    assert (settings.duty_group, settings.rota) == ("S0G249", {0: [SANNE]})


async def test_any_of_250_user_groups_is_asked_for_advice(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    many_groups(bot)
    bot.citizen_posts("Wanneer wordt de weg hersteld?")
    card = await bot.card("weg")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    await saves(bot, SANNE, escalate_group="S0G250", escalate_question="Weten jullie dit?")
    await bot.card("weg", "S0G250")


async def test_a_user_group_can_follow_the_duty_and_no_longer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.workspace.usergroups["S0DIENST"] = UserGroup("S0DIENST", "dienst", "Dienst", [])
    await open_group(bot, SANNE, "duty")
    await bot.slack.submit(SANNE, {"duty_group": "S0DIENST"})
    assert (await settings_of(bot)).duty_group == "S0DIENST"

    bot.slack.faults.error("usergroups.list", "missing_scope")
    view = await open_group(bot, SANNE, "duty")
    assert [each["value"] for each in options_of(view, "duty_group")] == ["none", "S0DIENST"]
    assert not (await bot.slack.submit(SANNE, {"rota_0": [SANNE]})).errors
    assert (await settings_of(bot)).duty_group == "S0DIENST"

    await open_group(bot, SANNE, "duty")
    await bot.slack.submit(SANNE, {"duty_group": "none"})
    assert (await settings_of(bot)).duty_group == ""
    bot.slack.faults.error("usergroups.list", "missing_scope")
    assert "duty_group" not in action_ids(await open_group(bot, SANNE, "duty"))


# --- Roles and initials --------------------------------------------------------------------------


async def agent(bot: Bot, person: str) -> Agent:
    async with bot.desk.reading() as session:
        return await session.get_one(Agent, (1, person))


async def role_event(bot: Bot, person: str) -> str:
    """The id of the event that tells of someone's newest role."""
    return str([e.id for e in await bot.rows(Event) if e.kind == "role" and e.details["agent"] == person][-1])


async def test_a_role_is_put_back(bot: Bot) -> None:
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF], "role_readers": [MARIEKE]})
    told = bot.slack.view(SANNE)
    assert f"<@{MARIEKE}>: geen eigen rol → lezer" in text_of(told)
    assert f"<@{YOUSSEF}>: geen eigen rol → coördinator" in text_of(told)
    after = await changed(bot, SANNE, told, "settings:undo", await role_event(bot, MARIEKE))
    assert f"<@{MARIEKE}>: lezer → geen eigen rol" in text_of(after)
    assert [(await agent(bot, each)).role for each in (SANNE, YOUSSEF, MARIEKE)] == [
        Role.COORDINATOR, Role.COORDINATOR, None,
    ]  # fmt: skip
    last = [event for event in await bot.rows(Event) if event.kind == "role"][-1]
    assert (last.by, last.details) == (SANNE, {"team": 1, "agent": MARIEKE, "before": "reader", "after": None})


async def test_roles_that_a_colleague_gave_meanwhile_stay(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    async with bot.desk.session() as session:
        session.add(Agent(team_id=1, slack_id=YOUSSEF, role=Role.COORDINATOR, created_at=bot.desk.now()))
    assert not (await bot.slack.submit(SANNE, {"role_readers": [MARIEKE]})).errors
    roles = [(await agent(bot, each)).role for each in (SANNE, YOUSSEF, MARIEKE)]
    assert roles == [Role.COORDINATOR, Role.COORDINATOR, Role.READER]


async def test_of_two_who_give_roles_at_once_neither_takes_away_what_the_other_gave(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    await saves(bot, SANNE, role_coordinators=[SANNE, YOUSSEF], role_readers=[MARIEKE])
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "roles")
    await saves(bot, SANNE, role_agents=["U0TOM"], role_readers=[MARIEKE, "U0WEG"])
    await saves(bot, YOUSSEF, role_agents=["U0NIEUW"], role_readers=[])
    given = {person: (await agent(bot, person)).role for person in ("U0TOM", "U0NIEUW", "U0WEG", MARIEKE)}
    assert given == {"U0TOM": Role.AGENT, "U0NIEUW": Role.AGENT, "U0WEG": Role.READER, MARIEKE: None}


async def test_of_two_coordinators_who_take_each_others_role_at_once_one_remains(bot: Bot) -> None:
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF]})
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "roles")
    await asyncio.gather(*(bot.slack.submit(each, {"role_coordinators": [each]}) for each in (SANNE, YOUSSEF)))
    roles = [(await agent(bot, each)).role for each in (SANNE, YOUSSEF)]
    assert set(roles) == {None, Role.COORDINATOR}


async def test_a_role_that_was_changed_again_since_is_not_put_back(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, MARIEKE]})
    async with bot.desk.session() as session:
        (await session.get_one(Agent, (1, MARIEKE))).role = Role.READER
    assert "nog eens gewijzigd" in await undone(bot)
    assert (await agent(bot, MARIEKE)).role is Role.READER


async def test_a_coordinator_cannot_undo_the_only_coordinator_away(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "hours")
    first = await role_event(bot, SANNE)
    await bot.slack.submit(SANNE, {"day_0": "10:00-12:00"})
    view = bot.slack.view(SANNE)
    for block in view["blocks"]:
        if block.get("accessory", {}).get("action_id") == "settings:undo":
            block["accessory"]["value"] = first  # as an older modal would hold it
    told = await changed(bot, SANNE, view, "settings:undo", first)
    assert "minstens één coördinator" in text_of(told)
    assert "nieuwste staat bovenaan" in text_of(await changed(bot, SANNE, told, "settings:group", "history"))
    assert (await agent(bot, SANNE)).role is Role.COORDINATOR


async def test_a_coordinator_corrects_initials_and_puts_them_back(bot: Bot) -> None:
    bot.citizen_posts("Is de markt er morgen?")
    await answer(bot, YOUSSEF, await bot.card("markt"), "Ja!")
    await bot.slack.command(SANNE, CHANNEL, "/webcare initialen SB")
    shown = await open_group(bot, SANNE, "initials")
    assert f"<@{YOUSSEF}> – *^YA*" in text_of(shown)
    await changed(bot, SANNE, shown, "initials:edit", YOUSSEF)
    assert "al met ^SB" in (await bot.slack.submit(SANNE, {"initials": "sb"})).errors["initials"]
    assert "één tot vier letters" in (await bot.slack.submit(SANNE, {"initials": "Y4"})).errors["initials"]
    assert not (await bot.slack.submit(SANNE, {"initials": "yam"})).errors
    assert (await agent(bot, YOUSSEF)).initials == "YAM"
    assert f"<@{YOUSSEF}>: ^YA → ^YAM" in text_of(bot.slack.view(SANNE))
    [told] = [event for event in await bot.rows(Event) if event.kind == "initials"]
    assert (told.by, told.details) == (SANNE, {"team": 1, "agent": YOUSSEF, "before": "YA", "after": "YAM"})
    assert f"<@{YOUSSEF}>: ^YAM → ^YA" in await undone(bot)
    assert (await agent(bot, YOUSSEF)).initials == "YA"


async def test_initials_of_who_left_can_be_freed_for_a_newcomer(bot: Bot) -> None:
    await read_channels(bot.desk)
    await signs_with(bot, "YA")
    assert "antwoordt niet meer" not in text_of(await open_group(bot, SANNE, "initials"))
    await bot.slack.leave(YOUSSEF, CHANNEL)
    told = await asked(bot, MARIEKE, "/webcare initialen ya")
    assert f"<@{YOUSSEF}> ondertekende met ^YA en antwoordt niet meer voor dit team." in told
    shown = await open_group(bot, SANNE, "initials")
    assert f"<@{YOUSSEF}> – *^YA* · antwoordt niet meer" in text_of(shown)
    await changed(bot, SANNE, shown, "initials:edit", YOUSSEF)
    assert not (await bot.slack.submit(SANNE, {"initials": ""})).errors
    assert "^YA" in await asked(bot, MARIEKE, "/webcare initialen ya")
    assert (await agent(bot, MARIEKE)).initials == "YA"


async def test_initials_that_are_taken_away_are_asked_again(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await bot.slack.command(YOUSSEF, CHANNEL, "/webcare initialen YA")
    await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    await open_one(bot, "initials", "initials:edit", YOUSSEF)
    assert not (await bot.slack.submit(SANNE, {"initials": ""})).errors
    assert "geen initialen" in text_of(bot.slack.view(SANNE))
    bot.citizen_posts("Is de markt er morgen?")
    card = await bot.card("markt")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:answer")
    assert "initials" in action_ids(await open_modal(bot, YOUSSEF, "case:answer"))
    assert await changes(bot) == []


async def signs_with(bot: Bot, letters: str) -> None:
    """Let Youssef choose his initials himself."""
    await bot.slack.command(YOUSSEF, CHANNEL, f"/webcare initialen {letters}")

    async def chosen() -> bool:
        async with bot.desk.reading() as session:
            return await agents.initials(session, 1, YOUSSEF) == letters

    await eventually(chosen)


async def test_initials_that_a_colleague_changed_themselves_meanwhile_stay(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await signs_with(bot, "YA")
    await open_one(bot, "initials", "initials:edit", YOUSSEF)
    await signs_with(bot, "YO")
    assert not (await bot.slack.submit(SANNE, {})).errors
    assert (await agent(bot, YOUSSEF)).initials == "YO"


async def test_nobody_asks_themselves_and_any_channel_with_the_bot_can_be_asked(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    view = await escalation(bot, "Mag dit dak?")
    assert "één collega, groep of kanaal" in text_of(view)
    ack = await bot.slack.submit(SANNE, {"escalate_question": "Mag dit?", "escalate_colleague": SANNE})
    assert ack.errors == {"escalate_colleague": "Je kunt het niet aan jezelf vragen."}
    ack = await bot.slack.submit(SANNE, {"escalate_colleague": None, "escalate_channel": "C0ESCALATIE"})
    assert ack.ok and not ack.errors, ack.errors
    assert [each.target for each in await bot.rows(Escalation)] == ["C0ESCALATIE"]


async def test_who_asks_a_group_that_they_are_in_asks_only_the_others(bot: Bot) -> None:
    group = UserGroup("S0WEG", "wegen", "Wegen", [SANNE])
    bot.slack.workspace.usergroups[group.id] = group
    await escalation(bot, "Mag dit dak?")
    ack = await bot.slack.submit(SANNE, {"escalate_question": "Mag dit?", "escalate_group": group.id})
    assert list(ack.errors.values()) == ["Jij bent het enige lid van die groep. Kies een collega."]
    group.people = [YOUSSEF, SANNE, MARIEKE]
    ack = await bot.slack.submit(SANNE, {})
    assert ack.ok and not ack.errors, ack.errors
    asked = [each.key.rpartition(":")[2] for each in await bot.rows(Message) if each.kind is MessageKind.ASK]
    assert sorted(asked) == sorted([YOUSSEF, MARIEKE])


# --- House rules ---------------------------------------------------------------------------------


async def test_a_team_has_the_usual_house_rules_until_it_changes_one(bot: Bot) -> None:
    shown = await open_group(bot, SANNE, "rules")
    assert all(title in text_of(shown) for title in ("Schelden", "Bedreiging", "Spam of reclame", "hoort het niet"))
    await changed(bot, SANNE, shown, "rule:edit", "Herhaling")
    ack = await bot.slack.submit(
        SANNE, {"rule_title": "Herhaling", "rule_text": "Niet steeds hetzelfde.", "rule_flags": ["second"]}
    )
    assert ack.ok and not ack.errors, ack.errors
    rules = {rule.title: rule for rule in (await settings_of(bot)).house_rules}
    assert len(rules) == len(HOUSE_RULES)
    assert (rules["Herhaling"].text, rules["Herhaling"].second) == ("Niet steeds hetzelfde.", True)
    await undone(bot)
    assert (await settings_of(bot)).house_rules == list(HOUSE_RULES)
    await open_one(bot, "rules", "rule:edit", "Herhaling")
    await bot.slack.submit(SANNE, {"rule_remove": ["yes"]})
    assert "Herhaling" not in {rule.title for rule in (await settings_of(bot)).house_rules}


async def test_criticism_can_never_be_a_house_rule_and_the_form_says_why(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_one(bot, "rules", "rule:add")
    for title in ("Kritiek", "Sarcasme", "k r i t i e k", "Negatieve reacties", "Klagen"):
        ack = await bot.slack.submit(SANNE, {"rule_title": title, "rule_text": "Mag niet."})
        assert "vrijheid van meningsuiting" in ack.errors["rule_title"]
    async with bot.desk.session() as session:
        rule = {"title": "Kritiek op de burgemeester", "text": "Mag niet."}
        with pytest.raises(Refused):  # whichever door it comes through
            await teams.put_listed(session, 1, "house_rules", None, rule, by=SANNE, now=bot.desk.now())
    assert (await settings_of(bot)).house_rules == list(HOUSE_RULES)


async def test_when_hidden_posts_are_looked_at_again_and_what_the_citizen_reads_are_set(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "hiding")
    for wrong in ("0", "366", "veel"):
        assert "hide_days" in (await bot.slack.submit(SANNE, {"hide_days": wrong})).errors
    ack = await bot.slack.submit(SANNE, {"hide_days": "30", "hide_text": "Verborgen om {regel}."})
    assert "{regel} wordt niet ingevuld" in ack.errors["hide_text"]
    ack = await bot.slack.submit(SANNE, {"hide_days": "30", "hide_text": "Verborgen om {rule}."})
    assert ack.ok and not ack.errors, ack.errors
    now_set = await settings_of(bot)
    assert (now_set.hide_days, now_set.hide_text) == (30, "Verborgen om {rule}.")


async def test_how_long_words_of_removed_posts_are_kept_and_where_a_citizen_reaches_us_are_set(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "card")
    for wrong in ("-1", "3651", "veel", ""):
        assert "removed_days" in (await bot.slack.submit(SANNE, {"removed_days": wrong})).errors
    ack = await bot.slack.submit(SANNE, {"removed_days": "0", "way_to_us": " Bel 14 0123. "})
    assert ack.ok and not ack.errors, ack.errors
    now_set = await settings_of(bot)
    assert (now_set.removed_days, now_set.way_to_us) == (0, "Bel 14 0123.")


# --- Two coordinators edit the same thing --------------------------------------------------------

GONE = "intussen verwijderd of heeft een andere titel"


async def both_open(bot: Bot, group: str, button: str, value: str) -> None:
    """Let Sanne and Youssef, who coordinate, each open the form of the same thing."""
    await make_role(bot, YOUSSEF, Role.COORDINATOR)
    await make_role(bot, SANNE, Role.COORDINATOR)
    for who in (SANNE, YOUSSEF):
        await changed(bot, who, await open_group(bot, who, group), button, value)


async def with_snippet(bot: Bot) -> None:
    async with bot.desk.session() as session:
        waste = {"title": "Afval", "text": "Bel 14 020."}
        await teams.put_listed(session, 1, "snippets", None, waste, by=SANNE, now=bot.desk.now())
    await both_open(bot, "snippets", "snippet:edit", "Afval")


async def snippets(bot: Bot) -> list[tuple[str, str]]:
    return [(each.title, each.text) for each in (await settings_of(bot)).snippets]


async def saves(bot: Bot, who: str, **filled: object) -> None:
    ack = await bot.slack.submit(who, filled)
    assert ack.ok and not ack.errors, ack.errors


async def test_a_text_that_a_colleague_changed_meanwhile_is_not_put_back(sqlite_bot: Bot) -> None:
    await with_snippet(sqlite_bot)
    await saves(sqlite_bot, YOUSSEF, snippet_text="Bel 14 030.")
    await saves(sqlite_bot, SANNE, snippet_remove=[])
    assert await snippets(sqlite_bot) == [("Afval", "Bel 14 030.")]


async def test_each_of_two_changes_what_they_changed_alone(sqlite_bot: Bot) -> None:
    await with_snippet(sqlite_bot)
    await saves(sqlite_bot, YOUSSEF, snippet_text="Bel 14 030.")
    await saves(sqlite_bot, SANNE, snippet_title="Afval melden")
    assert await snippets(sqlite_bot) == [("Afval melden", "Bel 14 030.")]


@pytest.mark.parametrize(
    ("first", "left"),
    [({"snippet_remove": ["yes"]}, []), ({"snippet_title": "Grofvuil"}, [("Grofvuil", "Bel 14 020.")])],
    ids=["removed", "renamed"],
)
async def test_what_a_colleague_removed_or_renamed_meanwhile_does_not_come_back(
    sqlite_bot: Bot, first: dict[str, object], left: list[tuple[str, str]]
) -> None:
    await with_snippet(sqlite_bot)
    await saves(sqlite_bot, YOUSSEF, **first)
    ack = await sqlite_bot.slack.submit(SANNE, {"snippet_text": "Bel 14 020, ma-vr."})
    assert GONE in str(ack.errors), ack
    assert await snippets(sqlite_bot) == left


async def test_a_house_rule_for_which_a_second_colleague_must_agree_meanwhile_stays_one(sqlite_bot: Bot) -> None:
    rule = (await settings_of(sqlite_bot)).house_rules[1]
    await both_open(sqlite_bot, "rules", "rule:edit", rule.title)
    await saves(sqlite_bot, YOUSSEF, rule_flags=["second"])
    await saves(sqlite_bot, SANNE, rule_text="Nieuwe woorden.")
    now = (await settings_of(sqlite_bot)).house_rules[1]
    assert (now.second, now.text) == (True, "Nieuwe woorden.")


async def test_whom_a_colleague_chose_meanwhile_to_ask_stays(sqlite_bot: Bot) -> None:
    async with sqlite_bot.desk.session() as session:
        jan = {"title": "Jan", "target": MARIEKE}
        await teams.put_listed(session, 1, "advisers", None, jan, by=SANNE, now=sqlite_bot.desk.now())
    await both_open(sqlite_bot, "advisers", "adviser:edit", "Jan")
    await saves(sqlite_bot, YOUSSEF, adviser_person="", adviser_channel=CHANNEL)
    await saves(sqlite_bot, SANNE, adviser_title="Wegen")
    assert (await settings_of(sqlite_bot)).advisers == [Adviser(title="Wegen", target=CHANNEL)]


async def test_each_of_two_changes_their_own_target_of_a_platform(sqlite_bot: Bot) -> None:
    async with sqlite_bot.desk.session() as session:
        norm = Norm().model_dump()
        await teams.put_norm(session, 1, "webhook", norm, by=SANNE, now=sqlite_bot.desk.now())
    await both_open(sqlite_bot, "platforms", "platform:edit", "webhook")
    await saves(sqlite_bot, YOUSSEF, platform_first_reaction="10")
    await saves(sqlite_bot, SANNE, platform_resolution="300")
    own = (await settings_of(sqlite_bot)).platforms["webhook"]
    assert own == Norm(first_reaction=10, next_reaction=60, resolution=300)


Change = Callable[[AsyncSession, datetime], Awaitable[object]]


async def changes_the_return(session: AsyncSession, now: datetime) -> None:
    await teams.change(session, 1, {"claim_return": 20}, by=YOUSSEF, now=now)


async def changes_the_rule(session: AsyncSession, now: datetime) -> None:
    rule = {**HOUSE_RULES[1].model_dump(), "second": True}
    await teams.put_listed(session, 1, "house_rules", rule["title"], rule, by=YOUSSEF, now=now)


async def changes_the_norm(session: AsyncSession, now: datetime) -> None:
    norm = Norm(first_reaction=10).model_dump()
    await teams.put_norm(session, 1, "webhook", norm, by=YOUSSEF, now=now)


async def gives_a_role(session: AsyncSession, now: datetime) -> None:
    given = {Role.COORDINATOR: [SANNE, YOUSSEF], Role.AGENT: [MARIEKE]}
    await leaving.set_roles(session, 1, given, None, by=YOUSSEF, now=now)


@pytest.mark.parametrize(
    ("group", "button", "filled", "change"),
    [
        ("reminders", (), {"claim_reminder": "45"}, changes_the_return),
        ("rules", ("rule:edit", HOUSE_RULES[1].title), {"rule_text": "Nieuwe woorden."}, changes_the_rule),
        ("platforms", ("platform:edit", "webhook"), {"platform_resolution": "300"}, changes_the_norm),
        ("roles", (), {"role_readers": ["U0NIEUW"]}, gives_a_role),
    ],
    ids=["reminders", "rules", "platforms", "roles"],
)
async def test_what_a_colleague_saves_at_that_very_moment_stays(
    postgres_bot: Bot, group: str, button: Sequence[str], filled: dict[str, Any], change: Change
) -> None:
    bot = postgres_bot
    async with bot.desk.session() as session:
        await teams.put_norm(session, 1, "webhook", Norm().model_dump(), by=SANNE, now=bot.desk.now())
    for person in (SANNE, YOUSSEF):
        await make_role(bot, person, Role.COORDINATOR)
    shown = await open_group(bot, SANNE, group)
    if button:
        await changed(bot, SANNE, shown, *button)
    async with bot.desk.session() as session:
        await change(session, bot.desk.now())
        saving = asyncio.create_task(bot.slack.submit(SANNE, filled))
        await eventually(lambda: is_waited_for(bot))
    assert not (await saving).errors
    now = await settings_of(bot)
    match group:
        case "reminders":
            assert (now.claim_reminder, now.claim_return) == (45, 20)
        case "rules":
            assert (now.house_rules[1].text, now.house_rules[1].second) == ("Nieuwe woorden.", True)
        case "platforms":
            assert now.platforms["webhook"] == Norm(first_reaction=10, resolution=300)
        case "roles":
            given = [(await agent(bot, each)).role for each in (MARIEKE, "U0NIEUW")]
            assert given == [Role.AGENT, Role.READER]


async def is_waited_for(bot: Bot) -> bool:
    async with bot.desk.reading() as session:
        return bool((await session.exec(text("SELECT 1 FROM pg_locks WHERE NOT granted"))).first())  # type: ignore[call-overload]


async def test_what_a_colleague_saves_while_slack_says_whether_the_bot_is_in_a_channel_stays(bot: Bot) -> None:
    for person in (SANNE, YOUSSEF):
        await make_role(bot, person, Role.COORDINATOR)
        await open_group(bot, person, "reminders")
    bot.slack.listeners_end = None
    says_it = bot.slack.faults.hold("conversations.info")
    saving = asyncio.create_task(bot.slack.submit(SANNE, {"escalation_channel": CHANNEL}))
    await eventually(lambda: is_asked(bot))
    await saves(bot, YOUSSEF, claim_reminder="45")
    says_it.set()
    assert not (await saving).errors
    now = await settings_of(bot)
    assert (now.claim_reminder, now.escalation_channel) == (45, CHANNEL)


async def is_asked(bot: Bot) -> bool:
    """Whether the call that is to be held up was made."""
    return not bot.slack.faults._next.get("conversations.info")
