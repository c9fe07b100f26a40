"""When far more comes in than usual, a team reads it once: how much, what it is about, and when it is over."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import update

from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.figures import spikes
from bot.models import Account, Message, MessageKind, Role, Team
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs.spikes import watch
from tests.acting import forged
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, account_of, second_desk
from tests.people import BEHEER, make_role, moves_to, settings

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOUR = timedelta(hours=1)
NUMBERS = count()


async def known_for(bot: Bot, **time: float) -> None:
    """Let the team and its accounts exist for so long, with two posts an hour in the same hours of the past weeks."""
    since = bot.desk.now() - timedelta(**time)
    async with bot.desk.session() as session:
        await session.exec(update(Account).values(created_at=since))
        await session.exec(update(Team).values(created_at=since))
    for days in range(7, 57, 7) if since < bot.desk.now() - timedelta(weeks=3) else range(1, 21):
        at = bot.desk.now().astimezone(AMSTERDAM) - timedelta(days=days, minutes=30)  # by the clock on the wall
        if at - HOUR / 2 > since:
            await come(bot, 2, "Wanneer gaat het zwembad open?", at=at.astimezone(UTC))


async def come(
    bot: Bot,
    posts: int,
    text: str,
    *,
    at: datetime | None = None,
    received: datetime | None = None,
    authors: int = 0,
    private: bool = False,
    account_id: int = 0,
) -> None:
    """Let so many citizens write at a moment, by default to the first account."""
    at, received = at or bot.desk.now(), received or at or bot.desk.now()
    written = []
    for number in range(posts):
        author = Author(f"{at}-{number % (authors or posts)}", f"Burger {number}")
        ident = f"s{next(NUMBERS)}"
        written.append(Post(ident, author, text, at, private=private, permits=permits(Act.ANSWER)))
    async with bot.desk.session() as session:
        await inbox.take_in(session, account_id or (await account_of(bot)).id, written, now=received)


async def said(bot: Bot, **passes: float) -> list[str]:
    """Let time pass and the minute's job run; return what the messages about spikes say now, oldest first."""
    bot.clock.at += timedelta(**passes)  # type: ignore[attr-defined]
    await watch(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return [text_of(each) for each in messages(bot)]


def messages(bot: Bot, channel: str = CHANNEL) -> list[dict]:
    return [m for m in bot.slack.messages(channel) if str(m.get("metadata")).count("'spike:")]


async def test_a_spike_is_told_once_kept_level_and_told_to_be_over(office: Bot) -> None:
    await known_for(office, weeks=10)
    assert await said(office) == []
    await come(office, 12, "Wat een rookwolk boven de haven <!channel>")
    [told] = await said(office)
    assert "12 in het laatste uur" in told
    assert "meestal ongeveer 2" in told
    assert "rookwolk" in told
    assert "10:00\n12" in told
    await come(office, 5, "Die rookwolk weer")
    assert await said(office, minutes=1) == [told], "it is brought level every five minutes"
    [later] = await said(office, minutes=5)
    assert "17 in het laatste uur" in later
    [over] = await said(office, minutes=58)
    assert "niet meer binnen dan gewoonlijk" in over
    assert "maximaal 17 in een uur" in over
    assert await said(office, minutes=1) == [over]


async def test_it_goes_on_in_another_channel_when_the_team_gets_that(office: Bot) -> None:
    bot = office
    await known_for(bot, weeks=10)
    await come(bot, 12, "Wat een rookwolk boven de haven")
    await said(bot)
    await bot.slack.click(SANNE, CHANNEL, messages(bot)[0]["ts"], "spike:know")
    await moves_to(bot, BEHEER)
    await come(bot, 5, "Die rookwolk weer")
    [told] = await said(bot, minutes=6)
    assert told == f"➡️ Hoeveel er meer binnenkomt dan gewoonlijk, staat nu in <#{BEHEER}>."
    [there] = messages(bot, BEHEER)
    assert "17 in het laatste uur" in text_of(there) and SANNE in text_of(there)
    assert "spike:know" not in action_ids(there)
    assert await said(bot, minutes=58) == [told], "and ends there"
    assert "maximaal 17 in een uur" in text_of(messages(bot, BEHEER)[0])


async def test_who_knows_of_it_where_slack_does_not_show_yet_that_it_moved_knows_of_it_where_it_goes_on(
    office: Bot,
) -> None:
    bot = office
    await known_for(bot, weeks=10)
    await come(bot, 12, "Wat een rookwolk boven de haven")
    await said(bot)
    [stored] = [m for m in await bot.rows(Message) if m.kind is MessageKind.SPIKE]
    await moves_to(bot, BEHEER)
    await come(bot, 5, "Die rookwolk weer")
    await said(bot, minutes=6)
    assert "spike:know" in action_ids(messages(bot, BEHEER)[0])
    assert (await forged(bot, SANNE, messages(bot)[0], "spike:know", str(stored.id))).ok
    shown = await bot.slack.wait_for(lambda: "weten we" in text_of(m := messages(bot, BEHEER)[0]) and m)
    assert SANNE in text_of(shown) and "spike:know" not in action_ids(shown)
    assert f"<#{BEHEER}>" in text_of(messages(bot)[0])


async def test_who_knows_of_it_is_shown_and_nobody_is_asked_again(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 12, "Wat een rookwolk boven de haven")
    await said(office)
    [message] = messages(office)
    await office.slack.click(SANNE, CHANNEL, message["ts"], "spike:know")
    shown = await office.slack.wait_for(lambda: "weten we" in text_of(messages(office)[0]) and messages(office)[0])
    assert SANNE in text_of(shown)
    assert "spike:know" not in action_ids(shown)
    async with office.desk.session() as session:
        [stored] = [m for m in await office.rows(Message) if m.kind is MessageKind.SPIKE]
        await spikes.know(session, stored.id, by=YOUSSEF)
    await come(office, 9, "Nog steeds een rookwolk")
    [later] = await said(office, minutes=6)
    assert "21 in het laatste uur" in later
    assert SANNE in later
    assert YOUSSEF not in later


async def test_in_the_hour_that_comes_twice_each_ten_minutes_have_a_bar_of_their_own(office: Bot) -> None:
    bot = office
    bot.clock.at = datetime(2026, 10, 25, 1, 55, tzinfo=UTC)  # type: ignore[attr-defined]  # 02:55 for the second time
    await known_for(bot, weeks=9)
    await come(bot, 30, "Er is brand bij de fabriek", at=bot.desk.now() - timedelta(minutes=12))
    await said(bot)
    [shown] = messages(bot)
    assert "02:40 0" in shown["text"] and "02:40 (2) 30" in shown["text"]
    [chart] = [each["chart"] for each in shown["blocks"] if each["type"] == "data_visualization"]
    labels = chart["axis_config"]["categories"]
    assert len(set(labels)) == len(labels) == 12
    assert {point["label"]: point["value"] for point in chart["series"][0]["data"]}["02:40 (2)"] == 30


async def test_its_button_lists_its_posts_that_still_wait(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 9, "Wat een rookwolk boven de haven")
    await said(office)
    [message] = messages(office)
    await office.slack.click(SANNE, CHANNEL, message["ts"], "list:show")
    [listed] = await office.slack.wait_for(lambda: office.slack.ephemerals(SANNE, CHANNEL))
    assert "9 zaken" in text_of(listed)
    assert "zwembad" not in text_of(listed)


async def test_it_comes_back_within_an_hour_as_the_same_and_later_as_another(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 12, "Wat een rookwolk")
    await said(office)
    [over] = await said(office, minutes=61)
    await come(office, 12, "Weer een rookwolk")
    [again] = await said(office, minutes=1)
    assert "in het laatste uur" in again != over
    assert "gewoonlijk. Van" in (await said(office, minutes=61))[0]
    await said(office, minutes=61)
    await come(office, 12, "En weer een rookwolk")
    assert len(await said(office)) == 2


async def test_two_processes_at_once_tell_it_once(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 12, "Wat een rookwolk")
    async with second_desk(office) as other:
        await asyncio.gather(watch(office.desk), watch(other), watch(office.desk))
        await asyncio.gather(watch(other), watch(office.desk))
        await other.wake.idle()  # type: ignore[attr-defined]
    assert len(await said(office)) == 1


@pytest.mark.parametrize(
    ("posts", "authors", "known"),
    [(4, 4, 70), (12, 2, 70), (6, 6, 6)],
    ids=["few posts", "few authors", "a new installation"],
)
async def test_what_is_no_spike_is_not_told(office: Bot, posts: int, authors: int, known: int) -> None:
    await known_for(office, days=known)
    await come(office, posts, "Wat een rookwolk", authors=authors)
    assert await said(office) == []


async def test_in_its_second_week_a_team_is_compared_with_earlier_days(office: Bot) -> None:
    await known_for(office, days=9)
    await come(office, 12, "Wat een rookwolk")
    [told] = await said(office)
    assert "meestal ongeveer 2" in told


async def test_what_comes_to_an_account_that_is_new_is_left_out_of_all_that_is_said(office: Bot) -> None:
    await known_for(office, weeks=10)
    async with office.desk.session() as session:
        new = Account(team_id=1, platform="webhook", name="nieuw", url="", created_at=office.desk.now())
        session.add(new)
    await come(office, 30, "Welkom op ons nieuwe wijkforum", account_id=new.id)
    await come(office, 12, "Wat een rookwolk boven de haven")
    [told] = await said(office)
    assert "12 in het laatste uur" in told and "10:00\n12" in told
    assert "rookwolk" in told and "wijkforum" not in told


async def test_what_is_caught_up_with_after_an_outage_is_in_no_bar_either(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 40, "Wat een rookwolk", at=office.desk.now() - 1.5 * HOUR, received=office.desk.now())
    await come(office, 12, "Weer een rookwolk")
    [told] = await said(office)
    assert "12 in het laatste uur" in told and "10:00\n12" in told


async def test_catching_up_after_an_outage_is_no_spike(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 40, "Wat een rookwolk", at=office.desk.now() - 3 * HOUR, received=office.desk.now())
    assert await said(office) == []


async def test_private_words_are_not_shown_but_count(office: Bot) -> None:
    await known_for(office, weeks=10)
    await come(office, 12, "Mijn zaaknummer en geheimpje", private=True)
    [told] = await said(office)
    assert "12 in het laatste uur" in told
    assert "geheimpje" not in told


async def test_a_team_that_does_not_want_it_does_not_read_it_and_one_that_lasts_ends(office: Bot) -> None:
    await known_for(office, weeks=10)
    await settings(office, spikes=False)
    await come(office, 12, "Wat een rookwolk")
    assert await said(office) == []
    await settings(office, spikes=True)
    assert len(await said(office)) == 1
    await settings(office, spikes=False)
    [over] = await said(office, minutes=1)
    assert "niet meer binnen dan gewoonlijk" in over


async def test_a_reader_cannot_say_that_the_team_knows(office: Bot) -> None:
    await known_for(office, weeks=10)
    await make_role(office, YOUSSEF, Role.READER)
    await come(office, 12, "Wat een rookwolk")
    await said(office)
    await office.slack.click(YOUSSEF, CHANNEL, messages(office)[0]["ts"], "spike:know")
    await office.slack.wait_for(lambda: office.slack.ephemerals(YOUSSEF, CHANNEL))
    assert "weten we" not in text_of(messages(office)[0])
