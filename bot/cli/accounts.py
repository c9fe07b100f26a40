"""`webcare accounts`: list, check, renew, stop, start and remove the accounts on platforms; adding is in add.py."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from bot import accounts, connectors, db
from bot.accounts import token_ends
from bot.accounts.seal import Unopened, unseal
from bot.cli import add
from bot.cli.options import Given, asked_token, changed, given_token, secrets_anew, taking
from bot.cli.terminal import command, database, mark, may_ask, plain, say, settings_for_command, show, warn, with_key
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import new_client
from bot.connectors.platform import Capability, Option, OptionKind, Secrets, Tools
from bot.domain.budget import Budget
from bot.models import Account, Team
from bot.steady_clock import utc_now
from bot.texts import Texts

accounts_app = typer.Typer(no_args_is_help=True, help="The accounts on platforms: where citizens write to us.")
accounts_app.add_typer(add.commands(), name="add")

Name = Annotated[str, typer.Argument(help="Its name, as `webcare accounts list` shows it.")]


@accounts_app.command("list")
def list_accounts() -> None:
    """Show the accounts and whether they work."""
    asyncio.run(_list(settings_for_command()))


async def _list(settings: Settings) -> None:
    async with database(settings) as open_session, open_session() as session:
        rows = await accounts.connected(session)
        teams = {row.team_id: (await session.get_one(Team, row.team_id)).name for row in rows}
    if not rows:
        say("There are no accounts yet; connect one with: webcare accounts add")
        return
    whole = [Column(header, no_wrap=True) for header in ("Platform", "Name")]
    table = Table(*whole, *(Column(header, overflow="fold") for header in ("Team", "State", "Last read")))
    t = Texts("en", settings.time_zone)
    for row in rows:
        cells = (row.platform, row.name, teams[row.team_id], state_of(row, t), _last_read(row, t))
        table.add_row(*(plain(cell) for cell in cells))
    Console(markup=False, highlight=False).print(table)


def state_of(row: Account, t: Texts) -> str:
    """Return in words whether an account works."""
    if row.stopped_at is not None:
        return f"Stopped since {t.when(row.stopped_at, utc_now())}. {t.stored(row.problem)}"
    if row.problem is not None:
        return f"Has a problem, will be tried again. {t.stored(row.problem)}"
    if row.fault is not None:
        return f"Works in part. {t.stored(row.fault)}"
    if (limit := Budget.of(row.budget).gone(utc_now(), timedelta())) and limit.until:
        return f"Its platform's limit is used up until {t.when(limit.until, utc_now())}."
    return "Works" if row.polled_at or not _is_polled(row) else "Not read yet"


def _last_read(row: Account, t: Texts) -> str:
    if not _is_polled(row):
        return "it sends to us"
    return t.when(row.polled_at, utc_now()) if row.polled_at else "–"


def _is_polled(row: Account) -> bool:
    platform = connectors.known(row.platform)
    return platform is not None and platform.can(Capability.POLLS)


@accounts_app.command("check")
def check_accounts(
    name: Annotated[str, typer.Argument(help="One account; all of them when left out.")] = "",
) -> None:
    """Try accounts, and say what works and what is missing. One that works again starts by itself."""
    if not asyncio.run(_check(settings_for_command(), name)):
        raise typer.Exit(1)


async def _check(settings: Settings, name: str) -> bool:
    all_work = True
    async with database(settings) as open_session, new_client(allow_private=settings.allow_private_addresses) as client:
        async with open_session() as session:
            rows = [await accounts.named(session, name)] if name else await accounts.connected(session)
        connector = accounts.connector_of(settings, client, utc_now, open_session)
        for row in rows:
            say(accounts.key(row))
            if row.was_removed and not name:
                say(accounts.ONLY_KEPT)
                continue
            try:
                health = await accounts.health(connector(row))
            except (Unopened, base.Unavailable) as error:
                mark(False, error)
                all_work = False
                continue
            show(health)
            async with open_session() as session:
                stored = await session.get_one(Account, row.id, with_for_update=db.HELD)
                await token_ends.learned(session, stored, health)
                session.add(stored)
            if stored.is_stopped_by_hand:
                say(f"It is stopped; start it with: {command('start', row.name)}")
            in_use = accounts.seen_in_use(stored)
            for fault in in_use:
                mark(False, fault)
            all_work = all_work and not (health.problems or health.faults or in_use)
    if not rows:
        say("There are no accounts yet.")
    return all_work


def _tokens() -> list[Option]:
    """Return the tokens of all platforms, each once: the flags exist before the account's platform is known."""
    options = [option for platform in connectors.registry().platforms.values() for option in platform.options]
    names = dict.fromkeys(option.name for option in options if option.kind is OptionKind.TOKEN)
    return [Option(name, kind=OptionKind.TOKEN, secret=True) for name in names]


