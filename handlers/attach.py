"""Attach: read the image that an agent chose in the answer modal from Slack, make it safe to publish, and store it."""

import asyncio
from dataclasses import dataclass, replace

from bot import cases
from bot.desk import TeamDesk
from bot.domain.image import Images
from bot.domain.text import Refused, Text, Wrong, text
from bot.outgoing import cleaning, composing, images
from bot.slack import files
from bot.slack.calls import SlackDown, SlackProblem
from bot.views.answer_modal import IMAGE, KEEP_IMAGE, ModalState, keep_image_field, name_of_field
from bot.views.block import Block
from handlers.answer_view import chosen_in, connector_of, file_in


@dataclass(frozen=True)
class Attached:
    """A stored image: its SHA-256, and the id of its file in Slack."""

    sha256: str
    file: str


async def attached(desk: TeamDesk, view: Block) -> Attached | None:
    """Store the image that was chosen in a submitted modal; None when none was.

    Raises Wrong when it cannot be read, or the platform does not take it.
    """
    file = file_in(view)
    if file is None:
        return None
    takes = await _taken(desk, view)
    if takes is None:
        raise _wrong(text("An image cannot go with this answer. Leave it out."))
    try:
        content = await files.content_of(desk.slack, file, most=cleaning.MOST_BYTES)
    except SlackDown:
        raise _wrong(text("Slack does not give us the image now. Try again in a moment.")) from None
    except SlackProblem:
        raise _wrong(text("Slack does not give us this image. Choose it again.")) from None
    try:
        image = await asyncio.to_thread(cleaning.cleaned, content, takes)
    except Refused as refused:
        raise _wrong(refused.text) from None
    async with desk.session() as session:
        return Attached(await images.store(session, image, desk.now()), str(file.get("id") or ""))


async def _taken(desk: TeamDesk, view: Block) -> Images | None:
    """Return which images the platform takes with the answer in the modal."""
    async with desk.reading() as session:
        case = await cases.read(session, ModalState.of(view).case)
    chosen = chosen_in(desk, case, view)
    mention = composing.mention_of(case, chosen.mention_id)
    connector = connector_of(desk, case.account)
    return composing.images_taken(connector, case, mention, private=chosen.private, now=desk.now())


def _wrong(words: Text) -> Wrong:
    return Wrong({composing.IMAGE: words})


def keep_in(view: Block, desk: TeamDesk, image: Attached) -> None:
    """Offer the stored image in a view that may be shown again: Slack drops the chosen file from such a view."""
    state = ModalState.of(view)
    view["private_metadata"] = replace(state, image=image.sha256, file=image.file).to_text()
    blocks = [each for each in view["blocks"] if name_of_field(each.get("block_id", "")) != KEEP_IMAGE]
    place = next(n for n, each in enumerate(blocks) if name_of_field(each.get("block_id", "")) == IMAGE)
    keeps = keep_image_field(desk.t, state.anew)
    view["blocks"] = [*blocks[:place], keeps, *blocks[place:]]
    view["state"]["values"].pop(keeps["block_id"], None)
