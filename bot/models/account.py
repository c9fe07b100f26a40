"""Our accounts on platforms, and the authors who write to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.domain.reply import is_seen
from bot.domain.text import Text, apart, text, together
from bot.models.columns import UtcDateTime

STOPPED_BY_HAND = text("It was stopped by hand.")
"""The problem of an account that people stopped; only people can start it again. One without tokens was removed."""
STOPPED_WITHOUT_TOKENS = text("It was stopped by hand, and can be started again.")
"""The same of one that has no tokens, such as a feed, and was not removed."""


class Account(SQLModel, table=True):
    """An account on a platform.

    `sealed` is its tokens, encrypted. `limits` and `identity` come from its last check: the limits of its server, and
    who the account is there and until when its token is valid. `problem` is why it does not work now; for a stopped
    account, why it stopped. `faults` are the parts that do not work while the rest does, by source: the last "check",
    the last "reading", or the last of the "calls" that its platform made to us; all of a source in one text.
    `budget` is how much of its platform's limit is used, and what waits for that (a `Budget`). `heard_at` is when
    something last came in, to the minute, and `lag` its delay in seconds since it was written.
    """

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("platform", "name"),)
    id: int = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="teams.id")
    platform: str
    name: str
    url: str
    sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    limits: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    identity: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    cursor: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    recheck_cursor: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    faults: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    budget: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    token_ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    polled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    heard_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lag: int | None = None
    poll_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def was_removed(self) -> bool:
        """Whether people removed it; it is kept for its history."""
        return self.is_stopped_by_hand and not self.sealed and self.problem != STOPPED_WITHOUT_TOKENS.to_json()

    @property
    def is_stopped_by_hand(self) -> bool:
        """Whether people stopped it, and not a fault."""
        by_hand = (STOPPED_BY_HAND.to_json(), STOPPED_WITHOUT_TOKENS.to_json())
        return self.stopped_at is not None and self.problem in by_hand

    @property
    def fault(self) -> dict[str, Any] | None:
        """What is wrong with parts of it, in one text; None when all parts work."""
        faults = [Text.from_json(each) for _, each in sorted((self.faults or {}).items())]
        return together([each for both in faults for each in apart(both)]).to_json() if faults else None


class Author(SQLModel, table=True):
    """Someone who writes to us, as one account sees them; never merged across accounts or platforms."""

    __tablename__ = "authors"
    __table_args__ = (UniqueConstraint("account_id", "external_id"),)
    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    external_id: str
    name: str
    handle: str = ""
    url: str = ""

    @property
    def called(self) -> str:
        """What we call them: some platforms do not name all who comment, and some names show nothing."""
        return next((name for name in (self.name, self.handle) if is_seen(name)), "?")
