"""The App Home: we publish it when an agent opens it, and again after each click there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import structlog

from bot.desk import Desk, TeamDesk
from bot.domain.queue import OVERVIEW, Filter
from bot.domain.text import Refused
from bot.figures import home
from bot.logs import trace
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call
from bot.slack.places import links_of
from bot.team import teams
from bot.views.home import Home, home_tab
from handlers.roles import Access, Person, admit

log = structlog.get_logger()


async def home_opened(event: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Show the Home as it is now."""
    if event.get("tab") == "home":
        if not person.teams_with(Access.READERS):
            with suppress(Refused):  # somebody who joined a moment ago
                await admit(desk, Access.READERS, {}, person)
        await publish(desk, event["user"], filter_in(event), over=(event.get("view") or {}).get("hash") or "")


@asynccontextmanager
async def home_after(desk: TeamDesk, body: dict[str, Any]) -> AsyncIterator[None]:
    """Publish the Home again after a click there, even if the click failed; do nothing for a click elsewhere.

    If they chose a list in the view that was clicked, before or after that click, they keep that list.
    """
    try:
        yield
    finally:
        if is_home(body):
            slack_id, seen = body["user"]["id"], body["view"]["hash"]
            chosen_in, chosen = desk.chosen.get(slack_id, ("", None))
            await publish(desk, slack_id, chosen if chosen_in == seen else filter_in(body))


async def choose(desk: TeamDesk, body: dict[str, Any], wanted: Filter | None) -> None:
    """Publish the Home with the list that was chosen in it."""
    desk.chosen[body["user"]["id"]] = body["view"]["hash"], wanted
    await publish(desk, body["user"]["id"], wanted)


def is_home(body: dict[str, Any]) -> bool:
    """Tell whether a click was on the Home."""
    return bool((body.get("view") or {}).get("type") == "home")


def filter_in(body: dict[str, Any]) -> Filter | None:
    """Return the filter of the Home in a request, at a click or its opening; None for the overview."""
    return filter_of((body.get("view") or {}).get("private_metadata") or OVERVIEW)


def home_of(body: dict[str, Any]) -> str:
    """Return what a modal opened by a click must remember of the Home; "" for a click elsewhere."""
    return (body["view"].get("private_metadata") or OVERVIEW) if is_home(body) else ""


def filter_of(value: str) -> Filter | None:
    """Return the filter that a button of the Home asks for; None for the overview."""
    return None if value == OVERVIEW else Filter.of_text(value)


async def publish(desk: Desk, slack_id: str, wanted: Filter | None = None, *, over: str = "") -> None:
    """Publish a person's Home with the list that they want, by default the overview.

    Of several clicks, the newest is published last: Slack may take two calls in another order. `over` is the hash of
    the view that it replaces: nothing is published if there is a newer one, so what they chose in the meantime stays.
    https://docs.slack.dev/reference/methods/views.publish#arg_hash
    """
    if over:
        await _show(desk, slack_id, wanted, over)
        return
    if slack_id in desk.homes:
        desk.homes[slack_id].append(wanted)
        return
    wishes = desk.homes[slack_id] = [wanted]
    try:
        while wishes:
            newest = wishes[-1]
            wishes.clear()
            try:
                await _show(desk, slack_id, newest)
            except Exception as error:
                if not wishes:
                    raise
                log.error("the Home was not shown", **trace(error))  # what was chosen in the meantime is read anew
    finally:
        del desk.homes[slack_id]


async def _show(desk: Desk, slack_id: str, wanted: Filter | None, over: str = "") -> None:
    """Read and publish a Home, in the language of the person's first team; if Slack refuses, the next opening does."""
    async with desk.reading() as session:
        theirs = await teams.of_person(session, slack_id) or await teams.all_teams(session)
        own = desk.of(theirs[0])
        shown = await home.home(session, slack_id, own.t, own.now(), wanted)
        urls = await links_of(session, own.slack, shown.listed)
    try:
        await _publish(own, slack_id, replace(shown, card_urls=urls), over)
    except (SlackRefuses, SlackLater, SlackDown) as error:
        log.warning("the Home was not shown", reason=str(error))


async def _publish(desk: TeamDesk, slack_id: str, shown: Home, over: str) -> None:
    """Publish the Home; if Slack refuses it, publish it without the chart."""
    now, where = desk.now(), {"user_id": slack_id, **({"hash": over} if over else {})}
    try:
        await call(desk.slack, "views.publish", **where, view=home_tab(shown, desk.t, now))
    except SlackRefuses as refusal:
        if refusal.error != "hash_conflict":
            await call(desk.slack, "views.publish", **where, view=home_tab(shown, desk.t, now, charts=False))
