"""Which new posts get their card first, and that the card says why."""

from datetime import timedelta

from sqlmodel import select

from bot import cases
from bot.domain.case import CloseReason
from bot.domain.mention import Author
from bot.models import Case, Message
from bot.slack import messages
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import settings
from tests.slack.conftest import come, post


async def shown(bot: Bot) -> list[str]:
    """Show all that waits; returns the numbers of the cards in the order in which they were posted."""
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return [each["metadata"]["event_payload"]["key"] for each in bot.slack.messages(CHANNEL)]


async def test_danger_private_messages_and_who_waits_come_before_the_rest_in_their_own_order(bot: Bot) -> None:
    await come(bot, post(bot, 1), post(bot, 2), post(bot, 3, "Er is brand in de Kerkstraat!"))
    await come(bot, post(bot, 4, "Kan ik bellen?", private=True), post(bot, 5, author=Author("a1", "Burger 1")))
    # Burger 1 wrote again: both cards go first, in the order of the posts.
    assert await shown(bot) == [f"case:{number}" for number in (1, 3, 4, 5, 2)]


async def test_the_card_says_why_it_went_first_until_the_case_has_ended(bot: Bot) -> None:
    await come(bot, post(bot, 1, "Ik ruik gas, zegt de verslaggever"))
    await shown(bot)
    card = await bot.card("Gaat voor: gevaar, pers")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("Gaat voor: gevaar, pers", f"<@{SANNE}>")
    await come(bot, post(bot, 2, author=Author("a1", "Burger 1")))
    await shown(bot)
    assert bot.card_now("Gaat voor: wacht nog op ons in een andere zaak")


async def test_a_later_post_brings_the_card_of_its_case_forward(bot: Bot) -> None:
    await come(bot, post(bot, 1), post(bot, 2, conversation="c"))
    await come(bot, post(bot, 3, "Nu is er een explosie!", author=Author("a2", "Burger 2"), conversation="c"))
    keys = await shown(bot)
    assert keys.index("case:2") < keys.index("case:1")
    assert bot.card_now("Gaat voor: gevaar")


async def test_a_post_that_is_changed_brings_the_card_of_its_case_forward_too(bot: Bot) -> None:
    await come(bot, post(bot, 1), post(bot, 2, "Wanneer komt de wagen?"))
    changed = bot.desk.now() + timedelta(seconds=1)
    await come(bot, post(bot, 2, "Wanneer komt de wagen? Ik ruik gas!", edited_at=changed))
    assert await shown(bot) == ["case:2", "case:1"]
    assert bot.card_now("Gaat voor: gevaar")


async def test_a_private_post_brings_the_card_of_its_case_forward_too(bot: Bot) -> None:
    await come(bot, post(bot, 1), post(bot, 2, private=True, conversation="c"), post(bot, 4, conversation="d"))
    await come(bot, post(bot, 3, "Kan ik bellen?", private=True, author=Author("a4", "Burger 4"), conversation="d"))
    assert await shown(bot) == ["case:2", "case:3", "case:1"]


async def test_the_teams_own_words_go_first_too(bot: Bot) -> None:
    await settings(bot, signal_words=["vuurwerk*"])
    await come(bot, post(bot, 1), post(bot, 2, "Vuurwerkbommen in ons park"))
    assert await shown(bot) == ["case:2", "case:1"]
    assert bot.card_now("Gaat voor:", "vuurwerk∗")


async def test_what_goes_first_is_posted_before_cards_are_updated(bot: Bot) -> None:
    """After a busy hour fifty cards may have changed; danger does not wait for them."""
    await come(bot, *(post(bot, number) for number in range(1, 9)))
    await shown(bot)
    async with bot.desk.session() as session:
        for card in await session.exec(select(Message)):
            card.version, card.shown = card.version + 1, ""
            session.add(card)
    await come(bot, post(bot, 9), post(bot, 10, "Woningbrand!"))
    bot.slack.api.calls.clear()
    await shown(bot)
    calls = [call.method for call in bot.slack.api.calls if call.method in {"chat.postMessage", "chat.update"}]
    assert calls[0] == "chat.postMessage"
    assert calls[-1] == "chat.postMessage"
    assert calls.count("chat.update") == 8


async def test_what_a_colleague_must_hear_does_not_wait_for_the_new_cards(bot: Bot) -> None:
    await come(bot, post(bot, 1))
    await shown(bot)
    await come(bot, *(post(bot, number) for number in range(2, 6)))
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=SANNE, now=bot.desk.now())
    await shown(bot)
    posted = sorted(await bot.rows(Message), key=lambda each: float(each.ts))
    assert [each.key.partition(":")[0] for each in posted] == ["case", "assigned", "case", "case", "case", "case"]


async def test_an_ended_case_that_comes_back_has_the_signals_of_its_new_post_only(bot: Bot) -> None:
    await come(bot, post(bot, 1, "Brand!", conversation="c"))
    async with bot.desk.session() as session:
        case = await session.get_one(Case, 1)
        assert case.signals == ["danger"]
        await cases.close(session, 1, by=SANNE, reason=CloseReason.NOT_FOR_US, now=bot.desk.now())
    await come(bot, post(bot, 2, "De redactie vraagt het ook", author=Author("a1", "Burger 1"), conversation="c"))
    assert (await bot.case()).signals == ["press"]
    await come(bot, post(bot, 3, "Nu is er ook brand bij de buren", author=Author("a1", "Burger 1"), conversation="c"))
    assert (await bot.case()).signals == ["press", "danger"]
