"""The words of a post that its author removed go here too, some days later; what we answered stays."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlmodel import select

from bot import cases, connectors
from bot.cases import inbox
from bot.cases import redaction as words_of
from bot.domain.case import CloseReason
from bot.domain.event import EventKind
from bot.domain.mention import FOR_GOOD, LEFT_OUT, Act, Author, Gone, Media, Post, Quote, permits
from bot.keeping import backup
from bot.models import Account, Case, Event, Mention, Message, MessageKind, Reply, Subject, SubjectStem
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.team import agents
from jobs import redaction, rollups
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.people import asked, open_modal, second_team, sent, settings

SECRET = "Mijn bsn is 123456782"


def post(bot: Bot, number: int = 1, words: str = SECRET, **more: object) -> Post:
    author = Author(f"a{number}", f"Burger {number}")
    made = Post(str(number), author, words, bot.desk.now(), permits=permits(Act.ANSWER))
    return replace(made, **more)  # type: ignore[arg-type]


def raw(file: Path) -> bytes:
    """All that can be read in the file of a database, in small letters."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.read_bytes().lower()


async def comes_in(bot: Bot, *posts: Post) -> None:
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def stems(bot: Bot) -> list[str]:
    """The stems by which subjects are found."""
    async with bot.desk.reading() as session:
        return list(await session.exec(select(SubjectStem.stem)))


