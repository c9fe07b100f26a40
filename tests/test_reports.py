"""The figures are right, and the same wherever they are told: against a slow and obvious reckoning over all rows."""

import asyncio
import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import db, reports
from bot.domain.case import CloseReason, Status
from bot.domain.figures import Figures, Measured, Overview, Span, rank
from bot.domain.period import Period, midnight, opening, parse, parts, split, week_before, working_day_before
from bot.domain.sla import ClockKind
from bot.export import csv_of, guarded, lines
from bot.models import Account, Author, Case, Clock, Mention, Reply, ReplyStatus, Team
from bot.team_settings import TeamSettings
from bot.texts import Texts
from tests.conftest import Databases

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


@given(days=st.integers(1, 1097), start=st.dates(date(2020, 1, 1), date(2030, 1, 1)), hours=st.integers(0, 23))
def test_the_parts_of_a_period_are_the_whole_period_once(days: int, start: date, hours: int) -> None:
    since = midnight(start, AMSTERDAM) + timedelta(hours=hours)
    period = Period(since, midnight(start + timedelta(days=days), AMSTERDAM))
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
            "closed": st.none() | st.tuples(moments, st.sampled_from(CloseReason)),
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
    session.add_all(Team(id=n, name=f"T{n}", channel="C", created_at=NOW) for n in (1, 2))
    await session.flush()
    for n, team in TEAM_OF.items():
        session.add(Account(id=n, team_id=team, platform="webhook", name=f"=bron{n}", url="", created_at=NOW))
    await session.flush()
    for n, each in enumerate(history, 1):
        account, (closed_at, reason) = each["account"], each["closed"] or (None, None)
        session.add(Author(id=n, account_id=account, external_id=str(n), name="x"))
        await session.flush()
        session.add(Case(id=n, team_id=TEAM_OF[account], account_id=account, author_id=n, status=each["status"],
                         opened_at=each["opened_at"], closed_at=closed_at, close_reason=reason))  # fmt: skip
        await session.flush()
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
        if not those:
            return Measured()
        took = sorted(c["elapsed_seconds"] for c in those)
        shares = [next(v for n, v in enumerate(took, 1) if n * 100 >= p * len(took)) for p in (50, 90)]
        targets = {c["target_seconds"] for c in those}
        target = targets.pop() if len(targets) == 1 else None
        return Measured(len(those), sum(c["kept"] for c in those), shares[0], shares[1], target)

    return {
        "mentions": sum(inside(at) for each in ours for at in each["mentions"]),
        "opened": sum(inside(each["opened_at"]) for each in ours),
        "answered": sum(inside(at) for each in ours for at in each["replies"]),
        "closed": Counter(str(each["closed"][1]) for each in ours if each["closed"] and inside(each["closed"][0])),
        "first": timed(ClockKind.FIRST_REACTION),
        "resolution": timed(ClockKind.RESOLUTION),
    }


def told(figures: Figures) -> dict[str, Any]:
    return {
        name: getattr(figures, name) for name in ("mentions", "opened", "answered", "closed", "first", "resolution")
    }


async def read(url: str, history: list[dict[str, Any]], period: Period) -> tuple[Figures, bytes, Any]:
    engine = db.create_engine(url)
    try:
        async with db.sessions(engine)() as session:
            await keep(session, history)
        async with db.readings(engine)() as session:
            team = await session.get_one(Team, 1)
            figures = await reports.figures(session, team, period)
            file = csv_of(await lines(session, team, period), T, AMSTERDAM)
            return figures, file, await reports.standing(session, team, NOW)
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

    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig")), delimiter=";"))[1:]
    counted = Counter(row[1] for row in rows)
    assert counted == Counter({name: n for name, n in {
        "bericht": expected["mentions"], "zaak geopend": expected["opened"], "antwoord verstuurd": expected["answered"],
        "gesloten zonder antwoord": expected["closed"].total(), "eerste reactie": expected["first"].count,
        "afhandeling": expected["resolution"].count}.items() if n})  # fmt: skip
    assert sum(row[7] == "ja" for row in rows) == expected["first"].kept + expected["resolution"].kept
    assert {row[3][0] for row in rows} <= {"'"}

    ours = [each for each in history if TEAM_OF[each["account"]] == 1]
    waiting = [each for each in ours if each["status"] in {Status.NEW, Status.CLAIMED, Status.ESCALATED}]
    assert standing.open == len(waiting)
    assert standing.oldest_at == min((each["opened_at"] for each in waiting), default=None)
    assert standing.late == sum(
        any(c["stopped_at"] is None and c["due_at"] <= NOW for c in each["clocks"]) for each in ours
    )


@given(count=st.integers(1, 500), percent=st.integers(1, 100))
def test_a_percentile_is_the_first_value_with_so_many_at_or_below_it(count: int, percent: int) -> None:
    assert rank(percent, count) == next(n for n in range(1, count + 1) if 100 * n >= percent * count)


async def test_postgresql_counts_the_same(databases: Databases, postgres_uri: str) -> None:
    at = local("2026-10-25 13:00")
    took = [60, 120, 600]
    history = [
        {"account": 1, "status": Status.NEW, "opened_at": at, "closed": (at, CloseReason.SPAM), "mentions": [at],
         "replies": [at, None], "clocks": [{"kind": ClockKind.FIRST_REACTION, "target_seconds": 3600, "stopped_at": at,
         "elapsed_seconds": seconds, "kept": True, "counts": True, "due_at": at}]}
        for seconds in took
    ]  # fmt: skip
    period = Period(local("2026-10-25 00:00"), local("2026-10-26 00:00"))
    figures, file, standing = await read(await databases.postgresql(postgres_uri), history, period)
    assert told(figures) == reckoned(history, period.since, period.until)
    assert (figures.first.median, figures.first.p90) == (120, 600)
    assert standing.ages == [0, 3, 0, 0]
    assert len(file.splitlines()) == 16


def test_a_cell_is_never_a_formula() -> None:
    for cell in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert guarded(cell) == f"'{cell}"
    assert guarded("2026-11-24") == "2026-11-24"
