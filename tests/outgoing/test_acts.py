"""Acts through the real outbox, on a platform that says yes, no, later, or nothing at all."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot import accounts, cases
from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Gone, Post, permits
from bot.domain.text import Refused
from bot.models import Account, ActStatus, Event, Mention, Message, MessageKind, Reply
from bot.models import Act as ActRow
from bot.outgoing import moderation, outbox, replies
from bot.outgoing.composing import Answer
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from jobs import sweep
from tests.acting import ALL, NO_UNDO, approve, forged, statuses, with_a_case
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, second_desk
from tests.fakes.between import Between
from tests.fakes.wall import Wall


async def withdraw(bot: Bot, act: ActRow, *, by: str = SANNE) -> None:
    async with bot.desk.session() as session:
        await moderation.withdraw(session, act.id, by=by, now=bot.desk.now())


async def publish(bot: Bot, undo: timedelta = NO_UNDO) -> int:
    """Let Sanne answer, and the answer be queued; returns the reply."""
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.claim(session, 1, by=SANNE, now=now)
        answer = Answer(1, 1, submission="v1", words="Dat spijt ons.", private=False, initials="SB")
        reply = await replies.answer(session, answer, connector=bot.desk.connector, by=SANNE, now=now, undo=undo)
        return reply.id


async def drain(bot: Bot) -> Any:
    """Send what is due on the lane of the account; returns when the next falls due."""
    return await outbox.drain(bot.desk, "2")


async def later(bot: Bot, **passed: float) -> Any:
    bot.clock.advance(**passed)
    return await drain(bot)


async def told(bot: Bot) -> list[str]:
    """What the thread was told of acts, as it stands in Slack now."""
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    rows = [m for m in await bot.rows(Message) if m.kind is MessageKind.ACT_PROBLEM]
    return [text_of(bot.slack.message(CHANNEL, row.ts)) for row in rows]


async def in_doubt(bot: Bot, wall: Wall, kind: Act) -> dict[str, Any]:
    """Let nobody know whether an act was done; returns the message that says so."""
    more: dict[str, Any] = {}
    if kind is Act.DELETE:
        more["reply_id"] = await publish(bot)
        await drain(bot)
    wall.answers = [503, 403]
    await approve(bot, kind, **more)
    await drain(bot)
    await later(bot, minutes=1)
    await told(bot)
    [row] = [m for m in await bot.rows(Message) if m.kind is MessageKind.ACT_PROBLEM]
    return bot.slack.message(CHANNEL, row.ts)


async def logged(bot: Bot) -> list[tuple[str, str]]:
    return [(e.details["act"], e.kind) for e in await bot.rows(Event) if e.kind.startswith("act_")]


# --- What goes well ------------------------------------------------------------------------------


async def test_a_post_is_hidden_and_shown_again_and_the_details_say_so(acting: Bot, wall: Wall) -> None:
    """The way the bot goes: the sweep wakes the lane."""
    await approve(acting, Act.HIDE)
    await sweep(acting.desk)
    await acting.desk.wake.idle()  # type: ignore[attr-defined]
    assert wall.marks == {("p1", "hidden")}
    await approve(acting, Act.SHOW, by=YOUSSEF)
    await sweep(acting.desk)
    await acting.desk.wake.idle()  # type: ignore[attr-defined]
    assert (wall.marks, wall.wanted) == (set(), ["hide p1", "show p1"])
    assert await statuses(acting) == [(Act.HIDE, ActStatus.DONE), (Act.SHOW, ActStatus.DONE)]
    card = await acting.card("prutsers")
    await acting.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    shown = await acting.slack.wait_for(
        lambda: (view := acting.slack.view(SANNE)) and "verbergen" in text_of(view) and text_of(view)
    )
    lines = ["bericht verbergen: klaargezet", "bericht verbergen: gedaan", "bericht weer tonen: gedaan"]
    assert all(line in shown for line in lines)
    assert (await acting.case()).status is Status.NEW
    assert await told(acting) == []


@pytest.mark.parametrize(("kind", "marks"), [(Act.LIKE, {("p1", "liked")}), (Act.UNLIKE, set()), (Act.SHOW, set())])
async def test_each_act_reaches_the_platform(acting_sqlite: Bot, wall: Wall, kind: Act, marks: set[Any]) -> None:
    await approve(acting_sqlite, kind)
    assert await drain(acting_sqlite) is None
    assert (wall.marks, wall.wanted) == (marks, [f"{kind} p1"])


async def test_our_own_answer_is_removed_once_and_only_when_it_was_published(acting: Bot, wall: Wall) -> None:
    reply_id = await publish(acting)
    with pytest.raises(Refused, match="published"):
        await approve(acting, Act.DELETE, reply_id=reply_id)
    await drain(acting)
    await approve(acting, Act.DELETE, reply_id=reply_id)
    await drain(acting)
    assert wall.marks == {("r1", "removed")}
    await messages.wake_lanes(acting.desk)
    await acting.card("*Beantwoord*", "ons antwoord is verwijderd")
    with pytest.raises(Refused, match="already"):
        await approve(acting, Act.DELETE, "again", reply_id=reply_id)


async def test_replies_and_acts_of_one_account_go_in_order_of_time(acting: Bot, wall: Wall) -> None:
    await approve(acting, Act.LIKE, undo=timedelta(minutes=30))
    await publish(acting, undo=timedelta(minutes=20))
    act = await approve(acting, Act.HIDE, undo=timedelta(minutes=10))
    assert await drain(acting) == act.send_at
    assert await later(acting, minutes=15) is not None
    assert wall.wanted == ["hide p1"]
    assert await later(acting, minutes=30) is None
    assert wall.wanted == ["hide p1", "reply", "like p1"]


# --- Twice, undone, and the opposite -------------------------------------------------------------


async def test_the_same_submission_and_the_same_act_again_are_one_act(acting: Bot, wall: Wall) -> None:
    first = await approve(acting, Act.HIDE, "s1")
    assert (await approve(acting, Act.HIDE, "s1")).id == first.id
    assert (await approve(acting, Act.HIDE, "s2", by=YOUSSEF)).id == first.id
    await drain(acting)
    assert (await approve(acting, Act.HIDE, "s1")).id == first.id
    await drain(acting)
    assert wall.wanted == ["hide p1"]


async def test_two_who_approve_the_same_at_once_make_one_act(acting: Bot, wall: Wall) -> None:
    both = await asyncio.gather(approve(acting, Act.HIDE, "s1"), approve(acting, Act.HIDE, "s2", by=YOUSSEF))
    assert both[0].id == both[1].id
    await drain(acting)
    assert wall.wanted == ["hide p1"]


async def test_an_act_can_be_taken_back_until_it_goes_out(acting: Bot, wall: Wall) -> None:
    act = await approve(acting, Act.HIDE, undo=timedelta(minutes=30))
    due = await drain(acting)
    assert due == act.send_at
    await withdraw(acting, act, by=YOUSSEF)
    assert await later(acting, hours=1) is None
    assert wall.wanted == []
    another = await approve(acting, Act.HIDE)
    await drain(acting)
    with pytest.raises(Refused, match="Too late"):
        await withdraw(acting, another)
    assert await logged(acting) == [
        ("hide", EventKind.ACT_APPROVED), ("hide", EventKind.ACT_WITHDRAWN),
        ("hide", EventKind.ACT_APPROVED), ("hide", EventKind.ACT_DONE),
    ]  # fmt: skip


async def test_the_opposite_of_a_waiting_act_takes_it_back_and_asks_for_nothing(acting: Bot, wall: Wall) -> None:
    await approve(acting, Act.HIDE, undo=timedelta(seconds=30))
    for _ in range(2):  # delivered twice
        assert (await approve(acting, Act.SHOW, "s2", by=YOUSSEF)).status is ActStatus.WITHDRAWN
    assert await later(acting, hours=1) is None
    assert wall.wanted == []
    assert await statuses(acting) == [(Act.HIDE, ActStatus.WITHDRAWN), (Act.SHOW, ActStatus.WITHDRAWN)]
    assert await logged(acting) == [("hide", EventKind.ACT_APPROVED), ("hide", EventKind.ACT_WITHDRAWN)]


async def test_the_opposite_of_an_act_that_is_under_way_waits_for_it(acting: Bot, wall: Wall, to_wall: Between) -> None:
    await approve(acting, Act.HIDE)
    async with to_wall.holding("POST", "/acts", passed_on=True) as caught:
        under_way = asyncio.create_task(drain(acting))
        await caught()
        await approve(acting, Act.SHOW)
        assert await drain(acting) > acting.desk.now() + timedelta(seconds=60)
        assert wall.wanted == ["hide p1"]
    await under_way
    await later(acting, seconds=90)
    assert wall.wanted == ["hide p1", "show p1"]
    assert wall.marks == set()


async def test_the_opposite_of_an_act_with_an_unknown_outcome_goes_in_its_place(acting: Bot, wall: Wall) -> None:
    wall.answers, wall.done_anyway = [503], True
    await approve(acting, Act.HIDE)
    await drain(acting)
    assert wall.marks == {("p1", "hidden")}
    await approve(acting, Act.SHOW)
    assert await drain(acting) is None
    assert await later(acting, hours=1) is None
    assert wall.wanted == ["hide p1", "show p1"]
    assert await statuses(acting) == [(Act.HIDE, ActStatus.WITHDRAWN), (Act.SHOW, ActStatus.DONE)]
    assert ("hide", EventKind.ACT_WITHDRAWN) in await logged(acting)


async def test_when_the_opposite_is_taken_back_the_act_with_an_unknown_outcome_is_repeated(
    acting: Bot, wall: Wall
) -> None:
    wall.answers = [503]
    await approve(acting, Act.HIDE)
    await drain(acting)
    opposite = await approve(acting, Act.SHOW, undo=timedelta(minutes=1))
    await withdraw(acting, opposite)
    assert await later(acting, minutes=2) is None
    assert wall.wanted == ["hide p1", "hide p1"]
    assert wall.marks == {("p1", "hidden")}


async def test_the_opposite_waits_for_a_second_attempt_that_is_under_way_too(
    acting_sqlite: Bot, wall: Wall, to_wall: Between
) -> None:
    wall.answers = [503]
    await approve(acting_sqlite, Act.HIDE)
    await drain(acting_sqlite)
    async with to_wall.holding("POST", "/acts", passed_on=True) as caught:
        under_way = asyncio.create_task(later(acting_sqlite, minutes=1))
        await caught()
        await approve(acting_sqlite, Act.SHOW)
        await drain(acting_sqlite)
        assert wall.wanted == ["hide p1"] * 2
    await under_way
    await later(acting_sqlite, minutes=2)
    assert (wall.wanted[-1], wall.marks) == ("show p1", set())


async def test_an_act_that_may_be_done_already_cannot_be_taken_back(acting_sqlite: Bot, wall: Wall) -> None:
    """The first attempt has an unknown outcome; that the second must wait says nothing about the first."""
    wall.answers = [503, 429]
    act = await approve(acting_sqlite, Act.HIDE)
    await drain(acting_sqlite)
    await later(acting_sqlite, minutes=1)
    with pytest.raises(Refused, match="Too late"):
        await withdraw(acting_sqlite, act)


async def test_to_hide_show_and_hide_again_while_the_first_is_under_way_hides_once(
    acting_sqlite: Bot, wall: Wall, to_wall: Between
) -> None:
    await approve(acting_sqlite, Act.HIDE)
    async with to_wall.holding("POST", "/acts", passed_on=True) as caught:
        under_way = asyncio.create_task(drain(acting_sqlite))
        await caught()
        await approve(acting_sqlite, Act.SHOW)
        await approve(acting_sqlite, Act.HIDE, "s3")
    await under_way
    assert await later(acting_sqlite, hours=1) is None
    assert (wall.wanted, wall.marks) == (["hide p1"], {("p1", "hidden")})


async def test_a_like_does_not_wait_for_a_hide(acting_sqlite: Bot, wall: Wall) -> None:
    wall.answers = [503]
    await approve(acting_sqlite, Act.HIDE)
    await approve(acting_sqlite, Act.UNLIKE)
    await drain(acting_sqlite)
    assert wall.wanted == ["hide p1", "unlike p1"]


# --- What goes wrong -----------------------------------------------------------------------------


async def test_a_refusal_is_told_in_the_thread_and_the_case_stays_as_it_is(acting: Bot, wall: Wall) -> None:
    wall.answers = [403]
    await approve(acting, Act.HIDE)
    assert await drain(acting) is None
    (said,) = await told(acting)
    assert all(words in said for words in (SANNE, "niet gelukt: bericht verbergen", "Because."))
    assert await statuses(acting) == [(Act.HIDE, ActStatus.FAILED)]
    assert (await acting.case()).status is Status.NEW
    await approve(acting, Act.HIDE, "again")
    await drain(acting)
    assert wall.marks == {("p1", "hidden")}


async def test_a_refusal_after_an_unknown_outcome_leaves_it_uncertain(acting: Bot, wall: Wall) -> None:
    wall.answers = [503, 403]
    await approve(acting, Act.HIDE)
    await drain(acting)
    assert await later(acting, minutes=1) is None
    (said,) = await told(acting)
    assert all(words in said for words in (SANNE, "niet zeker", "bericht verbergen", "Kijk even op het platform"))
    assert await statuses(acting) == [(Act.HIDE, ActStatus.UNCERTAIN)]


@pytest.mark.parametrize("kind", [Act.HIDE, Act.DELETE])
async def test_who_looked_says_that_an_act_in_doubt_was_done(acting: Bot, wall: Wall, kind: Act) -> None:
    bot = acting
    shown = await in_doubt(bot, wall, kind)
    await bot.slack.click(YOUSSEF, CHANNEL, shown["ts"], "case:act_done")
    [said] = await told(bot)
    assert "Toch gelukt" in said and "case:act_done" not in action_ids(bot.slack.message(CHANNEL, shown["ts"]))
    assert await statuses(bot) == [(kind, ActStatus.DONE)]
    assert (await logged(bot))[-1] == (kind, EventKind.ACT_DONE)
    assert not bot.card_now("Misschien")
    if kind is Act.DELETE:
        assert [reply.gone for reply in await bot.rows(Reply)] == [Gone.BY_AUTHOR]
    else:
        await bot.card("*Verborgen* door")
    await forged(bot, SANNE, shown, "case:act_not_done", "1:1")
    assert "al besloten" in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
    assert await statuses(bot) == [(kind, ActStatus.DONE)]


async def test_an_act_in_doubt_that_was_not_done_can_be_done_anew(acting: Bot, wall: Wall) -> None:
    bot = acting
    shown = await in_doubt(bot, wall, Act.HIDE)
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "case:act_not_done")
    [said] = await told(bot)
    assert "niet gelukt: bericht verbergen" in said
    assert (await logged(bot))[-1] == (Act.HIDE, EventKind.ACT_NOT_DONE)
    await approve(bot, Act.HIDE, "again")
    await drain(bot)
    assert await statuses(bot) == [(Act.HIDE, ActStatus.FAILED), (Act.HIDE, ActStatus.DONE)]


async def test_a_button_that_names_another_case_says_nothing_of_an_act_in_doubt(acting_sqlite: Bot, wall: Wall) -> None:
    bot = acting_sqlite
    shown = await in_doubt(bot, wall, Act.HIDE)
    bot.citizen_posts("Een andere vraag", name="Piet")
    other = await bot.card("andere vraag")
    await forged(bot, SANNE, other, "case:act_done", "2:1")
    assert "andere zaak" in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
    assert await statuses(bot) == [(Act.HIDE, ActStatus.UNCERTAIN)]
    assert {"case:act_done", "case:act_not_done"} <= set(action_ids(bot.slack.message(CHANNEL, shown["ts"])))


async def test_an_act_waits_as_long_as_the_platform_asks_and_can_be_taken_back_meanwhile(
    acting: Bot, wall: Wall
) -> None:
    wall.answers = [429, 429]
    await approve(acting, Act.LIKE)
    act = await approve(acting, Act.HIDE)
    assert await drain(acting) > acting.desk.now() + timedelta(seconds=100)
    assert await later(acting, seconds=60) is not None
    assert wall.wanted == ["like p1", "hide p1"]
    await withdraw(acting, act)
    assert await later(acting, seconds=70) is None
    assert wall.wanted == ["like p1", "hide p1", "like p1"]
    assert wall.marks == {("p1", "liked")}


async def test_a_refused_key_stops_the_account_and_the_team_hears_of_it_once(acting: Bot, wall: Wall) -> None:
    wall.answers = [401, 401]
    await approve(acting, Act.LIKE)
    await approve(acting, Act.HIDE)
    for _ in range(3):
        assert await later(acting, hours=1) is None
    assert wall.wanted == ["like p1"]
    assert [m.kind for m in await acting.rows(Message)].count(MessageKind.ACCOUNT_PROBLEM) == 1
    await acting.card("gemeente", "gestopt")
    async with acting.desk.session() as session:
        accounts.start(session, await session.get_one(Account, 2), acting.desk.now())
    wall.answers = []
    await drain(acting)
    assert wall.marks == {("p1", "hidden"), ("p1", "liked")}


async def test_an_account_stopped_by_hand_carries_nothing_out_until_it_is_started(acting: Bot, wall: Wall) -> None:
    await approve(acting, Act.HIDE)
    for verb in (accounts.stop, accounts.start):
        async with acting.desk.session() as session:
            verb(session, await session.get_one(Account, 2), acting.desk.now())
        if verb is accounts.stop:
            await sweep(acting.desk)
            await acting.desk.wake.idle()  # type: ignore[attr-defined]
            await drain(acting)
            assert wall.wanted == []
    await sweep(acting.desk)
    await acting.desk.wake.idle()  # type: ignore[attr-defined]
    assert wall.wanted == ["hide p1"]


@pytest.mark.logs("asking a platform failed")
async def test_a_fault_in_a_connector_is_tried_again_later(acting_sqlite: Bot, wall: Wall) -> None:
    await set_options(acting_sqlite, {"broken": True})
    await approve(acting_sqlite, Act.HIDE)
    first = await drain(acting_sqlite)
    second = await later(acting_sqlite, minutes=1)
    assert second - acting_sqlite.desk.now() > first - (acting_sqlite.desk.now() - timedelta(minutes=1))
    await set_options(acting_sqlite, {})
    assert await later(acting_sqlite, minutes=1) is None
    assert wall.wanted == ["hide p1"]


@pytest.mark.logs("preparing what goes to a platform failed", "a message cannot be shown")
async def test_a_fault_of_ours_in_one_item_holds_up_no_other(acting: Bot, wall: Wall) -> None:
    await approve(acting, Act.HIDE)
    async with acting.desk.session() as session:
        post = Post("p2", Author("b", "Bram"), "Zakkenvullers!", acting.desk.now(), permits=ALL)
        await inbox.take_in(session, 2, [post], now=acting.desk.now())
    await approve(acting, Act.HIDE, case_id=2, mention_id=2)
    await set_allows(acting, 1, [{"until": None}])
    assert await drain(acting) is not None
    assert wall.wanted == ["hide p2"]
    assert await statuses(acting) == [(Act.HIDE, ActStatus.APPROVED), (Act.HIDE, ActStatus.DONE)]
    await set_allows(acting, 1, ["hide"])
    assert await later(acting, minutes=1) is None
    assert wall.wanted == ["hide p2", "hide p1"]


async def set_allows(bot: Bot, mention_id: int, allows: list[Any]) -> None:
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, mention_id)
        mention.allows = allows
        session.add(mention)


async def set_options(bot: Bot, options: dict[str, Any]) -> None:
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 2)
        account.options = options
        session.add(account)


async def test_after_an_hour_without_success_the_agent_hears_of_it_once_and_then_that_it_was_done(
    acting: Bot, wall: Wall
) -> None:
    wall.answers = [503] * 100
    await approve(acting, Act.HIDE)
    await drain(acting)
    for _ in range(5):
        await later(acting, minutes=11)
    assert await told(acting) == []
    for _ in range(5):
        await later(acting, minutes=11)
    (said,) = await told(acting)
    assert all(words in said for words in (SANNE, "nog niet gelukt", "bericht verbergen", "503"))
    wall.answers = []
    assert await later(acting, minutes=11) is None
    (said,) = await told(acting)
    assert "Toch gelukt: bericht verbergen." in said


# --- What is not allowed -------------------------------------------------------------------------


async def test_what_the_platform_or_the_post_does_not_allow_is_refused(sqlite_bot: Bot, wall: Wall) -> None:
    bot = await with_a_case(sqlite_bot, wall.url, allowed=permits(Act.ANSWER, Act.LIKE))
    with pytest.raises(Refused, match="does not allow this for this post"):
        await approve(bot, Act.HIDE)
    with pytest.raises(Refused, match="does not allow this for this post"):
        await approve(bot, Act.SHOW)
    with pytest.raises(Refused, match="belongs to another case"):
        await approve(bot, Act.LIKE, mention_id=9)
    with pytest.raises(Refused, match="published"):
        await approve(bot, Act.DELETE)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.gone_at = bot.desk.now()
        session.add(mention)
    with pytest.raises(Refused, match="no longer there"):
        await approve(bot, Act.LIKE)
    assert await bot.rows(ActRow) == []


async def test_a_permit_that_ended_allows_nothing(sqlite_bot: Bot, wall: Wall) -> None:
    until = sqlite_bot.desk.now() + timedelta(hours=1)
    bot = await with_a_case(sqlite_bot, wall.url, allowed=permits(Act.HIDE, until=until))
    await withdraw(bot, await approve(bot, Act.HIDE))
    bot.clock.advance(hours=2)
    with pytest.raises(Refused, match="does not allow this for this post"):
        await approve(bot, Act.HIDE)


async def test_a_platform_that_cannot_hide_is_asked_for_nothing(sqlite_bot: Bot) -> None:
    sqlite_bot.citizen_posts("Stelletje prutsers!")
    await sqlite_bot.card("prutsers")
    async with sqlite_bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [*mention.allows, Act.HIDE]
        session.add(mention)
    with pytest.raises(Refused, match="does not let us do this"):
        await approve(sqlite_bot, Act.HIDE)


# --- Two processes, and one that stops halfway ---------------------------------------------------


async def test_two_processes_that_find_ten_acts_due_at_once_ask_for_each_once(acting: Bot, wall: Wall) -> None:
    async with acting.desk.session() as session:
        posts = [
            Post(f"q{n}", Author(f"b{n}", f"Burger {n}"), "Prutsers", acting.desk.now(), permits=ALL) for n in range(10)
        ]
        await inbox.take_in(session, 2, posts, now=acting.desk.now())
    for mention in await acting.rows(Mention):
        await approve(acting, Act.HIDE, f"s{mention.id}", case_id=mention.case_id, mention_id=mention.id)
    async with second_desk(acting) as other:
        while ActStatus.APPROVED in {status for _, status in await statuses(acting)}:
            await asyncio.gather(drain(acting), outbox.drain(other, "2"))
    assert len(wall.wanted) == len(set(wall.wanted)) == 11
    assert {status for _, status in await statuses(acting)} == {ActStatus.DONE}


async def test_an_act_that_one_process_asks_for_is_left_alone_by_another(
    acting: Bot, wall: Wall, to_wall: Between
) -> None:
    await approve(acting, Act.HIDE)
    async with second_desk(acting) as other, to_wall.holding("POST", "/acts", passed_on=True) as caught:
        under_way = asyncio.create_task(drain(acting))
        await caught()
        due = await outbox.drain(other, "2")
        assert due is not None
        assert due > other.now() + timedelta(seconds=60)
    await under_way
    assert wall.wanted == ["hide p1"]


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "never arrived"])
async def test_cancelled_while_asking_the_act_is_asked_for_again_later(
    acting: Bot, wall: Wall, to_wall: Between, arrives: bool
) -> None:
    await approve(acting, Act.HIDE)
    async with to_wall.holding("POST", "/acts", passed_on=arrives) as caught:
        under_way = asyncio.create_task(drain(acting))
        await caught()
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        assert await drain(acting) is not None
        assert await statuses(acting) == [(Act.HIDE, ActStatus.SENDING)]
    assert await later(acting, minutes=2) is None
    assert wall.marks == {("p1", "hidden")}
    assert wall.wanted == ["hide p1"] * (2 if arrives else 1)
    assert await statuses(acting) == [(Act.HIDE, ActStatus.DONE)]
