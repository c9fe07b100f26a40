"""Which teams a click, command or event concerns; they determine the language and what the person may do.

A card or modal about a case concerns the team of the case, the settings the team in their modal, a command or message
the team of its channel. The Home and direct messages concern all teams of the person.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.text import Refused
from bot.models import Team
from bot.team import teams

NUMBER = re.compile(r"\d{1,18}")


async def teams_concerned(session: AsyncSession, body: dict[str, Any], by: str) -> Sequence[Team]:
    """Return the teams that a request concerns, at least one; raises Refused when there are no teams."""
    named = await _named(session, body) or await teams.of_channel(session, channel_of(body))
    concerned = [named] if named else await teams.of_person(session, by)
    if not concerned:
        raise Refused("There is no team yet.")
    return concerned


def channel_of(body: dict[str, Any]) -> str:
    """Return the channel in which somebody clicked, typed or wrote; "" outside channels."""
    event, container = body.get("event") or {}, body.get("container") or {}
    channel = container.get("channel_id") or (body.get("channel") or {}).get("id") or body.get("channel_id")
    return str(channel or event.get("channel") or "")


async def _named(session: AsyncSession, body: dict[str, Any]) -> Team | None:
    """Return the team of the case, question or settings that a button or modal is about; None if it is unknown."""
    match _subject(body):
        case "case", case_id:
            return await teams.of_case(session, case_id)
        case "escalation", escalation_id:
            return await teams.of_escalation(session, escalation_id)
        case "settings", team_id:
            return await session.get(Team, team_id)
        case _:
            return None


def _subject(body: dict[str, Any]) -> tuple[str, int]:
    """Return the kind and id of what a request is about; an empty kind when it names nothing.

    A modal holds the id in its `private_metadata`: alone, with a word, or in JSON. A button has it in its value.
    """
    view = body.get("view") or {}
    metadata = view.get("private_metadata") or ""
    if metadata.startswith("{"):
        ids = json.loads(metadata)
        return ("case", int(ids["case"])) if "case" in ids else ("settings", int(ids.get("team", 0)))
    if metadata:
        return _numbered("case:advise" if view["callback_id"] == "case:advise" else "case:", metadata)
    for action in body.get("actions") or []:
        value = action.get("value") or (action.get("selected_option") or {}).get("value") or ""
        return _numbered(action["action_id"], value)
    return "", 0


def _numbered(action_id: str, value: str) -> tuple[str, int]:
    number = NUMBER.search(value)
    kind = "escalation" if action_id == "case:advise" else action_id.partition(":")[0]
    return (kind, int(number[0])) if number else ("", 0)
