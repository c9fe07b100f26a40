"""What .github/deploy/ names exists: commands, ports, paths, settings, versions; and the chart keeps its promises.

The chart is rendered by Helm's own engine and held against Kubernetes' own schemas: both come with the group `charts`.
"""

import json
import re
import shlex
import sys
import tomllib
from asyncio import create_subprocess_exec
from configparser import RawConfigParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import pytest
import typer
import yaml
from aiohttp import web
from yarl import URL

from bot.cli.app import STOP_SECONDS, app
from bot.config import Settings
from bot.desk import Desk
from bot.run import EVERYTHING, Part
from bot.watch.web import Watch
from tests.conftest import Bot
from tests.fakes.ports import free_port

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / ".github" / "deploy"
CHART = DEPLOY / "chart"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PYPROJECT["project"]["version"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SETTINGS = {name.upper() for name in Settings.model_fields}
OF_THE_SECRET = {
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL", "WEBCARE_SECRET_KEY", "METRICS_TOKEN",
    "SENTRY_DSN",
}  # fmt: skip
OF_THE_CHART = {"HOST", "PORT", "WATCH_PORT"}
GIVEN: dict[str, Any] = {
    "existingSecret": "geheim",
    "settings": {"SLACK_CHANNEL": "C0", "POLL_SECONDS": 20, "LOG_FORMAT": "text", "TEAM_NAME": 'Team "A": 1'},
    "web": {"http": True, "readiness": "/healthz"},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls", "annotations": {"a/b": "c"}},
    "imagePullSecrets": [{"name": "pull"}],
    "backup": {"schedule": "15 3 * * *", "existingClaim": "backups"},
    "networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
}


def parts_of(*words: str) -> set[Part]:
    """What `webcare` with these words would do; fails when it does not understand them."""
    group = cast(click.Group, typer.main.get_command(app))
    context = group.commands[words[0]].make_context(words[0], list(words[1:]))
    return set(context.params.get("only") or EVERYTHING) if words[0] == "run" else set()


def watched_paths() -> set[str]:
    site = web.Application()
    Watch(cast(Desk, SimpleNamespace(now=None))).add_routes(site)
    return {route.resource.canonical for route in site.router.routes() if route.resource}


def in_containerfile(instruction: str) -> list[str]:
    joined = CONTAINERFILE.replace("\\\n", " ")
    return re.findall(rf"^{instruction} (.*)$", joined, re.MULTILINE)


def image_environment() -> dict[str, str]:
    words = shlex.split(" ".join(in_containerfile("ENV")))
    return dict(word.split("=", 1) for word in words)


def test_all_are_of_the_version_of_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    images = {service["image"] for name, service in COMPOSE["services"].items() if name != "db"}
    assert (chart["version"], chart["appVersion"], images) == (VERSION, VERSION, {f"webcare-bot:{VERSION}"})
    assert f"-t webcare-bot:{VERSION} ." in CONTAINERFILE
    assert f'image.version="{VERSION}"' in CONTAINERFILE


def test_the_image_is_built_of_all_our_packages_and_runs_as_nobody_in_particular() -> None:
    copied = {word for line in in_containerfile("COPY") for word in line.split()[:-1]}
    packages = set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages <= copied
    assert {"pyproject.toml", "README.md", "LICENSE"} <= copied
    assert set(re.findall(r"--extra (\w+)", CONTAINERFILE)) == set(PYPROJECT["project"]["optional-dependencies"])
    assert in_containerfile("USER") == ["10001:10001"]
    _, _, last = CONTAINERFILE.rpartition("\nFROM ")
    assert not re.search("gcc|build-essential|pip install|uv ", last)
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    [python] = re.findall(r"^ARG BASE=python:([\d.]+)-slim$", CONTAINERFILE, re.MULTILINE)
    assert f'"{python}"' in workflow


def test_the_image_starts_the_bot_with_settings_that_exist() -> None:
    [entry], [words] = in_containerfile("ENTRYPOINT"), in_containerfile("CMD")
    assert json.loads(entry) == list(PYPROJECT["project"]["scripts"])
    assert parts_of(*json.loads(words)) == set(EVERYTHING)
    environment = image_environment()
    ours = {name for name in environment if not name.startswith(("UV_", "PYTHON")) and name != "PATH"}
    assert ours <= SETTINGS
    assert environment["PORT"] == environment["WATCH_PORT"] == in_containerfile("EXPOSE")[0]


async def test_the_health_check_of_the_image_tells_a_bot_from_none(sqlite_bot: Bot) -> None:
    [check] = re.findall(r"CMD (.*)$", in_containerfile("HEALTHCHECK")[0])
    python, *words = json.loads(check)
    assert python == "python"
    for port, code in ((URL(sqlite_bot.url).port, 0), (free_port(), 1)):
        asked = await create_subprocess_exec(sys.executable, *words, env={"PORT": str(port)}, stderr=-3)
        assert await asked.wait() == code


def test_compose_starts_each_part_after_the_migration_with_settings_that_exist() -> None:
    services = {name: service for name, service in COMPOSE["services"].items() if name != "db"}
    done = {name: parts_of(*service["command"]) for name, service in services.items()}
    assert done == {"migrate": set(), "web": {Part.WEB}, "worker": {Part.WORKER, Part.CLOCK}}
    for name, service in services.items():
        assert set(service["environment"]) - {"PGPASSWORD"} <= SETTINGS
        assert (service["read_only"], service["cap_drop"], service["env_file"]) == (True, ["ALL"], [".env"])
        assert int(service["stop_grace_period"].rstrip("s")) > STOP_SECONDS
        after = {"db": "service_healthy"} if name == "migrate" else {"migrate": "service_completed_successfully"}
        assert {of: how["condition"] for of, how in service["depends_on"].items()} == after
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert services["worker"]["deploy"]["replicas"] > 1
    assert services["web"]["ports"] == [f"127.0.0.1:{image_environment()['PORT']}:{image_environment()['PORT']}"]


def test_the_procfile_starts_what_compose_starts() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    told = {line.partition(": webcare ")[0]: parts_of(*line.partition(": webcare ")[2].split()) for line in lines}
    assert told == {"release": set(), "web": {Part.WEB}, "worker": {Part.WORKER, Part.CLOCK}}


def test_the_service_of_systemd_is_installed_from_what_is_in_the_repository() -> None:
    """The package is on no index: it is installed from the folder, in the versions that the tests ran with."""
    head = (DEPLOY / "webcare.service").read_text(encoding="utf-8").partition("[Unit]")[0]
    [extra] = re.findall(r"uv sync .*--extra (\w+)", head)
    assert (
        extra
        in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    )
    assert [(ROOT / path).is_file() for path in re.findall(r"cp (\S+)", head)] == [True]
    assert "UV_PROJECT_ENVIRONMENT=/opt/webcare " in head


def test_the_service_of_systemd_runs_commands_that_exist_and_can_harm_little() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "webcare.service")
    service = unit["Service"]
    for name, words in (("ExecStartPre", ["migrate"]), ("ExecStart", ["run"])):
        program, *said = service[name].split()
        assert (program, said) == ("/opt/webcare/bin/webcare", words)
        parts_of(*said)
    assert int(service["TimeoutStopSec"]) > STOP_SECONDS
    assert {name.partition("=")[0] for name in service["Environment"].split()} - SETTINGS == {
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
    }
    assert (service["ProtectSystem"], service["NoNewPrivileges"], service["User"]) == ("strict", "yes", "webcare")
    assert service["CapabilityBoundingSet"] == ""


