"""Writes the exact version of every package that the tests ran with into pyproject.toml, where uv obeys them.

`uv run python -m tests.pins` pins what is installed now; with `--renew` it takes the newest versions first. uv.lock is
not kept in the repository, because it names the hosts from which one machine downloads.

https://docs.astral.sh/uv/reference/settings/#constraint-dependencies
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PYPROJECT, LOCK = ROOT / "pyproject.toml", ROOT / "uv.lock"
HEAD = """[tool.uv]
# The versions that were tested, of all platforms: written by `uv run python -m tests.pins`.
"""
RUNS, BUILDS = "constraint-dependencies", "build-constraint-dependencies"

Pins = Mapping[str, str]
"""The version of each package, by its normalized name."""


def name_of(package: str) -> str:
    """Return the normalized name of a package (https://packaging.python.org/en/latest/specifications/name-normalization/)."""
    return re.sub(r"[-_.]+", "-", package).lower()


def locked(lock: str) -> Pins:
    """Return what uv.lock holds, except our own package."""
    packages: list[dict[str, Any]] = tomllib.loads(lock)["package"]
    return {each["name"]: each["version"] for each in packages if "registry" in each["source"]}


def pinned(pyproject: str, setting: str = RUNS) -> Pins:
    """Return what pyproject.toml pins."""
    stated: list[str] = tomllib.loads(pyproject).get("tool", {}).get("uv", {}).get(setting, [])
    return dict(each.split("==") for each in stated)


def with_pins(pyproject: str, runs: Pins, builds: Pins) -> str:
    """Return pyproject.toml with these pins instead of those it has; without any it has no table for them."""
    bare = re.sub(r"\n*^\[tool\.uv\]\n(?:[^\[\n].*\n|\n|\]\n)*", "\n", pyproject, flags=re.MULTILINE)
    if not runs and not builds:
        return bare
    lists = [
        f"{setting} = [\n" + "".join(f'  "{name}=={pins[name]}",\n' for name in sorted(pins)) + "]\n"
        for setting, pins in ((BUILDS, builds), (RUNS, runs))
    ]
    return bare.rstrip("\n") + "\n\n" + HEAD + "".join(lists)


def _build_pins(pyproject: str) -> Pins:
    """Ask uv for the versions of what builds our package."""
    wanted = "\n".join(tomllib.loads(pyproject)["build-system"]["requires"])
    asked = ["uv", "pip", "compile", "-", "--universal", "--no-header", "--no-annotate", "--quiet", "--no-config"]
    answer = subprocess.run(asked, input=wanted, text=True, capture_output=True, check=True, cwd=ROOT)
    lines = [line.partition(" ;")[0] for line in answer.stdout.splitlines() if "==" in line]
    return {name_of(name): version for name, version in (line.split("==") for line in lines)}


def main() -> None:
    """Write the pins."""
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    renews = "--renew" in sys.argv[1:]
    builds = pinned(pyproject, BUILDS)
    if renews or not builds:
        builds = _build_pins(pyproject)
    if renews:
        PYPROJECT.write_text(with_pins(pyproject, {}, {}), encoding="utf-8")
        subprocess.run(["uv", "lock", "--upgrade"], check=True, cwd=ROOT)
    PYPROJECT.write_text(with_pins(pyproject, locked(LOCK.read_text(encoding="utf-8")), builds), encoding="utf-8")
    subprocess.run(["uv", "sync"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
