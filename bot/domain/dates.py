"""Dates as people write them, in Dutch or English, which feedparser cannot read or misreads.

It reads 24-11-2026 as a day in 2024 and CET as UTC, and knows no Dutch names.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/Amsterdam")
"""The zone of a date that names none: a feed that a Dutch team follows is most likely from here."""
HOURS_EAST = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "met": 1, "mez": 1, "cest": 2,
    "mest": 2, "mesz": 2, "eet": 2, "eest": 3,
}  # fmt: skip
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan", "feb", "maa mar mrt", "apr", "mei may", "jun", "jul", "aug", "sep", "okt oct", "nov", "dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
"""The first three letters of the months, in Dutch and English."""

TIME = r"""(?:(?:\s*(?:,|t|om|at|-)\s*|\s+)
    (?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d))?(?:[.,]\d+)?\s*(?P<half>[ap]m)?(?:\s*uur)?)?"""
ZONE = r"\s*\(?(?P<zone>[+-]\d\d:?\d\d|[a-z]{1,5}|europe/\w+)?\)?"
WEEKDAY = r"(?:[a-z]{2,9}\.?,?\s+)?"
FORMS = tuple(
    re.compile(WEEKDAY + date + TIME + ZONE, re.VERBOSE)
    for date in (
        r"(?P<day>\d{1,2})[-\s]+(?P<name>[a-z]{3,9})\.?,?[-\s]+(?P<year>\d{4}|\d\d)",
        r"(?P<day>\d{1,2})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)",
        r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})",
    )
)


def moment_of(written: str) -> int | None:
    """Return the moment of a written date (epoch seconds); None for an unknown form."""
    words = " ".join(written.lower().split())
    if re.fullmatch(r"[0-9]{10}", words):
        return int(words)
    matched = next((match for form in FORMS if (match := form.fullmatch(words))), None)
    if matched is None:
        return None
    try:
        return int(_moment(matched.groupdict()).timestamp())
    except (KeyError, ValueError, OverflowError):
        return None


def _moment(part: dict[str, str | None]) -> datetime:
    day, month = int(part["day"] or ""), int(part.get("month") or MONTHS[(part.get("name") or "")[:3]])
    hour = int(part["hour"] or 0)
    if part["half"]:
        hour = hour % 12 + (12 if part["half"] == "pm" else 0)
    if part.get("sign") == "/" and (part["half"] or month > 12) and day <= 12:
        day, month = month, day  # as in America: 11/24/2026 2:00 PM
    year = part["year"] or ""
    return datetime(
        int(year) if len(year) == 4 else 2000 + int(year),
        month,
        day,
        hour,
        int(part["minute"] or 0),
        int(part["second"] or 0),
        tzinfo=_zone(part["zone"] or ""),
    )


def _zone(written: str) -> tzinfo:
    if not written:
        return HERE
    if written.startswith("europe/"):
        return ZoneInfo(f"Europe/{written.removeprefix('europe/').title()}")
    if written[0] in "+-":
        digits = written[1:].replace(":", "")
        east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(east if written[0] == "+" else -east) if east else UTC
    return timezone(timedelta(hours=HOURS_EAST[written]))
