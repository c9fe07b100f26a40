"""The documents tell of every setting, and of nothing that is not there."""

import ast
import json
import re
from pathlib import Path

import pytest

from bot.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "guide").glob("*.md")}
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
SETTINGS = sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_stands_in_the_example_and_the_guide(name: str) -> None:
    assert re.search(rf"^#?\s?{name}=", ENV_EXAMPLE, re.MULTILINE), f".env.example lacks {name}"
    assert f"| `{name}` |" in GUIDES["operating.md"], f"the table of .github/guide/operating.md lacks {name}"


def test_the_documents_name_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"^#?\s?([A-Z][A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    named |= set(re.findall(r"^\| `([A-Z_]+)` \|", GUIDES["operating.md"], re.MULTILINE))
    assert named <= set(SETTINGS)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_guide_gives_the_default_in_force(name: str) -> None:
    field = Settings.model_fields[name]
    default = field.default
    if "Secret" in str(field.annotation) or default == "":
        return
    row = next(line for line in GUIDES["operating.md"].splitlines() if line.startswith(f"| `{name.upper()}` |"))
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default
    assert f"| `{shown:g}` |" in row if isinstance(default, float) else f"| `{shown}` |" in row, row


def test_the_readme_says_why_each_library_is_there() -> None:
    project, _, _ = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.uv]")  # there all are pinned
    _, _, table = README.partition("| library | why |")
    said = {name for line in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall("`(.+?)`", line)}
    for name in re.findall(r'^  "([a-z0-9-]+)(?:\[[a-z]+\])?[<>=]', project, re.MULTILINE):
        assert name in said, f"the README does not say why {name} is there"


def test_the_two_commands_work_where_the_system_manages_its_python() -> None:
    """Debian's pip refuses without the first word, and puts uv where a running shell does not look."""
    install = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv"
    for command in ("webcare try", "pytest -n 2"):
        [line] = [line for line in README.splitlines() if line.startswith("PIP") and line.endswith(command)]
        first, second = line.split(" && ")
        assert first == install
        assert second.startswith("python3 -m uv run ")
    assert install in CONTRIBUTING


def test_the_guide_names_every_request_url_that_slack_needs_over_http() -> None:
    """Over Socket Mode the manifest needs none, so what the app has is all that must be pointed at us by hand."""
    manifest = json.loads((ROOT / "bot" / "slack_manifest.json").read_text(encoding="utf-8"))
    lines = GUIDES["slack.md"].splitlines()
    [paragraph] = [line for line in lines if "webcare run --http`" in line and "request URLs" in line]
    for command in manifest["features"]["slash_commands"]:
        assert f"`{command['command']}`" in paragraph
    for each in ("events", "interactivity", "select menus' options"):
        assert each in paragraph


def test_the_guide_says_what_each_permission_is_for() -> None:
    scopes = json.loads((ROOT / "bot" / "slack_manifest.json").read_text(encoding="utf-8"))["oauth_config"]["scopes"]
    rows = re.findall(r"^\| (`[a-z]+[:`].*?) \|", GUIDES["slack.md"], re.MULTILINE)
    said = [(name, "(optional)" in row) for row in rows for name in re.findall("`(.+?)`", row)]
    assert sorted(said) == [(name, name in scopes["bot_optional"]) for name in sorted(scopes["bot"])]


def test_the_test_command_of_the_readme_is_that_of_ci() -> None:
    [command] = [line for line in README.splitlines() if line.startswith("PIP") and "pytest" in line]
    _, _, run = command.rpartition("python3 -m ")
    assert f"exec {run} " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_contributing_names_only_files_that_exist() -> None:
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+(?:\.\w+)?)`", CONTRIBUTING))
    missing = {path for path in named if not (ROOT / path).exists() and not (ROOT / "tests" / path).exists()}
    assert missing == set()


def test_contributing_names_only_tests_that_exist() -> None:
    rows = re.findall(r"^\| `([a-z]+/\w+\.py)` `…(\w+)…?`", CONTRIBUTING, re.MULTILINE)
    assert len(rows) > 5
    for path, part in rows:
        assert re.search(rf"def test_\w*{part}", (ROOT / "tests" / path).read_text(encoding="utf-8")), part


def test_the_map_of_a_package_names_each_of_its_modules() -> None:
    for package in sorted((ROOT / "bot").rglob("__init__.py")):
        said = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8"))) or ""
        named = set(re.findall(r"^(\w+)\.py ", said, re.MULTILINE))
        if named and package.parent.name != "bot":  # that map names packages, and some modules in one line
            assert named == {path.stem for path in package.parent.glob("*.py")} - {"__init__"}, package
