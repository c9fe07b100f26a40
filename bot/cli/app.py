"""The command `webcare`: set the bot up, check it and run it."""

import asyncio
import contextlib
import importlib
import importlib.metadata
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy import func
from sqlmodel import col, select
from typer.core import TyperGroup

from bot import db, run
from bot.accounts import seal, seal_anew
from bot.cli import accounts, keeping
from bot.cli import check as checks
from bot.cli.doctor import doctor
from bot.cli.terminal import database, mark, plain, say, settings_for_command, warn, with_key
from bot.config import ENV_FILE, BadSettings, Settings, log_format
from bot.disk import takes_nothing
from bot.domain.text import Wrong
from bot.logs import set_up_logging, trace
from bot.models import Account, Team
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, slack_client, slack_session
from bot.slack.check import CHANNEL, by_http, explain
from bot.slack.membership import find_person
from bot.steady_clock import utc_now
from bot.team import agents
from bot.team import teams as team_settings

log = structlog.get_logger()

BAD_SETTINGS, BUG, STOPPED = 2, 70, 130
"""Exit codes: a wrong setting or argument; a bug (EX_SOFTWARE); stopped by Ctrl-C or SIGTERM."""
STOP_SECONDS = 9
"""Seconds after which a stopping process ends; Docker kills it after 10."""
FULL_DATABASE = "The disk of the database is full or cannot be written: make room there, and try again."
NOT_WRITABLE = (
    "The user of the bot may not write in the database: give that user the right to write all of its tables "
    "(PostgreSQL) or the file and its folder (SQLite), or check DATABASE_URL."
)
FULL_OUTPUT = "The disk to which this is written is full: make room there, and try again."


class _Sentences(TyperGroup):
    """A group of commands that end in one plain sentence and an exit code when they fail, never in a traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; help and version too may be written where there is no room."""
        try:
            return super().main(*args, **extra)
        except Exception as error:
            if not _is_output_full(error):
                raise
            typer.echo(FULL_OUTPUT, err=True)
            # Python would try once more to write what is left, and say so.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(BAD_SETTINGS)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BadSettings as error:
            raise _refused(ctx, plain(error)) from None
        except (typer.Abort, KeyboardInterrupt):
            typer.echo("\nStopped.", err=True)
            raise typer.Exit(STOPPED) from None
        except (typer.Exit, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if _is_output_full(error):
                raise
            if takes_nothing(error):
                raise _refused(ctx, FULL_DATABASE) from None
            if db.may_not_write(error):
                raise _refused(ctx, NOT_WRITABLE) from None
            known = trace(error)
            log.error("a command failed", **known)
            if not _logs_for_a_machine(ctx):
                typer.echo(
                    f"Something went wrong that should not have (reference {known['reference']}): "
                    "the log line above says where; please report it.",
                    err=True,
                )
            raise typer.Exit(BUG) from None


def _is_output_full(error: Exception) -> bool:
    return isinstance(error, OSError) and takes_nothing(error)


def _refused(ctx: Any, why: str) -> typer.Exit:
    """Say in one sentence, or in the log that a machine reads, why a command ends; returns how it ends."""
    if _logs_for_a_machine(ctx):
        set_up_logging("INFO", "json")  # a wrong setting came before that
        log.error("webcare does not start", why=why)
    else:
        typer.echo(why, err=True)
    return typer.Exit(BAD_SETTINGS)


def _logs_for_a_machine(ctx: Any) -> bool:
    """Tell whether this is the bot, and its log is read by a machine, which takes no sentence between its lines."""
    return ctx.invoked_subcommand == "run" and log_format() == "json"


app = typer.Typer(
    cls=_Sentences,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Settings come from the environment or a file .env in this folder. Begin with: webcare check",
)
teams = typer.Typer(no_args_is_help=True, help="The webcare teams and their Slack channels.")
app.add_typer(teams, name="teams")
app.add_typer(accounts.accounts_app, name="accounts")


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"webcare {importlib.metadata.version('webcare-bot')}")
        raise typer.Exit


