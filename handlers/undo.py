"""Take a reply back before it is sent, and settle a reply or an act with an unknown outcome."""

from typing import Any

from bot.desk import TeamDesk
from bot.outgoing import outcomes, replies
from bot.slack import messages


async def undo(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take back the reply that the button names, before it is sent."""
    case_id, reply_id = _named(action)
    async with messages.changing(desk, case_id) as session:
        await replies.withdraw(session, case_id, reply_id=reply_id, by=by, now=desk.now())


async def settle_sent(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an agent found the reply on the platform."""
    await _settle(action, by, desk, published=True)


async def settle_absent(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an agent did not find the reply on the platform; it may be sent again."""
    await _settle(action, by, desk, published=False)


async def _settle(action: dict[str, Any], by: str, desk: TeamDesk, *, published: bool) -> None:
    case_id, reply_id = _named(action)
    async with messages.changing(desk, case_id) as session:
        await replies.settle(session, case_id, reply_id=reply_id, published=published, by=by, now=desk.now())


def _named(action: dict[str, Any]) -> tuple[int, int | None]:
    """Return the case and the reply that a button names; one of an earlier version names no reply."""
    case_id, _, reply_id = action["value"].partition(":")
    return int(case_id), int(reply_id) if reply_id else None


async def act_done(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an act was done after all."""
    await _settle_act(action, by, desk, done=True)


async def act_not_done(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an act was not done."""
    await _settle_act(action, by, desk, done=False)


async def _settle_act(action: dict[str, Any], by: str, desk: TeamDesk, *, done: bool) -> None:
    case_id, act_id = map(int, action["value"].split(":"))
    async with messages.changing(desk, case_id) as session:
        await outcomes.settle_act(session, case_id, act_id, done=done, by=by, now=desk.now())
