"""Mails as programs write them and as nobody should: what is read, folded away, left out, and written back."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.connectors.base import Draft
from bot.connectors.email import answering, automatic, threads
from bot.connectors.email.folding import fold
from bot.connectors.email.parsing import MAX_CHARACTERS, MAX_HTML, Mail, mail_of
from bot.connectors.email.reading import post_of, unread
from bot.domain.mention import Arrived, Author, Delivery, Post, also_to

NOW = datetime(2026, 11, 24, 9, 42, tzinfo=UTC)
TEAM = "webcare@gemeente.example"
OURS = threads.id_of("key-1", TEAM)
WORDS = "Dag,\n\nKan dat ook op maandag?\n\nGroet, Jan"


def mail(body: str = WORDS, **headers: str) -> Mail:
    told = {"From": "Jan <jan@burger.example>", "Subject": "Vraag", "Message_ID": "<1@burger.example>", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in told.items())
    return mail_of(f"{head}\n{body}\n".encode())


def post(one: Mail, subjects: threads.Subjects | None = None, at: datetime = NOW) -> Post:
    return post_of(one, at, TEAM, subjects or threads.Subjects())


@pytest.mark.parametrize("between", [";", ";\r\n ", ";\r\t"])
def test_a_field_about_the_contents_that_nobody_writes_is_not_parsed(between: str) -> None:
    """To read it takes the square of its length: a mail of 1 MB kept the others waiting for half a minute."""
    field = f"Content-Type: text/html{between * 20_000}"
    assert mail_of(f"Subject: Vraag\r\n{field}\r\n\r\n<b>Wanneer?</b>\r\n".encode()).text.strip() == "<b>Wanneer?</b>"
    assert mail_of(f"{field[:2_000]}\r\n\r\n<b>Wanneer?</b>\r\n".encode()).text == "Wanneer?"


# --- Folding -------------------------------------------------------------------------------------

QUOTED = "> Dag Jan,\n> Dat kan niet.\n>\n> Webcare"
BELOW = {
    "Gmail": f"Op di 24 nov 2026 om 10:42 schreef Webcare <{TEAM}>:\n\n{QUOTED}",
    "Gmail, wrapped": f"Op di 24 nov 2026 om 10:42 schreef Webcare gemeente Voorbeeld <\n{TEAM}>:\n\n{QUOTED}",
    "Gmail, English": f"On Tue, Nov 24, 2026 at 10:42 AM Webcare <{TEAM}> wrote:\n\n{QUOTED}",
    "Gmail, not marked": f"Op di 24 nov 2026 om 10:42 schreef Webcare <{TEAM}>:\n\nDag Jan,\nDat kan niet.",
    "Apple Mail": f"> Op 24 nov 2026 om 10:42 heeft Webcare <{TEAM}> het volgende geschreven:\n> \n{QUOTED}",
    "iOS": f"Verstuurd vanaf mijn iPhone\n\n> Op 24 nov 2026 om 10:42 heeft Webcare <{TEAM}> het volgende "
    f"geschreven:\n> \n> ﻿Dag Jan,",
    "iOS, Outlook": f"Outlook voor iOS downloaden\n{'_' * 32}\nVan: Webcare <{TEAM}>\nVerzonden: dinsdag 24 november "
    "2026 10:42\nAan: Jan\nOnderwerp: RE: Vraag\n\nDag Jan,\nDat kan niet.",
    "Outlook": f"Van: Webcare <{TEAM}>\nVerzonden: dinsdag 24 november 2026 10:42\nAan: Jan <jan@burger.example>\n"
    "Onderwerp: RE: Vraag\n\nDag Jan,\nDat kan niet.",
    "Outlook, English": f"From: Webcare <{TEAM}>\nSent: Tuesday, November 24, 2026 10:42 AM\nTo: Jan\n"
    "Subject: RE: Vraag\n\nDag Jan,\nDat kan niet.",
    "Outlook, bold": f"*Van:* Webcare <{TEAM}>\n*Verzonden:* dinsdag 24 november 2026 10:42\n*Aan:* Jan\n\nDag Jan,",
    "older Outlook": f"-----Oorspronkelijk bericht-----\nVan: Webcare [mailto:{TEAM}]\nVerzonden: dinsdag 24 november "
    "2026 10:42\nAan: Jan\nOnderwerp: Vraag\n\nDag Jan,",
    "English": "-----Original Message-----\nFrom: Webcare\n\nDag Jan,",
    "Thunderbird": f"Op 24-11-2026 om 10:42 schreef Webcare:\n{QUOTED}",
    "Thunderbird, name first": f"Webcare schreef op 24-11-2026 om 10:42:\n{QUOTED}",
    "only marked": QUOTED,
    "a signature": "-- \nJan de Vries\nDorpsstraat 1",
    "a signature that lost its space": "--\nJan de Vries",
    "a telephone": "Verzonden vanaf mijn Galaxy",
    "a telephone, English": "Sent from my iPhone",
    "a telephone that is nobody's": "Verstuurd vanaf Samsung-tablet.",
    "an app": "Verzonden vanuit Outlook voor Android",
    "an app with a link": "Verzonden vanuit Outlook voor iOS<https://aka.ms/o0ukef>",
    "our own": f"Webcare <{TEAM}>, 24-11-2026 10:42:\n> Dag Jan",
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
def test_what_a_program_put_below_the_words_is_folded_away(below: str) -> None:
    assert fold(f"{WORDS}\n\n{below}\n").words == WORDS


def test_answers_below_and_between_a_quotation_stay() -> None:
    quoted = (
        f"Op di 24 nov 2026 om 10:42 schreef Webcare <{TEAM}>:\n> Wanneer?\n\nMaandag.\n\n> Hoe laat?\n\nOm tien uur."
    )
    assert fold(quoted).words == "Maandag.\n\nOm tien uur."


@pytest.mark.parametrize(
    "text",
    [
        QUOTED,
        "-- \nJan",
        "Van: mij\nis dit een vraag",
        "Op het plein schreef iemand iets op de muur.\nKan dat weg?",
        "Van maandag tot vrijdag:\nAan de gracht",
        "Mijn buurman schreef op de muur: weg ermee",
        "Verzonden vanaf mijn iPhone",
        "Geachte heer,\n\nOp 3 maart schreef ik u een brief met deze vraag:\n\nWanneer wordt de lantaarn gemaakt?",
        "Op uw website wordt geschreven, en op 2 november schreef u mij:\n\nik krijg niets. Waarom niet?",
        "Op 2 november om 10:42 schreef u mij:\n\nik krijg niets. Waarom niet?",
        "Op 3 maart heeft mijn zoon u al geschreven over twee dingen:\n1. De kapotte lantaarn\n2. Het afval",
        "Mijn zoon schreef op 3 maart het volgende:\nik krijg niets.",
        "Hello,\n\nOn 3 March I wrote to you with this question:\nWhen will the light be repaired?",
        "Ik heb twee vragen.\n--\nWanneer komt de vuilniswagen?\n--\nEn wanneer de glasbak?",
        "Mijn vraag is:\n--\nwanneer komt de vuilniswagen?",
        "Mijn brief:\n-- \n" + "een regel\n" * 11,
        "Dag,\n\nVerzonden via de post op 3 maart, en niets gehoord.",
        "Dag,\n\nverzonden met pakketpost op 3 maart",
    ],
)
def test_what_only_resembles_a_quotation_is_kept_and_so_is_a_mail_of_nothing_else(text: str) -> None:
    assert fold(text).words.split() == text.split()


OUTLOOK = f"""Zie hieronder.

