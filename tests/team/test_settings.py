"""What a team sets for itself, in Slack: by its coordinators, told at the field what is wrong, logged, undoable."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cases import inbox
from bot.domain.holidays import HOLIDAYS
from bot.domain.hours import is_open
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.sla import Recipient
from bot.domain.text import Wrong
from bot.models import Clock, Event, Role, Team
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.team import forms
from bot.team.settings import LadderStep, Norm, TeamSettings
from bot.texts import Texts
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import changes, home, make_role, open_group, open_modal, settings, settings_of, square_texts

DUTCH = Texts("nl", "Europe/Amsterdam")


async def test_the_first_who_opens_the_settings_becomes_coordinator_and_the_next_is_told_who(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await bot.slack.open_home(YOUSSEF)
    await home(bot, YOUSSEF, "nog geen coördinator")
    await open_group(bot, SANNE, "hours")
    await bot.slack.click_in_view(YOUSSEF, "settings:open")
    told = await bot.slack.wait_for(
        lambda: (view := bot.slack.view(YOUSSEF)) and "Alleen een coördinator" in text_of(view) and view
    )
    assert f"<@{SANNE}>" in text_of(told)
    await bot.slack.wait_for(lambda: "settings:open" not in action_ids(bot.slack.home(YOUSSEF) or {}))


async def test_opening_hours_are_changed_logged_and_put_back(bot: Bot) -> None:
    await open_group(bot, SANNE, "hours")
    ack = await bot.slack.submit(SANNE, {"day_0": "9:00 – 12:00, 13:00-17:00", "day_5": "22:00-06:00"})
    assert ack.ok and not ack.errors, ack.errors
    week = (await settings_of(bot)).week
    assert week[0] == [("09:00", "12:00"), ("13:00", "17:00")]
    assert week[5] == [("22:00", "06:00")]
    [change] = await changes(bot)
    assert (change["field"], change["before"][0]) == ("week", [["09:00", "17:00"]])
    assert [event.by for event in await bot.rows(Event) if event.kind == "settings"] == [SANNE]

    assert "Opgeslagen" in text_of(bot.slack.view(SANNE))
    assert "Zaterdag gesloten → 22:00-06:00 de volgende dag" in text_of(bot.slack.view(SANNE)), "not a slip"
    saved = bot.slack.view(SANNE)["hash"]
    await bot.slack.click_in_view(SANNE, "settings:undo")
    await bot.slack.wait_for(lambda: bot.slack.view(SANNE)["hash"] != saved)
    assert "↩️ Teruggezet." in text_of(bot.slack.view(SANNE))
    assert (await settings_of(bot)).week == TeamSettings().week
    assert len(await changes(bot)) == 2


async def test_what_was_changed_again_since_is_not_put_back(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "reminders")
    await bot.slack.submit(SANNE, {"claim_reminder": "45"})
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = {**team.settings, "claim_reminder": 60}
        session.add(team)
    await bot.slack.click_in_view(SANNE, "settings:undo")
    await bot.slack.wait_for(lambda: "nog eens gewijzigd" in text_of(bot.slack.view(SANNE)))
    assert (await settings_of(bot)).claim_reminder == 60


async def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "hours")
    ack = await bot.slack.submit(SANNE, {"day_0": "9 tot 5", "day_1": "10:00-12:00", "day_2": "25:00-26:00"})
    assert set(ack.errors) == {"day_0", "day_2"}
    assert "09:00-12:00, 13:00-17:00" in ack.errors["day_0"]
    held = bot.slack.view(SANNE)["state"]["values"]
    assert [held[f"day_{n}"][f"day_{n}"]["value"] for n in (0, 1)] == ["9 tot 5", "10:00-12:00"]
    assert await changes(bot) == []


@pytest.mark.parametrize(
    ("group", "field", "words"),
    [
        ("closed", "closed_days", "24 december"),
        ("closed", "closed_days", "2026-02-30"),
        ("closed", "early_closings", "2026-12-24"),
        ("closed", "early_closings", "2026-12-24 25:00"),
        ("norms", "norm_resolution", "een uur"),
        ("norms", "urgent_first_reaction", "0"),
        ("norms", "private_first_reaction", "5"),
        ("reminders", "ladder", "80 burgemeester"),
        ("reminders", "ladder", "veel eigenaar"),
        ("reminders", "claim_return", "99999999"),
        ("reminders", "digest_at", "negen uur"),
        ("team", "name", "a" * 61),
        ("team", "time_zone", "Amsterdam"),
        ("team", "time_zone", "Europe"),
        ("reasons", "close_reasons", "Elders beantwoord"),
        ("reasons", "close_reasons", "SPAM"),
        ("reasons", "close_reasons", "x" * 61),
        ("reasons", "close_reasons", "\n".join(map(str, range(11)))),
        ("reasons", "topics", "\n".join(map(str, range(99)))),
        ("card", "signal_words", "vuurwerk*\n🔥"),
        ("card", "signal_words", "*"),
    ],
)
def test_what_cannot_be_read_is_refused(group: str, field: str, words: str) -> None:
    filled = {**forms.written(TeamSettings(), DUTCH), "name": "Webcare", field: words}
    with pytest.raises(Wrong) as wrong:
        forms.read(group, filled, DUTCH)
    assert all(name.split("_")[0] == field.split("_")[0] for name in wrong.value.fields)
    assert all(DUTCH(said) for said in wrong.value.fields.values())


async def test_days_norms_and_reminders_are_set(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "closed")
    days = {
        "closed_days": "27‑04‑2027\n2026-12-31\n",
        "early_closings": "2026-12-24\u00a015:00",
        "holidays_0": ["Koningsdag"],
    }
    assert not (await bot.slack.submit(SANNE, days)).errors
    await open_group(bot, SANNE, "norms")
    norms = {"norm_first_reaction": "30", **{f"private_{name}": "90" for name in Norm.model_fields}}
    assert not (await bot.slack.submit(SANNE, norms)).errors
    await open_group(bot, SANNE, "reminders")
    ladder = "50%\u00a0Eigenaar\u00a0Denk je eraan?\n200\u00a0coordinator"
    told = {
        "ladder": ladder,
        "coordinators": [MARIEKE],
        "escalation_channel": CHANNEL,
        "digest_at": "9:05",
        "spikes": [],
    }
    assert not (await bot.slack.submit(SANNE, told)).errors

    settings = await settings_of(bot)
    assert settings.closed_days == [date(2026, 12, 31), date(2027, 4, 27)]
    assert settings.early_closings == {date(2026, 12, 24): "15:00"}
    assert [name for name in HOLIDAYS[:6] if name in settings.holidays] == ["Koningsdag"]
    assert (settings.norm.first_reaction, settings.private) == (
        30,
        Norm(first_reaction=90, next_reaction=90, resolution=90),
    )
    assert settings.ladder == [
        LadderStep(percent=50, to=Recipient.OWNER, text="Denk je eraan?"),
        LadderStep(percent=200, to=Recipient.COORDINATOR),
    ]
    assert (settings.coordinators, settings.escalation_channel, settings.digest_at) == ([MARIEKE], CHANNEL, "09:05")
    assert not settings.spikes
    fields = [change["field"] for change in await changes(bot)]
    assert sorted(fields) == sorted(
        ["holidays", "closed_days", "early_closings", "norm", "private",
         "ladder", "coordinators", "escalation_channel", "digest_at", "spikes"]
    )  # fmt: skip


async def test_what_a_colleague_changed_meanwhile_stays(bot: Bot) -> None:
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF]})
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "reminders")
    ladder = {"ladder": "50 eigenaar", "coordinators": [MARIEKE], "escalation_channel": CHANNEL, "claim_return": "20"}
    assert not (await bot.slack.submit(SANNE, ladder)).errors
    assert not (await bot.slack.submit(YOUSSEF, {"claim_reminder": "45"})).errors
    settings = await settings_of(bot)
    assert (settings.claim_reminder, settings.claim_return) == (45, 20)
    assert (settings.coordinators, settings.escalation_channel) == ([MARIEKE], CHANNEL)
    assert [step.percent for step in settings.ladder] == [50]
    assert (await changes(bot))[-1]["field"] == "claim_reminder"

    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "closed")
    assert not (await bot.slack.submit(SANNE, {"holidays_0": ["Koningsdag"]})).errors
    assert not (await bot.slack.submit(YOUSSEF, {"holidays_1": ["Hemelvaartsdag"]})).errors
    assert (await settings_of(bot)).holidays == ["Koningsdag", "Hemelvaartsdag"]


async def test_what_a_colleague_added_to_a_list_meanwhile_stays_in_it(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF]})
    await open_group(bot, SANNE, "reasons")
    assert not (await bot.slack.submit(SANNE, {"topics": "Afval\nWegen"})).errors
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "reasons")
    assert not (await bot.slack.submit(SANNE, {"topics": "Wegen\nGroen"})).errors
    assert not (await bot.slack.submit(YOUSSEF, {"topics": "Vuurwerk\nAfval\nWegen", "standard_reasons": []})).errors
    settings = await settings_of(bot)
    assert settings.topics == ["Vuurwerk", "Wegen", "Groen"]

    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "closed")
    assert not (await bot.slack.submit(SANNE, {"holidays_0": ["Koningsdag"], "closed_days": "2026-12-24"})).errors
    both = {"holidays_0": [*settings.holidays[:4], "Goede vrijdag"], "closed_days": "31-12-2026"}
    assert not (await bot.slack.submit(YOUSSEF, both)).errors
    settings = await settings_of(bot)
    assert settings.closed_days == [date(2026, 12, 24), date(2026, 12, 31)]
    assert settings.holidays[:2] == ["Goede vrijdag", "Koningsdag"]


async def test_what_two_add_at_once_is_never_more_than_the_form_can_show_again(bot: Bot) -> None:
    topics = "\n".join(f"Onderwerp {n:02} met een lange naam" for n in range(90))
    for person in (SANNE, YOUSSEF):
        await make_role(bot, person, Role.COORDINATOR)
    await settings(bot, topics=topics.splitlines())
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "reasons")
    added = [f"{topics}\n{person} {'x' * 40}\n{person} {'y' * 40}" for person in (SANNE, YOUSSEF)]
    assert not (await bot.slack.submit(SANNE, {"topics": added[0]})).errors
    assert list((await bot.slack.submit(YOUSSEF, {"topics": added[1]})).errors) == ["topics"]
    assert (await open_group(bot, SANNE, "reasons"))["callback_id"] == "settings:reasons"


async def test_what_two_coordinators_write_of_the_ladder_and_early_closings_at_once_is_merged(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF]})
    await settings(
        bot, early_closings={"2026-12-24": "16:00", "2026-12-27": "12:00"},
        ladder=[{"percent": 50, "to": "owner"}, {"percent": 100, "to": "thread"}],
    )  # fmt: skip
    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "reminders")
    first, second = "50 eigenaar Let op\n100 team\n150 coördinator", "50 Eigenaar Schiet op\n120 kanaal"
    for person, ladder in ((SANNE, first), (YOUSSEF, second)):
        assert not (await bot.slack.submit(person, {"ladder": ladder})).errors
    steps = [(step.percent, step.to.value, step.text) for step in (await settings_of(bot)).steps()]
    assert steps == [(50, "owner", "Schiet op"), (120, "channel", ""), (150, "coordinator", "")]

    for person in (SANNE, YOUSSEF):
        await open_group(bot, person, "closed")
    first, second = "2026-12-24 15:00\n2026-12-31 16:00", "2026-12-05 15:00\n2026-12-24 16:00\n2026-12-27 13:00"
    for person, early in ((SANNE, first), (YOUSSEF, second)):
        assert not (await bot.slack.submit(person, {"early_closings": early})).errors
    closes = {day.day: at for day, at in (await settings_of(bot)).early_closings.items()}
    assert closes == {5: "15:00", 24: "15:00", 27: "13:00", 31: "16:00"}


async def test_a_night_that_ends_early_is_open_until_then(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await settings(bot, week=[*[[("09:00", "17:00")]] * 3, [("09:00", "12:00"), ("20:00", "06:00")], [], [], []])
    await open_group(bot, SANNE, "closed")
    early = "2026-12-24 02:00\n2026-12-31 22:00\n2026-12-23 07:00"
    assert not (await bot.slack.submit(SANNE, {"early_closings": early})).errors
    hours = (await settings_of(bot)).hours(local("2026-12-20 12:00"))
    assert is_open(hours, local("2026-12-24 10:00")) and is_open(hours, local("2026-12-24 23:30"))
    assert is_open(hours, local("2026-12-25 01:59")) and not is_open(hours, local("2026-12-25 02:00"))
    assert is_open(hours, local("2026-12-31 21:59")) and not is_open(hours, local("2026-12-31 22:00"))
    assert not is_open(hours, local("2026-12-23 12:00")), "a day without a night closes before it opens"


async def test_a_new_norm_leaves_alone_what_is_being_timed(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Hoe laat begint de markt?")
    await bot.card("markt")
    before = [(clock.target_seconds, clock.due_at) for clock in await bot.rows(Clock)]
    await open_group(bot, SANNE, "norms")
    await bot.slack.submit(SANNE, {"norm_first_reaction": "5"})
    assert (await settings_of(bot)).policy().base.first_reaction == timedelta(minutes=5)
    assert [(clock.target_seconds, clock.due_at) for clock in await bot.rows(Clock)] == before
    bot.citizen_posts("En de kermis?", name="Kees")
    await bot.card("kermis")
    assert 300 in [clock.target_seconds for clock in (await bot.rows(Clock))[len(before) :]]


async def test_a_coordinator_gives_roles_and_one_must_remain(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    ack = await bot.slack.submit(SANNE, {"role_coordinators": [SANNE], "role_readers": [SANNE]})
    assert "maar één rol" in ack.errors["role_coordinators"]
    ack = await bot.slack.submit(SANNE, {"role_coordinators": [YOUSSEF], "role_readers": [MARIEKE]})
    assert not ack.errors
    await bot.slack.open_home(MARIEKE)
    await home(bot, MARIEKE, "Je kijkt alleen mee")
    await bot.slack.open_home(YOUSSEF)
    assert "settings:open" in action_ids(await home(bot, YOUSSEF, "Instellingen"))
    given = [(e.details["agent"], e.details["after"]) for e in await bot.rows(Event) if e.kind == "role"]
    assert given == [(SANNE, "coordinator"), (MARIEKE, "reader"), (SANNE, None), (YOUSSEF, "coordinator")]


async def test_one_who_is_coordinator_no_more_saves_nothing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "roles")
    await bot.slack.submit(SANNE, {"role_coordinators": [SANNE, YOUSSEF]})
    await bot.slack.close_view(SANNE)
    await open_group(bot, SANNE, "hours")
    await open_group(bot, YOUSSEF, "roles")
    await bot.slack.submit(YOUSSEF, {"role_coordinators": [YOUSSEF]})
    ack = await bot.slack.submit(SANNE, {"day_0": "10:00-11:00"})
    assert "Alleen een coördinator" in next(iter(ack.errors.values()))
    assert await changes(bot) == []


async def add_snippet(bot: Bot, title: str, text: str) -> None:
    await open_group(bot, SANNE, "snippets")
    await bot.slack.click_in_view(SANNE, "snippet:add")
    await open_modal(bot, SANNE, "settings:snippet")
    ack = await bot.slack.submit(SANNE, {"snippet_title": title, "snippet_text": text})
    assert ack.ok and not ack.errors, ack.errors


async def test_a_standard_text_with_a_field_that_does_not_exist_is_refused(sqlite_bot: Bot) -> None:
    await open_group(sqlite_bot, SANNE, "snippets")
    await sqlite_bot.slack.click_in_view(SANNE, "snippet:add")
    await open_modal(sqlite_bot, SANNE, "settings:snippet")
    ack = await sqlite_bot.slack.submit(SANNE, {"snippet_title": "Groet", "snippet_text": "Dag {naam}, van {agent}"})
    assert ack.errors == {
        "snippet_text": "{naam} wordt niet ingevuld: de burger zou het zo lezen. Wel ingevuld: {name}, {agent}."
    }


async def test_standard_texts_are_added_changed_and_removed(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_snippet(bot, "Groet", "Dag {name}!")
    await bot.slack.close_view(SANNE)
    await open_group(bot, SANNE, "snippets")
    await bot.slack.click_in_view(SANNE, "snippet:add")
    await open_modal(bot, SANNE, "settings:snippet")
    ack = await bot.slack.submit(SANNE, {"snippet_title": "Groet", "snippet_text": "Nog een"})
    assert "Er is er al een" in ack.errors["snippet_title"]
    await bot.slack.close_view(SANNE)

    await open_group(bot, SANNE, "snippets")
    await bot.slack.click_in_view(SANNE, "snippet:edit", value="Groet")
    await open_modal(bot, SANNE, "settings:snippet")
    await bot.slack.submit(SANNE, {"snippet_title": "Begroeting"})
    assert [(s.title, s.text) for s in (await settings_of(bot)).snippets] == [("Begroeting", "Dag {name}!")]
    await bot.slack.close_view(SANNE)

    await open_group(bot, SANNE, "snippets")
    await bot.slack.click_in_view(SANNE, "snippet:edit", value="Begroeting")
    await open_modal(bot, SANNE, "settings:snippet")
    await bot.slack.submit(SANNE, {"snippet_remove": ["yes"]})
    assert (await settings_of(bot)).snippets == []
    undo = bot.slack.view(SANNE)["hash"]
    await bot.slack.click_in_view(SANNE, "settings:undo")
    await bot.slack.wait_for(lambda: bot.slack.view(SANNE)["hash"] != undo)
    assert [s.title for s in (await settings_of(bot)).snippets] == ["Begroeting"]


async def test_a_standard_text_comes_before_what_was_typed_and_shows_in_the_preview(bot: Bot) -> None:
    await add_snippet(bot, "Groet", "Dag {name}, met {agent}. Tot zo, {name}")
    await add_snippet(bot, "Slot", "Tot ziens!")
    await bot.slack.close_view(SANNE)
    bot.citizen_posts("Hoe laat begint de markt?", name="Fatima {agent} el Idrissi")
    card = await bot.card("markt")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.type(SANNE, "initials", "SB")
    await bot.slack.type(SANNE, "answer_text", "Om acht uur.")
    assert await bot.slack.suggest(SANNE, "answer_snippet", "wegwerkzaamheden") == []
    [greeting] = await bot.slack.suggest(SANNE, "answer_snippet", "MÉT dag")
    await bot.slack.click_in_view(SANNE, "answer_snippet", greeting)
    expected = "Dag Fatima, met Sanne. Tot zo, Fatima\n\nOm acht uur."
    await bot.slack.wait_for(lambda: f"{expected} ^SB" in text_of(bot.slack.view(SANNE)))
    assert text_typed(bot) == expected

    await bot.slack.type(SANNE, "answer_text", "Om negen uur.")
    await bot.slack.wait_for(lambda: "Om negen uur. ^SB" in text_of(bot.slack.view(SANNE)))
    offered = await bot.slack.suggest(SANNE, "answer_snippet", "")
    assert [option["value"] for option in offered] == ["Groet", "Slot"]
    await bot.slack.click_in_view(SANNE, "answer_snippet", offered[1])
    await bot.slack.wait_for(lambda: "Tot ziens!\n\nOm negen uur. ^SB" in text_of(bot.slack.view(SANNE)))
    ack = await bot.slack.submit(SANNE)
    assert ack.ok and not ack.errors, ack.errors
    await bot.slack.wait_for(lambda: square_texts(bot))
    assert square_texts(bot) == ["Tot ziens!\n\nOm negen uur. ^SB"]


async def test_a_standard_text_greets_a_citizen_of_whom_we_have_no_name_without_one(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await add_snippet(bot, "Groet", "Beste {name}, met {agent}.")
    await bot.slack.close_view(SANNE)
    post = Post("1", Author("a", ""), "Hoe laat begint de markt?", bot.desk.now(), permits=permits(Act.ANSWER))
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.slack.click(SANNE, CHANNEL, (await bot.card("markt"))["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    [greeting] = await bot.slack.suggest(SANNE, "answer_snippet", "")
    await bot.slack.click_in_view(SANNE, "answer_snippet", greeting)
    await bot.slack.wait_for(lambda: text_typed(bot) == "Beste, met Sanne.")


async def test_why_a_standard_text_is_not_inserted_stands_in_the_modal_above_what_was_typed(bot: Bot) -> None:
    await add_snippet(bot, "Groet", "Dag {name}!")
    await bot.slack.close_view(SANNE)
    bot.citizen_posts("Hoe laat begint de markt?")
    await bot.slack.click(SANNE, CHANNEL, (await bot.card("markt"))["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    typed = "ja " * 998
    await bot.slack.type(SANNE, "answer_text", typed)
    [greeting] = await bot.slack.suggest(SANNE, "answer_snippet", "")
    await bot.slack.click_in_view(SANNE, "answer_snippet", greeting)
    await bot.slack.wait_for(lambda: "Er is geen ruimte meer voor die tekst." in text_of(bot.slack.view(SANNE)))
    assert text_typed(bot).strip() == typed.strip()
    async with bot.desk.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = {**team.settings, "snippets": []}
        session.add(team)
    await bot.slack.click_in_view(SANNE, "answer_snippet", greeting)
    await bot.slack.wait_for(lambda: "Die tekst is intussen verwijderd." in text_of(bot.slack.view(SANNE)))
    assert "geen ruimte meer" not in text_of(bot.slack.view(SANNE))
    assert bot.slack.direct(SANNE) == []


async def test_without_standard_texts_there_is_nothing_to_choose(sqlite_bot: Bot) -> None:
    sqlite_bot.citizen_posts("Hoe laat begint de markt?")
    card = await sqlite_bot.card("markt")
    await sqlite_bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "answer_snippet" not in action_ids(await open_modal(sqlite_bot, SANNE, "case:answer"))


def text_typed(bot: Bot) -> str:
    """What stands in the text field of Sanne's modal."""
    view = bot.slack.view(SANNE)
    block = next(block for block, element in elements(view["blocks"]) if element["action_id"] == "answer_text")
    return view["state"]["values"][block["block_id"]]["answer_text"]["value"]


times = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")
intervals = st.lists(st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]), max_size=3)
minutes = st.integers(1, 43_200)
norms = st.builds(Norm, first_reaction=minutes, next_reaction=minutes, resolution=minutes)
words = st.text("abc é:-&<", max_size=20).map(lambda some: " ".join(some.split()))
labels = st.lists(words.filter(bool), max_size=10, unique_by=str.casefold)
all_settings = st.builds(
    TeamSettings,
    time_zone=st.sampled_from(["Europe/Amsterdam", "America/Kralendijk"]),
    language=st.sampled_from([None, "nl", "en"]),
    topics=labels,
    close_reasons=labels,
    reasons_left_out=st.sets(st.sampled_from(forms.STANDARD_REASONS)).map(
        lambda some: [reason for reason in forms.STANDARD_REASONS if reason in some]
    ),
    rota=st.dictionaries(st.integers(0, 6), st.lists(st.sampled_from([SANNE, YOUSSEF]), min_size=1, unique=True)),
    duty_group=st.sampled_from(["", "S0DIENST"]),
    week=st.lists(intervals, min_size=7, max_size=7),
    always_open=st.booleans(),
    holidays=st.sets(st.sampled_from(HOLIDAYS)).map(lambda some: [name for name in HOLIDAYS if name in some]),
    closed_days=st.sets(st.dates()).map(sorted),
    early_closings=st.dictionaries(st.dates(), times, max_size=3),
    norm=norms,
    urgent=norms,
    private=st.none() | norms,
    ladder=st.lists(
        st.builds(LadderStep, percent=st.integers(1, 1000), to=st.sampled_from(Recipient), text=words), max_size=4
    ).map(lambda steps: sorted(steps, key=lambda step: step.percent)),
    coordinators=st.lists(st.sampled_from([SANNE, YOUSSEF]), unique=True),
    escalation_channel=st.sampled_from(["", CHANNEL]),
    claim_reminder=minutes,
    claim_return=minutes,
    digest_at=st.none() | times,
    spikes=st.booleans(),
)


