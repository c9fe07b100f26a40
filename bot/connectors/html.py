"""Turn HTML from platforms into plain text: the citizen's words, without anything active."""

import re
import unicodedata
from html.parser import HTMLParser
from itertools import islice

import nh3

PARAGRAPHS = frozenset({"p", "blockquote", "pre", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6"})
LINES = frozenset({"div", "section", "article", "header", "footer", "figure", "figcaption", "tr", "li", "dt", "dd"})
INLINE = frozenset({"a", "span", "br", "td", "th", "img"})
EMPTY = frozenset({"br", "img"})
NO_TEXT = frozenset({"script", "style", "title", "noscript", "template", "iframe", "object", "svg", "math", "textarea"})
SHORTENED = frozenset({"invisible", "ellipsis"})
MOST_TAGS = 20_000
"""So many tags are read, and no more: the time that it takes grows with the square of how deep they are nested.

Links are not counted: one ends the other.
"""
TAG = re.compile(r"<(?!a[\s/>])[a-z]", re.IGNORECASE)
STYLE = re.compile(r"(</?)(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
"""The tags that a browser opens again in each paragraph until they are closed: some kB of them became gigabytes.

https://html.spec.whatwg.org/multipage/parsing.html#reconstruct-the-active-formatting-elements
"""
MOST_SIGNS = 12
"""So many characters has an emoji at most: a family has seven."""
SPACES = re.compile(r"[ \t\n\r\f]+")
LINE_END = re.compile(r"(?<! ) +\n")
GAP = re.compile(r"\n{3,}")
BULLET = "• "
SCHEME = re.compile(r"(?:https?://|mailto:)(?:www\.)?", re.IGNORECASE)


def text_of(html: str, *, addresses: bool = False, without: str = "") -> str:
    """Return the text of a piece of HTML as a reader sees it, with line breaks where the layout has them.

    An empty line separates paragraphs. A link shows its text, and behind it in brackets its address if `addresses` and
    the text does not have that; a link that Mastodon shortened for display
    (https://docs.joinmastodon.org/spec/activitypub/#sanitization: span.invisible, span.ellipsis) shows its address.
    Emoji that are pictures are shown as text. Elements of the class `without` are left out. Takes any input: broken or
    hostile markup gives text, never an error, and of markup with more than MOST_TAGS the beginning.
    """
    encodable = html.encode("utf-8", "replace").decode()
    one_too_many = next(islice(TAG.finditer(encodable), MOST_TAGS, None), None)
    cleaned = nh3.clean(
        STYLE.sub(r"\1bdi", encodable[: one_too_many.start()] if one_too_many else encodable),
        tags=set(PARAGRAPHS | LINES | INLINE),
        attributes={"a": {"href"}, "span": {"class"}, "p": {"class"}, "img": {"class", "alt"}},
        clean_content_tags=set(NO_TEXT),
        link_rel=None,
    )
    reader = _Reader(addresses=addresses, without=without)
    reader.feed(cleaned)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects text; expects well-formed markup."""

    def __init__(self, *, addresses: bool, without: str) -> None:
        super().__init__(convert_charrefs=True)
        self._addresses, self._without = addresses, without
        self._left_out = 0
        """How deep we are in an element that is left out."""
        self._parts: list[str] = []
        self._breaks = 0
        self._preformatted = 0
        self._link: _Link | None = None

    def text(self) -> str:
        return GAP.sub("\n\n", LINE_END.sub("\n", "".join(self._parts))).strip("\n ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        classes = (values.get("class") or "").split()
        if self._left_out or (self._without and self._without in classes):
            self._left_out += tag not in EMPTY
            return
        if tag == "br":
            self._breaks += 1
        elif tag == "img":
            self.handle_data(_emoji(values.get("alt") or "", classes))
        elif tag == "a":
            self._link = _Link(values.get("href") or "", len(self._parts), self._breaks)
        elif tag == "span" and self._link and SHORTENED & set(classes):
            self._link.shortened = True
        self._part(tag)
        if tag == "pre":
            self._preformatted += 1
        elif tag == "li":
            self._write(BULLET)
        elif tag in {"td", "th"} and not self._breaks:
            self._write(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            self._left_out -= 1
            return
        if tag == "pre":
            self._preformatted -= 1
        elif tag == "a" and self._link:
            link, self._link = self._link, None
            self._end(link)
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if self._left_out:
            return
        if self._preformatted:
            for number, line in enumerate(data.split("\n")):
                self._breaks += 1 if number else 0
                self._write(line)
        else:
            self._write(data)

    def _end(self, link: "_Link") -> None:
        """Put the address of a link in place of its text if that was shortened, else behind it if that is wanted."""
        shown = "".join(self._parts[link.start :])
        if link.shortened and link.href:
            space = " " if shown.endswith(" ") else ""
            del self._parts[link.start :]
            self._breaks = link.breaks
            self._write(link.href + space)
        elif self._addresses and link.leads_away(shown):
            words = self._parts[-1].rstrip()
            space = " " if shown.endswith(" ") else ""  # <a>the page </a>and
            self._parts[-1] = f"{words} ({link.href.removeprefix('mailto:')}){space}"

    def _part(self, tag: str) -> None:
        """Begin a new line or paragraph, unless this one has only a bullet."""
        if self._parts[-1:] != [BULLET]:
            wanted = 2 if tag in PARAGRAPHS else 1 if tag in LINES else 0
            self._breaks = max(self._breaks, wanted)

    def _write(self, piece: str) -> None:
        """Add text, after the line breaks that are due."""
        piece = piece if self._preformatted else SPACES.sub(" ", piece)
        if self._breaks and not self._preformatted:
            piece = piece.lstrip(" ")
        if not piece:
            return
        if self._breaks and self._parts:
            self._parts.append("\n" * self._breaks)
        elif not self._preformatted and self._parts and self._parts[-1].endswith(" "):
            piece = piece.lstrip(" ")
        self._breaks = 0
        if piece:
            self._parts.append(piece)


def _emoji(alt: str, classes: list[str]) -> str:
    """Return the emoji that a picture shows (🙂, or the :name: of a server's own); "" for another picture.

    WordPress and Gmail write emoji so: https://developer.wordpress.org/reference/functions/wp_staticize_emoji/
    """
    is_sign = len(alt) <= MOST_SIGNS and any(unicodedata.category(sign) == "So" for sign in alt)
    return alt if is_sign or any(each.endswith("emoji") for each in classes) else ""


class _Link:
    """The link that is being read; only at its end do we know whether its text was shortened.

    `start` is where its text begins among the parts, `breaks` how many line breaks were due there.
    """

    def __init__(self, href: str, start: int, breaks: int) -> None:
        self.href, self.start, self.breaks = href, start, breaks
        self.shortened = False

    def leads_away(self, shown: str) -> bool:
        """Tell whether it leads to an address that its text does not show."""
        if not shown.strip() or not SCHEME.match(self.href):
            return False
        return _bare(self.href) not in {_bare(word.strip("<>().,:;")) for word in shown.split()}


def _bare(address: str) -> str:
    return SCHEME.sub("", address, count=1).removeprefix("www.").rstrip("/").casefold()
