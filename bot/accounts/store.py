"""The accounts on platforms: add, renew, stop, start and remove them, and build their connectors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.accounts.manual import PLATFORM, follow_names
from bot.accounts.seal import Unopened, is_current, resealed, seal, unseal
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import Client, host, place_of, server_of
from bot.connectors.platform import Capability, OptionKind, Platform, Tools
from bot.db import HELD, Sessions
from bot.domain.budget import Budget
from bot.domain.event import EventKind
from bot.domain.text import Text, Wrong, apart, text, together
from bot.models import (
    FIRST_WORKSPACE,
    STOPPED_BY_HAND,
    STOPPED_WITHOUT_TOKENS,
    Account,
    AccountRemoved,
    AccountTrouble,
    DayCheck,
    Event,
    Message,
    MessageKind,
    SigningIn,
    Team,
    Workspace,
)
from bot.team import routing, teams

ONLY_KEPT = "People stopped it, and it has no tokens: it is kept for its history."
UNREADABLE = (
    "The settings of {team} cannot be read, so TEAM_NAME and SLACK_CHANNEL cannot be changed: put these back as they "
    "were, and run `webcare check`, which says what to mend."
)
READING = "reading"
"""Under this name an account has the fault of its last reading."""


def opened(row: Account, settings: Settings) -> base.Account:
    """Return a stored account as its connector needs it, with its tokens decrypted.

    Raises Unopened when the key does not fit.
    """
    secrets = unseal(row.sealed, settings.webcare_secret_key.get_secret_value())
    identity = base.Identity(**row.identity) if row.identity else None
    at = address(row.platform, row.name, settings)
    rests = Budget.of(row.budget).reading
    return base.Account(
        row.id, row.platform, row.name, row.url, secrets, row.options, row.limits, identity, at, row.created_at,
        rests.until if rests else None, found_by(row, READING),
    )  # fmt: skip


def drafted(
    settings: Settings, *, platform: str, name: str, url: str, secrets: Mapping[str, str], options: Mapping[str, Any]
) -> base.Account:
    """Return an account that is not stored yet, so that its connector can check it."""
    at = address(platform, name, settings)
    return base.Account(0, platform, name, url, secrets, options, address=at)


def address(platform: str, name: str, settings: Settings) -> str:
    """Return the address at which an account's platform can push to us: under PUBLIC_URL, else on this machine.

    A source that is called by its own name has a short address.
    """
    at = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    return f"{at}/in/{platform}/{name}" if connectors.title(platform) else f"{at}/in/{name}"


def connector_of(
    settings: Settings,
    client: Client,
    now: Callable[[], datetime],
    open_session: Sessions,
    stand_ins: Mapping[str, Platform] | None = None,
) -> Callable[[Account], base.Connector]:
    """Return the function that builds the connector of a stored account; `stand_ins` as for `connectors.connect`."""

    def connector(row: Account) -> base.Connector:
        secrets = StoredSecrets(row.id, settings, open_session)
        return connectors.connect(opened(row, settings), Tools(client, now, secrets), stand_ins)

    return connector


def tools_of(draft: base.Account, client: Client, now: Callable[[], datetime]) -> Tools:
    """Return the tools of a connector whose account is not stored; its tokens are in `tools.secrets`."""
    return Tools(client, now, DraftSecrets(draft.secrets))


@dataclass(frozen=True)
class StoredSecrets:
    """The secrets of one account in the database."""

    account_id: int
    settings: Settings
    open_session: Sessions

    async def read(self) -> Mapping[str, str]:
        """Return the newest secrets."""
        async with self.open_session() as session:
            row = await session.get_one(Account, self.account_id)
            return unseal(row.sealed, self.settings.webcare_secret_key.get_secret_value())

    async def replace(self, new: Mapping[str, str], seen: Mapping[str, str] | None = None) -> bool:
        """Store new secrets, if they are still those that were `seen`; returns once they are committed."""
        key = self.settings.webcare_secret_key.get_secret_value()
        async with self.open_session() as session:
            row = await session.get_one(Account, self.account_id, with_for_update=HELD)
            if seen is not None and unseal(row.sealed, key) != seen:
                return False
            row.sealed = seal(new, key)
            session.add(row)
        return True


@dataclass
class DraftSecrets:
    """The secrets of an account that is not stored yet; `now` are those that the platform gave last."""

    now: Mapping[str, str]

    async def read(self) -> Mapping[str, str]:
        """Return the newest secrets."""
        return self.now

    async def replace(self, new: Mapping[str, str], seen: Mapping[str, str] | None = None) -> bool:
        """Replace the secrets, so that the new ones are stored with the account."""
        if seen is not None and self.now != seen:
            return False
        self.now = dict(new)
        return True


async def ensure_team(session: AsyncSession, settings: Settings, now: datetime) -> None:
    """Create the first team from TEAM_NAME and SLACK_CHANNEL; later, apply their changes since the last start.

    The last change wins, so a setting that a coordinator changed in Slack in the meantime stays. Does nothing without a
    channel.
    """
    if not settings.slack_channel:
        return
    given = _given(settings)
    first = (await teams.all_teams(session))[:1]
    if not first:
        await session.get_one(Workspace, FIRST_WORKSPACE, with_for_update=HELD)
        if not await teams.all_teams(session):  # of several processes that start at once one adds it
            session.add(Team(name=given["name"], channel=given["channel"], environment=given, created_at=now))
        return
    stands = in_force(first[0], settings)
    changes = {field: value for field, value in stands.items() if value != getattr(first[0], field)}
    try:
        if changes:  # else settings that cannot be read would keep the bot from starting, for the other teams too
            await teams.change(session, first[0].id, changes, by="", now=now)
    except ValidationError:
        raise BadSettings(UNREADABLE.format(team=first[0].name)) from None
    except Wrong as wrong:
        name = f"TEAM_NAME is {settings.team_name}, but another team has that name: choose another."
        raise BadSettings(name if "name" in wrong.fields else f"SLACK_CHANNEL: {wrong}") from None
    first[0].environment = given
    session.add(first[0])
    await follow_names(session)


def in_force(first: Team, settings: Settings) -> dict[str, str]:
    """Return the first team's name and channel as stored, except for what has changed in the environment since."""
    stands = {"name": first.name, "channel": first.channel}
    given, before = _given(settings), first.environment or stands
    return {field: given[field] if given[field] != before[field] else stands[field] for field in stands}


