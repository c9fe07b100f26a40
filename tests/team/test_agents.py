"""Roles, initials and duty hold in one team; whether a person is away holds in all of them."""

import asyncio

import pytest

from bot import db
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.text import Refused
from bot.models import Account, Agent, Event, Role, Team, Workspace
from bot.run import _check_slack
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.staffing import presence
from bot.team import agents, teams, undo
from bot.team.members import READ_EVERY, still_here
from bot.team.settings import TeamSettings
from jobs import members
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import answer, asked, changed, home, make_role, open_group, open_modal, read, second_team

OTHER = "C0ESCALATIE"


@pytest.fixture
async def two_teams(sqlite_bot: Bot) -> Bot:
    """The bot with a second team, of which nobody is an agent yet."""
    async with sqlite_bot.desk.session() as session:
        session.add(Team(name="Wegen", channel=OTHER, created_at=sqlite_bot.desk.now()))
    return sqlite_bot


async def card_in(bot: Bot, channel: str, words: str, name: str) -> dict:
    """Let a citizen write to the account of the team of this channel, and wait for the card."""
    async with bot.desk.session() as session:
        (await session.get_one(Account, 1)).team_id = 1 if channel == CHANNEL else 2
    bot.citizen_posts(words, name=name)
    return await bot.slack.wait_for(lambda: next((m for m in bot.slack.messages(channel) if words in text_of(m)), None))


async def agent(bot: Bot, team_id: int, slack_id: str) -> Agent | None:
    async with bot.desk.reading() as session:
        return await session.get(Agent, (team_id, slack_id))


async def test_a_reader_of_one_team_acts_in_another(two_teams: Bot) -> None:
    bot = two_teams
    await make_role(bot, MARIEKE, Role.READER)
    await make_role(bot, MARIEKE, Role.AGENT, team_id=2)
    first, second = await card_in(bot, CHANNEL, "vissen", "Ans"), await card_in(bot, OTHER, "zwemmen", "Kees")
    await bot.slack.click(MARIEKE, CHANNEL, first["ts"], "case:claim")
    assert "Je kijkt alleen mee" in text_of(bot.slack.ephemerals(MARIEKE, CHANNEL)[-1])
    assert (await bot.case(1)).status is Status.NEW

    await bot.slack.open_home(MARIEKE)
    shown = await home(bot, MARIEKE, "vissen", "zwemmen", "Instellingen – Wegen")
    assert action_ids(shown).count("case:claim") == 1
    await bot.slack.click_in_view(MARIEKE, "case:claim", value="2")
    await bot.slack.wait_for(
        lambda: any("In behandeling" in text_of(m) for m in bot.slack.messages(OTHER) if m["ts"] == second["ts"])
    )
    assert (await bot.case(2)).assignee == MARIEKE


async def test_a_modal_of_a_case_is_of_the_team_of_the_case_wherever_it_was_opened(two_teams: Bot) -> None:
    bot = two_teams
    card = await card_in(bot, CHANNEL, "vissen", "Ans")
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, MARIEKE, "case:answer")
    await make_role(bot, MARIEKE, Role.READER)
    await make_role(bot, MARIEKE, Role.COORDINATOR, team_id=2)
    ack = await bot.slack.submit(MARIEKE, {"answer_text": "Nee.", "initials": "MV"})
    assert "Je kijkt alleen mee" in ack.errors["answer_text"]


async def test_the_first_who_opens_a_teams_settings_coordinates_that_team_only(two_teams: Bot) -> None:
    bot = two_teams
    await open_group(bot, SANNE, "team")
    await bot.slack.close_view(SANNE)
    await bot.slack.command(YOUSSEF, OTHER, "/webcare instellingen")
    await bot.slack.wait_for(
        lambda: (view := bot.slack.view(YOUSSEF)) and "settings:group" in action_ids(view) and "Wegen" in text_of(view),
    )
    await bot.slack.command(YOUSSEF, CHANNEL, "/webcare instellingen")
    await bot.slack.wait_for(lambda: (v := bot.slack.view(YOUSSEF)) and "Alleen een coördinator" in text_of(v))
    for team_id, person, other in ((1, SANNE, YOUSSEF), (2, YOUSSEF, SANNE)):
        found = await agent(bot, team_id, person)
        assert found is not None and found.role is Role.COORDINATOR
        assert await agent(bot, team_id, other) is None


