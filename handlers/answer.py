"""Answer: the modal, its live preview, sending, undoing, and deciding on a reply with an unknown outcome."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import cases
from bot.desk import Desk
from bot.domain.case import Status
from bot.domain.mention import Allows
from bot.domain.reply import filled_in, initials_of, signed
from bot.domain.text import Refused, Text, text
from bot.models import CaseFile, Mention, ReplyKind, ReplyStatus
from bot.outgoing import outbox
from bot.slack import messages
from bot.team import agents
from bot.team.settings import TeamSettings
from bot.views.answer_modal import (
    INITIALS,
    KIND,
    PROMISE,
    SLACK_INPUT,
    VISIBILITY,
    Composed,
    Kept,
    answer_modal,
    typed,
)
from bot.views.block import Block
from bot.views.modals import take_over_modal
from bot.views.topic import chosen_topic
from handlers.bolt_args import Ack
from handlers.feedback import without_marks
from handlers.home import home_after, is_home, publish
from handlers.modal import opened, values


async def open_answer(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Open the answer modal; an unclaimed case is claimed at once, a colleague's asks for a take-over."""
    await ack()
    case_id = int(action["value"])
    async with home_after(desk, body):
        async with opened(desk, body) as show:
            await show(await _claimed_modal(desk, case_id, body["user"]["id"], from_home=is_home(body)))
        await messages.sync(desk, case_id)


async def take_over(ack: Ack, view: dict[str, Any], by: str, desk: Desk) -> None:
    """Take the case over and go on to the answer."""
    case_id = int(view["private_metadata"].split(":")[0])
    async with desk.session() as session:
        await cases.take_over(session, case_id, by=by, now=desk.now())
    await ack(response_action="update", view=await _claimed_modal(desk, case_id, by))
    await messages.sync(desk, case_id)


async def _claimed_modal(desk: Desk, case_id: int, by: str, *, from_home: bool = False) -> Block:
    async with desk.session() as session:
        file = await cases.read(session, case_id)
        cases.refuse_ended(file.case)
        if file.answerable is None:
            raise Refused("This post cannot be answered from here; open it on the platform and close the case.")
        if file.case.status in {Status.CLAIMED, Status.ESCALATED} and file.case.assignee != by:
            return take_over_modal(file, desk.t, then="answer")
        if file.case.status is Status.NEW:
            await cases.claim(session, case_id, by=by, now=desk.now())
            file = await cases.read(session, case_id)
        initials = await agents.initials(session, by)
    proposal = None if initials else await _proposal(desk, by)
    draft = _kept_draft(file)
    mention = _latest_answerable(file)
    composed = _compose(desk, file, mention, draft, initials or proposal or "", private=_only_private(mention))
    kept = Kept(case_id, mention.id, ask=proposal, home=from_home)
    return _modal(desk, file, mention, composed, kept, draft=draft)


async def preview(ack: Ack, body: dict[str, Any], desk: Desk) -> None:
    """Show what has been typed as the citizen will see it, with the length left and the fields that go with it."""
    await ack()
    async with desk.reading() as session:
        file = await cases.read(session, Kept.of(body["view"]).case)
    await _show_typed(desk, body, file, typed(values(body["view"])), draft=_kept_draft(file))


