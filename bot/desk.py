"""The desk: everything a handler or a job works with, built once and passed down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.connectors.base import Connector
from bot.db import Sessions
from bot.models import Account
from bot.texts import Texts
from bot.wake import Wake


@dataclass(frozen=True)
class Desk:
    """What the bot works with. `session` opens a transaction that writes, `reading` one that only reads.

    `speed` is how much faster than the world's our clock goes: 1, save when trying out.
    `connector` builds the connector of an account; `wake` tells a lane that it has work; `t` speaks the language.
    """

    settings: Settings
    session: Sessions
    reading: Sessions
    slack: AsyncWebClient
    connector: Callable[[Account], Connector]
    wake: Wake
    now: Callable[[], datetime]
    t: Texts
    speed: float = 1.0
