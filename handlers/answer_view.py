"""The answer modal of one case and agent: what it opens with, and how it follows what the agent types and chooses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot import cases
from bot.accounts.seal import Unopened
from bot.connectors.base import Connector, Unavailable
from bot.desk import TeamDesk
from bot.domain.alike import is_said
from bot.domain.case import ALLOWED_FROM, Move, Status
from bot.domain.reply import MAX_TYPED, Composed, initials_of
from bot.domain.text import Refused
from bot.models import Account, AnswerDraft, CaseFile, Mention, ReplyKind
from bot.outgoing import composing, drafts, repeating
from bot.outgoing.drafts import Chosen, Offered
from bot.outgoing.repeating import Said
from bot.slack import files
from bot.slack.calls import home_of
from bot.team import agents
from bot.team.settings import TeamSettings
from bot.views.answer_modal import (
    DESCRIPTION,
    IMAGE,
    INITIALS,
    INVITATION,
    KEEP_IMAGE,
    KIND,
    PROMISE,
    TEXT,
    TOPIC,
    VISIBILITY,
    ImageFields,
    ModalState,
    Offers,
    Prefilled,
    answer_modal,
    key_of,
    level_with,
    name_of_field,
)
from bot.views.block import Block
from bot.views.modals import take_over_modal
from bot.views.topic import chosen_topic
from handlers.feedback import name_of
from handlers.modal import values
from handlers.submission import filled_as

NAME = 80
"""Characters of a citizen's name that a modal remembers."""


@dataclass(frozen=True)
class Writer:
    """Who has the modal open, with the case, their own draft and their initials ("" for none)."""

    by: str
    file: CaseFile
    draft: AnswerDraft | None
    initials: str
    said: Sequence[Said] = ()
    """What others were answered on the subject of the case."""


async def writer(desk: TeamDesk, case_id: int, by: str) -> Writer:
    """Read the data that a modal for this agent needs."""
    async with desk.reading() as session:
        file = await cases.read(session, case_id)
        draft = await drafts.read(session, case_id, by)
        initials = await agents.initials(session, file.team.id, by) or ""
        return Writer(by, file, draft, initials, await repeating.on_subject(session, file.case, desk.now()))


async def view_of(
    desk: TeamDesk, by: str, view_id: str, state: ModalState, *, words: str = "", to_private: bool = False
) -> Block:
    """Return the answer modal as it opens for the case in `state`, with `words` in its text; see `first_view`.

    For a colleague's case it asks for a take-over first, and then goes on with what was wanted (handlers/take_over.py).
    """
    who = await writer(desk, state.case, by)
    case = who.file.case
    cases.refuse_ended(case)
    composing.refuse_undecided(who.file)
    composing.refuse_unanswerable(who.file, who.file.answerable or who.file.latest, desk.now())
    if case.status in ALLOWED_FROM[Move.TAKE_OVER] and case.assignee != by:
        then = "tell" if state.tells_of is not None else "to_private" if to_private else "answer"
        return take_over_modal(who.file, desk.t, then=then, home=state.home)
    ask = None if who.initials else initials_of(await name_of(desk, by))
    async with desk.session() as session:
        draft = await drafts.begin(session, case.id, by=by, view=key_of(view_id, state), now=desk.now())
    who, state = replace(who, draft=draft), replace(state, ask=ask)
    return first_view(desk, who, state, words=words, to_private=to_private)


def first_view(desk: TeamDesk, who: Writer, state: ModalState, *, words: str = "", to_private: bool = False) -> Block:
    """Return the modal as it opens, filled with these words and what is offered again, if that does not say them.

    `to_private`: if nothing is offered, it is for a private message, with the team's public invitation; where the
    platform takes no private messages, for a public one that begins with how the citizen can reach the team.
    """
    offer, mention = _offered(who, desk.now())
    state = replace(state, mention=mention.id)
    if offer is None and state.series and (proposal := repeating.proposal(who.said, who.file.author, by=who.by)):
        private = composing.is_private_by_default(who.file, mention, desk.now())
        offer = Offered(mention.id, proposal.words, private, proposal.kind, proposal.promised_at)
        state = replace(state, proposed=(proposal.to.name or proposal.to.handle)[:NAME])
    initials = who.initials or state.ask or ""
    if offer is None:
        goes_private = to_private and composing.may_be_invited(who.file, mention, desk.now())
        private = goes_private or composing.is_private_by_default(who.file, mention, desk.now())
        if to_private and not private:
            words = words or TeamSettings.of(desk.team.settings).way_to_us
        composed = compose(desk, who.file, mention, words, initials, private=private)
        invited = composing.invitation_of(mention, desk) if goes_private else ""
        return _modal(desk, who, mention, composed, state, Prefilled(words, first_kind(who.file), invitation=invited))
    has_content = _has_content(offer, who.file, mention, desk.now())
    since = int(offer.since.timestamp()) if offer.since and has_content else None
    promise = int(offer.promised_at.timestamp()) if offer.promised_at else None
    state = replace(state, since=since, promise=promise, image=offer.image or "", file=offer.image_file)
    before = "" if is_said(words, offer.words) else words
    text = "\n\n".join(part for part in (before, offer.words) if part)[:MAX_TYPED]
    composed = compose(desk, who.file, mention, text, initials, private=offer.private)
    prefilled = Prefilled(text, offer.kind, offer.topic, offer.invitation, offer.image_description)
    return _modal(desk, who, mention, composed, state, prefilled, typed=text)


