"""What all commands share: settings, the database, questions, and output on the terminal."""

import codecs
import io
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import typer
from pydantic import SecretStr

from bot import accounts, db
from bot.accounts.seal import new_key
from bot.cli import env_file
from bot.config import ENV_FILE, BadSettings, Settings, load_settings
from bot.connectors.base import Health
from bot.logs import set_up_logging
from bot.models import Account
from bot.steady_clock import utc_now

SIMILAR = {"✔": "+", "✘": "x", "–": "-", "…": "."}


def settings_for_command() -> Settings:
    """Read the settings and set up the log; raises BadSettings."""
    settings = load_settings()
    set_up_logging(settings.log_level, settings.log_format)
    return settings


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[db.Sessions]:
    """Open the database as the bot does when it starts; raises BadSettings when that fails."""
    engine = db.create_engine(settings.database_url)
    try:
        await db.prepare(engine)
        open_session = db.sessions(engine)
        async with open_session() as session:
            await accounts.ensure_team(session, settings, utc_now())
        yield open_session
    finally:
        await engine.dispose()


def with_key(settings: Settings) -> Settings:
    """Return the settings with a secret key; when they have none, create one and write it into .env."""
    if settings.webcare_secret_key.get_secret_value():
        return settings
    key = new_key()
    env_file.write(ENV_FILE, "WEBCARE_SECRET_KEY", key)
    say(
        f"Made WEBCARE_SECRET_KEY and wrote it into {ENV_FILE.absolute()}. Keep a copy: without it the tokens are "
        "lost. A bot that is running has it only after it is stopped and started."
    )
    return settings.model_copy(update={"webcare_secret_key": SecretStr(key)})


# --- Words ---------------------------------------------------------------------------------------


def write_plainly() -> None:
    """Write a similar sign for one that the terminal or file does not have: those of Windows lack ✔ and ✘."""
    codecs.register_error("similar", _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="similar")


def _similar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SIMILAR.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def plain(words: object) -> str:
    """Return text without control characters: some of it comes from platforms and could control the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in str(words))


def command(*words: str) -> str:
    """Return a `webcare accounts` command for pasting into a shell: the name of an account may have spaces."""
    return shlex.join(["webcare", "accounts", *words])


def starting(account: Account) -> str:
    """Return the command that starts a stopped account: what people stopped, a check does not start."""
    return command("start" if account.is_stopped_by_hand else "check", accounts.key(account))


def say(words: str) -> None:
    """Print a line."""
    typer.echo(plain(words))


def mark(works: bool, words: object) -> None:
    """Print a line that begins with ✔ or ✘."""
    typer.echo(f"{typer.style('✔', fg='green') if works else typer.style('✘', fg='red')} {plain(words)}")


def warn(words: object) -> None:
    """Print a line that begins with !: it works, but somebody should look at it."""
    typer.echo(f"{typer.style('!', fg='yellow')} {plain(words)}")


def show(health: Health) -> None:
    """Print the result of a check, one sentence per line."""
    for sentence in health.working:
        mark(True, sentence)
    for sentence in health.warnings:
        warn(sentence)
    for sentence in (*health.faults, *health.problems):
        mark(False, sentence)


# --- Questions -----------------------------------------------------------------------------------


def may_ask() -> bool:
    """Tell whether a person is at the terminal."""
    return sys.stdin.isatty()


def ask(question: str, flag: str, *, default: str | None = None) -> str:
    """Ask a person. Without one, return the default; without a default, raise BadSettings that names the flag."""
    if may_ask():
        return str(typer.prompt(question, default=default, show_default=bool(default))).strip()
    if default is None:
        raise BadSettings(f"{flag} is missing, and there is no terminal to ask on: give it.")
    return default


def ask_secret(question: str, flag: str, *, may_be_empty: bool = False) -> str:
    """Ask a person for a secret, hidden while they type. Without a person, raise BadSettings if it is required."""
    if may_ask():
        return str(typer.prompt(question, hide_input=True, default="" if may_be_empty else None, show_default=False))
    if may_be_empty:
        return ""
    raise BadSettings(f"{flag} is missing, and there is no terminal to ask on: give it.")


def read_secret(source: str) -> str:
    """Return the first line of a file, or of standard input for "-"; raises BadSettings when there is none."""
    try:
        text = sys.stdin.readline() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadSettings(f"The file {source} cannot be read ({reason}).") from None
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not first:
        raise BadSettings(f"There is no token in {'standard input' if source == '-' else source}.")
    return first