@given(settings=all_settings)
def test_what_is_written_in_the_fields_reads_back_the_same(settings: TeamSettings) -> None:
    filled = forms.written(settings, DUTCH) | {"name": "Webcare", "channel": CHANNEL}
    read: dict = {}
    for form in ("team", "hours", "closed", "norms", "reminders", "duty", "reasons"):
        read |= forms.read(form, filled, DUTCH)
    assert (read["name"], read["channel"]) == ("Webcare", CHANNEL)
    assert TeamSettings.model_validate(read) == settings


@given(norm=st.none() | norms)
def test_the_norm_of_a_platform_reads_back_the_same(norm: Norm | None) -> None:
    read = forms.read("platform", forms.written_norm("platform", norm), DUTCH)["item"]
    assert (Norm.model_validate(read) if read else None) == norm


async def test_a_change_is_shown_from_old_to_new_and_its_undo_the_other_way(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await open_group(bot, SANNE, "reminders")
    await bot.slack.submit(SANNE, {"claim_reminder": "45", "coordinators": [SANNE]})
    shown = bot.slack.view(SANNE)
    assert "30 → 45" in text_of(shown) and f"niets → <@{SANNE}>" in text_of(shown)
    undo = next(row["accessory"]["value"] for row in shown["blocks"] if "30 → 45" in text_of({"blocks": [row]}))
    await bot.slack.click_in_view(SANNE, "settings:undo", value=undo)
    await bot.slack.wait_for(lambda: "45 → 30" in text_of(bot.slack.view(SANNE)))
