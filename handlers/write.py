"""Actions in an open answer modal before it is sent: typing, choosing, snippets, starting over, closing."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from bot.desk import TeamDesk
from bot.domain.reply import MAX_TYPED, filled_in
from bot.domain.text import Refused
from bot.outgoing import composing, drafts
from bot.outgoing.drafts import Chosen
from bot.slack import calls, messages
from bot.slack.calls import SlackLater
from bot.views.answer_modal import TEXT, ModalState, key_of
from bot.views.block import Block
from handlers import answer_view
from handlers.answer_view import Writer, chosen_in, next_view, writer
from handlers.feedback import name_of


async def preview(body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Store what was typed and chosen, and show the preview and the fields that the choices need."""
    view = body["view"]
    who = await writer(desk, ModalState.of(view).case, by)
    chosen = chosen_in(desk, who.file, view, draft=who.draft)
    who = await stored(desk, body, who, chosen)
    await _show(desk, who, view, next_view(desk, who, view, chosen))


async def insert_snippet(action: dict[str, Any], body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Put the chosen snippet before the typed text; a template replaces the text."""
    view = body["view"]
    who = await writer(desk, ModalState.of(view).case, by)
    title = action["selected_option"]["value"]
    mention = composing.mention_of(who.file, ModalState.of(view).mention)
    offered = composing.standard_texts(who.file, mention, desk.now())
    snippet = next((each for each in offered if each.title == title), None)
    if snippet is None:
        raise Refused("That text was removed meanwhile. Choose another.")
    if composing.takes_templates_only(who.file, mention, desk.now()):
        text = snippet.text
    else:
        citizen = who.file.author.name or who.file.author.handle
        words = filled_in(snippet.text, name=citizen, agent=await name_of(desk, by))
        text = "\n\n".join(part for part in (words, answer_view.filled_in(view).get(TEXT)) if part)
    if len(text) > MAX_TYPED:
        raise Refused("There is no room left for that text.")
    chosen = chosen_in(desk, who.file, view, text=text, draft=who.draft)
    who = await stored(desk, body, who, chosen)
    await _show(desk, who, view, next_view(desk, who, view, chosen, text=text))


async def begin_anew(body: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Delete what was typed and chosen, and show the modal without a draft."""
    view = body["view"]
    who = await writer(desk, ModalState.of(view).case, by)
    mention = composing.mention_of(who.file, ModalState.of(view).mention)
    private, kind = composing.is_private_by_default(who.file, mention, desk.now()), answer_view.first_kind(who.file)
    nothing = Chosen(mention.id, "", private, kind)
    who = await stored(desk, body, who, nothing, anew=True)
    await _show(desk, who, view, answer_view.empty_view(desk, who, view))


async def closed(view: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Stop showing that this agent is writing; their draft stays."""
    await left(desk, ModalState.of(view).case, by, _key(view))


async def left(desk: TeamDesk, case_id: int, by: str, key: str) -> None:
    """Update the card when an agent no longer has this modal open."""
    async with desk.session() as session:
        await drafts.end(session, case_id, by=by, view=key)
    await messages.sync(desk, case_id)


async def stored(desk: TeamDesk, body: dict[str, Any], who: Writer, chosen: Chosen, *, anew: bool = False) -> Writer:
    """Store a change; return its writer with the draft as it is now."""
    newest = _microseconds(body["actions"][0]["action_ts"])
    async with desk.session() as session:
        draft = await drafts.keep(
            session, who.file, chosen, by=who.by, view=_key(body["view"]), newest=newest, now=desk.now(), anew=anew
        )
    if draft is not None and draft.writing and who.by not in who.file.writing:
        await messages.sync(desk, who.file.case.id)
    return replace(who, draft=draft)


async def _show(desk: TeamDesk, who: Writer, view: Block, shown: Block) -> None:
    """Show the view, unless the modal of a series shows another case by now."""
    if ModalState.of(view).series and (who.draft is None or who.draft.view != _key(view)):
        return
    with suppress(SlackLater):  # the next keystroke updates the preview
        await calls.show_if_open(desk.slack, view["id"], shown)


def _key(view: Block) -> str:
    return key_of(view["id"], ModalState.of(view))


def _microseconds(slack_time: str) -> int:
    """Return Slack's time of an action ("1548426417.840180") as a number."""
    seconds, _, fraction = slack_time.partition(".")
    return int(seconds) * 1_000_000 + int(f"{fraction:0<6}"[:6])
