"""Messages link to each other by our workspace's address, also where Slack says it only after they were written."""

from bot.sandbox.app import Sandbox
from bot.slack import messages
from bot.slack.calls import contact_of, home_of
from jobs import sweep
from jobs.workspace import look_at_slack, meet_slack
from tests.conftest import CHANNEL, Bot, running_bot, second_desk
from tests.people import read


async def writes(bot: Bot, text: str) -> None:
    bot.citizen_posts(text, name="Fatima")
    await bot.card(text)


async def both_name_each_other(bot: Bot, *, linked: bool) -> None:
    def named() -> bool:
        first, second = bot.card_now("De brug is dicht"), bot.card_now("De lamp is stuk")
        if not (first and second and "ook open: " in read(first) and "ook open: " in read(second)):
            return False
        return ("|zaak 2>" in str(first["blocks"])) is ("|zaak 1>" in str(second["blocks"])) is linked

    await bot.slack.wait_for(named)


async def test_cards_written_before_slack_said_its_address_link_to_each_other_once_it_does(
    database_url: str, slack: Sandbox
) -> None:
    slack.faults.status("auth.test", 503, times=100)
    async with running_bot(database_url, slack) as bot:
        await writes(bot, "De brug is dicht")
        await writes(bot, "De lamp is stuk")
        await both_name_each_other(bot, linked=False)
        await look_at_slack(bot.desk)  # it does not answer yet
        slack.faults.clear()
        await look_at_slack(bot.desk)
        await sweep(bot.desk)
        await both_name_each_other(bot, linked=True)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        slack.api.calls.clear()
        await look_at_slack(bot.desk)
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        assert [call.method for call in slack.api.calls if call.method.startswith("chat.")] == []


async def test_a_process_uses_the_address_that_another_learnt(database_url: str, slack: Sandbox) -> None:
    slack.faults.status("auth.test", 503, times=100)
    async with running_bot(database_url, slack) as bot, second_desk(bot) as other:
        slack.faults.clear()
        await look_at_slack(bot.desk)
        slack.api.calls.clear()
        assert home_of(other.slack) == ""
        await messages.drain(other, CHANNEL)
        assert home_of(other.slack) == home_of(bot.desk.slack) != ""
        assert [call.method for call in slack.api.calls] == []


async def test_a_process_asks_slack_who_we_are_until_it_says_so(database_url: str, slack: Sandbox) -> None:
    slack.faults.status("auth.test", 503, times=100)
    async with running_bot(database_url, slack) as bot:
        for _ in range(2):
            await meet_slack(bot.desk)
            assert "user_id" not in contact_of(bot.desk.slack).identity
        slack.faults.clear()
        await meet_slack(bot.desk)
        assert contact_of(bot.desk.slack).identity["user_id"]
        slack.api.calls.clear()
        await meet_slack(bot.desk)
        assert slack.api.calls == []
