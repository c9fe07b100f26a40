"""The slash command /webcare: figures, lists and settings for the person who asks."""

import difflib
from typing import Any

from bot.desk import TeamDesk
from bot.domain.text import Refused
from bot.team import agents
from bot.views.block import View, literal, section
from handlers import figures, lists, presence
from handlers.bolt_args import Respond
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
"""The words that an agent may type, in Dutch and English, and what each asks for."""


async def webcare(command: dict[str, Any], respond: Respond, desk: TeamDesk) -> None:
    """Answer `/webcare [word …]`, visible only to the person who asked."""
    word, _, rest = (command.get("text") or "").strip().partition(" ")
    asked = WORDS.get(word.casefold(), "help" if not word else "")
    if asked == "settings":
        await open_settings(desk, command)
        return
    try:
        view = await _answer(desk, asked, word, rest.strip(), command)
    except Refused as refused:
        view = _message(desk.t(refused.text))
    await respond(text=view.text, blocks=view.plain or view.blocks or None, response_type="ephemeral")


async def _answer(desk: TeamDesk, asked: str, word: str, rest: str, command: dict[str, Any]) -> View:
    user = command["user_id"]
    match asked:
        case "open":
            return await lists.listed(desk, asked)
        case "mine":
            return await lists.listed(desk, asked, of=user)
        case "search" if rest:
            return await lists.listed(desk, asked, rest[:100])
        case "stats":
            return await figures.stats(desk, rest)
        case "digest":
            return await figures.digest(desk)
        case "export":
            return _message(await figures.send_export(desk, user, rest))
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
        desk.t("• `/webcare open` – the cases that wait, oldest first"),
        desk.t("• `/webcare mijn` – the cases that are with you"),
        desk.t("• `/webcare zoek paspoort` – cases in which a word occurs"),
        desk.t("• `/webcare stats week` – figures: vandaag, week, maand, 2026-11-01..2026-11-24"),
        desk.t("• `/webcare digest` – how the team is doing now"),
        desk.t("• `/webcare export maand` – the lines behind the figures, as a file"),
        desk.t("• `/webcare dienst` – you are on duty (`dienst uit`: no longer)"),
        desk.t("• `/webcare weg` – you are away (`weg terug`: back)"),
        desk.t("• `/webcare initialen SB` – the initials that sign your answers"),
        desk.t("• `/webcare instellingen` – the team's settings, for coordinators"),
        desk.t("On a card: Claim, Answer or Escalate; the rest is in the menu ⋯. Replies in a thread stay internal."),
    ]
    return "\n".join(lines)


async def _initials(desk: TeamDesk, user: str, wanted: str) -> str:
    async with desk.session() as session:
        chosen = await agents.set_initials(session, desk.team.id, user, wanted, now=desk.now())
    return desk.t("Your answers are signed with ^{initials} from now on.", initials=chosen)
