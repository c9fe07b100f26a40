"""`webcare accounts add … --sign-in`: the browser comes back to this machine, to the running bot, or is pasted."""

import asyncio
import os
import pty
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlmodel import select

from bot import connectors, db
from bot.accounts.sign_in import SignIns, loopback
from bot.models import Account
from bot.sandbox.app import Sandbox
from tests import people
from tests.conftest import CHANNEL, SANNE, SECRET_KEY, eventually, running_bot
from tests.connectors.facebook.fake import PAGE, FakeFacebook
from tests.connectors.mastodon.fake import TEAM, FakeMastodon
from tests.connectors.meta import graph
from tests.fakes.command import Done, webcare
from tests.fakes.ports import free_port

NAME = f"@{TEAM}@127.0.0.1"


@pytest.fixture
def settings(slack: Sandbox) -> dict[str, Any]:
    return {
        "slack_bot_token": slack.app.bot_token, "slack_app_token": slack.app.app_token, "slack_channel": CHANNEL,
        "slack_api_url": slack.api_url, "slack_timeout": 60, "allow_private_addresses": True, "port": free_port(),
        "sign_in_port": free_port(), "webcare_secret_key": SECRET_KEY,
    }  # fmt: skip


async def stored(folder: Path) -> list[Account]:
    engine = db.create_engine(f"sqlite:///{folder / 'webcare.db'}")
    try:
        async with db.readings(engine)() as session:
            return list(await session.exec(select(Account).where(Account.platform != "webhook")))
    finally:
        await engine.dispose()


SHOWN = re.compile(r"https?://\S+/(?:dialog/)?oauth(?:/authorize)?\?\S+")


async def address_shown(file: Path) -> str:
    """Wait until a command shows where to sign in."""

    def read() -> str:
        return file.read_text() if file.exists() else ""

    async def shown() -> str:
        found = SHOWN.search(await asyncio.to_thread(read))
        return found[0] if found else ""

    return str(await eventually(shown))


async def visit(address: str) -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        return await browser.get(address)


async def test_a_browser_on_the_same_machine_comes_back_to_the_command(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path
) -> None:
    flags = ("--url", mastodon.base_url, "--sign-in", "--hashtag", "afval")
    running = asyncio.create_task(webcare(tmp_path, "accounts", "add", "mastodon", *flags, **settings))
    back = mastodon.agree(await address_shown(tmp_path / "stdout"))
    assert back.startswith(f"http://localhost:{settings['sign_in_port']}/connect/mastodon/callback?")
    page = await visit(back)
    assert (page.status_code, "Ga verder in je terminal" in page.text) == (200, True)
    done = await running
    assert done.code == 0, done.err
    assert f"Stored as mastodon/{NAME}" in done.out
    [account] = await stored(tmp_path)
    assert (account.name, account.options) == (NAME, {"hashtags": ["afval"]})


async def test_an_account_that_is_renewed_has_the_options_that_were_given(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path
) -> None:
    add = ("accounts", "add", "mastodon", "--url", mastodon.base_url)
    await webcare(tmp_path, *add, "--name", "ons", "--hashtag", "gras", webcare_token=mastodon.token, **settings)
    for flags, hashtags in (((), ["gras"]), (("--hashtag", "afval"), ["afval"])):
        (tmp_path / "stdout").unlink()
        running = asyncio.create_task(webcare(tmp_path, *add, "--sign-in", *flags, **settings))
        await visit(mastodon.agree(await address_shown(tmp_path / "stdout")))
        assert "Renewed as mastodon/ons" in (await running).out
        [account] = await stored(tmp_path)
        assert account.options == {"hashtags": hashtags}