@app.callback()
def webcare(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Answer citizens where they write, from Slack."""
    _stop_as_by_ctrl_c()
    set_up_logging("INFO", "text")


def _stop_as_by_ctrl_c(first: Callable[[], None] = lambda: None) -> None:
    """Let a command that is told to stop, or whose terminal is closed, leave nothing half done, as by Ctrl-C.

    Else it ends where it is; and as the first process of a container it would not hear of it at all:
    https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
    """

    def stop(_number: int, _frame: object) -> None:
        first()
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a command that a script left in the background
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has it ignored
            signal.signal(number, stop)


@app.command("run")
def run_bot(
    http: Annotated[
        bool, typer.Option("--http", help="Let Slack come to us at /slack/events instead of by Socket Mode.")
    ] = False,
    only: Annotated[
        list[run.Part] | None,
        typer.Option(
            "--only",
            help="With PostgreSQL: do only this part, repeatable. web: hear Slack and serve the web routes. "
            "worker: write to Slack, send to the platforms and read them, and do the jobs. "
            "clock: say when each job is due. Each part must run somewhere; any may run many times.",
        ),
    ] = None,
) -> None:
    """Run the bot until Ctrl-C or SIGTERM; alone it does everything, and shares the work with others like it."""
    parts = frozenset(only or run.EVERYTHING)
    _stop_as_by_ctrl_c(first=_end_in_time)  # while it starts: then the bot hears of it itself
    asyncio.run(run.run(settings_for_command(), http=http, parts=parts, stopping=_end_in_time))


def _end_in_time() -> None:
    """End the process STOP_SECONDS from now, even if something hangs: a thread that resolves an address, a database."""
    timer = threading.Timer(STOP_SECONDS, _end_now)
    timer.daemon = True
    timer.start()


def _end_now() -> None:
    log.warning("webcare ends now; what was cut off is in the database and goes on at the next start")
    sys.stderr.flush()
    os._exit(0)


@app.command("try")
def try_bot(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the local workspace.")] = 8100,
    mastodon: Annotated[str, typer.Option("--mastodon", help="Server to read public posts from, read-only.")] = "",
    hashtag: Annotated[list[str] | None, typer.Option("--hashtag", help="What to read there; repeatable.")] = None,
    feed: Annotated[list[str] | None, typer.Option("--feed", help="RSS or Atom feed to read; repeatable.")] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=1, max=600, help="How much faster time goes: 60 is an hour in a minute.")
    ] = 1,
    flood: Annotated[bool, typer.Option("--flood", help="Play ten minutes of a fire in two: 300 posts.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page by itself.")] = True,
) -> None:
    """Try the bot in a local workspace in your browser; you need no account anywhere."""
    set_up_logging("WARNING", "text")  # what goes well is seen on the page
    trying = importlib.import_module("bot.trial.trying")  # only here: a bot at work needs no local workspace
    sources = trying.public_sources(mastodon, hashtag or [], feed or [])
    asyncio.run(trying.try_out(port=port, sources=sources, say=say, browse=browser, speed=speed, flood=flood))


@app.command()
def check(
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read the whole database too, and let Slack check messages and views without showing them."
        ),
    ] = False,
) -> None:
    """Try everything the bot needs, and say what works and what is missing."""
    if not asyncio.run(_check(settings_for_command(), deep=deep)):
        raise typer.Exit(1)


async def _check(settings: Settings, *, deep: bool) -> bool:
    all_work = True
    async with contextlib.aclosing(checks.findings(settings, deep=deep)) as findings:
        async for finding in findings:
            (warn if finding.warns else partial(mark, finding.works))(f"{finding.about}: {finding.words}")
            all_work = all_work and finding.works
    start = "webcare run --http" if by_http(settings) else "webcare run"
    say(f"All is well: {start}" if all_work else "Solve what has a ✘, then run webcare check again.")
    return all_work


app.command()(doctor)


@app.command()
def migrate() -> None:
    """Create or update the tables of the database (with SQLite the bot does so by itself)."""
    asyncio.run(_migrate(settings_for_command()))


async def _migrate(settings: Settings) -> None:
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        say(f"The tables of {db.place(engine)} are up to date.")
    finally:
        await engine.dispose()


app.command()(keeping.backup)
app.command()(keeping.restore)
app.command()(keeping.copy)


@app.command()
def key(
    show: Annotated[bool, typer.Option("--show", help="Print the key, to keep a copy in a safe place.")] = False,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Encrypt all tokens again, with the first of several keys.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Make a key even though tokens need another one: that one is lost.")
    ] = False,
) -> None:
    """Create the key that encrypts the platforms' tokens and write it into .env, unless there is one."""
    settings = settings_for_command()
    if rotate:
        asyncio.run(_rotate(settings))
        return
    value = settings.webcare_secret_key.get_secret_value()
    if value:
        seal.refuse_malformed(value)
        say(f"There is a WEBCARE_SECRET_KEY already, in {ENV_FILE} or the environment; it is not changed.")
    elif not lost and asyncio.run(_has_tokens(settings)):
        raise BadSettings(seal.LOST_KEY)
    settings = with_key(settings)
    if show:
        say(settings.webcare_secret_key.get_secret_value())


async def _has_tokens(settings: Settings) -> bool:
    """Tell whether the database has tokens; one that is not there, or whose server is out of reach, has none.

    Raises BadSettings for a file that is there and cannot be read: it may have them.
    """
    try:
        engine = db.create_engine(settings.database_url)
    except BadSettings:
        return False
    try:
        if db.is_new(engine) or not await db.has_table(engine, Account):
            return False
        async with db.readings(engine)() as session:
            return (await session.exec(select(Account.id).where(func.length(Account.sealed) > 0))).first() is not None
    except BadSettings:
        if db.is_file(settings.database_url) and os.path.exists(engine.url.database or ""):  # noqa: ASYNC240
            raise
        return False
    finally:
        await engine.dispose()


async def _rotate(settings: Settings) -> None:
    async with database(settings) as open_session, open_session() as session:
        count = await seal_anew(session, settings)
    say(f"{count} accounts were encrypted again. The first key is now the only one that is needed; remove the others.")


@teams.command("add")
def add_team(
    name: Annotated[str, typer.Argument(help="What the team is called.")],
    channel: Annotated[str, typer.Argument(help="Id of its Slack channel (C…): in Slack, open the channel's details.")],
) -> None:
    """Add a team, or give one another channel. The first team is TEAM_NAME with SLACK_CHANNEL."""
    if not name.strip() or not CHANNEL.fullmatch(channel):
        raise BadSettings(
            "A team needs a name and the id of a channel (C…), which Slack shows in the channel's details."
        )
    asyncio.run(_add_team(settings_for_command(), name.strip(), channel, utc_now()))


async def _add_team(settings: Settings, name: str, channel: str, now: datetime) -> None:
    async with database(settings) as open_session, open_session() as session:
        rows = list(await session.exec(select(Team).order_by(col(Team.id))))
        team = next((row for row in rows if row.name.casefold() == name.casefold()), None)
        if team is not None and team.name != name:
            raise BadSettings(f"There already is a team {team.name}: write that name, or choose another.")
        if team is not None and team is rows[0] and settings.slack_channel:
            raise BadSettings(f"{name} is the first team: set its channel in Slack, or by SLACK_CHANNEL.")
        holder = next((row.name for row in rows if row.channel == channel and row.name != name), None)
        if holder is not None:
            raise BadSettings(f"{channel} is the channel of {holder}: choose another.")
        try:
            if team is None:
                await team_settings.add(session, name, channel, now=now)
            else:  # by="": on behalf of the person who runs the bot
                await team_settings.change(session, team.id, {"channel": channel}, by="", now=now)
        except Wrong as wrong:  # another has just taken it
            raise BadSettings(str(wrong)) from None
    say(f"The cards of {name} appear in {channel}. Invite the bot there: /invite @webcare")


@teams.command("coordinator")
def name_coordinator(
    person: Annotated[str, typer.Argument(help="Who: @name, or their Slack id (U…), as their Slack profile shows it.")],
    team: Annotated[str, typer.Option("--team", help="The team; without it the first.")] = "",
) -> None:
    """Make somebody coordinator of a team: they change its settings and give others their roles."""
    asyncio.run(_name_coordinator(settings_for_command(), person.strip(), team.strip()))


async def _name_coordinator(settings: Settings, written: str, team_name: str) -> None:
    try:
        async with slack_session(settings) as http_session:
            slack_id, name = await find_person(slack_client(settings, http_session), written)
    except SlackRefuses as refusal:
        raise BadSettings(explain(refusal.error, "")) from None
    except (SlackLater, SlackDown):
        raise BadSettings("Slack does not answer just now: try again in a moment.") from None
    if not slack_id:
        raise BadSettings(f"Slack knows nobody by {written}: give @name or the id (U…) of their Slack profile.")
    async with database(settings) as open_session, open_session() as session:
        rows = list(await session.exec(select(Team).order_by(col(Team.id))))
        named = [row for row in rows if row.name == team_name] if team_name else rows[:1]
        if not named:
            raise BadSettings(f"There is no team {team_name}: webcare teams list names them.")
        await agents.name_coordinator(session, named[0].id, slack_id, now=utc_now())
    say(f"{name} is a coordinator of {named[0].name}.")


@teams.command("list")
def list_teams() -> None:
    """Show the teams, their channels and how many accounts they have."""
    asyncio.run(_list_teams(settings_for_command()))


async def _list_teams(settings: Settings) -> None:
    async with database(settings) as open_session, open_session() as session:
        counted = select(Team, func.count(col(Account.id))).outerjoin(Account).group_by(col(Team.id))
        rows = list(await session.exec(counted.order_by(col(Team.id))))
    if not rows:
        say("There is no team yet: set SLACK_CHANNEL, or add one with webcare teams add.")
        return
    table = Table(*(Column(header, overflow="fold") for header in ("Team", "Channel", "Accounts")))
    for team, count in rows:
        table.add_row(plain(team.name), team.channel, str(count))
    Console(markup=False).print(table)
