"""Write a setting into the file `.env`."""

import os
from pathlib import Path

from dotenv import set_key

from bot.config import BadSettings
from bot.db import give


def write(path: Path, name: str, value: str) -> None:
    """Set one name in the file and leave all other lines. Creates the file if needed; only its owner may read it.

    Its owner stays; that of a new one is the owner of the folder.
    """
    place = path.resolve()
    try:
        owner = (place if place.exists() else place.parent).stat()
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.chmod(0o600)  # before the secret is in it
        set_key(path, name, value, quote_mode="never", follow_symlinks=True)
        give(place, owner)
    except OSError as error:
        raise BadSettings(
            f"Cannot write {path} here ({error.strerror}): go to the folder of the bot, or make it writable."
        ) from None