async def test_what_somebody_began_in_slack_is_not_taken_for_what_the_command_waits_for(
    mastodon: FakeMastodon, settings: dict[str, Any], slack: Sandbox, tmp_path: Path
) -> None:
    """Without a public address both come back to the same port, if the browser is on this machine."""
    await webcare(tmp_path, "migrate", **settings)
    async with running_bot(f"sqlite:///{tmp_path / 'webcare.db'}", slack, **settings) as bot:
        running = asyncio.create_task(
            webcare(tmp_path, "accounts", "add", "mastodon", "--url", mastodon.base_url, "--sign-in", **settings)
        )
        address = await address_shown(tmp_path / "stdout")
        begun = await SignIns.of(bot.desk).begin(
            connectors.registry().platforms["mastodon"], team_id=1, url=mastodon.base_url, options={}, given={},
            redirect=loopback(bot.desk.settings, "mastodon"), by=SANNE,
        )  # fmt: skip
        page = await visit(mastodon.agree(begun.address))
        assert "Je hebt in Slack een direct bericht gekregen" in page.text
        page = await visit(mastodon.agree(address))
        assert "Ga verder in je terminal" in page.text
        done = await running
    assert done.code == 0, done.err
    assert [account.name for account in await stored(tmp_path)] == [NAME]


async def test_an_account_of_another_team_than_the_one_that_was_named_is_not_renewed(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path
) -> None:
    add = ("accounts", "add", "mastodon", "--url", mastodon.base_url)
    await webcare(tmp_path, "teams", "add", "Zorg", "C0ZORG", **settings)
    await webcare(tmp_path, *add, "--name", "ons", webcare_token=mastodon.token, **settings)
    codes = []
    for flags in ((), ("--team", "Zorg")):
        (tmp_path / "stdout").unlink()
        running = asyncio.create_task(webcare(tmp_path, *add, "--sign-in", *flags, **settings))
        await visit(mastodon.agree(await address_shown(tmp_path / "stdout")))
        done = await running
        codes.append(done.code)
    assert codes == [0, 1]
    assert "✘ This account belongs to the team Webcare already." in done.out


async def test_a_browser_elsewhere_comes_back_to_the_bot_that_runs(
    mastodon: FakeMastodon, settings: dict[str, Any], slack: Sandbox, tmp_path: Path
) -> None:
    public: dict[str, Any] = {"public_url": "https://webcare.example.nl"}
    await webcare(tmp_path, "migrate", **settings)
    async with running_bot(f"sqlite:///{tmp_path / 'webcare.db'}", slack, **public) as bot:
        flags = ("--url", mastodon.base_url, "--sign-in")
        running = asyncio.create_task(webcare(tmp_path, "accounts", "add", "mastodon", *flags, **settings, **public))
        back = mastodon.agree(await address_shown(tmp_path / "stdout"))
        assert back.startswith("https://webcare.example.nl/connect/mastodon/callback?")
        page = await visit(back.replace("https://webcare.example.nl", bot.url))
        assert (page.status_code, "Ga verder in je terminal" in page.text) == (200, True)
        done = await running
    assert done.code == 0, done.err
    assert [account.name for account in await stored(tmp_path)] == [NAME]


@pytest.mark.parametrize("key", ["", Fernet.generate_key().decode()], ids=["none", "another"])
async def test_a_bot_that_runs_with_another_key_or_none_says_so_in_the_browser_and_in_the_terminal(
    mastodon: FakeMastodon, settings: dict[str, Any], slack: Sandbox, tmp_path: Path, key: str
) -> None:
    public: dict[str, Any] = {"public_url": "https://webcare.example.nl"}
    database = f"sqlite:///{tmp_path / 'webcare.db'}"
    await webcare(tmp_path, "migrate", **settings)
    async with running_bot(database, slack) as bot:
        await people.set_sealed(bot, "plein", b"")  # nothing needs a key so far
    async with running_bot(database, slack, **public, webcare_secret_key=key) as bot:
        flags = ("--url", mastodon.base_url, "--sign-in")
        running = asyncio.create_task(webcare(tmp_path, "accounts", "add", "mastodon", *flags, **settings, **public))
        back = mastodon.agree(await address_shown(tmp_path / "stdout"))
        page = await visit(back.replace("https://webcare.example.nl", bot.url))
        assert (page.status_code, "stop de bot" in page.text) == (400, True)
        done = await running
    assert (done.code, "start it with that key, and begin anew" in done.err) == (2, True)
    assert await stored(tmp_path) == []


