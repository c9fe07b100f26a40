"""What a source sends, until it is on a card."""

import json
from typing import Any

import pytest

from bot import accounts
from bot.cases import inbox
from bot.connectors.webhook import posts_of
from bot.slack import messages
from tests.conftest import Bot, account_of


@pytest.mark.parametrize(
    "moment", [{"published_at": "0001-01-01T00:00:00"}, {"can_reply_until": "9999-12-31T23:59:59.9999999Z"}]
)
async def test_what_a_program_without_a_date_sends_is_on_a_card(office: Bot, moment: dict[str, str]) -> None:
    """.NET writes the first moment of all for a date that nobody set, and the last one for "for ever"."""
    sent: dict[str, Any] = {"id": "m1", "text": "Wanneer?", "author": {"name": "Jan"}, **moment}
    account, now = await account_of(office), office.desk.now()
    posts = posts_of(accounts.opened(account, office.desk.settings), json.dumps(sent).encode(), now=now)
    async with office.desk.session() as session:
        await inbox.take_in(session, account.id, posts, now=now)
    await messages.wake_lanes(office.desk)
    await office.card("Wanneer?")
