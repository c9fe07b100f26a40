"""Sign in on a platform's own page: begin on the command line or in Slack, finish in the browser, choose the accounts.

Between the steps a sign-in is in the database, so that any process can take the next step.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.accounts import store, token_ends
from bot.accounts.seal import Unopened, refuse_missing, seal, unseal
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import Client
from bot.connectors.platform import App, Code, Offer, Option, OptionKind, Platform, SignIn
from bot.db import HELD, Sessions
from bot.desk import Desk
from bot.domain.text import Refused, Text, text
from bot.models import Account, Message, MessageKind, SigningIn, SigningInStage, Team
from bot.team import teams

TO_SIGN_IN = timedelta(minutes=15)
"""How long a sign-in waits for the browser."""
TO_CHOOSE = timedelta(hours=1)
"""How long the tokens are stored until somebody chooses what to connect."""
NOTHING = text("This sign-in lets us into no account. Choose at least one on the page of {platform}.")
OF_ANOTHER = text("This account belongs to the team {team} already.")


@dataclass(frozen=True)
class Begun:
    """A sign-in that waits for a browser: its id, and the address to open."""

    id: int
    address: str


@dataclass(frozen=True)
class Connected:
    """The result for one chosen account: its check, and the stored account if it works."""

    name: str
    health: base.Health
    account: Account | None = None
    is_new: bool = False
    first_steps: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True)
class Known:
    """What a sign-in knows before anybody is asked; `lacks` are the options that must still be given."""

    url: str
    options: Mapping[str, Any]
    given: Mapping[str, str] = field(repr=False)
    lacks: Sequence[Option]


async def known(session: AsyncSession, settings: Settings, platform: Platform, team_id: int) -> Known:
    """Return what a new sign-in shares with the organisation's newest account on the platform, such as our app there.

    A required address is not shared: on such a platform each account is on a server of its own.
    """
    flow, rows = _flow(platform), list[Account]()
    if any(option.kind is not OptionKind.SERVER for option in _required(platform)):
        for team in await teams.beside(session, team_id):
            rows += [row for row in await store.of_team(session, team.id) if row.platform == platform.name]
    closed = {row.id for row in store.unopened(rows, settings)}
    newest = max((row for row in rows if row.id not in closed), key=lambda row: row.id, default=None)
    has = store.opened(newest, settings) if newest else None
    left_out = {*flow.brings, "since_days", "title"}
    options = {name: value for name, value in has.options.items() if name not in left_out} if has else {}
    secret = {option.name for option in (*platform.options, *flow.options) if option.kind is OptionKind.TOKEN}
    given = {n: value for n, value in has.secrets.items() if n in secret - flow.brings} if has else {}
    lacks = [each for each in _required(platform) if each.name not in {*options, *given}]
    return Known(has.url if has else "", options, given, lacks)


def _required(platform: Platform) -> list[Option]:
    """Return the options without which nobody can sign in."""
    flow = _flow(platform)
    asked = [option for option in (*platform.options, *flow.options) if option.name not in flow.brings]
    return [option for option in asked if option.ask and option.default is None and option.kind is not OptionKind.MADE]


def callback(settings: Settings, platform: str) -> str:
    """Return our address to which a platform's page redirects; "" without a public address."""
    return f"{settings.public_url.rstrip('/')}/connect/{platform}/callback" if settings.public_url else ""


def loopback(settings: Settings, platform: str) -> str:
    """Return the address on the browser's own machine to which a platform's page redirects.

    Meta does not accept 127.0.0.1: https://developers.facebook.com/docs/facebook-login/security#redirect-uris
    """
    return f"http://localhost:{settings.sign_in_port}/connect/{platform}/callback"


def query_of(address: str) -> Mapping[str, str]:
    """Return the query of an address that somebody pasted."""
    try:
        return dict(parse_qsl(urlsplit(address.strip()).query))
    except ValueError:
        return {}