def first_kind(file: CaseFile) -> ReplyKind:
    """Return what a reply is unless the agent chooses otherwise: we remind a citizen whom we asked something."""
    return ReplyKind.QUESTION if file.case.status is Status.WITH_CITIZEN else ReplyKind.FINAL


def _has_content(offer: Offered, file: CaseFile, mention: Mention, now: datetime) -> bool:
    """Tell whether a draft has words, or a choice other than those with which an empty modal opens."""
    default = (composing.is_private_by_default(file, mention, now), first_kind(file))
    filled = [offer.words.strip(), offer.promised_at, offer.topic, offer.invitation.strip(), offer.image]
    return any(filled) or (offer.private, offer.kind) != default


def _offered(who: Writer, now: datetime) -> tuple[Offered | None, Mention]:
    """Return what is offered again, if anything, and the mention to answer, which must allow the same visibility.

    Without such a mention nothing is offered: a private text must not appear in a modal for a public reply.
    """
    newest, offer = who.file.answerable, drafts.offered(who.file, who.draft)
    assert newest is not None  # noqa: S101 - the caller has refused the rest
    if offer is None:
        return None, newest
    mention = _answers(who.file, offer.mention_id, now, private=offer.private)
    return (offer, mention) if mention else (None, newest)


def _answers(file: CaseFile, mention_id: int, now: datetime, *, private: bool) -> Mention | None:
    """Return the mention that such a reply can answer: the newest, else this one, else None."""
    is_allowed = composing.may_be_private if private else partial(composing.may_be_public, file)
    those = [file.answerable, next((each for each in file.mentions if each.id == mention_id), None)]
    return next((each for each in those if each and each.gone_at is None and is_allowed(each, now)), None)


def next_view(desk: TeamDesk, who: Writer, view: Block, chosen: Chosen, *, text: str | None = None) -> Block:
    """Return the modal that fits what was typed and chosen; it remembers the content of a field that disappears.

    `text` replaces what was typed in the text field.
    """
    filled, state = filled_in(view), ModalState.of(view)
    state = replace(state, promise=filled.get(PROMISE) or state.promise)
    if text is not None:
        state = replace(state, inserted=state.inserted + 1)
    if not who.initials and state.ask is None:  # taken away meanwhile, or the case is in another team
        state = replace(state, ask="")
    mention = composing.mention_of(who.file, state.mention)
    initials = who.initials or filled.get(INITIALS) or state.ask or ""
    composed = compose(desk, who.file, mention, chosen.words, initials, private=chosen.private)
    prefilled = Prefilled(
        text=_prefilled(view, TEXT) if text is None else text,
        kind=chosen.kind,
        topic=chosen.topic,
        invitation=_prefilled(view, INVITATION),
        description=_prefilled(view, DESCRIPTION),
    )
    return _modal(desk, who, mention, composed, state, prefilled, typed=chosen.words)


def view_with_news(desk: TeamDesk, who: Writer, view: Block) -> Block:
    """Return a submitted modal with what the citizen wrote since it was shown, filled in as it was.

    The reply then answers their newest mention, if that allows what was chosen.
    """
    chosen, state = chosen_in(desk, who.file, view, draft=who.draft), ModalState.of(view)
    mention = _answers(who.file, state.mention, desk.now(), private=chosen.private)
    if mention is not None:
        view = view | {"private_metadata": replace(state, mention=mention.id).to_text()}
    return filled_as(next_view(desk, who, view, chosen), view)


def empty_view(desk: TeamDesk, who: Writer, view: Block) -> Block:
    """Return the modal with nothing typed or chosen."""
    state = ModalState.of(view)
    state = replace(
        state, inserted=state.inserted + 1, anew=state.anew + 1, since=None, promise=None, image="", file="",
        tells_of=None, proposed="", topic="", was_private=False,
    )  # fmt: skip
    mention = composing.mention_of(who.file, state.mention)
    private = composing.is_private_by_default(who.file, mention, desk.now())
    composed = compose(desk, who.file, mention, "", who.initials or state.ask or "", private=private)
    return _modal(desk, who, mention, composed, state, Prefilled(kind=first_kind(who.file)))


