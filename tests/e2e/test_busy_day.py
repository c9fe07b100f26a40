"""A busy day in the browser: sixty citizens, three colleagues, a restart of the bot; and how high its cards are."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from bot import accounts, db
from bot.config import Settings
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.sandbox.slack.rules import Rules
from bot.steady_clock import utc_now
from tests.bench.apps import running, settings_for
from tests.conftest import CHANNEL, MANIFEST, MARIEKE, SANNE, YOUSSEF
from tests.e2e.trying import ANSWERED, WAIT, be, card_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

MENTIONS = 60
BEFORE = {"answered": 314}
"""Pixels of a card before cases that are done were made short: three cards filled a screen."""
HIGHEST = {"new": 200, "answered": 130, "closed": 130}
"""The most pixels of a card with a short post. Of the two lines of a case that is done the second may wrap once."""


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Sandbox, Settings]]:
    """The local workspace with its square, and the settings of a bot for it, which does not run yet."""
    rules = Rules(message_seconds=0, tiers=False, ack_seconds=30, trigger_seconds=60)  # this machine may be busy
    async with Sandbox(MANIFEST, rules=rules) as slack:
        usual = settings_for(slack, f"sqlite:///{folder / 'day.db'}")
        settings = usual.model_copy(update={"slack_pace": 0.0, "undo_seconds": 1})
        engine = db.create_engine(settings.database_url)
        await db.migrate(engine)
        async with db.sessions(engine)() as session:
            await accounts.ensure_team(session, settings, utc_now())
            await session.flush()
            await accounts.add(
                session, settings, platform="webhook", name="plein", url="", now=utc_now(),
                secrets={"signing_secret": slack.square.secret},
                options={"title": "Het Plein", "callback_url": f"{slack.base_url}/square/replies"},
            )  # fmt: skip
        await engine.dispose()
        yield slack, settings


def question(number: int) -> str:
    """Return a text that has too little in common with the others to be rolled up: each has a card of its own."""
    return f"Vraag {number:02}: container?"


async def cards(slack: Sandbox) -> list[dict[str, Any]]:
    """All cards, once each citizen has one."""

    def shown() -> list[dict[str, Any]] | None:
        found = [each for each in slack.messages(CHANNEL) if "container?" in text_of(each)]
        return found if len(found) == MENTIONS else None

    return await slack.wait_for(shown, 60)


async def say(page: Page, words: str) -> Locator:
    """Give a command, and return what it answers."""
    answers = page.locator(".ephemeral")
    before = await answers.count()
    await page.locator("[data-test=composer]").fill(words)
    await page.locator("[data-test=composer-send]").click()
    await expect(answers).to_have_count(before + 1)
    return answers.last


async def answer(page: Page, card: Locator, words: str) -> None:
    await card.locator("[data-action-id='case:answer']").click()
    await page.locator("[data-action-id=answer_text]").fill(words)
    await page.locator("[data-test=modal-submit]").click()
    await expect(page.locator("[data-test=modal]")).to_be_hidden()


async def height(card: Locator) -> int:
    box = await card.bounding_box()
    assert box is not None
    return round(box["height"])


async def is_two_lines_and_a_menu(slack: Sandbox, card: Locator) -> None:
    [section] = slack.message(CHANNEL, await card.get_attribute("data-ts") or "")["blocks"]
    assert len(section["text"]["text"].splitlines()) <= 2, section
    assert section["accessory"]["type"] == "overflow"


def table(heights: Mapping[str, int]) -> str:
    rows = [f"{name:<10}{BEFORE.get(name, '–'):>8}{pixels:>8}" for name, pixels in heights.items()]
    return "\n".join(("", f"{'px':<10}{'before':>8}{'now':>8}", *rows))


async def test_three_colleagues_work_through_sixty_mentions(page: Page, tmp_path: Path, artifacts: Path) -> None:
    page.set_default_timeout(WAIT)
    async with office(tmp_path) as (slack, settings):
        async with running(settings, "bot", "run") as bot_url:
            slack.square.bot_url = f"{bot_url}/in/plein"
            for n in range(MENTIONS):
                citizen = {"id": f"c{n}", "name": f"Burger {n:02}", "handle": f"burger{n:02}"}
                slack.square.post(citizen, question(n))
            stamps = [each["ts"] for each in await cards(slack)]
            await page.goto(f"{slack.base_url}/?person={SANNE}")
            new, claimed, answered = (card_of(page, f"Vraag {n}") for n in (59, 58, 57))
            await expect(new).to_contain_text("Nieuw")
            heights = {"new": await height(new)}
            await page.screenshot(path=artifacts / "busy-new.png")

            # Three at once want the same ten cases: each has one owner.
            for ts in stamps[:10]:
                await asyncio.gather(
                    *(slack.click(person, CHANNEL, ts, "case:claim") for person in (SANNE, YOUSSEF, MARIEKE))
                )
            await slack.wait_for(lambda: not any("Nieuw" in text_of(slack.message(CHANNEL, ts)) for ts in stamps[:10]))
            await claimed.locator("[data-action-id='case:claim']").click()
            await expect(claimed).to_contain_text("In behandeling")
            heights["claimed"] = await height(claimed)
            await answer(page, answered, "Donderdag voor tien uur.")
            await expect(answered).to_contain_text(ANSWERED)
            await expect(page.locator("[data-test=team-post]").first).to_contain_text("Donderdag voor tien uur.")
            await expect(answered).not_to_contain_text("Ongedaan maken")
            heights["answered"] = await height(answered)
            await is_two_lines_and_a_menu(slack, answered)
            await page.screenshot(path=artifacts / "busy-answered.png")

            # What Sanne types is there after the bot stopped and ran again.
            field = page.locator("[data-action-id=answer_text]")
            await new.locator("[data-action-id='case:answer']").click()
            await field.fill("Dag Burger, dat zoek ik uit")
            await expect(page.locator("[data-test=modal]")).to_contain_text("zoek ik uit ^SB")  # it was heard
            await expect(new).to_contain_text("schrijft een antwoord")
        async with running(settings, "bot", "run"):
            await slack.wait_for(lambda: slack.socket_mode.connections)
            await page.keyboard.press("Escape")
            await expect(field).to_be_hidden()
            await expect(new).not_to_contain_text("schrijft een antwoord")  # a card that changes may swallow a click
            await new.locator("[data-action-id='case:answer']").click()
            await expect(field).to_have_value("Dag Burger, dat zoek ik uit", timeout=WAIT)
            await expect(page.locator("[data-test=modal]")).to_contain_text("Concept van")
            await page.screenshot(path=artifacts / "busy-draft.png")
            await page.locator("[data-test=modal-submit]").click()
            await expect(new).to_contain_text(ANSWERED)

            # Sanne goes home: what she has goes back to the queue, with one note for all.
            had = [each["ts"] for each in slack.messages(CHANNEL) if "In behandeling" in text_of(each)]
            assert any(SANNE in text_of(slack.message(CHANNEL, ts)) for ts in had)
            await be(page, SANNE)
            listed = await say(page, "/webcare mijn")
            await listed.locator("[data-action-id='list:hand_over']").click()
            asked = page.locator("[data-test=modal][data-callback-id='case:hand_over']")
            await asked.locator("[data-value=queue]").check()
            await asked.locator("[data-action-id=hand_over_note]").fill("Ik ben morgen vrij.")
            await page.screenshot(path=artifacts / "busy-handing-over.png")
            await page.locator("[data-test=modal-submit]").click()
            done = page.locator("[data-test=modal]")
            await expect(done).to_contain_text("weer in de wachtrij.")
            await page.keyboard.press("Escape")
            await expect(done).to_be_hidden()
            await slack.wait_for(
                lambda: (
                    not any(
                        "In behandeling" in text_of(each) and SANNE in text_of(each) for each in slack.messages(CHANNEL)
                    )
                )
            )

            # Marieke closes twenty at once, and finds one of them again.
            await be(page, MARIEKE)
            listed = await say(page, "/webcare open")
            await listed.locator("[data-action-id='list:close']").click()
            shown = page.locator("[data-test=modal][data-callback-id='case:close_many']")
            await expect(shown).to_be_visible()
            await shown.locator("[data-value=no_answer_needed]").check()
            boxes = shown.locator("input[type=checkbox]")
            for n in range(20):
                await boxes.nth(n).check()
            await page.screenshot(path=artifacts / "busy-closing.png")
            await page.locator("[data-test=modal-submit]").click()
            said = page.locator("[data-test=modal]")
            await expect(said).to_contain_text("20 zaken afgesloten")
            await page.keyboard.press("Escape")
            await expect(said).to_be_hidden()
            await slack.wait_for(
                lambda: sum("Afgesloten" in text_of(each) for each in slack.messages(CHANNEL)) == 20, 60
            )
            closed = card_of(page, "Afgesloten door").last
            heights["closed"] = await height(closed)
            await is_two_lines_and_a_menu(slack, closed)
            found = await say(page, "/webcare zoek vraag 57")
            await expect(found).to_contain_text("Vraag 57")
            await expect(found).not_to_contain_text("Vraag 56")
            await page.screenshot(path=artifacts / "busy-found.png")
    print(table(heights))  # noqa: T201
    assert {name: pixels for name, pixels in heights.items() if pixels > HIGHEST.get(name, pixels)} == {}
