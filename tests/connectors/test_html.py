import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.connectors.html import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<p>Beste gemeente,</p><p>De lamp is stuk.<br>Al weken!</p>",
            "Beste gemeente,\n\nDe lamp is stuk.\nAl weken!",
        ),
        ("<p>een</p>\n\n   <p>twee  <b>vet</b>\nregel</p>", "een\n\ntwee vet regel"),
        ("een<div>twee</div><div>drie</div>vier", "een\ntwee\ndrie\nvier"),
        ("een<br><br><br><br>twee", "een\n\ntwee"),
        ("Nodig:<ul><li>paspoort</li><li><p>foto</p></li></ul>Dank", "Nodig:\n\n• paspoort\n• foto\n\nDank"),
        ("<table><tr><td>ma</td><td>9 uur</td></tr><tr><td>di</td></tr></table>", "ma 9 uur\ndi"),
        ("<pre>als\n  dan\nanders</pre>", "als\n  dan\nanders"),
        ("<h1>Kop</h1>tekst", "Kop\n\ntekst"),
        ("", ""),
    ],
)
def test_the_layout_becomes_line_breaks(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('Dank <img src="x" class="wp-smiley" alt="🙂">!', "Dank 🙂!"),
        ('Dank<img alt="👩‍👩‍👧‍👦">', "Dank👩‍👩‍👧‍👦"),
        ('<p>Wat een <img class="custom-emoji" alt=":amsterdam:" src="x"> dag</p>', "Wat een :amsterdam: dag"),
        ("<p>Wat een :amsterdam: dag</p>", "Wat een :amsterdam: dag"),
        ('Zie <img alt="Logo van de gemeente"> en <img alt="spacer"><img alt="*"><img alt=""><img>.', "Zie en ."),
        ('<span class="weg">a <img alt="🙂"> b</span>c', "c"),
        ('<img class="emoji" alt="&lt;script&gt;">', "<script>"),
    ],
)
def test_an_emoji_that_is_a_picture_is_read_as_its_sign_or_name(html: str, text: str) -> None:
    assert text_of(html, without="weg") == text


def test_entities_are_decoded_once() -> None:
    assert text_of("&amp;eacute; caf&eacute; 3 &lt; 4 &#128077;") == "&eacute; café 3 < 4 👍"


def test_a_shortened_link_shows_its_whole_address() -> None:
    html = (
        '<p>Zie <a href="https://www.gemeente.nl/afval/kalender?wijk=zuid&amp;jaar=2026" rel="nofollow noopener">'
        '<span class="invisible">https://www.</span><span class="ellipsis">gemeente.nl/afval/kalender</span>'
        '<span class="invisible">?wijk=zuid&amp;jaar=2026</span></a>.</p>'
    )
    assert text_of(html) == "Zie https://www.gemeente.nl/afval/kalender?wijk=zuid&jaar=2026."


def test_a_shortened_link_cannot_hide_where_it_leads() -> None:
    html = '<a href="https://kwaad.example/"><span class="invisible">https://</span>belastingdienst.nl</a>'
    assert text_of(html) == "https://kwaad.example/"


def test_mentions_and_hashtags_read_as_written() -> None:
    html = (
        '<p><span class="h-card"><a href="https://social.example/@gemeente" class="u-url mention">@<span>gemeente'
        '</span></a></span> help <a href="https://social.example/tags/afval" class="mention hashtag">#<span>afval'
        "</span></a></p>"
    )
    assert text_of(html) == "@gemeente help #afval"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<p>Ik woon op <a href="x-apple:1">Dorpsstraat 1<br>1234 AB Ons Dorp</a>.</p>',
         "Ik woon op Dorpsstraat 1\n1234 AB Ons Dorp."),
        ('<a href="https://x.example/"><h3>De brug is dicht</h3><p>Tot morgen.</p></a><p>Meer</p>',
         "De brug is dicht\n\nTot morgen.\n\nMeer"),
        ('Zie<a href="https://x.example/"><div>Een</div><div>Twee</div></a>drie', "Zie\nEen\nTwee\ndrie"),
        ('<ul><li><a href="https://x.example/">Een</a></li><li>Twee</li></ul>', "• Een\n• Twee"),
        ('<p>Zie</p><p><a href="https://x.example/"><span class="ellipsis">x.ex</span></a></p>',
         "Zie\n\nhttps://x.example/"),
    ],
)  # fmt: skip
def test_a_link_over_several_lines_keeps_them(html: str, text: str) -> None:
    assert text_of(html) == text


