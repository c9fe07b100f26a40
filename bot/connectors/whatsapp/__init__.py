"""WhatsApp: messages of citizens and reports about our answers in, answers out, over Meta's Cloud API.

https://developers.facebook.com/documentation/business-messaging/whatsapp/

Quirks that shape this package:
- Messages are only pushed; a missed one cannot be read later. For days Meta repeats a push that was not accepted.
- An answer may have any text within 24 hours of the citizen's last message; after that WhatsApp only takes templates.
- No key makes it safe to repeat a request, and a sent message cannot be looked up. But what we put in
  `biz_opaque_callback_data` comes back in each report about the message, which proves that it was taken.
- Reports, in any order, say whether a message arrived; some accepted messages fail later.
- A reaction replaces the earlier one, so it may be sent again.
- A citizen may have no number for us but an id (BSUID), which is valid only for our business.
"""

from datetime import datetime, timedelta

import httpx

from bot.connectors import http
from bot.connectors.base import (
    Account,
    Draft,
    Health,
    Identity,
    Measure,
    OutcomeUnknown,
    Rejected,
    Sent,
    Unknowable,
    Usage,
)
from bot.connectors.json_api import Json, giving_image, within
from bot.connectors.meta import health
from bot.connectors.meta.graph import TOO_OFTEN, URL_OPTION, VERSION_OPTION, Graph, after, error_of, listed
from bot.connectors.meta.hooks import Hooks
from bot.connectors.meta.setup import VERIFY_TOKEN
from bot.connectors.platform import Capability, Option, OptionKind, Platform, Quality, Tools
from bot.connectors.whatsapp import templates
from bot.connectors.whatsapp.messages import LONGEST, items_of, number_in, recipient_of
from bot.connectors.whatsapp.refusals import NO_LIKES, PACE, REFUSALS, TEMPLATES_ONLY
from bot.connectors.whatsapp.trial import TRIAL
from bot.domain.image import Image, Images
from bot.domain.mention import Act, Post
from bot.domain.text import text

IMAGES = Images(described=0, words=1024)
"""https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/image-messages"""
RIGHTS = ("whatsapp_business_messaging", "whatsapp_business_management")
WORD_COMES = timedelta(minutes=3)
"""How long we wait for a report that proves an answer before we ask a person."""
ONE_IN = timedelta(seconds=6)
PAGES = 10
NUMBER = "id,display_phone_number,verified_name,status,quality_rating,account_mode"
"""https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/phone_numbers"""
CLOSED = frozenset({"BANNED", "DELETED", "DISCONNECTED", "MIGRATED", "UNLINKED"})
LIMITED = frozenset({"FLAGGED", "RATE_LIMITED", "RESTRICTED"})
NOT_KNOWN = 0
"""The code for a token that WhatsApp does not know (any more):
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"""
HELD = frozenset({"held_for_quality_assessment", "paused"})
"""What WhatsApp says of a message that it took but does not deliver yet, and perhaps never will."""
HEARTS = {Act.LIKE: "❤️", Act.UNLIKE: ""}
"""The reaction that each act leaves on a message; an empty one removes ours:
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/reaction-messages"""


