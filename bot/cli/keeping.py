"""`webcare backup`: what keeps the data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bot.cli.terminal import say, settings_for_command
from bot.keeping import backup as backups
from bot.keeping import files, sqlite
from bot.run import utc_now

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
