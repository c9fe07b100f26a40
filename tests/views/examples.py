"""Cases in every state, and every message, modal and Home that we make of them."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from bot.domain.budget import Budget, Rest
from bot.domain.case import CloseReason, Status, Urgency, WaitsFor
from bot.domain.event import HAPPENED, EventKind
from bot.domain.figures import Figures, Measured, Overview, Part, Span, Standing, Tally, Trouble
from bot.domain.holidays import HOLIDAYS
from bot.domain.label import Label
from bot.domain.mention import Act, Arrived, Caution, Gone, Seen
from bot.domain.queue import Filter, Place, Where, Which
from bot.domain.reply import Composed
from bot.domain.routing import Rule, Visibility, WorkingTime
from bot.domain.sla import ClockKind, Recipient
from bot.domain.text import text
from bot.models import (
    BY_AGENTS,
    SOCKET,
    AboutOne,
    Account,
    AccountTroubled,
    ActStatus,
    Asking,
    Author,
    Case,
    CaseBrief,
    CaseFile,
    CaseLine,
    Clock,
    Escalation,
    Event,
    HandedOver,
    Hiding,
    Mention,
    Note,
    OtherCase,
    Passed,
    Reply,
    ReplyStatus,
    Rising,
    Role,
    RolledUp,
    SigningIn,
    SigningInStage,
    Team,
    Transfer,
    Troubled,
    TroubleKind,
    Waiting,
)
from bot.models import Act as ActRow
from bot.team.forms import STANDARD_REASONS, written, written_item, written_norm
from bot.team.history import PER_PAGE
from bot.team.settings import (
    MAX_LISTED,
    MAX_REASONS,
    MAX_RULES,
    MAX_TOPICS,
    Adviser,
    HouseRule,
    LadderStep,
    Norm,
    Snippet,
    TeamSettings,
)
from bot.texts import Texts
from bot.views import (
    choosing,
    closing,
    connecting,
    handing_over,
    modals,
    passing,
    settings_form,
    settings_lists,
    settings_modals,
    thread,
)
from bot.views.account import account_removed, account_stopped, account_trouble, token_ends
from bot.views.act import ACTS, act_problem, like_modal, remove_modal, show_modal, unlike_modal
from bot.views.answer_modal import ImageFields, ModalState, Offers, Prefilled, answer_modal
from bot.views.ask import ask_card
from bot.views.away import away_question, nothing_left, returned_unanswered, seen_away_question
from bot.views.backlog import backlog
from bot.views.block import Block, View, actions, modal, section
from bot.views.case_card import case_card
from bot.views.case_list import case_block, case_list, case_row, page_buttons, share_button
from bot.views.case_menu import more_modal
from bot.views.details_modal import details_modal
from bot.views.digest import overview
from bot.views.escalate_modal import escalate_modal
from bot.views.hide import hide_modal, review, second_asked
from bot.views.home import SHOWN, Asked, Chosen, Home, home_tab
from bot.views.modals import (
    advise_modal,
    assign_modal,
    close_modal,
    said,
    take_over_button,
    take_over_modal,
)
from bot.views.others import others_modal
from bot.views.reminder import ORDER, Due, Reminders, outdated, reminder, urgent_call
from bot.views.rollup import claimed, rollup, subjects, take_out_modal, taken_out
from bot.views.routing import Named, routing_list, rule_modal, tried_modal
from bot.views.search_modal import MAX_WORDS, Sought, filter_button, search_modal
from bot.views.settings_history import history_modal
from bot.views.slack_trouble import slack_trouble
from bot.views.spike import spike
from bot.views.transfer import former_card, to_and_fro, transfer_modal, transferred
from bot.views.unanswered import unanswered, went_on

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)


BY, OTHER = "U0SANNE", "U0YOUSSEF"


PROBLEM = text("{host} has a fault (HTTP {status}).", host="mastodon.example.nl", status=503).to_json()


LONG = "Waarom is de grijze container bij ons in de straat weer niet geleegd? <!channel> & 'groet' 🌷 " * 40


ON_OLDER_CARDS = {"case:reopen"}
"""Buttons of cards that were posted by an earlier version and have not been updated since."""


def mention(number: int, **more: Any) -> Mention:
    at = NOW - timedelta(days=400 - 100 * number)
    return Mention(
        **{
            "id": number, "case_id": 1, "account_id": 1, "external_id": str(number), "text": LONG,
            "url": f"https://social.example.nl/@fatima/{number}", "allows": [Act.ANSWER, Act.ANSWER_PRIVATELY],
            "published_at": at, "received_at": at, **more,
        }
    )  # fmt: skip


MENTIONS = [
    mention(0, gone_at=NOW),
    mention(1, edited_at=NOW, earlier_text=LONG),
    mention(2, replies_to={"author": "Gemeente", "text": LONG}, cautions=[*Caution, "of a later version"]),
    mention(
        3,
        private=True,
        place={"left_out": LONG, "also_to": 2},
        media=[{"kind": kind, "url": "https://example.nl/1"} for kind in ("image", "audio", "x")],
    ),
]


def reply(status: ReplyStatus, number: int = 1, **more: Any) -> Reply:
    return Reply(
        id=number, case_id=1, mention_id=3, account_id=1, by=BY, key="k", draft=LONG, text=LONG, private=True,
        status=status, created_at=NOW, send_at=NOW, sent_at=NOW, url="https://social.example.nl/@webcare/9", **more,
    )  # fmt: skip


def asked(target: str, urgency: Urgency, advice: str | None = None) -> Escalation:
    return Escalation(
        id=1, case_id=1, target=target, question=LONG, urgency=urgency, by=BY, at=NOW, submission="v",
        advice=advice, advised_by=OTHER if advice else None,
    )  # fmt: skip


ASKED = [
    asked("S0JURISTEN", Urgency.URGENT),
    asked("C0WEGEN", Urgency.NORMAL),
    asked(OTHER, Urgency.NORMAL, advice=LONG),
]


NOTES = [Note(id=1, case_id=1, by=BY, text=LONG, at=NOW, channel="C0WEBCARE", ts="1.1")] * 12


CLOCKS = [
    Clock(
        id=n, case_id=1, team_id=1, kind=kind, target_seconds=3600, started_at=NOW, running_since=NOW,
        due_at=NOW + timedelta(minutes=40 * n - 40), told_percent=20 * n,
    )
    for n, kind in enumerate(ClockKind)
]  # fmt: skip


TEAMS = [Team(id=n, name=f"Team {n} " + "a" * 60, channel=f"C0{n}", created_at=NOW) for n in range(1, 130)]


def case_file(status: Status, *, allows: bool = True, **more: Any) -> CaseFile:
    case = Case(
        id=1, team_id=1, number=231, account_id=1, author_id=1, status=status,
        assignee=None if status is Status.NEW else BY, opened_at=NOW, claimed_at=NOW, answered_at=NOW, closed_at=NOW,
        closed_by=OTHER, close_reason=more.pop("reason", None), close_text=LONG, topic=LONG[:60],
    )  # fmt: skip
    return CaseFile(
        **{
            "case": case,
            "team": Team(id=1, name="Webcare", channel="C0WEBCARE", created_at=NOW),
            "account": account(),
            "label": Label("Mastodon", account().name),
            "author": Author(id=1, account_id=1, external_id="f", name="Fatima " * 30, handle="fatima",
                             url="https://social.example.nl/@fatima"),
            "mentions": MENTIONS if allows else [mention(3, allows=[])],
            "replies": [], "escalations": [], "notes": NOTES, "clocks": CLOCKS, "teams": TEAMS[:2],
            **more,
        }
    )  # fmt: skip


def transfer(number: int, came_from: int = 1, to: int = 2) -> Transfer:
    return Transfer(
        id=number, case_id=1, from_team_id=came_from, to_team_id=to, number=7, note=LONG, by=OTHER,
        at=NOW - timedelta(days=9 - number), submission=f"v{number}",
    )  # fmt: skip


def passed_on(case: Status, **more: Any) -> CaseFile:
    """A case that went to and fro between two of many teams."""
    file = case_file(case, teams=TEAMS, transfers=[transfer(1), transfer(2, 2, 1)] * 4, **more)
    file.case.transfers = 8
    return file


HOME = "https://gemeente.slack.com/"
OTHERS = [
    OtherCase(
        n, n, [*Status][n % len(Status)], team=TEAMS[n].name if n % 2 else "", channel="C0WEBCARE", ts=f"{n}.000100"
    )
    for n in range(100, 0, -1)
]


def brief(status: Status) -> CaseBrief:
    file = case_file(status)
    return CaseBrief(file.case, file.author, file.latest)


def skipped(briefs: Sequence[CaseBrief]) -> closing.Skipped:
    return closing.Skipped(briefs, dict.fromkeys((each.case.id for each in briefs), text("No.")), {1: LONG})


def account() -> Account:
    return Account(
        id=1, team_id=1, platform="mastodon", name="webcare@social.example.nl", url="https://social.example.nl",
        problem=PROBLEM, created_at=NOW,
    )  # fmt: skip


def act(kind: Act, status: ActStatus, number: int = 1, **more: Any) -> ActRow:
    about = {"mention_id": 3, "problem": PROBLEM if status is not ActStatus.DONE else None, **more}
    return ActRow(
        id=number, case_id=1, account_id=1, kind=kind, by=BY, key="k", status=status, created_at=NOW, send_at=NOW,
        note=LONG, **about,
    )  # fmt: skip


def hiding(number: int = 1, **more: Any) -> Hiding:
    return Hiding(
        act_id=number, rule="a" * 60, article=LONG[:900], text=LONG, url="https://social.example.nl/1", external_id="3",
        author_id="f", author="Fatima", published_at=NOW, seen_at=NOW, decided_by=OTHER, kept_by=BY, **more,
    )  # fmt: skip


def moderated(case: Status = Status.CLAIMED, **more: Any) -> CaseFile:
    """A case on a platform that allows everything."""
    everything = [each for each in Act if each is not Act.ANSWER]
    posts = [mention(number, allows=everything) for number in range(4)]
    return case_file(case, **{"mentions": posts, "can": frozenset(Act), **more})


def shown_hidden() -> CaseFile:
    acts = [act(Act.HIDE, ActStatus.DONE, number) for number in range(9)]
    return moderated(acts=acts, hidings={number: hiding(number) for number in range(9)})


def messages(t: Texts) -> Iterator[View]:
    """Every message we post, in every state it can have."""
    urls = ("", "https://x.slack.com/archives/C1")
    rows = [case_block(line, t, NOW, card_url=url, acts=bool(url)) for line in lines() for url in urls]
    below = actions(
        *page_buttons(Filter(Which.MINE, BY, f"topic:{'a' * 60}", page=1), 3, t),
        share_button("open", t),
        filter_button("a" * 100, t),
    )
    of_lot = actions(*handing_over.several_buttons(Filter(Which.UNOWNED, where="subject:1").to_text(), t))
    found = actions(*page_buttons(Sought("a" * MAX_WORDS, "b" * 60, 365, "with_citizen", 1), 3, t))
    for buttons in ([], below, of_lot, found):
        yield from (case_list(LONG, some, more=more, below=buttons) for some, more in (([], []), (rows[:10], [LONG])))
    yield from (case_card(case_file(status, others=OTHERS), t, NOW, home=HOME) for status in Status)
    pictured = mention(3, media=[{"kind": "image", "url": f"https://{'a' * 900}.nl/1", "alt": LONG * 10}] * 5)
    shows = Team(id=1, name="Webcare", channel="C0WEBCARE", settings={"images": True}, created_at=NOW)
    yield from (case_card(case_file(status, mentions=[pictured], team=shows), t, NOW) for status in Status)
    files = [
        case_file(Status.NEW),
        case_file(Status.NEW, writing=[BY, OTHER]),
        case_file(Status.NEW, allows=False),
        case_file(Status.CLAIMED),
    ]
    files += [case_file(Status.CLOSED, reason=reason) for reason in CloseReason]
    files += [case_file(Status.ESCALATED, escalations=[each]) for each in ASKED]
    for status in ReplyStatus:
        for problem in (None, PROBLEM):
            replies = [reply(status, problem=problem, arrived=Arrived.READ, arrived_at=NOW)]
            files += [case_file(case, replies=replies) for case in Status]
    yield from (case_card(file, t, NOW) for file in files)
    yield from (ask_card(case_file(Status.ESCALATED, escalations=[each]), 1, t, NOW) for each in ASKED)
    yield thread.no_advice(case_file(Status.CLAIMED, escalations=ASKED), 1, t)
    for status in (ReplyStatus.FAILED, ReplyStatus.UNCERTAIN):
        file = case_file(Status.CLAIMED, replies=[reply(status, problem=PROBLEM)], escalations=ASKED[2:])
        yield from (thread.follow_up(file, 1, t, NOW), thread.advice(file, 1, t), thread.note(file, 1, t))
        yield thread.question(file, 1, t)
        yield thread.reply_problem(file, 1, t)
        yield thread.reply_waits(file, 1, t, NOW)
        yield from all_of(
            thread, file=file, words=text("{agent}, this case has been assigned to you.", agent=f"<@{OTHER}>"), t=t
        )
    for case in Status:
        file, made = passed_on(case, replies=[reply(ReplyStatus.SENT)] * 9), transfer(2, 2, 1)
        yield from (case_card(file, t, NOW), former_card(file, transfer(1), t, NOW), former_card(file, made, t, NOW))
        yield from (transferred(file, made, t, NOW), to_and_fro(file, made, t, NOW))
    for is_asked, answers in ((True, True), (True, False), (False, True)):
        label = Label("Mastodon", account().name)
        yield account_stopped(account(), label, t, is_asked=is_asked, answers=answers)
    yield account_removed(account().name, t)
    yield token_ends(Label("Mastodon", account().name), NOW, t, signs_in=True)
    yield token_ends(Label("Mastodon", account().name), NOW, t, signs_in=True, renewed=True)
    for kind in TroubleKind:
        for until, is_news in (("", False), (NOW.isoformat(), False), (NOW.isoformat(), True)):
            if until or kind is not TroubleKind.STOPPED:
                limit = Budget(reading=Rest(NOW, NOW + timedelta(hours=1))).to_json()
                shown = AccountTroubled(kind, NOW.isoformat(), text("It is full.").to_json(), until, is_news, limit)
                yield account_trouble(shown, label, t, NOW)
    for channel, reason in (
        ("C0WEGEN", "is_archived"),
        ("C0WEGEN", "any_other"),
        ("", "token_revoked"),
        (SOCKET, "invalid_auth"),
    ):
        began, ended = (NOW - timedelta(hours=1)).isoformat(), NOW.isoformat()
        yield slack_trouble(Troubled(channel, reason, began), "Webcare", t, NOW)
        for is_news in (True, False):
            yield slack_trouble(Troubled(channel, reason, began, ended, is_news), "Webcare", t, NOW)
    for waiting in (
        Waiting(842, 900, (NOW - timedelta(hours=1)).isoformat(), 3, 310, {"👍 Facebook": 500, "Het Plein": 342}),
        Waiting(40, 900, (NOW - timedelta(hours=1)).isoformat(), 0, 310, {"👍 Facebook": 1040}, rolled_up=1000),
        Waiting(0, 900, (NOW - timedelta(hours=1)).isoformat(), 0, 310, {"👍 Facebook": 1000}, rolled_up=1000),
        Waiting(0, 900, (NOW - timedelta(hours=1)).isoformat(), until_at=NOW.isoformat()),
        Waiting(40, 900, (NOW - timedelta(hours=1)).isoformat(), moved_to="C0NIEUW"),
    ):
        yield backlog(waiting, t)
    rising = Rising(
        1204, 12, 1204, (NOW - timedelta(hours=1)).isoformat(), NOW.isoformat(), [*range(0, 1200, 100)],
        ["w" * 30] * 6, {LONG: 700, "Het Plein": 504},
    )  # fmt: skip
    for changes in ({}, {"usual": 0, "words": [], "platforms": {}}, {"known_by": BY}, {"until_at": NOW.isoformat()},
                    {"moved_to": "C0NIEUW"}):  # fmt: skip
        yield spike(replace(rising, **changes), 1, t)
    lasted = ((NOW - timedelta(hours=1)).isoformat(), NOW.isoformat())
    for in_all in (7, 1_000):
        alike = RolledUp(in_all, in_all, 310, *lasted, {"facebook": 500, "webhook": 342}, [1])
        yield rollup(alike, 1, [brief(Status.NEW)] * 3, t, NOW)
    yield from (claimed(12, 1, BY, t), taken_out(1, t))
    written = [AboutOne(1, 412, brief(Status.NEW)), AboutOne(2, 30, None)]
    yield from (subjects(83, written * 10, t), subjects(2, written, t), subjects(0, [], t))
    yield rollup(RolledUp(9, 3, 0, *lasted, until_at=NOW.isoformat()), 1, [], t, NOW)
    yield rollup(RolledUp(9, 3, 0, *lasted, until_at=NOW.isoformat(), moved_to="C0NIEUW"), 1, [], t, NOW)
    for stage in (SigningInStage.SIGNED_IN, SigningInStage.DONE, SigningInStage.ENDED):
        yield from (connecting.signed_in(signing_in(stage, names), "Facebook", t) for names in ([], TITLES))
    halted = account()
    halted.stopped_at = NOW
    for of in (account(), halted):
        yield from (act_problem(act(kind, status), of, t) for kind in ACTS for status in ActStatus)
    for what in ACTS:
        replies, about = [reply(ReplyStatus.SENT, external_id="9")], {"reply_id": 1 if what is Act.DELETE else None}
        for done_so_far in ActStatus:
            for problem in (None, PROBLEM):
                done = [act(what, done_so_far, problem=problem, **about)]
                files = [moderated(case, replies=replies, acts=done) for case in Status]
                yield from (case_card(file, t, NOW) for file in files)
    for done_so_far in ActStatus:
        for private in (True, False):
            hidden = moderated(
                acts=[act(Act.HIDE, done_so_far)], hidings={1: hiding(private=private, review_at=NOW)}
            )  # fmt: skip
            asking = [Asking([BY, OTHER]), Asking(hours=8), Asking(at=NOW.isoformat()), Asking(at="earlier")]
            yield case_card(hidden, t, NOW)
            yield from (view(hidden, hidden.acts[0], each, t) for view in (second_asked, review) for each in asking)
    shown_again = moderated(
        acts=[act(Act.HIDE, ActStatus.DONE), act(Act.SHOW, ActStatus.DONE, 2)], hidings={1: hiding()}
    )  # fmt: skip
    gone = moderated(mentions=[mention(3, gone=Gone.BY_AUTHOR)], acts=shown_again.acts[:1], hidings={1: hiding()})
    yield from (review(each, each.acts[0], Asking(), t) for each in (shown_again, gone))
    moved = moderated(acts=[act(Act.HIDE, ActStatus.DONE)], hidings={1: hiding(review_at=NOW)})
    yield review(moved, moved.acts[0], Asking(at=NOW.isoformat()), t, is_moved=True)
    many = [act(kind, ActStatus.UNCERTAIN, n, mention_id=n // 2) for n in range(8) for kind in (Act.HIDE, Act.LIKE)]
    yield case_card(moderated(acts=many), t, NOW)
    due = [Due(case_file(Status.CLAIMED, clocks=[clock]), words) for clock in CLOCKS for words in ([], [LONG, LONG])]
    due += [Due(case_file(Status.NEW)), Due(case_file(Status.CLAIMED, allows=False), returns_at=NOW)]
    due += [Due(case_file(Status.ESCALATED, escalations=[each]), question=each) for each in ASKED]
    due += [replace(each, card_url=f"{HOME}archives/C0WEBCARE/p1000100") for each in due]
    yield from (reminder(Reminders({kind: 1}, [one]), t, NOW) for one in due for kind in ORDER)
    counts = dict.fromkeys(ORDER, 50)
    yield reminder(Reminders(counts, due[:10], [LONG] * 10, 30, [BY, OTHER], LONG), t, NOW)
    yield reminder(Reminders({}, done=[LONG], done_count=1), t, NOW)
    yield outdated(t)
    counted = Measured(20, 19, 600, 3000, 3600)
    week = Figures(NOW - timedelta(days=7), NOW, 20, 18, 15, dict.fromkeys(CloseReason, 1), counted, counted,
                   hidden=dict.fromkeys(TITLES, 2))  # fmt: skip
    yield from (overview(Overview(span, "Webcare", week), t, share="1|digest") for span in Span)
    stands = Standing(NOW, [1, 2, 3, 4], NOW, late=10_012, promised=1, with_citizen=1)
    late = [case_row(line, t, NOW, card_url=f"{HOME}archives/C0WEBCARE/p1000100") for line in lines()[:10]]
    yield overview(Overview(Span.DAY, "Webcare", week, standing=stands), t, share="1|digest", late=late)
    became = Tally(20, 18, 3, 2, 1, 4, [f"Mastodon {'a' * 90}"] * 30)
    yield overview(Overview(Span.DAY, "Webcare", week, standing=stands, tally=became), t, late=late)
    for url in ("", f"{HOME}archives/C0WEBCARE/p1000100"):
        yield from (unanswered(case_file(Status.WITH_CITIZEN), n, [BY] * n, t, NOW, card_url=url) for n in (1, 5))
        yield went_on(case_file(Status.CLOSED), t, NOW, card_url=url)
    yield from (urgent_call(file, [BY, OTHER], t, NOW, is_over=over) for file in files[:2] for over in (False, True))
    at_once = closing.closed(t("Closed: {reason}.", reason="…"), closing.undo_value([1], NOW), 10, t)
    yield from (at_once, closing.undone(2, skipped([brief(Status.NEW)]), t))
    briefs = [brief(status) for status in Status] * 4
    yield from (passing.passed_on(Passed(BY, [1]), briefs[:count], t) for count in (1, 20))
    yield passing.passed_on(Passed(BY, [1], leaves=True), briefs[:1], t)
    yield passing.passed_on(Passed(BY, [1], [1]), briefs[:1], t)
    handed = HandedOver(OTHER, BY, list(range(1, 6)), note=LONG)
    for told, theirs, count in ((handed, 1, 3), (replace(handed, former=OTHER, note=""), 20, 20), (handed, 0, 0)):
        yield handing_over.handed_to_you(told, briefs[:theirs], count, t)
    undo = choosing.value_of(range(1, 101), "V0123456789")
    yield handing_over.handed_out({BY: [1], OTHER: [2, 3]}, 3, [BY], skipped(briefs[:2]), undo, 10, t)
    yield handing_over.handed_out({}, 3, [], closing.Skipped(), "", 10, t)
    undo = closing.undo_value(range(1, 101), NOW)
    yield from (closing.closed_many(98, skipped(briefs[:2]), undo, 10, t, by=by) for by in (BY, OTHER))
    yield from (away_question(BY, waiting, t, on_duty=duty) for waiting in (0, 1, 7) for duty in (False, True))
    yield from (seen_away_question(BY, waiting, t) for waiting in (1, 7))
    yield nothing_left(t)
    yield from (returned_unanswered(count, t) for count in (1, 7))


def opened(t: Texts) -> Iterator[Block]:
    """Every modal we open."""
    file = case_file(Status.ESCALATED, escalations=ASKED, replies=[reply(ReplyStatus.SENT)], writing=[BY, OTHER])
    for length, initials in ((1, None), (501, ""), (499, "SB")):
        composed = Composed(LONG, 500 - length, private=length == 1)
        topics = [f"{n:02}{'a' * 58}" for n in range(MAX_TOPICS)] if initials else []
        about: dict[str, Any] = {
            "promise": length,
            "since": length,
            "home": "open|||",
            "proposed": LONG[:80],
            "topic": f"is:{LONG[:60]}",
            "left": 2,
        }
        about["series"] = "mine|U0SANNE|0|subject:1"
        kept = ModalState(1, 1, ask=initials, inserted=len(topics), anew=1, **about, image="a" * 64, file="F0IMAGE")
        images = ImageFields(lacks="" if initials else "files:read", described=initials != "SB")
        offers = Offers(
            snippets=True,
            confirm=not composed.private,
            invites=composed.private,
            images=images,
            topics=topics,
            copies=3,
        )
        yield from (
            answer_modal(
                file,
                file.latest,
                composed,
                t,
                NOW,
                kept,
                prefilled=Prefilled(LONG, kind, "none", LONG, LONG),
                offers=offers,
                reader=OTHER,
            )
            for kind in BY_AGENTS
        )
    short = Composed("Dag", 500, True)
    offered = [Offers(snippets=True, templates_only=True)]
    offered += [Offers(images=ImageFields(lacks, True)) for lacks in ("", "files:read")]
    yield from (answer_modal(file, file.latest, short, t, NOW, ModalState(1, 1), offers=each) for each in offered)
    yield answer_modal(file, file.latest, short, t, NOW, ModalState(1, 1, image="a" * 64, file="F0IMAGE"))
    events = [Event(case_id=1, kind=kind, by=BY, at=NOW, details={"to": OTHER}) for kind in HAPPENED]
    events += [Event(case_id=1, kind=EventKind.ACT_DONE, by=BY, at=NOW, details={"act": kind.value}) for kind in ACTS]
    yield details_modal(file, events, ["Afval", "Wegwerk"], t, NOW, card_url="https://x.slack.com/archives/C1/p1")
    file.case.urgent = True
    yield details_modal(file, events, ["Afval", "Wegwerk"], t, NOW, card_url="https://x.slack.com/archives/C1/p1")
    file.case.urgent = False
    yield from (transfer_modal(passed_on(Status.NEW), t), transfer_modal(case_file(Status.NEW, teams=TEAMS[:2]), t))
    yield details_modal(passed_on(Status.NEW), events, [], t, NOW)
    many = case_file(Status.CLAIMED, others=OTHERS)
    yield details_modal(many, events, [], t, NOW, home=HOME)
    long = case_file(Status.CLAIMED, mentions=[mention(3) for _ in range(40)])
    yield from (details_modal(long, events, [], t, NOW, skip=skip) for skip in (0, 15, 99))
    yield answer_modal(long, long.latest, short, t, NOW, ModalState(1, 1, seen=Seen(1), again=True))
    rows = [case_block(line, t, NOW, acts=False, outside=True, team="a" * 200) for line in lines()]
    yield from (others_modal(many, some, left, left + 1, t) for some, left in (([], 0), (rows[:20], 80)))
    yield from (more_modal(case_file(status), t, NOW, acts=acts) for status in Status for acts in (True, False))
    published = [reply(ReplyStatus.SENT, n, external_id=str(n)) for n in range(120)]
    yield from (remove_modal(moderated(replies=published[:count]), t, NOW) for count in (1, 120))
    rules = [(title, number % 2 == 0) for number, title in enumerate(TITLES)]
    yield hide_modal(moderated(), rules[:1], t, NOW)
    yield hide_modal(moderated(mentions=[mention(n, allows=[Act.HIDE]) for n in range(120)]), rules, t, NOW)
    for count in (1, 120):
        posts = [mention(n, allows=[Act.HIDE]) for n in range(count)]
        done = [act(Act.HIDE, ActStatus.DONE, n, mention_id=n) for n in range(count)]
        yield show_modal(moderated(mentions=posts, acts=done), t, NOW)
        posts = [mention(n, allows=[Act.LIKE]) for n in range(count)]
        yield like_modal(moderated(mentions=posts), t, NOW)
        likes = [act(Act.LIKE, ActStatus.DONE, n, mention_id=n) for n in range(count)]
        yield unlike_modal(moderated(mentions=posts, acts=likes), t, NOW)
    yield details_modal(shown_hidden(), events, [], t, NOW)
    untold = moderated(acts=[act(Act.HIDE, ActStatus.DONE)], hidings={1: hiding()})
    yield from (more_modal(untold, t, NOW, acts=acts) for acts in (True, False))
    liked = moderated(replies=published[:1], acts=[act(Act.LIKE, ActStatus.DONE)])
    yield from (more_modal(liked, t, NOW, acts=acts) for acts in (True, False))
    yield escalate_modal(file, [("@juristen", "S0JURISTEN")], t)
    yield escalate_modal(file, [], t, advisers=[(title, BY) for title in TITLES])
    yield close_modal(file, TeamSettings(close_reasons=TITLES[:MAX_REASONS]).reasons(), TITLES[:MAX_TOPICS], t)
    yield from (
        said("…", t),
        *(
            closing.close_many_modal(some, dict.fromkeys(range(200), 9), left, list(CloseReason), t, NOW)
            for some, left in ((many_lines(1), 0), (many_lines(120), 20))
        ),
        *(
            take_out_modal(many_lines(n), dict.fromkeys(range(200), 9), n // 100, t, NOW, origin="")
            for n in (1, 120, 200)
        ),
        closing.as_modal(taken_out(3, t), t),
        *(
            handing_over.hand_over_modal(some, dict.fromkeys(range(200), 9), left, BY, t, NOW, origin="open|||")
            for some, left in ((many_lines(1), 0), (many_lines(120), 20))
        ),
        closing.as_modal(closing.closed("…", closing.undo_value(range(1, 101), NOW), 10, t), t),
        take_over_modal(file, t, then="answer"),
        modal("said", "x", actions(take_over_button(1, BY, t)), close="x"),
        close_modal(file, list(CloseReason), [], t),
        close_modal(file, list(CloseReason), [], t, seen=Seen(0)),
    )
    yield from setting(t)
    yield search_modal(Sought(), [], t)
    for found in (case_list(TITLES[0], []), case_list(TITLES[0], [section("a" * 400)] * 10, more=["a"])):
        yield search_modal(Sought("paspoort", "p9", 31, "open"), [(f"p{n}", TITLES[0]) for n in range(20)], t, found)
    yield advise_modal(file, ASKED[0], t)
    yield from all_of(modals, file=file, t=t, now=NOW)
    yield from (assign_modal(file, t, again=again) for again in (False, True))


def all_of(module: ModuleType, **given: Any) -> Iterator[Any]:
    """What the public functions of a module make that take nothing else than this."""
    for name, make in inspect.getmembers(module, inspect.isfunction):
        wanted = inspect.signature(make).parameters.keys()
        if make.__module__ == module.__name__ and name[0] != "_" and wanted <= given.keys():
            yield make(**{each: given[each] for each in wanted})


TITLES = [f"{n:02}{'a' * 58}" for n in range(MAX_LISTED)]


def setting(t: Texts) -> Iterator[Block]:
    """Every modal of the settings, filled and empty."""
    full = TeamSettings(
        holidays=list(HOLIDAYS), closed_days=[NOW.date()], early_closings={NOW.date(): "15:00"}, private=Norm(),
        coordinators=[BY, OTHER], escalation_channel="C0WEGEN", digest_at="09:00", rota={0: [BY, OTHER]},
        duty_group="S0DIENST", topics=["Afval"], close_reasons=TITLES[:MAX_REASONS], language="nl", images=True,
        hide_text="a" * 1000,
    )  # fmt: skip
    for filled in ({}, {**written(full, t), "name": "Webcare", "channel": "C0WEBCARE"}):
        yield settings_modals.team_modal(1, filled, t)
        yield settings_modals.hours_modal(1, filled, t)
        yield settings_modals.closed_modal(1, HOLIDAYS, filled, t)
        yield settings_modals.norms_modal(1, filled, t)
        yield settings_modals.reminders_modal(1, filled, t)
        yield from (settings_modals.duty_modal(1, groups, filled, t) for groups in ([], GROUPS))
        yield settings_modals.reasons_modal(1, STANDARD_REASONS, filled, t)
        yield settings_modals.card_modal(1, filled, t)
        yield settings_modals.hiding_modal(1, filled, t)
    yield settings_modals.settings_menu(1, "Webcare", t)
    yield from (settings_modals.roles_modal(1, dict.fromkeys(Role, people), t) for people in ([], [BY, OTHER]))
    changed = [Event(id=1, kind=EventKind.SETTINGS, at=NOW, details={"field": field}) for field in settings_form.FIELDS]
    changed.append(Event(id=1, kind=EventKind.ROUTING, at=NOW, details={}))
    for kind, values in (("role", Role), ("initials", ("SB", None))):
        changed += [
            Event(id=1, kind=EventKind(kind), at=NOW, details={"agent": BY, "after": value}) for value in values
        ]
    yield settings_modals.changed_modal(1, changed, t, moved=2)
    yield from (settings_modals.changed_modal(1, some, t) for some in ([], changed, changed * 4))
    alike = [
        Event(id=n, kind=EventKind.ROLE, at=NOW, details={"agent": who, "after": "reader"})
        for n, who in enumerate((BY, OTHER), 1)
    ]
    yield settings_modals.changed_modal(1, alike, t)
    yield history_modal(1, alike, {1, 2}, t, NOW, Named({}, {}, {}))
    yield settings_modals.not_changed_modal(1, LONG, t)
    names = Named({1: "Webcare"}, {}, {})
    yield from (history_modal(1, [], {1}, t, NOW, names, number=number) for number in (0, 1))
    for n, some in enumerate(past()):
        yield history_modal(1, [some] * PER_PAGE, {1}, t, NOW, names, number=n, more=True)
    yield from listed(t)
    yield from routed(t)
    yield from connected(t)


def past() -> list[Event]:
    """A change of every setting, from nothing to all that fits and back; and of the routing."""
    norm = Norm().model_dump()
    full: dict[str, Any] = TeamSettings(
        week=[[("00:00", "01:00")] * 20] * 7, holidays=list(HOLIDAYS), private=Norm(), coordinators=[BY] * 300,
        rota={n: [BY] * 300 for n in range(7)}, topics=TITLES, close_reasons=TITLES[:MAX_REASONS],
        snippets=[Snippet(title=title, text="<" * 2500) for title in TITLES], digest_at="09:00", language="nl",
        advisers=[Adviser(title=title, target="C0WEGEN") for title in TITLES], duty_group="S0DIENST",
        platforms={title: Norm() for title in TITLES}, escalation_channel="C0WEGEN",
        house_rules=[HouseRule(title=title, text="<" * 1000, second=True, untold=True) for title in TITLES[:MAX_RULES]],
        ladder=[LadderStep(percent=n, to=Recipient.TEAM, text="<" * 900) for n in range(1, 90)],
    ).model_dump(mode="json")  # fmt: skip
    one = [Snippet(title=TITLES[0], text="a")]
    little: dict[str, Any] = TeamSettings(private=Norm(resolution=9), snippets=one).model_dump(mode="json")
    full["norm"], rule = norm | {"resolution": 9}, Rule("k", 1, words=("<" * 1500,)).to_json()
    details: list[dict[str, Any]] = [
        {"field": field, "before": pair[0].get(field), "after": pair[1].get(field)}
        for field in [*settings_form.FIELDS, "a_setting_of_old"]
        for pair in ((little, full), (full, little), ({}, full), (full, {}))
    ]
    rules: list[list[dict[str, Any]]] = [[], [rule], [{**rule, "words": ["a"]}, rule]]
    routing = [
        Event(id=1, kind=EventKind.ROUTING, at=NOW, details={"before": a, "after": b}) for a in rules for b in rules
    ]
    return [*(Event(id=1, kind=EventKind.SETTINGS, by=BY, at=NOW, details=each) for each in details), *routing]


def signing_in(stage: SigningInStage, connected: Sequence[str] = (), offers: int = 1) -> SigningIn:
    """A sign-in that lets us into so many accounts."""
    offered = [{"id": f"{n}" * 20, "name": f"{n} {LONG[:60]}"} for n in range(1, offers + 1)]
    return SigningIn(
        id=1, state="", platform="facebook", team_id=1, by=BY, redirect="", stage=stage, offers=offered,
        connected=list(connected), ends_at=NOW,
    )  # fmt: skip


def connected(t: Texts) -> Iterator[Block]:
    """Connecting accounts: none and many, where to sign in, what to choose, and what became of it."""
    label = Label("Facebook", LONG[:200], "📘")
    works, stopped = account(), account()
    works.problem, stopped.stopped_at = None, NOW
    rows = [(works, label), (account(), label), (stopped, label)]
    places = [
        connecting.Place(f"{n}", Label(f"Facebook {n}", "", "📘"), ready) for n in range(5) for ready in (True, False)
    ]
    yield from (connecting.accounts_page(1, some, places, t) for some in ([], rows * 40))
    yield connecting.server_modal(1, "mastodon", "Mastodon", t)
    address = "https://www.facebook.com/v26.0/dialog/oauth?" + "a" * 900
    yield from (connecting.sign_in_modal(1, "Facebook", address, t, paste=paste) for paste in ("", "facebook"))
    for offers in (1, 10, 11, 150):
        yield connecting.choose_modal(1, signing_in(SigningInStage.SIGNED_IN, offers=offers), "Facebook", t)
    problem, name = text("{problem}", problem=LONG), LONG[:200]
    results = [
        connecting.Result(name, [problem]),
        connecting.Result(name, [], [problem], added=True, has_steps=True),
        connecting.Result(name, []),
    ]
    yield connecting.connected_page(1, results, t)


def routed(t: Texts) -> Iterator[Block]:
    """The rules that route new posts: none, many, the form of one, and what it would do."""
    many = {n: f"{n} " + "a" * 100 for n in range(1, 130)}
    asks = tuple(many)[:20], ("webhook",), ("nl", "en"), tuple(TITLES[:20])
    full = Rule("k", 1, *asks, Visibility.PRIVATE, WorkingTime.OPEN)
    for rules, named in (([], Named({1: "Webcare"}, {}, {})), ([full] * 40, Named(many, many, {"webhook": "a" * 200}))):
        yield routing_list(1, rules, named, t)
        yield from (rule_modal(1, rule, named, t) for rule in (None, full))
        author = case_file(Status.NEW).author
        yield tried_modal(1, full, named, 200, 160, [(each, author) for each in MENTIONS * 30], t, NOW)


GROUPS = [(f"@groep{n}", f"S0GROEP{n}") for n in range(120)]


def listed(t: Texts) -> Iterator[Block]:
    """Every list of the settings, and the form of one of each."""
    yield from (settings_lists.snippets_modal(1, some, t) for some in ([], TITLES))
    yield settings_lists.snippet_modal(1, None, {}, t)
    yield settings_lists.snippet_modal(
        1, TITLES[0], written_item("snippet", {"title": TITLES[0], "text": "a" * 2500}), t
    )
    house = [{"title": each, "text": LONG[:1000], "second": True, "untold": True} for each in TITLES]
    yield from (settings_lists.rules_modal(1, some, t) for some in ([], house))
    yield from (
        settings_lists.rule_modal(1, *some, t) for some in ((None, {}), (TITLES[0], written_item("rule", house[0])))
    )
    targets = ["U0SANNE", "S0JURISTEN", "C0WEGEN"]
    asked = [(title, targets[n % 3]) for n, title in enumerate(TITLES)]
    yield from (settings_lists.advisers_modal(1, some, t) for some in ([], asked))
    yield settings_lists.adviser_modal(1, None, [], {}, t)
    for target in targets:
        yield settings_lists.adviser_modal(
            1, TITLES[0], GROUPS, written_item("adviser", {"title": TITLES[0], "target": target}), t
        )
    norm = Norm()
    named = [("webhook", "Eigen bronnen: " + "a" * 300, norm.model_dump()), ("feed", "RSS", None)]
    yield from (settings_lists.platforms_modal(1, some, t) for some in ([], named))
    for some in (norm, None):
        yield settings_lists.platform_modal(1, "webhook", named[0][1], written_norm("platform", some), t)
    yield from (settings_lists.initials_list(1, some, t) for some in ([], [(f"U0{n}", f"SB{n}") for n in range(200)]))
    yield from (settings_lists.initials_modal(1, BY, some, t) for some in ("", "SB"))


def lines() -> list[CaseLine]:
    """Cases as lists show them: of each status, with each clock, waiting for each."""
    made = []
    for status in Status:
        for clocks, wait in zip(([], CLOCKS[:1], CLOCKS[1:2], CLOCKS[2:], CLOCKS), WaitsFor, strict=True):
            file = case_file(status)
            file.case.urgent = wait is WaitsFor.ADVICE
            line = CaseLine(
                file.case, file.author, "Mastodon", file.latest, file.has_private, clocks, wait,
                answerable=True, undecided=False,
            )  # fmt: skip
            made.append(line)
    return made


def many_lines(count: int) -> list[CaseLine]:
    """So many different cases."""
    many = [line for _ in range(count) for line in lines()][:count]
    for number, line in enumerate(many):
        line.case.id, line.case.number = number, 200 + number
    return many


def homes(t: Texts) -> Iterator[Block]:
    """Every Home we publish."""
    full = [*lines(), *lines(), *lines()]
    today = [
        Overview(Span.ASKED, f"Team {n}", Figures(NOW, NOW, 20, 18, 15), standing=Standing(NOW, [1, 2, 3, 4], NOW))
        for n in range(12)
    ]
    others = [("Webcare", True), ("Wegen", False)]
    week = [Part(NOW + timedelta(days=n), n, n) for n in range(7)]
    for role in Role:
        for shown, teams in ((full[:SHOWN], [(n, f"Team {n}") for n in range(5)]), ([], [(1, "Webcare")])):
            reader, settable = role is Role.READER, teams if role is Role.COORDINATOR else []
            read_only = {1} if reader else ()
            warned = others if role is Role.COORDINATOR else []
            home = Home(
                read_only, reader, settable, role is Role.AGENT, warned,
                shown, 20, shown, 20, shown, 20, today, week,
                [Asked(each, case_file(Status.ESCALATED).case) for each in ASKED * 6],
                {1: f"{HOME}archives/C0WEBCARE/p1000100"},
            )  # fmt: skip
            yield from (home_tab(home, t, NOW, charts=charts) for charts in (True, False))
            chosen = Chosen(Filter(Which.MINE, BY, "topic:Afval", page=1), shown, 40, 3)
            places = [Place(kind, str(n), LONG[:60]) for kind in Where for n in range(120)]
            yield home_tab(replace(home, by=BY, places=places, chosen=chosen), t, NOW)
    for busy in (home_of(*size) for size in BUSY):
        chosen = Chosen(Filter(Which.UNOWNED, page=1), busy.queue, 40, 3)
        yield from (home_tab(each, t, NOW) for each in (busy, replace(busy, chosen=chosen)))
    yield home_tab(Home((), False, [], True, [], [], 0, [], 0, [], 0, [], []), t, NOW)


BUSY = [(1, 0, 0), (10, 15, 3), (12, 15, 0), (25, 3, 25), (25, 40, 25)]
"""Homes of busy days: of how many teams, with how many questions, and how many channels that others read."""


def home_of(teams: int, questions: int, read_by_others: int) -> Home:
    """The Home of who coordinates so many teams, with full lists."""
    full = many_lines(SHOWN)
    topics = {f"{LONG[:50]} {n}": 3 for n in range(20)}
    figures = Figures(
        NOW, NOW, 20, 18, 15, dict.fromkeys([*CloseReason, *TITLES[:10]], 1), topics=topics, hidden=topics
    )
    troubles = [Trouble(LONG[:80], stopped=True, problem=PROBLEM)] * 30
    today = [
        Overview(Span.ASKED, f"Team {n}", figures, standing=Standing(NOW, [1, 2, 3, 4], NOW, troubles=troubles))
        for n in range(teams)
    ]
    settable, warned = [(n, f"Team {n}") for n in range(teams)], [(f"Team {n}", False) for n in range(read_by_others)]
    return Home(
        (), False, settable, False, warned,
        full, 20, full, 20, full, 20, today, [Part(NOW + timedelta(days=n), n, n) for n in range(7)],
        [Asked(ASKED[0], case_file(Status.ESCALATED).case)] * questions,
    )  # fmt: skip
