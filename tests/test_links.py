"""Every link in our documents leads somewhere; the README stays short, and leads to each guide."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GUIDES = sorted((ROOT / ".github" / "guide").glob("*.md"))
DOCUMENTS = sorted([README, *(ROOT / ".github").rglob("*.md"), *(ROOT / "bot").rglob("*.md")])
WORDS = 1300
"""What one reads in about five minutes, without what is looked up: the table of platforms and the changelog."""


def prose(document: Path) -> str:
    """What is read in a document, without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(document: Path) -> Iterator[str]:
    """Where its links lead, those of images too; not what only looks like one, between backticks."""
    words = re.sub(r"(`+)(.+?)\1", lambda code: re.sub(r"[\[\]()]", "", code[2]), prose(document))
    yield from re.findall(r"\]\(<?([^)\s>]+)", words)
    yield from re.findall(r"^\[[^\]]+\]:\s*<?(\S+?)>?$", words, re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of headings: words in lower case with hyphens, a second one of a name with -1."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?)(?: +#+)? *$", prose(document), re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def broken(document: Path, root: Path = ROOT) -> Iterator[str]:
    """The relative links of a document that lead out of the root, or to a file or heading that does not exist."""
    for link in links(document):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document.resolve()
        there = target.is_relative_to(root.resolve()) and target.exists()
        if not there or (anchor and (target.suffix != ".md" or anchor not in anchors(target))):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_heading_that_exist(document: Path) -> None:
    assert list(broken(document)) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "outside.md").touch()
    root = tmp_path / "project"
    root.mkdir()
    page = root / "page.md"
    page.write_text(
        "# A *page*, with `code`: x_y – z\n## Twice\n## Twice\n```sh\n# no heading\n[no](link.md)\n```\n"
        "`[no](link.md)` [here](#twice-1) [`there`](page.md#twice) `and` [not](#twice-2) [nor](page.md#there)\n"
        "![image](none.png) [out](https://example.org/none) [beside](../outside.md)\n\n[below]: lost.md\n",
        encoding="utf-8",
    )
    assert anchors(page) == {"a-page-with-code-x_y--z", "twice", "twice-1"}
    assert {"#twice-1", "page.md#twice", "https://example.org/none"} <= set(links(page))
    assert list(broken(page, root)) == ["#twice-2", "page.md#there", "none.png", "../outside.md", "lost.md"]


def test_the_readme_leads_to_each_guide_and_each_says_for_whom_it_is() -> None:
    led_to = {(ROOT / link.partition("#")[0]).resolve() for link in links(README)}
    for guide in GUIDES:
        assert guide.resolve() in led_to, f"the README does not link to {guide.name}"
        assert re.match(r"# .+\n\n\*For .+\*\n", guide.read_text(encoding="utf-8")), guide.name


def test_the_readme_can_be_read_in_five_minutes() -> None:
    before, _, rest = README.read_text(encoding="utf-8").partition("<!-- platforms -->")
    after, _, _ = rest.partition("<!-- end of platforms -->")[2].partition("\n## Changelog\n")
    after = re.sub(r"<details>.+?</details>", "", after, flags=re.DOTALL)  # folded away: who looks for it opens it
    assert after
    assert len(f"{before} {after}".split()) <= WORDS