--
Jan de Vries

{"_" * 32}
Van: Webcare <{TEAM}>
Verzonden: dinsdag 24 november 2026 10:42
Aan: Jan
CC: Els
Onderwerp: RE: Vraag

Wat is uw adres?
Dorpsstraat 1

Jan <jan@burger.example>, 23-11-2026 10:42:
> Dag
Op zo 22 nov 2026 om 10:42 schreef Els <els@burger.example>:
Hallo"""


def test_what_is_left_out_without_a_mark_on_each_line_can_still_be_read() -> None:
    folded = fold(OUTLOOK)
    assert folded.words == "Zie hieronder."
    assert folded.left_out == "Jan de Vries\n\nWat is uw adres?\nDorpsstraat 1\n\nHallo"
    assert post(mail(OUTLOOK, Subject="RE: Vraag")).place["left_out"] == folded.left_out
    assert "left_out" not in post(mail(f"{WORDS}\n\n{BELOW['Gmail']}", Subject="RE: Vraag")).place


@pytest.mark.parametrize("subject", ["Vraag", "Fwd: Vraag"])
def test_a_mail_that_answers_nothing_is_shown_with_what_was_pasted_into_it(subject: str) -> None:
    pasted = f"Wat ik van u kreeg. Klopt dit?\n\n{BELOW['Outlook']}\n\nIk woon daar niet meer!\n\n{QUOTED}"
    assert post(mail(pasted, Subject=subject)).text == f"{subject}\n\n{pasted}"
    assert "woon" not in post(mail(pasted, In_Reply_To=f"<{OURS}>")).text


@pytest.mark.parametrize("head", ["---------- Forwarded message ---------", "Begin doorgestuurd bericht:", ""])
@pytest.mark.parametrize("headers", [{"Subject": "Fwd: Paspoort"}, {"Subject": "Re: Paspoort"}, {}], ids=str)
def test_a_signature_above_a_forwarded_mail_does_not_hide_it(head: str, headers: dict[str, str]) -> None:
    text = f"Kunnen jullie dit oppakken?\n\n-- \nKees\n\n{head}\n{BELOW['Outlook']}"
    shown = post(mail(text, **headers)).text
    assert "oppakken?" in shown and "Kees" not in shown
    assert ("Dat kan niet." in shown) is (head != "" or headers.get("Subject") != "Re: Paspoort")


OWN = ["Mijn moeder is gevallen", "Op 3 maart schreef ik u:", "", "Van: mij", "--", "Wanneer?", "Bedankt!"]
MARKS = ["> Dag", "-- ", "_" * 32, "Verzonden vanaf mijn iPhone", *BELOW["Outlook"].split("\n")[:4]]
MARKS += [BELOW["Gmail"].split("\n")[0], BELOW["English"].split("\n")[0], "---------- Forwarded message ---------"]


@given(st.lists(st.sampled_from([*OWN, *MARKS]), max_size=14), st.booleans())
def test_nobody_s_own_words_vanish(lines: list[str], answers: bool) -> None:
    folded = fold("\n".join(lines), answers=answers)
    shown = Counter(f"{folded.words}\n{folded.left_out}".split("\n"))
    assert not Counter(line for line in lines if line in {OWN[0], OWN[1], OWN[5], OWN[6]}) - shown


def test_what_is_forwarded_belongs_to_the_words() -> None:
    text = f"Kijk eens:\n\n{BELOW['Outlook']}"
    assert fold(text, answers=False).words == text
    shown = post(mail(text, Subject="FW: Vraag")).text
    assert "Dat kan niet." in shown


def test_a_quotation_in_html_is_folded_and_an_answer_below_it_kept() -> None:
    html = (
        f"<div>Op di 24 nov 2026 om 10:42 schreef Webcare &lt;{TEAM}&gt;:</div><blockquote><p>Wanneer?</p>"
        "<p>En waar?</p></blockquote><p>Maandag, op het <b>plein</b>.</p>"
    )
    one = mail(html, Content_Type="text/html; charset=utf-8", In_Reply_To=f"<{OURS}>")
    assert "> Wanneer?" in one.text
    assert post(one).text == "Vraag\n\nMaandag, op het plein."
    assert post(one).place["original"] == one.text


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (
            '<a href="https://gemeente.example/paspoort?x=1">deze pagina</a>',
            "deze pagina (https://gemeente.example/paspoort?x=1)",
        ),
        ('<a href="https://www.gemeente.example/">gemeente.example</a>', "gemeente.example"),
        ('<a href="https://evil.example/">www.gemeente.example</a>', "www.gemeente.example (https://evil.example/)"),
        ('<a href="https://e.example/">gemeente.example</a>', "gemeente.example (https://e.example/)"),
        ('<a href="mailto:info@gemeente.example">mail ons</a>', "mail ons (info@gemeente.example)"),
        ('<a href="mailto:info@gemeente.example">Mail info@Gemeente.example</a>', "Mail info@Gemeente.example"),
        ('<a href="https://x.example/"><img src="x"></a>', ""),
        ('<a href="#onder">onderaan</a>', "onderaan"),
        ('<a href="javascript:alert(1)">klik</a>', "klik"),
    ],
)
def test_where_a_link_in_html_leads_is_shown(link: str, shown: str) -> None:
    one = mail(f"<p>Zie {link} voor de regels.</p>", Content_Type="text/html")
    assert one.text == " ".join(f"Zie {shown} voor de regels.".split())


@pytest.mark.parametrize("lines", ["\n", "x\n", "> x\n\nx\n", "-- \nx\n", "\n> \n"])
def test_a_mail_of_very_many_lines_is_folded_too(lines: str) -> None:
    many = 300_000 // len(lines)  # for the square of that there is no time
    assert fold(f"Mijn vraag\n{lines * many}Dank").words.startswith("Mijn vraag\n")


@given(st.text(st.sampled_from("> \n-_:abVanOpschreefFromwrote<@é,0"), max_size=400))
def test_folding_takes_anything_and_never_all(text: str) -> None:
    folded = fold(text).words
    assert bool(folded.strip()) is bool(text.strip("\n ").strip())
    assert set(folded.split()) <= set(text.split())


# --- Parsing -------------------------------------------------------------------------------------


def test_words_come_from_the_plain_form_and_files_from_everywhere() -> None:
    body = (
        '--a\nContent-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/html\n\n<p>Mooi</p>\n'
        "--b\nContent-Type: text/plain\n\nPlat\n--b--\n--a\nContent-Type: text/plain\n\nErachter\n"
        '--a\nContent-Type: application/pdf; name="brief.pdf"\nContent-Transfer-Encoding: base64\n\n'
        + "QUJD" * 40_000
        + "\n--a\nContent-Type: message/rfc822\n\nSubject: De vorige\n\nx\n"
        + '--a\nContent-Type: text/plain; name="../x/y.txt"'
        "\n\nlos\n--a--\n"
    )
    one = mail(body, Content_Type='multipart/mixed; boundary="a"')
    assert one.text.split() == ["Plat", "Erachter"]
    assert [file.name for file in one.files] == ["brief.pdf", "De vorige.eml", ".._x_y.txt"]
    assert "📎 brief.pdf (120 kB)" in post(one).text


@pytest.mark.parametrize("disposition", ["Content-Disposition: inline\n", ""])
def test_words_with_a_file_name_are_words_unless_others_came_before(disposition: str) -> None:
    part = f'--b\nContent-Type: text/plain; name="Bericht.txt"\n{disposition}\n{{}}\n'
    one = mail(
        f"{part.format('Mijn vraag')}{part.format('Iets anders')}--b--", Content_Type="multipart/mixed; boundary=b"
    )
    assert post(one).text == "Vraag\n\nMijn vraag\n\n📎 Bericht.txt (1 kB)"


def test_a_file_without_a_name_is_named_by_its_kind() -> None:
    part = "--b\nContent-Type: {}\nContent-Transfer-Encoding: base64\n{}\nQUJD\n"
    files = [part.format("image/jpeg", ""), part.format("application/pdf", "Content-Disposition: inline\n")]
    one = mail(f"{''.join(files)}--b--", Content_Type="multipart/mixed; boundary=b")
    assert post(one).text == "Vraag\n\n📎 image/jpeg (1 kB)\n📎 application/pdf (1 kB)"


@pytest.mark.parametrize("kind", ["application/pgp-signature", "application/pkcs7-signature"])
def test_the_signature_of_a_program_is_no_file(kind: str) -> None:
    parts = f"--b\nContent-Type: text/plain\n\nDank u wel!\n--b\nContent-Type: {kind}\n\nQUJD\n--b--"
    one = mail(parts, Content_Type="multipart/signed; boundary=b")
    assert post(one).text == "Vraag\n\nDank u wel!"


def test_a_mail_of_parts_without_a_boundary_is_shown_as_it_came() -> None:
    assert post(mail("Mijn vraag staat hier", Content_Type="multipart/mixed")).text == "Vraag\n\nMijn vraag staat hier"


MEETING = """BEGIN:VCALENDAR
BEGIN:VTIMEZONE
DTSTART:16010101T030000
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID="W. Europe":20261124T104200
SUMMARY;LANGUAGE=nl:Overleg\\, over de
  lantaarn
