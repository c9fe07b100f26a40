"""The answer modal: the conversation so far, the text, and a preview of exactly what the citizen will see."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from bot.domain.mention import Act
from bot.domain.reply import Composed
from bot.models import CaseFile, Mention, ReplyKind, ReplyStatus
from bot.texts import Texts
from bot.views.block import Block, context, cut, field_of, modal, option, plain, quote, section
from bot.views.citizen import author_line, mention_blocks, source_line
from bot.views.modals import initials_field, placeholder
from bot.views.topic import topic_field

TEXT = "answer_text"
VISIBILITY = "answer_visibility"
CONFIRM = "answer_confirm"
INITIALS = "initials"
KIND = "answer_kind"
PROMISE = "answer_promise"
SNIPPET = "answer_snippet"
SLACK_INPUT = 3000
"""The longest text that Slack's input accepts (https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element)."""


@dataclass(frozen=True)
class ModalState:
    """What the modal remembers while it is open, besides its fields (private_metadata).

    `ask` is the proposal for the initials, None for an agent who has them. `inserted` counts the inserted snippets.
    `promise` is the chosen moment (epoch seconds) while its field is hidden. `home`: the App Home opened the modal.
    """

    case: int
    mention: int
    ask: str | None = None
    inserted: int = 0
    promise: int | None = None
    home: bool = False

    @classmethod
    def of(cls, view: Block) -> Self:
        """Read it from the view of an action or a submission."""
        return cls(**json.loads(view["private_metadata"]))


def answer_modal(
    file: CaseFile,
    mention: Mention,
    composed: Composed,
    t: Texts,
    now: datetime,
    state: ModalState,
    *,
    kind: ReplyKind = ReplyKind.FINAL,
    draft: str = "",
    confirm: bool = False,
    snippets: bool = False,
    topics: Sequence[str] = (),
) -> Block:
    """Return the modal. `draft` prefills the text; `snippets`: the team has canned texts; `topics`: the team's topics.

    `confirm`: the agent must confirm that what was private becomes public. For an interim message the modal also asks
    by when the citizen hears more.
    """
    blocks = _conversation(file, mention, t, now)
    if snippets:
        blocks.append(_snippet_picker(t, state.inserted))
    blocks.append(_text_field(t, draft, state.inserted))
    blocks += preview(composed, t, file)
    if mention.may(Act.ANSWER, now) and mention.may(Act.ANSWER_PRIVATELY, now):
        blocks.append(_visibility_field(t, composed.private))
    if confirm:
        blocks.append(_confirm_field(t))
    blocks.append(_kind_field(t, kind))
    if kind is ReplyKind.INTERIM:
        blocks.append(_promise_field(t, state.promise))
    blocks += topic_field(file, topics, t)
    if state.ask is not None:
        blocks.append(initials_field(t, state.ask))
    metadata = json.dumps(asdict(state))
    return modal("case:answer", t("Answer"), blocks, submit=t("Send"), close=t("Cancel"), metadata=metadata)


def preview(composed: Composed, t: Texts, file: CaseFile) -> list[Block]:
    """Return the preview: the text as it will be published, who can read it, and how many characters are left."""
    reader = literal_reader(file)
    if composed.private:
        audience = t("🔒 Private: only {name} can read this.", name=reader)
    else:
        audience = t("🌐 Public: everyone can read this.")
    if composed.left is None:
        length = ""
    elif composed.left >= 0:
        length = t.plural("{n} character left", "{n} characters left", composed.left)
    else:
        length = "⚠️ " + t.plural("{n} character too long", "{n} characters too long", -composed.left)
    return [
        section("*" + t("This is what the citizen will see:") + "*"),
        quote(composed.text or t("(type your answer above)"), 2900),
        context(*(part for part in (audience, length) if part)),
    ]


def literal_reader(file: CaseFile) -> str:
    """Return the citizen's name for a sentence."""
    return author_line(file.author)


