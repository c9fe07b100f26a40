"""The clocks that the bot is given, and times as the team reads them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


class StoppedClock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class RunningClock:
    """The time as the bot sees it: the real one, moved by `advance`; after `stop`, only `advance` moves it."""

    def __init__(self) -> None:
        self.moved = timedelta()
        self.stopped: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped or datetime.now(UTC)) + self.moved

    def advance(self, **by: float) -> None:
        self.moved += timedelta(**by)

    def stop(self) -> None:
        """Let no retry become due by itself, for a test that must see what stands there until then."""
        self.stopped = datetime.now(UTC)
