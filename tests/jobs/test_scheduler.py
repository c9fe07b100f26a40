"""The scheduler of the jobs: who stops it leaves nothing that runs on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event

import jobs
from tests.conftest import Bot


async def test_who_stops_the_jobs_waits_until_those_that_run_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = asyncio.Event(), list[str]()

    async def job(desk: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as who gives a connection back
            ended.append("ended")

    monkeypatch.setattr(jobs, "intervals", lambda desk: {job: 5})
    scheduler = jobs.start(SimpleNamespace())  # type: ignore[arg-type]
    await began.wait()
    await scheduler.stop()
    assert ended == ["ended"]


async def test_a_sweep_that_finds_nothing_asks_the_database_one_question(bot: Bot) -> None:
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    bot.clock.advance(minutes=3)
    asked = list[str]()
    event.listen(bot.engine.sync_engine, "before_cursor_execute", lambda *them: asked.append(them[2]))
    await jobs.sweep(bot.desk)
    assert len(asked) == 1