def _given(settings: Settings) -> dict[str, str]:
    return {"name": settings.team_name, "channel": settings.slack_channel}


async def add(
    session: AsyncSession,
    settings: Settings,
    *,
    platform: str,
    name: str,
    url: str,
    secrets: Mapping[str, str],
    options: Mapping[str, Any],
    now: datetime,
    team: str | None = None,
    by: str = "",
) -> Account:
    """Store a new account for a team (the first one by default), with its tokens encrypted."""
    owner = await owner_of(session, team)
    await refuse_taken(session, platform, name)
    await refuse_read_already(session, platform, url)
    account = Account(
        team_id=owner.id,
        platform=platform,
        name=name,
        url=url,
        sealed=seal(secrets, settings.webcare_secret_key.get_secret_value()),
        options=dict(options),
        created_at=now,
    )
    if (unused := await _unused_id(session)) is not None:
        account.id = unused
    session.add(account)
    await session.flush()
    # The event has the account's name but no account_id, so that an account that was never used can be deleted.
    session.add(Event(kind=EventKind.ACCOUNT_ADDED, by=by, at=now, details=_name_of(account)))
    return account


async def owner_of(session: AsyncSession, team: str | None) -> Team:
    """Return the team of this name, without one the first; raises BadSettings when there is none."""
    rows = select(Team).order_by(col(Team.id))
    owner = (await session.exec(rows.where(Team.name == team) if team else rows)).first()
    if owner is None:
        raise BadSettings(f"There is no team named {team}." if team else "There is no team yet: set SLACK_CHANNEL.")
    return owner


