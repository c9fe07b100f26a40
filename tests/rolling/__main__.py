"""An older program and this one at work on one PostgreSQL, as in an update; nothing is lost or doubled.

    uv run python -m tests.rolling [--since v0.1.0] [--mentions 20]

The older one is taken from git: the newest release, or else the commit before the newest migration. It gets an
environment of its own and makes its own tables. While it takes mentions in, this program migrates, and then starts
beside it: mentions go to both, colleagues' clicks to either, both write in Slack and answer citizens. At last the older
one is told to stop. Run by hand: it needs the history, and installs the older program's packages.
"""

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import text

from bot.models import Case, Mention, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from tests.bench.apps import ROOT, blank_databases
from tests.conftest import CHANNEL, MANIFEST, SANNE, SECRET_KEY, YOUSSEF, Bot, eventually
from tests.fakes.ports import free_port
from tests.faults.processes import in_slack, is_level, looking_on
from tests.people import answer, square_texts

VERSIONS = "bot/migrations/versions"
STOP_SECONDS = 10
COUNTING = """
CREATE TABLE runs (worker bigint, at timestamptz);
CREATE FUNCTION count_run() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO runs VALUES (NEW.worker_id, clock_timestamp()); RETURN NEW; END $$;
CREATE TRIGGER count_runs AFTER UPDATE OF status ON procrastinate_jobs FOR EACH ROW
  WHEN (NEW.status = 'doing') EXECUTE FUNCTION count_run();
"""
"""Notes which process began each lane."""


@dataclass(frozen=True)
class Program:
    """One of the two programs, with what it is told; its log goes to folder/log."""

    name: str
    command: Sequence[str]
    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    async def start(self, *words: str, output: int | None = None) -> asyncio.subprocess.Process:
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.command, *words, cwd=self.folder, env=self.environment | {"PORT": str(self.port)},
                stdin=subprocess.DEVNULL, stdout=output or log, stderr=log,
            )  # fmt: skip

    async def does(self, *words: str) -> str:
        """Run a command to its end and return what it wrote."""
        process = await self.start(*words, output=subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0, f"{self.name}: webcare {' '.join(words)}\n{out.decode()}\n{self.log}"
        return out.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await self.start("run")
        try:
            await eventually(self._runs, 120)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _runs(self) -> bool:
        return "webcare runs" in self.log


async def main() -> None:
    """Roll this program out over the older one, and say what became of what came in."""
    options = _options()
    since = options.since or _newest_release() or _before_the_newest_migration()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webcare-rolling-")))
        url, _ = stack.enter_context(blank_databases("postgresql"))
        rules = Rules(message_seconds=0, tiers=False, ack_seconds=30, trigger_seconds=60)
        slack = await stack.enter_async_context(Sandbox(MANIFEST, rules=rules))
        old = _program("older", [str(_installed(folder, since))], folder, slack, url)
        new = _program("this", [sys.executable, "-m", "bot"], folder, slack, url)
        await old.does("migrate")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(COUNTING)
        added = await old.does("accounts", "add", "webhook", "--name", "plein", "--anyway", "--callback-url",
                               f"{slack.base_url}/square/replies")  # fmt: skip
        slack.square.secret = re.findall(r"whsec_\S+", added)[0]
        _say(f"older: {_git('log', '--format=%h %s', '-1', since)}")
        await _roll_out(stack, slack, old, new, url, options.mentions)
    _say("nothing is lost or doubled, and neither logged an error")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--since", default="", help="the older program: a tag or a commit")
    parser.add_argument("--mentions", type=int, default=20, help="how many come in at each step")
    return parser.parse_args()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _newest_release() -> str:
    return next(iter(_git("tag", "--list", "v*", "--sort=-version:refname").splitlines()), "")


def _before_the_newest_migration() -> str:
    newest = max((ROOT / VERSIONS).glob("[0-9]*.py"))
    return _git("log", "--diff-filter=A", "--format=%H", "-1", "--", f"{VERSIONS}/{newest.name}") + "~1"


def _installed(folder: Path, commit: str) -> Path:
    """Check this commit out into a folder and install it with its own packages; returns its `webcare`."""
    checked_out = folder / "program"
    checked_out.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(checked_out)], input=archive, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    install = ["uv", "sync", "--quiet", "--no-dev", "--extra", "postgres"]
    subprocess.run(install, cwd=checked_out, env=environment, check=True)
    return checked_out / ".venv" / "bin" / "webcare"


