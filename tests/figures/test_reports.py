"""The figures are right, and the same wherever they are told: against a slow and obvious reckoning over all rows."""

import asyncio
import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import cases, db
from bot.cases import inbox
from bot.domain.case import CloseReason, Status
from bot.domain.event import EventKind
from bot.domain.figures import Figures, Measured, Overview, Span
from bot.domain.mention import Act, Gone, Post, permits
from bot.domain.mention import Author as By
from bot.domain.period import Period, midnight, opening, parse, parts, split, week_before, working_day_before
from bot.domain.sla import ClockKind
from bot.figures import days, reports
from bot.figures.export import Line, csv_of, guarded, lines
from bot.figures.standing import standing as standing_of
from bot.models import Account, Author, Case, Clock, Event, Mention, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing import outbox, replies
from bot.outgoing.composing import Answer
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.sandbox.slack.rules import Rules
from bot.team.settings import TeamSettings
from bot.texts import Texts
from bot.views.digest import paragraphs
from jobs.digest import send_digests
from tests.conftest import CHANNEL, MANIFEST, SANNE, YOUSSEF, Bot, Databases, running_bot
from tests.people import asked, mention, sent

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 10, 26, 11, tzinfo=UTC)
T = Texts("nl", "Europe/Amsterdam")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


# --- Periods -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "since", "until"),
    [
        ("vandaag", "2026-11-24", "2026-11-25"),
        ("Yesterday", "2026-11-23", "2026-11-24"),
        ("week", "2026-11-23", "2026-11-25"),
        ("vorige  week", "2026-11-16", "2026-11-23"),
        ("maand", "2026-11-01", "2026-11-25"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("2026-11-01..2026-11-24", "2026-11-01", "2026-11-25"),
        ("2026-10-25", "2026-10-25", "2026-10-26"),
    ],
)
def test_a_period_is_whole_days_in_the_teams_zone(words: str, since: str, until: str) -> None:
    period = parse(words, local("2026-11-24 00:30"), AMSTERDAM)
    assert period == Period(local(f"{since} 00:00"), local(f"{until} 00:00"))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "ooit",
        "2026-11-24..2026-11-01",
        "2026-13-01",
        "2020-01-01..2026-01-01",
        "9999-12-31",
        "0001-01-01",
        "..",
        "a..b",
    ],
)
def test_what_is_no_period_is_none(words: str) -> None:
    assert parse(words, NOW, AMSTERDAM) is None


def test_a_period_stands_first_and_the_rest_is_left() -> None:
    assert split("vorige week Team Wegen", NOW, AMSTERDAM) == (week_before(date(2026, 10, 26), AMSTERDAM), "Team Wegen")
    assert split("Wegen", NOW, AMSTERDAM) == (None, "Wegen")


@given(
    days=st.integers(1, 1097),
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    hours=st.integers(0, 23),
    until=st.integers(0, 23),
)
@example(days=20, start=date(2026, 11, 23), hours=9, until=9)
def test_the_parts_of_a_period_are_the_whole_period_once(days: int, start: date, hours: int, until: int) -> None:
    since = midnight(start, AMSTERDAM) + timedelta(hours=hours)
    period = Period(since, midnight(start + timedelta(days=days), AMSTERDAM) + timedelta(hours=until))
    found = parts(period, AMSTERDAM)
    assert [found[0].since, *(part.until for part in found)] == [*(part.since for part in found), period.until]
    assert found[0].since == since
    assert 1 <= len(found) <= 20
    assert all(part.since < part.until for part in found)


def test_a_working_day_has_an_opening() -> None:
    hours = TeamSettings.of({"closed_days": ["2026-11-23"]}).hours(NOW)
    assert opening(hours, date(2026, 11, 24)) == local("2026-11-24 09:00")
    assert opening(hours, date(2026, 11, 23)) is None
    assert opening(hours, date(2026, 11, 22)) is None
    assert working_day_before(hours, date(2026, 11, 24)) == date(2026, 11, 20)


# --- Figures -------------------------------------------------------------------------------------

