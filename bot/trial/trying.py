"""`webcare try`: the unchanged bot in a local Slack workspace, with the citizens' square; it needs no account."""

import asyncio
import json
import os
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, connectors, db
from bot.accounts import seal
from bot.config import BadSettings, Settings, load_settings_with, without_proxies
from bot.connectors.base import Account as OpenedAccount
from bot.connectors.http import host, new_client
from bot.connectors.webhook.mentions import posts_of
from bot.domain.hours import at_minute
from bot.domain.period import opening
from bot.models import Account, Role, Team
from bot.run import run
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.sandbox.square import example_posts
from bot.sandbox.square.posts import Square
from bot.steady_clock import utc_now
from bot.team import agents
from bot.team.settings import Snippet, TeamSettings
from bot.texts import Texts
from bot.trial import demo_history, elsewhere, fire, platforms

MANIFEST = Path(__file__).parents[1] / "slack_manifest.json"
CHANNEL = "C0WEBCARE"
COORDINATOR = "U0MARIEKE"
OTHER_TEAM, OTHER_CHANNEL, OTHER_COORDINATOR = "Beheer", "C0BEHEER", "U0TOM"
"""A second team, to ask for advice or to transfer a case to."""
SOURCES = (("plein", "Het Plein"), ("formulier", "Contactformulier"))
"""The team's first sources: names and titles. Both have a history; only the first gets new posts."""
HISTORY = timedelta(days=22)
BEFORE_OPENING = timedelta(minutes=3)
TEAM = TeamSettings(
    coordinators=[COORDINATOR],
    escalation_channel="C0ESCALATIE",
    topics=list(demo_history.TOPICS),
    snippets=[
        Snippet(title="Doorgegeven", text="Dag {name}, dank voor uw melding. We geven het door aan onze collega's."),
        Snippet(title="Meer weten", text="Dag {name}, om u te helpen weten we graag meer. Om welk adres gaat het?"),
    ],
)


@dataclass(frozen=True)
class RealSource:
    """A public source to read real posts from, without a token: a platform, an address and its options."""

    platform: str
    name: str
    url: str
    hashtags: tuple[str, ...] = ()


def public_sources(mastodon: str, hashtags: Sequence[str], feeds: Sequence[str]) -> list[RealSource]:
    """Return the sources of these addresses; raises BadSettings for a server without hashtags or the reverse."""
    tags = tuple(tag.strip().lstrip("#") for tag in hashtags if tag.strip().lstrip("#"))
    if bool(mastodon) != bool(tags):
        raise BadSettings("Reading from Mastodon needs both: --mastodon https://SERVER --hashtag TAG.")
    servers = [RealSource("mastodon", host(mastodon), mastodon.rstrip("/"), tags)] if mastodon else []
    return [*servers, *(RealSource("feed", url.split("://")[-1], url) for url in feeds)]


SHOWN_DAYS = 7
"""How far back the first reading of a real source goes, so that there is something to see."""


@dataclass
class FastClock:
    """A clock that runs `speed` times as fast as real time; it stands still at `first` until `start`."""

    first: datetime
    speed: float
    _started: datetime | None = None

    def start(self) -> None:
        """Start the clock."""
        self._started = utc_now()

    def __call__(self) -> datetime:
        """Return the time of this clock."""
        return self.first + (utc_now() - self._started) * self.speed if self._started else self.first


