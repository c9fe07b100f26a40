"""The page for everyone: WCAG 2.2 AA in every state, by keyboard, and in words for who listens."""

import re
from collections.abc import AsyncIterator, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from bot.connectors.platform import Capability
from bot.trial import platforms
from bot.views.settings_form import GROUPS
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


async def modal(page: Page, after: str = "loading") -> Locator:
    """The open modal, once it has loaded and is no longer the one `after` which it comes."""
    shown = page.locator("[data-test=modal]")
    await expect(shown.locator(".block-section, .field").first).to_be_visible()
    await expect(shown).not_to_have_attribute("data-callback-id", re.compile(f"^(loading|{after})$"))
    return shown


async def looked_at(page: Page, shown: Locator, state: str) -> list[str]:
    """What is wrong with the open modal, which is closed then."""
    wrong = await violations(page, state)
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()
    return wrong


async def write(page: Page, words: str, citizen: str, place: str = "") -> Locator:
    """Write as a citizen, on the square or on a platform; returns the card."""
    await pane(page, "side")
    if place:
        choice = page.locator(f"[data-test=place][data-place='{place}']")
        await page.locator("label", has=choice).click()
        await expect(choice).to_be_checked()
    await page.locator("[data-test=citizen]").first.select_option(citizen)
    await page.locator("[data-test=square-text]").fill(words)
    await page.locator("[data-test=square-post]").click()
    await pane(page, "main")
    card = card_of(page, words).first
    await expect(card).to_be_visible(timeout=WAIT)
    return card


async def say(page: Page, words: str) -> None:
    """Give a command."""
    await page.locator("[data-test=composer]").fill(words)
    await page.locator("[data-test=composer-send]").click()


async def send(page: Page, shown: Locator) -> None:
    """Send the open modal."""
    await page.locator("[data-test=modal-submit]").click()
    await expect(shown).to_be_hidden()


async def answer(page: Page, card: Locator, words: str) -> None:
    """Answer a case, until that can no longer be undone."""
    await card.locator("[data-action-id='case:answer']").click()
    shown = await modal(page)
    await page.locator("[data-action-id=answer_text]").fill(words)
    await send(page, shown)
    await expect(card).to_contain_text("Beantwoord door")
    await expect(card).not_to_contain_text("Ongedaan maken")


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
        return await modal(page, after="more")
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


IN_SHORT = [("desktop", "light"), ("phone", "dark")]
"""Each size and each theme once: what looks alike everywhere is looked at in both."""
FULLEST = next(
    platform.name
    for platform, trial in platforms.offered()
    if platform.can(Capability.HIDES) and platform.can(Capability.DELETES) and not trial.ways[0].private
)
"""A platform where posts can be hidden and answers removed."""


@pytest.mark.parametrize(("size", "theme"), IN_SHORT)
async def test_no_form_of_an_agent_and_no_card_breaks_the_rules(
    address: str, page: Page, artifacts: Path, size: str, theme: Any
) -> None:
    await go_to(page, f"{address}/?person=U0SANNE", size, theme)
    closed = await write(page, f"Is de brug {size} open?", "Sjoerd Hoekstra")
    card = await write(page, f"En vaart het veer {size} vandaag?", "Sjoerd Hoekstra")
    wrong = []
    for verb in ("assign", "note", "others"):
        wrong += await looked_at(page, await from_menu(page, card, verb), verb)
    await card.locator("[data-action-id='case:answer']").click()
    shown = await modal(page)
    await page.locator("[data-test=modal-submit]").click()
    await expect(shown.locator(".field.invalid .error").first).to_be_visible()
    wrong += await violations(page, "an answer without words")
    await shown.locator("[role=combobox]").click()
    await expect(shown.locator("[role=option]").first).to_be_visible()
    wrong += await violations(page, "suggestions")
    await page.keyboard.press("Escape")
    await expect(shown.locator("[role=listbox]")).to_be_hidden()
    wrong += await looked_at(page, shown, "after the suggestions")
    await expect(card).not_to_contain_text("schrijft een antwoord")  # a card that changes may swallow a click

    await say(page, "/webcare zoek")
    wrong += await looked_at(page, await modal(page), "search")
    await card.locator(CLAIM).click()
    await expect(card).to_contain_text("In behandeling")
    await say(page, "/webcare mijn")
    await page.locator(".ephemeral [data-action-id='list:hand_over']").last.click()
    wrong += await looked_at(page, await modal(page), "hand over")

    shown = await from_menu(page, closed, "close")
    await shown.locator("[data-value=no_answer_needed]").check()
    await send(page, shown)
    await expect(closed).to_contain_text("Afgesloten")
    answered = await write(page, f"Is het zwembad {size} warm?", "Sjoerd Hoekstra")
    await answer(page, answered, "Ja, 28 graden.")
    wrong += await violations(page, "answered and closed cards")
    await page.screenshot(path=artifacts / f"done-{size}-{theme}.png")

    await card.locator("[data-action-id='case:escalate']").click()
    shown = await modal(page)
    await shown.locator("select[data-action-id=escalate_colleague]").select_option("U0MARIEKE")
    await shown.locator("[data-action-id=escalate_question]").fill(f"Weet jij dat, {size}?")
    await send(page, shown)
    await expect(card).to_contain_text("Geëscaleerd")
    wrong += await advised_and_taken_over(page, f"{address}/?person=U0MARIEKE", size, theme)
    assert wrong == []


