"""The Bolt app: one error listener, and the handlers."""

import asyncio
import json
import logging
from functools import partial
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.cases import Taken
from bot.desk import Desk
from bot.domain.text import Refused, Wrong
from bot.logs import following
from bot.meters import Meters
from bot.slack.calls import contact_of
from bot.texts import Texts
from bot.views.block import actions, escape, section
from bot.views.modals import take_over_button
from handlers import register, register_unknown, take_over
from handlers.feedback import log_fault, tell, without_marks
from handlers.modal import asked_to_take_over
from handlers.submission import ACK_WITHIN, Submission, show_above, typed_in

ACK_SEEN = 0.05
"""Seconds after which Bolt has certainly seen that a listener acknowledged: it checks every 10 ms, and loses the
acknowledgement of a listener that fails before the check (slack_bolt.listener.asyncio_runner)."""


KINDS = frozenset(
    {"block_actions", "block_suggestion", "event_callback", "message_action", "view_closed", "view_submission"}
)
"""The kinds of Slack's requests that we get, besides commands (https://docs.slack.dev/reference/interaction-payloads)."""


class _App(AsyncApp):
    """Bolt's app, which gives each request of Slack an id in the log, and measures how soon it is acknowledged."""

    meters: Meters

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Handle a request, over Socket Mode or HTTP; returns once it is acknowledged."""
        with following(), self.meters.acknowledging(_kind_of(req.body)):
            return await super().async_dispatch(req)


def _kind_of(body: dict[str, Any]) -> str:
    kind = body.get("type")
    return kind if kind in KINDS else "command" if "command" in body else "other"


def build_app(
    desk: Desk,
    *,
    process_before_response: bool = False,
    ack_within: float = ACK_WITHIN,
    running: set[asyncio.Task[Any]] | None = None,
) -> AsyncApp:
    """Return the app that serves a desk, over Socket Mode or HTTP; `running` holds the requests that it is handling."""
    settings = desk.settings
    app = _App(
        name="webcare",  # without one, Bolt looks for the file that called it: a tenth of a second
        # If its client had our token, Bolt would ask Slack who we are at the first click, before any listener.
        client=AsyncWebClient(base_url=settings.slack_api_url),
        authorize=partial(_authorized, desk),
        request_verification_enabled=False,  # bot/slack/signed.py does it, before a word of it is read
        process_before_response=process_before_response,
        logger=logging.getLogger("slack_bolt"),
    )
    app.meters = desk.meters

    @app.error
    async def failed(
        error: Exception, body: dict[str, Any], context: AsyncBoltContext, response: BoltResponse | None
    ) -> BoltResponse | None:
        t: Texts = context["desk"].t if "desk" in context else desk.texts()  # without one, the team could not be read
        words = None if isinstance(error, Refused) else log_fault(t, error)
        if body.get("type") == "block_suggestion" and response is not None:
            return _json_response({"options": []})
        if body.get("type") == "view_submission":
            submission: Submission | None = context.get("submission")
            late = submission is not None and submission.is_late
            if isinstance(error, Taken) and response is not None and not late:  # what was typed stays below
                asked = await asked_to_take_over(context["desk"], error.case_id, take_over.BACK)
                return _json_response({"response_action": "push", "view": asked})
            shown = await _at_fields(desk, t, body["view"], error, words)
            if shown and response is not None:  # the modal stays open with what was typed
                return _json_response({"response_action": "errors", "errors": shown})
            if submission is not None and late:  # also one without fields says in place of "one moment" what is wrong
                await asyncio.sleep(ACK_SEEN)
                escaped = {field: escape(each) for field, each in shown.items()}
                await submission.show_errors(escaped or {"": words or t(error.text)})  # type: ignore[attr-defined]
                return None
        if response is not None:
            await context.ack()  # the message to the person waits for Slack; Slack's own wait ends here
        await asyncio.sleep(ACK_SEEN)
        words = words or t(error.text)  # type: ignore[attr-defined]
        if (typed := typed_in(body)) is not None:  # each key is a request: no message for each
            await show_above(desk, typed, words)
            return BoltResponse(status=200, body="") if response is not None else None
        offered = actions(take_over_button(error.case_id, error.owner, t)) if isinstance(error, Taken) else []
        await tell(desk, body, words, [section(words), *offered] if offered else None)
        return BoltResponse(status=200, body="") if response is not None else None

    register(app, desk, ack_within, running)
    register_unknown(app, desk, ack_within, running)
    return app


async def _authorized(desk: Desk) -> AuthorizeResult:
    """Return what Bolt must know about us, without a call: it skips the events that we cause ourselves."""
    identity = contact_of(desk.slack).identity
    return AuthorizeResult(
        enterprise_id=None,
        team_id=None,
        bot_token=desk.settings.slack_bot_token.get_secret_value(),
        bot_id=identity.get("bot_id"),
        bot_user_id=identity.get("user_id"),
    )


async def _at_fields(desk: Desk, t: Texts, view: dict[str, Any], error: Exception, words: str | None) -> dict[str, str]:
    """Return the words to show at each field of a modal: field errors at their fields, anything else at the first."""
    fields = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    if isinstance(error, Wrong):
        return {field: t(wrong) for field, wrong in error.fields.items() if field in fields}
    shown = words or await without_marks(desk, t, error)  # type: ignore[arg-type]
    return dict.fromkeys(fields[:1], shown)


def _json_response(content: dict[str, Any]) -> BoltResponse:
    return BoltResponse(status=200, body=json.dumps(content), headers={"content-type": ["application/json"]})