async def later(bot: Bot, **time: float) -> None:
    bot.clock.at += timedelta(**time)  # type: ignore[attr-defined]
    await redaction.redact(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


def shown(bot: Bot) -> str:
    """All that can be read in Slack: the channel, its threads, and direct messages."""
    told = [message for place in bot.slack.workspace.channels for message in bot.slack.messages(place)]
    threads = [each for card in bot.cards() for each in bot.slack.thread(CHANNEL, card["ts"])]
    return "\n".join(text_of(each) + str(each.get("text", "")) for each in [*told, *threads])


async def test_the_words_of_a_removed_post_go_after_the_teams_days(office: Bot) -> None:
    bot = office
    media = (Media("https://platform.example/1.png", "image", "een foto van mijn paspoort"),)
    first, second = post(bot, media=media), post(bot, 2, "En nu?", author=Author("a1", "Burger 1"), in_reply_to="1")
    await comes_in(bot, first)
    await sent(bot, 1)
    await comes_in(bot, second, post(bot, 3, f"{SECRET} nog eens", author=first.author, in_reply_to="2"))
    await comes_in(bot, replace(first, gone=Gone.BY_AUTHOR), post(bot, 3, "", author=first.author, gone=Gone.BY_AUTHOR))
    await later(bot, days=29)
    assert SECRET in shown(bot), "an agent can still see it"
    await later(bot, days=2)
    assert "123456782" not in shown(bot) and "paspoort" not in shown(bot)
    assert [(each.text, each.media, each.redacted_at is not None) for each in await bot.rows(Mention)] == [
        ("", [], True), ("En nu?", [], False), ("", [], True),
    ]  # fmt: skip
    assert [reply.text for reply in await bot.rows(Reply)] == ["x ^SB"]
    assert len([each for each in await bot.rows(Event) if each.kind is EventKind.MENTION_REDACTED]) == 2
    card = bot.cards()[0]
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    details = text_of(await open_modal(bot, SANNE, "said"))
    assert "De schrijver heeft dit bericht verwijderd" in details and "De tekst is hier ook gewist." in details
    assert "En nu?" in details and "123456782" not in details
    before = len(bot.slack.calls("chat.update"))
    await later(bot, days=1)
    assert len(bot.slack.calls("chat.update")) == before, "once is enough"


async def test_why_a_removed_post_went_first_is_not_told_in_its_words(office: Bot) -> None:
    """The team's own words that it said go with it; what another post of the case says stays, and so does the kind."""
    bot = office
    await settings(bot, signal_words=["zonnebloem*", "pauwstraat", "hoefslag"])
    first = post(bot, words="Ik steek de zonnebloemen in de Pauwstraat in de fik")
    second = post(bot, 2, "De Pauwstraat dus", author=first.author, in_reply_to="1")
    third = post(bot, 3, "Toch niet", author=first.author, in_reply_to="1", place={LEFT_OUT: "Hoefslag"})
    await comes_in(bot, first, second, third)
    assert "zonnebloem" in shown(bot) and "gevaar" in shown(bot)
    await comes_in(bot, replace(first, gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    [case] = await bot.rows(Case)
    assert case.signals == ["danger", "own:pauwstraat", "own:hoefslag"]
    assert "zonnebloem" not in shown(bot) and "pauwstraat" in shown(bot)
    await comes_in(bot, *(replace(each, gone=Gone.BY_AUTHOR) for each in (second, third)))
    await later(bot, days=31)
    assert (await bot.case()).signals == ["danger"]


async def test_what_a_removed_post_left_out_of_its_text_goes_with_it(office: Bot) -> None:
    bot = office
    first = post(bot, words="Dag", place={LEFT_OUT: SECRET, "is": "comment"})
    await comes_in(bot, first)
    await comes_in(bot, replace(first, gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    [mention] = await bot.rows(Mention)
    assert mention.place == {"is": "comment"}, "what a platform needs stays"
    assert "123456782" not in shown(bot)


@pytest.mark.parametrize("gone", sorted(FOR_GOOD))
async def test_who_quotes_a_removed_post_quotes_it_no_more(office: Bot, gone: Gone) -> None:
    bot = office
    quote = Quote("Burger 1", SECRET)
    await comes_in(bot, post(bot), post(bot, 2, "Dat zou ik niet plaatsen", in_reply_to="1", replies_to=quote))
    await comes_in(bot, replace(post(bot), gone=gone))
    assert SECRET in shown(bot)
    await later(bot, days=31)
    assert "123456782" not in shown(bot) and "Dat zou ik niet plaatsen" in shown(bot)


async def test_who_quotes_a_removed_post_without_answering_it_quotes_it_no_more(office: Bot) -> None:
    """A post of somebody else that shows it, as on Bluesky: what it says itself stays, and so do other quotes."""
    bot = office
    url = "https://platform.example/1"
    theirs, others = Quote("Burger 1", SECRET, url), Quote("De krant", "Het nieuws van vandaag", f"{url}0")
    await comes_in(
        bot,
        post(bot, url=url),
        post(bot, 2, "@gemeente zien jullie dit?", replies_to=theirs),
        post(bot, 3, "@gemeente en dit?", replies_to=others),
    )
    assert SECRET in text_of(bot.cards()[1])
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    assert "123456782" not in shown(bot)
    assert [mention.replies_to for mention in await bot.rows(Mention)] == [None, None, asdict(others)]
    assert "zien jullie dit?" in shown(bot) and "Het nieuws van vandaag" in shown(bot)


async def test_the_words_of_a_removed_post_go_whose_program_knew_no_date(office: Bot) -> None:
    bot = office
    undated = post(bot, url="https://platform.example/1", published_at=datetime.min.replace(tzinfo=UTC))
    theirs = Quote("Burger 1", SECRET, undated.url)
    await comes_in(bot, undated, post(bot, 2, "Dat zou ik niet plaatsen", replies_to=theirs))
    await comes_in(bot, replace(undated, gone=Gone.BY_AUTHOR))
    assert SECRET in shown(bot)
    await later(bot, days=31)
    assert "123456782" not in shown(bot) and "Dat zou ik niet plaatsen" in shown(bot)


async def test_who_answers_a_removed_post_quotes_it_no_more_on_the_card_and_below_it(office: Bot) -> None:
    bot = office
    await comes_in(bot, post(bot), post(bot, 2, "Dat zou ik niet plaatsen", in_reply_to="1"))
    await comes_in(bot, post(bot, 3, "Haal dat weg", author=Author("a2", "Burger 2"), in_reply_to="1"))
    theirs = bot.cards()[1]
    below = bot.slack.thread(CHANNEL, theirs["ts"])
    assert any(SECRET in text_of(each) and "Haal dat weg" in text_of(each) for each in below)
    assert SECRET in text_of(theirs)
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    assert "123456782" not in shown(bot) and "Haal dat weg" in shown(bot)


@pytest.mark.parametrize("gone", [Gone.HIDDEN, Gone.UNREACHABLE, None])
async def test_what_was_not_removed_is_kept(office: Bot, gone: Gone | None) -> None:
    bot = office
    await comes_in(bot, post(bot))
    await comes_in(bot, replace(post(bot), gone=gone))
    await later(bot, days=400)
    assert [each.text for each in await bot.rows(Mention)] == [SECRET]


async def test_a_platform_may_set_a_shorter_time_and_a_team_none_at_all(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = office
    platform = connectors.registry().platforms["webhook"]
    strict = replace(platform, keeps_removed=timedelta(days=1))
    monkeypatch.setitem(connectors.registry().platforms, "webhook", strict)
    await comes_in(bot, post(bot))
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, hours=23)
    assert SECRET in shown(bot)
    await later(bot, hours=2)
    assert SECRET not in shown(bot)
    await settings(bot, removed_days=0)
    await comes_in(bot, post(bot, 2, "Weg ermee"))
    await comes_in(bot, post(bot, 2, "", gone=Gone.BY_AUTHOR))
    await later(bot, minutes=1)
    assert "Weg ermee" not in shown(bot)


@pytest.mark.parametrize("gone", sorted(FOR_GOOD))
async def test_a_later_version_brings_the_words_not_back(office: Bot, gone: Gone) -> None:
    bot = office
    await comes_in(bot, post(bot))
    for told in (Gone.UNREACHABLE, gone, gone):
        await comes_in(bot, replace(post(bot), gone=told))
    await later(bot, days=31)
    await comes_in(bot, replace(post(bot), edited_at=bot.desk.now()))
    assert [each.text for each in await bot.rows(Mention)] == [""]
    assert SECRET not in shown(bot)


async def test_the_list_of_what_a_colleague_got_shows_the_words_no_more(office: Bot) -> None:
    bot = office
    await comes_in(bot, post(bot))
    details = {"by": SANNE, "cases": [1]}
    async with bot.desk.session() as session:
        session.add(Message(key="passed", kind=MessageKind.PASSED, channel=SANNE, details=details))
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert SECRET in text_of(bot.slack.direct(SANNE)[-1])
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    assert SECRET not in text_of(bot.slack.direct(SANNE)[-1])


async def test_what_a_colleague_was_told_of_their_closed_case_shows_nothing_of_later(office: Bot) -> None:
    bot, other = office, await second_team(office)
    citizen = Author("a1", "Fatima")
    first = post(bot, 1, "Waar is het loket?", conversation="k")
    await comes_in(bot, first, post(bot, 2, "En het zwembad?", author=citizen, conversation="k"))
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
        await agents.name_coordinator(session, 1, MARIEKE, now=bot.desk.now())
        await cases.close(session, 1, by=MARIEKE, now=bot.desk.now(), reason=CloseReason.OTHER, text="Klaar")
    await comes_in(bot)
    [told] = bot.slack.direct(YOUSSEF)
    assert "zwembad" in text_of(told)
    bot.clock.at += timedelta(hours=1)  # type: ignore[attr-defined]
    await comes_in(bot, post(bot, 3, "Kunt u mij helpen?", author=citizen, conversation="k"))
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.transfer(session, 1, seen=1, to=other, note="Van jullie", by=SANNE, now=now, submission="t")
    await comes_in(bot, post(bot, 4, SECRET, author=citizen, conversation="k", private=True))
    await comes_in(bot, replace(first, gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    [told] = bot.slack.direct(YOUSSEF)
    assert "zwembad" in text_of(told) and "123456782" not in text_of(told)


@pytest.mark.parametrize("command", ["open", "zoek bsn", "dagoverzicht"])
async def test_what_an_agent_shared_in_the_channel_has_no_words_that_cannot_be_deleted(
    office: Bot, command: str
) -> None:
    bot = office
    await comes_in(bot, post(bot))
    bot.clock.at += timedelta(hours=3)  # type: ignore[attr-defined]
    assert SECRET in await asked(bot, SANNE, f"/webcare {command}"), "what is only for who asks goes by itself"
    own, before = bot.slack.ephemerals(SANNE, CHANNEL)[-1], len(bot.slack.messages(CHANNEL))
    await bot.slack.click(SANNE, CHANNEL, own["ts"], "figures:share" if command == "dagoverzicht" else "list:share")
    [shared] = await bot.slack.wait_for(lambda: bot.slack.messages(CHANNEL)[before:])
    assert "Burger 1" in text_of(shared) and "|kaart>" in text_of(shared)
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    assert "123456782" not in shown(bot)


@pytest.mark.logs("the settings of a team cannot be read")
async def test_words_go_though_the_settings_of_another_team_cannot_be_read(office: Bot) -> None:
    bot = office
    team_id = await second_team(bot, "Kapot", time_zone="Mars/Olympus")
    async with bot.desk.session() as session:
        session.add(Account(id=2, team_id=team_id, platform="webhook", name="kapot", url="", created_at=bot.desk.now()))
    await comes_in(bot, post(bot))
    await comes_in(bot, replace(post(bot), gone=Gone.BY_AUTHOR))
    await later(bot, days=31)
    assert "123456782" not in shown(bot)
    assert (await bot.rows(Mention))[0].text == ""


async def test_deleted_words_are_in_no_page_of_the_database_and_in_no_new_backup(
    sqlite_url: str, slack: Sandbox, tmp_path: Path
) -> None:
    file, copy = Path(str(make_url(sqlite_url).database)), tmp_path / "b.db"
    words = (b"zonnebloemstraatbewoner", b"123456782")
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-11-20 10:00"))) as bot:
        first = post(bot, words=f"Ik woon als Zonnebloemstraatbewoner hier. {SECRET} {'En nog veel meer. ' * 400}")
        await comes_in(bot, first, *(post(bot, n, f"Bericht {n} over iets heel anders") for n in range(2, 30)))
        await comes_in(bot, replace(first, gone=Gone.BY_AUTHOR))
        assert all(word in raw(file) for word in words)
        await later(bot, days=31)
        await rollups.forget(bot.desk)
        backup.make(backup.address_of(sqlite_url), copy, lambda *_: None)
        assert [word for word in words for each in (file, copy) if word in raw(each)] == []
        with closing(sqlite3.connect(copy)) as connection:
            check = "INSERT INTO case_words_fts (case_words_fts, rank) VALUES ('integrity-check', 1)"
            connection.execute(check)


async def test_what_is_alike_to_a_removed_post_is_no_longer_found_by_its_words(bot: Bot) -> None:
    words = "Waarom is de Vaartbrug al een week dicht zonder bericht"
    await settings(bot, removed_days=0)
    posts = [post(bot, n, f"{words} {more}") for n, more in enumerate(("zegt Zonnebloem", "vraag ik", "echt"), 1)]
    await comes_in(bot, *posts[:2])
    await comes_in(bot, replace(posts[0], gone=Gone.BY_AUTHOR))
    await redaction.redact(bot.desk)
    [subject], found_by = await bot.rows(Subject), await stems(bot)
    assert "zonnebloem" not in [*subject.stems.split(), *found_by] and "vaartbrug" in subject.stems.split()
    assert set(found_by) <= set(subject.stems.split())
    await comes_in(bot, posts[2])
    assert [case.subject_id for case in await bot.rows(Case)] == [subject.id] * 3, "copies still share it"
    await comes_in(bot, *(replace(each, gone=Gone.BY_AUTHOR) for each in posts[1:]))
    await redaction.redact(bot.desk)
    [subject] = await bot.rows(Subject)
    assert (subject.key, subject.stems, await stems(bot)) == ("", "", [])
    await comes_in(bot, post(bot, 4, f"{words} weer"))
    assert (await bot.rows(Case))[-1].subject_id != subject.id


async def test_words_that_two_processes_delete_at_once_go_at_once(postgres_bot: Bot) -> None:
    """Of copies that were removed, each process has another one; both change the subject that they share."""
    bot, words = postgres_bot, "Waarom is de Vaartbrug al een week dicht zonder bericht"
    await settings(bot, removed_days=0)
    posts = [post(bot, 1, words), post(bot, 2, words), post(bot, 3, f"{words} echt")]
    await comes_in(bot, *posts)
    await comes_in(bot, *(replace(each, gone=Gone.BY_AUTHOR) for each in posts[:2]))

    async def by_another_process() -> None:
        async with bot.desk.session() as session:
            await words_of.redact(session, 2, {2}, bot.desk.now())

    async def is_waited_for() -> bool:
        async with bot.desk.reading() as session:
            waits = text("SELECT 1 FROM pg_locks WHERE NOT granted")
            return (await (await session.connection()).execute(waits)).first() is not None

    async with bot.desk.session() as session:
        await words_of.redact(session, 1, {1}, bot.desk.now())
        other = asyncio.create_task(by_another_process())
        await eventually(is_waited_for)
    await other
    assert [mention.text for mention in await bot.rows(Mention)] == ["", "", posts[2].text]
    [subject], found_by = await bot.rows(Subject), await stems(bot)
    assert found_by and set(found_by) <= set(subject.stems.split())


@pytest.mark.parametrize("removed_days", [0, 30])
async def test_deleted_words_are_in_no_page_of_the_database_as_soon_as_they_must_be(
    sqlite_url: str, slack: Sandbox, removed_days: int
) -> None:
    file = Path(str(make_url(sqlite_url).database))
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-11-20 10:00"))) as bot:
        await settings(bot, removed_days=removed_days)
        await comes_in(bot, post(bot, words=f"Ik woon hier nog niet zo lang. {SECRET}"))
        await comes_in(bot, post(bot, words="Laat maar", edited_at=bot.desk.now()))
        await comes_in(bot, replace(post(bot, words="Laat maar"), gone=Gone.BY_AUTHOR))
        await later(bot, days=removed_days, minutes=1)
        assert b"123456782" not in raw(file)


async def test_a_backup_has_nothing_of_what_an_earlier_version_left_in_the_free_pages_of_its_database(
    sqlite_url: str, tmp_path: Path
) -> None:
    file, copy = Path(str(make_url(sqlite_url).database)), tmp_path / "b.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE old (words)")
        connection.execute("INSERT INTO old VALUES (?)", [SECRET * 1000])
        connection.commit()
        connection.execute("DROP TABLE old")
        connection.commit()
    assert SECRET.lower().encode() in raw(file)
    backup.make(backup.address_of(sqlite_url), copy, lambda *_: None)
    assert SECRET.lower().encode() not in raw(copy)