async def advised_and_taken_over(page: Page, address: str, size: str, theme: Any) -> list[str]:
    """What is wrong with the forms of the colleague who was asked."""
    await go_to(page, address, size, theme)
    await pane(page, "rail")
    talks = page.get_by_role("navigation", name="Gesprekken")
    await talks.locator("button", has_text="webcare").last.click()
    await pane(page, "main")
    question = page.locator("[data-test=message]").filter(has_text=f"Weet jij dat, {size}?").last
    await question.locator("[data-action-id='case:advise']").click()
    wrong = await looked_at(page, await modal(page), "advise")
    await open_place(page, "[data-test=channel][data-row=C0WEBCARE]")
    card = card_of(page, f"het veer {size} vandaag").first
    await card.locator("[data-action-id='case:answer']").click()
    shown = await modal(page)
    await expect(shown).to_have_attribute("data-callback-id", "case:take_over")
    return wrong + await looked_at(page, shown, "take over")


@pytest.mark.parametrize(("size", "theme"), IN_SHORT)
async def test_hiding_a_post_and_removing_an_answer_break_no_rules(
    address: str, page: Page, size: str, theme: Any
) -> None:
    await go_to(page, f"{address}/?person=U0SANNE", size, theme)
    card = await write(page, f"Stelletje prutsers, op {size}!", "Bram de Groot", FULLEST)
    wrong = await looked_at(page, await from_menu(page, card, "hide"), "hide")
    await answer(page, card, "Dag Bram, wat ging er mis?")
    wrong += await looked_at(page, await from_menu(page, card, "remove"), "remove")
    assert wrong == []


async def every_group(page: Page, groups: Iterable[str]) -> list[str]:
    """What is wrong with these groups of settings, and with the form that adds one to a list."""
    wrong = []
    for group in groups:
        await page.locator(".home [data-action-id='settings:open']").first.click()
        shown = await modal(page)
        await shown.locator(f"[data-action-id='settings:group'][data-value={group}]").click()
        await expect(shown.locator("[data-action-id='settings:group'][data-value=history]")).to_have_count(0)
        await modal(page)
        wrong += await violations(page, group)
        if group == "norms":
            await shown.locator("[data-action-id=norm_first_reaction]").fill("veel")
            await page.locator("[data-test=modal-submit]").click()
            await expect(shown.locator(".field.invalid .error").first).to_be_visible()
            wrong += await violations(page, "norms with an error")
        add = shown.locator("[data-action-id$=':add']")
        if await add.count():
            await add.click()
            await expect(page.locator("[data-test=modal-submit]")).to_be_visible()
            wrong += await violations(page, f"add to {group}")
        await page.keyboard.press("Escape")
        await expect(shown).to_be_hidden()
    return wrong


@pytest.mark.parametrize(("size", "theme"), IN_SHORT)
async def test_no_group_of_settings_breaks_the_rules(address: str, page: Page, size: str, theme: Any) -> None:
    await go_to(page, f"{address}/?person=U0MARIEKE", size, theme)
    await open_place(page, "[data-test=home]")
    assert await every_group(page, GROUPS) == []


