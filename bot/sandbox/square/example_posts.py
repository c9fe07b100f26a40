"""What citizens of a made-up municipality post in the first minute of `webcare try`, and the afternoon before."""

from __future__ import annotations

import asyncio
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.square.posts import Refused, Square


@dataclass(frozen=True)
class ExamplePost:
    """One post: after how many seconds, by whom, what; `answers` is the index of the post that it follows."""

    after: float
    name: str
    text: str
    private: bool = False
    answers: int | None = None
    picture: str = ""
    alt: str = ""


FIRST_MINUTE = (
    ExamplePost(
        1, "Fatima El Amrani",
        "Hoi gemeente, de grijze container in de Lindestraat is vanochtend niet geleegd, en hij zit helemaal vol. "
        "Wanneer komen jullie alsnog langs? 🙏",
    ),
    ExamplePost(
        4, "Jan-Willem Bakker",
        "Derde week op rij dat de Stationsweg openligt. Geen bord, geen omleiding, geen mens te zien. "
        "WIE heeft dit bedacht?! Ik sta elke ochtend 20 minuten stil.",
    ),
    ExamplePost(
        10, "Priya Sharma",
        "Ik moet mijn paspoort verlengen maar heb 19 december een vlucht. Lukt dat nog via een gewone afspraak "
        "of moet het met spoed? #paspoort",
    ),
    ExamplePost(
        18, "Ans de Wit",
        "Even een compliment: de medewerkster aan balie 4 heeft mijn moeder van 87 zo lief en geduldig geholpen. "
        "Geef haar een bloemetje van ons! 💐",
    ),
    ExamplePost(
        22, "Noor Jacobs",
        "Sinds de storm ligt deze boom over het fietspad langs de vaart. Wij moeten er met de kinderen omheen, "
        "over de rijbaan. Wie haalt hem weg?",
        picture="boom.svg",
        alt="Een omgevallen boom ligt dwars over een rood fietspad, de kroon hangt in het gras ernaast.",
    ),
    ExamplePost(
        28, "Kees Verhoeven",
        "Kunnen jullie mij bellen over de vergunning voor mijn dakkapel? Mijn nummer is 06 12345678, "
        "na vijven ben ik thuis.",
    ),
    ExamplePost(
        38, "Jan-Willem Bakker",
        "En bij de bakker hoor ik dat het tot februari duurt. Klopt dat of is dat weer een gerucht?",
        answers=1,
    ),
    ExamplePost(
        50, "Milan Kowalski",
        "Goedemiddag, ik wil iets vragen over mijn uitkering, maar liever niet waar iedereen meeleest.",
        private=True,
    ),
)  # fmt: skip


LATE = ExamplePost(
    0, "Marit Jansen",
    "De lantaarnpaal voor ons huis knippert nu al drie nachten. Kan iemand daar eens naar kijken?",
)  # fmt: skip
PROMISED = ExamplePost(
    0, "Ruud Smeets",
    "Mijn bezwaar tegen de parkeerboete ligt er nu zes weken. Krijg ik nog antwoord?",
)  # fmt: skip
NEWCOMERS = ("Aylin Yılmaz", "Sjoerd Hoekstra", "Chantal Maduro", "Bram de Groot")
"""Citizens who have not posted yet."""
INTERIM = "Dag Ruud, we zoeken het voor u uit. Maandag voor elf uur hoort u meer. ^YA"


def post_earlier(square: Square, at: datetime, answered_at: datetime) -> list[dict[str, Any]]:
    """Put two posts of an earlier afternoon on the square: one unanswered, one with an interim answer."""
    late, promised = (square.post(citizen(each.name), each.text, published_at=at) for each in (LATE, PROMISED))
    square.answer(promised["id"], INTERIM, published_at=answered_at)
    return [late, promised]


def citizens() -> list[dict[str, str]]:
    """Return the citizens whom the person at the screen can play, each once: some new ones, and all who post here."""
    names = [*NEWCOMERS, *(each.name for each in (*FIRST_MINUTE, LATE, PROMISED))]
    return [citizen(name) for name in dict.fromkeys(names)]


def citizen(name: str) -> dict[str, str]:
    """Return the citizen of this name, always the same."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ı", "i"))
    handle = "".join(sign for sign in plain if sign.isascii() and sign.isalnum())
    return {"id": f"seed-{handle}", "name": name, "handle": handle}


async def play(square: Square, examples: tuple[ExamplePost, ...] = FIRST_MINUTE) -> None:
    """Post the examples, each at its moment; without those that answer a post that was removed meanwhile."""
    posted: dict[int, str] = {}
    waited = 0.0
    for at, each in enumerate(examples):
        await asyncio.sleep(each.after - waited)
        waited = each.after
        if each.answers is not None and each.answers not in posted:
            continue
        answered = posted[each.answers] if each.answers is not None else None
        picture = {"file": each.picture, "alt": each.alt} if each.picture else None
        who = citizen(each.name)
        with suppress(Refused):
            post = square.post(who, each.text, in_reply_to=answered, private=each.private, picture=picture)
            posted[at] = post["id"]
