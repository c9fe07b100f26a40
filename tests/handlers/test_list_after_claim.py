"""After a claim in a list that only its reader sees, the list stands there as it is now."""

from typing import Any

from bot import cases
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import BEHEER, mention, read, second_team


async def listed(bot: Bot, command: str) -> dict[str, Any]:
    """Ask for a list of the two cases, and return it."""
    for number in (1, 2):
        await mention(bot, number, f"Bericht {number}")
    assert (await bot.slack.command(SANNE, CHANNEL, command)).ok
    [shown] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    return shown


async def follows(bot: Bot, *words: str) -> str:
    """Wait until the one message that Sanne alone sees holds these words."""

    def only() -> str | None:
        own = bot.slack.ephemerals(SANNE)
        return read(own[0]) if len(own) == 1 and all(word in text_of(own[0]) for word in words) else None

    return await bot.slack.wait_for(only)


def chosen(shown: dict[str, Any]) -> str:
    """What is chosen in the first menu of a list."""
    menu = next(each for _, each in elements(shown["blocks"]) if each["action_id"] == "list:which")
    return str(menu["initial_option"]["value"])


async def test_the_list_of_open_cases_shows_who_has_the_claimed_one(bot: Bot) -> None:
    shown = await listed(bot, "/webcare open")
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="1")
    words = await follows(bot, f"<@{SANNE}>")
    assert "Bericht 1" in words and "Bericht 2" in words
    await bot.card("Bericht 1", "In behandeling", SANNE)


async def test_a_claim_that_came_too_late_shows_in_the_list_too(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    shown = await listed(bot, "/webcare open")
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="1")
    told = await bot.slack.wait_for(lambda: len(bot.slack.ephemerals(SANNE)) == 2 and bot.slack.ephemerals(SANNE))
    assert f"<@{YOUSSEF}>" in text_of(told[0]) and f"al bij <@{YOUSSEF}>" in text_of(told[1])


async def test_a_filtered_list_stays_filtered(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    shown = await listed(bot, "/webcare open")
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:which", "unowned||0|")
    await bot.slack.wait_for(lambda: "unowned" in chosen(bot.slack.ephemerals(SANNE)[0]))
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="1")
    assert "Bericht 1" not in await follows(bot, "Er wacht 1 zaak")


async def test_a_search_stays_that_search(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    shown = await listed(bot, "/webcare zoek Bericht")
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="2")
    assert "Bericht 1" in await follows(bot, "2 zaken gevonden", f"<@{SANNE}>")


async def test_a_list_of_a_team_in_which_they_have_no_role_any_more_shows_nothing_of_it(bot: Bot) -> None:
    beheer = await second_team(bot)
    shown = await listed(bot, "/webcare open")
    async with bot.desk.session() as session:
        await cases.transfer(
            session, 1, seen=1, to=beheer, note="Voor jullie", by=YOUSSEF, now=bot.desk.now(), submission="t"
        )
    await bot.slack.leave(SANNE, CHANNEL)
    await mention(bot, 3, "Mijn BSN is 123456782", private=True)
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="1")
    words = await follows(bot, "geen rol meer in dit team")
    assert "Bericht" not in words and "123456782" not in str(bot.slack.ephemerals(SANNE))
    assert (await bot.case(1)).assignee == SANNE, "it is of a team in which she has one"


async def test_a_case_that_went_to_another_team_leaves_the_list_when_its_button_is_clicked(bot: Bot) -> None:
    beheer = await second_team(bot)
    await bot.slack.leave(SANNE, BEHEER)
    shown = await listed(bot, "/webcare open")
    async with bot.desk.session() as session:
        await cases.transfer(
            session, 1, seen=1, to=beheer, note="Voor jullie", by=YOUSSEF, now=bot.desk.now(), submission="t"
        )
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:claim", value="1")
    changed, told = [text_of(each) for each in bot.slack.ephemerals(SANNE)]
    assert "Bericht 1" not in changed and "Bericht 2" in changed
    assert "Beheer" in told
    assert (await bot.case(1)).assignee is None
