"""WhatsApp's Cloud API on loopback: one business account with one number of ours, and citizens who write to it.

Requests, answers and what it sends to us are held to the extract of Meta's OpenAPI file: the end of its block raises
AssertionError with what did not hold. What it refuses and how is as in
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from bot.connectors.base import Identity, Request
from tests.connectors.meta.graph import APP_ID, FakeGraph, Json, Refused, pushed
from tests.connectors.whatsapp.openapi import stored
from tests.fakes.openapi import Violation

NUMBER_ID, BUSINESS, SHOWN = "106540352242922", "419561257915477", "15550783881"
OPTIONS = {"phone_number_id": NUMBER_ID, "business_account_id": BUSINESS, "app_id": APP_ID}
IDENTITY = Identity(NUMBER_ID, "+15550783881", "Gemeente Voorbeeld")
RIGHTS = ["whatsapp_business_messaging", "whatsapp_business_management"]
WINDOW = timedelta(hours=24)
LONGEST, LONGEST_CAPTION = 4096, 1024
NOT_SUPPORTED = {"code": 131051, "title": "Message type unknown", "message": "Message type unknown",
                 "error_data": {"details": "Message type is currently not supported."}}  # fmt: skip
WINDOW_OVER = {
    "code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
    "error_data": {"details": "More than 24 hours have passed since the recipient last replied to the sender number."},
    "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
}  # fmt: skip


@dataclass
class Citizen:
    """Somebody on WhatsApp. `phone` is "" for who keeps it from us, `user_id` for who has none yet."""

    name: str
    phone: str
    user_id: str = ""
    username: str = ""
    wrote_at: datetime | None = None

    def contact(self) -> Json:
        profile = {"name": self.name, **({"username": self.username} if self.username else {})}
        ids = {"wa_id": self.phone, "user_id": self.user_id}
        return {"profile": profile, **{key: value for key, value in ids.items() if value}}


@dataclass
class Message:
    """A message of ours."""

    id: str
    to: Citizen
    body: Json
    statuses: list[str] = field(default_factory=list)


class FakeWhatsApp(FakeGraph):
    """One number. `events` is what it has to send to us, in order; `sent` are our messages.

    `reactions` are ours, by the citizen's message.
    """

    def __init__(self) -> None:
        super().__init__()
        self.known["scopes"] = RIGHTS
        self.known["type"] = "SYSTEM_USER"
        self.apps[BUSINESS] = [{"whatsapp_business_api_data": {"id": APP_ID, "name": "Webcare"}}]
        self.number: Json = {
            "id": NUMBER_ID, "display_phone_number": "+1 555-078-3881", "verified_name": "Gemeente Voorbeeld",
            "status": "CONNECTED", "quality_rating": "GREEN", "account_mode": "LIVE",
        }  # fmt: skip
        self.citizens = {
            "jan": Citizen("Jan Jansen", "31612345678", "NL.1502576394655843"),
            "fatima": Citizen("Fatima", "", "NL.13491208655302741918", "fatima.el"),
            "piet": Citizen("Piet", "31687654321"),
        }
        self.templates: list[Json] = []
        self.sent: list[Message] = []
        self.reactions: dict[str, str] = {}
        self.media: dict[str, bytes] = {}
        self.events: list[Json] = []
        self.spoilt: list[Json] = []
        self.reports = True
        """Whether it reports at once that a message was sent."""
        self.reports_first_to = ""
        """An address to which it sends its report of a message before it answers our request."""
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._count = 0

    # --- what citizens do ------------------------------------------------------------------------

    def write(self, name: str, text: str, **more: Any) -> str:
        """Let a citizen write; returns the message's id."""
        return self.send_as(name, "text", {"body": text}, **more)

    def send_as(self, name: str, kind: str, content: Any, **more: Any) -> str:
        """Let a citizen send a message of some kind; returns its id."""
        citizen = self.citizens[name]
        citizen.wrote_at = self.clock()
        message: Json = {"id": self._id(), "timestamp": self._now(), "type": kind, **more}
        message |= {kind: content} if content is not None else {}
        message |= {"from": citizen.phone} if citizen.phone else {}
        message |= {"from_user_id": citizen.user_id} if citizen.user_id else {}
        self._event({"contacts": [citizen.contact()], "messages": [message]})
        return str(message["id"])

    def edit(self, name: str, message_id: str, text: str) -> None:
        """Let a citizen change a message."""
        inner = {"type": "text", "text": {"body": text}}
        self.send_as(name, "edit", {"original_message_id": message_id, "message": inner})

    def revoke(self, name: str, message_id: str) -> None:
        """Let a citizen remove a message."""
        self.send_as(name, "revoke", {"original_message_id": message_id})

    def spoil(self, value: Json) -> None:
        """Send something that is not as documented."""
        self.spoilt.append(self._event(value))

    def report(self, message: Message, status: str, **more: Any) -> Json:
        """Report how far a message of ours came; returns the event."""
        message.statuses.append(status)
        told: Json = {"id": message.id, "status": status, "timestamp": self._now(), **more}
        told |= {"recipient_id": message.to.phone} if message.to.phone else {}
        told |= {"recipient_user_id": message.to.user_id} if message.to.user_id else {}
        if "biz_opaque_callback_data" in message.body:
            told["biz_opaque_callback_data"] = message.body["biz_opaque_callback_data"]
        return self._event({"statuses": [told]})

    def said(self) -> list[str]:
        """Return what citizens read of ours, oldest first."""
        return [self._shown(each.body) for each in self.sent]

    def has_template(self, name: str, text: str, **more: Any) -> None:
        """Let Meta have approved a template of ours."""
        made = {"name": name, "language": "nl", "status": "APPROVED", "category": "UTILITY", "id": str(len(name))}
        self.templates.append({**made, "components": [{"type": "BODY", "text": text}], **more})

    def _shown(self, body: Json) -> str:
        if body["type"] == "text":
            return str(body["text"]["body"])
        if body["type"] == "image":
            return str(body["image"]["caption"])
        template, values = self._template(body["template"])
        words = "\n\n".join(each["text"] for each in template["components"] if "text" in each)
        return re.sub(r"\{\{([0-9]+)\}\}", lambda blank: values[int(blank[1]) - 1], words)

    def _template(self, sent: Json) -> tuple[Json, list[str]]:
        wanted = (sent["name"], sent["language"]["code"], "APPROVED")
        found = next((t for t in self.templates if (t["name"], t["language"], t["status"]) == wanted), None)
        if found is None:
            raise Refused(132001, "Template name does not exist in the translation")
        values = [p["text"] for each in sent.get("components", ()) for p in each["parameters"]]
        body = next(each["text"] for each in found["components"] if each["type"] == "BODY")
        if len(set(re.findall(r"\{\{[0-9]+\}\}", body))) != len(values):
            raise Refused(132000, "Number of parameters does not match the expected number of params")
        return found, values

    # --- what it sends to us ---------------------------------------------------------------------

    def request(self, *events: Json) -> Request:
        """Return the signed request with which it sends these events."""
        body = {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": list(events)}]}
        if any(each in self.spoilt for each in events):
            return pushed(body)
        try:
            stored().hold_named("WebhookPayload", body)
        except Violation as violation:
            self.violations.append(f"what is sent to us: {violation}")
        return pushed(body)

    async def deliver(self, url: str, *, times: int = 1) -> list[int]:
        """Send all events to an address, each in a request, and each so many times; returns the HTTP statuses."""
        events, self.events = self.events, []
        answers = []
        async with aiohttp.ClientSession() as session:
            for event in [each for each in events for _ in range(times)]:
                sent = self.request(event)
                async with session.post(url, data=sent.body, headers=dict(sent.headers)) as response:
                    answers.append(response.status)
        return answers

    def _event(self, value: Json) -> Json:
        metadata = {"display_phone_number": SHOWN, "phone_number_id": NUMBER_ID}
        event = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        self.events.append(event)
        return event

    def _id(self) -> str:
        self._count += 1
        return f"wamid.HBgLMzE2{self._count:06}"

    def _now(self) -> str:
        return str(int(self.clock().timestamp()))

    # --- the server ------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.Response:
        response = await super()._handle(request)
        if self.reports_first_to and request.path.endswith("/messages"):
            await self.deliver(self.reports_first_to)
        return response

    def _common(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        operation = self._operation(method, path)
        if operation is None:
            return super()._common(method, path, params, body)
        try:
            stored().hold_request(operation, params, body)
        except Violation as violation:
            self.violations.append(f"{operation}: {violation}")
            raise Refused(100, f"Invalid parameter: {violation}") from violation
        answer = super()._common(method, path, params, body)
        try:
            stored().hold_answer(operation, answer)
        except Violation as violation:
            self.violations.append(f"answer of {operation}: {violation}")
        return answer

    def _operation(self, method: str, path: list[str]) -> str | None:
        whose = {NUMBER_ID: "{Phone-Number-ID}", BUSINESS: "{WABA-ID}"}.get(path[0])
        return f"{method} /{{Version}}/{whose}/{path[1]}" if whose and len(path) == 2 else None

    def _subscribed(self, method: str, ident: str, body: Json) -> Json:
        if method == "POST":
            self.apps[ident] = [{"whatsapp_business_api_data": {"id": APP_ID, "name": "Webcare"}}]
            return {"success": True}
        return {"data": self.apps.get(ident, [])}

    def answer(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        """Return the answer to a request, or raise Refused."""
        match method, path[-1]:
            case "GET", "phone_numbers":
                return {"data": [self.number]}
            case "GET", "message_templates":
                return {"data": self.templates}
            case "POST", "media":
                return {"id": self._given(body)}
            case "POST", "messages":
                return self._send(body)
        return super().answer(method, path, params, body)

    def _given(self, body: Json) -> str:
        """Take an image of at most 5 MB.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
        """
        content = base64.b64decode(body["file"])
        if body["type"] not in {"image/jpeg", "image/png"} or len(content) > 5 * 1024 * 1024:
            raise Refused(131053, "Media upload error")
        self._count += 1
        self.media[str(10**15 + self._count)] = content
        return str(10**15 + self._count)

    def _send(self, body: Json) -> Json:
        citizen = self._recipient(body)
        image = body.get("image", {})
        if image and (len(image["caption"]) > LONGEST_CAPTION or image["id"] not in self.media):
            raise Refused(100, f"Param image['caption'] must be at most {LONGEST_CAPTION} characters long.")
        if body["type"] == "text" and not 0 < len(body["text"]["body"]) <= LONGEST:
            raise Refused(100, f"Param text['body'] must be at most {LONGEST} characters long.")
        if body["type"] == "template":
            self._template(body["template"])
        message = Message(self._id(), citizen, body)
        if body["type"] != "reaction":
            self.sent.append(message)
        in_time = citizen.wrote_at is not None and self.clock() - citizen.wrote_at < WINDOW
        if body["type"] != "template" and not in_time:
            self.report(message, "failed", errors=[WINDOW_OVER])
        else:
            self._react(body.get("reaction"))
            if self.reports:
                self.report(message, "sent")
        contact = {"input": body.get("to") or body["recipient"], "wa_id": citizen.phone}
        made = {"id": message.id, "message_status": "accepted"}
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [made]}

    def _react(self, reaction: Json | None) -> None:
        """A reaction takes the place of the one before it; an empty one takes it away."""
        if reaction is not None:
            self.reactions.pop(reaction["message_id"], None)
            if reaction["emoji"]:
                self.reactions[reaction["message_id"]] = reaction["emoji"]

    def _recipient(self, body: Json) -> Citizen:
        wanted = body.get("to") or body.get("recipient")
        found = next((each for each in self.citizens.values() if wanted in {each.phone, each.user_id} - {""}), None)
        if found is None:
            raise Refused(131026, "Message undeliverable", error_data={"details": "Message Undeliverable."})
        return found
