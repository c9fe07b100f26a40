"""What Bolt gives a listener, by the names of its parameters (https://docs.slack.dev/tools/bolt-python/reference)."""

from collections.abc import Awaitable, Callable
from typing import Any

# The middleware in bot/app.py adds:
# `by: str`, the Slack id of who clicked, typed or sent; `roles: Mapping[int, Role]`, their roles by team;
# `teams: Sequence[Team]`, the teams that it concerns (handlers/concerns.py); `desk: TeamDesk`, of the first of these.

Ack = Callable[..., Awaitable[Any]]
"""Acknowledges the request; within 3 seconds, always."""
Respond = Callable[..., Awaitable[Any]]
"""Answers the one who sent a command (response_url)."""
