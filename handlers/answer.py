"""Answer: open the modal, take a case over for it, and send."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.text import Refused, Wrong
from bot.models import Reply, ReplyKind
from bot.outgoing import composing, drafts, replies
from bot.outgoing.composing import Answer
from bot.outgoing.drafts import Chosen
from bot.slack import messages
from bot.views.answer_modal import (
    CONFIRM,
    DESCRIPTION,
    IMAGE,
    INITIALS,
    INVITATION,
    KEEP_IMAGE,
    PROMISE,
    TEXT,
    VISIBILITY,
    ModalState,
    key_of,
    name_of_field,
)
from bot.views.block import Block
from bot.views.topic import topic_of
from handlers import series
from handlers.answer_view import chosen_in, connector_of, filled_in, next_view, view_of, view_with_news, writer
from handlers.attach import Attached, attached, keep_in
from handlers.bolt_args import Ack
from handlers.feedback import without_marks
from handlers.home import filter_of, home_after, home_of, publish
from handlers.modal import opened, values
from handlers.write import left


async def open_answer(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Open the answer modal of the case whose button was clicked."""
    async with home_after(desk, body):
        await ask_answer(desk, body, int(action["value"]))


async def ask_answer(desk: TeamDesk, body: dict[str, Any], case_id: int, *, to_private: bool = False) -> None:
    """Open the answer modal, which moves no case; for a colleague's case, ask for a take-over first."""
    by = body["user"]["id"]
    async with opened(desk, body) as show:
        state = ModalState(case_id, 0, home=home_of(body))
        view = await view_of(desk, by, show.view_id, state, to_private=to_private)
        if not await show(view):  # closed while it was loading: Slack does not report that
            await left(desk, case_id, by, show.view_id)
    await messages.sync(desk, case_id)


async def ask_private(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the answer modal for a private message with a public invitation beside it."""
    await ask_answer(desk, body, case_id, to_private=True)


async def answering_view(desk: TeamDesk, case_id: int, by: str, view_id: str, home: str) -> Block:
    """Return the answer modal for an agent who took the case over to answer it."""
    return await view_of(desk, by, view_id, ModalState(case_id, 0, home=home))


async def private_view(desk: TeamDesk, case_id: int, by: str, view_id: str, home: str) -> Block:
    """Return the answer modal for an agent who took the case over to go on in private."""
    return await view_of(desk, by, view_id, ModalState(case_id, 0, home=home), to_private=True)


async def send(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Approve the reply; an error is shown at its field, and the modal stays open. A refused answer stays a draft.

    Of a series, the modal then shows the next case.
    """
    state, image = ModalState.of(view), None
    theirs = await series.desk_of(desk, state, by)
    others = await series.others(theirs, state)
    try:
        image = await attached(desk, view)
        reply = await _approve(desk, view, by, image)
    except (Wrong, cases.Unread) as refused:
        await _store_draft(desk, view, by, image)
        await _show_why(ack, desk, view, by, refused)
        return
    except Refused:
        await _store_draft(desk, view, by, image)
        raise
    shown = await series.first_of(theirs, by, view["id"], state, others) if state.series else None
    await (ack(response_action="update", view=shown.view) if shown else ack())
    desk.wake(f"outgoing:{reply.account_id}")
    await messages.sync(desk, reply.case_id)
    if shown and shown.state is not None:
        await messages.sync(shown.desk, shown.state.case)
    if state.home:
        await publish(desk, by, filter_of(state.home))


async def _approve(desk: TeamDesk, view: Block, by: str, image: Attached | None) -> Reply:
    """Approve the reply, and store the agent's initials and the case's topic, in one transaction."""
    state, filled, now = ModalState.of(view), filled_in(view), desk.now()
    async with desk.session() as session:
        file = await cases.read(session, state.case)
        chosen = _with(image, chosen_in(desk, file, view))
        shown = image is not None or KEEP_IMAGE in filled  # else the platform takes none, as the modal says
        promises = chosen.kind is ReplyKind.INTERIM and filled.get(PROMISE)
        answer = Answer(
            state.case, state.mention, submission=key_of(view["id"], state), words=chosen.words.strip(),
            private=chosen.private, kind=chosen.kind, promised_at=chosen.promised_at if promises else None,
            initials=filled.get(INITIALS) or "", confirmed=bool(filled.get(CONFIRM)),
            invitation=chosen.invitation.strip(), image=chosen.image if shown else None,
            image_file=chosen.image_file, image_description=chosen.image_description, tells_of=state.tells_of,
            seen=state.seen, was_private=chosen.was_private,
        )  # fmt: skip
        undo = timedelta(seconds=desk.settings.undo_seconds)
        connector = partial(connector_of, desk)
        reply = await replies.answer(session, answer, connector=connector, by=by, now=now, undo=undo)
        if chosen.topic:
            await cases.set_topic(session, state.case, topic=topic_of(chosen.topic), by=by, now=now)
    return reply


async def _store_draft(desk: TeamDesk, view: Block, by: str, image: Attached | None) -> None:
    """Store what an agent tried to send as their draft."""
    if image is not None:
        keep_in(view, desk, image)
    state = ModalState.of(view)
    async with desk.session() as session:
        file = await cases.read(session, state.case)
        chosen = _with(image, chosen_in(desk, file, view))
        await drafts.keep(session, file, chosen, by=by, view=key_of(view["id"], state), newest=None, now=desk.now())


def _with(image: Attached | None, chosen: Chosen) -> Chosen:
    """Return what was chosen, with the image that was just stored in place of an earlier one."""
    return chosen if image is None else replace(chosen, image=image.sha256, image_file=image.file)


async def _show_why(ack: Ack, desk: TeamDesk, view: Block, by: str, refused: Refused) -> None:
    """Show what is wrong at its field, or what the citizen wrote meanwhile."""
    if isinstance(refused, Wrong):
        await _show_wrong(ack, desk, view, by, refused)
        return
    news = view_with_news(desk, await writer(desk, ModalState.of(view).case, by), view)
    await ack(response_action="update", view=news)


async def _show_wrong(ack: Ack, desk: TeamDesk, view: Block, by: str, wrong: Wrong) -> None:
    """Show each error at its field; if a field that the choices need is missing, show that field first."""
    ids = {name_of_field(block_id): block_id for block_id in values(view)}
    missing = {composing.PROMISE: PROMISE, composing.CONFIRMED: CONFIRM, composing.INITIALS: INITIALS}
    if any(part in wrong.fields and field not in ids for part, field in missing.items()):  # sent before it appeared
        who = await writer(desk, ModalState.of(view).case, by)
        await ack(response_action="update", view=next_view(desk, who, view, chosen_in(desk, who.file, view)))
        return
    field_of = {
        composing.WORDS: TEXT, composing.VISIBILITY: VISIBILITY, composing.INVITED: INVITATION,
        composing.IMAGE: IMAGE, composing.DESCRIPTION: DESCRIPTION, **missing,
    }  # fmt: skip
    errors: dict[str, str] = {}
    for part, reason in wrong.fields.items():
        field = field_of.get(part, INITIALS)
        error = await without_marks(desk, desk.t, Refused(reason.message, **reason.params))
        errors[ids.get(field, ids[TEXT])] = error
    await ack(response_action="errors", errors=errors)
