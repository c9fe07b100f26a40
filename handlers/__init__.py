"""Where clicks come in: the table of handlers, one module per verb, and the arguments of each."""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.kwargs_injection.async_args import AsyncArgs
from structlog.contextvars import bind_contextvars

from bot import cases
from bot.desk import Desk
from bot.domain.text import Refused
from bot.slack.calls import contact_of
from bot.views import case_menu
from handlers import (
    answer,
    card_menu,
    claim,
    close,
    close_many,
    commands,
    connect,
    details,
    escalate,
    figures,
    hand_over,
    hide,
    home,
    know,
    lists,
    make_case,
    members,
    moderate,
    notes,
    others,
    presence,
    rollups,
    routing,
    search,
    series,
    settings,
    settings_lists,
    snippets,
    snooze,
    take_over,
    undo,
    unknown,
    wait_on,
    workspace,
    write,
)
from handlers.bolt_args import Ack
from handlers.concerns import case_in, names_case
from handlers.roles import Access, Needs, admit, person_of
from handlers.submission import ACK_WITHIN, Submission

log = structlog.get_logger()

Handler = Callable[..., Awaitable[None]]
TOLD_AFTER = 0.005
"""Seconds after which a request is logged: by then who clicked mostly sees what they did."""


def register(
    app: AsyncApp, desk: Desk, ack_within: float = ACK_WITHIN, running: set[asyncio.Task[Any]] | None = None
) -> None:
    """Route each click, submission, command, shortcut and event to its handler, with who may do it.

    A submitted modal without an answer after `ack_within` seconds is acknowledged first. `running` holds the tasks of
    the requests that are being handled.
    """

    def may(needs: Needs) -> Callable[[Handler], Handler]:
        return partial(_listener, desk, ack_within, set() if running is None else running, needs)

    everyone, looks, acts, sets = (
        may(needs) for needs in (Access.EVERYONE, Access.READERS, Access.AGENTS, Access.COORDINATORS)
    )
    asked = may(Access.ASKED)

    app.action("case:claim")(acts(claim.claim))
    app.action("case:release")(acts(claim.release_by_button))
    app.action("agent:hand_back")(everyone(presence.hand_back))
    app.action("agent:keep")(everyone(presence.keep))

    app.action("case:answer")(acts(answer.open_answer))
    app.view("case:take_over")(acts(take_over.take_over))
    app.action("case:take_over")(acts(take_over.ask))
    app.view_closed("case:answer")(everyone(write.closed))
    for field in (
        "answer_text",
        "answer_visibility",
        "answer_kind",
        "answer_promise",
        "answer_topic",
        "answer_invitation",
    ):
        app.action(field)(acts(write.preview))
    app.options("answer_snippet")(acts(snippets.offer))
    app.action("answer_snippet")(acts(write.insert_snippet))
    app.action("answer_anew")(acts(write.begin_anew))
    app.action("case:undo")(acts(undo.undo))
    app.action("case:undo_act")(acts(moderate.undo))
    app.action("case:act_done")(acts(undo.act_done))
    app.action("case:act_not_done")(acts(undo.act_not_done))
    app.action("case:hide_agree")(acts(hide.agree))
    app.action("case:hide_decline")(acts(hide.decline))
    app.action("case:hide_keep")(acts(hide.keep))
    app.action("case:hide_show")(acts(hide.show_again))
    app.action("case:settle_sent")(acts(undo.settle_sent))
    app.action("case:settle_absent")(acts(undo.settle_absent))

    app.action("case:escalate")(acts(escalate.open_escalate))
    app.action("case:advise")(asked(escalate.open_advise))
    app.view("case:advise")(asked(escalate.advise))

    app.action("case:snooze")(acts(snooze.open_snooze))
    app.action("list:close")(acts(close_many.open_close_many))
    app.view("case:close_many")(acts(close_many.close_many))
    app.action("series:begin")(acts(series.begin))
    app.action("series:on")(acts(series.turn))
    app.action("series:back")(acts(series.turn))
    app.action("rollup:claim")(acts(rollups.claim))
    app.action("rollup:take_out")(acts(rollups.open_take_out))
    app.view("rollup:take_out")(acts(rollups.take_out))
    app.action("list:hand_over")(acts(hand_over.open_hand_over))
    app.view("case:hand_over")(acts(hand_over.hand_over))
    app.action("case:undo_hand_over")(acts(hand_over.undo))
    app.action("case:undo_close")(acts(close.undo))
    app.action("case:reopen")(acts(close.reopen))
    app.action("case:wait_on")(acts(wait_on.wait_on))
    app.action("case:details")(looks(details.by_button))
    app.action("case:earlier")(looks(details.earlier))
    app.action("case:others")(looks(others.on_top))
    app.action("case:urgent")(acts(details.urgent))
    app.action("case:not_urgent")(acts(details.urgent))
    app.action("case:topic")(acts(details.topic))
    app.action(case_menu.ACTION)(may(card_menu.needs)(card_menu.more))
    for verb, (_, send) in card_menu.OPENS.items():
        if send is not None:
            app.view(f"case:{verb}")(acts(send))
    app.action("case:open")(everyone(card_menu.only_open))

    app.message_shortcut("make_case")(acts(make_case.make_case))
    app.action("figures:share")(acts(figures.share))
    app.action("spike:know")(acts(know.know))
    app.action("list:show")(looks(lists.show))
    app.action("rollup:subjects")(looks(rollups.subjects))
    app.action("list:share")(acts(lists.share))
    app.action("search:words")(looks(search.open_search))
    app.action("search:open")(looks(search.open_search))
    app.view("search")(looks(search.find))
    for turn in ("list:back", "list:on", "list:which", "list:where", "list:all", "list:overview"):
        app.action(turn)(looks(lists.turn))
    app.command("/webcare")(may(commands.needs)(commands.webcare))
    app.event("message")(everyone(notes.thread_message))
    app.event("member_joined_channel")(everyone(members.joined))
    app.event("member_left_channel")(everyone(members.left))
    app.event("app_home_opened")(everyone(home.home_opened))
    for kind in ("channel", "group"):
        for change in ("archive", "left", "unarchive"):
            app.event(f"{kind}_{change}")(everyone(workspace.channel_changed))
    app.event("tokens_revoked")(everyone(workspace.app_changed))
    app.event("app_uninstalled")(everyone(workspace.app_changed))

    app.action("settings:open")(everyone(settings.open_from_home))
    app.action("settings:group")(sets(settings.open_group))
    app.action("settings:undo")(sets(settings.put_back))
    for turn in ("history:newer", "history:older"):
        app.action(turn)(sets(settings.turn_history))
    for group in ("team", "hours", "closed", "norms", "reminders", "duty", "reasons", "card", "hiding"):
        app.view(f"settings:{group}")(sets(settings.save))
    app.view("settings:roles")(sets(settings.save_roles))
    for kind in ("snippet", "adviser", "rule"):
        app.action(f"{kind}:add")(sets(settings_lists.open_one))
    for kind in ("snippet", "adviser", "rule", "platform", "initials"):
        app.action(f"{kind}:edit")(sets(settings_lists.open_one))
    app.action("account:connect")(sets(connect.open_connect))
    app.view("account:begin")(sets(connect.begin))
    app.action("account:page")(everyone(card_menu.only_open))
    app.view("sign_in:paste")(sets(connect.paste))
    app.action("sign_in:choose")(sets(connect.open_choose))
    app.view("sign_in:choose")(sets(connect.choose))
    app.action("route:add")(sets(routing.add))
    app.action("route:do")(sets(routing.do))
    app.view("route:try")(sets(routing.try_one))
    app.view("route:save")(sets(routing.save))
    app.view("settings:snippet")(sets(settings_lists.save_one))
    app.view("settings:adviser")(sets(settings_lists.save_one))
    app.view("settings:rule")(sets(settings_lists.save_one))
    app.view("settings:platform")(sets(settings_lists.save_platform))
    app.view("settings:initials")(sets(settings_lists.save_initials))


