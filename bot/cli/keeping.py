"""`webcare backup`, `webcare restore` and `webcare copy`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bot import db
from bot.cli.terminal import mark, say, settings_for_command, warn
from bot.config import BadSettings
from bot.keeping import backup as backups
from bot.keeping import copying, files, sqlite
from bot.keeping import restore as restores
from bot.keeping.copying import Copied
from bot.keeping.restore import Restored
from bot.steady_clock import utc_now
from bot.texts import Texts

Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
THE_KEY = (
    "WEBCARE_SECRET_KEY is not in it: keep a copy of the key in another place (webcare key --show). "
    "Without it the tokens of the accounts cannot be read."
)


@contextmanager
def progress_bar(words: str) -> Iterator[sqlite.Progress]:
    """Show how far something is, on a terminal only; what is done in an instant shows nothing that stays."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it a new file in this folder.")] = None,
    force: Force = False,
) -> None:
    """Make a backup of the database in one file; the bot may go on running."""
    settings = settings_for_command()
    url = backups.address_of(settings.database_url)
    place = file or Path()
    if place.is_dir():
        place = place / backups.name_of(url, utc_now())
    with progress_bar("Copying") as progress:
        backups.make(url, place, progress, force=force)
    say(f"The backup is {place.absolute()} ({files.size(place)}), readable by you only, and was read to its end.")
    say(THE_KEY)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `webcare backup` made.")],
    force: Annotated[bool, typer.Option("--force", help="Put the data aside that are there.")] = False,
    slack: Annotated[
        bool, typer.Option("--with-slack/--without-slack", help="Take the buttons from newer messages in Slack.")
    ] = True,
) -> None:
    """Put a backup in the place of the database, while the bot is stopped."""
    settings = settings_for_command()
    with progress_bar("Restoring") as progress:
        restored = restores.restore(settings, file, progress, force=force, slack=slack)
    for sentence in _told(restored, Texts("en", settings.time_zone)):
        say(sentence)
    if restored.retired is None and restored.settled.as_of is not None:
        warn("Messages in Slack from after the backup still have their buttons, which do nothing.")
    if restored.unopened:
        names = ", ".join(restored.unopened)
        mark(False, f"WEBCARE_SECRET_KEY cannot decrypt the tokens of {names}: set the key of the time of the backup.")
        raise typer.Exit(1)
    mark(True, "WEBCARE_SECRET_KEY decrypts all tokens. Next: webcare check --deep, then webcare run.")


def _told(restored: Restored, t: Texts) -> Iterator[str]:
    """Yield what was restored and what follows from it."""
    settled = restored.settled
    if restored.before is not None:
        yield f"The data that were there are in {restored.before}; delete them when you no longer need them."
    if settled.as_of is None:
        yield "Restored; the backup holds no data."
        return
    yield f"Restored as it was at {t.date(settled.as_of)} {t.seconds(settled.as_of, settled.as_of)}."
    yield (
        f"{settled.replies} answers and {settled.acts} acts were on their way then. None is sent again by itself: "
        "in Slack their agents are asked to look."
    )
    yield (
        f"At the next start {settled.stale} messages in Slack are written again; {settled.waiting} waiting cases get "
        f"a warning that they may have been answered; {restored.retired or 0} newer messages have lost their buttons."
    )
    if settled.skipped:
        yield (
            f"The next new case of each team skips {settled.skipped} numbers: Slack may show cases with those, from "
            "after the backup."
        )
    yield "What platforms pushed to the bot after the backup does not come again; what it asks for does."
    yield "Words that were deleted after the backup are here again; those of closed cases stay."


def copy(
    target: Annotated[
        str, typer.Argument(help="An empty database: postgresql://user@host/name, its password in PGPASSWORD.")
    ],
) -> None:
    """Move the SQLite database to PostgreSQL, while the bot is stopped; run again after an interruption, it goes on."""
    settings = settings_for_command()
    source = backups.address_of(settings.database_url)
    if source.get_backend_name() != "sqlite" or not _is_postgresql(target):
        raise BadSettings("It copies from SQLite (DATABASE_URL) to PostgreSQL: give postgresql://user@host/name.")
    file = Path(source.database or "")
    if not file.is_file():
        raise BadSettings(f"There is no database {file}: check DATABASE_URL.")
    with progress_bar("Copying") as progress, _of_target():
        copied = asyncio.run(_copy(file, target, progress))
    mark(True, f"{copied.rows:,} rows of {copied.tables} tables were copied, read back and are the same.")
    if copied.mended:
        warn(f"{copied.mended} rows held signs that PostgreSQL does not store; these are � now.")
    say("Now set DATABASE_URL to the new database, then: webcare check --deep, and webcare run.")
    say(f"Never run a bot on {source.database} again: citizens would be answered twice. Put the file away as a backup.")


def _is_postgresql(target: str) -> bool:
    """Tell whether an address that was typed is one of PostgreSQL; raises BadSettings when something in it is wrong."""
    if not target.startswith("postgres"):
        return False
    with _of_target():
        return backups.address_of(target).get_backend_name() == "postgresql"


@contextmanager
def _of_target() -> Iterator[None]:
    """Say of the database that was typed what is said of DATABASE_URL elsewhere."""
    try:
        yield
    except BadSettings as error:
        raise BadSettings(str(error).replace("DATABASE_URL", "TARGET")) from None


async def _copy(source: Path, target: str, progress: sqlite.Progress) -> Copied:
    engine = db.create_engine(target)
    try:
        return await copying.copy(source, engine, progress)
    finally:
        await engine.dispose()
