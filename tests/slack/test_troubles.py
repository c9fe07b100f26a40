"""A channel that was archived, one that we were removed from, a refused token: whoever can mend it is told, once."""

import re
from typing import Any

import aiohttp
import pytest
from sqlmodel import select

from bot.cli.check import findings
from bot.models import Message, MessageKind, Person, Role, SlackTrouble, Team
from bot.run import _check_slack
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from jobs.digest import send_digests
from jobs.members import look_at_accounts
from jobs.workspace import look_at_slack
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, rows_with, running_bot, settings_for
from tests.people import BEHEER, at, home, make_role, mention, moves_to, second_team, sent, settings

OTHER = "C0ALGEMEEN"


@pytest.fixture
async def team_bot(bot: Bot) -> Bot:
    """The bot of a team that Marieke coordinates."""
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    await make_role(bot, SANNE, Role.AGENT)
    return bot


def told(bot: Bot, *words: str, person: str = MARIEKE) -> list[str]:
    """What a person was told in direct messages that holds these words."""
    return [shown for each in bot.slack.direct(person) if all(word in (shown := text_of(each)) for word in words)]


async def level(bot: Bot) -> None:
    """Let Slack show all that it takes now."""
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def troubles(bot: Bot) -> list[tuple[str, str]]:
    async with bot.desk.reading() as session:
        return [(each.channel, each.error) for each in await session.exec(select(SlackTrouble))]


async def health(bot: Bot) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/health") as response:
        return {name: each for name, each in (await response.json())["slack"].items() if name in {"state", "refused"}}


async def has_no_trouble(bot: Bot) -> bool:
    return not await troubles(bot)


async def has_left(bot: Bot) -> bool:
    async with bot.desk.reading() as session:
        return (person := await session.get(Person, MARIEKE)) is not None and person.left_at is not None


@pytest.fixture(params=[False, True], ids=["public", "private"])
def channel_bot(team_bot: Bot, request: pytest.FixtureRequest) -> Bot:
    """The bot, in a public and in a private channel: Slack's events of those have other names."""
    team_bot.slack.workspace.channels[CHANNEL].private = request.param
    return team_bot


async def test_that_the_channel_was_archived_is_told_once_and_again_when_it_is_over(channel_bot: Bot) -> None:
    bot = channel_bot
    await mention(bot)
    await bot.slack.archive(CHANNEL)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", CHANNEL, "gearchiveerd"))
    await mention(bot, 2, "Wie ziet dit?")
    await look_at_slack(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "is_archived"))
    assert len(bot.slack.direct(MARIEKE)) == 1
    assert bot.slack.direct(SANNE) == []
    assert await health(bot) == {"state": "failing", "refused": [{"channel": CHANNEL, "problem": "is_archived"}]}
    await bot.slack.open_home(MARIEKE)
    await home(bot, MARIEKE, CHANNEL, "gearchiveerd")

    await bot.slack.archive(CHANNEL, again_open=True)
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven", CHANNEL))
    await bot.card("Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "Dat is voorbij"))
    assert len(bot.slack.direct(MARIEKE)) == 2
    assert await health(bot) == {"state": "ok", "refused": []}
    await look_at_slack(bot.desk)
    assert len(bot.slack.direct(MARIEKE)) == 2


async def test_a_bot_that_was_removed_from_its_channel_tells_it_and_goes_on_when_it_is_invited(
    channel_bot: Bot,
) -> None:
    bot = channel_bot
    await bot.slack.leave(bot.slack.app.user_id, CHANNEL)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", "/invite @webcare"))
    await mention(bot, text="Wie ziet dit?")
    await bot.slack.join(YOUSSEF, CHANNEL)
    private = bot.slack.workspace.channels[CHANNEL].private  # Slack then says no more than that it is not there
    assert await troubles(bot) == [(CHANNEL, "channel_not_found" if private else "not_in_channel")]
    await bot.slack.join(bot.slack.app.user_id, CHANNEL)
    await bot.card("Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven"))
    assert len(bot.slack.direct(MARIEKE)) == 2


async def test_without_an_event_a_refused_message_tells_it_and_looking_sees_that_it_is_over(team_bot: Bot) -> None:
    bot = team_bot
    channel = bot.slack.workspace.channels[CHANNEL]
    channel.archived = True
    await mention(bot, text="Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "gearchiveerd"))
    channel.archived = False
    await look_at_slack(bot.desk)
    await bot.card("Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven"))


@pytest.mark.parametrize("refusal", ["restricted_action_read_only_channel", "no_permission", "ekm_access_denied"])
async def test_what_only_a_message_can_show_is_over_when_a_message_is_taken(team_bot: Bot, refusal: str) -> None:
    bot = team_bot
    bot.slack.faults.error("chat.postMessage", refusal)
    await mention(bot, text="Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, refusal))
    await look_at_slack(bot.desk)
    assert await troubles(bot) == [(CHANNEL, refusal)]
    bot.clock.advance(minutes=3)
    await mention(bot, 2)
    await bot.card("Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven"))
    assert len(bot.slack.direct(MARIEKE)) == 2


