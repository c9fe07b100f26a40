"""Feeds of every dialect and condition, read from a real server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.connectors import feed as feed_module
from bot.connectors import http
from bot.connectors.base import Account, Page, RateLimited, Rejected, Unauthorized, Unavailable, Verdict
from bot.connectors.feed import Feed
from bot.connectors.feed_reader import MAX_ENTRIES, reading_of
from bot.connectors.guard import Transport
from bot.domain import dates
from bot.domain.mention import Author, Media, Post
from tests.fakes.tools import tools
from tests.fakes.wires import Names, Wires

FEEDS = Path(__file__).parent / "feeds"
NAMES = sorted(path.name for path in FEEDS.iterdir())


@dataclass
class Site:
    """A web site: what it answers by path (status, headers, body), and what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        status, headers, body = self.answers[request.path]
        return web.Response(status=status, headers=headers, body=body)

    def puts(self, body: bytes | str, path: str = "/feed", status: int = 200, **headers: str) -> None:
        """Say what the path answers from now on; `content_type="…"` becomes the header Content-Type."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        content = body.encode() if isinstance(body, str) else body
        self.answers[path] = (status, {"Content-Type": "application/xml", **named}, content)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http.new_client(allow_private=True) as client:
        yield client


@pytest.fixture
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    """The client as it is in use: it reaches no private networks."""
    async with http.new_client() as client:
        yield client


Coupled = Callable[..., Feed]


@pytest.fixture
def coupled(site: Site, client: httpx.AsyncClient) -> Coupled:
    """Couple an address (by default the site's /feed), reading far back."""

    def couple(url: str = "", **options: Any) -> Feed:
        options = {"since_days": 3650, **options}
        return Feed(Account(1, "feed", "Nieuws", url or f"{site.url}/feed", options=options), tools(client))

    return couple


def rss(*items: str, channel: str = "") -> str:
    return f'<rss version="2.0"><channel><title>Krant</title>{channel}{"".join(items)}</channel></rss>'


def item(guid: str, title: str = "Bericht", at: datetime | None = None, more: str = "") -> str:
    date = f"<pubDate>{format_datetime(at)}</pubDate>" if at else ""
    return f'<item><guid isPermaLink="false">{guid}</guid><title>{title}</title>{date}{more}</item>'


def atom(title: str, updated: datetime, published: datetime | None = None) -> str:
    published = published or updated
    return f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><entry><id>urn:1</id><title>{title}</title>
    <published>{published.isoformat()}</published><updated>{updated.isoformat()}</updated></entry></feed>"""


def ago(**ago: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**ago)


async def read(feed: Feed, page: Page | None = None) -> Page:
    """Fetch, and see that the cursor survives the database's JSON."""
    page = await feed.fetch(json.loads(json.dumps(page.cursor)) if page else {})
    ids = [post.external_id for post in page.posts]
    assert len(ids) == len(set(ids))
    json.dumps(page.cursor)
    return page


async def read_file(name: str, site: Site, coupled: Coupled) -> dict[str, Post]:
    site.puts((FEEDS / name).read_bytes())
    return {post.external_id: post for post in (await read(coupled())).posts}


# --- What a feed says ----------------------------------------------------------------------------


async def test_an_rss_entry_becomes_a_post(site: Site, coupled: Coupled) -> None:
    posts = await read_file("rss20.xml", site, coupled)
    assert posts["streek-2"] == Post(
        external_id="streek-2",
        author=Author("jan@streekblad.amsterdam", "Jan de Boer"),
        text="Wethouder boos over café\n\nHet plein blijft dicht.\n\nBewoners zijn boos.",
        published_at=datetime(2026, 11, 20, 11, 30, tzinfo=UTC),
        url=f"{site.url}/nieuws/2?van=rss&n=1",
        language="nl",
        media=(
            Media("https://beeld.example/2.jpg", "image", "Een leeg plein"),
            Media(f"{site.url}/geluid/2.mp3", "audio"),
        ),
    )
    assert list(posts) == ["https://streekblad.example/nieuws/1", "streek-2"], "the oldest first"


async def test_a_summary_that_repeats_the_title_is_not_told_twice(site: Site, coupled: Coupled) -> None:
    posts = await read_file("rss20.xml", site, coupled)
    assert posts["https://streekblad.example/nieuws/1"].text == "Zwembad open"
    cut = item("1", "De brug over de …", more="<description>De  brug over de Vecht is dicht.</description>")
    site.puts(rss(cut))
    (post,) = (await read(coupled())).posts
    assert post.text == "De brug over de Vecht is dicht."


async def test_an_entry_without_author_is_by_the_feed(site: Site, coupled: Coupled) -> None:
    posts = await read_file("rss20.xml", site, coupled)
    author = posts["https://streekblad.example/nieuws/1"].author
    assert author == Author("streekblad & zoon", "Streekblad & Zoon")
    site.puts('<rss version="2.0"><channel><item><title>Zonder alles</title></item></channel></rss>')
    (post,) = (await read(coupled())).posts
    assert post.author == Author("127.0.0.1", "127.0.0.1")


async def test_an_atom_entry_becomes_a_post(site: Site, coupled: Coupled) -> None:
    posts = await read_file("atom10.xml", site, coupled)
    assert posts["urn:uuid:1"] == Post(
        external_id="urn:uuid:1",
        author=Author("noor@example.nl", "Noor", url="https://noor.example/"),
        text="Waar is het loket?\n\nIk zoek het loket.\n\nWie helpt?",
        published_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        url=f"{site.url}/vragen/1",
        language="nl",
        media=(Media(f"{site.url}/vragen/1.png", "image", "Kaart van het loket"),),
    )
    assert posts["urn:uuid:2"].text == "Parking 1 < 2?\n\nIs 1 < 2 hours free?"
    assert posts["urn:uuid:2"].language == "en"
    assert posts["urn:uuid:2"].author.name == "Vragen & antwoorden"


async def test_a_picture_keeps_its_description_out_of_the_text(site: Site, coupled: Coupled) -> None:
    (post,) = (await read_file("mastodon.xml", site, coupled)).values()
    assert post.text == "Lantaarn stuk #licht"
    assert post.media == (Media("https://social.example/1.jpg", "image", "Donkere straat < lantaarn"),)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("rss091.xml", {"Brug dicht\n\nDe brug is een week dicht.", "Markt verplaatst"}),
        ("rss10.xml", {"Losse tegel\n\nVoor nummer 12 ligt een tegel los."}),
        ("atom03.xml", {"Vuilnis\n\nDe bak is vol."}),
        ("utf16.xml", {"Naïef € 5"}),
        ("bom_and_blank_line.xml", {"Naïef € 5"}),
        ("cp1252_declared_as_utf8.xml", {"Naïef € 5"}),
        ("broken.xml", {"Vis & chips op de markt\n\nLekker \xa0 hoor", "Afgebroken"}),
        ("control_characters.xml", {"Nullen en bellen[31m\n\neen twee"}),
        ("garbage_namespaces.xml", {"Echt"}),
        ("no_ids_no_dates.xml", {"Een", "Twee", "Alleen tekst"}),
        ("repeated_guids.xml", {"Nieuw"}),
    ],
)
async def test_old_odd_and_broken_feeds_are_read_once(name: str, texts: set[str], site: Site, coupled: Coupled) -> None:
    site.puts((FEEDS / name).read_bytes())
    first = await read(coupled())
    assert {post.text for post in first.posts} == texts
    first.cursor["body"] = "another"
    assert (await read(coupled(), first)).posts == ()


