"""What Bolt gives a listener, by the names of its parameters (https://docs.slack.dev/tools/bolt-python/reference)."""

from collections.abc import Awaitable, Callable
from typing import Any

# The middleware in bot/app.py adds:
# `by: str`, the Slack id of who clicked, typed or sent; `roles: Mapping[int, Role]`, their roles by team;
# `teams: Sequence[Team]`, the teams it concerns (handlers/concerns.py); `desk: TeamDesk`, the desk of the first team.

Ack = Callable[..., Awaitable[Any]]
"""Acknowledges the request; call it within 3 seconds."""
Respond = Callable[..., Awaitable[Any]]
"""Answers the person who sent a command or clicked (response_url)."""
