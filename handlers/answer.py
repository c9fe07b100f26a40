"""Answer: the modal, its live preview, snippets, and sending."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.case import Status
from bot.domain.reply import Composed, filled_in, initials_of
from bot.domain.text import Refused, Wrong
from bot.models import CaseFile, Mention, Reply, ReplyKind
from bot.outgoing import composing, replies
from bot.outgoing.composing import Answer
from bot.slack import calls, messages
from bot.slack.calls import SlackLater
from bot.team import agents
from bot.team.settings import TeamSettings
from bot.views.answer_modal import (
    CONFIRM,
    INITIALS,
    KIND,
    PROMISE,
    SLACK_INPUT,
    TEXT,
    VISIBILITY,
    ModalState,
    answer_modal,
    typed,
)
from bot.views.block import Block
from bot.views.modals import take_over_modal
from bot.views.topic import chosen_topic
from handlers.bolt_args import Ack
from handlers.feedback import name_of, without_marks
from handlers.home import home_after, is_home, publish
from handlers.modal import opened, values


async def open_answer(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Open the answer modal of the case whose button was clicked."""
    async with home_after(desk, body):
        await ask_answer(desk, body, int(action["value"]))


async def ask_answer(desk: TeamDesk, body: dict[str, Any], case_id: int) -> None:
    """Open the answer modal, which changes nothing yet; of a colleague's case ask for a take-over first."""
    async with opened(desk, body) as show:
        await show(await _first_view(desk, case_id, body["user"]["id"], from_home=is_home(body)))