async def test_what_is_no_web_address_is_no_link_and_no_picture(site: Site, coupled: Coupled) -> None:
    (post,) = (await read_file("garbage_namespaces.xml", site, coupled)).values()
    assert (post.url, post.media, post.author.url) == ("", (), "")


async def test_the_character_set_of_the_answer_counts(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1", "Café")).encode("latin-1"), content_type="application/xml; charset=iso-8859-1")
    (post,) = (await read(coupled())).posts
    assert post.text == "Café"


# --- What is new ---------------------------------------------------------------------------------


async def test_a_first_reading_takes_the_last_days_only(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("new", at=ago(days=6)), item("old", "Oud", at=ago(days=8))))
    first = await read(coupled(since_days=7))
    assert [post.external_id for post in first.posts] == ["new"]
    site.puts(rss(item("newer", "Nu", ago(days=1)), item("new", at=ago(days=6)), item("older", at=ago(days=30))))
    second = await read(coupled(since_days=7), first)
    assert [post.external_id for post in second.posts] == ["newer"], "what is older than the start stays out"


async def test_a_feed_begins_when_it_is_added_unless_it_is_asked_to_look_back(
    site: Site, client: httpx.AsyncClient
) -> None:
    site.puts(rss(item("today", at=ago(hours=2)), item("undated"), item("old", "Oud", ago(days=5))))
    for days, taken in ((0, []), (1, ["undated", "today"]), (6, ["old", "undated", "today"])):
        options = {"since_days": days} if days else {}
        account = Account(1, "feed", "Nieuws", f"{site.url}/feed", options=options, added_at=ago(minutes=5))
        first = await read(Feed(account, tools(client)))
        assert sorted(post.external_id for post in first.posts) == sorted(taken)
    feed = Feed(replace(account, options={}), tools(client))
    begun = await read(feed)
    late = item("late", "Laat", ago(days=1)), item("very late", "Te laat", ago(days=9))
    site.puts(rss(item("new", "Nieuw"), *late, item("today", at=ago(hours=2)), item("undated")))
    assert {post.external_id for post in (await read(feed, begun)).posts} == {"new", "late"}


