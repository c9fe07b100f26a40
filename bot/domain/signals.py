"""Signals: what makes a new post go before the others that wait for their card, and why.

They are found by words that anyone can read here, and shown with the case. They decide the order only, of new cards
and, those of the first rank, of lists: nothing is answered, hidden or judged by them, and a case with a signal has the
usual norm.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum, StrEnum
from functools import cache

from bot.domain.words import folded


class Signal(StrEnum):
    """Why a post goes first, in the order in which the reasons are shown."""

    HURT = "hurt"
    """Somebody is in danger."""
    SELF_HARM = "self_harm"
    THREAT = "threat"
    DANGER = "danger"
    """Something dangerous; in a disaster nearly all posts say so."""
    PRESS = "press"
    WAITED = "waited"
    """Its author has another case that waits for us."""


class Rank(IntEnum):
    """When a new post gets its card: the lowest rank first."""

    FIRST = 0
    SOON = 1
    LATER = 2


QUIETLY = len(Rank)
"""By how much the rank of a card is higher while nothing happened to it: it is written after all others."""
OWN = "own:"
"""What a stored signal begins with that is one of the team's own words."""
FIRST = (Signal.HURT, Signal.SELF_HARM, Signal.THREAT, OWN)
"""What a stored signal begins with that gives a post the first rank; no other signal begins so."""

_SAID: Mapping[Signal, str] = {
    Signal.HURT: r"""
        (zwaar|licht)?gewond\w* | slachtoffers? | bewusteloos | reanim\w* | levensgevaar\w* | verdrink\w* | verdronken
        | drenkeling | neergestoken | neergeschoten | (in het|te) water (gevallen|geraakt|beland)
        | (zit|zitten|ligt|liggen) (nog )?(vast|opgesloten|bekneld)
        | (iemand|mensen|kind|kinderen|bewoner|bewoners) (nog )?(binnen|vast|vermist) | komt er niet (meer )?uit
        | (bel|belt|bellen|belde|gebeld) 112 | 112 (bellen|gebeld) | (krijg|krijgt|krijgen) geen lucht | stikken
        | ademt niet\w* | hartaanval | hartstilstand
    """,
    Signal.DANGER: r"""
        (woning|huis|flat|auto|schuur|loods|keuken|natuur|bos|berm|heide|duin|container|dak|schoorsteen|boerderij)?brand
        | brandt af | in de fik | gas(lucht|geur|lek|lekkage) | ruik\w* (.{0,25} )?gas | explosie\w* | ontplof\w*
        | explod\w*
        | koolmonoxide\w* | ingestort | stort in | instorting | steekpartij | schietpartij | aanrijding | frontaal
        | (losse?|hangende?|loshangende?|blote?) (stroom|hoogspannings)\w* | onder stroom | overstro(om|mi)\w*
        | dijk\w*doorbraak | giftig\w* | vergiftig\w*
    """,
    Signal.SELF_HARM: r"""
        zelfmoord\w* | zelfdoding\w* | suicid\w* | (wil|wilde|hoef) niet meer (leven|verder leven) | wil dood | dood wil
        | (einde?|eind) aan (mijn|m n) leven | maak er een einde? aan | leven (heeft|is) geen zin meer
    """,
    Signal.THREAT: r"""
        (maak|sla|schiet|steek|trap) (ik )?(je|jou|jullie|u|hem|haar|hen|ze) (allemaal )?(dood|af|neer|overhoop)
        | doodmaken | doodschieten | doodsteken | (je|jou|jullie|u|hem|haar|hen|ze) (allemaal )?afmaken
        | kogels? door | vermoord\w*
        | (jullie|je|jij|u) ga(at|an)? eraan | ga(at|an)? (jullie|je|jij|u) eraan
        | weet (waar|wel waar) (je|jij|u|jullie) (woont|wonen|werkt|werken) | sta voor je deur
        | kom (ik )?(je|jullie) halen
        | (steek|stoken?) .{0,30} in de fik | in brand steken | bom(melding)? (leggen|plaatsen|op|onder)
        | (wie|wat) niet horen wil moet (maar )?voelen
    """,
    Signal.PRESS: r"""
        journaliste?\w* | verslagge(ver|efster)\w* | redactie | (hoofd|eind|nieuws)redact\w* | persvra\w*
        | (pers|gemeente)?woordvoer\w* | wederhoor | (van|voor) (de )?(krant|omroep|radio|nos|rtl|nu nl)
    """,
}
"""What people write, as words without capitals, accents and signs; whole words, unless they end in `\\w*`."""
_PRESS_NAMES = re.compile(
    r"\b(?:redactie|nieuws|omroep\w*|journaal|dagblad|courant|verslaggever|journalist\w*|persbureau)\b"
)
"""Words in the name or handle of an author who is the press."""
_HASHTAG = re.compile(r"[#＃]\w+")
"""A hashtag names what a post is about; it does not say that there is danger here."""


def signals_of(text: str, names: Iterable[str] = (), own: Collection[str] = ()) -> list[str]:
    """Return the signals in a post, from its text, the names of its author, and the team's own words.

    An own word that ends in `*` stands for all words that begin with it. Each is returned as it is stored.
    """
    words, shown = _between_spaces(text), _HASHTAG.sub(" ", text)
    without_subjects = words if shown == text else _between_spaces(shown)
    looked_through = {Signal.DANGER: without_subjects}
    found = {signal for signal, said in _patterns().items() if said.search(looked_through.get(signal, words))}
    if _PRESS_NAMES.search(" ".join(folded(" ".join(names)))):
        found.add(Signal.PRESS)
    return [*sorted(found, key=_IN_ORDER.__getitem__), *(f"{OWN}{word}" for word in own if _says(words, word))]


def still_said(signals: Iterable[str], text: str) -> list[str]:
    """Return these signals without the team's own words that the text does not say."""
    words = _between_spaces(text)
    return [each for each in signals if not each.startswith(OWN) or _says(words, each.removeprefix(OWN))]


def rank_of(signals: Collection[str], *, private: bool) -> Rank:
    """Return the rank of a post with these signals; of a private one too, which no passer-by can answer."""
    if any(signal.startswith(FIRST) for signal in signals):
        return Rank.FIRST
    return Rank.SOON if signals or private else Rank.LATER


_IN_ORDER = {signal: place for place, signal in enumerate(Signal)}


@cache
def _patterns() -> Mapping[Signal, re.Pattern[str]]:
    """Return what finds each signal in words between spaces: to look for a space is a third of the work of `\\b`."""
    return {signal: re.compile(f" (?:{_compact(said)}) ") for signal, said in _SAID.items()}


def _compact(said: str) -> str:
    """Return a pattern without its layout, and without groups to be remembered; a space between two words stays."""
    parts = re.split(r"\s\|\s|\n\s*\|\s", said)
    return "|".join(" ".join(part.split()) for part in parts).replace("(", "(?:")


def _between_spaces(text: str) -> str:
    """Return the words of a text, each with a space before and after it."""
    return f" {' '.join(folded(text))} "


def _says(words: str, own: str) -> bool:
    asked = " ".join(folded(own))
    end = "" if own.rstrip().endswith("*") else r"\b"
    return bool(asked) and re.search(rf"\b{re.escape(asked)}{end}", words) is not None
