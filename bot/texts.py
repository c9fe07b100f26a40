"""Words for people: the message catalogues, and dates and times as the reader writes them."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.domain.text import Text, text

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("nl", "en")


@dataclass(frozen=True)
class Texts:
    """One language: `t("Claim")`, `t("{n} left", n=3)`, `t.plural("{n} case", "{n} cases", n)`, `t.when(at)`.

    Sentences are written in English in the code and translated by the catalogue `locales/<language>.po`. `posted_at` is
    when Slack got the message in which the words stand; None if it is new, or if they stand in none.
    """

    language: str
    time_zone: str
    posted_at: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone in which times are shown."""
        return ZoneInfo(self.time_zone)

    def here(self, at: datetime) -> datetime:
        """Return a moment in the time zone in which times are shown; UTC for one that has no name there.

        Programs write the first or the last moment of all for no date, and others choose what posts tell.
        """
        try:
            return at.astimezone(self.zone)
        except OverflowError:
            return at.astimezone(UTC)

    @property
    def _locale(self) -> str:
        return "en_GB" if self.language == "en" else self.language  # the day before the month, as in Dutch

    def __call__(self, message: str | Text, /, **params: Any) -> str:
        """Return the sentence in this language, with its {placeholders} filled."""
        sentence = message if isinstance(message, Text) else Text(message, params)
        words = _catalogue(self.language).gettext(sentence.message)
        params = {name: self(each) if isinstance(each, Text) else each for name, each in sentence.params.items()}
        return words.format_map(params) if params else words

    def plural(self, one: str, many: str, n: int, /, **params: Any) -> str:
        """Return the form for this number, which also fills {n}."""
        return _catalogue(self.language).ngettext(one, many, n).format_map({"n": n, **params})

    def quoted(self, words: str) -> str:
        """Return these words between the quotes of this language."""
        return self(text("“{words}”", words=words))

    def stored(self, value: Mapping[str, Any] | None) -> str:
        """Return a sentence that was stored as JSON (Text.to_json); empty for None."""
        return self(Text.from_json(value)) if value else ""

    def time(self, at: datetime) -> str:
        """Return the time of day, like 14:05."""
        return format_time(self.here(at), "HH:mm", locale=self._locale)

    def seconds(self, at: datetime, now: datetime) -> str:
        """Return a moment to the second, like 14:05:09, with the date as `when`."""
        pattern = "HH:mm:ss" if self._needs_no_date(at, now) else "EEE d MMM HH:mm:ss"
        return format_datetime(self.here(at), pattern, locale=self._locale)

    def when(self, at: datetime, now: datetime) -> str:
        """Return a moment as short as possible: today only its time, else with the date.

        A message is read below the date on which it was posted, and may never be written again: after that day, it
        names the date of every moment.
        """
        if self._needs_no_date(at, now):
            return self.time(at)
        if self.here(at).year == self.here(now).year:
            return format_datetime(self.here(at), "EEE d MMM HH:mm", locale=self._locale)
        return self.moment(at)

    def _needs_no_date(self, at: datetime, now: datetime) -> bool:
        return len({self.here(each).date() for each in (at, now, self.posted_at or now)}) == 1

    def moment(self, at: datetime) -> str:
        """Return a moment with its day and year, like 24 nov 2026 09:00."""
        return format_datetime(self.here(at), "d MMM y HH:mm", locale=self._locale)

    def day(self, at: datetime, *, year: bool = True) -> str:
        """Return the day as short as possible: 24 nov 2026, or 24 nov."""
        return format_date(self.here(at).date(), "d MMM y" if year else "d MMM", locale=self._locale)

    def date(self, at: datetime) -> str:
        """Return the date in full, like `dinsdag 24 november 2026`."""
        return format_date(self.here(at).date(), "EEEE d MMMM y", locale=self._locale)


def capital(words: str) -> str:
    """Return the words with a capital at the beginning; the rest does not change, because of names."""
    return words[:1].upper() + words[1:]


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    path = LOCALES / f"{language}.po"
    if not path.exists():  # the sentences in the code are the English catalogue
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
