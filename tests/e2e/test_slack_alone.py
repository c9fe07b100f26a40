"""The page of the local Slack without the square, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.square.example_workspace import example_workspace
from tests.e2e.little_app import MANIFEST, card

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def slack() -> AsyncIterator[LocalSlack]:
    """A Slack alone, with one card in its first channel."""
    async with LocalSlack(example_workspace(MANIFEST, Rules(message_seconds=0, tiers=False))) as running:
        client = AsyncWebClient(token=running.app.bot_token, base_url=running.api_url, retry_handlers=[])
        await client.chat_postMessage(channel="C0WEBCARE", text="Vraag", blocks=card("Vraag"))
        yield running


async def test_the_side_column_is_open_while_a_thread_is(page: Page, slack: LocalSlack, artifacts: Path) -> None:
    await page.goto(slack.base_url)
    await expect(page.locator("#main [data-test=message]")).to_be_visible()
    await expect(page.locator("#side")).to_be_hidden()
    await expect(page.get_by_text("Het Plein", exact=True)).to_have_count(0)
    await page.screenshot(path=artifacts / "slack-alone.png")
    await page.locator("[data-test=message]").hover()
    await page.locator("[data-test=reply-in-thread]").click()
    await expect(page.locator("#thread [data-test=message]")).to_be_visible()
    await page.screenshot(path=artifacts / "slack-alone-thread.png")
    await page.keyboard.press("Escape")
    await expect(page.locator("#side")).to_be_hidden()


async def test_a_thread_that_the_next_person_may_not_see_closes_with_its_column(page: Page, slack: LocalSlack) -> None:
    client = AsyncWebClient(token=slack.app.bot_token, base_url=slack.api_url, retry_handlers=[])
    await client.chat_postMessage(channel="U0SANNE", text="Alleen voor Sanne")
    await page.goto(f"{slack.base_url}/?person=U0SANNE")
    await page.locator("[data-test=channel]", has_text="Webcare").last.click()
    await page.locator("#main [data-test=message]").hover()
    await page.locator("[data-test=reply-in-thread]").click()
    await expect(page.locator("#thread")).to_contain_text("Alleen voor Sanne")
    await page.locator("[data-person=U0YOUSSEF]").click()
    await expect(page.locator("[data-person=U0YOUSSEF]")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#side")).to_be_hidden()


async def test_a_narrow_screen_has_buttons_for_two_columns(page: Page, slack: LocalSlack) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(slack.base_url)
    await expect(page.locator("#panes button")).to_have_count(2)
    for pane in ("rail", "main"):
        await page.locator(f"[data-test=pane-{pane}]").click()
        await expect(page.locator(f"#{pane}")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
