"""Logging without citizens' words or tokens: structured lines; for a fault only its type and place."""

import logging
import secrets
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
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
)
"""Libraries whose lines may contain bodies, tokens or addresses; Bolt logs the whole body of a badly signed request."""


class _TypeAndPlace(logging.Filter):
    """Replaces the text of a library's line by its source line: its arguments and traceback may quote a citizen."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = f"{record.name}: {record.levelname.lower()} at {record.module}:{record.lineno}"
        if record.exc_info and record.exc_info[0]:
            record.msg += f" ({record.exc_info[0].__name__})"
        record.args, record.exc_info, record.exc_text, record.stack_info = (), None, None, None
        return True


def set_up_logging(level: str, form: str) -> None:
    """Log to standard error: our lines by structlog, libraries' only from WARNING and without their contents."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.addFilter(_TypeAndPlace())
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