moments = st.integers(-5 * 24 * 60, 2 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
clock_rows = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(ClockKind),
        "target_seconds": st.sampled_from([3600, 3600, 900]),
        "stopped_at": st.none() | moments,
        "elapsed_seconds": st.integers(0, 9000),
        "kept": st.booleans(),
        "counts": st.booleans(),
        "due_at": moments,
    }
)
histories = st.lists(
    st.fixed_dictionaries(
        {
            "account": st.sampled_from([1, 2, 3]),
            "status": st.sampled_from(Status),
            "opened_at": moments,
            "topic": st.none() | st.sampled_from(["Afval", "=Groen"]),
            "closed": st.lists(st.tuples(moments, st.sampled_from([*CloseReason, "=Dubbel"])), max_size=3),
            "mentions": st.lists(moments, min_size=1, max_size=4),
            "replies": st.lists(st.none() | moments, max_size=3),
            "clocks": st.lists(clock_rows, max_size=3),
        }
    ),
    max_size=12,
)
TEAM_OF = {1: 1, 2: 1, 3: 2}


async def keep(session: Any, history: list[dict[str, Any]]) -> None:
    """Write a history down as rows."""
    for n, channel in ((1, CHANNEL), (2, "C0ESCALATIE")):
        await session.merge(Team(id=n, name=f"T{n}", channel=channel, created_at=NOW - timedelta(days=40)))
    await session.flush()
    for n, team in TEAM_OF.items():
        await session.merge(Account(id=n, team_id=team, platform="webhook", name=f"=bron{n}", url="", created_at=NOW))
    await session.flush()
    for n, each in enumerate(history, 1):
        account, was_closed = each["account"], each["status"] is Status.CLOSED and each["closed"]
        closed_at, reason = each["closed"][-1] if was_closed else (None, None)
        session.add(Author(id=n, account_id=account, external_id=str(n), name="x"))
        await session.flush()
        session.add(Case(id=n, number=n, team_id=TEAM_OF[account], account_id=account, author_id=n,
                         status=each["status"], opened_at=each["opened_at"], topic=each.get("topic"),
                         closed_at=closed_at, close_reason=reason))  # fmt: skip
        await session.flush()
        session.add_all(Event(case_id=n, kind=EventKind(kind), by="U", at=at, details={"reason": str(reason)})
                        for at, reason in each["closed"] for kind in ("close", "reopen"))  # fmt: skip
        for m, at in enumerate(each["mentions"]):
            session.add(Mention(id=n * 100 + m, case_id=n, account_id=account, external_id=f"{n}.{m}", text="x",
                                published_at=at, received_at=at))  # fmt: skip
        await session.flush()
        for m, at in enumerate(each["replies"]):
            status = ReplyStatus.SENT if at else ReplyStatus.WITHDRAWN
            session.add(Reply(case_id=n, mention_id=n * 100, account_id=account, by="U", key=f"{n}.{m}", draft="",
                              text="", status=status, created_at=NOW, send_at=NOW, sent_at=at))  # fmt: skip
        for clock in each["clocks"]:
            running: dict[str, Any] = {"running_since": NOW} if clock["stopped_at"] is None else {}
            session.add(Clock(case_id=n, team_id=TEAM_OF[account], started_at=NOW, **clock, **running))


def reckoned(history: list[dict[str, Any]], since: datetime, until: datetime) -> dict[str, Any]:
    """The figures of team 1 by going through everything."""

    def inside(at: datetime | None) -> bool:
        return at is not None and since <= at < until

    ours = [each for each in history if TEAM_OF[each["account"]] == 1]

    def timed(kind: ClockKind) -> Measured:
        those = [c for each in ours for c in each["clocks"]
                 if c["kind"] is kind and c["counts"] and inside(c["stopped_at"])]  # fmt: skip
        late = sum(c["kind"] is kind and inside(c["due_at"]) and c["due_at"] <= NOW
                   and (c["stopped_at"] is None or c["stopped_at"] >= until)
                   for each in ours for c in each["clocks"])  # fmt: skip
        if not those:
            return Measured(late=late)
        took = sorted(c["elapsed_seconds"] for c in those)
        shares = [next(v for n, v in enumerate(took, 1) if n * 100 >= p * len(took)) for p in (50, 90)]
        targets = {c["target_seconds"] for c in those}
        target = targets.pop() if len(targets) == 1 else None
        return Measured(len(those), sum(c["kept"] for c in those), shares[0], shares[1], target, late)

    return {
        "mentions": sum(inside(at) for each in ours for at in each["mentions"]),
        "opened": sum(inside(each["opened_at"]) for each in ours),
        "answered": sum(inside(at) for each in ours for at in each["replies"]),
        "closed": Counter(str(reason) for each in ours for at, reason in each["closed"] if inside(at)),
        "first": timed(ClockKind.FIRST_REACTION),
        "resolution": timed(ClockKind.RESOLUTION),
        "topics": Counter(each.get("topic") or "" for each in ours if inside(each["opened_at"])),
    }


