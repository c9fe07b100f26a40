"""Who no longer answers for a team keeps no open cases: the coordinator says where they go, in the same step."""

import asyncio
import json
from typing import Any

from bot import cases
from bot.domain.case import Status
from bot.models import Agent, Case, Message, MessageKind, Role
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from jobs import absence
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import changed, make_role, mention, open_group, open_modal, read, settings


async def owned(bot: Bot, *owners: str) -> None:
    """Let each of these people have a new case."""
    for number, owner in enumerate(owners, 1):
        case_id = await mention(bot, number, f"Bericht {number}")
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=owner, now=bot.desk.now())


async def owners(bot: Bot) -> list[str | None]:
    return [case.assignee for case in await bot.rows(Case)]


async def role(bot: Bot, who: str) -> Role | None:
    async with bot.desk.reading() as session:
        agent = await session.get(Agent, (1, who))
        return agent.role if agent else None


async def makes_reader(bot: Bot, **more: Any) -> dict[str, Any]:
    """Let Sanne, who coordinates, make Youssef a reader; returns what the modal asks or says then."""
    form = await open_group(bot, SANNE, "roles")
    ack = await bot.slack.submit(SANNE, {"role_coordinators": [SANNE], "role_readers": [YOUSSEF], **more})
    assert ack.ok and not ack.errors, ack.errors
    return await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and view["hash"] != form["hash"] and view)


async def test_a_reader_to_be_with_open_cases_is_asked_about_before_anything_changes(bot: Bot) -> None:
    await owned(bot, YOUSSEF, YOUSSEF, MARIEKE)
    asked = await makes_reader(bot)
    assert f"<@{YOUSSEF}> heeft 2 open zaken" in text_of(asked)
    assert await role(bot, YOUSSEF) is None and await owners(bot) == [YOUSSEF, YOUSSEF, MARIEKE]
    ack = await bot.slack.submit(SANNE, {})
    assert list(ack.errors) == ["hand_over_to"], "nobody was chosen"
    ack = await bot.slack.submit(SANNE, {"hand_over_to": [MARIEKE]})
    assert ack.ok and not ack.errors, ack.errors
    await bot.slack.wait_for(lambda: "2 open zaken gingen" in text_of(bot.slack.view(SANNE) or {}))
    assert await role(bot, YOUSSEF) is Role.READER and await owners(bot) == [MARIEKE] * 3
    given = await bot.slack.wait_for(lambda: bot.slack.direct(MARIEKE))
    assert f"<@{SANNE}> heeft je 2 zaken van <@{YOUSSEF}> gegeven" in read(given[0])
    lost = await bot.slack.wait_for(lambda: bot.slack.direct(YOUSSEF))
    assert "Je antwoordt niet meer" in read(lost[0]) and "2 zaken" in read(lost[0])


async def test_who_gets_cases_of_one_colleague_twice_from_one_window_is_told_twice(bot: Bot) -> None:
    await owned(bot, YOUSSEF)
    await makes_reader(bot)
    await bot.slack.submit(SANNE, {"hand_over_to": [MARIEKE]})
    shown = await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo")
    case_id = await mention(bot, 2, "Bericht 2")
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=YOUSSEF, now=bot.desk.now())
    for group in ("menu", "roles"):
        shown = await changed(bot, SANNE, shown, "settings:group", group)
    await bot.slack.submit(SANNE, {"role_readers": [YOUSSEF]})
    await bot.slack.submit(SANNE, {"hand_over_to": [MARIEKE]})
    assert await owners(bot) == [MARIEKE, MARIEKE]
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert ["Bericht 2" in read(each) for each in bot.slack.direct(MARIEKE)] == [False, True]


async def test_roles_that_a_colleague_gives_while_it_is_asked_where_cases_go_stay(bot: Bot) -> None:
    await owned(bot, YOUSSEF)
    for person in ("U0TOM", "U0WEG"):
        await make_role(bot, person, Role.AGENT)
    await makes_reader(bot, role_agents=["U0WEG"])
    async with bot.desk.session() as session:
        for person in (MARIEKE, "U0NIEUW"):
            session.add(Agent(team_id=1, slack_id=person, role=Role.READER, created_at=bot.desk.now()))
        (await session.get_one(Agent, (1, "U0WEG"))).role = None
    ack = await bot.slack.submit(SANNE, {"hand_over_to": [], "hand_over_where": "queue"})
    assert ack.ok and not ack.errors, ack.errors
    given = {each: await role(bot, each) for each in (YOUSSEF, MARIEKE, "U0NIEUW", "U0TOM", "U0WEG")}
    assert given == {**dict.fromkeys((YOUSSEF, MARIEKE, "U0NIEUW"), Role.READER), "U0TOM": None, "U0WEG": None}


async def test_who_no_longer_answers_gets_no_private_words_of_the_cases_that_go(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    for number, (words, private) in enumerate([("Mijn BSN is 123456782", True), ("Wanneer?", False)], 1):
        case_id = await mention(bot, number, words, private=private)
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=YOUSSEF, now=bot.desk.now())
    await makes_reader(bot)
    await bot.slack.submit(SANNE, {"hand_over_where": "queue", "hand_over_to": []})
    [lost] = await bot.slack.wait_for(lambda: bot.slack.direct(YOUSSEF))
    assert "123456782" not in json.dumps(lost)
    assert "Burger 1" in read(lost) and "(privé)" in read(lost) and "Wanneer?" in read(lost)


