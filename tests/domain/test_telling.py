"""Which words tell what many posts are about."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.telling import AUTHORS, MOST, telling_words

FIRE = [
    "Wat een rookwolk boven de haven!",
    "Rookwolk boven de haven, moeten de ramen dicht?",
    "Moeten onze ramen dicht door die rookwolk @gemeente https://haven.example/rookwolk",
    "Ramen dicht bij de haven?",
]
USUAL = ["Wanneer gaat het zwembad bij de haven open?", "De ramen van het zwembad zijn stuk", "Is het zwembad open?"]


def test_it_is_what_more_authors_write_now_than_usually() -> None:
    assert telling_words(enumerate(FIRE), ["Mag ik hier vissen?"] * 20)[:3] == ["dicht", "haven", "ramen"]
    assert telling_words(enumerate(FIRE), USUAL) == ["dicht", "rookwolk"]


def test_one_author_who_repeats_a_word_or_two_say_nothing_of_the_others() -> None:
    assert telling_words(((1, text) for text in FIRE), []) == []
    assert telling_words([(1, "Jansen!"), (2, "Jansen?"), (1, "Jansen"), (3, "Nee"), (4, "Ja")], []) == []


def test_addresses_names_of_accounts_and_numbers_are_no_subject() -> None:
    text = "@gemeente zie https://voorbeeld.example/melding en bel 0612345678 of 112 www.voorbeeld.example"
    assert telling_words(enumerate([text] * 5), []) == []


@given(posts=st.lists(st.tuples(st.integers(0, 5), st.text(max_size=60))), earlier=st.lists(st.text(max_size=60)))
def test_any_posts_have_at_most_so_many_words_each_of_several_authors(
    posts: list[tuple[int, str]], earlier: list[str]
) -> None:
    words = telling_words(posts, earlier)
    assert len(words) == len(set(words)) <= MOST
    assert not words or len({author for author, _ in posts}) >= AUTHORS
    assert all(word.isalpha() for word in words), "so that they need no escaping"
