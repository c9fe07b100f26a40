"""Nothing is lost: each day is compared with our cards and with the platform, and the digest says what was found."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlmodel import col, delete, select, update

from bot import accounts, cases
from bot.cases import inbox
from bot.domain.case import CloseReason
from bot.domain.mention import Author, Gone, Post
from bot.figures import reconciling
from bot.models import Account, Case, DayCheck, Mention, Message, MessageKind, ReplyKind
from bot.outgoing import replies
from bot.outgoing.composing import Answer
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from jobs import poll, reconcile
from jobs.digest import send_digests
from tests.clocks import StoppedClock, local
from tests.conftest import SANNE, Bot, running_bot, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import asked, connect, mention, refusing, second_team, sent, settings

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


async def level(bot: Bot) -> None:
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def checks(bot: Bot) -> list[DayCheck]:
    async with bot.desk.reading() as session:
        return list(await session.exec(select(DayCheck).order_by(col(DayCheck.account_id), col(DayCheck.day))))


def move(bot: Bot, moment: datetime) -> None:
    bot.clock.at = moment  # type: ignore[attr-defined]


async def digests(bot: Bot, moment: datetime) -> list[str]:
    """Let the digest be written and followed at a moment, and return those of days as Slack shows them."""
    move(bot, moment)
    await send_digests(bot.desk)
    await level(bot)
    await reconcile.follow(bot.desk)
    await level(bot)
    return [text_of(shown) for shown in bot.cards() if "Dagoverzicht" in text_of(shown)]


async def digest(bot: Bot, moment: datetime) -> str:
    """Let the digest be written and followed at a moment, and return the newest as Slack shows it."""
    return (await digests(bot, moment))[-1]


async def close(bot: Bot, case_id: int) -> None:
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        await cases.close(session, case_id, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)


async def test_a_digest_says_what_became_of_what_came_in_and_follows_it(office: Bot) -> None:
    first, second, third = [await mention(office, number) for number in range(3)]
    await sent(office, first)
    await close(office, second)
    before = await digest(office, local("2026-11-23 09:00"))
    assert "Berichten ontvangen: *3*, waarvan 3 op een kaart, 2 afgehandeld en 1 open" in before
    assert "vergeleken" not in before and "ontbraken" not in before
    await close(office, third)
    after = await digest(office, local("2026-11-23 15:00"))
    assert "Berichten ontvangen: *3*, waarvan 3 op een kaart, 3 afgehandeld en 0 open" in after
    versions = [message.version for message in await office.rows(Message)]
    await reconcile.follow(office.desk)
    assert [message.version for message in await office.rows(Message)] == versions, "nothing new, nothing written"


async def test_an_answer_on_its_way_is_handled_in_each_number_of_the_digest_until_it_lingers(office: Bot) -> None:
    case_id = await mention(office)
    move(office, local("2026-11-23 08:58"))
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
        file = await cases.read(session, case_id)
        answer = Answer(case_id, file.latest.id, submission="a", words="Om acht uur.", private=False,
                        kind=ReplyKind.FINAL, initials="SB")  # fmt: skip
        await replies.answer(
            session, answer, connector=office.desk.connector, by=SANNE, now=office.desk.now(), undo=timedelta(hours=1)
        )
    shown = await digest(office, local("2026-11-23 09:00"))
    assert "waarvan 1 op een kaart, 1 afgehandeld en 0 open" in shown and "• Open: *0*" in shown
    assert "0 afgehandeld en 1 open" in await digest(office, local("2026-11-23 09:04"))
    assert "• Open: *1*" in await asked(office, SANNE, "/webcare digest")


@pytest.mark.parametrize("how", ["missing", "lost"])
async def test_a_card_that_is_missing_is_made_again_once_and_said(how: str, office: Bot) -> None:
    case_id = await mention(office, 1, text="Waar is mijn kaart?")
    await mention(office, 2)
    card = (col(Message.case_id) == case_id) & (col(Message.kind) == MessageKind.CASE)
    async with office.desk.session() as session:
        if how == "missing":
            await session.exec(delete(Message).where(card))
        else:
            await session.exec(update(Message).where(card).values(ts=None, shown="", shown_version=Message.version))
    move(office, local("2026-11-21 03:59"))
    await reconcile.compare(office.desk)
    assert not await checks(office), "the night is not over"
    move(office, local("2026-11-21 04:00"))
    async with second_desk(office) as other:
        await asyncio.gather(reconcile.compare(office.desk), reconcile.compare(other))
    await reconcile.compare(office.desk)
    await level(office)
    [found] = await checks(office)
    assert (found.healed, found.missed, str(found.day)) == (1, 0, "2026-11-20")
    [message] = [each for each in await office.rows(Message) if each.case_id == case_id and each.kind == "case"]
    assert message.key == f"case:{case_id}" and message.ts is not None
    assert any("Waar is mijn kaart?" in text_of(shown) for shown in office.cards())
    shown = await digest(office, local("2026-11-23 09:00"))
    assert "waarvan 2 op een kaart" in shown
    assert "Kaarten die ontbraken en alsnog zijn geplaatst: *1*" in shown


async def test_cards_that_are_made_again_come_in_the_order_that_their_cases_deserve(office: Bot) -> None:
    for number, text in enumerate(("Wanneer?", "Hoe laat?", "Er is brand!", "Er ligt iemand gewond op straat"), 1):
        await mention(office, number, text=text)
    async with office.desk.session() as session:
        await cases.set_urgent(session, 2, urgent=True, by=SANNE, now=office.desk.now())
        await session.exec(delete(Message))
    before = len(office.cards())
    move(office, local("2026-11-21 04:00"))
    await reconcile.compare(office.desk)
    await level(office)
    made = [each["metadata"]["event_payload"]["key"] for each in office.cards()[before:]]
    assert made == [f"case:{number}" for number in (2, 4, 3, 1)]


async def test_more_than_fit_in_one_transaction_are_made_again_in_turns(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-11-20 10:00"))) as bot:
        posts = [Post(str(n), Author(f"a{n}", "Burger"), "Vraag", bot.desk.now()) for n in range(700)]
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, posts, now=bot.desk.now())
            await session.exec(delete(Message))
        move(bot, local("2026-11-21 04:00"))
        await reconcile.compare(bot.desk)
        [found] = await checks(bot)
        assert (len(await bot.rows(Message)), found.healed, found.checked_at) == (500, 500, None)
        await reconcile.compare(bot.desk)
        [found] = await checks(bot)
        assert (len(await bot.rows(Message)), found.healed, found.checked_at) == (700, 700, bot.desk.now())


async def test_a_card_that_slack_does_not_take_is_said_as_long_as_that_is_so(office: Bot) -> None:
    await mention(office, 1)
    async with office.desk.session() as session:
        wait = {"ts": None, "retry_at": local("2026-11-23 12:00"), "version": Message.version + 1}
        await session.exec(update(Message).values(**wait))
    shown = await digest(office, local("2026-11-23 09:00"))
    assert "waarvan 0 op een kaart" in shown and "Niet op een kaart die in Slack staat: *1*" in shown
    move(office, local("2026-11-23 12:01"))
    await level(office)
    assert "Niet op een kaart" not in await digest(office, local("2026-11-23 12:05"))


async def test_a_case_of_another_team_now_counts_where_it_came_in(office: Bot) -> None:
    other = await second_team(office)
    case_id = await mention(office, 1)
    move(office, local("2026-11-20 10:05"))
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
        await cases.transfer(
            session, case_id, seen=1, to=other, note="", by=SANNE, now=office.desk.now(), submission="t"
        )
    await level(office)
    move(office, local("2026-11-21 04:00"))
    await reconcile.compare(office.desk)
    assert [each.healed for each in await checks(office)] == [0]
    shown = await digest(office, local("2026-11-23 09:00"))
    assert "Berichten ontvangen: *1*, waarvan 1 op een kaart, 0 afgehandeld en 1 open" in shown


# --- With the platform ---------------------------------------------------------------------------


@dataclass
class News:
    """A feed whose entries were written yesterday by the clock of the bot, and which can be down."""

    written: datetime
    entries: list[str] = field(default_factory=list)
    down: bool = False
    asked: int = 0
    makes_new_ids: bool = False

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.down:
            return web.Response(status=503)
        new, at = self.asked if self.makes_new_ids else "", format_datetime(self.written)
        items = "".join(
            f"<item><guid>{each}{new}</guid><title>{each}</title><pubDate>{at}</pubDate></item>"
            for each in self.entries
        )
        feed = f'<rss version="2.0"><channel><title>Nieuws</title>{items}</channel></rss>'
        return web.Response(text=feed, content_type="application/rss+xml")


@dataclass
class Desk:
    """The bot with one feed, at five in the morning of the day after its entries were written."""

    bot: Bot
    news: News
    feed_id: int

    @property
    def morning(self) -> datetime:
        return self.news.written + timedelta(hours=17)

    async def poll(self, moment: datetime) -> None:
        move(self.bot, moment)
        await poll.poll_due(self.bot.desk)
        await self.bot.desk.wake.idle()  # type: ignore[attr-defined]

    async def titles(self) -> list[str]:
        return sorted(each.text.split("\n")[0] for each in await self.bot.rows(Mention))

    async def lose(self) -> None:
        """Move the cursor past all that the feed has, without storing it."""
        async with self.bot.desk.session() as session:
            account = await session.get_one(Account, self.feed_id)
            connector = self.bot.desk.connector(account)
            account.cursor = (await connector.fetch(dict(account.cursor))).cursor  # type: ignore[attr-defined]
            session.add(account)

    async def check(self) -> DayCheck:
        """What was found about yesterday."""
        return [each for each in await checks(self.bot) if each.account_id == self.feed_id][-1]


@pytest.fixture
async def desk(sqlite_url: str, slack: Sandbox) -> AsyncIterator[Desk]:
    noon = datetime.now(AMSTERDAM).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    news = News(noon)
    app = web.Application()
    app.router.add_get("/rss", news.answer)
    begun = (noon - timedelta(days=2)).astimezone(UTC)
    async with TestServer(app) as server, running_bot(sqlite_url, slack, StoppedClock(begun)) as bot:
        await settings(bot, always_open=True)
        async with bot.desk.session() as session:
            account = await accounts.add(
                session, bot.desk.settings, platform="feed", name="nieuws", url=str(server.make_url("/rss")),
                secrets={}, options={}, now=bot.desk.now(),
            )  # fmt: skip
            await session.flush()
            feed_id = account.id
        found = Desk(bot, news, feed_id)
        await found.poll(noon)
        news.entries = ["Brug dicht", "Weg open"]
        await found.poll(noon + timedelta(hours=1))
        yield found


async def test_what_was_missed_is_taken_in_after_all_once_and_said(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    before = dict((await desk.bot.rows(Account))[-1].cursor)
    await desk.poll(desk.morning)
    assert await desk.titles() == ["Brug dicht", "Weg open"], "it is not read again before the day was compared"
    await reconcile.compare(desk.bot.desk)
    await desk.poll(desk.morning + timedelta(hours=1))
    assert await desk.titles() == ["Brug dicht", "Feest", "Weg open"]
    found, account = await desk.check(), (await desk.bot.rows(Account))[-1]
    assert (found.missed, found.compared_at) == (1, desk.bot.desk.now())
    assert account.cursor["seen"] == before["seen"], "the account's own cursor stayed where it was"
    assert account.lag is None or account.lag < 2 * 3600, "reading again says nothing of how soon something comes in"
    asked = desk.news.asked
    await desk.poll(desk.morning + timedelta(hours=2))
    assert desk.news.asked == asked + 1, "it is not read again twice"
    shown = await digest(desk.bot, desk.morning.replace(hour=9))
    assert "Berichten die waren gemist en alsnog zijn binnengehaald: *1*" in shown
    assert len(await desk.bot.rows(Case)) == 3


async def test_entries_that_get_a_new_id_at_each_reading_are_not_taken_for_missed(desk: Desk) -> None:
    desk.news.makes_new_ids = True
    await desk.poll(desk.news.written + timedelta(hours=2))
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    await desk.poll(desk.morning + timedelta(hours=1))
    assert (await desk.titles(), (await desk.check()).missed) == (["Brug dicht", "Feest", "Weg open"], 1)


@pytest.mark.parametrize("all_of_it", [True, False], ids=["compared", "about to be"])
async def test_a_day_that_a_clock_ahead_compared_is_compared_again_once_it_is_over(desk: Desk, all_of_it: bool) -> None:
    """It went a day ahead until Slack told the time: after the comparison, or in the middle."""
    bot, now, ahead = desk.bot, desk.bot.desk.now(), desk.morning + timedelta(hours=1)
    async with bot.desk.reading() as session:
        due = await reconciling.due(session, ahead)
    move(bot, ahead if all_of_it else now)
    for account_id, day in due:
        async with bot.desk.session() as session:
            await reconciling.check(session, account_id, day, bot.desk.now())
    await desk.poll(now)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await session.exec(delete(Message).where(col(Message.case_id) == case_id))
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    await desk.poll(desk.morning)
    assert "Feest" in await desk.titles()
    told = await digest(bot, desk.morning.replace(hour=9))
    assert "alsnog zijn binnengehaald: *1*" in told and "alsnog zijn geplaatst: *1*" in told


async def test_a_platform_that_is_down_is_compared_later_and_the_digest_follows(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    desk.news.down = True
    await desk.poll(desk.morning)
    shown = await digest(desk.bot, desk.morning.replace(hour=9))
    assert "Niet vergeleken met wat het platform heeft: " in shown and "gemist" not in shown
    desk.news.down = False
    await desk.poll(desk.morning.replace(hour=10))
    assert (await desk.check()).missed == 1
    after = await digest(desk.bot, desk.morning.replace(hour=10, minute=5))
    assert "Niet vergeleken" not in after and "alsnog zijn binnengehaald: *1*" in after


@pytest.mark.parametrize("hour", [10, 20, 22, 32.5, 34, 58])
async def test_what_a_platform_gives_after_all_is_said_in_one_digest_however_late_it_is_back(
    desk: Desk, hour: float
) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    desk.news.down, midnight = True, desk.morning.replace(hour=0)
    for at in sorted([5, 9, hour, 29, 33, 53, 57, 77, 81]):
        now = midnight + timedelta(hours=at)
        desk.news.down = at < hour
        await reconcile_at(desk, now)
        await desk.poll(now)
        told = await digests(desk.bot, now + timedelta(minutes=1))
    assert "Feest" in await desk.titles(), "it is taken in after all"
    assert len(told) == 4
    assert sum("alsnog zijn binnengehaald: *1*" in text for text in told) == 1
    assert "Niet vergeleken" not in told[-1]


async def test_a_bot_that_stops_right_after_it_read_again_has_said_so(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    desk.news.down = True
    await desk.poll(desk.morning)
    assert "Niet vergeleken" in await digest(desk.bot, desk.morning.replace(hour=9))
    desk.news.down = False
    await desk.poll(desk.morning.replace(hour=10))
    told = await digests(desk.bot, desk.morning.replace(hour=9) + timedelta(days=1))  # it was not there in between
    assert ["alsnog zijn binnengehaald: *1*" in text for text in told] == [True, False]


@pytest.mark.logs("reading an account again failed")
async def test_a_fault_of_ours_in_reading_again_is_tried_later_and_not_at_each_poll(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    async with refusing(desk.bot, "INSERT ON mentions"):
        await desk.poll(desk.morning)
        asked = desk.news.asked
        await desk.poll(desk.morning + timedelta(minutes=5))
        assert desk.news.asked == asked + 1, "it is not read again at once"
        assert (await desk.bot.rows(Account))[-1].problem is None, "the next reading finds out what is wrong"
    await desk.poll(desk.morning + timedelta(hours=1))
    assert await desk.titles() == ["Brug dicht", "Feest", "Weg open"]
    assert (await desk.check()).missed == 1


async def reconcile_at(desk: Desk, moment: datetime) -> None:
    move(desk.bot, moment)
    await reconcile.compare(desk.bot.desk)


@pytest.mark.logs("reading an account again failed", "lane failed")
async def test_a_crash_between_reading_and_noting_repeats_harmlessly(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    async with refusing(desk.bot, "UPDATE ON day_checks"):
        await desk.poll(desk.morning)
        assert await desk.titles() == ["Brug dicht", "Weg open"]
    await desk.poll(desk.morning + timedelta(hours=1))
    assert await desk.titles() == ["Brug dicht", "Feest", "Weg open"]
    assert (await desk.check()).missed == 1


async def test_two_processes_that_read_again_at_once_take_it_in_once(desk: Desk) -> None:
    desk.news.entries.append("Feest")
    await desk.lose()
    await reconcile_at(desk, desk.morning)
    async with second_desk(desk.bot) as other:
        await asyncio.gather(*(poll.poll(each, str(desk.feed_id)) for each in (desk.bot.desk, other)))
    assert await desk.titles() == ["Brug dicht", "Feest", "Weg open"]
    assert ((await desk.check()).missed, (await desk.check()).cursor) == (1, None)


async def test_a_post_that_was_removed_or_edited_meanwhile_is_not_missed(desk: Desk) -> None:
    async with desk.bot.desk.session() as session:
        rows = (await session.exec(select(Mention).order_by(col(Mention.id)))).all()
        rows[0].gone, rows[0].gone_at = Gone.BY_AUTHOR, desk.bot.desk.now()
        rows[1].earlier_text, rows[1].edited_at = rows[1].text, desk.bot.desk.now()
        rows[1].text = "Weg weer open"
        session.add_all(rows)
    await reconcile_at(desk, desk.morning)
    await desk.poll(desk.morning)
    after = await desk.bot.rows(Mention)
    assert ([each.gone for each in after], after[1].text) == ([Gone.BY_AUTHOR, None], "Weg weer open")
    assert ((await desk.check()).missed, len(await desk.bot.rows(Case))) == (0, 2)


async def test_a_day_without_a_difference_is_silent(desk: Desk) -> None:
    await reconcile_at(desk, desk.morning)
    await desk.poll(desk.morning)
    found = await desk.check()
    assert (found.healed, found.missed, found.compared_at is not None) == (0, 0, True)
    shown = await digest(desk.bot, desk.morning.replace(hour=9))
    assert "Berichten ontvangen: *2*, waarvan 2 op een kaart, 0 afgehandeld en 2 open" in shown
    assert "vergeleken" not in shown and "gemist" not in shown and "ontbraken" not in shown


async def test_an_account_that_was_compared_can_be_removed(desk: Desk) -> None:
    async with desk.bot.desk.session() as session:
        account = await accounts.add(
            session, desk.bot.desk.settings, platform="feed", name="leeg", url=f"{desk.news}", secrets={}, options={},
            now=desk.bot.desk.now() - timedelta(days=2),
        )  # fmt: skip
    await reconcile_at(desk, desk.morning)
    async with desk.bot.desk.session() as session:
        assert await accounts.remove(session, await session.get_one(Account, account.id), desk.bot.desk.now())


async def test_what_an_account_takes_in_since_it_was_changed_was_not_missed_before(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon
) -> None:
    now = datetime.now(UTC)
    async with running_bot(sqlite_url, slack, StoppedClock(now - timedelta(minutes=10))) as bot:
        await settings(bot, always_open=True)
        account_id = await connect(bot, mastodon.base_url, hashtags=["afval"])
        await poll.poll_due(bot.desk)
        await level(bot)
        mastodon.post_as("jan", "Gisteren #sluis")
        move(bot, now + timedelta(hours=1))
        async with bot.desk.session() as session:
            account = await session.get_one(Account, account_id)
            accounts.change(session, account, {"hashtags": ["afval", "sluis"]}, bot.desk.now())
        for moment in (now + timedelta(hours=2), now + timedelta(days=1, hours=6)):
            move(bot, moment)
            await reconcile.compare(bot.desk)
            await poll.poll_due(bot.desk)
            await level(bot)
        assert await bot.rows(Mention) == []
        assert {each.compared_at is not None for each in await checks(bot) if each.account_id == account_id} == {True}


@pytest.mark.parametrize("posts", [210, 250])
async def test_a_day_of_which_a_platform_has_more_than_we_read_again_is_not_said_to_be_compared(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, posts: int
) -> None:
    """Six pages of forty are read again of a hashtag."""
    now = datetime.now(AMSTERDAM)
    morning = (now + timedelta(days=1)).replace(hour=5)
    async with running_bot(database_url, slack, StoppedClock(now - timedelta(minutes=10))) as bot:
        await settings(bot, always_open=True)
        account_id = await connect(bot, mastodon.base_url, hashtags=["afval"])
        await poll.poll_due(bot.desk)
        await level(bot)
        for number in range(posts):
            mastodon.post_as("jan", f"#afval {number}")
        for moment in (now + timedelta(minutes=1), morning):
            move(bot, moment)
            await reconcile.compare(bot.desk)
            await poll.poll_due(bot.desk)
            await level(bot)
        found = [each for each in await checks(bot) if each.account_id == account_id]
        assert [each.missed for each in found if each.compared_at is not None][-1] == 0
        told = await digest(bot, morning.replace(hour=9))
        assert ("Niet vergeleken met wat het platform heeft" in told) is (posts > 240)


async def test_an_account_that_was_removed_is_not_missed_each_day(desk: Desk) -> None:
    bot = desk.bot
    await reconcile_at(desk, desk.morning)
    await desk.poll(desk.morning)
    assert "Niet vergeleken" not in await digest(bot, desk.morning.replace(hour=9))
    async with bot.desk.session() as session:
        assert not await accounts.remove(session, await session.get_one(Account, desk.feed_id), bot.desk.now())
    for days in (1, 2, 3, 4, 5):
        now = desk.morning + timedelta(days=days)
        await reconcile_at(desk, now)
        await desk.poll(now)
        told = await digest(bot, now.replace(hour=9))
        assert days < 3 or ("Niet vergeleken" not in told and "gestopt" not in told), days
