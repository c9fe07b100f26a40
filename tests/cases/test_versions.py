"""A new post and its edit that come in at once are stored as if they had come one after the other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Mention
from bot.sandbox.slack.inspection import action_ids, text_of
from tests import people
from tests.conftest import Bot
from tests.connectors.facebook.fake import OPTIONS as FACEBOOK
from tests.connectors.facebook.fake import FakeFacebook
from tests.connectors.meta.graph import SECRETS
from tests.connectors.whatsapp.fake import OPTIONS as WHATSAPP
from tests.connectors.whatsapp.fake import FakeWhatsApp
from tests.people import told


@pytest.fixture
async def facebook() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as one:
        yield one


@pytest.fixture
async def whatsapp() -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp() as one:
        yield one


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_comment_and_its_edit(bot: Bot, facebook: FakeFacebook, at_once: bool) -> None:
    facebook.clock = bot.desk.now
    await people.connected(bot, "facebook", facebook.url, SECRETS, {**FACEBOOK, "messages": True})
    bound: dict[str, Any] = dict.fromkeys(["can_hide", "can_like", "can_comment", "can_reply_privately"], False)
    ident = facebook.comment("els", "Wie veegt heir?", **bound)
    if not at_once:
        assert (await told(bot, "/in/facebook", facebook.sent()))[0] == 200
    facebook.edit(ident, "Wie veegt hier?")
    assert (await told(bot, "/in/facebook", facebook.sent()))[0] == 200
    card = await bot.card("Wie veegt hier")
    assert "De markt gaat door." in text_of(card)
    assert "case:answer" not in action_ids(card)


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_message_and_its_edit(bot: Bot, whatsapp: FakeWhatsApp, at_once: bool) -> None:
    whatsapp.clock = bot.desk.now
    await people.connected(bot, "whatsapp", whatsapp.url, SECRETS, WHATSAPP)
    advert = {
        "source_type": "ad",
        "source_id": "1",
        "source_url": "https://fb.me/1",
        "headline": "Nieuwe glasbak",
        "body": "In de Dorpsstraat",
        "media_type": "image",
        "image_url": "https://fb.me/1.jpg",
        "ctwa_clid": "1",
    }
    written = bot.desk.now()
    ident = whatsapp.write("jan", "Wanneer kmt die?", referral=advert)
    bot.clock.advance(minutes=1)
    other = whatsapp.write("jan", "Graag snel antwoord")
    if not at_once:
        assert (await told(bot, "/in/whatsapp", whatsapp.request(*whatsapp.events)))[0] == 200
        whatsapp.events.clear()
    bot.clock.advance(minutes=5)
    whatsapp.edit("jan", ident, "Wanneer komt die?")
    assert (await told(bot, "/in/whatsapp", whatsapp.request(*whatsapp.events)))[0] == 200
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    rows = {row.external_id: row for row in await bot.rows(Mention)}
    assert rows[ident].text == "Wanneer komt die?" and set(rows) == {ident, other}
    assert rows[ident].published_at == written.replace(microsecond=0)
    assert rows[ident].replies_to is not None


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("private", [(True, False), (False, True, False)])
@pytest.mark.parametrize("edited", [False, True])
async def test_a_post_of_which_one_version_is_private(
    bot: Bot, at_once: bool, private: tuple[bool, ...], edited: bool
) -> None:
    """A source may say so once, and leave it out later."""
    openly = Post("1", Author("a1", "Jan"), "Hoi", bot.desk.now(), permits=permits(Act.ANSWER))
    privately = replace(openly, private=True, permits=permits(Act.ANSWER_PRIVATELY))
    versions = [privately if each else openly for each in private]
    if edited:
        later = [replace(each, edited_at=bot.desk.now() + timedelta(seconds=n)) for n, each in enumerate(versions)]
        versions = [versions[0], *later[1:]]
    for page in [versions] if at_once else [[each] for each in versions]:
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, page, now=bot.desk.now())
    [mention] = await bot.rows(Mention)
    assert (mention.private, mention.permits()) == (True, permits(Act.ANSWER_PRIVATELY))