class Api(Graph):
    """Graph as WhatsApp uses it: with its own codes."""

    too_often = TOO_OFTEN | PACE
    refusals = REFUSALS

    def reason_of(self, response: httpx.Response) -> str:
        """Return why WhatsApp refuses, with the details that it gives separately."""
        details = within(error_of(response), "error_data", "details")
        reason = super().reason_of(response)
        return f"{reason} {details}" if isinstance(details, str) and details not in reason else reason

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether a refusal means that our token no longer works; WhatsApp has its own code for that."""
        return error_of(response).get("code") == NOT_KNOWN or super().is_our_token(response)

    def retry_at(self, response: httpx.Response) -> datetime:
        """Return when we may try again; too many messages at once need only a short wait."""
        if error_of(response).get("code") in PACE:
            return http.within_reason(self.now() + ONE_IN, self.now())
        return super().retry_at(response)


class WhatsApp:
    """One of our numbers on WhatsApp.

    Secrets: `token`, `app_secret`, `verify_token`. Options: `phone_number_id`, `business_account_id`, `app_id`,
    `previews` of links, `templates` (names), and those of Graph.
    """

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._now = account, tools.now
        self._graph = Api(account, tools)
        self._number_id = str(account.options.get("phone_number_id", ""))
        self._business = str(account.options.get("business_account_id", ""))
        self._app_id = str(account.options.get("app_id", ""))

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        return self._graph.usage

    # --- answering -------------------------------------------------------------------------------

    def images(self, *, private: bool) -> Images | None:
        """Return which images WhatsApp shows with words under them; it has no descriptions."""
        return IMAGES if private else None

    async def send(self, draft: Draft) -> Sent:
        """Send the answer, with its key: a report with the key proves that it was taken."""
        body = self._body(draft)
        if draft.image is not None:
            async with giving_image():
                body["image"]["id"] = await self._given(draft.image)
        answer = await self._graph.post(f"{self._number_id}/messages", body)
        made = next(iter(listed({"data": answer.get("messages")})), {})
        return Sent(self._graph.id_in(made), held=str(made.get("message_status")) in HELD)

    def _body(self, draft: Draft) -> Json:
        """Return the message: https://developers.facebook.com/documentation/business-messaging/whatsapp/reference

        A template when the time for other texts is over; raises Rejected when the words are no template.
        """
        message: Json = {
            **_to(draft.to),
            "context": {"message_id": draft.to.external_id},
            "biz_opaque_callback_data": draft.key,
        }
        in_time = any(permit.holds(self._now()) for permit in draft.to.permits)
        if in_time and draft.image is not None:
            return {**message, "type": "image", "image": {"caption": draft.text}}
        if in_time:
            previews = bool(self._account.options.get("previews"))
            return {**message, "type": "text", "text": {"body": draft.text, "preview_url": previews}}
        for template in templates.known(self._account.limits) if draft.image is None else ():
            if (values := template.filled_in(draft.text)) is not None:
                return {**message, "type": "template", "template": templates.body_of(template, values)}
        raise Rejected(TEMPLATES_ONLY.message)

    async def _given(self, image: Image) -> str:
        """Upload an image to WhatsApp, and return its id; it is stored there for 30 days.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
        """
        files = {"file": (image.file_name, image.content, image.kind)}
        fields = {"messaging_product": "whatsapp", "type": image.kind}
        answer = await self._graph.call("POST", f"{self._number_id}/media", files=files, data=fields)
        return self._graph.id_in(self._graph.object(answer))

    async def find(self, draft: Draft) -> Sent | None:
        """Wait for the report that proves the answer; after a few minutes without one a person must look."""
        if self._now() - draft.first_tried_at < WORD_COMES:
            raise OutcomeUnknown("We wait until WhatsApp reports that it has the answer.")
        raise Unknowable("WhatsApp did not report the answer")

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters."""
        return Measure(len(text), LONGEST)

    # --- liking ----------------------------------------------------------------------------------

    async def act(self, act: Act, post: Post) -> None:
        """Put a heart on a citizen's message, or remove it."""
        if act not in HEARTS:
            raise Rejected("This platform cannot do this.")
        if not any(permit.act is Act.LIKE and permit.holds(self._now()) for permit in post.permits):
            raise Rejected(NO_LIKES.message)
        reaction = {"message_id": post.external_id, "emoji": HEARTS[act]}
        await self._graph.post(f"{self._number_id}/messages", {**_to(post), "type": "reaction", "reaction": reaction})

    # --- checking --------------------------------------------------------------------------------

    async def check(self) -> Health:
        """Try the token, check the number, and make sure that its messages are pushed to us."""
        token = await health.of_token(self._graph, self._app_id, RIGHTS)
        if token.problems:
            return token
        number = await self._checked_number()
        texts = await templates.checked(self._graph, self._business, self._account.options.get("templates", ()))
        pushes = await health.of_pushes(self._graph, self._business, self._app_id)
        return health.merged(token, number, texts, pushes)

    async def _checked_number(self) -> Health:
        number = await self._number()
        if number is None:
            return Health(problems=(text("The WhatsApp Business account has no phone number with this id."),))
        shown, name = str(number.get("display_phone_number") or "?"), str(number.get("verified_name") or "?")
        digits = "".join(each for each in shown if each.isdecimal() or each == "+")
        identity = Identity(self._number_id, digits, name)
        status, rating = str(number.get("status")), str(number.get("quality_rating"))
        if status in CLOSED:
            closed = text("WhatsApp closed the number {number} ({status}); see its WhatsApp Manager.",
                          number=shown, status=status)  # fmt: skip
            return Health(problems=(closed,), identity=identity)
        warnings = []
        if status in LIMITED:
            warnings.append(text("WhatsApp limits what this number may send ({status}).", status=status))
        if rating in {"YELLOW", "RED"}:
            warnings.append(
                text("WhatsApp rates the quality of this number as {rating}: citizens block or report its messages.",
                     rating=rating)
            )  # fmt: skip
        if number.get("account_mode") == "SANDBOX":
            warnings.append(text("This is a number for tests: it may write only to the numbers on its list."))
        working = text("The number is {number}, {name}.", number=shown, name=name)
        return Health((working,), tuple(warnings), identity=identity)

    async def _number(self) -> Json | None:
        """Return our number among those of the business account."""
        asked: Json = {"fields": NUMBER, "limit": 100}
        for _ in range(PAGES):
            answer = await self._graph.get(f"{self._business}/phone_numbers", **asked)
            number = next((each for each in listed(answer) if str(each.get("id")) == self._number_id), None)
            if number is not None or not after(answer):
                return number
            asked["after"] = after(answer)
        return None


