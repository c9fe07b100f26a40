"""A platform's options on the command line: a flag for each, questions for missing ones, and checked values."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from bot.cli.terminal import ask, ask_secret, may_ask, read_secret
from bot.config import BadSettings
from bot.connectors.http import address_of, is_readable_on_its_way, server_of
from bot.connectors.platform import Option, OptionKind

Given = Mapping[str, Any]
"""What was typed after the flags, by the names of the options; for a token, the name of a file."""

LISTS = frozenset({OptionKind.WORDS, OptionKind.MAPPING})
"""Kinds whose flag may be given more than once."""


def taking(options: Sequence[Option], command: Callable[..., None], *, changes: bool = False) -> Callable[..., None]:
    """Return a command with a flag for each option in place of its parameter `given`; secrets of ours have no flag.

    Typer reads the flags of a command from its signature. With `changes`, what was not given is None.
    """
    typed = {f"option_{n}": option for n, option in enumerate(options) if option.kind is not OptionKind.MADE}

    def run(**arguments: Any) -> None:
        given = {option.name: arguments.pop(name) for name, option in typed.items()}
        command(given=given, **arguments)

    own = [parameter for name, parameter in inspect.signature(command).parameters.items() if name != "given"]
    flags = [(_change if changes else _parameter)(name, option) for name, option in typed.items()]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*flags, *own)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__doc__ = command.__doc__
    return run


def _parameter(name: str, option: Option) -> inspect.Parameter:
    flag, about = flag_of(option), option.help or option.ask
    kind, default = str, ""  # type: Any, Any
    match option.kind:
        case OptionKind.FLAG:
            kind, default = bool, False
        case OptionKind.WORDS | OptionKind.MAPPING:
            kind, default, about = list[str] | None, None, f"{about} May be repeated."
        case OptionKind.CHOICES:
            about = f"{about} One or more of these, with commas: {', '.join(option.choices)}."
        case OptionKind.TOKEN:
            about = f"File that holds it; - reads standard input. Or set {variable_of(option)}. {about}".strip()
    annotation = Annotated[kind, typer.Option(flag, help=about)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _change(name: str, option: Option) -> inspect.Parameter:
    """Return the parameter of a flag that changes an option: left out it is None, and yes or no both have a flag."""
    flag, about, kind = flag_of(option), option.help or option.ask, str | None  # type: str, str, Any
    if option.kind is OptionKind.FLAG:
        flag, kind = f"{flag}/--no-{flag.removeprefix('--')}", bool | None
    elif option.kind in LISTS:
        about, kind = f"{about} May be repeated; all of them are given anew.", list[str] | None
    annotation = Annotated[kind, typer.Option(flag, help=about)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=None)


def changed(options: Sequence[Option], given: Given, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored options with what was given in their place; an empty value leaves the option out.

    Raises BadSettings for an invalid value, for an option that is none of `options`, and when nothing was given.
    """
    asked, known = {name for name, typed in given.items() if typed is not None}, {option.name for option in options}
    flags = ", ".join(map(flag_of, options)) or "nothing"
    if asked - known or not asked:
        raise BadSettings(f"What can be changed of this account: {flags}.")
    values = {each.name: _value(each, given[each.name], plain_http=True) for each in options if each.name in asked}
    return {name: value for name, value in {**stored, **values}.items() if value not in ("", None, False, [], {})}


def flag_of(option: Option) -> str:
    """Return the flag of an option; for a token, the flag names the file that contains it: a shell remembers flags."""
    name = (option.flag or option.name).replace("_", "-")
    return f"--{name}-file" if option.kind is OptionKind.TOKEN else f"--{name}"


def variable_of(option: Option) -> str:
    """Return the environment variable for a token."""
    return f"WEBCARE_{option.name.upper()}"


def answers(options: Sequence[Option], given: Given, *, asking: bool, plain_http: bool) -> dict[str, Any]:
    """Return the values of the options that have one, as they are stored; raises BadSettings for invalid ones.

    Missing required options are asked for, and so are missing tokens with a question; other questions are only asked
    when `asking`. With `plain_http`, tokens may go over http. Secrets of ours are created.
    """
    values: dict[str, Any] = {}
    for option in options:
        if option.kind is OptionKind.MADE:
            if option.make and _applies(option, options, values):
                values[option.name] = option.make()
            continue
        if option.kind is OptionKind.TOKEN:
            value = given_token(option, given)
            if not value and option.ask:
                value = asked_token(option, may_be_empty=option.default is not None)
        else:
            value = _value(option, given[option.name] or _asked(option, asking=asking), plain_http=plain_http)
        if value not in ("", None, False, [], {}):
            values[option.name] = value
    return values