def told(figures: Figures) -> dict[str, Any]:
    names = ("mentions", "opened", "answered", "closed", "first", "resolution", "topics")
    return {name: getattr(figures, name) for name in names}


def periods_around(period: Period) -> list[Period]:
    """Longer and shorter periods, which begin and end within a day of UTC or with it."""
    hours = (-80, -74, -60, 0, 13, 30)
    return [Period(period.since + timedelta(hours=h), period.until + timedelta(hours=h // 2 + 20)) for h in hours]


async def count_days(engine: AsyncEngine) -> None:
    """Count all days of the history."""
    async with db.readings(engine)() as session:
        due = await days.is_due(session, NOW + timedelta(days=9))
    while due:
        async with db.sessions(engine)() as session:
            await days.count_next(session, NOW + timedelta(days=9))
            due = await days.is_due(session, NOW + timedelta(days=9))


async def read(url: str, history: list[dict[str, Any]], period: Period) -> tuple[Figures, bytes, Any]:
    engine = db.create_engine(url)
    try:
        async with db.sessions(engine)() as session:
            await keep(session, history)
        async with db.readings(engine)() as session:
            team = await session.get_one(Team, 1)
            figures = await reports.figures(session, team, period, NOW)
            file = csv_of(await lines(session, team, period, NOW), T, AMSTERDAM)
            standing = await standing_of(session, team, NOW)
            asked = [(each, [*others]) for each in periods_around(period) for others in ((), (2,))]
            from_rows = [await reports.figures(session, team, each, NOW, others=others) for each, others in asked]
        await count_days(engine)
        async with db.readings(engine)() as session:
            assert await reports.figures(session, team, period, NOW) == figures
            for (each, others), expected in zip(asked, from_rows, strict=True):
                assert await reports.figures(session, team, each, NOW, others=others) == expected
        return figures, file, standing
    finally:
        await engine.dispose()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories)
def test_figures_digest_and_export_are_what_going_through_everything_gives(
    databases: Databases, history: list[dict[str, Any]]
) -> None:
    period = parse("2026-10-24..2026-10-26", NOW, AMSTERDAM)
    assert period is not None
    url = asyncio.run(databases.sqlite())
    figures, file, standing = asyncio.run(read(url, history, period))
    expected = reckoned(history, period.since, period.until)
    assert told(figures) == expected
    assert [sum(getattr(s, name) for s in figures.sources) for name in ("mentions", "opened", "answered", "kept")] == [
        expected["mentions"], expected["opened"], expected["answered"], expected["first"].kept
    ]  # fmt: skip
    ends = [*(part.since for part in figures.parts[1:]), period.until]
    for part, end in zip(figures.parts, ends, strict=True):
        those = reckoned(history, part.since, end)
        assert (part.mentions, part.answered) == (those["mentions"], those["answered"])

    overview = Overview(Span.DAY, "T1", figures, figures, standing)
    assert Overview.from_json(overview.to_json()).to_json() == overview.to_json()
    assert told(Overview.from_json(overview.to_json()).figures) == expected

    assert counted_in(file) == exported(expected)
    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig")), delimiter=";"))[1:]
    assert Counter(row[4].removeprefix("'") for row in rows if row[1] == "zaak geopend") == expected["topics"]
    assert sum(row[8] == "ja" for row in rows) == expected["first"].kept + expected["resolution"].kept
    assert sum(row[5] == "te laat, wachtte nog" for row in rows) == expected["first"].late + expected["resolution"].late
    assert {row[3][0] for row in rows} <= {"'"}

    ours = [each for each in history if TEAM_OF[each["account"]] == 1]
    waiting = [each for each in ours if each["status"] in {Status.NEW, Status.CLAIMED, Status.ESCALATED}]
    assert standing.open == len(waiting)
    assert standing.oldest_at == min((each["opened_at"] for each in waiting), default=None)
    asked = [each for each in ours if each["status"] is Status.WITH_CITIZEN]
    assert standing.late == sum(
        any(c["stopped_at"] is None and c["due_at"] <= NOW for c in each["clocks"]) for each in [*waiting, *asked]
    )


# --- Wherever they are told ----------------------------------------------------------------------


class Told(NamedTuple):
    """A running bot with a history, and what it told: the lines of each surface, and of the files."""

    weekly: str
    stats_week: str
    stats_today: str
    home: str
    files: list[bytes]


async def everything_told(url: str, history: list[dict[str, Any]]) -> Told:
    """Let the bot live through a history, and ask it all at the moment NOW, a Monday."""
    async with (
        Sandbox(MANIFEST, rules=Rules(message_seconds=0, tiers=False, ack_seconds=30, trigger_seconds=60)) as slack,
        running_bot(url, slack, lambda: NOW) as bot,
    ):
        async with bot.desk.session() as session:
            await keep(session, history)
        await send_digests(bot.desk)
        weekly = await bot.card("afgelopen week")
        last_week, today = [await asked(bot, SANNE, f"/webcare stats {words}") for words in ("vorige week", "vandaag")]
        for words in ("vorige week", "vandaag"):
            await asked(bot, SANNE, f"/webcare export {words}")
        await slack.open_home(SANNE)
        home = await slack.wait_for(lambda: slack.home(SANNE))
        files = [stored.content for stored in slack.workspace.files.values()]
        return Told(text_of(weekly), last_week, today, text_of(home), files)


def lines_of(
    expected: dict[str, Any], *, span: Span = Span.ASKED, before: dict[str, Any] | None = None, is_over: bool = False
) -> str:
    """The lines that tell these figures; the reason that is given most stands first."""
    ordered = {name: dict(sorted(expected[name].items(), key=lambda each: (-each[1], each[0])))
               for name in ("closed", "topics")}  # fmt: skip
    then, earlier = Figures(NOW, NOW, **{**expected, **ordered}), Figures(NOW, NOW, **before) if before else None
    return paragraphs(Overview(span, "T1", then, earlier, is_over=is_over), T)[0]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate]
)
@given(history=histories)
def test_the_same_period_has_the_same_figures_in_digest_stats_home_and_export(
    databases: Databases, request: pytest.FixtureRequest, kind: str, history: list[dict[str, Any]]
) -> None:
    uri = request.getfixturevalue("postgres_uri") if kind == "postgresql" else ""

    async def told() -> Told:
        return await everything_told(await (databases.postgresql(uri) if uri else databases.sqlite()), history)

    found = asyncio.run(told())
    monday, today, tomorrow = (local(f"2026-10-{day} 00:00") for day in (19, 26, 27))
    week, day = reckoned(history, monday, today), reckoned(history, today, tomorrow)
    assert lines_of(week, span=Span.WEEK, before=reckoned(history, local("2026-10-12 00:00"), monday)) in found.weekly
    assert lines_of(week, is_over=True) in found.stats_week
    assert lines_of(day) in found.stats_today
    assert lines_of(day) in found.home
    for file, expected in zip(found.files, (week, day), strict=True):
        assert counted_in(file) == exported(expected)