async def test_a_refusal_of_what_nobody_needs_any_more_is_over_when_the_channel_takes_something_else(
    office: Bot,
) -> None:
    await office.slack.join(office.slack.app.user_id, OTHER)
    ladder = [{"percent": 100, "to": "channel"}]
    await settings(office, coordinators=[MARIEKE], escalation_channel=OTHER, ladder=ladder)
    await mention(office)
    await level(office)
    office.slack.faults.error("chat.postMessage", "restricted_action_read_only_channel")
    assert await at(office, "2026-11-20 11:30") == [f"{OTHER}:100"]
    await level(office)
    assert await troubles(office) == [(OTHER, "restricted_action_read_only_channel")]
    await sent(office, 1)
    await mention(office, 2)
    office.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    await level(office)
    await look_at_slack(office.desk)
    assert len(await troubles(office)) == 1, "nothing was taken there yet"
    assert await at(office, "2026-11-20 14:00") == [f"{OTHER}:100"]
    await level(office)
    assert office.slack.messages(OTHER) != []
    await look_at_slack(office.desk)
    assert await has_no_trouble(office)
    await level(office)
    assert told(office, "weer schrijven", OTHER)


async def test_when_the_team_chooses_another_channel_what_waited_comes_there(team_bot: Bot) -> None:
    bot = team_bot
    await mention(bot, text="Al getoond")
    await bot.slack.archive(CHANNEL)
    await mention(bot, 2, "Nog niet getoond")
    await moves_to(bot, OTHER)
    bot.clock.advance(minutes=3)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:claim")
    await mention(bot, 3)
    await bot.slack.wait_for(lambda: "Al getoond" in (shown := str(bot.slack.messages(OTHER))) and "Nog niet" in shown)
    await look_at_slack(bot.desk)
    assert await has_no_trouble(bot)
    assert len(bot.slack.messages(OTHER)) == 3
    await bot.slack.wait_for(lambda: told(bot, "Dat is voorbij"))
    assert len(bot.slack.direct(MARIEKE)) == 1


async def test_a_card_that_goes_to_the_teams_new_channel_is_posted_there_though_nothing_else_happens(bot: Bot) -> None:
    await bot.slack.join(bot.slack.app.user_id, OTHER)
    await bot.slack.archive(CHANNEL)
    await mention(bot, text="Nog niet getoond")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "is_archived"))
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.channel = OTHER
        session.add(team)
    bot.clock.advance(minutes=3)
    bot.desk.wake(f"messages:{CHANNEL}")  # as the sweep does: its clock stands still here
    await bot.slack.wait_for(lambda: "Nog niet getoond" in str(bot.slack.messages(OTHER)))


async def test_an_advisers_channel_in_which_we_cannot_write_is_told_too(team_bot: Bot) -> None:
    bot = team_bot
    await settings(bot, advisers=[{"title": "Wegen", "target": OTHER}])
    await look_at_slack(bot.desk)
    await bot.slack.wait_for(lambda: told(bot, OTHER, "/invite @webcare"))


async def test_a_removed_app_is_seen_and_told_when_it_is_over(team_bot: Bot) -> None:
    bot = team_bot
    await bot.slack.uninstall()
    assert await eventually(lambda: troubles(bot)) == [("", "account_inactive")]
    assert await health(bot) == {"state": "failing", "refused": [{"channel": "", "problem": "account_inactive"}]}
    await mention(bot, text="Wie ziet dit?")
    bot.slack.install_again()
    await look_at_slack(bot.desk)
    await bot.card("Wie ziet dit?")
    await bot.slack.wait_for(lambda: told(bot, "weigerde Slack ons token"))
    assert len(bot.slack.direct(MARIEKE)) == 1


async def test_without_a_coordinator_the_agents_are_told(bot: Bot) -> None:
    await make_role(bot, SANNE, Role.AGENT)
    await bot.slack.archive(CHANNEL)
    await bot.slack.wait_for(lambda: told(bot, "gearchiveerd", person=SANNE))


async def test_when_the_only_coordinator_left_the_agents_are_told(team_bot: Bot) -> None:
    bot = team_bot
    bot.slack.workspace.people[MARIEKE].deleted = True
    await look_at_accounts(bot.desk)
    await bot.slack.archive(CHANNEL)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", CHANNEL, person=SANNE))
    await bot.slack.archive(CHANNEL, again_open=True)
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven", CHANNEL, person=SANNE))