LOCATION:Stadhuis
DESCRIPTION:Graag tot dan.\\nJan
BEGIN:VALARM
DESCRIPTION:REMINDER
END:VALARM
END:VEVENT
END:VCALENDAR"""


def test_the_words_of_an_invitation_are_shown_if_there_are_no_others() -> None:
    alone = mail(MEETING, Content_Type="text/calendar; method=REQUEST")
    assert post(alone).text == (
        "Vraag\n\n📅 Overleg, over de lantaarn\n24-11-2026 10:42\nStadhuis\nGraag tot dan.\nJan"
    )
    parts = "--b\nContent-Type: text/plain\n\n{}\n--b\nContent-Type: text/calendar\n\n" + MEETING + "\n--b--"
    kind = "multipart/alternative; boundary=b"
    assert post(mail(parts.format("Komt u?"), Content_Type=kind)).text == "Vraag\n\nKomt u?"
    assert "Overleg" in post(mail(parts.format(""), Content_Type=kind)).text
    assert post(mail("BEGIN:VCALENDAR", Content_Type="text/calendar")).text == "Vraag"


def test_of_which_mail_the_end_is_left_out_is_told() -> None:
    assert post(mail("woord " * 4000)).text.endswith("woord …")
    assert len(post(mail("woord " * 4000)).place["words"]) <= MAX_CHARACTERS
    assert post(mail("<p>woord</p>" + " " * MAX_HTML, Content_Type="text/html")).text.endswith("woord …")
    assert mail_of(b"From: jan@burger.example\n\nwoord", whole=False).text == "woord …"
    assert unread(b"woord " * 4000, NOW).text.endswith("woord …")


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("café".encode(), "utf-8", "café"),
        ("café €".encode("cp1252"), "utf-8", "café €"),
        ("café".encode(), "no-such-charset", "café"),
        ("café".encode(), "us-ascii", "café"),
        (b"caf\xe9", "", "café"),
        ("café".encode(), "rot13", "café"),
        ("café".encode(), "unicode_escape", "café"),
        ("café".encode("utf-16"), "utf-16", "café"),
        ("кафе".encode("koi8-r"), "koi8-r", "кафе"),
        ("€ 150 voor foto’s – waarom?".encode("cp1252"), "iso-8859-1", "€ 150 voor foto’s – waarom?"),
        ("een boete van € 150".encode("cp1252"), "us-ascii", "een boete van € 150"),
        (b"caf\xe9 \x81", "latin-1", "café �"),
        ("geïrriteerd: € 150".encode() + b" \xff", "utf-8", "geïrriteerd: € 150 �"),
    ],
)
def test_a_wrong_charset_loses_no_mail(content: bytes, charset: str, text: str) -> None:
    raw = f"From: jan@burger.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + content
    assert mail_of(raw).text.strip() == text


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?utf-8?B?w6k=?=", "é"),
        ("Geldt dit óók?", "Geldt dit óók?"),
        ("=?utf-8?B?!!!?=", None),
        ("=?no-such?Q?x=E9?=", "xé"),
        ("a\n b\n\tc", "a b c"),
        ("x\0y", "xy"),
    ],
)
def test_a_subject_is_read_however_it_is_written(raw: str, subject: str | None) -> None:
    read = mail(Subject=raw).subject
    assert read == subject or subject is None


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("Jan <JAN@Burger.example>", "jan@burger.example"),
        ('"Vries, Jan de" <jan@burger.example>', "jan@burger.example"),
        ("=?utf-8?q?Jan=2C_Piet?= <jan@burger.example>", "jan@burger.example"),
        ("jan@burger.example (Jan)", "jan@burger.example"),
        ("nobody <>", None),
        ("@@", None),
        ("", None),
    ],
)
def test_an_author_is_an_address_or_nobody(value: str, address: str | None) -> None:
    one = mail(From=value)
    assert (one.author.address if one.author else None) == address
    assert bool(post(one).permits) is (address is not None)


@pytest.mark.parametrize("header", ["From", "Reply_To"])
@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("jan@burger.example <jan@burger.example>", "jan@burger.example"),
        ("Jan [Voorbeeld] <jan@burger.example>", "Jan [Voorbeeld]"),
        ("Jan @ Voorbeeld <jan@burger.example>", "Jan @ Voorbeeld"),
        ("Jan (werk <jan@burger.example>", "Jan (werk"),
        ('"Jan <jan@burger.example>', "Jan"),
        ("Jan; Piet <jan@burger.example>", "Jan; Piet"),
        ("els@elders.example <jan@burger.example>", "els@elders.example"),
        ('"els@elders.example" <jan@burger.example>', "els@elders.example"),
        ('"<els@elders.example>" <jan@burger.example>', "<els@elders.example>"),
        ("jan@burger.example <jan@burger.example>, Els <els@elders.example>", "jan@burger.example"),
        ("<jan@burger.example>", None),
        ("jan@burger.example, Els <els@elders.example>", None),
    ],
)
def test_an_address_is_read_whatever_stands_before_it(value: str, name: str | None, header: str) -> None:
    one = post(mail(**{"From": "noreply@gemeente.example", header: value}))
    assert (one.author.external_id, one.author.name) == ("jan@burger.example", name or "jan@burger.example")
    assert one.permits


def test_a_form_that_sends_for_a_citizen_has_the_citizen_as_author() -> None:
    one = post(mail(From="Formulier <noreply@gemeente.example>", Reply_To="Jan <jan@burger.example>"))
    assert (one.author.external_id, one.author.name) == ("jan@burger.example", "Jan")
    assert post(mail(Reply_To=TEAM)).author.external_id == "jan@burger.example"


def test_a_form_that_sends_in_our_own_name_is_of_the_citizen() -> None:
    form = mail("Mijn lantaarn is kapot.", From=f"Formulier <{TEAM}>", To=TEAM, Reply_To="jan@burger.example")
    assert (post(form).author.external_id, post(form).author.name) == ("jan@burger.example", "jan@burger.example")
    assert not automatic.is_automatic(form, TEAM)


@pytest.mark.parametrize(
    ("to", "cc", "others"),
    [
        (TEAM, "", 0),
        ("", "", 0),
        (f"Webcare <{TEAM.upper()}>, jan@burger.example", "", 0),
        ("info@gemeente.example", "", 0),
        (TEAM, "info@gemeente.example", 1),
        (
            f"els@elders.example <els@elders.example>, Webcare <{TEAM}>",
            "Piet <piet@elders.example>, els@elders.example",
            2,
        ),
        ("redactie@krant.example", "", 1),
    ],
)
def test_how_many_others_got_a_mail_is_known(to: str, cc: str, others: int) -> None:
    assert also_to(post(mail(To=to, Cc=cc)).place) == others


def test_a_mail_without_an_id_has_the_same_one_each_time() -> None:
    raw = b"From: jan@burger.example\n\nHallo"
    assert mail_of(raw).message_id == mail_of(raw).message_id != mail_of(raw + b"!").message_id


def deep(depth: int) -> bytes:
    heads = (f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(depth))
    return b"Subject: diep\n" + "".join(heads).encode() + b"Content-Type: text/plain\n\nbodem\n"


@pytest.mark.parametrize("depth", [3, 100, 20_000])
def test_parts_in_parts_without_end_are_a_mail_too(depth: int) -> None:
    one = mail_of(deep(depth))
    assert one.subject == "diep"
    assert "bodem" in one.text or depth > 3
    assert one.text


NASTY = [
    *(
        b"From: ",
        b"Subject: ",
        b"Reply-To: ",
        b"In-Reply-To: ",
        b"Message-ID: <",
        b"References: <a> <b>\n",
        b"Date: 99",
    ),
    *(b"Content-Type: multipart/mixed; boundary=", b"Content-Type: text/html; charset=x\n", b"--x\n", b"\n\n", b"\r"),
    *(b"Content-Transfer-Encoding: base64\n", b"Content-Disposition: attachment; filename*0*=x''\n", b"<blockquote>"),
    *(b"multipart/report; report-type=delivery-status", b"Action: failed\n", b"=?utf-8?B?", b"\xff\x00", b"@", b'"'),
]


@given(st.lists(st.sampled_from(NASTY) | st.binary(max_size=30), max_size=40).map(b"".join), st.booleans())
def test_any_bytes_are_a_mail_and_its_answer_is_one_sound_mail(raw: bytes, whole: bool) -> None:
    one = mail_of(raw, whole=whole)
    told = post(one)
    assert told.external_id
    assert told.private
    stored = json.dumps([told.text, told.author.name, dict(told.place), told.ancestors], ensure_ascii=False)
    assert stored.encode()  # no lone surrogates, which no database takes
    assert "\\u0000" not in stored
    automatic.is_automatic(one, TEAM)
    automatic.delivery_of(one, NOW)
    assert unread(raw, NOW).external_id
    answer = message_from_bytes(answered(told), policy=policy.compat32)
    assert answer.get_all("To") == answer.get_all("To")[:1]
    assert set(answer.keys()) <= ANSWER_HEADERS


@pytest.mark.parametrize(
    ("parameters", "body", "text"),
    [
        ("format=flowed; delsp=yes", "Zie https://www.gemeente.example/afval \n/kalender?wijk=zuid  \nen bel.",
         "Zie https://www.gemeente.example/afval/kalender?wijk=zuid en bel."),
        ("format=flowed", "De lamp is al \nweken stuk.\nGroet", "De lamp is al weken stuk.\nGroet"),
        ("Format=Flowed; DelSp=No", "De lamp is al \nweken stuk.", "De lamp is al weken stuk."),
        ("format=flowed", "Dag, \n\nDe lamp", "Dag, \n\nDe lamp"),
        ("format=flowed", "Dag\n > Dit schreef ik zelf\n From nu on", "Dag\n > Dit schreef ik zelf\nFrom nu on"),
        ("format=flowed; delsp=yes", "Ja. \n> Kan dat \n>  op maandag?\n>> Dag \n> Jan",
         "Ja.\n> Kan dat op maandag?\n>> Dag\n> Jan"),
        ("format=flowed", "Dag, \n-- \nJan \nde Vries", "Dag, \n-- \nJan de Vries"),
        ("format=fixed", "De lamp is al \nweken stuk.", "De lamp is al \nweken stuk."),
    ],
)  # fmt: skip
def test_lines_that_a_program_broke_are_joined(parameters: str, body: str, text: str) -> None:
    assert mail(body, Content_Type=f"text/plain; charset=utf-8; {parameters}").text.strip() == text


def test_a_quotation_in_broken_lines_is_folded_away() -> None:
    body = f"{WORDS}\n\nOp 24-11-2026 om 10:42 schreef Webcare \n<{TEAM}>:\n> Dag Jan, \n> dat kan niet."
    one = mail(body, Content_Type="text/plain; format=flowed", Subject="Re: Vraag")
    assert fold(one.text).words == WORDS


def test_an_automatic_answer_without_the_headers_comes_in_and_its_subject_says_what_it_is() -> None:
    subjects = ("Automatisch antwoord: Re: Vraag", "Afwezig: Vraag", "Automatische reactie", "Out of office: Re: Vraag")
    for subject in subjects:
        one = mail("Ik ben er maandag weer.", Subject=subject, In_Reply_To=f"<{OURS}>")
        assert not automatic.is_automatic(one, TEAM), "a citizen may have written it"
        assert post(one).text == f"{subject}\n\nIk ben er maandag weer."


# --- Automatic mail ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x"},
        {"Precedence": "Bulk"},
        {"Precedence": "auto_reply"},
        {"List_Id": "<nieuws.burger.example>"},
        {"List_Unsubscribe": "<https://burger.example/weg>"},
        {"Return_Path": "<>"},
        {"X_Autoreply": "yes"},
        {"X_Auto_Response_Suppress": "All", "Subject": "Automatisch antwoord: Vraag"},
        {"From": f"Webcare <{TEAM}>"},
        {"From": f"Webcare <{TEAM}>", "Reply_To": TEAM},
        {"From": f"Webcare <{TEAM}>", "Reply_To": "Klantcontact <info@gemeente.example>", "Message_ID": f"<{OURS}>"},
    ],
    ids=str,
)
def test_what_nobody_wrote_is_left_out(headers: dict[str, str]) -> None:
    assert automatic.is_automatic(mail(**headers), TEAM)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto_Submitted": "no"},
        {"Precedence": "normal"},
        {"X_Auto_Response_Suppress": "OOF, DR", "Subject": "Melding via het formulier"},
        {"Subject": "Automatisch antwoord gekregen, en nu?"},
    ],
    ids=str,
)
def test_what_a_citizen_wrote_is_not_left_out(headers: dict[str, str]) -> None:
    assert not automatic.is_automatic(mail(**headers), TEAM)


def report(status: str, action: str = "failed", code: str = "", about: str = f"Message-ID: <{OURS}>") -> Mail:
    body = (
        f"--r\n\nHelaas.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; weg@burger.example\nAction: {action}\nStatus: {status}\n{code}\n\n"
        f"--r\nContent-Type: message/rfc822\n\nFrom: {TEAM}\n{about}\n\nDag\n--r--\n"
    )
    kind = 'multipart/report; report-type=delivery-status; boundary="r"'
    return mail(body, Content_Type=kind, Return_Path="<>", Auto_Submitted="auto-replied")


def failed(one: Mail) -> Delivery | None:
    assert automatic.is_report(one)
    return automatic.delivery_of(one, NOW)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("5.1.1", "", "The address weg@burger.example does not exist."),
        ("5.0.0", "Diagnostic-Code: smtp; 550 5.1.1 unknown", "The address weg@burger.example does not exist."),
        ("5.1.2", "", "The mail server of weg@burger.example does not exist."),
        ("5.2.2", "", "The mailbox of weg@burger.example is full."),
        ("5.7.1", "Diagnostic-Code: smtp; 550 spam?", "refused the mail: 550 spam?"),
        ("5.0.0", "", "The mail to weg@burger.example could not be delivered."),
        ("", "Diagnostic-Code: smtp; broken", "could not be delivered: broken"),
    ],
)
def test_a_report_says_in_words_why_an_answer_did_not_arrive(status: str, code: str, words: str) -> None:
    told = failed(report(status, code=code))
    assert told is not None
    assert told.external_id == OURS
    assert words in str(told.reason)


def test_a_report_without_our_mail_is_known_by_what_it_answers() -> None:
    one = report("5.1.1", about="X-Nothing: here")
    assert failed(one) is None
    one.message["References"] = f"<{OURS}>"
    assert failed(replace(one, references=(OURS,))) is not None


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", ""])
def test_a_report_of_anything_else_changes_nothing(action: str) -> None:
    assert failed(report("4.4.7", action)) is None


def test_a_report_about_another_mail_is_about_no_answer_of_ours() -> None:
    assert failed(report("5.1.1", about="Message-ID: <1@burger.example>")) is None


def report_with(copy: str, **headers: str) -> Mail:
    """A report with this part about the mail that did not arrive."""
    body = (
        "--r\n\nHelaas.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; weg@burger.example\nAction: failed\nStatus: 5.1.1\n\n--r\n{copy}\n--r--\n"
    )
    kind = 'multipart/report; report-type=delivery-status; boundary="r"'
    return mail(body, Content_Type=kind, Return_Path="<>", Auto_Submitted="auto-replied", **headers)


OF_A_COLLEAGUE = f"From: {TEAM}\nTo: weg@burger.example\nIn-Reply-To: <{OURS}>\nReferences: <{OURS}>\n"
INSIDE = (
    'Content-Type: multipart/mixed; boundary="s"\n\n--s\n\nKijk jij?\n--s\nContent-Type: message/rfc822\n\n'
    f"Message-ID: <{OURS}>\n\nDag\n--s--\n"
)


@pytest.mark.parametrize(
    ("copy", "headers"),
    [
        (f"Content-Type: message/rfc822\n\n{OF_A_COLLEAGUE}Message-ID: <2@outlook.example>\n\nDag", {}),
        (
            f"Content-Type: message/rfc822\n\n{OF_A_COLLEAGUE}Message-ID: <2@outlook.example>\n\nDag",
            {"In_Reply_To": "<2@outlook.example>", "References": f"<{OURS}> <2@outlook.example>"},
        ),
        (f"Content-Type: text/rfc822-headers\n\n{OF_A_COLLEAGUE}Message-ID: <2@outlook.example>\n", {}),
        (f"Content-Type: message/rfc822\n\nMessage-ID: <2@outlook.example>\n{INSIDE}", {}),
        ("Content-Type: text/plain\n\nDag", {"References": f"<{OURS}> <2@outlook.example>"}),
    ],
    ids=["whole", "whole, and it is answered", "its headers", "with ours in it", "only answered"],
)
def test_a_report_about_what_a_colleague_wrote_in_the_same_conversation_is_about_no_answer_of_ours(
    copy: str, headers: dict[str, str]
) -> None:
    assert failed(report_with(copy, **headers)) is None


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable"])
def test_a_report_with_only_the_headers_is_about_the_answer_and_not_about_the_one_before(encoding: str) -> None:
    before = threads.id_of("key-0", TEAM)
    told = failed(
        report_with(
            f"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: {encoding}\n\nFrom: {TEAM}\n"
            f"In-Reply-To: <{before}>\nReferences: <{before}>\nMessage-ID: <{OURS}>\n"
        )
    )
    assert told is not None
    assert told.external_id == OURS


QMAIL = f"""Hi. This is the qmail-send program at burger.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<weg@burger.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <{TEAM}>
Received: (qmail 4.98.2 invoked); 27 Nov 2026 09:00:00 -0000
From: Gemeente <{TEAM}>
References: <0@burger.example> <{threads.id_of("key-0", TEAM)}>
Message-ID: <{OURS}>

