"""Notes: what colleagues write in a card's thread, by hand or through the menu. Never sent to a citizen."""

from typing import Any

from sqlmodel import select

from bot import cases
from bot.desk import Desk
from bot.domain.text import Refused
from bot.models import Message, MessageKind
from bot.views.block import quote, section
from bot.views.modals import note_modal
from handlers.given import Ack, Context
from handlers.modal import opened, values


async def open_note(desk: Desk, body: dict[str, Any], case_id: int) -> None:
    """Ask for the note."""
    async with opened(desk, body) as show, desk.reading() as session:
        await show(note_modal(await cases.read(session, case_id), desk.t))


async def add_note(ack: Ack, view: dict[str, Any], context: Context, desk: Desk) -> None:
    """Post the note in the thread under the agent's name, and keep it."""
    case_id, text, by = int(view["private_metadata"]), values(view)["note_text"], context.user_id or ""
    async with desk.reading() as session:
        found = await session.exec(select(Message).where(Message.key == f"case:{case_id}"))
        card = found.first()
    if card is None or card.ts is None:
        raise Refused("The card is not in Slack yet; try again in a moment.")
    await ack()
    words = desk.t("📝 Note by {agent}:", agent=f"<@{by}>")
    blocks = [section(words), quote(text)]
    posted = await desk.slack.chat_postMessage(
        channel=card.channel, thread_ts=card.ts, text=words, blocks=blocks, unfurl_links=False
    )
    async with desk.session() as session:
        await cases.note(session, case_id, by=by, now=desk.now(), text=text, channel=card.channel, ts=str(posted["ts"]))


async def thread_message(event: dict[str, Any], desk: Desk) -> None:
    """Keep a colleague's message in the thread of a card as a note, and its later edit."""
    said = event.get("message", event)
    if event.get("subtype") not in {None, "message_changed", "file_share", "thread_broadcast"}:
        return
    thread_ts, user, text = said.get("thread_ts"), said.get("user"), said.get("text")
    if not thread_ts or not user or not text or said.get("bot_id") or said["ts"] == thread_ts:
        return
    channel = event["channel"]
    async with desk.session() as session:
        found = await session.exec(
            select(Message.case_id).where(
                Message.channel == channel, Message.ts == thread_ts, Message.kind == MessageKind.CASE
            )
        )
        case_id = found.first()
        if case_id is not None:
            await cases.note(session, case_id, by=user, now=desk.now(), text=text, channel=channel, ts=said["ts"])