async def try_out(
    *,
    port: int,
    sources: Sequence[RealSource] = (),
    say: Callable[[str], None] = print,
    browse: bool = True,
    speed: float = 1.0,
    flood: bool = False,
    ready: asyncio.Future[Sandbox] | None = None,
) -> None:
    """Run the local workspace on this port until interrupted, and delete all its data afterwards.

    With a `speed` above 1 its time runs that much faster, and begins on a Monday just before opening time. With `flood`
    citizens write about a fire. `ready` gets the workspace once the bot runs in it. Raises BadSettings when the port
    cannot be listened on or a source cannot be read.
    """
    clock = FastClock(just_before_a_week(utc_now()) if speed > 1 else utc_now(), speed)
    slack = _slack(clock)
    try:
        await slack.start(port=port)
    except OSError as error:
        why = os.strerror(error.errno or 0)  # that of the error says the address once more
        raise BadSettings(f"Cannot listen on port {port} ({why}): choose another with --port.") from None
    with tempfile.TemporaryDirectory(prefix="webcare-try-", ignore_cleanup_errors=True) as folder, without_proxies():
        settings = _settings(slack, Path(folder), speed)
        slack.workspace.language = settings.webcare_language
        slack.square.places = platforms.places_in(Texts(settings.webcare_language, settings.time_zone))
        try:
            await _prepare(settings, slack, sources, clock, flood=flood)
            async with _running(settings, slack, clock, fire.play if flood else _first_minute) as bot:
                say(f"The local workspace is open at {slack.base_url} – Ctrl-C stops it.")
                if browse:
                    with suppress(webbrowser.Error):
                        webbrowser.open(slack.base_url)
                if ready is not None:
                    ready.set_result(slack)
                await bot
        finally:
            await slack.stop()


def just_before_a_week(now: datetime) -> datetime:
    """Return some minutes before opening time on the last working Monday of an earlier week.

    It is in an earlier week, so that moments of the fast clock are not in the future by real time.
    """
    hours = TeamSettings().hours(now)
    today = now.astimezone(hours.zone).date()
    mondays = (today - timedelta(days=today.weekday() + 7 * weeks) for weeks in count(1))
    opened = next(at for monday in mondays if (at := opening(hours, monday)))
    return opened.astimezone(hours.zone) - BEFORE_OPENING


