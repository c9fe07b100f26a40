"""A series: the cases of a list that an agent answers one after another, in one modal that shows each in turn."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.desk import TeamDesk
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import lists
from bot.models import Case, Role, Team
from bot.outgoing import composing
from bot.slack import messages
from bot.team import agents
from bot.views.answer_modal import BACK, ModalState, key_of, moved_away
from bot.views.block import Block
from bot.views.modals import said
from handlers.answer_view import chosen_in, view_of, writer
from handlers.home import home_after, home_of
from handlers.modal import going_on, left_as_shown, opened, values
from handlers.roles import Person
from handlers.write import left, stored

AFTER = 20
"""Cases after the one that is shown whose order the modal remembers: its metadata takes 3,000 characters."""


@dataclass(frozen=True)
class Shown:
    """What the modal of a series shows: a view, and what it remembers of its case, None when none is left.

    `desk` is that of the team of the case.
    """

    view: Block
    state: ModalState | None
    desk: TeamDesk


async def begin(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Open the answer modal of the first of the agent's own cases in a list; one team comes after another."""
    wanted = replace(Filter.of_text(action["value"]), which=Which.MINE, of=person.by, page=0)
    acts_in = [team_id for team_id, role in person.roles.items() if role is not Role.READER]
    async with home_after(desk, body), opened(desk, body) as show:
        async with desk.reading() as session:
            found = await lists.to_answer(session, acts_in, wanted, now=desk.now())
            stuck = [] if found else await _stuck(session, desk, acts_in, wanted, {})
            if not found and not stuck:
                raise Refused("There is nothing for you to answer in this list any more.")
            theirs = _of(desk, await session.get_one(Team, found[0].team_id)) if found else desk
        if stuck:
            await show(said("\n".join(stuck), desk.t))
            return
        ids = [case.id for case in found if case.team_id == theirs.team.id]
        state = ModalState(ids[0], 0, home=home_of(body), series=wanted.to_text())
        shown = await first_of(theirs, person.by, show.view_id, state, ids)
        await _show(person.by, show.view_id, shown, is_open=await show(shown.view))