Dag
"""
EXIM = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  weg@burger.example
    SMTP error from remote mail server after RCPT TO:<weg@burger.example>:
    host mx.burger.example: 552 5.2.2 mailbox is full

------ This is a copy of the message, including all the headers. ------

Return-path: <{TEAM}>
Message-ID: <{OURS}>
From: Gemeente <{TEAM}>

Dag
"""
BY_SERVER = {"Return_Path": "<>", "From": "MAILER-DAEMON@burger.example", "Subject": "failure notice"}


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (QMAIL, {"Subject": "failure notice"}, "The address weg@burger.example does not exist."),
        (EXIM, {"X_Failed_Recipients": "weg@burger.example"}, "The mailbox of weg@burger.example is full."),
        (EXIM, {}, "The mailbox of weg@burger.example is full."),
        (EXIM.replace("552 5.2.2", "550"), {}, "delivered: host mx.burger.example: 550 mailbox is full"),
        (EXIM.replace("552 5.2.2", "hm"), {"From": "Postmaster <x@y.example>"}, "weg@burger.example could not be"),
        (f"Helaas.\n\n> From: x\n> message-id: <{OURS}>\n", {}, "The mail to ? could not be delivered."),
        (EXIM, {"From": "MAILER-DAEMON (Mail Delivery Subsystem)"}, "The mailbox of weg@burger.example is full."),
    ],
    ids=["qmail", "exim", "no header", "no status", "no code", "quoted", "no address"],
)
def test_a_report_in_words_gives_the_answer_back_too(body: str, headers: dict[str, str], words: str) -> None:
    told = failed(mail(body, **{**BY_SERVER, **headers}))
    assert told is not None
    assert (told.external_id, told.arrived) == (OURS, Arrived.FAILED)
    assert words in str(told.reason)


