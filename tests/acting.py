"""Steps that tests of acts share: a case of one post on the wall, and an act that is approved there."""

from datetime import timedelta
from typing import Any

from bot import accounts, cases
from bot.cases import inbox
from bot.domain.mention import Act, Author, Permit, Post, permits
from bot.models import Act as ActRow
from bot.models import ActStatus, Reply
from bot.outgoing import moderation, replies
from bot.outgoing.composing import Answer
from bot.outgoing.moderation import Moderation
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Acknowledgement, Kind
from bot.slack import messages
from tests.conftest import CHANNEL, SANNE, Bot, eventually
from tests.people import open_modal

ALL = permits(Act.ANSWER, Act.HIDE, Act.LIKE)
NO_UNDO = timedelta()


async def with_a_case(bot: Bot, url: str, allowed: frozenset[Permit] = ALL, *, shown: bool = True) -> Bot:
    """Add an account on the wall to the bot, and let a post of it be the first case."""
    async with bot.desk.session() as session:
        account = await accounts.add(
            session, bot.desk.settings, platform="wall", name="gemeente", url=url, secrets={}, options={},
            now=bot.desk.now(),
        )  # fmt: skip
        post = Post("p1", Author("a", "Fatima"), "Stelletje prutsers!", bot.desk.now(), permits=allowed)
        await inbox.take_in(session, account.id, [post], now=bot.desk.now())
    if shown:
        await messages.wake_lanes(bot.desk)
        await bot.card("prutsers")
    return bot


async def writes_more(bot: Bot, words: str) -> None:
    """Let the citizen of that case write a second post, below the first."""
    post = Post("p2", Author("a", "Fatima"), words, bot.desk.now(), permits=ALL, in_reply_to="p1")
    async with bot.desk.session() as session:
        await inbox.take_in(session, 2, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)


async def approve(
    bot: Bot, kind: Act, submission: str = "", *, by: str = SANNE, undo: timedelta = NO_UNDO, **more: Any
) -> ActRow:
    about: dict[str, Any] = {"case_id": 1, "mention_id": 1, **more}
    chosen = Moderation(kind, submission=submission or f"{kind}{bot.desk.now()}", **about)
    async with bot.desk.session() as session:
        return await moderation.approve(session, chosen, by=by, now=bot.desk.now(), undo=undo)


async def statuses(bot: Bot) -> list[tuple[Act, ActStatus]]:
    return [(act.kind, act.status) for act in await bot.rows(ActRow)]


async def come_to(bot: Bot, *expected: tuple[Act, ActStatus]) -> None:
    """Wait until these are the acts, and how they stand: a card changes before the platform is asked, too."""

    async def so() -> bool:
        return await statuses(bot) == list(expected)

    await eventually(so)


async def forged(
    bot: Bot, person: str, card: dict[str, Any], action_id: str, value: str, channel: str = CHANNEL
) -> Acknowledgement:
    """Click something that the card does not show, or no longer."""
    workspace = bot.slack.workspace
    kind = {"type": "overflow", "selected_option": {"value": value}} if action_id == "case:more" else {"value": value}
    action = {"type": "button", "action_id": action_id, "block_id": "b", **kind}
    clicked = payloads.block_actions_in_message(
        workspace, person, workspace.channels[channel], card, action, {}, ephemeral=False
    )
    return await bot.slack._deliver(Kind.INTERACTION, clicked)


async def choices(bot: Bot, *words: str, person: str = SANNE) -> dict[str, Any]:
    """Open the menu of the card, and "More…" if it has that: returns what is offered, by its value."""
    card = await bot.card(*(words or ("prutsers",)))
    [menu] = [each for _, each in input_state.elements(card["blocks"]) if each["action_id"] == "case:more"]
    offered = {each["value"]: each["text"]["text"] for each in menu["options"]}
    if "more:1" in offered:
        await bot.slack.click(person, CHANNEL, card["ts"], "case:more", "more:1")
        view = await open_modal(bot, person, "more")
        offered |= {each["value"]: each["text"]["text"] for _, each in input_state.elements(view["blocks"])}
    return offered


async def choose(bot: Bot, value: str, *words: str, person: str = SANNE) -> None:
    """Choose in the menu of the card, or in its "More…"."""
    assert value in await choices(bot, *words, person=person)
    if bot.slack.view(person):
        await bot.slack.click_in_view(person, "case:more", value=value)
    else:
        card = await bot.card(*(words or ("prutsers",)))
        await bot.slack.click(person, CHANNEL, card["ts"], "case:more", value)


async def offered(bot: Bot, *words: str) -> set[str]:
    """What can be done with the case, by its name."""
    names = set((await choices(bot, *words)).values())
    if bot.slack.view(SANNE):
        await bot.slack.close_view(SANNE)
    return names


async def answered(bot: Bot, submission: str = "v1", *, claims: bool = True) -> Reply:
    """Let Sanne answer the first case, which she claims before; the answer may go out at this moment."""
    async with bot.desk.session() as session:
        if claims:
            await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
        chosen = Answer(1, 1, submission=submission, words="Dank je.", private=False, initials="SB")
        return await replies.answer(
            session, chosen, connector=bot.desk.connector, by=SANNE, now=bot.desk.now(), undo=timedelta()
        )
