"""A citizen's post and its author, in the same form for all platforms."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bot.domain.text import Text, text


class Act(StrEnum):
    """What we may do with a post; a platform may allow different acts for each post."""

    ANSWER = "answer"
    ANSWER_PRIVATELY = "answer_privately"
    HIDE = "hide"
    SHOW = "show"
    """Undo a HIDE."""
    LIKE = "like"
    UNLIKE = "unlike"
    DELETE = "delete"
    """Remove a post of our own."""


ANSWERS = frozenset({Act.ANSWER, Act.ANSWER_PRIVATELY})
OPPOSITES = {Act.HIDE: Act.SHOW, Act.SHOW: Act.HIDE, Act.LIKE: Act.UNLIKE, Act.UNLIKE: Act.LIKE}
"""Each act and its opposite. An answer or the removal of a post cannot be undone."""


def alike(act: Act) -> frozenset[Act]:
    """Return an act and its opposite; the last of these that is done determines the state of the post."""
    return frozenset({act, OPPOSITES.get(act, act)})


@dataclass(frozen=True)
class Permit:
    """An act that a platform allows on a post, until a moment (None: for ever); `once`: not a second time."""

    act: Act
    until: datetime | None = None
    once: bool = False

    def holds(self, now: datetime) -> bool:
        """Tell whether the permit still holds."""
        return self.until is None or now < self.until


def permits(*acts: Act, until: datetime | None = None) -> frozenset[Permit]:
    """Return permits for these acts, all until the same moment."""
    return frozenset(Permit(act, until) for act in acts)


def permits_to_json(given: frozenset[Permit]) -> list[Any]:
    """Return permits as JSON: for each the name of the act, or an object with the act and its limits."""
    return [
        _permit_to_json(p) for p in sorted(given, key=lambda p: (p.act, p.until.isoformat() if p.until else "", p.once))
    ]


def _permit_to_json(permit: Permit) -> Any:
    limits = {
        **({"until": permit.until.isoformat()} if permit.until else {}),
        **({"once": True} if permit.once else {}),
    }
    return {"act": permit.act.value, **limits} if limits else permit.act.value


_ACTS = frozenset(Act)


def permits_from_json(stored: Sequence[Any]) -> frozenset[Permit]:
    """Return permits from the JSON of `permits_to_json`, without acts that this version does not know."""
    permits = set()
    for each in stored:
        given = each if isinstance(each, dict) else {"act": each}
        if given["act"] in _ACTS:
            until = datetime.fromisoformat(given["until"]) if given.get("until") else None
            permits.add(Permit(Act(given["act"]), until, bool(given.get("once"))))
    return frozenset(permits)


class PostKind(StrEnum):
    """The kind of a post."""

    POST = "post"
    REPLY = "reply"
    MESSAGE = "message"
    """A message in a private conversation."""
    REVIEW = "review"


class Gone(StrEnum):
    """Why a post can no longer be read. BY_AUTHOR needs proof; a refused key or a 403 is no proof."""

    BY_AUTHOR = "by_author"
    REMOVED = "removed"
    """It was removed, and the platform does not say by whom."""
    HIDDEN = "hidden"
    """The platform or its moderators hid or removed it."""
    UNREACHABLE = "unreachable"
    """We cannot see it, and do not know why."""


FOR_GOOD = frozenset({Gone.BY_AUTHOR, Gone.REMOVED})
"""A removed post does not come back: a version that comes in later is older. Its words are deleted some days later."""


class Caution(StrEnum):
    """A warning that a platform or an author put on a post or its author, so that nobody sees it unprepared."""

    SENSITIVE = "sensitive"
    ADULT = "adult"
    NUDITY = "nudity"
    GRAPHIC = "graphic"
    SELF_HARM = "self_harm"
    THREAT = "threat"
    HATEFUL = "hateful"
    RUDE = "rude"
    MISLEADING = "misleading"
    SCAM = "scam"
    SPAM = "spam"
    UNFIT = "unfit"
    """It must not be shown."""


class Arrived(StrEnum):
    """How far our message came on its way to the citizen, in order of time."""

    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """A platform's report about a message that we sent; the id is the one in `Sent`. `reason`: why it failed.

    `key` is that of the draft, where the platform returns it: it proves that the message was taken, even if we never
    got the answer to our request. So does an id that we choose ourselves (`Platform.reply_id`).
    `arrived` is None when the report says no more than that.
    """

    external_id: str
    arrived: Arrived | None
    at: datetime
    reason: Text | None = None
    key: str = ""


@dataclass(frozen=True)
class Author:
    """Who wrote a post, with the platform's names for them; `external_id` never changes, the rest may."""

    external_id: str
    name: str
    handle: str = ""
    url: str = ""


@dataclass(frozen=True)
class Media:
    """A picture, film or sound with a post; `alt` is the author's description."""

    url: str
    kind: str = "image"
    alt: str = ""


@dataclass(frozen=True)
class Quote:
    """An earlier post that this one answers or quotes, shown as context."""

    author: str
    text: str
    url: str = ""


OWN_ID = "own_id"
"""The key in the `place` of a post for an id that no other post has, where `external_id` may be used twice."""
ALSO_TO = "also_to"
"""The key in the `place` of a private post for how many others got it too."""
LEFT_OUT = "left_out"
"""The key in the `place` of a post for what its text leaves out that may be the author's own words."""


def own_id_of(place: Mapping[str, Any] | None) -> str:
    """Return the id that only this post has; "" where the platform's own ids are used once."""
    return str((place or {}).get(OWN_ID, ""))