@pytest.mark.parametrize("dated", [True, False], ids=["dated anew", "undated"])
async def test_an_entry_with_the_same_words_under_another_id_in_its_place_is_the_same(
    dated: bool, site: Site, coupled: Coupled
) -> None:
    def entries(number: int) -> list[str]:
        link = "<link>https://krant.example/{0}?session={1}</link><author>{0}@krant.example</author>"
        return [
            item(f"{number}-{n}", f"Bericht {n % 5}", ago(seconds=1) if dated else None, link.format(n, number))
            for n in range(8)
        ]

    page = None
    for number in range(6):
        site.puts(rss(*entries(number)))
        page = await read(coupled(), page)
        assert len(page.posts) == (8 if number == 0 else 0)
    site.puts(rss(item("other", "Bericht 9"), *entries(7)))
    page = await read(coupled(), page)
    assert [post.external_id for post in page.posts] == ["other"]


@pytest.mark.parametrize("first", [0, 1])
async def test_an_entry_is_new_though_it_has_the_number_of_its_place(site: Site, coupled: Coupled, first: int) -> None:
    def puts(*titles: str) -> None:
        items = (item(str(first + n), title, ago(hours=int(title))) for n, title in enumerate(titles))
        site.puts(rss(*items))

    feed = coupled()
    puts("5", "6", "7")
    page = await feed.fetch({})
    assert [post.text for post in page.posts] == ["7", "6", "5"]
    puts("3", "4", "5", "6")
    page = await feed.fetch(page.cursor)
    assert [(post.text, post.edited_at) for post in page.posts] == [("4", None), ("3", None)]
    puts("3", "4", "5", "6")
    assert (await feed.fetch(page.cursor)).posts == ()


async def test_numbers_that_count_up_with_the_time_are_ids(site: Site, coupled: Coupled) -> None:
    feed = coupled()
    at = ago(hours=9)
    site.puts(rss(*(item(str(n), f"Bericht {n}", at + timedelta(hours=n)) for n in (1, 2, 3))))
    page = await feed.fetch({})
    assert [post.external_id for post in page.posts] == ["1", "2", "3"]


async def test_the_same_words_beside_each_other_or_later_are_two_posts(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1", "Storing opgelost")))
    page = await read(coupled())
    site.puts(rss(item("2", "Storing opgelost"), item("1", "Storing opgelost")))
    page = await read(coupled(), page)
    assert [post.external_id for post in page.posts] == ["2"]
    site.puts(rss(item("3", "Iets anders")))
    page = await read(coupled(), page)
    site.puts(rss(item("4", "Storing opgelost")))
    assert [post.external_id for post in (await read(coupled(), page)).posts] == ["4"]


async def test_the_same_words_at_another_time_are_two_posts_when_the_first_leaves_the_feed(
    site: Site, coupled: Coupled
) -> None:
    def puts(*numbers: int) -> None:
        site.puts(rss(*(item(str(n), "Lantaarn stuk", ago(hours=20 - n)) for n in numbers)))

    puts(3, 2, 1)
    page = await read(coupled())
    puts(4, 3, 2)
    page = await read(coupled(), page)
    assert [post.external_id for post in page.posts] == ["4"]
    puts(6, 5, 4)
    assert [post.external_id for post in (await read(coupled(), page)).posts] == ["5", "6"]


async def test_a_feed_that_brings_all_its_entries_again_and_again_in_other_words_is_held(
    site: Site, coupled: Coupled
) -> None:
    def puts(number: int, ids: int) -> None:
        seen = f"<description>{number} keer gelezen</description>"
        site.puts(rss(*(item(f"{ids}-{n}", f"Bericht {n}", more=seen) for n in range(4))))

    puts(0, ids=0)
    page = await read(coupled())
    for number in (1, 2):
        puts(number, ids=number)
        page = await read(coupled(), page)
    puts(3, ids=3)
    with pytest.raises(Unauthorized, match="as if they were new"):
        await read(coupled(), page)
    page = replace(page, cursor={**page.cursor, "at": page.cursor["at"] - 7 * 3600})
    page = await read(coupled(), page)
    puts(4, ids=3)
    assert (await read(coupled(), page)).posts == ()


async def test_a_first_reading_takes_ten_undated_entries(site: Site, coupled: Coupled) -> None:
    site.puts(rss(*(item(str(n)) for n in range(30))))
    first = await read(coupled())
    assert [post.external_id for post in first.posts] == [str(n) for n in reversed(range(10))]
    site.puts(rss(item("new"), *(item(str(n)) for n in range(30))))
    second = await read(coupled(), first)
    assert [post.external_id for post in second.posts] == ["new"]


@pytest.mark.parametrize("at", [None, ago(days=-400), datetime(9998, 1, 1, tzinfo=UTC)])
async def test_an_undated_or_future_entry_is_published_when_it_is_seen(
    at: datetime | None, site: Site, coupled: Coupled
) -> None:
    site.puts(rss(item("1", at=at)))
    before = datetime.now(UTC)
    (post,) = (await read(coupled())).posts
    assert before <= post.published_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("24-11-2026 14:05", "2026-11-24T13:05"),
        ("24-11-2026", "2026-11-23T23:00"),
        ("24-11-26 14.05 uur", "2026-11-24T13:05"),
        ("03-04-2026 10:00", "2026-04-03T08:00"),
        ("24/11/2026", "2026-11-23T23:00"),
        ("24/11/2026 14:05:30", "2026-11-24T13:05"),
        ("24.11.2026 14:05", "2026-11-24T13:05"),
        ("11/24/2026 2:05 PM", "2026-11-24T13:05"),
        ("di, 24 nov 2026 14:05:00 +0100", "2026-11-24T13:05"),
        ("dinsdag 24 november 2026 14:05", "2026-11-24T13:05"),
        ("24 nov. 2026, 14:05", "2026-11-24T13:05"),
        ("za, 16 mei 2026 09:30:00 GMT", "2026-05-16T09:30"),
        ("ma 2 mrt 2026 om 09:30 uur", "2026-03-02T08:30"),
        ("Tue, 24 Nov 2026 14:05:00 CET", "2026-11-24T13:05"),
        ("Fri, 24 Jul 2026 14:05:00 CEST", "2026-07-24T12:05"),
        ("Fri, 24 Jul 2026 14:05:00 Europe/Amsterdam", "2026-07-24T12:05"),
        ("Tue, 24 Nov 2026 14:05:00 EST", "2026-11-24T19:05"),
        ("Tue, 24 Nov 2026 14:05:00 GMT", "2026-11-24T14:05"),
        ("Tue, 24 Nov 2026 14:05:00 -0330", "2026-11-24T17:35"),
        ("2026-11-24 14:05", "2026-11-24T13:05"),
        ("2026/11/24 14:05", "2026-11-24T13:05"),
        ("2026-11-24T14:05:00.123Z", "2026-11-24T14:05"),
        ("2026-11-24T14:05:00+01:00", "2026-11-24T13:05"),
        ("1790000000", "2026-09-21T14:13"),
        ("99-99-2026 14:05", None),
        ("binnenkort", None),
    ],
)
def test_a_date_is_read_as_people_write_it(written: str, moment: str | None) -> None:
    body = rss(f"<item><guid>1</guid><title>Bericht</title><pubDate>{written}</pubDate></item>")
    (entry,) = reading_of(body.encode(), "application/rss+xml")["entries"]
    told = entry["published"] and f"{datetime.fromtimestamp(entry['published'], UTC):%Y-%m-%dT%H:%M}"
    assert told == moment


