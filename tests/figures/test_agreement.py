"""What is counted in several places is the same number in each, after whatever happened to cases of two teams."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason, Status, Urgency
from bot.domain.figures import Figures
from bot.domain.mention import Act, Author, Gone, Post, permits
from bot.domain.period import DAY, days_of
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import digests, export, lists, reports
from bot.figures.home import home
from bot.figures.search import Asked, search
from bot.figures.standing import standing
from bot.models import Account, Case, Mention, ReplyKind, Role, Team
from bot.views.search_modal import STATUSES
from jobs.days import count
from tests.conftest import MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import make_role, second_team, sent, settings
from tests.watch.asking import ask, parsed

FIRST, LAST = date(2026, 11, 20), date(2026, 11, 26)
STEPS = 90
ALL = 1_000
ADDED = ("mentions", "opened", "answered")
"""The figures of a period that are the sum of those of its parts."""


class History:
    """A week of a random life of two teams; each step that the rules refuse is skipped."""

    def __init__(self, bot: Bot, teams: Sequence[int], seed: int) -> None:
        self.bot, self.teams, self.dice, self.posts = bot, teams, Random(seed), 0

    @property
    def now(self) -> datetime:
        return self.bot.desk.now()

    async def live(self) -> None:
        steps = (self.writes, self.writes, self.writes_again, self.moves, self.moves, self.moves, self.answers,
                 self.closes, self.closes, self.hands_over, self.removes)  # fmt: skip
        for _ in range(STEPS):
            self.bot.clock.at += timedelta(minutes=self.dice.choice([0, 1, 7, 50, 200]))  # type: ignore[attr-defined]
            with suppress(Refused):
                await self.dice.choice(steps)()

    async def writes(self, again: str = "") -> None:
        """A citizen writes, or writes again in a conversation."""
        self.posts += 1
        conversation = again or f"c{self.posts}"
        post = Post(f"p{self.posts}", Author(conversation, "Burger"), "Vraag over de markt?", self.now,
                    conversation=conversation, permits=permits(Act.ANSWER))  # fmt: skip
        async with self.bot.desk.session() as session:
            await inbox.take_in(session, self.dice.choice(await self.accounts()), [post], now=self.now)

    async def accounts(self) -> list[int]:
        return [account.id for account in await self.bot.rows(Account)]

    async def writes_again(self) -> None:
        earlier = self.dice.choice(await self.bot.rows(Mention))
        self.posts += 1
        post = Post(f"p{self.posts}", Author(earlier.conversation or "", "Burger"), "En de kermis?", self.now,
                    conversation=earlier.conversation, permits=permits(Act.ANSWER))  # fmt: skip
        async with self.bot.desk.session() as session:
            await inbox.take_in(session, earlier.account_id, [post], now=self.now)

    async def removes(self) -> None:
        """A citizen removes a post."""
        one = self.dice.choice(await self.bot.rows(Mention))
        post = Post(one.external_id, Author(one.conversation or "", "Burger"), "", self.now, gone=Gone.BY_AUTHOR)
        async with self.bot.desk.session() as session:
            await inbox.take_in(session, one.account_id, [post], now=self.now)

    async def some_case(self) -> Case:
        return self.dice.choice(await self.bot.rows(Case))

    async def moves(self) -> None:
        case, by, to = await self.some_case(), *self.dice.sample([SANNE, YOUSSEF, MARIEKE], 2)
        key = f"{self.now}{self.posts}{self.dice.random()}"
        async with self.bot.desk.session() as session:
            match self.dice.randrange(7):
                case 0 | 1:
                    await cases.claim(session, case.id, by=by, now=self.now)
                case 2:
                    await cases.release(session, case.id, by=case.assignee or by, now=self.now)
                case 3:
                    await cases.assign(session, case.id, to=to, by=by, now=self.now)
                case 4:
                    await cases.escalate(
                        session, case.id, by=case.assignee or by, now=self.now, target=to, channels=[to],
                        question="Weet jij dit?", urgency=Urgency.NORMAL, submission=key,
                    )  # fmt: skip
                case 5:
                    await cases.set_topic(
                        session, case.id, topic=self.dice.choice([None, "Markt", "Kermis"]), by=by, now=self.now
                    )
                case _:
                    await cases.reopen(session, case.id, by=by, now=self.now)

    async def answers(self) -> None:
        case, kind = await self.some_case(), self.dice.choice([ReplyKind.FINAL, ReplyKind.INTERIM, ReplyKind.QUESTION])
        until = self.now + timedelta(hours=self.dice.choice([2, 30])) if kind is ReplyKind.INTERIM else None
        if case.assignee in {None, SANNE}:
            await sent(self.bot, case.id, kind, until)

    async def closes(self) -> None:
        """A colleague closes cases, and undoes some of that."""
        case, by = await self.some_case(), self.dice.choice([SANNE, YOUSSEF])
        reason = self.dice.choice([*CloseReason, "Dubbel"])
        async with self.bot.desk.session() as session:
            await cases.close(session, case.id, by=case.assignee or by, now=self.now, reason=reason, text="x")
        if self.dice.random() < 0.4:
            closed_at = self.now
            self.bot.clock.at += timedelta(seconds=5)  # type: ignore[attr-defined]
            async with self.bot.desk.session() as session:
                await cases.undo_close(
                    session, [case.id], teams=self.teams, closed_at=closed_at, by=case.assignee or by, now=self.now,
                    undo=timedelta(seconds=60),
                )  # fmt: skip

    async def hands_over(self) -> None:
        case = await self.some_case()
        to = next(team for team in self.teams if team != case.team_id)
        async with self.bot.desk.session() as session:
            await cases.transfer(
                session, case.id, seen=case.team_id, to=to, note="Voor jullie.", by=case.assignee or SANNE,
                now=self.now, submission=f"{self.now}{self.dice.random()}",
            )  # fmt: skip


async def stands(bot: Bot, team: Team) -> None:
    """How a team stands now is the same in its digest, on the Home, in the lists and in the search."""
    now, t = bot.desk.now(), bot.desk.of(team).t
    async with bot.desk.reading() as session:
        told = await standing(session, team, now)
        shown = await home(session, SANNE, t, now)
        daily = await digests.daily(session, team, now)

        async def listed(*filters: Filter) -> int:
            found = [await lists.waiting(session, [team.id], each, now=now, most=3) for each in filters]
            return sum(each.count for each in found)

        every = (await session.exec(select(Case).where(Case.team_id == team.id))).all()
        accounts = (await session.exec(select(Account))).all()
        found = {name: (await search(session, [team.id], Asked("burger", statuses=each), most=3)).count
                 for name, each in {"": (), **STATUSES}.items()}  # fmt: skip
        [today] = [each.standing for each in shown.today if each.team == team.name]
        assert today == told and daily.standing == told
        mine = [Filter(Which.MINE, who) for who in (SANNE, YOUSSEF, MARIEKE)]
        by_account = [Filter(where=f"account:{each.id}") for each in accounts]
        by_topic = [Filter(where=f"topic:{topic}") for topic in ("Markt", "Kermis")]
        assert told.open == await listed(Filter()) == await listed(*by_account)
        assert told.open == await listed(Filter(Which.UNOWNED), *mine)
        no_topic = sum(case.topic is None and case.status in STATUSES["open"] for case in every)
        assert told.open == await listed(*by_topic) + no_topic
        assert told.late == await listed(Filter(Which.LATE)) and told.promised == await listed(Filter(Which.PROMISED))
        assert told.with_citizen == await listed(Filter(Which.CITIZEN)) == found["with_citizen"]
        assert await listed(Filter(Which.ADVICE)) == sum(case.status is Status.ESCALATED for case in every)
        assert found["open"] == told.open and found.pop("") == sum(found.values()) == len(every)


def added(parts: Sequence[Figures], *, late: bool) -> dict[str, Any]:
    """The figures of several periods or teams together; what is late at the end of one may be over in the next."""
    clocks = ("first", "resolution")
    return {
        **{name: sum(getattr(each, name) for each in parts) for name in ADDED},
        **{name: sum((Counter(getattr(each, name)) for each in parts), Counter()) for name in ("closed", "topics")},
        **{f"{name}.{n}": sum(getattr(getattr(each, name), n) for each in parts)
           for name in clocks for n in ("count", "kept", *(["late"] if late else []))},
        "sources": sum((Counter({(s.name, n): getattr(s, n) for n in ADDED}) for each in parts for s in each.sources),
                       Counter()),
    }  # fmt: skip


def lines_in(lines: Sequence[export.Line]) -> dict[str, Any]:
    what = Counter(line.what for line in lines if not line.waited)
    late = Counter(line.what for line in lines if line.waited)
    kept = Counter(line.what for line in lines if line.kept)
    counted = (("count", what), ("kept", kept), ("late", late))
    clocks = (("first", "first_reaction"), ("resolution", "resolution"))
    return {
        "mentions": what["mention"], "opened": what["opened"], "answered": what["answer"],
        "closed": Counter(line.reason for line in lines if line.what == "closed"),
        "topics": Counter(line.topic or "" for line in lines if line.what == "opened"),
        **{f"{name}.{n}": of[kind] for name, kind in clocks for n, of in counted},
    }  # fmt: skip


async def counts(bot: Bot, teams: Mapping[int, Team]) -> dict[str, Any]:
    """What happened is the same added by day, account, team and part, in the export, and what digests tell of it."""
    zone, now = bot.desk.texts().zone, bot.desk.now()
    whole = days_of(FIRST, LAST, zone)
    by_day = [days_of(day, day, zone) for day in (FIRST + n * DAY for n in range((LAST - FIRST).days + 1))]
    found: list[Figures] = []
    async with bot.desk.reading() as session:
        for team in teams.values():
            one = await reports.figures(session, team, whole, now)
            found.append(one)
            per_day = [await reports.figures(session, team, each, now) for each in by_day]
            assert added([one], late=False) == added(per_day, late=False)
            rows = await export.lines(session, team, whole, now)
            those = {name: n for name, n in added([one], late=True).items() if name != "sources"}
            assert lines_in(rows) == those
            assert sum(part.mentions for part in one.parts) == one.mentions
            assert sum(part.answered for part in one.parts) == one.answered
            assert sum(one.topics.values()) == one.opened
            for name in ADDED:
                assert sum(getattr(source, name) for source in one.sources) == getattr(one, name)
            assert sum(source.reactions for source in one.sources) == one.first.count + one.first.late
            daily = await digests.daily(session, team, now)
            assert daily.tally is not None and daily.tally.received == daily.figures.mentions
        first, *others = teams.values()
        together = await reports.figures(session, first, whole, now, others=[each.id for each in others])
        assert added([together], late=True) == added(found, late=True)
        everything = [len((await session.exec(select(each))).all()) for each in (Mention.id, Case.id)]
        assert [together.mentions, together.opened] == everything
    return added(found, late=True)


@pytest.mark.parametrize("seed", range(3))
async def test_every_figure_that_names_the_same_is_the_same_number(office: Bot, seed: int) -> None:
    bot = office
    await settings(bot, topics=["Markt", "Kermis"], close_reasons=["Dubbel"])
    beheer = await second_team(bot, topics=["Markt", "Kermis"], close_reasons=["Dubbel"])
    async with bot.desk.session() as session:
        about: dict[str, Any] = {"options": (await session.get_one(Account, 1)).options, "created_at": bot.desk.now()}
        session.add(Account(team_id=beheer, platform="webhook", name="brug", url="", **about))
    for person in (SANNE, YOUSSEF, MARIEKE):
        for team_id in (1, beheer):
            await make_role(bot, person, Role.COORDINATOR, team_id)
    history = History(bot, (1, beheer), seed)
    for _ in range(3):
        await history.writes()
    await history.live()
    teams = {team.id: team for team in await bot.rows(Team)}
    for team in teams.values():
        await stands(bot, team)
    before = await counts(bot, teams)
    async with bot.desk.reading() as session:
        opens = {team.id: (await standing(session, team, bot.desk.now())) for team in teams.values()}
    _, text = await ask(bot, "/metrics")
    assert sum(parsed(text)["webcare_cases_open"].values()) == sum(
        each.open + each.with_citizen for each in opens.values()
    )
    await count(bot.desk)
    assert await counts(bot, teams) == before
