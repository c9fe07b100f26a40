"""Remove what a citizen did not write now: the mail they answer, quoted by their program, and their signature.

Mail programs mark this in words of their own language: there is no standard. Bottom or inline answers stay: only
lines quoted with > are removed between them. After the mark of a quotation without >, the rest of the mail is quoted,
unless the citizen answered inside it. So what is left out without a > is returned too: nobody's words may vanish.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
BY_PROGRAM = re.compile(r"[^\s@<>]@[^\s@<>]|\b\d?\d[:.]\d\d\b")
"""An address or a time: programs name one of them, people who tell what they wrote before seldom do."""
BY_PERSON = re.compile(
    r"\b(?:schreef|heeft|hebt|heb)\s+(?:ik|je|jij|jullie|u|we|wij)\b|\b(?:I|you)\s+wrote\b", re.IGNORECASE
)
ORIGINAL = re.compile(r"-{2,}\s*(?:Oorspronkelijk|Origineel|Original)\s+(?:bericht|message)\s*-{2,}", re.IGNORECASE)
FORWARDED = re.compile(
    r"-{2,}\s*(?:Doorgestuurd\s+bericht|Forwarded\s+message)\s*-{2,}|Begin (?:doorgestuurd bericht|forwarded message):",
    re.IGNORECASE,
)
"""Gmail and Thunderbird; Apple Mail."""
FROM = re.compile(r"\**(?:Van|From)\s*:\**\s*\S.*", re.IGNORECASE)
BELOW_FROM = re.compile(
    r"\**(?:Verzonden|Datum|Aan|CC|Onderwerp|Urgentie|Sent|Date|To|Subject|Importance)\s*:\**.*", re.IGNORECASE
)
"""Outlook's block: Van, Verzonden, Aan, Onderwerp, each on its own line."""
BLOCK = 9
"""The most lines of that block."""
RULE = re.compile(r"_{8,}|-{8,}")
SIGNATURE = re.compile(r"--\s*")
"""https://www.rfc-editor.org/rfc/rfc3676#section-4.3; the space at the end is often lost."""
SIGNED = 10
"""The most lines of a signature."""
DEVICE = (
    r"(?:(?:mijn|my)\ |[^,.?!]{0,40}\b(?-i:Mail|Outlook|iPhone|iPad|Android|Samsung|Galaxy|Huawei|Windows)\b)"
    r"[^,.?!]{0,60}\.?(?:\s*[<(]https?://\S+)?"
)
SENT_FROM = re.compile(
    rf"""(?:Verzonden|Verstuurd|Gestuurd)\ (?:vanaf|vanuit|via|met)\ {DEVICE}
      | Sent\ (?:from|via|with)\ {DEVICE}
      | (?:Outlook\ voor|Get\ Outlook\ for|Download\ Outlook\ voor)\ (?:iOS|Android|Windows|Mac)\b.{{0,80}}""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Folded:
    """The words that were written now, and what was left out of them that may be no quotation."""

    words: str
    left_out: str = ""


def fold(text: str, *, answers: bool = True) -> Folded:
    """Return the words that were written now; the whole text if that leaves nothing.

    Only a mail that `answers` another quotes it. In others a quotation is what they are about, as in a forwarded one.
    """
    lines = text.split("\n")
    written, quoted = _without_quotes(lines) if answers else (lines, [])
    end = next((n for n in range(len(written)) if _begins_another(written, n)), len(written))
    own, signature = _without_signature(written[:end])
    words = re.sub(r"\n{3,}", "\n\n", "\n".join([*own, "", *written[end:]]).strip("\n "))
    if not words:
        return Folded(text.strip("\n "))
    return Folded(words, "\n".join([*signature, *quoted]).strip("\n "))


def _without_quotes(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines outside quotations, and those of a quotation that are not marked with >."""
    written: list[str] = []
    at = 0
    while at < len(lines):
        if FORWARDED.fullmatch(lines[at].strip()):
            return [*written, *lines[at:]], []
        mark = _mark_at(lines, at)
        if not mark and not _is_marked(lines[at]):
            written.append(lines[at])
            at += 1
            continue
        quoted = _quoted_from(lines, at + mark)
        if not quoted:
            return written, _unmarked(lines[at:])
        at += mark + quoted
        written.append("")
    return written, []


def _unmarked(lines: Sequence[str]) -> list[str]:
    """Return the lines that do not surely belong to a quotation: no marks, and nothing that is marked with >."""
    unmarked: list[str] = []
    at = 0
    while at < len(lines):
        if mark := _mark_at(lines, at):
            at += mark
            continue
        if not _is_marked(lines[at]):
            unmarked.append(lines[at])
        at += 1
    return unmarked


def _is_marked(line: str) -> bool:
    return line.lstrip().startswith(">")


def _begins_another(lines: Sequence[str], at: int) -> bool:
    """Tell whether another mail begins here."""
    return FORWARDED.fullmatch(lines[at].strip()) is not None or _mark_at(lines, at) > 0


def _mark_at(lines: Sequence[str], at: int) -> int:
    """Return how many lines from here announce a quotation; 0 when they do not."""
    first = lines[at].strip()
    if not first or len(first) > SHORT or first.startswith(">"):
        return 0
    if ORIGINAL.fullmatch(first):
        return 1
    if block := _block_at(lines, at):
        return block
    if RULE.fullmatch(first):
        below = next((n for n in range(at + 1, min(at + 4, len(lines))) if lines[n].strip()), None)
        block = _block_at(lines, below) if below is not None else 0
        return below - at + block if below is not None and block else 0
    if WROTE_ON.fullmatch(first) and _is_by_program(first):
        return 1
    for count in range(1, WRAPPED + 1):
        said = [line.strip() for line in lines[at : at + count]]
        if not all(said):
            break
        if ON_WROTE.fullmatch(line := " ".join(said)[: 2 * SHORT]) and _is_by_program(line):
            return count
    return 0


def _is_by_program(mark: str) -> bool:
    return BY_PROGRAM.search(mark) is not None and BY_PERSON.search(mark) is None


def _block_at(lines: Sequence[str], at: int) -> int:
    """Return how many lines from here are Outlook's block; 0 when it does not begin here."""
    if not FROM.fullmatch(lines[at].strip()[:SHORT]):
        return 0
    below = [(n, line.strip()[:SHORT]) for n, line in enumerate(lines[at + 1 : at + 1 + BLOCK], 2) if line.strip()]
    named = list(takewhile(lambda each: BELOW_FROM.fullmatch(each[1]), below))
    if sum(1 for _, line in below[:4] if BELOW_FROM.fullmatch(line)) < 2:
        return 0
    return named[-1][0] if named else 1


def _quoted_from(lines: Sequence[str], at: int) -> int:
    """Return how many lines from here are marked with >, with the empty lines around them."""
    end = at
    while end < len(lines) and (not lines[end].strip() or _is_marked(lines[end])):
        end += 1
    while end > at and not lines[end - 1].strip():
        end -= 1
    return end - at


def _without_signature(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines before the signature and those of it, without the line that a phone adds at the end.

    Two such lines, or a question or a letter below one, are no signature: people part their words in that way too.
    """
    found = [n for n, line in enumerate(lines) if n and SIGNATURE.fullmatch(line)]
    end = found[0] if len(found) == 1 else len(lines)
    signature = [line for line in lines[end + 1 :] if line.strip() and not _is_by_phone(line)]
    if len(signature) > SIGNED or any("?" in line for line in signature):
        end, signature = len(lines), []
    remaining = list(lines[:end])
    while remaining and (not remaining[-1].strip() or _is_by_phone(remaining[-1])):
        remaining.pop()
    return remaining, signature


def _is_by_phone(line: str) -> bool:
    return SENT_FROM.fullmatch(line.strip()[:SHORT]) is not None