async def test_an_entry_with_a_dutch_date_comes_in(site: Site, coupled: Coupled) -> None:
    at = ago(hours=3).astimezone(dates.HERE)
    site.puts(rss(f"<item><guid>1</guid><title>Bericht</title><pubDate>{at:%d-%m-%Y %H:%M}</pubDate></item>"))
    (post,) = (await read(coupled(since_days=1))).posts
    assert post.published_at == at.replace(second=0)


async def test_an_entry_with_only_a_picture_or_only_a_link_is_a_post(site: Site, coupled: Coupled) -> None:
    picture = '&lt;img src="/lamp.jpg" alt="Een kapotte  lamp"&gt;'
    described = (
        '<media:content url="/brug.jpg" medium="image"><media:description>De brug</media:description></media:content>'
    )
    site.puts(
        rss(
            f"<item><guid>1</guid><description>{picture}</description></item>",
            f'<item xmlns:media="http://search.yahoo.com/mrss/"><guid>2</guid>{described}</item>',
            "<item><link>https://krant.example/a</link></item>",
            "<item><guid>4</guid><description>&lt;img src='/x.png'&gt;</description></item>",
        )
    )
    posts = {post.text: [medium.url for medium in post.media] for post in (await read(coupled())).posts}
    assert posts == {
        "Een kapotte lamp": [f"{site.url}/lamp.jpg"],
        "De brug": [f"{site.url}/brug.jpg"],
        "https://krant.example/a": [],
        "": [f"{site.url}/x.png"],
    }


async def test_a_changed_entry_comes_again_with_its_time(site: Site, coupled: Coupled) -> None:
    published, updated = ago(hours=2), ago(hours=1)
    site.puts(atom("Eerst", published))
    first = await read(coupled())
    assert first.posts[0].edited_at is None
    site.puts(atom("Daarna", updated, published))
    (post,) = (second := await read(coupled(), first)).posts
    assert (post.external_id, post.text, post.published_at, post.edited_at) == ("urn:1", "Daarna", published, updated)
    site.puts(atom("Daarna", ago(minutes=1), published))
    assert (await read(coupled(), second)).posts == (), "a new date on the same words is no change"


async def test_a_change_that_the_feed_does_not_date_is_not_told(site: Site, coupled: Coupled) -> None:
    published = ago(hours=1)
    site.puts(rss(item("1", "3 reacties", published)))
    first = await read(coupled())
    site.puts(rss(item("1", "4 reacties", published)))
    assert (await read(coupled(), first)).posts == ()


