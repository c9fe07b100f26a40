"""Snooze: postpone the reminders of a case, with a reason that colleagues see; also while its answer cannot go out."""

from typing import Any

from bot import cases
from bot.cases import clocks
from bot.desk import TeamDesk
from bot.domain.case import WaitsFor
from bot.domain.event import EventKind
from bot.models import Event
from bot.slack import messages
from bot.views.modals import snooze_modal
from handlers.bolt_args import Ack
from handlers.modal import SAY_WHY, opened, values, written


async def open_snooze(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Open the snooze modal of the case whose button was clicked."""
    await ask_snooze(desk, body, int(action["value"]))


async def ask_snooze(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the snooze modal: for how long, and why."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        if file.waits_for is WaitsFor.NOBODY:
            cases.refuse_ended(file.case)
        await show(snooze_modal(file, desk.t))


async def snooze(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Postpone the reminders and post the reason in the thread; the same submission again changes nothing."""
    filled, case_id = values(view), int(view["private_metadata"])
    minutes, why = int(filled["snooze_minutes"]), written(filled, "snooze_reason", SAY_WHY)
    async with messages.changing(desk, case_id, then=ack) as session:
        case = await cases.locked(session, case_id)
        if await cases.is_noted(session, view["id"]):
            return
        if await clocks.waits_for(session, case, await clocks.open_clocks(session, case_id)) is WaitsFor.NOBODY:
            cases.refuse_ended(case)
        until = await clocks.snooze(session, case, minutes, desk.now())
        details = {"minutes": minutes, "until": until.isoformat()}
        session.add(Event(case_id=case_id, kind=EventKind.SNOOZE, by=by, at=desk.now(), details=details))
        time = desk.t.when(until, desk.now())
        words = desk.t("Reminder put off until {time}: {why}", time=time, why=why)
        await cases.touch(session, case_id)
        await cases.add_note(session, case_id, by=by, now=desk.now(), text=words, submission=view["id"])
