"""An account on trial: what citizens write to it, as Instagram would give it."""

from datetime import timedelta

from bot.connectors.base import Account
from bot.connectors.instagram.posts import PRIVATELY_FOR, author_of, comment_of, named_in
from bot.connectors.instagram.server import REFUSALS
from bot.connectors.instagram.writing import MAX_COMMENT, MAX_MESSAGE
from bot.connectors.json_api import Json
from bot.connectors.meta.messages import WINDOW, message_of
from bot.connectors.trial import BELOW_OURS, NAMES_US, PRIVATELY, Hidden, Trial, Way, Written
from bot.domain.mention import Author, Post
from bot.domain.text import text

ACCOUNT = Account(0, "", "", "", options={"instagram_id": "account", "messages": True})
ADDRESS = "https://www.instagram.com/"
"""The address of every post; a real account has other addresses."""


def _comment(written: Written) -> Post:
    payload: Json = {
        "id": written.id,
        "from": {"id": written.author, "username": written.handle},
        "text": written.text,
        "timestamp": written.at.isoformat(),
        **({"parent_id": written.parent} if written.parent else {}),
    }
    media = {"id": written.root, "caption": written.ours, "username": written.us, "permalink": ADDRESS}
    return comment_of(payload, ACCOUNT, media)


def _mention(written: Written) -> Post:
    pushed = Post(written.id, Author("", ""), "", written.at, place={"is": "mention", "media": written.id})
    payload = {"username": written.handle, "caption": written.text, "permalink": ADDRESS}
    payload |= {"timestamp": written.at.isoformat()}
    return named_in(payload, pushed)


def _message(written: Written) -> Post:
    by = author_of({"id": written.author, "username": written.handle}, "")
    payload = {"id": written.id, "message": written.text, "created_time": written.at.isoformat()}
    return message_of(payload, by, written.author, WINDOW)


TRIAL = Trial(
    about=text(
        "An answer may have {most} characters. A comment takes one private answer too, within {days} days. It comes "
        "as a private message: there {fewer} bytes, until {hours} hours after the citizen's last message.",
        most=MAX_COMMENT, days=PRIVATELY_FOR.days, fewer=MAX_MESSAGE, hours=WINDOW // timedelta(hours=1),
    ),
    ways=(
        Way("comment", BELOW_OURS, _comment, below=True),
        Way("mention", NAMES_US, _mention),
        Way("message", PRIVATELY, _message, private=True),
    ),
    handle="{handle}",
    options=ACCOUNT.options,
    hidden=Hidden(text("Others no longer see it.")),
    once=REFUSALS[10900, None],
)  # fmt: skip
