"""What we got for the secrets that a person gave us, such as a session or a newer token, as a secret of our own.

It is stored beside theirs and counts for as long as theirs stay the same.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from bot.connectors.platform import Secrets


class OwnSecret(Protocol):
    """A dataclass of strings."""

    @property
    def of(self) -> str:
        """The fingerprint of what it was got for."""
        ...


T = TypeVar("T", bound=OwnSecret)


def fingerprint(given: str) -> str:
    """Return a short text that is another one for other secrets and settings, and does not reveal them."""
    return hashlib.sha256(given.encode()).hexdigest()[:16]


def read(kind: type[T], secret: str, of: str) -> T | None:
    """Return what was stored in a secret; None when that is nothing, or for other secrets than these."""
    try:
        own = kind(**json.loads(secret))
    except (TypeError, ValueError):
        return None
    return own if own.of == of else None


async def keep(secrets: Secrets, name: str, own: OwnSecret, of: Callable[[Mapping[str, str]], str]) -> None:
    """Store our own secret under this name, beside those whose fingerprint `of` returns.

    Nothing is stored when a person changed those in the meantime.
    """
    while of(stored := await secrets.read()) == own.of:
        if await secrets.replace({**stored, name: written(own)}, stored):
            break


def written(own: OwnSecret) -> str:
    """Return the secret in which it is stored."""
    return json.dumps(vars(own))
