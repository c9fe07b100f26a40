"""A made-up fire for `webcare try --flood`: what citizens write in its first ten minutes, played in two.

The posts are put together from parts, always in the same way: people who see smoke, who ask what to do, who offer help,
who pass on rumours, the press, and between them those who write about something else.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from bot.sandbox.square.example_posts import citizen
from bot.sandbox.square.posts import Square

SECONDS = 120.0
"""How long it is played."""
POSTS = 300
WAYS = (
    ("", ""), ("", ""), ("", ""),
    ("facebook", "comment"), ("instagram", "comment"), ("bluesky", "reply"), ("whatsapp", "message"),
)  # fmt: skip
"""Where people write, and how; the square itself most often."""

FIRST = (
    "Fatima", "Jan", "Priya", "Kees", "Noor", "Milan", "Sanne", "Youssef", "Els", "Bram", "Aylin", "Sjoerd", "Chantal",
    "Daan", "Tineke", "Hanneke", "Gerard", "Lotte", "Ruud", "Marit", "Omar", "Wilma", "Joost", "Nadia", "Piet", "Femke",
)  # fmt: skip
LAST = (
    "de Vries", "Bakker", "El Amrani", "Jansen", "Verhoeven", "Sharma", "Mulder", "Yılmaz", "van Dijk", "Smeets",
    "Hoekstra", "Kowalski", "Maduro", "Bos", "de Groot", "Post", "Visser", "Meijer", "Öztürk", "Kuipers",
)  # fmt: skip
STREETS = ("de Havenweg", "de Lindestraat", "de Stationsweg", "het Molenpad", "de Kerkstraat", "de Vaart", "het Singel")
FACTORY = ("de verffabriek", "die verffabriek aan de haven", "het bedrijf op de Havenweg", "de oude fabriek")

SEES = (
    "Grote brand bij {factory}! Zwarte rook tot aan {street}.",
    "Brand bij {factory}, wat is hier aan de hand?",
    "Wat een rookwolk boven {street}. Is dat van {factory}?",
    "Net een harde klap gehoord, en nu staat {factory} in brand.",
    "Er vallen zwarte vlokken in onze tuin aan {street}. Is dat gevaarlijk?",
    "Hier op {street} stinkt het vreselijk. Iemand anders ook?",
    "Ik zie vlammen boven de haven vanaf {street} 😳",
)
ASKS = (
    "Moeten we aan {street} de ramen dichtdoen?",
    "Moeten de ramen en deuren dicht? Ik woon aan {street} en hoor niets van jullie.",
    "Kan ik mijn kinderen gewoon van school halen, of is de lucht te slecht?",
    "Mag ik nog naar buiten met de hond op {street}?",
    "Is de rook van {factory} giftig? Mijn vader heeft COPD.",
    "Kan ik nog over {street} of is alles afgezet?",
    "Gaat de sirene nog af? Ik heb geen NL-Alert gekregen.",
    "Wij hebben de ventilatie uitgezet, is dat genoeg?",
    "Hoe lang gaat dit nog duren? Ik moet om vijf uur langs {factory}.",
    "Mogen we de groente uit onze volkstuin nog eten met al dat roet?",
)
HELPS = (
    "Als er mensen opgevangen moeten worden: wij hebben plek aan {street}.",
    "Sporthal De Molen staat open, koffie en thee genoeg ☕",
    "Ik heb filmpjes vanaf {street}, waar kan ik die naartoe sturen?",
    "Heel veel sterkte voor de brandweer, toppers 💪",
)
RUMOURS = (
    "Ik hoor dat er asbest in {factory} zit. Klopt dat??",
    "Volgens mijn buurman ligt er ammoniak in {factory}. Waarom zeggen jullie niks?",
    "In de appgroep zeggen ze dat er drie doden zijn. Is dat waar?",
    "Het drinkwater zou vervuild zijn. Mogen we de kraan nog gebruiken?",
    "Ze zeggen dat heel {street} geëvacueerd wordt. Weten jullie meer?",
)
ANGRY = (
    "Al een half uur rook en de gemeente zwijgt. Schandalig.",
    "Waar blijft de informatie? Op jullie site staat NIETS.",
    "Jaren gewaarschuwd voor {factory}, en nu dit. Wie neemt de verantwoordelijkheid?",
)
URGENT = (
    "Er zit nog iemand binnen bij {factory}! Ik zie iemand zwaaien achter het raam, gewond!!",
    "Mijn buurvrouw aan {street} is bewusteloos door de rook, 112 gebeld maar er komt niemand",
    "Ik ruik gas op {street}, komt dat door de brand?",
    "Mijn moeder zit vast in de lift aan {street}, de stroom is uitgevallen en er komt rook binnen. Levensgevaarlijk!",
)
PRESS = ("Verslaggever van Omroep Delta hier: is er vanmiddag een persmoment bij {factory}?",)
USUAL = (
    "Wanneer wordt het oud papier aan {street} opgehaald?",
    "Kan ik mijn paspoort ook op zaterdag ophalen?",
    "De lantaarn bij {street} 12 brandt nog steeds niet.",
    "Compliment voor de nieuwe speeltuin aan {street}!",
    "Mijn vergunning voor de dakkapel ligt er nu acht weken. Hoor ik nog iets?",
)
TAILS = ("", "", "", "", " #brand", " #havenbrand", " @gemeentevoorbeeld", " Graag snel antwoord.", " 😷", " Bedankt!")
SHARES = ((SEES, 30), (ASKS, 34), (RUMOURS, 12), (ANGRY, 7), (HELPS, 6), (USUAL, 7), (URGENT, 3), (PRESS, 1))
"""What they write about, and how often of a hundred."""


@dataclass(frozen=True)
class Said:
    """One post: after how many seconds, where and how, by whom, what."""

    after: float
    place: str
    way: str
    name: str
    text: str


def posts(count: int = POSTS, seconds: float = SECONDS) -> Iterator[Said]:
    """Return the posts in the order in which they come: few at first, most after a third of the time, then fewer."""
    dice = Random(7)  # noqa: S311 - the same each time
    for after in sorted(dice.triangular(1, seconds, seconds / 3) for _ in range(count)):
        [kinds] = dice.choices([kind for kind, _ in SHARES], [share for _, share in SHARES])
        place, way = dice.choice(WAYS)
        yield Said(after, place, way, f"{dice.choice(FIRST)} {dice.choice(LAST)}", _words(kinds, dice))


def _words(kinds: Sequence[str], dice: Random) -> str:
    words = dice.choice(kinds).format(street=dice.choice(STREETS), factory=dice.choice(FACTORY))
    return words + dice.choice(TAILS)


async def play(square: Square) -> None:
    """Let them write, each at its moment; on the square itself where their platform is not offered."""
    began = asyncio.get_running_loop().time()
    offered = {place.name for place in square.places}
    for said in posts():
        await asyncio.sleep(began + said.after - asyncio.get_running_loop().time())
        who, at = citizen(said.name), datetime.fromtimestamp(square.workspace.now(), UTC)
        if said.place in offered:
            square.write(said.place, who, said.text, way=said.way, published_at=at)
        else:
            square.post(who, said.text, published_at=at)