async def test_a_command_outside_channels_of_teams_opens_the_settings_of_the_team_that_one_coordinates(
    bot: Bot,
) -> None:
    await make_role(bot, SANNE, Role.COORDINATOR)
    await make_role(bot, YOUSSEF, Role.COORDINATOR, team_id=await second_team(bot))
    await bot.slack.command(YOUSSEF, "C0ALGEMEEN", "/webcare instellingen")

    def menu() -> dict | None:
        view = bot.slack.view(YOUSSEF)
        return view if view and "settings:group" in action_ids(view) else None

    shown = await bot.slack.wait_for(menu)
    assert "Wat wil je instellen voor *Beheer*?" in read(shown)
    form = await changed(bot, YOUSSEF, shown, "settings:group", "team")
    assert form["callback_id"] == "settings:team"


async def test_when_the_account_of_every_coordinator_is_closed_the_settings_say_how_to_name_another(bot: Bot) -> None:
    for person in (MARIEKE, YOUSSEF):
        await make_role(bot, person, Role.COORDINATOR)
    await leaves(bot, MARIEKE)
    await bot.slack.command(SANNE, CHANNEL, "/webcare instellingen")
    only = f"Alleen een coördinator kan de instellingen wijzigen: <@{YOUSSEF}>."
    await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and only in text_of(view))
    await leaves(bot, YOUSSEF)
    await bot.slack.command(SANNE, CHANNEL, "/webcare instellingen")
    await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and "webcare teams coordinator" in text_of(view))


async def test_who_slack_tells_nothing_of_is_asked_about_once_an_hour_and_stays_as_known(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, YOUSSEF, Role.COORDINATOR)
    await leaves(bot, YOUSSEF)
    bot.slack.faults.error("users.info", "user_not_visible", times=100)
    bot.clock.advance(minutes=60)
    before = len(bot.slack.calls("users.info"))
    for _ in range(2):
        await members.look_at_accounts(bot.desk)
    asked = [call.args["user"] for call in bot.slack.calls("users.info")[before:]]
    assert asked.count(YOUSSEF) == 1
    async with bot.desk.reading() as session:
        assert await still_here(session, [YOUSSEF]) == []


async def leaves(bot: Bot, person: str) -> None:
    """Let the account of a person be closed, and the hour go by in which we see that."""
    bot.slack.workspace.people[person].deleted = True
    bot.clock.advance(minutes=60)
    await members.look_at_accounts(bot.desk)


async def test_of_two_who_open_the_settings_of_a_new_team_at_once_one_coordinates(bot: Bot) -> None:
    async def opens(person: str) -> str:
        try:
            async with bot.desk.session() as session:
                await agents.coordinate(session, 1, person, now=bot.desk.now())
        except Refused:
            return "refused"
        return "coordinates"

    outcomes = await asyncio.gather(*(opens(person) for person in (SANNE, YOUSSEF, MARIEKE)))
    assert sorted(outcomes) == ["coordinates", "refused", "refused"]
    async with bot.desk.reading() as session:
        assert len(await agents.with_role(session, 1, Role.COORDINATOR)) == 1


async def test_the_same_initials_sign_in_two_teams_but_not_twice_in_one(two_teams: Bot) -> None:
    bot = two_teams
    assert "^SB" in await asked(bot, SANNE, "/webcare initialen SB")
    assert "^SB" in await asked(bot, YOUSSEF, "/webcare initialen SB", OTHER)
    assert f"<@{SANNE}> ondertekent al met ^SB" in await asked(bot, YOUSSEF, "/webcare initialen SB")
    first, second = await card_in(bot, CHANNEL, "vissen", "Ans"), await card_in(bot, OTHER, "zwemmen", "Kees")
    await answer(bot, SANNE, first, "Ja.")
    await bot.slack.click(YOUSSEF, OTHER, second["ts"], "case:answer")
    assert "initials" not in action_ids(await open_modal(bot, YOUSSEF, "case:answer"))
    await bot.slack.submit(YOUSSEF, {"answer_text": "Nee."})
    texts = await bot.slack.wait_for(
        lambda: len(found := [p["text"] for p in bot.slack.square.posts if p["author"]["team"]]) == 2 and found
    )
    assert sorted(texts) == ["Ja. ^SB", "Nee. ^SB"]


