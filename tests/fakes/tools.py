"""What a connector under test works with: a client, the world's clock, and secrets kept in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime

import httpx

from bot.accounts import DraftSecrets
from bot.connectors.platform import Tools


def tools(client: httpx.AsyncClient, secrets: Mapping[str, str] | None = None) -> Tools:
    """Return the tools of a connector whose account is stored nowhere."""
    return Tools(client, lambda: datetime.now(UTC), DraftSecrets(secrets or {}))
