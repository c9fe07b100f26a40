"""Files that appear whole or not at all: written under another name in the same folder, then moved to their place."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.config import BadSettings
from bot.db import give

SIDES = ("", "-journal", "-wal", "-shm")
"""What SQLite may make beside a database: https://www.sqlite.org/tempfiles.html"""


@contextmanager
def appearing(place: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a new file, readable by its owner only, which takes its place when the block succeeds and else is removed.

    Raises BadSettings when the place is taken (unless `force`), also by a file that came in the meantime, and when
    nothing can be written there.
    """
    if not force:
        refuse_taken(place)
    if place.exists() and not place.is_file():
        raise BadSettings(f"{place} is no ordinary file: give another name.")
    with drafted(place) as draft:
        yield draft
        put(draft, place, force=force)


@contextmanager
def drafted(place: Path) -> Iterator[Path]:
    """Yield a new file beside a place, readable by its owner only; after the block it is gone, unless it was moved."""
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield draft
    except OSError as error:
        raise BadSettings(f"{place} cannot be written ({error.strerror or error}).") from None
    finally:
        with suppress(OSError):
            remove(draft)


def end_of(place: Path) -> Path:
    """Return the file that a place names: of a link what it leads to, which may be on another disk.

    What is no file, as a pipe, is returned as it was named. Raises BadSettings for links that lead round.
    """
    if place.exists() and not place.is_file():
        return place
    try:
        end = place.resolve()
    except (OSError, RuntimeError):
        end = place
    if end.is_symlink():  # newer Pythons return such a link as it is
        raise BadSettings(f"{place} is a link that leads back to itself: give another name.")
    return end


def refuse_taken(place: Path) -> None:
    """Raise BadSettings when there is a file in this place."""
    if place.exists():
        raise BadSettings(f"{place} is there already: give another name, or --force to replace it.")


def put(draft: Path, place: Path, *, force: bool) -> None:
    """Move a file to its place, once all of it is on the disk; raises BadSettings when that is taken."""
    synced(draft)
    if force:
        draft.replace(place)
    else:
        try:
            os.link(draft, place)  # unlike a rename, this never replaces a file
        except FileExistsError:
            refuse_taken(place)
        except OSError:  # a file system without hard links
            refuse_taken(place)
            draft.rename(place)
    with suppress(OSError):  # some file systems cannot sync a folder
        synced(place.parent)


def let_be_used_as(draft: Path, place: Path) -> None:
    """Give a file the owner and the rights of one that it will replace: root may do that for a service.

    When that was lost, its owner is that of the folder.
    """
    is_lost = not place.exists()
    there = place.parent.stat() if is_lost else place.stat()
    give(draft, there)
    if not is_lost:
        draft.chmod(there.st_mode & 0o777)


def synced(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def remove(database: Path) -> None:
    """Remove a database file, and what SQLite made beside it."""
    for side in SIDES:
        database.with_name(database.name + side).unlink(missing_ok=True)


def size(path: Path) -> str:
    """Return the size of a file for people, like 3.4 MB."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
