"""The connector of e-mail on a real mail server, Dovecot and Exim: reading, sending once, and what breaks between."""

import asyncio
import imaplib
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any, Literal

import httpx
import pytest
from structlog.testing import capture_logs

from bot.connectors import http
from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    NotNow,
    OutcomeUnknown,
    Page,
    RateLimited,
    Rejected,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
    Verdict,
)
from bot.connectors.email import Email, automatic, reading, smtp
from bot.connectors.email.threads import id_of
from bot.domain.mention import Arrived, Author, Delivery, Media, Post, also_to
from tests.connectors.email.mail_server import HOST, PASSWORD, MailboxThere, MailServer
from tests.connectors.email.mail_wires import BetweenMail
from tests.fakes.tools import tools
from tests.fakes.wires import Names

SENT = "Verstuurd"


@pytest.fixture
def team(mail: MailServer) -> MailboxThere:
    return mail.mailbox("webcare", "gemeente.example")


@pytest.fixture
def jan(mail: MailServer) -> MailboxThere:
    return mail.mailbox("jan", "burger.example")


def account(team: MailboxThere, *, added_at: datetime | None = None, **options: Any) -> Account:
    ports = team.server.ports
    told = {"imap": f"imap://127.0.0.1:{ports['imap']}", "smtp": f"smtp://127.0.0.1:{ports['smtp']}", **options}
    secrets = {"password": told.pop("password", PASSWORD)}
    return Account(1, "email", "gemeente", "", secrets, {"address": team.address, **told}, added_at=added_at)


def connector(team: MailboxThere, client: httpx.AsyncClient, **changes: Any) -> Email:
    one = account(team, **changes)
    return Email(one, tools(client, one.secrets))


