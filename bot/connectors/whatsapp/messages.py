"""Turn what WhatsApp pushes into posts, and into reports about our own messages.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids

Pictures, sound and files can only be fetched with our token, so a post says that they are there but has no link.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.connectors import http
from bot.connectors.base import Account
from bot.connectors.json_api import Json, web, within
from bot.connectors.meta.hooks import UNREADABLE, Update
from bot.connectors.whatsapp.refusals import why
from bot.domain.mention import Act, Arrived, Author, Delivery, Gone, Media, Post, PostKind, Quote, permits
from bot.domain.payload import MAX_NAME, UNSTORABLE, moment

WINDOW = timedelta(hours=24)
"""How long after a citizen's message we may write any text:
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages#customer-service-windows"""
LONGEST = 4096
"""https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/text-messages"""
MAX_TEXT = 10_000
MAX_ITEMS = 20
"""How many people in a message, or items in an order, are named."""
PHONE = re.compile(r"\+?[0-9]{4,20}")
FILES = frozenset({"image", "video", "audio", "document", "sticker"})
NO_POSTS = frozenset({"reaction", "request_welcome", "system"})
"""Ignored kinds: a citizen's reaction is a sign on a known message, may change or go at any moment, and has no clear
meaning; a system message is not the citizen's; and a citizen who only opens the conversation has said nothing yet."""
NOT_PASSED_ON = {"edit": "edit", "poll_creation": "poll"}
"""What we call a message of which WhatsApp only says what it was. So come edits to a number that is not in the WhatsApp
Business app too: the new words stay unknown, and so does the message that they replace.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/unsupported"""
NO_WORDS = frozenset({"keep_in_chat", "pin", "reaction"})
"""Ignored among those: like a reaction, signs on a known message."""
ARRIVED: Mapping[str, Arrived | None] = {
    "sent": None,
    "delivered": Arrived.DELIVERED,
    "read": Arrived.READ,
    "played": Arrived.READ,
    "failed": Arrived.FAILED,
}
"""https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status"""

Reader = Callable[[Json, list[Json], datetime], Post | Delivery | None]

log = structlog.get_logger()


@dataclass(frozen=True)
class Person:
    """A citizen. `id` is their WhatsApp id for our business, else their number; `phone` may be "".

    People with a user name may hide their number from us.
    """

    id: str
    phone: str
    name: str
    username: str

    def author(self) -> Author:
        """Return them as the author of a post; without a name, the last digits of their number are shown."""
        handle = f"@{self.username}" if self.username else ""
        return Author(self.id, self.name or self.username or f"…{self.phone[-4:]}", handle)


def number_in(update: Update) -> str:
    """Return the id of our number that an update is about."""
    return str(within(update.value, "metadata", "phone_number_id") or "")


def items_of(account: Account, update: Update, now: datetime) -> Iterator[Post | Delivery]:
    """Yield the messages of citizens and the reports about ours; one that cannot be read does not affect the others."""
    if update.field != "messages":
        return
    contacts = _objects(update.value.get("contacts"))
    readers: Mapping[str, Reader] = {"messages": _post, "statuses": _delivery}
    for key, read in readers.items():
        for each in _objects(update.value.get(key)):
            try:
                item = read(each, contacts, now)
            except UNREADABLE as error:
                log.warning("message not understood", account=account.id, kind=_word(each), error=type(error).__name__)
            else:
                if item is not None:
                    yield item


def recipient_of(to: Post) -> Json:
    """Return how a request names the author of a post: by number if we know it, else by id."""
    phone = (to.place or {}).get("phone") or (to.author.external_id if PHONE.fullmatch(to.author.external_id) else "")
    return {"to": phone} if phone else {"recipient": to.author.external_id}


# --- messages of citizens --------------------------------------------------------------------------


def _post(message: Json, contacts: list[Json], now: datetime) -> Post | None:
    """Return a message as a post; an edit or removal as the post that it is about. None for an ignored kind."""
    kind = message["type"]
    if kind in NO_POSTS or _not_passed_on(message) in NO_WORDS or message.get("group_id"):
        return None
    person, at = _person(message, contacts), _at(message, now)
    changed = message[kind]["original_message_id"] if kind in {"edit", "revoke"} else None
    shown = message["edit"]["message"] if kind == "edit" else message
    words, media = ("", ()) if kind == "revoke" else _readable(shown)
    return Post(
        external_id=_id(changed or message["id"]),
        author=person.author(),
        text=_clean(words)[:MAX_TEXT],
        published_at=at,
        conversation=person.id,
        in_reply_to=_id(within(shown, "context", "id") or "") or None,
        replies_to=_advert(message.get("referral")),
        private=True,
        media=media,
        permits=permits(Act.ANSWER_PRIVATELY, Act.LIKE, until=at + WINDOW) if kind != "revoke" else frozenset(),
        edited_at=at if kind == "edit" else None,
        gone=Gone.BY_AUTHOR if kind == "revoke" else None,
        kind=PostKind.MESSAGE,
        place={"phone": person.phone} if person.phone else None,
    )


