"""`webcare try` as on each platform: a citizen writes there, the team answers in Slack, each sees what it allows."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from bot.connectors.base import Account, Replies
from bot.connectors.platform import Capability, Platform
from bot.connectors.trial import Trial
from bot.domain.reply import MAX_TYPED
from bot.trial import platforms
from tests.e2e.axe import SIZES, violations
from tests.e2e.trying import WAIT, card_of, trying
from tests.fakes.tools import tools

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFERED = list(platforms.offered())
NAMES = [platform.name for platform, _ in OFFERED]
WRITER = "Bram de Groot"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of one workspace with the bot in it; each platform has posts of its own."""
    folder = tmp_path_factory.mktemp("platforms")
    async with trying(folder, folder) as served:
        yield served


async def be_on(page: Page, place: str) -> None:
    """See the square as a platform."""
    choice = page.locator(f'[data-test="place"][data-place="{place}"]')
    await page.locator("label", has=choice).click()
    await expect(choice).to_be_checked()


async def write(page: Page, way: str, text: str, *, subject: str = "") -> Locator:
    """Write as a citizen; returns the post once the team has it."""
    await page.locator("[data-test=citizen]").first.select_option(label=WRITER)
    if await page.locator("[data-test=square-way]").is_visible():
        await page.locator("[data-test=square-way]").select_option(way)
    if subject:
        await page.locator("[data-test=square-subject]").fill(subject)
    await page.locator("[data-test=square-text]").fill(text)
    await page.locator("[data-test=square-post]").click()
    post = page.locator("[data-test=citizen-post]").filter(has_text=text)
    await expect(post).to_contain_text("bij het team")
    return post


def room(platform: Platform, trial: Trial, words: str, *, private: bool) -> int:
    """How many signs are left after these words, as the platform counts and Slack's input takes."""
    account = Account(1, platform.name, platforms.NAME, "", {}, trial.options)
    own = platform.connect(account, tools(httpx.AsyncClient()))
    assert isinstance(own, Replies)
    measured = own.measure(f"{words} ^SB", private=private)
    typed = MAX_TYPED - len(words)
    return typed if measured.limit is None else min(typed, measured.limit - measured.length)


async def open_answer(page: Page, card: Locator) -> Locator:
    await card.locator('[data-action-id="case:answer"]').click()
    shown = page.locator('[data-test="modal"][data-callback-id="case:answer"]')
    await expect(shown).to_be_visible(timeout=WAIT)
    await expect(page.locator("[data-action-id=answer_text]")).to_be_visible()
    return shown


async def answer(page: Page, card: Locator, words: str, left: int, picture: Path, *, choose_private: bool) -> None:
    """Answer a case; the modal shows how much room its platform leaves."""
    shown = await open_answer(page, card)
    if choose_private:
        await shown.locator("[data-value=private]").check()
    await page.locator("[data-action-id=answer_text]").fill(words)
    await expect(shown).to_contain_text(f"nog {left} tekens over")
    await page.screenshot(path=picture)
    await page.locator("[data-test=modal-submit]").click()
    await expect(shown).to_be_hidden(timeout=WAIT)


async def from_menu(page: Page, card: Locator, verb: str) -> None:
    """Choose in the menu of a card, or behind its "Meer…"."""
    await card.locator("[data-action-id='case:more']").first.click()
    choice = page.locator(f"[role=menuitem][data-value^='{verb}:']:visible")
    if await choice.count():
        await choice.click()
        return
    await page.locator("[role=menuitem][data-value^='more:']:visible").click()
    await page.locator(f"[data-test=modal] [data-action-id='case:more'][data-value^='{verb}:']").click()


async def hide(page: Page, card: Locator) -> None:
    await from_menu(page, card, "hide")
    shown = page.locator('[data-test="modal"][data-callback-id="case:hide"]')
    await expect(shown).to_be_visible(timeout=WAIT)
    await page.locator("select[data-action-id=hide_rule]").select_option(label="Schelden")
    await page.locator("[data-test=modal-submit]").click()
    told = page.locator('[data-test="modal"][data-callback-id="case:answer"]')
    await expect(told).to_be_visible(timeout=WAIT)
    await page.keyboard.press("Escape")  # the citizen is told another time
    await expect(told).to_be_hidden()


