"""`webcare accounts add`: connect an account on a platform, by questions on a terminal or by flags in a script."""

import asyncio
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from bot import accounts, connectors
from bot.cli.terminal import (
    ask,
    ask_secret,
    database,
    mark,
    may_ask,
    read_secret,
    say,
    settings_for_command,
    show,
    with_key,
)
from bot.config import BadSettings, Settings
from bot.connectors.base import Health
from bot.connectors.http import host, new_client
from bot.connectors.webhook import FIELDS, METHODS, new_secret, new_token
from bot.run import utc_now

add_app = typer.Typer(no_args_is_help=True, help="Add an account: webcare tries it first and says what works.")

SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
"""A webhook's name is part of its address."""
TEXTS, SWITCHES = ("title", "items", "time_zone"), ("html", "private")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

TokenFile = Annotated[str, typer.Option("--token-file", help="File with the access token; - reads standard input.")]
TokenEnv = Annotated[
    str,
    typer.Option("--token", envvar="WEBCARE_TOKEN", show_envvar=True, hidden=True),  # a flag stays in shell histories
]
Team = Annotated[str, typer.Option("--team", help="The team it is for; the first one when left out.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Store the account even if it does not work yet.")]
Called = Annotated[str, typer.Option("--name", help="What to call it; colleagues see this on the cards.")]


@dataclass(frozen=True)
class New:
    """An account to be added, as the flags and answers have it; without a name it gets one when it was tried."""

    platform: str
    name: str
    url: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@add_app.command()
def mastodon(
    url: Annotated[str, typer.Option("--url", help="Address of the server: https://social.example")] = "",
    token_file: TokenFile = "",
    token: TokenEnv = "",
    hashtag: Annotated[list[str] | None, typer.Option("--hashtag", help="Follow this too; may be repeated.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only read hashtags; no token is needed.")] = False,
    name: Called = "",
    team: Team = "",
    anyway: Anyway = False,
) -> None:
    """Connect a Mastodon account. The token comes from a prompt, --token-file or WEBCARE_TOKEN.

    Make it on your server under Preferences, Development, with the scopes read and write.
    """
    settings, asking = settings_for_command(), not url and may_ask()
    server = _server(url or ask("Address of the server (https://…)", "--url"), settings)
    access = given_token(token_file, token)
    if not access and not read_only:
        access = ask_secret("Access token (empty: only read hashtags)", "--token-file", may_be_empty=True).strip()
        access = proper_token(access) if access else ""
    tags = hashtag or (
        ask("Hashtags to follow, with spaces between", "--hashtag", default="").split() if asking else []
    )
    tags = [tag.strip().lstrip("#") for tag in tags if tag.strip().lstrip("#")]
    if not access and not tags:
        raise BadSettings("Without an access token only hashtags can be read: give --token-file or --hashtag.")
    options = {"hashtags": tags, **({} if access else {"read_only": True})}
    new = New("mastodon", name.strip(), server, options, {"token": access} if access else {})
    asyncio.run(_add(settings, new, team, anyway=anyway))


@add_app.command()
def feed(
    url: Annotated[str, typer.Option("--url", help="Address of the RSS or Atom feed.")] = "",
    name: Called = "",
    team: Team = "",
    anyway: Anyway = False,
) -> None:
    """Read an RSS or Atom feed: a news site, a forum, a search alert."""
    address = _with_scheme(url or ask("Address of the feed (https://…)", "--url"))
    asyncio.run(_add(settings_for_command(), New("feed", name.strip(), address, {}), team, anyway=anyway))


@add_app.command()
def webhook(
    name: Annotated[str, typer.Option("--name", help="Name of the source, part of its address: zaak-formulier")] = "",
    callback_url: Annotated[str, typer.Option("--callback-url", help="Where our replies are delivered.")] = "",
    accept: Annotated[
        str, typer.Option("--accept", help="Proofs it may use, with commas: standard, hub, token.")
    ] = "standard,hub",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--mapping", help="Our field and the path in its JSON: text=content.body; may be repeated."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="How to read it: title=…, items=…, time_zone=…, html=true, private=true, …"),
    ] = None,
    team: Team = "",
    anyway: Anyway = False,
) -> None:
    """Let a source of your own send mentions to us, signed; it is given a secret and hears our replies if it likes."""
    settings, asking = settings_for_command(), not name and may_ask()
    name = name or ask("Name of the source (small letters, digits and -)", "--name")
    if not SOURCE.fullmatch(name):
        raise BadSettings("The name of a source is part of its address: small letters, digits, - and _ only.")
    if asking and not callback_url:
        callback_url = ask("Address for our replies (empty: none)", "--callback-url", default="")
    methods = _methods(accept)
    options: dict[str, Any] = {"accept": methods, "mapping": _mapping(mapping or [])}
    options |= {"callback_url": _with_scheme(callback_url)} if callback_url else {}
    options |= _options(option or [])
    secrets = {"signing_secret": new_secret()}
    if "token" in methods:
        secrets["url_token"] = new_token()
    new = New("webhook", name, "", options, secrets)
    asyncio.run(_add(settings, new, team, anyway=anyway))
    _explain_source(new, accounts.address(new.platform, name, settings))


