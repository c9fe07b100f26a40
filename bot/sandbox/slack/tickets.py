"""Keys that expire: trigger ids (3 seconds, one use) and response URLs (30 minutes, 5 uses)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.api_method import SlackError
from bot.sandbox.slack.rules import Rules


@dataclass
class Trigger:
    """The right to open one modal for a person."""

    person: str
    issued_at: float
    view_id: str = ""
    used: bool = False


@dataclass
class ResponseUrl:
    """The right to answer one interaction: where it happened and by whom."""

    person: str
    channel: str
    issued_at: float
    ts: str = ""
    thread_ts: str = ""
    uses: int = 0


@dataclass
class Tickets:
    """All trigger ids and response URLs that were issued."""

    rules: Rules
    now: Callable[[], float]
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)

    def trigger(self, person: str, view_id: str = "") -> str:
        """A new trigger id for this person, for a click in this modal if there is one."""
        key = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[key] = Trigger(person, self.now(), view_id)
        return key

    def exchange(self, key: str) -> Trigger:
        """Use up a trigger id. Raises SlackError when unknown, used or too old."""
        trigger = self.triggers.get(key)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.now() - trigger.issued_at > self.rules.trigger_seconds:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def response_url(self, person: str, channel: str, ts: str = "", thread_ts: str = "") -> str:
        """The key of a new response URL."""
        key = secrets.token_urlsafe(18)
        self.response_urls[key] = ResponseUrl(person, channel, self.now(), ts, thread_ts)
        return key

    def respond(self, key: str) -> ResponseUrl:
        """Count one use of a response URL. Raises SlackError when unknown, too old or used up."""
        url = self.response_urls.get(key)
        if url is None:
            raise SlackError("invalid_url")
        if self.now() - url.issued_at > self.rules.response_url_seconds:
            raise SlackError("expired_url")
        if url.uses >= self.rules.response_url_uses:
            raise SlackError("used_url")
        url.uses += 1
        return url
