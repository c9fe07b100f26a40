"""`webcare try` as a newcomer uses it: one command, then every button of a card, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.e2e.trying import ANSWERED, WAIT, be, card_of, trying

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path, artifacts: Path) -> AsyncIterator[str]:
    """The address that the command serves."""
    async with trying(tmp_path, artifacts) as served:
        yield served


async def press(card: Locator, action: str) -> None:
    await card.locator(f'[data-action-id="{action}"]').click()


async def choose(page: Page, card: Locator, verb: str) -> None:
    await card.locator('[data-action-id="case:more"][aria-haspopup="menu"]').click()
    await page.locator(f'[role="menuitem"][data-value^="{verb}:"]:visible').click()


async def modal(page: Page, callback: str) -> Locator:
    shown = page.locator(f'[data-test="modal"][data-callback-id="{callback}"]')
    await expect(shown).to_be_visible(timeout=WAIT)
    return shown


async def submit(page: Page, shown: Locator) -> None:
    await page.locator('[data-test="modal-submit"]').click()
    await expect(shown).to_be_hidden(timeout=WAIT)


async def test_every_button_does_what_it_says(address: str, page: Page, artifacts: Path) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    waste, road, passport = (card_of(page, w) for w in ("grijze container", "Stationsweg", "paspoort"))

    await press(waste, "case:claim")
    await expect(waste).to_contain_text("In behandeling")
    await choose(page, waste, "more")
    shown = await modal(page, "more")
    await page.screenshot(path=artifacts / "more.png")
    await shown.locator('[data-value^="release:"]').click()
    await expect(shown).to_contain_text("Nieuw")
    await page.keyboard.press("Escape")
    await expect(waste).to_contain_text("Nieuw")

    await press(waste, "case:answer")
    shown = await modal(page, "case:answer")
    await page.locator('[data-action-id="answer_text"]').fill("Dag Fatima, we komen morgen voor tien uur langs!")
    await expect(shown).to_contain_text("langs! ^SB")
    await page.screenshot(path=artifacts / "answer.png")
    await submit(page, shown)
    await expect(waste).to_contain_text("Ongedaan maken")
    await press(waste, "case:undo")
    await expect(waste).to_contain_text("In behandeling")
    await press(waste, "case:answer")
    shown = await modal(page, "case:answer")
    await expect(page.locator('[data-action-id="answer_text"]')).to_have_value(
        "Dag Fatima, we komen morgen voor tien uur langs!"
    )
    await submit(page, shown)
    await expect(waste).to_contain_text(ANSWERED)
    await expect(page.locator('[data-test="team-post"]')).to_contain_text("langs! ^SB")
    await page.screenshot(path=artifacts / "answered.png")
    await choose(page, waste, "details")
    await expect(await modal(page, "said")).to_contain_text("Geschiedenis")
    await page.screenshot(path=artifacts / "details.png")
    await page.keyboard.press("Escape")

    await press(passport, "case:escalate")
    shown = await modal(page, "case:escalate")
    await page.locator('select[data-action-id="escalate_colleague"]').select_option("U0MARIEKE")
    await page.locator('[data-action-id="escalate_question"]').fill("Lukt dat nog voor de 19e?")
    await page.screenshot(path=artifacts / "escalate.png")
    await submit(page, shown)
    await expect(passport).to_contain_text("Geëscaleerd")

    await choose(page, road, "more")
    await (await modal(page, "more")).locator('[data-value^="note:"]').click()
    shown = await modal(page, "case:note")
    await page.locator('[data-action-id="note_text"]').fill("Nagevraagd bij Openbare Werken.")
    await submit(page, shown)
    await expect(road.locator('[data-test="open-thread"]')).to_be_visible()
    await choose(page, road, "assign")
    shown = await modal(page, "case:assign")
    await page.locator('select[data-action-id="assign_to"]').select_option("U0YOUSSEF")
    await submit(page, shown)
    await expect(road).to_contain_text("Youssef Amrani")

    await be(page, "U0MARIEKE")
    await page.get_by_role("navigation", name="Gesprekken").locator("button", has_text="webcare").last.click()
    question = page.locator('[data-test="message"]').filter(has_text="Lukt dat nog voor de 19e?")
    await press(question, "case:advise")
    shown = await modal(page, "case:advise")
    await page.locator('[data-action-id="advice_text"]').fill("Ja, met een spoedaanvraag.")
    await page.screenshot(path=artifacts / "advise.png")
    await submit(page, shown)
    await expect(question).to_contain_text("Ja, met een spoedaanvraag.")

    await page.locator('[data-test="channel"][data-row="C0WEBCARE"]').click()
    await be(page, "U0YOUSSEF")
    await press(passport, "case:answer")
    shown = await modal(page, "case:take_over")
    await page.locator('[data-test="modal-submit"]').click()
    shown = await modal(page, "case:answer")
    await page.screenshot(path=artifacts / "taken-over.png")
    await page.keyboard.press("Escape")
    await expect(passport).to_contain_text("Youssef Amrani")
    compliment = card_of(page, "compliment")
    await choose(page, compliment, "close")
    shown = await modal(page, "case:close")
    await page.locator('[data-value="no_answer_needed"]').check()
    await page.screenshot(path=artifacts / "close.png")
    await submit(page, shown)
    await expect(compliment).to_contain_text("Afgesloten")
    await choose(page, compliment, "details")
    await expect(await modal(page, "said")).to_contain_text("Afgesloten")
    await page.screenshot(path=artifacts / "details-closed.png")
    await page.keyboard.press("Escape")
    await choose(page, compliment, "reopen")
    await expect(compliment).to_contain_text("In behandeling")
    await page.screenshot(path=artifacts / "channel.png")


async def test_the_citizen_replies_and_the_case_is_new_again(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await page.locator('[data-test="square-text"]').fill("Is het stadhuis morgen open?")
    await page.locator('[data-test="square-post"]').click()
    card = card_of(page, "Is het stadhuis morgen open?")
    await press(card, "case:answer")
    shown = await modal(page, "case:answer")
    await page.locator('[data-action-id="answer_text"]').fill("Ja, van negen tot vijf.")
    await submit(page, shown)
    answer = page.locator('[data-test="team-post"]').filter(has_text="van negen tot vijf")
    await expect(answer).to_be_visible()
    await answer.locator('[data-test="post-reply"]').click()
    await page.locator('[data-test="reply-text"]').fill("En zaterdag?")
    await page.locator('[data-test="reply-send"]').click()
    again = card_of(page, "En zaterdag?")  # the card shows what the citizen wrote last
    await expect(again).to_contain_text("Nieuw")


FROM_THE_END = "node => node.scrollHeight - node.scrollTop - node.clientHeight"
OVERFLOW = "() => document.documentElement.scrollHeight - innerHeight"


async def test_the_home_scrolls_by_itself_and_the_channel_is_at_its_newest_message_after_it(
    address: str, page: Page
) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await expect(card_of(page, "dakkapel")).to_be_visible(timeout=WAIT)
    for _ in range(2):
        await page.locator("[data-test=home]").click()
        await expect(page.locator("#main .home")).to_contain_text("Wachtrij", timeout=WAIT)
        assert await page.evaluate(OVERFLOW) <= 0
        assert await page.locator("#main .scroller").evaluate("node => node.scrollTop") == 0
        await page.locator('[data-row="C0WEBCARE"]').click()
        await expect(page.locator("#main .home")).to_be_hidden()
        await expect(card_of(page, "dakkapel")).to_be_visible(timeout=WAIT)
        assert await page.locator("#main .scroller").evaluate(FROM_THE_END) < 80
