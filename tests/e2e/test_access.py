"""The page for everyone: WCAG 2.2 AA in every state, by keyboard, and in words for who listens."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.e2e.axe import SIZES, violations
from tests.e2e.trying import WAIT, card_of, trying

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLAIM = "[data-action-id='case:claim']"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of one workspace with the bot in it; each test has cards of its own."""
    folder = tmp_path_factory.mktemp("access")
    async with trying(folder, folder) as served:
        yield served


async def go_to(page: Page, address: str, size: str, theme: Any) -> None:
    """Open the page on a screen of this size, in this theme, without movement."""
    page.set_default_timeout(WAIT)
    width, height = SIZES[size]
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await page.goto(address)


async def pane(page: Page, name: str) -> None:
    """Show a column; a wide screen shows them all."""
    button = page.locator(f"[data-test=pane-{name}]")
    if await button.is_visible():
        await button.click()


async def open_place(page: Page, row: str) -> None:
    await pane(page, "rail")
    await page.locator(f"#rail {row}").first.click()
    await pane(page, "main")


async def modal(page: Page) -> Locator:
    """The open modal, once it has loaded."""
    shown = page.locator("[data-test=modal]")
    await expect(shown.locator(".block-section, .field").first).to_be_visible()
    await expect(shown).not_to_contain_text("Even laden")
    return shown


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_no_state_of_the_page_breaks_the_rules(
    address: str, page: Page, artifacts: Path, size: str, theme: Any
) -> None:
    await go_to(page, f"{address}/?person=U0SANNE", size, theme)
    card = card_of(page, "paspoort").filter(has=page.locator("[data-action-id='case:more']")).first
    await expect(card).to_be_visible(timeout=WAIT)
    wrong = await violations(page, "channel")
    await pane(page, "rail")
    wrong += await violations(page, "rail")
    await pane(page, "side")
    wrong += await violations(page, "square")
    await pane(page, "main")

    await card.hover()
    await card.locator("[data-test=reply-in-thread]").click()
    await expect(page.locator("[data-test=thread-composer]")).to_be_focused()
    wrong += await violations(page, "thread")
    await page.keyboard.press("Escape")
    for action in ("case:answer", "case:escalate"):
        await card.locator(f"[data-action-id='{action}']").click()
        shown = await modal(page)
        wrong += await violations(page, action)
        await page.screenshot(path=artifacts / f"{action.replace(':', '-')}-{size}-{theme}.png")
        await page.keyboard.press("Escape")
        await expect(shown).to_be_hidden()
    await expect(card).not_to_contain_text("schrijft een antwoord")  # a card that changes closes its menu
    await card.locator("[data-action-id='case:more']").first.click()
    wrong += await violations(page, "menu")
    await page.locator("[role=menuitem][data-value^='details:']:visible").click()
    shown = await modal(page)
    wrong += await violations(page, "details")
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()

    await page.mouse.move(0, 0)  # the messages move, and the one under the pointer would show its toolbar
    await page.locator("[data-test=composer]").fill("/")
    wrong += await violations(page, "commands")
    await page.locator("[data-test=composer]").fill("/webcare open")
    await page.locator("[data-test=composer-send]").click()
    await expect(page.locator(".ephemeral").last).to_be_visible()
    wrong += await violations(page, "list")
    await open_place(page, "[data-test=home]")
    await expect(page.locator(".home .block").first).to_be_visible()
    wrong += await violations(page, "home")
    await page.screenshot(path=artifacts / f"home-{size}-{theme}.png")
    await open_place(page, "nav button:has-text('Marieke')")
    await expect(page.locator("#place-title")).not_to_contain_text("Startpagina")
    wrong += await violations(page, "direct message")
    assert wrong == []