@dataclass(frozen=True)
class SignIns:
    """The sign-ins of this bot, and what they need."""

    open_session: Sessions
    settings: Settings
    client: Client
    now: Callable[[], datetime]

    @classmethod
    def of(cls, desk: Desk) -> "SignIns":
        """Return those of a running bot."""
        return cls(desk.session, desk.settings, desk.http, desk.now)

    # --- beginning -------------------------------------------------------------------------------

    async def begin(
        self,
        platform: Platform,
        *,
        team_id: int,
        url: str,
        options: Mapping[str, Any],
        given: Mapping[str, str],
        redirect: str,
        by: str = "",
    ) -> Begun:
        """Begin a sign-in, with the secrets that were `given`; raises a verdict if the platform has no app for us.

        Raises BadSettings without a key to store it with, before the platform makes an app.
        """
        refuse_missing(self._secret_key)
        draft = self._draft(platform.name, "", url, given, options)
        flow = _flow(platform)
        app = await flow.app(draft, redirect, store.tools_of(draft, self.client, self.now))
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        stored = {"given": json.dumps(dict(given)), "app_id": app.id, "app_secret": app.secret, "verifier": verifier}
        row = SigningIn(
            state=_hash(state),
            platform=platform.name,
            team_id=team_id,
            by=by,
            url=url,
            options=dict(options),
            redirect=redirect,
            sealed=self._sealed(stored),
            ends_at=self.now() + TO_SIGN_IN,
        )
        async with self.open_session() as session:
            session.add(row)
            await session.flush()
            begun = row.id
        return Begun(begun, flow.address(draft, app, redirect, state=state, verifier=verifier))

    # --- the browser comes back ------------------------------------------------------------------

    async def finish(
        self, platform: str, query: Mapping[str, str], *, by: str | None = None, team_id: int | None = None
    ) -> SigningIn:
        """Take the query that the browser brought back from the platform; returns the sign-in, which may have failed.

        Raises Refused when it belongs to no waiting sign-in: each is taken once. With `by` and `team_id`, only one that
        this person began for this team is taken.
        """
        row = await self._taken(platform, query.get("state", ""), by, team_id)
        offers: Sequence[Offer] = ()
        problem: Text | None = None
        try:
            offers = await self._offers(row, query)
        except (Refused, base.Verdict) as refusal:
            problem = refusal.text
        async with self.open_session() as session:
            row = await session.get_one(SigningIn, row.id, with_for_update=HELD)
            if problem is None and not offers:
                problem = text(NOTHING.message, platform=connectors.title(platform))
            if problem is not None:
                row.stage, row.problem, row.sealed = SigningInStage.FAILED, problem.to_json(), b""
            else:
                self._signed_in(session, row, offers)
            session.add(row)
        return row

    async def finished(self, platform: str, query: Mapping[str, str]) -> SigningIn | None:
        """Return the sign-in for which this query was taken already, also while the platform still answers; or None."""
        if not _is_known(platform):
            return None
        known = select(SigningIn).where(
            SigningIn.state == _hash(query.get("state", "")), SigningIn.platform == platform
        )
        untaken = col(SigningIn.stage).in_((SigningInStage.OPEN, SigningInStage.ENDED))
        async with self.open_session() as session:
            return (await session.exec(known.where(~untaken))).first()

    async def _taken(self, platform: str, state: str, by: str | None, team_id: int | None) -> SigningIn:
        """Take a sign-in that waits; its time begins anew, because the platform may answer after it."""
        if not _is_known(platform):
            raise over()
        async with self.open_session() as session:
            taken = await session.exec(
                update(SigningIn)
                .where(
                    col(SigningIn.state) == _hash(state),
                    col(SigningIn.platform) == platform,
                    col(SigningIn.stage) == SigningInStage.OPEN,
                    col(SigningIn.ends_at) > self.now(),
                    *([col(SigningIn.by) == by] if by is not None else []),
                    *([col(SigningIn.team_id) == team_id] if team_id is not None else []),
                )
                .values(stage=SigningInStage.TAKEN, ends_at=self.now() + TO_SIGN_IN)
                .returning(SigningIn)
                .execution_options(synchronize_session=False, populate_existing=True)
            )
            row: SigningIn | None = taken.scalar()
        if row is None:
            raise over()
        return row

    async def _offers(self, row: SigningIn, query: Mapping[str, str]) -> Sequence[Offer]:
        platform, stored = connectors.registry().platforms[row.platform], self._opened(row)
        if error := query.get("error"):
            if error == "access_denied":
                raise Refused("You gave us no permission on {platform}.", platform=platform.title)
            reason = (query.get("error_description") or error)[:200]
            raise Refused("{platform} did not let you sign in: {reason}", platform=platform.title, reason=reason)
        if not query.get("code"):
            raise Refused("This is not the address at which you came out: it holds no code.")
        draft = self._draft(row.platform, "", row.url, json.loads(stored["given"]), row.options)
        app = App(stored["app_id"], stored["app_secret"])
        code = Code(query["code"], app, row.redirect, stored["verifier"])
        return await _flow(platform).offers(draft, code, store.tools_of(draft, self.client, self.now))

    def _signed_in(self, session: AsyncSession, row: SigningIn, offers: Sequence[Offer]) -> None:
        stored = {"given": self._opened(row)["given"], "offers": json.dumps([asdict(offer) for offer in offers])}
        row.sealed, row.stage = self._sealed(stored), SigningInStage.SIGNED_IN
        row.offers = [{"id": offer.id, "name": offer.name} for offer in offers]
        row.ends_at = self.now() + TO_CHOOSE
        if row.by:
            session.add(Message(key=_key(row.id), kind=MessageKind.SIGNED_IN, subject_id=row.id, channel=row.by))

    # --- choosing --------------------------------------------------------------------------------

    async def choose(
        self, sign_in_id: int, chosen: Collection[str], *, by: str = "", in_team: bool = True
    ) -> list[Connected]:
        """Connect the accounts with these ids that work, and renew those that are already connected.

        `in_team`: not those that another team has connected. Raises Refused when the sign-in is over, or does not
        belong to `by`.
        """
        async with self.open_session() as session:
            row = await session.get(SigningIn, sign_in_id)
        if row is None or row.by != by or row.stage is not SigningInStage.SIGNED_IN or row.ends_at <= self.now():
            raise over()
        stored = self._opened(row)
        given, offers = json.loads(stored["given"]), [Offer(**each) for each in json.loads(stored["offers"])]
        done = [await self._connect(row, given, offer, in_team=in_team) for offer in offers if offer.id in chosen]
        async with self.open_session() as session:
            row = await session.get_one(SigningIn, sign_in_id, with_for_update=HELD)
            names = [each.name for each in done if each.account]
            row.connected = list(dict.fromkeys([*row.connected, *names]))
            if len(names) == len(done) > 0:
                row.stage, row.sealed = SigningInStage.DONE, b""
            session.add(row)
            await _changed(session, [row.id])
        return done

    async def _connect(self, row: SigningIn, given: Mapping[str, str], offer: Offer, *, in_team: bool) -> Connected:
        """Try an account, and store it if it works."""
        platform = connectors.registry().platforms[row.platform]
        made = {each.name: each.make() for each in platform.options if each.kind is OptionKind.MADE and each.make}
        options = {**row.options, **offer.options}
        draft = self._draft(row.platform, offer.name, row.url, {**made, **given, **offer.secrets}, options)
        tools = store.tools_of(draft, self.client, self.now)
        health = await store.health(connectors.connect(draft, tools))
        if health.problems:
            return Connected(offer.name, health)
        tokens = await tools.secrets.read()  # the platform may have replaced them
        try:
            async with self.open_session() as session:
                draft = replace(draft, secrets=tokens)
                return await self._store(session, row, draft, offer, health, made, in_team=in_team)
        except BadSettings as problem:
            why = text("It cannot be stored: {problem}", problem=str(problem))
            return Connected(offer.name, replace(health, problems=(why,)))

    async def _store(
        self,
        session: AsyncSession,
        row: SigningIn,
        draft: base.Account,
        offer: Offer,
        health: base.Health,
        made: Collection[str],
        *,
        in_team: bool,
    ) -> Connected:
        known = await store.same(session, row.platform, row.url, health, team_id=row.team_id)
        if known is not None and (known.sealed or known.team_id == row.team_id):
            team = await session.get_one(Team, known.team_id)
            if in_team and team.id != row.team_id:
                return Connected(offer.name, replace(health, problems=(text(OF_ANOTHER.message, team=team.name),)))
            old = self._old_secrets(known)
            new = {name: each for name, each in draft.secrets.items() if name not in made or not old}
            store.renew(session, known, {**old, **new}, self.settings, self.now(), by=row.by)
            store.change(session, known, {**known.options, **self._options_of_tokens(row, offer)}, self.now())
            await token_ends.learned(session, known, health)
            steps = () if old else self._first_steps(known)
            return Connected(known.name, health, known, first_steps=steps)
        owner = await session.get_one(Team, row.team_id)
        added = await store.add(
            session,
            self.settings,
            platform=row.platform,
            name=await _free_name(session, owner, draft, offer, health),
            url=row.url,
            secrets=draft.secrets,
            options=draft.options,
            now=self.now(),
            team=owner.name,
            by=row.by,
        )
        store.learned(added, health)
        return Connected(added.name, health, added, is_new=True, first_steps=self._first_steps(added))

    def _options_of_tokens(self, row: SigningIn, offer: Offer) -> Mapping[str, Any]:
        """Return the options that an account takes over with new tokens.

        From the command line those that were given there. From Slack only those that belong to the tokens, such as our
        app: the others are of the account from which the sign-in took them.
        """
        required = {option.name for option in _required(connectors.registry().platforms[row.platform])}
        taken = {name: value for name, value in row.options.items() if not row.by or name in required}
        return {**taken, **offer.options}

    def _first_steps(self, account: Account) -> Sequence[str]:
        platform = connectors.registry().platforms[account.platform]
        return platform.first_steps(store.opened(account, self.settings)) if platform.first_steps else ()

    def _old_secrets(self, account: Account) -> Mapping[str, str]:
        """Return the secrets of an account that is renewed; none when the key that opens them is lost."""
        try:
            return unseal(account.sealed, self._secret_key)
        except Unopened:
            return {}

    # --- secrets ---------------------------------------------------------------------------------

    def _draft(
        self, platform: str, name: str, url: str, given: Mapping[str, str], options: Mapping[str, Any]
    ) -> base.Account:
        return store.drafted(self.settings, platform=platform, name=name, url=url, secrets=given, options=options)

    def _sealed(self, stored: Mapping[str, str]) -> bytes:
        return seal(stored, self._secret_key)

    def _opened(self, row: SigningIn) -> Mapping[str, str]:
        """Return what is stored of a sign-in; raises Refused when it began with another key.

        So it does on the command line, which makes the first key while the bot runs without one.
        """
        try:
            return unseal(row.sealed, self._secret_key)
        except Unopened:
            raise Refused(
                "The bot that runs has another WEBCARE_SECRET_KEY than the one with which this sign-in began, or none: "
                "stop it, start it with that key, and begin anew."
            ) from None

    @property
    def _secret_key(self) -> str:
        return self.settings.webcare_secret_key.get_secret_value()


