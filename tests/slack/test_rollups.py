"""While many write nearly the same, their new cases share one card, which is kept level; then each has its own."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import inbox, redaction
from bot.cli.doctor.facts import gather
from bot.cli.doctor.wrong import wrong
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.mention import Gone
from bot.domain.period import Period
from bot.domain.text import Refused
from bot.figures import reconciling
from bot.models import (
    Account,
    AnswerDraft,
    Backlog,
    Case,
    Message,
    MessageKind,
    ReplyKind,
    Rollup,
    Subject,
    SubjectStem,
    Team,
)
from bot.outgoing import drafts, replies
from bot.outgoing.composing import Answer
from bot.sandbox.slack import input_state
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.slack import rollups as rolling
from jobs import backlog, days, refresh, rollups
from jobs.digest import send_digests
from tests.bench.flood import COUNTED
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import FIRE, STREETS, held_up, moves_to, open_modal, twin
from tests.slack.conftest import come, post


def alike(bot: Bot, *numbers: int, **more: Any) -> list[Any]:
    """Posts of as many people, each in slightly other words."""
    return [post(bot, number, FIRE.format(STREETS[number % 8]), **more) for number in numbers]


async def work(bot: Bot, seconds: int, *, step: int = 1) -> None:
    """Let so many seconds pass, after each step of which the bot does all that it can."""
    for _ in range(0, seconds, step):
        bot.clock.at += timedelta(seconds=step)  # type: ignore[attr-defined]
        await rollups.follow(bot.desk)
        await refresh.refresh(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]


def shown(bot: Bot, kind: str = "rollup:") -> list[str]:
    """What our messages of a kind show now, oldest first."""
    ours = [m for m in bot.slack.messages(CHANNEL) if m["metadata"]["event_payload"]["key"].startswith(kind)]
    return [json.dumps(each["blocks"], ensure_ascii=False) for each in ours]


async def numbers(bot: Bot, *wanted: Any) -> int:
    async with bot.desk.reading() as session:
        return (await session.exec(select(func.count()).select_from(Case).where(*wanted))).one()


async def come_to(bot: Bot, count: int, *wanted: Any) -> None:
    """Wait until there are so many of these cases."""

    async def are_there() -> bool:
        return await numbers(bot, *wanted) == count

    await eventually(are_there)


async def test_new_cases_that_are_alike_share_one_card_that_counts_them(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(40)), post(bot, 40, "Wanneer wordt het oud papier weer opgehaald?"))
    await work(bot, 30)
    [card] = shown(bot)
    assert "*40 zaken over hetzelfde*" in card
    assert "Burger 0" in card and "zwarte vlokken" in card
    assert "40 kwamen in de laatste tien minuten" in card
    [other] = shown(bot, "case:")
    assert "oud papier" in other
    await come(bot, *alike(bot, *range(50, 60)))
    await work(bot, 20)
    [card] = shown(bot)
    assert "*50 zaken over hetzelfde*" in card
    assert len(shown(bot, "case:")) == 1
    assert await numbers(bot, col(Case.status) == Status.NEW) == 51, "each is its own case"


async def test_the_card_is_edited_calmly(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(8)))
    await work(bot, 10)
    before = len([call for call in bot.slack.api.calls if call.method == "chat.update"])
    for number in range(20, 80):
        await come(bot, *alike(bot, number))
        await work(bot, 1)
    edits = len([call for call in bot.slack.api.calls if call.method == "chat.update"]) - before
    assert 3 <= edits <= 6
    [card] = shown(bot)
    assert "zaken over hetzelfde" in card


async def test_that_fewer_came_in_lately_is_written_after_what_happened(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(6)), post(bot, 900, "Wanneer wordt het oud papier weer opgehaald?"))
    await work(bot, 300, step=60)
    await come(bot, *alike(bot, 6, 7))
    await work(bot, 60, step=20)
    await bot.desk.wake.stop(1)  # type: ignore[attr-defined]

    async def written(*, grows: bool) -> list[str]:
        """What is written, and in which order, when the roll-up and then another card changed."""
        if grows:
            await come(bot, *alike(bot, 8))
        await rollups.follow(bot.desk)
        async with bot.desk.session() as session:
            await cases.set_topic(session, 7, topic=f"Afval {grows}", by=SANNE, now=bot.desk.now())
        bot.slack.api.calls.clear()
        await messages.drain(bot.desk, CHANNEL)
        texts = [call.args["text"] for call in bot.slack.api.calls if call.method == "chat.update"]
        return ["roll-up" if "over hetzelfde" in text else "case" for text in texts]

    bot.clock.at += timedelta(seconds=300)  # type: ignore[attr-defined]
    assert await written(grows=False) == ["case", "roll-up"]
    [card] = shown(bot)
    assert "2 kwamen in de laatste tien minuten" in card
    bot.clock.at += timedelta(seconds=70)  # type: ignore[attr-defined]
    assert await written(grows=True) == ["roll-up", "case"]


async def test_the_card_grows_while_colleagues_click_more_often_than_slack_takes_changes(strict: Bot) -> None:
    bot, seen = strict, list[str]()
    await come(bot, post(bot, 900, "Wanneer wordt het oud papier weer opgehaald?"), *alike(bot, *range(8)))
    await work(bot, 10)
    for number in range(20, 110):
        async with bot.desk.session() as session:
            click = cases.release if number % 2 else cases.claim
            await click(session, 1, by=SANNE, now=bot.desk.now())
        await messages.sync(bot.desk, 1)
        await come(bot, *alike(bot, number))
        await work(bot, 1)
        seen += shown(bot)
    assert len(set(seen)) >= 4, "about every half minute"


SUBJECTS = (
    "Mijn grijze container is alweer niet geleegd", "De lantaarns langs het fietspad branden niet meer",
    "De pont over de rivier vaart vandaag helemaal niet", "Kraanwater smaakt naar chloor sinds gisteren",
    "Overal ratten bij de ondergrondse glasbakken", "Website van de parkeervergunning geeft steeds foutmeldingen",
    "Boom omgewaaid en ligt dwars op de rijbaan", "Wanneer opent het zwembad eindelijk weer de deuren",
    "Hondenpoep op het nieuwe speelplein, ruimt niemand op", "De brug staat al een uur open, wachten duurt lang",
    "Stank uit het riool trekt door onze keuken", "Sneeuw wordt nergens gestrooid, spekgladde stoepen",
)  # fmt: skip


async def test_a_flood_of_many_subjects_is_counted_within_a_minute_on_few_cards(strict: Bot) -> None:
    bot, came = strict, list[int]()
    for step in range(36):
        subject = SUBJECTS[step % len(SUBJECTS)]
        await come(bot, *(post(bot, 10 * step + n, f"{subject}, {STREETS[n % 8]}") for n in range(10)))
        came.append(await numbers(bot))
        await backlog.follow(bot.desk)
        await work(bot, 5, step=5)
        before = came[step - 12] if step >= 12 else 0
        assert counted(bot) >= before, f"those of a minute ago, after {5 * step} seconds"
    await works_on(bot, 10)
    assert len(shown(bot)) == rolling.MOST
    [flood] = [m for m in bot.slack.messages(CHANNEL) if "backlog:" in str(m["metadata"])]
    assert "geen eigen kaart" in str(flood["blocks"])
    assert counted(bot) >= await numbers(bot) == 360
    await bot.slack.click(SANNE, CHANNEL, flood["ts"], "rollup:subjects")
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    async with bot.desk.reading() as session:
        standing = list(await session.exec(select(Rollup.subject_id).order_by(col(Rollup.subject_id))))
    in_all = len(standing)
    assert in_all > rolling.MOST
    assert f"{in_all} groepen zaken over hetzelfde" in str(listed["blocks"])
    assert all(subject in str(listed["blocks"]) for subject in SUBJECTS)
    await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:show")
    await bot.slack.wait_for(lambda: len(bot.slack.ephemerals(SANNE)) == 2)

    for subject_id in standing[: in_all - rolling.MOST]:
        async with bot.desk.session() as session:
            await cases.claim_lot(session, subject_id, teams=[1], by=SANNE, now=bot.desk.now(), most=50)
    await works_on(bot, 180, seconds=1)
    assert "Alle nieuwe zaken hebben weer een kaart" in shown(bot, "backlog:")[-1]
    assert len(shown(bot)) == in_all, "each that still waits has a card now"
    assert not [call for call in bot.slack.api.calls if call.status == 429]


async def test_of_the_subjects_without_a_card_the_greatest_gets_the_next_one(strict: Bot) -> None:
    bot = strict
    for number, subject in enumerate(SUBJECTS[: rolling.MOST + 2]):
        is_last = number == rolling.MOST + 1
        posts = (post(bot, 10 * number + n, f"{subject}, {STREETS[n % 8]}") for n in range(9 if is_last else 5))
        await come(bot, *posts)
        await work(bot, 15, step=5)
    assert len(shown(bot)) == rolling.MOST
    async with bot.desk.reading() as session:
        first = (await session.exec(select(Rollup.subject_id).order_by(col(Rollup.subject_id)))).first()
    async with bot.desk.session() as session:
        await cases.claim_lot(session, first, teams=[1], by=SANNE, now=bot.desk.now(), most=50)
    await works_on(bot, 10)
    assert len(shown(bot)) == rolling.MOST + 1
    assert SUBJECTS[rolling.MOST + 1] in shown(bot)[-1]


async def test_a_digest_counts_what_is_rolled_up_as_on_its_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(60)))
    await work(bot, 60)
    await work(bot, 90 * 60, step=60)
    [card] = shown(bot)
    assert "*60 zaken over hetzelfde*" in card
    bot.clock.at = local("2026-11-25 09:00")  # type: ignore[attr-defined]
    await send_digests(bot.desk)
    await work(bot, 60, step=5)
    [digest] = [text_of(each) for each in bot.cards() if "Dagoverzicht" in text_of(each)]
    assert "Niet op een kaart" not in digest
    assert "waarvan 60 op een kaart, 0 afgehandeld en 60 open" in digest


async def test_what_is_rolled_up_but_has_no_card_yet_is_not_called_lost_while_a_message_counts_it(strict: Bot) -> None:
    bot = strict
    since = bot.desk.now()
    for number, subject in enumerate(SUBJECTS[: rolling.MOST + 2]):
        await come(bot, *(post(bot, 10 * number + n, f"{subject}, {STREETS[n % 8]}") for n in range(5)))
        await work(bot, 15, step=5)
    await works_on(bot, 10)
    bot.clock.at += timedelta(hours=2)  # type: ignore[attr-defined]
    found = []
    for _ in range(2):
        async with bot.desk.session() as session:
            team = await session.get_one(Team, 1)
            found.append(await reconciling.tally(session, team, Period(since, bot.desk.now()), bot.desk.now()))
            await session.exec(delete(Backlog))
    assert [(each.received, each.carded, each.open, each.unshown) for each in found] == [
        (50, 40, 50, 0), (50, 40, 50, 10)
    ]  # fmt: skip


async def works_on(bot: Bot, steps: int, *, seconds: int = 5) -> None:
    for _ in range(steps):
        await backlog.follow(bot.desk)
        await work(bot, seconds, step=seconds)


def counted(bot: Bot) -> int:
    """How many cases are in Slack now, on a card of their own or counted by a message."""
    own, kinds = 0, {"backlog:": 0, "rollup:": 0}
    for message in bot.slack.messages(CHANNEL):
        key = message["metadata"]["event_payload"]["key"]
        own += key.startswith("case:")
        for kind in kinds:
            found = COUNTED.match(message["blocks"][0]["text"]["text"]) if key.startswith(kind) else None
            kinds[kind] += int(found[1]) if found else 0
    return own + max(kinds.values())


async def test_a_few_or_those_of_two_people_or_in_private_are_no_roll_up(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(4)))
    two = [alike(bot, 100)[0].author, alike(bot, 101)[0].author]
    text = "Mag ik op zondag mijn oprit aan de Dam schoonspuiten?"
    await come(bot, *(post(bot, 200 + n, text, author=two[n % 2], conversation=f"t{n}") for n in range(8)))
    private = "Mijn dossiernummer voor de bijzondere bijstand klopt niet"
    await come(bot, *(post(bot, 300 + n, private, private=True, conversation=f"p{n}") for n in range(8)))
    await work(bot, 60)
    assert shown(bot) == []
    assert len(shown(bot, "case:")) == await numbers(bot)


async def test_who_is_in_danger_who_is_claimed_and_who_writes_on_has_a_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(10)))
    await work(bot, 10)
    before = len(shown(bot, "case:"))
    danger = post(bot, 20, FIRE.format("Er zit iemand binnen!"))
    await come(bot, danger)
    await work(bot, 5)
    assert any("Er zit iemand binnen" in each for each in shown(bot, "case:"))
    [first, second, *_] = await waiting(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, first, by=SANNE, now=bot.desk.now())
    await come(bot, post(bot, 21, "En nu is er ook nog stank", author=await author(bot, second)))
    await work(bot, 10)
    assert len(shown(bot, "case:")) >= before + 2
    async with bot.desk.session() as session:
        await cases.set_urgent(session, (await waiting(bot))[0], urgent=True, by=SANNE, now=bot.desk.now())
    await work(bot, 5)
    assert len(shown(bot, "case:")) >= before + 3


async def waiting(bot: Bot) -> list[int]:
    """Cases without a card that nobody has."""
    async with bot.desk.reading() as session:
        mine = select(Case.id).join(Message, col(Message.case_id) == Case.id)
        mine = mine.where(Message.kind == MessageKind.CASE, col(Message.ts).is_(None), Case.status == Status.NEW)
        return list(await session.exec(mine.order_by(col(Case.id))))


async def author(bot: Bot, case_id: int) -> Any:
    async with bot.desk.reading() as session:
        file = await cases.read(session, case_id)
    number = int(file.author.external_id.removeprefix("a"))
    return post(bot, number).author


async def test_when_it_is_calm_those_that_wait_get_a_card_and_the_roll_up_says_so(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(15)))
    await work(bot, 10)
    assert len(await waiting(bot)) > 10
    await work(bot, 31 * 60, step=30)
    await work(bot, 40)
    [card] = shown(bot)
    assert "15 zaken over hetzelfde" in card and "rustig" in card
    assert "vlokken" not in card, "it no longer shows what people wrote"
    assert len(shown(bot, "case:")) == 15
    assert await waiting(bot) == []
    await come(bot, *alike(bot, 30))
    await work(bot, 10)
    assert len(shown(bot, "case:")) == 16


async def test_a_big_roll_up_stays_as_long_as_many_wait_without_a_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(60)))
    await work(bot, 60)
    await work(bot, 60 * 60, step=60)
    [card] = shown(bot)
    assert "*60 zaken over hetzelfde*" in card
    assert len(await waiting(bot)) > rolling.FEW


async def test_words_of_citizens_are_harmless_and_leave_when_their_post_does(strict: Bot) -> None:
    bot = strict
    hostile = "<!channel> *zwarte* vlokken vallen in <https://evil.example|onze> tuin, gevaarlijk _he_?"
    await come(bot, *(post(bot, number, f"{hostile} {STREETS[number]}") for number in range(6)))
    await work(bot, 20)
    [message] = [m for m in bot.slack.messages(CHANNEL) if "rollup:" in str(m["metadata"])]
    assert "<!channel>" not in message["text"]
    assert "&lt;!channel&gt;" in message["text"]
    for number in range(6):
        gone = post(bot, number, hostile, gone=Gone.BY_AUTHOR)
        await come(bot, gone)
    await work(bot, 40)
    [card] = shown(bot)
    assert "vlokken" not in card


async def test_what_a_citizen_edits_changes_on_the_card_of_a_roll_up_too(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(30)))
    await work(bot, 45 * 60, step=60)
    [card] = shown(bot)
    assert "Burger 0" in card and "Lindestraat" in card, "so many wait that it stays"
    [first] = alike(bot, 0)
    words = first.text.replace("aan de Havenweg, ", "")
    await come(bot, replace(first, text=words, edited_at=bot.desk.now()))
    await work(bot, 5)
    [card] = shown(bot)
    assert "in onze tuin is dat gevaarlijk" in card


async def test_two_processes_begin_and_end_a_roll_up_once(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(10)))
    await asyncio.gather(*(rollups.follow(bot.desk) for _ in range(4)))
    async with bot.desk.reading() as session:
        kinds = select(func.count()).where(Message.kind == MessageKind.ROLLUP)
        assert (await session.exec(kinds)).one() == 1
        assert (await session.exec(select(func.count()).select_from(Rollup))).one() == 1


async def test_what_subjects_are_found_by_is_deleted_after_two_days(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(3)), post(bot, 9, "De lantaarn voor nummer twaalf brandt weer niet"))
    await work(bot, 10)
    bot.clock.at += timedelta(hours=50)  # type: ignore[attr-defined]
    await rollups.forget(bot.desk)
    async with bot.desk.reading() as session:
        assert (await session.exec(select(Subject))).all() == []
        assert (await session.exec(select(SubjectStem))).all() == []
    async with bot.desk.reading() as session:
        old = {each.subject_id for each in await session.exec(select(Case))}
    await come(bot, *alike(bot, 20))
    async with bot.desk.reading() as session:
        newest = (await session.exec(select(Case).order_by(col(Case.id).desc()))).first()
    assert newest is not None and newest.subject_id not in old


def test_the_examples_of_a_roll_up_go_with_the_words_of_their_posts() -> None:
    assert MessageKind.ROLLUP in redaction.LISTS


async def pressed(bot: Bot, *actions: str) -> dict[str, Any]:
    """Press a button of the roll-up's card, then one of what that shows to Sanne; returns what she sees last."""
    [place] = [m for m in bot.slack.messages(CHANNEL) if "rollup:" in str(m["metadata"])]
    for action in actions:
        before = len(bot.slack.ephemerals(SANNE, CHANNEL))
        assert (await bot.slack.click(SANNE, CHANNEL, place["ts"], action)).ok
        if action == actions[-1] and action in {"list:close", "rollup:take_out"}:
            return place
        [place] = await bot.slack.wait_for(lambda before=before: bot.slack.ephemerals(SANNE, CHANNEL)[before:])  # type: ignore[misc]
    return place


