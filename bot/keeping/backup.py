"""Make a backup of the database while the bot runs: one file, checked, readable by its owner only."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from bot import db
from bot.config import BadSettings
from bot.keeping import files, postgres, sqlite
from bot.keeping.sqlite import Progress
from bot.keeping.unfinished import ASIDE


def name_of(url: URL, now: datetime) -> str:
    """Return the name of a backup that nobody named, like webcare-20261128-031500.db."""
    return f"webcare-{now:%Y%m%d-%H%M%S}{'.db' if url.get_backend_name() == 'sqlite' else '.dump'}"


def make(url: URL, place: Path, progress: Progress, *, force: bool = False) -> None:
    """Make a backup of the database in this place, or nothing at all; raises BadSettings with what is in the way."""
    place = files.end_of(place)
    if url.get_backend_name() == "sqlite" and place == files.end_of(Path(url.database or "")):
        raise BadSettings("That is the database itself: give the backup another name.")
    with files.appearing(place, force=force) as draft:
        if url.get_backend_name() == "sqlite":
            _of_sqlite(Path(url.database or ""), draft, progress)
        else:
            _of_postgres(url, draft, lambda: progress(0, 0))


def _of_sqlite(database: Path, draft: Path, progress: Progress) -> None:
    if not database.is_file():
        raise BadSettings(f"There is no database {database}: check DATABASE_URL.")
    with sqlite.opened(database) as source:
        sqlite.revision(source, database)
        _refuse_without_room(database, draft)
        sqlite.copy(source, draft, progress)
    with sqlite.opened(draft, writes=False) as copied:
        sqlite.check(copied, database)


def _refuse_without_room(database: Path, draft: Path) -> None:
    needed, free = database.stat().st_size, shutil.disk_usage(draft.parent).free
    if needed > free:
        raise BadSettings(f"There is no room for it in {draft.parent.absolute()}: it needs {needed:,} bytes.")


def _of_postgres(url: URL, draft: Path, pulse: Callable[[], None]) -> None:
    with postgres.address(url) as address:
        arguments = ["--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--file={draft}"]
        without = f"--exclude-schema={ASIDE}*"
        postgres.call("pg_dump", [*arguments, without, f"--dbname={address}"], pulse=pulse)
    try:
        postgres.check(draft, pulse=pulse)
    except BadSettings as error:  # pg_dump does not see that its last bytes found no room
        folder = draft.parent.absolute()
        raise BadSettings(f"What pg_dump wrote in {folder} lacks its end: is there room? ({error})") from None
    postgres.origin(draft)


def address_of(database_url: str) -> URL:
    """Return the address of the database, as SQLAlchemy has it; raises BadSettings when it is none of ours."""
    return db.create_engine(database_url).url
