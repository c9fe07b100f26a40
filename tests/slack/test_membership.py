"""Who is in a team's channel, and who of them is a full member: known from Slack, and kept while Slack is away."""

import asyncio
from datetime import timedelta

import pytest

from bot import cases
from bot.cases import reminders
from bot.cases.reminders import Told
from bot.models import ReminderKind, Team
from bot.slack import membership, messages
from bot.slack.calls import SlackDown
from bot.staffing import presence
from bot.team import members as known_members
from bot.team.members import READ_EVERY
from jobs import members
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, second_desk
from tests.people import comes, mention, settings

OURS = {SANNE: True, YOUSSEF: True, MARIEKE: True, "U0WEBCARE": False}


async def known(bot: Bot, channel: str = CHANNEL) -> dict[str, bool]:
    async with bot.desk.reading() as session:
        found = await known_members.known(session, channel)
    return {slack_id: member.is_full for slack_id, member in found.items()}


async def forget(bot: Bot) -> None:
    """Forget all, as before the first start."""
    async with bot.desk.session() as session:
        for member in await known_members.known(session, CHANNEL):
            await known_members.left(session, CHANNEL, member)
        (await session.get_one(Team, 1)).channel_seen = None


async def test_the_start_learns_who_is_in_the_channel_and_who_of_them_is_no_full_member(bot: Bot) -> None:
    await comes(bot, "U0GAST", "Gast van buiten", guest=True)
    await comes(bot, "U0EEN", "Eén Kanaal", one_channel=True)
    await comes(bot, "U0ELDERS", "Iemand Anders", team_id="T0ELDERS")
    await comes(bot, "U0ROBOT", "Robot", is_bot=True)
    await forget(bot)
    await members.read_channels(bot.desk)
    assert await known(bot) == OURS | {"U0GAST": False, "U0EEN": False, "U0ELDERS": False, "U0ROBOT": False}
    [team] = await bot.rows(Team)
    assert (team.channel_seen["public"], team.channel_seen["shared"]) == (True, False)


@pytest.mark.parametrize("method", ["conversations.info", "conversations.members", "users.info"])
async def test_a_channel_of_more_people_than_slack_describes_at_once_is_learned_in_one_reading(
    bot: Bot, method: str
) -> None:
    await forget(bot)
    bot.slack.faults.rate_limit(method, 1)
    await members.read_channels(bot.desk)
    assert await known(bot) == OURS


@pytest.mark.parametrize("limited", [True, False])
async def test_a_channel_that_slack_does_not_show_now_is_read_as_soon_as_it_does(bot: Bot, limited: bool) -> None:
    await forget(bot)
    if limited:
        bot.slack.faults.rate_limit("conversations.members", 60)
    else:
        bot.slack.faults.down = True
    await members.read_channels(bot.desk)
    assert await known(bot) == {}
    bot.slack.faults.down = False
    bot.clock.advance(seconds=61 if limited else members.LOOK_EVERY.total_seconds())
    await members.read_channels(bot.desk)
    assert await known(bot) == OURS


async def test_who_joins_or_leaves_is_known_at_once(bot: Bot) -> None:
    await forget(bot)
    await bot.slack.leave(SANNE, CHANNEL)
    await bot.slack.join(SANNE, CHANNEL)
    await comes(bot, "U0GAST", "Gast van buiten", guest=True)
    await comes(bot, "U0JAN", "Jan Nieuw", "C0ESCALATIE")
    assert await known(bot) == {SANNE: True, "U0GAST": False}
    assert await known(bot, "C0ESCALATIE") == {}, "no team has its cards there"
    await bot.slack.leave(SANNE, CHANNEL)
    assert await known(bot) == {"U0GAST": False}


async def test_an_event_that_did_not_arrive_is_made_good_by_the_next_reading_and_one_process_reads(bot: Bot) -> None:
    await members.read_channels(bot.desk)
    bot.clock.advance(seconds=READ_EVERY.total_seconds() + 1)
    bot.slack.workspace.channels[CHANNEL].members -= {YOUSSEF}
    before = len(bot.slack.calls("conversations.members"))
    async with second_desk(bot) as other:
        await asyncio.gather(members.read_channels(bot.desk), members.read_channels(other))
    assert len(bot.slack.calls("conversations.members")) == before + 1
    assert YOUSSEF not in await known(bot)


