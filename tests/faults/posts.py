"""What citizens write in a schedule: each post with words that stand nowhere else, so that they can be found again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass
class Written:
    """One post of a citizen, as it stands now. `opens`: the post with which its conversation began."""

    id: str
    author: str
    text: str
    at: datetime
    opens: str
    in_reply_to: str | None = None
    private: bool = False
    edited_at: datetime | None = None
    deleted: bool = False
    words: list[str] = field(default_factory=list)

    def as_json(self) -> Json:
        return {
            "id": self.id,
            "text": self.text,
            "published_at": self.at.isoformat(),
            "author": {"id": f"id-{self.author}", "name": self.author.title(), "handle": self.author},
            "conversation": self.opens,
            "in_reply_to": self.in_reply_to,
            "private": self.private,
            "can_reply": not self.private,
            "can_reply_privately": True,
            **({"edited_at": self.edited_at.isoformat()} if self.edited_at else {}),
            **({"deleted": True} if self.deleted else {}),
        }
