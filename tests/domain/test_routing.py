"""The first rule that matches decides; words are whole words, without regard to capitals and accents."""

from dataclasses import replace

import pytest

from bot.domain.routing import Asked, Routing, Rule, Visibility, WorkingTime

POST = Asked(
    account=1, platform="webhook", language="nl-BE", private=False, is_open=True, text="Het FIETSPAD, vol gläs!"
)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"words": ("fietspad",)}, True),
        ({"words": ("fiets",)}, False),
        ({"words": ("tunnel", "Glas")}, True),
        ({"words": ("fietspad vol",)}, True),
        ({"words": ("vol fietspad",)}, False),
        ({"words": ("#fietspad",)}, True),
        ({"words": ("!!!",)}, False),
        ({"accounts": (1,)}, True),
        ({"accounts": (2,)}, False),
        ({"platforms": ("mastodon",)}, False),
        ({"languages": ("nl",)}, True),
        ({"languages": ("en",)}, False),
        ({"visibility": Visibility.PRIVATE}, False),
        ({"visibility": Visibility.PUBLIC}, True),
        ({"time": WorkingTime.OPEN}, True),
        ({"time": WorkingTime.CLOSED}, False),
        ({"words": ("fietspad",), "accounts": (2,)}, False),
        ({}, True),
    ],
)
def test_a_rule_matches_what_meets_all_its_conditions(rule: dict, matches: bool) -> None:
    found = Routing([Rule("k", 2, **rule)]).rule_for(POST)
    assert (found is not None) is matches


def test_the_first_that_matches_decides() -> None:
    rules = [Rule("a", 1, words=("brug",)), Rule("b", 2, words=("fietspad",)), Rule("c", 3)]
    assert [Routing(order).rule_for(POST).key for order in (rules, rules[::-1])] == ["b", "c"]


def test_a_language_that_is_not_declared_is_not_guessed() -> None:
    assert Routing([Rule("k", 2, languages=("nl",))]).rule_for(replace(POST, language="")) is None


def test_no_words_never_match_a_post_without_words() -> None:
    assert Routing([Rule("k", 2, words=("…",))]).rule_for(replace(POST, text="")) is None


def test_a_rule_is_read_as_it_was_stored_also_by_an_older_or_newer_version() -> None:
    rule = Rule("k", 2, (1,), ("webhook",), ("nl",), ("glas",), Visibility.PRIVATE, WorkingTime.CLOSED)
    assert Rule.of(rule.to_json()) == rule
    assert Rule.of({"key": "k", "team": 2, "of a newer version": 1}) == Rule("k", 2)
