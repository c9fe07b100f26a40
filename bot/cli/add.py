"""`webcare accounts add <platform>`: connect an account. Questions and flags come from the platform's options."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from bot import accounts, connectors, db
from bot.cli import signing_in
from bot.cli.options import Given, answers, taking
from bot.cli.terminal import ask, command, database, mark, may_ask, say, settings_for_command, show, with_key
from bot.config import BadSettings, Settings
from bot.connectors.http import host, new_client
from bot.connectors.platform import Platform
from bot.steady_clock import utc_now

IN_AN_ADDRESS = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
"""The allowed names of an account whose name is part of our web address."""

Name = Annotated[str, typer.Option("--name", help="What to call it; colleagues see this on the cards.")]
Team = Annotated[str, typer.Option("--team", help="The team it is for; the first one when left out.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Store the account even if it does not work yet.")]


@dataclass(frozen=True)
class New:
    """An account to add, from flags and answers. Without a name, it gets one after it was tried."""

    platform: Platform
    name: str
    url: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def commands() -> typer.Typer:
    """Return the commands, one for each installed platform."""
    app = typer.Typer(no_args_is_help=True, help="Add an account: webcare tries it first and says what works.")
    for platform in connectors.registry().platforms.values():
        asked = signing_in.options_of(platform)
        app.command(platform.name, help=platform.about)(taking(asked, _command(platform)))
    return app


def _command(platform: Platform) -> Any:
    def add(
        given: Given,
        name: Annotated[str, typer.Option("--name", help="What to call it; colleagues see this on the cards.")] = "",
        team: Annotated[str, typer.Option("--team", help="The team it is for; the first one when left out.")] = "",
        anyway: Annotated[
            bool, typer.Option("--anyway", help="Store the account even if it does not work yet.")
        ] = False,
    ) -> None:
        settings, name = settings_for_command(), name.strip()
        asking = may_ask() and not name and not any(given.values())
        if not platform.title:
            name = _name_in_an_address(name)
        signs_in = signing_in.wanted(platform, given)
        asked = signing_in.asked_first(platform) if signs_in else platform.options
        values = answers(asked, given, asking=asking, plain_http=settings.allow_private_addresses)
        new = _new(platform, name, values)
        if signs_in:
            asyncio.run(_sign_in(settings, new, team, paste=given["paste"]))
        else:
            asyncio.run(_add(settings, new, team, anyway=anyway))

    return add


def _name_in_an_address(name: str) -> str:
    name = name or ask("Name of the source (small letters, digits and -)", "--name")
    if not IN_AN_ADDRESS.fullmatch(name):
        raise BadSettings("The name of a source is part of its address: small letters, digits, - and _ only.")
    return name


def _new(platform: Platform, name: str, values: Mapping[str, Any]) -> New:
    secret = {option.name for option in signing_in.options_of(platform) if option.secret}
    options = {key: value for key, value in values.items() if key not in secret | signing_in.HOW | {"url"}}
    secrets = {key: value for key, value in values.items() if key in secret}
    return New(platform, name, values.get("url", ""), options, secrets)


async def _sign_in(settings: Settings, new: New, team: str, *, paste: bool) -> None:
    """Let a person sign in, and connect what they choose."""
    if new.name:
        raise BadSettings("--name cannot be given with --sign-in: what you sign in with has a name.")
    async with database(settings) as open_session:
        settings = await _with_key(settings, open_session)
        await signing_in.connect(
            open_session, settings, new.platform,
            url=new.url, options=new.options, secrets=new.secrets, team=team, paste=paste,
        )  # fmt: skip


async def _with_key(settings: Settings, open_session: db.Sessions) -> Settings:
    """Return the settings with a secret key: one that fits the database, or a new one."""
    async with open_session() as session:
        for row in await accounts.connected(session):
            if row.stopped_at is None:
                accounts.opened(row, settings)  # a key that does not fit must not seal more tokens
    return with_key(settings)


async def _add(settings: Settings, new: New, team: str, *, anyway: bool) -> None:
    """Try the account, say what works, and store it; leaves with code 1 when it does not work."""
    async with database(settings) as open_session:
        async with open_session() as session:
            await accounts.owner_of(session, team)  # before the platform is asked: a token may work once
            await accounts.refuse_taken(session, new.platform.name, new.name)
        if new.secrets:
            settings = await _with_key(settings, open_session)
        draft = accounts.drafted(
            settings,
            platform=new.platform.name,
            name=new.name or host(new.url),
            url=new.url,
            secrets=new.secrets,
            options=new.options,
        )
        async with new_client(allow_private=settings.allow_private_addresses) as client:
            tools = accounts.tools_of(draft, client, utc_now)
            health = await accounts.health(connectors.connect(draft, tools))
            secrets = await tools.secrets.read()  # the platform may have replaced them
        show(health)
        if health.problems and not anyway:
            say("The account was not stored: solve what has a ✘ and add it again, or give --anyway.")
            raise typer.Exit(1)
        async with open_session() as session:
            known = await accounts.same(session, new.platform.name, new.url, health)
            if known is not None and known.sealed:
                raise BadSettings(
                    f"This account is connected already, as {accounts.key(known)}. "
                    f"Give it a new token with: {command('renew', accounts.key(known))}"
                )
            row = await accounts.add(
                session,
                settings,
                platform=new.platform.name,
                name=new.name or accounts.name_of(new.url, health),
                url=new.url,
                secrets=secrets,
                options=new.options,
                now=utc_now(),
                team=team or None,
            )
            accounts.learned(row, health)
            opened = accounts.opened(row, settings)
    mark(True, f"Stored as {accounts.key(row)}; a running bot picks it up by itself.")
    if new.platform.first_steps:
        for line in ("", *new.platform.first_steps(opened)):
            typer.echo(line)  # unshortened, for pasting: our own words and what was typed
