"""What happened to a case counts once, for the team that had it then; and one sees only the teams one belongs to."""

import csv
import io
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlmodel import select

from bot import cases
from bot.domain.period import Period
from bot.figures import export, reports
from bot.models import Role, Team
from bot.sandbox.slack.inspection import text_of
from bot.texts import Texts
from tests.clocks import local
from tests.conftest import MARIEKE, SANNE, Bot
from tests.people import BEA, BEHEER, asked, home, make_role, mention, second_team, sent, settings

DAY = Period(local("2026-11-20 00:00"), local("2026-11-21 00:00"))


async def team(bot: Bot, number: int) -> Team:
    async with bot.desk.reading() as session:
        return (await session.exec(select(Team).where(Team.id == number))).one()


async def counted(bot: Bot, number: int, *others: int) -> tuple[int, int, int, int, int]:
    """Mentions, cases opened, answers, closings and reactions of a day."""
    one = await team(bot, number)
    async with bot.desk.reading() as session:
        figures = await reports.figures(session, one, DAY, bot.desk.now(), others=others)
        lines = await export.lines(session, one, DAY, bot.desk.now(), others=others)
    what = [line.what for line in lines]
    found = (figures.mentions, figures.opened, figures.answered, sum(figures.closed.values()), figures.first.count)
    assert found == tuple(what.count(each) for each in ("mention", "opened", "answer", "closed", "first_reaction"))
    return found


async def hand(bot: Bot, case_id: int, seen: int, to: int) -> None:
    async with bot.desk.session() as session:
        await cases.transfer(
            session, case_id, seen=seen, to=to, note="Voor jullie.", by=SANNE, now=bot.desk.now(),
            submission=f"{bot.desk.now()}",
        )  # fmt: skip


async def test_each_team_counts_its_part_once_and_the_past_stays_what_it_was(office: Bot) -> None:
    bot = office
    await settings(bot, always_open=True)
    beheer = await second_team(bot, always_open=True)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.close(session, case_id, by=SANNE, now=now, reason="spam")
        await cases.reopen(session, case_id, by=SANNE, now=now)
    assert await counted(bot, 1) == (1, 1, 0, 1, 0)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await hand(bot, case_id, 1, beheer)
    assert await counted(bot, 1) == (1, 1, 0, 1, 0)
    assert await counted(bot, beheer) == (0, 0, 0, 0, 0)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await sent(bot, case_id)
    async with bot.desk.session() as session:
        await cases.reopen(session, case_id, by=SANNE, now=bot.desk.now())
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await hand(bot, case_id, beheer, 1)
    first, second = await counted(bot, 1), await counted(bot, beheer)
    assert (first[:4], second[:4]) == ((1, 1, 0, 1), (0, 0, 1, 0))
    together = await counted(bot, 1, beheer)
    assert together == tuple(a + b for a, b in zip(first, second, strict=True))


async def test_the_export_has_the_numbers_that_cases_are_called_by_in_the_team_that_had_them(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    for number in (1, 2):
        await mention(bot, number)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await hand(bot, 2, 1, beheer)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await sent(bot, 2)
    found = []
    for one, others in ((1, []), (beheer, []), (1, [beheer])):
        async with bot.desk.reading() as session:
            lines = await export.lines(session, await team(bot, one), DAY, bot.desk.now(), others=others)
        file = export.csv_of(lines, Texts("nl", "Europe/Amsterdam"), ZoneInfo("Europe/Amsterdam")).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(file), delimiter=";")
        found.append({(row["wat"], row["team"], row["zaaknummer"]) for row in rows})
    came = {(what, "Webcare", number) for what in ("bericht", "zaak geopend") for number in ("1", "2")}
    answered = {(what, "Beheer", "1") for what in ("antwoord verstuurd", "eerste reactie", "afhandeling")}
    assert found == [came, answered, came | answered]


async def test_a_day_of_another_team_is_of_its_own_time_zone_whoever_asks(office: Bot) -> None:
    bot = office
    bonaire = await second_team(bot, "Bonaire", time_zone="America/Kralendijk")
    bot.clock.at = local("2026-11-20 02:00")  # type: ignore[attr-defined]
    case_id = await mention(bot)
    await hand(bot, case_id, 1, bonaire)
    bot.clock.at = local("2026-11-20 03:00")  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=bot.desk.now(), reason="spam")
    bot.clock.at = local("2026-11-20 15:00")  # type: ignore[attr-defined]
    for words in ("Bonaire", "vandaag Bonaire", "2026-11-20 Bonaire"):
        told = await asked(bot, SANNE, f"/webcare cijfers {words}")
        assert "Afgesloten" not in told and "20 nov 2026 05:00" in told, words
    told = await asked(bot, SANNE, "/webcare cijfers gisteren Bonaire")
    assert "Afgesloten zonder antwoord: *1*" in told and "19 nov 2026 05:00" in told


async def test_a_coordinator_sees_the_figures_lists_and_home_of_their_teams_only(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    for person in (SANNE, MARIEKE):
        await bot.slack.leave(person, BEHEER)
    await make_role(bot, SANNE, Role.COORDINATOR)
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    await make_role(bot, MARIEKE, Role.COORDINATOR, team_id=beheer)
    ours, theirs = await mention(bot, 1, "Mijn paspoort is kwijt."), await mention(bot, 2, "De brug staat open.")
    await hand(bot, theirs, 1, beheer)
    for command in ("open", "zoek brug", "mijn"):
        assert "brug" not in (await asked(bot, SANNE, f"/webcare {command}")).replace("zoek brug", "")
    assert "Beheer" not in await asked(bot, SANNE, "/webcare cijfers vandaag alle")
    assert "begrijp" in await asked(bot, SANNE, "/webcare cijfers vandaag Beheer")
    assert "begrijp" in await asked(bot, SANNE, "/webcare export vandaag Beheer")
    for names in ("alle", "alle teams"):
        told = await asked(bot, MARIEKE, f"/webcare cijfers vandaag {names}")
        assert "Webcare" in told and "Beheer" in told
    assert "Beheer" in await asked(bot, MARIEKE, "/webcare cijfers vandaag Beheer")
    await bot.slack.open_home(SANNE)
    shown = text_of(await home(bot, SANNE, "paspoort is kwijt"))
    assert "brug" not in shown and "Beheer" not in shown
    await bot.slack.open_home(BEA)
    shown = text_of(await home(bot, BEA, "brug"))
    assert "paspoort is kwijt" not in shown
    assert ours != theirs
