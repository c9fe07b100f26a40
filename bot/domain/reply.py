"""What becomes of an agent's words before they are published."""

import re
import unicodedata
from dataclasses import dataclass

INITIALS = re.compile(r"[A-Z]{1,4}")


@dataclass(frozen=True)
class Composed:
    """What would be published for what has been typed so far, and its length as the platform counts it."""

    text: str
    length: int
    limit: int | None
    private: bool

    @property
    def left(self) -> int | None:
        """How much more fits: negative when it is too long, None when the platform sets no limit."""
        return None if self.limit is None else self.limit - self.length


def initials_of(name: str) -> str:
    """Propose initials (A-Z) for a name: `Sanne de Boer` gives SB; small words between and accents do not count."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = [w for w in re.split(r"[\s\-.]+", plain) if re.match("[A-Za-z]", w)]
    chosen = [w for w in words if w[0].isupper()] or words
    return "".join(w[0] for w in (chosen if len(chosen) <= 3 else [chosen[0], *chosen[-2:]])).upper()


def signed(draft: str, initials: str) -> str:
    """Return the draft with ` ^XX` at its end, once: an agent who typed it already does not get it doubled."""
    body = re.sub(rf"(?:\s*\^\s*{re.escape(initials)})+\s*$", "", draft.strip(), flags=re.IGNORECASE)
    return f"{body.rstrip()} ^{initials}" if body.strip() else ""


def filled_in(snippet: str, *, name: str, agent: str) -> str:
    """Return a canned text with the first names of the citizen ({name}) and of the agent ({agent}) in their places."""
    words = {"{name}": name, "{agent}": agent}
    return re.sub(r"\{name\}|\{agent\}", lambda found: (words[found[0]].split() or [""])[0], snippet)


def has_words(text: str, typed: str) -> bool:
    """Tell whether all words that were typed occur in a text, in any order and however they are written."""
    there = _plain(text)
    return all(word in there for word in _plain(typed).split())


def _plain(text: str) -> str:
    """Return a text without capitals and accents, to compare it."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