def renew(
    given: Given,
    name: Name,
    end_old: Annotated[
        bool, typer.Option("--end-old", help="Accept only the newest secret of ours; no new one is made.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Keep the new token even if it does not work.")] = False,
) -> None:
    """Give an account a new token. A secret of ours is made anew; the old one is accepted until --end-old."""
    asyncio.run(_renew(settings_for_command(), name, given, end_old=end_old, anyway=anyway))


accounts_app.command("renew")(taking(_tokens(), renew))


def _changeable() -> list[Option]:
    """Return the changeable options of all platforms, each once: as with `_tokens`."""
    options = [each for platform in connectors.registry().platforms.values() for each in platform.changeable]
    return list({option.name: option for option in options}.values())


def change(
    given: Given,
    name: Name,
    anyway: Annotated[bool, typer.Option("--anyway", help="Store it even if the account does not work so.")] = False,
) -> None:
    """Change options of an account; an empty value takes one away. It is tried before it is stored."""
    asyncio.run(_change(settings_for_command(), name, given, anyway=anyway))


accounts_app.command("change")(taking(_changeable(), change, changes=True))


async def _change(settings: Settings, name: str, given: Given, *, anyway: bool) -> None:
    async with database(settings) as open_session:
        async with open_session() as session:
            row = await accounts.named(session, name)
        platform = connectors.known(row.platform)
        changeable = platform.changeable if platform else ()
        fresh = accounts.drafted(
            settings, platform=row.platform, name=row.name, url=row.url, secrets=accounts.opened(row, settings).secrets,
            options=changed(changeable, given, row.options),
        )  # fmt: skip
        health = await _tried(settings, row, fresh, accounts.StoredSecrets(row.id, settings, open_session))
        if health.problems and not anyway:
            say("Nothing was changed. Solve what has a ✘, or give --anyway.")
            raise typer.Exit(1)
        async with open_session() as session:
            row = await session.get_one(Account, row.id, with_for_update=db.HELD)
            accounts.change(session, row, changed(changeable, given, row.options), utc_now())
            await token_ends.learned(session, row, health)
            session.add(row)
    mark(True, f"{row.name} is changed; a running bot goes by it from its next reading or answer.")


async def _tried(settings: Settings, row: Account, fresh: base.Account, secrets: Secrets) -> base.Health:
    """Try an account as it is to become, and show what is found; the platform may replace these `secrets`.

    Raises BadSettings when it is another account there.
    """
    async with new_client(allow_private=settings.allow_private_addresses) as client:
        health = await accounts.health(connectors.connect(fresh, Tools(client, utc_now, secrets)))
    show(health)
    _refuse_other_account(row, health)
    return health


async def _renew(settings: Settings, name: str, given: Given, *, end_old: bool, anyway: bool) -> None:
    async with database(settings) as open_session:
        async with open_session() as session:
            row = await accounts.named(session, name)
        old = _old_secrets(row, settings, end_old=end_old)
        secrets: Mapping[str, str] = _without_old(old) if end_old else _renewed(row, old, given)
        settings = with_key(settings)
        fresh = accounts.drafted(
            settings, platform=row.platform, name=row.name, url=row.url, secrets=secrets, options=row.options
        )
        tried = accounts.DraftSecrets(fresh.secrets)
        health = await _tried(settings, row, fresh, tried)
        secrets = tried.now
        made = [] if end_old else _made_anew(row, secrets, old)
        has_tokens = any(name.removesuffix("_old") not in made for name in secrets)
        if health.problems and not anyway and (has_tokens or end_old):  # the other side has yet to get a secret of ours
            say("Nothing was changed. Solve what has a ✘, or give --anyway.")
            raise typer.Exit(1)
        async with open_session() as session:
            row = await session.get_one(Account, row.id, with_for_update=db.HELD)
            accounts.renew(session, row, secrets, settings, utc_now())
            await token_ends.learned(session, row, health)
            stays_stopped = row.is_stopped_by_hand
    for each in made:
        say(f"Its new {each.replace('_', ' ')}: {secrets[each]}")
    if any(name.endswith("_old") for name in secrets):
        say(f"The old one is accepted too, until: {command('renew', row.name, '--end-old')}")
    if made and health.problems:
        say(f"Once it is in use on the other side, try it with: {command('check', row.name)}")
    mark(True, f"{row.name} is renewed.")
    if stays_stopped:
        say(f"It is stopped; start it with: {command('start', row.name)}")


def _old_secrets(row: Account, settings: Settings, *, end_old: bool) -> dict[str, str]:
    """Return the secrets of an account that is renewed; none when the key that opens them is lost."""
    key = settings.webcare_secret_key.get_secret_value()
    try:
        return unseal(row.sealed, key)
    except Unopened:
        if not key or end_old:
            raise
        warn("WEBCARE_SECRET_KEY does not open what is stored of it: all of its tokens and secrets become new.")
        return {}


