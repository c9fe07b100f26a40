"""What holds for every platform on which people sign in."""

import pytest

from bot import connectors
from bot.connectors.platform import App, Capability, Code, Offer, OptionKind, Platform, challenge
from tests.connectors.signing_in import REDIRECT


@pytest.mark.parametrize("platform", connectors.registry().platforms.values(), ids=lambda each: each.name)
def test_a_platform_on_which_people_sign_in_says_what_that_brings(platform: Platform) -> None:
    flow = platform.sign_in
    if flow is None:
        return
    names = {option.name: option for option in platform.options}
    assert flow.brings <= set(names)
    assert any(names[name].kind is OptionKind.TOKEN for name in flow.brings), "else nothing is won by it"
    assert not {option.name for option in flow.options} & set(names)
    assert platform.can(Capability.POLLS) or platform.can(Capability.PUSHES)


def test_the_challenge_is_that_of_the_standard() -> None:
    """https://www.rfc-editor.org/rfc/rfc7636#appendix-B"""
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_of_a_sign_in_are_not_shown() -> None:
    app = App("id", "S3CRET")
    for each in (app, Code("S3CRET", app, REDIRECT, "S3CRET"), Offer("1", "x", secrets={"token": "S3CRET"})):
        assert "S3CRET" not in repr(each)
