"""The copy of each answer in the folder for sent mail, by which an earlier attempt is recognised.

The copy is stored before the mail is sent, marked \\Draft, and the mark is removed once the server has the mail. So no
copy means "surely not sent", a copy without the mark "sent", and one with it "unknown". Of two processes that send at
once, the one whose copy has the lower UID continues.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.connectors.base import Rejected
from bot.connectors.email.imap import Box

COMMON = ("Sent", "Sent Items", "Sent Messages", "Verzonden items", "Verzonden", "INBOX.Sent", "INBOX/Sent")
"""The folder's names on servers that do not mark it: https://www.rfc-editor.org/rfc/rfc6154"""
MARKED = r"(\Seen \Draft)"


@dataclass(frozen=True)
class Copies:
    """The UIDs of an answer's copies, in order: those that were sent, and those of attempts with an unknown end."""

    sent: list[int]
    begun: list[int]


@dataclass(frozen=True)
class SentFolder:
    """The folder named in the options; "": the one that the server marks, or one with a common name."""

    named: str = ""

    def name(self, box: Box) -> str:
        """Return the folder; raises Rejected when there is none."""
        folders = box.folders()
        marked = [name for name, flags in folders.items() if any(flag.lower() == "\\sent" for flag in flags)]
        wanted = [self.named] if self.named else [*marked, *COMMON]
        folder = next((name for name in wanted if name in folders), None)
        if folder is None:
            raise Rejected("The mailbox has no folder for what was sent; name it in the option sent.")
        return folder

    def copies(self, box: Box, message_id: str) -> Copies:
        """Return the copies of an answer, and leave the folder open for writing."""
        box.folder.set(self.name(box))
        about = ("HEADER", "Message-ID", f'"{message_id}"', "UNDELETED")
        return Copies(box.found(*about, "UNDRAFT"), box.found(*about, "DRAFT"))

    def begin(self, box: Box, message_id: str, mail: bytes) -> Copies:
        """Store the marked copy, and return the earlier copies: if there are none, the mail may be sent now."""
        before = self.copies(box, message_id)
        if before.sent or before.begun:
            return before
        uid = box.append_copy(self.name(box), mail, MARKED)
        now = self.copies(box, message_id)
        is_first = now.begun[:1] == [uid] if uid else len(now.begun) == 1
        if is_first and not now.sent:
            return before
        self._remove(box, [uid] if uid else [])
        return now

    def end(self, box: Box, message_id: str) -> None:
        """Remove the mark: the server has the mail."""
        if begun := self.copies(box, message_id).begun:
            box.flag([str(uid) for uid in begun], "\\Draft", False)

    def drop(self, box: Box, message_id: str) -> None:
        """Remove the marked copy: the mail was surely not sent."""
        self._remove(box, self.copies(box, message_id).begun)

    def _remove(self, box: Box, uids: Sequence[int]) -> None:
        """Remove mails of the open folder, but not others that somebody marked as deleted."""
        for uid in map(str, uids):
            box.flag([uid], "\\Deleted", True)
            if "UIDPLUS" in box.client.capabilities:
                box.client.uid("EXPUNGE", uid)
