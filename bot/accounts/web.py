"""The web routes of accounts: pushes from platforms, and redirects after a sign-in.

A platform that pushes has the addresses `/in/<platform>` (the body says for which accounts) and
`/in/<platform>/<account>`. A source that is called by its own name also has `/in/<source>` and `/in/<source>/<token>`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from aiohttp import web
from sqlmodel import col, select

from bot import connectors, db
from bot.accounts import callback, store
from bot.accounts.bodies import TOO_LARGE, Bodies, BodyRefused
from bot.accounts.intake import Intake
from bot.accounts.sign_in import SignIns
from bot.config import BadSettings
from bot.connectors.base import OUR_FAULT, Completes, NotSigned, Receiver, Request, Verdict
from bot.connectors.platform import Capability, Platform
from bot.desk import Desk
from bot.domain.mention import Delivery, Post
from bot.domain.payload import UNSTORABLE, BadPayload
from bot.domain.text import Text, text
from bot.models import Account
from bot.slack import messages

log = structlog.get_logger()

UNKNOWN = "There is no source of this name; add it with `webcare accounts add`."
AGAIN = "We could not ask for what this is about; send it again."
STOPPED = "This source was stopped here; send this again when it was started."
NOTED_EVERY = timedelta(seconds=10)
"""How often it may be stored why an account's calls are refused."""


@dataclass(frozen=True)
class _Addressed:
    """The target of an address: the accounts that may be meant, the token in it, and whether the body says which.

    `beside`: all accounts of the platform. It may know one address for all of them, which may be that of one.
    """

    receiver: Receiver
    accounts: Sequence[Account]
    token: str = ""
    by_body: bool = False
    beside: Sequence[Account] = ()


@dataclass(frozen=True)
class _Refusals:
    """Stores on an account why calls for it are refused: its team must hear of it if that lasts.

    Otherwise only the sender would know, whose log nobody in the team reads. Anybody may call us, so what is known is
    not written again, and what is new only once in a while.
    """

    desk: Desk
    noted_at: dict[int, datetime] = field(default_factory=dict)

    async def note(self, row: Account, reason: Text | None) -> None:
        """Note why a call for this account is refused, or None that one is not."""
        faults = [text("What is sent to us is refused: {reason}", reason=reason)] if reason is not None else []
        if (row.faults or {}).get("calls") == (faults[0].to_json() if faults else None):
            return
        now, before = self.desk.now(), self.noted_at.get(row.id)
        if faults and before is not None and timedelta() <= now - before < NOTED_EVERY:
            return
        if faults:
            self.noted_at[row.id] = now
        async with self.desk.session() as session:
            account = await session.get_one(Account, row.id, with_for_update=db.HELD)
            store.found_wrong(account, "calls", faults)
            session.add(account)
        if faults:
            log.warning("what is sent to us is refused", account=row.id)
        else:
            log.info("what is sent to us is taken again", account=row.id)


def build_web(desk: Desk, bodies: Bodies) -> web.Application:
    """Return the web application: `/in/…` and `/connect/…`."""
    app, intake, refusals = web.Application(), Intake(desk), _Refusals(desk)

    async def incoming(request: web.Request) -> web.Response:
        return await _incoming(desk, bodies, intake, refusals, request)

    async def close(_: web.Application) -> None:
        await intake.close()

    app.on_cleanup.append(close)
    for path in ("/in/{first}", "/in/{first}/{second}"):
        app.router.add_get(path, incoming)
        app.router.add_post(path, incoming)
    callback.add_route(app, SignIns.of(desk), desk.texts(), lambda row: messages.wake(desk, [row.by] if row.by else []))
    return app


async def _incoming(
    desk: Desk, bodies: Bodies, intake: Intake, refusals: _Refusals, request: web.Request
) -> web.Response:
    """Store the items of one call; the answer is 2xx only once they are in the database."""
    addressed = await _addressed(desk, request.match_info["first"], request.match_info.get("second", ""))
    if addressed is None:
        return _problem(404, UNKNOWN)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        async with bodies.reading(request) as body:
            asked = Request(request.method, headers, dict(request.query), body, addressed.token)
            return await _answer(desk, intake, refusals, addressed, asked)
    except BodyRefused as refused:
        # Sent again, it is refused again; unread, it does not say for which of several accounts it is.
        if refused.http == 413 and not addressed.by_body:
            for row in addressed.accounts:
                await refusals.note(row, TOO_LARGE)
        return _problem(refused.http, str(refused))
    except NotSigned as error:
        return _problem(401, str(error))
    except BadPayload as error:
        return _problem(400, str(error))
    except _SendAgain as error:
        return _problem(503, str(error))


async def _addressed(desk: Desk, first: str, second: str) -> _Addressed | None:
    """Return the target of `/in/<first>/<second>`, None when there is none."""
    if UNSTORABLE.search(first + second):  # PostgreSQL fails at it, and no account has such a name
        return None
    known = {**connectors.registry().platforms, **desk.stand_ins}
    pushing = {p.name: p for p in known.values() if p.receiver is not None}
    async with desk.reading() as session:
        named = select(Account).where(col(Account.platform).in_(pushing)).order_by(col(Account.id))
        own = [row for row in await session.exec(named.where(Account.name == first)) if _by_own_name(pushing, row)]
        if not own and first in pushing:
            beside = list(await session.exec(named.where(Account.platform == first)))
            accounts = [row for row in beside if row.name == second] if second else beside
            return _to(pushing[first], accounts, by_body=not second, beside=beside)
    return _to(pushing[own[0].platform], own[:1], token=second) if own else None


def _by_own_name(pushing: dict[str, Platform], row: Account) -> bool:
    return not pushing[row.platform].title


