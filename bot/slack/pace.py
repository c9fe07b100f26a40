"""When Slack may be called again: its rates, and the waits that it asks for.

Each method, and each channel for new messages, has one moment `free_at`: the end of all booked calls, spread evenly.
A call that has room moves it one step on; Slack's Retry-After moves it further. Several processes share the moments
in the database; a single process has them in memory.

Clicks come first. But while they take all there is, what nobody waits for has a turn now and then: the cards that many
read would stand still.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Interval, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import db
from bot.models import SlackPace, UtcDateTime

TIERS: Mapping[str, int | None] = {
    "apps.connections.open": None,  # tier 1 on paper; a lost connection must be reopened at once
    "auth.test": None,
    "blocks.validate": 3,  # Slack only says "special rate limits apply"
    "bots.info": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "dnd.info": 3,
    "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "usergroups.users.update": 2,
    "users.info": 4,
    "users.list": 2,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}
"""The tier of each method that we call besides chat.postMessage; None where Slack gives none."""
A_MINUTE = {2: 20, 3: 50, 4: 100}
"""How many calls a minute Slack takes in each tier."""
NO_DATABASE = (SQLAlchemyError, OSError)
"""What is raised when the database does not answer."""
TURN = 8
"""Every how many steps what nobody waits for has a turn, while there is no other room for it: of forty edits a minute,
thirty clicks and about four that go first leave six. Five turns: with six, what was once full stayed so."""
AT_ONCE = 0.2
"""The part of a minute's calls that may be made at once; the rest is spread evenly, so that no minute has more."""


@dataclass(frozen=True)
class Rate:
    """How often a method may be called: once per `step`, and up to `ahead` earlier than that after a quiet time."""

    step: timedelta = timedelta()
    ahead: timedelta = timedelta()

    @property
    def last(self) -> timedelta:
        """How much earlier than that who has a turn may call it: however full it is, unless Slack asked us to wait."""
        return self.ahead + self.step


def rate_of(method: str, seconds: float) -> Rate:
    """Return the rate of a method; `seconds` is the time between new messages in one channel, 0 for no rates at all."""
    if method == "chat.postMessage" or not seconds:
        return Rate(timedelta(seconds=seconds))
    tier = TIERS.get(method, 2)
    if tier is None:
        return Rate()
    calls = A_MINUTE[tier]
    at_once = round(calls * AT_ONCE)
    step = timedelta(seconds=60 / (calls - at_once))
    return Rate(step, (at_once - 1) * step)


class Pace:
    """The pace of one process, or of all that share its database if `engine` is given.

    While the database does not answer, each process keeps a pace of its own: who clicks must hear what is wrong.
    """

    def __init__(self, seconds: float, engine: AsyncEngine | None = None) -> None:
        self._seconds, self._shared = seconds, _Shared(engine) if engine is not None else None
        self._free_at: dict[str, datetime] = {}

    async def wait(self, method: str, channel: str, now: datetime, *, share: float = 1.0) -> timedelta:
        """Book a call and return zero, or return how long there is no room for it.

        `share` is the part of the calls that may be made at once that this caller may use. Who may not use all of them
        has a turn now and then, one step further than all others: no minute has more calls for that.
        """
        key, rate = _key(method, channel), rate_of(method, self._seconds)
        until = now + rate.ahead * share
        free_at = await self._booked(key, rate.step, now, until)
        if free_at is None:
            return timedelta()
        if share == 1 or not rate.ahead:
            return max(timedelta(), free_at - until)
        turn_at = await self._booked(_turn(key), TURN * rate.step, now, now)
        if turn_at is None:
            turn_at, free_at = now + TURN * rate.step, await self._booked(key, rate.step, now, now + rate.last)
            if free_at is None:
                return timedelta()
        return max(free_at - rate.last, min(free_at - rate.ahead * share, turn_at)) - now

    async def _booked(self, key: str, step: timedelta, now: datetime, until: datetime) -> datetime | None:
        """Move the moment of a key one step on if it is not after `until`, else return it."""
        if self._shared is not None:
            with suppress(*NO_DATABASE):
                return await self._shared.book(key, step, now, until)
        return self._book_here(key, step, now, until)

    async def full_until(self, method: str, channel: str, now: datetime) -> datetime | None:
        """Return until when there is no room for a call, which is not booked; None when there is."""
        key, ahead = _key(method, channel), rate_of(method, self._seconds).ahead
        free_at = self._free_at.get(key)
        if self._shared is not None:
            with suppress(*NO_DATABASE):
                free_at = await self._shared.free_at(key)
        return free_at - ahead if free_at is not None and free_at - ahead > now else None

    async def hold(self, method: str, channel: str, until: datetime) -> None:
        """Block a method, or posting in a channel, until then: Slack asked for that."""
        key = _key(method, channel)
        moments = {key: until + rate_of(method, self._seconds).ahead, _turn(key): until}
        self._free_at |= {each: max(at, self._free_at.get(each, at)) for each, at in moments.items()}
        if self._shared is not None:
            with suppress(*NO_DATABASE):
                await self._shared.hold(moments)

    async def forget(self) -> None:
        """Forget all moments: our clock was ahead when it gave them. Should Slack still want us to wait, it says so."""
        self._free_at.clear()
        if self._shared is not None:
            with suppress(*NO_DATABASE):
                await self._shared.forget()

    def _book_here(self, key: str, step: timedelta, now: datetime, until: datetime) -> datetime | None:
        """Move the moment of a key one step on if it is not after `until`, else return it."""
        free_at = self._free_at.get(key)
        if free_at is not None and free_at > until:
            return free_at
        if step:
            self._free_at[key] = max(free_at or now, now) + step
        return None


