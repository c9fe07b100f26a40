"""What it costs to tell which mentions of a flood are alike: microseconds a mention, whatever came before.

    uv run python -m tests.bench.alike

The mentions are those of the made-up fire of `webcare try --flood`; beside them texts of which no two are alike and all
share their usual words, which is the worst there is.
"""

import time
from collections.abc import Iterator
from random import Random

from bot.domain.alike import Index, said
from bot.trial import fire
from tests.bench.table import figure, show_rows

COUNTS = (100, 1_000, 10_000)


def main() -> None:
    """Print what a mention costs at each count."""
    rows: list[tuple[str, ...]] = [("", *(f"{count:,}" for count in COUNTS))]
    for what, texts in (("of a fire", _fire), ("none alike", _different)):
        costs = [_cost(list(texts(count))) for count in COUNTS]
        rows.append((f"{what}: a mention", *(figure(cost * 1e6, "µs") for cost, _ in costs)))
        rows.append((f"{what}: subjects", *(f"{subjects:,}" for _, subjects in costs)))
    show_rows("Which mentions are alike", rows)


def _fire(count: int) -> Iterator[str]:
    return (each.text for each in fire.posts(count, 600))


def _different(count: int) -> Iterator[str]:
    dice = Random(1)
    usual = [f"gewoon{n}" for n in range(30)]
    for number in range(count):
        yield " ".join([*dice.sample(usual, 5), *(f"eigen{number}x{n}" for n in range(5))])


def _cost(texts: list[str]) -> tuple[float, int]:
    """Return the seconds of processor time a text and the number of subjects."""
    index, subjects, begun = Index[int](), 0, time.process_time()
    for text in texts:
        words = said(text)
        if words is not None and index.find(words) is None:
            index.add(words, subjects)
            subjects += 1
    return (time.process_time() - begun) / len(texts), subjects


if __name__ == "__main__":
    main()
