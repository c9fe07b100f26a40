"""A page on trial: what citizens write to it, as Facebook would give it."""

from datetime import timedelta

from bot.connectors.facebook.messenger import MAX_MESSAGE
from bot.connectors.facebook.posts import PRIVATELY_FOR, Page, author_of, comment_of, post_of
from bot.connectors.facebook.server import REFUSALS
from bot.connectors.facebook.writing import MAX_COMMENT
from bot.connectors.json_api import Json
from bot.connectors.meta.messages import WINDOW, message_of
from bot.connectors.trial import BELOW_OURS, Hidden, Trial, Way, Written
from bot.domain.mention import Post
from bot.domain.text import text

PAGE = Page("page", has_messages=True)


def _payload(written: Written) -> Json:
    by = {"id": written.author, "name": written.name}
    return {"id": written.id, "from": by, "message": written.text, "created_time": written.at.isoformat()}


def _comment(written: Written) -> Post:
    post = {"id": written.root, "from": {"id": PAGE.id, "name": written.us}, "message": written.ours}
    above = {"parent": {"id": written.parent}} if written.parent else {}
    return comment_of(_payload(written) | above, PAGE, post)


def _visit(written: Written) -> Post:
    return post_of(_payload(written), PAGE, is_ours=True)


def _message(written: Written) -> Post:
    payload = _payload(written)
    return message_of(payload, author_of(payload["from"], written.id), written.author, WINDOW)


TRIAL = Trial(
    about=text(
        "An answer may have {most} characters. A post takes one private answer too, within {days} days. It comes in "
        "Messenger: there {fewer} characters, until {hours} hours after the citizen's last message.",
        most=MAX_COMMENT, days=PRIVATELY_FOR.days, fewer=MAX_MESSAGE, hours=WINDOW // timedelta(hours=1),
    ),
    ways=(
        Way("comment", BELOW_OURS, _comment, below=True),
        Way("post", text("Post on the team's page"), _visit, answered_by="comment"),
        Way("message", text("Message in Messenger"), _message, private=True, removes=False),
    ),
    options={"page_id": PAGE.id, "messages": PAGE.has_messages, "images": True},
    hidden=Hidden(text("Only the author and their friends still see it.")),
    once=REFUSALS[10900, None],
)  # fmt: skip
