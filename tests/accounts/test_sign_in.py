"""Signing in from Slack: the settings, the platform's page, our page, what to connect, what became of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from bot import accounts, connectors
from bot.accounts.sign_in import Begun, SignIns, callback, loopback, query_of
from bot.domain.text import Refused
from bot.models import Account, Author, Event, Message, Role, SigningIn, SigningInStage
from bot.models import MessageKind as Kind
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import sign_ins, sweep
from tests import people
from tests.acting import forged
from tests.conftest import SANNE, YOUSSEF, Bot, account_of, eventually, running_bot
from tests.connectors.facebook.fake import OPTIONS, PAGE, SECRETS, FakeFacebook
from tests.connectors.mastodon.fake import TEAM, FakeMastodon
from tests.connectors.meta import graph
from tests.fakes.between import Between
from tests.people import ACCOUNT, changed, held_up, make_role, open_group, open_modal

OURS = {"id": PAGE, "name": "Gemeente Voorbeeld", "access_token": graph.TOKEN}
OTHER = {"id": "204", "name": "Museum", "access_token": "one that Facebook does not take"}
PUBLIC = "https://webcare.example.nl"


@pytest.fixture
async def server() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as one:
        one.pages = [OURS]
        yield one


@pytest.fixture
async def public_bot(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on each database, with an address that browsers reach."""
    async with running_bot(database_url, slack, public_url=PUBLIC) as running:
        yield running


@pytest.fixture
async def with_page(public_bot: Bot, server: FakeFacebook) -> Bot:
    """A bot that has a page of the app at Facebook already."""
    server.clock = public_bot.desk.now
    return await people.connected(public_bot, "facebook", server.url, SECRETS, OPTIONS)


async def sign_in(bot: Bot, platform: str = "facebook") -> str:
    """Let Sanne go to where she can sign in; returns the address of the platform's page."""
    page = await open_group(bot, SANNE, "accounts")
    shown = await changed(bot, SANNE, page, "account:connect", platform)
    return await address_in(bot, shown)


async def address_in(bot: Bot, shown: dict) -> str:
    buttons = [each for block in shown["blocks"] for each in block.get("elements", [])]
    [address] = [each["url"] for each in buttons if each.get("action_id") == "account:page"]
    return str(address)


async def come_back(bot: Bot, address: str) -> tuple[int, str]:
    """Let a browser follow the platform's page back to us; returns what it shows."""
    parts = urlsplit(address)
    assert address.startswith(f"{PUBLIC}/connect/")
    async with ClientSession() as browser, browser.get(f"{bot.url}{parts.path}?{parts.query}") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        words = await answer.text()
        assert not re.search("code-|state=", words), "the page repeats nothing of the address"
        return answer.status, words


async def message_to(bot: Bot, person: str, *words: str) -> dict:
    return await bot.slack.wait_for(
        lambda: next((m for m in bot.slack.direct(person) if all(word in text_of(m) for word in words)), None)
    )


async def choose(bot: Bot, *ids: str) -> dict:
    """Let Sanne choose what to connect, from the message that she got; returns what the modal says then."""
    message = await message_to(bot, SANNE, "ingelogd")
    await bot.slack.click(SANNE, bot.direct_channel(SANNE), message["ts"], "sign_in:choose")
    await open_modal(bot, SANNE, "sign_in:choose")
    ack = await bot.slack.submit(SANNE, {"offers": list(ids)})
    assert ack.ok and not ack.errors, ack
    return await bot.slack.wait_for(
        lambda: (
            (view := bot.slack.view(SANNE))
            and any(word in text_of(view) for word in ("gekoppeld", "toegang"))
            and "offers" not in action_ids(view)
            and view
        )
    )


async def test_a_coordinator_signs_in_and_chooses_and_what_is_connected_already_is_renewed(
    with_page: Bot, server: FakeFacebook
) -> None:
    bot = with_page
    server.pages.append(OTHER)
    status, words = await come_back(bot, server.consents.agree(await sign_in(bot)))
    assert status == 200
    assert "Ingelogd" in words
    await message_to(bot, SANNE, "2 accounts")
    shown = text_of(await choose(bot, PAGE, "204"))
    assert "gemeente" in shown and "heeft nieuwe toegang" in shown
    assert "Museum" in shown and "niet gekoppeld" in shown
    message = await message_to(bot, SANNE, "Gekoppeld: ")
    assert "sign_in:choose" in action_ids(message), "the other page can be tried again"
    [row] = [each for each in await bot.rows(Account) if each.platform == "facebook"]
    assert row.problem is None
    assert [(event.kind, event.by) for event in await bot.rows(Event) if event.by == SANNE][-1] == (
        "account_renewed", SANNE,
    )  # fmt: skip
    assert graph.TOKEN not in str(await bot.rows(SigningIn))


