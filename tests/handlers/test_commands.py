"""What agents ask beside the cards: the command /webcare, and the shortcut that makes a case of a message."""

import asyncio

import pytest

from bot import cases
from bot.domain.case import Status
from bot.domain.queue import Filter, Which
from bot.models import Account, Agent, Case, Mention, Role, Team
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.team import teams
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import (
    BEHEER,
    answer,
    asked,
    card_in,
    changed,
    claim_in_two_teams,
    make_role,
    mention,
    open_group,
    read,
    second_team,
    settings,
    square_texts,
)

ELSEWHERE = "C0ALGEMEEN"


# --- /webcare ------------------------------------------------------------------------------------


async def test_the_command_alone_says_what_can_be_asked(sqlite_bot: Bot) -> None:
    for command in ("/webcare", "/webcare help", "/webcare ???"):
        told = await asked(sqlite_bot, SANNE, command)
        assert "/webcare open" in told
        assert "/webcare initialen" in told
    assert sqlite_bot.slack.messages(CHANNEL) == []


async def test_nothing_waits(sqlite_bot: Bot) -> None:
    assert "Er wacht niets" in await asked(sqlite_bot, SANNE, "/webcare open")


async def test_open_lists_what_waits_with_who_has_it_a_link_and_a_button(bot: Bot) -> None:
    bot.citizen_posts("Eerste <!channel> *vraag*")
    first = await bot.card("Eerste")
    bot.citizen_posts("Tweede vraag", name="Kees")
    second = await bot.card("Tweede")
    bot.citizen_posts("Derde vraag", name="Noor")
    third = await bot.card("Derde")
    await bot.slack.click(YOUSSEF, CHANNEL, second["ts"], "case:claim")
    await bot.card("Tweede", "In behandeling")
    await answer(bot, SANNE, third, "Kijk eens hier")
    await bot.card("Derde", "*Beantwoord*")

    told = await asked(bot, SANNE, "/webcare OPEN")
    head, *rest = told.splitlines()
    rows = rest[next(n for n, line in enumerate(rest) if line.startswith("Zaak ")) :]  # after the filters
    lines = [" ".join(rows[:3]), " ".join(rows[3:6])]  # each is two lines and a button
    assert " 2 " in head and len(rows) == 8, "the last two are the buttons of the list"
    assert "Eerste" in lines[0] and "nog niemand" in lines[0] and "Oppakken" in lines[0]
    assert "Tweede" in lines[1] and f"<@{YOUSSEF}>" in lines[1] and "Beantwoorden" in lines[1]
    for card, line in zip((first, second), lines, strict=True):
        assert f"/archives/{CHANNEL}/p{card['ts'].replace('.', '')}|kaart>" in line
    assert "<!channel>" not in told
    assert "*vraag*" not in told


async def test_open_shows_a_case_whose_card_slack_does_not_have_yet(sqlite_bot: Bot) -> None:
    sqlite_bot.slack.faults.status("chat.postMessage", 503)
    sqlite_bot.citizen_posts("Nog zonder kaart")
    await sqlite_bot.slack.wait_for(lambda: sqlite_bot.slack.calls("chat.postMessage"))
    assert "Nog zonder kaart" in await asked(sqlite_bot, SANNE, "/webcare open")


