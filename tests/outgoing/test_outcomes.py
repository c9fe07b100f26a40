"""What a try says is stored, unless another try of the same has begun since; only what is taken ends a limit."""

import random
from datetime import timedelta

import pytest

from bot import cases
from bot.cases import inbox
from bot.connectors.base import NotNow, RateLimited, Rejected, Sent, Unavailable, Unknowable
from bot.domain.budget import Budget
from bot.domain.case import CloseReason, Urgency
from bot.domain.mention import Act, Arrived, Author, Delivery, Post
from bot.domain.text import Refused
from bot.models import Account, ActStatus, Reply, ReplyStatus
from bot.models import Act as ActRow
from bot.outgoing import outbox, outcomes, queue, replies
from bot.outgoing.outcomes import Done, Outcome
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from jobs import sla
from tests.acting import ALL, answered, approve, forged, statuses, writes_more
from tests.conftest import CHANNEL, MARIEKE, SANNE, Bot
from tests.fakes.wall import Wall
from tests.people import home, open_modal, settings


async def tried(bot: Bot, reply: Reply, *, later: timedelta = timedelta()) -> Reply:
    """Begin to send a reply, so much later than it may go out."""
    async with bot.desk.session() as session:
        taken = await queue.take_next(session, reply.account_id, reply.send_at + later)
    assert isinstance(taken, Reply)
    return taken


async def recorded(bot: Bot, seen: Reply, outcome: Outcome) -> tuple[Reply, Budget]:
    async with bot.desk.session() as session:
        await outcomes.record(session, seen, outcome, bot.desk.now())
    async with bot.desk.reading() as session:
        account = await session.get_one(Account, seen.account_id)
        return await session.get_one(Reply, seen.id), Budget.of(account.budget)


async def test_of_a_try_that_was_overtaken_only_counts_that_it_was_sent(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    first = await tried(bot, reply)
    second = await tried(bot, reply, later=queue.CRASH_GUARD)
    assert (first.tries, second.tries) == (1, 2)
    now, _ = await recorded(bot, first, Rejected("It is too long."))
    assert (now.status, now.problem) == (ReplyStatus.SENDING, None)
    now, _ = await recorded(bot, first, Sent("77"))
    assert (now.status, now.external_id) == (ReplyStatus.SENT, "77")
    now, _ = await recorded(bot, second, Rejected("It was published already."))
    assert now.status is ReplyStatus.SENT


@pytest.mark.parametrize("said_no", [False, True])
async def test_an_answer_in_doubt_was_published_once_the_try_that_was_overtaken_says_so(
    acting: Bot, said_no: bool
) -> None:
    bot, reply = acting, await answered(acting)
    first = await tried(bot, reply)
    second = await tried(bot, reply, later=queue.CRASH_GUARD)
    await recorded(bot, second, Unknowable("nobody knows"))
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Misschien verstuurd")
    if said_no:
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_absent")
        await bot.slack.wait_for(lambda: not bot.card_now("Misschien verstuurd"))
    now, _ = await recorded(bot, first, Sent("77", "https://a.nl/77"))
    assert (now.status, now.external_id, now.url) == (ReplyStatus.SENT, "77", "https://a.nl/77")
    await messages.wake_lanes(bot.desk)
    card = await bot.card("*Beantwoord*")
    said = "nu zeker dat je antwoord is geplaatst"
    await bot.slack.wait_for(lambda: any(said in text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])))


async def test_an_act_in_doubt_was_done_once_the_try_that_was_overtaken_says_so(acting: Bot) -> None:
    bot, act = acting, await approve(acting, Act.HIDE)
    tries = list[ActRow]()
    for at in (act.send_at, act.send_at + queue.CRASH_GUARD):
        async with bot.desk.session() as session:
            taken = await queue.take_next(session, act.account_id, at)
        assert isinstance(taken, ActRow)
        tries.append(taken)
    first, second = tries
    for seen, outcome, status in (
        (second, Rejected("It is hidden already."), ActStatus.UNCERTAIN),
        (first, Done(), ActStatus.DONE),
    ):
        async with bot.desk.session() as session:
            await outcomes.record(session, seen, outcome, bot.desk.now())
        assert await statuses(bot) == [(Act.HIDE, status)]
    await messages.wake_lanes(bot.desk)
    card = await bot.card("*Verborgen* door")
    assert "Misschien" not in text_of(card)