def over() -> Refused:
    """Return the refusal of a sign-in that cannot continue."""
    return Refused("This sign-in is over, or it was used already. Begin anew.")


async def any_over(session: AsyncSession, now: datetime) -> bool:
    """Tell whether the time of a sign-in is over."""
    return (await session.exec(_over(now).limit(1))).first() is not None


async def end(session: AsyncSession, now: datetime) -> None:
    """End the sign-ins whose time is over: their secrets are deleted."""
    rows = (await session.exec(_over(now).with_for_update(key_share=True))).all()
    for row in rows:
        row.stage, row.sealed = SigningInStage.ENDED, b""
        session.add(row)
    await _changed(session, [row.id for row in rows])


def _over(now: datetime) -> Any:
    unfinished = (SigningInStage.OPEN, SigningInStage.TAKEN, SigningInStage.SIGNED_IN)
    return select(SigningIn).where(col(SigningIn.ends_at) <= now, col(SigningIn.stage).in_(unfinished))


async def _changed(session: AsyncSession, ids: Collection[int]) -> None:
    """Mark the messages about these sign-ins to be written again."""
    query = update(Message).where(col(Message.key).in_([_key(each) for each in ids]))
    await session.exec(query.values(version=Message.version + 1))


async def _free_name(session: AsyncSession, team: Team, draft: base.Account, offer: Offer, health: base.Health) -> str:
    """Return the name of a new account: its handle if it has one.

    Another account may have that name: one that another team removed and keeps on its cases, or one that is called the
    same on the platform. Then this team's name is added, and a number if need be.
    """
    has_handle = health.identity is not None and health.identity.handle not in {"", health.identity.id}
    name = store.name_of(draft.url, health) if has_handle else offer.name
    for each in (name, f"{name} ({team.name})", *(f"{name} ({team.name} {n})" for n in range(2, 10))):
        has = await store.find(session, draft.platform, each)
        # One of which we do not know who it is may be this one: then the name is refused as taken.
        if has is None or not (has.was_removed or (has.identity and health.identity)):
            return each
    return name


def _flow(platform: Platform) -> SignIn:
    if platform.sign_in is None:
        raise ValueError(f"nobody signs in on {platform.name}")
    return platform.sign_in


def _is_known(platform: str) -> bool:
    """Tell whether there is a platform of this name, which came in an address: PostgreSQL fails at some signs."""
    return platform in connectors.registry().platforms


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _key(sign_in_id: int) -> str:
    return f"sign_in:{sign_in_id}"
