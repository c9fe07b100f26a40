"""A platform's options on the command line: flags, questions and checks are made from data."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bot.cli.options import answers, flag_of, taking, variable_of
from bot.cli.terminal import show
from bot.config import BadSettings
from bot.connectors import registry
from bot.connectors.base import Health
from bot.connectors.platform import Option, OptionKind, Platform
from bot.domain.text import text

KINDS = (
    Option("url", "Address of the server", OptionKind.SERVER, help="Where it is."),
    Option("app_secret", "Secret of the app", OptionKind.TOKEN, help="It is on the page of the app.", secret=True),
    Option("token", kind=OptionKind.TOKEN, default="", secret=True),
    Option("places", "Places", OptionKind.WORDS, default=(), flag="place"),
    Option("proofs", kind=OptionKind.CHOICES, default=("weak",), choices=("strong", "weak"), help="Proofs."),
    Option("map", kind=OptionKind.MAPPING, choices=("id", "text"), help="Map."),
    Option("most", kind=OptionKind.NUMBER, help="Most."),
    Option("quiet", kind=OptionKind.FLAG, help="Quiet."),
    Option("label", kind=OptionKind.TITLE, help="Label."),
    Option("signing", kind=OptionKind.MADE, secret=True, make=lambda: "made"),
    Option("weak_token", kind=OptionKind.MADE, secret=True, make=lambda: "weak", only_with=("proofs", "weak")),
)


def stored(*flags: str, env: dict[str, str] | None = None, typed: str = "") -> dict[str, Any]:
    """What a command with these options makes of flags."""
    values: dict[str, Any] = {}

    def command(given: dict[str, Any], name: str = "") -> None:
        values.update(answers(KINDS, given, asking=False, plain_http=False), _name=name)

    app = typer.Typer()
    app.command()(taking(KINDS, command))
    done = CliRunner().invoke(app, flags, env=env or {}, input=typed)
    if done.exception:
        raise done.exception
    return values


TOKENS = {"WEBCARE_APP_SECRET": "s3cret"}
URL = ("--url", "social.example/@ons")


def test_every_kind_of_option_has_its_flag() -> None:
    flags = (
        "--place", "#afval", "--place", "zuid noord", "--proofs", "weak,strong", "--map", "id=a.b", "--map", "text=",
        "--most", "900", "--quiet", "--label", " Zaak ", "--name", "ons",
    )  # fmt: skip
    assert stored(*URL, *flags, env=TOKENS) == {
        "url": "https://social.example",
        "app_secret": "s3cret",
        "places": ["afval", "zuid", "noord"],
        "proofs": ["strong", "weak"],
        "map": {"id": "a.b", "text": None},
        "most": 900,
        "quiet": True,
        "label": "Zaak",
        "signing": "made",
        "weak_token": "weak",
        "_name": "ons",
    }


def test_what_was_not_given_is_not_stored() -> None:
    assert stored(*URL, env=TOKENS) == {
        "url": "https://social.example", "app_secret": "s3cret", "signing": "made", "weak_token": "weak", "_name": "",
    }  # fmt: skip


def test_a_secret_is_made_only_with_the_choice_that_it_belongs_to() -> None:
    assert "weak_token" not in stored(*URL, "--proofs", "strong", env=TOKENS)


def test_each_token_has_its_own_file_and_variable(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    flags = (*URL, "--app-secret-file", str(tmp_path / "secret"), "--token-file", "-")
    values = stored(*flags, env={"WEBCARE_APP_SECRET": "unused"}, typed="typed\n")
    assert (values["app_secret"], values["token"]) == ("from-a-file", "typed")


def test_no_secret_can_be_typed_as_a_flag() -> None:
    secrets = [option for platform in registry().platforms.values() for option in platform.options if option.secret]
    for option in (*secrets, *(each for each in KINDS if each.secret)):
        assert option.kind is OptionKind.MADE or flag_of(option).endswith("-file")
    with pytest.raises(SystemExit):
        stored(*URL, "--app-secret", "s3cret")
    with pytest.raises(SystemExit):
        stored(*URL, "--signing", "s3cret")


@pytest.mark.parametrize(
    ("flags", "env", "sentence"),
    [
        ((), TOKENS, "--url is missing"),
        (URL, {}, "--app-secret-file is missing"),
        (URL, {"WEBCARE_APP_SECRET": "two words"}, "copy it again"),
        (URL, {"WEBCARE_APP_SECRET": "é"}, "copy it again"),
        (("--url", "http://social.example"), TOKENS, "https://"),
        (("--url", "https://:99"), TOKENS, "no web address"),
        (("--url", "https://a.example:99999"), TOKENS, "no web address"),
        (("--url", "https://a.example:0"), TOKENS, "no web address"),
        (("--url", "gopher://a.example"), TOKENS, "no web address"),
        (("--url", "https://a\u200b.example"), TOKENS, "no web address"),
        (("--url", "https://a..example"), TOKENS, "no web address"),
        ((*URL, "--proofs", "strong,odd"), TOKENS, "--proofs takes strong, weak"),
        ((*URL, "--proofs", ","), TOKENS, "--proofs takes strong, weak"),
        ((*URL, "--map", "colour=x"), TOKENS, "--map takes name=value, with one of these names: id, text"),
        ((*URL, "--map", "id"), TOKENS, "--map takes name=value"),
        ((*URL, "--most", "0"), TOKENS, "--most takes a whole number"),
        ((*URL, "--most", "-1"), TOKENS, "--most takes a whole number"),
        ((*URL, "--most", "²"), TOKENS, "--most takes a whole number"),
    ],
)
def test_what_cannot_be_is_one_sentence(flags: tuple[str, ...], env: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadSettings, match=sentence):
        stored(*flags, env=env)


def test_a_warning_is_shown_apart_from_what_works_and_what_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    show(Health(working=(text("It works."),), warnings=(text("It ends\x1b[2J soon."),), problems=(text("No token."),)))
    assert capsys.readouterr().out == "✔ It works.\n! It ends [2J soon.\n✘ No token.\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost", "https://u:p@a.example/pad?x=1#y"])
def test_a_page_of_a_server_will_do_and_this_machine_needs_no_https(url: str) -> None:
    address = answers(KINDS[:1], {"url": url}, asking=False, plain_http=False)["url"]
    assert address in {"http://127.0.0.1:3000", "http://localhost", "https://a.example"}


@pytest.mark.parametrize("platform", registry().platforms.values(), ids=lambda platform: platform.name)
def test_the_flags_of_a_platform_are_its_own(platform: Platform) -> None:
    flags = [flag_of(option) for option in platform.options]
    assert len(set(flags)) == len(flags)
    assert not {"--name", "--team", "--anyway", "--end-old", "--help"} & set(flags)
    variables = [variable_of(option) for option in platform.options if option.kind is OptionKind.TOKEN]
    assert all(name.isidentifier() and name.isupper() for name in variables)
    assert platform.about.endswith(".")
