"""Words as search sees them: what is folded, what is cut, and that a text folds the same wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.words import (
    MAX_ASKED,
    MAX_LETTERS,
    MAX_WORDS,
    asked_number,
    asked_words,
    folded,
    is_made_of,
    names_of,
    words_of,
)
from bot.texts import LANGUAGES, Texts
from bot.views.case_state import number_name


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Yılmaz", ["yilmaz"]),
        ("YILMAZ İnce", ["yilmaz", "ince"]),
        ("Café Überhaupt, señor!", ["cafe", "uberhaupt", "senor"]),
        ("Straße Łódź Ærø", ["strasse", "lodz", "aero"]),
        ("De foto's van #231, 100% onzin_hier", ["de", "foto", "s", "van", "231", "100", "onzin", "hier"]),
        ("ﬁets ① Ｗebcare", ["fiets", "1", "webcare"]),
        ("Ελλάδα Привет مرحبا", ["ελλαδα", "привет", "مرحبا"]),
        ("😀 👩‍👩‍👧 … \" ' * ( ) NEAR( AND", ["near", "and"]),
        ("x" * 3000, ["x" * MAX_LETTERS]),
        ("", []),
    ],
)
def test_words_are_without_capitals_accents_and_signs(written: str, words: list[str]) -> None:
    assert folded(written) == words


def test_a_handle_is_also_the_words_that_its_capitals_begin() -> None:
    assert names_of("Fatima Yılmaz", "@FatimaYılmaz_1990") == "1990 fatima fatimayilmaz yilmaz"


@given(st.text())
def test_what_is_folded_folds_to_itself_and_holds_no_operator(text: str) -> None:
    words = folded(text)
    assert folded(" ".join(words)) == words
    assert all(word.isalnum() and "'" not in word for word in words)


@given(st.lists(st.text(), max_size=5))
def test_the_words_of_texts_do_not_depend_on_their_order(texts: list[str]) -> None:
    assert words_of(texts) == words_of(texts[::-1])


def test_there_is_an_end_to_the_words_of_a_case_and_of_a_search() -> None:
    many = " ".join(map(str, range(2 * MAX_WORDS)))
    assert len(words_of([many]).split()) == MAX_WORDS
    assert asked_words(many) == [str(number) for number in range(MAX_ASKED)]


def test_a_case_is_asked_for_by_its_number_or_as_the_bot_calls_it() -> None:
    called = [number_name(231, Texts(language, "Europe/Amsterdam")) for language in LANGUAGES]
    for words in ("231", "#231", " # 231 ", "zaak231", "ZAAK #231", "case\u00a0231", *called):
        assert asked_number(words) == 231, words
    for words in ("zaak", "zaken 231", "loket 231", "231 zaken", "zaak 2x", "zaak -1", "①", "9" * 10, ""):
        assert asked_number(words) is None, words


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("", True),
        ("\n --\n", True),
        ("Donderdag, ja of nee.", True),
        ("Jan\n\nDONDERDAG:\nja of nee", True),
        ("Donderdag, ja of nee. Nee", False),
        ("Donderdag, nee, ja of nee.", False),
        ("Donderdag, ja", False),
        ("Jansen", False),
    ],
)
def test_a_text_is_made_of_others_only_if_each_of_them_stands_there_whole(written: str, made: bool) -> None:
    assert is_made_of(written, ["Jan", "Donderdag: ja of nee?", ""]) is made
