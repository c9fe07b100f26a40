"""The README's table of platforms is made from what the connectors declare, and each platform has its guide."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.connectors import OURS
from bot.connectors.platform import Capability, Platform, Quality

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
START, END = "<!-- platforms -->\n\n", "\n\n<!-- end of platforms -->"
DOES = {
    "answer": Capability.REPLIES,
    "message": Capability.MESSAGES,
    "image": Capability.IMAGES,
    "image in a message": Capability.MESSAGE_IMAGES,
    "hide": Capability.HIDES,
    "like": Capability.LIKES,
}


def table(platforms: Iterable[Platform]) -> str:
    """The table of platforms, as Markdown."""
    head = ["", "read", *DOES, "edits", "how soon", "limits", "tried against"]
    rows = [head, ["---"] * len(head), *map(row, platforms)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(platform: Platform) -> list[str]:
    guide = f"[{platform.title or platform.name}](bot/connectors/{platform.name}.md)"
    ways = {"asked": Capability.POLLS, "sends": Capability.PUSHES}
    read = " and ".join(word for word, capability in ways.items() if platform.can(capability))
    does = [mark(platform.can(capability)) for capability in DOES.values()]
    quality = shown_against(platform.quality)
    return [guide, read, *does, mark(platform.edits), platform.latency, platform.limits, quality]


def mark(yes: bool) -> str:
    return "✔" if yes else ""


def shown_against(quality: Quality) -> str:
    parts = [
        "our contract test" if quality.contract else "",
        "payload pairs" if quality.pairs else "",
        quality.server,
        quality.specification,
        quality.live or "never live",
    ]
    return ", ".join(part for part in parts if part)


def test_the_readme_shows_the_table_of_platforms() -> None:
    expected = f"{START}{table(OURS)}{END}"
    assert expected in README, f"paste this into README.md:\n\n{expected}\n"


@pytest.mark.parametrize("platform", OURS, ids=lambda platform: platform.name)
def test_a_platform_has_a_guide_that_names_its_options(platform: Platform) -> None:
    guide = (ROOT / "bot" / "connectors" / f"{platform.name}.md").read_text(encoding="utf-8")
    for option in (*platform.options, *(platform.sign_in.options if platform.sign_in else ())):
        assert f"`{option.name}`" in guide or option.make is not None, option.name
        for choice in option.choices:
            assert f"`{choice}`" in guide or f"`.{choice.partition('.')[2]}`" in guide, f"{option.name}: {choice}"


def test_the_table_tells_what_a_platform_can_do() -> None:
    can = frozenset({Capability.PUSHES, Capability.POLLS, Capability.HIDES})
    quality = Quality(contract=False, live="plein.example, 24 Nov 2026")
    platform = replace(OURS[0], name="plein", title="Het Plein", capabilities=can, quality=quality, edits=False)
    assert row(platform) == [
        "[Het Plein](bot/connectors/plein.md)", "asked and sends", "", "", "", "", "✔", "", "",
        platform.latency, platform.limits, "plein.example, 24 Nov 2026",
    ]  # fmt: skip


def test_the_catalogue_of_public_code_names_every_platform_in_both_languages() -> None:
    described = (ROOT / "publiccode.yml").read_text(encoding="utf-8").casefold()
    for platform in OURS:
        title = platform.title.casefold()
        assert described.count(title) >= 2 or not title, f"publiccode.yml does not name {platform.title}"
