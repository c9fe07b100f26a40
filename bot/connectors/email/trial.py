"""A mailbox on trial: what citizens mail to it, as a server would give it."""

from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from bot.connectors.email.parsing import mail_of
from bot.connectors.email.reading import post_of
from bot.connectors.email.threads import Subjects
from bot.connectors.trial import Trial, Way, Written
from bot.domain.mention import Post
from bot.domain.text import text

US = "webcare@gemeente.example"


def _mail(written: Written) -> Post:
    mail = EmailMessage()
    mail["From"], mail["To"] = formataddr((written.name, written.handle)), US
    mail["Subject"], mail["Date"] = written.subject, format_datetime(written.at)
    mail["Message-ID"] = f"<{written.id}@plein.example>"
    if written.parent:
        mail["In-Reply-To"] = f"<{written.parent}@plein.example>"
    mail.set_content(written.text)
    return post_of(mail_of(mail.as_bytes()), written.at, US, Subjects())


TRIAL = Trial(
    about=text("All is private, and a mail may be as long as you like, at any time. What was sent cannot be changed."),
    ways=(Way("mail", text("Mail"), _mail, private=True, has_subject=True, edits=False, removes=False),),
    handle="{handle}@plein.example",
)
