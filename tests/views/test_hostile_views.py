"""Whatever citizens write and however much: every view stays within Slack's limits, pings nobody and loses no sign.

Files of cases are generated: hostile words and addresses, up to 30 mentions, 20 replies and 10 questions.
"""

import copy
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import regex
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.case import CloseReason, Status, Urgency
from bot.domain.event import HAPPENED
from bot.domain.label import Label
from bot.domain.mention import Act
from bot.domain.reply import Composed
from bot.models import (
    Author,
    Case,
    CaseFile,
    Escalation,
    Event,
    Mention,
    Note,
    OtherCase,
    Reply,
    ReplyStatus,
    Team,
)
from bot.sandbox.slack import blocks, modals
from bot.texts import LANGUAGES, Texts
from bot.views import thread
from bot.views.account import account_stopped
from bot.views.answer_modal import ModalState, Prefilled, answer_modal
from bot.views.ask import ask_card
from bot.views.block import EDITED, Block, View, cut, escape, for_edit, is_web, isolate, link, literal, quote
from bot.views.block import mrkdwn as mrkdwn_of
from bot.views.case_card import case_card, is_done
from bot.views.case_menu import more_modal
from bot.views.details_modal import details_modal
from bot.views.escalate_modal import escalate_modal
from bot.views.modals import advise_modal, assign_modal, close_modal, note_modal, take_over_modal
from bot.views.reminder import urgent_call
from tests.views.examples import CLOCKS, NOW, account

MOST = 13_000
OURS = st.sampled_from(["U0SANNE", "U0YOUSSEF", "U0MARIEKE"])
TARGETS = st.sampled_from(["U0SANNE", "S0JURISTEN", "C0WEGEN"])

hostile = st.sampled_from(
    [
        "<!channel>", "<@U0VICTIM>", "<#C0SECRET>", "<!subteam^S0ALL>", "<https://kwaad.example|klik>", "&lt;!here&gt;",
        "&", "<", ">", "|", "*vet*", "_schuin_", "~door~", "`code`", "```blok```", ":fire:", "> citaat", "{agent}",
        "%s", "\u202egnikrew", "\u2069\u2069\u202e", "\u2066", "عربى", "\u200b", "\x00", "\x07", "\r\n", "\n\n", "\t",
        "\u2028", "👩🏽‍🚒", "🏳️‍🌈", "🇳🇱", "Z̸̡̢̛̗̬̱̘̲͚̙̻͑̀̈́̏͌̕͠", "é", '"', "\\", "'", "a" * 80,
    ]
)  # fmt: skip
words = st.lists(st.one_of(hostile, st.text(max_size=12)), max_size=6).map(" ".join)
texts = st.builds(lambda some, times: (some * times)[:6000], words, st.sampled_from([1, 1, 1, 40, 400]))
urls = st.one_of(
    st.sampled_from(
        [
            "", "https://social.example.nl/@fatima/1", "https://social.example.nl/?a=1&b=2", "HTTPS://EXAMPLE.NL/a",
            "https://example.nl/" + "a" * 1500, "https://example.nl/" + "&" * 900, "https://example.nl/" + "a" * 900,
            "javascript:alert(1)", "https://", "https://[", "http://a:b@c:99999/", "https://a/|<!channel>", "http://x/\n",
            "https://a.nl/><!here>", 'https://a.nl/"', "https://a.nl/\u202e", "//a.nl",
            "file:///etc/passwd", "https://a b",
        ]
    ),
    words.map(lambda more: f"https://example.nl/{more}"),
    texts,
)  # fmt: skip
problems = st.none() | texts.map(lambda some: {"message": "It is down: {why}", "params": {"why": some}})


# --- Pieces --------------------------------------------------------------------------------------


@given(text=texts, limit=st.integers(1, 300))
@example(text="👨‍👩‍👧‍👦" * 3, limit=8)
@example(text="e\u0301" * 5, limit=4)
def test_what_is_cut_is_never_longer_and_never_split(text: str, limit: int) -> None:
    made = cut(text, limit)
    assert len(made) <= limit
    assert cut(made, limit) == made
    whole = cut(text, 10**6)
    if made != whole:
        assert made.endswith("…")
        starts, graphemes = [""], regex.findall(r"\X", whole[: limit + 1])
        for grapheme in graphemes:
            starts.append(starts[-1] + grapheme)
        assert made[:-1] in {start.rstrip() for start in starts}


