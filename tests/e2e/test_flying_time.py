"""`webcare try --speed`: a newcomer sees a warning, a breach, who is notified, and the team's figures."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.e2e.trying import WAIT, be, card_of, trying

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITS = "lantaarnpaal"
"""A question of last Friday without an answer."""


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path, artifacts: Path) -> AsyncIterator[str]:
    """The address of a workspace in which an hour takes six seconds."""
    async with trying(tmp_path, artifacts, "--speed", "600") as served:
        yield served


async def go_to(page: Page, channel: str) -> None:
    await page.locator(f'[data-test="channel"][data-row="{channel}"]').click()


async def figures(page: Page, words: str, *, chart: bool = True) -> Locator:
    """The digest with these words, once it has a row for every source, and visible bars if there are several."""
    digest = page.locator('[data-test="message"]').filter(has_text=words).first
    await expect(digest).to_be_visible(timeout=WAIT)
    for source in ("Het Plein", "Contactformulier"):
        await expect(digest.locator(".table-scroll tbody tr").filter(has_text=source)).to_be_visible()
    if not chart:
        return digest
    await expect(digest.locator("svg.chart")).to_be_visible(timeout=WAIT)
    tall = await digest.locator("svg.chart rect").evaluate_all(
        "bars => bars.filter(b => b.getBBox().height > 1).length"
    )
    assert tall > 0
    return digest


async def test_a_newcomer_sees_breaches_and_the_figures_of_the_team(address: str, page: Page, artifacts: Path) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await expect(page.locator('[data-test="clock"]')).to_contain_text("600 × zo snel (Europe/Amsterdam)")

    card = card_of(page, WAITS).first  # the list of what is late names it too
    await expect(card).to_contain_text("Te laat", timeout=WAIT)
    listed = page.locator('#main [data-test="message"]').filter(has_text=re.compile(r"\d+ te laat"))
    await expect(listed.filter(has_text=WAITS).last).to_be_visible(timeout=WAIT)
    await page.screenshot(path=artifacts / "ladder-team.png")

    await go_to(page, "C0ESCALATIE")
    notice = page.locator('[data-test="message"][data-channel="C0ESCALATIE"]').filter(has_text=WAITS).last
    await expect(notice).to_contain_text("Te laat", timeout=WAIT)
    await page.screenshot(path=artifacts / "ladder-escalations.png")
    await be(page, "U0MARIEKE")
    await page.get_by_role("navigation", name="Gesprekken").locator("button", has_text="webcare").last.click()
    await expect(page.locator('#main [data-test="message"]').filter(has_text=WAITS).first).to_contain_text("Te laat")
    await page.screenshot(path=artifacts / "ladder-coordinator.png")

    await go_to(page, "C0WEBCARE")
    for words, name, chart in (("Dagoverzicht", "digest-day", False), ("De afgelopen week", "digest-week", True)):
        await (await figures(page, words, chart=chart)).screenshot(path=artifacts / f"{name}.png")
    await page.locator('[data-test="theme"]').click()
    await (await figures(page, "De afgelopen week")).screenshot(path=artifacts / "digest-week-dark.png")


async def test_a_narrow_screen_shows_one_column_and_the_digest_fits(address: str, page: Page, artifacts: Path) -> None:
    page.set_default_timeout(WAIT)
    await page.set_viewport_size({"width": 400, "height": 800})
    await page.goto(f"{address}/?person=U0SANNE")
    digest = await figures(page, "De afgelopen week")
    await expect(page.locator("#main")).to_be_visible()
    await expect(page.locator("#rail")).to_be_hidden()
    await digest.locator("svg.chart").scroll_into_view_if_needed()
    await page.screenshot(path=artifacts / "digest-narrow.png")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400
