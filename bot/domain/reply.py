"""How an agent's text changes before it is published."""

import re
import unicodedata
from dataclasses import dataclass

from bot.domain.alike import STOP_WORDS
from bot.domain.mention import Author
from bot.domain.text import Text

INITIALS = re.compile(r"[A-Z]{1,4}")
GREETING = re.compile(r"[^,.!?:;\n]{0,80}")
"""How an answer begins, as far as it may be no more than a greeting with a name."""
BLANK = re.compile(r"\{\{([1-9][0-9]?)\}\}")
NOT_FILLED_IN = re.compile(r"[\n\t{}]| {5}")
"""What a value may not contain; the braces also show where nothing was filled in yet."""
UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""The Unicode categories of signs that nobody sees: spaces, control and format characters."""
MAX_TYPED = 3000
"""The longest text that an agent can type: Slack's input takes no more
(https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element)."""


@dataclass(frozen=True)
class Composed:
    """The reply as it would be published, and how many characters still fit: negative when it is too long.

    `problem` is why the platform may not get it as it is, if so.
    """

    text: str
    left: int
    private: bool
    problem: Text | None = None


@dataclass(frozen=True)
class Template:
    """A text that a platform approved, in one language; {{1}}, {{2}} … in it are filled in each time it is sent."""

    name: str
    language: str
    text: str

    @property
    def title(self) -> str:
        """Its name and language, for people: short enough for a menu of Slack's. Names may differ in their end only."""
        name = self.name if len(self.name) <= 60 else f"{self.name[:39]}…{self.name[-20:]}"
        return f"{name} ({self.language[:10]})"

    def filled_in(self, words: str) -> list[str] | None:
        """Return the values that were filled in to get these words, by number; None when they are not this text.

        Each value is on one line.
        """
        first, *rest = BLANK.split(self.text)
        at, values = len(first), dict[int, str]()
        if not words.startswith(first):
            return None
        for n in range(0, len(rest), 2):
            number, after = int(rest[n]), rest[n + 1]
            end = len(words) - len(after) if n + 2 == len(rest) else words.find(after, at + 1)
            if end <= at or not words.startswith(after, end) or NOT_FILLED_IN.search(words[at:end]):
                return None
            if values.setdefault(number, words[at:end]) != words[at:end]:
                return None
            at = end + len(after)
        return [values[number] for number in sorted(values)] if at == len(words) else None


def initials_of(name: str) -> str:
    """Propose initials (A-Z) for a name, without accents and small words: `Sanne de Boer` gives SB."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = [w for w in re.split(r"[\s\-.]+", plain) if re.match("[A-Za-z]", w)]
    chosen = [w for w in words if w[0].isupper()] or words
    return "".join(w[0] for w in (chosen if len(chosen) <= 3 else [chosen[0], *chosen[-2:]])).upper()


def signed(draft: str, initials: str) -> str:
    """Return the draft with ` ^XX` at its end, unless the agent typed that already; "" if it says nothing else."""
    body = re.sub(rf"(?:\s*\^\s*{re.escape(initials)})+\s*$", "", draft.strip(), flags=re.IGNORECASE)
    return f"{body.rstrip()} ^{initials}" if is_seen(body) else ""


def is_seen(text: str) -> bool:
    """Tell whether people see anything of a text: spaces and signs without a shape they do not."""
    return any(unicodedata.category(sign) not in UNSEEN for sign in text)


def first_name(name: str) -> str:
    """Return the first word of a name; "" when it has none."""
    return (name.split() or [""])[0]


def filled_in(snippet: str, *, name: str, agent: str) -> str:
    """Return a canned text in which {name} and {agent} are the first names of the citizen and the agent.

    For a citizen without a name "Dear {name}," becomes "Dear,".
    """
    words = {"{name}": first_name(name), "{agent}": first_name(agent)}
    text = snippet if words["{name}"] else snippet.replace(" {name}", "")
    return re.sub(r"\{name\}|\{agent\}", lambda match: words[match[0]], text)


def adapted(words: str, before: Author, after: Author) -> str | None:
    """Return an answer to one citizen as an answer to another: with the other's name in the greeting, and their handle.

    None when it still names the first: then it is no text for anybody else.
    """
    told = _renamed(words, before, after.name or after.handle, after.handle)
    theirs = _naming(before.name or before.handle)
    return None if (theirs - _words_of(after.name or after.handle)) & _words_of(told) else told


def _naming(name: str) -> set[str]:
    """Return the words of a name that say who is meant: not an initial, nor the "van de" in a family name."""
    first, *others = _words_in_order(name) or [""]
    telling = {each for each in others if each not in STOP_WORDS}
    if len(first) > 2 or first not in STOP_WORDS:  # "Wil" is a name, too
        telling.add(first)
    return {each for each in telling if len(each) > 1}


def nameless(words: str, to: Author) -> str:
    """Return an answer without the citizen's name in the greeting, and plain: to see whether two say the same."""
    return " ".join(_words_in_order(_renamed(words, to, "", "")))


def _renamed(words: str, before: Author, name: str, handle: str) -> str:
    """Return a text with another name where it greets this citizen, and another handle wherever it has theirs."""
    if before.handle:
        theirs = before.handle.lstrip("@")
        short = re.escape(theirs.partition("@")[0])  # as people write one that names a server
        written = rf"@(?:{re.escape(theirs)}|{short})(?![\w@]|[.-]\w)"
        words = re.sub(written, lambda _: f"@{handle.lstrip('@')}" if handle else name, words)
    called = before.name or before.handle
    first, to_first = first_name(called), first_name(name)
    begins = words.startswith(first) and _plain(first) in STOP_WORDS  # as "In" of "In de Hoek" may begin any sentence
    names = {called: name, **({} if begins else {first: to_first})} if first else {}
    greeting = GREETING.match(words)
    assert greeting is not None  # noqa: S101 - it may be empty
    named = "|".join(re.escape(each) for each in names)
    space = "" if name else " ?"  # without a name "Dear Fatima," becomes "Dear,"
    greeted = rf"{space}(?<!\w)({named})(?!\w)"
    told = re.sub(greeted, lambda match: names[match[1]], greeting[0]) if names else greeting[0]
    return told + words[greeting.end() :]


def _words_of(text: str) -> set[str]:
    return set(_words_in_order(text))


def _words_in_order(text: str) -> list[str]:
    return re.findall(r"\w+", _plain(text))


def has_words(text: str, typed: str) -> bool:
    """Tell whether a text contains all typed words, in any order; capitals and accents do not matter."""
    there = _plain(text)
    return all(word in there for word in _plain(typed).split())


def _plain(text: str) -> str:
    """Return a text without capitals and accents, to compare it."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