def ticked(view: dict[str, Any], *, only: int = 100) -> dict[str, Any]:
    """The first checkboxes of a modal, as they are sent."""
    found = [element for _, element in elements(view["blocks"]) if element["type"] == "checkboxes"]
    return {each["action_id"]: [one["value"] for one in each["options"]][:only] for each in found}


async def test_who_claims_the_lot_has_all_that_nobody_had_each_with_its_card(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(12)))
    await work(bot, 20)
    async with bot.desk.session() as session:
        await cases.claim(session, (await waiting(bot))[0], by=YOUSSEF, now=bot.desk.now())
    said = await pressed(bot, "rollup:claim")
    assert "11 zaken zijn nu bij jou" in str(said)
    assert await numbers(bot, Case.assignee == SANNE) == 11
    assert await numbers(bot, Case.assignee == YOUSSEF) == 1
    await bot.slack.wait_for(lambda: "alle opgepakt" in str(shown(bot)))  # the clock stands still
    await work(bot, 30)
    assert len(shown(bot, "case:")) == 12
    [card] = shown(bot)
    assert "alle opgepakt" in card
    assert "rollup:claim" not in card


@pytest.mark.parametrize(("come_in", "theirs"), [(12, 12), (120, 50)], ids=["all of them", "the first of many"])
async def test_who_clicks_twice_to_claim_the_lot_reads_twice_what_is_theirs(
    strict: Bot, come_in: int, theirs: int
) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(come_in)))
    await work(bot, 20)
    [card] = [m for m in bot.slack.messages(CHANNEL) if "rollup:" in str(m["metadata"])]
    [click] = [
        input_state.action(block, each, {})
        for block in card["blocks"]
        for each in block.get("elements", [])
        if each.get("action_id") == "rollup:claim"
    ]
    clicks = [bot.slack.act_in_message(SANNE, CHANNEL, card["ts"], click) for _ in range(2)]
    assert all(each.ok for each in await asyncio.gather(*clicks))
    told = await bot.slack.wait_for(
        lambda: said if len(said := bot.slack.ephemerals(SANNE, CHANNEL)) == len(clicks) else []
    )
    assert [f"{theirs} zaken zijn nu bij jou" in text_of(each) for each in told] == [True, True]
    assert await numbers(bot, Case.assignee == SANNE) == theirs