def test_a_report_in_words_with_our_mail_attached() -> None:
    body = f"--r\n\nUser unknown\n--r\nContent-Type: message/rfc822\n\nMessage-ID: <{OURS}>\n\nDag\n--r--\n"
    assert failed(mail(body, Content_Type='multipart/mixed; boundary="r"', **BY_SERVER)) is not None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (QMAIL, {"Return_Path": "<jan@burger.example>"}),
        (QMAIL, {"Return_Path": "<jan@burger.example>", "X_Failed_Recipients": "weg@burger.example"}),
        (QMAIL, {"From": "jan@burger.example"}),
        (QMAIL, {"Subject": "Warning: message 1abc delayed 24 hours"}),
        ("*** THIS IS A WARNING MESSAGE ONLY ***\n" + QMAIL, {}),
        (QMAIL.replace(OURS, "1@burger.example"), {}),
        (QMAIL.replace(OURS, "1@burger.example") + f"> Message-ID: <{OURS}>\n", {}),
        ("Ik ben er niet.", {"In_Reply_To": f"<{OURS}>", "References": f"<{OURS}>"}),
        (f"Wij kregen {OURS}", {}),
        ("", {}),
    ],
    ids=["quoted by a citizen", "with a header of a server", "of a citizen who is away", "delayed", "warning",
         "about another mail", "about a mail that quotes ours", "answers ours", "names it", "nothing"],
)  # fmt: skip
def test_what_only_looks_like_a_report_in_words_takes_no_answer_back(body: str, headers: dict[str, str]) -> None:
    one = mail(body, **{**BY_SERVER, **headers})
    assert not automatic.is_report(one) or automatic.delivery_of(one, NOW) is None


