"""The message to an agent when Slack refused or did not answer: what failed, whether it was done, and what to do.

The errors: https://docs.slack.dev/reference/methods, each with its own page.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.text import Text, text

_EXPIRED = text("Slack waited too long for the window, so it did not open and nothing was changed. Please click again.")
_PERMISSION = text(
    "The Slack app lacks a permission for this, so it was not done. An administrator can mend it with `webcare check`."
)
_TOKEN = text("Slack refuses our token, so it was not done. An administrator can mend it with `webcare check`.")
_NOT_THERE = text(
    "I am not in that channel, so nothing was posted there. Type /invite @webcare there, then try it again."
)
_ARCHIVED = text("That channel is archived, so nothing was posted there. Choose another channel.")
_NOT_ALLOWED = text("I may not write in that channel, so nothing was posted there. Choose another channel.")
_MESSAGE_GONE = text("That message is no longer in Slack, so nothing was changed there.")
_WINDOW_GONE = text("That window was closed or changed meanwhile. Open it again to see how it stands now.")
_PERSON = text("Slack does not know that colleague any more, so it was not done. Choose another.")
_GROUP = text("Slack does not know that user group any more, so it was not done. Choose another.")
_BUSY = text("Slack takes no more from us just now, so it was not done. Try it again in a minute.")
_DOWN = text("Slack does not answer just now, so it was not done. Try it again in a minute.")
_MAYBE = text("Slack does not answer just now, so it may or may not have been posted. Look first, then try it again.")

WORDS: Mapping[str, Text] = MappingProxyType(
    {
        "expired_trigger_id": _EXPIRED,
        "trigger_expired": _EXPIRED,
        "exchanged_trigger_id": _EXPIRED,
        "trigger_exchanged": _EXPIRED,
        "invalid_trigger_id": _EXPIRED,
        "missing_scope": _PERMISSION,
        "no_permission": _PERMISSION,
        "permission_denied": _PERMISSION,
        "account_inactive": _TOKEN,
        "invalid_auth": _TOKEN,
        "not_authed": _TOKEN,
        "token_expired": _TOKEN,
        "token_revoked": _TOKEN,
        "not_in_channel": _NOT_THERE,
        "channel_not_found": _NOT_THERE,
        "is_archived": _ARCHIVED,
        "is_inactive": _ARCHIVED,
        "restricted_action": _NOT_ALLOWED,
        "restricted_action_read_only_channel": _NOT_ALLOWED,
        "message_not_found": _MESSAGE_GONE,
        "thread_not_found": _MESSAGE_GONE,
        "not_found": _WINDOW_GONE,
        "view_not_found": _WINDOW_GONE,
        "hash_conflict": _WINDOW_GONE,
        "user_not_found": _PERSON,
        "user_disabled": _PERSON,
        "users_not_found": _PERSON,
        "no_such_subteam": _GROUP,
        "subteam_not_found": _GROUP,
        "ratelimited": _BUSY,
        "unreachable": _DOWN,
    }
)
"""By Slack's error, or by "unreachable" when Slack did not answer."""
OTHER = text(
    "Something went wrong on our side, and it is not certain that it was done. Look at the card first, then try again."
)


def words_of(error: str, *, maybe_done: bool = False) -> Text:
    """Return the words for an error; `maybe_done`: something may have been posted nevertheless."""
    return _MAYBE if error == "unreachable" and maybe_done else WORDS.get(error, OTHER)
