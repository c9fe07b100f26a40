"""Bots in processes of their own that carry out acts and are killed halfway: each act is done in the end."""

from pathlib import Path

import pytest

from bot.domain.mention import Act
from bot.models import Act as ActRow
from bot.models import ActStatus
from bot.sandbox.app import Sandbox
from tests.acting import approve, statuses, with_a_case
from tests.conftest import Bot, eventually
from tests.fakes.between import Between
from tests.fakes.wall import Wall
from tests.faults.processes import looking_on, running, time_passes

arrives_or_not = pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "never arrived"])


async def all_are_done(bot: Bot) -> bool:
    return {act.status for act in await bot.rows(ActRow)} == {ActStatus.DONE}


@arrives_or_not
async def test_killed_while_the_platform_is_asked_the_act_is_done_in_the_end(
    database_url: str, slack: Sandbox, wall: Wall, to_wall: Between, tmp_path: Path, arrives: bool
) -> None:
    """Killed twice: before or after the platform did it, nobody heard so."""
    async with looking_on(database_url, slack) as bot:
        await with_a_case(bot, to_wall.url, shown=False)
        await approve(bot, Act.HIDE)
        for tries in (1, 2):
            async with to_wall.holding("POST", "/acts", passed_on=arrives) as caught, running(bot, tmp_path):
                await caught()
            (act,) = await bot.rows(ActRow)
            assert (act.status, act.tries) == (ActStatus.SENDING, tries)
            await time_passes(bot, minutes=2)
        async with running(bot, tmp_path):
            await eventually(lambda: all_are_done(bot))
        assert wall.marks == {("p1", "hidden")}
        assert wall.wanted == ["hide p1"] * (3 if arrives else 1)


@arrives_or_not
async def test_killed_while_hiding_and_shown_meanwhile_the_post_ends_up_shown(
    database_url: str, slack: Sandbox, wall: Wall, to_wall: Between, tmp_path: Path, arrives: bool
) -> None:
    async with looking_on(database_url, slack) as bot:
        await with_a_case(bot, to_wall.url, shown=False)
        await approve(bot, Act.HIDE)
        async with to_wall.holding("POST", "/acts", passed_on=arrives) as caught, running(bot, tmp_path):
            await caught()
        await approve(bot, Act.SHOW)
        await time_passes(bot, minutes=2)
        async with running(bot, tmp_path):
            await eventually(lambda: all_are_done(bot))
        assert (wall.marks, wall.wanted[-1]) == (set(), "show p1")
        assert await statuses(bot) == [(Act.HIDE, ActStatus.DONE), (Act.SHOW, ActStatus.DONE)]


async def test_two_bots_at_once_ask_for_an_act_once(
    database_url: str, slack: Sandbox, wall: Wall, to_wall: Between, tmp_path: Path
) -> None:
    async with looking_on(database_url, slack) as bot:
        await with_a_case(bot, to_wall.url, shown=False)
        for kind in (Act.HIDE, Act.LIKE):
            await approve(bot, kind)
        folders = [tmp_path / "one", tmp_path / "other"]
        for folder in folders:
            folder.mkdir()
        async with running(bot, folders[0]), running(bot, folders[1]):
            await eventually(lambda: all_are_done(bot), 60)
        assert sorted(wall.wanted) == ["hide p1", "like p1"]