async def test_the_english_page_breaks_no_rules(tmp_path: Path, page: Page, artifacts: Path) -> None:
    async with trying(tmp_path, artifacts, language="en") as address:
        await go_to(page, f"{address}/?person=U0MARIEKE", "desktop", "light")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        card = card_of(page, "paspoort").filter(has=page.locator("[data-action-id='case:more']")).first
        await expect(card).to_be_visible(timeout=WAIT)
        wrong = await violations(page, "channel")
        for verb in ("details", "close", "note", "assign"):
            wrong += await looked_at(page, await from_menu(page, card, verb), verb)
        for action in ("case:escalate", "case:answer"):
            await card.locator(f"[data-action-id='{action}']").click()
            wrong += await looked_at(page, await modal(page), action)
        await say(page, "/webcare open")
        await expect(page.locator(".ephemeral").last).to_be_visible()
        wrong += await violations(page, "list")
        await open_place(page, "[data-test=home]")
        await expect(page.locator(".home .block").first).to_be_visible()
        wrong += await violations(page, "home")
        wrong += await every_group(page, ["hours", "norms", "rules"])
        await page.goto("about:blank")  # or it would look for the bot that has stopped
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


UP = """async scroller => {
  scroller.scrollTop = 0;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
"""Read higher up, and let the page notice that."""


async def asked_in_the_square(page: Page, words: str) -> Locator:
    """Let a citizen ask something; returns its card."""
    await pane(page, "side")
    await page.locator("[data-test=square-text]").fill(words)
    await page.locator("[data-test=square-post]").click()
    card = card_of(page, words)
    await expect(card).to_be_attached(timeout=WAIT)  # on a phone while the list is out of sight
    await pane(page, "main")
    return card


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_lies_over_the_buttons_of_messages(address: str, page: Page, size: str) -> None:
    await go_to(page, f"{address}/?person=U0SANNE", size, "light")
    for turn in range(2):  # two cards of two lines below each other, and a new one below them
        card = await asked_in_the_square(page, f"Wordt het bankje {turn} {size} weer gemaakt?")
        shown = await from_menu(page, card, "close")
        await shown.locator("[data-value=no_answer_needed]").check()
        await shown.locator("[data-test=modal-submit]").click()
        await expect(card).to_contain_text("Afgesloten")
    scroller = page.locator(".scroller").first
    for turn in count():  # so much that one can read higher up
        if await scroller.evaluate("scroller => scroller.scrollHeight > 1.5 * scroller.clientHeight"):
            break
        await asked_in_the_square(page, f"Wanneer is nummer {turn} {size} aan de beurt?")
    await scroller.evaluate(UP)
    await asked_in_the_square(page, f"En het hek {size}?")
    await expect(page.locator(".jump").first).to_be_visible()
    for message in await page.locator(".message:visible").all():
        await message.scroll_into_view_if_needed()
        assert await page.evaluate(COVERED) == []


SCROLL = """(dialog) => [dialog, ...dialog.querySelectorAll("*")].filter((node) => {
    const bars = ["auto", "scroll"].includes(getComputedStyle(node).overflowY) && node.tagName !== "TEXTAREA";
    return bars && node.clientHeight && node.scrollHeight > node.clientHeight;
}).map((node) => node.className)"""


async def test_a_modal_has_one_scrollbar_also_at_twice_the_size(address: str, page: Page) -> None:
    await go_to(page, address, next(iter(SIZES)), "light")
    await page.locator(CLAIM).first.click()
    await page.locator("[data-action-id='case:answer']").first.click()
    shown = await modal(page)
    for width, height in ((1440, 900), (960, 540), (720, 450), (640, 360)):
        await page.set_viewport_size({"width": width, "height": height})
        assert await shown.evaluate(SCROLL) == ["blocks modal-blocks"], (width, height)
    await page.keyboard.press("Escape")  # a modal is open until it is closed, also for who comes back
    await expect(shown).to_be_hidden()


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
    await expect(card).to_contain_text("Beantwoord door")
    given = page.locator("#square").get_by_text("Morgen voor tien uur. Zet hem langs de weg.")
    await expect(given).to_be_attached()  # the card shows it only as long as it can be undone


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