async def five_of_the_lot(bot: Bot, by: str, seconds: int) -> list[int]:
    """Let somebody claim the lot of the only roll-up so many seconds from now; five cases are its most."""
    now = bot.desk.now() + timedelta(seconds=seconds)
    async with bot.desk.session() as session:
        [subject_id] = await session.exec(select(Rollup.subject_id))
        return await cases.claim_lot(session, subject_id, teams=[1], by=by, now=now, most=5)


async def test_who_claims_the_next_part_of_a_lot_gets_it_also_after_a_case_of_their_own_choice(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(15)))
    await work(bot, 20)
    lot = partial(five_of_the_lot, bot)
    async with bot.desk.session() as session:
        await cases.claim(session, 15, by=SANNE, now=bot.desk.now())
    first = await lot(SANNE, 1)
    assert (len(first), await lot(SANNE, 2)) == (5, first)
    second = await lot(SANNE, 7)
    assert (len(second), set(second) & {*first, 15}) == (5, set())
    assert len(await lot(YOUSSEF, 8)) == 4
    assert await lot(SANNE, 30) == sorted([*first, *second, 15])
    with pytest.raises(Refused, match="already"):
        await lot(SANNE, 130)


async def test_who_clicks_twice_for_a_lot_of_one_case_gets_no_second_lot_of_what_came_in_meanwhile(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(6)))
    await work(bot, 20)
    lot = partial(five_of_the_lot, bot)
    assert len(await lot(YOUSSEF, 0)) == 5
    [one] = await lot(SANNE, 1)
    await come(bot, *alike(bot, 6, 7, 8))
    assert await lot(SANNE, 2) == [one]
    assert len(await lot(SANNE, 8)) == 3


