"""Remove what a citizen did not write now: the mail they answer, quoted by their program, and their signature.

Mail programs mark this in words of their own language: there is no standard. Bottom or inline answers stay: only
lines quoted with > are removed between them. After the mark of a quotation without >, the rest of the mail is quoted.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

SHORT = 300
"""The most characters of a line that can be a mark; longer lines are words."""
WRAPPED = 3
"""Over how many lines programs wrap the line that says who wrote when."""
ON_WROTE = re.compile(r"(?:Op|On)\b.{5,250}\b(?:schreef|wrote|heeft .{1,200} geschreven)\b.{0,200}:", re.IGNORECASE)
WROTE_ON = re.compile(
    r"""[^:]{2,200}\bschreef\ (?:op|het\ volgende\ op)\ .{0,20}\d.{2,120}:
      | [^:]{2,200}\bheeft\ op\ .{5,150}\ (?:het\ volgende\ )?geschreven:
      | .{3,200},\ \d\d-\d\d-\d{4}\ \d\d:\d\d:""",
    re.VERBOSE | re.IGNORECASE,
)
"""Gmail, Apple Mail, iOS and Thunderbird, in Dutch and English; and our own answers. Only the first kind is wrapped."""
ORIGINAL = re.compile(r"-{2,}\s*(?:Oorspronkelijk|Origineel|Original)\s+(?:bericht|message)\s*-{2,}", re.IGNORECASE)
FROM = re.compile(r"\**(?:Van|From)\s*:\**\s*\S.*", re.IGNORECASE)
BELOW_FROM = re.compile(r"\**(?:Verzonden|Datum|Aan|Onderwerp|Sent|Date|To|Subject)\s*:\**.*", re.IGNORECASE)
"""Outlook's block: Van, Verzonden, Aan, Onderwerp, each on its own line."""
RULE = re.compile(r"_{8,}|-{8,}")
SIGNATURE = re.compile(r"--\s*")
"""https://www.rfc-editor.org/rfc/rfc3676#section-4.3; the space at the end is often lost."""
SENT_FROM = re.compile(
    r"""(?:Verzonden|Verstuurd|Gestuurd)\ (?:vanaf|vanuit|via|met)\ .{2,60}
      | Sent\ (?:from|via|with)\ (?:my\ )?.{2,60}
      | (?:Outlook\ voor|Get\ Outlook\ for|Download\ Outlook\ voor)\ .{2,80}""",
    re.VERBOSE | re.IGNORECASE,
)


def fold(text: str, *, forwarded: bool = False) -> str:
    """Return the words that were written now; the whole text if that leaves nothing.

    In a mail that was `forwarded`, the forwarded mail belongs to the words.
    """
    lines = text.split("\n")
    if not forwarded:
        lines = _without_quotes(lines)
    words = "\n".join(_without_signature(lines)).strip("\n ")
    return re.sub(r"\n{3,}", "\n\n", words) or text.strip("\n ")


def _without_quotes(lines: Sequence[str]) -> list[str]:
    """Return the lines outside quotations."""
    written: list[str] = []
    at = 0
    while at < len(lines):
        mark = _mark_at(lines, at)
        quoted = _quoted_from(lines, at + mark)
        if mark and not quoted:
            break
        if mark or lines[at].lstrip().startswith(">"):
            at += mark + quoted
            written.append("")
        else:
            written.append(lines[at])
            at += 1
    return written


def _mark_at(lines: Sequence[str], at: int) -> int:
    """Return how many lines from here announce a quotation; 0 when they do not."""
    first = lines[at].strip()
    if not first or len(first) > SHORT or first.startswith(">"):
        return 0
    if ORIGINAL.fullmatch(first) or _is_block(lines, at):
        return 1
    if RULE.fullmatch(first):
        below = next((n for n in range(at + 1, min(at + 4, len(lines))) if lines[n].strip()), None)
        return below - at + 1 if below is not None and _is_block(lines, below) else 0
    if WROTE_ON.fullmatch(first):
        return 1
    for count in range(1, WRAPPED + 1):
        said = [line.strip() for line in lines[at : at + count]]
        if not all(said):
            break
        if ON_WROTE.fullmatch(" ".join(said)[: 2 * SHORT]):
            return count
    return 0


def _is_block(lines: Sequence[str], at: int) -> bool:
    """Tell whether Outlook's block begins here."""
    if not FROM.fullmatch(lines[at].strip()[:SHORT]):
        return False
    below = [line.strip()[:SHORT] for line in lines[at + 1 : at + 9] if line.strip()][:4]
    return sum(1 for line in below if BELOW_FROM.fullmatch(line)) >= 2


def _quoted_from(lines: Sequence[str], at: int) -> int:
    """Return how many lines from here are marked with >, with the empty lines around them."""
    inside = list(takewhile(lambda line: not line.strip() or line.lstrip().startswith(">"), lines[at:]))
    while inside and not inside[-1].strip():
        inside.pop()
    return len(inside)


def _without_signature(lines: Sequence[str]) -> list[str]:
    """Return the lines before the signature, without the line that a phone adds at the end."""
    end = next((n for n, line in enumerate(lines) if n and SIGNATURE.fullmatch(line)), len(lines))
    remaining = list(lines[:end])
    while remaining and (not remaining[-1].strip() or SENT_FROM.fullmatch(remaining[-1].strip()[:SHORT])):
        remaining.pop()
    return remaining
