"""Read one field of a settings form: a time, a date, minutes, a label …; an error says what to write."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bot.domain.house_rules import is_criticism
from bot.domain.reply import MAX_TYPED
from bot.domain.sla import Recipient
from bot.domain.text import Text, text
from bot.domain.words import DASHES, folded
from bot.team.settings import (
    MAX_ARTICLE,
    MAX_DAYS,
    MAX_HIDE_DAYS,
    MAX_LABEL,
    MAX_MONTHS,
    MAX_REMOVED_DAYS,
    minute,
    zone,
)
from bot.texts import Texts
from bot.views.settings_form import TOLD

Filled = Mapping[str, Any]
"""The content of a modal's fields, by block id; None or missing for an empty field."""

MAX_MINUTES = 60 * 24 * 30
INTERVAL = re.compile(r"(\d{1,2}:\d\d)\s*[-–]\s*(\d{1,2}:\d\d)")
WRITTEN_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
MARK = re.compile(r"\{[^{}\n]{1,40}\}")
DUTCH_DATE = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})")


class Unreadable(Exception):
    """A field cannot be read; `text` says what to write."""

    def __init__(self, reason: Text) -> None:
        self.text = reason
        super().__init__(reason.message)


class Reader:
    """Reads one field after another and collects the errors."""

    def __init__(self, filled: Filled, t: Texts) -> None:
        self.filled, self.t = filled, t
        self.wrong: dict[str, Text] = {}

    def read(self, field: str, parse: Callable[[str], Any]) -> Any:
        """Return the parsed field; if it cannot be parsed, store why and return None."""
        try:
            return parse(str(self.filled.get(field) or "").strip())
        except Unreadable as unreadable:
            self.wrong[field] = unreadable.text
            return None

    def lines(self, field: str, parse: Callable[[str], Any]) -> list[Any]:
        """Return each non-empty line of the field, parsed; more than Slack shows in a field could not be changed again.

        With what a colleague added meanwhile it may be more than anybody typed.
        """
        if len(str(self.filled.get(field) or "")) > MAX_TYPED:
            self.wrong[field] = text("Write 1 to {most} characters.", most=MAX_TYPED)
            return []
        read: list[Any] | None = self.read(
            field, lambda written_lines: [parse(line.strip()) for line in written_lines.splitlines() if line.strip()]
        )
        return read or []

    def labels(
        self,
        field: str,
        *,
        most: int,
        taken: Mapping[str, str] | None = None,
        parse: Callable[[str], str] | None = None,
    ) -> list[str]:
        """Return the labels of a field, one per line; each once, and none that is in `taken` (in lower case).

        `parse` reads one of them, by default `label`.
        """
        labels: list[str] = self.lines(field, parse or label)
        double = {each.casefold() for each in labels} & set(taken or {})
        if double:
            self.wrong[field] = text("“{label}” is there already.", label=(taken or {})[double.pop()])
        if len(labels) > most:
            self.wrong[field] = text("Write at most {most} lines.", most=most)
        once: dict[str, str] = {}
        for each in labels:
            once.setdefault(each.casefold(), each)
        return list(once.values())

    def chosen(self, field: str) -> list[str]:
        """Return the choices in a field that takes several."""
        return list(self.filled.get(field) or [])


def day(line: str) -> list[tuple[str, str]]:
    """Read the opening hours of a day; an empty line is a closed day."""
    intervals = []
    for part in filter(None, (each.strip() for each in re.split(r"[,;]", line))):
        match = INTERVAL.fullmatch(part)
        if match is None or time(match[1]) in {time(match[2]), "24:00"}:
            raise Unreadable(text("Write hours this way: 09:00-12:00, 13:00-17:00. Leave it empty for a closed day."))
        intervals.append((time(match[1]), time(match[2])))
    return intervals


def time(written: str) -> str:
    """Read a time of day."""
    try:
        hours, minutes = divmod(minute(written), 60)
    except ValueError:
        raise Unreadable(text("Write the time this way: 09:00.")) from None
    return f"{hours:02}:{minutes:02}"


def day_of_year(line: str) -> date:
    """Read a date, like 2026-12-24 or 24-12-2026."""
    typed = line.translate(DASHES)
    iso, dutch = WRITTEN_DATE.fullmatch(typed), DUTCH_DATE.fullmatch(typed)
    try:
        if iso:
            return date(*map(int, iso.groups()))
        if dutch:
            return date(*map(int, reversed(dutch.groups())))
    except ValueError:
        pass  # no such day, like 2026-02-30
    raise Unreadable(
        text("Write a date on each line, for example 2026-12-24. Not understood: “{line}”.", line=line[:60])
    )


