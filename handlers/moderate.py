"""Act on a post besides answering it: like it, show it again, remove our answer, and take that back."""

from datetime import timedelta
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.mention import Act
from bot.domain.text import Refused, Wrong, text
from bot.models import Act as ActRow
from bot.outgoing import hiding, moderation
from bot.outgoing.moderation import Moderation
from bot.slack import messages
from bot.views.act import remove_modal, show_modal, unlike_modal
from bot.views.case_menu import about_of
from handlers.bolt_args import Ack
from handlers.modal import opened, values


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
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if not file.open_to(Act.SHOW):
            raise Refused("There is no hidden post any more.")
        await show(show_modal(file, desk.t, desk.now()))


async def open_unlike(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask of which of the liked posts to take the like back."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if not file.open_to(Act.UNLIKE):
            raise Refused("There is no liked post any more.")
        await show(unlike_modal(file, desk.t, desk.now()))


async def unlike_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take back the like of the chosen post."""
    number, _, only = view["private_metadata"].partition(":")
    post = int(only or values(view)["unlike_post"])
    await _approve(desk, Moderation(Act.UNLIKE, int(number), post, submission=view["id"]), by)
    await ack()


async def show_one(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Show the chosen hidden post again."""
    number, _, only = view["private_metadata"].partition(":")
    post = int(only or values(view)["show_post"])
    await _approve(desk, Moderation(Act.SHOW, int(number), post, submission=view["id"]), by)
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
    number, _, only = view["private_metadata"].partition(":")
    case_id, reply_id, why = int(number), int(only or filled["remove_reply"]), (filled.get("remove_why") or "").strip()
    if not why:
        raise Wrong({"remove_why": text("Say in a few words why.")})
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    mention_id = next((each.mention_id for each in file.replies if each.id == reply_id), 0)
    chosen = Moderation(Act.DELETE, case_id, mention_id, submission=view["id"], reply_id=reply_id, note=why)
    await _approve(desk, chosen, by)
    await ack()
