"""Words as search sees them: without capitals, accents and signs, so that "Yilmaz" finds Yılmaz."""

import re
import unicodedata
from collections.abc import Iterable

MAX_LETTERS = 40
"""Longer words are cut, in the index and in a search."""
MAX_WORDS = 5_000
"""Different words stored of one case: with MAX_LETTERS they stay under the 1 MB that PostgreSQL takes for one row."""
MAX_ASKED = 8
"""The most words of a search; the rest is left out."""
ALIKE = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t"}
)
"""Letters that Unicode does not decompose, as people without them on the keyboard type them."""
WORD = re.compile(r"[^\W_]+")
OF_ASCII = str.maketrans({each: each.lower() if each.isalnum() else " " for each in map(chr, range(128))})
"""Makes words between spaces of a text in ASCII, at once: every post is folded several times."""
NUMBERED = re.compile(r"(?:zaak|case)?\s*#?\s*([0-9]{1,9})", re.IGNORECASE)
"""The number of a case, alone or as the bot writes it in each of its languages."""
BETWEEN = re.compile(r"[\s\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
"""What parts words that are typed or pasted: any kind of space, and signs that nobody sees."""
QUOTES = "\"'“”„‟«»‘’‚‛‹›"
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


def folded(text: str) -> list[str]:
    """Return the words of a text as search sees them."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text).casefold()
        text = "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(ALIKE)
    words = text.translate(OF_ASCII).split() if text.isascii() else WORD.findall(text.casefold())
    return [word[:MAX_LETTERS] for word in words]


def typed(text: str) -> list[str]:
    """Return the words of a command, without quotes around them; what was pasted has other spaces than a keyboard.

    Quotes around nothing are a word: of a command with something behind it, something was asked.
    """
    return [each.strip(QUOTES) or each for each in BETWEEN.split(text) if each]


def is_made_of(text: str, known: Iterable[str]) -> bool:
    """Tell whether a text is these known texts, in any order, and nothing else; signs and capitals do not count."""
    rest = f" {' '.join(folded(text))} "
    for words in sorted((" ".join(folded(each)) for each in known), key=len, reverse=True):
        rest = rest.replace(f" {words} ", " ") if words else rest
    return not rest.strip()


def words_of(texts: Iterable[str]) -> str:
    """Return the different words of texts, sorted, so that the order of the texts does not matter."""
    words = {word for text in texts for word in folded(text)}
    return " ".join(sorted(words)[:MAX_WORDS])


def names_of(name: str, handle: str) -> str:
    """Return the words of a name and a handle; "JanJansen" is also jan and jansen."""
    return words_of((name, handle, CAMEL.sub(" ", handle)))


def asked_number(text: str) -> int | None:
    """Return the number of a case that a search asks for: Zaak 231, #231 or 231; None if it asks for words."""
    asked = NUMBERED.fullmatch(" ".join(typed(text)))
    return int(asked[1]) if asked else None


def asked_words(text: str) -> list[str]:
    """Return the words that a search asks for, each once."""
    return list(dict.fromkeys(folded(text)))[:MAX_ASKED]
