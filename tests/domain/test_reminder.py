"""When the recipient of reminders is notified: once per opening, and again for what is newly late."""

import pytest

from bot.domain.reminder import Heard, Row, Standing, Write, heard_of, how_to_write

LATE, SOON = Row(Standing.LATE, Heard.NOTHING), Row(Standing.SOON, Heard.NOTHING)
HEARD = Row(Standing.LATE, Heard.LATE)


def write(*rows: Row, **now: bool) -> Write:
    return how_to_write(rows, **dict.fromkeys(("told", "opened", "done", "calm", "at_once"), False) | now)


def test_the_first_thing_of_an_opening_is_posted_and_what_follows_is_edited_in() -> None:
    assert write(SOON, told=True, opened=True) is Write.POST
    assert write(SOON, told=True) is Write.EDIT
    assert write(LATE, told=True) is Write.EDIT
    assert write(SOON, opened=True) is Write.NOTHING


def test_a_message_in_which_nothing_waits_any_more_brings_no_calm() -> None:
    assert write(SOON, told=True, done=True) is Write.POST
    assert write(SOON, done=True) is Write.NOTHING


def test_what_became_late_unheard_is_posted_when_it_has_been_calm() -> None:
    assert write(LATE, calm=True) is Write.POST
    assert write(SOON, HEARD, calm=True) is Write.NOTHING
    assert write(Row(Standing.LATE, Heard.WAITING), calm=True) is Write.NOTHING, "they heard of it before it was late"


@pytest.mark.parametrize("heard", [Heard.NOTHING, Heard.WAITING])
def test_what_is_urgent_and_newly_late_is_posted_at_once_and_once(heard: Heard) -> None:
    assert write(Row(Standing.LATE, heard, urgent=True)) is Write.POST
    assert write(Row(Standing.LATE, Heard.LATE, urgent=True), told=True) is Write.EDIT
    assert write(Row(Standing.SOON, heard, urgent=True), told=True) is Write.EDIT


def test_one_who_asked_to_be_reminded_now_is_and_nobody_of_what_is_done() -> None:
    assert write(HEARD, told=True, at_once=True) is Write.POST
    done = Row(Standing.DONE, Heard.NOTHING, urgent=True)
    assert write(done, told=True, opened=True, calm=True, at_once=True) is Write.EDIT


def test_whoever_reads_of_what_is_late_heard_that_and_of_anything_else_that_it_waits() -> None:
    heard = {standing: heard_of(standing) for standing in Standing}
    assert heard == {**dict.fromkeys(Standing, Heard.WAITING), Standing.LATE: Heard.LATE}
