"""An account whose parts may fail separately: the others are read, and the failure is reported."""

from collections.abc import Awaitable
from typing import TypeVar

import structlog

from bot.connectors.base import Account, RateLimited, Rejected, Unavailable
from bot.domain.text import Text, text

log = structlog.get_logger()
T = TypeVar("T")

MESSAGES_NOT_READ = text("Private messages cannot be read now.")
REPLIES_NOT_READ = text("Replies below some of our posts cannot be read now.")


class Parts:
    """The parts of one account that are read for a page; `unread` says which could not be read (`Page.unread`).

    The log says of each part once that it fails: an account is read again every half minute.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._unread: list[Text] = []

    @property
    def unread(self) -> tuple[Text, ...]:
        """Return which parts could not be read."""
        return tuple(self._unread)

    def lacks(self, what: Text) -> None:
        """Let people read that something of a part that was read is lacking."""
        self._unread.append(what)

    async def read(self, part: Awaitable[T], *, otherwise: Text) -> T | None:
        """Read a part; None if that fails, and then people read `otherwise`. A refused token is raised."""
        try:
            return await part
        except (RateLimited, Unavailable, Rejected) as verdict:
            tell = log.debug if otherwise in self._account.lacks else log.warning
            tell("part not read", account=self._account.id, part=otherwise.message, **verdict.logged())
            self.lacks(otherwise)
            return None