@given(text=texts)
def test_what_is_escaped_holds_no_sign_of_slacks(text: str) -> None:
    assert not set("<>") & set(escape(text))
    assert not re.search(r"&(?!amp;|lt;|gt;)", escape(text))


@given(text=texts, limit=st.integers(1, 300))
@example(text="&" * 100, limit=50)
@example(text="_ja_ @jan_jansen __init__ *a*b* ``` ~~", limit=100)
@example(text="@jan_jansen", limit=6)
def test_a_literal_is_one_line_without_marks_within_its_limit(text: str, limit: int) -> None:
    made = literal(text, limit)
    assert len(made) <= limit + 2
    assert not set("<>*~`\n\r") & set(made)
    assert not re.search(r"&(?!amp;|lt;|gt;)", made)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", made)


TO_A_CARD = "<https://gemeente.slack.com/archives/C0/p1|kaart>"
"""A link of ours; what others write is escaped first."""


@given(some=texts, times=st.integers(1, 60), between=st.sampled_from([" ", "\n"]))
@example(some=TO_A_CARD, times=200, between=" ")
@example(some="&", times=4000, between="")
def test_a_text_that_is_too_long_for_an_edit_loses_its_end_and_no_half_sign_is_left(
    some: str, times: int, between: str
) -> None:
    text = between.join([f"<@U0SANNE> {literal(some, 500)}" if some != TO_A_CARD else some] * times)
    made = for_edit(text)
    assert len(made.encode()) <= EDITED
    if made != text:
        assert text.startswith(made.removesuffix("\n…")) and len(made.encode()) > EDITED / 2
        assert "<" not in re.sub("<[^<>]*>", "", made)
        assert not re.search(r"&(?!amp;|lt;|gt;)", made)


@given(some=texts, times=st.integers(1, 9), limit=st.integers(20, 300))
@example(some="&", times=9, limit=75)
@example(some="<", times=9, limit=76)
def test_words_of_ours_that_are_too_long_lose_their_end_and_no_half_sign_is_left(
    some: str, times: int, limit: int
) -> None:
    made = mrkdwn_of(" · ".join([f"<@U0SANNE> {literal(some, 60)} {TO_A_CARD}"] * times), limit)["text"]
    assert len(made) <= limit
    assert "<" not in re.sub("<[^<>]*>", "", made)
    assert not re.search(r"&(?!amp;|lt;|gt;)", made)


def test_a_name_with_underscores_can_be_copied() -> None:
    assert literal("@jan_de_vries", 80) == "\u2068@jan_de_vries\u2069"


@given(text=texts)
def test_nothing_in_a_quotation_turns_round_what_follows(text: str) -> None:
    shown = quote(text)["elements"][0]["elements"][0]["text"]
    assert shown == "—" or (shown[0], shown[-1]) == ("\u2068", "\u2069")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown.strip("\u2068\u2069"))
    assert isolate("") == ""


@given(url=urls, label=words)
def test_a_link_is_whole_or_is_no_link(url: str, label: str) -> None:
    made = link(url, label)
    if is_web(url):
        assert re.fullmatch(r"<https?://[^<>|\s]+\|[^<>]*>", made, re.IGNORECASE)
    else:
        assert made == escape(label)


# --- Files ---------------------------------------------------------------------------------------


@st.composite
def mentions(draw: st.DrawFn, number: int = 1) -> Mention:
    later = NOW + timedelta(minutes=number)
    return Mention(
        id=number, case_id=1, account_id=1, external_id=str(number), text=draw(texts), url=draw(urls),
        earlier_text=draw(st.none() | texts), private=draw(st.booleans()),
        replies_to=draw(st.none() | st.fixed_dictionaries({"author": texts, "text": texts, "url": urls})),
        media=draw(st.lists(st.fixed_dictionaries(
            {"url": urls, "kind": st.sampled_from(["image", "video", "audio", "x", ""]), "alt": texts}
        ), max_size=6)),
        allows=draw(st.sampled_from([[], [Act.ANSWER], [Act.ANSWER, Act.ANSWER_PRIVATELY]])),
        published_at=later, received_at=later,
        edited_at=draw(st.none() | st.just(later)), gone_at=draw(st.none() | st.just(later)),
    )  # fmt: skip


