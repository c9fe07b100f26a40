"""`webcare try` has a second team: a newcomer can ask its channel for advice."""

import asyncio
from pathlib import Path

from bot.sandbox.slack.inspection import action_ids, text_of
from tests.conftest import CHANNEL, MARIEKE, SANNE
from tests.trial.trying import card, trying

OTHER, TOM = "C0BEHEER", "U0TOM"


async def test_the_other_teams_channel_can_be_asked_for_advice(folder: Path) -> None:
    async with trying() as slack:
        road = await card(slack, "Stationsweg", "Nieuw")
        await slack.click(SANNE, CHANNEL, road["ts"], "case:escalate")
        await slack.wait_for(lambda: (v := slack.view(SANNE)) and v["callback_id"] == "case:escalate")
        asks = {"escalate_group": OTHER, "escalate_question": "Staan de borden er nog?"}
        ack = await slack.submit(SANNE, asks)
        assert ack.ok and not ack.errors
        [question] = await slack.wait_for(lambda: [m for m in slack.messages(OTHER) if "borden" in text_of(m)])
        assert "case:advise" in action_ids(question)
        await slack.click(TOM, OTHER, question["ts"], "case:advise")
        await slack.wait_for(lambda: (v := slack.view(TOM)) and v["callback_id"] == "case:advise")
        assert (await slack.submit(TOM, {"advice_text": "Die zijn gestolen. Vandaag staan er nieuwe."})).ok
        assert await slack.wait_for(lambda: [m for m in slack.thread(CHANNEL, road["ts"]) if "gestolen" in text_of(m)])


async def test_the_home_of_both_coordinators_warns_of_nothing(folder: Path) -> None:
    async with trying() as slack:

        def described() -> bool:
            """Whether the bot has seen whom each channel has, and so who reads it."""
            return all(any(person in str(call) for call in slack.calls("users.info")) for person in (SANNE, TOM))

        await slack.wait_for(described)
        await asyncio.gather(*(slack.open_home(each) for each in (MARIEKE, TOM)))
        await slack.wait_for(lambda: slack.home(MARIEKE) and slack.home(TOM))
        for shown in (slack.home(MARIEKE) or {}, slack.home(TOM) or {}):
            assert "Instellingen" in text_of(shown)
            assert "Het kanaal van" not in text_of(shown)


async def test_a_post_with_a_picture_has_its_description_on_the_card(folder: Path) -> None:
    async with trying() as slack:
        shown = text_of(await card(slack, "boom over het fietspad"))
        assert "Een omgevallen boom ligt dwars" in shown
        assert f"{slack.base_url}/square/static/pictures/boom.svg" in shown