async def from_menu(page: Page, card: Locator, verb: str) -> Locator:
    """Open what a card's menu offers, or what is behind its "Meer…"."""
    await card.locator("[data-action-id='case:more']").first.click()
    offered = page.locator(f"[role=menuitem][data-value^='{verb}:']:visible")
    if await offered.count():
        await offered.click()
    else:
        await page.locator("[role=menuitem][data-value^='more:']:visible").click()
        shown = await modal(page)
        await shown.locator(f"[data-action-id='case:more'][data-value^='{verb}:']").click()
        await expect(shown).not_to_contain_text("Wat je kunt doen")
    return await modal(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_no_form_or_list_of_a_coordinator_breaks_the_rules(
    address: str, page: Page, artifacts: Path, size: str, theme: Any
) -> None:
    await go_to(page, f"{address}/?person=U0MARIEKE", size, theme)
    card = card_of(page, "paspoort").filter(has=page.locator("[data-action-id='case:more']")).first
    await expect(card).to_be_visible(timeout=WAIT)
    wrong = []
    for verb in ("close", "more", "snooze", "transfer"):
        shown = await from_menu(page, card, verb)
        wrong += await violations(page, verb)
        await page.keyboard.press("Escape")
        await expect(shown).to_be_hidden()

    await page.locator("[data-test=composer]").fill("/webcare open")
    await page.locator("[data-test=composer-send]").click()
    await page.locator(".ephemeral [data-action-id='list:close']").last.click()
    shown = await modal(page)
    wrong += await violations(page, "close several")
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()
    await page.locator("[data-test=composer]").fill("/webcare zoek container")
    await page.locator("[data-test=composer-send]").click()
    await expect(page.locator(".ephemeral").last).to_contain_text("gevonden")
    wrong += await violations(page, "found")

    await open_place(page, "[data-test=home]")
    home = page.locator(".home")
    which = home.locator("select[data-action-id='list:which']").first
    await which.select_option(label="Van niemand")
    await expect(home).to_contain_text("Terug naar het overzicht")
    wrong += await violations(page, "filtered home")
    await home.locator("[data-action-id='settings:open']").first.click()
    shown = await modal(page)
    wrong += await violations(page, "settings")
    await shown.locator("[data-action-id='settings:group'][data-value=reminders]").click()
    await expect(shown.locator("[data-test=modal-submit]")).to_be_visible()
    wrong += await violations(page, "form of settings")
    await shown.locator("[data-action-id=claim_reminder]").fill("45" if theme == "light" else "30")
    await shown.locator("[data-test=modal-submit]").click()
    await shown.locator("[data-action-id='settings:group'][data-value=menu]").click()
    await shown.locator("[data-action-id='settings:group'][data-value=history]").click()
    await expect(shown).to_contain_text("De nieuwste staat bovenaan")
    wrong += await violations(page, "past changes")
    await page.screenshot(path=artifacts / f"past-changes-{size}-{theme}.png")
    await page.keyboard.press("Escape")  # a modal is open until it is closed, also for who comes back
    await expect(shown).to_be_hidden()
    assert wrong == []


COVERED = """() => [...document.querySelectorAll(".message .tools:not(:empty), .jump:not([hidden])")].flatMap(over => {
  const a = over.getBoundingClientRect();
  return [...document.querySelectorAll(".message :is(button, a, input, select):not(.skip-message)")]
    .filter(each => !each.closest(".tools") && each.getClientRects().length)
    .filter(each => {
      const b = each.getBoundingClientRect();
      const seen = each.closest(".scroller").getBoundingClientRect();
      return a.left < b.right && b.left < a.right && a.top < Math.min(b.bottom, seen.bottom) && b.top < a.bottom;
    })
    .map(each => `${over.className} over ${each.title || each.innerText}`);
})"""


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_lies_over_the_buttons_of_messages(address: str, page: Page, size: str) -> None:
    await go_to(page, f"{address}/?person=U0SANNE", size, "light")
    for turn in range(2):  # two cards of two lines below each other, and a new one below them
        await pane(page, "side")
        await page.locator("[data-test=square-text]").fill(f"Wordt het bankje {turn} {size} weer gemaakt?")
        await page.locator("[data-test=square-post]").click()
        await pane(page, "main")
        card = card_of(page, f"bankje {turn} {size}")
        await expect(card).to_be_visible(timeout=WAIT)
        shown = await from_menu(page, card, "close")
        await shown.locator("[data-value=no_answer_needed]").check()
        await shown.locator("[data-test=modal-submit]").click()
        await expect(card).to_contain_text("Afgesloten")
    await page.locator(".scroller").first.evaluate("scroller => { scroller.scrollTop = 0 }")
    await pane(page, "side")
    await page.locator("[data-test=square-text]").fill(f"En het hek {size}?")
    await page.locator("[data-test=square-post]").click()
    await pane(page, "main")
    await expect(card_of(page, f"het hek {size}")).to_be_attached(timeout=WAIT)
    await expect(page.locator(".jump").first).to_be_visible()
    for message in await page.locator(".message:visible").all():
        await message.scroll_into_view_if_needed()
        assert await page.evaluate(COVERED) == []


async def test_an_answer_sent_by_keyboard_leaves_the_focus_on_undo(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    card = card_of(page, "compliment").first
    await card.locator("[data-action-id='case:answer']").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-action-id=answer_text]")).to_be_focused()
    await page.keyboard.type("Dag Ans, dat geven we graag door!")
    await page.locator("[data-test=modal-submit]").focus()
    await page.keyboard.press("Enter")
    await expect(card.locator("[data-action-id='case:undo']")).to_be_focused()


async def test_control_and_enter_send_an_answer_and_what_was_typed_just_before_escape_is_a_draft(
    address: str, page: Page
) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    card = card_of(page, "grijze container").first
    field = page.locator("[data-action-id=answer_text]")
    await card.locator("[data-action-id='case:answer']").click()
    await expect(field).to_be_focused()
    await page.keyboard.type("Morgen voor tien uur.")
    await page.keyboard.press("Escape")
    await expect(field).to_be_hidden()
    await card.locator("[data-action-id='case:answer']").click()
    await expect(field).to_have_value("Morgen voor tien uur.")
    await expect(page.locator("[data-test=modal]")).to_contain_text("Concept van")
    await field.focus()
    await page.keyboard.press("End")
    await page.keyboard.type(" Zet hem langs de weg.")
    await page.keyboard.press("Control+Enter")
    await expect(field).to_be_hidden()
    await expect(card).to_contain_text("Morgen voor tien uur. Zet hem langs de weg.")


async def test_keys_go_from_one_open_card_to_the_next_and_past_a_card(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await expect(page.locator("#main .message").filter(has=page.locator(CLAIM)).nth(2)).to_be_visible(timeout=WAIT)
    stamps = (
        await page.locator("#main .message")
        .filter(has=page.locator(CLAIM))
        .evaluate_all("cards => cards.slice(0, 3).map((card) => card.dataset.ts)")
    )
    first, between, last = (page.locator(f"#main [data-ts='{stamp}']") for stamp in stamps)
    await between.locator(CLAIM).click()
    await expect(between.locator(CLAIM)).to_have_count(0)
    await page.locator("[data-test=composer]").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(first.locator("article")).to_be_focused()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(last.locator("article")).to_be_focused()
    await page.keyboard.press("Alt+ArrowUp")
    await expect(first.locator("article")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(first.locator("[data-test=skip-message]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("article:focus")).to_have_count(1)
    after = await first.evaluate("card => card.nextElementSibling.contains(document.activeElement)")
    assert after


async def test_the_live_region_says_in_words_and_once_what_became_of_a_card(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await page.locator("[data-test=citizen]").select_option("Sjoerd Hoekstra")
    await page.locator("[data-test=square-text]").fill("Mag de vlag uit?")
    await page.locator("[data-test=square-post]").click()
    card, said = card_of(page, "de vlag").first, page.locator("#announcer p")
    await card.locator("[data-action-id='case:claim']").click()
    claimed = said.filter(has_text="opgepakt")
    await expect(claimed).to_have_text(
        re.compile("^Zaak [0-9]+ van \u2068Sjoerd Hoekstra\u2069 opgepakt door @Sanne de Boer[.]$")
    )
    await page.locator("[data-test=composer]").fill("/webcare open")
    await page.keyboard.press("Enter")
    await expect(page.locator(".ephemeral").last).to_be_visible()
    listed = said.last
    await expect(listed).to_contain_text("Er wachten")
    assert "Lindestraat" not in await listed.inner_text()
    assert not {"*", "<", "•"} & set("".join(await said.all_inner_texts()))


async def test_every_link_of_a_card_has_a_name(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    card = card_of(page, "paspoort").filter(has=page.locator("[data-action-id='case:more']"))  # not the list of it
    links = card.first.locator(".blocks a")
    await expect(links).to_have_text(["\u2068@priyasharma\u2069", "bekijk het bericht"], timeout=WAIT)
