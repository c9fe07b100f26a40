"""Act on a post besides answering it: like it, show it again, remove our answer, and take that back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.mention import Act
from bot.domain.text import Refused, Text, text
from bot.models import Act as ActRow
from bot.models import CaseFile
from bot.outgoing import hiding, moderation
from bot.outgoing.moderation import Moderation
from bot.slack import messages
from bot.texts import Texts
from bot.views.act import chosen_post, like_modal, remove_modal, show_modal, unlike_modal
from bot.views.block import Block
from bot.views.case_menu import about_of
from handlers.bolt_args import Ack
from handlers.modal import SAY_WHY, opened, values, written

Choosing = Callable[[CaseFile, Texts, datetime], Block]
"""A modal that asks which of several posts."""


async def like(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Like the chosen post."""
    await _at_once(desk, body, case_id, Act.LIKE)


async def unlike(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Take back the like of the chosen post."""
    await _at_once(desk, body, case_id, Act.UNLIKE)


async def show(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Show the chosen hidden post again."""
    await _at_once(desk, body, case_id, Act.SHOW)


async def _at_once(desk: TeamDesk, body: dict[str, Any], case_id: int, kind: Act) -> None:
    click, by = body["actions"][0], body["user"]["id"]
    mention_id = about_of(click) or 0
    key = f"{kind}:{mention_id}:{by}:{click['action_ts']}"
    await _approve(desk, Moderation(kind, case_id, mention_id, submission=key), by)


async def _approve(desk: TeamDesk, chosen: Moderation, by: str) -> ActRow:
    async with desk.session() as session:
        undo = timedelta(seconds=desk.settings.undo_seconds)
        act = await moderation.approve(session, chosen, by=by, now=desk.now(), undo=undo)
    await go_on(desk, act)
    return act


async def go_on(desk: TeamDesk, act: ActRow) -> None:
    """Let the outbox carry out an act when it is due, and update the card."""
    desk.wake(f"outgoing:{act.account_id}")
    await messages.sync(desk, act.case_id)


async def undo(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take back the act that the button names, before it is carried out."""
    case_id, act_id = map(int, action["value"].split(":"))
    async with desk.session() as session:
        act = await hiding.take_back(session, act_id, case_id=case_id, by=by, now=desk.now())
    await go_on(desk, act)


async def open_show(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask which of the hidden posts to show again."""
    await _ask_which(desk, body, case_id, Act.SHOW, show_modal, text("There is no hidden post any more."))


async def open_like(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask which of several posts to like."""
    await _ask_which(desk, body, case_id, Act.LIKE, like_modal, text("There is no post any more that can be liked."))


async def open_unlike(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask of which of the liked posts to take the like back."""
    await _ask_which(desk, body, case_id, Act.UNLIKE, unlike_modal, text("There is no liked post any more."))


async def _ask_which(
    desk: TeamDesk, body: dict[str, Any], case_id: int, kind: Act, modal: Choosing, otherwise: Text
) -> None:
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if not file.open_to(kind):
            raise Refused(otherwise.message)
        await show(modal(file, desk.t, desk.now()))


async def show_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Show the chosen hidden post again."""
    await _with_chosen(ack, view, by, desk, Act.SHOW)


async def like_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Like the chosen post."""
    await _with_chosen(ack, view, by, desk, Act.LIKE)


async def unlike_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take back the like of the chosen post."""
    await _with_chosen(ack, view, by, desk, Act.UNLIKE)


async def _with_chosen(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk, kind: Act) -> None:
    case_id, mention_id = chosen_post(view, values(view), f"{kind}_post")
    await _approve(desk, Moderation(kind, case_id, mention_id, submission=view["id"]), by)
    await ack()


async def open_remove(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask which of our answers to remove, and why."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if not file.removable:
            raise Refused("There is no answer of ours that can be removed.")
        await show(remove_modal(file, desk.t, desk.now()))


async def remove(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Remove an answer of ours from the platform."""
    filled = values(view)
    case_id, reply_id = chosen_post(view, filled, "remove_reply")
    why = written(filled, "remove_why", SAY_WHY)
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    mention_id = next((each.mention_id for each in file.replies if each.id == reply_id), 0)
    chosen = Moderation(Act.DELETE, case_id, mention_id, submission=view["id"], reply_id=reply_id, note=why)
    await _approve(desk, chosen, by)
    await ack()
