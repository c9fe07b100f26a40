"""The question to an adviser (colleague, group or other team), with the Advise button; advisers cannot answer."""

from dataclasses import replace
from datetime import datetime

from bot.domain.case import Status, Urgency
from bot.domain.slack_id import is_channel
from bot.models import CaseFile, Escalation
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, literal, quote, section
from bot.views.case_state import target_name
from bot.views.citizen import Room, as_it_was, fitted, head_line
from bot.views.exchange import exchange, turns


def ask_card(
    file: CaseFile, escalation_id: int | None, t: Texts, now: datetime, *, over: datetime | None = None
) -> View:
    """Show the question and its case; after the advice, show the advice instead of the button.

    `over` is when the turn of those who were asked was or will be over.
    """
    escalation = next(e for e in file.escalations if e.id == escalation_id)
    return fitted(lambda room: _ask(file, escalation, t, now, room, over))


def _ask(file: CaseFile, escalation: Escalation, t: Texts, now: datetime, room: Room, over: datetime | None) -> View:
    who = {"agent": f"<@{escalation.by}>", "target": target_name(escalation.target)}
    if escalation.urgency is Urgency.URGENT:
        asks = t("🔴 *Urgent* – {agent} asks {target} for advice:", **who)
    else:
        asks = t("❓ {agent} asks {target} for advice:", **who)
    blocks = [section(asks), quote(escalation.question, 1500), context(head_line(file, t))]
    seen = for_advisers(file, escalation, over)
    blocks += exchange(seen, t, now, most=room.turns, limit=room.text, media=room.media)
    blocks += left_out(file, escalation, over, t)
    missed = _missed(file, escalation, t)
    spoken = [f"{asks} {literal(escalation.question, 300)}", *missed]
    if escalation.advice is None:
        blocks += [context(each) for each in missed]
        how = t("Your advice goes to the webcare team only, not to the citizen. Give it with the button: what you "
                "write below this message does not come with the case.")  # fmt: skip
        blocks.append(context(how))
        spoken.append(how)
        blocks += actions(button(t("Advise"), "case:advise", str(escalation.id), style="primary"))
    else:
        head = t("✅ Advice from {adviser}:", adviser=f"<@{escalation.advised_by}>")
        blocks += [section(head), quote(escalation.advice, 1500)]
        spoken.append(f"{head} {literal(escalation.advice, 300)}")
    return View("\n".join(spoken), blocks)


def _missed(file: CaseFile, asked: Escalation, t: Texts) -> list[str]:
    """Return that nobody waits for this advice any more, if that is so."""
    if asked.advice is not None or (file.case.status is Status.ESCALATED and asked.lapsed_at is None):
        return []
    return [t("The case went on without this advice: nobody waits for it any more. It is still welcome.")]


def for_advisers(file: CaseFile, asked: Escalation, over: datetime | None) -> CaseFile:
    """Return the part of a case that those who were asked may see, perhaps without any mention.

    That is what was written before their turn was `over`; only what is public in a channel, which many read, and to
    people who may be outside our organisation.
    """
    file = _in_their_turn(file, over)
    if not _hides_private(asked):
        return file
    return replace(
        file,
        mentions=[mention for mention in file.mentions if not mention.private],
        replies=[reply for reply in file.replies if not reply.private],
    )


def left_out(file: CaseFile, asked: Escalation, over: datetime | None, t: Texts) -> list[Block]:
    """Return the line that says that private messages are not shown, if there are any."""
    if not _hides_private(asked) or not any(turn.private for turn in turns(_in_their_turn(file, over))):
        return []
    if asked.outside:
        return [context("🔒 " + t("Private messages are not shown outside the organisation."))]
    return [context("🔒 " + t("Private messages are not shown in a channel."))]


def _in_their_turn(file: CaseFile, over: datetime | None) -> CaseFile:
    """Return a case with what was written until their turn was over."""
    if over is None:
        return file
    return replace(
        file,
        mentions=[as_it_was(mention, over) for mention in file.mentions if mention.received_at <= over],
        replies=[reply for reply in file.replies if reply.created_at <= over],
    )


def _hides_private(asked: Escalation) -> bool:
    """Tell whether nothing private is shown to those who were asked: in a channel, and outside our organisation."""
    return is_channel(asked.target) or asked.outside