def early_closing(line: str) -> tuple[date, str]:
    """Read a date and a time."""
    try:
        on, at = line.split(maxsplit=1)
        return day_of_year(on), time(at)
    except (Unreadable, ValueError):
        said = text(
            "Write a date and a time on each line, for example 2026-12-24 15:00. Not understood: “{line}”.",
            line=line[:60],
        )
        raise Unreadable(said) from None


def minutes(number: str) -> int:
    """Read a number of minutes."""
    if not number.isdecimal() or not 1 <= int(number[:9]) <= MAX_MINUTES:
        raise Unreadable(text("Write a whole number of minutes, from 1 to {most}.", most=MAX_MINUTES))
    return int(number)


def days(number: str) -> int:
    """Read a number of working days."""
    return _whole(number, MAX_DAYS, text("Write a whole number of days, from 1 to {most}.", most=MAX_DAYS))


def removed_days(number: str) -> int:
    """Read how many days the words of removed posts are stored."""
    wrong = text("Write a whole number of days, from 0 to {most}.", most=MAX_REMOVED_DAYS)
    return _whole(number, MAX_REMOVED_DAYS, wrong, least=0)


def hide_days(number: str) -> int:
    """Read after how many days a hidden post is reviewed."""
    return _whole(number, MAX_HIDE_DAYS, text("Write a whole number of days, from 1 to {most}.", most=MAX_HIDE_DAYS))


def rule_title(line: str) -> str:
    """Read the title of a house rule; it is never about criticism."""
    if is_criticism(line):
        raise Unreadable(
            text("Criticism, sarcasm, negative words and complaints are free speech: a public body may not hide a post "
                 "for that. Name what is forbidden in it, such as abuse or a threat.")
        )  # fmt: skip
    return label(line)


def article(words: str) -> str:
    """Read the words of a house rule."""
    if not words or len(words) > MAX_ARTICLE:
        raise Unreadable(text("Write 1 to {most} characters.", most=MAX_ARTICLE))
    return words


def months(number: str) -> int:
    """Read a number of months."""
    return _whole(number, MAX_MONTHS, text("Write a whole number of months, from 1 to {most}.", most=MAX_MONTHS))


def _whole(number: str, most: int, wrong: Text, *, least: int = 1) -> int:
    if not number.isdecimal() or not least <= int(number[:9]) <= most:
        raise Unreadable(wrong)
    return int(number)


def words_with(*marks: str) -> Callable[[str], str]:
    """Return what reads a text in which these marks, such as {name}, are filled in; it refuses any other."""

    def read(words: str) -> str:
        unknown = next((mark for mark in MARK.findall(words) if mark not in marks), "")
        if unknown:
            said = text("{unknown} is not filled in: the citizen would read it so. What is: {known}.",
                        unknown=unknown, known=", ".join(marks))  # fmt: skip
            raise Unreadable(said)
        return words

    return read


def label(line: str) -> str:
    """Read a name or label."""
    if not line or len(line) > MAX_LABEL:
        raise Unreadable(text("Write 1 to {most} characters.", most=MAX_LABEL))
    return line


def word(line: str) -> str:
    """Read a word that is looked for in posts; one without letters and digits is never found."""
    if not folded(line):
        raise Unreadable(text("Write a word of letters or digits on each line."))
    return label(line)


def time_zone(name: str) -> str:
    """Read the name of a time zone."""
    try:
        zone(name)
    except ValueError:
        raise Unreadable(text("Write the time zone this way: Europe/Amsterdam.")) from None
    return name


def step(line: str, t: Texts) -> dict[str, Any]:
    """Read a step of the ladder: a percentage, who is reminded, and the team's own words."""
    percent, word, words = [*line.replace("%", " ", 1).split(maxsplit=2), "", "", ""][:3]
    named = {t(said).casefold(): recipient for recipient, said in TOLD.items()}
    to = named.get(word.casefold()) or next((each for each in Recipient if each == word.casefold()), None)
    if not percent.isdecimal() or not 1 <= int(percent[:9]) <= 1000 or to is None:
        raise Unreadable(
            text(
                "Write a percentage (1 to 1000) and who is told on each line, for example “80 {owner}”. "
                "Not understood: “{line}”.",
                owner=t(TOLD[Recipient.OWNER]),
                line=line[:60],
            )
        )
    return {"percent": int(percent), "to": to.value, "text": words.strip()}
