"""What citizens write on the platforms in the first minute of `webcare try`; platforms not offered are left out."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.sandbox.square.example_posts import citizen
from bot.sandbox.square.posts import Square

NEW = timedelta()


@dataclass(frozen=True)
class Example:
    """One post: after how many seconds, where, how, by whom and what; `age` is how old it is at that moment."""

    after: float
    place: str
    way: str
    name: str
    text: str
    subject: str = ""
    age: timedelta = NEW


OURS = (
    ("facebook", "De nieuwe speeltuin in het Wilhelminapark is open! Zaterdag is er limonade. Kom je ook?"),
    ("instagram", "Zonsopgang boven de haven. Wie was er ook zo vroeg op? 🌅"),
    ("bluesky", "Vanaf maandag is de Molenbrug drie weken dicht voor onderhoud. Fietsers kunnen over de noodbrug."),
)
"""Posts of the municipality, for citizens to write below."""
EXAMPLES = (
    Example(
        14, "facebook", "comment", "Tineke Mulder",
        "Leuk, maar mijn zoon zit in een rolstoel. Is er voor hem ook een toestel? Ik vroeg het al aan de balie.",
        age=timedelta(days=7) - timedelta(hours=3),
    ),
    Example(
        20, "bluesky", "reply", "Daan Vermeer",
        "Kan ik met mijn bakfiets ook over die noodbrug, of is hij daar te smal voor?",
    ),
    Example(
        26, "whatsapp", "message", "Hanneke Bos",
        "Goedemiddag, mijn rijbewijs zou donderdag klaarliggen. Klopt dat?",
        age=timedelta(hours=30),
    ),
    Example(
        32, "email", "mail", "Gerard Post",
        "Geachte mevrouw, meneer,\n\nBij het nieuwe zebrapad voor de school staat geen bord. Auto's rijden door. "
        "Kunt u daar naar laten kijken?\n\nMet vriendelijke groet,\nGerard Post",
        subject="Zebrapad bij basisschool De Regenboog",
    ),
    Example(
        44, "instagram", "comment", "Lotte van Dijk",
        "Prachtig! Mogen we daar deze zomer weer zwemmen?",
    ),
)  # fmt: skip


def publish(square: Square, at: datetime) -> None:
    """Publish the municipality's own posts, dated a while earlier."""
    for place, words in OURS:
        if place in _offered(square):
            square.publish(place, words, published_at=at - timedelta(days=8))


async def play(square: Square) -> None:
    """Publish the examples, each at its moment."""
    waited = 0.0
    for each in EXAMPLES:
        await asyncio.sleep(each.after - waited)
        waited = each.after
        if each.place in _offered(square):
            at = datetime.fromtimestamp(square.workspace.now(), UTC) - each.age
            who = citizen(each.name)
            square.write(each.place, who, each.text, way=each.way, subject=each.subject, published_at=at)


def _offered(square: Square) -> set[str]:
    return {place.name for place in square.places}