async def test_a_list_of_several_teams_names_the_team_of_each_case(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await claim_in_two_teams(bot)
    of_both = ("Zaak 1 (Webcare) · *Burger 1*", "Zaak 1 (Beheer) · *Burger 2*")
    for command, channel in (("mijn", CHANNEL), ("mijn", ELSEWHERE), ("open", ELSEWHERE), ("zoek bericht", ELSEWHERE)):
        told = (await asked(bot, SANNE, f"/webcare {command}", channel)).replace("\u2068", "").replace("\u2069", "")
        assert all(each in told for each in of_both), command
    [*_, shown] = bot.slack.ephemerals(SANNE, ELSEWHERE)
    heard = [each["accessibility_label"] for _, each in elements(shown["blocks"]) if each["action_id"] == "case:answer"]
    assert sorted(heard) == ["Beantwoorden: Zaak 1 (Beheer)", "Beantwoorden: Zaak 1 (Webcare)"]
    for command in ("open", "zoek bericht"):
        assert "Zaak 1 · " in await asked(bot, SANNE, f"/webcare {command}")


async def test_initials_are_chosen_once_for_each_and_sign_what_is_sent(bot: Bot) -> None:
    assert "^SB" in await asked(bot, SANNE, "/webcare initialen ^sb ")
    assert f"<@{SANNE}>" in await asked(bot, YOUSSEF, "/webcare initialen SB")
    assert "^YA" in await asked(bot, YOUSSEF, "/webcare initials ya")
    assert "^SDB" in await asked(bot, SANNE, "/webcare initialen SdB")
    assert {(a.slack_id, a.initials) for a in await agents(bot)} == {(SANNE, "SDB"), (YOUSSEF, "YA")}
    bot.citizen_posts("Wie tekent dit?")
    await answer(bot, SANNE, await bot.card("tekent"), "Ik")
    await bot.slack.wait_for(lambda: square_texts(bot))
    assert square_texts(bot) == ["Ik ^SDB"]


async def test_initials_that_are_none_are_refused_kindly(sqlite_bot: Bot) -> None:
    for wanted in ("", "1", "ABCDE", "S B", "<@U0SANNE>", "Ö"):
        told = await asked(sqlite_bot, SANNE, f"/webcare initialen {wanted}")
        assert "één tot vier letters" in told
    assert await agents(sqlite_bot) == []


async def agents(bot: Bot) -> list[Agent]:
    async with bot.desk.reading() as session:
        return [a for each in (SANNE, YOUSSEF, MARIEKE) if (a := await session.get(Agent, (1, each)))]


# --- The shortcut --------------------------------------------------------------------------------


async def shortcut(bot: Bot, text: str, *, person: str = SANNE, channel: str = CHANNEL) -> str:
    """Write a message, choose "make a case" on it, and return what the modal then says."""
    posted = await bot.slack.post(person, channel, text)
    assert posted.message
    ack = await bot.slack.shortcut(person, "make_case", channel=channel, ts=posted.message["ts"])
    assert ack.ok, ack
    view = await bot.slack.wait_for(lambda: (view := bot.slack.view(person)) and view["callback_id"] == "said" and view)
    await bot.slack.close_view(person)
    return text_of(view)


async def test_a_message_with_a_link_becomes_a_case_that_is_opened_on_the_platform(bot: Bot) -> None:
    told = await shortcut(bot, "Zie <https://forum.example.nl/t/12?a=1&amp;b=2|dit bericht> over de markt")
    assert "gemaakt" in told
    card = await bot.card("over de markt", "Nieuw")
    assert "dit bericht over de markt" in text_of(card)
    assert "case:open" in action_ids(card)
    assert "case:answer" not in action_ids(card)
    (mention,) = await bot.rows(Mention)
    assert mention.url == "https://forum.example.nl/t/12?a=1&b=2"


async def test_a_message_without_a_link_becomes_no_case(sqlite_bot: Bot) -> None:
    for text in ("Kijk eens op de markt", "<@U0SANNE> zie <#C0WEBCARE|webcare>", "<mailto:a@b.nl|a@b.nl>"):
        assert "geen link" in await shortcut(sqlite_bot, text)
    assert await sqlite_bot.rows(Case) == []


async def test_the_same_link_twice_is_one_case(bot: Bot) -> None:
    await shortcut(bot, "<https://forum.example.nl/t/12> kan iemand kijken")
    assert "al een zaak" in await shortcut(bot, "Dit ook: <https://forum.example.nl/t/12>", person=YOUSSEF)
    assert len(await bot.rows(Case)) == 1
    assert len(await bot.rows(Mention)) == 1


async def test_a_case_made_in_a_channel_that_is_no_teams_goes_to_the_first_team(sqlite_bot: Bot) -> None:
    told = await shortcut(sqlite_bot, "<https://forum.example.nl/t/13> in het algemeen", channel=ELSEWHERE)
    assert "gemaakt" in told
    await sqlite_bot.card("in het algemeen")
    assert sqlite_bot.slack.messages(ELSEWHERE)[-1]["user"] == SANNE


async def test_a_case_made_in_a_teams_channel_is_that_teams(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
    await shortcut(bot, "<https://forum.example.nl/t/14> kapotte stoep", channel="C0ESCALATIE")
    card = await bot.slack.wait_for(
        lambda: [m for m in bot.slack.messages("C0ESCALATIE") if m.get("blocks") and "Nieuw" in text_of(m)]
    )
    assert "kapotte stoep" in text_of(card[0])
    assert bot.cards() == []


async def renamed(bot: Bot, team_id: int, name: str) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, team_id, {"name": name}, by=SANNE, now=bot.desk.now())


async def test_a_case_is_made_in_a_team_that_took_the_name_which_another_had_before(bot: Bot) -> None:
    await shortcut(bot, "<https://forum.example.nl/t/16> kapotte lamp")
    await renamed(bot, 1, "Gemeente")
    wegen = await second_team(bot, "Webcare")
    assert "gemaakt" in await shortcut(bot, "<https://forum.example.nl/t/17> losse tegel", channel=BEHEER)
    await card_in(bot, BEHEER, "losse tegel", "Slack (Webcare)")
    await renamed(bot, 1, "Tijdelijk")
    await renamed(bot, wegen, "Gemeente")
    await renamed(bot, 1, "Webcare")
    assert "gemaakt" in await shortcut(bot, "<https://forum.example.nl/t/18> natte kelder")
    await bot.card("natte kelder", "Slack (Webcare)")
    assert {each.team_id: each.name for each in await bot.rows(Account) if each.platform == "manual"} == {
        1: "Slack (Webcare)", wegen: "Slack (Gemeente)"
    }  # fmt: skip


async def test_two_who_make_the_first_case_by_hand_at_once_both_make_it(bot: Bot) -> None:
    for number, person in enumerate((SANNE, YOUSSEF)):
        posted = await bot.slack.post(person, CHANNEL, f"<https://forum.example.nl/t/{number}> lantaarn {number}")
        assert posted.message
    first, second = (await bot.slack.wait_for(lambda: len(m := bot.slack.messages(CHANNEL)) == 2 and m))[-2:]
    await asyncio.gather(
        bot.slack.shortcut(SANNE, "make_case", channel=CHANNEL, ts=first["ts"]),
        bot.slack.shortcut(YOUSSEF, "make_case", channel=CHANNEL, ts=second["ts"]),
    )
    for number in range(2):
        await bot.card(f"lantaarn {number}", "Nieuw")
    assert [each.name for each in await bot.rows(Account) if each.platform == "manual"] == ["Slack (Webcare)"]


async def test_the_account_of_hand_made_cases_is_called_as_its_team_once_that_gets_another_name(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await shortcut(bot, "<https://forum.example.nl/t/20> scheve paal")
    await open_group(bot, SANNE, "team")
    assert not (await bot.slack.submit(SANNE, {"name": "Gemeente"})).errors
    assert await manual_names(bot) == ["Slack (Gemeente)"]
    shown = bot.slack.view(SANNE)
    assert shown is not None
    await changed(bot, SANNE, shown, "settings:undo")
    assert await manual_names(bot) == ["Slack (Webcare)"]


async def manual_names(bot: Bot) -> list[str]:
    return [each.name for each in await bot.rows(Account) if each.platform == "manual"]


async def test_a_case_made_by_hand_is_handled_like_any_other(bot: Bot) -> None:
    await shortcut(bot, "<https://forum.example.nl/t/15> hondenpoep")
    card = await bot.card("hondenpoep", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("hondenpoep", "In behandeling")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "close:1")
    await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and v["callback_id"] == "case:close")
    ack = await bot.slack.submit(SANNE, {"close_reason": "answered_elsewhere"})
    assert ack.ok and not ack.errors
    await bot.card("Afgesloten")
    assert (await bot.case()).status is Status.CLOSED


# --- figures, lists, presence --------------------------------------------------------------------


async def test_stats_tell_the_figures_and_can_be_shared_in_the_channel(bot: Bot) -> None:
    bot.citizen_posts("Eerste vraag")
    card = await bot.card("Eerste vraag")
    await answer(bot, SANNE, card, "Kijk op de site")
    await bot.card("*Beantwoord*")
    told = await asked(bot, SANNE, "/webcare stats week")
    assert "Webcare" in told
    shown = bot.slack.ephemerals(SANNE, CHANNEL)[-1]
    assert "figures:share" in action_ids(shown)
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "figures:share")
    await bot.card("Cijfers")
    assert "figures:share" not in action_ids(bot.cards()[-1])


