"""What many posts have in common: the words that more authors use now than is usual."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from bot.domain.alike import LEFT_OUT, STOP_WORDS
from bot.domain.words import folded

AUTHORS = 3
"""A word of fewer authors may say who somebody is, so it is not shown."""
TIMES = 3
"""A telling word is used by at least so many times the usual share of authors."""
MOST = 6

_LETTERS = 4
"""Shorter words tell nothing."""


def telling_words(posts: Iterable[tuple[object, str]], earlier: Sequence[str]) -> list[str]:
    """Return the words of posts, given with their authors, that stand out from earlier posts; the most used first."""
    authors, by_word = set[object](), defaultdict[str, set[object]](set)
    for author, text in posts:
        authors.add(author)
        for word in _words(text):
            by_word[word].add(author)
    usual = Counter(word for text in earlier for word in _words(text))
    gain = dict[str, float]()
    for word, theirs in by_word.items():
        share, before = len(theirs) / len(authors), usual[word] / max(len(earlier), 1)
        if len(theirs) >= AUTHORS and share >= TIMES * before:
            gain[word] = share - before
    return sorted(gain, key=lambda word: (-gain[word], word))[:MOST]


def _words(text: str) -> set[str]:
    """Return the words of a text, without addresses, the names of accounts, and numbers."""
    words = folded(LEFT_OUT.sub(" ", text))
    return {word for word in words if len(word) >= _LETTERS and word.isalpha() and word not in STOP_WORDS}