async def turn(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Store what was changed in this answer as a draft, and show the case after or before it.

    A case that went to another team meanwhile is passed over, with a word.
    """
    view, state = body["view"], ModalState.of(body["view"])
    async with going_on(desk, body) as show:
        if set(values(view)) - set(left_as_shown(view)):
            who = await writer(desk, state.case, by)
            await stored(desk, body, who, chosen_in(desk, who.file, view, draft=who.draft))
        ids, back = await others(desk, state), action["action_id"] == BACK
        if back:
            ids = ids[::-1]
        await left(desk, state.case, by, key_of(view["id"], state))
        async with desk.reading() as session:
            moved = (await session.get_one(Case, state.case)).team_id != desk.team.id
        ids = ids if moved else [*ids, state.case]
        shown = await first_of(_of(desk, desk.team), by, view["id"], state, ids, back=back, moved=moved)
        await _show(by, view["id"], shown, is_open=await show(shown.view))


async def _show(by: str, view_id: str, shown: Shown, *, is_open: bool) -> None:
    """Bring the card of the case level that the modal shows; Slack does not report that it was closed before that."""
    if shown.state is not None:
        if not is_open:
            await left(shown.desk, shown.state.case, by, key_of(view_id, shown.state))
        await messages.sync(shown.desk, shown.state.case)


async def desk_of(desk: TeamDesk, state: ModalState, by: str) -> TeamDesk:
    """Return the desk of the team of a series, also when the case that is shown is another team's by now.

    An agent who lost their role there goes on in the team of that case, as in a modal of an earlier version.
    """
    if state.team in {0, desk.team.id}:
        return desk
    async with desk.reading() as session:
        role = (await agents.roles(session, by)).get(state.team, Role.READER)
        return desk if role is Role.READER else _of(desk, await session.get_one(Team, state.team))


def _of(desk: TeamDesk, team: Team) -> TeamDesk:
    """Return the desk that shows the cases of a series, and changes none that goes to another team at this moment."""
    return replace(desk.of(team), session=cases.within_team(desk.session, team.id))


async def others(desk: TeamDesk, state: ModalState) -> list[int]:
    """Return the other cases of a series: those after the one that is shown, then those before it.

    Also when that one is no longer in the list, because it went to another team or a colleague closed it.
    """
    if not state.series:
        return []
    async with desk.reading() as session:
        found = await lists.to_answer(session, [desk.team.id], Filter.of_text(state.series), now=desk.now())
    ids = [case.id for case in found]
    at = next((ids.index(each) for each in [state.case, *state.after] if each in ids), 0)
    return [each for each in [*ids[at:], *ids[:at]] if each != state.case]


async def first_of(
    desk: TeamDesk,
    by: str,
    view_id: str,
    before: ModalState,
    ids: Sequence[int],
    *,
    back: bool = False,
    moved: bool = False,
) -> Shown:
    """Return the answer modal of the first of these cases that can be answered; `back`: they run backward.

    When there is none, it goes on with what the list has of the agent's other teams. When that has none either, it says
    so, and how many of the list are left, and why. `moved`: the case `before` went to another team.
    """
    refused, wanted = dict[int, str](), Filter.of_text(before.series)
    shown = await _first(desk, by, view_id, before, ids, refused, back=back, moved=moved)
    others = await _of_other_teams(desk, by, wanted) if shown is None else []
    for theirs, case_ids in others:
        shown = shown or await _first(theirs, by, view_id, before, case_ids, refused, moved=moved)
    if shown is not None:
        return shown
    team_ids = [desk.team.id, *(theirs.team.id for theirs, _ in others)]
    async with desk.reading() as session:
        stuck = await _stuck(session, desk, team_ids, wanted, refused)
    answered = desk.t("You have answered all that this list had for you.")
    if stuck:
        answered = desk.t("You have answered all that can be answered.")
    words = [*([moved_away(desk.t)] if moved else []), answered, *stuck]
    return Shown(said("\n".join(words), desk.t), None, desk)


async def _of_other_teams(desk: TeamDesk, by: str, wanted: Filter) -> list[tuple[TeamDesk, list[int]]]:
    """Return the other teams in which an agent acts, each with the cases of a list that they can answer there."""
    async with desk.reading() as session:
        roles = await agents.roles(session, by)
        acts_in = [team_id for team_id, role in roles.items() if role is not Role.READER and team_id != desk.team.id]
        theirs = [_of(desk, await session.get_one(Team, team_id)) for team_id in acts_in]
        found = await lists.to_answer(session, acts_in, wanted, now=desk.now()) if acts_in else []
    return [(each, [case.id for case in found if case.team_id == each.team.id]) for each in theirs]


async def _first(
    desk: TeamDesk,
    by: str,
    view_id: str,
    before: ModalState,
    ids: Sequence[int],
    refused: dict[int, str],
    *,
    back: bool = False,
    moved: bool = False,
) -> Shown | None:
    """Return the answer modal of the first of these cases of one team that can be answered; None when none can.

    Adds to `refused` why each of the others cannot be. The fields have other block ids than those before: Slack keeps
    what was filled in under the same id.
    """
    left_to_answer, in_order = len(set(ids)), ids[::-1] if back else ids
    for case_id in ids:
        at = in_order.index(case_id)
        after = [*in_order[at + 1 :], *in_order[:at]][:AFTER]
        state = ModalState(
            case_id, 0, home=before.home, series=before.series, left=left_to_answer, turn=before.turn + 1,
            inserted=before.inserted + 1, anew=before.anew + 1, team=desk.team.id, moved=moved,
            after=after,
        )  # fmt: skip
        try:
            return Shown(await view_of(desk, by, view_id, state), state, desk)
        except Refused as why:
            refused[case_id] = desk.t(why.text)
        left_to_answer -= 1
    return None


async def _stuck(
    session: AsyncSession, desk: TeamDesk, team_ids: Collection[int], wanted: Filter, refused: Mapping[int, str]
) -> list[str]:
    """Say how many cases of a list cannot be answered now, and why; nothing when there are none.

    `refused` says why each of those could not be answered that were tried.
    """
    now = desk.now()
    there = [case.id for case in await lists.to_answer(session, team_ids, wanted, now=now)]
    why = Counter(refused[case_id] for case_id in there if case_id in refused)
    why[desk.t(composing.UNDECIDED)] += await lists.undecided(session, team_ids, wanted, now=now)
    if not why.total():
        return []
    head = desk.t.plural("{n} case of this list is left:", "{n} cases of this list are left:", why.total())
    return [head, *(f"• {reason} ({n})" for reason, n in why.items() if n)]