def _person(message: Json, contacts: list[Json]) -> Person:
    """Return who wrote a message; raises ValueError when it does not say."""
    named = {str(each) for each in (message.get("from_user_id"), message.get("from")) if each}
    of_them = (each for each in contacts if named & {str(each.get("user_id")), str(each.get("wa_id"))})
    contact = next(of_them, contacts[0] if len(contacts) == 1 else {})
    given = [str(each) for each in (message.get("from"), contact.get("wa_id")) if each]
    phone = next((each for each in given if PHONE.fullmatch(each)), "")
    other = next((each for each in given if not PHONE.fullmatch(each)), "")
    ident = _id(message.get("from_user_id") or contact.get("user_id") or other or phone)
    if not ident:
        raise ValueError("nobody wrote it")
    name, username = within(contact, "profile", "name"), within(contact, "profile", "username")
    return Person(ident, phone, _line(name), _line(username).lstrip("@"))


def _readable(message: Json) -> tuple[str, tuple[Media, ...]]:
    """Return the words of a message; if we cannot read them, a note that something came in."""
    try:
        return _said(message)
    except UNREADABLE as error:
        log.warning("words not understood", kind=_word(message), error=type(error).__name__)
        return "", (Media("", "unsupported", _word(message)),)


def _said(message: Json) -> tuple[str, tuple[Media, ...]]:
    """Return the words of a message and its media; for an unknown kind, only that there is something.

    The fields: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
    """
    kind = message["type"]
    content: Any = message.get(kind)
    if kind in FILES:
        return str(content.get("caption") or ""), (Media("", kind, _line(content.get("filename"))),)
    match kind:
        case "text":
            return str(content["body"]), ()
        case "button":
            return str(content["text"]), ()
        case "interactive" if reply := content.get("list_reply") or content.get("button_reply"):
            return "\n".join(str(reply[each]) for each in ("title", "description") if reply.get(each)), ()
        case "location":
            return _place(content), ()
        case "contacts":
            return "\n".join(_card(each) for each in content[:MAX_ITEMS]), ()
        case "order":
            items = _objects(content.get("product_items"))[:MAX_ITEMS]
            lines = [f"🛒 {each.get('quantity')} × {each.get('product_retailer_id')}" for each in items]
            return "\n".join(lines), ()
        case _ if known := NOT_PASSED_ON.get(_not_passed_on(message)):
            return "", (Media("", known),)
        case _:
            error = next(iter(_objects(message.get("errors"))), {})
            reason = within(error, "error_data", "details") or error.get("title")
            return "", (Media("", "unsupported", _line(reason or kind)),)


def _not_passed_on(message: Json) -> str:
    """Return what a message was that WhatsApp does not pass on; "" for any other, or where it does not say that."""
    kind = within(message, "unsupported", "type") if message["type"] == "unsupported" else None
    return kind if isinstance(kind, str) else ""


def _place(location: Json) -> str:
    parts = [_line(location.get(each)) for each in ("name", "address")]
    where = f"{float(location['latitude']):.5f}, {float(location['longitude']):.5f}"
    return "📍 " + "\n".join(part for part in (*dict.fromkeys(parts), where, web(location.get("url"))) if part)


def _card(contact: Json) -> str:
    """Return a contact that a citizen sent, on one line."""
    numbers = [_line(each.get("phone")) for each in _objects(contact.get("phones"))]
    mails = [_line(each.get("email")) for each in _objects(contact.get("emails"))]
    parts = (_line(contact["name"]["formatted_name"]), _line(within(contact, "org", "company")), *numbers, *mails)
    return "👤 " + ", ".join(part for part in parts if part)


def _advert(referral: Any) -> Quote | None:
    """Return the post or advertisement with the button that the citizen used to write to us."""
    if not isinstance(referral, dict):
        return None
    words = "\n".join(part for part in (_line(referral.get("headline")), _line(referral.get("body"))) if part)
    url = web(referral.get("source_url"))
    return Quote(http.host(url), words, url)


# --- reports about our messages --------------------------------------------------------------------


def _delivery(status: Json, contacts: list[Json], now: datetime) -> Delivery | None:
    """Return how far one of our messages got. `biz_opaque_callback_data` is what we sent: the reply's key."""
    if status.get("recipient_type") == "group":
        return None
    arrived = ARRIVED[status["status"]]
    error = next(iter(_objects(status.get("errors"))), {})
    reason = why(error) if arrived is Arrived.FAILED and error else None
    key = status.get("biz_opaque_callback_data")
    return Delivery(_id(status["id"]), arrived, _at(status, now), reason, key if isinstance(key, str) else "")


# --- careful reading -------------------------------------------------------------------------------


def _at(payload: Json, now: datetime) -> datetime:
    return min(moment(payload["timestamp"], UTC), now)


def _id(value: Any) -> str:
    return UNSTORABLE.sub("", str(value))[:500]


def _clean(value: Any) -> str:
    return UNSTORABLE.sub("", str(value))


def _line(value: Any) -> str:
    """Return text on one line, "" for anything else."""
    return " ".join(_clean(value).split())[:MAX_NAME] if isinstance(value, str) else ""


def _word(payload: Json) -> str:
    """Return the kind of a message or report for the log, without anything of its content."""
    kind = payload.get("type") or payload.get("status")
    return kind if isinstance(kind, str) and re.fullmatch("[a-z_]{1,40}", kind) else "?"


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
