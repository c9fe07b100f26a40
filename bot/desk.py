"""The desk: everything a handler or a job works with, built once and passed down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.connectors.base import Connector
from bot.connectors.http import Client
from bot.connectors.platform import Platform
from bot.db import Sessions
from bot.disk import Disk
from bot.domain.queue import Filter
from bot.meters import Meters
from bot.models import Account, Team
from bot.texts import LANGUAGES, Texts
from bot.wake import Wake


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the bot works with. `session` opens a transaction that writes, `reading` one that only reads.

    `http` is the client of all connectors, `connector` builds the connector of an account. `wake` says that a lane has
    work. `disk` knows whether the database has room. `speed` is how much faster our clock runs than the real one: 1,
    except when trying out. `stand_ins`, by name, replace platforms of the registry: none, except when trying out.
    `meters` count what this process does. `homes` has, for each person whose Home is being published, what they chose
    in the meantime; `chosen` what each person last chose there, with the hash of the view in which they did.

    For a team use `of(team)`: it has the team's language, and the Slack in which it works.
    """

    settings: Settings
    session: Sessions
    reading: Sessions
    slack: AsyncWebClient
    http: Client
    connector: Callable[[Account], Connector]
    wake: Wake
    now: Callable[[], datetime]
    disk: Disk
    speed: float = 1.0
    stand_ins: Mapping[str, Platform] = field(default_factory=dict)
    meters: Meters = field(default_factory=Meters)
    homes: dict[str, list[Filter | None]] = field(default_factory=dict)
    chosen: dict[str, tuple[str, Filter | None]] = field(default_factory=dict)

    def of(self, team: Team) -> "TeamDesk":
        """Return the desk of one team. There is one Slack today, so all teams have its client."""
        shared = {each.name: getattr(self, each.name) for each in fields(Desk)}
        return TeamDesk(**shared, team=team, t=self.texts((team.settings or {}).get("language")))

    def texts(self, language: str | None = None) -> Texts:
        """Return the texts in a language; by default that of WEBCARE_LANGUAGE."""
        known = language if language in LANGUAGES else self.settings.webcare_language
        return Texts(known, self.settings.time_zone)


@dataclass(frozen=True, kw_only=True)
class TeamDesk(Desk):
    """The desk of one team: `t` are the texts in its language, `slack` is the client of its workspace."""

    team: Team
    t: Texts
