"""A click comes in. The table of who handles what; one verb a module."""

from slack_bolt.async_app import AsyncApp

from handlers import answer, claim, close, commands, escalate, make_case, more, notes, snooze


def register(app: AsyncApp) -> None:
    """Route every click, submission, command, shortcut and event to its handler."""
    app.action("case:claim")(claim.claim)
    app.view("case:assign")(claim.assign)

    app.action("case:answer")(answer.open_answer)
    app.view("case:answer")(answer.send)
    app.view("case:take_over")(answer.take_over)
    app.action("answer_text")(answer.preview)
    app.action("answer_visibility")(answer.preview)
    app.action("case:undo")(answer.undo)
    app.action("case:settle_sent")(answer.settle_sent)
    app.action("case:settle_absent")(answer.settle_absent)

    app.action("case:escalate")(escalate.open_escalate)
    app.view("case:escalate")(escalate.escalate)
    app.action("case:advise")(escalate.open_advise)
    app.view("case:advise")(escalate.advise)

    app.action("case:snooze")(snooze.open_snooze)
    app.view("case:snooze")(snooze.snooze)
    app.view("case:close")(close.close)
    app.action("case:reopen")(close.reopen)
    app.view("case:note")(notes.add_note)
    app.action("case:more")(more.more)
    app.action("case:open")(more.only_open)

    app.message_shortcut("make_case")(make_case.make_case)
    app.command("/webcare")(commands.webcare)
    app.event("message")(notes.thread_message)