@st.composite
def replies(draw: st.DrawFn, number: int = 1) -> Reply:
    return Reply(
        id=number, case_id=1, mention_id=1, account_id=1, by=draw(OURS), key=str(number), draft=draw(texts),
        text=draw(texts), private=draw(st.booleans()), status=draw(st.sampled_from(ReplyStatus)), created_at=NOW,
        send_at=NOW, sent_at=draw(st.none() | st.just(NOW)), url=draw(urls), problem=draw(problems),
    )  # fmt: skip


@st.composite
def escalations(draw: st.DrawFn, number: int = 1) -> Escalation:
    return Escalation(
        id=number, case_id=1, target=draw(TARGETS), question=draw(texts), urgency=draw(st.sampled_from(Urgency)),
        by=draw(OURS), at=NOW, submission=str(number), advice=draw(st.none() | texts), advised_by=draw(OURS),
    )  # fmt: skip


@st.composite
def several(draw: st.DrawFn, one: Any, least: int, most: int) -> list[Any]:
    """Return rows of a table with ids that count: a few kinds, repeated, so that many cost little to draw."""
    count, kinds = draw(st.integers(least, most)), draw(st.lists(one(), min_size=1, max_size=3))
    rows = []
    for number in range(1, count + 1):
        row = copy.copy(kinds[number % len(kinds)].model_dump())
        rows.append(type(kinds[0])(**row | {"id": number}))
    return rows


@st.composite
def files(draw: st.DrawFn) -> CaseFile:
    status = draw(st.sampled_from(Status))
    asked = draw(several(escalations, 1 if status is Status.ESCALATED else 0, 10))
    case = Case(
        id=1, team_id=1, number=231, account_id=1, author_id=1, status=status, opened_at=NOW, claimed_at=NOW,
        answered_at=NOW, assignee=None if status is Status.NEW else draw(OURS), closed_at=NOW, closed_by=draw(OURS),
        close_reason=draw(st.sampled_from(CloseReason) | texts), close_text=draw(texts), topic=draw(texts)[:60] or None,
    )  # fmt: skip
    author = Author(
        id=1, account_id=1, external_id="f", name=draw(texts), handle=draw(st.just("") | texts), url=draw(urls)
    )
    notes = [Note(id=n, case_id=1, by=draw(OURS), text=draw(texts), at=NOW) for n in range(1, draw(st.integers(2, 14)))]
    sender = account()
    sender.name, sender.problem = draw(texts), draw(problems)
    return CaseFile(
        case=case, account=sender,
        team=Team(id=1, name="Webcare", channel="C0WEBCARE", settings={"images": draw(st.booleans())}, created_at=NOW),
        label=Label(draw(texts), draw(texts)), author=author, mentions=draw(several(mentions, 1, 30)),
        replies=draw(several(replies, 0, 20)), escalations=asked, notes=notes, clocks=CLOCKS,
        others=[OtherCase(n, n, draw(st.sampled_from(Status)), draw(texts), "C1", f"{n}.1") for n in range(5, 1, -1)],
    )  # fmt: skip


languages = st.sampled_from([Texts(language, "Europe/Amsterdam") for language in LANGUAGES])
plenty = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


# --- Views ---------------------------------------------------------------------------------------


def messages(file: CaseFile, t: Texts) -> Iterator[View]:
    yield case_card(file, t, NOW)
    yield account_stopped(file.account, file.label, t, is_asked=True, answers=True)
    yield urgent_call(file, ["U0SANNE", "U0YOUSSEF"], t, NOW, is_over=False)
    yield from (ask_card(file, each.id or 0, t, NOW) for each in file.escalations[:2])
    yield from (thread.follow_up(file, each.id, t, NOW) for each in file.mentions[:2])
    yield from (thread.advice(file, each.id, t) for each in file.escalations[:2])
    yield from (thread.question(file, each.id, t) for each in file.escalations[:2])
    yield from (thread.note(file, each.id, t) for each in file.notes[:2])
    yield from (thread.reply_problem(file, each.id, t) for each in file.replies[:2])
    yield from (thread.reply_waits(file, each.id, t, NOW) for each in file.replies[:2])