def typed(filled: Mapping[str, Any]) -> str:
    """Return the content of the text field; each inserted snippet gives that field a new block id."""
    return next((value or "" for block, value in filled.items() if block.partition(":")[0] == TEXT), "")


def snippet_option(title: str, words: str) -> Block:
    """Return a canned text as an option, with its first words."""
    return option(title, title) | {"description": plain(" ".join(words.split()), 75)}


def _snippet_picker(t: Texts, inserted: int) -> Block:
    """Return the menu of snippets; each inserted snippet gives it a new block id, which clears the choice."""
    picker = {
        "type": "external_select",
        "action_id": SNIPPET,
        "placeholder": placeholder(t("Search by words")),
        "min_query_length": 0,
    }
    words = section(t("Insert a standard text (it comes above your own text):"))
    return {**words, "block_id": f"{SNIPPET}:{inserted}", "accessory": picker}


def _text_field(t: Texts, draft: str, inserted: int) -> Block:
    element: Block = {
        "action_id": TEXT,
        "type": "plain_text_input",
        "multiline": True,
        "max_length": SLACK_INPUT,
        "focus_on_load": True,
        "placeholder": placeholder(t("Write as you would speak: friendly, clear, to the point.")),
        "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
    }
    if draft:
        element["initial_value"] = cut(draft, SLACK_INPUT)
    # Slack ignores our prefilled text while the block id is the same, so an inserted snippet needs a new block id.
    block_id = f"{TEXT}:{inserted}" if inserted else TEXT
    field = field_of(t("Your answer"), block_id, element, hint=t("Your initials are added by themselves."))
    field["dispatch_action"] = True
    return field


def _visibility_field(t: Texts, private: bool) -> Block:
    public, privately = option(t("Public"), "public"), option(t("Private message"), "private")
    radio = {
        "type": "radio_buttons",
        "options": [public, privately],
        "initial_option": privately if private else public,
    }
    field = field_of(t("Who may read it"), VISIBILITY, radio)
    field["dispatch_action"] = True
    return field


def _confirm_field(t: Texts) -> Block:
    confirmed = option(t("Yes, post it publicly: everyone can read it"), "public")
    return field_of(t("This was private until now"), CONFIRM, {"type": "checkboxes", "options": [confirmed]})


def _kind_field(t: Texts, chosen: ReplyKind) -> Block:
    options = {
        ReplyKind.FINAL: option(t("An answer"), ReplyKind.FINAL),
        ReplyKind.INTERIM: option(t("An interim message: more follows"), ReplyKind.INTERIM),
        ReplyKind.QUESTION: option(t("A question: we wait for the citizen"), ReplyKind.QUESTION),
    }
    radio = {"type": "radio_buttons", "options": list(options.values()), "initial_option": options[chosen]}
    field = field_of(t("What it is"), KIND, radio)
    field["dispatch_action"] = True
    return field


def _promise_field(t: Texts, chosen: int | None) -> Block:
    element: Block = {"type": "datetimepicker"}
    if chosen is not None:
        element["initial_date_time"] = chosen
    hint = t("By when does the citizen hear more? You are reminded before that.")
    return field_of(t("Promised: by"), PROMISE, element, hint=hint)


def _conversation(file: CaseFile, mention: Mention, t: Texts, now: datetime) -> list[Block]:
    """Return the latest posts and answers, oldest first; the mention to answer comes last."""
    sent = [r for r in file.replies if r.status is ReplyStatus.SENT]
    earlier: list[tuple[datetime, list[Block]]] = [
        (m.published_at, [context(source_line(file, m, t, now)), quote(m.text, 500)])
        for m in file.mentions
        if m.id != mention.id
    ]
    earlier += [
        (r.sent_at or r.created_at, [context(t("We answered ({agent}):", agent=f"<@{r.by}>")), quote(r.text, 500)])
        for r in sent
    ]
    blocks = [section(author_line(file.author))]
    for _, shown in sorted(earlier, key=lambda item: item[0])[-6:]:
        blocks += shown
    blocks.append(context(source_line(file, mention, t, now)))
    return blocks + mention_blocks(mention, t, now)
