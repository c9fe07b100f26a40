"""Whoever installs this from its source gets the versions that were tested: pyproject.toml names each of them."""

import importlib.metadata
import json
import shutil
import subprocess
import tomllib

import pytest

from tests import pins

PYPROJECT = pins.PYPROJECT.read_text(encoding="utf-8")
OF_THE_ENVIRONMENT = {"webcare-bot", "pip", "setuptools", "wheel", "uv"}


def test_every_package_that_these_tests_run_with_is_pinned_at_its_version() -> None:
    installed = {pins.name_of(each.name): each.version for each in importlib.metadata.distributions()}
    running = {name: version for name, version in installed.items() if name not in OF_THE_ENVIRONMENT}
    stated = pins.pinned(PYPROJECT)
    assert {name: stated.get(name) for name in running} == running, "run `uv run python -m tests.pins`"


def test_what_is_pinned_is_all_that_uv_resolves_for_every_platform() -> None:
    if pins.LOCK.exists():  # another installer makes none
        assert pins.pinned(PYPROJECT) == pins.locked(pins.LOCK.read_text(encoding="utf-8"))


def test_what_builds_the_package_is_pinned_too() -> None:
    required = tomllib.loads(PYPROJECT)["build-system"]["requires"]
    builds = pins.pinned(PYPROJECT, pins.BUILDS)
    assert {each.partition(">")[0] for each in required} <= set(builds)


def test_pins_replace_those_from_before_and_nothing_else() -> None:
    bare = '[project]\nname = "x"\n\n[tool.alembic]\nscript_location = "y"\n'
    once = pins.with_pins(bare, {"b": "1", "a": "2"}, {"h": "3"})
    assert list(pins.pinned(once).items()) == [("a", "2"), ("b", "1")]
    assert pins.pinned(once, pins.BUILDS) == {"h": "3"}
    assert pins.with_pins(once, {"a": "4"}, {"h": "3"}) == pins.with_pins(bare, {"a": "4"}, {"h": "3"})
    assert pins.with_pins(once, {}, {}) == bare
    assert pins.with_pins(PYPROJECT, pins.pinned(PYPROJECT), pins.pinned(PYPROJECT, pins.BUILDS)) == PYPROJECT


def test_the_bill_of_materials_of_a_release_names_what_runs_and_no_more() -> None:
    """The command that .github/workflows/release.yml gives."""
    if shutil.which("uv") is None or not pins.LOCK.exists():
        pytest.skip("uv is not here: it makes the bill of materials")
    command = "uv export --frozen --no-dev --all-extras --format cyclonedx1.5 --quiet --offline".split()
    made = subprocess.run(command, cwd=pins.ROOT, capture_output=True, text=True, check=True)
    bill = json.loads(made.stdout)
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "webcare-bot")
    named = {each["name"]: each["version"] for each in bill["components"]}
    assert named.items() <= pins.pinned(PYPROJECT).items()
    assert {"slack-bolt", "sqlalchemy", "psycopg", "cryptography"} <= set(named)
    assert not {"pytest", "ruff", "mypy", "playwright"} & set(named)
    workflow = (pins.ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert " ".join(command[:-2]) in workflow
