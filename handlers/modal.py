"""Open a modal within the 3 seconds that Slack's trigger is valid: first a loading view, then the real one."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import ALLOWED_FROM, Move
from bot.domain.reply import is_seen
from bot.domain.text import Refused, Text, Wrong, text
from bot.slack import calls
from bot.views.block import Block
from bot.views.modals import loading, said, take_over_modal
from handlers.feedback import log_fault

INITIAL = {
    "initial_value": "value",
    "initial_user": "selected_user",
    "initial_users": "selected_users",
    "initial_conversation": "selected_conversation",
    "initial_date_time": "selected_date_time",
    "initial_option": "selected_option",
    "initial_options": "selected_options",
}
"""The name of an element's initial value, and its name in the state of the view."""
TOUCHED = "touched"
"""What a form that is shown again remembers: the fields that were changed in it, and how (`_change`)."""
WRITE, SAY_WHY = text("Write something first."), text("Say in a few words why.")
METADATA = 3000
"""The most characters that a modal remembers (https://docs.slack.dev/reference/views/modal-views)."""


@dataclass(frozen=True)
class Show:
    """Replaces the view of one modal; it returns whether the modal was still open."""

    desk: TeamDesk
    view_id: str

    async def __call__(self, view: Block) -> bool:
        """Show this view, unless the person has closed the modal."""
        return await calls.show_if_open(self.desk.slack, self.view_id, view)


@asynccontextmanager
async def opened(desk: TeamDesk, body: dict[str, Any], *, then: str = "") -> AsyncIterator[Show]:
    """Open a loading modal and yield the function that replaces its view; a click in a modal reuses that modal.

    The modal also shows a refusal or a bug, so that it does not stay loading; for a colleague's case it asks for a
    take-over, and continues with `then` (handlers/take_over.py).
    """
    if in_modal(body):
        view_id = body["view"]["id"]
    else:
        answer = await calls.call(desk.slack, "views.open", trigger_id=body["trigger_id"], view=loading(desk.t))
        view_id = answer["view"]["id"]
    async with _showing_errors(desk, view_id, then) as show:
        yield show


@asynccontextmanager
async def pushed(desk: TeamDesk, body: dict[str, Any]) -> AsyncIterator[Show]:
    """Put a loading modal on top of the clicked one, which stays as it is; yield what replaces its view."""
    answer = await calls.call(desk.slack, "views.push", trigger_id=body["trigger_id"], view=loading(desk.t))
    async with _showing_errors(desk, answer["view"]["id"]) as show:
        yield show


@asynccontextmanager
async def going_on(desk: TeamDesk, body: dict[str, Any]) -> AsyncIterator[Show]:
    """Yield the function that replaces the view of the clicked modal; the modal also shows a refusal or a bug."""
    async with _showing_errors(desk, body["view"]["id"]) as show:
        yield show


def in_modal(body: dict[str, Any]) -> bool:
    """Tell whether a click was in a modal."""
    return bool((body.get("view") or {}).get("type") == "modal")


@asynccontextmanager
async def _showing_errors(desk: TeamDesk, view_id: str, then: str = "") -> AsyncIterator[Show]:
    show = Show(desk, view_id)
    try:
        yield show
    except cases.Taken as taken:
        await show(await asked_to_take_over(desk, taken.case_id, then))
    except Refused as refused:
        await show(said(desk.t(refused.text), desk.t))
    except Exception as error:
        await show(said(log_fault(desk.t, error), desk.t))


