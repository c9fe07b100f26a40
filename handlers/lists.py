"""Lists of cases for the person who asks: all waiting ones, their own, and search results."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from bot import connectors
from bot.desk import TeamDesk
from bot.domain.case import ONGOING
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import lists
from bot.figures import search as by_words
from bot.figures.lists import CaseList
from bot.figures.search import Asked, platforms_of
from bot.models import Role
from bot.slack.calls import post, show_if_open
from bot.slack.places import links_of
from bot.team import teams
from bot.views import home as home_view
from bot.views.block import Block, View, actions
from bot.views.case_list import case_block, case_list, listed_in, page_buttons, remembering, share_button
from bot.views.filters import filter_bar, in_words
from bot.views.handing_over import several_buttons
from bot.views.modals import said
from bot.views.search_modal import OPEN_STATUS, SEARCH, STATUSES, Sought, filter_button, search_modal
from handlers.bolt_args import Respond
from handlers.feedback import answer
from handlers.home import choose, filter_of, is_home
from handlers.modal import in_modal
from handlers.roles import Person, reader_of

SHOWN = 10


async def queue(desk: TeamDesk, person: Person, wanted: Filter) -> View:
    """Return the page of the queue that a person asks for, with the buttons for its other pages.

    That nothing waits for the team may be shared, that one colleague has nothing is no news for the others.
    """
    listing, urls = await _read(desk, _teams(person, wanted), wanted)
    wanted = replace(wanted, page=listing.page)
    async with desk.reading() as session:
        places = await lists.places(session, person.teams, desk.t)
        names = await teams.names(session, _teams(person, wanted), person.teams)
    above = filter_bar(wanted, places, person.by, desk.t)
    below = actions(
        *page_buttons(wanted, listing.pages, desk.t),
        *_several_buttons(person, wanted.to_text(), listing, desk),
        *(_share_button(person, wanted.to_text(), desk) if listing.count or wanted.which is not Which.MINE else []),
    )
    rows = await _rows(desk, listing, urls, person, wanted.to_text(), names)
    return case_list(_head(desk, listing, wanted), rows, above=above, below=below)


async def search(desk: TeamDesk, person: Person, sought: Sought, *, in_modal: bool = False) -> View:
    """Return a page of search results; a list in a message has buttons to share it and to search with filters.

    The button to share is left out if all that is shown is private.
    """
    ids = [team.id for team in person.teams]
    listing, urls = await _search(desk, ids, sought)
    async with desk.reading() as session:
        names = await teams.names(session, ids, person.teams)
    sought = replace(sought, page=listing.page)
    what, buttons = sought.to_text(), page_buttons(sought, listing.pages, desk.t)
    if not in_modal:
        shown_to_all = any(not line.latest.private for line in listing.lines)
        buttons += _several_buttons(person, what, listing, desk)
        buttons += _share_button(person, what, desk) if shown_to_all else []
        buttons.append(filter_button(sought.words, desk.t))
    rows = await _rows(desk, listing, urls, person, what, names)
    return case_list(_result_head(desk, listing), rows, more=_uncounted(desk, listing), below=actions(*buttons))


async def search_view(desk: TeamDesk, person: Person, sought: Sought) -> Block:
    """Return the modal of the search, with a page of results if there are words to search for.

    It stays with the team in whose channel it was opened.
    """
    async with desk.reading() as session:
        names = await platforms_of(session, [team.id for team in person.teams])
    platforms = [(name, desk.t(connectors.called(name))) for name in names]
    results = await search(desk, person, sought, in_modal=True) if sought.words else None
    only = person.teams[0].id if len(person.teams) == 1 else None
    return search_modal(sought, platforms, desk.t, results, team_id=only)


async def turn(action: dict[str, Any], body: dict[str, Any], respond: Respond, person: Person, desk: TeamDesk) -> None:
    """Replace a list, in the answer to a command, a modal or on the Home, by another page or filter of it."""
    value = action.get("value") or action["selected_option"]["value"]
    if is_home(body):
        await choose(desk, body, filter_of(value))
    else:
        await _show_again(desk, person, value, body, respond)


async def show(action: dict[str, Any], body: dict[str, Any], respond: Respond, person: Person, desk: TeamDesk) -> None:
    """Show the person who clicked the list that the button of a message names; the message stays as it is."""
    await answer(respond, desk, body, await queue(desk, person, Filter.of_text(action["value"])))


async def share(action: dict[str, Any], body: dict[str, Any], person: Person, desk: TeamDesk) -> None:
    """Post an agent's list in the channel of the team, as it is now, without private messages and buttons.

    It is not rendered again, so it has no words of citizens: they could not be deleted there. Raises Refused in any
    other channel, where people outside the team may be.
    """
    if not person.shares(*person.teams):
        raise Refused("A list is shared only in the channel of the team that has its cases.")
    teams, asked = [team.id for team in person.teams], action["value"]
    if _is_search(asked):
        sought = Sought.of_text(asked)
        whole, _ = await _search(desk, teams, sought)
        listing, urls = await _search(desk, teams, sought, public=True)
        head, left_out = _result_head(desk, _counting(listing, whole)), _uncounted(desk, listing)
    else:
        wanted = Filter.of_text(asked)
        whole, _ = await _read(desk, teams, wanted)
        listing, urls = await _read(desk, teams, wanted, public=True)
        head, left_out = await _shared_head(desk, _counting(listing, whole), wanted), []
    more = [*(left_out or _rest(desk, listing)), *_private(desk, listing, whole)]
    view = case_list(head, await _rows(desk, listing, urls), more=more)
    await post(desk.slack, body["channel"]["id"], f"shared:{body['trigger_id']}", view, thread_ts=None)


def _counting(shared: CaseList, whole: CaseList) -> CaseList:
    """Return a page of shared cases with the number of all cases, so that its head is true for the team."""
    return replace(shared, count=whole.count, more=whole.more)


def _private(desk: TeamDesk, shared: CaseList, whole: CaseList) -> list[str]:
    """Return how many cases are not shared because something in them is private, if any; of too many no number."""
    if whole.more:
        return ["🔒 " + desk.t("Private messages are not shown in a channel.")]
    if whole.count <= shared.count:
        return []
    return ["🔒 " + desk.t.plural(
        "Private messages are not shown in a channel: {n} case is not in this list.",
        "Private messages are not shown in a channel: {n} cases are not in this list.", whole.count - shared.count,
    )]  # fmt: skip


async def _shared_head(desk: TeamDesk, listing: CaseList, wanted: Filter) -> str:
    """Return the head of a shared list: it has no menus, so it names the filter in words."""
    if replace(wanted, page=0) == Filter():
        return _head(desk, listing, wanted)
    async with desk.reading() as session:
        name = await lists.name_of(session, wanted, desk.t)
    return _with_page(desk, listing, f"*{in_words(wanted, name, desk.t, desk.now())}* ({listing.count})")


async def found(desk: TeamDesk, person: Person, asked: str, body: dict[str, Any], *, most: int) -> CaseList:
    """Return a part of a list that a person saw, as it is now: the cases of the page that they saw, and others.

    `asked` is the value of its buttons, `body` the click on one; at most `most` cases, the first of a short list.
    """
    page_size = home_view.SHOWN if is_home(body) else SHOWN
    most -= most % page_size  # so that each page is in one part
    async with desk.reading() as session:
        if _is_search(asked):
            sought, team_ids = Sought.of_text(asked), [team.id for team in person.teams]
            part = sought.page * page_size // most
            return await by_words.search(session, team_ids, _asked(desk, sought), most=most, page=part)
        wanted = Filter.of_text(asked)
        wanted = replace(wanted, page=wanted.page * page_size // most)
        return await lists.waiting(session, _teams(person, wanted), wanted, now=desk.now(), most=most)


def _teams(person: Person, wanted: Filter) -> Sequence[int]:
    """Return the teams whose cases a list shows: a person's own cases are in all their teams."""
    return list(person.roles) if wanted.which is Which.MINE else [team.id for team in person.teams]


