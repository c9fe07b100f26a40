"""The bot in a process of its own, killed while it shows a flood: each message stands once, no case is without one."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from bot import db
from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.figures import spikes
from bot.models import Account, Case, Message, MessageKind, Team
from bot.sandbox.app import Sandbox
from bot.slack import backlog, rollups
from tests.conftest import Bot, eventually
from tests.fakes.between import Between
from tests.faults.processes import add_square, caught_or, in_slack, is_level, looking_on, running, time_passes
from tests.people import FIRE, STREETS

KILLS = [(calls, calls % 2 == 0) for calls in range(8)]
"""After how many messages of each run the next one does it, and whether that one arrived."""
ALIKE, OTHERS = 12, 24


async def flood(bot: Bot) -> None:
    """Far more comes in than usual, a third of it alike; what there is to say of that is stored, and nothing shown."""
    now = bot.desk.now()
    came, known_since = now - timedelta(seconds=30), now - timedelta(days=10)
    alike = [(f"alike{n}", FIRE.format(STREETS[n % len(STREETS)])) for n in range(ALIKE)]
    others = [(f"other{n}", f"{n}{n}{n} wordt gemist") for n in range(OTHERS)]
    posts = [
        Post(id, Author(id, f"Burger {id}"), words, came, conversation=id, permits=permits(Act.ANSWER))
        for id, words in alike + others
    ]
    await add_square(bot, since=known_since)
    opened = db.sessions(bot.engine)  # without a desk: it would post the messages itself
    async with opened() as session:
        for row in (await session.get_one(Team, 1), await session.get_one(Account, 1)):
            row.created_at = known_since
            session.add(row)
        await inbox.take_in(session, 1, posts, now=came)
    async with opened() as session:
        for subject_id in await rollups.begun(session, now, speed=1):
            await rollups.begin(session, subject_id, now, speed=1)
        for team_id, waits in (await backlog.changed(session, now, speed=1)).items():
            await backlog.follow(session, team_id, waits, now)
        for team_id, rising in (await spikes.changed(session, now)).items():
            await spikes.follow(session, team_id, rising, now)


async def test_killed_again_and_again_in_a_flood_each_message_stands_once(
    database_url: str, slack: Sandbox, tmp_path: Path
) -> None:
    async with looking_on(database_url, slack) as bot, Between(slack.base_url) as to_slack:
        await flood(bot)
        for calls, arrives in KILLS:
            holding = to_slack.holding("POST", "/api/chat.*", passed_on=arrives, skip=calls)
            async with holding as caught, running(bot, tmp_path, slack_api_url=f"{to_slack.url}/api/"):
                await caught_or(caught(), lambda: is_level(bot))
            await time_passes(bot, minutes=1)
        async with running(bot, tmp_path):
            await eventually(lambda: is_level(bot))
        stored = await bot.rows(Message)
        cards = [m for m in stored if m.kind is MessageKind.CASE]
        assert len(cards) == ALIKE + OTHERS
        about = {m.kind: m for m in stored if m.kind not in {MessageKind.CASE, MessageKind.DIGEST}}
        assert about.keys() == {MessageKind.ROLLUP, MessageKind.SPIKE, MessageKind.BACKLOG}
        digests = [m for m in stored if m.kind is MessageKind.DIGEST]  # some, by the hour and day of this test
        assert len(stored) == len(cards) + len(about) + len(digests)
        without = {m.case_id for m in stored if m.ts is None}
        alike = {case.id for case in await bot.rows(Case) if case.subject_id == about[MessageKind.ROLLUP].subject_id}
        assert without == alike
        assert len(alike) == ALIKE
        assert in_slack(bot) == Counter(m.key for m in stored if m.case_id not in without)