async def test_two_who_claim_a_big_lot_at_once_share_it(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(70)))
    await work(bot, 10)
    async with bot.desk.reading() as session:
        [subject_id] = await session.exec(select(Rollup.subject_id))
        [team_id] = await session.exec(select(Case.team_id).distinct())

    async def lot(by: str) -> list[int]:
        async with bot.desk.session() as session:
            return await cases.claim_lot(session, subject_id, teams=[team_id], by=by, now=bot.desk.now(), most=50)

    got = await asyncio.gather(lot(SANNE), lot(YOUSSEF))
    assert sorted(len(each) for each in got) == [20, 50]
    assert len({case_id for each in got for case_id in each}) == 70
    assert await numbers(bot, col(Case.status) == Status.CLAIMED) == 70


async def test_who_claims_a_lot_while_their_first_answer_to_its_last_case_is_stored_waits_for_that(
    postgres_bot: Bot,
) -> None:
    """Both lock what they change in one order: else each waits for the other, and the database breaks one off."""
    bot = postgres_bot
    await come(bot, *alike(bot, 0))
    [case] = await bot.rows(Case)
    async with bot.desk.session() as session:
        file = await cases.read(session, case.id)
        await drafts.begin(session, case.id, by=SANNE, view="V1", now=bot.desk.now())
    answer = Answer(
        case.id, file.latest.id, submission="V1", words="We komen kijken.", private=False, kind=ReplyKind.FINAL,
        initials="SB",
    )  # fmt: skip

    async def answers() -> None:
        async with bot.desk.session() as session:
            by, now = SANNE, bot.desk.now()
            await replies.answer(session, answer, connector=bot.desk.connector, by=by, now=now, undo=timedelta())

    async def claims() -> None:
        async with bot.desk.session() as session:
            await cases.claim_lot(session, case.subject_id or 0, teams=[1], by=SANNE, now=bot.desk.now(), most=50)

    async with bot.desk.session() as first:
        await first.exec(select(AnswerDraft).with_for_update())
        answering = asyncio.create_task(answers())
        await eventually(lambda: held_up(bot.engine, 1))
        claiming = asyncio.create_task(claims())
        await eventually(lambda: held_up(bot.engine, 2))
    await answering
    with pytest.raises(Refused, match="already"):
        await claiming
    assert (await bot.case(case.id)).status is Status.ANSWERED


