"""A real browser for the tests that look at the page.

They share one browser and so one event loop: mark such a module with
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 30_000  # ms; a busy machine is slow
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, started once."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page cannot be looked at")
    expect.set_options(timeout=WAIT)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A new page; after the test its console must be without errors, and no request may have left this machine."""
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900},
        locale="nl-NL",
        timezone_id="Europe/Amsterdam",
        reduced_motion="reduce",
    )
    problems: list[str] = []
    page = await context.new_page()
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if _stays_here(request.url) else problems.append(request.url))
    yield page
    await context.close()
    assert problems == []


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """The folder for screenshots."""
    folder = Path(os.environ.get("WEBCARE_ARTIFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _stays_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob"} or parts.hostname in LOOPBACK
