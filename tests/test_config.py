"""Addresses in the settings: what is one is taken as it is, and anything else is refused in plain words."""

import pytest
from pydantic import SecretStr

from bot.config import BadSettings, Settings, load_settings

SOUND = [
    ("public_url", "https://webcare.example.nl"),
    ("public_url", "https://webcare.example.nl/"),
    ("public_url", "http://[::1]:3000"),
    ("host", "0.0.0.0"),
    ("host", "::"),
    ("host", "bot_1.intern.example.nl"),
    ("slack_api_url", "http://127.0.0.1:8765/api/"),
]
WRONG = {
    "public_url": [
        "foo", "webcare.example.nl", "ftp://webcare.example.nl", "https://", "https:///in", "https://x.nl/webcare",
        "https://x.nl/?a=1", "https://x.nl#a", "https://a:b@x.nl", "https://x.nl:99999", "https://x.nl:0", "https://[x",
        "https://x.nl y", "https://wébcare.nl",
    ],
    "host": ["http://127.0.0.1", "127.0.0.1:3000", "[::1]", "a b", "127.0.0.1/", "-", "x."],
    "slack_api_url": ["slack.com/api/", "https://slack.com/api/?token=x", "file:///api/"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SOUND)
def test_an_address_is_taken_as_it_is(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), value)
    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, some in WRONG.items() for value in some])
def test_what_is_no_address_is_refused_in_one_sentence(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(BadSettings) as refused:
        load_settings()
    words = str(refused.value)
    assert words.startswith(f"{name.upper()} is wrong: ")
    assert words.endswith(".")
    assert "a:b" not in words


def test_without_a_public_address_there_is_none() -> None:
    assert Settings(public_url="", _env_file=None).public_url == ""


@pytest.mark.parametrize("name", ["METRICS_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CHANNEL", "PORT", "WEBCARE_LANGUAGE"])
def test_a_line_break_at_the_end_is_no_part_of_a_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a secret ends in one when an editor or `echo` made it."""
    value = {"PORT": "3000", "WEBCARE_LANGUAGE": "en"}.get(name, "abc123")
    monkeypatch.setenv(name, f"{value}\n")
    read = getattr(load_settings(), name.lower())
    assert str(read.get_secret_value() if isinstance(read, SecretStr) else read) == value
