"""Sign in from the command line: the browser returns to the running bot or this machine, or its address is pasted."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import typer
from aiohttp import web

from bot import accounts, db
from bot.accounts import callback, sign_in
from bot.accounts.sign_in import Connected, SignIns
from bot.cli.options import Given, is_given
from bot.cli.terminal import ask, command, mark, may_ask, say, show
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import new_client
from bot.connectors.platform import Option, OptionKind, Platform
from bot.domain.text import Refused
from bot.models import SigningIn, SigningInStage
from bot.steady_clock import utc_now
from bot.texts import Texts

LOOKS_EVERY = 1.0
"""Seconds between checks whether the running bot finished the sign-in."""
SIGN_IN = Option("sign_in", kind=OptionKind.FLAG, help="Sign in in a browser, in place of giving an access token.")
PASTE = Option("paste", kind=OptionKind.FLAG, help="With --sign-in: paste the address at which your browser came out.")


def options_of(platform: Platform) -> tuple[Option, ...]:
    """Return the options of `accounts add`: the platform's own, and more if it has a sign-in."""
    return (*platform.options, *platform.sign_in.options, SIGN_IN, PASTE) if platform.sign_in else platform.options


HOW = frozenset({SIGN_IN.name, PASTE.name})
"""The options that say how an account is added; they are not stored."""


def wanted(platform: Platform, given: Given) -> bool:
    """Tell whether to sign in: if requested, or if a person at a terminal prefers it to giving a token."""
    if platform.sign_in is None:
        return False
    if given["sign_in"] or given["paste"]:
        return True
    brought = [option for option in platform.options if option.name in platform.sign_in.brings]
    has_token = any(is_given(option, given) for option in brought if option.kind is OptionKind.TOKEN)
    if has_token or not may_ask():
        return False
    return typer.confirm(f"Sign in on {platform.title} in a browser? (no: give an access token)", True)


def asked_first(platform: Platform) -> list[Option]:
    """Return the options that are needed before somebody signs in."""
    brings = platform.sign_in.brings if platform.sign_in else frozenset()
    asked = [option for option in options_of(platform) if option.name not in {*brings, *HOW}]
    return [option for option in asked if option.kind is not OptionKind.MADE]


async def connect(
    open_session: db.Sessions,
    settings: Settings,
    platform: Platform,
    *,
    url: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str],
    team: str,
    paste: bool,
) -> None:
    """Sign in, let the person choose, and connect the chosen accounts; exits with code 1 if one does not work."""
    if paste and not may_ask():
        raise BadSettings("--paste needs a terminal, on which you paste the address.")
    async with new_client(allow_private=settings.allow_private_addresses) as client:
        sign_ins = SignIns(open_session, settings, client, utc_now)
        public, team_id = "" if paste else sign_in.callback(settings, platform.name), await _team(open_session, team)
        finished: asyncio.Future[SigningIn] = asyncio.get_running_loop().create_future()
        async with nullcontext() if paste or public else _serving(sign_ins, finished, team_id):
            try:
                begun = await sign_ins.begin(
                    platform,
                    team_id=team_id,
                    url=url,
                    options=options,
                    given=secrets,
                    redirect=public or sign_in.loopback(settings, platform.name),
                )
            except base.Verdict as verdict:
                raise BadSettings(str(verdict.text)) from None
            say(f"Open this address in a browser, and sign in on {platform.title} there (within 15 minutes):")
            typer.echo(begun.address)  # unshortened, for copying
            if paste:
                row = await _pasted(sign_ins, platform, team_id)
            elif public:
                row = await _finished_elsewhere(open_session, begun.id)
            else:
                row = await _finished_here(finished, open_session, begun.id)
        if row.stage is not SigningInStage.SIGNED_IN:
            raise BadSettings(Texts("en", settings.time_zone).stored(row.problem) or "The time to sign in is over.")
        try:
            done = await sign_ins.choose(row.id, _chosen(row.offers), in_team=bool(team))
        except Refused as refused:  # they chose too late
            raise BadSettings(str(refused)) from None
    if not all(_print_result(each, platform) for each in done):
        raise typer.Exit(1)