def _to(post: Post) -> Json:
    """Return the fields of every message to the author of a post."""
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **recipient_of(post)}


def first_steps(account: Account) -> tuple[str, ...]:
    """Return what to enter at Meta, with the verify token."""
    several = account.address.rpartition("/")[0]
    return (
        "In your app at developers.facebook.com, under WhatsApp, Configuration, fill in:",
        f"  Callback URL: {account.address}",
        f"  (or, when more numbers of this app are connected here: {several})",
        f"  Verify token: {account.secrets.get('verify_token', '')}",
        "and subscribe to the field messages. Then: webcare accounts check",
    )


PLATFORM = Platform(
    name="whatsapp",
    title="WhatsApp",
    sign="💬",
    docs="https://developers.facebook.com/documentation/business-messaging/whatsapp/",
    about="Connect a number of yours on WhatsApp, over Meta's Cloud API: what citizens write to it, and your answers.",
    first_steps=first_steps,
    templates=templates.known,
    capabilities=frozenset({Capability.PUSHES, Capability.MESSAGES, Capability.MESSAGE_IMAGES, Capability.LIKES}),
    options=(
        Option(
            "phone_number_id", "Phone number ID", help="Phone number ID, as Meta shows it under WhatsApp, API Setup."
        ),
        Option(
            "business_account_id", "WhatsApp Business account ID", help="WhatsApp Business account ID, from that page."
        ),
        Option("app_id", "App ID", help="App ID, as Meta shows it under App settings, Basic."),
        Option("app_secret", "App secret", OptionKind.TOKEN, help="App secret, from App settings, Basic.", secret=True),
        Option(
            "token",
            "Access token of the system user",
            OptionKind.TOKEN,
            help="Access token of a system user, with whatsapp_business_messaging and whatsapp_business_management.",
            secret=True,
        ),
        VERIFY_TOKEN,
        Option(
            "templates",
            kind=OptionKind.WORDS,
            help="Name of a template that colleagues may send after 24 hours; all for service when left out.",
            flag="template",
        ),
        Option("previews", kind=OptionKind.FLAG, default=False, help="Links in answers get a preview."),
        VERSION_OPTION,
        URL_OPTION,
    ),
    connect=WhatsApp,
    quality=Quality(pairs=True, specification="Meta's OpenAPI file of the Cloud API, v23.0"),
    receiver=Hooks("whatsapp_business_account", items_of, number_in),
    trial=TRIAL,
    edits=True,
    limits="4,096 characters, within 24 hours of the citizen's last message",
    latency="at once",
)
