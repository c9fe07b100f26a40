"""What Bolt gives a listener, by the names of its parameters (https://docs.slack.dev/tools/bolt-python/reference)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Ack = Callable[..., Awaitable[Any]]
"""Acknowledges the request; within 3 seconds, always."""
Respond = Callable[..., Awaitable[Any]]
"""Answers the one who sent a command (response_url)."""


class Context(Protocol):
    """Who did it and where."""

    @property
    def user_id(self) -> str | None:
        """The Slack id of the one who clicked, typed or sent."""
        ...
