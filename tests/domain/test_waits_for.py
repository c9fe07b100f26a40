"""What a case waits for, and why its clocks rest: the whole table."""

import pytest

from bot.domain.case import OPEN, Status, WaitsFor, rests_for, waits_for

US, CITIZEN, ADVICE, MOMENT, NOBODY = WaitsFor


@pytest.mark.parametrize(
    ("status", "holds", "wait", "rests"),
    [
        (Status.NEW, set(), US, None),
        (Status.NEW, {"unsent", "promised"}, US, None),
        (Status.CLAIMED, set(), US, None),
        (Status.CLAIMED, {"promised"}, MOMENT, None),
        (Status.ESCALATED, set(), ADVICE, None),
        (Status.ESCALATED, {"promised"}, ADVICE, None),
        (Status.ANSWERED, set(), NOBODY, None),
        (Status.ANSWERED, {"unsent"}, US, None),
        (Status.WITH_CITIZEN, set(), CITIZEN, CITIZEN),
        (Status.WITH_CITIZEN, {"promised"}, CITIZEN, CITIZEN),
        (Status.CLOSED, set(), NOBODY, None),
        (Status.CLOSED, {"unsent", "promised"}, NOBODY, None),
    ],
)
def test_what_a_case_waits_for(status: Status, holds: set[str], wait: WaitsFor, rests: WaitsFor | None) -> None:
    assert waits_for(status, **dict.fromkeys(holds, True)) is wait
    assert rests_for(status, wait) is rests


def test_a_case_in_the_queue_with_an_owner_or_with_an_adviser_is_on_our_desk() -> None:
    assert {Status.NEW, Status.CLAIMED, Status.ESCALATED} == OPEN
