"""The words of an invitation for a meeting: https://www.rfc-editor.org/rfc/rfc5545"""

import re

FOLD = re.compile(r"\r?\n[ \t]")
FIELD = re.compile(
    r'^(SUMMARY|DTSTART|LOCATION|DESCRIPTION)(?:;(?:"[^"\n]*"|[^":\n])*)?:(.*)$', re.MULTILINE | re.IGNORECASE
)
MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d)?(Z?)")
ESCAPED = re.compile(r"\\([nN,;\\])")


def meeting_of(calendar: str) -> str:
    """Return what the meeting is about, when and where, each on a line; "" when nothing says so."""
    event = FOLD.sub("", calendar).partition("BEGIN:VEVENT")[2].replace("\r", "")
    said: dict[str, str] = {}
    for name, value in FIELD.findall(event):
        said.setdefault(name.upper(), ESCAPED.sub(lambda sign: "\n" if sign[1] in "nN" else sign[1], value).strip())
    lines = [said.get("SUMMARY"), _moment(said.get("DTSTART", "")), said.get("LOCATION"), said.get("DESCRIPTION")]
    words = "\n".join(line for line in lines if line)
    return f"📅 {words}" if words else ""


def _moment(value: str) -> str:
    """Return a moment by the clock that it is written in."""
    read = MOMENT.fullmatch(value)
    if read is None:
        return value
    year, month, day, hour, minute, zone = read.groups()
    return f"{day}-{month}-{year}" + (f" {hour}:{minute}" if hour else "") + (" UTC" if zone else "")
