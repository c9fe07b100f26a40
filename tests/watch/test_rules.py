"""The alert rules and the dashboard ask only for what `/metrics` tells, in words that Prometheus reads."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import structlog
import yaml

from bot.cases.silent import Silence
from bot.models import Account
from bot.watch.stored import EDGES
from tests.conftest import SANNE, Bot
from tests.people import answer
from tests.watch.asking import ask, parsed

WATCH = Path(__file__).parents[2] / ".github" / "watch"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((WATCH / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((WATCH / "dashboard.json").read_text(encoding="utf-8"))
BY_PROMETHEUS = {"job", "instance"}
"""Labels that Prometheus itself gives to all that it reads."""


def shown() -> Iterator[str]:
    """What the dashboard asks, as Grafana passes it on."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$job", "webcare")


ASKED = [*(rule["expr"] for rule in RULES), *shown()]


def names_in(asked: str) -> set[str]:
    return set(re.findall(r"\b(?:webcare|process)_\w+", asked))


def labels_in(asked: str) -> set[str]:
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", asked)
    grouped = [label for several in re.findall(r"\b(?:by|on) \(([^)]*)\)", asked) for label in several.split(", ")]
    return {*matched, *grouped} - BY_PROMETHEUS


@pytest.mark.parametrize("asked", ASKED)
def test_prometheus_reads_it(asked: str) -> None:
    assert promql_parser.parse(asked) is not None


def test_what_is_not_promql_is_caught() -> None:
    with pytest.raises(ValueError, match=r".+"):
        promql_parser.parse("max by (reason (webcare_cases_silent) > 0")


@pytest.mark.logs("it failed")
async def test_all_that_is_asked_is_told(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    structlog.get_logger().error("it failed")
    async with bot.desk.session() as session:
        (await session.get_one(Account, 1)).polled_at = bot.desk.now()
    bot.citizen_posts("Vraag")
    await answer(bot, SANNE, await bot.card("Vraag"), "Vanaf acht uur.")
    await bot.card("*Beantwoord*")
    bot.citizen_posts("Nog een vraag", name="Joost")
    await bot.card("Nog een vraag")
    bot.clock.advance(seconds=6)
    _, text = await ask(bot, "/metrics")
    labels = {name: {label for series in told for label, _ in series} for name, told in parsed(text).items()}
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    told = {*kinds, *(f"{name}{end}" for name in kinds for end in ("_bucket", "_count", "_sum"))}
    for asked in ASKED:
        assert names_in(asked) <= told, asked
        assert labels_in(asked) <= set().union(*(labels.get(name, set()) for name in names_in(asked))), asked
    own = {name for name in kinds if name.startswith("webcare_")}
    guide = (WATCH.parent / "guide" / "operating.md").read_text(encoding="utf-8")
    assert {name for name in own if f"`{name.removeprefix('webcare_')}`" not in guide} == set()
    assert {name for name in own if not any(name in asked for asked in ASKED)} == set(), "nobody looks at it"


def test_the_values_that_rules_name_exist() -> None:
    [silent] = [rule["expr"] for rule in RULES if rule["alert"] == "WebcareCaseFallsSilent"]
    assert f'"{Silence.NO_CLOCK}|{Silence.NO_MOMENT}"' in silent
    assert list(EDGES.values()) == sorted(EDGES.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_and_what_it_means(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    said = rule["annotations"]
    assert said["summary"]
    assert said["description"].endswith(".")
    given = {"labels." + label for label in {*labels_in(rule["expr"]), *BY_PROMETHEUS}} | {"value"}
    assert set(re.findall(r"\$(labels\.\w+|value)", json.dumps(said))) <= given


def test_a_panel_has_a_place_of_its_own() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_prometheus_own_tool_takes_the_rules_where_it_is_installed() -> None:
    tool = shutil.which("promtool")
    if tool:
        subprocess.run([tool, "check", "rules", str(WATCH / "alerts.yml")], check=True, capture_output=True)