def _to(
    platform: Platform,
    accounts: Sequence[Account],
    *,
    token: str = "",
    by_body: bool = False,
    beside: Sequence[Account] = (),
) -> _Addressed | None:
    return _Addressed(platform.receiver, accounts, token, by_body, beside) if platform.receiver and accounts else None


async def _answer(
    desk: Desk, intake: Intake, refusals: _Refusals, addressed: _Addressed, asked: Request
) -> web.Response:
    receiver = addressed.receiver
    challenge = _challenge(desk, receiver, addressed.accounts, asked)
    if challenge is not None:
        return web.Response(text=challenge)
    if asked.method != "POST":
        return _problem(405, "Send mentions with POST.")
    accounts = _concerned(addressed, asked)
    if not accounts:
        return await _for_none(desk, intake, addressed, asked)
    received, new, refused = 0, 0, list[Exception]()
    for row in accounts:  # a refusal for one account must not block what is for another
        try:
            items, ask = await _items(desk, intake, receiver, row, asked, accounts)
            new += await intake.take_in(row.id, items)
        except (NotSigned, BadPayload) as refusal:
            refused.append(refusal)
            await refusals.note(row, refusal.text)
            continue
        except _SendAgain as refusal:
            refused.append(refusal)
            continue
        except Exception as fault:
            if db.is_gone(fault):  # that says nothing about the account
                raise
            refused.append(fault)
            await refusals.note(row, OUR_FAULT)
            continue
        await refusals.note(row, None)
        received += len(items)
        if ask and (row.poll_after is None or row.poll_after <= desk.now()):
            desk.wake(f"poll:{row.id}")
    if refused:
        raise refused[0]
    return web.json_response({"received": received, "new": new})


def _concerned(addressed: _Addressed, asked: Request) -> Sequence[Account]:
    """Return the accounts that the body is about; if it is about none, the one whose own address was called."""
    try:
        ids = addressed.receiver.accounts_of(asked)
    except BadPayload:
        if addressed.by_body:
            raise
        return addressed.accounts  # whether it is theirs at all is seen first
    concerned = [row for row in addressed.beside if row.identity and row.identity["id"] in ids]
    return concerned if concerned or addressed.by_body else addressed.accounts


async def _for_none(desk: Desk, intake: Intake, addressed: _Addressed, asked: Request) -> web.Response:
    """Answer a call that is about none of our accounts: with 200, if an account proves that its platform sent it.

    An app of Meta sends what is new of all its pages to one address, which must answer 200 to all of it. What is
    refused is repeated for hours or days, and the subscription of an address that goes on refusing ends.
    https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
    """
    signed = False
    for row in addressed.accounts:
        try:
            brought = await intake.read(addressed.receiver, store.opened(row, desk.settings), asked)
        except (BadSettings, NotSigned):
            continue
        if brought.items:  # a source whose address names its account
            return _problem(404, UNKNOWN)
        signed = True
    if not signed:
        return _problem(404, UNKNOWN)
    log.info("what was sent to us is about no account", platform=addressed.accounts[0].platform)
    return web.json_response({"received": 0, "new": 0})


class _SendAgain(Exception):
    """It cannot be taken in now; the source must send it again."""


async def _items(
    desk: Desk, intake: Intake, receiver: Receiver, row: Account, asked: Request, accounts: Sequence[Account]
) -> tuple[Sequence[Post | Delivery], bool]:
    """Return the items of a call for one of its accounts, and whether to ask for more.

    Raises NotSigned, BadPayload or _SendAgain. An account that people stopped gets nothing. If we poll its platform,
    the call need not be sent again, because we read the items once the account is started; so a call that is about
    other accounts too does not fail for hours.
    """
    is_closed = row.is_stopped_by_hand and store.has_no_tokens(row, desk.settings)
    if is_closed and not all(each.is_stopped_by_hand for each in accounts):
        return (), False  # nothing can prove who sent it; the other accounts do
    if is_closed:
        raise _SendAgain(STOPPED)
    brought = await intake.read(receiver, store.opened(row, desk.settings), asked)
    if row.is_stopped_by_hand:  # a stop by a fault concerns replies, not mentions
        platform = connectors.known(row.platform)
        is_asked = platform is not None and platform.can(Capability.POLLS) and not brought.only_pushed
        if not is_asked or all(each.is_stopped_by_hand for each in accounts):
            raise _SendAgain(STOPPED)
        return (), False
    try:
        return await _complete(desk, row, brought.items), brought.ask
    except Verdict as verdict:
        log.warning("pushed posts not completed", account=row.id, verdict=type(verdict).__name__)
        raise _SendAgain(AGAIN) from verdict


def _challenge(desk: Desk, receiver: Receiver, accounts: Iterable[Account], asked: Request) -> str | None:
    """Return the answer of the first account that a platform's question is for; raises NotSigned if it is for none.

    An account with tokens that cannot be read is passed over.
    """
    refusal: NotSigned | None = None
    for row in accounts:
        try:
            return receiver.challenge(store.opened(row, desk.settings), asked)
        except BadSettings as problem:
            log.warning("the tokens of an account cannot be read", account=row.id, problem=str(problem))
        except NotSigned as error:
            refusal = error
    if refusal is not None:
        raise refusal
    return None


async def _complete(desk: Desk, row: Account, items: Sequence[Post | Delivery]) -> Sequence[Post | Delivery]:
    """Ask the platform for what it left out, if it leaves something out; may raise a verdict."""
    connector = desk.connector(row) if items else None
    return await connector.complete(items) if isinstance(connector, Completes) else items


def _problem(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)
