"""The choice of a case's topic among those of the team."""

from collections.abc import Sequence

from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import Block, field_of, option

TOPIC = "case:topic"
NONE = "none"
IS = "is:"
"""The prefix of a topic in an option's value, so that no topic can equal NONE."""
_SHOWN = "topic:"
"""The prefix of the id of a block that remembers the option that a modal opened with."""


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
    """Return the menu as a field of a modal, or no field without topics; `chosen_topic` reads it.

    Let the modal remember what it opened with (`shows_topic`): the topic is a choice only when it differs from that.
    """
    picker = topic_picker(file, topics, t)
    return [field_of(t("Topic"), TOPIC, picker, optional=True)] if picker else []


def shows_topic(block: Block, opened_with: str) -> None:
    """Let a modal remember the option that it opened with, in the id of this block, as `shows` of views/modals.py."""
    block["block_id"] = _SHOWN + opened_with


def opened_with(view: Block) -> str:
    """Return the option of the topic that a modal opened with; "" for one of an earlier version, which does not say."""
    ids = (str(block.get("block_id", "")) for block in view.get("blocks", []))
    return next((each.removeprefix(_SHOWN) for each in ids if each.startswith(_SHOWN)), "")


def chosen_topic(value: str | None, opened_with: str, now: str | None) -> str:
    """Return the option that was chosen for the topic; "" when none was, or the case has that topic by now.

    What a field shows as it did when the modal opened is no choice: a colleague may have set another topic meanwhile.
    """
    return value if value and value not in {opened_with, option_of(now)} else ""


def option_of(topic: str | None) -> str:
    """Return the value of the option of a topic."""
    return NONE if topic is None else IS + topic


def topic_of(value: str) -> str | None:
    """Return the topic of an option's value."""
    return value.removeprefix(IS) if value.startswith(IS) else None
