"""Whether Slack sent what came to us over HTTP (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

from datetime import datetime, timedelta

import structlog
from aiohttp import web
from slack_sdk.signature import Clock, SignatureVerifier

from bot.steady_clock import steady_now

TOLD_EVERY = timedelta(hours=1)
"""How often at most the log says that requests are refused: anybody may send some."""

log = structlog.get_logger()


class Signed:
    """Tells whether requests are signed with the signing secret, at most five minutes ago."""

    def __init__(self, secret: str) -> None:
        self._verifier = SignatureVerifier(secret, _Steady())
        self._told_at: datetime | None = None

    def holds(self, request: web.Request, body: bytes) -> bool:
        """Return whether Slack sent this; the log tells of what is signed otherwise, or nobody would know why."""
        try:
            is_signed = bool(self._verifier.is_valid_request(body, request.headers))
        except (ValueError, TypeError):  # a time that is not a number, a body or signature that is not text
            is_signed = False
        if not is_signed and "x-slack-signature" in request.headers:
            self._tell()
        return is_signed

    def _tell(self) -> None:
        now = steady_now()
        if self._told_at is None or now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            log.warning("what comes to /slack/events is refused: check SLACK_SIGNING_SECRET, and the machine's clock")


class _Steady(Clock):
    """The time by which Slack signs, whatever the machine's clock says."""

    def now(self) -> float:
        return steady_now().timestamp()