async def test_who_is_on_duty_in_one_team_is_not_in_another_and_leaves_all_when_away(two_teams: Bot) -> None:
    bot = two_teams

    async def on_duty() -> list[list[str]]:
        async with bot.desk.reading() as session:
            return [await presence.on_duty(session, team, TeamSettings(), bot.desk.now()) for team in (1, 2)]

    await asked(bot, SANNE, "/webcare dienst", OTHER)
    assert await on_duty() == [[], [SANNE]]
    await asked(bot, SANNE, "/webcare dienst")
    await asked(bot, YOUSSEF, "/webcare dienst")
    assert await on_duty() == [[SANNE, YOUSSEF], [SANNE]]
    await asked(bot, SANNE, "/webcare weg", OTHER)
    assert await on_duty() == [[YOUSSEF], []]
    await asked(bot, SANNE, "/webcare weg terug")
    assert await on_duty() == [[YOUSSEF], []]


async def test_of_two_who_choose_the_same_initials_at_once_the_second_reads_who_has_them(bot: Bot) -> None:
    both_begun = asyncio.Barrier(2)

    async def chooses(person: str) -> str:
        try:
            async with bot.desk.session() as session:
                await agents.locked(session, 1, person, bot.desk.now())
                if not db.is_sqlite(session):  # which lets one write at a time
                    await both_begun.wait()
                return await agents.set_initials(session, 1, person, "SB", now=bot.desk.now())
        except Refused as refused:
            return str(refused.text)

    [taken, refused] = sorted(await asyncio.gather(chooses(SANNE), chooses(YOUSSEF)), key=len)
    assert taken == "SB"
    assert "signs with ^SB. Choose others." in refused


async def test_who_answers_for_several_teams_says_in_a_channel_which_one_their_duty_or_initials_are_of(
    bot: Bot,
) -> None:
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel=OTHER, created_at=bot.desk.now()))
    await members.read_channels(bot.desk)

    async def on_duty() -> list[list[str]]:
        async with bot.desk.reading() as session:
            return [await presence.on_duty(session, team, TeamSettings(), bot.desk.now()) for team in (1, 2)]

    await asked(bot, SANNE, "/webcare dienst", OTHER)
    assert await on_duty() == [[], [SANNE]]
    for command in ("dienst uit", "dienst", "initialen SB"):
        assert "Je antwoordt voor meerdere teams" in await asked(bot, SANNE, f"/webcare {command}", "C0ALGEMEEN")
    assert await on_duty() == [[], [SANNE]] and await agent(bot, 1, SANNE) is None
    assert "geen dienst meer" in await asked(bot, SANNE, "/webcare dienst uit", OTHER)
    assert await on_duty() == [[], []]
    await make_role(bot, MARIEKE, Role.READER)
    assert "Je hebt dienst" in await asked(bot, MARIEKE, "/webcare dienst", "C0ALGEMEEN")
    assert await on_duty() == [[], [MARIEKE]]


async def test_the_home_shows_the_teams_of_the_person(two_teams: Bot) -> None:
    bot = two_teams
    bot.slack.workspace.channels[CHANNEL].members -= {MARIEKE}
    bot.slack.workspace.channels[OTHER].members -= {YOUSSEF}
    bot.clock.advance(seconds=READ_EVERY.total_seconds() + 1)
    await members.read_channels(bot.desk)
    await card_in(bot, CHANNEL, "vissen", "Ans")
    await card_in(bot, OTHER, "zwemmen", "Kees")
    await bot.slack.open_home(MARIEKE)
    assert "vissen" not in text_of(await home(bot, MARIEKE, "zwemmen", "*Wachtrij* (1)"))
    await bot.slack.open_home(YOUSSEF)
    assert "zwemmen" not in text_of(await home(bot, YOUSSEF, "vissen", "*Wachtrij* (1)"))
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "zwemmen", "vissen", "*Wachtrij* (2)", "Vandaag", "Wegen")


async def test_a_change_of_a_role_from_before_roles_were_of_a_team_is_not_undone(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        details = {"agent": SANNE, "before": "agent", "after": "coordinator"}
        session.add(Event(id=7, kind=EventKind.ROLE, by=SANNE, at=bot.desk.now(), details=details))
    async with bot.desk.session() as session:
        with pytest.raises(Refused, match="not known any more"):
            await undo.undo(session, 7, 1, by=SANNE, now=bot.desk.now())


async def test_a_start_learns_what_slack_calls_the_workspace(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await _check_slack(bot.desk)
    async with bot.desk.reading() as session:
        workspace = await session.get_one(Workspace, 1)
        [team] = await teams.all_teams(session)
    assert (workspace.slack_id or "").startswith("T")
    assert team.workspace_id == workspace.id