async def test_the_cases_go_to_the_queue_when_that_is_chosen(bot: Bot) -> None:
    await owned(bot, YOUSSEF, MARIEKE)
    await makes_reader(bot)
    ack = await bot.slack.submit(SANNE, {"hand_over_where": "queue", "hand_over_to": []})
    assert ack.ok and not ack.errors, ack.errors
    assert await role(bot, YOUSSEF) is Role.READER and await owners(bot) == [None, MARIEKE]
    await bot.card("Bericht 1", "Nieuw")


async def test_whoever_becomes_a_reader_too_cannot_get_them(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await owned(bot, YOUSSEF)
    await makes_reader(bot, role_readers=[YOUSSEF, MARIEKE])
    ack = await bot.slack.submit(SANNE, {"hand_over_to": [MARIEKE]})
    assert "kunnen antwoorden" in str(ack.errors)
    assert await role(bot, MARIEKE) is None and await owners(bot) == [YOUSSEF]


async def test_without_open_cases_nothing_is_asked(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await owned(bot, MARIEKE)
    assert "Opgeslagen" in text_of(await makes_reader(bot))
    assert await role(bot, YOUSSEF) is Role.READER and await owners(bot) == [MARIEKE]


async def test_an_undo_that_makes_a_reader_leaves_them_no_cases(bot: Bot) -> None:
    await makes_reader(bot)
    await open_group(bot, SANNE, "roles")
    shown = bot.slack.view(SANNE)
    await bot.slack.submit(SANNE, {"role_agents": [YOUSSEF], "role_readers": []})
    saved = await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and view["hash"] != shown["hash"] and view)
    await owned(bot, YOUSSEF)
    undone = await changed(bot, SANNE, saved, "settings:undo")
    assert "1 open zaak ging" in text_of(undone)
    assert await role(bot, YOUSSEF) is Role.READER and await owners(bot) == [None]
    await bot.slack.wait_for(lambda: bot.slack.direct(YOUSSEF))


async def test_a_channel_that_no_longer_answers_leaves_its_cases_to_the_queue(bot: Bot) -> None:
    await make_role(bot, MARIEKE, Role.AGENT)
    await owned(bot, YOUSSEF, MARIEKE)
    await open_group(bot, SANNE, "team")
    ack = await bot.slack.submit(SANNE, {"channel_answers": []})
    assert ack.ok and not ack.errors, ack.errors
    assert await owners(bot) == [None, MARIEKE]


async def test_what_a_reader_got_at_that_very_moment_is_put_back_within_the_minute_and_once(bot: Bot) -> None:
    await owned(bot, YOUSSEF, MARIEKE)
    await make_role(bot, YOUSSEF, Role.READER)
    await asyncio.gather(*(absence.return_from_readers(bot.desk) for _ in range(3)))
    assert await owners(bot) == [None, MARIEKE]
    assert [case.status for case in await bot.rows(Case)] == [Status.NEW, Status.CLAIMED]
    assert len([each for each in await bot.rows(Message) if each.kind is MessageKind.NOTICE]) == 1
    card = await bot.card("Bericht 1", "Nieuw")
    await bot.slack.wait_for(lambda: "kijkt alleen mee" in str(bot.slack.thread(CHANNEL, card["ts"])))


async def test_one_who_goes_away_is_offered_to_hand_their_cases_over(bot: Bot) -> None:
    await owned(bot, SANNE, SANNE)
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare weg")).ok
    [question] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    assert "list:hand_over" in action_ids(question)
    await bot.slack.click(SANNE, CHANNEL, question["ts"], "list:hand_over")
    await open_modal(bot, SANNE, "case:hand_over")
    ack = await bot.slack.submit(SANNE, {"hand_over_to": [YOUSSEF]})
    assert ack.ok and not ack.errors, ack.errors
    assert await owners(bot) == [YOUSSEF] * 2
    await messages.wake_lanes(bot.desk)


async def test_the_question_to_one_seen_away_says_what_is_left_of_it(bot: Bot) -> None:
    await settings(bot, always_open=True)
    await owned(bot, SANNE, SANNE)
    bot.slack.set_status(SANNE, "🌴", "vakantie")
    async with bot.desk.session() as session:
        await presence.saw(session, SANNE, True, bot.desk.now())
    await messages.wake_lanes(bot.desk)
    [question] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert "2 zaken" in text_of(question)
    await bot.slack.click(SANNE, bot.direct_channel(SANNE), question["ts"], "list:hand_over")
    await open_modal(bot, SANNE, "case:hand_over")
    await bot.slack.submit(SANNE, {"hand_over_to": [YOUSSEF]})
    await bot.slack.wait_for(lambda: "niets meer" in text_of(bot.slack.direct(SANNE)[0]))
    assert not action_ids(bot.slack.direct(SANNE)[0])
