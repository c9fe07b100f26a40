"""A series: the cases of a list that an agent answers one after another, in one modal that shows each in turn."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from bot.desk import TeamDesk
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import lists
from bot.models import Role, Team
from bot.slack import messages
from bot.views.answer_modal import ModalState, key_of
from bot.views.block import Block
from bot.views.modals import said
from handlers.answer_view import chosen_in, view_of, writer
from handlers.home import home_after, home_of
from handlers.modal import going_on, left_as_shown, opened, values
from handlers.roles import Person
from handlers.write import left, stored


@dataclass(frozen=True)
class Shown:
    """What the modal of a series shows: a view, and what it remembers of its case, None when none is left."""

    view: Block
    state: ModalState | None


async def begin(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Open the answer modal of the first of the agent's own cases in a list; all of the series are of one team."""
    wanted = replace(Filter.of_text(action["value"]), which=Which.MINE, of=person.by, page=0)
    acts_in = [team_id for team_id, role in person.roles.items() if role is not Role.READER]
    async with home_after(desk, body), opened(desk, body) as show:
        async with desk.reading() as session:
            found = await lists.to_answer(session, acts_in, wanted, now=desk.now())
            if not found:
                raise Refused("There is nothing for you to answer in this list any more.")
            theirs = desk.of(await session.get_one(Team, found[0].team_id))
        ids = [case.id for case in found if case.team_id == theirs.team.id]
        state = ModalState(ids[0], 0, home=home_of(body), series=wanted.to_text())
        shown = await first_of(theirs, person.by, show.view_id, state, ids)
        await _show(theirs, person.by, show.view_id, shown, is_open=await show(shown.view))


async def turn(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Store what was changed in this answer as a draft, and show the case after or before it."""
    view, state = body["view"], ModalState.of(body["view"])
    async with going_on(desk, body) as show:
        if set(values(view)) - set(left_as_shown(view)):
            who = await writer(desk, state.case, by)
            await stored(desk, body, who, chosen_in(desk, who.file, view, draft=who.draft))
        ids = await others(desk, state)
        if action["action_id"] == "series:back":
            ids = ids[::-1]
        await left(desk, state.case, by, key_of(view["id"], state))
        shown = await first_of(desk, by, view["id"], state, [*ids, state.case])
        await _show(desk, by, view["id"], shown, is_open=await show(shown.view))


async def _show(desk: TeamDesk, by: str, view_id: str, shown: Shown, *, is_open: bool) -> None:
    """Bring the card of the case level that the modal shows; Slack does not report that it was closed before that."""
    if shown.state is not None:
        if not is_open:
            await left(desk, shown.state.case, by, key_of(view_id, shown.state))
        await messages.sync(desk, shown.state.case)


async def others(desk: TeamDesk, state: ModalState) -> list[int]:
    """Return the other cases of a series: those after the one that is shown, then those before it."""
    if not state.series:
        return []
    async with desk.reading() as session:
        found = await lists.to_answer(session, [desk.team.id], Filter.of_text(state.series), now=desk.now())
    ids = [case.id for case in found]
    at = ids.index(state.case) if state.case in ids else 0
    return [each for each in [*ids[at:], *ids[:at]] if each != state.case]


async def first_of(desk: TeamDesk, by: str, view_id: str, before: ModalState, ids: Sequence[int]) -> Shown:
    """Return the answer modal of the first of these cases that can be answered; it says so when there is none.

    The fields have other block ids than those `before`: Slack keeps what was filled in under the same id.
    """
    left_to_answer = len(set(ids))
    for case_id in ids:
        state = ModalState(
            case_id, 0, home=before.home, series=before.series, left=left_to_answer,
            turn=before.turn + 1, inserted=before.inserted + 1, anew=before.anew + 1,
        )  # fmt: skip
        with suppress(Refused):
            return Shown(await view_of(desk, by, view_id, state), state)
        left_to_answer -= 1
    return Shown(said(desk.t("You have answered all that this list had for you."), desk.t), None)
