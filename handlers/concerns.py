"""Which teams a click, command or event concerns; they determine the language and what the person may do.

A card or modal about a case concerns the case's team, a button about several cases the teams of all of them, a settings
modal the team in it, and a command or message the team of its channel. The Home and direct messages concern all teams
of the person.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.text import Refused
from bot.models import Message, MessageKind, SigningIn, Team
from bot.team import teams
from bot.views import closing, handing_over
from bot.views.answer_modal import TURNS
from bot.views.case_list import listed_in
from bot.views.choosing import value_in
from bot.views.topic import TOPIC

NUMBER = re.compile(r"(?:[a-z_]+:)?(\d{1,18})(?:[:|]|$)")
"""An id at the beginning of a value, after the verb of a menu if there is one."""

OF_SEVERAL = frozenset({closing.UNDO, handing_over.UNDO})
"""The buttons about several cases, perhaps of several teams."""


async def teams_concerned(session: AsyncSession, body: dict[str, Any], by: str) -> Sequence[Team]:
    """Return the teams that a request concerns, at least one; raises Refused when there are no teams.

    For a person in no team, outside a team's channel, that is all teams; they have no rights in any.
    """
    if (several := _several(body)) and (theirs := await teams.of_cases(session, several)):
        return theirs
    named = await _named(session, body) or await teams.of_channel(session, channel_of(body))
    concerned = [named] if named else await teams.of_person(session, by) or await teams.all_teams(session)
    if not concerned:
        raise Refused("There is no team yet.")
    return concerned


def names_case(body: dict[str, Any]) -> bool:
    """Tell whether a request names one case, so that the team it concerns is the case's team of a moment ago."""
    return not _several(body) and any(kind in {"case", "escalation"} for kind, _ in _subjects(body))


def case_in(body: dict[str, Any]) -> int | None:
    """Return the case that a request names, None when it names none."""
    return next((number for kind, number in _subjects(body) if kind == "case"), None)


def only_case(body: dict[str, Any]) -> int | None:
    """Return the case that is all that a request names; None when it names something else, more or nothing."""
    named = set(_subjects(body))
    return case_in(body) if len(named) == 1 and not _several(body) else None


def channel_of(body: dict[str, Any]) -> str:
    """Return the channel in which somebody clicked, typed or wrote; "" outside channels."""
    event, container = body.get("event") or {}, body.get("container") or {}
    channel = container.get("channel_id") or (body.get("channel") or {}).get("id") or body.get("channel_id")
    return str(channel or event.get("channel") or "")


def _several(body: dict[str, Any]) -> list[int]:
    """Return the cases that a button about several cases names."""
    values = [action["value"] for action in body.get("actions") or [] if action["action_id"] in OF_SEVERAL]
    return [case_id for value in values for case_id in value_in(value)[0]]


async def _named(session: AsyncSession, body: dict[str, Any]) -> Team | None:
    """Return the team of the thing that a request names; None when it names nothing that we know.

    Raises Refused when a modal and the button in it belong to two teams: our own modals never do that.
    """
    named = [team for kind, number in _subjects(body) if (team := await _team_of(session, kind, number))]
    if len({team.id for team in named}) > 1:
        raise Refused("This belongs to another team.")
    return named[0] if named else None


async def _team_of(session: AsyncSession, kind: str, number: int) -> Team | None:
    match kind:
        case "case":
            return await teams.of_case(session, number)
        case "escalation":
            return await teams.of_escalation(session, number)
        case "settings" | "figures":
            return await session.get(Team, number)
        case "sign_in":
            begun = await session.get(SigningIn, number)
            return await session.get(Team, begun.team_id) if begun else None
        case "spike":
            message = await session.get(Message, number)
            if message is None or message.kind is not MessageKind.SPIKE:
                return None
            return await session.get(Team, message.subject_id)
        case _:
            return None


def _subjects(body: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the kind and id of what a request names: a case, question, sign-in, or the team of settings or figures.

    A modal has the id in its `private_metadata`: alone, with a word, or in JSON. A button has it in its value; in a
    modal that names something itself, only the buttons of cases count. The menu of topics has their names, which may be
    numbers. The next case of a series is of the team of the series, wherever the one that is shown is by now. A row of
    a list names its case alone, which may be of another team than the list by now.
    """
    view = body.get("view") or {}
    in_row = any(listed_in(action.get("block_id", "")) for action in body.get("actions") or [])
    metadata = "" if view.get("type") == "home" or in_row else view.get("private_metadata") or ""
    if metadata.startswith("{"):
        ids = json.loads(metadata)
        goes_on = "team" in ids and any(action["action_id"] in TURNS for action in body.get("actions") or [])
        yield ("case", int(ids["case"])) if "case" in ids and not goes_on else ("settings", int(ids.get("team", 0)))
    elif metadata and (number := NUMBER.match(metadata)):
        yield "escalation" if view["callback_id"] == "case:advise" else "case", int(number[1])
    for action in body.get("actions") or []:
        value = str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")
        kind = action["action_id"].partition(":")[0]
        names = not metadata or (kind == "case" and action["action_id"] != TOPIC)
        if names and (number := NUMBER.match(value)):
            yield "escalation" if action["action_id"] == "case:advise" else kind, int(number[1])
