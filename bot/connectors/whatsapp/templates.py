"""The templates that WhatsApp takes when a citizen's last message is more than 24 hours old.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview

They are made and approved at Meta, and read at each check. Templates that we cannot send are left out: those with a
picture, a named blank, or a blank outside the body.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.connectors.base import Health, Rejected
from bot.connectors.json_api import Json
from bot.connectors.meta.graph import Graph, after, listed
from bot.domain.payload import UNSTORABLE
from bot.domain.reply import BLANK, Template
from bot.domain.text import Text, text

PAGES, FULL = 10, 100
MOST = 100
"""The most options of Slack's menu."""
SERVICE = "UTILITY"
"""The category of service messages; not advertising, and not login codes:
https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-categorization"""
ANY_BLANK = re.compile(r"\{\{")
PLAIN_BUTTONS = frozenset({"QUICK_REPLY", "PHONE_NUMBER"})


def known(limits: Mapping[str, Any]) -> list[Template]:
    """Return the templates that the last check found."""
    return [Template(**each) for each in limits.get("templates", ())]


async def checked(graph: Graph, business: str, names: Sequence[str]) -> Health:
    """Read the templates with these names, or without names those for service; warn of named ones we cannot send."""
    try:
        wanted = [each async for page in _pages(graph, business) for each in page if _is_wanted(each, names)]
    except Rejected as verdict:
        reason = text("The templates cannot be read: {reason}", reason=verdict.text)
        return Health(warnings=(reason,), limits={"templates": []})
    usable = [template for each in wanted if (template := _template(each))][:MOST]
    missing = [name for name in names if name not in {each.name for each in usable}]
    return Health(_working(usable), tuple(map(_missing, missing)), limits={"templates": [asdict(t) for t in usable]})


def _is_wanted(given: Json, names: Sequence[str]) -> bool:
    return given.get("name") in names if names else given.get("category") == SERVICE


async def _pages(graph: Graph, business: str) -> AsyncIterator[list[Json]]:
    asked: Json = {"limit": FULL}
    for _ in range(PAGES):
        answer = await graph.get(f"{business}/message_templates", **asked)
        yield listed(answer)
        if not after(answer):
            return
        asked["after"] = after(answer)


def _working(usable: Sequence[Template]) -> tuple[Text, ...]:
    titles = ", ".join(each.title for each in usable)
    return (text("After 24 hours these templates can be sent: {names}.", names=titles),) if usable else ()


def _missing(name: str) -> Text:
    return text("The template {name} cannot be sent: Meta did not approve it, or it is more than a text.", name=name)


def _template(given: Json) -> Template | None:
    """Return a template that has blanks only in its text; None for any other."""
    parts = list(_parts(given.get("components")))
    if given.get("status") != "APPROVED" or None in parts or not parts:
        return None
    words = UNSTORABLE.sub("", "\n\n".join(part for part in parts if part))
    return Template(str(given["name"]), str(given.get("language") or ""), words.replace("\r\n", "\n").strip())


def _parts(components: Any) -> Iterator[str | None]:
    """Yield the texts of a template from top to bottom; None for a part that we cannot send."""
    for each in listed({"data": components}):
        kind, words = str(each.get("type")).upper(), str(each.get("text") or "")
        if kind == "BODY":
            yield words if len(ANY_BLANK.findall(words)) == len(BLANK.findall(words)) else None
        elif kind == "BUTTONS":
            yield "" if all(_is_plain(button) for button in listed({"data": each.get("buttons")})) else None
        elif kind == "FOOTER" or (kind == "HEADER" and each.get("format") == "TEXT"):
            yield None if ANY_BLANK.search(words) else words
        else:
            yield None


def _is_plain(button: Json) -> bool:
    """Tell whether a button has no blanks."""
    kind = str(button.get("type")).upper()
    return kind in PLAIN_BUTTONS or (kind == "URL" and not ANY_BLANK.search(str(button.get("url") or "{{")))


def body_of(template: Template, values: Sequence[str]) -> Json:
    """Return the fields of a request with a template and its filled-in values."""
    parameters = [{"type": "text", "text": value} for value in values]
    components = [{"type": "body", "parameters": parameters}] if parameters else []
    language = {"policy": "deterministic", "code": template.language}
    return {"name": template.name, "language": language, **({"components": components} if components else {})}
