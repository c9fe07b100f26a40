"""The escalate modal: whom to ask (a colleague, a user group or another team's channel), what, and how urgently."""

from collections.abc import Sequence

from bot.domain.case import Urgency
from bot.models import CaseFile
from bot.texts import Texts
from bot.views.block import Block, field_of, modal, offered, option, section
from bot.views.citizen import quoted

ADVISER, COLLEAGUE, GROUP = "escalate_adviser", "escalate_colleague", "escalate_group"
CHANNEL = "escalate_channel"
QUESTION, URGENCY = "escalate_question", "escalate_urgency"


def escalate_modal(
    file: CaseFile, groups: Sequence[tuple[str, str]], t: Texts, *, advisers: Sequence[tuple[str, str]] = ()
) -> Block:
    """Return the modal. `groups` are (name, id) of user groups and other teams' channels.

    `advisers` are (title, id) of the team's usual advisers; they come first.
    """
    normal, urgent = option(t("Normal"), Urgency.NORMAL), option(t("Urgent"), Urgency.URGENT)
    blocks = [*quoted(file, t, 500), section(t("Choose whom you ask: one colleague, group or channel."))]
    if advisers:
        known = [(title, f"{number}:{target}") for number, (title, target) in enumerate(advisers)]
        blocks.append(_menu(t("Whom do you ask?"), ADVISER, known))
    label = t("… or a colleague") if advisers else t("Ask a colleague")
    blocks.append(field_of(label, COLLEAGUE, {"type": "users_select"}, optional=True))
    if groups:
        blocks.append(_menu(t("… or a group or channel"), GROUP, groups))
    picker: Block = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
    hint = t("Invite the bot there first.")
    seen = t("They see the citizen's post too. They need not be in the webcare team.")
    blocks.append(field_of(t("… or another channel"), CHANNEL, picker, optional=True, hint=hint))
    blocks += [
        field_of(
            t("Your question"), QUESTION, {"type": "plain_text_input", "multiline": True, "max_length": 1500},
            hint=f"{seen} {t('In a channel, and outside the organisation, nothing private is shown.')}",
        ),
        field_of(
            t("How soon"), URGENCY, {"type": "radio_buttons", "options": [normal, urgent], "initial_option": normal}
        ),
    ]  # fmt: skip
    metadata = str(file.case.id)
    return modal("case:escalate", t("Escalate"), blocks, submit=t("Ask"), close=t("Cancel"), metadata=metadata)


def _menu(label: str, block_id: str, choices: Sequence[tuple[str, str]]) -> Block:
    options = [option(name, value) for name, value in choices]
    return field_of(label, block_id, {"type": "static_select", **offered(options)}, optional=True)


def adviser_of(value: str | None) -> str:
    """Return the Slack id in the value of an adviser's option, "" for none; two options may have the same id."""
    return (value or "").partition(":")[2]
