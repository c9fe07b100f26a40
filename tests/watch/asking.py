"""What a monitor asks of a running bot."""

from collections.abc import Mapping

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Bot

Labels = frozenset[tuple[str, str]]


async def ask(bot: Bot, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.url}{path}", headers=headers) as response:
        return response.status, await response.text()


async def measured(bot: Bot) -> dict[str, dict[Labels, float]]:
    """All that is measured now, and not a moment ago: the value of each name by its labels."""
    bot.clock.advance(seconds=6)
    status, text = await ask(bot, "/metrics")
    assert status == 200
    return parsed(text)


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def one(measured: dict[str, dict[Labels, float]], name: str, **labels: str) -> float:
    """The value of the one series with these labels among its own."""
    [value] = [value for own, value in measured[name].items() if own >= labels.items()]
    return value