def _made_anew(row: Account, secrets: Mapping[str, str], old: Mapping[str, str]) -> list[str]:
    """Return the names of those secrets that we made anew and the other side may not have yet."""
    platform = connectors.known(row.platform)
    made = [each.name for each in platform.options if each.make and each.name in secrets] if platform else []
    return [name for name in made if f"{name}_old" in secrets or name not in old]


def _renewed(row: Account, old: Mapping[str, str], given: Given) -> dict[str, str]:
    """Return an account's secrets with new tokens; on a platform without tokens, with new secrets of ours.

    All of them are new when there are no old ones. A secret of ours that was renewed, and beside which the old one is
    still accepted, stays: the old one is what the source uses.
    """
    platform = connectors.known(row.platform)
    options = platform.options if platform else ()
    tokens = [option for option in options if option.kind is OptionKind.TOKEN]
    made = [option for option in options if option.make and option.name in old]
    if not old and (anew := secrets_anew(options, given, row.options)):
        return anew
    if not (tokens or made):
        raise BadSettings(f"{row.name} has no token that could be renewed.")
    if tokens:
        new = {each.name: token for each in tokens if (token := given_token(each, given))}
        asked = [each for each in tokens if each.name in old] or tokens
        return {**old, **(new or {each.name: asked_token(each) for each in asked})}
    new = {each.name: each.make() for each in made if each.make and f"{each.name}_old" not in old}
    return {**old, **new, **{f"{name}_old": old[name] for name in new}}


def _without_old(secrets: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in secrets.items() if not name.endswith("_old")}


def _refuse_other_account(row: Account, health: base.Health) -> None:
    """Raise BadSettings when a token belongs to another account than before."""
    was, now = row.identity, health.identity
    if was and now and was["id"] != now.id:
        raise BadSettings(
            f"This token is of @{now.handle or now.id}, not of @{was['handle'] or was['id']}: "
            "add that one as an account of its own."
        )


@accounts_app.command()
def steps(name: Name) -> None:
    """Show what to set up on the platform's side, with the secrets that it needs for that."""
    asyncio.run(_steps(settings_for_command(), name))


async def _steps(settings: Settings, name: str) -> None:
    async with database(settings) as open_session, open_session() as session:
        opened = accounts.opened(await accounts.named(session, name), settings)
    platform = connectors.known(opened.platform)
    lines = platform.first_steps(opened) if platform and platform.first_steps else ()
    for line in lines or ("There is nothing to set up there.",):
        typer.echo(line)  # unshortened, for pasting: our own words and what was typed


@accounts_app.command()
def stop(name: Name) -> None:
    """Stop an account: nothing is read or sent any more."""
    asyncio.run(_stop_or_start(settings_for_command(), name, stopping=True))
    say(f"{name} is stopped; start it with: {command('start', name)}")


@accounts_app.command()
def start(name: Name) -> None:
    """Start a stopped account."""
    asyncio.run(_stop_or_start(settings_for_command(), name, stopping=False))
    say(f"{name} is started; try it with: {command('check', name)}")


async def _stop_or_start(settings: Settings, name: str, *, stopping: bool) -> None:
    async with database(settings) as open_session, open_session() as session:
        row = await accounts.named(session, name)
        if not stopping and settings.webcare_secret_key.get_secret_value():
            accounts.opened(row, settings)  # with tokens that it does not open, it would keep the bot from starting
        if not stopping:
            await accounts.refuse_read_already(session, row.platform, row.url, but=row.id)
        (accounts.stop if stopping else accounts.start)(session, row, utc_now())


@accounts_app.command()
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False
) -> None:
    """Remove an account. One with mentions is only stopped, because answers must stay archived."""
    settings = settings_for_command()
    asyncio.run(_must_exist(settings, name))
    if not yes and not may_ask():
        raise BadSettings("--yes is missing, and there is no terminal to ask on: give it.")
    if not yes and not typer.confirm(f"Remove {plain(name)}?"):
        say("Nothing was changed.")
        return
    if asyncio.run(_remove(settings, name, utc_now())):
        say(f"{name} is removed.")
        return
    say(
        f"{name} is stopped but kept: it has mentions or a history, and answers must stay archived. "
        "Nothing is read or sent any more, and its tokens are deleted."
    )


async def _must_exist(settings: Settings, name: str) -> None:
    async with database(settings) as open_session, open_session() as session:
        await accounts.named(session, name)


async def _remove(settings: Settings, name: str, now: datetime) -> bool:
    async with database(settings) as open_session, open_session() as session:
        return await accounts.remove(session, await accounts.named(session, name), now)
