"""Where clicks come in: the table of handlers, with one module per verb."""

from slack_bolt.async_app import AsyncApp

from bot.views import case_menu
from handlers import (
    answer,
    card_menu,
    claim,
    close,
    commands,
    details,
    escalate,
    figures,
    home,
    lists,
    make_case,
    notes,
    presence,
    settings,
    settings_lists,
    snippets,
    snooze,
    undo,
)
from handlers.roles import agents_only, coordinators_only


def register(app: AsyncApp) -> None:
    """Route each click, submission, command, shortcut and event to its handler; only agents may act on cases."""
    acts, sets = [agents_only], [coordinators_only]

    app.action("case:claim", middleware=acts)(claim.claim)
    app.action("case:release", middleware=acts)(claim.release_by_button)
    app.action("agent:hand_back", middleware=acts)(presence.hand_back)
    app.action("agent:keep")(presence.keep)
    app.view("case:assign", middleware=acts)(claim.assign)

    app.action("case:answer", middleware=acts)(answer.open_answer)
    app.view("case:answer", middleware=acts)(answer.send)
    app.view("case:take_over", middleware=acts)(answer.take_over)
    app.action("answer_text")(answer.preview)
    app.action("answer_visibility")(answer.preview)
    app.action("answer_kind")(answer.preview)
    app.options("answer_snippet")(snippets.offer)
    app.action("answer_snippet")(answer.insert_snippet)
    app.action("case:undo", middleware=acts)(undo.undo)
    app.action("case:settle_sent", middleware=acts)(undo.settle_sent)
    app.action("case:settle_absent", middleware=acts)(undo.settle_absent)

    app.action("case:escalate", middleware=acts)(escalate.open_escalate)
    app.view("case:escalate", middleware=acts)(escalate.escalate)
    app.action("case:advise")(escalate.open_advise)
    app.view("case:advise")(escalate.advise)

    app.action("case:snooze", middleware=acts)(snooze.open_snooze)
    app.view("case:snooze", middleware=acts)(snooze.snooze)
    app.view("case:close", middleware=acts)(close.close)
    app.action("case:reopen", middleware=acts)(close.reopen)
    app.view("case:note", middleware=acts)(notes.add_note)
    app.action("case:details")(details.by_button)
    app.action("case:urgent", middleware=acts)(details.urgent)
    app.action("case:not_urgent", middleware=acts)(details.urgent)
    app.action("case:topic", middleware=acts)(details.topic)
    app.action(case_menu.ACTION, middleware=acts)(card_menu.more)
    app.action("case:open")(card_menu.only_open)

    app.message_shortcut("make_case", middleware=acts)(make_case.make_case)
    app.action("figures:share")(figures.share)
    app.action("list:share")(lists.share)
    app.command("/webcare")(commands.webcare)
    app.event("message")(notes.thread_message)
    app.event("app_home_opened")(home.home_opened)

    app.action("settings:open")(settings.open_from_home)
    app.action("settings:group", middleware=sets)(settings.open_group)
    app.action("settings:undo", middleware=sets)(settings.put_back)
    for group in ("team", "hours", "closed", "norms", "reminders", "duty", "reasons"):
        app.view(f"settings:{group}", middleware=sets)(settings.save)
    app.view("settings:roles", middleware=sets)(settings.save_roles)
    for button in ("snippet:add", "snippet:edit", "adviser:add", "adviser:edit", "platform:edit", "initials:edit"):
        app.action(button, middleware=sets)(settings_lists.open_one)
    app.view("settings:snippet", middleware=sets)(settings_lists.save_one)
    app.view("settings:adviser", middleware=sets)(settings_lists.save_one)
    app.view("settings:platform", middleware=sets)(settings_lists.save_platform)
    app.view("settings:initials", middleware=sets)(settings_lists.save_initials)
