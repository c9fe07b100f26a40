"""An image with an answer, as a colleague adds it in the browser and a citizen sees it on the square."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, expect

from tests.e2e.trying import ANSWERED, WAIT, card_of, trying
from tests.fakes.pictures import photograph

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEEN = "Een grijze container op de stoep, met de klep dicht."


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path, artifacts: Path) -> AsyncIterator[str]:
    """The address that the command serves."""
    async with trying(tmp_path, artifacts) as served:
        yield served


async def test_a_picture_is_added_described_and_seen_by_the_citizen(address: str, page: Page, artifacts: Path) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    card = card_of(page, "grijze container")
    await card.locator('[data-action-id="case:answer"]').click()
    shown = page.locator('[data-test="modal"][data-callback-id="case:answer"]')
    await expect(shown).to_be_visible(timeout=WAIT)
    picture = page.locator('input[type="file"][data-action-id="answer_image"]')
    photo = FilePayload(name="IMG 2026.jpg", mimeType="image/jpeg", buffer=photograph(900, 600, turned=True))
    await picture.set_input_files(photo)
    await expect(shown.locator(".file-name")).to_have_text("IMG 2026.jpg")
    await page.locator('[data-action-id="answer_text"]').fill("De container is geleegd, kijk maar.")
    await expect(shown).to_contain_text("kijk maar. ^SB")  # the modal was updated, and still has the file
    await expect(shown.locator(".file-name")).to_have_text("IMG 2026.jpg")
    await page.locator('[data-test="modal-submit"]').click()
    await expect(shown).to_contain_text("Zeg wat er te zien is, voor wie de afbeelding niet kan zien.")
    await page.locator('[data-action-id="answer_image_description"]').fill(SEEN)
    await page.locator('[data-action-id="answer_image_description"]').scroll_into_view_if_needed()
    await page.screenshot(path=artifacts / "image-modal.png")
    await page.locator('[data-test="modal-submit"]').click()
    await expect(shown).to_be_hidden(timeout=WAIT)

    post = page.locator('[data-test="team-post"]').filter(has_text="kijk maar.")
    seen = post.get_by_role("img", name=SEEN)
    await expect(seen).to_be_visible(timeout=WAIT)
    await expect(seen).to_have_js_property("complete", True)
    assert await seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [600, 900]
    await seen.scroll_into_view_if_needed()
    await page.screenshot(path=artifacts / "image-square.png")
    await expect(card).to_contain_text(ANSWERED)
