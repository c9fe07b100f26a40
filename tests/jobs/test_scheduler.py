"""The scheduler of the jobs: who stops it leaves nothing that runs on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

import jobs


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
