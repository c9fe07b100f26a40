"""Close a case with a reason, and reopen it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import CloseReason
from bot.domain.mention import Seen
from bot.domain.text import Text
from bot.models import Case
from bot.slack import messages
from bot.slack.calls import show_if_open
from bot.team import teams
from bot.team.settings import TeamSettings
from bot.views import closing
from bot.views.block import Block
from bot.views.case_menu import seen_by
from bot.views.case_state import reason_words
from bot.views.modals import close_modal, seen_in
from bot.views.topic import TOPIC, chosen_topic, opened_with, topic_of
from handlers.bolt_args import Ack, Respond
from handlers.feedback import answer, tell
from handlers.modal import SAY_WHY, in_modal, opened, values, written
from handlers.origin import Origin, show_again
from handlers.roles import Person
from handlers.submission import filled_as


async def open_close(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask for the reason to close the case."""
    async with opened(desk, body, then="close") as show:
        await show(await view_of(desk, case_id, body["user"]["id"]))


async def view_of(desk: TeamDesk, case_id: int, by: str, seen: Seen | None = None, *, topic: str = "") -> Block:
    """Return the modal that asks an agent for the reason; raises Taken for a case that they may not close.

    With `seen`, what the modal showed of the citizen's words and our answers before, it shows what came in, was edited
    or was sent since; `topic` is the option of the topic with which it opened then.
    """
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        await cases.refuse_closing(session, file.case, by)
    settings = TeamSettings.of(file.team.settings)
    return close_modal(file, settings.reasons(), settings.topics, desk.t, seen=seen, topic=topic)


async def close(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Close the case; what the citizen wrote, edited or read meanwhile is first shown in the modal, filled in."""
    filled, case_id, seen = values(view), int(view["private_metadata"]), seen_in(view)
    reason, why = reason_in(filled)
    try:
        async with messages.changing(desk, case_id, then=ack) as session:
            case = await cases.close(session, case_id, by=by, now=desk.now(), reason=reason, text=why, seen=seen)
            if topic := chosen_topic(filled.get(TOPIC), opened_with(view), case.topic):
                await cases.set_topic(session, case_id, topic=topic_of(topic), by=by, now=desk.now())
    except cases.Unread:
        again = filled_as(await view_of(desk, case_id, by, seen, topic=opened_with(view)), view)
        await ack(response_action="update", view=again)
        return
    _wake_owner(desk, case, by)


def _wake_owner(desk: TeamDesk, case: Case, by: str) -> None:
    """Notify the colleague whose case a coordinator closed now."""
    if case.assignee not in {None, by}:
        messages.wake(desk, {str(case.assignee)})


def reason_in(filled: dict[str, Any]) -> tuple[str, str]:
    """Return the reason and its explanation that were filled in; raises Wrong when the explanation is missing."""
    if filled["close_reason"] == CloseReason.OTHER:
        return CloseReason.OTHER, written(filled, "close_text", SAY_WHY)
    return filled["close_reason"], (filled.get("close_text") or "").strip()


async def close_at_once(desk: TeamDesk, body: dict[str, Any], case_id: int) -> Block | None:
    """Close the case because it needs no answer; only the agent sees the button that undoes it.

    If the citizen wrote or read what was not shown when it was clicked, the modal asks for the reason and shows that.
    """
    by, now, reason, seen = body["user"]["id"], desk.now(), CloseReason.NO_ANSWER_NEEDED, seen_by(body["actions"][0])
    try:
        async with messages.changing(desk, case_id) as session:
            case = await cases.close(session, case_id, by=by, now=now, reason=reason, seen=seen)
    except cases.Unread:
        if in_modal(body):
            return await view_of(desk, case_id, by, seen)
        async with opened(desk, body, then="close") as show:
            await show(await view_of(desk, case_id, by, seen))
        return None
    _wake_owner(desk, case, by)
    words = desk.t("Closed: {reason}.", reason=reason_words(reason, desk.t))
    shown = closing.closed(words, *undo_of(desk, [case_id], case.closed_at or now), desk.t)
    if in_modal(body):
        return closing.as_modal(shown, desk.t)
    await tell(desk, body, shown.text, shown.blocks)
    return None


def undo_of(desk: TeamDesk, case_ids: Sequence[int], closed_at: datetime) -> tuple[str, int]:
    """Return the value of the button that undoes a closing ("" for none), and for how many seconds it works."""
    seconds = int(desk.settings.undo_seconds)
    return closing.undo_value(case_ids, closed_at) if seconds and case_ids else "", seconds


async def skipped_in(session: AsyncSession, why: Mapping[int, Text], person: Person) -> closing.Skipped:
    """Return the cases with which nothing was done, and why, with their teams if the person has to tell these apart."""
    briefs = await cases.briefly(session, why)
    ids = {*person.roles, *(brief.case.team_id for brief in briefs)}
    return closing.Skipped(briefs, why, await teams.names(session, ids, person.teams))


async def undo(action: dict[str, Any], body: dict[str, Any], person: Person, respond: Respond, desk: TeamDesk) -> None:
    """Undo a closing in the teams in which the person may still act, and replace the button by the result."""
    case_ids, closed_at = closing.undone_by(action["value"])
    async with desk.session() as session:
        outcome = await cases.undo_close(
            session, case_ids, teams=[team.id for team in person.teams], closed_at=closed_at, by=person.by,
            now=desk.now(), undo=timedelta(seconds=desk.settings.undo_seconds),
        )  # fmt: skip
        skipped = await skipped_in(session, outcome.skipped, person)
    await tell_undone(desk, body, respond, outcome.done, skipped)


async def tell_undone(
    desk: TeamDesk, body: dict[str, Any], respond: Respond, done: Sequence[int], skipped: closing.Skipped
) -> None:
    """Replace the button of an undo by its result, and show the cards, and the list behind the modal, as they are."""
    shown = closing.undone(len(done), skipped, desk.t)
    if in_modal(body):
        await show_if_open(desk.slack, body["view"]["id"], closing.as_modal(shown, desk.t))
    else:
        await answer(respond, desk, body, shown, replaces=True)
    for case_id in done[:1]:
        await messages.sync(desk, case_id)
    await messages.wake_lanes(desk)
    if in_modal(body):
        await show_again(desk, body["user"]["id"], Origin.of(body["view"]))


async def reopen(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Reopen the case whose button was clicked."""
    await reopen_case(desk, body, int(action["value"]))


async def reopen_case(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Reopen the case for the agent who clicked."""
    async with messages.changing(desk, case_id) as session:
        await cases.reopen(session, case_id, by=body["user"]["id"], now=desk.now())
