"""`webcare doctor` says of every case what it waits for, what is wrong, and what comes next."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot import cases, db
from bot.accounts import store
from bot.cases import inbox
from bot.cli.doctor.facts import Facts, gather
from bot.cli.doctor.show import show
from bot.cli.doctor.wrong import wrong
from bot.domain.case import OPEN, Move, Status, WaitsFor, rests_for, waits_for
from bot.domain.coming import Coming, Doing
from bot.domain.event import Why
from bot.domain.mention import Act, Author, Post
from bot.domain.sla import ClockKind
from bot.models import (
    STOPPED_BY_HAND,
    Account,
    ActStatus,
    AnswerDraft,
    CaseFile,
    Clock,
    Message,
    MessageKind,
    ReplyStatus,
    Team,
)
from bot.outgoing import queue
from bot.sandbox.app import Sandbox
from bot.steady_clock import utc_now
from bot.team.settings import TeamSettings
from bot.texts import Texts
from tests.cases.situations import RESTING, SITUATIONS, WAITS, in_situation
from tests.conftest import CHANNEL
from tests.fakes.command import webcare
from tests.views.examples import ASKED, BY, LONG, NOW, PROBLEM, act, case_file, moderated, reply

ENGLISH = Texts("en", "Europe/Amsterdam")
LATER = NOW + timedelta(hours=1)
CARD = Message(
    id=1, key="case:1", kind=MessageKind.CASE, case_id=1, channel="C0WEBCARE", ts="1.1", version=3, shown_version=3
)  # fmt: skip


def clock(kind: ClockKind = ClockKind.RESOLUTION, **more: Any) -> Clock:
    return Clock(
        **{
            "id": 1, "case_id": 1, "team_id": 1, "kind": kind, "target_seconds": 3600, "started_at": NOW,
            "running_since": NOW, "due_at": LATER, "next_at": LATER, **more,
        }
    )  # fmt: skip


def facts(status: Status = Status.CLAIMED, **more: Any) -> Facts:
    """A case with which nothing is wrong, unless the test changes it: a name of `Facts`, or of its file."""
    of_facts = {name: more.pop(name) for name in {*Facts.__dataclass_fields__} - {"clocks"} if name in more}
    running = [clock()] if status in OPEN else []
    rest = rests_for(status, waits_for(status))
    rests = [clock(running_since=None, due_at=None, next_at=None, rests_for=rest)]
    asked = ASKED[1:2] if status is Status.ESCALATED else []
    clocks = more.pop("clocks", rests if rest else running)
    file = case_file(status, **{"clocks": clocks, "escalations": asked, **more})
    file.account.problem, file.case.topic = None, "Afval"
    for name in ("closed_at", "closed_by", "close_text", "claimed_at", "assignee"):
        if (status is Status.NEW) or (name.startswith("close") and status is not Status.CLOSED):
            setattr(file.case, name, "" if name == "close_text" else None)
    ask = [Message(id=2, key="ask:1:U", kind=MessageKind.ASK, case_id=1, subject_id=1, channel="U", ts="2.1")]
    return Facts(
        **{
            "file": file, "settings": TeamSettings(), "overdue": [], "opens": True, "owner_is_away": False,
            "coming": [Coming(LATER, Doing.STEP, (BY,), 80, ClockKind.RESOLUTION)], "clocks": clocks,
            "messages": [CARD, *(ask if asked else [])], "reminders": [], "events": [], "drafts": [], "now": NOW,
            **of_facts,
        }
    )  # fmt: skip


def of(file: CaseFile) -> Facts:
    file.case.topic = "Afval"
    return facts(file=file)


def sentences(of: Facts) -> str:
    return " ".join(f"{each.what} {each.do}" for each in wrong(of))


def broken(status: Status = Status.CLAIMED, of: str = "case", **values: Any) -> Facts:
    """The same, with other values in the row of the case or its account."""
    made = facts(status)
    for name, value in values.items():
        setattr(getattr(made.file, of), name, value)
    return made


@pytest.mark.parametrize("status", Status)
def test_nothing_is_wrong_with_a_case_as_it_should_be(status: Status) -> None:
    assert sentences(facts(status)) == ""


def test_a_card_that_slack_did_not_take_yet_is_nothing_wrong_with_its_case() -> None:
    late = Message(**{**CARD.model_dump(), "version": 4, "problem": "ratelimited"})
    assert sentences(facts(messages=[late])) == ""


@pytest.mark.parametrize("sealed", [b"", b"sealed"])
def test_an_account_that_people_stopped_is_nothing_wrong_with_a_case_that_has_ended(sealed: bytes) -> None:
    stopped: dict[str, Any] = {"stopped_at": NOW, "problem": STOPPED_BY_HAND.to_json(), "sealed": sealed}
    for status in (Status.CLOSED, Status.ANSWERED):
        assert sentences(broken(status, of="account", **stopped)) == ""
    assert "Its account" in sentences(broken(of="account", **stopped))


WRONG: dict[str, tuple[Facts, str]] = {
    "no clock": (facts(clocks=[]), "It waits for us but has no clock. Claim it in Slack and release it again"),
    "no clock for advice": (facts(Status.ESCALATED, clocks=[]), "It waits for advice but has no clock."),
    "a clock that rests": (facts(clocks=[clock(rests_for=WaitsFor.CITIZEN)]), "rests, waiting for the citizen"),
    "a clock that runs": (facts(Status.WITH_CITIZEN, clocks=[clock()]), "(resolution) runs, which does not fit"),
    "a clock that reminds nobody": (facts(clocks=[clock(next_at=None)]), "runs but reminds nobody"),
    "a clock of another team": (facts(clocks=[clock(team_id=2)]), "follows the hours of another team"),
    "clocks after the end": (facts(Status.CLOSED, clocks=[clock()]), "its clocks were not stopped"),
    "no owner": (broken(assignee=None), "It is claimed but has no owner."),
    "no moment of its claim": (broken(claimed_at=None), "so it never counts as idle"),
    "an owner in the queue": (broken(Status.NEW, assignee=BY), "It is new but still has a value for assignee."),
    "no question": (facts(Status.ESCALATED, escalations=[]), "nobody was asked"),
    "a question that was not put": (facts(Status.ESCALATED, messages=[CARD]), "was never put to C0WEGEN"),
    "no card": (facts(messages=[]), "It has no card."),
    "a card that was not shown": (
        facts(messages=[Message(**{**CARD.model_dump(), "ts": None, "shown_version": 0})], now=LATER),
        "Its card was never shown in Slack. Look whether the bot runs",
    ),
    "a card that Slack refuses": (
        facts(messages=[Message(**{**CARD.model_dump(), "version": 4, "problem": "is_archived"})]),
        "Slack refuses message 1 (case): is_archived. Run `webcare check`",
    ),
    "a reply of unknown outcome": (facts(replies=[reply(ReplyStatus.UNCERTAIN)]), "Perhaps reply 1 was published"),
    "a reply that was not tried": (
        facts(replies=[reply(ReplyStatus.APPROVED)], now=LATER), "Reply 1 was due 60 minutes ago",
    ),
    "an act that was not tried": (
        facts(acts=[act(Act.HIDE, ActStatus.APPROVED)], now=LATER), "Act 1 (hide) was due 60 minutes ago",
    ),
    "a stopped account": (
        broken(of="account", stopped_at=NOW, name="De gemeente"),
        "nothing more of the citizen comes in. Run `webcare accounts check 'mastodon/De gemeente'`.",
    ),
    "an account that people stopped": (
        broken(of="account", stopped_at=NOW, problem=STOPPED_BY_HAND.to_json(), sealed=b"x"),
        "Its account is stopped: nothing more of the citizen comes in. Run `webcare accounts start mastodon/",
    ),
    "a removed account": (
        broken(of="account", stopped_at=NOW, problem=STOPPED_BY_HAND.to_json(), sealed=b""), "Close it in Slack.",
    ),
    "a failing account": (broken(of="account", problem=PROBLEM), "Its account fails: what the citizen writes may not"),
    "unreadable settings": (facts(settings=None, coming=[]), "The settings of its team cannot be read"),
    "a team that never opens": (facts(opens=False, coming=[]), "Its team never opens"),
    "silence": (facts(coming=[]), "It is open, and nobody will ever hear of it."),
    "a job that does not run": (
        facts(overdue=[Coming(NOW - timedelta(minutes=11), Doing.IDLE)]), "Something was due 11 minutes ago or earlier",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_what_to_do(what: str) -> None:
    made, sentence = WRONG[what]
    assert sentence in sentences(made)
    assert all(each.do for each in wrong(made))


def shown(of: Facts, capsys: pytest.CaptureFixture[str], *, words: bool = False) -> str:
    show(of, ENGLISH, words=words)
    return " ".join(capsys.readouterr().out.split())


EXAMPLES = [
    *(facts(status) for status in Status),
    *(facts(Status.ESCALATED, escalations=[each]) for each in ASKED),
    *(
        facts(status, replies=[reply(sent, problem=PROBLEM, held=sent is ReplyStatus.SENT)])
        for status in Status for sent in ReplyStatus
    ),
    *(of(moderated(acts=[act(kind, status)])) for kind in Act for status in ActStatus),
    *(facts(coming=[Coming(NOW, doing, (BY,), 100, ClockKind.RESOLUTION)]) for doing in Doing),
    facts(coming=[Coming(NOW, doing, (BY,), 50, ClockKind.PROMISE) for doing in Doing]),
    facts(coming=[Coming(NOW, move, (BY,), why=why) for move in Move for why in (None, *Why)]),
    *(facts(clocks=[clock(kind, told_percent=80, used_seconds=600, snoozed_until=LATER)]) for kind in ClockKind),
    facts(drafts=[AnswerDraft(case_id=1, by=BY, active_at=NOW, writing=True, words=LONG)]),
    facts(messages=[Message(**{**CARD.model_dump(), "version": 9, "leased_until": LATER, "retry_at": LATER})]),
    facts(messages=[Message(**{**CARD.model_dump(), "version": 9, "retry_at": LATER, "awaited_at": NOW})]),
]  # fmt: skip


def test_every_state_is_shown_without_what_the_citizen_wrote_unless_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for example in EXAMPLES:
        without, with_words = shown(example, capsys), shown(example, capsys, words=True)
        for part in ("Case 231 of Webcare (id 1)", "Waits for", "What happens next", "Posts", "Messages in Slack"):
            assert part in without
        assert "None" not in without
        assert "Fatima" not in without and "container" not in without
        assert "Fatima" in with_words and "container" in with_words


SAYS: dict[str, tuple[str, ...]] = {
    "new": ("us: somebody must claim it", "C0WEBCARE: reminded that 80 % of the time for the first reaction is used"),
    "claimed": ("must answer it", "reminded that nothing happened with it", "goes back to the queue"),
    "escalated": ("advice from U0YOUSSEF", "U0YOUSSEF: asked for advice again", "the time for advice is over"),
    "with_citizen": ("the citizen, who can read our question since", "asked what to do", "rests, because the case"),
    "answered": ("nobody: it has ended", "nothing, as it has ended", "in time"),
    "closed": ("nobody: it has ended", "nothing, as it has ended", "Closed"),
    "a reply on its way": ("us: our answer is not sent yet", "answer 1 is sent, or tried again", "waits to be sent"),
    "a question to the citizen": ("the citizen, who can read", "asked what to do"),
    "a promise and a question": ("the citizen, who can read", "asked what to do", "reminded of the promise"),
    "a promise": ("a moment: we promised the citizen an answer by", "reminded of the promise"),
    "a reply that was refused": ("must answer it", "reminded that nothing happened", "last problem: Too long."),
    "a reply of unknown outcome": ("must say on its card whether", "Perhaps reply 1 was published", "uncertain"),
    "a reply that its platform holds": ("its platform still has to approve our answer", "reminded that 80 %"),
    "a promise that did not arrive": ("must answer it", "failed"),
    "a question, then reopened": ("must answer it", "reminded that nothing happened"),
}


OF = {
    WaitsFor.US: "us: ", WaitsFor.CITIZEN: "the citizen, who", WaitsFor.ADVICE: "advice from ",
    WaitsFor.MOMENT: "a moment: ", WaitsFor.NOBODY: "nobody: it has ended",
}  # fmt: skip
NOT_RIGHT = {"a reply of unknown outcome"}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_a_case_is_read_from_the_database_and_said_in_words(
    situation: str, sqlite_url: str, slack: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (_, desk), desk.reading() as session:
        found = await gather(session, 1, desk.now())
    out = shown(found, capsys)
    for words in (f"Waits for {OF[WAITS[situation]]}", *SAYS.get(situation, ())):
        assert words in out, out
    assert ("rests, because the case waits for" in out) is (situation in RESTING), out
    assert ("nothing, as it has ended" in out) is (WAITS[situation] is WaitsFor.NOBODY), out
    assert len(wrong(found)) == (situation in NOT_RIGHT), out
    assert "Fatima" not in out and "vuilniswagen" not in out


async def test_of_a_stopped_account_no_moment_is_named_at_which_an_answer_goes_out(
    database_url: str, slack: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    async with in_situation("a reply on its way", database_url, slack) as (table, desk):
        async with table.session() as session:
            store.stop(session, await session.get_one(Account, 1), desk.now())
        table.passes(minutes=2)
        async with desk.reading() as session:
            found = await gather(session, 1, desk.now())
            assert await queue.accounts_due(session, desk.now() + timedelta(days=1)) == set()
    out = shown(found, capsys)
    assert "– answer 1 is sent once its account is started again" in out
    assert "or tried again" not in out


@pytest.mark.parametrize("status", sorted(OPEN - {Status.NEW}))
def test_a_case_that_lost_its_owner_is_said_to_wait_for_nobody_in_particular(
    status: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = broken(status, assignee=None)
    steps = [Coming(LATER, Doing.ADVICE, (BY,), 100)]
    out = shown(replace(lost, coming=steps), capsys)
    assert "but has no owner" in out
    assert "None" not in out


def test_nobody_is_told_to_answer_what_cannot_be_answered_from_here(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(facts(allows=False), capsys)
    assert f"us: {BY} must close it, as it cannot be answered from here" in out
    assert "must answer" not in out


def test_what_still_goes_out_of_a_case_that_has_ended_is_not_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    going = facts(Status.CLOSED, coming=[], acts=[act(Act.HIDE, ActStatus.APPROVED)])
    out = shown(going, capsys)
    assert "act 1 (hide) is carried out, or tried again" in out
    assert "nothing, as it has ended" not in out


async def test_what_no_job_did_in_time_is_said(sqlite_url: str, slack: Sandbox) -> None:
    async with in_situation("claimed", sqlite_url, slack) as (table, desk), desk.reading() as session:
        table.passes(minutes=39)
        assert "Something was due" not in sentences(await gather(session, 1, desk.now()))
        table.passes(minutes=2)
        assert "Something was due 10 minutes ago or earlier" in sentences(await gather(session, 1, desk.now()))


async def filled(folder: Path) -> None:
    """Two teams that each have a case 1, of which the second came from the first as its case 2."""
    engine = db.create_engine(f"sqlite:///{folder / 'webcare.db'}")
    now = utc_now()
    async with db.sessions(engine)() as session:
        session.add_all([Team(id=n, name=f"Team {n}", channel=f"C0{n}", created_at=now) for n in (2, 3)])
        await session.flush()
        session.add(Account(id=9, team_id=2, platform="webhook", name="plein", url="", created_at=now))
        await session.flush()
        await inbox.take_in(session, 9, [Post(n, Author(n, "Fatima"), "Vuil", now) for n in ("a", "b")], now=now)
        await cases.claim(session, 2, by=BY, now=now)
        await cases.transfer(session, 2, seen=2, to=3, note="", by=BY, now=now, submission="t")
    await engine.dispose()


async def test_a_database_of_a_newer_version_is_not_said_to_be_older(database_url: str, tmp_path: Path) -> None:
    engine = db.create_engine(database_url)
    async with db.connected(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    refused = await webcare(tmp_path, "doctor", "1", database_url=database_url)
    assert (refused.code, "update the program" in refused.err, "webcare migrate" in refused.err) == (2, True, False)


async def test_a_case_is_named_by_its_number_and_nothing_is_changed(slack: Sandbox, tmp_path: Path) -> None:
    settings = {"slack_api_url": slack.api_url, "slack_channel": CHANNEL, "slack_bot_token": slack.app.bot_token}
    none = await webcare(tmp_path, "doctor", "1", **settings)
    assert (none.code, "webcare migrate" in none.err) == (2, True)
    assert (await webcare(tmp_path, "migrate", **settings)).code == 0
    await filled(tmp_path)
    before = (tmp_path / "webcare.db").read_bytes()
    both, unknown, nowhere = [
        await webcare(tmp_path, "doctor", *words, **settings)
        for words in (("1",), ("7",), ("1", "--team", "Team 8"))
    ]  # fmt: skip
    assert "add --team 'Team 2' or --team 'Team 3', or give the id with --id" in both.err
    assert "There is no case 7." in unknown.err and "There is no team Team 8" in nowhere.err
    named, former, by_id = [
        await webcare(tmp_path, "doctor", *words, **settings)
        for words in (("1", "--team", "Team 2"), ("2",), ("2", "--id", "--words"))
    ]  # fmt: skip
    assert "Case 1 of Team 2 (id 1)" in named.out and "Fatima" not in named.out
    assert "Case 1 of Team 3 (id 2)" in former.out, "it had the number 2 before"
    assert "Case 1 of Team 3 (id 2)" in by_id.out and "Fatima" in by_id.out
    assert {each.code for each in (both, unknown, nowhere)} == {2} and named.code == 0
    assert (tmp_path / "webcare.db").read_bytes() == before