async def test_what_comes_in_alike_on_two_accounts_of_a_team_at_once_is_one_subject(postgres_bot: Bot) -> None:
    bot = postgres_bot
    other = await twin(bot, (await bot.rows(Account))[0], "2")

    async def on_the_other_account() -> None:
        async with bot.desk.session() as session:
            await inbox.take_in(session, other.id, alike(bot, 1), now=bot.desk.now())

    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, alike(bot, 0), now=bot.desk.now())
        taking_in = asyncio.create_task(on_the_other_account())
        await eventually(lambda: held_up(bot.engine, 1))
    await taking_in
    first, second = await bot.rows(Case)
    assert first.subject_id == second.subject_id is not None


async def test_what_comes_in_as_a_roll_up_ends_is_not_broken_off(postgres_bot: Bot) -> None:
    """Both lock cases before the roll-up: else each waits for the other, and the database breaks one off."""
    bot = postgres_bot
    begun = bot.desk.now() - rolling.CALM

    async def come_at(session: AsyncSession, *posts: Any, minutes: int) -> None:
        await inbox.take_in(session, 1, posts, now=begun + timedelta(minutes=minutes))

    async def follow(minutes: int) -> None:
        async with bot.desk.session() as session:
            await rolling.follow(session, 1, begun + timedelta(minutes=minutes), 1)

    async with bot.desk.session() as session:
        await come_at(session, *alike(bot, *range(6)), minutes=0)
    async with bot.desk.session() as session:
        await rolling.begin(session, 1, begun, 1)
    [*_, last] = alike(bot, *range(6))
    async with bot.desk.session() as session:
        await come_at(session, replace(last, text=f"{last.text} Vandaag?", edited_at=bot.desk.now()), minutes=31)
        ending = asyncio.create_task(follow(31))
        await eventually(lambda: held_up(bot.engine, 1))
        await come_at(session, *alike(bot, 6), minutes=31)
    await ending
    await follow(62)
    async with bot.desk.reading() as session:
        [card] = await session.exec(select(Message).where(Message.kind == MessageKind.ROLLUP))
        held = select(Message.id).where(Message.kind == MessageKind.CASE, Message.shown_version >= Message.version)
        assert (await session.exec(select(Rollup))).all() == [], "it ended when it was quiet"
        assert (await session.exec(held)).all() == [], "each has its card by then"
    assert (card.details or {})["count"] == 6, "all but the one that says more"