def register_unknown(
    app: AsyncApp, desk: Desk, ack_within: float = ACK_WITHIN, running: set[asyncio.Task[Any]] | None = None
) -> None:
    """Route what no other listener knows; call it last, because the first match is taken."""
    any_id, running = re.compile(""), set() if running is None else running
    clicked, submitted, asked = (
        _listener(desk, ack_within, running, Access.EVERYONE, each)
        for each in (unknown.clicked, unknown.submitted, unknown.asked)
    )
    app.action(any_id)(clicked)
    app.shortcut(any_id)(clicked)
    app.view(any_id)(submitted)
    app.options(any_id)(asked)


def _tell(body: dict[str, Any]) -> None:
    """Log a request that names a case; what else is logged of the request has that case too."""
    case_id = case_in(body)
    if case_id is not None:
        bind_contextvars(case=case_id)  # it stays for the error listener; Bolt runs each listener in a task of its own
        what = _named(body)
        tell = log.info if what.startswith("case:") else log.debug  # what is typed in a modal comes in again and again
        asked = partial(tell, "a colleague asked something of a case", kind=body.get("type"), what=what)
        asyncio.get_running_loop().call_later(TOLD_AFTER, asked)


def _named(body: dict[str, Any]) -> str:
    """Return the name of the button or modal, which we gave it."""
    named = (body.get("actions") or [{}])[0].get("action_id") or (body.get("view") or {}).get("callback_id") or ""
    return str(named) if re.fullmatch(r"[a-z_:]{1,40}", str(named)) else "?"


