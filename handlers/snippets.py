"""The team's snippets in the answer modal, or the templates that a platform takes; searched by their words."""

from typing import Any

from bot import cases
from bot.desk import TeamDesk
from bot.domain.reply import has_words
from bot.outgoing import composing
from bot.views.answer_modal import ModalState, snippet_option
from handlers.bolt_args import Ack

OFFERED = 100
"""The most options that Slack takes in one answer
(https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select)."""


async def offer(ack: Ack, body: dict[str, Any], desk: TeamDesk) -> None:
    """Offer the snippets that contain all words typed so far, those with the words in their title first."""
    async with desk.reading() as session:
        state = ModalState.of(body["view"])
        file = await cases.read(session, state.case)
    snippets = composing.standard_texts(file, composing.mention_of(file, state.mention), desk.now())
    typed = body["value"]
    matching = [each for each in snippets if has_words(f"{each.title} {each.text}", typed)]
    matching.sort(key=lambda each: not has_words(each.title, typed))
    await ack(options=[snippet_option(each.title, each.text) for each in matching[:OFFERED]])
