"""Bodies of requests: read within a time limit, with a limit on all that is in memory at once.

Whether a body may be read at all is decided before this: a request for an unknown source is refused unread.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.domain.text import text

MAX_BODY = 5 * 1024 * 1024
READ_SECONDS = 20.0
ROOM = 32 * 1024 * 1024
"""The most bytes of all bodies in memory; of each body only the bytes over SMALL count."""
SMALL = 64 * 1024
"""Bytes of a body for which there is always room, so that a few large bodies block no mention."""
TOO_LARGE = text("The body is larger than 5 MB; send fewer mentions at once.")


class BodyRefused(Exception):
    """A body that is not read to its end; `http` and the text are the answer."""

    def __init__(self, http: int, words: str) -> None:
        self.http = http
        super().__init__(words)


@dataclass
class Bodies:
    """The bodies in memory. A body counts from its first byte until its request is answered."""

    room: int = ROOM
    seconds: float = READ_SECONDS
    in_hand: int = 0

    @asynccontextmanager
    async def reading(self, request: web.Request) -> AsyncIterator[bytes]:
        """Read the body of a request, and release it at the end of the block; raises BodyRefused."""
        if (request.content_length or 0) > MAX_BODY:
            raise BodyRefused(413, str(TOO_LARGE))
        held = 0
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self.seconds):
                    async for chunk in request.content.iter_any():
                        body += chunk
                        more = max(0, len(body) - SMALL) - held
                        held, self.in_hand = held + more, self.in_hand + more
                        self._refuse(len(body))
            except TimeoutError:
                raise BodyRefused(408, "The body did not come in time; send it again.") from None
            except ConnectionError:  # the sender gave up; nobody reads this answer
                raise BodyRefused(400, "The connection was lost; send it again.") from None
            except web.RequestPayloadError:  # it is not packed in the way that its Content-Encoding names
                raise BodyRefused(400, "The body cannot be unpacked in the way that Content-Encoding names.") from None
            yield bytes(body)
        finally:
            self.in_hand -= held

    def _refuse(self, length: int) -> None:
        if length > MAX_BODY:
            raise BodyRefused(413, str(TOO_LARGE))
        if length > SMALL and self.in_hand > self.room:
            raise BodyRefused(503, "Too much comes in at once; send this again in a minute.")