async def test_an_address_that_was_pasted_is_taken_and_nothing_secret_is_shown(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    async with FakeFacebook() as server:
        server.pages = [
            {"id": "204", "name": "Museum", "access_token": "x"},
            {"id": PAGE, "name": "Gemeente Voorbeeld", "access_token": graph.TOKEN},
        ]
        (tmp_path / "secret").write_text(graph.APP_SECRET)
        flags = ["--app-id", graph.APP_ID, "--app-secret-file", "secret", "--url", server.url, "--paste"]
        shown, code = await asyncio.to_thread(conversed, server, settings, tmp_path, flags)
        late, refused = await asyncio.to_thread(conversed, server, settings, tmp_path, flags, waits_too_long=True)
    assert (refused, "This sign-in is over" in late, "Something went wrong" in late) == (2, True, False), late
    assert code == 0, shown
    assert "2  Gemeente Voorbeeld" in shown
    assert "Stored as facebook/" in shown
    assert "Verify token, shown this once" in shown
    assert not re.search(f"{graph.TOKEN}|{graph.APP_SECRET}", shown)
    [account] = await stored(tmp_path)
    assert account.options == {"page_id": PAGE, "app_id": graph.APP_ID}
    again = await webcare(tmp_path, "accounts", "steps", account.name, **settings)
    assert (again.code, "Verify token" in again.out) == (0, True)


def conversed(
    server: FakeFacebook, settings: dict[str, Any], folder: Path, flags: list[str], *, waits_too_long: bool = False
) -> tuple[str, int]:
    """Run `accounts add facebook` at a terminal as a person who agrees and chooses the second page."""
    environment = {"PATH": os.defpath, **{name.upper(): str(value) for name, value in settings.items()}}
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "bot", "accounts", "add", "facebook", *flags], environment)
    shown, answered = "", set[str]()
    while True:
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # the other side is gone
            break
        address = re.search(r"http://\S+/dialog/oauth\S+", shown)
        if address and "Address of that page: " in shown and "address" not in answered:
            answered.add("address")
            os.write(terminal, f"{server.consents.agree(address[0])}\n".encode())
        if "means all: " in shown and "pages" not in answered:
            answered.add("pages")
            if waits_too_long:
                with sqlite3.connect(folder / "webcare.db") as database:
                    database.execute("UPDATE sign_ins SET ends_at = '2020-01-01 00:00:00.000000'")
            os.write(terminal, b"2\n")
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--sign-in", "--name", "ons"], "--name cannot be given with --sign-in"),
        (["--sign-in", "--team", "Zorg"], "There is no team named Zorg"),
        (["--paste"], "--paste needs a terminal"),
    ],
)
async def test_what_cannot_be_is_told_in_one_sentence(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path, flags: list[str], sentence: str
) -> None:
    done = await webcare(tmp_path, "accounts", "add", "mastodon", "--url", mastodon.base_url, *flags, **settings)
    assert done.code == 2
    assert sentence in done.err
    assert done.err.count("\n") == 1


async def test_a_port_that_is_taken_is_told_in_one_sentence(
    mastodon: FakeMastodon, settings: dict[str, Any], tmp_path: Path
) -> None:
    server = await asyncio.start_server(lambda *_: None, "localhost", settings["sign_in_port"])
    async with server:
        done = await webcare(
            tmp_path, "accounts", "add", "mastodon", "--url", mastodon.base_url, "--sign-in", **settings
        )
    assert done.code == 2
    assert "choose another SIGN_IN_PORT, or give --paste" in done.err
    assert not SHOWN.search(done.out)


async def test_one_who_refuses_is_told_and_nothing_is_stored(settings: dict[str, Any], tmp_path: Path) -> None:
    async with FakeFacebook() as server:
        (tmp_path / "secret").write_text(graph.APP_SECRET)
        flags = ("--app-id", graph.APP_ID, "--app-secret-file", "secret", "--url", server.url, "--sign-in")
        running: asyncio.Task[Done] = asyncio.create_task(
            webcare(tmp_path, "accounts", "add", "facebook", *flags, **settings)
        )
        page = await visit(server.consents.refuse(await address_shown(tmp_path / "stdout")))
        done = await running
    assert page.status_code == 400
    assert (done.code, "You gave us no permission on Facebook" in done.err) == (2, True)
    assert await stored(tmp_path) == []