def opened(file: CaseFile, t: Texts) -> Iterator[Block]:
    composed = Composed(file.latest.text, 500 - len(file.latest.text), private=file.latest.private)
    draft = file.replies[-1].draft if file.replies else ""
    state = ModalState(1, 1, ask="SB" if draft else None)
    answering = answer_modal(file, file.latest, composed, t, NOW, state, prefilled=Prefilled(draft))
    assert {"answer_text", "answer_kind"} <= {block.get("block_id") for block in answering["blocks"]}
    yield answering
    events = [Event(case_id=1, kind=kind, by="U0SANNE", at=NOW, details={"to": "U0SANNE"}) for kind in HAPPENED] * 3
    yield details_modal(file, events, [(file.author.name or "?")[:60]], t, NOW)
    yield more_modal(file, t, NOW, acts=True)
    name = (file.author.name or "?")[:60]
    yield escalate_modal(file, [(name, "S0JURISTEN")], t, advisers=[(name, "U0SANNE")])
    if file.case.assignee:
        yield take_over_modal(file, t, then="answer")
    yield from (
        close_modal(file, [name, *CloseReason], [name], t),
        assign_modal(file, t, again=True),
        note_modal(file, t),
    )
    yield from (advise_modal(file, each, t) for each in file.escalations[:1])


def mrkdwn(shown: Any) -> Iterator[str]:
    """Every text that Slack parses: all but plain and rich text, and what an input holds."""
    if isinstance(shown, dict):
        if shown.get("type") == "mrkdwn":
            yield shown["text"]
        yield from (text for each in shown.values() for text in mrkdwn(each))
    elif isinstance(shown, list):
        yield from (text for each in shown for text in mrkdwn(each))


TOKEN = re.compile(
    r"<(?:@(?P<who>U0[A-Z]+)|#(?P<where>C0[A-Z]+)|!subteam\^(?P<group>S0[A-Z]+)|https?://[^<>|\s]+\|[^<>|]+)>",
    re.IGNORECASE,
)
NAMED = {"U0SANNE", "U0YOUSSEF", "U0MARIEKE", "S0JURISTEN", "C0WEGEN"}


def assert_pings_only_ours(text: str) -> None:
    for token in TOKEN.finditer(text):
        assert set(filter(None, token.groups())) <= NAMED, token[0]
    rest = TOKEN.sub("", text)
    assert not set("<>") & set(rest), rest
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest), rest


@plenty
@given(file=files(), t=languages)
def test_every_message_fits_says_something_and_pings_nobody_else(file: CaseFile, t: Texts) -> None:
    for view in messages(file, t):
        assert blocks.problems(view.blocks, blocks.MESSAGE) == []
        assert len(json.dumps(view.blocks, ensure_ascii=False)) < MOST
        assert view.text.strip()
        assert len(view.text) < 4000
        for text in (view.text, *mrkdwn(view.blocks)):
            assert_pings_only_ours(text)


@plenty
@given(file=files(), t=languages)
def test_every_modal_fits_and_pings_nobody_else(file: CaseFile, t: Texts) -> None:
    for modal in opened(file, t):
        assert modals.problems(modal, blocks.MODAL) == [], modal["callback_id"]
        assert len(json.dumps(modal)) < modals.MAX_VIEW
        for text in mrkdwn(modal):
            assert_pings_only_ours(text)


@plenty
@given(file=files(), t=languages)
def test_the_same_state_gives_the_same_card_and_is_left_as_it_was(file: CaseFile, t: Texts) -> None:
    before = copy.deepcopy(file)
    assert case_card(file, t, NOW) == case_card(before, t, NOW)
    assert file == before


@plenty
@given(file=files(), t=languages)
def test_a_card_shows_the_newest_words_unless_it_is_done(file: CaseFile, t: Texts) -> None:
    """However much there is, the beginning of what the citizen wrote last is on the card."""
    shown = json.dumps(case_card(file, t, NOW).blocks, ensure_ascii=False)
    start = json.dumps(cut(file.latest.text.strip(), 350).rstrip("…")[:300], ensure_ascii=False)[1:-1]
    assert is_done(file) or start.strip() in shown