def test_the_chart_takes_every_setting_in_one_place() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    plain = set(schema["properties"]["settings"]["properties"])
    assert plain | OF_THE_SECRET | OF_THE_CHART == SETTINGS
    assert not plain & (OF_THE_SECRET | OF_THE_CHART)
    secret = {name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert secret <= OF_THE_SECRET


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """What Helm makes of the chart."""
    helm = pytest.importorskip("helm_python.chart", reason="Helm's engine is not here: uv sync --group charts")
    made = helm.Chart.load(CHART).render(values, name="webcare", namespace="webcare")
    return [each for text in made.values() for each in yaml.safe_load_all(text) if each]


@pytest.mark.parametrize("values", [{"existingSecret": "geheim"}, GIVEN], ids=["least", "most"])
def test_the_chart_is_what_kubernetes_and_haven_ask_for(values: dict[str, Any]) -> None:
    """Haven (https://haven.commonground.nl): nothing as root, probes, resources, no rights in the cluster."""
    objects = rendered(values)
    schemas = pytest.importorskip("kubernetes_validate", reason="its schemas are not here: uv sync --group charts")
    for each in objects:
        for version in ("1.28", schemas.latest_version()):
            schemas.validate(each, version, strict=True)
    kinds = {each["kind"] for each in objects}
    assert kinds <= {
        "CronJob", "Deployment", "Job", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "Ingress",
    }  # fmt: skip
    done = set[Part]()
    for each in objects:
        if each["kind"] not in {"CronJob", "Deployment", "Job"}:
            continue
        template = (each["spec"]["jobTemplate"] if each["kind"] == "CronJob" else each)["spec"]["template"]
        pod, labels = template["spec"], template["metadata"]["labels"]
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert {"requests", "limits"} <= set(container["resources"])
        assert container["image"] == f"webcare-bot:{VERSION}"
        assert container["envFrom"] == [{"secretRef": {"name": "geheim"}}]
        told = {one["name"]: one["value"] for one in container["env"]}
        assert set(told) <= SETTINGS - OF_THE_SECRET
        assert all(told.get(name) == str(value) for name, value in values.get("settings", {}).items())
        assert any(selects(policy, labels, "podSelector") for policy in objects if policy["kind"] == "NetworkPolicy")
        done |= parts_of(*container["args"])
        if each["kind"] == "Deployment":
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["path"] in watched_paths()
            assert str(container["ports"][0]["containerPort"]) == told["PORT"] == told["WATCH_PORT"]
            assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS + 5
            assert any(selects(one, labels, "selector") for one in objects if one["kind"] == "PodDisruptionBudget")
        elif each["kind"] == "CronJob":
            assert container["args"] == ["backup"]
            [place] = [
                one["name"] for one in container["volumeMounts"] if one["mountPath"] == in_containerfile("WORKDIR")[-1]
            ]
            assert {"name": place, "persistentVolumeClaim": {"claimName": "backups"}} in pod["volumes"]
        else:
            assert "pre-upgrade" in each["metadata"]["annotations"]["helm.sh/hook"]
            assert container["args"] == ["migrate"]
    assert done == set(EVERYTHING)
    assert ("CronJob" in kinds) == ("backup" in values)


def selects(each: dict[str, Any], labels: dict[str, str], by: str) -> bool:
    return bool(each["spec"][by]["matchLabels"].items() <= labels.items())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"existingSecret": "x", "settings": {"SLACK_BOT_TOKEN": "xoxb"}},
        {"existingSecret": "x", "settings": {"PORT": 1}},
        {"existingSecret": "x", "setings": {}},
        {"existingSecret": "x", "web": {"replicas": 0}},
        {"existingSecret": "x", "backup": {"schedule": "15 3 * * *"}},
    ],
)
def test_the_chart_refuses_values_that_it_does_not_know_and_secrets_in_the_open(wrong: dict[str, Any]) -> None:
    pytest.importorskip("helm_python.chart", reason="Helm's engine is not here: uv sync --group charts")
    with pytest.raises(Exception, match=r"existingSecret|existingClaim|schema"):
        rendered(wrong)


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    helm = pytest.importorskip("helm_python.chart", reason="Helm's engine is not here: uv sync --group charts")
    report = helm.lint(CHART, {"existingSecret": "geheim"}, strict=True)
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] > 1] == []
