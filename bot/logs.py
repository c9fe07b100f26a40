"""Logging without citizens' words or tokens: structured lines; for a fault only its type and place.

All lines about a case have its id as `case`, or among `cases` when several came in at once; all of one request, or of
one run of a lane, the same `request`.
"""

import asyncio
import logging
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

import structlog

QUIET = (
    "slack_bolt",
    "slack_sdk",
    "httpx",
    "httpcore",
    "aiohttp.access",
    "aiosqlite",
    "alembic",
    "apscheduler",
    "procrastinate",
    "psycopg.pool",
    "dotenv",
)
"""Libraries whose lines may contain bodies, tokens or addresses; Bolt logs the whole body of a badly signed request.

And what is wrong in `.env`, we say ourselves.
"""

ERRORS = frozenset({"error", "critical"})
"""The levels of lines about faults of ours."""
GIVEN = re.compile(r"[A-Za-z0-9-]{1,64}")
"""An id of a request that may stand in our log."""
TRACED = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class _TypeAndPlace(logging.Filter):
    """Replaces the text of a library's line by its source line: its arguments and traceback may quote a citizen.

    That something was cancelled is no fault: when the bot stops, all that is under way is.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] and issubclass(record.exc_info[0], asyncio.CancelledError):
            return False
        record.msg = f"{record.name}: {record.levelname.lower()} at {record.module}:{record.lineno}"
        if record.exc_info and record.exc_info[0]:
            record.msg += f" ({record.exc_info[0].__name__})"
        record.args, record.exc_info, record.exc_text, record.stack_info = (), None, None, None
        return True


def set_up_logging(level: str, form: str) -> None:
    """Log to standard error: our lines by structlog, libraries' only from WARNING and without their contents."""
    told: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*told, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.addFilter(_TypeAndPlace())
    if form == "json":  # who reads the log by a machine reads libraries' lines by the same one
        handler.setFormatter(structlog.stdlib.ProcessorFormatter(renderer, foreign_pre_chain=told))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True, format="%(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.captureWarnings(True)
    sys.excepthook = _nobody_caught
    threading.excepthook = lambda thrown: _nobody_caught(thrown.exc_type, thrown.exc_value)
    sys.unraisablehook = lambda thrown: _nobody_caught(thrown.exc_type, thrown.exc_value)


def _nobody_caught(kind: type[BaseException], error: BaseException | None, *_: object) -> None:
    """Log an uncaught error of a thread, a destructor or the program; Python would print its message."""
    structlog.get_logger().error("nobody caught this", **(trace(error) if error else {"error": kind.__name__}))


def id_in(headers: Mapping[str, str]) -> str:
    """Return the id that who asks gave a request, "" if there is none or it may not stand in a log.

    `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    given, traced = headers.get("X-Request-Id", ""), TRACED.fullmatch(headers.get("traceparent", ""))
    return given if GIVEN.fullmatch(given) else traced[1] if traced else ""


@contextmanager
def following(ident: str = "", *, anew: bool = False) -> Iterator[str]:
    """Give the lines of one request an id, and yield it: one that is known already, this one, or a new one.

    `anew`: this is work of its own, although a request began it; whatever that was about is left out.
    """
    if anew:
        structlog.contextvars.unbind_contextvars("request", "case")
    ident = str(structlog.contextvars.get_contextvars().get("request") or ident or secrets.token_hex(8))
    with structlog.contextvars.bound_contextvars(request=ident):
        try:
            yield ident
        finally:
            structlog.contextvars.unbind_contextvars("case")


@contextmanager
def shown_to(look: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Let `look` see each of our lines that is logged as an error in this block; whatever it raises, it is logged."""

    def see(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if line.get("level") in ERRORS:
            with suppress(Exception):
                look(line)
        return line

    present = structlog.get_config()["processors"]
    structlog.configure(processors=[*present[:-1], see, present[-1]])  # the last one makes text of the line
    try:
        yield
    finally:
        structlog.configure(processors=[each for each in structlog.get_config()["processors"] if each is not see])


@contextmanager
def going_on(what: str, **about: Any) -> Iterator[None]:
    """Log an unexpected fault in this block, and go on: one team, case or account must not affect the others.

    The next tick tries again.
    """
    try:
        yield
    except Exception as error:
        structlog.get_logger().error(what, **about, **trace(error))


def trace(error: BaseException) -> dict[str, Any]:
    """Return what may be logged about a fault: a reference, its type and its place; never its message.

    For a call that Slack did not carry out, also Slack's error and the method (bot.slack.calls.SlackProblem).
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    method, reason = getattr(error, "method", None), getattr(error, "error", None)
    of_slack = {"slack": f"{method}: {reason}"} if isinstance(method, str) and isinstance(reason, str) else {}
    return {
        "reference": secrets.token_hex(3).upper(),
        "error": type(error).__name__,
        "at": " < ".join(reversed(places)),
        **of_slack,
    }