@asynccontextmanager
async def _running(
    settings: Settings, slack: Sandbox, clock: FastClock, play: Callable[[Square], Coroutine[Any, Any, None]]
) -> AsyncIterator[asyncio.Task[None]]:
    """Run the bot and the citizens until the block ends; yields the bot's task once it serves.

    `play` lets the citizens write.
    """
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    work = run(settings, ready=ready, now=clock, speed=clock.speed, stand_ins=platforms.on_square())
    tasks = [asyncio.create_task(work)]
    bot = tasks[0]
    clock.start()
    try:
        await asyncio.wait((bot, ready), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await bot  # raises the reason if it cannot start
        slack.square.bot_url = f"{ready.result()}/in/plein"
        elsewhere.publish(slack.square, clock())
        tasks.append(asyncio.create_task(play(slack.square)))
        yield bot
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first_minute(square: Square) -> None:
    await asyncio.gather(example_posts.play(square), elsewhere.play(square))


def _slack(clock: FastClock) -> Sandbox:
    """Return the workspace with this clock; how long a click is valid is in real time, for the person at the screen."""
    slacks = Rules()
    rules = replace(
        slacks,
        trigger_seconds=slacks.trigger_seconds * clock.speed,
        response_url_seconds=slacks.response_url_seconds * clock.speed,
    )
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    slack = Sandbox(manifest, rules=rules, now=lambda: clock().timestamp(), speed=clock.speed, open_action="case:claim")
    for channel in (CHANNEL, TEAM.escalation_channel, OTHER_CHANNEL):
        slack.workspace.channels[channel].private = True  # as the bot advises every team
    return slack


def _settings(slack: Sandbox, folder: Path, speed: float) -> Settings:
    settings = load_settings_with(
        slack_bot_token=SecretStr(slack.app.bot_token),
        slack_app_token=SecretStr(slack.app.app_token),
        slack_signing_secret=SecretStr(slack.app.signing_secret),
        slack_channel=CHANNEL,
        slack_api_url=slack.api_url,
        team_name="Webcare",
        database_url=db.address_of_file(folder / "try.db"),
        webcare_secret_key=SecretStr(seal.new_key()),
        public_url="",
        host="127.0.0.1",
        port=0,
        poll_seconds=10,
        allow_private_addresses=True,
    )
    # The person at the screen has the usual real seconds to undo.
    return settings.model_copy(update={"undo_seconds": settings.undo_seconds * speed})


async def _prepare(
    settings: Settings, slack: Sandbox, sources: Sequence[RealSource], clock: FastClock, *, flood: bool
) -> None:
    """Create the database with the team, its history and its accounts: the square, a form and the real sources.

    Only in a flood the team reads that more comes in than usual: any first minute is more than its history has.
    """
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        async with db.sessions(engine)() as session:
            began = clock() - HISTORY
            await accounts.ensure_team(session, settings, began)
            [team] = await session.exec(select(Team))
            await agents.set_roles(session, team.id, {Role.COORDINATOR: [COORDINATOR]}, by=COORDINATOR, now=began)
            chosen = TEAM.model_copy(update={"spikes": flood})
            team.settings = chosen.model_dump(mode="json", exclude_unset=True)
            await _add_other_team(session, clock())
            ours = [await _square(session, settings, slack, began, *named) for named in SOURCES]
            await platforms.add_accounts(session, settings, slack, began)
            still_open = _post_earlier(slack, clock, accounts.opened(ours[0], settings))
            await demo_history.write_history(session, team, ours, clock(), still_open=still_open)
            for source in sources:
                await _add_source(session, settings, source)
    finally:
        await engine.dispose()


async def _add_source(session: AsyncSession, settings: Settings, source: RealSource) -> None:
    """Add a real source; raises BadSettings with the reason when it cannot be read."""
    reads = {"hashtags": list(source.hashtags), "read_only": True} if source.hashtags else {}
    about = {"platform": source.platform, "name": source.name, "url": source.url}
    options = {**reads, "since_days": SHOWN_DAYS}
    draft = accounts.drafted(settings, **about, secrets={}, options=options)
    async with new_client(allow_private=settings.allow_private_addresses) as client:
        health = await accounts.health(connectors.connect(draft, accounts.tools_of(draft, client, utc_now)))
    if health.problems:
        why = " ".join(map(str, health.problems))
        raise BadSettings(f"{source.url} cannot be read: give another address, or leave it out. {why}")
    await accounts.add(session, settings, **about, secrets={}, options=options, now=utc_now())


async def _add_other_team(session: AsyncSession, now: datetime) -> None:
    settings = TeamSettings(coordinators=[OTHER_COORDINATOR]).model_dump(mode="json", exclude_unset=True)
    other = Team(name=OTHER_TEAM, channel=OTHER_CHANNEL, settings=settings, created_at=now)
    session.add(other)
    await session.flush()
    await agents.set_roles(session, other.id, {Role.COORDINATOR: [OTHER_COORDINATOR]}, by=OTHER_COORDINATOR, now=now)


async def _square(
    session: AsyncSession, settings: Settings, slack: Sandbox, now: datetime, name: str, title: str
) -> Account:
    options = {"title": title, "callback_url": f"{slack.base_url}/square/replies", "images": True}
    secrets = {"signing_secret": slack.square.secret}
    return await accounts.add(
        session, settings, platform="webhook", name=name, url="", secrets=secrets, options=options, now=now
    )


def _post_earlier(slack: Sandbox, clock: FastClock, square: OpenedAccount) -> list[demo_history.OpenPost]:
    """With a fast clock, post last Friday's questions on the square: one without an answer, one with a promise."""
    if clock.speed == 1:
        return []
    zone = clock.first.tzinfo or UTC
    friday, monday = (clock.first - timedelta(days=3)).date(), clock.first.date()
    asked = at_minute(friday, 16 * 60 + 20, zone)
    posted = example_posts.post_earlier(slack.square, asked, asked + demo_history.ANSWERED_AFTER)
    bodies = [json.dumps(slack.square.as_sent(each)).encode() for each in posted]
    [late], [promised] = [posts_of(square, body, now=asked) for body in bodies]
    return [
        demo_history.OpenPost(late),
        demo_history.OpenPost(promised, example_posts.INTERIM, at_minute(monday, 11 * 60, zone)),
    ]