async def test_only_the_newest_of_very_many_entries_are_read(site: Site, coupled: Coupled) -> None:
    moments = [ago(seconds=n) for n in range(5_000, 0, -1)]
    entries = "".join(
        f"<item><guid>{n}</guid><title>t</title><pubDate>{at:%Y-%m-%dT%H:%M:%SZ}</pubDate></item>"
        for n, at in enumerate(moments)
    )
    site.puts(rss(entries))
    page = await read(coupled())
    assert [post.external_id for post in page.posts] == [str(n) for n in range(5_000 - MAX_ENTRIES, 5_000)]


async def test_a_check_warns_when_new_entries_without_a_date_may_not_be_read(site: Site, coupled: Coupled) -> None:
    few, many = (rss(*(item(f"urn:{n}") for n in range(count))) for count in (MAX_ENTRIES, MAX_ENTRIES + 1))
    dated = rss(*(item(f"urn:{n}", at=ago(hours=n)) for n in range(MAX_ENTRIES + 1)))
    found = []
    for feed in (few, many, dated):
        site.puts(feed)
        health = await coupled().check()
        assert not health.problems
        found.append(len(health.warnings))
    assert found == [0, 1, 0]


async def test_the_cursor_stays_small_and_forgets_the_longest_unseen(site: Site, coupled: Coupled) -> None:
    page = None
    for batch in range(4):
        site.puts(rss(*(item(f"{batch}-{n}", f"{batch}-{n}", ago(hours=1)) for n in range(MAX_ENTRIES))))
        page = await read(coupled(), page)
        assert len(page.posts) == MAX_ENTRIES
    assert page is not None
    assert len(page.cursor["seen"]) == feed_module.MAX_SEEN
    assert len(json.dumps(page.cursor)) < 32_000


