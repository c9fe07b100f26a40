"""Which texts are alike: what people copy and repeat, and not what only shares a few words."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.alike import COMMON, COMPARED, FEWEST, MOST, RARE, Index, Said, is_respelled, said

FIRE = "Er vallen zwarte vlokken in onze tuin aan de Havenweg. Is dat gevaarlijk?"


def stems_of(text: str) -> Said:
    found = said(text)
    assert found is not None
    return found


def is_alike(one: str, other: str) -> bool:
    index = Index[int]()
    index.add(stems_of(one), 1)
    return index.find(stems_of(other)) == 1


@pytest.mark.parametrize(
    "other",
    [
        FIRE,
        "ER VALLEN ZWARTE VLOKKEN IN ONZE TUIN AAN DE HAVENWEG — IS DAT GEVAARLIJK??? 😳",
        "@gemeentevoorbeeld er vallen zwarte vlokken in onze tuin aan de Havenweg. Is dat gevaarlijk? https://x.example/1",
        "Er vallen zwarte vlokken in onze tuinen aan de Lindestraat, is dat gevaarlijk? #brand",
        "Zwarte vlokken vallen hier in de tuin. Gevaarlijk?",
    ],
)
def test_repeats_and_variations_are_alike(other: str) -> None:
    assert is_alike(FIRE, other)
    assert is_alike(other, FIRE)


@pytest.mark.parametrize(
    "other",
    [
        "Wanneer wordt het oud papier aan de Havenweg opgehaald?",
        "Is de rook van de fabriek gevaarlijk voor mijn tuin?",
        "De lantaarn voor de Havenweg 12 brandt nog steeds niet.",
        "Er vallen bladeren op de stoep aan de Stationsweg, wie ruimt dat op?",
    ],
)
def test_what_shares_a_few_words_is_not_alike(other: str) -> None:
    assert not is_alike(FIRE, other)


@pytest.mark.parametrize(
    "text", ["", "Wanneer?", "😀😀😀", "Dat is toch niet te doen!", "@gemeente https://x.example/a"]
)
def test_a_text_that_says_too_little_is_about_no_subject(text: str) -> None:
    assert said(text) is None


def test_a_short_text_is_alike_only_to_the_same_words() -> None:
    short = "Kan ik nog over de Vaart of is alles afgezet?"
    assert is_alike(short, "KAN IK NOG OVER DE VAART, OF IS ALLES AFGEZET??")
    assert not is_alike(short, "Kan ik nog over de Dam of is alles afgezet?")
    assert not is_alike(short, "De Vaart is afgezet door de brand bij de fabriek")


def test_the_order_and_the_number_of_times_of_words_do_not_matter_for_stems_but_do_for_repeats() -> None:
    one, other = stems_of("brand fabriek haven"), stems_of("haven haven brand fabriek")
    assert one.stems == other.stems
    assert one.key != other.key
    assert one.likeness(other) == 100


@given(st.text(max_size=400), st.text(max_size=400))
def test_likeness_is_the_same_both_ways_and_bounded(one: str, other: str) -> None:
    a, b = said(one), said(other)
    for each in (a, b):
        if each is not None:
            assert FEWEST - 1 <= len(each.stems) <= MOST
            assert list(each.stems) == sorted(set(each.stems))
            assert each.likeness(each) == 100
    if a is not None and b is not None:
        assert 0 <= a.likeness(b) <= 100
        assert a.likeness(b) == pytest.approx(b.likeness(a))


def test_of_several_that_are_as_alike_the_first_is_found() -> None:
    index = Index[int]()
    text = stems_of("brand fabriek haven rook")
    index.put(text, 7, ["brand"])
    index.put(text, 8, ["brand"])
    assert index.find(text) == 7
    assert index.find(stems_of("rook brand fabriek haven")) == 7


@given(st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_a_text_is_compared_with_few_others_however_many_there_are(seed: int) -> None:
    dice = random.Random(seed)
    index, words = Index[int](), [*string.ascii_lowercase]
    found_by = dict[str, int]()
    for number in range(600):
        text = Said(f"key{number}", tuple(sorted(dice.sample(words, 6))))
        for stem in index.add(text, number):
            found_by[stem] = found_by.get(stem, 0) + 1
    assert max(found_by.values()) <= COMMON
    compared = 0

    class Counting(Said):
        def likeness(self, other: Said) -> float:
            nonlocal compared
            compared += 1
            return super().likeness(other)

    index.find(Counting("another", tuple(sorted(dice.sample(words, 6)))))
    assert compared <= COMPARED


def test_a_text_is_found_by_its_rarest_stems() -> None:
    index = Index[int]()
    for number in range(COMMON):
        index.put(Said(f"k{number}", ("brand", f"a{number}", f"b{number}")), number, ["brand"])
    stems = index.add(Said("new", ("brand", "d", "eee", "ff", "gggg")), 99)
    assert stems == ["gggg", "eee", "ff", "d"]
    assert len(stems) == RARE


def test_texts_are_compared_by_their_stems_and_numbers_as_they_are() -> None:
    assert {"vlok", "tuin", "300000"} <= {*stems_of("De vlokken vallen op lijn 300000 bij de tuinen").stems}


@pytest.mark.parametrize(
    "after",
    [
        "Er vallen zwarte vlokken in onze tuin aan de havenweg, is dat gevaarlijk!",
        "Er valen zwarte vlokekn in onze tiun aan de Havenweg. Is dat gevarlijk?",
        "Zwarte vlokken in onze tuin. Is dat gevaarlijk?",
    ],
)
def test_other_spelling_and_fewer_words_say_nothing_more(after: str) -> None:
    assert is_respelled(FIRE, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Er is een gewonde", "Er is geen gewonde"),
        ("Er vallen vlokken", "Er vallen vlokken vlokken"),
        ("De bus van 12:00 komt niet", "De bus van 13:00 komt niet"),
        ("De bus komt vandaag", "De trein komt vandaag"),
        ("De bus komt", "De bus komt niet"),
        ("woorden " * 30, "woorde " * 21),
    ],
)
def test_another_word_says_more(before: str, after: str) -> None:
    assert not is_respelled(before, after)
