"""The past changes of a team's settings: who changed what and when, page by page; and undoing one of them."""

from bot.domain.routing import Rule
from bot.models import Event, Role, Team
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.team import agents, history, routing, teams
from tests.conftest import MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import changed, open_group, settings_of

BESIDE = "C0ESCALATIE"


def rows(view: dict) -> list[str]:
    """The changes that a page shows."""
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]


async def change(bot: Bot, by: str = SANNE, team_id: int = 1, **settings: object) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, team_id, settings, by=by, now=bot.desk.now())


async def test_a_coordinator_reads_who_changed_what_from_old_to_new_and_undoes_it_there(bot: Bot) -> None:
    await open_group(bot, SANNE, "reminders")
    await bot.slack.submit(SANNE, {"claim_reminder": "45"})
    await open_group(bot, SANNE, "hours")
    await bot.slack.submit(SANNE, {"day_0": "09:00-12:00", "day_5": "10:00-12:00"})
    await open_group(bot, SANNE, "reasons")
    await bot.slack.submit(SANNE, {"topics": "Afval\nWegen", "standard_reasons": ["not_for_us"]})
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE], "role_readers": [MARIEKE]})
    await change(bot, "", topics=["Wegen", "Groen"])

    shown = await open_group(bot, SANNE, "history")
    said = rows(shown)
    assert all(row.startswith(f"<@{SANNE}> · ") for row in said[1:])
    assert said[0].startswith("De beheerder van de bot · ")
    assert [row.split("\n")[1] for row in said] == [
        "Onderwerpen: erbij: ⁨Groen⁩ · weg: ⁨Afval⁩",
        f"<@{MARIEKE}>: geen eigen rol → lezer",
        "Standaardredenen om af te sluiten: weg: elders beantwoord, geen antwoord nodig, spam",
        "Onderwerpen: niets → ⁨Afval⁩, ⁨Wegen⁩",
        "Openingstijden: Maandag 09:00-17:00 → 09:00-12:00 · Zaterdag gesloten → 10:00-12:00",
        "Herinnering aan een opgepakte zaak: 30 → 45",
        f"<@{SANNE}>: geen eigen rol → coördinator",
    ]
    undo = [block["accessory"]["value"] for block in shown["blocks"] if "accessory" in block]
    assert len(undo) == 6, "the older change of the topics cannot be undone any more"
    told = await changed(bot, SANNE, shown, "settings:undo", undo[-2])
    assert "Teruggezet" in text_of(told) and "45 → 30" in text_of(told)
    assert (await settings_of(bot)).claim_reminder == 30
    assert "45 → 30" in rows(await open_group(bot, SANNE, "history"))[0]


async def test_words_in_capitals_are_shown_as_words_and_ids_as_what_they_name(bot: Bot) -> None:
    await change(
        bot, name="GEMEENTE", topics=["GROENAFVAL"], signal_words=["WATEROVERLAST"], close_reasons=["SUBSIDIE"]
    )
    await change(bot, escalation_channel="C0ESCALATIE", coordinators=[SANNE], duty_group="S0DIENST")
    assert [row.split("\n")[1] for row in rows(await open_group(bot, SANNE, "history"))[1:]] == [
        "Gebruikersgroep die de dienst volgt: niets → <!subteam^S0DIENST>",
        f"Wie als coördinator bericht krijgt: niets → <@{SANNE}>",
        "Kanaal voor zaken die veel te laat zijn: niets → <#C0ESCALATIE>",
        "Eigen redenen om af te sluiten: niets → ⁨SUBSIDIE⁩",
        "Woorden waarmee een nieuw bericht voorgaat: niets → ⁨WATEROVERLAST⁩",
        "Onderwerpen: niets → ⁨GROENAFVAL⁩",
        "Naam: ⁨Webcare⁩ → ⁨GEMEENTE⁩",
    ]


async def changes_all(bot: Bot) -> list[Event]:
    """One change of each kind: a setting, a role, initials, and the routing."""
    async with bot.desk.session() as session:
        by, now = SANNE, bot.desk.now()
        done = await teams.change(session, 1, {"claim_reminder": 45}, by=by, now=now)
        done += await agents.set_roles(session, 1, {Role.COORDINATOR: [SANNE], Role.READER: [MARIEKE]}, by=by, now=now)
        done += await agents.correct_initials(session, 1, YOUSSEF, "YA", by=by, now=now)
        return done + await routing.put(session, 1, Rule("k", 1, words=("glas",)), by=by, now=now)


async def test_a_second_click_on_undo_finds_it_undone_and_changes_nothing(bot: Bot) -> None:
    await open_group(bot, SANNE, "hours")
    done = await changes_all(bot)
    assert len(done) == 4
    for event in done:
        shown = await open_group(bot, SANNE, "history")
        told = await changed(bot, SANNE, shown, "settings:undo", str(event.id))
        count = len(await bot.rows(Event))
        again = bot.slack.view(SANNE)
        for block in again["blocks"]:
            if "accessory" in block:
                block["accessory"]["value"] = str(event.id)  # as the modal held it that was clicked twice
        again = await changed(bot, SANNE, again, "settings:undo", str(event.id))
        assert "Teruggezet" in text_of(told) and text_of(again) == text_of(told)
        assert len(await bot.rows(Event)) == count


async def test_all_changes_are_there_page_by_page(bot: Bot) -> None:
    await open_group(bot, SANNE, "hours")
    for minutes in range(1, 2 * history.PER_PAGE + 1):
        await change(bot, claim_return=minutes + 100)
    shown, read = await open_group(bot, SANNE, "history"), []
    while "history:older" in action_ids(shown):
        read += rows(shown)
        shown = await changed(bot, SANNE, shown, "history:older")
    read += rows(shown)
    assert len(read) == 2 * history.PER_PAGE + 1, "each once, and the role of the one who looks"
    assert f"→ {2 * history.PER_PAGE + 100}" in read[0] and "coördinator" in read[-1]
    newer = await changed(bot, SANNE, shown, "history:newer")
    assert rows(newer) == read[history.PER_PAGE : 2 * history.PER_PAGE]


async def test_a_team_reads_its_own_past_and_the_routing_of_all(bot: Bot) -> None:
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel=BESIDE, created_at=bot.desk.now()))
    await change(bot, team_id=2, claim_reminder=77)
    async with bot.desk.session() as session:
        await agents.name_coordinator(session, 2, YOUSSEF, now=bot.desk.now())
        rule = Rule("k", 2, words=("<!channel>",))
        [event] = await routing.put(session, 2, rule, by=YOUSSEF, now=bot.desk.now())
    shown = await open_group(bot, SANNE, "history")
    [own, routed] = rows(shown)
    assert "coördinator" in own and routed.startswith(f"<@{YOUSSEF}> · ")
    assert "Verdeling over teams: niets → *⁨Wegen⁩* – ⁨&lt;!channel&gt;⁩" in routed
    told = await changed(bot, SANNE, shown, "settings:undo", str(event.id))
    assert "*⁨Wegen⁩* – ⁨&lt;!channel&gt;⁩ → niets" in text_of(told)
    async with bot.desk.reading() as session:
        assert await routing.of_team(session, 2) == []


async def test_another_teams_change_is_not_undone(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel=BESIDE, created_at=bot.desk.now()))
    await change(bot, team_id=2, claim_reminder=77)
    shown = await open_group(bot, SANNE, "history")
    first = next(block for block in shown["blocks"] if "accessory" in block)
    first["accessory"]["value"] = "1"  # as a made-up click would hold it
    told = await changed(bot, SANNE, shown, "settings:undo", "1")
    assert "niet meer bekend" in text_of(told)