async def take_over(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take the case over from the colleague whom the modal named, and show the answer modal.

    When someone else has the case by now, the question is asked again with their name.
    """
    number, _, rest = view["private_metadata"].partition(":")
    case_id, owner = int(number), rest.partition(":")[2]
    with suppress(Refused):
        async with desk.session() as session:
            await cases.take_over(session, case_id, owner=owner, by=by, now=desk.now())
    await ack(response_action="update", view=await _first_view(desk, case_id, by))
    await messages.sync(desk, case_id)


async def _first_view(desk: TeamDesk, case_id: int, by: str, *, from_home: bool = False) -> Block:
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        cases.refuse_ended(file.case)
        composing.refuse_unanswerable(file.answerable or file.latest, desk.now())
        if file.case.status in {Status.CLAIMED, Status.ESCALATED} and file.case.assignee != by:
            return take_over_modal(file, desk.t, then="answer")
        initials = await agents.initials(session, file.team.id, by)
    proposal = None if initials else await _proposal(desk, by)
    return _first_modal(desk, file, initials or proposal or "", ModalState(case_id, 0, ask=proposal, home=from_home))


def _first_modal(desk: TeamDesk, file: CaseFile, initials: str, state: ModalState) -> Block:
    """Return the modal as it opens, filled with the draft of a reply that was taken back or refused."""
    draft, mention = _draft_and_mention(file, desk.now())
    if draft is None:
        composed = _compose(
            desk, file, mention, "", initials, private=composing.is_private_by_default(mention, desk.now())
        )
        return _modal(desk, file, mention, composed, replace(state, mention=mention.id), draft="")
    promise = int(draft.promised_at.timestamp()) if draft.promised_at else None
    state = replace(state, mention=mention.id, promise=promise)
    composed = _compose(desk, file, mention, draft.draft, initials, private=draft.private)
    return _modal(desk, file, mention, composed, state, kind=draft.kind, draft=draft.draft)


def _draft_and_mention(file: CaseFile, now: datetime) -> tuple[Reply | None, Mention]:
    """Return the draft, if any, and the mention to answer: one that allows a reply as public or private as the draft.

    Without such a mention there is no draft: a private text must not appear in a modal for a public reply.
    """
    newest, draft = file.answerable, composing.kept_draft(file)
    assert newest is not None  # noqa: S101 - the caller has refused the rest
    if draft is None:
        return None, newest
    mention = composing.mention_of(file, draft.mention_id)
    is_allowed = composing.may_be_private if draft.private else composing.may_be_public
    for each in (newest, mention):
        if each.gone_at is None and is_allowed(each, now):
            return draft, each
    return None, newest


async def preview(body: dict[str, Any], desk: TeamDesk) -> None:
    """Show the typed text as the citizen will see it, the length left, and the fields that the choices need."""
    async with desk.reading() as session:
        file = await cases.read(session, ModalState.of(body["view"]).case)
    await _show_typed(desk, body, file, typed(values(body["view"])), draft=_kept_words(desk, file))


async def insert_snippet(action: dict[str, Any], body: dict[str, Any], desk: TeamDesk) -> None:
    """Put the chosen snippet before the typed text."""
    async with desk.reading() as session:
        file = await cases.read(session, ModalState.of(body["view"]).case)
    title = action["selected_option"]["value"]
    snippet = next((each for each in TeamSettings.of(file.team.settings).snippets if each.title == title), None)
    if snippet is None:
        raise Refused("That text was removed meanwhile. Choose another.")
    agent = await name_of(desk, body["user"]["id"])
    citizen = file.author.name or file.author.handle
    words = filled_in(snippet.text, name=citizen, agent=agent)
    draft = "\n\n".join(part for part in (words, typed(values(body["view"]))) if part)
    if len(draft) > SLACK_INPUT:
        raise Refused("There is no room left for that text.")
    await _show_typed(desk, body, file, draft, draft=draft, inserted=1)


async def _show_typed(
    desk: TeamDesk, body: dict[str, Any], file: CaseFile, text: str, *, draft: str, inserted: int = 0
) -> None:
    """Update the modal for `text`. `draft` prefills the text field; `inserted` counts the snippets it adds."""
    view = body["view"]
    shown = await _as_filled(desk, body["user"]["id"], view, file, text, draft=draft, inserted=inserted)
    with suppress(SlackLater):  # the next key updates the preview
        await calls.show_if_open(desk.slack, view["id"], shown)


async def _as_filled(
    desk: TeamDesk, by: str, view: Block, file: CaseFile, text: str, *, draft: str, inserted: int = 0
) -> Block:
    """Return the modal that fits the content of its fields; it remembers the content of a field that disappears."""
    filled, state = values(view), ModalState.of(view)
    state = replace(state, inserted=state.inserted + inserted, promise=filled.get(PROMISE) or state.promise)
    async with desk.reading() as session:
        initials = await agents.initials(session, file.team.id, by) or filled.get(INITIALS) or state.ask or ""
    mention = composing.mention_of(file, state.mention)
    composed = _compose(desk, file, mention, text, initials, private=_private(mention, filled, desk.now()))
    return _modal(desk, file, mention, composed, state, kind=_kind(filled), draft=draft)


async def send(ack: Ack, view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Approve the reply; an error is shown at its field, and the modal stays open."""
    state = ModalState.of(view)
    try:
        reply = await _approve(desk, view, by)
    except Wrong as wrong:
        await _show_wrong(ack, desk, view, by, wrong)
        return
    await ack()
    desk.wake(f"outgoing:{reply.account_id}")
    await messages.sync(desk, reply.case_id)
    if state.home:
        await publish(desk, by)


async def _approve(desk: TeamDesk, view: Block, by: str) -> Reply:
    """Approve the reply, and store the agent's initials and the case's topic, in one transaction."""
    state, filled, now = ModalState.of(view), values(view), desk.now()
    async with desk.session() as session:
        file = await cases.read(session, state.case)
        mention = composing.mention_of(file, state.mention)
        answer = Answer(
            state.case, state.mention, submission=view["id"], words=typed(filled).strip(),
            private=_private(mention, filled, desk.now()), kind=_kind(filled), promised_at=_promise(filled),
            initials=filled.get(INITIALS) or "", confirmed=bool(filled.get(CONFIRM)),
        )  # fmt: skip
        undo = timedelta(seconds=desk.settings.undo_seconds)
        reply = await replies.answer(session, answer, connector=desk.connector, by=by, now=now, undo=undo)
        await cases.set_topic(session, state.case, topic=chosen_topic(filled, file.case.topic), by=by, now=now)
    return reply


async def _show_wrong(ack: Ack, desk: TeamDesk, view: Block, by: str, wrong: Wrong) -> None:
    """Show each error at its field; when a field that the choices need is missing, show that field first."""
    filled = values(view)
    missing = {composing.PROMISE: PROMISE, composing.CONFIRMED: CONFIRM}
    if any(part in wrong.fields and field not in filled for part, field in missing.items()):  # sent before it appeared
        async with desk.reading() as session:
            file = await cases.read(session, ModalState.of(view).case)
        await ack(response_action="update", view=await _as_filled(desk, by, view, file, typed(filled), draft=""))
        return
    words = next(block for block in filled if block.partition(":")[0] == TEXT)
    field_of = {composing.WORDS: words, composing.VISIBILITY: VISIBILITY, **missing}
    errors: dict[str, str] = {}
    for part, reason in wrong.fields.items():
        field = field_of.get(part, INITIALS)
        error = await without_marks(desk, desk.t, Refused(reason.message, **reason.params))
        errors[field if field in filled else words] = error
    await ack(response_action="errors", errors=errors)


def _compose(desk: TeamDesk, file: CaseFile, mention: Mention, words: str, initials: str, *, private: bool) -> Composed:
    return composing.compose(desk.connector(file.account), file, mention, words, initials, private=private)


def _kind(filled: dict[str, Any]) -> ReplyKind:
    return ReplyKind(filled.get(KIND) or ReplyKind.FINAL)


def _promise(filled: dict[str, Any]) -> datetime | None:
    """Return by when the citizen hears more; only an interim message promises that."""
    chosen = filled.get(PROMISE) if _kind(filled) is ReplyKind.INTERIM else None
    return datetime.fromtimestamp(int(chosen), UTC) if chosen else None


def _private(mention: Mention, filled: dict[str, Any], now: datetime) -> bool:
    chosen = filled.get(VISIBILITY)
    return chosen == "private" if chosen else composing.is_private_by_default(mention, now)


def _kept_words(desk: TeamDesk, file: CaseFile) -> str:
    if file.answerable is None:  # removed by its author while the modal is open: sending says so
        return ""
    draft, _ = _draft_and_mention(file, desk.now())
    return draft.draft if draft else ""


async def _proposal(desk: TeamDesk, user: str) -> str:
    return initials_of(await name_of(desk, user))


def _modal(
    desk: TeamDesk,
    file: CaseFile,
    mention: Mention,
    composed: Composed,
    state: ModalState,
    *,
    draft: str,
    kind: ReplyKind = ReplyKind.FINAL,
) -> Block:
    settings = TeamSettings.of(file.team.settings)
    return answer_modal(
        file, mention, composed, desk.t, desk.now(), state, kind=kind, draft=draft,
        confirm=composing.must_confirm(file, mention, private=composed.private),
        snippets=bool(settings.snippets), topics=settings.topics,
    )  # fmt: skip
