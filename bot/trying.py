"""`webcare try`: the bot unchanged in a local Slack workspace, with a citizens' square beside it; no account needed."""

import asyncio
import json
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from bot import accounts, db, seal
from bot.config import BadSettings, Settings
from bot.run import run, utc_now
from bot.sandbox import seed
from bot.sandbox.server import LocalSlack

MANIFEST = Path(__file__).parent / "slack_manifest.json"
CHANNEL = "C0WEBCARE"


@dataclass(frozen=True)
class RealSource:
    """A public source to read real posts from, without a token: a platform, an address and its options."""

    platform: str
    name: str
    url: str
    hashtags: tuple[str, ...] = ()


async def try_out(
    *,
    port: int,
    sources: Sequence[RealSource] = (),
    say: Callable[[str], None] = print,
    browse: bool = True,
    speed: float = 1.0,
    ready: asyncio.Future[LocalSlack] | None = None,
) -> None:
    """Run the local workspace on this port until interrupted; everything in it is gone afterwards.

    With `speed` the bot's clock starts on a working day at nine and goes that much faster: an hour in a minute at 60.
    `ready` gets the workspace once the bot works in it. Raises BadSettings when the port is taken.
    """
    slack = LocalSlack(json.loads(MANIFEST.read_text(encoding="utf-8")))
    try:
        await slack.start(port=port)
    except OSError:
        raise BadSettings(f"Port {port} is taken: choose another with --port.") from None
    with tempfile.TemporaryDirectory(prefix="webcare-try-", ignore_cleanup_errors=True) as folder:
        settings = _settings(slack, Path(folder), speed)
        try:
            await _prepare(settings, slack, sources)
            async with _at_work(settings, slack, speed) as bot:
                say(f"The local workspace is open at {slack.base_url} – Ctrl-C stops it.")
                if browse:
                    with suppress(webbrowser.Error):
                        webbrowser.open(slack.base_url)
                if ready is not None:
                    ready.set_result(slack)
                await bot
        finally:
            await slack.stop()


@asynccontextmanager
async def _at_work(settings: Settings, slack: LocalSlack, speed: float) -> AsyncIterator[asyncio.Task[None]]:
    """Run the bot and the citizens on the square, and let both end with the block; gives the bot, once it serves."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(run(settings, ready=ready, now=fast_clock(speed), speed=speed))]
    bot = tasks[0]
    try:
        await asyncio.wait((bot, ready), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await bot  # says why it cannot start
        slack.square.bot_url = f"{ready.result()}/in/plein"
        tasks.append(asyncio.create_task(seed.play(slack)))
        yield bot
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def fast_clock(speed: float) -> Callable[[], datetime]:
    """Return a clock that goes so much faster than the world's, from nine o'clock on the last working day."""
    if speed == 1:
        return utc_now
    started = utc_now()
    first = started.astimezone(ZoneInfo("Europe/Amsterdam")).replace(hour=9, minute=0, second=0, microsecond=0)
    first -= timedelta(days=max(0, first.weekday() - 4))
    return lambda: first.astimezone(UTC) + (utc_now() - started) * speed


def _settings(slack: LocalSlack, folder: Path, speed: float) -> Settings:
    settings = Settings(
        _env_file=None,
        slack_bot_token=SecretStr(slack.app.bot_token),
        slack_app_token=SecretStr(slack.app.app_token),
        slack_signing_secret=SecretStr(slack.app.signing_secret),
        slack_channel=CHANNEL,
        slack_api_url=slack.api_url,
        team_name="Webcare",
        database_url=f"sqlite:///{folder / 'try.db'}",
        webcare_secret_key=SecretStr(seal.new_key()),
        public_url="",
        host="127.0.0.1",
        port=0,
        poll_seconds=10,
        allow_private_addresses=True,
    )
    # The seconds to undo are those of the person who is looking.
    return settings.model_copy(update={"undo_seconds": settings.undo_seconds * speed})


async def _prepare(settings: Settings, slack: LocalSlack, sources: Sequence[RealSource]) -> None:
    """Make the database, and the accounts: the square, and what is to be read for real."""
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        async with db.sessions(engine)() as session:
            now = utc_now()
            await accounts.ensure_team(session, settings, now)
            await accounts.add(
                session, settings, platform="webhook", name="plein", url="",
                secrets={"signing_secret": slack.square.secret},
                options={"title": "Het Plein", "callback_url": f"{slack.base_url}/square/replies"}, now=now,
            )  # fmt: skip
            for source in sources:
                options = {"hashtags": list(source.hashtags), "read_only": True} if source.hashtags else {}
                await accounts.add(
                    session, settings, platform=source.platform, name=source.name, url=source.url,
                    secrets={}, options=options, now=now,
                )  # fmt: skip
    finally:
        await engine.dispose()
