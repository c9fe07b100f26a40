"""The question to an adviser (colleague, group or other team), with the Advise button; advisers cannot answer."""

from datetime import datetime

from bot.domain.case import Urgency
from bot.models import CaseFile, Escalation
from bot.texts import Texts
from bot.views.block import View, actions, button, context, literal, quote, section
from bot.views.case_state import target_name
from bot.views.citizen import Room, fitted, head_line
from bot.views.exchange import exchange


def ask_card(file: CaseFile, escalation_id: int | None, t: Texts, now: datetime) -> View:
    """Show the question and its case; after the advice, show the advice instead of the button."""
    escalation = next(e for e in file.escalations if e.id == escalation_id)
    return fitted(lambda room: _ask(file, escalation, t, now, room))


def _ask(file: CaseFile, escalation: Escalation, t: Texts, now: datetime, room: Room) -> View:
    who = {"agent": f"<@{escalation.by}>", "target": target_name(escalation.target)}
    if escalation.urgency is Urgency.URGENT:
        asks = t("🔴 *Urgent* – {agent} asks {target} for advice:", **who)
    else:
        asks = t("❓ {agent} asks {target} for advice:", **who)
    blocks = [section(asks), quote(escalation.question, 1500), context(head_line(file, t))]
    blocks += exchange(file, t, now, most=room.turns, limit=room.text, media=room.media)
    if escalation.advice is None:
        blocks.append(context(t("Your advice goes to the webcare team only, not to the citizen.")))
        blocks += actions(button(t("Advise"), "case:advise", str(escalation.id), style="primary"))
    else:
        head = t("✅ Advice from {adviser}:", adviser=f"<@{escalation.advised_by}>")
        blocks += [section(head), quote(escalation.advice, 1500)]
    return View(f"{asks} {literal(escalation.question, 300)}", blocks)