async def test_another_address_for_the_account_begins_anew(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1")), etag='"a"', cache_control="max-age=3600")
    first = await read(coupled())
    site.puts(rss(item("1")), path="/other")
    page = await read(coupled(f"{site.url}/other"), first)
    assert len(page.posts) == 1
    assert "If-None-Match" not in site.asked[-1].headers


# --- How it is asked -----------------------------------------------------------------------------


async def test_an_unchanged_feed_is_asked_for_conditionally(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1")), etag='W/"abc"', last_modified="Fri, 20 Nov 2026 10:00:00 GMT")
    first = await read(coupled())
    site.puts(b"", status=304)
    second = await read(coupled(), first)
    assert second.posts == ()
    third = await read(coupled(), second)
    assert third.cursor["seen"] == first.cursor["seen"]
    assert site.asked[-1].headers["If-None-Match"] == 'W/"abc"'
    assert site.asked[-1].headers["If-Modified-Since"] == "Fri, 20 Nov 2026 10:00:00 GMT"


async def test_a_validator_that_cannot_be_sent_back_is_dropped(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1")), etag='"caf\u00e9"')
    first = await read(coupled())
    await read(coupled(), first)
    assert "If-None-Match" not in site.asked[-1].headers


async def test_a_feed_that_moved_for_good_is_asked_at_its_new_address(site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=301, location="/nieuw")
    site.puts(b"", path="/nieuw", status=308, location="/nieuwer")
    site.puts(rss(item("1", more="<link>x</link>")), path="/nieuwer")
    first = await read(coupled())
    assert first.posts[0].url == f"{site.url}/x"
    assert first.cursor["url"] == f"{site.url}/nieuwer"
    await read(coupled(), first)
    assert [request.path for request in site.asked] == ["/feed", "/nieuw", "/nieuwer", "/nieuwer"]
    assert "moved to 127.0.0.1 for good" in str((await coupled().check()).problems[0])


@pytest.mark.parametrize("status", [404, 410, 200])
async def test_a_feed_that_leaves_the_address_it_moved_to_is_found_by_its_own(
    status: int, site: Site, coupled: Coupled
) -> None:
    site.puts(b"", status=301, location="/nieuw")
    site.puts(rss(item("1")), path="/nieuw", etag='"a"', last_modified="Fri, 20 Nov 2026 10:00:00 GMT")
    first = await read(coupled())
    site.puts("<!doctype html><html><title>Weg</title></html>", path="/nieuw", status=status)
    site.puts(b"", status=301, location="/nieuwer")
    site.puts(rss(item("2"), item("1")), path="/nieuwer")
    second = await read(coupled(), first)
    assert [post.external_id for post in second.posts] == ["2"]
    assert "If-None-Match" not in site.asked[-1].headers  # that was of the other address
    assert second.cursor["url"] == f"{site.url}/nieuwer"


async def test_a_feed_that_is_nowhere_any_more_is_refused(site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=301, location="/nieuw")
    site.puts(rss(item("1")), path="/nieuw")
    first = await read(coupled())
    site.puts(b"", path="/nieuw", status=404)
    with pytest.raises(Rejected, match="no feed at this address"):
        await read(coupled(), first)


async def test_a_detour_is_followed_but_not_kept(site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=302, location="/even")
    site.puts(b"", path="/even", status=301, location="/ergens")
    site.puts(rss(item("1")), path="/ergens")
    page = await read(coupled())
    assert len(page.posts) == 1
    assert "url" not in page.cursor


async def test_a_detour_in_a_circle_ends(site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=307, location="/feed")
    with pytest.raises(Rejected, match="more than 5 times"):
        await read(coupled())
    assert len(site.asked) == 6


@pytest.mark.parametrize("location", ["ftp://elders.example/", "http://xn--a/", "http://127.0.0.1:99999999/"])
async def test_a_redirect_to_no_web_address_is_refused(location: str, site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=301, location=location)
    with pytest.raises(Rejected, match="no web address"):
        await read(coupled())


@pytest.mark.parametrize("location", ["//[::1", "http://[zz]/", "javascript:alert(1)", "http:", "http:///"])
async def test_a_redirect_to_nonsense_becomes_one_verdict(location: str, site: Site, coupled: Coupled) -> None:
    site.puts(b"", status=302, location=location)
    with pytest.raises(Verdict):
        await read(coupled())


def sent_on(location: str, asked: list[str]) -> httpx.MockTransport:
    """A site at a public address that sends every request on."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(301, headers={"Location": location}, stream=httpx.ByteStream(b""))

    return httpx.MockTransport(answer)


async def test_a_redirect_from_https_to_http_is_refused() -> None:
    asked: list[str] = []
    async with httpx.AsyncClient(transport=sent_on("http://93.184.215.14/feed", asked)) as client:
        with pytest.raises(Rejected, match="without https"):
            await read(Feed(Account(1, "feed", "Nieuws", "https://93.184.215.14/feed"), tools(client)))
    assert asked == ["https://93.184.215.14/feed"]


@pytest.mark.parametrize(
    ("headers", "channel", "wait"),
    [
        ({"cache_control": "public, max-age=600"}, "", timedelta(minutes=10)),
        ({"cache_control": 'max-age="600"', "age": "540"}, "", timedelta(minutes=1)),
        ({"retry_after": "120"}, "", timedelta(minutes=2)),
        ({"cache_control": "max-age=60"}, "<ttl>30</ttl>", timedelta(minutes=30)),
        ({"cache_control": "max-age=31536000"}, "<ttl>999999</ttl>", timedelta(hours=24)),
        ({"cache_control": "max-age=99999999999999999999, no-cache"}, "", timedelta(0)),
        ({"cache_control": "max-age=-5, max-age=x", "retry_after": "gisteren"}, "<ttl>-3</ttl>", None),
        ({}, "<ttl>vaak</ttl>", timedelta(0)),
    ],
)
async def test_a_feed_is_left_alone_as_long_as_it_asks(
    headers: dict[str, str], channel: str, wait: timedelta | None, site: Site, coupled: Coupled
) -> None:
    site.puts(rss(item("1"), channel=channel), status=200, **headers)
    before = datetime.now(UTC)
    page = await read(coupled())
    expected = timedelta(minutes=1) if wait is None else wait  # what 429 without a usable time means
    if not expected:
        assert page.not_before is None
    else:
        assert page.not_before is not None
        assert before + expected - timedelta(seconds=1) <= page.not_before <= datetime.now(UTC) + expected


async def test_the_time_to_live_holds_after_an_unchanged_answer(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1"), channel="<ttl>30</ttl>"))
    first = await read(coupled())
    second = await read(coupled(), first)
    assert second.not_before is not None
    assert second.not_before > datetime.now(UTC) + timedelta(minutes=29)


@pytest.mark.parametrize(
    ("status", "headers", "verdict", "words"),
    [
        (401, {}, Unauthorized, "asks for a login"),
        (403, {}, Rejected, "HTTP 403"),
        (404, {}, Rejected, "no feed at this address"),
        (410, {}, Unauthorized, "has ended"),
        (429, {"retry_after": "60"}, RateLimited, "asks us to wait"),
        (503, {"retry_after": "60"}, RateLimited, "asks us to wait"),
        (503, {}, Unavailable, "HTTP 503"),
        (500, {}, Unavailable, "HTTP 500"),
        (408, {}, Unavailable, "HTTP 408"),
        (202, {}, Unavailable, "HTTP 202"),
        (300, {}, Unavailable, "HTTP 300"),
        (301, {}, Unavailable, "HTTP 301"),
    ],
)
async def test_a_refusal_becomes_one_clear_verdict(
    status: int, headers: dict[str, str], verdict: type[Verdict], words: str, site: Site, coupled: Coupled
) -> None:
    site.puts(rss(item("1")), status=status, **headers)
    with pytest.raises(verdict, match=words):
        await read(coupled())
    health = await coupled().check()
    assert words in str(health.problems[0])


@pytest.mark.parametrize(
    ("body", "verdict", "words"),
    [
        (b"", Unavailable, "empty"),
        (b" \n ", Unavailable, "empty"),
        (b"zomaar wat", Rejected, "no feed"),
        (b"<?xml version='1.0'?><svg/>", Rejected, "no feed"),
        (b"<rss version='2.0'><chan", Unavailable, "broken"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><ent", Unavailable, "broken"),
        (b"[1]", Rejected, "JSON"),
        (b"\x00\x01\x02\xff\xfe", Rejected, "no feed"),
        (b"x" * (5 * 1024 * 1024 + 1), Rejected, "larger than"),
    ],
)
async def test_what_is_no_feed_becomes_one_clear_verdict(
    body: bytes, verdict: type[Verdict], words: str, site: Site, coupled: Coupled
) -> None:
    site.puts(body)
    with pytest.raises(verdict, match=words):
        await read(coupled())


async def test_a_web_page_is_refused_with_the_feed_that_it_names(site: Site, coupled: Coupled) -> None:
    site.puts((FEEDS / "page.html").read_bytes(), content_type="text/html")
    with pytest.raises(Rejected, match=f"names this feed: {site.url}/nieuws.rss"):
        await read(coupled())
    site.puts("<html><body>Onderhoud</body></html>", content_type="text/html")
    with pytest.raises(Rejected, match="Look on it for the address"):
        await read(coupled())


async def test_a_feed_without_entries_is_fine(site: Site, coupled: Coupled) -> None:
    site.puts(rss())
    assert (await read(coupled())).posts == ()
    assert str((await coupled().check()).working[0]) == "Reads “Krant”: 0 entries."


async def test_a_check_tells_what_the_feed_holds(site: Site, coupled: Coupled) -> None:
    site.puts((FEEDS / "repeated_guids.xml").read_bytes())
    health = await coupled().check()
    assert [str(line) for line in health.working] == ["Reads “Dubbel”: 2 entries, the newest of 2026-11-20."]
    assert "1 entries have the id of another" in str(health.problems[0])


# --- Hostile feeds -------------------------------------------------------------------------------


async def test_entities_within_entities_are_harmless(site: Site, coupled: Coupled) -> None:
    (post,) = (await read_file("billion_laughs.xml", site, coupled)).values()
    assert post.text == "&lol9;"


async def test_a_long_entity_many_times_is_harmless(site: Site, coupled: Coupled) -> None:
    entity = '<!DOCTYPE q [\n<!ENTITY a "' + "x" * 100_000 + '">\n]>'
    site.puts(
        f'<?xml version="1.0"?>\n{entity}<rss version="2.0"><channel><title>{"&a;" * 20_000}</title></channel></rss>'
    )
    with pytest.raises(Unavailable, match="broken"):
        await read(coupled())


async def test_an_external_entity_opens_no_file(site: Site, coupled: Coupled) -> None:
    (post,) = (await read_file("external_entity.xml", site, coupled)).values()
    assert post.text == "Inhoud: &geheim;"


async def test_a_feed_that_takes_for_ever_to_read_is_given_up(
    site: Site, coupled: Coupled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "READING_SECONDS", 0.5)
    site.puts(rss(f"<item><title>x</title><author>{'a' * 1_000_000}</author></item>"))
    with pytest.raises(Rejected, match="too much time or memory"):
        await read(coupled())


async def test_a_body_that_is_a_path_or_address_opens_nothing(site: Site, coupled: Coupled) -> None:
    site.puts(rss(item("1")), path="/elders")
    for body in (str(FEEDS / "rss20.xml"), f"{site.url}/elders"):
        site.puts(body)
        with pytest.raises(Rejected, match="no feed"):
            await read(coupled())
    assert {request.path for request in site.asked} == {"/feed"}


PRIVATE = [
    "http://127.0.0.1/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://localhost/",
    "http://user:secret@localhost:8080/",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_a_private_address_is_refused(url: str, outside: httpx.AsyncClient) -> None:
    with pytest.raises(Rejected):
        await read(Feed(Account(1, "feed", "Nieuws", url), tools(outside)))


@pytest.mark.parametrize(
    "url", ["http://xn--a/", "http://[::1", "nergens", "", "http://127.0.0.1:99999999/", "http://\x00/"]
)
async def test_an_account_with_no_web_address_is_refused(url: str, client: httpx.AsyncClient) -> None:
    feed = Feed(Account(1, "feed", "Nieuws", url), tools(client))
    with pytest.raises(Rejected, match="no web address"):
        await read(feed)


async def test_an_account_does_not_open_private_networks_for_itself(site: Site, outside: httpx.AsyncClient) -> None:
    feed = Feed(Account(1, "feed", "Nieuws", f"{site.url}/feed", options={"allow_private": True}), tools(outside))
    with pytest.raises(Rejected, match="private network"):
        await read(feed)
    assert site.asked == []


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "http://localhost:1/", "http://[::1]/", "//10.0.0.1/"])
async def test_a_redirect_into_a_private_network_is_refused(target: str, site: Site) -> None:
    site.puts(b"", status=301, location=target)
    wires = Wires(int(site.url.rpartition(":")[2]))
    async with httpx.AsyncClient(transport=Transport(network=wires)) as client:
        with pytest.raises(Rejected, match="private network"):
            await read(Feed(Account(1, "feed", "Nieuws", "http://93.184.215.14/feed"), tools(client)))
    assert wires.reached == ["93.184.215.14"]


async def test_a_redirect_to_a_name_that_changes_reaches_what_was_checked(site: Site, names: Names) -> None:
    names.leads["draai.example"] = ["198.41.0.4", "127.0.0.1"]
    site.puts(b"", status=302, location="http://draai.example/elders")
    site.puts(rss(item("1")), path="/elders")
    wires = Wires(int(site.url.rpartition(":")[2]))
    async with httpx.AsyncClient(transport=Transport(network=wires)) as client:
        await read(Feed(Account(1, "feed", "Nieuws", "http://93.184.215.14/feed"), tools(client)))
    assert wires.reached == ["93.184.215.14", "198.41.0.4"]


def held_reading(body: bytes, content_type: str) -> dict[str, Any]:
    """Read any bytes, and see that what must be true is."""
    reading = reading_of(body, content_type)
    assert json.loads(json.dumps(reading)) == reading
    if "fault" not in reading:
        ids = [entry["external_id"] for entry in reading["entries"]]
        assert len(ids) == len(set(ids)) <= MAX_ENTRIES
        assert all(ids)
        for entry in reading["entries"]:
            assert entry["text"] or entry["media"]
            assert "\x00" not in json.dumps(entry, ensure_ascii=False)
            json.dumps(entry, ensure_ascii=False).encode()
    return reading


@given(body=st.binary(max_size=400), content_type=st.text(st.characters(max_codepoint=255), max_size=30))
def test_any_bytes_are_read_or_called_faulty(body: bytes, content_type: str) -> None:
    held_reading(body, content_type)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One of our feeds with a few pieces cut out, doubled, moved or replaced by something odd."""
    body = (FEEDS / draw(st.sampled_from(NAMES))).read_bytes()
    odd = st.sampled_from([b"", b"\x00", b"&#xD800;", b"&#9999999999;", b"<![CDATA[", b"]]>", b"<item>", b"</item>"])
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 60)))
        piece = draw(st.one_of(odd, st.binary(max_size=8), st.just(body[start:end] * 2)))
        body = body[:start] + piece + body[end:]
    return body