async def test_what_is_taken_out_has_its_card_and_stays_out(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    await pressed(bot, "list:show", "rollup:take_out")
    view = await open_modal(bot, SANNE, "rollup:take_out")
    before = len(await waiting(bot))
    bot.clock.at += timedelta(minutes=20)  # type: ignore[attr-defined]
    assert (await bot.slack.submit(SANNE, ticked(view))).ok
    await come_to(bot, 9, col(Case.subject_id).is_(None))
    await work(bot, 20)
    assert before > 0 and await waiting(bot) == []
    assert len(shown(bot, "case:")) == 9
    [card] = shown(bot)
    assert "*0 zaken over hetzelfde*" in card and "de eerste 14:00, de laatste 14:00" in card
    await come(bot, *alike(bot, *range(20, 23)))
    await work(bot, 20)
    assert await numbers(bot, col(Case.subject_id).is_(None)) == 9
    async with bot.desk.reading() as session:
        kinds = [event.kind for event in await cases.history(session, 1)]
    assert EventKind.PICKED_OUT in kinds


async def test_a_post_that_becomes_private_leaves_the_roll_up_and_has_a_card_of_its_own(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    before, one = len(shown(bot, "case:")), (await waiting(bot))[-1]
    number = int((await author(bot, one)).external_id.removeprefix("a"))
    secret = "Ik woon op nummer 5, en mijn bsn is 123456782."
    await come(bot, post(bot, number, secret, private=True, edited_at=bot.desk.now()))
    await work(bot, 20)
    assert await numbers(bot, Case.id == one, col(Case.subject_id).is_(None)) == 1
    cards = [each for each in shown(bot, "case:") if secret in each]
    assert len(shown(bot, "case:")) == before + 1 and len(cards) == 1 and "privébericht" in cards[0]
    [card] = shown(bot)
    assert "*8 zaken over hetzelfde*" in card and secret not in card


async def test_its_card_is_posted_again_when_somebody_deletes_it_in_slack(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    [ts] = [m["ts"] for m in bot.slack.messages(CHANNEL) if "over hetzelfde" in json.dumps(m, ensure_ascii=False)]
    await bot.slack.delete(CHANNEL, ts)
    await come(bot, *alike(bot, *range(20, 25)))
    await work(bot, 40)
    [card] = shown(bot)
    assert "*14 zaken over hetzelfde*" in card


async def test_its_card_comes_to_the_other_channel_of_its_team_when_its_own_is_archived(strict: Bot) -> None:
    bot, other = strict, "C0ALGEMEEN"
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    bot.slack.workspace.channels[CHANNEL].archived = True
    await moves_to(bot, other)
    await come(bot, *alike(bot, *range(20, 25)))
    await work(bot, 180, step=5)
    assert "*14 zaken over hetzelfde*" in json.dumps(bot.slack.messages(other), ensure_ascii=False)


async def test_a_team_that_gets_another_channel_has_the_card_there_and_the_former_one_says_so(strict: Bot) -> None:
    bot, other = strict, "C0ALGEMEEN"
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    await moves_to(bot, other)
    await come(bot, *alike(bot, *range(20, 25)))
    await work(bot, 40)
    [card] = shown(bot)
    assert f"verder in <#{other}>" in card and "vlokken" not in card and "rollup:claim" not in card
    [there] = [m for m in bot.slack.messages(other) if "rollup:" in str(m["metadata"])]
    assert "*14 zaken over hetzelfde*" in text_of(there)
    await come(bot, *alike(bot, *range(30, 35)))
    await work(bot, 40)
    [there] = [m for m in bot.slack.messages(other) if "rollup:" in str(m["metadata"])]
    assert "*19 zaken over hetzelfde*" in text_of(there)


async def test_who_changes_a_post_to_say_more_has_a_card_that_shows_it(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    one, other = (await waiting(bot))[-2:]
    for case_id, words in ((one, "Mijn dochter is gewond."), (other, "")):
        number = int((await author(bot, case_id)).external_id.removeprefix("a"))
        text = f"{FIRE.format(STREETS[number % 8])} {words}!"
        await come(bot, post(bot, number, text, edited_at=bot.desk.now() + timedelta(seconds=1)))
    before = shown(bot, "case:")
    await work(bot, 20)
    [card] = [each for each in shown(bot, "case:") if each not in before]
    assert "gewond" in card and "Gaat voor" in card
    [rolled_up] = shown(bot)
    assert "*8 zaken over hetzelfde*" in rolled_up


async def test_what_somebody_claimed_with_the_lot_stays_in_their_list_when_its_citizen_says_more(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    said = await pressed(bot, "rollup:claim")
    changed = bot.desk.now() + timedelta(seconds=1)
    await come(
        bot, *(replace(each, text=f"{each.text} Nu stinkt het ook.", edited_at=changed) for each in alike(bot, 3))
    )
    await work(bot, 20)
    assert any("Nu stinkt het ook" in each for each in shown(bot, "case:"))
    before = len(bot.slack.ephemerals(SANNE, CHANNEL))
    assert (await bot.slack.click(SANNE, CHANNEL, said["ts"], "list:show")).ok
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE, CHANNEL)[before:])
    assert "Er wachten 9 zaken" in text_of(listed) and "Nu stinkt het ook" in text_of(listed)


async def test_who_corrects_the_spelling_of_a_post_stays_in_the_roll_up(strict: Bot) -> None:
    bot = strict
    await come(bot, *(replace(each, text=f"{each.text} Stnkt het bij de fabreik?") for each in alike(bot, *range(30))))
    await work(bot, 20)
    before, changed = shown(bot, "case:"), bot.desk.now() + timedelta(seconds=1)
    corrected = (replace(each, edited_at=changed) for each in alike(bot, *range(5, 30)))
    await come(bot, *(replace(each, text=f"{each.text} Stinkt het bij de fabriek?") for each in corrected))
    await work(bot, 40)
    assert shown(bot, "case:") == before
    [rolled_up] = shown(bot)
    assert "*30 zaken over hetzelfde*" in rolled_up


async def test_the_lot_is_closed_for_a_reason_without_a_card_for_each(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(12)))
    await work(bot, 20)
    cards = len(shown(bot, "case:"))
    await pressed(bot, "list:show", "list:close")
    view = await open_modal(bot, SANNE, "case:close_many")
    at_first = [each for _, each in elements(view["blocks"]) if each["type"] == "checkboxes"]
    assert all(len(each["initial_options"]) == len(each["options"]) for each in at_first), "all are chosen at first"
    assert (await bot.slack.submit(SANNE, {"close_reason": "no_answer_needed", **ticked(view)})).ok
    await come_to(bot, 12, col(Case.status) == Status.CLOSED)
    await work(bot, 30)
    assert len(shown(bot, "case:")) == cards
    assert "alle opgepakt" in shown(bot)[0]


async def test_what_goes_first_is_not_closed_with_the_lot_unless_it_is_chosen(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(10)))
    await work(bot, 20)
    in_danger = alike(bot, 10)[0]
    await come(bot, replace(in_danger, text=f"{in_danger.text} Mijn buurman is gewond."))
    await come(bot, *alike(bot, 11))
    await work(bot, 20)
    async with bot.desk.session() as session:
        [first] = [case.id for case in await session.exec(select(Case)) if "hurt" in (case.signals or ())]
    await pressed(bot, "list:show", "list:close")
    view = await open_modal(bot, SANNE, "case:close_many")
    boxes = [each for _, each in elements(view["blocks"]) if each["type"] == "checkboxes"]

    def numbers_of(which: str) -> set[int]:
        return {int(option["value"].split(":")[0]) for each in boxes for option in each.get(which, ())}

    assert numbers_of("options") == set(range(1, 13))
    assert numbers_of("options") - numbers_of("initial_options") == {first}


async def test_when_it_ends_cards_come_in_the_channel_that_the_team_has_by_then(strict: Bot) -> None:
    bot, other = strict, "C0ALGEMEEN"
    await come(bot, *alike(bot, *range(9)))
    await work(bot, 20)
    await moves_to(bot, other)
    await work(bot, 31 * 60, step=60)
    await work(bot, 40)
    assert shown(bot, "case:") == []
    assert len([m for m in bot.slack.messages(other) if "case:" in str(m["metadata"])]) == 9


async def test_nothing_is_wrong_with_a_case_that_was_closed_with_its_roll_up(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(12)))
    await work(bot, 20)
    await pressed(bot, "list:show", "list:close")
    view = await open_modal(bot, SANNE, "case:close_many")
    assert (await bot.slack.submit(SANNE, {"close_reason": "no_answer_needed", **ticked(view)})).ok
    await come_to(bot, 12, col(Case.status) == Status.CLOSED)
    for seconds in (30, 3600):
        await work(bot, seconds, step=max(5, seconds // 20))
        case_id = (await bot.rows(Case))[-1].id
        async with bot.desk.reading() as session:
            found = [each.what for each in wrong(await gather(session, case_id, bot.desk.now()))]
        assert found == [], seconds


async def test_what_stands_on_a_later_page_of_the_list_can_be_taken_out_too(strict: Bot) -> None:
    bot = strict
    await come(bot, *alike(bot, *range(130)))
    await work(bot, 40, step=5)
    place = await pressed(bot, "list:show")

    def page(number: int) -> dict[str, Any] | None:
        [shown] = [each for each in bot.slack.ephemerals(SANNE, CHANNEL) if each["ts"] == place["ts"]]
        return shown if f"pagina {number} van 13" in text_of(shown) else None

    for number in range(1, 13):
        await bot.slack.wait_for(partial(page, number))
        assert (await bot.slack.click(SANNE, CHANNEL, place["ts"], "list:on")).ok
    shown = await bot.slack.wait_for(partial(page, 13))
    assert "Burger 129" in text_of(shown)
    assert (await bot.slack.click(SANNE, CHANNEL, place["ts"], "rollup:take_out")).ok
    view = await open_modal(bot, SANNE, "rollup:take_out")
    assert "Burger 129" in str(view["blocks"])
    assert "100 zaken passen hier niet bij" in str(view["blocks"])


async def test_a_roll_up_that_still_stands_the_next_day_names_the_day_before(strict: Bot) -> None:
    bot = strict
    await days.begin(bot.desk)
    await come(bot, *alike(bot, *range(60)))
    await work(bot, 60)
    await work(bot, 60 * 60, step=60)
    assert "de eerste 14:00, de laatste 14:00" in shown(bot)[0]
    bot.clock.at = local("2026-11-25 00:01")  # type: ignore[attr-defined]
    await days.begin(bot.desk)
    await work(bot, 60, step=5)
    assert "de eerste di 24 nov 14:00, de laatste di 24 nov 14:00" in shown(bot)[0]
