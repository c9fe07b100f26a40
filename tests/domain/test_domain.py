"""The rules without a database: what a case allows, how a reply is signed, what is a mere word of thanks."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.case import ALLOWED_FROM, Move, Status, moves_from
from bot.domain.mention import is_mere_thanks
from bot.domain.reply import INITIALS, Template, initials_of, signed
from bot.models import ReplyStatus
from bot.sandbox.slack import input_state
from bot.texts import Texts
from bot.views.case_card import case_card
from bot.views.case_menu import more_modal
from tests.views.examples import NOW, case_file, reply

initials = st.text(string.ascii_uppercase, min_size=1, max_size=4)
spaces = st.text(" \n\t\u00a0", max_size=3)


# --- Signing -------------------------------------------------------------------------------------


@given(draft=st.text(), by=initials)
@example(draft="Groeten, ^", by="SB")
@example(draft="^SB", by="SB")
@example(draft="1 ^SB2", by="SB")
def test_a_reply_is_signed_once_however_often_it_is_signed(draft: str, by: str) -> None:
    once = signed(draft, by)
    assert signed(once, by) == once
    assert once == "" or once.endswith(f" ^{by}")


@pytest.mark.parametrize(
    ("text", "words", "values"),
    [
        ("Dag", "Dag", []), ("Dag", "Dag!", None), ("Dag", "", None), ("Dag {{1}}!", "Dag Jan!", ["Jan"]),
        ("Dag {{1}}!", "Dag Jan, hoi!", ["Jan, hoi"]), ("Dag {{1}}!", "Dag !", None), ("Dag {{1}}!", "Dag Jan", None),
        ("Dag {{1}}!", "Dag {{1}}!", None), ("Dag {{1}}!", "Dag Jan\nHoi!", None), ("Dag {{1}}!", "Dag a     b!", None),
        ("{{2}}: {{1}}.", "a: b.", ["b", "a"]), ("{{1}} en {{1}}.", "a en a.", ["a"]),
        ("{{1}} en {{1}}.", "a en b.", None),
        ("a {{1}} a", "a a a", ["a"]), ("a {{1}} a", "a a", None), ("Kosten: (€ {{1}}.*)", "Kosten: (€ 5.*)", ["5"]),
        ("{{10}}{{2}}", "ab", ["b", "a"]), ("{{0}} {{naam}}", "{{0}} {{naam}}", []),
    ],
)  # fmt: skip
def test_what_was_filled_in_is_read_back_from_a_template(text: str, words: str, values: list[str] | None) -> None:
    assert Template("t", "nl", text).filled_in(words) == values


ON_ONE_LINE = st.text(st.characters(exclude_characters="{}\n\t ", exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(st.lists(ON_ONE_LINE, min_size=1, max_size=5), st.lists(st.sampled_from(["; ", " – ", "\n\n"]), max_size=3))
def test_whatever_is_filled_in_gives_words_of_the_template(values: list[str], between: list[str]) -> None:
    joints = (between * len(values) or [" "] * len(values))[: len(values)]
    text = "".join(f"{joint}{{{{{n}}}}}" for n, joint in enumerate(joints, 1))
    words = "".join(f"{joint}{value}" for joint, value in zip(joints, values, strict=True))
    found = Template("t", "nl", text).filled_in(words)
    assert found is not None
    assert "".join(f"{joint}{value}" for joint, value in zip(joints, found, strict=True)) == words


@given(body=st.text(string.ascii_letters + " .,?", min_size=1), by=initials, gap=spaces, between=spaces, end=spaces)
def test_initials_that_the_agent_typed_are_not_doubled(body: str, by: str, gap: str, between: str, end: str) -> None:
    for typed in (by, by.lower(), by.capitalize()):
        draft = f"{body}{gap}^{between}{typed}{end}"
        assert signed(draft, by) == signed(body, by)
        assert signed(f"{draft} ^{typed}", by) == signed(body, by)


@given(nothing=spaces, by=initials)
def test_nothing_stays_nothing(nothing: str, by: str) -> None:
    assert signed(nothing, by) == ""


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("Donderdag!", "Donderdag! ^SB"),
        ("Donderdag! ^SB", "Donderdag! ^SB"),
        ("Donderdag! ^ sb  ", "Donderdag! ^SB"),
        ("Donderdag!^sB", "Donderdag! ^SB"),
        ("Overgenomen van ^YA", "Overgenomen van ^YA ^SB"),
        ("Regel een\n\nRegel twee\n^SB", "Regel een\n\nRegel twee ^SB"),
        ("2^SBX blijft", "2^SBX blijft ^SB"),
    ],
)
def test_a_signature_stands_at_the_end(draft: str, expected: str) -> None:
    assert signed(draft, "SB") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sanne de Boer", "SB"),
        ("Youssef Amrani", "YA"),
        ("marieke visser", "MV"),
        ("Jan-Willem van der Berg", "JWB"),
        ("Anna Maria Sophia Elisabeth de Vries", "AEV"),
        ("Özgür Çelik", "OC"),
        ("sanne (Webcare)", "S"),
        ("", ""),
        ("42", ""),
    ],
)
def test_initials_are_proposed_from_a_name(name: str, expected: str) -> None:
    assert initials_of(name) == expected


@given(name=st.text())
@example("ß ŉ ǰ")
@example("Özgür Çelik")
def test_proposed_initials_are_empty_or_may_be_chosen(name: str) -> None:
    proposed = initials_of(name)
    assert proposed == "" or INITIALS.fullmatch(proposed)


# --- Thanks --------------------------------------------------------------------------------------

THANKS = [
    "Bedankt!", "Dank je wel 👍", "Top, dank!", "Oké duidelijk, fijne dag", "Dankjewel!", "Dank u wel",
    "dank jullie wel", "Super, bedankt voor de snelle reactie", "Heel erg bedankt!", "Ok", "oke dank je",
    "Duidelijk.", "Helder, dank!", "Hartelijk dank voor uw hulp", "Bedankt voor de uitleg, fijn weekend!",
    "@GemeenteVoorbeeld bedankt 🙏", "👍", "❤️", "🙏🏽", "Thanks!", "Thank you so much!", "Alvast bedankt",
    "Geweldig, dankuwel. Groetjes", "Fijn, dank voor het antwoord", "Prima 🙂", "Merci!", "Toppie, bedankt",
    "Bedankt hoor", "Bedankt, dat is duidelijk", "Bedankt voor uw bericht", "Gelukt, bedankt!", "Toppers! Bedankt",
    "Bedankt en een fijne dag nog", "Helemaal goed, top!", "Dank jullie wel voor het bericht", "Prima dan", "Mooi zo",
]  # fmt: skip
QUESTIONS = [
    "Bedankt, maar wanneer dan?", "Bedankt voor niks", "ok maar mijn vraag is niet beantwoord",
    "Top geregeld hoor, weer 3 weken wachten", "nee bedankt voor uw 'hulp', prutsers", "Nee bedankt",
    "Bedankt hoor...", "Bedankt. En de andere straat", "Dank, 12 mei dus", "Niet bedankt", "ok?", "👎", "👍👎",
    "😡", "Hulp!", "Help!", "info", "Veel moeite", "Goed antwoord", "uw reactie", "de hulp", "?", "...", "",
    "Graag snel antwoord", "Graag hulp", "Fijn, antwoord graag", "Bedankt :(", "ok :-/", "Lekker dan", "Top 🙄",
    "Bedankt 👎", "bedankt 😡", "ok 🤮", "Super snel antwoord", "Fijne reactie", "Geweldige hulp",
    "snel antwoord graag", "@gemeente",
    "Help ok", "Super hulp", "Heel erg fijn voor jou", "Mooi voor jou", "Prima voor jullie", "Fijn voor jullie",
    "Mooi is dat", "Fijn hoor", "Top voor u", "Bedankt…", "Bedankt . . .", "Geweldig antwoord", "Duidelijk, jullie wel",
]  # fmt: skip


@pytest.mark.parametrize("text", THANKS)
def test_mere_thanks_open_no_case_again(text: str) -> None:
    assert is_mere_thanks(text)


@pytest.mark.parametrize("text", QUESTIONS)
def test_whatever_may_want_an_answer_opens_the_case_again(text: str) -> None:
    assert not is_mere_thanks(text)


@given(text=st.text())
def test_thanks_never_hold_a_question_mark(text: str) -> None:
    assert not is_mere_thanks(f"Bedankt{text}?")


# --- Moves and buttons ---------------------------------------------------------------------------

BY_ANOTHER_NAME = {"undo": Move.WITHDRAW, "no_answer": Move.CLOSE}
MOVES = {**{str(move): move for move in Move}, **BY_ANOTHER_NAME}
"""The verbs of buttons and choices, and the moves that they make."""
UNCLOSES = {each for each in Move if each.name.startswith("UNCLOSE")}
ELSEWHERE = {Move.TAKE_OVER, Move.ADVISE, Move.WAIT_ON, *UNCLOSES}
"""Offered where a colleague's case is refused, on a question to an adviser, to the owner of a case whose citizen does
not answer, and to who has just closed a case."""
ALL_BUT_ANSWERED = [status for status in Status if status is not Status.ANSWERED]


def offered(status: Status, replied: ReplyStatus | None, *, allows: bool = True) -> set[Move]:
    file = case_file(status, allows=allows, replies=[reply(replied)] if replied else [])
    card = case_card(file, Texts("nl", "Europe/Amsterdam"), NOW)
    names = set[str]()
    for _, element in input_state.elements(card.blocks):
        names.add(element["action_id"])
        names |= {each["value"].partition(":")[0] for each in element.get("options", [])}
    if "more" in names:
        modal = more_modal(file, Texts("nl", "Europe/Amsterdam"), NOW, acts=True)
        names |= {each.get("value", "").partition(":")[0] for _, each in input_state.elements(modal["blocks"])}
    return {MOVES[verb] for verb in {name.removeprefix("case:") for name in names} & set(MOVES)}


@pytest.mark.parametrize("status", ALL_BUT_ANSWERED)
def test_a_card_offers_exactly_the_moves_that_its_status_allows(status: Status) -> None:
    assert offered(status, None) == moves_from(status) - ELSEWHERE


@pytest.mark.parametrize("status", ALL_BUT_ANSWERED)
def test_undo_is_offered_beside_all_else_whatever_became_of_the_case_meanwhile(status: Status) -> None:
    assert offered(status, ReplyStatus.APPROVED) == offered(status, None) | {Move.WITHDRAW}
    assert offered(status, ReplyStatus.SENDING) == offered(status, ReplyStatus.SENT) == offered(status, None)


@pytest.mark.parametrize("status", Status)
def test_whether_a_reply_was_published_is_asked_whatever_became_of_the_case_meanwhile(status: Status) -> None:
    card = case_card(case_file(status, replies=[reply(ReplyStatus.UNCERTAIN)]), Texts("nl", "Europe/Amsterdam"), NOW)
    assert {"case:settle_sent", "case:settle_absent"} <= {
        each["action_id"] for _, each in input_state.elements(card.blocks)
    }
    assert "Misschien verstuurd" in str(card.blocks)


def test_an_answered_card_offers_undo_until_the_reply_goes_out_and_reopening_once_it_is_out() -> None:
    assert offered(Status.ANSWERED, ReplyStatus.APPROVED) == {Move.WITHDRAW}
    assert offered(Status.ANSWERED, ReplyStatus.SENDING) == set()
    assert offered(Status.ANSWERED, ReplyStatus.SENT) == moves_from(Status.ANSWERED) - {Move.WITHDRAW}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("replied", [None, *ReplyStatus])
@pytest.mark.parametrize("allows", [True, False])
def test_no_card_offers_a_move_that_would_be_refused(
    status: Status, replied: ReplyStatus | None, *, allows: bool
) -> None:
    undo = {Move.WITHDRAW} if replied is ReplyStatus.APPROVED else set()
    assert offered(status, replied, allows=allows) - undo <= moves_from(status)


@pytest.mark.parametrize("status", Status)
def test_the_menu_of_a_card_holds_no_more_than_slack_shows(status: Status) -> None:
    card = case_card(case_file(status), Texts("nl", "Europe/Amsterdam"), NOW)
    menus = [element["options"] for _, element in input_state.elements(card.blocks) if element["type"] == "overflow"]
    assert all(len(menu) <= 5 for menu in menus)


def test_every_move_is_allowed_somewhere_and_from_every_status_something_is() -> None:
    assert set(ALLOWED_FROM) == set(Move)
    assert all(ALLOWED_FROM.values())
    assert all(moves_from(status) for status in Status)