# --- Threads -------------------------------------------------------------------------------------


def test_a_mail_joins_what_it_names() -> None:
    one = post(mail(References=f"<0@burger.example>\n <{OURS}>", In_Reply_To=f"<{OURS}>"))
    assert (one.in_reply_to, one.ancestors) == (OURS, ("0@burger.example",))
    one = post(mail(References=f"<0@burger.example> <{OURS}>"))
    assert (one.in_reply_to, one.ancestors) == (OURS, ("0@burger.example",))


@pytest.mark.parametrize("subject", ["Re: Vraag", "RE: RE: vraag", "Antw: Vraag", "re:  Vraag", "Re[2]: Vraag"])
def test_a_mail_that_names_none_joins_by_its_subject(subject: str) -> None:
    subjects = threads.Subjects()
    post(mail(Message_ID="<0@burger.example>"), subjects)
    subjects = threads.Subjects.of(json.loads(json.dumps(subjects.known)))
    one = post(mail(Subject=subject), subjects, NOW + timedelta(days=13))
    assert one.in_reply_to == "0@burger.example"
    assert "Vraag" not in one.text


@pytest.mark.parametrize(
    ("headers", "later"),
    [
        ({"Subject": "Vraag"}, timedelta(days=1)),
        ({"Subject": "Re: Vraagje"}, timedelta(days=1)),
        ({"Subject": "Re: Vraag", "From": "piet@burger.example"}, timedelta(days=1)),
        ({"Subject": "Re: Vraag"}, timedelta(days=15)),
        ({"Subject": "Re:"}, timedelta(days=1)),
        ({"Subject": "FW: Vraag"}, timedelta(days=1)),
    ],
    ids=str,
)
def test_by_its_subject_alone_a_mail_joins_nothing_else(headers: dict[str, str], later: timedelta) -> None:
    subjects = threads.Subjects()
    post(mail(Message_ID="<0@burger.example>"), subjects)
    assert post(mail(**headers), subjects, NOW + later).in_reply_to is None