async def test_a_period_or_team_that_is_none_is_told_kindly(sqlite_bot: Bot) -> None:
    assert "begrijp" in await asked(sqlite_bot, SANNE, "/webcare stats gisterennacht")


async def test_the_digest_can_be_asked_for(bot: Bot) -> None:
    assert "Webcare" in await asked(bot, SANNE, "/webcare digest")


async def test_mine_and_search_list_what_they_say(bot: Bot) -> None:
    bot.citizen_posts("Mijn paspoort is kwijt")
    card = await bot.card("paspoort")
    bot.citizen_posts("100% onzin_hier", name="Kees")
    await bot.card("onzin")
    assert "Hier is niets" in await asked(bot, SANNE, "/webcare mijn")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("paspoort", "In behandeling")
    assert "paspoort" in await asked(bot, SANNE, "/webcare mijn")
    assert "Fatima" in await asked(bot, SANNE, "/webcare zoek PASPOORT")
    assert "Kees" in await asked(bot, SANNE, "/webcare zoek 100% onzin_")
    assert "Niets gevonden" in await asked(bot, SANNE, "/webcare zoek p_spoort")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("zoek\u00a0paspoort", "Burger 1"),
        ("zoek\u202f“Zaak\u00a01”", "Burger 1"),
        ("„zoek”\u3000paspoort", "Burger 1"),
        ("\ufeffzoek\u200b paspoort", "Burger 1"),
        ("zoek\npaspoort", "Burger 1"),
        ("stats\u00a0vorige\u00a0week\u00a0‘s-hertogenbosch", "'s-Hertogenbosch"),
        ("stats “’s-Hertogenbosch”", "'s-Hertogenbosch"),
        ("stats 2026‑11‑01..2026–11–02", "'s-Hertogenbosch"),
        ("weg\u00a0'terug'", "Welkom terug"),
        ("initialen\u00a0^SB", "^SB"),
    ],
)  # fmt: skip
async def test_any_kind_of_space_quote_or_dash_in_a_command_is_understood(
    sqlite_bot: Bot, typed: str, says: str
) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"name": "'s-Hertogenbosch"}, by=SANNE, now=bot.desk.now())
    await mention(bot, 1, "Mijn paspoort is kwijt")
    assert says in await asked(bot, SANNE, f"/webcare {typed}")


