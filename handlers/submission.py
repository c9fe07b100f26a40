"""Answer a submitted modal in time: Slack waits 3 seconds, and the work behind it may take longer.

Slack shows an error for a submission that was not acknowledged, although its work goes on. So after `ACK_WITHIN`
seconds the modal says that we are working on it, and shows the outcome later.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from bot.desk import Desk
from bot.logs import trace
from bot.slack.calls import SlackProblem, show_if_open
from bot.views.block import Block, escape, section
from bot.views.modals import said
from bot.views.settings_form import FORM
from handlers.bolt_args import Ack
from handlers.feedback import tell
from handlers.modal import INITIAL, remembering_touched

log = structlog.get_logger()

ACK_WITHIN = 2.0
"""Seconds, of the 3 that Slack waits for (https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response)."""
SETTLED = 1.0
"""Seconds until Slack has surely shown the view of an acknowledgement: an earlier update would be lost."""
ABOVE = "wrong"
"""The id of the block above the fields of a modal that says what is wrong with what was typed."""
OF_A_VIEW = ("type", "callback_id", "title", "blocks", "submit", "close", "private_metadata", "notify_on_close")
"""The fields of a view in a payload that may be sent back (https://docs.slack.dev/reference/views)."""


class Submission:
    """The acknowledgement of one submitted modal: call it as Bolt's own `ack`.

    `t` are the texts in the language of its team, once we read which that is.
    """

    def __init__(self, body: dict[str, Any], ack: Ack, desk: Desk) -> None:
        self._body, self._view, self._ack, self._desk, self.t = body, body["view"], ack, desk, desk.texts()
        self._answered = False
        self._late_since: float | None = None

    async def __call__(self, **answer: Any) -> None:
        """Answer the submission: without arguments (the modal closes), with `errors`, or with another `view`."""
        if self._late_since is None:
            self._answered = True
            await self._ack(**answer)
        elif "view" in answer:
            await self._show(answer["view"])
        elif "errors" in answer:
            await self.show_errors({field: escape(words) for field, words in answer["errors"].items()})
        else:
            await self._show(said(self.t("It has been done."), self.t))

    @property
    def is_late(self) -> bool:
        """Whether the modal shows that we are working on it, instead of an answer."""
        return self._late_since is not None

    async def show_errors(self, errors: Mapping[str, str]) -> None:
        """Show the modal again as it was sent, with the errors (mrkdwn) above it; if it was closed, send a message."""
        wrong = list(dict.fromkeys(errors.values()))
        try:
            is_open = await self._show(filled_again(self._view, wrong))
        except SlackProblem as problem:
            log.warning("a modal does not show what is wrong", **trace(problem))
            is_open = False
        if not is_open:
            await tell(self._desk, self._body, "\n".join(wrong))

    @asynccontextmanager
    async def answered_within(self, seconds: float) -> AsyncIterator[None]:
        """Run a handler; without an answer after `seconds`, the modal says that we are working on it."""
        waiting = asyncio.create_task(self._wait(seconds))
        try:
            yield
        finally:
            waiting.cancel()

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._answered:
            self._late_since = asyncio.get_running_loop().time()
            words = self.t("One moment, please: this takes longer than usual. You see here when it is done.")
            await self._ack(response_action="update", view=said(words, self.t))

    async def _show(self, view: Block) -> bool:
        """Show a view once Slack has shown the acknowledgement; return whether the modal is still open."""
        assert self._late_since is not None  # noqa: S101
        await asyncio.sleep(max(0.0, self._late_since + SETTLED - asyncio.get_running_loop().time()))
        return await show_if_open(self._desk.slack, self._view["id"], view)


def filled_again(view: Block, wrong: list[str]) -> Block:
    """Return a submitted view with what was filled in, and the errors above it.

    A form of the settings remembers what was changed in it: an untouched field gets what is set by then.
    """
    again = filled_as({name: view[name] for name in OF_A_VIEW if view.get(name) is not None}, view)
    if view["callback_id"].startswith(FORM):
        again["private_metadata"] = remembering_touched(view)
    again["blocks"] = [section("\n".join(wrong)), *again["blocks"]]
    return again


def typed_in(body: dict[str, Any]) -> Block | None:
    """Return the modal with fields in which somebody typed or chose something; None for any other request.

    What is chosen in a menu beside the fields counts too: a click on a button does not.
    """
    view, actions = body.get("view") or {}, body.get("actions") or []
    if view.get("type") != "modal":
        return None
    fields = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    typed = (action.get("block_id") in fields or action.get("type") != "button" for action in actions)
    return view if fields and any(typed) else None


async def show_above(desk: Desk, view: Block, wrong: str) -> None:
    """Show what is wrong above the fields of a modal that is open, once; what was filled in stays."""
    before = [block for block in view["blocks"] if block["block_id"] == ABOVE]
    if any(block["text"]["text"] == wrong for block in before):
        return
    below = [block for block in view["blocks"] if block not in before]
    again = filled_again(view | {"blocks": below}, [wrong])
    again["blocks"][0]["block_id"] = ABOVE
    try:
        await show_if_open(desk.slack, view["id"], again)
    except SlackProblem as problem:  # the next key shows it
        log.warning("a modal does not show what is wrong", **trace(problem))


def filled_as(view: Block, sent: Block) -> Block:
    """Return a view with what was filled in in the same fields of a submitted one, as far as it is still offered.

    A field that was emptied stays empty.
    """
    again, state = copy.deepcopy(view), sent["state"]["values"]
    for block in again["blocks"]:
        if block["type"] == "input":
            filled = state.get(block["block_id"], {}).get(block["element"]["action_id"], {})
            for initial, name in INITIAL.items():
                if filled.get(name) and (offered := _offered(block["element"], filled[name])):
                    block["element"][initial] = offered
                elif name in filled and not filled[name]:
                    block["element"].pop(initial, None)
    return again


def _offered(element: Block, chosen: Any) -> Any:
    """Return what was filled in in a field; of a choice the options as they are now, or nothing if they are gone.

    Slack refuses a view whose field begins with an option of other words than those that it offers.
    """
    groups = element.get("option_groups", [element] if "options" in element else [])
    if not groups:
        return chosen
    options = {option["value"]: option for group in groups for option in group["options"]}
    if isinstance(chosen, list):
        return [options[each["value"]] for each in chosen if each["value"] in options]
    return options.get(chosen["value"])
