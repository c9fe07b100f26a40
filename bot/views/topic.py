"""The choice of what a case is about, of the team's own topics."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import Block, field_of, option

TOPIC = "case:topic"
NONE = "none"
IS = "is:"
"""Before the topic in an option's value, so that a topic may be called anything."""


def topic_picker(file: CaseFile, topics: Sequence[str], t: Texts) -> Block | None:
    """Return the choice among the team's topics, with what is chosen now; None when there is nothing to choose."""
    chosen = file.case.topic
    offered = [*topics, chosen] if chosen and chosen not in topics else [*topics]  # it was taken off the list since
    if not offered:
        return None
    options = [option(t("no topic"), NONE), *(option(topic, IS + topic) for topic in offered)]
    initial = options[offered.index(chosen) + 1] if chosen else options[0]
    return {"type": "static_select", "action_id": TOPIC, "options": options, "initial_option": initial}


def topic_field(file: CaseFile, topics: Sequence[str], t: Texts) -> list[Block]:
    """Return the choice as a field of a modal, or nothing; `chosen_topic` reads it."""
    picker = topic_picker(file, topics, t)
    return [field_of(t("Topic"), TOPIC, picker, optional=True)] if picker else []


def chosen_topic(filled: Mapping[str, Any], before: str | None) -> str | None:
    """Return the topic that a modal's fields hold; `before` when they do not ask for it."""
    return topic_of(filled[TOPIC] or NONE) if TOPIC in filled else before


def topic_of(value: str) -> str | None:
    """Return the topic that an option stands for."""
    return value.removeprefix(IS) if value.startswith(IS) else None
