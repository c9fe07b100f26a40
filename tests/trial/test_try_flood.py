"""`webcare try --flood`: a fire that a newcomer sees the team work through."""

from collections import Counter
from pathlib import Path

from bot.domain.signals import Rank, rank_of, signals_of
from bot.trial import fire
from tests.trial.trying import card, trying


def test_the_fire_is_the_same_every_time_and_varied() -> None:
    posts = list(fire.posts())
    assert posts == list(fire.posts())
    assert [each.after for each in posts] == sorted(each.after for each in posts)
    assert posts[-1].after <= fire.SECONDS
    assert len({each.text for each in posts}) > fire.POSTS * 0.6
    assert len({each.name for each in posts}) > fire.POSTS * 0.4


def test_people_in_danger_are_few_among_those_who_write() -> None:
    ranks = Counter(rank_of(signals_of(each.text), private=each.way == "message") for each in fire.posts())
    assert 3 <= ranks[Rank.FIRST] <= 25
    assert ranks[Rank.LATER] > fire.POSTS * 0.4


async def test_the_posts_of_the_fire_become_cards_and_say_what_goes_first(folder: Path) -> None:
    async with trying(flood=True) as slack:
        await card(slack, "Gaat voor: gevaar")


async def test_the_team_reads_what_the_fire_is_about_once_it_is_more_than_usual(folder: Path) -> None:
    async with trying(speed=30, flood=True) as slack:
        await card(slack, "Er komt meer binnen dan gewoonlijk", "meestal")
