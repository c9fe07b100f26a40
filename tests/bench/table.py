"""The table that a bench prints: a measure, the floor's, their ratio, the target, and whether it is met."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One measure beside the floor's of the same run; a ratio without a target is only told."""

    what: str
    ours: float
    floor: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """How many times the floor's."""
        return self.ours / self.floor

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as it is printed."""
        target, met = "", ""
        if self.at_most is not None:
            target, met = f"≤ {self.at_most}", "met" if self.ratio <= self.at_most else "MISSED"
        if self.at_least is not None:
            target, met = f"≥ {self.at_least}", "met" if self.ratio >= self.at_least else "MISSED"
        return (
            self.what,
            figure(self.ours, self.unit),
            figure(self.floor, self.unit),
            f"{self.ratio:.2f}",
            target,
            met,
        )


def show(title: str, lines: Sequence[Line]) -> None:
    """Print a table of measures beside the floor's."""
    show_rows(title, [("", "ours", "floor", "ratio", "target", ""), *(line.cells for line in lines)])


def show_rows(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its head first."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")  # noqa: T201
    for what, *cells in rows:
        figures = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        print("  ".join([what.ljust(widths[0]), *figures]).rstrip())  # noqa: T201


def p50(measured: Sequence[float]) -> float:
    """Return the middle one."""
    return statistics.median(measured)


def p99(measured: Sequence[float]) -> float:
    """Return the smallest one that 99 of 100 do not exceed."""
    return sorted(measured)[math.ceil(len(measured) * 0.99) - 1]


def figure(value: float, unit: str) -> str:
    """Return a number as the tables write it."""
    return f"{value:,.{0 if value >= 100 else 1}f} {unit}"
