"""While more comes than Slack takes cards, the channel reads how much waits, in one message that is kept level."""

from datetime import timedelta

from bot import cases
from bot.models import Account
from bot.slack import messages
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, Bot, account_of
from tests.people import moves_to
from tests.slack.conftest import come, post


async def work(bot: Bot, seconds: int) -> None:
    """Let so many seconds pass, in each of which the bot does all that it can."""
    for _ in range(seconds):
        bot.clock.at += timedelta(seconds=1)  # type: ignore[attr-defined]
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]


def said(bot: Bot, channel: str = CHANNEL) -> list[str]:
    """What the messages about what waits say now, oldest first."""
    ours = [m for m in bot.slack.messages(channel) if m["metadata"]["event_payload"]["key"].startswith("backlog:")]
    return [str(each["blocks"]) for each in ours]


async def test_a_team_reads_how_many_cases_wait_until_each_has_its_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *(post(bot, number) for number in range(60)))
    await work(bot, 10)
    assert said(bot) == []  # nobody needs to hear of a moment
    await work(bot, 7)
    [first] = said(bot)
    assert "nieuwe zaken wachten op hun kaart" in first
    assert "60 kwamen in de laatste vijf minuten" not in first, "those with a card do not wait"
    await come(bot, *(post(bot, number, "Er zit iemand binnen!") for number in range(60, 65)))
    await work(bot, 20)
    [later] = said(bot)
    assert later != first
    await work(bot, 40)
    [over] = said(bot)
    assert "Alle nieuwe zaken hebben weer een kaart" in over
    assert len([card for card in bot.cards() if "backlog" not in str(card["metadata"])]) == 65


async def test_a_team_that_gets_another_channel_reads_it_there_and_the_former_one_says_so(strict: Bot) -> None:
    bot, other = strict, "C0ALGEMEEN"
    await come(bot, *(post(bot, number) for number in range(60)))
    await work(bot, 17)
    assert "wachten op hun kaart" in said(bot)[0]
    cards = len(bot.cards())
    await moves_to(bot, other)
    await work(bot, 20)
    [former] = said(bot)
    assert f"staat nu in <#{other}>" in former and "list:show" not in former
    [there] = said(bot, other)
    assert "wachten op hun kaart" in there
    await work(bot, 40)
    [over] = said(bot, other)
    assert "Alle nieuwe zaken hebben weer een kaart" in over
    assert len(bot.cards()) == cards, "the others came in the new channel"


async def test_it_names_an_account_as_its_cards_do(strict: Bot) -> None:
    bot = strict
    async with bot.desk.session() as session:
        account = await session.get_one(Account, (await account_of(bot)).id)
        account.options = {**account.options, "title": "Het Plein"}
        session.add(account)
    await come(bot, *(post(bot, number) for number in range(60)))
    await work(bot, 17)
    [shown] = said(bot)
    assert "Het Plein" in shown
    assert "webhook" not in shown


async def test_it_stays_level_while_colleagues_click_more_often_than_slack_takes_changes(strict: Bot) -> None:
    bot = strict
    await come(bot, *(post(bot, number) for number in range(120)))
    await work(bot, 17)
    shown = []
    for case_id in range(1, 51):
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        await messages.sync(bot.desk, case_id)
        await work(bot, 1)
        shown += said(bot)
    assert len(set(shown)) >= 3, "at least every half minute"


async def test_it_is_posted_again_when_somebody_deletes_it_in_slack(strict: Bot) -> None:
    bot = strict
    await come(bot, *(post(bot, number) for number in range(90)))
    await work(bot, 20)
    [message] = [m for m in bot.slack.messages(CHANNEL) if m["metadata"]["event_payload"]["key"].startswith("backlog:")]
    await bot.slack.delete(CHANNEL, message["ts"])
    await work(bot, 20)
    assert len(said(bot)) == 1


async def test_a_second_flood_has_a_message_of_its_own(strict: Bot) -> None:
    bot = strict
    await come(bot, *(post(bot, number) for number in range(40)))
    await work(bot, 60)
    await come(bot, *(post(bot, number) for number in range(40, 80)))
    await work(bot, 60)
    assert len(said(bot)) == 2
    assert all("Alle nieuwe zaken hebben weer een kaart" in each for each in said(bot))


async def test_a_few_cases_are_no_backlog_however_long_they_wait(strict: Bot) -> None:
    bot = strict
    bot.slack.faults.rate_limit("chat.postMessage", 30)
    await come(bot, *(post(bot, number) for number in range(19)))
    await work(bot, 29)
    assert bot.cards() == []
    await work(bot, 25)
    assert len(bot.cards()) == 19
    assert said(bot) == []


async def test_its_list_shows_also_those_without_a_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *(post(bot, number, f"Vraag nummer {number}") for number in range(60)))
    await work(bot, 20)
    [message] = [m for m in bot.slack.messages(CHANNEL) if "backlog:" in str(m["metadata"])]
    await bot.slack.click(SANNE, CHANNEL, message["ts"], "list:show")
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE, CHANNEL))
    assert "Vraag nummer" in str(listed)
    assert "60" in str(listed)