async def test_who_renews_a_stopped_account_reads_that_it_is_still_stopped(
    with_page: Bot, server: FakeFacebook
) -> None:
    bot = with_page
    await people.stopped(bot, "gemeente")
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    shown = text_of(await choose(bot, PAGE))
    assert "heeft nieuwe toegang" in shown
    assert "nog steeds gestopt" in shown and "webcare accounts start" in shown


async def test_a_page_that_works_is_added_and_the_tokens_are_forgotten(with_page: Bot, server: FakeFacebook) -> None:
    bot = with_page
    async with bot.desk.session() as session:
        await session.delete(await session.get_one(Account, (await bot.rows(Account))[-1].id))
    await people.connected(bot, "facebook", server.url, SECRETS, {**OPTIONS, "page_id": "1"})  # another page of the app
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    shown = text_of(await choose(bot, PAGE))
    assert "is gekoppeld" in shown
    assert "webcare accounts steps" in shown
    await bot.slack.wait_for(lambda: "sign_in:choose" not in str([action_ids(m) for m in bot.slack.direct(SANNE)]))
    [begun] = await bot.rows(SigningIn)
    assert (begun.stage, begun.sealed, begun.connected) == (SigningInStage.DONE, b"", ["@gemeente@127.0.0.1"])
    added = (await bot.rows(Account))[-1]
    assert added.options["page_id"] == PAGE
    assert added.identity["id"] == PAGE


async def test_an_account_that_is_renewed_goes_over_to_the_app_of_its_new_token_and_keeps_its_own_options(
    with_page: Bot, server: FakeFacebook
) -> None:
    bot = with_page
    old = {**OPTIONS, "app_id": "77", "messages": True}
    async with bot.desk.session() as session:
        row = await session.get_one(Account, (await bot.rows(Account))[-1].id)
        row.name, row.options = "oude app", old
        session.add(row)
    await people.connected(bot, "facebook", server.url, SECRETS, {**OPTIONS, "page_id": "1"})  # of the newer app
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    assert "heeft nieuwe toegang" in text_of(await choose(bot, PAGE))
    renewed = await account_of(bot, "oude app")
    assert renewed.options == {**old, "app_id": OPTIONS["app_id"]}


async def test_a_page_that_is_called_as_another_one_has_a_name_of_its_own(with_page: Bot, server: FakeFacebook) -> None:
    bot, name = with_page, "@gemeente@127.0.0.1"
    async with bot.desk.session() as session:
        row = await session.get_one(Account, (await bot.rows(Account))[-1].id)
        row.name, row.identity, row.options = name, {**(row.identity or {}), "id": "1"}, {**OPTIONS, "page_id": "1"}
        session.add(row)
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    assert "is gekoppeld" in text_of(await choose(bot, PAGE))
    pages = [row for row in await bot.rows(Account) if row.platform == "facebook"]
    assert [(row.name, row.options["page_id"]) for row in pages] == [(name, "1"), (f"{name} (Webcare)", PAGE)]


async def connect_on(bot: Bot, server: FakeMastodon) -> str:
    """Let Sanne sign in on a Mastodon server and connect its account; returns what she reads then."""
    page = await open_group(bot, SANNE, "accounts")
    await changed(bot, SANNE, page, "account:connect", "mastodon")
    for wrong in ("geen adres", "https://mastodon\u200b.nl"):  # a sign that nobody sees comes with what is copied
        ack = await bot.slack.submit(SANNE, {"server": wrong})
        assert "adres van een server" in str(ack.errors)
    asks = bot.slack.view(SANNE)
    await bot.slack.submit(SANNE, {"server": f"{server.base_url}/@gemeente"})
    shown = await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and view["hash"] != asks["hash"] and view)
    address = await address_in(bot, shown)
    status, _ = await come_back(bot, server.agree(address))
    assert status == 200
    return text_of(await choose(bot, (await bot.rows(SigningIn))[-1].offers[0]["id"]))