async def asked_to_take_over(desk: TeamDesk, case_id: int, then: str = "", home: str = "") -> Block:
    """Return the modal that asks whether to take a case over from the colleague who has it now, if any."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    if file.case.status not in ALLOWED_FROM[Move.TAKE_OVER] or not file.case.assignee:
        return said(desk.t("This case moved meanwhile."), desk.t)
    return take_over_modal(file, desk.t, then=then, home=home)


def remembered(view: dict[str, Any]) -> dict[str, Any]:
    """Return what a modal remembers besides its fields."""
    metadata: dict[str, Any] = json.loads(view["private_metadata"])
    return metadata


def values(view: dict[str, Any]) -> dict[str, Any]:
    """Return the content of each field, by block id: text, chosen value(s), person(s), channel, moment, or None."""
    return _read(view["state"]["values"])


def written(filled: Mapping[str, Any], field: str, otherwise: Text = WRITE) -> str:
    """Return what was written in a field; raises Wrong, with what to do `otherwise`, when nobody can see any of it."""
    words = (filled.get(field) or "").strip()
    if not is_seen(words):
        raise Wrong({field: otherwise})
    return words


def left_as_shown(view: dict[str, Any]) -> list[str]:
    """Return the block ids of the fields that the person did not change, also before the form was shown again."""
    shown, touched = _shown(view), _touched(view)
    return [field for field, value in values(view).items() if value == shown.get(field) and field not in touched]


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    """Return what each field began with."""
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    return _read(
        {name: {"": {INITIAL.get(key, key): value for key, value in each.items()}} for name, each in inputs.items()}
    )


def _began(view: dict[str, Any]) -> dict[str, Any]:
    """Return what each field began with, before the form was shown again; a field lacks of which we do not know."""
    began = _shown(view)
    for field, change in _touched(view).items():
        shown = _things(began.pop(field, None))
        if change is not None:
            added, taken_out = change
            began[field] = [*(each for each in shown if each not in added), *taken_out]
    return began


def _touched(view: dict[str, Any]) -> dict[str, list[list[str]] | None]:
    """Return the fields that were changed before the form was shown again, and how; None if it does not remember."""
    metadata = view.get("private_metadata") or ""
    touched = json.loads(metadata).get(TOUCHED, {}) if metadata.startswith("{") else {}
    return touched if isinstance(touched, dict) else dict.fromkeys(touched)  # a list is of an earlier version


def remembering_touched(view: dict[str, Any]) -> str:
    """Return the `private_metadata` of a form over what is set now that is shown again with what was sent.

    Without room for how its fields were changed it remembers only which.
    """
    began, sent = _began(view), values(view)
    touched = {
        field: _change(began[field], sent[field]) if field in began else None
        for field in sorted({*sent} - {*left_as_shown(view)})
    }
    metadata = json.dumps({**remembered(view), TOUCHED: touched})
    return metadata if len(metadata) <= METADATA else json.dumps({**remembered(view), TOUCHED: dict.fromkeys(touched)})


def _change(before: Any, sent: Any) -> list[list[str]]:
    """Return what was added to a field, and what was taken out of it."""
    was, now = _things(before), _things(sent)
    return [[each for each in now if each not in was], [each for each in was if each not in now]]


def values_over(view: dict[str, Any], now_set: Mapping[str, Any], lines: Mapping[str, int] = {}) -> dict[str, Any]:
    """Return the content of each field over what is set now: an untouched field leaves what a colleague set meanwhile.

    Of a choice of several, and of `lines`, what a colleague added or took out meanwhile stays so too. `lines` are the
    fields with one thing on each line, each with how many words at its beginning name the thing; 0: the whole line
    does. `now_set` has the fields by block id.
    """
    began, untouched = _began(view), left_as_shown(view)
    sent = {field: value for field, value in values(view).items() if field not in untouched}
    for field in sent.keys() & began.keys():
        before, now = _things(began[field]), now_set.get(field)
        if isinstance(now, list):
            sent[field] = _merged(before, sent[field] or [], now)
        elif field in lines:
            merged = _merged(before, _things(sent[field]), _things(now), named_by=lines[field])
            sent[field] = "\n".join(merged)
    return {**now_set, **sent}


def _things(content: Any) -> list[str]:
    """Return what stands in a field: the choices of several, or each line that is not empty."""
    if isinstance(content, list):
        return content
    return [line.strip() for line in str(content or "").splitlines() if line.strip()]


def _merged(before: list[str], sent: list[str], now: list[str], *, named_by: int = 0) -> list[str]:
    """Return what was sent, with what a colleague added since `before`, and without what they took out.

    Of what both changed the one that was sent stays: that whose first `named_by` words are the same (0: all of it).
    """
    stays = [each for each in sent if each in now or each not in before]
    named = {_name(each, named_by) for each in stays}
    return [*stays, *(each for each in now if each not in before and _name(each, named_by) not in named)]


def _name(line: str, named_by: int) -> str:
    return " ".join(line.casefold().split()[:named_by]) if named_by else line


def _read(state: dict[str, dict[str, Any]]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for block_id, elements in state.items():
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
                or element.get("files")
            )
    return filled
