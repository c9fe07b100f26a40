"""Where a modal was opened from: the list or view there is shown again after an action in the modal."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from bot.desk import TeamDesk
from bot.slack import response_url
from bot.staffing import presence
from bot.views.away import away_question, back_again
from bot.views.block import View
from bot.views.handing_over import QUESTION
from handlers import lists
from handlers.concerns import channel_of
from handlers.home import filter_of, home_of, publish
from handlers.roles import reader_of


@dataclass(frozen=True)
class Origin:
    """What the Home showed; or, for a list or question that only one person sees, its response_url and its query.

    Empty for any other place, where nothing is shown again.
    """

    home: str = ""
    url: str = ""
    asked: str = ""
    channel: str = ""

    def to_text(self) -> str:
        """Return it as the `private_metadata` of a modal."""
        return json.dumps({"from": asdict(self)}) if self != Origin() else ""

    @classmethod
    def of(cls, view: dict[str, Any]) -> "Origin":
        """Read it from a modal."""
        metadata = view.get("private_metadata") or ""
        return cls(**json.loads(metadata).get("from", {})) if metadata.startswith("{") else cls()


def origin_of(action: dict[str, Any], body: dict[str, Any]) -> Origin:
    """Return the place of the click that opens a modal about several cases."""
    if home := home_of(body):
        return Origin(home=home)
    if (body.get("container") or {}).get("is_ephemeral"):
        return Origin(url=body.get("response_url") or "", asked=action["value"], channel=channel_of(body))
    return Origin()


async def show_again(desk: TeamDesk, by: str, origin: Origin) -> None:
    """Show the Home, the list or the question there as it is now."""
    if origin.home:
        await publish(desk, by, filter_of(origin.home))
    if origin.url:
        await response_url.replace(desk.slack, origin.url, await _now(desk, by, origin))


async def _now(desk: TeamDesk, by: str, origin: Origin) -> View:
    async with desk.reading() as session:
        if origin.asked == QUESTION and not await presence.is_away(session, by):
            return back_again(desk.t)
        if origin.asked == QUESTION:
            return away_question(by, len(await presence.claimed_by(session, by)), desk.t)
        person = await reader_of(session, {"channel_id": origin.channel}, by)
    return await lists.again(desk, person, origin.asked)
