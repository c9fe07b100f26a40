"""Why WhatsApp does not send a message, in words for the agent: from the answer to our request, or a later report.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from collections.abc import Mapping
from typing import Any

from bot.connectors.json_api import within
from bot.domain.payload import UNSTORABLE
from bot.domain.text import Text, text

TEMPLATES_ONLY = text("The citizen wrote more than 24 hours ago. After that WhatsApp takes templates only.")
NO_LIKES = text("The citizen wrote more than 24 hours ago. After that WhatsApp takes no like, and takes none back.")
REFUSALS: Mapping[tuple[int, int | None], Text] = {
    (131047, None): TEMPLATES_ONLY,
    (131026, None): text(
        "WhatsApp cannot deliver this to the citizen: they have an old version, or did not agree to its new terms."
    ),
    (131030, None): text(
        "This is a number for tests, and the citizen's number is not on the list of those it may write to."
    ),
}
"""Our words for the codes that agents can do something about; for others we use WhatsApp's words."""
PACE = frozenset({130429, 131056})
"""Too many messages at once: from our number, or to one citizen (one message in six seconds)."""


def why(error: Any) -> Text:
    """Return why a message failed, from the object in the payload."""
    code = within(error, "code")
    if isinstance(code, int) and (said := REFUSALS.get((code, None))):
        return said
    given = within(error, "error_data", "details") or within(error, "message") or within(error, "title") or code
    reason = UNSTORABLE.sub("", " ".join(str(given).split()))
    return text("{host} says: {reason}", host="WhatsApp", reason=reason[:300])
