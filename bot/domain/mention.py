"""What a platform tells about a citizen's post, in our own words."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Allows(StrEnum):
    """What may be done with one particular post; platforms differ per item."""

    ANSWER = "answer"
    ANSWER_PRIVATELY = "answer_privately"


@dataclass(frozen=True)
class Author:
    """Who wrote a post, as the platform names them; `external_id` is theirs for ever, the rest may change."""

    external_id: str
    name: str
    handle: str = ""
    url: str = ""


@dataclass(frozen=True)
class Media:
    """A picture, film or sound with a post; `alt` is the description its author gave."""

    url: str
    kind: str = "image"
    alt: str = ""


@dataclass(frozen=True)
class Quote:
    """An earlier post that this one answers or quotes, to understand it by."""

    author: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Post:
    """A citizen's post, normalised. Ids are opaque text; times are aware UTC; `text` is plain text, never HTML.

    `conversation` is the platform's key for the whole exchange where it has one; `in_reply_to` the id of the post
    answered; `gone` says that its author removed it (all else may then be empty).
    """

    external_id: str
    author: Author
    text: str
    published_at: datetime
    url: str = ""
    conversation: str | None = None
    in_reply_to: str | None = None
    replies_to: Quote | None = None
    private: bool = False
    language: str = ""
    media: tuple[Media, ...] = ()
    allows: frozenset[Allows] = field(default_factory=frozenset)
    edited_at: datetime | None = None
    gone: bool = False


THANKS = frozenset(
    """dank bedankt dankjewel dankuwel dankje dankju dankzij merci thanks thank thx ty you super top toppie
    fijn mooi prima ok oke okay duidelijk helder perfect geweldig tof heel erg hartelijk hartstikke vriendelijk
    veel voor de het snelle reactie antwoord hulp info informatie uitleg moeite jullie u je jou uw wel
    alvast groetjes groet groeten fijne dag avond weekend tot ziens goed zo very much so for your the quick reply
    help answer great good nice webcare team mvg""".split()
)
THANKS_CORE = frozenset(
    """dank bedankt dankjewel dankuwel dankje dankju merci thanks thank thx ty top toppie super fijn prima ok oke okay
    duidelijk helder perfect geweldig tof mooi great""".split()
)
KIND_SYMBOLS = frozenset("👍🙏❤♥😊🙂😀😃😄😁☺😘🥰👏💪🎉💐🌷🌹💙💚💛🧡💜")
SIGNS = frozenset(".,!-–…:;)'’\"@#&+*_~^")
"""Signs that change nothing in a word of thanks; a ( or / may be a sad face."""


def is_mere_thanks(text: str) -> bool:
    """Tell whether a post says thank you (or "ok") and nothing that asks for an answer.

    Strict on purpose: one word, sign or symbol beyond the known ones, and it is a post like any other.
    """
    if not all(_is_letter_or_kind(c) for c in text):
        return False
    words = []
    for word in text.casefold().split():
        if word.startswith("@"):
            continue
        letters = "".join(c for c in unicodedata.normalize("NFKD", word) if c.isalnum())
        if letters:
            words.append(letters)
    if not words:
        return any(c in KIND_SYMBOLS for c in text)
    return len(words) <= 12 and all(w in THANKS for w in words) and any(w in THANKS_CORE for w in words)


def _is_letter_or_kind(char: str) -> bool:
    invisible = unicodedata.category(char)[0] == "M" or unicodedata.category(char) in {"Cf", "Sk"}
    return char.isalnum() or char.isspace() or invisible or char in SIGNS or char in KIND_SYMBOLS