async def _unused_id(session: AsyncSession) -> int | None:
    """Return an id that no account had before, which what was said of it would be taken for; None to let PostgreSQL.

    SQLite gives the id of a newest account that was removed to the next one.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    gone = select(func.max(col(Event.details)["id"].as_integer())).where(Event.kind == EventKind.ACCOUNT_REMOVED)
    highest = (await session.exec(select(func.max(Account.id)))).one(), (await session.exec(gone)).one()
    return max(each or 0 for each in highest) + 1


def name_of(url: str, health: base.Health) -> str:
    """Return the name of an account that nobody named: its handle, with the server on platforms with many servers."""
    handle = health.identity.handle.lstrip("@") if health.identity else ""
    if handle and not url:
        return handle
    return f"@{handle}@{host(url)}" if handle and "@" not in handle else host(url)


async def find(session: AsyncSession, platform: str, name: str) -> Account | None:
    """Return the account of this name on this platform, if there is one."""
    rows = await session.exec(select(Account).where(Account.platform == platform, Account.name == name))
    return rows.first()


async def refuse_taken(session: AsyncSession, platform: str, name: str) -> None:
    """Raise BadSettings when an account on this platform has this name already."""
    if (existing := await find(session, platform, name)) is not None:
        raise BadSettings(f"There already is an account {key(existing)}; renew or remove it instead.")


async def refuse_read_already(session: AsyncSession, platform: str, url: str, *, but: int | None = None) -> None:
    """Raise BadSettings when another account than `but` reads this address; one that people stopped does not.

    On most platforms an address is a server, which any number of accounts are on.
    """
    has = connectors.known(platform)
    if has is None or not any(each.name == "url" and each.kind is OptionKind.ADDRESS for each in has.options):
        return
    rows = await session.exec(select(Account).where(Account.platform == platform).order_by(col(Account.id)))
    reads = [row for row in rows if row.id != but and not row.is_stopped_by_hand]
    existing = next((row for row in reads if place_of(row.url) == place_of(url)), None)
    if existing is not None:
        raise BadSettings(
            f"This address is read already, by the account {key(existing)}; remove or stop that one first."
        )


async def same(
    session: AsyncSession, platform: str, url: str, health: base.Health, *, team_id: int | None = None
) -> Account | None:
    """Return the stored account that is this one: the same id on the same server.

    One that was removed comes last, and of those the one of this team first. Servers number their accounts each by
    itself. Until the end of the transaction nobody else looks: of two who connect an account at once, in any team, the
    second finds it.
    """
    await session.exec(select(Team.id).order_by(col(Team.id)).limit(1).with_for_update(key_share=True))
    if health.identity is None:
        return None
    stored = select(Account).where(Account.platform == platform).order_by(col(Account.id))
    found = [
        row
        for row in await session.exec(stored.with_for_update(key_share=True))
        if row.identity and (row.identity["id"], server_of(row.url)) == (health.identity.id, server_of(url))
    ]
    return min(found, key=lambda row: (not row.sealed, row.team_id != team_id), default=None)


def key(account: Account) -> str:
    """Return the unique name of an account in commands: platform/name."""
    return f"{account.platform}/{account.name}"


async def named(session: AsyncSession, name: str) -> Account:
    """Return the account of this name or key; raises BadSettings when there is none, or more than one."""
    matches = [each for each in await connected(session) if name in {each.name, key(each)}]
    if not matches:
        raise BadSettings(f"There is no account named {name}; `webcare accounts list` shows which there are.")
    if len(matches) > 1:
        choices = " or ".join(map(key, matches))
        raise BadSettings(f"Several accounts are named {name}: write {choices}.")
    return matches[0]


async def of_team(session: AsyncSession, team_id: int) -> Sequence[Account]:
    """Return the accounts of a team, the oldest first."""
    return (await session.exec(select(Account).where(Account.team_id == team_id).order_by(col(Account.id)))).all()


async def connected(session: AsyncSession) -> list[Account]:
    """Return the accounts, oldest first, also one whose platform is not installed any more: its team must hear of it.

    That of hand-made cases is none.
    """
    rows = await session.exec(select(Account).where(Account.platform != PLATFORM).order_by(col(Account.id)))
    return list(rows)


async def health(connector: base.Connector) -> base.Health:
    """Return the result of the connector's check; a verdict becomes a problem.

    It also says until when the token is valid, and what we do with a reply when the platform's answer to it is lost.
    """
    try:
        result = await connector.check()
    except base.Verdict as verdict:
        return base.Health(problems=(verdict.text,))
    working = [*result.working]
    if result.token_expires_at is not None:
        working.append(text("Its token is valid until {date}.", date=f"{result.token_expires_at:%Y-%m-%d}"))
    if isinstance(connector, base.Replies) and result.answers and not result.problems:
        working.append(_on_lost_answers(connector))
    return replace(result, working=tuple(working))


def _on_lost_answers(connector: base.Replies) -> Text:
    """Return what we do when we sent a reply and its outcome is unknown (outgoing/outbox.py)."""
    if connector.resend_safe_for is not None:
        return text(
            "When we do not hear what became of a reply, we send it again: it is recognised and published once."
        )
    return text(
        "When we do not hear what became of a reply, we look for it before we send it again, because it may be "
        "published twice; where that cannot be seen, the card asks you."
    )


def found_wrong(account: Account, by: str, faults: Sequence[Text]) -> None:
    """Store the faults in parts of an account that a "check", READING or "calls" showed; none clears the last."""
    others = {name: each for name, each in (account.faults or {}).items() if name != by}
    account.faults = {**others, **({by: together(faults).to_json()} if faults else {})} or None


def found_by(account: Account, by: str) -> tuple[Text, ...]:
    """Return the faults in parts of an account that a "check", READING or "calls" showed last."""
    stored = (account.faults or {}).get(by)
    return apart(Text.from_json(stored)) if stored else ()


def seen_in_use(account: Account) -> list[Text]:
    """Return the faults that a reading or the platform's calls showed, and no check can find; none once it stopped."""
    if account.stopped_at is not None:
        return []
    return [each for name in sorted(account.faults or {}) if name != "check" for each in found_by(account, name)]