def test_no_more_subjects_are_remembered_than_fit() -> None:
    subjects = threads.Subjects()
    for n in range(threads.MOST + 20):
        post(mail(Subject=f"Vraag {n}", Message_ID=f"<{n}@burger.example>"), subjects)
    assert len(subjects.known) == threads.MOST
    assert post(mail(Subject="Re: Vraag 0"), subjects).in_reply_to is None


# --- Answers -------------------------------------------------------------------------------------

ANSWER_HEADERS = set(
    """MIME-Version Content-Transfer-Encoding Content-Type From Reply-To To Subject Date Message-ID In-Reply-To
    References""".split()
)


def answered(to: Post, text: str = "Dat kan.\n.\nGroet, Sanne") -> bytes:
    draft = Draft("key-1", text, True, to, NOW, subject="Uw bericht van 24 november")
    return answering.mail_for(draft, address=TEAM, name="Gemeente Voorbeeld", to="jan@burger.example", now=NOW)


def read(raw: bytes) -> Any:
    return message_from_bytes(raw, policy=policy.default)


def test_an_answer_quotes_the_citizen_and_stands_in_their_thread() -> None:
    to = post(mail(Subject="RE: Antw: Vraag", References="<0@burger.example>", Date="Tue, 24 Nov 2026 10:42:00 +0100"))
    one = read(answered(to))
    assert (one["Subject"], one["To"], one["From"]) == (
        "Re: Vraag",
        "Jan <jan@burger.example>",
        f"Gemeente Voorbeeld <{TEAM}>",
    )
    assert (one["Reply-To"], one["Message-ID"]) == (TEAM, f"<{OURS}>")
    assert (one["In-Reply-To"], one["References"]) == ("<1@burger.example>", "<0@burger.example> <1@burger.example>")
    assert one["Auto-Submitted"] is None
    assert one.get_content().replace("\r\n", "\n") == (
        "Dat kan.\n.\nGroet, Sanne\n\nJan <jan@burger.example>, 24-11-2026 10:42:\n"
        "> Dag,\n>\n> Kan dat ook op maandag?\n>\n> Groet, Jan\n"
    )


