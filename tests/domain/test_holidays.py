"""The Dutch holidays follow from their rules; the package `holidays` agrees with every date."""

from datetime import date

import holidays

from bot.domain.holidays import HOLIDAYS, dutch_holidays


def test_every_holiday_is_when_the_package_holidays_has_it() -> None:
    for year in range(2014, 2101):  # from the first Koningsdag to the last year that the package knows
        known = holidays.country_holidays("NL", years=year, language="nl", categories=("public", "optional"))
        assert dutch_holidays(year) == {name: day for day, names in known.items() for name in names.split("; ")}


def test_two_holidays_may_fall_on_one_day() -> None:
    assert dutch_holidays(2016)["Hemelvaartsdag"] == dutch_holidays(2016)["Bevrijdingsdag"] == date(2016, 5, 5)


def test_the_names_are_those_of_the_holidays() -> None:
    assert set(HOLIDAYS) == set(dutch_holidays(2026))
