"""Which Slack statuses mean that someone is not at work: leave, illness, or do-not-disturb."""

import re
from datetime import datetime

EMOJI = frozenset(
    {
        ":palm_tree:",
        ":desert_island:",
        ":beach_with_umbrella:",
        ":umbrella_on_ground:",
        ":face_with_thermometer:",
        ":face_with_head_bandage:",
    }
)
"""Slack's own emoji for holidays and illness, and similar ones; a house or a bus means that someone works."""
WORDS = re.compile(
    r"\b(\w*vakantie|\w*verlof|vrije dag|ziek|ziekgemeld|afwezig"
    r"|vacation|vacationing|(?:on|annual|parental|sick) leave|out sick|out of (?:the )?office|ooo)\b",
    re.IGNORECASE,
)
BACK = re.compile(r"\b(terug van|back from)\b", re.IGNORECASE)


def status_says_away(emoji: str, words: str, expires: float, now: datetime) -> bool:
    """Tell whether a status means leave or illness; `expires` is in epoch seconds, 0 for never."""
    if 0 < expires <= now.timestamp() or BACK.search(words):
        return False
    return emoji in EMOJI or WORDS.search(words) is not None


def do_not_disturb(start: float, end: float, now: datetime) -> bool:
    """Tell whether do-not-disturb is on, from the next period that Slack gives, in epoch seconds."""
    return start <= now.timestamp() < end
