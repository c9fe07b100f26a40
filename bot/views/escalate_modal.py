"""The escalate modal: whom to ask (a colleague, a user group or another team's channel), what, and how urgently."""

from bot.domain.case import Urgency
from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import Block, context, field_of, modal, option, quote
from bot.views.citizen import author_line

COLLEAGUE, GROUP, QUESTION, URGENCY = "escalate_colleague", "escalate_group", "escalate_question", "escalate_urgency"


def escalate_modal(file: CaseFile, groups: list[tuple[str, str]], t: Texts) -> Block:
    """Return the modal; `groups` are (name, id) of user groups and other teams' channels."""
    normal, urgent = option(t("Normal"), Urgency.NORMAL), option(t("Urgent"), Urgency.URGENT)
    blocks = [
        context(author_line(file.author)),
        quote(file.latest.text, 500),
        field_of(t("Ask a colleague"), COLLEAGUE, {"type": "users_select"}, optional=True),
    ]
    if groups:
        options = [option(name, key) for name, key in groups[:100]]
        choice = {"type": "static_select", "options": options}
        blocks.append(field_of(t("… or a group or channel"), GROUP, choice, optional=True))
    blocks += [
        field_of(
            t("Your question"), QUESTION, {"type": "plain_text_input", "multiline": True, "max_length": 1500},
            hint=t("They see the citizen's post too. They need not be in the webcare team."),
        ),
        field_of(
            t("How soon"), URGENCY, {"type": "radio_buttons", "options": [normal, urgent], "initial_option": normal}
        ),
    ]  # fmt: skip
    keep = str(file.case.id)
    return modal("case:escalate", t("Escalate"), blocks, submit=t("Ask"), close=t("Cancel"), keep=keep)