@pytest.mark.parametrize(("platform", "trial"), OFFERED, ids=NAMES)
async def test_what_a_citizen_writes_is_answered_and_hidden_as_on_the_platform(
    address: str, page: Page, artifacts: Path, platform: Platform, trial: Trial
) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    await be_on(page, platform.name)
    await expect(page.locator("[data-test=place-about]")).to_contain_text(f"Zoals bij {platform.title}.")
    way, words = trial.ways[0], f"Wat kost een parkeervergunning? ({platform.title})"
    post = await write(page, way.name, words, subject="Parkeren" if way.has_subject else "")
    card = card_of(page, words)
    await expect(card).to_contain_text(re.compile(f"{platform.title}\u2069? · \u2068?Het Plein"), timeout=WAIT)
    await page.screenshot(path=artifacts / f"{platform.name}-written.png")

    if way.private:
        await expect(post).to_contain_text("privé")
        await expect(card).to_contain_text("privébericht")
    elif platform.can(Capability.HIDES):
        await hide(page, card)
        await expect(post).to_contain_text("verborgen")
        await expect(post).to_contain_text(words)  # who wrote it still sees it
        await page.locator("[data-test=citizen]").first.select_option(label="Chantal Maduro")
        hidden = page.locator(".hidden-post")
        await expect(hidden).to_contain_text("erborgen")
        await expect(hidden.get_by_text(words)).to_be_hidden()
        await page.screenshot(path=artifacts / f"{platform.name}-hidden.png")
        await from_menu(page, card, "show")
        await expect(page.locator(".hidden-post")).to_have_count(0)
        await page.keyboard.press("Escape")
        await expect(page.locator("[data-test=modal]")).to_be_hidden()

    privately = not way.private and platform.can(Capability.MESSAGES)
    said = f"Dag Bram, dat is 12 euro per maand. 👍🏽 {platform.sign}"
    left = room(platform, trial, said, private=way.private or privately)
    await answer(page, card, said, left, artifacts / f"{platform.name}-answer.png", choose_private=privately)
    ours = page.locator("[data-test=team-post]").filter(has_text="12 euro per maand")
    await expect(ours).to_contain_text("privé")
    await expect(ours).to_contain_text("^SB")
    await page.screenshot(path=artifacts / f"{platform.name}-answered.png")

    await ours.locator("[data-test=post-reply]").click()
    await page.locator("[data-test=reply-text]").fill(f"En voor een jaar? ({platform.title})")
    await page.locator("[data-test=reply-send]").click()
    again = card_of(page, f"En voor een jaar? ({platform.title})")
    await expect(again).to_contain_text("Nieuw", timeout=WAIT)
    await expect(again).to_contain_text("privébericht")
    await page.screenshot(path=artifacts / f"{platform.name}-again.png")


async def test_the_seeded_posts_show_a_window_that_ends_soon_and_one_that_is_over(
    address: str, page: Page, artifacts: Path
) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    ends = card_of(page, "mijn zoon zit in een rolstoel")
    await expect(ends).to_contain_text("privé antwoorden kan tot", timeout=WAIT)
    over = card_of(page, "mijn rijbewijs zou donderdag klaarliggen")
    await expect(over).to_contain_text("alleen nog met een sjabloon", timeout=WAIT)
    shown = await open_answer(page, over)
    await expect(shown).to_contain_text("sjabloon")
    await page.screenshot(path=artifacts / "templates.png")
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()


async def test_a_place_is_chosen_by_keyboard_and_tells_of_answers_elsewhere(address: str, page: Page) -> None:
    page.set_default_timeout(WAIT)
    await page.goto(f"{address}/?person=U0SANNE")
    places = page.locator("[data-test=place]")
    await expect(places).to_have_count(len(OFFERED) + 1)
    await places.first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(places.nth(1)).to_be_checked()
    await expect(places.nth(1)).to_be_focused()
    name = await places.nth(1).get_attribute("data-place")
    platform, trial = next(each for each in OFFERED if each[0].name == name)
    text = "Mag ik op het dak een zonnepaneel?"
    await write(page, trial.ways[0].name, text, subject="Dak" if trial.ways[0].has_subject else "")
    await places.nth(1).focus()
    await page.keyboard.press("ArrowLeft")
    await expect(places.first).to_be_checked()
    await expect(page.locator("[data-test=place-about]")).to_be_hidden()
    card = card_of(page, text)
    shown = await open_answer(page, card)
    await page.locator("[data-action-id=answer_text]").fill("Ja, dat mag.")
    await expect(shown).to_contain_text("Ja, dat mag. ^SB")
    await page.locator("[data-test=modal-submit]").click()
    choice = page.locator("label", has=page.locator(f"[data-test=place][data-place={name}]"))
    await expect(choice).to_contain_text(re.compile(r"1\s+nieuw antwoord"), timeout=WAIT)
    if await card.get_by_text("bekijk het bericht").count():  # a link to a post shows the place where it stands
        await card.get_by_text("bekijk het bericht").first.click()
    else:
        await be_on(page, platform.name)
    await expect(places.nth(1)).to_be_checked()
    await expect(page.locator("[data-test=team-post]").filter(has_text="Ja, dat mag.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_no_place_breaks_the_rules_of_access(
    address: str, page: Page, artifacts: Path, size: str, theme: Any
) -> None:
    page.set_default_timeout(WAIT)
    width, height = SIZES[size]
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await page.goto(f"{address}/?person=U0SANNE")
    if await page.locator("[data-test=pane-side]").is_visible():
        await page.locator("[data-test=pane-side]").click()
    await expect(page.locator("[data-test=places]")).to_be_visible()
    wrong = []
    for platform, trial in OFFERED:
        await be_on(page, platform.name)
        for way in trial.ways if len(trial.ways) > 1 else ():
            await page.locator("[data-test=square-way]").select_option(way.name)
        wrong += await violations(page, platform.name)
        await page.screenshot(path=artifacts / f"place-{platform.name}-{size}-{theme}.png")
        if await page.locator("[data-test=post-reply]").count():
            await page.locator("[data-test=post-reply]").first.click()
            wrong += await violations(page, f"{platform.name} reply")
            await page.keyboard.press("Escape")
    assert wrong == []
