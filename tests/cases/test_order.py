"""In whatever order posts come in, the same cases, cards and texts are the result."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from bot import db
from bot.cases import inbox
from bot.domain.mention import FOR_GOOD, Act, Author, Gone, Post, permits
from bot.models import Account, Mention, Message, MessageKind, Team
from tests.conftest import Databases

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
JAN, PIET, ELS = (Author(name.lower(), name) for name in ("Jan", "Piet", "Els"))
Pages = Sequence[Sequence[Post]]


def post(external_id: str, author: Author = JAN, text: str = "Help!", **more: object) -> Post:
    known = {"published_at": NOW, "permits": permits(Act.ANSWER), **more}
    return Post(external_id, author, text, **known)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stored:
    """What stands in the database: the mentions by id, and the first mention of each card, in order of the cards."""

    mentions: dict[str, Mention]
    cards: list[str]

    def cases(self) -> set[frozenset[str]]:
        """The ids of the mentions of each case."""
        ids = {mention.case_id for mention in self.mentions.values()}
        return {frozenset(m.external_id for m in self.mentions.values() if m.case_id == each) for each in ids}


async def taken_in(url: str, pages: Pages) -> Stored:
    engine = db.create_engine(url)
    try:
        async with db.sessions(engine)() as session:
            session.add(Team(id=1, name="Webcare", channel="C1", created_at=NOW))
            await session.flush()
            session.add(Account(id=1, team_id=1, platform="webhook", name="bron", url="", created_at=NOW))
        for number, page in enumerate(pages):
            async with db.sessions(engine)() as session:
                await inbox.take_in(session, 1, page, now=NOW + timedelta(minutes=number))
        async with db.readings(engine)() as session:
            mentions = list(await session.exec(select(Mention).order_by(col(Mention.id))))
            cards = list(await session.exec(
                select(Message).where(Message.kind == MessageKind.CASE).order_by(col(Message.rank), col(Message.id))
            ))  # fmt: skip
        first = {m.case_id: m.external_id for m in reversed(mentions)}
        return Stored({m.external_id: m for m in mentions}, [first[card.case_id or 0] for card in cards])
    finally:
        await engine.dispose()


def stored(databases: Databases, pages: Pages) -> Stored:
    async def run() -> Stored:
        return await taken_in(await databases.sqlite(), pages)

    return asyncio.run(run())


def pages_of(posts: Sequence[Post], ends: Sequence[bool]) -> Pages:
    """Cut posts in pages: after each post for which `ends` is true."""
    pages: list[list[Post]] = [[]]
    for each, end in zip(posts, ends, strict=False):
        pages[-1].append(each)
        if end:
            pages.append([])
    return [page for page in pages if page]


cuts = st.lists(st.booleans(), min_size=40, max_size=40)


# --- Cards ---------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(authors=st.lists(st.sampled_from([JAN, PIET, ELS]), min_size=1, max_size=30), ends=cuts)
def test_cards_stand_in_the_order_of_the_posts(databases: Databases, authors: list[Author], ends: list[bool]) -> None:
    """Those of who wrote again while they waited come first, also what they wrote before."""
    posts = [post(f"p{number}", author) for number, author in enumerate(authors)]
    pages, again = pages_of(posts, ends), set[Author]()
    for number, page in enumerate(pages):
        again |= {each.author for each in page} & {each.author for earlier in pages[:number] for each in earlier}
    expected = sorted(posts, key=lambda each: each.author not in again)
    assert stored(databases, pages).cards == [each.external_id for each in expected]


async def test_the_cards_of_one_author_stand_in_the_order_of_the_posts(database_url: str) -> None:
    found = await taken_in(database_url, [[post(f"p{number}") for number in range(12)]])
    assert found.cards == [f"p{number}" for number in range(12)]


# --- Edits and removals --------------------------------------------------------------------------


@settings(max_examples=25)
@given(edits=st.integers(0, 3), removed=st.booleans(), data=st.data(), ends=cuts)
def test_the_versions_of_a_post_in_any_order_leave_the_last_true_state(
    databases: Databases, edits: int, removed: bool, data: st.DataObject, ends: list[bool]
) -> None:
    versions = [post("p", text="v0")]
    versions += [
        replace(versions[0], text=f"v{number}", edited_at=NOW - timedelta(minutes=10 - number))
        for number in range(1, edits + 1)
    ]
    removal = [replace(versions[0], text="", permits=frozenset(), gone=Gone.BY_AUTHOR)] if removed else []
    come = data.draw(st.permutations([*versions, *removal]))
    repeats = data.draw(st.lists(st.sampled_from([*versions, *removal]), max_size=3))
    found = stored(databases, pages_of([*come, *repeats], ends)).mentions.get("p")
    if removed:
        assert found is None or found.gone is Gone.BY_AUTHOR
    else:
        assert found is not None
        assert (found.text, found.gone) == (f"v{edits}", None)


@pytest.mark.parametrize("gone", sorted(FOR_GOOD))
async def test_a_removal_that_overtakes_its_post_keeps_it_away(database_url: str, gone: Gone) -> None:
    removal = post("p", text="", gone=gone)
    found = await taken_in(database_url, [[removal], [removal, post("other")], [post("p")]])
    assert set(found.mentions) == {"other"}


async def test_an_older_version_after_a_newer_one_in_a_page_changes_nothing(database_url: str) -> None:
    newer = post("p", text="tweede", edited_at=NOW)
    found = await taken_in(database_url, [[newer, post("p", text="eerste")]])
    assert found.mentions["p"].text == "tweede"


@pytest.mark.parametrize("in_one_page", [True, False])
async def test_of_two_edits_in_one_second_the_one_that_comes_in_last_counts(
    database_url: str, in_one_page: bool
) -> None:
    edits = [post("p", text=text, edited_at=NOW) for text in ("tweede", "derde")]
    pages = [edits] if in_one_page else [[edit] for edit in edits]
    found = await taken_in(database_url, [[post("p", text="eerste")], *pages, pages[-1]])
    assert (found.mentions["p"].text, found.mentions["p"].earlier_text) == ("derde", "eerste")


async def test_an_edit_from_before_we_received_a_post_without_a_date_counts(database_url: str) -> None:
    edit = post("p", text="tweede", edited_at=NOW - timedelta(seconds=5))
    found = await taken_in(database_url, [[post("p", text="eerste")], [edit]])
    assert (found.mentions["p"].text, found.mentions["p"].earlier_text) == ("tweede", "eerste")


async def test_an_edit_after_its_removal_brings_no_words_back(database_url: str) -> None:
    removal, edit = (
        post("p", text="", gone=Gone.BY_AUTHOR),
        post("p", text="toch weer", edited_at=NOW + timedelta(minutes=1)),
    )
    found = await taken_in(database_url, [[post("p", text="eerste")], [removal], [edit]])
    assert (found.mentions["p"].text, found.mentions["p"].gone) == ("eerste", Gone.BY_AUTHOR)


async def test_a_post_that_comes_back_edited_has_its_new_words(database_url: str) -> None:
    hidden, edit = post("p", text="", gone=Gone.HIDDEN), post("p", text="netjes", edited_at=NOW)
    found = await taken_in(database_url, [[post("p", text="grof")], [hidden], [edit]])
    assert (found.mentions["p"].text, found.mentions["p"].gone) == ("netjes", None)
