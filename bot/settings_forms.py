"""How a team's settings are written in the fields of a modal, and read back; what is wrong is told at its field.

What is written reads back the same. Fields are called by their block ids in `bot.views.settings_modals`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bot.domain.sla import Recipient
from bot.domain.text import Text, text
from bot.team_settings import HOLIDAYS, Norm, TeamSettings, minute
from bot.texts import Texts

Filled = Mapping[str, Any]
"""What stands in the fields of a modal, by block id; None or nothing for an empty one."""

MOST_MINUTES = 60 * 24 * 30
INTERVAL = re.compile(r"(\d{1,2}:\d\d)\s*[-–]\s*(\d{1,2}:\d\d)")
WRITTEN_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
DUTCH_DATE = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})")
TOLD: dict[Recipient, Text] = {
    Recipient.OWNER: text("owner"),
    Recipient.THREAD: text("thread"),
    Recipient.COORDINATOR: text("coordinator"),
    Recipient.CHANNEL: text("channel"),
}


class Wrong(Exception):
    """Fields that cannot be read: by block id, what to write instead."""

    def __init__(self, fields: Mapping[str, Text]) -> None:
        self.fields = dict(fields)
        super().__init__(", ".join(fields))


def written(settings: TeamSettings, t: Texts) -> dict[str, Any]:
    """Return what the fields of all forms hold for these settings."""
    filled: dict[str, Any] = {
        "always_open": ["yes"] if settings.always_open else [],
        "holidays_0": [name for name in HOLIDAYS[:6] if name in settings.holidays],
        "holidays_1": [name for name in HOLIDAYS[6:] if name in settings.holidays],
        "closed_days": "\n".join(day.isoformat() for day in sorted(settings.closed_days)),
        "early_closings": "\n".join(f"{day} {at}" for day, at in sorted(settings.early_closings.items())),
        "ladder": "\n".join(
            f"{step.percent} {t(TOLD[step.to])} {step.text}".strip()
            for step in sorted(settings.ladder, key=lambda s: s.percent)
        ),
        "coordinators": list(settings.coordinators),
        "escalation_channel": settings.escalation_channel,
        "claim_reminder": str(settings.claim_reminder),
        "claim_return": str(settings.claim_return),
        "digest_at": settings.digest_at or "",
    }
    for number, day in enumerate(settings.week):
        filled[f"day_{number}"] = ", ".join(f"{start}-{end}" for start, end in day)
    for name, norm in (("norm", settings.norm), ("urgent", settings.urgent), ("private", settings.private)):
        for target in Norm.model_fields:
            filled[f"{name}_{target}"] = str(getattr(norm, target)) if norm else ""
    return filled


def read(form: str, filled: Filled, t: Texts) -> dict[str, Any]:
    """Return the settings that a form sets, as TeamSettings takes them; raises Wrong."""
    changes, wrong = _FORMS[form](_Reader(filled, t))
    if wrong:
        raise Wrong(wrong)
    return changes


class _Reader:
    """Reads one field after another and keeps what is wrong."""

    def __init__(self, filled: Filled, t: Texts) -> None:
        self.filled, self.t = filled, t
        self.wrong: dict[str, Text] = {}

    def read(self, field: str, parse: Callable[[str], Any]) -> Any:
        """Return what `parse` makes of the field; None when it cannot, and why is kept."""
        try:
            return parse(str(self.filled.get(field) or "").strip())
        except _Unreadable as unreadable:
            self.wrong[field] = unreadable.text
            return None

    def lines(self, field: str, parse: Callable[[str], Any]) -> list[Any]:
        """Return what `parse` makes of each line of the field that is not empty."""
        read: list[Any] | None = self.read(
            field, lambda written_lines: [parse(line.strip()) for line in written_lines.splitlines() if line.strip()]
        )
        return read or []


class _Unreadable(Exception):
    def __init__(self, said: Text) -> None:
        self.text = said
        super().__init__(said.message)


_Read = tuple[dict[str, Any], dict[str, Text]]


def _hours(reader: _Reader) -> _Read:
    week = [reader.read(f"day_{number}", _day) for number in range(7)]
    return {"always_open": "yes" in (reader.filled.get("always_open") or []), "week": week}, reader.wrong


def _closed(reader: _Reader) -> _Read:
    days = reader.lines("closed_days", _date)
    early = reader.lines("early_closings", _early)
    ticked = {*(reader.filled.get("holidays_0") or []), *(reader.filled.get("holidays_1") or [])}
    changes = {
        "holidays": [name for name in HOLIDAYS if name in ticked],
        "closed_days": sorted(set(days)),
        "early_closings": dict(early),
    }
    return changes, reader.wrong


def _norms(reader: _Reader) -> _Read:
    changes: dict[str, Any] = {name: _norm(reader, name) for name in ("norm", "urgent")}
    given = any(reader.filled.get(f"private_{target}") for target in Norm.model_fields)
    changes["private"] = _norm(reader, "private") if given else None
    return changes, reader.wrong


def _norm(reader: _Reader, name: str) -> dict[str, Any]:
    return {target: reader.read(f"{name}_{target}", _minutes) for target in Norm.model_fields}


def _reminders(reader: _Reader) -> _Read:
    changes = {
        "ladder": reader.lines("ladder", lambda line: _step(line, reader.t)),
        "coordinators": list(reader.filled.get("coordinators") or []),
        "escalation_channel": reader.filled.get("escalation_channel") or "",
        "claim_reminder": reader.read("claim_reminder", _minutes),
        "claim_return": reader.read("claim_return", _minutes),
        "digest_at": reader.read("digest_at", lambda at: _time(at) if at else None),
    }
    return changes, reader.wrong


_FORMS = {"hours": _hours, "closed": _closed, "norms": _norms, "reminders": _reminders}


def _day(line: str) -> list[tuple[str, str]]:
    intervals = []
    for part in filter(None, (each.strip() for each in re.split(r"[,;]", line))):
        found = INTERVAL.fullmatch(part)
        if found is None or _time(found[1]) in {_time(found[2]), "24:00"}:
            raise _Unreadable(text("Write hours as 09:00-12:00, 13:00-17:00; leave it empty for a closed day."))
        intervals.append((_time(found[1]), _time(found[2])))
    return intervals


def _time(written_time: str) -> str:
    try:
        hours, minutes = divmod(minute(written_time), 60)
    except ValueError:
        raise _Unreadable(text("Write a time as 09:00.")) from None
    return f"{hours:02}:{minutes:02}"


def _date(line: str) -> date:
    found, dutch = WRITTEN_DATE.fullmatch(line), DUTCH_DATE.fullmatch(line)
    try:
        if found:
            return date(*map(int, found.groups()))
        if dutch:
            return date(*map(int, reversed(dutch.groups())))
    except ValueError:
        pass  # no such day, as 2026-02-30
    raise _Unreadable(text("Write a date on each line, as 2026-12-24; not “{line}”.", line=line[:60]))


def _early(line: str) -> tuple[date, str]:
    day, _, at = line.partition(" ")
    try:
        return _date(day), _time(at.strip())
    except _Unreadable:
        said = text("Write a date and a time on each line, as 2026-12-24 15:00; not “{line}”.", line=line[:60])
        raise _Unreadable(said) from None


def _minutes(number: str) -> int:
    if not number.isdecimal() or not 1 <= int(number[:9]) <= MOST_MINUTES:
        raise _Unreadable(text("Write a whole number of minutes, from 1 to {most}.", most=MOST_MINUTES))
    return int(number)


def _step(line: str, t: Texts) -> dict[str, Any]:
    percent, _, rest = line.replace("%", " ", 1).partition(" ")
    word, _, words = rest.strip().partition(" ")
    named = {t(said).casefold(): recipient for recipient, said in TOLD.items()}
    to = named.get(word.casefold()) or next((each for each in Recipient if each == word.casefold()), None)
    if not percent.isdecimal() or not 1 <= int(percent[:9]) <= 1000 or to is None:
        raise _Unreadable(
            text(
                "Write a percentage (1 to 1000) and who is told on each line, as “80 {owner}”; not “{line}”.",
                owner=t(TOLD[Recipient.OWNER]),
                line=line[:60],
            )
        )
    return {"percent": int(percent), "to": to.value, "text": words.strip()}