def _listener(
    desk: Desk, ack_within: float, running: set[asyncio.Task[Any]], needs: Needs, handler: Handler
) -> Handler:
    """Return the listener that gives a handler the arguments that its parameters name (handlers/bolt_args.py).

    For a handler without `ack` the request is acknowledged at once, before anything is read: Slack waits 3 seconds,
    even if the database is busy. A handler with `ack` (a submitted modal, a list of options) acknowledges with what it
    read, or with a view that says that we are working on it.
    """
    wanted = inspect.signature(handler).parameters

    async def listen(args: AsyncArgs) -> None:
        contact_of(desk.slack).heard_at = desk.now()
        if task := asyncio.current_task():
            running.add(task)
            task.add_done_callback(running.discard)
        if "ack" not in wanted:
            await args.ack()
            await call(args, args.ack)
        elif args.body["type"] == "view_submission":
            submission = args.context["submission"] = Submission(args.body, args.ack, desk)
            async with submission.answered_within(ack_within):
                await call(args, submission)
        else:
            try:
                async with asyncio.timeout(ack_within):
                    await call(args, args.ack)
            except TimeoutError:
                await args.ack(options=[])

    async def call(args: AsyncArgs, ack: Ack) -> None:
        _tell(args.body)
        by = args.context.user_id or ""
        async with desk.reading() as session:
            person = await person_of(session, args.body, by)
        args.context["desk"] = desk.of(person.teams[0])  # the error listener speaks the team's language
        if isinstance(ack, Submission):
            ack.t = args.context["desk"].t
        access = needs(args.body) if callable(needs) else needs
        try:
            person = await admit(desk, access, args.body, person)
        except Refused:  # what was clicked may be of another team by now, or no longer for this person
            [action, *_] = args.body.get("actions") or [{}]
            first = desk.of(person.teams[0])
            async with home.home_after(first, args.body), lists.list_after(first, action, args.body, args.respond):
                raise
        theirs = desk.of(person.teams[0])
        if names_case(args.body):
            theirs = replace(theirs, session=cases.within_team(desk.session, theirs.team.id))
        given: dict[str, Any] = {"by": by, "person": person, "desk": theirs, "ack": ack}
        await handler(**{name: given[name] if name in given else getattr(args, name) for name in wanted})

    return listen