def counted_in(file: bytes) -> Counter[str]:
    """How many lines of each sort are in a file."""
    return Counter(row[1] for row in list(csv.reader(io.StringIO(file.decode("utf-8-sig")), delimiter=";"))[1:])


def exported(expected: dict[str, Any]) -> Counter[str]:
    """How many there must be."""
    first, resolution = expected["first"], expected["resolution"]
    counts = {
        "bericht": expected["mentions"], "zaak geopend": expected["opened"], "antwoord verstuurd": expected["answered"],
        "afgesloten zonder antwoord": expected["closed"].total(), "eerste reactie": first.count + first.late,
        "afhandeling": resolution.count + resolution.late,
    }  # fmt: skip
    return Counter({name: n for name, n in counts.items() if n})


# --- The past stays the past ---------------------------------------------------------------------


async def test_what_happens_later_changes_no_figure_of_the_past(office: Bot) -> None:
    spam, answered, asked_again, taken_back, unsure = [await mention(office, n) for n in range(1, 6)]
    office.clock.at = local("2026-11-20 10:20")  # type: ignore[attr-defined]
    await close(office, spam, CloseReason.SPAM)
    await sent(office, answered)
    await close(office, asked_again, CloseReason.NOT_FOR_US)
    await approved(office, taken_back)
    async with office.desk.session() as session:
        await replies.withdraw(session, taken_back, by=SANNE, now=office.desk.now())
    lost = await approved(office, unsure)
    async with office.desk.session() as session:
        reply = await session.get_one(Reply, lost)
        reply.status, reply.first_tried_at = ReplyStatus.UNCERTAIN, office.desk.now()
        session.add(reply)
    office.clock.at = local("2026-11-21 00:00")  # type: ignore[attr-defined]
    friday = await all_of(office, "2026-11-20")
    assert told(friday[0])["closed"] == {"not_for_us": 1, "spam": 1}
    assert friday[0].answered == 1

    office.clock.at = local("2026-11-23 10:00")  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await cases.reopen(session, spam, by=SANNE, now=office.desk.now())
        await cases.reopen(session, answered, by=SANNE, now=office.desk.now())
        await replies.settle(session, unsure, published=True, by=SANNE, now=office.desk.now())
    await close(office, spam, CloseReason.OTHER)
    again = Post(
        "again",
        By("a3", "Burger 3"),
        "Toch nog iets?",
        office.desk.now(),
        in_reply_to="3",
        permits=permits(Act.ANSWER),
    )
    gone = Post("1", By("a1", "Burger 1"), "", office.desk.now(), gone=Gone.BY_AUTHOR)
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [again, gone], now=office.desk.now())
    await sent(office, asked_again)
    assert (await office.case(asked_again)).closed_at is None

    assert await all_of(office, "2026-11-20") == friday
    monday, _ = await all_of(office, "2026-11-23")
    assert told(monday)["closed"] == {"other": 1}
    assert (monday.mentions, monday.answered) == (1, 2)