async def test_an_answer_that_was_published_under_an_id_that_no_database_takes_counts_as_sent(acting: Bot) -> None:
    reply = await answered(acting)
    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=6_000))
    odd = Sent(f"\x00{long}", "https://a.nl/\x00\ud83d", conversation=f"{long}\x00")
    now, _ = await recorded(acting, await tried(acting, reply), odd)
    assert (now.status, now.url) == (ReplyStatus.SENT, "https://a.nl/")
    report = Delivery(odd.external_id, Arrived.READ, acting.desk.now())
    seen = Post(odd.external_id, Author("7", "Wij"), "Donderdag.", acting.desk.now(), in_reply_to=odd.external_id)
    async with acting.desk.session() as session:
        taken = await inbox.take_in(session, reply.account_id, [report, seen], now=acting.desk.now())
    [stored] = await acting.rows(Reply)
    assert (taken.new, stored.arrived) == ({}, Arrived.READ), "it is known as ours"


async def test_a_refusal_in_words_that_were_cut_within_a_character_is_shown(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    refusal = Rejected("{host} says: {reason}", host="a.nl", reason="Ongeldig: \x00\ud83d")
    now, _ = await recorded(bot, await tried(bot, reply), refusal)
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Ongeldig")
    await bot.slack.wait_for(lambda: any("Ongeldig" in text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])))
    assert now.status is ReplyStatus.FAILED