async def _add(settings: Settings, new: New, team: str, *, anyway: bool) -> None:
    """Try the account, say what works, and store it; leaves with code 1 when it does not work."""
    async with database(settings) as open_session:
        if new.secrets:
            async with open_session() as session:
                for row in await accounts.connected(session):
                    accounts.opened(row, settings)  # a key that does not fit must not seal more tokens
            settings = with_key(settings)
        health = await _tried(settings, new)
        if health.problems and not anyway:
            say("The account was not stored: mend what has a ✘ and add it again, or give --anyway.")
            raise typer.Exit(1)
        name = new.name or _name(new, health)
        async with open_session() as session:
            row = await accounts.add(
                session,
                settings,
                platform=new.platform,
                name=name,
                url=new.url,
                secrets=new.secrets,
                options=new.options,
                now=utc_now(),
                team=team or None,
            )
            accounts.learned(row, health)
    mark(True, f"Stored as {new.platform} {name}; a bot that runs takes it up by itself.")


async def _tried(settings: Settings, new: New) -> Health:
    draft = accounts.drafted(
        settings,
        platform=new.platform,
        name=new.name or host(new.url),
        url=new.url,
        secrets=new.secrets,
        options=new.options,
    )
    async with new_client(allow_private=settings.allow_private_addresses) as client:
        health = await accounts.health(connectors.connect(draft, accounts.tools_of(draft, client, utc_now)))
    show(health)
    return health


def _name(new: New, health: Health) -> str:
    handle = health.identity.handle if health.identity else ""
    return f"@{handle}@{host(new.url)}" if handle and "@" not in handle else host(new.url)


# --- Making sense of flags -----------------------------------------------------------------------


def given_token(token_file: str, token: str) -> str:
    """Return the token from a file, standard input or the environment; "" when none was given."""
    return proper_token(read_secret(token_file) if token_file else token) if token_file or token else ""


def proper_token(token: str) -> str:
    """Return a token without the spaces around it; raises BadSettings when it cannot be one."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadSettings("The access token holds spaces or signs that no token has: copy it again.")
    return token


def _with_scheme(url: str) -> str:
    url = url.strip()
    return url if "://" in url else f"https://{url}"


def _server(url: str, settings: Settings) -> str:
    """Return the address of a server from what people copy: a page of it will do. Tokens go over https only."""
    try:
        parts = urlsplit(_with_scheme(url))
        known = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise BadSettings(f"This is no web address: {url}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not settings.allow_private_addresses:
        raise BadSettings("The address of the server must begin with https://, or others could read the token.")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _methods(accept: str) -> list[str]:
    wanted = {part.strip() for part in accept.split(",") if part.strip()}
    if not wanted or wanted - METHODS.keys():
        raise BadSettings("--accept takes standard, hub and token, with commas between them.")
    return [method for method in METHODS if method in wanted]


def _mapping(pairs: list[str]) -> dict[str, str | None]:
    """Return our fields and their paths; `field=` says that the source has no such field."""
    mapping: dict[str, str | None] = {}
    for pair in pairs:
        ours, sign, path = (part.strip() for part in pair.partition("="))
        if not sign or ours not in FIELDS:
            raise BadSettings(f"--mapping takes field=path, with a field of: {', '.join(sorted(FIELDS))}.")
        mapping[ours] = path or None
    return mapping


def _options(pairs: list[str]) -> dict[str, Any]:
    """Return a source's further options, each as what it must be; README.md explains them."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = (part.strip() for part in pair.partition("="))
        if name in TEXTS and value:
            options[name] = value
        elif name in SWITCHES and value in {"true", "false"}:
            options[name] = value == "true"
        elif name == "max_length" and value.isdecimal() and int(value) > 0:
            options[name] = int(value)
        else:
            raise BadSettings(
                f"--option takes {', '.join(TEXTS)} with a text, {', '.join(SWITCHES)} with true or false, "
                "or max_length with a number, as in --option private=true."
            )
    return options


# --- How to call us ------------------------------------------------------------------------------


def _explain_source(new: New, address: str) -> None:
    """Print where to send mentions, the secret (this once), and an example that works when it is pasted."""
    methods = new.options["accept"]
    where = f"{address}?token={new.secrets['url_token']}" if methods == ["token"] else address
    say("")
    say(f"Send mentions to: {address}")
    if "token" in methods:
        say(f"Without a signature, to: {address}?token={new.secrets['url_token']}")
    if methods != ["token"]:
        say(f"Signing secret, shown this once: {new.secrets['signing_secret']}")
    say("Try it while the bot runs:")
    say("")
    for line in _example(methods[0], where, new.secrets["signing_secret"], _sample(new.options["mapping"])):
        typer.echo(f"  {line}")


def _sample(mapping: Mapping[str, str | None]) -> str:
    """Return a mention as this source would write it, in JSON."""
    body: dict[str, Any] = {}
    values = {"id": "example-1", "text": "Wanneer wordt mijn straat geveegd?", "author.name": "Jan"}
    for ours, value in values.items():
        *parents, last = (mapping.get(ours, ours) or "").split(".")
        inside = body
        for part in parents:
            inside = inside.setdefault(part, {})
        if last:
            inside[last] = value
    return json.dumps(body, ensure_ascii=False)


def _example(method: str, where: str, secret: str, body: str) -> list[str]:
    post = f"curl {shlex.quote(where)} -H 'Content-Type: application/json' -d \"$BODY\""
    given = [f"BODY={shlex.quote(body)}", f"SECRET={shlex.quote(secret)}"]
    match method:
        case "standard":
            return [
                *given,
                "ID=msg_$(openssl rand -hex 8); TIME=$(date +%s)",
                "KEY=$(printf %s \"${SECRET#whsec_}\" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')",
                'SIGN=$(printf %s "$ID.$TIME.$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary'
                " | openssl base64 -A)",
                f'{post} -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: v1,$SIGN"',
            ]
        case "hub":
            return [
                *given,
                'SIGN=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)',
                f'{post} -H "X-Hub-Signature-256: sha256=$SIGN"',
            ]
        case _:
            return [given[0], post]
