"""The choice of a case's topic among those of the team."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import Block, field_of, option

TOPIC = "case:topic"
NONE = "none"
IS = "is:"
"""The prefix of a topic in an option's value, so that no topic can equal NONE."""


def topic_picker(file: CaseFile, topics: Sequence[str], t: Texts, *, value: str = "") -> Block | None:
    """Return the menu of the team's topics, with the current one chosen; None when there are no topics.

    `value` is the option to choose instead of the case's own topic.
    """
    chosen = topic_of(value) if value else file.case.topic
    offered = [*topics, chosen] if chosen and chosen not in topics else [*topics]  # no longer in the team's list
    if not offered:
        return None
    options = [option(t("no topic"), NONE), *(option(topic, IS + topic) for topic in offered)]
    initial = options[offered.index(chosen) + 1] if chosen else options[0]
    return {"type": "static_select", "action_id": TOPIC, "options": options, "initial_option": initial}


def topic_field(file: CaseFile, topics: Sequence[str], t: Texts) -> list[Block]:
    """Return the menu as a field of a modal, or no field without topics; `chosen_topic` reads it."""
    picker = topic_picker(file, topics, t)
    return [field_of(t("Topic"), TOPIC, picker, optional=True)] if picker else []


def chosen_topic(filled: Mapping[str, Any], before: str | None) -> str | None:
    """Return the topic in a modal's fields; `before` when the modal has no topic field."""
    return topic_of(filled[TOPIC] or NONE) if TOPIC in filled else before


def topic_of(value: str) -> str | None:
    """Return the topic of an option's value."""
    return value.removeprefix(IS) if value.startswith(IS) else None