def _applies(option: Option, options: Sequence[Option], values: Mapping[str, Any]) -> bool:
    if option.only_with is None:
        return True
    name, choice = option.only_with
    default = next((each.default for each in options if each.name == name), ())
    return choice in values.get(name, default)


def secrets_anew(options: Sequence[Option], given: Given, stored: Mapping[str, Any]) -> dict[str, str]:
    """Return all secrets of an account anew: its tokens, given or asked for, and secrets of ours.

    `stored` are its other options.
    """
    tokens = [option for option in options if option.kind is OptionKind.TOKEN]
    secrets = {each.name: token for each in tokens if (token := given_token(each, given))}
    for each in tokens:
        if each.ask and each.name not in secrets:
            may_be_empty = each.default is not None and bool(secrets)
            if token := asked_token(each, may_be_empty=may_be_empty):
                secrets[each.name] = token
    made = {each.name: each.make() for each in options if each.make and _applies(each, options, stored)}
    return {**secrets, **made}


def _asked(option: Option, *, asking: bool) -> Any:
    is_required = bool(option.ask) and option.default is None
    if not is_required and not (asking and option.ask):
        return ""
    if option.kind is OptionKind.FLAG:
        return typer.confirm(option.ask, default=bool(option.default))
    answer = ask(option.ask, flag_of(option), default=None if is_required else "")
    return answer.split() if option.kind in LISTS else answer


# --- Tokens --------------------------------------------------------------------------------------


def is_given(option: Option, given: Given) -> bool:
    """Tell whether a token was given, without reading it: standard input can be read only once."""
    return bool(given.get(option.name) or os.environ.get(variable_of(option)))


def given_token(option: Option, given: Given) -> str:
    """Return the token from a file, standard input or the environment; "" when none was given."""
    file, variable = given.get(option.name), os.environ.get(variable_of(option), "")
    return _token(read_secret(file) if file else variable) if file or variable else ""


def asked_token(option: Option, *, may_be_empty: bool = False) -> str:
    """Return the token that a person types at a hidden prompt."""
    if option.help and may_ask():
        typer.echo(option.help)
    typed = ask_secret(option.ask or option.name, flag_of(option), may_be_empty=may_be_empty)
    return "" if may_be_empty and not typed.strip() else _token(typed)


def _token(token: str) -> str:
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadSettings("The access token holds spaces or signs that no token has: copy it again.")
    return token


# --- Values --------------------------------------------------------------------------------------


def _value(option: Option, typed: Any, *, plain_http: bool) -> Any:
    """Return the typed value as the option's kind; "", None or an empty list without one."""
    flag = flag_of(option)
    match option.kind:
        case OptionKind.FLAG:
            return bool(typed)
        case OptionKind.WORDS:
            words = [word.strip().lstrip("#") for each in typed or () for word in each.split()]
            return [word for word in words if word]
        case OptionKind.MAPPING:
            return dict(_pair(option, pair) for pair in typed or ())
        case OptionKind.CHOICES:
            wanted = {part.strip() for part in typed.split(",") if part.strip()}
            if wanted - set(option.choices) or (typed and not wanted):
                raise BadSettings(f"{flag} takes {', '.join(option.choices)}, with commas between them.")
            return [choice for choice in option.choices if choice in wanted]
        case OptionKind.NUMBER:
            if typed and (not typed.isdecimal() or int(typed) < 1):
                raise BadSettings(f"{flag} takes a whole number above 0.")
            return int(typed) if typed else None
        case OptionKind.ADDRESS:
            return _address(typed) if typed.strip() else ""
        case OptionKind.SERVER:
            return _server(typed, plain_http=plain_http) if typed.strip() else ""
        case _:
            return typed.strip()


def _pair(option: Option, pair: str) -> tuple[str, str | None]:
    """Return a name and its value; `name=` means no value."""
    name, sign, value = (part.strip() for part in pair.partition("="))
    if not sign or name not in option.choices:
        names = ", ".join(option.choices)
        raise BadSettings(f"{flag_of(option)} takes name=value, with one of these names: {names}.")
    return name, value or None


def _address(typed: str) -> str:
    if not (url := address_of(typed)):
        raise BadSettings(f"This is no web address: {typed.strip()}")
    return url


def _server(typed: str, *, plain_http: bool) -> str:
    """Return the address of a server. Tokens go over https only."""
    if not plain_http and is_readable_on_its_way(_address(typed)):
        raise BadSettings("The address of the server must begin with https://, or others could read the token.")
    return server_of(_address(typed))
