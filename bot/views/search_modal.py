"""The search: its field on the Home, and the modal with its filters and results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from bot.domain.case import OPEN, Status
from bot.texts import Texts
from bot.views.block import Block, View, button, field_of, modal, option, plain
from bot.views.case_state import OFF_OUR_DESK

MAX_WORDS = 100
"""The most characters of a search."""
DAYS = (7, 31, 365)
ALL = "all"
"""The first choice of a menu, which leaves its filter open."""
OPEN_STATUS = "open"
"""The first choice of the field "Status": all that waits for us, and what was answered while that has not arrived."""
STATUSES: Mapping[str, frozenset[Status]] = {
    OPEN_STATUS: OPEN,
    **{str(status): frozenset({status}) for status in OFF_OUR_DESK},
}
"""What the field "Status" offers, with the statuses in which that is."""


SEARCH = "search"
"""The beginning of the value of a button about what a search found."""


@dataclass(frozen=True)
class Sought:
    """What somebody searches for, and which page; "" and 0 leave a filter open, `status` is one of STATUSES."""

    words: str = ""
    platform: str = ""
    days: int = 0
    status: str = ""
    page: int = 0

    def to_text(self) -> str:
        """Return it as the value of a button; it begins with a letter, so it cannot be taken for an id."""
        return f"{SEARCH}|{self.page}:{self.days}:{self.status}:{self.platform}|{self.words}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read the value of a button of any age; what we no longer know is left out."""
        _, filters, words, *_ = [*text.split("|", 2), "", ""]
        page, days, status, platform, *_ = [*filters.split(":", 3), "", "", "", ""]
        return cls(words, platform, _number(days), status if status in STATUSES else "", _number(page))


def _number(text: str) -> int:
    return int(text[:9]) if text[:9].isdecimal() else 0


def search_field(t: Texts) -> Block:
    """Return the field on the Home: Enter opens the modal with the results."""
    element = _words(t) | {"dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}}
    return field_of(t("Search cases"), "search:words", element, optional=True) | {"dispatch_action": True}


def filter_button(words: str, t: Texts) -> Block:
    """Return the button under a list of results that opens the modal with the same words."""
    return button(t("Filter…"), "search:open", words)


def search_modal(
    sought: Sought,
    platforms: Sequence[tuple[str, str]],
    t: Texts,
    found: View | None = None,
    *,
    team_id: int | None = None,
) -> Block:
    """Return the modal; `platforms` are names and titles, `found` is the list of results, None before a search.

    `team_id` is the only team in which it searches, which it remembers; None for all teams of its reader.
    """
    periods = [(str(days), _period(days, t)) for days in DAYS]
    statuses = [(OPEN_STATUS, t("waiting")), *((str(status), t(words)) for status, words in OFF_OUR_DESK.items())]
    words = _words(t) | ({"initial_value": sought.words} if sought.words else {})
    blocks = [
        field_of(
            t("Words"),
            "search_words",
            words,
            hint=t(
                "A case number, a name, or words of the citizen, our answers or notes. The beginning of a word will do."
            ),
        ),
        _choice(t("Period"), "search_period", periods, str(sought.days), t),
        _choice(t("Status"), "search_status", statuses, sought.status, t),
    ]
    if len(platforms) > 1:
        blocks.append(_choice(t("Platform"), "search_platform", platforms, sought.platform, t))
    if found:
        blocks += [{"type": "divider"}, *found.blocks]
    metadata = json.dumps({"team": team_id}) if team_id else ""
    return modal("search", t("Search cases"), blocks, submit=t("Search"), close=t("Close"), metadata=metadata)


def _words(t: Texts) -> Block:
    placeholder = plain(t("for example: passport"), 150)
    return {"type": "plain_text_input", "max_length": MAX_WORDS, "placeholder": placeholder}


def _choice(label: str, block_id: str, choices: Sequence[tuple[str, str]], chosen: str, t: Texts) -> Block:
    """Return a menu whose first choice leaves the filter open."""
    options = [option(t("all"), ALL), *(option(title, name) for name, title in choices[:99])]
    initial = next((each for each in options if each["value"] == chosen), options[0])
    return field_of(label, block_id, {"type": "static_select", "options": options, "initial_option": initial})


def _period(days: int, t: Texts) -> str:
    return t("the last {n} days", n=days)
