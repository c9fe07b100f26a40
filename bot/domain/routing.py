"""Which team a new mention is for: that of the first rule that matches, else the team of the account."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.words import folded


class Visibility(StrEnum):
    """Who can read the mention."""

    PUBLIC = "public"
    PRIVATE = "private"


class WorkingTime(StrEnum):
    """Whether the team of the account is open."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Rule:
    """A rule: a mention that meets all its conditions goes to `team`; an empty condition is met by every mention.

    `words` holds words or whole phrases, one of which must occur. `languages` are codes such as `nl`; a language that a
    post does not declare is not guessed. `key` stays the same when the rule is changed or moved.
    """

    key: str
    team: int
    accounts: Sequence[int] = ()
    platforms: Sequence[str] = ()
    languages: Sequence[str] = ()
    words: Sequence[str] = ()
    visibility: Visibility | None = None
    time: WorkingTime | None = None

    @property
    def has_conditions(self) -> bool:
        """Whether it has any condition."""
        return bool(self.accounts or self.platforms or self.languages or self.words or self.visibility or self.time)

    @property
    def stand(self) -> str:
        """A short hash of all that it says, by which we see whether it was changed."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    def only_about(self, known: Collection[int]) -> "Rule | None":
        """Return the rule without accounts that are not known; None if it was about no other."""
        accounts = tuple(each for each in self.accounts if each in known)
        if len(accounts) == len(self.accounts):
            return self
        return replace(self, accounts=accounts) if accounts else None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read the stored JSON."""
        known = {each.name: stored[each.name] for each in fields(cls) if each.name in stored}
        known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        visibility, time = known.get("visibility"), known.get("time")
        known["visibility"] = Visibility(visibility) if visibility else None
        known["time"] = WorkingTime(time) if time else None
        return cls(**known)


@dataclass(frozen=True)
class Asked:
    """The facts of a mention that the rules look at; `is_open`: the team of its account is open."""

    account: int
    platform: str
    language: str
    private: bool
    is_open: bool
    text: str


class Routing:
    """The rules of an organisation, in order, prepared for many mentions."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, [_phrase(folded(words)) for words in rule.words]) for rule in rules]

    def rule_for(self, asked: Asked) -> Rule | None:
        """Return the first rule that matches, None when none does."""
        said: str | None = None
        for rule, phrases in self._rules:
            if not _meets(rule, asked):
                continue
            if phrases and said is None:
                said = f" {' '.join(folded(asked.text))} "
            if not phrases or any(phrase in (said or "") for phrase in phrases):
                return rule
        return None


def _meets(rule: Rule, asked: Asked) -> bool:
    """Tell whether a mention meets all conditions except the words."""
    language = asked.language.partition("-")[0].lower()
    return (
        (not rule.accounts or asked.account in rule.accounts)
        and (not rule.platforms or asked.platform in rule.platforms)
        and (not rule.languages or language in rule.languages)
        and (rule.visibility is None or (rule.visibility is Visibility.PRIVATE) is asked.private)
        and (rule.time is None or (rule.time is WorkingTime.OPEN) is asked.is_open)
    )


def _phrase(words: Sequence[str]) -> str:
    """Return words between spaces, so that a phrase matches only whole words, in order; no words never match."""
    return f" {' '.join(words)} " if words else "\n"