@pytest.mark.parametrize(
    ("verb", "said"), [("settle_sent", "nu zeker dat je antwoord is geplaatst"), ("settle_absent", "niet is geplaatst")]
)
async def test_the_question_whether_an_answer_was_published_says_what_a_person_found(
    acting: Bot, verb: str, said: str
) -> None:
    bot, reply = acting, await answered(acting)
    await recorded(bot, await tried(bot, reply), Unknowable("nobody knows"))
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Misschien verstuurd")

    def thread() -> str:
        return "\n".join(text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"]))

    await bot.slack.wait_for(lambda: "niet zeker" in thread())
    await bot.slack.click(SANNE, CHANNEL, card["ts"], f"case:{verb}")
    await bot.slack.wait_for(lambda: said in thread())
    assert "niet zeker" not in thread()


async def test_of_two_answers_of_which_nobody_knows_whether_they_were_published_each_is_decided_by_itself(
    acting: Bot,
) -> None:
    bot, first = acting, await tried(acting, await answered(acting))
    post = Post("p2", Author("a", "Fatima"), "Hallo?", bot.desk.now(), permits=ALL, in_reply_to="p1")
    async with bot.desk.session() as session:  # the citizen writes again while it is on its way
        await inbox.take_in(session, 2, [post], now=bot.desk.now())
    for seen in (first, await tried(bot, await answered(bot, "v2"))):
        await recorded(bot, seen, Unknowable("nobody knows"))
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Misschien verstuurd", "je antwoord van")
    for number in (2, 1):
        settles = next(e for _, e in input_state.elements(card["blocks"]) if e["action_id"] == "case:settle_sent")
        assert settles["value"] == f"1:{number}"
        for _ in range(2):
            await forged(bot, SANNE, card, "case:settle_sent", settles["value"])
        assert "al besloten" in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
        known = [each.status for each in await bot.rows(Reply)]
        assert known == [ReplyStatus.SENT if number == 1 else ReplyStatus.UNCERTAIN, ReplyStatus.SENT]
        if number == 2:
            card = await bot.card("Misschien verstuurd", "*Beantwoord*", "of je antwoord er staat")
    await bot.slack.wait_for(lambda: not bot.card_now("Misschien verstuurd"))


async def test_a_limit_ends_with_what_is_taken_and_not_with_another_failure(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    _, budget = await recorded(bot, await tried(bot, reply), RateLimited(bot.desk.now() + timedelta(hours=2)))
    assert budget.answering is not None
    again = await tried(bot, reply, later=timedelta(hours=3))
    _, after = await recorded(bot, again, Unavailable("It is down."))
    assert after.answering == budget.answering
    again = await tried(bot, reply, later=timedelta(hours=6))
    now, after = await recorded(bot, again, Sent("77"))
    assert (now.status, after.answering) == (ReplyStatus.SENT, None)


async def test_an_answer_that_the_platform_takes_another_day_names_that_day(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    tomorrow = bot.desk.now() + timedelta(days=1)
    await recorded(bot, await tried(bot, reply), RateLimited(tomorrow))
    await messages.wake_lanes(bot.desk)
    t = bot.desk.texts()
    assert await bot.card("proberen we opnieuw om", t.seconds(tomorrow, bot.desk.now()))
    assert t.day(tomorrow, year=False) in t.seconds(tomorrow, bot.desk.now())


async def test_days_in_which_nothing_could_be_sent_do_not_make_not_now_a_refusal(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    bot.clock.advance(hours=72)
    later = timedelta(hours=72)
    for outcome in (Unavailable("It is down."), NotNow("Later.")):
        now, _ = await recorded(bot, await tried(bot, reply, later=later), outcome)
        assert now.status is ReplyStatus.APPROVED
        later += timedelta(hours=2)
    now, _ = await recorded(bot, await tried(bot, reply, later=later), NotNow("Later."))
    assert (now.status, now.unsent) == (ReplyStatus.FAILED, False)


async def breaks(bot: Bot, is_broken: bool) -> None:
    """Let the connector of the account have a fault, or no longer."""
    async with bot.desk.session() as session:
        (await session.get_one(Account, 2)).options = {"broken": is_broken}


@pytest.mark.logs("asking a platform failed")
async def test_an_answer_whose_sending_fails_through_a_fault_of_ours_comes_back_to_its_agent(
    acting: Bot, wall: Wall
) -> None:
    bot = acting
    await breaks(bot, True)
    await answered(bot)
    for minutes, status in ((0, ReplyStatus.SENDING), (45, ReplyStatus.SENDING), (20, ReplyStatus.UNCERTAIN)):
        bot.clock.advance(minutes=minutes)
        await outbox.drain(bot.desk, "2")
        assert [reply.status for reply in await bot.rows(Reply)] == [status]
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Misschien verstuurd")
    asks = f"<@{SANNE}>"
    await bot.slack.wait_for(lambda: any(asks in text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])))
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_absent")
    await bot.slack.wait_for(lambda: not bot.card_now("Misschien verstuurd"))
    await breaks(bot, False)
    await answered(bot, "v2", claims=False)
    await outbox.drain(bot.desk, "2")
    assert wall.wanted == ["reply"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.WITHDRAWN, ReplyStatus.SENT]


async def test_while_it_is_not_certain_that_an_answer_was_published_no_list_leads_to_a_second(acting: Bot) -> None:
    bot, reply = acting, await answered(acting)
    await recorded(bot, await tried(bot, reply), Unknowable("nobody knows"))
    await messages.wake_lanes(bot.desk)
    card = await bot.card("Misschien verstuurd")
    await bot.slack.open_home(SANNE)
    assert "case:answer" not in action_ids(await home(bot, SANNE, "Zaak 1")), "nor does its card lead to one"
    await forged(bot, SANNE, card, "case:answer", "1")  # in a list from before
    await bot.slack.wait_for(lambda: "of het laatste antwoord is geplaatst" in text_of(bot.slack.view(SANNE) or {}))
    with pytest.raises(Refused, match="not certain"):
        await answered(bot, "v2")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_absent")
    await bot.slack.wait_for(lambda: not bot.card_now("Misschien verstuurd"))
    await bot.slack.close_view(SANNE)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Zaak 1")
    await bot.slack.click_in_view(SANNE, "case:answer")
    await open_modal(bot, SANNE, "case:answer")


async def test_a_reminder_of_a_case_whose_last_answer_is_in_doubt_leads_to_no_second_one(acting: Bot) -> None:
    bot = acting
    await settings(bot, always_open=True)
    reply = await answered(bot)
    await recorded(bot, await tried(bot, reply), Unknowable("nobody knows"))
    bot.clock.advance(days=3)
    await sla.remind(bot.desk)

    def offered() -> list[str] | None:
        offers = [action_ids(each) for each in bot.slack.messages(CHANNEL)]
        return next((each for each in offers if "case:snooze" in each), None)

    assert "case:answer" not in await bot.slack.wait_for(offered)
    async with bot.desk.session() as session:
        await replies.settle(session, 1, reply_id=reply.id, published=False, by=SANNE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(lambda: "case:answer" in (offered() or []))


@pytest.mark.parametrize("then", ["it is closed", "the citizen writes again"])
async def test_the_card_shows_the_words_of_an_answer_that_may_be_there_in_any_state_of_its_case(
    acting: Bot, then: str
) -> None:
    bot, reply = acting, await answered(acting)
    await recorded(bot, await tried(bot, reply), Unknowable("nobody knows"))
    async with bot.desk.session() as session:
        await cases.release(session, 1, by=SANNE, now=bot.desk.now())
        if then == "it is closed":
            await cases.close(session, 1, by=MARIEKE, now=bot.desk.now(), reason=CloseReason.SPAM)
    if then != "it is closed":
        await writes_more(bot, "En hoe zit het nu?")
    await messages.wake_lanes(bot.desk)
    card = await bot.card("of je antwoord er staat", "*Afgesloten*" if then == "it is closed" else "En hoe zit het nu?")
    assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(card))
    assert reply.text in text_of(card), "whoever looks for it must know its words"
    assert "of je antwoord er staat" in card["text"], "so a screen reader says it too"
    assert reply.text in card["text"]


@pytest.mark.parametrize("goes", ["back in the queue", "to an adviser"])
async def test_an_answer_that_is_not_certain_is_the_only_one_also_when_its_case_is_nobodys_or_with_an_adviser(
    acting: Bot, goes: str
) -> None:
    bot, reply = acting, await answered(acting)
    await recorded(bot, await tried(bot, reply), Unknowable("nobody knows"))
    async with bot.desk.session() as session:
        if goes == "back in the queue":
            await cases.release(session, 1, by=SANNE, now=bot.desk.now())
        else:
            await cases.escalate(
                session, 1, by=SANNE, now=bot.desk.now(), target=MARIEKE, channels=[MARIEKE], question="Staat het er?",
                urgency=Urgency.NORMAL, submission="v9",
            )  # fmt: skip
    await messages.wake_lanes(bot.desk)
    card = await bot.card("of je antwoord er staat", "Nieuw" if goes == "back in the queue" else f"<@{MARIEKE}>")
    assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(card))
    assert "case:answer" not in action_ids(card)
    await forged(bot, SANNE, card, "case:answer", "1")
    await bot.slack.wait_for(lambda: "of het laatste antwoord is geplaatst" in text_of(bot.slack.view(SANNE) or {}))
    await bot.slack.close_view(SANNE)
    with pytest.raises(Refused, match="not certain"):
        await answered(bot, "v2", claims=False)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_absent")
    await bot.slack.wait_for(lambda: bot.card_now("of je antwoord er staat") is None)
    assert (await answered(bot, "v2", claims=False)).status is ReplyStatus.APPROVED
