"""The Dutch holidays of a year, by rule (https://www.rijksoverheid.nl/onderwerpen/schoolvakanties, "feestdagen")."""

from datetime import date, timedelta
from functools import lru_cache

HOLIDAYS = (
    "Nieuwjaarsdag",
    "Goede vrijdag",
    "Eerste paasdag",
    "Tweede paasdag",
    "Koningsdag",
    "Bevrijdingsdag",
    "Hemelvaartsdag",
    "Eerste pinksterdag",
    "Tweede pinksterdag",
    "Eerste kerstdag",
    "Tweede kerstdag",
)
"""The names of the holidays, in the order of the year; a team chooses its own from these."""

AFTER_EASTER = {
    "Goede vrijdag": -2,
    "Eerste paasdag": 0,
    "Tweede paasdag": 1,
    "Hemelvaartsdag": 39,
    "Eerste pinksterdag": 49,
    "Tweede pinksterdag": 50,
}
"""The holidays that depend on Easter, in days after it."""
SUNDAY = 6


@lru_cache(maxsize=32)
def dutch_holidays(year: int) -> dict[str, date]:
    """Return the date of each holiday in a year, by name."""
    easter = _easter(year)
    kings_day = date(year, 4, 27)
    if kings_day.weekday() == SUNDAY:  # on a Sunday, it moves to the day before
        kings_day -= timedelta(days=1)
    fixed = {
        "Nieuwjaarsdag": date(year, 1, 1),
        "Koningsdag": kings_day,
        "Bevrijdingsdag": date(year, 5, 5),
        "Eerste kerstdag": date(year, 12, 25),
        "Tweede kerstdag": date(year, 12, 26),
    }
    return fixed | {name: easter + timedelta(days=days) for name, days in AFTER_EASTER.items()}


def _easter(year: int) -> date:
    """Return Easter Sunday: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    golden, century, of_century = year % 19, year // 100, year % 100
    leap_centuries, rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    leaps, rest_of_year = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * leaps - epact - rest_of_year) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
