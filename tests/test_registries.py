"""What stands in two places is the same in both: a test remembers what one would forget."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import jobs
from bot.domain.case import (
    BY_OWNER,
    BY_SYSTEM,
    CLAIMS_TOO,
    FILLED_IN,
    LEADS_TO,
    ONGOING,
    OPEN,
    TAKES,
    UNCLOSES,
    CloseReason,
    Move,
    Status,
    WaitsFor,
    logged_as,
    moves_from,
    rests_for,
    waits_for,
)
from bot.domain.event import HAPPENED, OF_NO_CASE, WHY, EventKind, Why
from bot.models import NOT_ENDED, SETTING, WAITING, Case, ReplyKind, resting
from bot.team.undo import PUT_BACK
from bot.texts import Texts
from bot.views.case_state import KINDS, OFF_OUR_DESK, REASONS, state_line
from bot.views.search_modal import STATUSES
from tests.mutation.__main__ import LEFT_OUT, TESTS
from tests.views.examples import NOW, case_file

STAYS = {
    "id", "team_id", "number", "account_id", "author_id", "status", "urgent", "opened_at", "answered_at", "topic",
    "transfers", "signals", "subject_id",
}  # fmt: skip
"""The columns of a case that no status empties."""
ROOT = Path(__file__).parent.parent
CALLED_BY_A_JOB = {"jobs.refresh.wake_outgoing"}
BOTH = (False, True)


def test_every_job_is_scheduled() -> None:
    desk: Any = SimpleNamespace(settings=SimpleNamespace(poll_seconds=60))
    scheduled = {jobs.name_of(job) for job in (*jobs.BY_OUR_CLOCK, *jobs.by_the_world(desk), *jobs.SWEEPS)}
    found = set()
    for module in pkgutil.iter_modules(jobs.__path__):
        loaded = importlib.import_module(f"jobs.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.iscoroutinefunction):
            own = function.__module__ == loaded.__name__ and not name.startswith("_")
            if own and list(inspect.signature(function).parameters) == ["desk"]:
                found.add(jobs.name_of(function))
    assert found - CALLED_BY_A_JOB == scheduled - {jobs.name_of(jobs.sweep)}


def test_every_event_of_a_case_has_its_words() -> None:
    assert set(HAPPENED) == set(EventKind) - OF_NO_CASE
    assert set(WHY) == set(Why)


def test_the_reason_of_an_event_is_written_and_read_in_one_place() -> None:
    """So each is one of `Why`, which have their words."""
    naming = [path for path in ours() if '"why"' in path.read_text(encoding="utf-8")]
    assert [path.name for path in naming] == ["event.py"]


def ours() -> Iterator[Path]:
    """Our modules."""
    for package in ("bot", "handlers", "jobs"):
        yield from (ROOT / package).rglob("*.py")


def test_every_module_of_the_domain_is_broken_to_see_whether_its_tests_notice() -> None:
    domain = {f"bot/domain/{path.name}" for path in (ROOT / "bot" / "domain").glob("[!_]*.py")}
    assert domain == {path for path in [*TESTS, *LEFT_OUT] if path.startswith("bot/domain/")}
    named = " ".join([*TESTS, *TESTS.values()]).split()
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_close_reason_and_kind_of_reply_has_its_words() -> None:
    assert set(REASONS) == set(CloseReason)
    assert set(KINDS) == set(ReplyKind)


def test_every_move_is_logged_as_an_event_of_a_case() -> None:
    assert set(LEADS_TO) == set(Move)
    assert {logged_as(move) for move in Move} <= set(HAPPENED)
    assert set(Move) >= BY_OWNER | BY_SYSTEM | CLAIMS_TOO | TAKES


def test_every_status_can_be_searched_for() -> None:
    assert set(OFF_OUR_DESK) == set(Status) - OPEN
    assert Counter(status for found in STATUSES.values() for status in found) == Counter(Status), "each by one choice"


def test_what_waits_in_sql_is_what_is_open_by_the_rules() -> None:
    listed = ",".join(f"'{status}'" for status in Status if status in OPEN)
    assert str(WAITING) == f"cases.status IN ({listed})"


def test_what_has_not_ended_in_sql_is_what_is_ongoing_by_the_rules() -> None:
    listed = [status for which in NOT_ENDED for status in re.findall(r"'(\w+)'", str(which))]
    assert sorted(listed) == sorted(ONGOING), "a status that is in none is not counted as open, nor found late"


def test_every_status_that_rests_has_its_partial_index() -> None:
    table: Any = Case.__table__  # type: ignore[attr-defined]
    found = {str(index.dialect_options["sqlite"]["where"]) for index in table.indexes}
    assert {str(resting(status)).removeprefix("cases.") for status in ONGOING - OPEN} <= found


def test_what_the_past_of_the_settings_lists_is_what_can_be_undone() -> None:
    listed = ",".join(f"'{kind}'" for kind in PUT_BACK)
    assert str(SETTING) == f"events.kind IN ({listed})"


def test_every_column_of_a_case_stays_or_belongs_to_statuses() -> None:
    assert set(Case.model_fields) == STAYS | set(FILLED_IN)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("unsent", [True, False])
@pytest.mark.parametrize("promised", [True, False])
def test_clocks_rest_for_what_is_off_our_desk_and_still_waits(status: Status, unsent: bool, promised: bool) -> None:
    wait = waits_for(status, unsent=unsent, promised=promised)
    rest = rests_for(status, wait)
    assert (rest is not None) is (status not in OPEN and wait not in {WaitsFor.US, WaitsFor.NOBODY})
    assert rest in {None, wait}
    assert status not in OPEN or wait not in {WaitsFor.NOBODY, WaitsFor.CITIZEN}


@pytest.mark.parametrize("status", Status)
def test_a_status_off_our_desk_can_be_taken_up_by_agents_and_by_the_citizen(status: Status) -> None:
    assert moves_from(status), "no button leads on"
    if status not in OPEN:
        assert any(LEADS_TO[move].get(status) in OPEN for move in moves_from(status)), "no agent can take it up"
        assert LEADS_TO[Move.REOPEN_BY_CITIZEN].get(status) in OPEN, "what the citizen writes is not heard"
    else:
        assert LEADS_TO[Move.CLOSE].get(status) is Status.CLOSED
    if status in ONGOING:
        assert Move.CLOSE in moves_from(status), "it cannot be given up"
        assert status is Status.NEW or Move.TAKE_OVER in moves_from(status), "it stays with one who is away"
        assert Move.ASSIGN in moves_from(status), "a coordinator cannot give it to a colleague"
    assert (LEADS_TO[Move.PUT_BACK].get(status) is not None) <= (status in OPEN), "the clock takes what waits elsewhere"


def test_closing_any_case_that_has_not_ended_can_be_undone_to_what_it_was() -> None:
    assert {status: LEADS_TO[move] for status, move in UNCLOSES.items()} == {
        status: {Status.CLOSED: status} for status in Status if status in ONGOING
    }


def test_only_its_owner_takes_a_case_off_our_desk_or_who_may_close_it() -> None:
    off = {move for status in OPEN for move in moves_from(status) if LEADS_TO[move][status] not in OPEN}
    assert off <= BY_OWNER | {Move.CLOSE}


def test_what_has_ended_is_taken_up_by_us_before_it_can_wait_for_anything_else() -> None:
    for status in set(Status) - ONGOING:
        for move in moves_from(status) - set(UNCLOSES.values()):
            assert LEADS_TO[move][status] in OPEN | {Status.CLOSED}, f"{move} of a case that is {status}"


def test_a_column_is_filled_for_whoever_has_the_case_or_in_one_status_alone() -> None:
    for name, statuses in FILLED_IN.items():
        assert len(statuses) == 1 or statuses == set(Status) - {Status.NEW}, f"{name} stays when the status has gone"


def test_what_waits_for_nobody_is_left_by_people_only() -> None:
    for status in Status:
        waits = {waits_for(status, unsent=u, promised=p) for u in BOTH for p in BOTH}
        moved_by = {move for move in BY_SYSTEM if status in LEADS_TO[move]} - {Move.REOPEN_BY_CITIZEN}
        assert waits != {WaitsFor.NOBODY} or not moved_by, f"{moved_by} ends {status}: then it waits for that"


def test_the_card_has_other_words_for_each_status() -> None:
    t: Any = Texts("nl", "Europe/Amsterdam")
    heads = {state_line(case_file(status), t, NOW).split("*")[1] for status in Status}
    assert len(heads) == len(Status)
