"""The local Slack and the citizens' square together, with the page that shows both, on one loopback port."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.square import example_posts
from bot.sandbox.square.example_workspace import example_workspace
from bot.sandbox.square.posts import SANDBOX_SECRET, Square
from bot.sandbox.square.routes import Door

STATIC = Path(__file__).parent / "static"


class Sandbox(LocalSlack):
    """The example workspace with the square beside it.

    manifest      the app's manifest: commands, shortcuts, scopes, events
    rules, now    the limits in force, and the clock of the workspace (seconds)
    speed         how many times faster than real time that clock runs; the page shows it
    request_url   deliver by signed HTTP to this address; without it by Socket Mode
    square_url    where the bot receives the posts of the square; they wait while it is ""
    open_action   the action of the button that says "nobody has this yet"; Alt+arrow goes from one to the next
    """

    def __init__(
        self,
        manifest: dict[str, Any],
        *,
        rules: Rules | None = None,
        now: Callable[[], float] = time.time,
        speed: float = 1.0,
        request_url: str = "",
        square_url: str = "",
        square_secret: str = SANDBOX_SECRET,
        open_action: str = "",
    ) -> None:
        workspace = example_workspace(manifest, rules, now, speed)
        super().__init__(
            workspace,
            request_url=request_url,
            beside={
                "square": lambda: self.square.posts,
                "places": lambda: [place.as_json() for place in self.square.places],
                "open_action": lambda: open_action,
                "citizens": example_posts.citizens,
            },
            index=STATIC / "index.html",
        )
        self.square = Square(workspace, self.faults, square_url, square_secret)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Serve on a loopback host; port 0 takes a free one."""
        await super().start(host, port)
        self.in_background(self.square.deliver())
        return self

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of Slack, the square, and the page that shows both."""
        return [*super().routes(), *Door(self.square).routes(), web.static("/static", STATIC)]
