"""`webcare try` has a history and may have a fast clock: a newcomer sees breaches and the team's figures."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.hours import next_opening
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.team.settings import TeamSettings
from bot.trial.trying import just_before_a_week
from tests.conftest import MARIEKE
from tests.trial.trying import card, trying

ESCALATIONS = "C0ESCALATIE"
moments = st.integers(1_700_000_000, 2_050_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


async def last_week(slack: Sandbox) -> dict[str, Any]:
    return await card(slack, "De afgelopen week")


@given(now=moments)
def test_the_fast_clock_begins_just_before_an_earlier_week(now: datetime) -> None:
    began = just_before_a_week(now)
    assert began.weekday() == 0
    assert next_opening(TeamSettings().hours(now), began) == began + timedelta(minutes=3)
    assert timedelta(days=1) < now - began < timedelta(days=30)


async def test_with_a_fast_clock_a_newcomer_sees_the_digests_and_every_reminder(folder: Path) -> None:
    async with trying(speed=600) as slack:
        week = await last_week(slack)
        assert {"data_visualization", "data_table"} <= {block["type"] for block in week["blocks"]}
        assert all(source in text_of(week) for source in ("Het Plein", "Contactformulier"))
        await card(slack, "Dagoverzicht", "Toezeggingen voor vandaag")
        await card(slack, "lantaarnpaal", "Te laat")
        await card(slack, "⏰ *", " te laat", "lantaarnpaal")
        assert await slack.wait_for(lambda: slack.direct(MARIEKE))
        assert await slack.wait_for(lambda: slack.messages(ESCALATIONS))


async def test_the_history_is_the_same_every_time(folder: Path) -> None:
    weeks = []
    for _ in range(2):
        async with trying(speed=600) as slack:
            weeks.append(text_of(await last_week(slack)))
    assert weeks[0] == weeks[1]


async def test_slack_and_the_bot_have_the_same_clock(folder: Path) -> None:
    async with trying(speed=600) as slack:
        shown = await card(slack, "container")
        began = just_before_a_week(datetime.now(UTC))
        assert began.timestamp() < float(shown["ts"]) < (began + timedelta(days=1)).timestamp()