async def _read(
    desk: TeamDesk, teams: Sequence[int], wanted: Filter, *, public: bool = False
) -> tuple[CaseList, Mapping[int, str]]:
    async with desk.reading() as session:
        listing = await lists.waiting(session, teams, wanted, now=desk.now(), most=SHOWN, public=public)
        return listing, await links_of(session, desk.slack, [line.case.id for line in listing.lines])


async def _search(
    desk: TeamDesk, teams: Sequence[int], sought: Sought, *, public: bool = False
) -> tuple[CaseList, Mapping[int, str]]:
    async with desk.reading() as session:
        asked = _asked(desk, sought, public=public)
        listing = await by_words.search(session, teams, asked, most=SHOWN, page=sought.page)
        return listing, await links_of(session, desk.slack, [line.case.id for line in listing.lines])


def _is_search(asked: str) -> bool:
    """Tell whether the value of a button is about what a search found."""
    return asked.startswith(f"{SEARCH}|")


def _asked(desk: TeamDesk, sought: Sought, *, public: bool = False) -> Asked:
    since = desk.now() - timedelta(days=sought.days) if sought.days else None
    statuses, open_at = STATUSES.get(sought.status, ()), desk.now() if sought.status == OPEN_STATUS else None
    return Asked(sought.words, sought.platform, since, statuses, open_at, public=public)


