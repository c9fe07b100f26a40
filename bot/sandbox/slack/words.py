"""The words of the page: Dutch in the code, English from the same catalogue as in the browser."""

import html
import json
from collections.abc import Mapping
from pathlib import Path

ENGLISH: Mapping[str, str] = json.loads((Path(__file__).parent / "static" / "en.json").read_text(encoding="utf-8"))


def said(dutch: str, language: str) -> str:
    """Return a sentence in this language."""
    return ENGLISH.get(dutch, dutch) if language == "en" else dutch


def page_in(language: str, page: str) -> str:
    """Return the HTML of the page in this language: its texts and labels are whole sentences of the catalogue."""
    if language != "en":
        return page
    page = page.replace('<html lang="nl"', '<html lang="en"')
    for dutch, english in ENGLISH.items():
        before, after = html.escape(dutch), html.escape(english)
        page = page.replace(f">{before}<", f">{after}<").replace(f'aria-label="{before}"', f'aria-label="{after}"')
    return page
