"""The house rules for hiding posts, and what no rule may be about: a public body does not hide criticism."""

from bot.domain.words import folded

CRITICISM = (
    "kriti", "sarcas", "ironi", "cynis", "negati", "klaag", "klagen", "klager", "klacht", "geklaag", "zeur", "gezeur",
    "mopper", "gemopper", "ontevreden", "onvrede", "mening", "oneens", "tegenspraak", "tegengeluid",
    "critic", "complain", "opinion", "disagree", "dissent", "unhappy", "dissatisf",
)  # fmt: skip
"""Beginnings of words for criticism, sarcasm, negativity or a complaint, in Dutch and English."""
ANYWHERE = ("kritiek", "kritisch", "sarcas", "negatie", "negativ", "ontevreden")
"""Beginnings that count anywhere in the title, so that spaces and signs between the letters hide nothing."""


def is_criticism(title: str) -> bool:
    """Tell whether a house rule with this title would be about criticism, sarcasm, negative words or complaints."""
    words = folded(title)
    letters = "".join(words)
    return any(word.startswith(CRITICISM) for word in words) or any(part in letters for part in ANYWHERE)
