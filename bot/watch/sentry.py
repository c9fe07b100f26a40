"""Faults of ours go to Sentry, if SENTRY_DSN is set: what the log says of them, and of that only known parts.

An event is made of a line of the log, never of an exception, which holds a citizen's words in its text, its variables
and the request. None of the package's integrations is on: they would read just these.

The package is loaded by its name: it is installed only where it is wanted, and in memory only where the setting is.

https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

import asyncio
import importlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from bot.config import BadSettings, Settings, lacking
from bot.logs import shown_to, trace

TAGS = ("reference", "request", "case", "account", "message", "clock", "team", "lane", "kind", "connector", "slack")
"""What is sent of a line besides what happened, the type of the fault and its place: our own ids and names."""
SENT = frozenset(
    {"event_id", "timestamp", "level", "logger", "platform", "release", "exception", "tags", "fingerprint", "sdk"}
)
"""The parts of an event that are sent, whatever the package adds."""
HARMLESS = re.compile(r"[A-Za-z0-9_.:/-]{1,60}(: [a-z_]{1,40})?")
"""What our ids and names look like; another value is not sent."""
FLUSH_SECONDS = 1.0
"""How long the end of the program may wait for events that are on their way."""


@asynccontextmanager
async def reporting(settings: Settings) -> AsyncIterator[None]:
    """Report what is logged as an error in this block; raises BadSettings for a wrong SENTRY_DSN."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        yield
        return
    client = _client(dsn)

    def report(line: Mapping[str, Any]) -> None:
        client.capture_event(event_of(line))

    root, of_libraries = logging.getLogger(), _OfLibraries(report)
    root.handlers.insert(0, of_libraries)  # before the one that takes a line's contents away
    try:
        with shown_to(report):
            yield
    finally:
        root.removeHandler(of_libraries)
        await asyncio.to_thread(client.close, FLUSH_SECONDS)


class _OfLibraries(logging.Handler):
    """Reports what a library logs as an error, as of a job that failed: the kind and place of the fault only."""

    def __init__(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report a line, unless it is about reporting."""
        if record.name.startswith(("sentry_sdk", "urllib3")):
            return
        error = record.exc_info[1] if record.exc_info else None
        said = f"{record.name}: error at {record.module}:{record.lineno}"
        with suppress(Exception):  # whatever is wrong with reporting, the line is logged
            self._report({"event": said, "level": "error", **(trace(error) if error else {})})


def _client(dsn: str) -> Any:
    try:
        sentry_sdk = importlib.import_module("sentry_sdk")
    except ModuleNotFoundError:
        raise lacking("SENTRY_DSN needs its package", "sentry") from None
    try:
        return sentry_sdk.Client(
            dsn=dsn,
            release=f"webcare-bot@{version('webcare-bot')}",
            before_send=_known_parts,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
            spotlight=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            enable_backpressure_handling=False,
            shutdown_timeout=FLUSH_SECONDS,
            server_name="",
            http_proxy="",  # as for all else, proxies of the environment are not used
            https_proxy="",
        )
    except ValueError:  # sentry_sdk.utils.BadDsn; its text has the key
        raise BadSettings("SENTRY_DSN is no DSN: copy it from the project's settings in Sentry.") from None


def event_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of a line of the log."""
    happened, kind, places = str(line.get("event", "")), str(line.get("error", "")), str(line.get("at", ""))
    frames = [frame for place in reversed(places.split(" < ")) if (frame := _frame(place))]
    thrown: dict[str, Any] = {"type": kind or happened, "value": happened}
    if frames:
        thrown["stacktrace"] = {"frames": frames}
    known = {name: str(line[name]) for name in TAGS if line.get(name) is not None}
    tags = {name: value for name, value in known.items() if HARMLESS.fullmatch(value)}
    return {
        "level": "fatal" if line.get("level") == "critical" else "error",
        "logger": "webcare",
        "exception": {"values": [thrown]},
        "tags": tags,
        "fingerprint": [happened, kind, *(f"{each['filename']} {each['function']}" for each in frames[-1:])],
    }


def _frame(place: str) -> dict[str, Any] | None:
    """Return the frame of a place as `bot.logs.trace` writes it: "outbox.py:112 _try"."""
    known = re.fullmatch(r"([\w.<>-]+):(\d+) ([\w.<>]+)", place)
    return {"filename": known[1], "lineno": int(known[2]), "function": known[3], "in_app": True} if known else None


def _known_parts(event: Mapping[str, Any], _: Any) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name in SENT}
