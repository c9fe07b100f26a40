"""The slash command /webcare: figures, lists and settings for the person who asks."""

import difflib
import html
from collections.abc import Mapping
from typing import Any

from bot.desk import TeamDesk
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.domain.words import typed
from bot.team import agents
from bot.views.block import View, literal, section
from bot.views.search_modal import MAX_WORDS, Sought
from handlers import figures, lists, presence
from handlers.bolt_args import Respond
from handlers.feedback import answer
from handlers.roles import Access, Person
from handlers.search import open_search
from handlers.settings import open_settings

WORDS = {
    "open": "open",
    "mijn": "mine",
    "mine": "mine",
    "zoek": "search",
    "search": "search",
    "stats": "stats",
    "cijfers": "stats",
    "digest": "digest",
    "dagoverzicht": "digest",
    "export": "export",
    "dienst": "duty",
    "duty": "duty",
    "weg": "away",
    "away": "away",
    "initialen": "initials",
    "initials": "initials",
    "instellingen": "settings",
    "settings": "settings",
    "help": "help",
}
"""The words that an agent may type, in Dutch and English, with their meaning."""


NEEDS: Mapping[str, Access] = {
    "open": Access.READERS,
    "mine": Access.READERS,
    "search": Access.READERS,
    "stats": Access.READERS,
    "digest": Access.READERS,
    "export": Access.READERS,
    "duty": Access.AGENTS,
    "initials": Access.AGENTS,
    "away": Access.EVERYONE,
    "help": Access.EVERYONE,
    "": Access.EVERYONE,  # an unknown word
    "settings": Access.EVERYONE,  # the modal says who may
}
"""Who may use which command."""
OF_ONE_TEAM = frozenset({"duty", "initials"})
"""What a person has in each of their teams by itself: outside the channel of one, nothing says in which."""


def needs(body: dict[str, Any]) -> Access:
    """Return who may give a command."""
    return NEEDS[_asked(body)[0]]


def _asked(command: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a command asks for, the word that was typed, and the rest.

    Slack sends `R&amp;D` of who types R&D: https://docs.slack.dev/messaging/formatting-message-text
    """
    word, *rest = typed(html.unescape(command.get("text") or "")) or [""]
    return WORDS.get(word.casefold(), "help" if not word else ""), word, " ".join(rest)


async def webcare(command: dict[str, Any], respond: Respond, person: Person, desk: TeamDesk) -> None:
    """Answer `/webcare [word …]`, visible only to the person who asked."""
    asked, word, rest = _asked(command)
    if asked == "settings":
        await open_settings(desk, command)
        return
    if asked == "search" and not rest:
        await open_search(command, person, desk)
        return
    try:
        view = await _answer(desk, person, asked, word, rest)
    except Refused as refused:
        view = _message(desk.t(refused.text))
    await answer(respond, desk, command, view)


async def _answer(desk: TeamDesk, person: Person, asked: str, word: str, rest: str) -> View:
    user = person.by
    if asked in OF_ONE_TEAM and len(person.teams) > 1:
        raise Refused("You answer for several teams. Type this in the channel of the one that it is for.")
    match asked:
        case "open":
            return await lists.queue(desk, person, Filter())
        case "mine":
            return await lists.queue(desk, person, Filter(Which.MINE, user))
        case "search":
            return await lists.search(desk, person, Sought(rest[:MAX_WORDS]))
        case "stats":
            return await figures.stats(desk, person, rest)
        case "digest":
            return await figures.digest(desk, person)
        case "export":
            return _message(await figures.send_export(desk, person, rest))
        case "duty":
            return await presence.duty(desk, user, rest)
        case "away":
            return await presence.away(desk, user, rest)
        case "initials":
            return _message(await _initials(desk, user, rest))
        case "":
            return _message(f"{_nearest(desk, word)}\n{_help(desk)}")
        case _:
            return _message(_help(desk))


def _message(words: str) -> View:
    return View(words, [section(words)])


def _nearest(desk: TeamDesk, word: str) -> str:
    near = difflib.get_close_matches(word.casefold(), WORDS, n=1)
    known = literal(word, 40)
    if near:
        return desk.t("I do not know “{word}”. Did you mean `/webcare {near}`?", word=known, near=near[0])
    return desk.t("I do not know “{word}”.", word=known)


def _help(desk: TeamDesk) -> str:
    lines = [
        desk.t("*Webcare* – what you can ask:"),
        desk.t("• `/webcare open` – the cases that wait, the most urgent first"),
        desk.t("• `/webcare mine` – the cases that are with you"),
        desk.t("• `/webcare search passport` – cases in which words occur; without words, with filters"),
        desk.t("• `/webcare stats week` – figures: today, week, month, 2026-11-01..2026-11-24"),
        desk.t("• `/webcare digest` – how the team is doing now"),
        desk.t("• `/webcare export month` – the lines behind the figures, as a file"),
        desk.t("• `/webcare duty` – you are on duty (`duty off`: no longer)"),
        desk.t("• `/webcare away` – you are away (`away back`: back)"),
        desk.t("• `/webcare initials SB` – the initials that sign your answers"),
        desk.t("• `/webcare settings` – the team's settings, for coordinators"),
        desk.t("On a card: Claim, Answer or Escalate. The rest is in the menu ⋯. Replies in a thread stay internal."),
    ]
    return "\n".join(lines)


async def _initials(desk: TeamDesk, user: str, wanted: str) -> str:
    async with desk.session() as session:
        chosen = await agents.set_initials(session, desk.team.id, user, wanted, now=desk.now())
    return desk.t("Your answers are signed with ^{initials} from now on.", initials=chosen)
