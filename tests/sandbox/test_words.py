"""The page speaks Dutch and English: each of its sentences is in the catalogue, and the catalogue has no others."""

import re
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.sandbox import slack as package
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.page import FAILURES, OTHER_FAILURE
from bot.sandbox.slack.words import ENGLISH

ROOT = Path(package.__file__).parents[1]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.js")))
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.html")))
LABELS = re.findall(r'\["?\w+"?, "\w+", "([^"]+)"\]', (ROOT / "slack/static/signs.js").read_text(encoding="utf-8"))


def said() -> set[str]:
    """The sentences of the page: in its code, of its signs, in its HTML, and what the server tells it."""
    in_code = re.findall(r'(?<![\w.])t\(\s*"((?:[^"\\]|\\.)*)"', CODE)
    in_pages = [*re.findall(r">\s*([^<>\s][^<>]*?)\s*<", PAGES), *re.findall(r'aria-label="([^"]+)"', PAGES)]
    return {*in_code, *LABELS, *in_pages, *FAILURES.values(), OTHER_FAILURE}


def test_every_sentence_of_the_page_has_its_english_and_nothing_else_has() -> None:
    assert said() == set(ENGLISH)


def test_the_english_has_the_same_placeholders_and_spaces_at_its_ends() -> None:
    for dutch, english in ENGLISH.items():
        assert sorted(re.findall(r"{\w+}", dutch)) == sorted(re.findall(r"{\w+}", english)), dutch
        assert (dutch[0] == " ", dutch[-1] == " ") == (english[0] == " ", english[-1] == " "), dutch


@pytest.mark.parametrize(
    ("language", "words"),
    [("nl", ('<html lang="nl"', "Naar de berichten")), ("en", ('<html lang="en"', "To the messages", '"Overview"'))],
)
async def test_the_page_is_served_in_the_language_of_the_workspace(
    slack: Sandbox, language: str, words: tuple[str, ...]
) -> None:
    slack.workspace.language = language
    async with ClientSession() as session, session.get(f"{slack.base_url}/") as response:
        page = await response.text()
    assert all(each in page for each in words)
    assert ("Kolommen" in page) == (language == "nl")