def _program(name: str, command: Sequence[str], folder: Path, slack: Sandbox, url: str) -> Program:
    own = folder / name
    own.mkdir()
    environment = {
        "PATH": os.defpath, "PYTHONPATH": str(ROOT) if name == "this" else "", "DATABASE_URL": url,
        "SLACK_BOT_TOKEN": slack.app.bot_token, "SLACK_APP_TOKEN": slack.app.app_token, "SLACK_CHANNEL": CHANNEL,
        "SLACK_API_URL": slack.api_url, "SLACK_PACE": "0", "UNDO_SECONDS": "0", "POLL_SECONDS": "1",
        "ALLOW_PRIVATE_ADDRESSES": "true", "WEBCARE_SECRET_KEY": SECRET_KEY,
    }  # fmt: skip
    return Program(name, command, own, free_port(), environment)


async def _roll_out(stack: AsyncExitStack, slack: Sandbox, old: Program, new: Program, url: str, count: int) -> None:
    writing, seen = _citizens(slack, count), set[str]()
    async with old.running() as process:
        await writing(old)
        await asyncio.gather(writing(old), new.does("migrate"))  # the tables change under the older one
        await stack.enter_async_context(new.running())
        bot = await stack.enter_async_context(looking_on(url, slack))
        await slack.wait_for(lambda: len(slack.socket_mode.connections) == 2, 120)
        await writing(old, new)
        await _colleagues(bot, seen)
        await writing(old, new)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2 * STOP_SECONDS):
            assert await process.wait() == 0, "the older one did not end well"
    await writing(new)
    await _colleagues(bot, seen)
    await eventually(lambda: is_level(bot), 120)
    await _all_is_well(bot, old, new)


def _citizens(slack: Sandbox, count: int) -> Callable[..., Awaitable[None]]:
    """Return what lets so many citizens write to these programs in turn, and waits for their cards."""
    written = 0

    async def write(*programs: Program) -> None:
        nonlocal written
        for number in range(written, written + count):
            slack.square.bot_url = f"http://127.0.0.1:{programs[number % len(programs)].port}/in/plein"
            author = {"id": f"a{number}", "name": f"Burger {number:03}", "handle": f"burger{number}"}
            post = slack.square.post(author, f"Melding {number:03}")
            await slack.wait_for(partial(post.get, "delivered"), 60)
        written += count
        await slack.wait_for(lambda: len(slack.messages(CHANNEL)) >= written, 120)

    return write


async def _colleagues(bot: Bot, seen: set[str]) -> None:
    """Let one colleague answer every third case that is not `seen`, and another claim the one after it."""
    for number, card in enumerate(bot.cards()):
        if card["ts"] in seen:
            continue
        seen.add(card["ts"])
        if number % 3 == 0:
            await answer(bot, SANNE, card, f"Antwoord {number:03}")
        elif number % 3 == 1:
            assert (await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")).ok
    await eventually(lambda: _all_sent(bot, len(seen)), 120)


async def _all_sent(bot: Bot, cases: int) -> bool:
    return [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT] * ((cases + 2) // 3)


async def _all_is_well(bot: Bot, old: Program, new: Program) -> None:
    wrote = [post["text"] for post in bot.slack.square.posts if not post["author"]["team"]]
    assert Counter(mention.text for mention in await bot.rows(Mention)) == Counter(wrote)
    cases, replies = await bot.rows(Case), await bot.rows(Reply)
    assert len(cases) == len(bot.cards()) == len(wrote)
    assert Counter(square_texts(bot)) == Counter(reply.text for reply in replies)
    shown = in_slack(bot)
    assert set(shown.values()) == {1}, "a message stands in Slack twice"
    async with bot.engine.connect() as connection:
        tallied = text("SELECT count(*) FROM runs GROUP BY worker ORDER BY min(at)")
        runs = (await connection.execute(tallied)).scalars().all()
    assert len(runs) == 2, "both must have worked on lanes"
    for program in (old, new):
        faults = [
            line for line in program.log.splitlines() if "[error" in line or "error at" in line or "Trace" in line
        ]
        assert not faults, f"{program.name}: {faults}"
    _say(f"{len(wrote)} mentions, {len(cases)} cards, {len(replies)} answers")
    _say(f"the older ran {runs[0]} lanes, this one {runs[1]}")


if __name__ == "__main__":
    asyncio.run(main())
