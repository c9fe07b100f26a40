"""Which posts go before the others, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.signals import Rank, Signal, rank_of, signals_of

H, D, S, T, P = Signal.HURT, Signal.DANGER, Signal.SELF_HARM, Signal.THREAT, Signal.PRESS

SAID = {
    "Er staat een woning in brand aan de Kerkstraat!": {D},
    "Woningbrand in de Molenwijk, overal rook": {D},
    "Ik ruik gas bij de school, wat moeten we doen?": {D},
    "GASLEK?! hele straat stinkt": {D},
    "Harde explosie gehoord op het industrieterrein": {D},
    "Er is iemand te water geraakt bij de brug": {H},
    "Fietser gewond na een aanrijding, 112 gebeld": {H, D},
    "Er ligt een losse stroomkabel op het fietspad": {D},
    "De kelder is ingestort": {D},
    "Er zit nog iemand binnen!": {H},
    "Er ligt een zwaargewonde op de rotonde": {H},
    "Twee lichtgewonden, waar blijft de ambulance": {H},
    "Er is iemand verdronken bij de steiger": {H},
    "Het ruikt hier heel sterk naar gas": {D},
    "Al een uur een gasgeur in de straat": {D},
    "Mijn moeder zit vast in de lift en er komt rook binnen": {H},
    "Ik zie het niet meer zitten en wil niet meer leven": {S},
    "Zo maak ik een einde aan mijn leven": {S},
    "Suïcide is hier geen grap": {S},
    "Ik maak jullie allemaal af": {T},
    "Ik ga jullie allemaal afmaken": {T},
    "Ik weet waar je woont, wethouder": {T},
    "Morgen steek ik dat stadhuis in de fik": {D, T},
    "Als dit zo doorgaat gaan jullie eraan": {T},
    "Verslaggever van RTV hier, wie kan ik bellen?": {P},
    "Graag wederhoor voor vanavond, redactie De Stem": {P},
    "De lantaarn voor ons huis brandt al weken niet": set(),
    "Wanneer is het brandweermuseum open?": set(),
    "Mijn huis aan de Dorpsstraat 112 heeft geen glasvezel": set(),
    "Zonnebrand vergeten haha": set(),
    "Groeten van Hildebrand": set(),
    "Komt er nog iemand langs voor de container?": set(),
    "De container zit vast aan de paal": {H},  # words mislead: it only stands earlier in the line
    "Ze hebben de bomen afgemaakt met snoeien": set(),
    "Wanneer gaan jullie het fietspad eens afmaken?": set(),
    "De hond uitlaten mag hier niet": set(),
    "Wat een klootzakken bij jullie": set(),
    "Kan ik mijn paspoort ook op zaterdag ophalen?": set(),
    "Persoonlijk vind ik dit een goed plan": set(),
    "Ik heb nieuws voor jullie: het werkt weer": set(),
    "Prachtige foto van de haven!": set(),
    "De grijze container is niet geleegd": set(),
    "Kan ik mijn paspoort ook op zaterdag ophalen? #brand": set(),
    "Sporthal open, koffie genoeg #havenbrand #explosie": set(),
    "Er is brand bij de haven #havenbrand": {D},
    "Brand! #help": {D},
    "Paal nr. #12 staat in brand": {D},
    "Ik kan niet meer #suicide": {S},
    "#gewond maar niemand komt": {H},
}


@pytest.mark.parametrize("text", SAID)
def test_what_people_write_has_these_signals(text: str) -> None:
    assert set(signals_of(text)) == SAID[text]


@pytest.mark.parametrize(
    ("text", "private", "rank"),
    [
        ("Er zit iemand binnen bij de brand", False, Rank.FIRST),
        ("Ik weet waar je woont", False, Rank.FIRST),
        ("Brand bij de verffabriek", False, Rank.SOON),
        ("Verslaggever hier", False, Rank.SOON),
        ("Kan ik bellen?", True, Rank.SOON),
        ("Kan ik bellen?", False, Rank.LATER),
    ],
)
def test_people_in_danger_come_before_what_all_write_about_and_that_before_the_rest(
    text: str, private: bool, rank: Rank
) -> None:
    assert rank_of(signals_of(text), private=private) is rank


def test_the_teams_own_words_come_first() -> None:
    assert rank_of(signals_of("Vuurwerk!", own=["vuurwerk"]), private=False) is Rank.FIRST


def test_an_author_of_the_press_goes_first_by_name() -> None:
    assert signals_of("Klopt dit?", ["Omroep Zeeland", "omroepzld"]) == [P]
    assert signals_of("Klopt dit?", ["Jan Nieuwstraat", "jan"]) == []


def test_the_teams_own_words_count_as_whole_words_or_as_beginnings() -> None:
    own = ["jaarwisseling", "Sint Maarten", "vuurwerk*"]
    assert signals_of("Hoe gaat de jaarwisseling dit jaar?", own=own) == ["own:jaarwisseling"]
    assert signals_of("De jaarwisselingen waren rustig", own=own) == []
    assert signals_of("Overlast van vuurwerkbommen met Sint-Maarten", own=own) == ["own:Sint Maarten", "own:vuurwerk*"]
    assert signals_of("Alles goed", own=["", "*", "!!"]) == []


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_can_be_looked_through(text: str, own: list[str]) -> None:
    found = signals_of(text, [text], own)
    assert len(found) == len(set(found)) or len(set(own)) < len(own)


def test_a_long_post_is_looked_through_at_once() -> None:
    """No pattern may go back and forth over a text; this would never end then."""
    assert signals_of("steek " * 20_000 + "in de fi" * 5_000) == []