@settings(max_examples=200)
@given(body=mutated(), content_type=st.sampled_from(["", "application/xml", "text/html; charset=utf-16"]))
def test_a_damaged_feed_is_read_or_called_faulty(body: bytes, content_type: str) -> None:
    reading = held_reading(body, content_type)
    assert reading_of(body, content_type) == reading


PIECES = """<author> </author> <name> </name> <email> </email> <title> </title> <link> </link> <link/> <guid> </guid>
<media:content_url='a.jpg'> </media:content> <media:description> </media:description> <media:group> <pubDate> </pubDate>
<content> </content> <summary_type='xhtml'> </summary> <enclosure_type='image/x'/> <source> </source> <item> </item>
<updated>2026</updated> <image> <textinput> <dc:creator> <author/> a@b_(c) @ &lt;p> &#0; Tue,_99_Nov_2026""".split()
"""Of which feeds are made, an underscore for a space."""


@settings(max_examples=200)
@given(
    head=st.sampled_from(
        [
            "<rss xmlns:media='http://search.yahoo.com/mrss/' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><item>",
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry>",
        ]
    ),
    pieces=st.lists(st.sampled_from(PIECES), max_size=25),
)
def test_any_heap_of_elements_is_read_or_called_faulty(head: str, pieces: list[str]) -> None:
    held_reading((head + "".join(pieces).replace("_", " ")).encode(), "application/xml")


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(bodies=st.lists(mutated(), min_size=2, max_size=2))
def test_a_damaged_feed_over_the_wire_gives_posts_once_or_one_verdict(bodies: list[bytes]) -> None:
    asyncio.run(_read_over_the_wire([*bodies, bodies[0]]))


async def _read_over_the_wire(bodies: list[bytes]) -> None:
    given: dict[str, datetime | None] = {}
    left = iter(bodies)

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(next(left)))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        feed = Feed(Account(1, "feed", "Nieuws", "http://a.example/"), tools(client))
        cursor: dict[str, Any] = {}
        for _ in bodies:
            try:
                page = await feed.fetch(cursor)
            except Verdict:
                continue
            cursor = json.loads(json.dumps(page.cursor))
            for post in page.posts:
                assert post.external_id not in given or post.edited_at is not None
                assert post.published_at.tzinfo is not None
                given[post.external_id] = post.edited_at
