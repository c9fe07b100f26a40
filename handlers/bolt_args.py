"""The arguments that Bolt gives a listener by parameter name (https://docs.slack.dev/tools/bolt-python/reference)."""

from collections.abc import Awaitable, Callable
from typing import Any

# handlers/__init__.py adds `by: str`, the Slack id of who clicked, typed or sent, `person: Person`, what they may do
# (handlers/roles.py), and `desk: TeamDesk`, the desk of the team that the request concerns.

Ack = Callable[..., Awaitable[Any]]
"""Acknowledges the request, within 3 seconds; a handler that does not take it was acknowledged before it was called."""
Respond = Callable[..., Awaitable[Any]]
"""Answers the person who sent a command or clicked (response_url)."""
