"""An account on trial: what citizens write to it, as Bluesky would give it."""

from bot.connectors.bluesky.posts import POST, message_of, post_of
from bot.connectors.bluesky.writing import IN_MESSAGE, IN_POST
from bot.connectors.json_api import Json
from bot.connectors.trial import BELOW_OURS, NAMES_US, PRIVATELY, Hidden, Trial, Way, Written
from bot.domain.mention import Post
from bot.domain.text import text

US = "did:plc:us"
ELSEWHERE = "did:plc:elsewhere"


def _post(written: Written) -> Post:
    at, by = written.at.isoformat(), US if written.ours else ELSEWHERE
    record: Json = {"text": written.text, "createdAt": at}
    if written.root:
        record["reply"] = {"root": _ref(by, written.root), "parent": _ref(by, written.parent or written.root)}
    view = {**_ref(written.author, written.id), "author": _profile(written), "record": record, "indexedAt": at}
    return post_of(view, US, parent=None, by_message=True)


def _ref(did: str, ident: str) -> Json:
    return {"uri": f"at://{did}/{POST}/{ident}", "cid": ident}


def _profile(written: Written) -> Json:
    return {"did": written.author, "handle": written.handle, "displayName": written.name}


def _message(written: Written) -> Post:
    message = {"id": written.id, "sender": {"did": written.author}, "text": written.text}
    message |= {"sentAt": written.at.isoformat()}
    return message_of(message, {"id": written.author, "members": [_profile(written)]})


TRIAL = Trial(
    about=text(
        "An answer may have {most} characters; an emoji is one. A private answer may have {more}, at any time. Only "
        "what stands below a post of the team can be hidden. Posts are not edited.",
        most=IN_POST[0], more=IN_MESSAGE[0],
    ),
    ways=(
        Way("reply", BELOW_OURS, _post, below=True, edits=False),
        Way("mention", NAMES_US, _post, edits=False),
        Way("message", PRIVATELY, _message, private=True, edits=False, removes=False),
    ),
    handle="{handle}.plein.example",
    options={"messages": True},
    hidden=Hidden(text("Others see it only when they ask for it."), opens=True),
)  # fmt: skip