def test_an_answer_to_a_mail_without_subject_and_id_has_a_title_and_no_thread() -> None:
    to = post(mail_of(b"From: jan@burger.example\n\nHallo"))
    one = read(answered(to))
    assert (one["Subject"], one["In-Reply-To"], one["References"]) == ("Uw bericht van 24 november", None, None)


@pytest.mark.parametrize(
    "nasty", ["x\r\nBcc: all@burger.example", "x\nBcc: a@b.example\n\nlichaam", "é\r\nBcc: a@b", "x\x00y"]
)
def test_nobody_puts_headers_into_our_answer(nasty: str) -> None:
    to = post(mail())
    place = {**to.place, "subject": nasty, "references": [nasty], "written": nasty}
    to = replace(to, place=place, author=Author("jan@burger.example", nasty), external_id=nasty)
    one = read(answered(to))
    assert set(one.keys()) <= ANSWER_HEADERS
    assert len(one.get_all("Subject")) == 1


def test_long_ids_are_not_broken_on_the_way() -> None:
    long = f"{'a' * 200}@burger.example"
    one = message_from_bytes(answered(post(mail(Message_ID=f"<{long}>"))), policy=policy.compat32)
    assert one["In-Reply-To"].strip() == f"<{long}>"
    assert max(map(len, answered(post(mail())).split(b"\r\n"))) < 998