def mail_from(sender: str, words: str, number: str, **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    subject = "" if "Subject" in headers else "Subject: Vraag\r\n"
    return f"From: Jan <{sender}>\r\n{subject}Message-ID: <{number}@burger.example>\r\n{more}\r\n{words}\r\n".encode()


def words_of(page: Page) -> list[str]:
    return [post.text.split("\n")[-1] for post in page.posts]


def copies(team: MailboxThere) -> list[str]:
    """The flags of what lies in the sent mail."""
    return sorted(name.partition(":2,")[2] for name in team.names(SENT))


# --- Reading -------------------------------------------------------------------------------------


async def test_several_folders_are_read_in_order_of_time_and_page_by_page(
    team: MailboxThere, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    one = connector(team, client, folders="INBOX, Klachten & vragen")
    with logged_in(team) as box:
        box.create('"Klachten &- vragen"')
    for number in range(7):
        at = datetime.now(UTC) - timedelta(minutes=60 - number)
        folder = "Klachten &- vragen" if number % 2 else ""
        team.put(mail_from("jan@burger.example", f"Vraag {number}", str(number), To=team.address), folder, at)
    cursor: Cursor = {}
    words: list[str] = []
    for _ in range(5):
        page = await one.fetch(cursor)
        words += words_of(page)
        cursor = json.loads(json.dumps(page.cursor))
        if not page.more:
            break
    assert sorted(words) == [f"Vraag {number}" for number in range(7)]
    assert (await one.fetch(cursor)).items == ()
    assert (await one.fetch(cursor)).cursor == cursor
    assert len(team.mails()) == 4
    assert all("S" not in name.partition(":2,")[2] for name in team.names()), "nothing was marked as read"


def logged_in(team: MailboxThere) -> Any:
    box = imaplib.IMAP4("127.0.0.1", team.server.ports["imap"])
    box.login(team.address, PASSWORD)
    return box


async def test_the_first_reading_begins_when_the_account_was_added_or_so_many_days_before(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    for days in (9, 5, 1):
        team.put(mail_from("jan@burger.example", f"Dag {days}", str(days)), came_at=now - timedelta(days=days))
    team.put(mail_from("jan@burger.example", "Beantwoord", "4"), came_at=now - timedelta(days=2))
    with logged_in(team) as box:
        box.select("INBOX")
        box.store(b"4", "+FLAGS", "\\Answered")
    assert words_of(await connector(team, client).fetch({})) == ["Dag 9", "Dag 5", "Beantwoord", "Dag 1"]
    assert words_of(await connector(team, client, added_at=now).fetch({})) == []
    assert words_of(await connector(team, client, added_at=now, since_days=6).fetch({})) == ["Dag 5", "Dag 1"]
    cursor = (await connector(team, client, added_at=now).fetch({})).cursor
    team.put(mail_from("jan@burger.example", "Verplaatst", "8"), came_at=now - timedelta(days=30))
    assert words_of(await connector(team, client, added_at=now).fetch(cursor)) == ["Verplaatst"]


def renumber(team: MailboxThere, folder: str = "") -> None:
    """Let a folder get another UIDVALIDITY, as after a move to another server."""
    at = team.folder / f".{folder}" if folder else team.folder
    (uids,) = at.glob("dovecot-uidlist")
    version, rest = uids.read_text().split(" ", 1)
    validity = next(part for part in rest.split() if part.startswith("V"))
    uids.write_text(f"{version} " + rest.replace(validity, f"V{int(validity[1:]) + 7}"))
    for index in at.glob("dovecot.index*"):
        index.unlink()


async def test_a_folder_with_another_uidvalidity_is_read_again_from_a_little_before(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    one = connector(team, client, added_at=now - timedelta(days=30))
    team.put(mail_from("jan@burger.example", "Oud", "1"), came_at=now - timedelta(days=20))
    team.put(mail_from("jan@burger.example", "Nieuw", "2"), came_at=now - timedelta(hours=1))
    first = await one.fetch({})
    renumber(team)
    team.put(mail_from("jan@burger.example", "Nieuwer", "3"))
    again = await one.fetch(first.cursor)
    assert words_of(again) == ["Nieuw", "Nieuwer"]
    assert again.posts[0].external_id == first.posts[1].external_id
    assert (await one.fetch(again.cursor)).items == ()


async def test_a_folder_with_another_uidvalidity_in_which_nothing_came_yet_gives_no_mails_of_years_ago(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    one = connector(team, client, added_at=now - timedelta(days=3))
    team.put(mail_from("jan@burger.example", "Oud", "1"), came_at=now - timedelta(days=400))
    first = await one.fetch({})
    assert first.items == ()
    renumber(team)
    team.put(mail_from("jan@burger.example", "Nieuw", "2"))
    assert words_of(await one.fetch(first.cursor)) == ["Nieuw"]


async def test_a_folder_with_another_uidvalidity_in_which_only_an_old_mail_was_moved_gives_no_others_of_years_ago(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    one = connector(team, client, added_at=now - timedelta(days=3))
    team.put(mail_from("jan@burger.example", "Oud", "1"), came_at=now - timedelta(days=400))
    first = await one.fetch({})
    team.put(mail_from("jan@burger.example", "Verplaatst", "2"), came_at=now - timedelta(days=500))
    moved = await one.fetch(first.cursor)
    assert (first.items, words_of(moved)) == ((), ["Verplaatst"])
    renumber(team)
    team.put(mail_from("jan@burger.example", "Nieuw", "3"))
    assert words_of(await one.fetch(moved.cursor)) == ["Nieuw"]


async def test_what_came_in_a_folder_while_only_others_were_read_comes_in_when_it_is_back(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    one = connector(team, client, added_at=now - timedelta(days=30), folders="INBOX,Klachten")
    with logged_in(team) as box:
        box.create("Klachten")
    team.put(mail_from("jan@burger.example", "Klacht 1", "1"), "Klachten", now - timedelta(days=9))
    page = await one.fetch({})
    assert words_of(page) == ["Klacht 1"]
    with logged_in(team) as box:
        box.rename("Klachten", "Hernoemd")
    team.put(mail_from("jan@burger.example", "Vraag", "2"))
    page = await one.fetch(page.cursor)
    assert (words_of(page), len(page.unread)) == (["Vraag"], 1)
    with logged_in(team) as box:
        box.create("Klachten")
    renumber(team, "Klachten")
    team.put(mail_from("jan@burger.example", "Klacht 2", "3"), "Klachten", now - timedelta(days=5))
    assert words_of(await one.fetch(page.cursor)) == ["Klacht 2"]


async def test_a_large_mail_is_read_from_its_beginning_only(team: MailboxThere, client: httpx.AsyncClient) -> None:
    body = (
        "--a\r\nContent-Type: text/plain\r\n\r\nZie de foto's.\r\n"
        '--a\r\nContent-Type: image/png; name="plein.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + "QUJD" * 19
        + "\r\n"
    )
    raw = mail_from("jan@burger.example", body + ("QUJD" * 19 + "\r\n") * 40_000 + "--a--", "1",
                    Content_Type='multipart/mixed; boundary="a"')  # fmt: skip
    team.put(raw)
    team.put(mail_from("jan@burger.example", "Daarna", "2"))
    posts = (await connector(team, client).fetch({})).posts
    assert [post.text for post in posts] == ["Vraag\n\nZie de foto's.\n\n📎 plein.png", "Vraag\n\nDaarna"]


async def test_a_folder_that_cannot_be_read_holds_up_no_other_and_comes_in_once_it_can(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    one = connector(team, client, folders="Hernoemd,INBOX")
    team.put(mail_from("jan@burger.example", "Vraag 1", "1"))
    page = await one.fetch({})
    assert words_of(page) == ["Vraag 1"]
    (unread,) = page.unread
    assert str(unread).startswith("The folder Hernoemd cannot be read: 127.0.0.1 says: ")
    with logged_in(team) as box:
        box.create("Hernoemd")
    team.put(mail_from("jan@burger.example", "Vraag 2", "2"), "Hernoemd")
    page = await one.fetch(page.cursor)
    assert (words_of(page), page.unread) == (["Vraag 2"], ())


async def test_a_folder_that_is_added_later_begins_then(team: MailboxThere, client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    added = now - timedelta(days=30)
    with logged_in(team) as box:
        box.create("Klachten")
    team.put(mail_from("jan@burger.example", "Oud", "1"), "Klachten", now - timedelta(days=2))
    cursor = (await connector(team, client, added_at=added).fetch({})).cursor
    team.put(mail_from("jan@burger.example", "Nieuw", "2"), "Klachten", now)
    one = connector(team, client, added_at=added, folders="INBOX,Klachten,Hernoemd")
    page = await one.fetch(cursor)
    assert (words_of(page), len(page.unread)) == (["Nieuw"], 1)
    with logged_in(team) as box:
        box.create("Hernoemd")
    team.put(mail_from("jan@burger.example", "Ook oud", "3"), "Hernoemd", now - timedelta(days=2))
    team.put(mail_from("jan@burger.example", "Daarna", "4"), "Klachten", now)
    page = await one.fetch(json.loads(json.dumps(page.cursor)))
    assert (words_of(page), page.unread) == (["Daarna"], ())


async def test_a_folder_that_cannot_be_searched_at_first_begins_with_the_account(
    team: MailboxThere, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, truly = datetime.now(UTC), imaplib.IMAP4.uid
    with logged_in(team) as box:
        box.create("Klachten")
    team.put(mail_from("jan@burger.example", "Vraag", "1"), "Klachten", now - timedelta(days=2))
    one = connector(team, client, added_at=now - timedelta(days=30), folders="INBOX,Klachten")
    searched: list[str] = []

    def uid(self: imaplib.IMAP4, command: str, *args: str) -> Any:
        searched.extend([command] if command == "SEARCH" else [])
        return ("NO", [b"Not now"]) if command == "SEARCH" and len(searched) == 2 else truly(self, command, *args)

    monkeypatch.setattr(imaplib.IMAP4, "uid", uid)
    page = await one.fetch({})
    assert (words_of(page), len(page.unread)) == ([], 1)
    page = await one.fetch(json.loads(json.dumps(page.cursor)))
    assert (words_of(page), page.unread) == (["Vraag"], ())


async def test_a_folder_that_was_left_out_for_a_while_begins_when_it_is_added_again(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    with logged_in(team) as box:
        box.create("Klachten")
    both = connector(team, client, added_at=now - timedelta(days=30), folders="INBOX,Klachten")
    team.put(mail_from("jan@burger.example", "Klacht", "1"), "Klachten", now - timedelta(days=9))
    page = await both.fetch({})
    assert words_of(page) == ["Klacht"]
    page = await connector(team, client, added_at=now - timedelta(days=30)).fetch(page.cursor)
    team.put(mail_from("jan@burger.example", "Elders behandeld", "2"), "Klachten", now - timedelta(days=2))
    team.put(mail_from("jan@burger.example", "Nieuw", "3"), "Klachten", now)
    assert words_of(await both.fetch(page.cursor)) == ["Nieuw"]


async def test_a_mailbox_of_which_no_folder_can_be_read_fails(team: MailboxThere, client: httpx.AsyncClient) -> None:
    team.put(mail_from("jan@burger.example", "Vraag 1", "1"))
    cursor = (await connector(team, client).fetch({})).cursor
    with pytest.raises(Rejected, match=r"127\.0\.0\.1 says"):
        await connector(team, client, folders="Weg,Ook weg").fetch(cursor)


async def test_the_log_of_a_mailbox_of_which_no_folder_can_be_read_is_left_to_who_asked(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    """Who asks each half minute logs it once."""
    one = connector(team, client, folders="Weg,Ook weg")
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Rejected):
                await one.fetch({})
    assert lines == []


NOT_CONVERTED = "The requested message could not be converted to an RFC-822 compatible format."


@pytest.fixture
def gives_no(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the server answer otherwise when mails are asked for, by UID; `what`: only when this is asked of them."""

    def change(*uids: str, what: str = "", answer: tuple[str, list[bytes]]) -> None:
        truly = imaplib.IMAP4.uid

        def uid(self: imaplib.IMAP4, command: str, *args: str) -> Any:
            is_asked = command == "FETCH" and args[0] in uids and what in args[1]
            return answer if is_asked else truly(self, command, *args)

        monkeypatch.setattr(imaplib.IMAP4, "uid", uid)

    return change


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (("NO", [NOT_CONVERTED.encode()]), NOT_CONVERTED),
        (("OK", [b"2 (UID 2 RFC822.SIZE 100 FLAGS () BODY[]<0> NIL)"]), ""),
    ],
)
async def test_a_mail_that_the_server_does_not_give_is_shown_by_its_headers(
    team: MailboxThere, client: httpx.AsyncClient, gives_no: Callable[..., None],
    answer: tuple[str, list[bytes]], reason: str,
) -> None:  # fmt: skip
    for number in (1, 2, 3):
        team.put(mail_from("jan@burger.example", f"Vraag {number}", str(number), Subject=f"Over {number}"))
    gives_no("2", what="BODY.PEEK[]", answer=answer)
    page = await connector(team, client).fetch({})
    assert [post.text for post in page.posts] == ["Over 1\n\nVraag 1", "Over 2", "Over 3\n\nVraag 3"]
    shown = page.posts[1]
    assert (shown.author.external_id, shown.external_id) == ("jan@burger.example", "2@burger.example")
    assert shown.media == (Media("", "unsupported", reason),)
    assert shown.may_be_answered()
    assert (await connector(team, client).fetch(page.cursor)).items == ()


@pytest.mark.parametrize("came_at", [b"01-Jan-0001 00:00:00 +0100", b"01-Jan-0001 00:00:00 +0000"])
async def test_a_mail_without_a_real_date_holds_up_none_behind_it(
    team: MailboxThere, client: httpx.AsyncClient, gives_no: Callable[..., None], came_at: bytes
) -> None:
    """East of Greenwich the year 1 begins before there is a year in UTC."""
    one = connector(team, client)
    odd = mail_from("jan@burger.example", "Zonder datum", "1")
    team.put(odd)
    team.put(mail_from("jan@burger.example", "Daarna", "2"))
    told = b'1 (UID 1 INTERNALDATE "%s" FLAGS () BODY[]<0> {%d}' % (came_at, len(odd))
    gives_no("1", answer=("OK", [(told, odd), b")"]))
    page = await one.fetch({})
    assert sorted(words_of(page)) == ["Daarna", "Zonder datum"]
    assert all(datetime.now(UTC) - post.published_at < timedelta(minutes=1) for post in page.posts)
    assert (await one.fetch(page.cursor)).items == ()


async def test_a_server_that_does_not_say_which_mail_comes_next_gives_no_mails_from_before_the_account(
    team: MailboxThere, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some old servers leave out UIDNEXT: https://www.rfc-editor.org/rfc/rfc3501#section-6.3.1"""
    now, truly = datetime.now(UTC), imaplib.IMAP4.response

    def response(self: imaplib.IMAP4, code: str) -> Any:
        said = truly(self, code)
        return (code, [None]) if code == "UIDNEXT" else said

    monkeypatch.setattr(imaplib.IMAP4, "response", response)
    one = connector(team, client, added_at=now)
    for number, hours in enumerate((30, 20), 1):
        team.put(mail_from("jan@burger.example", f"Oud {number}", str(number)), came_at=now - timedelta(hours=hours))
    page = await one.fetch({})
    assert words_of(page) == []
    team.put(mail_from("jan@burger.example", "Verplaatst", "3"), came_at=now - timedelta(hours=3))
    team.put(mail_from("jan@burger.example", "Nieuw", "4"))
    page = await one.fetch(page.cursor)
    assert words_of(page) == ["Verplaatst", "Nieuw"]
    assert (await one.fetch(page.cursor)).items == ()


async def test_mails_of_which_the_server_gives_nothing_are_shown_each_as_one(
    team: MailboxThere, client: httpx.AsyncClient, gives_no: Callable[..., None]
) -> None:
    for number in (1, 2, 3):
        team.put(mail_from("jan@burger.example", f"Vraag {number}", str(number)))
    gives_no("1", "2", answer=("NO", [NOT_CONVERTED.encode()]))
    page, again = [await connector(team, client).fetch({}) for _ in range(2)]
    assert sorted(words_of(page)) == ["Vraag 3", reading.NO_WORDS, reading.NO_WORDS]
    ids = {post.external_id for post in page.posts}
    assert len(ids) == 3 and ids == {post.external_id for post in again.posts}, "each has its own, every time"
    assert all(post.private and (post.media or post.may_be_answered()) for post in page.posts)


async def test_a_mail_at_which_the_server_fails_holds_up_those_behind_it_for_half_an_hour_at_most(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    for number in (1, 2, 3):
        team.put(mail_from("jan@burger.example", f"Vraag {number}", str(number)))
    began = datetime.now(UTC)
    async with BetweenMail(team.server.ports["imap"], "imap") as between:
        one = account(team, imap=between.url)

        async def read(cursor: Cursor, minutes: int, *, fails: bool = True) -> Page:
            now = began + timedelta(minutes=minutes)
            at = Email(one, replace(tools(client, one.secrets), now=lambda: now))
            if not fails:
                return await at.fetch(cursor)
            async with between.cutting("", "UID FETCH 2", passed_on=False):
                return await at.fetch(cursor)

        page = await read({}, 0)
        assert words_of(page) == ["Vraag 1"]
        assert [str(each) for each in page.unread] == [
            "The folder INBOX cannot be read: 127.0.0.1 broke the connection."
        ]
        with pytest.raises(Unavailable):
            await read(page.cursor, 20)
        came = await read(page.cursor, 20, fails=False)
        assert words_of(came) == ["Vraag 2", "Vraag 3"], "it was only for a while"
        page = await read(page.cursor, 31)
        assert [(post.text, len(post.media)) for post in page.posts] == [(reading.NO_WORDS, 1)]
        page = await read(page.cursor, 32, fails=False)
        assert (words_of(page), page.unread) == (["Vraag 3"], ())


async def test_mail_servers_that_say_nothing_hold_up_nothing_else(client: httpx.AsyncClient) -> None:
    """More than there are threads that all share, whatever the machine: names are looked up in one of those."""
    count, are_there, connected = 40, asyncio.Event(), list[asyncio.StreamWriter]()

    async def says_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        if len(connected) == count:
            are_there.set()

    server = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
    told = {"address": "webcare@gemeente.example", "imap": f"imap://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    secrets = {"password": PASSWORD}
    one = Email(Account(1, "email", "gemeente", "", secrets, told), tools(client, secrets))
    reading = [asyncio.create_task(one.fetch({})) for _ in range(count)]
    await are_there.wait()
    await asyncio.get_running_loop().getaddrinfo("localhost", 443)
    assert not any(each.done() for each in reading)
    for writer in connected:
        writer.close()
    assert {type(each) for each in await asyncio.gather(*reading, return_exceptions=True)} == {OutcomeUnknown}
    server.close()


async def test_what_nobody_wrote_comes_in_as_nothing(team: MailboxThere, client: httpx.AsyncClient) -> None:
    team.put(mail_from("jan@burger.example", "Ik ben er niet", "1", Auto_Submitted="auto-replied"))
    team.put(mail_from(team.address, "Van onszelf", "2"))
    team.put(mail_from("jan@burger.example", "Echt", "3"))
    assert words_of(await connector(team, client).fetch({})) == ["Echt"]


@pytest.mark.logs("mail not understood")
async def test_a_mail_that_we_fail_to_understand_is_shown_as_it_came(
    team: MailboxThere, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(automatic, "is_automatic", fails)
    team.put(mail_from("jan@burger.example", "Hallo", "1"))
    (post,) = (await connector(team, client).fetch({})).posts
    assert "Hallo" in post.text
    assert not post.may_be_answered()


# --- Sending -------------------------------------------------------------------------------------


def draft(to: str, key: str = "key-1", text: str = "Dat zoeken we uit. ^SB") -> Draft:
    place = {"subject": "Vraag", "words": "Wie gaat hierover?", "written": "24-11-2026 10:42", "references": []}
    post = Post("1@burger.example", Author(to, "Jan", to), "Wie?", datetime.now(UTC), private=True, place=place)
    return Draft(key, text, True, post, datetime.now(UTC))


def arrived(box: MailboxThere) -> list[Any]:
    return [message_from_bytes(raw, policy=policy.default) for raw in box.mails()]


async def test_an_answer_arrives_and_leaves_a_copy(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    one = connector(team, client, sender="Gemeente Voorbeeld")
    sent = await one.send(draft(jan.address))
    (mail,) = arrived(jan)
    assert sent.external_id == id_of("key-1", team.address)
    assert (mail["Message-ID"], mail["From"]) == (f"<{sent.external_id}>", f"Gemeente Voorbeeld <{team.address}>")
    assert (mail["In-Reply-To"], mail["Subject"], mail["Return-Path"]) == (
        "<1@burger.example>", "Re: Vraag", f"<{team.address}>",
    )  # fmt: skip
    assert copies(team) == ["S"]
    assert await one.find(draft(jan.address)) == sent


async def test_an_answer_that_was_sent_is_not_sent_again(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    one = connector(team, client)
    assert await one.send(draft(jan.address)) == await one.send(draft(jan.address))
    assert (len(arrived(jan)), copies(team)) == (1, ["S"])


@pytest.mark.parametrize("command", ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("passed_on", [False, True])
async def test_a_connection_that_is_cut_before_the_mail_sends_nothing_and_the_next_attempt_does(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient, command: str, passed_on: bool
) -> None:
    async with BetweenMail(team.server.ports["smtp"]) as between:
        one = connector(team, client, smtp=between.url)
        async with between.holding("", command, passed_on=passed_on) as caught:
            sending = asyncio.ensure_future(one.send(draft(jan.address)))
            await caught()
        with pytest.raises(Unavailable) as raised:
            await sending
        assert not isinstance(raised.value, OutcomeUnknown)
        assert (arrived(jan), copies(team)) == ([], [])
        assert await one.find(draft(jan.address)) is None
        assert await one.send(draft(jan.address))
    assert (len(arrived(jan)), copies(team)) == (1, ["S"])


@pytest.mark.parametrize("taken", [False, True])
async def test_twice_cut_at_the_dot_is_never_sent_again_by_itself(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient, taken: bool
) -> None:
    async with BetweenMail(team.server.ports["smtp"]) as between:
        one = connector(team, client, smtp=between.url)
        async with between.holding("", "DOT", passed_on=taken) as caught:
            sending = asyncio.ensure_future(one.send(draft(jan.address)))
            await caught()
        with pytest.raises(OutcomeUnknown):
            await sending
        assert copies(team) == ["DS"]
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await one.send(draft(jan.address))
            with pytest.raises(Unknowable):
                await one.find(draft(jan.address))
    assert len(arrived(jan)) == int(taken)


@pytest.mark.parametrize("taken", [False, True])
async def test_cut_while_the_marked_copy_is_put_there_nothing_is_sent_and_never_twice(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient, taken: bool
) -> None:
    async with BetweenMail(team.server.ports["imap"], "imap") as between:
        one = connector(team, client, imap=between.url)
        async with between.holding("", "APPEND", passed_on=taken) as caught:
            sending = asyncio.ensure_future(one.send(draft(jan.address)))
            await caught()
        with pytest.raises(Unavailable) as raised:
            await sending
        assert not isinstance(raised.value, OutcomeUnknown)
        assert arrived(jan) == []
        if taken:  # the copy says that an attempt began, and nobody noted its end
            for _ in range(2):
                with pytest.raises(OutcomeUnknown):
                    await one.send(draft(jan.address))
                with pytest.raises(Unknowable):
                    await one.find(draft(jan.address))
        else:
            assert await one.find(draft(jan.address)) is None
            assert await one.send(draft(jan.address)) == await one.send(draft(jan.address))
    assert (len(arrived(jan)), copies(team)) == ((0, ["DS"]) if taken else (1, ["S"]))


@pytest.mark.parametrize("taken", [False, True])
async def test_cut_while_the_mark_is_taken_off_the_answer_is_sent_once(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient, taken: bool
) -> None:
    async with BetweenMail(team.server.ports["imap"], "imap") as between:
        one = connector(team, client, imap=between.url)
        async with between.holding("", "UID STORE", passed_on=taken) as caught:
            sending = asyncio.ensure_future(one.send(draft(jan.address)))
            await caught()
        sent = await sending
        if taken:
            assert await one.send(draft(jan.address)) == await one.find(draft(jan.address)) == sent
        else:
            with pytest.raises(OutcomeUnknown):
                await one.send(draft(jan.address))
            with pytest.raises(Unknowable):
                await one.find(draft(jan.address))
    assert (len(arrived(jan)), copies(team)) == (1, ["S"] if taken else ["DS"])


async def test_of_two_processes_that_send_at_once_one_sends(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    for key in ("key-1", "key-2", "key-3"):
        many = [connector(team, client).send(draft(jan.address, key)) for _ in range(3)]
        outcomes = await asyncio.gather(*many, return_exceptions=True)
        assert all(isinstance(each, Sent | Unavailable) for each in outcomes), outcomes
        assert any(isinstance(each, Sent) for each in outcomes)
        found = await connector(team, client).find(draft(jan.address, key))
        assert found is not None
    assert len(arrived(jan)) == 3
    assert set(copies(team)) == {"S"}


@pytest.mark.parametrize("domain", ["straße.example", "burg\u00ader.example", "ｂurger.example", "βόλος.example"])
async def test_an_answer_never_goes_to_another_domain_that_is_written_nearly_alike(
    team: MailboxThere, client: httpx.AsyncClient, domain: str
) -> None:
    with pytest.raises(Rejected, match="is not an address that we can send mail to"):
        await connector(team, client).send(draft(f"jan@{domain}"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_an_answer_goes_to_a_domain_with_accents_also_when_these_are_signs_of_their_own(
    team: MailboxThere, client: httpx.AsyncClient, form: Literal["NFC", "NFD"]
) -> None:
    jan = team.server.mailbox("jan", "xn--brger-kva.example")
    name = jan.address.partition("@")[0]
    await connector(team, client).send(draft(f"{name}@{unicodedata.normalize(form, 'bürger')}.example"))
    assert len(arrived(jan)) == 1


async def test_a_team_whose_domain_has_accents_answers_and_knows_its_own_mails(
    mail: MailServer, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    team = mail.mailbox("webcare", "xn--sdwest-pya.example")
    typed = replace(team, address=team.address.replace("xn--sdwest-pya", "súdwest"))
    one = connector(typed, client, user=team.address)
    assert (await one.check()).problems == ()
    sent = await one.send(draft(jan.address))
    (answer,) = arrived(jan)
    assert (answer["From"], answer["Message-ID"]) == (team.address, f"<{sent.external_id}>")
    assert await one.find(draft(jan.address)) == sent
    team.put(mail_from(team.address, "Van onszelf", "1", To=team.address))
    team.put(mail_from(jan.address, "Dank u", "2", To=team.address, Cc="els@burger.example"))
    (post,) = (await one.fetch({})).posts
    assert (post.author.external_id, also_to(post.place)) == (jan.address, 1)


async def test_where_no_copy_is_kept_nothing_proves_that_an_answer_was_not_sent(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    one = connector(team, client, server_keeps_sent=True)
    with pytest.raises(Unknowable):
        await one.find(draft(jan.address))
    sent = await one.send(draft(jan.address))
    assert copies(team) == []
    team.put(f"Message-ID: <{sent.external_id}>\r\n\r\nx\r\n".encode(), SENT)
    assert await one.find(draft(jan.address)) == sent


@pytest.mark.parametrize(
    ("to", "text", "verdict", "words"),
    [
        ("nobody@gemeente.example", "Dag", Rejected, "550 5.1.1 No such person here"),
        ("later@gemeente.example", "Dag", NotNow, "does not take the mail now: 451 4.2.1 Try again later"),
        ("grey@gemeente.example", "Dag", NotNow, "does not take the mail now: 451 4.7.1 Greylisted"),
        ("jan@büren.example\r\nRCPT TO:<x@y>", "Dag", Rejected, "not an address"),
        ("jané@burger.example", "Dag", Rejected, "not an address"),
        ("?", "Dag", Rejected, "not an address"),
    ],
)
async def test_a_refusal_is_a_verdict_in_words_and_leaves_no_copy(
    team: MailboxThere, client: httpx.AsyncClient, to: str, text: str, verdict: type[Exception], words: str
) -> None:
    with pytest.raises(verdict, match=words):
        await connector(team, client).send(draft(to, text=text))
    assert copies(team) == []


@pytest.mark.parametrize(
    ("code", "said", "verdict"),
    [
        (450, "4.1.2 Domain not found", NotNow),
        (452, "4.2.2 Mailbox full", NotNow),
        (451, "Temporary local problem 4.7.1", NotNow),
        (451, "4.7.1 Too many mails", RateLimited),
        (421, "4.3.2 Closing", RateLimited),
    ],
)
def test_not_now_is_about_one_answer_unless_it_is_about_us(code: int, said: str, verdict: type[Verdict]) -> None:
    found = smtp.verdict_on(code, said, HOST)
    assert type(found) is verdict
    assert f"{code} {said}" in str(found)


async def test_a_refusal_after_the_mail_is_one_too(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    refused = draft(jan.address)
    refused = replace(refused, to=replace(refused.to, place={"subject": "REFUSED"}))
    with pytest.raises(Rejected, match=r"550 5\.7\.1 We do not like it"):
        await connector(team, client).send(refused)
    assert (arrived(jan), copies(team)) == ([], [])


async def test_dots_and_long_lines_arrive_as_they_were_written(
    team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient
) -> None:
    text = ".\n..\nRegel é €\n.einde " + "x" * 2000
    await connector(team, client).send(draft(jan.address, text=text))
    (mail,) = arrived(jan)
    assert mail.get_content().replace("\r\n", "\n").startswith(text + "\n\nJan <")


async def test_an_answer_that_comes_back_is_a_delivery_with_its_reason(
    team: MailboxThere, client: httpx.AsyncClient
) -> None:
    one = connector(team, client)
    sent = await one.send(draft("gone@burger.example"))
    assert len(team.mails()) == 1, "Exim sent a report"
    page = await one.fetch({})
    (told,) = page.items
    assert isinstance(told, Delivery)
    assert (told.external_id, told.arrived) == (sent.external_id, Arrived.FAILED)
    assert "gone@burger.example" in str(told.reason)
    assert (await one.fetch(json.loads(json.dumps(page.cursor)))).items == ()


# --- The way there -------------------------------------------------------------------------------


@pytest.fixture
def secure(mail: MailServer, names: Names, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """The mail server by a name of its own, with a certificate that is trusted."""
    names.leads[HOST] = names.leads["other.example"] = ["127.0.0.1"]
    monkeypatch.setenv("SSL_CERT_FILE", str(mail.here / "cert.pem"))
    return mail


@pytest.mark.parametrize(("imap", "smtp"), [("imaps", "smtps"), ("imap", "smtp")])
async def test_with_tls_at_once_or_asked_for(
    secure: MailServer, team: MailboxThere, jan: MailboxThere, client: httpx.AsyncClient, imap: str, smtp: str
) -> None:
    at = {"imap": f"{imap}://{HOST}:{secure.ports[imap]}", "smtp": f"{smtp}://{HOST}:{secure.ports[smtp]}"}
    one = connector(team, client, **at)
    team.put(mail_from(jan.address, "Veilig", "1"))
    assert words_of(await one.fetch({})) == ["Veilig"]
    await one.send(draft(jan.address))
    assert len(arrived(jan)) == 1
    assert f"A=plain:{team.address}" in secure.log()
    health = await one.check()
    assert health.problems == ()
    assert len(health.working) == 3


@pytest.mark.parametrize(("imap", "smtp"), [("imaps", "smtps"), ("imap", "smtp")])
async def test_a_certificate_of_another_name_is_not_trusted(
    secure: MailServer, team: MailboxThere, client: httpx.AsyncClient, imap: str, smtp: str
) -> None:
    at = f"{imap}://other.example:{secure.ports[imap]}", f"{smtp}://other.example:{secure.ports[smtp]}"
    with pytest.raises(Unavailable, match="certificate of other"):
        await connector(team, client, imap=at[0]).fetch({})
    with pytest.raises(Unavailable, match="other"):
        await connector(team, client, smtp=at[1]).send(draft("jan@burger.example"))
    assert copies(team) == []


async def test_no_password_goes_over_a_connection_without_tls(
    mail: MailServer, team: MailboxThere, names: Names, client: httpx.AsyncClient
) -> None:
    names.leads["plain.example"] = ["127.0.0.1"]
    said: list[bytes] = []

    async def bare(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes, answer: bytes) -> None:
        try:
            writer.write(greeting)
            while line := await reader.readline():
                said.append(line)
                writer.write(answer.replace(b"TAG", line.split()[0]))
        finally:
            writer.close()

    imap = b"* OK [CAPABILITY IMAP4REV1 AUTH=PLAIN] x\r\n", b"* CAPABILITY IMAP4REV1 AUTH=PLAIN\r\nTAG OK x\r\n"
    smtp = b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n"
    for scheme, (greeting, answer) in (("imap", imap), ("smtp", smtp)):
        server = await asyncio.start_server(lambda r, w, g=greeting, a=answer: bare(r, w, g, a), "127.0.0.1", 0)  # type: ignore[misc]
        at = f"{scheme}://plain.example:{server.sockets[0].getsockname()[1]}"
        one = connector(team, client, **{scheme: at})
        with pytest.raises((Rejected, Unavailable)):
            await (one.fetch({}) if scheme == "imap" else one.send(draft("jan@burger.example")))
        server.close()
        await server.wait_closed()
    assert said
    assert not [line for line in said if b"AUTH" in line.upper().replace(b"AUTH PLAIN", b"AUTH") and b"=" in line]
    assert not [line for line in said if line.split()[1:2] in ([b"LOGIN"], [b"AUTHENTICATE"])]


async def test_private_networks_are_not_reached_unless_that_is_set(team: MailboxThere) -> None:
    async with http.new_client() as outside:
        one = connector(team, outside)
        with pytest.raises(Rejected, match="private network"):
            await one.fetch({})
        with pytest.raises(Rejected, match="private network"):
            await one.send(draft("jan@burger.example"))


@pytest.mark.parametrize(
    "address", ["", "http://imap.example", "imap://", "imap://a b", "imap://x:99999", "imaps://x:0x"]
)
async def test_what_is_no_address_of_a_server_is_said(
    team: MailboxThere, client: httpx.AsyncClient, address: str
) -> None:
    with pytest.raises(Rejected, match="is not the address of a mail server"):
        await connector(team, client, imap=address).fetch({})


# --- Checking ------------------------------------------------------------------------------------


async def test_the_check_says_what_works(team: MailboxThere, client: httpx.AsyncClient) -> None:
    health = await connector(team, client).check()
    assert [str(each) for each in health.working] == [
        "Reads INBOX on 127.0.0.1.",
        f"Keeps a copy of each answer in {SENT}.",
        f"Sends as {team.address} through 127.0.0.1.",
    ]
    assert health.problems == ()
    assert health.identity is not None
    assert health.identity.id == team.address


async def test_the_check_says_what_is_wrong(team: MailboxThere, client: httpx.AsyncClient) -> None:
    wrong = await connector(team, client, password="anders").check()
    refused = "127.0.0.1 does not accept our user name and password or token."
    assert [str(each) for each in wrong.problems] == [refused, refused]
    wrong = await connector(team, client, folders="INBOX,Weg", sent="Ook weg").check()
    assert "no folder for what was sent" in str(wrong.problems[0])
    wrong = await connector(team, client, folders="INBOX,Weg").check()
    assert [str(each) for each in wrong.problems] == ["The mailbox has no folder Weg."]
    wrong = await connector(replace(team, address="geen adres"), client).check()
    assert "is not an e-mail address" in str(wrong.problems[0])


@pytest.mark.parametrize("password", ['"quotes" and \\', "wachtwóórd"])
async def test_a_password_with_any_sign_is_refused_as_a_password(
    team: MailboxThere, client: httpx.AsyncClient, password: str
) -> None:
    with pytest.raises(Unauthorized):
        await connector(team, client, password=password).fetch({})