def filled_in(view: Block) -> dict[str, Any]:
    """Return the content of each field of the modal by its name."""
    return {name_of_field(block_id): value for block_id, value in values(view).items()}


def chosen_in(
    desk: TeamDesk, file: CaseFile, view: Block, *, text: str | None = None, draft: AnswerDraft | None = None
) -> Chosen:
    """Return what was typed and chosen in the modal; `text` replaces what was typed.

    A chosen file is not stored as an image yet, unless the agent tried to send it before: then `draft` has it.
    """
    filled, state = filled_in(view), ModalState.of(view)
    mention = composing.mention_of(file, state.mention)
    kind = ReplyKind(filled.get(KIND) or ReplyKind.FINAL)
    promise = filled.get(PROMISE) or state.promise
    visibility = filled.get(VISIBILITY)
    return Chosen(
        mention.id,
        words=(filled.get(TEXT) or "") if text is None else text,
        private=visibility == "private" if visibility else composing.is_private_by_default(file, mention, desk.now()),
        kind=kind,
        promised_at=datetime.fromtimestamp(int(promise), UTC) if promise else None,
        topic=chosen_topic(filled.get(TOPIC), state.topic, file.case.topic),
        invitation=filled.get(INVITATION) or "",
        image_description=(filled.get(DESCRIPTION) or "").strip(),
        was_private=state.was_private,
        **_image_in(filled, state, draft),
    )


def file_in(view: Block) -> dict[str, Any] | None:
    """Return the file that was chosen in the modal, as Slack describes it."""
    chosen = filled_in(view).get(IMAGE) or []
    return chosen[0] if chosen else None


def _image_in(filled: dict[str, Any], state: ModalState, draft: AnswerDraft | None) -> dict[str, Any]:
    """Return the image that stays with the answer: the earlier one, unless the agent leaves it out."""
    chosen = filled.get(IMAGE) or []
    if chosen and draft is not None and draft.image and draft.image_file == chosen[0].get("id"):
        return {"image": draft.image, "image_file": draft.image_file}
    if not state.image or not filled.get(KEEP_IMAGE, True):
        return {}
    return {"image": state.image, "image_file": state.file}


def compose(desk: TeamDesk, file: CaseFile, mention: Mention, words: str, initials: str, *, private: bool) -> Composed:
    """Return what would be published for these words."""
    connector = connector_of(desk, file.account)
    return composing.compose(connector, file, mention, words, initials, private=private, now=desk.now())


def connector_of(desk: TeamDesk, account: Account) -> Connector:
    """Return the connector for an answer; raises Refused when there is none.

    No key opens the account's tokens, or its platform is not installed any more.
    """
    try:
        return desk.connector(account)
    except Unopened:
        raise Refused(composing.NO_ACCESS.message) from None
    except Unavailable as verdict:
        raise Refused(verdict.text.message, **verdict.text.params) from None


def _prefilled(view: Block, name: str) -> str:
    """Return the text that a field was prefilled with; it stays the same while the modal is open."""
    fields = (block["element"] for block in view["blocks"] if block["type"] == "input")
    return next((str(each.get("initial_value") or "") for each in fields if each["action_id"] == name), "")


def _modal(
    desk: TeamDesk, who: Writer, mention: Mention, composed: Composed, state: ModalState, prefilled: Prefilled,
    *, typed: str = "",
) -> Block:  # fmt: skip
    """Return the modal with what can be chosen now; `typed` is the text that others may have got already."""
    has_content = bool(typed.strip() or state.image)
    state = replace(state, was_private=state.was_private or (composed.private and has_content))
    now, copies = desk.now(), repeating.copies(who.said, typed, who.file.author)
    offers = Offers(
        snippets=bool(composing.standard_texts(who.file, mention, now)),
        templates_only=composing.takes_templates_only(who.file, mention, now),
        confirm=composing.must_confirm(
            who.file, mention, who.draft, private=composed.private, was_private=state.was_private
        ),
        invites=composed.private and composing.may_be_invited(who.file, mention, now),
        images=_image_fields(desk, who, mention, private=composed.private),
        topics=TeamSettings.of(who.file.team.settings).topics,
        copies=copies if copies >= repeating.MANY else 0,
    )
    state = level_with(state, who.file)
    return answer_modal(
        who.file, mention, composed, desk.t, now, state,
        prefilled=prefilled, offers=offers, reader=who.by, home=home_of(desk.slack),
    )  # fmt: skip


def _image_fields(desk: TeamDesk, who: Writer, mention: Mention, *, private: bool) -> ImageFields | None:
    connector = connector_of(desk, who.file.account)
    takes = composing.images_taken(connector, who.file, mention, private=private, now=desk.now())
    if takes is None:
        return None
    return ImageFields(files.lacking(desk.slack), bool(takes.described), takes.words)
