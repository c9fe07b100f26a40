"""A web server on an address of ours, which ends in time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

REQUEST_SECONDS = 2.0
"""How long requests that are running at the end of the block may take."""


@asynccontextmanager
async def served(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve an application during the block; yields its address, or raises OSError when it cannot listen there."""
    logging.getLogger("aiohttp.server").addFilter(_of_strangers)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=REQUEST_SECONDS)
    await runner.setup()
    try:
        await _begun(web.TCPSite(runner, host, port))
        name, number = runner.addresses[0][:2]
        yield f"http://{f'[{name}]' if ':' in name else name}:{number}"
    finally:
        await runner.cleanup()


def _of_strangers(record: logging.LogRecord) -> bool:
    """Lower the line of a request that cannot be read as HTTP: what any stranger may send is no fault of ours.

    Of one that we refuse unread, aiohttp reads the body nevertheless.
    """
    if record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, web.RequestPayloadError)):
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True


async def _begun(site: web.TCPSite) -> None:
    """Start listening; a cancelled start is completed first, because its port would stay in use."""
    starting = asyncio.ensure_future(site.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await starting
        raise
