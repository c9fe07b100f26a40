"""A web server on an address of ours, which ends in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

REQUEST_SECONDS = 2.0
"""How long requests that are running at the end of the block may take."""


@asynccontextmanager
async def served(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve an application during the block; yields its address, or raises OSError when it cannot listen there."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=REQUEST_SECONDS)
    await runner.setup()
    try:
        await _begun(web.TCPSite(runner, host, port))
        name, number = runner.addresses[0][:2]
        yield f"http://{f'[{name}]' if ':' in name else name}:{number}"
    finally:
        await runner.cleanup()


async def _begun(site: web.TCPSite) -> None:
    """Start listening; a cancelled start is completed first, because its port would stay in use."""
    starting = asyncio.ensure_future(site.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await starting
        raise
