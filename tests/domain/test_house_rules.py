"""What can never be a house rule, whatever it is called."""

import pytest

from bot.domain.house_rules import is_criticism
from bot.team.settings import HOUSE_RULES


@pytest.mark.parametrize(
    "title",
    [
        "Kritiek", "kritiek op het college", "Kritische vragen", "Sarcasme", "sarcastisch", "Ironie", "Cynisme",
        "Negatief", "Negatieve berichten", "NEGATIVITEIT", "Klagen", "klachten", "Geklaag", "Zeuren", "gemopper",
        "Ontevredenheid",
        "Een andere mening", "oneens met ons", "Criticism", "negative posts", "Complaints", "sarcasm", "Opinions",
        "krítíek", "K.R.I.T.I.E.K", "kri\u200btiek", "k r i t i e k",
    ],
)  # fmt: skip
def test_criticism_by_any_name_is_no_house_rule(title: str) -> None:
    assert is_criticism(title)


@pytest.mark.parametrize(
    "title",
    [
        *(rule.title for rule in HOUSE_RULES),
        "Belediging",
        "Aanzetten tot haat",
        "Samenleving",
        "Off-topic",
        "Racisme",
        "",
    ],
)
def test_what_may_be_forbidden_is_a_house_rule(title: str) -> None:
    assert not is_criticism(title)
