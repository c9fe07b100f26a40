"""Rules route new posts to a team: set in Slack, tried before they are saved, moved, removed and undone."""

import asyncio
from typing import Any

import pytest
from sqlmodel import col, select

from bot import accounts
from bot.cases import inbox
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.routing import Rule, Visibility
from bot.domain.text import Refused
from bot.models import Case, Event, Message, MessageKind, Role, Workspace
from bot.sandbox.slack.inspection import action_ids
from bot.team import routing
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, second_desk
from tests.people import BEHEER, card_in, changed, make_role, mention, open_group, open_modal, read, second_team


async def rules(bot: Bot) -> list[Rule]:
    async with bot.desk.reading() as session:
        return await routing.rules(session, 1)


async def put(bot: Bot, rule: Rule) -> None:
    async with bot.desk.session() as session:
        await routing.put(session, 1, rule, by=SANNE, now=bot.desk.now())


async def opens_form(bot: Bot, person: str = SANNE) -> None:
    shown = await open_group(bot, person, "routing")
    await changed(bot, person, shown, "route:add", "add")


async def adds(bot: Bot, words: str, team: int, person: str = SANNE, **more: Any) -> dict[str, Any]:
    """Fill in a rule and try it; returns what it would do."""
    await opens_form(bot, person)
    ack = await bot.slack.submit(person, {"route_team": str(team), "route_words": words, **more})
    assert ack.ok and not ack.errors, ack
    view = bot.slack.view(person)
    assert view is not None and view["callback_id"] == "route:save"
    return view


async def does(bot: Bot, verb: str, key: str, person: str = SANNE) -> dict[str, Any]:
    shown = await open_group(bot, person, "routing")
    chosen = f"{verb}:{key}"
    row = next(each["block_id"] for each in shown["blocks"] if chosen in str(each.get("accessory")))
    ack = await bot.slack.click_in_view(person, "route:do", chosen, block_id=row)
    assert ack.ok
    return await bot.slack.wait_for(lambda: (view := bot.slack.view(person)) and view["hash"] != shown["hash"] and view)


async def test_a_rule_is_tried_saved_and_routes_the_next_posts(bot: Bot) -> None:
    beheer = await second_team(bot)
    for number, words in enumerate(("Vol GLAS op het pad", "Mijn paspoort", "Glas!"), 1):
        await mention(bot, number, words, url=f"https://plein.example.nl/{number}")
    tried = read(await adds(bot, "glas\nvol met gaten", beheer))
    assert "Deze regel stuurt 2 van de 3 nieuwste berichten naar Beheer." in tried
    assert "Vol GLAS op het pad" in tried and "paspoort" not in tried
    assert "*Burger 1* · Vol GLAS op het pad · <https://plein.example.nl/1|bekijk het bericht>" in tried
    assert await rules(bot) == []
    assert (await bot.slack.submit(SANNE)).ok
    assert [(rule.team, rule.words) for rule in await rules(bot)] == [(beheer, ("glas", "vol met gaten"))]
    bot.citizen_posts("Er ligt weer Glás.", name="Jan")
    await card_in(bot, BEHEER, "Glás", "Nieuw")
    bot.citizen_posts("Het glasvezelnet is er.", name="Piet")
    await card_in(bot, CHANNEL, "glasvezelnet", "Nieuw")
    numbers = [(case.team_id, case.number) for case in await bot.rows(Case)]
    assert numbers == [(1, 1), (1, 2), (1, 3), (beheer, 1), (1, 4)]


async def test_a_page_of_many_goes_to_two_teams_and_the_same_page_again_changes_nothing(bot: Bot) -> None:
    beheer = await second_team(bot)
    await put(bot, Rule("k", beheer, words=("glas",)))
    page = [
        Post(str(n), Author(f"a{n % 7}", "Jan"), words, bot.desk.now(), permits=permits(Act.ANSWER))
        for n, words in enumerate(["brug", "glas", "glas"] * 10)
    ]
    for _ in range(2):
        async with bot.desk.session() as session:
            taken = await inbox.take_in(session, 1, page, now=bot.desk.now())
    assert not taken.new
    found = await bot.rows(Case)
    assert sorted((case.team_id, case.number) for case in found) == [
        *((1, n) for n in range(1, 11)), *((beheer, n) for n in range(1, 21)),
    ]  # fmt: skip
    channels = {m.case_id: m.channel for m in await bot.rows(Message) if m.kind is MessageKind.CASE}
    assert all(channels[case.id] == (BEHEER if case.team_id == beheer else CHANNEL) for case in found)


