"""The settings; the only reader of the environment."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv.parser import parse_stream
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_FILE = Path(".env")
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
"""The variables in which Slack's library looks for a proxy, in this order."""


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, or no name at all
        raise ValueError("there is no time zone of this name; write it like Europe/Amsterdam") from None
    return name


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and not set("@?#\\") & set(url)
            and not re.search(r"[^!-~]", url)  # urlsplit leaves out line breaks
        )
    except ValueError:  # an impossible port, or a bracket without its pair
        return False


def _base(url: str) -> str:
    if not _is_address(url):
        raise ValueError("it begins with https:// or http:// and has no ? or #, as https://slack.com/api/")
    return url


def _public(url: str) -> str:
    if url and not (_is_address(url) and urlsplit(url).path in {"", "/"}):
        raise ValueError("write it like https://webcare.example.nl, without a path after it")
    return url


def _listens_on(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?", host):
            raise ValueError(
                "write a name or an IP address, like 127.0.0.1, without http:// and without a port"
            ) from None
    return host


class Settings(BaseSettings):
    """All settings, from the environment or a file `.env` beside the program; a name is its field in capitals."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _stripped(cls, value: Any) -> Any:
        """Leave out the line break with which a file or `echo` ends."""
        return value.strip() if isinstance(value, str) else value

    slack_bot_token: SecretStr = Field(SecretStr(""), description="Bot token of the Slack app (xoxb-…).")
    slack_app_token: SecretStr = Field(
        SecretStr(""), description="App-level token for Socket Mode (xapp-…, scope connections:write)."
    )
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the Slack app; needed for `webcare run --http` only."
    )
    slack_channel: str = Field("", description="Id of the team's channel (C…), where the cards are posted.")
    slack_api_url: Annotated[str, AfterValidator(_base)] = Field(
        "https://slack.com/api/", description="Base address of the Slack API."
    )
    slack_pace: float = Field(
        1.0,
        ge=0,
        le=60,
        description="Seconds between new messages in one channel; Slack takes one a second. 0: no rates of ours.",
    )
    slack_timeout: float = Field(
        10, ge=0.1, le=60, description="Seconds that one call to Slack may take; what it does after that is made good."
    )
    team_name: str = Field("Webcare", description="Name of the first team.")
    webcare_language: Literal["nl", "en"] = Field("nl", description="Language of teams that chose none: nl or en.")
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "Europe/Amsterdam", description="Time zone in which times are shown."
    )
    database_url: str = Field(
        "sqlite:///webcare.db", description="SQLite file (sqlite:///webcare.db) or PostgreSQL (postgresql://…)."
    )
    webcare_secret_key: SecretStr = Field(
        SecretStr(""),
        description="Key that encrypts platform tokens in the database; `webcare key` makes one. "
        "To rotate: the new key, a comma, the old key; after a start or `webcare key --rotate`, remove the old key.",
    )
    public_url: Annotated[str, AfterValidator(_public)] = Field(
        "", description="Address at which others reach this bot (https://…, without a path), for webhooks."
    )
    host: Annotated[str, AfterValidator(_listens_on)] = Field(
        "127.0.0.1", description="Address that the web server listens on (0.0.0.0 for all)."
    )
    port: int = Field(3000, ge=0, le=65535, description="Port of the web server (webhooks, health, Slack over HTTP).")
    watch_port: int = Field(
        3001, ge=0, le=65535, description="Port where monitors ask a process that is no web (`--only worker`, `clock`)."
    )
    sign_in_port: int = Field(
        8766, ge=1, le=65535, description="Port of this machine at which a browser comes back from a sign-in."
    )
    poll_seconds: float = Field(30, ge=1, le=3600, description="How often platforms are asked for new mentions.")
    undo_seconds: float = Field(10, ge=0, le=60, description="How long an answer can be taken back before it is sent.")
    allow_private_addresses: bool = Field(
        False, description="Let feeds, servers and callbacks lie in private networks; else none is reached."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Who may read /metrics and /health: Bearer token; without it, only this machine."
    )
    sentry_dsn: SecretStr = Field(
        SecretStr(""), description="DSN of a project in Sentry, which is told of faults without their contents."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people (text) or machines (json).")


class BadSettings(Exception):
    """A setting is missing or wrong; the text is one plain sentence that says what to do."""


def lacking(what: str, extra: str) -> BadSettings:
    """Return the refusal of a setting that needs packages which are not installed, with how to get them."""
    return BadSettings(
        f"{what}: install webcare-bot[{extra}], or with uv run: uv run --no-dev --extra {extra} webcare check"
    )


class _Log(BaseSettings):
    """The form of the log alone, which can be read where another setting is wrong."""

    model_config = Settings.model_config
    log_format: str = "text"


def log_format() -> str:
    """Return LOG_FORMAT, also where another setting is wrong; text where `.env` cannot be read."""
    try:
        return _Log().log_format.strip()
    except (OSError, UnicodeDecodeError):
        return "text"


def load_settings() -> Settings:
    """Read the settings; raises BadSettings with one sentence per wrong value, or for a file that cannot be read."""
    return _read(_named_in_file())


def load_settings_with(**given: Any) -> Settings:
    """Return these settings, and all others from the environment alone; raises BadSettings as `load_settings`."""
    return _read({}, _env_file=None, **given)


def names_proxy() -> str:
    """Return the variable of the environment that names the proxy through which Slack is called, "" without one."""
    return next((name for name in PROXIES if os.environ.get(name)), "")


@contextmanager
def without_proxies() -> Iterator[None]:
    """Take the proxies out of the environment, as offices have them: through one, this machine cannot be reached.

    Slack's library asks it for every address, whatever NO_PROXY says.
    """
    proxies = {name: os.environ.pop(name) for name in PROXIES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(proxies)


def _read(named: Mapping[str, int], **given: Any) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = [_sentence(each, named) for each in error.errors(include_url=False, include_input=False)]
        raise BadSettings(" ".join(wrong)) from None


def _named_in_file() -> dict[str, int]:
    """Return which names `.env` gives a value, and on which line; raises BadSettings for a line that is no setting."""
    try:
        content = ENV_FILE.read_bytes()
        bindings = parse_stream(StringIO(content.decode()))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSettings(f"{ENV_FILE} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadSettings(f"{ENV_FILE}, line {line}: this is not UTF-8 text; save the file as UTF-8.") from None
    named = {}
    for binding in bindings:
        if binding.error or (binding.key and binding.value is None):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            raise BadSettings(f"{ENV_FILE}, line {line}: this is no setting; write NAME=value, with quotes in pairs.")
        if binding.key:
            named[binding.key.upper()] = binding.original.line
    return named


def _sentence(wrong: ErrorDetails, named: Mapping[str, int]) -> str:
    """Return in plain words what a setting must be, and where it is wrong."""
    name = str(wrong["loc"][0]).upper()
    environment = {each.upper() for each in os.environ}
    where = f" ({ENV_FILE}, line {named[name]})" if name in named and name not in environment else ""
    limits = wrong.get("ctx", {})
    match wrong["type"]:
        case "int_parsing" | "int_from_float":
            must = "must be a whole number"
        case "float_parsing":
            must = "must be a number"
        case "bool_parsing":
            must = "must be true or false"
        case "greater_than_equal":
            must = f"must be at least {limits['ge']:g}"
        case "less_than_equal":
            must = f"must be at most {limits['le']:g}"
        case "literal_error":
            must = f"must be {limits['expected']}".replace("'", "")
        case "value_error":
            must = f"is wrong: {limits['error']}"
        case _:
            must = f"is wrong: {wrong['msg']}"
    return f"{name}{where} {must}."
