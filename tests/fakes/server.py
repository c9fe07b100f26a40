"""What a fake of any platform needs: a server on loopback that records requests, fails on demand and can be cut off.

A fake of a platform (tests/connectors/<platform>/fake.py) subclasses `FakeServer`, adds its routes in `routes`, and has
methods that read as what citizens and the team do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web


@dataclass
class Fault:
    """What the next `count` requests to a path that begins with `path` get; `done`: they are carried out all the same.

    With status 0 the connection is cut off.
    """

    path: str = "/"
    method: str = ""
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    count: int = 1

    def fits(self, request: web.Request) -> bool:
        """Tell whether a request gets it."""
        return self.count > 0 and request.path.startswith(self.path) and self.method in {"", request.method}


class FakeServer:
    """A server from start to end of the block; `url` is its address, `asked` the method and path of every request.

    `violations` are where what went to and fro was not what the platform's specification has: none may be left.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.faults: list[Fault] = []
        self.violations: list[str] = []

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield the routes of the platform."""
        return iter(())

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._middleware])
        app.router.add_routes(list(self.routes()))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        assert error is not None or not self.violations, self.violations

    def fail(self, path: str = "/", **more: Any) -> None:
        """Let the next request to a path fail; see Fault."""
        self.faults.append(Fault(path, **more))

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        fault = next((each for each in self.faults if each.fits(request)), None)
        if fault is None:
            response: web.StreamResponse = await handler(request)
            return response
        fault.count -= 1
        if fault.done:
            await handler(request)
        if fault.status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=fault.status or 500, text=fault.body, headers=fault.headers)