@pytest.mark.parametrize(("kind", "resolved"), [(ReplyKind.FINAL, 1), (ReplyKind.QUESTION, 0)])
async def test_a_reply_that_goes_out_after_a_colleague_closed_counts_from_when_it_was_published(
    office: Bot, kind: ReplyKind, resolved: int
) -> None:
    case_id = await mention(office)
    office.clock.at = local("2026-11-20 16:20")  # type: ignore[attr-defined]
    await approved(office, case_id, kind)
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    await close(office, case_id, CloseReason.SPAM, by=YOUSSEF)
    friday, _ = await all_of(office, "2026-11-20")
    assert (friday.first.count, friday.resolution.count, friday.answered) == (0, 0, 0)
    office.clock.at = local("2026-11-23 09:10")  # type: ignore[attr-defined]
    await outbox.drain(office.desk, "1")
    assert (await office.case(case_id)).close_reason == CloseReason.SPAM
    assert (await all_of(office, "2026-11-20"))[0] == friday
    monday, _ = await all_of(office, "2026-11-23")
    assert (monday.answered, monday.first.count, monday.resolution.count) == (resolved, 1, resolved)
    assert (monday.first.median, monday.first.kept) == (7 * 3600 + 10 * 60, 0)


async def test_a_reply_that_is_taken_back_after_a_colleague_closed_counts_nowhere(office: Bot) -> None:
    case_id = await mention(office)
    reply_id = await approved(office, case_id)
    await close(office, case_id, CloseReason.SPAM, by=YOUSSEF)
    async with office.desk.session() as session:
        await replies.withdraw(session, case_id, reply_id=reply_id, by=SANNE, now=office.desk.now())
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    await outbox.drain(office.desk, "1")
    friday, _ = await all_of(office, "2026-11-20")
    assert (friday.answered, friday.first.count, friday.resolution.count) == (0, 0, 0)


async def close(bot: Bot, case_id: int, reason: str, *, by: str = SANNE) -> None:
    async with bot.desk.session() as session:
        await cases.close(session, case_id, by=by, now=bot.desk.now(), reason=reason)


async def approved(bot: Bot, case_id: int, kind: ReplyKind = ReplyKind.FINAL) -> int:
    """Let Sanne answer; the answer stays where it is."""
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        file = await cases.read(session, case_id)
        answer = Answer(
            case_id,
            file.latest.id,
            submission=f"v{case_id}",
            words="x",
            private=file.latest.private,
            kind=kind,
            initials="SB",
        )
        reply = await replies.answer(
            session, answer, connector=bot.desk.connector, by=SANNE, now=bot.desk.now(), undo=timedelta(hours=1)
        )
        await session.flush()
        return reply.id or 0


async def all_of(bot: Bot, day: str) -> tuple[Figures, Any]:
    """The figures of a day and the lines behind them."""
    period = parse(day, NOW, AMSTERDAM)
    assert period is not None
    async with bot.desk.reading() as session:
        team, now = await session.get_one(Team, 1), bot.desk.now()
        return await reports.figures(session, team, period, now), await lines(session, team, period, now)


