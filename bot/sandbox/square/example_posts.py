"""A first minute on the square, and the afternoon before: citizens of a made-up municipality, so that it is alive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.square.posts import Square


@dataclass(frozen=True)
class Line:
    """One post: after how many seconds, by whom, what; `answers` is the index of an earlier line by the same person."""

    after: float
    name: str
    text: str
    private: bool = False
    answers: int | None = None


MINUTE = (
    Line(
        1, "Fatima El Amrani",
        "Hoi gemeente, de grijze container in de Lindestraat is vanochtend niet geleegd, en hij zit helemaal vol. "
        "Wanneer komen jullie alsnog langs? 🙏",
    ),
    Line(
        4, "Jan-Willem Bakker",
        "Derde week op rij dat de Stationsweg openligt. Geen bord, geen omleiding, geen mens te zien. "
        "WIE heeft dit bedacht?! Ik sta elke ochtend 20 minuten stil.",
    ),
    Line(
        10, "Priya Sharma",
        "Ik moet mijn paspoort verlengen maar heb 19 december een vlucht. Lukt dat nog via een gewone afspraak "
        "of moet het met spoed? #paspoort",
    ),
    Line(
        18, "Ans de Wit",
        "Even een compliment: de medewerkster aan balie 4 heeft mijn moeder van 87 zo lief en geduldig geholpen. "
        "Geef haar een bloemetje van ons! 💐",
    ),
    Line(
        28, "Kees Verhoeven",
        "Kunnen jullie mij bellen over de vergunning voor mijn dakkapel? Mijn nummer is 06 12345678, "
        "na vijven ben ik thuis.",
    ),
    Line(
        38, "Jan-Willem Bakker",
        "En bij de bakker hoor ik dat het tot februari duurt. Klopt dat of is dat weer een gerucht?",
        answers=1,
    ),
    Line(
        50, "Milan Kowalski",
        "Goedemiddag, ik wil iets vragen over mijn uitkering, maar liever niet waar iedereen meeleest.",
        private=True,
    ),
)  # fmt: skip


LATE = Line(
    0, "Marit Jansen",
    "De lantaarnpaal voor ons huis knippert nu al drie nachten. Kan iemand daar eens naar kijken?",
)  # fmt: skip
PROMISED = Line(
    0, "Ruud Smeets",
    "Mijn bezwaar tegen de parkeerboete ligt er nu zes weken. Krijg ik nog antwoord?",
)  # fmt: skip
INTERIM = "Dag Ruud, we zoeken het voor je uit. Maandag voor elf uur hoor je meer. ^YA"


def left_over(square: Square, at: datetime, answered_at: datetime) -> list[dict[str, Any]]:
    """Put two posts of an earlier afternoon on the square: one unanswered, one with an interim answer."""
    late, promised = (square.post(_citizen(line), line.text, published_at=at) for line in (LATE, PROMISED))
    square.answer(promised["id"], INTERIM, published_at=answered_at)
    return [late, promised]


def _citizen(line: Line) -> dict[str, str]:
    handle = line.name.lower().replace(" ", "").replace("-", "")
    return {"id": f"seed-{handle}", "name": line.name, "handle": handle}


async def play(square: Square, lines: tuple[Line, ...] = MINUTE) -> None:
    """Let the citizens post, each at their moment."""
    posted: list[str] = []
    waited = 0.0
    for line in lines:
        await asyncio.sleep(line.after - waited)
        waited = line.after
        answered = posted[line.answers] if line.answers is not None else None
        post = square.post(_citizen(line), line.text, in_reply_to=answered, private=line.private)
        posted.append(post["id"])
