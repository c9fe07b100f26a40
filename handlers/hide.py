"""Hide a post for a house rule, agree to that as the second colleague, and inform the citizen why."""

from datetime import timedelta
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import OPEN
from bot.domain.mention import Act
from bot.domain.text import Refused
from bot.models import Act as ActRow
from bot.models import ActStatus, CaseFile
from bot.outgoing import hiding, looking_again
from bot.outgoing.hiding import Hide
from bot.slack import messages
from bot.team.settings import TeamSettings
from bot.views.act import chosen_post
from bot.views.answer_modal import ModalState
from bot.views.block import Block
from bot.views.hide import edits_seen, hide_modal, told_text
from bot.views.modals import seen_in
from handlers.answer_view import view_of
from handlers.bolt_args import Ack
from handlers.modal import opened, values
from handlers.moderate import go_on
from handlers.submission import filled_as


async def open_hide(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Ask which post to hide, and for which house rule."""
    async with opened(desk, body) as show:
        await show(await _asking(desk, case_id))


async def _asking(desk: TeamDesk, case_id: int, *, again: bool = False) -> Block:
    """Return the modal that asks which post to hide; `again`: a post was edited since it was shown before."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    rules = TeamSettings.of(file.team.settings).house_rules
    if not file.open_to(Act.HIDE):
        raise Refused("There is no post that can be hidden.")
    if not rules:
        raise Refused("There are no house rules, so no post can be hidden. A coordinator writes them in the settings.")
    return hide_modal(file, [(rule.title, rule.second) for rule in rules], desk.t, desk.now(), again=again)


async def hide(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Hide the post, or ask a second colleague first; then offer to inform the citizen why.

    If the citizen edited a post since the modal was shown, it shows that first, filled in as it was.
    """
    filled = values(view)
    case_id, mention_id = chosen_post(view, filled, "hide_post")
    note = (filled.get("hide_note") or "").strip()
    chosen = Hide(case_id, mention_id, filled["hide_rule"], view["id"], note, seen_in(view))
    try:
        async with desk.session() as session:
            undo = timedelta(seconds=desk.settings.undo_seconds)
            act = await hiding.hide(session, chosen, by=by, now=desk.now(), undo=undo)
    except cases.Unread:
        again = filled_as(await _asking(desk, chosen.case_id, again=True), view)
        await ack(response_action="update", view=again)
        return
    next_one = await _explaining(desk, act, by, view["id"])
    await (ack(response_action="update", view=next_one) if next_one else ack())
    await go_on(desk, act)


async def _explaining(desk: TeamDesk, act: ActRow, by: str, view_id: str) -> Block | None:
    """Return the modal in which this agent informs the citizen; None when that is not needed, or not up to them."""
    async with desk.reading() as session:
        file = await cases.read(session, act.case_id)
    unexplained = file.unexplained is not None and file.unexplained.id == act.id and act.status is not ActStatus.ASKED
    may = file.case.status in OPEN and file.case.assignee in {None, by} and file.answerable is not None
    if not (unexplained and may):
        return None
    try:
        state = ModalState(act.case_id, 0, tells_of=act.id)
        return await view_of(desk, by, view_id, state, words=_words(desk, file, act))
    except Refused:
        return None


def _words(desk: TeamDesk, file: CaseFile, act: ActRow) -> str:
    settings = TeamSettings.of(file.team.settings)
    name = file.author.name or file.author.handle or ""
    return told_text(settings.hide_text, file.hidings[act.id], name, desk.t)


async def tell(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the answer with the standard text for the citizen whose post was hidden."""
    async with opened(desk, body) as show:
        await show(await telling_view(desk, case_id, body["user"]["id"], show.view_id))


async def telling_view(desk: TeamDesk, case_id: int, by: str, view_id: str, home: str = "") -> Block:
    """Return the answer modal with the standard text for the citizen whose post was hidden."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
    act = file.unexplained
    if act is None:
        raise Refused("The citizen has been told already, or need not be.")
    words = _words(desk, file, act)
    return await view_of(desk, by, view_id, ModalState(case_id, 0, tells_of=act.id, home=home), words=words)


async def agree(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Agree, as the second colleague, that the post is hidden."""
    case_id, act_id = map(int, action["value"].split(":"))
    async with desk.session() as session:
        undo = timedelta(seconds=desk.settings.undo_seconds)
        act = await hiding.agree(
            session, act_id, case_id=case_id, by=by, now=desk.now(), undo=undo, seen=edits_seen(action)
        )
    await go_on(desk, act)


async def decline(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Decline, as the second colleague, to hide the post; for the first colleague, this takes it back."""
    case_id, act_id = map(int, action["value"].split(":"))
    async with desk.session() as session:
        act = await hiding.decline(session, act_id, case_id=case_id, by=by, now=desk.now())
    await go_on(desk, act)


async def keep(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Store that a post must stay hidden."""
    case_id, act_id, at = action["value"].split(":", 2)
    async with messages.changing(desk, int(case_id)) as session:
        await looking_again.keep(
            session, int(act_id), case_id=int(case_id), at=at, by=by, now=desk.now(), seen=edits_seen(action)
        )


async def show_again(action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Show the hidden post again that the review was about."""
    case_id, act_id = map(int, action["value"].split(":"))
    async with desk.session() as session:
        undo = timedelta(seconds=desk.settings.undo_seconds)
        key = f"show:{act_id}:{by}:{action['action_ts']}"
        act = await hiding.show(session, act_id, case_id=case_id, submission=key, by=by, now=desk.now(), undo=undo)
    await go_on(desk, act)
