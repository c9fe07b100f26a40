"""Notes that colleagues write in a card's thread or through its menu. A citizen never gets them."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.slack import messages, places
from bot.slack.calls import Place
from bot.views.modals import note_modal
from handlers.bolt_args import Ack
from handlers.modal import opened, values, written


async def open_note(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the note modal."""
    async with opened(desk, body) as show:
        async with desk.reading() as session:
            file = await cases.read(session, case_id)
        await show(note_modal(file, desk.t))


async def add_note(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Store the note, and post it in the thread under the agent's name."""
    case_id, text = int(view["private_metadata"]), written(values(view), "note_text")
    async with messages.changing(desk, case_id, then=ack) as session:
        await cases.add_note(session, case_id, by=by, now=desk.now(), text=text, submission=view["id"])


async def thread_message(event: dict[str, Any], desk: TeamDesk) -> None:
    """Store a colleague's message in the thread of a card as a note, with its later edits, until it is deleted."""
    match event.get("subtype"):
        case "message_deleted":
            await _delete(event, desk)
        case None | "message_changed" | "file_share" | "thread_broadcast":
            await _keep(event.get("message", event), event["channel"], desk)


async def _keep(message: dict[str, Any], channel: str, desk: TeamDesk) -> None:
    thread_ts, user, text = message.get("thread_ts"), message.get("user"), message.get("text") or ""
    edited_ts = (message.get("edited") or {}).get("ts", "")  # of a message with a file all words may be taken out
    if not thread_ts or not user or not (text or edited_ts) or message.get("bot_id") or message["ts"] == thread_ts:
        return
    card = await places.card_of_thread(desk, Place(channel, thread_ts))
    if card is not None and card.case_id is not None:
        async with messages.changing(desk, card.case_id) as session:
            await cases.keep_thread_message(
                session, card.case_id, by=user, now=desk.now(), text=text, card_id=card.id, channel=channel,
                ts=message["ts"], edited_ts=edited_ts,
            )  # fmt: skip


async def _delete(event: dict[str, Any], desk: TeamDesk) -> None:
    message, channel = event.get("previous_message") or {}, event["channel"]
    thread_ts, user, ts = message.get("thread_ts"), message.get("user"), event["deleted_ts"]
    if not thread_ts or not user or ts == thread_ts:
        return
    card = await places.card_of_thread(desk, Place(channel, thread_ts))
    if card is not None and card.case_id is not None:
        async with messages.changing(desk, card.case_id) as session:
            await cases.delete_thread_message(session, card.case_id, by=user, now=desk.now(), channel=channel, ts=ts)
