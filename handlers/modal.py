"""Opening a modal within the 3 seconds that a trigger lives: a loading view first, the real one when we know it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bot.desk import Desk
from bot.domain.text import Refused
from bot.logs import trace
from bot.views.block import Block
from bot.views.modals import loading, said
from handlers.tell import log_fault

Show = Callable[[Block], Awaitable[None]]


@asynccontextmanager
async def opened(desk: Desk, body: dict[str, Any]) -> AsyncIterator[Show]:
    """Open a loading modal and yield what replaces it; a refusal or a fault is told in the modal, not left loading."""
    answer = await desk.slack.views_open(trigger_id=body["trigger_id"], view=loading(desk.t))
    async with _telling(desk, answer["view"]["id"]) as show:
        yield show


@asynccontextmanager
async def going_on(desk: Desk, body: dict[str, Any]) -> AsyncIterator[Show]:
    """Yield what replaces the modal in which was clicked; a refusal or a fault is told in its place."""
    async with _telling(desk, body["view"]["id"]) as show:
        yield show


@asynccontextmanager
async def _telling(desk: Desk, view_id: str) -> AsyncIterator[Show]:
    async def show(view: Block) -> None:
        await desk.slack.views_update(view_id=view_id, view=view)

    try:
        yield show
    except Refused as refused:
        await show(said(desk.t(refused.text), desk.t))
    except Exception as error:
        await show(said(log_fault(desk, trace(error)), desk.t))


def values(view: dict[str, Any]) -> dict[str, Any]:
    """Return what was filled in, by block id: text, the chosen value(s), person(s), channel or moment, or None."""
    filled: dict[str, Any] = {}
    for block_id, elements in view["state"]["values"].items():
        for element in elements.values():
            chosen = element.get("selected_option") or {}
            filled[block_id] = (
                element.get("value")
                or element.get("selected_user")
                or element.get("selected_users")
                or element.get("selected_conversation")
                or element.get("selected_date_time")
                or [each["value"] for each in element.get("selected_options") or []]
                or chosen.get("value")
            )
    return filled
