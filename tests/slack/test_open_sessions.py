"""What watches every test sees a call to Slack from an open session, of this task alone."""

import asyncio

from bot.slack import calls
from tests.conftest import Bot


async def test_a_call_from_an_open_session_is_seen(sqlite_bot: Bot, calls_in_open_sessions: list[str]) -> None:
    desk = sqlite_bot.desk
    for opened in (desk.session, desk.reading):
        async with opened():
            await calls.call(desk.slack, "auth.test")
        [seen] = calls_in_open_sessions
        assert "auth.test in an open session: " in seen and "test_open_sessions.py" in seen
        calls_in_open_sessions.clear()
        await calls.call(desk.slack, "auth.test")
        async with opened():
            started = asyncio.create_task(calls.call(desk.slack, "auth.test"))
        await started
        assert calls_in_open_sessions == []
