"""Watches that nothing is logged as an error: lanes and jobs go on after one, so that a test may not notice it."""

from typing import Any

import pytest
import structlog

ERRORS = frozenset({"error", "exception", "critical"})


def watch(patch: pytest.MonkeyPatch) -> list[str]:
    """Note the event of every line that is logged as an error in the list that this returns."""
    seen: list[str] = []
    write = structlog.BoundLoggerBase._proxy_to_logger

    def written(self: Any, method_name: str, event: str | None = None, *given: Any, **details: Any) -> Any:
        if method_name in ERRORS:
            seen.append(str(event))
        return write(self, method_name, event, *given, **details)

    patch.setattr(structlog.BoundLoggerBase, "_proxy_to_logger", written)
    return seen