async def test_a_conversation_stays_with_the_team_that_has_it(bot: Bot) -> None:
    beheer = await second_team(bot)
    post = bot.citizen_posts("Waar is de brug?")
    await card_in(bot, CHANNEL, "brug", "Nieuw")
    await put(bot, Rule("k", beheer, words=("glas",)))
    bot.citizen_posts("En er ligt glas.", in_reply_to=post["id"])
    bot.citizen_posts("Bij mij ook glas.", name="Jan", in_reply_to=post["id"])
    await card_in(bot, CHANNEL, "Bij mij ook glas", "Nieuw")
    assert {case.team_id for case in await bot.rows(Case)} == {1}


async def test_all_that_a_rule_would_route_is_listed_as_far_as_a_modal_holds_it(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    page = [Post(str(n), Author(f"a{n}", f"Burger {n}"), f"Glas {n}.", bot.desk.now()) for n in range(120)]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, page, now=bot.desk.now())
    tried = await adds(bot, "glas", beheer)
    assert len(tried["blocks"]) == 99, "one is free for what goes wrong as it is saved"
    assert sum("Burger" in str(block) for block in tried["blocks"]) == 96
    assert "stuurt 120 van de 120 nieuwste berichten naar Beheer" in read(tried) and "… en nog 24" in read(tried)


async def test_rules_are_moved_changed_removed_and_put_back(bot: Bot) -> None:
    beheer = await second_team(bot)
    for key in ("a", "b"):
        await put(bot, Rule(key, beheer, words=(key,)))
    await does(bot, "up", "b")
    assert [rule.key for rule in await rules(bot)] == ["b", "a"]
    await does(bot, "down", "b")
    assert [rule.key for rule in await rules(bot)] == ["a", "b"]
    form = await does(bot, "edit", "a")
    assert "route_words" in action_ids(form)
    await bot.slack.submit(SANNE, {"route_words": "brug", "route_visibility": "private"})
    assert (await bot.slack.submit(SANNE)).ok
    assert (await rules(bot))[0] == Rule("a", beheer, words=("brug",), visibility=Visibility.PRIVATE)
    removed = await does(bot, "remove", "a")
    assert [rule.key for rule in await rules(bot)] == ["b"]
    await changed(bot, SANNE, removed, "settings:undo", str((await bot.rows(Event))[-1].id))
    assert [rule.key for rule in await rules(bot)] == ["a", "b"]
    last = [event for event in await bot.rows(Event) if event.kind == "routing"][-1]
    await put(bot, Rule("c", 1, words=("c",)))
    async with bot.desk.session() as session:
        with pytest.raises(Refused, match="changed again"):
            await routing.put_back(session, last, by=SANNE, now=bot.desk.now())


@pytest.mark.parametrize("meanwhile", ["changed", "removed"])
async def test_a_rule_that_a_colleague_touched_meanwhile_is_not_saved_over_it(sqlite_bot: Bot, meanwhile: str) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await put(bot, Rule("a", beheer, words=("brug",)))
    await does(bot, "edit", "a")
    theirs = [Rule("a", beheer, words=("brug", "sluis"))] if meanwhile == "changed" else []
    async with bot.desk.session() as session:
        if theirs:
            await routing.put(session, 1, theirs[0], by=YOUSSEF, now=bot.desk.now())
        else:
            await routing.remove(session, 1, "a", by=YOUSSEF, now=bot.desk.now())
    await bot.slack.submit(SANNE, {"route_visibility": "private"})
    await bot.slack.submit(SANNE)
    told = await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and "collega" in read(view) and read(view))
    assert "heeft deze regel intussen gewijzigd of verwijderd" in told
    assert await rules(bot) == theirs


async def test_several_rules_are_added_in_one_window(bot: Bot) -> None:
    beheer = await second_team(bot)
    shown = await open_group(bot, SANNE, "routing")
    for words in ("glas", "brug"):
        await changed(bot, SANNE, shown, "route:add", "add")
        await bot.slack.submit(SANNE, {"route_team": str(beheer), "route_words": words})
        await bot.slack.submit(SANNE)
        shown = await changed(bot, SANNE, bot.slack.view(SANNE), "settings:group", "menu")
        shown = await changed(bot, SANNE, shown, "settings:group", "routing")
    assert [rule.words for rule in await rules(bot)] == [("glas",), ("brug",)]