def _head(desk: TeamDesk, listing: CaseList, wanted: Filter) -> str:
    if not listing.count:
        all_of = replace(wanted, page=0) == Filter()
        return desk.t("Nothing is waiting. 🎉") if all_of else desk.t("Nothing here.")
    head = desk.t.plural("*{n} case is waiting*", "*{n} cases are waiting*", listing.count)
    return _with_page(desk, listing, head)


def _result_head(desk: TeamDesk, listing: CaseList) -> str:
    if not listing.count:
        return desk.t("Nothing found.")
    head = desk.t.plural("*{n} case found*", "*{n} cases found*", listing.count)
    if listing.more:
        head = desk.t("*More than {n} cases found*", n=listing.count)
    return _with_page(desk, listing, head)


def _with_page(desk: TeamDesk, listing: CaseList, head: str) -> str:
    page = desk.t("page {n} of {pages}", n=listing.page + 1, pages=listing.pages)
    return f"{head} · {page}" if listing.pages > 1 else head


def _uncounted(desk: TeamDesk, listing: CaseList) -> list[str]:
    """Return what to do when a search found more than its pages hold."""
    return [desk.t("These are the newest. Add a word to find fewer.")] if listing.more else []


def _rest(desk: TeamDesk, listing: CaseList) -> list[str]:
    left = listing.count - len(listing.lines)
    return [desk.t("… and {n} more", n=left)] if left else []


async def _rows(
    desk: TeamDesk,
    listing: CaseList,
    urls: Mapping[int, str],
    person: Person | None = None,
    asked: str = "",
    teams: Mapping[int, str] = MappingProxyType({}),
) -> list[Block]:
    """Return the rows, each with the link to its card if Slack gives one, and with a button if the person may act.

    Without a person they are for a shared list: no buttons, and no words of citizens. `asked` is the query of the
    list, with which it is shown again after a click. `teams` are the names of the teams, if it has cases of several.
    """
    rows = {
        line.case.id: case_block(
            line,
            desk.t,
            desk.now(),
            card_url=urls.get(line.case.id, ""),
            acts=_acts(person, line.case.team_id),
            team=teams.get(line.case.team_id, ""),
            quoted=person is not None,
        )
        for line in listing.lines
    }
    return [remembering(row, case_id, asked) if asked else row for case_id, row in rows.items()]


def _several_buttons(person: Person, asked: str, listing: CaseList, desk: TeamDesk) -> list[Block]:
    """Return the buttons for several cases of a list, for a person who may act on some that have not ended."""
    mine = [line.case for line in listing.lines if _acts(person, line.case.team_id)]
    acts = any(case.status in ONGOING for case in mine) or (mine and listing.pages > 1)
    return several_buttons(asked, desk.t) if acts else []


def _share_button(person: Person, asked: str, desk: TeamDesk) -> list[Block]:
    """Return the button that shows a list to everyone, if all its cases are of the team whose channel it is in."""
    return [share_button(asked, desk.t)] if person.shares(*person.teams) else []


@asynccontextmanager
async def list_after(
    desk: TeamDesk, action: dict[str, Any], body: dict[str, Any], respond: Respond
) -> AsyncIterator[None]:
    """Show a list as it is now after a click in one of its rows, even if the click failed; ignore other clicks.

    Only its reader sees the list, and its rows remember the query.
    """
    try:
        yield
    finally:
        if asked := listed_in(action.get("block_id", "")):
            shown_in: dict[str, Any] = {name: body[name] for name in body.keys() & {"container", "channel", "view"}}
            async with desk.reading() as session:
                person = await reader_of(session, shown_in, body["user"]["id"])
            await _show_again(desk, person, asked, body, respond)


async def _show_again(desk: TeamDesk, person: Person, asked: str, body: dict[str, Any], respond: Respond) -> None:
    """Show a list in place of the one that was clicked, in its message or modal."""
    if in_modal(body) and person.teams:
        await show_if_open(desk.slack, body["view"]["id"], await search_view(desk, person, Sought.of_text(asked)))
    elif in_modal(body):
        shown = await again(desk, person, asked)
        await show_if_open(desk.slack, body["view"]["id"], said(shown.text, desk.t))
    else:
        await answer(respond, desk, body, await again(desk, person, asked), replaces=True)


async def again(desk: TeamDesk, person: Person, asked: str) -> View:
    """Return a list that a person saw, as it is now; `asked` is the value of its buttons.

    To a person who may no longer read in any of its teams it says only that.
    """
    if not person.teams:
        return case_list(desk.t("You have no role in this team any more, so its cases are not shown."), [])
    if _is_search(asked):
        return await search(desk, person, Sought.of_text(asked))
    return await queue(desk, person, Filter.of_text(asked))


def _acts(person: Person | None, team_id: int) -> bool:
    """Tell whether a person may act in a team; in a shared list, which is no longer updated, nobody may."""
    return person is not None and person.roles.get(team_id, Role.READER) is not Role.READER
