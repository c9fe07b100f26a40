"""Column types that behave the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator


def in_utc(moment: datetime) -> datetime:
    """Return an aware time in UTC; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database. SQLite stores no time zone, so it is added again on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time; store UTC."""
        return in_utc(value) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum, stored as its value and returned as its member.

    A value that the enum does not have is returned as `unknown`, which is never stored. Without it such a row cannot be
    read.
    """

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum], length: int | None = 32, unknown: StrEnum | None = None) -> None:
        self.kind = kind
        self.unknown = unknown
        super().__init__(length=length)

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Store the value; refuse one that the enum does not have, and the unknown one."""
        if value is not None and value == self.unknown:
            raise ValueError("a value that is only read")
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        if value is None:
            return None
        try:
            return self.kind(value)
        except ValueError:
            if self.unknown is None:
                raise
            return self.unknown