async def test_the_export_has_what_was_late_and_still_waited_also_once_it_is_answered(office: Bot) -> None:
    await sent(office, await mention(office))
    late = await mention(office, 2)
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    figures, counted = await all_of(office, "2026-11-20")
    rows = list(csv.DictReader(io.StringIO(csv_of(counted, T, AMSTERDAM).decode("utf-8-sig")), delimiter=";"))
    first = [row for row in rows if row["wat"] == "eerste reactie"]
    columns = ("reden", "minuten werktijd", "norm in minuten", "binnen de norm")
    assert [tuple(row[name] for name in columns) for row in first] == [
        ("", "0", "60", "ja"), ("te laat, wachtte nog", "", "60", "nee")
    ]  # fmt: skip
    assert first[1]["moment"] == "2026-11-20 11:00", "when it was due"
    assert figures.first.percent == 50
    await sent(office, late)
    assert (await all_of(office, "2026-11-20"))[1] == counted


async def test_of_a_day_that_is_over_nothing_is_said_to_wait_still_that_was_answered_since(office: Bot) -> None:
    late = await mention(office)
    office.clock.at = local("2026-11-20 16:00")  # type: ignore[attr-defined]
    assert "1 te laat en wacht nog" in await asked(office, SANNE, "/webcare cijfers vandaag")
    office.clock.at = local("2026-11-23 09:30")  # type: ignore[attr-defined]
    await sent(office, late)
    told = await asked(office, SANNE, "/webcare cijfers 2026-11-20")
    assert "1 was te laat en wachtte nog" in told and "wacht nog" not in told
    await office.slack.click(SANNE, CHANNEL, office.slack.ephemerals(SANNE, CHANNEL)[-1]["ts"], "figures:share")
    shared = await office.slack.wait_for(
        lambda: next((each for each in office.slack.messages(CHANNEL) if "te laat en wacht" in text_of(each)), None)
    )
    assert "1 was te laat en wachtte nog" in text_of(shared)


# --- The other database, and cells ----------------------------------------------------------------


async def test_postgresql_counts_the_same(databases: Databases, postgres_uri: str) -> None:
    at = local("2026-10-25 13:00")
    took = [60, 120, 600]
    history = [
        {"account": 1, "status": Status.NEW, "opened_at": at, "closed": [(at, CloseReason.SPAM)] * 2, "mentions": [at],
         "replies": [at, None], "clocks": [{"kind": ClockKind.FIRST_REACTION, "target_seconds": 3600, "stopped_at": at,
         "elapsed_seconds": seconds, "kept": True, "counts": True, "due_at": at}]}
        for seconds in took
    ]  # fmt: skip
    period = Period(local("2026-10-25 00:00"), local("2026-10-26 00:00"))
    figures, file, standing = await read(await databases.postgresql(postgres_uri), history, period)
    assert told(figures) == reckoned(history, period.since, period.until)
    assert (figures.first.median, figures.first.p90) == (120, 600)
    assert standing.ages == [0, 3, 0, 0]
    assert len(file.splitlines()) == 19


@pytest.mark.parametrize(
    ("took", "exported", "told", "in_time"),
    [
        (0, "0", "0 min", "ja"),
        (3540, "59", "59 min", "ja"),
        (3541, "60", "1 uur", "ja"),
        (3599, "60", "1 uur", "ja"),
        (3600, "61", "1 uur 1 min", "nee"),
        (3620, "61", "1 uur 1 min", "nee"),
        (3661, "62", "1 uur 2 min", "nee"),
    ],
)
def test_in_minutes_too_what_is_late_takes_longer_than_its_norm(
    took: int, exported: str, told: str, in_time: str
) -> None:
    line = Line(NOW, ClockKind.FIRST_REACTION, 1, 1, "T1", "a", None, None, took, 3600, took < 3600)
    [row] = csv.DictReader(io.StringIO(csv_of([line], T, AMSTERDAM).decode("utf-8-sig")), delimiter=";")
    assert (row["minuten werktijd"], row["norm in minuten"], row["binnen de norm"]) == (exported, "60", in_time)
    measured = Measured(1, int(took < 3600), took, took, 3600)
    words = paragraphs(Overview(Span.ASKED, "T1", Figures(NOW, NOW, first=measured)), T)[0]
    assert f"binnen 1 uur, de helft binnen {told}, 90 % binnen {told}" in words


def test_a_cell_is_never_a_formula() -> None:
    for cell in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert guarded(cell) == f"'{cell}"
    assert guarded("2026-11-24") == "2026-11-24"
