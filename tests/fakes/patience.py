"""What a machine that stands still for some seconds may take: it makes no database, platform or bot unreachable.

The program's own limits are shorter than a busy machine may stand still; tests of them set their own.
"""

from types import ModuleType
from typing import Any

import httpx

from bot import db, shared_lanes
from bot.cli import check
from bot.connectors import http
from bot.connectors.bluesky import server as bluesky
from bot.connectors.facebook import completing
from handlers import feedback, slack_directory

REACHED_BY = {**db.REACHED_BY, "connect_timeout": 60}
LIMITS: tuple[tuple[ModuleType, str, Any], ...] = (
    (db, "REACHED_BY", REACHED_BY),
    (shared_lanes, "REACHED_BY", REACHED_BY),
    (shared_lanes, "DATABASE_SECONDS", 60.0),
    (shared_lanes, "END_SECONDS", 5.0),
    (check, "HEALTH_SECONDS", 60),
    (http, "TIMEOUT", httpx.Timeout(60)),
    (bluesky, "PROOF_WITHIN", 60),
    (completing, "WITHIN", 60),
    (slack_directory, "PATIENCE", 25),
    (feedback, "NAME_WITHIN", 25),
)
"""Whose limit, its name, and what it is in tests, in seconds."""


def be_patient() -> None:
    """Give this process the time; the process of the tests themselves has a fixture for it."""
    for module, name, value in LIMITS:
        setattr(module, name, value)
