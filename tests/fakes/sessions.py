"""Watches that nobody calls Slack from an open database session, which holds locks and one of few connections."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.slack import calls

HOLDER: ContextVar[asyncio.Task[Any] | None] = ContextVar("the task that holds an open session", default=None)
"""The task is in it, because a task that is started from an open session inherits the variable and not the session."""


def watch(patch: pytest.MonkeyPatch) -> list[str]:
    """Note every call to Slack from an open session in the list that this returns."""
    seen: list[str] = []
    make, call = db._opener, calls._PacedClient.api_call

    def opener(*arguments: Any) -> Callable[..., AbstractAsyncContextManager[AsyncSession]]:
        opened = make(*arguments)

        @asynccontextmanager
        async def watched(**options: Any) -> AsyncIterator[AsyncSession]:
            async with opened(**options) as session:
                before = HOLDER.set(asyncio.current_task())
                try:
                    yield session
                finally:
                    HOLDER.reset(before)

        return watched

    async def api_call(client: Any, api_method: str, **arguments: Any) -> Any:
        if HOLDER.get() is asyncio.current_task():
            ours = [f"{f.filename.rpartition('/')[2]}:{f.lineno} {f.name}" for f in traceback.extract_stack()[-12:-1]]
            seen.append(f"{api_method} in an open session: {' > '.join(ours)}")
        return await call(client, api_method, **arguments)

    patch.setattr(db, "_opener", opener)
    patch.setattr(calls._PacedClient, "api_call", api_call)
    return seen