def learned(account: Account, health: base.Health) -> None:
    """Store the result of a check; start an account without problems again, unless people stopped it.

    On a platform that we poll, a problem counts as a fault of a part: each reading shows whether the rest works, and
    that it does again. On another one nothing else shows that, so there it is why the account does not work.
    """
    platform = connectors.known(account.platform)
    is_read = platform is not None and platform.can(Capability.POLLS)
    found_wrong(account, "check", (*(health.problems if is_read else ()), *health.faults))
    if health.problems and not is_read and account.stopped_at is None:
        account.problem = together(health.problems).to_json()
    account.limits = {**account.limits, **health.limits}
    account.token_ends_at = health.token_expires_at
    if health.identity is not None:
        account.identity = asdict(health.identity)
    if not health.problems and not account.is_stopped_by_hand:
        if account.problem is not None:  # without a problem, poll_after is what the platform asked for
            account.poll_after = None
        if account.stopped_at is not None or not is_read:
            account.problem, account.stopped_at = None, None


def renew(
    session: AsyncSession,
    account: Account,
    secrets: Mapping[str, str],
    settings: Settings,
    now: datetime,
    by: str = "",
) -> None:
    """Replace the tokens of an account."""
    account.sealed = seal(secrets, settings.webcare_secret_key.get_secret_value())
    session.add(account)
    session.add(Event(account_id=account.id, kind=EventKind.ACCOUNT_RENEWED, by=by, at=now))


def change(session: AsyncSession, account: Account, options: Mapping[str, Any], now: datetime) -> None:
    """Replace the options of an account; the log has the names of those that changed, if any, never their values."""
    both = {*options, *account.options}
    names = sorted(name for name in both if options.get(name) != account.options.get(name))
    account.options = dict(options)
    session.add(account)
    if names:
        session.add(Event(account_id=account.id, kind=EventKind.ACCOUNT_CHANGED, at=now, details={"options": names}))