async def _team(open_session: db.Sessions, name: str) -> int:
    async with open_session() as session:
        return (await accounts.owner_of(session, name)).id


async def _pasted(sign_ins: SignIns, platform: Platform, team_id: int) -> SigningIn:
    say("Your browser comes out at a page that it may not be able to show. Copy the address of that page.")
    address = ask("Address of that page", "--paste")
    try:
        return await sign_ins.finish(platform.name, sign_in.query_of(address), by="", team_id=team_id)
    except Refused as refused:
        raise BadSettings(str(refused)) from None


async def _finished_elsewhere(open_session: db.Sessions, sign_in_id: int) -> SigningIn:
    """Wait until the running bot has finished the sign-in."""
    say("Waiting until you come back; the bot must run. (If it does not, stop this and give --paste.)")
    while True:
        async with open_session() as session:
            row = await session.get_one(SigningIn, sign_in_id)
        if row.stage not in {SigningInStage.OPEN, SigningInStage.TAKEN} or row.ends_at <= utc_now():
            return row
        await asyncio.sleep(LOOKS_EVERY)


async def _finished_here(finished: asyncio.Future[SigningIn], open_session: db.Sessions, sign_in_id: int) -> SigningIn:
    """Wait until the page that is served on this machine has finished the sign-in."""
    say("Waiting until you come back. (Is your browser on another machine? Stop this and give --paste.)")
    try:
        async with asyncio.timeout(sign_in.TO_SIGN_IN.total_seconds()):
            return await finished
    except TimeoutError:
        async with open_session() as session:
            return await session.get_one(SigningIn, sign_in_id)


@asynccontextmanager
async def _serving(sign_ins: SignIns, finished: asyncio.Future[SigningIn], team_id: int) -> AsyncIterator[None]:
    """Serve the page to which the browser returns on this machine: from before anybody knows its address.

    A sign-in that somebody began in Slack may come back to it too: that goes on in Slack.
    """
    app = web.Application()
    texts = Texts(sign_ins.settings.webcare_language, sign_ins.settings.time_zone)

    def come_back(row: SigningIn) -> None:
        if (row.by, row.team_id) == ("", team_id) and not finished.done():
            finished.set_result(row)

    callback.add_route(app, sign_ins, texts, come_back)
    runner, port = web.AppRunner(app, access_log=None), sign_ins.settings.sign_in_port
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port).start()
    except OSError as error:
        await runner.cleanup()
        problem = f"Cannot listen on port {port} of this machine ({error.strerror})"
        raise BadSettings(f"{problem}: choose another SIGN_IN_PORT, or give --paste.") from None
    try:
        yield
    finally:
        await runner.cleanup()


def _chosen(offers: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the ids of the accounts that a person chooses; all if there is only one, or no person."""
    ids = [offer["id"] for offer in offers]
    if len(offers) == 1 or not may_ask():
        return ids
    for number, offer in enumerate(offers, 1):
        say(f"{number:>4}  {offer['name']}")
    while True:
        numbers = ask("Which ones? Numbers with commas between them; empty means all", "", default="").split(",")
        typed = [each.strip() for each in numbers if each.strip()]
        if all(each.isdecimal() and 1 <= int(each) <= len(ids) for each in typed):
            return [ids[int(each) - 1] for each in typed] or ids
        say(f"Give numbers from 1 to {len(ids)}.")


def _print_result(done: Connected, platform: Platform) -> bool:
    """Print the result for one account; returns whether it is connected."""
    say(f"{platform.title} · {done.name}")
    show(done.health)
    if done.account is None:
        say("It was not connected: solve what has a ✘ and sign in again.")
        return False
    mark(True, f"{'Stored' if done.is_new else 'Renewed'} as {accounts.key(done.account)}; a running bot picks it up.")
    if done.account.is_stopped_by_hand:
        say(f"It is stopped; start it with: {command('start', accounts.key(done.account))}")
    for line in ("", *done.first_steps) if done.first_steps else ():
        typer.echo(line)  # unshortened, for pasting: our own words and what was typed
    return True