async def test_a_team_with_an_ampersand_is_found_by_its_name_and_what_is_refused_is_shown_as_typed(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"name": "Bouw & Milieu"}, by=SANNE, now=bot.desk.now())
    assert "Bouw &amp; Milieu" in await asked(bot, SANNE, "/webcare stats week Bouw &amp; Milieu")
    told = await asked(bot, SANNE, "/webcare stats week B&amp;M &lt;!channel&gt;")
    assert "B&amp;M &lt;!channel&gt;" in told and "<!channel>" not in told


async def test_a_list_can_be_shared_in_the_channel(bot: Bot) -> None:
    bot.citizen_posts("Waar | hoe laat is de markt?")
    await bot.card("markt")
    for words in ("open", "zoek waar | hoe"):
        assert "markt" in await asked(bot, SANNE, f"/webcare {words}")
        shown = bot.slack.ephemerals(SANNE, CHANNEL)[-1]
        await bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:share")
        await bot.card("Er wacht 1 zaak" if words == "open" else "1 zaak gevonden", "Fatima", "Zaak 1")
        assert "list:share" not in action_ids(bot.cards()[-1]) and "markt" not in text_of(bot.cards()[-1])


async def shared(bot: Bot, wanted: Filter) -> str:
    """Ask for the list of open cases, filter it, share it in the channel, and return what is read there."""
    await asked(bot, SANNE, "/webcare open")
    listed, before = bot.slack.ephemerals(SANNE, CHANNEL)[-1], len(bot.slack.messages(CHANNEL))
    if wanted != Filter():
        menu = "list:where" if wanted.where else "list:which"
        await bot.slack.click(SANNE, CHANNEL, listed["ts"], menu, wanted.to_text())
        await bot.slack.wait_for(lambda: wanted.to_text() in str(bot.slack.ephemerals(SANNE, CHANNEL)[-1]))
    await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:share")
    [posted] = await bot.slack.wait_for(lambda: bot.slack.messages(CHANNEL)[before:])
    return read(posted)


