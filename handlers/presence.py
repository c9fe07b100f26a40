"""`/webcare weg` and `/webcare dienst`: set yourself away or on duty; we ask an away agent about their cases."""

from typing import Any

from bot.desk import TeamDesk
from bot.domain.text import Refused
from bot.slack import messages
from bot.staffing import presence
from bot.views import away as views
from bot.views.block import View, section
from handlers.bolt_args import Respond
from handlers.feedback import answer

BACK = frozenset({"terug", "back", "uit", "off", "stop"})


async def away(desk: TeamDesk, user: str, rest: str) -> View:
    """Set the agent away (or back, with `terug`), and ask whether their cases go back to the queue."""
    leaves = rest.casefold() not in BACK
    async with desk.session() as session:
        on_duty = await presence.set_away(session, user, leaves, desk.now())
        waiting = await presence.ask(session, user, desk.now()) if leaves else 0
    await messages.wake_lanes(desk)  # a question to them about their cases follows
    if not leaves:
        return _message(desk.t("Welcome back. You get reminders again."))
    return views.away_question(user, waiting, desk.t, on_duty=on_duty)


def _message(words: str) -> View:
    return View(words, [section(words)])


async def hand_back(body: dict[str, Any], respond: Respond, desk: TeamDesk) -> None:
    """Put all cases of the person who clicked back in the queue, unless they are back: then the question says that."""
    try:
        async with desk.session() as session:
            await presence.refuse_present(session, body["user"]["id"])
            handed_back = await presence.hand_back(session, body["user"]["id"], desk.now())
    except Refused:
        await answer(respond, desk, body, views.back_again(desk.t), replaces=True)
        raise
    await answer(respond, desk, body, views.handed_back(len(handed_back), desk.t), replaces=True)
    for case_id in handed_back:
        await messages.sync(desk, case_id)
    await messages.wake_lanes(desk)


async def keep(body: dict[str, Any], respond: Respond, desk: TeamDesk) -> None:
    """Leave the cases with the person who clicked."""
    async with desk.session() as session:
        kept = await presence.keep(session, body["user"]["id"])
    await answer(respond, desk, body, views.kept(kept, desk.t), replaces=True)
    await messages.wake_lanes(desk)


async def duty(desk: TeamDesk, user: str, rest: str) -> View:
    """Set the agent on duty in the team of the channel (or off duty, with `uit`)."""
    comes = rest.casefold() not in BACK
    async with desk.session() as session:
        was_away = await presence.set_duty(session, desk.team.id, user, comes, desk.now())
    await messages.wake_lanes(desk)  # a question to them about their cases follows
    if not comes:
        return _message(desk.t("You are no longer on duty."))
    words = desk.t(
        "You are on duty. You're mentioned in reminders about unclaimed cases until you type `/webcare duty off`."
    )
    ended = desk.t("That ended your absence: you get reminders again, and your cases stay with you.")
    return _message(f"{words} {ended}" if was_away else words)