_TABLE = db.table_of(SlackPace)
_FREE_AT = _TABLE.c.free_at
# Built once, for each call: to build them takes longer than to run them.
_READING = select(_FREE_AT).where(_TABLE.c.key == bindparam("key"))
_NOW, _UNTIL = bindparam("now", type_=UtcDateTime), bindparam("until", type_=UtcDateTime)
_STEP = bindparam("step", type_=Interval)
_BOOKING = (
    insert(_TABLE)
    .values(key=bindparam("key"), free_at=bindparam("first", type_=UtcDateTime))
    .on_conflict_do_update(
        index_elements=["key"], set_={"free_at": func.greatest(_FREE_AT, _NOW) + _STEP}, where=_FREE_AT <= _UNTIL
    )
    .returning(_FREE_AT)
)
_HELD = insert(_TABLE)
_HOLDING = _HELD.on_conflict_do_update(
    index_elements=["key"], set_={"free_at": func.greatest(_FREE_AT, _HELD.excluded.free_at)}
)


class _Shared:
    """The moments that all processes share, in their database; each method raises NO_DATABASE."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions, self._readings = db.sessions(engine), db.readings(engine)

    async def book(self, key: str, step: timedelta, now: datetime, until: datetime) -> datetime | None:
        """Do the same as `Pace._book_here`, for all processes.

        Without a step there is nothing to book: of two calls at once, the one whose clock is behind would wait.
        """
        if step:
            # Without a wait for the disk: a booking that is lost with the power is one call too many at most.
            async with self._sessions(durable=False) as session:
                # The statement locks the row, so that of two processes the second sees what the first has booked.
                booked = {"key": key, "first": now + step, "now": now, "step": step, "until": until}
                if (await (await session.connection()).execute(_BOOKING, booked)).first() is not None:
                    return None
            return await self.free_at(key)
        free_at = await self.free_at(key)
        return free_at if free_at is not None and free_at > until else None

    async def free_at(self, key: str) -> datetime | None:
        """Return the moment of a key."""
        async with self._readings() as session:
            return (await (await session.connection()).execute(_READING, {"key": key})).scalar()

    async def hold(self, moments: Mapping[str, datetime]) -> None:
        """Move each moment on, unless it is later already."""
        async with self._sessions(durable=False) as session:
            rows = [{"key": key, "free_at": at} for key, at in sorted(moments.items())]
            await (await session.connection()).execute(_HOLDING, rows)

    async def forget(self) -> None:
        """Forget all moments."""
        async with self._sessions(durable=False) as session:
            await (await session.connection()).execute(_TABLE.delete())


def _turn(key: str) -> str:
    """Return the key of the moment at which what nobody waits for has its next turn."""
    return f"turn {key}"


def _key(method: str, channel: str) -> str:
    return f"{method} {channel}" if method == "chat.postMessage" else method