def left_out_of(place: Mapping[str, Any] | None) -> str:
    """Return what the text of a post leaves out, because it looks like a quotation or a signature, but may be none."""
    return str((place or {}).get(LEFT_OUT, ""))


def also_to(place: Mapping[str, Any] | None) -> int:
    """Return how many others got a private post too, as far as its platform says so."""
    return int((place or {}).get(ALSO_TO, 0))


@dataclass(frozen=True)
class Post:
    """A citizen's post, normalised. Ids are opaque text; times are aware UTC; `text` is plain text, never HTML.

    `conversation` is the platform's key for the whole exchange, if it has one. `in_reply_to` is the id of the answered
    post, `ancestors` those of posts further up, as far as they are known. `gone`: the post can no longer be read, and
    the other fields may be empty. `hidden`: it is hidden below our post, as an act of ours would do it; None when the
    platform does not say. `media` is None in an edit that does not say what else is in the post: that stays. `cautions`
    are the warnings on it or its author. `rating` is the number of stars of a review. `place` is the connector's own
    JSON about the post; the draft of a reply contains it too. Its keys OWN_ID, ALSO_TO and LEFT_OUT are for all.
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
    media: tuple[Media, ...] | None = ()
    permits: frozenset[Permit] = frozenset()
    edited_at: datetime | None = None
    gone: Gone | None = None
    hidden: bool | None = None
    kind: PostKind = PostKind.POST
    cautions: tuple[Caution, ...] = ()
    rating: int | None = None
    place: Mapping[str, Any] | None = None
    ancestors: tuple[str, ...] = ()

    def above(self) -> tuple[str, ...]:
        """Return the ids of the posts that it answers, directly or further up."""
        return (*([self.in_reply_to] if self.in_reply_to else []), *self.ancestors)

    def may_be_answered(self) -> bool:
        """Tell whether the platform allows any kind of answer, perhaps for a limited time."""
        return any(permit.act in ANSWERS for permit in self.permits)

    @property
    def whole_text(self) -> str:
        """The text, with what it leaves out."""
        return f"{self.text}\n{left_out_of(self.place)}"


@dataclass(frozen=True)
class Seen:
    """What somebody saw of a citizen's words: the mention that came in last, and a sign of what edits made of them.

    The sign is only compared with another; it is "" while no edit changed a word. `answer` is the newest answer of ours
    that the citizen could read, 0 without one; only who closes a case has to have seen it.
    """

    newest: int
    edits: str = ""
    answer: int = 0

    def to_text(self) -> str:
        """Return it as part of a value in Slack."""
        answer = str(self.answer) if self.answer else ""
        return f"{self.newest}:{self.edits}:{answer}".rstrip(":")

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read it from a value in Slack."""
        newest, _, more = text.partition(":")
        edits, _, answer = more.partition(":")
        return cls(int(newest), edits, int(answer or 0))


WROTE_AGAIN = text("The citizen wrote again or edited a post meanwhile. Read that first: what you filled in is kept.")

THANK_YOU = frozenset("dank bedankt dankjewel dankuwel dankje dankju merci thanks thank thx ty".split())
"""Words that thank; one of them makes the words around it thanks too."""
APPROVAL = frozenset(
    """top toppie toppers super fijn mooi prima ok oke okay duidelijk helder perfect geweldig tof great
    gelukt""".split()
)
"""Words of approval, which need no answer either: "Prima!", "Helemaal duidelijk"."""
WITH_APPROVAL = frozenset(
    """heel erg hartstikke helemaal zo dan en alvast goed groetjes groet groeten fijne dag avond weekend nog tot ziens
    mvg webcare team""".split()
)
"""Words that may stand beside approval. Others make it sarcasm: "Fijn voor jou", "Super hulp", "Mooi is dat"."""
WITH_THANKS = frozenset(
    """dankzij you vriendelijk hartelijk veel voor de het snelle reactie antwoord bericht hulp info informatie uitleg
    moeite jullie u uw je jou jouw wel een very much so for your the quick reply help answer good nice
    hoor is dat weer""".split()
)
"""Words that may stand beside thanks too: "Bedankt voor uw bericht"."""
KIND_SYMBOLS = frozenset("👍🙏❤♥😊🙂😀😃😄😁☺😘🥰👏💪🎉💐🌷🌹💙💚💛🧡💜")
SIGNS = frozenset(".,!-–:;)'’\"@#&+*_~^")
"""Signs that do not change the meaning of thanks; ( and / are not among them, because they may be a sad face."""
TRAILS_OFF = re.compile(r"\.\s*\.")
"""Thanks that trail off ("Bedankt hoor...") are seldom meant; that is also why the sign … is not in SIGNS."""


def is_mere_thanks(text: str) -> bool:
    """Tell whether a post only says thank you (or "ok") and needs no answer.

    It is strict on purpose: any unknown word, sign or symbol makes it a normal post.
    """
    if not all(_is_letter_or_kind(c) for c in text) or TRAILS_OFF.search(text):
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
    if len(words) > 12:
        return False
    if any(word in THANK_YOU for word in words):
        return all(word in THANK_YOU | APPROVAL | WITH_APPROVAL | WITH_THANKS for word in words)
    return any(word in APPROVAL for word in words) and all(word in APPROVAL | WITH_APPROVAL for word in words)


def _is_letter_or_kind(char: str) -> bool:
    invisible = unicodedata.category(char)[0] == "M" or unicodedata.category(char) in {"Cf", "Sk"}
    return char.isalnum() or char.isspace() or invisible or char in SIGNS or char in KIND_SYMBOLS
