"""A number on trial: what citizens write to it, as WhatsApp would push it."""

from dataclasses import asdict
from datetime import timedelta

from bot.connectors.base import Account
from bot.connectors.meta.hooks import Update
from bot.connectors.trial import Trial, Way, Written
from bot.connectors.whatsapp.messages import LONGEST, WINDOW, items_of
from bot.domain.mention import Post
from bot.domain.reply import Template
from bot.domain.text import text

TEMPLATES = (
    Template("antwoord_klaar", "nl",
             "Dag {{1}}, we hebben een antwoord op uw vraag over {{2}}. Stuur ons een bericht, dan vertellen we het."),
    Template("meer_tijd_nodig", "nl", "Dag {{1}}, we zoeken het nog voor u uit. Uiterlijk {{2}} hoort u meer."),
)  # fmt: skip
"""Templates as if Meta had approved them."""


def _message(written: Written) -> Post:
    message = {
        "id": written.id, "type": "text", "text": {"body": written.text}, "from_user_id": written.author,
        "timestamp": str(int(written.at.timestamp())),
    }  # fmt: skip
    contact = {"user_id": written.author, "profile": {"name": written.name}}
    update = Update("", "messages", {"messages": [message], "contacts": [contact]}, None)
    [post] = [item for item in items_of(Account(0, "", "", ""), update, written.at) if isinstance(item, Post)]
    return post


TRIAL = Trial(
    about=text(
        "All is private. An answer may have {most} characters, until {hours} hours after the citizen's last message. "
        "After that only a template goes out.",
        most=LONGEST, hours=WINDOW // timedelta(hours=1),
    ),
    ways=(Way("message", text("Message"), _message, private=True),),
    limits={"templates": [asdict(each) for each in TEMPLATES]},
)  # fmt: skip