async def seal_anew(session: AsyncSession, settings: Settings) -> int:
    """Encrypt with the first key what is encrypted with an older one; returns the number of accounts.

    After that the older keys are no longer needed. Raises Unopened when no key fits an account that runs; what is
    stopped, and sign-ins, stay as they are.
    """
    key = settings.webcare_secret_key.get_secret_value()
    rows = (await session.exec(select(Account).order_by(col(Account.id)).with_for_update(key_share=True))).all()
    begun = (await session.exec(select(SigningIn).order_by(col(SigningIn.id)).with_for_update(key_share=True))).all()
    both: list[Account | SigningIn] = [*rows, *begun]
    count = 0
    for row in both:
        try:
            anew = resealed(row.sealed, key)
        except Unopened:
            if isinstance(row, Account) and row.stopped_at is None:
                raise
            continue
        count += isinstance(row, Account) and anew != row.sealed
        row.sealed = anew
        session.add(row)
    return count


def outdated(rows: Iterable[Account], settings: Settings) -> int:
    """Return how many of these accounts are encrypted with an older key than the first."""
    key = settings.webcare_secret_key.get_secret_value()
    return sum(not is_current(row.sealed, key) for row in rows)


def unopened(rows: Iterable[Account], settings: Settings) -> list[Account]:
    """Return which of these accounts have tokens that the key cannot open."""
    return [row for row in rows if not _opens(row, settings)]


def has_no_tokens(row: Account, settings: Settings) -> bool:
    """Tell whether an account is without tokens: it was removed but kept, or the key does not open them."""
    return not row.sealed or not _opens(row, settings)


def _opens(row: Account, settings: Settings) -> bool:
    try:
        opened(row, settings)
    except Unopened:
        return False
    return True


def stop(session: AsyncSession, account: Account, now: datetime) -> None:
    """Stop an account: nothing is read or sent until people start it."""
    of_it = STOPPED_BY_HAND if account.sealed or account.was_removed else STOPPED_WITHOUT_TOKENS
    _stop(session, account, of_it, now)


def _stop(session: AsyncSession, account: Account, problem: Text, now: datetime) -> None:
    account.stopped_at, account.problem = account.stopped_at or now, problem.to_json()
    session.add(account)
    session.add(Event(account_id=account.id, kind=EventKind.ACCOUNT_STOPPED, at=now, details={"by_hand": True}))


def start(session: AsyncSession, account: Account, now: datetime) -> None:
    """Start a stopped account again, no matter what stopped it; see `refuse_read_already`."""
    account.stopped_at, account.problem, account.poll_after, account.budget = None, None, None, None
    account.faults = None
    session.add(account)
    session.add(Event(account_id=account.id, kind=EventKind.ACCOUNT_STARTED, at=now))


async def remove(session: AsyncSession, account: Account, now: datetime) -> bool:
    """Delete an account and return True; if other rows refer to it, stop it, delete its tokens and return False."""
    gone = {**_name_of(account), "id": account.id}
    try:
        async with session.begin_nested():  # the foreign keys decide whether it is in use
            for of_it in (AccountTrouble, DayCheck):
                await session.exec(delete(of_it).where(col(of_it.account_id) == account.id))
            await session.delete(account)
    except IntegrityError:
        await session.refresh(account)
        account.sealed = b""
        _stop(session, account, STOPPED_BY_HAND, now)
        return False
    session.add(Event(kind=EventKind.ACCOUNT_REMOVED, at=now, details=gone))
    await routing.forget_removed(session, account.team_id, now=now)
    await _forget(session, account)
    return True


async def _forget(session: AsyncSession, account: Account) -> None:
    """Let messages about an account that is deleted say so."""
    about = col(Message.kind) == MessageKind.ACCOUNT_PROBLEM, col(Message.subject_id) == account.id
    removed = AccountRemoved(str(connectors.label_of(account))).to_json()
    newer = update(Message).values(subject_id=None, details=removed, version=Message.version + 1)
    await session.exec(newer.where(*about))


def _name_of(account: Account) -> dict[str, str]:
    return {"platform": account.platform, "name": account.name}