def test_the_address_of_a_link_over_several_lines_stands_behind_its_last_words() -> None:
    html = '<a href="https://x.example/"><p>Lees</p><p>verder </p></a><p>Dag</p>'
    assert text_of(html, addresses=True) == "Lees\n\nverder (https://x.example/)\n\nDag"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('Zie <a href="https://x.example/">de pagina </a>en bel', "Zie de pagina (https://x.example/) en bel"),
        ('Zie <a href="https://x.example/">de pagina </a> en bel', "Zie de pagina (https://x.example/) en bel"),
        (
            'Zie <a href="https://x.example/"><b>de pagina </b></a>, of bel',
            "Zie de pagina (https://x.example/) , of bel",
        ),
        (
            '<a href="https://x.example/"><span class="invisible">https://</span>x.example </a>en',
            "https://x.example/ en",
        ),
    ],
)
def test_a_space_at_the_end_of_a_link_keeps_what_follows_apart(html: str, text: str) -> None:
    assert text_of(html, addresses=True) == text


def test_a_link_in_preformatted_text_is_read_once() -> None:
    assert text_of('<pre>a <a href="https://x.example/">x</a>\nb</pre>') == "a x\nb"


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>hoi",
        "<style>p{}</style>hoi",
        "<svg><script>alert(1)</script></svg>hoi",
        '<iframe src="javascript:alert(1)">x</iframe>hoi',
        '<img src="x" onerror="alert(1)">hoi',
        "<!-- alert(1) -->hoi",
        '<a href="javascript:alert(1)"><span class="invisible"></span>hoi</a>',
    ],
)
def test_nothing_that_could_act_survives(html: str) -> None:
    text = text_of(html)
    assert text.endswith("hoi")
    assert "alert" not in text


def test_marked_up_text_that_was_escaped_stays_text() -> None:
    assert text_of("&lt;script&gt;x&lt;/script&gt;") == "<script>x</script>"


def test_deep_nesting_is_read() -> None:
    assert text_of("<blockquote>" * 5000 + "diep") == "diep"


@given(st.text())
def test_any_input_gives_text_that_can_be_stored(html: str) -> None:
    text = text_of(html)
    assert "\x00" not in text
    text.encode()


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1))
def test_escaped_text_comes_back_unchanged(written: str) -> None:
    escaped = written.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert text_of(f"<p>{escaped}</p>") == written


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<br>", "<li>", "<pre>", "</pre>", "<a href='x'>", "</a>", " ", "\n", "a"])
    )
)
def test_no_gap_is_larger_than_one_empty_line(pieces: list[str]) -> None:
    assert "\n\n\n" not in text_of("".join(pieces))


def test_hostile_lengths_are_read() -> None:
    assert text_of("<pre>" + " " * 300_000 + "x") == "x"
    assert text_of("<" * 100_000) == "<" * 100_000
    assert text_of("<a>" * 50_000 + "x") == "x"


LITTLE_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from bot.connectors.html import text_of
opened = "".join(f"<{tag} id={n}>" for n in range(400) for tag in ("b", "I", "font", "strong", "u", "code"))
assert text_of("<p>" + opened + "<p>x" * 3000) == "\\n\\n".join("x" * 3000)
"""


def test_words_in_thousands_of_styles_that_nobody_ends_take_no_gigabytes() -> None:
    """Anybody can send such a mail of a few kB, and the program ended at it, again after each start."""
    assert (
        subprocess.run([sys.executable, "-c", LITTLE_MEMORY], check=False, cwd=Path(__file__).parents[2]).returncode
        == 0
    )


def test_of_markup_without_end_the_beginning_is_read() -> None:
    assert text_of("<p>Een <b>lantaarn</b></p>" + "<div>" * 30_000 + "<p>Twee</p>") == "Een lantaarn"


def test_words_in_a_style_are_read() -> None:
    assert text_of('<p>De <STRONG class="x">grote</STRONG> <i>brug</i>, <u\n>nu</u>.</p>') == "De grote brug, nu."
