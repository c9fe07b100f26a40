"""Which texts are alike: the same words, or nearly the same, as people write them who copy or see the same thing.

A text is compared by the stems of its words, without those that every text has. It is compared only with texts that
have one of its rare stems, at most so many of them, so that a text costs the same whatever came before.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Generic, TypeVar

import snowballstemmer
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import token_set_ratio

from bot.domain.words import folded

ALIKE = 80.0
"""The score from which two texts are alike. Of Dutch posts, repeats scored 86 and more, others 61 and less."""
SAID = 70.0
"""The score from which a text says some words. Dutch answers scored 79 and more when changed, others 58 and less."""
WITHIN = timedelta(hours=48)
"""How long after the first text others can be alike to it: two days later it is about something else."""
FEWEST = 3
"""Fewer stems say too little: "Wanneer?" is no subject. Two texts also share so many at least."""
WORDS = 6
"""So many words with two stems say enough for those who write just the same: "Kan ik nog over de Vaart heen?"."""
MOST = 40
"""Stems of a longer text that are compared."""
SPELLED = 4
"""In so many letters of a word one may be corrected; shorter words are other words then, as "een" and "geen"."""
CORRECTED = 20
"""So many words at most are corrected; who changes more says something else. Each is held against all others."""
RARE = 4
"""Under so many of its stems a text is found: those that the fewest others have."""
COMMON = 64
"""A stem by which so many texts are found already finds no more: it no longer tells them apart."""
COMPARED = 48
"""With so many texts one is compared at most, those with its rarest stems first."""

LEFT_OUT = re.compile(r"https?://\S+|www\.\S+|(?<!\w)@[\w.@-]+")
"""Addresses, and the names of those who are addressed: copies differ in them."""
STOP_WORDS = frozenset(
    """
    aan al alle alleen allemaal alles als altijd andere anders ben bent bij daar daarom dan dat de deze die dit doe doen
    door dus echt een eens eigenlijk en enkele er ergens even ga gaan gaat geen gewoon goed graag had hadden heb hebben
    hebt heeft heel hem hen het hier hij hoe hun iemand iets ik in is ja je jij jou jouw jullie kan kon kunnen kunt maar
    mag me mee meer men met mij mijn moet moeten mogen na naar net niemand niet niets nog nou nu of om omdat onder ons
    onze ook op over pas snel te tegen toch toen tot u uit uw van vanaf veel via vind voor waar waarom wanneer want
    waren was wat we weer wel welke werd wie wij wil worden wordt zal ze zeer zei zelf zich zij zijn zo zonder zou
    zouden
    """.split()
)
"""Words that every text has, as `folded` returns them."""


@dataclass(frozen=True)
class Said:
    """What is compared of a text: `key` is the same for the same words, `stems` are its different stems, sorted."""

    key: str
    stems: tuple[str, ...]

    def likeness(self, other: "Said") -> float:
        """Return how alike two texts are, from 0 to 100; the order is of no importance."""
        if self.key == other.key:
            return 100.0
        if len({*self.stems} & {*other.stems}) < FEWEST:
            return 0.0
        return token_set_ratio(" ".join(self.stems), " ".join(other.stems))


def said(text: str) -> Said | None:
    """Return what is compared of a text; None when it says too little to be about a subject.

    One with fewer stems than `FEWEST` is alike only to the same words.
    """
    words = folded(LEFT_OUT.sub(" ", text))
    stems = dict.fromkeys(word if word.isdecimal() else _stem(word) for word in words if word not in STOP_WORDS)
    if len(stems) < (FEWEST if len(words) < WORDS else FEWEST - 1):
        return None
    return Said(blake2b(" ".join(words).encode(), digest_size=16).hexdigest(), tuple(sorted([*stems][:MOST])))


def is_said(words: str, text: str) -> bool:
    """Tell whether a text says these words already, also if they were changed a little."""
    return bool(text) and token_set_ratio(" ".join(folded(words)), " ".join(folded(text))) >= SAID


def is_respelled(before: str, after: str) -> bool:
    """Tell whether a text only spells words of another differently, or leaves some out: it says nothing more."""
    old, new = Counter(folded(before)), Counter(folded(after))
    left, added = list((old - new).elements()), list((new - old).elements())
    if len(added) > CORRECTED:
        return False
    for word in added:
        meant = next((each for each in left if _is_spelling_of(each, word)), None)
        if meant is None:
            return False
        left.remove(meant)
    return True


def _is_spelling_of(word: str, other: str) -> bool:
    if not (word.isalpha() and other.isalpha()):
        return False
    return OSA.distance(word, other) <= min(len(word), len(other)) // SPELLED


T = TypeVar("T")


class Index(Generic[T]):
    """Texts by their words and by their rare stems, each with what it stands for."""

    def __init__(self) -> None:
        self._same: dict[str, T] = {}
        self._found_by: dict[str, list[tuple[Said, T]]] = {}

    def put(self, text: Said, stands_for: T, stems: Iterable[str] = ()) -> None:
        """Put a text under these stems, which are already chosen; of the same words the first stays."""
        self._same.setdefault(text.key, stands_for)
        for stem in stems:
            self._found_by.setdefault(stem, []).append((text, stands_for))

    def add(self, text: Said, stands_for: T) -> list[str]:
        """Put a new text under its rarest stems; returns these."""
        stems = [stem for stem in self._rarest(text) if len(self._found_by.get(stem, ())) < COMMON][:RARE]
        self.put(text, stands_for, stems)
        return stems

    def find(self, text: Said) -> T | None:
        """Return what the text stands for that is most alike, the first of several; None when none is alike."""
        if text.key in self._same:
            return self._same[text.key]
        others = dict.fromkeys(each for stem in self._rarest(text) for each in self._found_by.get(stem, ()))
        best, score = None, 0.0
        for other, stands_for in [*others][:COMPARED]:
            likeness = text.likeness(other)
            if likeness >= ALIKE and likeness > score:
                best, score = stands_for, likeness
        return best

    def _rarest(self, text: Said) -> list[str]:
        """Return the stems of a text, those that find the fewest others first; of equals the longest."""
        return sorted(text.stems, key=lambda stem: (len(self._found_by.get(stem, ())), -len(stem), stem))


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    stem: str = _stemmer().stemWord(word)
    return stem


@cache
def _stemmer() -> "snowballstemmer.DutchStemmer":
    """Return the stemmer of Dutch (https://snowballstem.org/algorithms/dutch/stemmer.html)."""
    return snowballstemmer.stemmer("dutch")