async def test_one_who_became_a_guest_is_described_again_after_a_day(bot: Bot) -> None:
    await forget(bot)
    await members.read_channels(bot.desk)
    bot.slack.workspace.people[SANNE].guest = True
    described = len(bot.slack.calls("users.info"))
    bot.clock.advance(seconds=READ_EVERY.total_seconds() + 1)
    await members.read_channels(bot.desk)
    assert len(bot.slack.calls("users.info")) == described
    bot.clock.advance(seconds=timedelta(days=1).total_seconds())
    await members.read_channels(bot.desk)
    assert (await known(bot))[SANNE] is False


@pytest.mark.parametrize("refusal", ["user_not_visible", "user_not_found"])
async def test_one_of_whom_slack_tells_nothing_keeps_it_from_telling_of_no_other(bot: Bot, refusal: str) -> None:
    await forget(bot)
    bot.slack.faults.error("users.info", refusal)
    await members.read_channels(bot.desk)
    assert len(OURS.items() - (await known(bot)).items()) == 1
    for person in (SANNE, YOUSSEF, MARIEKE):
        bot.slack.workspace.people[person].guest = True
    bot.clock.advance(days=1, minutes=1)
    bot.slack.faults.error("users.info", refusal)
    await members.read_channels(bot.desk)
    assert list((await known(bot)).values()).count(True) <= 1, "the others are guests now"


async def test_one_whose_account_is_opened_again_is_not_passed_over_for_ever(bot: Bot) -> None:
    """Sanne has no role, so that nobody asks about her account: we learn from a refused message that it was closed."""
    await settings(bot, always_open=True)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        team = await reminders.hold(session, 1)
        idle = Told(SANNE, case_id, ReminderKind.CLOCK, 1)
        await reminders.remind(session, team, [idle], now=bot.desk.now())

    async def is_away() -> bool:
        async with bot.desk.reading() as session:
            return await presence.is_away(session, SANNE)

    bot.slack.workspace.people[SANNE].deleted = True
    await messages.wake_lanes(bot.desk)
    await eventually(is_away)
    bot.slack.workspace.people[SANNE].deleted = False
    bot.clock.advance(days=1, minutes=1)
    await members.read_channels(bot.desk)
    assert not await is_away()


async def test_what_is_known_stays_known_while_slack_does_not_answer(bot: Bot) -> None:
    await forget(bot)
    await members.read_channels(bot.desk)
    bot.clock.advance(seconds=timedelta(days=3).total_seconds())
    bot.slack.faults.down = True
    await members.read_channels(bot.desk)
    async with second_desk(bot) as after_a_restart:
        await members.read_channels(after_a_restart)
    assert await known(bot) == OURS


async def test_one_who_acts_before_we_know_them_is_looked_up(bot: Bot) -> None:
    await forget(bot)
    [team] = await bot.rows(Team)
    await membership.look_at(bot.desk, [team], SANNE, "")
    await membership.look_at(bot.desk, [team], "U0NIEMAND", "")
    assert await known(bot) == {SANNE: True}
    bot.slack.faults.down = True
    with pytest.raises(SlackDown):
        await membership.look_at(bot.desk, [team], YOUSSEF, "")


async def test_an_app_that_may_not_see_members_yet_knows_those_who_click_in_the_channel(bot: Bot) -> None:
    """An app installed before it asked for channels:read goes on working until it is installed again."""
    await forget(bot)
    bot.slack.workspace.app.scopes -= {"channels:read", "groups:read"}
    [team] = await bot.rows(Team)
    await comes(bot, "U0GAST", "Gast van buiten", guest=True)
    await forget(bot)
    for person in (SANNE, "U0GAST"):
        await membership.look_at(bot.desk, [team], person, CHANNEL)
    await membership.look_at(bot.desk, [team], YOUSSEF, "C0ALGEMEEN")
    assert await known(bot) == {SANNE: True, "U0GAST": False}


def test_a_full_member_of_a_grid_may_have_another_home_workspace() -> None:
    ours, elsewhere = "T0GEMEENTE", "T0DIENST"
    of_grid = {"team_id": elsewhere, "enterprise_user": {"teams": [elsewhere, ours]}}
    assert membership.is_full_member(of_grid, ours)
    assert not membership.is_full_member(of_grid | {"is_stranger": True}, ours)
    assert not membership.is_full_member({"team_id": elsewhere}, ours)
