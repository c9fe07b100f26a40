"""The bot in a process of its own, killed at the worst moments: nothing appears twice or is lost without a question."""

from pathlib import Path

import pytest

from bot.models import Mention, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids
from tests.conftest import CHANNEL, SANNE, Bot
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.faults.processes import looking_on, running, time_passes
from tests.people import answer

STATUSES = "/api/v1/statuses"
WORDS, PUBLISHED = "Donderdag, Jan!", "@jan Donderdag, Jan! ^SB"


async def answer_and_kill(bot: Bot, folder: Path, between: Between, mastodon: FakeMastodon, *, arrives: bool) -> None:
    """A citizen's post is answered; the bot is killed while its request to publish is under way."""
    mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
    async with between.holding("POST", STATUSES, passed_on=arrives) as caught, running(bot, folder):
        card = await bot.slack.wait_for(lambda: bot.card_now("vuilniswagen"))
        await answer(bot, SANNE, card, WORDS)
        await caught()
    (reply,) = await bot.rows(Reply)
    assert (reply.status, reply.tries) == (ReplyStatus.SENDING, 1)


def published(mastodon: FakeMastodon) -> list[str]:
    return [mastodon.as_team("GET", f"{STATUSES}/{s['id']}/source")["text"] for s in mastodon.statuses_by_team()]


arrives_or_not = pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "never arrived"])


@arrives_or_not
async def test_killed_while_sending_the_reply_is_published_once(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, tmp_path: Path, arrives: bool
) -> None:
    async with looking_on(database_url, slack, to_mastodon.url) as bot:
        await answer_and_kill(bot, tmp_path, to_mastodon, mastodon, arrives=arrives)
        await time_passes(bot, minutes=2)
        async with running(bot, tmp_path):
            await bot.slack.wait_for(lambda: bot.card_now("*Beantwoord*"))
        assert published(mastodon) == [PUBLISHED]
        assert [r.status for r in await bot.rows(Reply)] == [ReplyStatus.SENT]
        assert len(bot.cards()) == 1
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "webcare runs" in log
    assert not [secret for secret in ("vuilniswagen", WORDS, FakeMastodon.token) if secret in log]


@arrives_or_not
async def test_killed_while_sending_and_long_away_the_reply_is_looked_up_first(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, tmp_path: Path, arrives: bool
) -> None:
    """After an hour the server no longer knows the key: sending again could publish twice."""
    async with looking_on(sqlite_url, slack, to_mastodon.url) as bot:
        await answer_and_kill(bot, tmp_path, to_mastodon, mastodon, arrives=arrives)
        await time_passes(bot, hours=2)
        async with running(bot, tmp_path):
            await bot.slack.wait_for(lambda: bot.card_now("*Beantwoord*"))
        assert published(mastodon) == [PUBLISHED]
        assert to_mastodon.requests.count(("POST", STATUSES)) == (1 if arrives else 2)


async def test_killed_while_sending_and_impossible_to_look_up_the_card_asks(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, tmp_path: Path
) -> None:
    async with looking_on(sqlite_url, slack, to_mastodon.url) as bot:
        await answer_and_kill(bot, tmp_path, to_mastodon, mastodon, arrives=True)
        mastodon.fault(f"{STATUSES}/*/source", "status", status=404)
        await time_passes(bot, hours=2)
        async with running(bot, tmp_path):
            asked = await bot.slack.wait_for(lambda: bot.card_now("Misschien verstuurd", SANNE))
            assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(asked))
            await bot.slack.click(SANNE, CHANNEL, asked["ts"], "case:settle_sent")
            await bot.slack.wait_for(lambda: bot.card_now("*Beantwoord*"))
        mastodon.clear_faults()
        assert published(mastodon) == [PUBLISHED]


@arrives_or_not
async def test_killed_while_sending_and_the_post_removed_meanwhile_the_reply_is_looked_up(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between, tmp_path: Path, arrives: bool
) -> None:
    """The server refuses to publish it again, but that says nothing about the first time."""
    async with looking_on(sqlite_url, slack, to_mastodon.url) as bot:
        await answer_and_kill(bot, tmp_path, to_mastodon, mastodon, arrives=arrives)
        (mention,) = await bot.rows(Mention)
        mastodon.delete("jan", mention.external_id)
        await time_passes(bot, minutes=2)
        async with running(bot, tmp_path):
            shown = "*Beantwoord*" if arrives else "Niet verstuurd"
            await bot.slack.wait_for(lambda: bot.card_now(shown))
        assert published(mastodon) == ([PUBLISHED] if arrives else [])


@arrives_or_not
async def test_killed_while_posting_a_card_there_is_one_card(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon, tmp_path: Path, arrives: bool
) -> None:
    async with (
        looking_on(sqlite_url, slack, mastodon.base_url) as bot,
        Between(slack.base_url) as to_slack,
    ):
        mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
        posting = to_slack.holding("POST", "/api/chat.postMessage", passed_on=arrives)
        async with posting as caught, running(bot, tmp_path, slack_api_url=f"{to_slack.url}/api/"):
            await caught()
        assert len(bot.cards()) == (1 if arrives else 0)
        await time_passes(bot, minutes=1)
        mastodon.post_as("piet", "@gemeente En de papierbak?")
        async with running(bot, tmp_path):
            await bot.slack.wait_for(lambda: bot.card_now("papierbak") and bot.card_now("vuilniswagen"))
            card = bot.card_now("vuilniswagen")
            assert card
            await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
            await bot.slack.wait_for(lambda: bot.card_now("vuilniswagen", "In behandeling"))
        assert len(bot.cards()) == 2