async def test_a_shared_list_says_how_many_private_cases_it_leaves_out_and_never_that_nothing_waits(
    office: Bot,
) -> None:
    assert "Er wacht niets. 🎉" in await shared(office, Filter())
    await mention(office, 1, "Mijn kenmerk is 12", private=True)
    told = await shared(office, Filter())
    assert "*Er wacht 1 zaak*" in told and "🎉" not in told
    assert "Privéberichten worden niet in een kanaal getoond: 1 zaak staat niet in deze lijst." in told
    await mention(office, 2, "Mijn kenmerk is 13", private=True)
    await mention(office, 3, "Waar is het loket?")
    told = await shared(office, Filter())
    assert "*Er wachten 3 zaken*" in told and "Zaak 3" in told and "Zaak 2" not in told
    assert "2 zaken staan niet in deze lijst" in told
    await asked(office, SANNE, "/webcare zoek loket")
    listed, before = office.slack.ephemerals(SANNE, CHANNEL)[-1], len(office.slack.messages(CHANNEL))
    await office.slack.click(SANNE, CHANNEL, listed["ts"], "list:share")
    [posted] = await office.slack.wait_for(lambda: office.slack.messages(CHANNEL)[before:])
    assert "Privéberichten" not in read(posted), "nothing was left out"


async def test_who_has_no_cases_is_not_offered_to_share_that(sqlite_bot: Bot) -> None:
    assert "Hier is niets." in await asked(sqlite_bot, SANNE, "/webcare mijn")
    assert "list:share" not in action_ids(sqlite_bot.slack.ephemerals(SANNE, CHANNEL)[-1])


async def test_a_shared_list_names_its_filter(office: Bot) -> None:
    await settings(office, topics=["Afval"])
    for number in range(1, 6):
        await mention(office, number)
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=office.desk.now())
        await cases.set_topic(session, 2, topic="Afval", by=SANNE, now=office.desk.now())
    for wanted, head in (
        (Filter(Which.MINE, SANNE), f"*Van <@{SANNE}>* (1)"),
        (Filter(Which.UNOWNED), "*Van niemand* (4)"),
        (Filter(Which.LATE), "*Te laat* (0)"),
        (Filter(where="topic:Afval"), "*Alle open zaken · Onderwerp: Afval* (1)"),
    ):
        told = await shared(office, wanted)
        assert told.startswith(head) and "wacht 1 zaak" not in told, told


@pytest.mark.parametrize("words", ["open", "mijn", "zoek paspoort", "cijfers", "dagoverzicht"])
async def test_nothing_is_shared_in_a_channel_that_is_no_teams(sqlite_bot: Bot, words: str) -> None:
    bot = sqlite_bot
    await second_team(bot)
    await bot.slack.join(bot.slack.app.user_id, ELSEWHERE)
    await mention(bot, text="Waar is mijn paspoort?")
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    for channel, offered in ((CHANNEL, True), (ELSEWHERE, False)):
        await asked(bot, SANNE, f"/webcare {words}", channel)
        shown = action_ids(bot.slack.ephemerals(SANNE, channel)[-1])
        assert bool({"list:share", "figures:share"} & set(shown)) is offered, channel


