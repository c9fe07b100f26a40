"""The team itself, set in Slack: its name, channel, time zone and language; the environment changes it too."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import accounts, db
from bot.accounts import manual
from bot.config import BadSettings
from bot.domain.event import EventKind
from bot.domain.holidays import HOLIDAYS
from bot.domain.text import Refused
from bot.models import Account, Agent, Event, Message, MessageKind, Role, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.steady_clock import utc_now
from bot.team import teams
from bot.texts import Texts
from bot.views.settings_change import change_words
from bot.views.settings_form import HOLIDAY_NAMES
from bot.views.settings_modals import closed_modal
from jobs import members
from tests.clocks import AMSTERDAM
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, Databases, eventually, running_bot, settings_for
from tests.people import asked, changed, changes, held_up, home, open_group, open_modal, settings_of

OTHER = "C0ESCALATIE"
"""A second channel that the bot is in."""


async def team(bot: Bot, number: int = 0) -> Team:
    return (await bot.rows(Team))[number]


async def add_team(bot: Bot, name: str = "Wegen", channel: str = OTHER) -> None:
    async with bot.desk.session() as session:
        session.add(Team(name=name, channel=channel, created_at=bot.desk.now()))
    await members.read_channels(bot.desk)


async def in_channel(bot: Bot, channel: str, words: str) -> dict:
    """Wait for a message with these words in a channel."""
    return await bot.slack.wait_for(
        lambda: next((each for each in bot.slack.messages(channel) if words in text_of(each)), None)
    )


async def test_a_team_gets_another_name_channel_and_time_zone_and_back(bot: Bot) -> None:
    bot.citizen_posts("Is de brug open?")
    card = await bot.card("brug")
    await open_group(bot, SANNE, "team")
    ack = await bot.slack.submit(SANNE, {"name": " Online  ", "channel": OTHER, "time_zone": "America/Kralendijk"})
    assert ack.ok and not ack.errors, ack.errors
    kept = await team(bot)
    assert (kept.name, kept.channel) == ("Online", OTHER)
    assert (await settings_of(bot)).time_zone == "America/Kralendijk"
    told = [(change["field"], change["before"], change["after"]) for change in await changes(bot)]
    assert told == [
        ("name", "Webcare", "Online"),
        ("channel", CHANNEL, OTHER),
        ("time_zone", "Europe/Amsterdam", "America/Kralendijk"),
    ]
    bot.citizen_posts("En de sluis?", name="Kees")
    await in_channel(bot, OTHER, "sluis")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="note:1")
    await open_modal(bot, SANNE, "case:note")
    await bot.slack.submit(SANNE, {"note_text": "Die draait vandaag niet."})
    await bot.slack.wait_for(lambda: "draait" in str(bot.slack.thread(CHANNEL, card["ts"])))
    assert [m.channel for m in await bot.rows(Message) if m.kind is MessageKind.CASE] == [CHANNEL, OTHER]


async def test_a_change_of_the_name_or_channel_is_put_back(bot: Bot) -> None:
    await open_group(bot, SANNE, "team")
    await bot.slack.submit(SANNE, {"name": "Online", "channel": OTHER})
    saved = bot.slack.view(SANNE)
    of_channel = [event for event in await bot.rows(Event) if event.kind == "settings"][1]
    await changed(bot, SANNE, saved, "settings:undo", str(of_channel.id))
    assert ((await team(bot)).name, (await team(bot)).channel) == ("Online", CHANNEL)


async def test_no_two_teams_have_the_same_name_or_channel(bot: Bot) -> None:
    await add_team(bot)
    await open_group(bot, SANNE, "team")
    ack = await bot.slack.submit(SANNE, {"name": "wegen", "channel": OTHER})
    assert "al een team met deze naam" in ack.errors["name"]
    assert "kanaal van het team Wegen" in ack.errors["channel"]
    assert await changes(bot) == []


@pytest.mark.parametrize("wanted", [{"channel": "C0ALGEMEEN"}, {"name": "Online"}])
async def test_of_two_teams_that_take_the_same_name_or_channel_at_once_one_gets_it(
    bot: Bot, wanted: dict[str, str]
) -> None:
    await add_team(bot)
    both_begun = asyncio.Barrier(2)

    async def takes(team_id: int) -> str:
        try:
            async with bot.desk.session() as session:
                await teams.locked(session, team_id)
                if not db.is_sqlite(session):  # which lets one write at a time
                    await both_begun.wait()
                await teams.change(session, team_id, wanted, by=SANNE, now=bot.desk.now())
        except Refused:
            return "refused"
        return "taken"

    assert sorted(await asyncio.gather(takes(1), takes(2))) == ["refused", "taken"]


async def test_a_team_whose_name_is_longer_than_slack_lets_one_write_gets_a_shorter_one(bot: Bot) -> None:
    long = "Gemeente Voorbeeldstad – Directie Communicatie, Webcare en Participatie"
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"name": long}, by="", now=bot.desk.now())  # as TEAM_NAME does
    form = await open_group(bot, SANNE, "team")
    assert form["callback_id"] == "settings:team", text_of(form)
    assert "60" in (await bot.slack.submit(SANNE, {"language": "en"})).errors["name"]
    assert not (await bot.slack.submit(SANNE, {"name": "Voorbeeldstad"})).errors
    assert (await team(bot)).name == "Voorbeeldstad"


async def test_what_was_taken_meanwhile_is_not_put_back(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "team")
    await bot.slack.submit(SANNE, {"name": "Online"})
    await add_team(bot, "Webcare")
    told = await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo")
    assert "al een team met deze naam" in text_of(told)
    assert (await team(bot)).name == "Online"


async def test_a_channel_without_the_bot_is_told_at_its_field(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "team")
    ack = await bot.slack.submit(SANNE, {"name": "Online", "channel": "C0ALGEMEEN"})
    assert ack.errors == {"channel": "De bot zit niet in dit kanaal: typ daar eerst /invite @webcare."}
    await open_group(bot, SANNE, "reminders")
    ack = await bot.slack.submit(SANNE, {"escalation_channel": "C0ALGEMEEN"})
    assert list(ack.errors) == ["escalation_channel"]
    assert await changes(bot) == []


@pytest.mark.parametrize(("fault", "words"), [("is_archived", "laat de bot hier niet toe"), ("", "antwoordt nu even")])
async def test_a_channel_that_slack_refuses_or_cannot_tell_of_is_not_taken(
    sqlite_bot: Bot, fault: str, words: str
) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "team")
    if fault:
        bot.slack.faults.error("conversations.info", fault)
    else:
        bot.slack.faults.status("conversations.info", 503)
    ack = await bot.slack.submit(SANNE, {"channel": OTHER})
    assert words in ack.errors["channel"]
    assert (await team(bot)).channel == CHANNEL


@pytest.mark.parametrize("field", ["channel", "escalation_channel"])
async def test_a_channel_that_the_bot_has_left_meanwhile_is_not_put_back(bot: Bot, field: str) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"escalation_channel": CHANNEL}, by=SANNE, now=bot.desk.now())
    await open_group(bot, SANNE, "team" if field == "channel" else "reminders")
    await bot.slack.submit(SANNE, {field: OTHER})
    bot.slack.workspace.channels[CHANNEL].members -= {bot.slack.app.user_id}
    told = await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo")
    assert "De bot zit niet in dit kanaal" in text_of(told)
    changed_now = await team(bot)
    assert {"channel": changed_now.channel, **(changed_now.settings or {})}[field] == OTHER


async def test_what_is_left_as_it_is_does_not_ask_slack(sqlite_bot: Bot) -> None:
    """A team whose channel Slack cannot tell of can still change its name."""
    bot = sqlite_bot
    await open_group(bot, SANNE, "team")
    bot.slack.faults.error("conversations.info", "fatal_error")
    ack = await bot.slack.submit(SANNE, {"name": "Online"})
    bot.slack.faults.clear()
    assert ack.ok and not ack.errors, ack.errors
    assert (await team(bot)).name == "Online"


async def test_a_team_reads_the_language_that_it_chose_at_once_and_from_every_process(
    database_url: str, slack: Sandbox
) -> None:
    async with running_bot(database_url, slack) as bot, running_bot(database_url, slack):
        await open_group(bot, SANNE, "team")
        ack = await bot.slack.submit(SANNE, {"language": "en"})
        assert ack.ok and not ack.errors, ack.errors
        assert "Saved." in text_of(bot.slack.view(SANNE))
        await home(bot, SANNE, "The team's queue", bot.desk.now().astimezone(AMSTERDAM).strftime("%A"))
        for _ in range(4):  # Slack hands them to the two processes in turn
            assert "what you can ask" in await asked(bot, SANNE, "/webcare help")
        told = await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo")
        assert "Teruggezet" in text_of(told)
        for _ in range(4):
            assert "dit kun je vragen" in await asked(bot, SANNE, "/webcare help")


async def test_a_team_that_chose_no_language_reads_that_of_the_installation(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack, webcare_language="en") as bot:
        assert "what you can ask" in await asked(bot, SANNE, "/webcare help")


async def test_each_team_reads_its_own_language(bot: Bot) -> None:
    bot.citizen_posts("Is de brug open?")
    dutch = await bot.card("brug", "Oppakken")
    await add_team(bot)
    async with bot.desk.session() as session:
        (await session.get_one(Team, 2)).settings = {"language": "en"}
        (await session.get_one(Account, 1)).team_id = 2
    bot.citizen_posts("Is de sluis open?", name="Kees")
    english = await in_channel(bot, OTHER, "sluis")
    assert "Claim" in text_of(english)

    for channel, words in ((CHANNEL, "dit kun je vragen"), (OTHER, "what you can ask")):
        assert words in await asked(bot, SANNE, "/webcare help", channel)
    for channel, card, words in ((CHANNEL, dutch, "Annuleren"), (OTHER, english, "Cancel")):
        await bot.slack.click(YOUSSEF, channel, card["ts"], "case:claim")
        await bot.slack.click(YOUSSEF, channel, card["ts"], "case:answer")
        assert words in str(await open_modal(bot, YOUSSEF, "case:answer"))
        await bot.slack.close_view(YOUSSEF)
    for channel, card, words in (
        (CHANNEL, dutch, "heeft deze zaak. Wil je die overnemen?"),
        (OTHER, english, "has this case. Take it over?"),
    ):
        await bot.slack.click(SANNE, channel, card["ts"], "case:escalate")
        await bot.slack.wait_for(lambda w=words: (view := bot.slack.view(SANNE)) and w in text_of(view))  # type: ignore[misc]
        await bot.slack.close_view(SANNE)


async def test_a_question_to_another_team_is_asked_and_advised_in_the_language_of_the_team_that_asks(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await add_team(bot)
    async with bot.desk.session() as session:
        (await session.get_one(Team, 1)).settings = {"language": "en"}
    bot.citizen_posts("Wie is de wegbeheerder?")
    card = await bot.card("wegbeheerder")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    await bot.slack.submit(SANNE, {"escalate_group": OTHER, "escalate_question": "Weten jullie dit?"})
    question = await in_channel(bot, OTHER, "Weten jullie dit?")
    assert "Advise" in text_of(question)
    await bot.slack.click(YOUSSEF, OTHER, question["ts"], "case:advise")
    assert "Send advice" in str(await open_modal(bot, YOUSSEF, "case:advise"))


async def test_every_team_sets_its_own_language(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_team(bot)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Instellingen – Wegen")
    await bot.slack.click_in_view(SANNE, "settings:open", value="2")
    menu = await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and "settings:group" in action_ids(v) and v)
    await changed(bot, SANNE, menu, "settings:group", "team")
    assert not (await bot.slack.submit(SANNE, {"name": "Roads", "language": "en"})).errors
    assert "Saved." in text_of(bot.slack.view(SANNE))
    assert (await team(bot, 1)).name == "Roads"
    assert "dit kun je vragen" in await asked(bot, SANNE, "/webcare help")


async def test_a_name_from_the_environment_is_that_of_the_account_of_hand_made_cases_too(
    sqlite_url: str, slack: Sandbox
) -> None:
    async with running_bot(sqlite_url, slack) as bot, bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        await manual.account(session, team, now=bot.desk.now())
    async with running_bot(sqlite_url, slack, team_name="Webzorg") as bot:
        assert "Slack (Webzorg)" in [account.name for account in await bot.rows(Account)]


async def test_the_last_change_of_name_and_channel_wins_be_it_in_slack_or_in_the_environment(
    database_url: str, slack: Sandbox
) -> None:
    async with running_bot(database_url, slack) as bot:
        await open_group(bot, SANNE, "team")
        await bot.slack.submit(SANNE, {"name": "Online", "channel": OTHER})
    async with running_bot(database_url, slack) as bot:
        assert ((await team(bot)).name, (await team(bot)).channel) == ("Online", OTHER)
    async with running_bot(database_url, slack, team_name="Webzorg") as bot:
        assert ((await team(bot)).name, (await team(bot)).channel) == ("Webzorg", OTHER)
        last = (await changes(bot))[-1]
        assert (last["field"], last["before"], last["after"]) == ("name", "Online", "Webzorg")
    async with running_bot(database_url, slack, team_name="Webzorg") as bot:
        assert len(await changes(bot)) == 3


async def test_of_two_processes_that_start_at_once_for_the_first_time_one_adds_the_team(
    databases: Databases, postgres_uri: str, slack: Sandbox
) -> None:
    url = await databases.postgresql(postgres_uri)
    settings, engine = settings_for(url, slack), db.create_engine(url)

    async def starts() -> None:
        async with db.sessions(engine)() as session:
            await accounts.ensure_team(session, settings, utc_now())

    async def waits() -> bool:
        return other.done() or await held_up(engine, 1)

    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, utc_now())
        await session.flush()
        other = asyncio.ensure_future(starts())
        await eventually(waits)
    await other
    async with db.readings(engine)() as session:
        assert [(each.name, each.channel) for each in await teams.all_teams(session)] == [("Webcare", CHANNEL)]
    await engine.dispose()


async def test_a_team_from_before_the_environment_was_kept_follows_it_once_more(
    sqlite_url: str, slack: Sandbox
) -> None:
    async with running_bot(sqlite_url, slack) as bot, bot.desk.session() as session:
        (await session.get_one(Team, 1)).environment = None
    async with running_bot(sqlite_url, slack, team_name="Webzorg") as bot:
        assert (await team(bot)).name == "Webzorg"
        assert (await team(bot)).environment == {"name": "Webzorg", "channel": CHANNEL}


async def test_an_environment_that_names_another_teams_name_or_channel_is_refused(
    sqlite_url: str, slack: Sandbox
) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        await add_team(bot)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"team_name": "Wegen"}, "TEAM_NAME is Wegen"),
        ({"slack_channel": OTHER}, "SLACK_CHANNEL"),
    ]
    for change, words in refused:
        with pytest.raises(BadSettings, match=words):
            async with running_bot(sqlite_url, slack, **change):
                pass


FORMS: dict[str, dict[str, Any]] = {
    "team": {"name": "Online"},
    "hours": {"day_0": "10:00-11:00"},
    "closed": {"closed_days": "2027-01-04"},
    "norms": {"norm_resolution": "5"},
    "reminders": {"claim_reminder": "5"},
    "duty": {"rota_0": [YOUSSEF]},
    "reasons": {"close_reasons": "Dubbel"},
    "roles": {"role_coordinators": [SANNE]},
}
"""What one who is a coordinator no longer tries to save."""
LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "snippets": ("snippet:add", {"snippet_title": "Groet", "snippet_text": "Dag"}),
    "advisers": ("adviser:add", {"adviser_title": "Afval", "adviser_person": YOUSSEF}),
    "platforms": ("platform:edit", dict.fromkeys(
        ("platform_first_reaction", "platform_next_reaction", "platform_resolution"), "5"
    )),
    "initials": ("initials:edit", {"initials": "XX"}),
}  # fmt: skip


async def lose_the_role(bot: Bot) -> None:
    async with bot.desk.session() as session:
        session.add(Agent(team_id=1, slack_id=YOUSSEF, role=Role.COORDINATOR, created_at=bot.desk.now()))
        (await session.get_one(Agent, (1, SANNE))).role = Role.AGENT


async def everything(bot: Bot) -> list[object]:
    """All that settings could have changed."""
    kept = [(row.name, row.channel, row.settings) for row in await bot.rows(Team)]
    async with bot.desk.reading() as session:
        agents = [await session.get_one(Agent, (1, each)) for each in (SANNE, YOUSSEF)]
    return [kept, [(agent.role, agent.initials) for agent in agents], [e.kind for e in await bot.rows(Event)]]


@pytest.mark.parametrize("group", [*FORMS, *LISTS])
async def test_one_who_lost_the_role_meanwhile_is_refused_kindly_and_changes_nothing(
    sqlite_bot: Bot, group: str
) -> None:
    bot = sqlite_bot
    shown = await open_group(bot, SANNE, group)
    filled = FORMS.get(group)
    if filled is None:
        async with bot.desk.session() as session:
            (await session.get_one(Agent, (1, SANNE))).initials = "SB"
        button, filled = LISTS[group]
        shown = await open_group(bot, SANNE, group)
        await changed(bot, SANNE, shown, button)
    await lose_the_role(bot)
    before = await everything(bot)
    ack = await bot.slack.submit(SANNE, filled)
    assert ["Alleen een coördinator" in words for words in ack.errors.values()] == [True]
    assert "Youssef Amrani" in next(iter(ack.errors.values()))
    assert await everything(bot) == before


async def test_one_who_lost_the_role_clicks_without_effect_and_is_told(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "hours")
    await bot.slack.submit(SANNE, {"day_0": "10:00-11:00"})
    saved = bot.slack.view(SANNE)
    await lose_the_role(bot)
    before = await everything(bot)
    for number, button in enumerate(("settings:undo", "settings:group"), 1):
        await bot.slack.click_in_view(SANNE, button)
        told = await bot.slack.wait_for(lambda n=number: len(told := bot.slack.direct(SANNE)) == n and told)  # type: ignore[misc]
        assert "Alleen een coördinator" in text_of(told[-1])
    assert bot.slack.view(SANNE)["hash"] == saved["hash"]
    assert await everything(bot) == before
    await bot.slack.close_view(SANNE)
    await bot.slack.command(SANNE, CHANNEL, "/webcare instellingen")

    async def refused() -> bool:
        view = bot.slack.view(SANNE)
        return view is not None and "Alleen een coördinator" in text_of(view)

    await eventually(refused)


def test_a_team_in_english_reads_the_holidays_in_english() -> None:
    en = Texts("en", "Europe/Amsterdam")
    assert set(HOLIDAY_NAMES) == set(HOLIDAYS)
    shown = json.dumps(closed_modal(1, HOLIDAYS, {"holidays_0": ["Goede vrijdag"]}, en))
    change = Event(id=1, kind=EventKind.SETTINGS, at=datetime(2026, 11, 24, tzinfo=UTC), details={
        "field": "holidays", "before": ["Tweede kerstdag", "Goede vrijdag"], "after": ["Goede vrijdag"]})  # fmt: skip
    said = change_words(change, en)
    assert '"Good Friday"' in shown and '"text": "Goede vrijdag"' not in shown
    assert "Boxing Day" in said and "kerstdag" not in said
    assert "Tweede kerstdag" in change_words(change, Texts("nl", "Europe/Amsterdam"))
