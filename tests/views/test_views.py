"""Slack takes every message and modal in every state, in both languages, and no label is cut.

The limits are the local Slack's, which refuses what Slack refuses.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from babel.messages.pofile import read_po

from bot.domain.case import Status, Urgency
from bot.domain.event import EventKind
from bot.domain.label import Label
from bot.domain.mention import Act
from bot.domain.queue import Filter, Where, Which
from bot.domain.reply import Composed
from bot.models import ActStatus, Asking, Author, Event, ReplyStatus, SigningInStage
from bot.sandbox.slack import blocks, modals
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import text_of
from bot.team.settings import MAX_LABEL
from bot.texts import LANGUAGES, LOCALES, Texts
from bot.views.act import like_modal, remove_modal
from bot.views.answer_modal import ModalState, answer_modal
from bot.views.ask import ask_card
from bot.views.block import isolate
from bot.views.case_card import case_card
from bot.views.connecting import accounts_page, choose_modal
from bot.views.handing_over import handed_out
from bot.views.hide import copies, hide_modal, review, second_asked
from bot.views.home import MAX_BLOCKS, home_tab
from bot.views.settings_lists import initials_list
from bot.views.settings_modals import changed_modal
from bot.views.topic import option_of
from bot.views.transfer import transfer_modal
from handlers.answer_view import NAME
from handlers.series import AFTER
from tests.views.examples import (
    NOW,
    TEAMS,
    account,
    act,
    asked,
    brief,
    case_file,
    hiding,
    home_of,
    homes,
    mention,
    messages,
    moderated,
    opened,
    reply,
    signing_in,
    skipped,
)

OTHER_QUOTES = {"nl": '[“”‘’";]', "en": '["‘’]'}
"""What no sentence of ours has: quotes of another kind, and in Dutch a semicolon."""


def texts(shown: Any) -> Iterator[dict[str, Any]]:
    """Every piece of text that is shown."""
    if isinstance(shown, dict):
        if isinstance(shown.get("text"), str):
            yield shown
        yield from (text for each in shown.values() for text in texts(each))
    elif isinstance(shown, list):
        yield from (text for each in shown for text in texts(each))


def labels(shown: Any) -> Iterator[str]:
    """Every plain text that is shown: titles, buttons, choices, labels and hints."""
    return (each["text"] for each in texts(shown) if each.get("type") == "plain_text")


@pytest.mark.parametrize("language", LANGUAGES)
def test_slack_takes_every_message_and_modal(language: str) -> None:
    t = Texts(language, "Europe/Amsterdam")
    for message in messages(t):
        assert blocks.problems(message.blocks, blocks.MESSAGE) == [], message.text
    for modal in opened(t):
        assert modals.problems(modal, blocks.MODAL) == [], modal["callback_id"]
    for home in homes(t):
        assert modals.problems(home, blocks.HOME) == []


def test_a_home_that_would_be_too_long_has_fewer_rows_and_says_what_it_leaves_out() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    full, busy = (home_tab(home_of(*size), t, NOW)["blocks"] for size in ((1, 15, 0), (12, 15, 0)))
    assert [text_of({"blocks": each}).count(" via ") for each in (full, busy)] == [45, 27]
    assert MAX_BLOCKS - 4 < len(busy) <= MAX_BLOCKS, "one more row of each list would not fit"
    shown = text_of({"blocks": busy})
    for words in ("*Mijn zaken* (20)", "Alle 20 bekijken", "*Aan jou gevraagd* (15)", "… en nog 6", "van nog 2 teams"):
        assert words in shown, words
    warned = text_of({"blocks": home_tab(home_of(25, 0, 25), t, NOW)["blocks"]})
    assert warned.count("is openbaar") == 5 and "… en nog 20" in warned and "van nog 15 teams" in warned


def test_an_answer_modal_remembers_names_and_topics_of_emoji_too() -> None:
    t, topic = Texts("nl", "Europe/Amsterdam"), "👩" * MAX_LABEL
    listed = Filter(Which.MINE, "U0SANNE", f"{Where.TOPIC}:{topic}").to_text()
    state = ModalState(
        1, 1, home=listed, series=listed, left=100, turn=100, team=1, proposed="🌷" * NAME, topic=option_of(topic),
        image="a" * 64, file="F0123456789", after=[*range(1_000_000, 1_000_000 + AFTER)], promise=1_800_000_000,
    )  # fmt: skip
    file = case_file(Status.CLAIMED)
    modal = answer_modal(file, file.mentions[-1], Composed("Ja.", 400, private=False), t, NOW, state)
    assert modals.problems(modal, blocks.MODAL) == []
    assert ModalState.of(modal).topic == option_of(topic)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_title_button_or_choice_is_cut(language: str) -> None:
    """A label that is too long is cut to an ending in …, which only the labels that are meant to may have."""
    t = Texts(language, "Europe/Amsterdam")
    with (LOCALES / "nl.po").open("rb") as po:
        known = [entry.id for entry in read_po(po, locale="nl") if isinstance(entry.id, str)]
    shown = {label for message in messages(t) for label in labels(message.blocks)} | set(
        labels([*opened(t), *homes(t)])
    )
    assert {label for label in shown if label.endswith("…")} <= {t(each) for each in known if each.endswith("…")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_by_ear_no_two_buttons_of_a_view_are_alike_unless_they_do_the_same(language: str) -> None:
    t = Texts(language, "Europe/Amsterdam")
    for shown in [*(view.blocks for view in messages(t)), *(each["blocks"] for each in (*opened(t), *homes(t)))]:
        heard = dict[str, tuple[str, str]]()
        for each in (element for _, element in elements(shown) if element["type"] == "button"):
            label, does = each.get("accessibility_label", each["text"]["text"]), (each["action_id"], each["value"])
            assert label.startswith(each["text"]["text"]), "what is said begins with what is seen"
            assert heard.setdefault(label, does) == does, label


def test_a_button_of_a_card_says_by_ear_of_which_case_it_is() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    file = case_file(Status.NEW, author=Author(id=1, account_id=1, external_id="f", name="Fatima & Zn", handle="f"))
    shown = [each for _, each in elements(case_card(file, t, NOW).blocks) if each["type"] == "button"]
    heard = [each["accessibility_label"] for each in shown]
    assert heard[0] == "Oppakken: Zaak 231 van Fatima & Zn"
    assert all(": Zaak 231 van" in each and len(each) <= 75 for each in heard)


@pytest.mark.parametrize("name", ["", " ", "\x00", "\u200b\u2060", "\u202e"])
@pytest.mark.parametrize(("handle", "called"), [("", "?"), ("omar", "omar"), ("\u200b", "?")])
def test_somebody_whose_name_shows_nothing_is_called_by_their_handle_or_a_question_mark(
    name: str, handle: str, called: str
) -> None:
    address = "https://social.example.nl/@omar"
    author = Author(id=1, account_id=1, external_id="o", name=name, handle=handle, url=address)
    card = case_card(case_file(Status.NEW, author=author), Texts("nl", "Europe/Amsterdam"), NOW)
    assert f"van {isolate(called)} – " in card.text
    first = next(texts(card.blocks))["text"]
    assert f"*{isolate(called)}* <{address}|" in first if handle else f"*<{address}|{isolate(called)}>*" in first


def test_each_case_with_which_nothing_was_done_is_named_however_many_got_the_others() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    briefs = [brief(Status.CLAIMED) for _ in range(9)]
    for number, each in enumerate(briefs, 1):
        each.case.id = each.case.number = number
    people = [f"U0COLLEAGUE{n:02}" for n in range(20)]
    view = handed_out({to: [1] for to in people}, 20, people[:10], skipped(briefs), "", 10, t)
    shown = "\n".join(each["text"] for each in texts(view.blocks))
    assert [n for n in range(1, 10) if f"zaak {n} van" not in shown] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_screen_reader_says_first_of_a_message_is_a_sentence(language: str) -> None:
    """Slack reads the text of a message aloud, not its blocks: no markup, no symbol first, one full stop."""
    for view in messages(Texts(language, "Europe/Amsterdam")):
        for line in view.spoken.splitlines():
            assert re.match(r"[\w<(\u2068]", line), line
            assert "*" not in line
            assert re.search(r"[.!?…:]\W*$", line), line


@pytest.mark.parametrize("language", LANGUAGES)
def test_by_ear_a_message_says_what_its_sections_and_small_print_say(language: str) -> None:
    """That of cards is said in other words, and that around what citizens wrote is left to the screen."""
    for view in messages(Texts(language, "Europe/Amsterdam")):
        quotes = any(block["type"] == "rich_text" for block in view.blocks)
        if not quotes and not re.match("(New |Nieuwe )?(case|zaak) ", view.text, re.IGNORECASE):
            shown = [each["text"] for each in texts(view.blocks) if each.get("type") == "mrkdwn"]
            said = [part for each in shown for part in re.split(r"\n| · ", each.replace("*", ""))]
            assert [part for part in said if part[:60] not in view.text.replace("*", "")] == [], view.text


def test_by_ear_who_was_asked_hears_how_to_advise_and_then_the_advice() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    asking, advised = (
        ask_card(case_file(Status.ESCALATED, escalations=[asked("U0JURIST", Urgency.NORMAL, advice)]), 1, t, NOW).spoken
        for advice in (None, "Zeg maar ja.")
    )
    assert "Geef het met de knop" in asking
    assert "Advies van <@U0YOUSSEF>" in advised and "Zeg maar ja." in advised


@pytest.mark.parametrize("private", [False, True])
def test_by_ear_who_decides_whether_a_post_is_hidden_hears_the_post_unless_it_is_private(private: bool) -> None:
    t, asking = Texts("nl", "Europe/Amsterdam"), Asking()
    for kind, decides in ((ActStatus.ASKED, second_asked), (ActStatus.DONE, review)):
        hides, about = act(Act.HIDE, kind), hiding()
        about.private, about.text = private, "Jullie zijn onbekwaam."
        spoken = decides(moderated(acts=[hides], hidings={1: about}), hides, asking, t).spoken
        assert ("onbekwaam" in spoken) is not private, spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_shown_has_one_kind_of_quotes(language: str) -> None:
    """Quotes that the code puts around a name are those of the language too."""
    t = Texts(language, "Europe/Amsterdam")
    shown = [each["text"] for each in texts([*(view.blocks for view in messages(t)), *opened(t), *homes(t)])]
    shown += [view.text for view in messages(t)]
    assert not [each for each in map(html.unescape, shown) if re.search(OTHER_QUOTES[language], each)]


def test_a_menu_has_all_that_can_be_chosen_and_a_list_says_how_many_it_leaves_out() -> None:
    t, now = Texts("nl", "Europe/Amsterdam"), NOW
    posts = [mention(3, id=number, allows=[*Act]) for number in range(1, 151)]
    ours = [reply(ReplyStatus.SENT, number, external_id=str(number)) for number in range(1, 151)]
    many = signing_in(SigningInStage.SIGNED_IN, offers=150)
    for modal, count in (
        (transfer_modal(case_file(Status.NEW, teams=TEAMS), t), len(TEAMS) - 1),
        (hide_modal(moderated(mentions=posts), [("Schelden", False)], t, now), 150 + 1),
        (like_modal(moderated(mentions=posts), t, now), 150),
        (remove_modal(moderated(replies=ours), t, now), 150),
        (choose_modal(1, many, "Facebook", t), 150),
    ):
        chosen = [option for block in modal["blocks"] for option in all_options(block.get("element", {}))]
        assert len(chosen) == count, modal["callback_id"]
    accounts = [(account(), Label("Facebook", "Gemeente", "📘"))] * 62
    assert "… en nog 2" in text_of(accounts_page(1, accounts, [], t))
    assert "… en nog" not in text_of(accounts_page(1, accounts[:60], [], t))
    initials = [(f"U0{n}", f"SB{n}") for n in range(97)]
    assert "… en nog 2" in text_of(initials_list(1, initials, t))
    roles = [{"team": 1, "agent": f"U0{n}", "before": None, "after": "agent"} for n in range(97)]
    events = [Event(id=n, kind=EventKind.ROLE, by="U0SANNE", at=now, details=each) for n, each in enumerate(roles)]
    assert "… en nog 2" in text_of(changed_modal(1, events, t, moved=1))


def all_options(element: dict[str, Any]) -> list[dict[str, Any]]:
    """What a menu offers, in one list or in groups."""
    groups = element.get("option_groups", [element])
    return [option for group in groups for option in group.get("options", [])]


def test_what_is_private_is_marked_where_it_is_chosen_or_quoted() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    for private in (True, False):
        one = moderated(mentions=[mention(3, private=private, allows=[*Act])])
        two = moderated(mentions=[mention(number, private=private, allows=[*Act]) for number in (2, 3)])
        ours = [reply(ReplyStatus.SENT, number, external_id=str(number)) for number in (1, 2)]
        for each in ours:
            each.private = private
        kept = moderated(
            mentions=one.mentions, acts=[act(Act.HIDE, ActStatus.DONE)], hidings={1: hiding(private=private)}
        )
        for view in (
            transfer_modal(case_file(Status.NEW, mentions=one.mentions), t),
            *(hide_modal(file, [("Schelden", False)], t, NOW) for file in (one, two)),
            *(remove_modal(moderated(replies=replies), t, NOW) for replies in (ours[:1], ours)),
        ):
            assert ("🔒 privébericht" in str(view["blocks"])) is private, view["callback_id"]
        marked = [block for block in copies(kept, t, NOW) if "🔒 privébericht" in str(block)]
        assert len(marked) == (1 if private else 0)