async def test_figures_are_shared_only_in_the_channel_of_their_team(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await second_team(bot)
    for channel, theirs in ((CHANNEL, "Webcare"), (BEHEER, "Beheer")):
        for team in ("Webcare", "Beheer", "alle"):
            assert "Cijfers van" in await asked(bot, SANNE, f"/webcare cijfers vandaag {team}", channel)
            shown = bot.slack.ephemerals(SANNE, channel)[-1]
            assert ("figures:share" in action_ids(shown)) is (team == theirs), (channel, team)


@pytest.mark.parametrize(
    ("words", "button", "told"),
    [
        ("open", "list:share", "Je deelt een lijst alleen in het kanaal van het team"),
        ("cijfers", "figures:share", "Je deelt cijfers alleen in het kanaal van het team"),
    ],
)
async def test_a_button_to_share_does_nothing_in_what_is_the_teams_channel_no_more(
    sqlite_bot: Bot, words: str, button: str, told: str
) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.AGENT)
    await mention(bot)
    await asked(bot, SANNE, f"/webcare {words}")
    shown, before = bot.slack.ephemerals(SANNE, CHANNEL)[-1], len(bot.slack.messages(CHANNEL))
    async with bot.desk.session() as session:
        (await session.get_one(Team, 1)).channel = ELSEWHERE
    assert (await bot.slack.click(SANNE, CHANNEL, shown["ts"], button)).ok
    await bot.slack.wait_for(lambda: told in text_of(bot.slack.ephemerals(SANNE, CHANNEL)[-1]))
    assert len(bot.slack.messages(CHANNEL)) == before and not bot.slack.messages(ELSEWHERE)


async def test_the_export_comes_as_a_file_to_the_one_who_asks(bot: Bot) -> None:
    bot.citizen_posts("=1+1 is een vraag")
    await bot.card("een vraag")
    assert "directe berichten" in await asked(bot, SANNE, "/webcare export week")
    [message] = bot.slack.direct(SANNE)
    [file] = message["files"]
    assert file["name"].endswith(".csv")


@pytest.mark.parametrize(
    ("period", "first_and_last"),
    [("2026-03-29", "2026-03-29-2026-03-29"), ("2026-12-28..2027-01-03", "2026-12-28-2027-01-03")],
)
async def test_the_file_is_named_by_the_first_and_the_last_day_that_are_in_it(
    sqlite_bot: Bot, period: str, first_and_last: str
) -> None:
    await asked(sqlite_bot, SANNE, f"/webcare export {period}")
    [message] = sqlite_bot.slack.direct(SANNE)
    assert [file["name"] for file in message["files"]] == [f"webcare-{first_and_last}.csv"]


async def test_an_unknown_word_gets_the_nearest_command(sqlite_bot: Bot) -> None:
    assert "Bedoelde je `/webcare digest`" in await asked(sqlite_bot, SANNE, "/webcare diges")


async def test_one_who_goes_away_can_hand_the_cases_back(bot: Bot) -> None:
    bot.citizen_posts("Wie neemt dit over?")
    card = await bot.card("neemt dit over")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling", SANNE)
    assert "nog 1 zaak" in await asked(bot, SANNE, "/webcare weg")
    shown = bot.slack.ephemerals(SANNE, CHANNEL)[-1]
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "agent:hand_back")
    await bot.card("neemt dit over", "Nieuw")
    assert "Welkom terug" in await asked(bot, SANNE, "/webcare weg terug")
    assert "dienst" in await asked(bot, YOUSSEF, "/webcare dienst")


async def test_settings_open_by_command(sqlite_bot: Bot) -> None:
    await sqlite_bot.slack.command(MARIEKE, CHANNEL, "/webcare instellingen")
    view = await sqlite_bot.slack.wait_for(lambda: sqlite_bot.slack.view(MARIEKE))
    assert view


async def test_the_question_to_one_who_came_back_says_so_when_its_button_is_clicked(bot: Bot) -> None:
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
    await asked(bot, SANNE, "/webcare weg")
    [question] = bot.slack.ephemerals(SANNE, CHANNEL)
    await asked(bot, SANNE, "/webcare weg terug")
    await bot.slack.click(SANNE, CHANNEL, question["ts"], "agent:hand_back")
    question, _, told = bot.slack.ephemerals(SANNE, CHANNEL)
    assert "Je bent er weer" in text_of(question) and action_ids(question) == []
    assert "Mijn zaken overdragen" in text_of(told)
    assert (await bot.case(case_id)).assignee == SANNE