async def test_a_rule_without_a_condition_or_with_odd_words_is_told_at_its_field(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await opens_form(bot)
    for filled, field in (
        ({}, "route_words"),
        ({"route_words": "!!!"}, "route_words"),
        ({"route_words": "glas", "route_languages": "Nederlands"}, "route_languages"),
        ({"route_words": "é" * 1499, "route_languages": "nl"}, "route_words"),
    ):
        ack = await bot.slack.submit(SANNE, {"route_team": str(beheer), **filled})
        assert list(ack.errors) == [field], filled
    assert await rules(bot) == []


async def test_what_a_rule_would_do_shows_no_post_of_a_team_that_one_is_not_in(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await put(bot, Rule("k", beheer, words=("brug",)))
    await mention(bot, 1, "De brug is open.")
    await mention(bot, 2, "Mijn brug en BSN 123456782", private=True)
    await bot.slack.leave(SANNE, BEHEER)
    await bot.slack.leave(YOUSSEF, BEHEER)
    await make_role(bot, SANNE, Role.COORDINATOR)
    await does(bot, "edit", "k")
    await bot.slack.submit(SANNE, {})
    tried = read(bot.slack.view(SANNE))
    assert "stuurt 2 van de 2 nieuwste berichten naar Beheer" in tried and "… en nog 2" in tried
    assert "brug is open" not in tried and "123456782" not in tried


async def test_who_is_no_coordinator_sets_no_rules_and_no_rule_leads_nowhere(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await adds(bot, "glas", beheer)
    assert (await bot.slack.submit(SANNE)).ok  # who set the first is the coordinator now
    await make_role(bot, YOUSSEF, Role.AGENT)
    await bot.slack.open_home(YOUSSEF)
    with pytest.raises(Refused, match="Choose another team"):
        await put(bot, Rule("x", 99, words=("glas",)))
    assert len(await rules(bot)) == 1


async def test_two_who_add_a_rule_at_once_in_two_processes_lose_none(bot: Bot) -> None:
    beheer = await second_team(bot)

    async def add(desk: Any, key: str) -> None:
        async with desk.session() as session:
            await routing.put(session, 1, Rule(key, beheer, words=(key,)), by=SANNE, now=desk.now())

    async with second_desk(bot) as other:
        desks = {"a": bot.desk, "b": other}
        await asyncio.gather(*(add(desks[key], f"{n}{key}") for n in range(4) for key in "ab"))
    assert sorted(rule.key for rule in await rules(bot)) == [f"{n}{key}" for n in range(4) for key in "ab"]
    assert len((await bot.rows(Workspace))[0].routing) == 8


async def test_a_case_made_by_hand_is_for_the_team_in_whose_channel_it_was_made(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    await put(bot, Rule("k", beheer, words=("glas",)))
    message = await bot.slack.post(YOUSSEF, CHANNEL, "Glas! <https://example.org/glas>")
    assert message.message is not None
    await bot.slack.shortcut(SANNE, "make_case", channel=CHANNEL, ts=message.message["ts"])
    await card_in(bot, CHANNEL, "Glas!", "Nieuw")


async def test_a_rule_about_what_is_made_a_case_by_hand_is_not_offered(bot: Bot) -> None:
    await second_team(bot)
    message = await bot.slack.post(YOUSSEF, CHANNEL, "Glas! <https://example.org/glas>")
    assert message.message is not None
    await bot.slack.shortcut(SANNE, "make_case", channel=CHANNEL, ts=message.message["ts"])
    await card_in(bot, CHANNEL, "Glas!", "Nieuw")
    await opens_form(bot)
    form = await open_modal(bot, SANNE, "route:try")
    offered = {name: _offered(form, name) for name in ("route_accounts", "route_platforms")}
    assert offered == {"route_accounts": ["1"], "route_platforms": ["webhook"]}


def _offered(form: dict[str, Any], name: str) -> list[str]:
    [options] = [each["element"]["options"] for each in form["blocks"] if each["block_id"] == name]
    return [each["value"] for each in options]


async def test_what_no_rule_decides_is_not_among_what_a_rule_would_route(bot: Bot) -> None:
    """A case that was made by hand stays where it was made, and what joins a conversation where that is."""
    beheer = await second_team(bot)
    await mention(bot, 1, "Mijn paspoort")
    answer = Post("2", Author("a1", "Burger 1"), "En er ligt glas.", bot.desk.now(), permits=permits(Act.ANSWER),
                  in_reply_to="1")  # fmt: skip
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [answer], now=bot.desk.now())
    message = await bot.slack.post(YOUSSEF, CHANNEL, "Glas! <https://example.org/glas>")
    assert message.message is not None
    await bot.slack.shortcut(SANNE, "make_case", channel=CHANNEL, ts=message.message["ts"])
    await card_in(bot, CHANNEL, "Glas!", "Nieuw")
    await mention(bot, 3, "Nog meer glas")
    assert [case.team_id for case in await bot.rows(Case)] == [1, 1, 1]
    tried = read(await adds(bot, "glas", beheer))
    assert "Deze regel stuurt 1 van de 2 nieuwste berichten naar Beheer." in tried
    assert "Nog meer glas" in tried and "En er ligt glas" not in tried and "Glas!" not in tried


@pytest.mark.parametrize("joins", [{"in_reply_to": "1"}, {"conversation": "c"}])
async def test_what_another_citizen_says_in_a_conversation_is_not_among_what_a_rule_would_route(
    bot: Bot, joins: dict[str, Any]
) -> None:
    beheer = await second_team(bot)
    await mention(bot, 1, "Waar is de brug?", conversation="c")
    more: dict[str, Any] = {"permits": permits(Act.ANSWER), **joins}
    said = Post("2", Author("a2", "Jan"), "Bij mij ligt ook glas.", bot.desk.now(), **more)
    await put(bot, Rule("k", beheer, words=("glas",)))
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [said], now=bot.desk.now())
    assert [case.team_id for case in await bot.rows(Case)] == [1, 1]
    await mention(bot, 3, "Nog meer glas")
    await does(bot, "edit", "k")
    await bot.slack.submit(SANNE, {})
    tried = read(bot.slack.view(SANNE))
    assert "stuurt 1 van de 2 nieuwste berichten naar Beheer" in tried
    assert "Nog meer glas" in tried and "Bij mij ligt ook glas" not in tried


async def test_a_rule_about_an_account_that_was_removed_is_not_about_the_next_one(bot: Bot) -> None:
    """Nor after an undo: SQLite alone would give the next account the same id."""
    beheer = await second_team(bot)
    first = await feed(bot, "proef")
    await put(bot, Rule("r", beheer, accounts=(first,)))
    await put(bot, Rule("s", beheer, accounts=(1, first)))
    async with bot.desk.session() as session:
        assert await accounts.remove(session, await accounts.named(session, "proef"), bot.desk.now())
    async with bot.desk.session() as session:
        assert await routing.of_team(session, 1) == [Rule("s", beheer, accounts=(1,))]
    second = await feed(bot, "burgemeester")
    async with bot.desk.session() as session:
        changes = select(Event).where(Event.kind == EventKind.ROUTING).order_by(col(Event.id).desc())
        await routing.put_back(session, (await session.exec(changes)).all()[0], by=SANNE, now=bot.desk.now())
    async with bot.desk.session() as session:
        post = Post("1", Author("a", "Jan"), "Hallo", bot.desk.now(), permits=permits(Act.ANSWER))
        await inbox.take_in(session, second, [post], now=bot.desk.now())
    assert [case.team_id for case in await bot.rows(Case)] == [1]


async def test_a_rule_about_a_platform_without_accounts_stays_about_it_when_it_is_changed(bot: Bot) -> None:
    beheer = await second_team(bot)
    await feed(bot, "proef")
    await put(bot, Rule("r", beheer, platforms=("feed",), words=("glas",)))
    async with bot.desk.session() as session:
        await accounts.remove(session, await accounts.named(session, "proef"), bot.desk.now())
    assert "1. *Beheer* – RSS · glas" in read(await open_group(bot, SANNE, "routing"))
    await does(bot, "edit", "r")
    await bot.slack.submit(SANNE, {"route_words": "brug"})
    assert (await bot.slack.submit(SANNE)).ok
    assert await rules(bot) == [Rule("r", beheer, platforms=("feed",), words=("brug",))]
    await does(bot, "edit", "r")
    await bot.slack.submit(SANNE, {"route_platforms": []})
    assert (await bot.slack.submit(SANNE)).ok
    assert await rules(bot) == [Rule("r", beheer, words=("brug",))]
    past = read(await open_group(bot, SANNE, "history"))
    assert "RSS · brug" in past and "feed" not in past, "no rule is about it now, and it has no account"


async def test_a_rule_keeps_an_account_that_is_beyond_what_a_menu_holds(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    *_, last = [await feed(bot, f"feed-{n}") for n in range(101)]
    await put(bot, Rule("r", beheer, accounts=(last,), words=("glas",)))
    await does(bot, "edit", "r")
    await bot.slack.submit(SANNE, {"route_words": "brug"})
    assert (await bot.slack.submit(SANNE)).ok
    assert await rules(bot) == [Rule("r", beheer, accounts=(last,), words=("brug",))]


async def feed(bot: Bot, name: str) -> int:
    async with bot.desk.session() as session:
        row = await accounts.add(
            session, bot.desk.settings, platform="feed", name=name, url=f"https://x.example/{name}", secrets={},
            options={}, now=bot.desk.now(),
        )  # fmt: skip
        return row.id