async def test_one_who_cannot_be_told_any_more_makes_that_the_others_are(team_bot: Bot) -> None:
    bot = team_bot
    bot.slack.workspace.people[MARIEKE].deleted = True
    await bot.slack.archive(CHANNEL)
    await eventually(lambda: has_left(bot))
    assert bot.slack.direct(SANNE) == []
    for _ in range(2):
        await look_at_slack(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(told(bot, "niet meer schrijven", CHANNEL, person=SANNE)) == len(bot.slack.direct(SANNE)) == 1
    await make_role(bot, YOUSSEF, Role.COORDINATOR)
    await look_at_slack(bot.desk)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", CHANNEL, person=YOUSSEF))


async def test_one_whose_account_is_opened_again_is_told_again(team_bot: Bot) -> None:
    bot = team_bot
    for deleted in (True, False):
        bot.slack.workspace.people[MARIEKE].deleted = deleted
        await look_at_accounts(bot.desk)
        bot.clock.advance(minutes=60)
    await bot.slack.archive(CHANNEL)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", CHANNEL))
    assert bot.slack.direct(SANNE) == []


async def test_an_old_app_without_the_permission_to_look_hears_it_from_refused_messages(team_bot: Bot) -> None:
    bot = team_bot
    bot.slack.app.scopes -= {"channels:read", "groups:read"}
    await bot.slack.archive(CHANNEL)
    await mention(bot)
    await bot.slack.wait_for(lambda: told(bot, "gearchiveerd"))
    await look_at_slack(bot.desk)
    assert await troubles(bot) == [(CHANNEL, "is_archived")]
    assert len(bot.slack.direct(MARIEKE)) == 1


async def test_the_digest_and_the_check_name_a_channel_in_which_we_cannot_write(office: Bot, slack: Sandbox) -> None:
    bot = office
    await settings(bot, advisers=[{"title": "Wegen", "target": OTHER}])
    await look_at_slack(bot.desk)
    bot.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await send_digests(bot.desk)
    await bot.card("Dagoverzicht", OTHER, "/invite @webcare")
    slack.workspace.channels[CHANNEL].archived = True
    await mention(bot)
    found = {each.about: each async for each in findings(settings_for(bot.desk.settings.database_url, slack))}
    assert "is archived" in found["Channel of Webcare"].words
    assert re.search(r"\d wait, .*is_archived", found[f"Messages in {CHANNEL}"].words)
    assert not found[f"Messages in {CHANNEL}"].works


@pytest.mark.logs("the settings of a team cannot be read")
async def test_what_is_wrong_in_one_team_is_told_though_the_settings_of_another_cannot_be_read(team_bot: Bot) -> None:
    bot = team_bot
    await second_team(bot, "Kapot", time_zone="Mars/Olympus")
    await make_role(bot, YOUSSEF, Role.COORDINATOR, team_id=2)
    channels = bot.slack.workspace.channels
    channels[CHANNEL].archived = channels[BEHEER].archived = True
    await look_at_slack(bot.desk)
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", CHANNEL, "gearchiveerd"))
    await bot.slack.wait_for(lambda: told(bot, "niet meer schrijven", BEHEER, person=YOUSSEF))
    channels[CHANNEL].archived = channels[BEHEER].archived = False
    await look_at_slack(bot.desk)
    await bot.slack.wait_for(lambda: told(bot, "weer schrijven", CHANNEL))
    channels[CHANNEL].archived = True
    await mention(bot, text="Wie ziet dit?")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "is_archived"))
    await bot.slack.wait_for(lambda: len(bot.slack.direct(MARIEKE)) == 3)


async def test_a_broken_channel_keeps_only_a_bot_from_starting_that_never_wrote(bot: Bot) -> None:
    bot.slack.workspace.channels[CHANNEL].archived = True
    with pytest.raises(Exception, match="is archived"):
        await _check_slack(bot.desk)
    bot.slack.workspace.channels[CHANNEL].archived = False
    await mention(bot)
    bot.slack.workspace.channels[CHANNEL].archived = True
    await _check_slack(bot.desk)


async def test_two_processes_tell_it_once(database_url: str, slack: Sandbox) -> None:
    async with running_bot(database_url, slack) as one, running_bot(database_url, slack) as other:
        await make_role(one, MARIEKE, Role.COORDINATOR)
        slack.workspace.channels[CHANNEL].archived = True
        for bot in (one, other):
            await look_at_slack(bot.desk)
        await slack.wait_for(lambda: told(one, "gearchiveerd"))
        slack.workspace.channels[CHANNEL].archived = False
        for bot in (one, other):
            await look_at_slack(bot.desk)
        await slack.wait_for(lambda: told(one, "weer schrijven"))
        kept = [m for m in await one.rows(Message) if m.kind is MessageKind.SLACK_TROUBLE]
        assert len(kept) == len(slack.direct(MARIEKE)) == 2
