"""What holds for every connector, ours and a made-up one: what it declares it does, and no word is lost or doubled."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot import accounts
from bot.connectors import OURS, http
from bot.connectors.base import (
    Draft,
    Moderates,
    OutcomeUnknown,
    Polls,
    Publishes,
    RateLimited,
    Rechecks,
    Rejected,
    Replies,
    Sent,
    TakesImages,
    Unauthorized,
    Unavailable,
    Unknowable,
    Verdict,
)
from bot.connectors.platform import ACTS, Capability, Platform
from bot.domain.mention import ANSWERS, Act, Post
from bot.outgoing.cleaning import cleaned
from tests.contracts.drivers import Driver, drivers
from tests.fakes.pictures import photograph

DRIVERS = drivers()
MADE_UP = {"forum"}
EARLIER = datetime.now(UTC) - timedelta(hours=1)


def test_every_connector_is_held_to_the_contract() -> None:
    assert {kind.platform.name for kind in DRIVERS} == {platform.name for platform in OURS} | MADE_UP


def that(can: Callable[[Platform], bool]) -> list[type[Driver]]:
    """The platforms of which this holds."""
    return [kind for kind in DRIVERS if can(kind.platform)]


def name_of(kind: type[Driver]) -> str:
    return kind.__name__.removeprefix("On").lower()


@pytest.fixture(params=that(lambda platform: True), ids=name_of)
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param.running(request) as found:
        yield found


@pytest.fixture(params=that(lambda platform: platform.answers), ids=name_of)
async def replying(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param.running(request) as found:
        yield found


def takes_images(platform: Platform) -> bool:
    return platform.can(Capability.IMAGES) or platform.can(Capability.MESSAGE_IMAGES)


@pytest.fixture(params=that(takes_images), ids=name_of)
async def illustrating(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param.running(request) as found:
        yield found


@pytest.fixture(params=that(lambda platform: platform.can(Capability.POLLS)), ids=name_of)
async def polling(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param.running(request) as found:
        yield found


@pytest.fixture(params=that(lambda platform: platform.edits), ids=name_of)
async def editing(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param.running(request) as found:
        yield found


@dataclass(frozen=True)
class Acting:
    """What we do to a post on a platform, besides answering it."""

    driver: Driver
    act: Act

    async def post(self, client: httpx.AsyncClient) -> Post:
        """A post to which it is not done yet."""
        driver, connector = self.driver, self.driver.connector(client)
        if self.act is Act.DELETE:
            sending = await draft(driver, client)
            assert isinstance(connector, Replies)
            return replace(sending.to, external_id=(await connector.send(sending)).external_id, place=None)
        written = driver.write_below_ours()
        post = next(each for each in (await driver.read(client, {})).posts if each.external_id == written)
        assert UNDO.get(self.act, self.act) in {permit.act for permit in post.permits}
        if self.act in UNDO:
            await self.to(post, client, UNDO[self.act])
        assert not self.is_done(post)
        return post

    async def to(self, post: Post, client: httpx.AsyncClient, act: Act | None = None) -> None:
        """Do it to the post, or another act."""
        connector = self.driver.connector(client)
        assert isinstance(connector, Moderates)
        await connector.act(act or self.act, post)

    def is_done(self, post: Post) -> bool:
        """Whether the platform shows that it was done, and once."""
        if self.act is Act.DELETE:
            return self.driver.published() == []
        return self.driver.marks() == ([] if self.act in UNDO else [(self.act, post.external_id)])


UNDO = {Act.SHOW: Act.HIDE, Act.UNLIKE: Act.LIKE}
"""The acts that undo another."""
DONE_THERE = [(kind, act) for kind in DRIVERS for can, acts in ACTS.items() if kind.platform.can(can) for act in acts]


@pytest.fixture(params=sorted(DONE_THERE, key=str), ids=lambda param: f"{name_of(param[0])}-{param[1]}")
async def acting(request: pytest.FixtureRequest) -> AsyncIterator[Acting]:
    kind, act = request.param
    async with kind.running(request) as found:
        yield Acting(found, act)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http.new_client(allow_private=True) as one:
        yield one


async def draft(driver: Driver, client: httpx.AsyncClient, words: str = "Dat zoeken we uit. ^SB") -> Draft:
    """A reply to a post that a citizen just wrote."""
    driver.write("Wie gaat hierover?")
    to = (await driver.read(client, {})).posts[-1]
    connector = driver.connector(client)
    assert isinstance(connector, Replies)
    composed = connector.compose(words, to=to, private=to.private)
    return Draft("key-1", composed, to.private, to, datetime.now(UTC))


async def test_what_is_declared_is_implemented_and_no_more(driver: Driver, client: httpx.AsyncClient) -> None:
    platform, connector = driver.platform, driver.connector(client)
    assert platform.can(Capability.POLLS) is isinstance(connector, Polls)
    assert platform.can(Capability.PUSHES) is (platform.receiver is not None)
    assert platform.answers is isinstance(connector, Replies)
    moderates = any(platform.can(each) for each in (Capability.HIDES, Capability.LIKES, Capability.DELETES))
    assert moderates is isinstance(connector, Moderates)
    assert takes_images(platform) is isinstance(connector, TakesImages)
    if isinstance(connector, TakesImages):
        assert platform.can(Capability.IMAGES) is (connector.images(private=False) is not None)
        assert platform.can(Capability.MESSAGE_IMAGES) is (connector.images(private=True) is not None)
    assert platform.can(Capability.PUBLISHES) is isinstance(connector, Publishes)
    assert platform.edits is (isinstance(connector, Rechecks) or platform.can(Capability.PUSHES))
    if isinstance(connector, Replies):
        assert connector.resend_safe_for in {None, platform.resend_safe_for}


async def test_a_check_says_what_becomes_of_a_reply_of_which_nothing_is_heard(
    driver: Driver, client: httpx.AsyncClient
) -> None:
    connector = driver.connector(client)
    health = await accounts.health(connector)
    told = [words for each in health.working if "what became of a reply" in (words := str(each))]
    if not isinstance(connector, Replies):
        assert told == []
        return
    assert health.answers and len(told) == 1, health
    assert ("we send it again:" in told[0]) is (connector.resend_safe_for is not None)
    assert ("we look for it" in told[0] and "asks you" in told[0]) is (connector.resend_safe_for is None)


async def test_posts_come_oldest_first_once_and_again_from_an_older_cursor(
    driver: Driver, client: httpx.AsyncClient
) -> None:
    """The cursor is JSON and all that is remembered, so a page that was not stored is given again."""
    written = [driver.write(f"Vraag {n}") for n in range(3)]
    first = await driver.read(client, {})
    assert [post.text.split()[-1] for post in first.posts] == ["0", "1", "2"], written
    moments = [post.published_at for post in first.posts]
    assert moments == sorted(moments)
    assert all(moment.tzinfo for moment in moments)
    cursor = json.loads(json.dumps(first.cursor))
    later = driver.write("Vraag 4")
    for _ in range(2):
        again = await driver.read(client, cursor)
        assert [post.text.split()[-1] for post in again.posts] == ["4"], later
    assert (await driver.read(client, json.loads(json.dumps(again.cursor)))).items == ()


async def test_one_post_that_cannot_be_read_spoils_no_other(driver: Driver, client: httpx.AsyncClient) -> None:
    driver.write("Voor")
    driver.spoil()
    driver.write("Na")
    words = [post.text.split()[-1] for post in (await driver.read(client, {})).posts]
    assert [word for word in words if word in {"Voor", "Na"}] == ["Voor", "Na"]


async def test_what_we_wrote_is_known_as_ours(replying: Driver, client: httpx.AsyncClient) -> None:
    """By the id of its author, which is that of the identity, or by the id that the reply got."""
    driver = replying
    identity = (await driver.connector(client).check()).identity
    connector = driver.connector(client, identity=identity)
    assert isinstance(connector, Replies)
    page = await driver.read(client, {})
    sent = await connector.send(await draft(driver, client))
    for post in (await driver.read(client, page.cursor)).posts:
        theirs = identity is None or post.author.external_id != identity.id
        assert theirs is (post.external_id != sent.external_id and "^SB" not in post.text)


async def test_an_edit_and_a_removal_are_noticed_and_nothing_else(editing: Driver, client: httpx.AsyncClient) -> None:
    driver = editing
    ids = [driver.write(f"Vraag {n}") for n in range(3)]
    posts = list((await driver.read(client, {})).posts)
    assert await driver.changes(client, posts, {}) == []
    driver.edit(ids[0], "Toch niet")
    driver.remove(ids[1])
    changed = {post.external_id: post for post in await driver.changes(client, posts, {})}
    assert set(changed) == set(ids[:2])
    assert "Toch niet" in changed[ids[0]].text
    assert changed[ids[0]].edited_at is not None
    assert changed[ids[1]].gone is driver.removed


async def test_posts_allow_what_the_platform_can(driver: Driver, client: httpx.AsyncClient) -> None:
    driver.write("Vraag")
    (post,) = (await driver.read(client, {})).posts
    acts = {permit.act for permit in post.permits}
    assert bool(acts & ANSWERS) is driver.platform.answers
    assert Act.ANSWER not in acts or driver.platform.can(Capability.REPLIES)
    assert Act.ANSWER_PRIVATELY not in acts or driver.platform.can(Capability.MESSAGES)
    assert all(permit.until is None or permit.until > post.published_at for permit in post.permits)
    assert post.place is None or json.loads(json.dumps(dict(post.place))) == dict(post.place)


# --- Verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, '{"error": "no"}', Unauthorized), (429, "", RateLimited), (500, "", Unavailable), (503, "", Unavailable),
        (200, "{", (Unavailable, Rejected)), (200, "", (Unavailable, Rejected)), (0, "", Unavailable),
        (404, "<html>gone</html>", (Unavailable, Rejected)), (302, "", (Unavailable, Rejected)),
    ],
)  # fmt: skip
async def test_what_goes_wrong_while_reading_is_a_verdict_and_makes_no_post_gone(
    polling: Driver, client: httpx.AsyncClient, status: int, body: str, verdict: type[Verdict]
) -> None:
    driver = polling
    driver.write("Vraag")
    posts = (await driver.read(client, {})).posts
    headers = {"Location": "https://elsewhere.example/"} if status == 302 else {}
    async with driver.failing(status, body, headers) as changes:
        connector = driver.connector(client, **changes)
        assert isinstance(connector, Polls)
        with pytest.raises(verdict):
            await connector.fetch({})
        if isinstance(connector, Rechecks):
            with pytest.raises(Verdict):
                await connector.recheck(posts, {})


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, Unauthorized), (429, RateLimited), (503, Unavailable), (0, Unavailable)]
)
async def test_what_goes_wrong_while_sending_is_a_verdict(
    replying: Driver, client: httpx.AsyncClient, status: int, verdict: type[Verdict]
) -> None:
    sending = await draft(replying, client)
    async with replying.failing(status, sends=True) as changes:
        connector = replying.connector(client, **changes)
        assert isinstance(connector, Replies)
        with pytest.raises(verdict):
            await connector.send(sending)
    connector = replying.connector(client, **changes)
    assert isinstance(connector, Replies)
    with pytest.raises(Unavailable) as raised:  # nobody listens there any more, so it was surely not sent
        await connector.send(sending)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert replying.published() == []


# --- Sending -------------------------------------------------------------------------------------


async def test_the_longest_text_is_taken_and_one_sign_more_is_not(replying: Driver, client: httpx.AsyncClient) -> None:
    limits = (await replying.connector(client).check()).limits
    connector = replying.connector(client, limits=limits)
    assert isinstance(connector, Replies)
    short = await draft(replying, client, "x")
    measured = connector.measure(short.text)
    if measured.limit is None:
        very_long = short.text + "x" * 100_000
        assert connector.measure(very_long).length == len(very_long)
        assert (await connector.send(replace(short, text=very_long))).external_id
        assert replying.published() == [very_long]
        return
    longest = short.text + "x" * (measured.limit - measured.length)
    assert connector.measure(longest).length == measured.limit
    assert connector.compose(longest, to=short.to, private=False) == longest
    assert (await connector.send(replace(short, text=longest))).external_id
    with pytest.raises(Rejected):
        await connector.send(replace(short, key="key-2", text=longest + "x"))
    assert len(replying.published()) == 1


async def test_a_platform_that_says_beforehand_which_id_a_reply_gets_keeps_to_it(
    replying: Driver, client: httpx.AsyncClient
) -> None:
    foretold = replying.platform.reply_id
    sending, connector = await draft(replying, client), replying.connector(client)
    assert isinstance(connector, Replies)
    sent = await connector.send(sending)
    assert foretold is None or foretold(replying.account.options, sending.key) == sent.external_id


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_a_reply_whose_connection_is_cut_is_published_once_or_a_person_looks(
    replying: Driver, client: httpx.AsyncClient, taken: bool
) -> None:
    sending = await draft(replying, client)
    connector = replying.connector(client)
    assert isinstance(connector, Replies)
    async with replying.between.cutting("POST", replying.publishes, passed_on=taken):
        sender = replying.connector(client)
        assert isinstance(sender, Replies)
        with pytest.raises(OutcomeUnknown):
            await sender.send(sending)
    assert len(replying.published()) == int(taken)
    if not replying.tells:
        with pytest.raises(Unknowable):
            await settled(connector, replying, sending)
        assert len(replying.published()) == int(taken)
        return
    assert await settled(connector, replying, sending)
    assert replying.published() == [sending.text]


async def settled(connector: Replies, driver: Driver, sending: Draft) -> Sent:
    """Do as the outbox does, an hour later, with a reply whose outcome is unknown."""
    if connector.resend_safe_for is not None:
        assert connector.resend_safe_for > timedelta(minutes=1)
        return await connector.send(sending)
    tried = replace(sending, first_tried_at=sending.first_tried_at - timedelta(hours=1))
    return await connector.find(tried) or await connector.send(tried)


async def test_a_reply_that_is_there_is_found_or_cannot_be_known(replying: Driver, client: httpx.AsyncClient) -> None:
    sending = await draft(replying, client)
    connector = replying.connector(client)
    assert isinstance(connector, Replies)
    try:
        assert await connector.find(replace(sending, first_tried_at=EARLIER)) is None
    except Unknowable:
        assert connector.resend_safe_for is not None or not replying.tells
        return
    sent = await connector.send(sending)
    assert await connector.find(sending) == sent
    assert await connector.find(replace(sending, key="key-2", text="Iets anders")) is None


# --- Images ----------------------------------------------------------------------------------------


def with_image(driver: Driver, connector: Replies, sending: Draft) -> Draft:
    """The reply with an image that is the largest in bytes that we send in a test."""
    assert isinstance(connector, TakesImages)
    takes = connector.images(private=sending.private) or connector.images(private=True)
    assert takes is not None
    image = cleaned(photograph(), takes)
    return replace(sending, image=replace(image, description="Een kat op een muur." if takes.described else ""))


async def test_an_image_goes_with_the_reply_with_its_description(
    illustrating: Driver, client: httpx.AsyncClient
) -> None:
    driver, connector = illustrating, illustrating.connector(client)
    assert isinstance(connector, Replies)
    sending = with_image(driver, connector, await draft(driver, client))
    sent = await connector.send(sending)
    assert driver.published() == [sending.text]
    assert driver.pictures() == [(sending.image.content, sending.image.description)]
    assert driver.tells is False or connector.resend_safe_for or await connector.find(sending) == sent


async def test_an_image_that_could_not_be_given_leaves_the_reply_surely_unsent(
    illustrating: Driver, client: httpx.AsyncClient
) -> None:
    """Cut off before or after the platform took it: nothing was published, so the reply is sent anew."""
    driver, connector = illustrating, illustrating.connector(client)
    if not driver.uploads:
        return
    assert isinstance(connector, Replies)
    sending = with_image(driver, connector, await draft(driver, client))
    for taken in (False, True):
        async with driver.between.cutting("POST", driver.uploads, passed_on=taken):
            sender = driver.connector(client)
            assert isinstance(sender, Replies)
            with pytest.raises(Unavailable) as raised:
                await sender.send(sending)
        assert not isinstance(raised.value, OutcomeUnknown)
        assert driver.published() == []
    await connector.send(sending)
    assert driver.published() == [sending.text]
    assert driver.pictures() == [(sending.image.content, sending.image.description)]


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_a_reply_with_an_image_whose_connection_is_cut_is_published_once_or_a_person_looks(
    illustrating: Driver, client: httpx.AsyncClient, taken: bool
) -> None:
    driver, connector = illustrating, illustrating.connector(client)
    assert isinstance(connector, Replies)
    sending = with_image(driver, connector, await draft(driver, client))
    async with driver.between.cutting("POST", driver.publishes, passed_on=taken):
        sender = driver.connector(client)
        assert isinstance(sender, Replies)
        with pytest.raises(OutcomeUnknown):
            await sender.send(sending)
    if driver.tells:
        assert await settled(connector, driver, sending)
    else:
        with pytest.raises(Unknowable):
            await settled(connector, driver, sending)
    times = 1 if driver.tells else int(taken)
    assert driver.published() == [sending.text] * times
    assert driver.pictures() == [(sending.image.content, sending.image.description)] * times


# --- What else is done to posts --------------------------------------------------------------------


async def test_an_act_done_twice_is_the_same_as_once(acting: Acting, client: httpx.AsyncClient) -> None:
    post = await acting.post(client)
    for _ in range(2):
        await acting.to(post, client)
        assert acting.is_done(post)


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_an_act_whose_connection_is_cut_is_done_once_when_it_is_repeated(
    acting: Acting, client: httpx.AsyncClient, taken: bool
) -> None:
    driver, post = acting.driver, await acting.post(client)
    method, path = driver.request_of(acting.act)
    async with driver.between.cutting(method, path, passed_on=taken):
        with pytest.raises(OutcomeUnknown):
            await acting.to(post, client)
    assert acting.is_done(post) is taken
    for _ in range(2):
        await acting.to(post, client)
        assert acting.is_done(post)