async def test_one_signs_in_on_a_server_of_ones_own(public_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = public_bot
    assert "is gekoppeld" in await connect_on(bot, mastodon)
    added = (await bot.rows(Account))[-1]
    assert (added.platform, added.name, added.url) == ("mastodon", f"@{TEAM}@127.0.0.1", mastodon.base_url)


async def test_an_account_with_the_same_number_on_another_server_is_another_account(
    public_bot: Bot, mastodon: FakeMastodon
) -> None:
    """Mastodon numbers the accounts of each server by itself."""
    bot = public_bot
    first = await people.connect(bot, mastodon.base_url)
    with FakeMastodon() as other:
        me = other.as_team("GET", "/api/v1/accounts/verify_credentials")
        async with bot.desk.session() as session:
            row = await session.get_one(Account, first)
            row.identity = {**(row.identity or {}), "id": me["id"]}
            session.add(row)
        assert "is gekoppeld" in await connect_on(bot, other)
    kept = await account_of(bot, ACCOUNT)
    assert accounts.opened(kept, bot.desk.settings).secrets["token"] == mastodon.token
    assert len([row for row in await bot.rows(Account) if row.platform == "mastodon"]) == 2


async def removed(bot: Bot, account_id: int, team_id: int) -> None:
    """Let an account be of this team, which used it and then removed it."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, account_id)
        account.team_id = team_id
        session.add_all([account, Author(account_id=account_id, external_id="1", name="Jan")])
        await session.flush()
        assert not await accounts.remove(session, account, bot.desk.now())


async def test_an_account_that_another_team_removed_is_connected_by_this_one(
    public_bot: Bot, mastodon: FakeMastodon
) -> None:
    """The other team keeps it for its history, and its name with it."""
    bot, name = public_bot, f"@{TEAM}@127.0.0.1"
    theirs = await people.second_team(bot)
    await removed(bot, await people.connect(bot, mastodon.base_url, name=name), theirs)
    assert "is gekoppeld" in await connect_on(bot, mastodon)
    kept, added = [row for row in await bot.rows(Account) if row.platform == "mastodon"]
    assert (kept.team_id, kept.name, kept.was_removed) == (theirs, name, True)
    assert (added.team_id, added.name, added.stopped_at) == (1, f"{name} (Webcare)", None)


async def test_an_account_that_two_teams_removed_goes_on_as_that_of_the_team_that_connects_it(
    public_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot, theirs = public_bot, await people.second_team(public_bot)
    for team_id, name in ((theirs, f"@{TEAM}@127.0.0.1"), (1, f"@{TEAM}@127.0.0.1 (Webcare)")):
        await removed(bot, await people.connect(bot, mastodon.base_url, name=name), team_id)
    assert "heeft nieuwe toegang" in await connect_on(bot, mastodon)
    kept, renewed = [row for row in await bot.rows(Account) if row.platform == "mastodon"]
    assert (kept.team_id, kept.sealed, renewed.team_id) == (theirs, b"", 1)
    assert accounts.opened(renewed, bot.desk.settings).secrets["token"]


async def test_one_signs_in_again_after_the_key_of_the_old_tokens_was_lost(
    public_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = public_bot
    await people.connect(bot, mastodon.base_url)
    await people.set_sealed(bot, ACCOUNT)
    assert "heeft nieuwe toegang" in await connect_on(bot, mastodon)
    assert list(accounts.opened(await account_of(bot, ACCOUNT), bot.desk.settings).secrets) == ["token"]


async def test_without_a_public_address_the_address_is_pasted(bot: Bot, server: FakeFacebook) -> None:
    server.clock = bot.desk.now
    await people.connected(bot, "facebook", server.url, SECRETS, OPTIONS)
    address = await sign_in(bot)
    came_out = server.consents.agree(address)
    assert came_out.startswith("http://localhost:8766/connect/facebook/callback?")
    ack = await bot.slack.submit(SANNE, {"came_out": "https://example.org/"})
    assert "verlopen of al gebruikt" in str(ack.errors)
    await bot.slack.submit(SANNE, {"came_out": came_out})
    await open_modal(bot, SANNE, "sign_in:choose")
    await bot.slack.submit(SANNE, {"offers": [PAGE]})
    await bot.slack.wait_for(lambda: "nieuwe toegang" in text_of(bot.slack.view(SANNE) or {}))


async def test_the_address_of_somebody_else_is_not_taken(bot: Bot, server: FakeFacebook) -> None:
    server.clock = bot.desk.now
    await people.connected(bot, "facebook", server.url, SECRETS, OPTIONS)
    for who in (SANNE, YOUSSEF):
        await make_role(bot, who, Role.COORDINATOR)
    came_out = server.consents.agree(await sign_in(bot))
    await changed(bot, YOUSSEF, await open_group(bot, YOUSSEF, "accounts"), "account:connect", "facebook")
    ack = await bot.slack.submit(YOUSSEF, {"came_out": came_out})
    assert "verlopen of al gebruikt" in str(ack.errors)
    await bot.slack.submit(SANNE, {"came_out": came_out})
    await open_modal(bot, SANNE, "sign_in:choose")


async def test_where_the_secret_of_an_app_is_not_known_only_the_command_line_begins(public_bot: Bot) -> None:
    page = await open_group(public_bot, SANNE, "accounts")
    assert "📘 Facebook, 📷 Instagram, 🧵 Threads: het eerste account" in text_of(page)
    buttons = [each["accessory"]["value"] for each in page["blocks"] if "accessory" in each]
    assert buttons == ["mastodon"]


async def test_who_signs_in_where_the_bot_has_no_key_reads_how_to_make_one(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon
) -> None:
    async with running_bot(database_url, slack) as bot:
        await people.set_sealed(bot, "plein", b"")  # nothing needs a key so far
    async with running_bot(database_url, slack, public_url=PUBLIC, webcare_secret_key="") as bot:
        page = await open_group(bot, SANNE, "accounts")
        await changed(bot, SANNE, page, "account:connect", "mastodon")
        ack = await bot.slack.submit(SANNE, {"server": mastodon.base_url})
        assert "run `webcare key`" in str(ack.errors)
        assert await bot.rows(SigningIn) == []


async def test_one_who_came_back_in_time_is_signed_in_though_the_platform_answers_later(
    public_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    bot = public_bot
    begun = await begin(bot, to_mastodon.url, SANNE, callback(bot.desk.settings, "mastodon"))
    bot.clock.advance(minutes=14)
    async with to_mastodon.holding("POST", "/oauth/token", passed_on=True) as asked:
        coming = asyncio.create_task(come_back(bot, mastodon.agree(begun.address)))
        await asked()
        bot.clock.advance(minutes=2)
        await sign_ins.end_old(bot.desk)
        _, meanwhile = await come_back(bot, mastodon.agree(begun.address))  # the page is loaded again
        assert "Bezig met inloggen" in meanwhile and "Niet ingelogd" not in meanwhile
    status, words = await coming
    assert (status, "Ingelogd" in words) == (200, True)
    assert [each.stage for each in await bot.rows(SigningIn)] == [SigningInStage.SIGNED_IN]


async def begin(bot: Bot, url: str, who: str, redirect: str) -> Begun:
    """Let somebody begin to sign in on a Mastodon server."""
    platform = connectors.registry().platforms["mastodon"]
    return await SignIns.of(bot.desk).begin(
        platform, team_id=1, url=url, options={}, given={}, redirect=redirect, by=who
    )  # fmt: skip


async def test_of_two_who_connect_an_account_at_once_the_second_renews_it(
    postgres_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot, both = postgres_bot, SignIns.of(postgres_bot.desk)
    begun = [await signed_in(bot, mastodon, who) for who in (SANNE, YOUSSEF)]
    async with bot.desk.session() as session:  # neither is stored before both saw that it is not there
        await session.exec(text("SELECT 1 FROM teams FOR UPDATE"))  # type: ignore[call-overload]
        choosing = [asyncio.create_task(both.choose(row.id, [row.offers[0]["id"]], by=row.by)) for row in begun]
        await eventually(lambda: held_up(bot.engine, 2))
    done = [each for connected in await asyncio.gather(*choosing) for each in connected]
    assert [(each.health.problems, each.account is not None) for each in done] == [((), True)] * 2
    assert sorted(each.is_new for each in done) == [False, True]
    assert len([row for row in await bot.rows(Account) if row.platform == "mastodon"]) == 1


async def signed_in(bot: Bot, server: FakeMastodon, who: str) -> SigningIn:
    """Let somebody sign in on a Mastodon server."""
    begun = await begin(bot, server.base_url, who, loopback(bot.desk.settings, "mastodon"))
    return await SignIns.of(bot.desk).finish("mastodon", query_of(server.agree(begun.address)))


# --- What must not be ----------------------------------------------------------------------------------


async def test_a_browser_comes_back_once(with_page: Bot, server: FakeFacebook) -> None:
    back = server.consents.agree(await sign_in(with_page))
    answers = await asyncio.gather(*(come_back(with_page, back) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400]
    assert len([m for m in await with_page.rows(Message) if m.kind is Kind.SIGNED_IN]) == 1


async def test_one_who_loads_the_page_again_still_reads_that_they_are_signed_in(
    with_page: Bot, server: FakeFacebook
) -> None:
    back = server.consents.agree(await sign_in(with_page))
    await come_back(with_page, back)
    _, words = await come_back(with_page, back)
    assert "Niet ingelogd" not in words and "Ingelogd" in words and "Kies daar" in words
    await choose(with_page, PAGE)
    _, words = await come_back(with_page, back)
    assert "Ingelogd" in words and "Kies daar" not in words


async def test_a_program_that_only_looks_whether_the_page_is_there_does_not_use_the_sign_in_up(
    with_page: Bot, server: FakeFacebook
) -> None:
    back = server.consents.agree(await sign_in(with_page))
    parts = urlsplit(back)
    async with ClientSession() as browser, browser.head(f"{with_page.url}{parts.path}?{parts.query}") as answer:
        assert answer.status == 405
    assert (await come_back(with_page, back))[0] == 200


@pytest.mark.parametrize("wrong", ["state", "platform", "sign", "late"])
async def test_what_belongs_to_no_sign_in_that_waits_is_refused(
    with_page: Bot, server: FakeFacebook, wrong: str
) -> None:
    bot = with_page
    back = server.consents.agree(await sign_in(bot))
    if wrong == "late":
        bot.clock.advance(minutes=16)
    changed_to = {
        "state": ("state=.", "state=~"),
        "platform": ("/facebook/", "/instagram/"),
        "sign": ("/facebook/", "/%00/"),
        "late": ("", ""),
    }
    status, words = await come_back(bot, re.sub(*changed_to[wrong], back, count=1))
    assert status == 400
    assert "verlopen of al gebruikt" in words
    assert server.consents.given, "the code was not used"
    assert [each.stage for each in await bot.rows(SigningIn)] == [SigningInStage.OPEN]


async def test_one_who_refuses_reads_so_and_hears_nothing_more(with_page: Bot, server: FakeFacebook) -> None:
    back = server.consents.refuse(await sign_in(with_page), error_description="<b>Permissions error</b>")
    status, words = await come_back(with_page, back)
    assert status == 400
    assert "geen toestemming" in words
    assert await come_back(with_page, back) == (status, words), "who loads the page again reads the reason"
    [begun] = await with_page.rows(SigningIn)
    assert (begun.stage, begun.sealed) == (SigningInStage.FAILED, b"")
    assert [m for m in await with_page.rows(Message) if m.kind is Kind.SIGNED_IN] == []


async def test_what_a_platform_says_is_shown_as_text(with_page: Bot, server: FakeFacebook) -> None:
    back = server.consents.refuse(await sign_in(with_page), "server_error", error_description="<script>x</script>")
    status, words = await come_back(with_page, back)
    assert status == 400
    assert "<script>" not in words
    assert "&lt;script&gt;" in words


async def test_a_sign_in_that_lets_us_into_nothing_says_so(with_page: Bot, server: FakeFacebook) -> None:
    server.pages = []
    status, words = await come_back(with_page, server.consents.agree(await sign_in(with_page)))
    assert (status, "geen enkel account" in words) == (400, True)


async def test_what_somebody_signed_in_with_is_chosen_by_nobody_else(with_page: Bot, server: FakeFacebook) -> None:
    bot = with_page
    for who in (SANNE, YOUSSEF):
        await make_role(bot, who, Role.COORDINATOR)
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    await message_to(bot, SANNE, "ingelogd")
    with pytest.raises(Refused, match="is over"):
        await SignIns.of(bot.desk).choose(1, [PAGE], by=YOUSSEF)
    message = bot.slack.direct(SANNE)[-1]
    await forged(bot, YOUSSEF, message, "sign_in:choose", "1")
    await bot.slack.wait_for(lambda: "verlopen of al gebruikt" in text_of(bot.slack.view(YOUSSEF) or {}))
    assert [event for event in await bot.rows(Event) if event.kind == "account_renewed"] == []


async def test_tokens_that_nobody_chooses_in_time_are_forgotten(with_page: Bot, server: FakeFacebook) -> None:
    bot = with_page
    await come_back(bot, server.consents.agree(await sign_in(bot)))
    await message_to(bot, SANNE, "ingelogd", "Kies vóór")
    assert (await bot.rows(SigningIn))[0].sealed
    bot.clock.advance(minutes=61)
    await sign_ins.end_old(bot.desk)
    await sweep(bot.desk)
    [begun] = await bot.rows(SigningIn)
    assert (begun.stage, begun.sealed) == (SigningInStage.ENDED, b"")
    message = await message_to(bot, SANNE, "koos niet op tijd")
    assert "sign_in:choose" not in action_ids(message)