async def insert_snippet(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Put the chosen snippet in front of what has been typed."""
    await ack()
    async with desk.reading() as session:
        file = await cases.read(session, Kept.of(body["view"]).case)
    title = action["selected_option"]["value"]
    snippet = next((each for each in TeamSettings.of(file.team.settings).snippets if each.title == title), None)
    if snippet is None:
        raise Refused("That text was removed meanwhile; choose another.")
    agent = await _name(desk, body["user"]["id"])
    citizen = file.author.name or file.author.handle
    words = filled_in(snippet.text, name=citizen, agent=agent)
    draft = "\n\n".join(part for part in (words, typed(values(body["view"]))) if part)
    if len(draft) > SLACK_INPUT:
        raise Refused("There is no room left for that text.")
    await _show_typed(desk, body, file, draft, draft=draft, inserted=1)


async def _show_typed(
    desk: Desk, body: dict[str, Any], file: CaseFile, text: str, *, draft: str, inserted: int = 0
) -> None:
    """Bring the modal level with `text`; `draft` prefills the text field, which is a new one when more is inserted."""
    view = body["view"]
    shown = await _as_filled(desk, body["user"]["id"], view, file, text, draft=draft, inserted=inserted)
    try:
        await desk.slack.views_update(view_id=view["id"], view=shown)
    except SlackApiError as error:
        # The modal was closed meanwhile, or Slack wants fewer updates: the preview at the next key is as good.
        if error.response.get("error") not in {"not_found", "view_not_found", "ratelimited", "hash_conflict"}:
            raise


async def _as_filled(
    desk: Desk, by: str, view: Block, file: CaseFile, text: str, *, draft: str, inserted: int = 0
) -> Block:
    """Return the modal as it must be for what its fields hold; what a field held that goes now is kept."""
    filled, kept = values(view), Kept.of(view)
    kept = replace(kept, inserted=kept.inserted + inserted, promise=filled.get(PROMISE) or kept.promise)
    async with desk.reading() as session:
        initials = await agents.initials(session, by) or filled.get(INITIALS) or kept.ask or ""
    mention = _mention(file, kept.mention)
    composed = _compose(desk, file, mention, text, initials, private=_private(mention, filled))
    return _modal(desk, file, mention, composed, kept, kind=_kind(filled), draft=draft)


async def send(ack: Ack, view: dict[str, Any], by: str, desk: Desk) -> None:
    """Approve the reply; what is wrong is told at its field and the draft stays."""
    kept, filled = Kept.of(view), values(view)
    if await _promise_is_wrong(ack, view, by, desk):
        return
    async with desk.session() as session:
        file = await cases.read(session, kept.case)
        initials = await agents.initials(session, by)
        if initials is None:
            try:
                initials = await agents.set_initials(session, by, filled.get(INITIALS) or "", now=desk.now())
            except Refused as refused:
                await ack(response_action="errors", errors={INITIALS: await without_marks(desk, refused)})
                return
        mention, draft = _mention(file, kept.mention), typed(filled).strip()
        private = _private(mention, filled)
        composed = _compose(desk, file, mention, draft, initials, private=private)
        _refuse_bad_length(draft, composed)
        reply = await outbox.answer(
            session, file, by=by, now=desk.now(), draft=draft, text=composed.text, private=private, mention=mention,
            submission=view["id"], undo=timedelta(seconds=desk.settings.undo_seconds),
            kind=_kind(filled), promised_at=_promise(filled),
        )  # fmt: skip
        topic = chosen_topic(filled, file.case.topic)
        await cases.set_topic(session, kept.case, topic=topic, by=by, now=desk.now())
    await ack()
    desk.wake(f"replies:{reply.account_id}")
    await messages.sync(desk, reply.case_id)
    if kept.home:
        await publish(desk, by)


async def _promise_is_wrong(ack: Ack, view: Block, by: str, desk: Desk) -> bool:
    """Tell whether an interim message lacks a promise that can be kept; then what is wrong is shown."""
    filled = values(view)
    wrong = _wrong_promise(_kind(filled), _promise(filled), desk.now())
    if wrong is None:
        return False
    if PROMISE in filled:
        await ack(response_action="errors", errors={PROMISE: desk.t(wrong)})
        return True
    async with desk.reading() as session:  # sent so soon after the choice that the field was not there yet
        file = await cases.read(session, Kept.of(view).case)
    shown = await _as_filled(desk, by, view, file, typed(filled), draft=_kept_draft(file))
    await ack(response_action="update", view=shown)
    return True


def _compose(desk: Desk, file: CaseFile, mention: Mention, draft: str, initials: str, *, private: bool) -> Composed:
    connector = desk.connector(file.account)
    words = signed(draft, initials)
    text = connector.compose(words, to=outbox.post_of(mention, file.author), private=private) if words else ""
    return Composed(text, connector.length(text), connector.max_length(), private)


def _refuse_bad_length(draft: str, composed: Composed) -> None:
    if not draft:
        raise Refused("Write an answer first.")
    if composed.left < 0:
        raise Refused("Too long: {n} characters over what the platform takes.", n=-composed.left)


def _kind(filled: dict[str, Any]) -> ReplyKind:
    return ReplyKind(filled.get(KIND) or ReplyKind.FINAL)


def _promise(filled: dict[str, Any]) -> datetime | None:
    """Return by when the citizen was promised more, which only an interim message does."""
    chosen = filled.get(PROMISE) if _kind(filled) is ReplyKind.INTERIM else None
    return datetime.fromtimestamp(int(chosen), UTC) if chosen else None


def _wrong_promise(kind: ReplyKind, promised_at: datetime | None, now: datetime) -> Text | None:
    if kind is not ReplyKind.INTERIM:
        return None
    if promised_at is None:
        return text("Say by when the citizen hears more.")
    return text("That moment has passed already.") if promised_at <= now else None


def _mention(file: CaseFile, mention_id: int) -> Mention:
    return next(m for m in file.mentions if m.id == mention_id)


def _latest_answerable(file: CaseFile) -> Mention:
    assert file.answerable is not None  # noqa: S101 - the caller has refused the rest
    return file.answerable


def _only_private(mention: Mention) -> bool:
    return mention.private or Allows.ANSWER not in mention.allows


def _private(mention: Mention, filled: dict[str, Any]) -> bool:
    chosen = filled.get(VISIBILITY)
    return chosen == "private" if chosen else _only_private(mention)


def _kept_draft(file: CaseFile) -> str:
    """Return the text of the last reply that was taken back or refused; what was sent is no draft any more."""
    last = file.replies[-1] if file.replies else None
    return last.draft if last and last.status in {ReplyStatus.WITHDRAWN, ReplyStatus.FAILED} else ""


async def _proposal(desk: Desk, user: str) -> str:
    return initials_of(await _name(desk, user))


async def _name(desk: Desk, user: str) -> str:
    person = await desk.slack.users_info(user=user)
    return str(person["user"].get("real_name") or person["user"].get("name") or "")


def _modal(
    desk: Desk,
    file: CaseFile,
    mention: Mention,
    composed: Composed,
    kept: Kept,
    *,
    draft: str,
    kind: ReplyKind = ReplyKind.FINAL,
) -> Block:
    settings = TeamSettings.of(file.team.settings)
    return answer_modal(
        file, mention, composed, desk.t, desk.now(), kept, kind=kind, draft=draft, snippets=bool(settings.snippets),
        topics=settings.topics,
    )  # fmt: skip
