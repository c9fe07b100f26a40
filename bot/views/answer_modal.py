"""The answer modal: the conversation so far, the text, and a preview of exactly what the citizen will see."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

from bot.domain.mention import Act, Seen
from bot.domain.reply import MAX_TYPED, Composed
from bot.models import CaseFile, Mention, ReplyKind
from bot.texts import Texts, capital
from bot.views.block import (
    Block,
    actions,
    button,
    context,
    cut,
    field_of,
    fits_modal,
    literal,
    modal,
    option,
    plain,
    quote,
    section,
)
from bot.views.case_state import target_name, writing_lines
from bot.views.citizen import author_line, head_line, mention_blocks, source_line, wrote_again
from bot.views.exchange import earlier, exchange
from bot.views.modals import initials_field, placeholder, seen_in, shown_again, shows
from bot.views.others import others_button, others_words
from bot.views.topic import option_of, topic_picker

TEXT = "answer_text"
VISIBILITY = "answer_visibility"
CONFIRM = "answer_confirm"
INITIALS = "initials"
KIND = "answer_kind"
PROMISE = "answer_promise"
TOPIC = "answer_topic"
SNIPPET = "answer_snippet"
INVITATION = "answer_invitation"
KEEP_IMAGE = "answer_keep_image"
IMAGE = "answer_image"
DESCRIPTION = "answer_image_description"
ANEW = "answer_anew"
BACK, ON = "series:back", "series:on"
TURNS = frozenset({BACK, ON})
"""The buttons of a series to the cases beside the one that is shown."""
SHOWN = (12, 6, 3, 1)
"""Posts and answers that are shown above the one to answer: the first number with which the fields fit below them."""
FILE_TYPES = ["jpg", "jpeg", "png"]


@dataclass(frozen=True)
class ModalState:
    """What the modal remembers while it is open, besides its fields (private_metadata).

    `ask` is the proposal for the initials, None for an agent who has them. `promise` is the chosen moment (epoch
    seconds) while its field is hidden. `home` is what the App Home showed when the modal was opened there. `since` is
    the moment of the draft that it opened with. `image` is the SHA-256 of the image that stays unless the agent leaves
    it out, `file` the id of its file in Slack. Slack ignores a new initial value while the block id stays the same:
    `inserted` counts the new texts that we put in, `anew` how often the agent started over. `tells_of` is the act about
    which the answer informs the citizen. `series` is the query of the list whose cases the agent answers one after
    another, `left` how many of them there were with this one, `turn` how many it showed: a case may come round again,
    as when its answer was taken back. `team` is the team of the series, 0 where an earlier version showed it, `moved`
    that the case before this one went to another team while it was shown. `after` are the cases that came after this
    one, by which its place is known once it has left the list. `proposed` is the citizen whose answer is proposed here.
    `topic` is the option that the case had when its field was first shown, "" where an earlier version showed it.
    `was_private`: what was typed in it was once private. `seen` is what it shows of the citizen's words, and `again`
    that they wrote or edited a post while it was open.
    """

    case: int
    mention: int
    ask: str | None = None
    inserted: int = 0
    promise: int | None = None
    home: str = ""
    since: int | None = None
    anew: int = 0
    image: str = ""
    file: str = ""
    tells_of: int | None = None
    series: str = ""
    left: int = 0
    turn: int = 0
    proposed: str = ""
    topic: str = ""
    team: int = 0
    moved: bool = False
    after: Sequence[int] = ()
    was_private: bool = False
    seen: Seen | None = None
    again: bool = False

    @classmethod
    def of(cls, view: Block) -> Self:
        """Read it from the view of an action or a submission; what a newer version of this program adds is left out."""
        known = {field.name for field in fields(cls)}
        stored = {name: value for name, value in json.loads(view["private_metadata"]).items() if name in known}
        return cls(**{**stored, "seen": seen_in(view), "again": shown_again(view)})

    def to_text(self) -> str:
        """Return it as private_metadata, with what is not as always: an earlier version may not know the rest.

        Names and topics stay as they are: Slack takes 3,000 characters, and an escaped emoji would be twelve of them.
        """
        values = ((field, getattr(self, field.name)) for field in fields(self) if field.name not in {"seen", "again"})
        kept = {field.name: value for field, value in values if value != field.default}
        return json.dumps(kept, ensure_ascii=False)


def level_with(state: ModalState, file: CaseFile) -> ModalState:
    """Return what a modal remembers that shows a case as it is now."""
    now = file.seen
    is_new = state.seen is not None and (now.newest > state.seen.newest or now.edits != state.seen.edits)
    topic = state.topic or option_of(file.case.topic)
    return replace(state, seen=now, again=state.again or is_new, topic=topic)


def key_of(view_id: str, state: ModalState) -> str:
    """Return the key of what is written in a modal: of a series, one modal shows one case after the other.

    The first turn is not named, as modals of an earlier version name none.
    """
    if not state.series:
        return view_id
    return f"{view_id}:{state.case}:{state.turn}" if state.turn > 1 else f"{view_id}:{state.case}"


@dataclass(frozen=True)
class Prefilled:
    """What the fields are filled with when Slack shows them; `topic` is an option, "" for the topic of the case."""

    text: str = ""
    kind: ReplyKind = ReplyKind.FINAL
    topic: str = ""
    invitation: str = ""
    description: str = ""


@dataclass(frozen=True)
class ImageFields:
    """What the modal asks about an image. `lacks` is the permission that we miss to read images, "" for none.

    `described`: the platform takes a description. `words`: the most characters of an answer with an image, None for
    the same as without.
    """

    lacks: str
    described: bool
    words: int | None = None


@dataclass(frozen=True)
class Offers:
    """What can be chosen besides the text, and what the agent is warned of.

    `snippets`: there are canned texts; `templates_only`: they are templates, and nothing else can be sent. `confirm`:
    the agent must confirm that something private becomes public. `invites`: a public invitation can go out beside the
    private reply. `images` is None where no image can be sent. `topics` are the team's. `copies`: so many others got
    the same text, but for their name; 0 for few.
    """

    snippets: bool = False
    templates_only: bool = False
    confirm: bool = False
    invites: bool = False
    images: ImageFields | None = None
    topics: Sequence[str] = ()
    copies: int = 0


_EMPTY, _NOTHING_ELSE = Prefilled(), Offers()


def answer_modal(
    file: CaseFile,
    mention: Mention,
    composed: Composed,
    t: Texts,
    now: datetime,
    state: ModalState,
    *,
    prefilled: Prefilled = _EMPTY,
    offers: Offers = _NOTHING_ELSE,
    reader: str = "",
    home: str = "",
) -> Block:
    """Return the modal for a reply to this mention; `composed` is what its preview shows.

    `reader` is who has the modal open: they see who else is writing. `home` is the address of the workspace in Slack.
    """
    above = [*_place_in_series(state, t), *(context(line) for line in writing_lines(file, t, without=reader))]
    below = [
        *_advice(file, t, now),
        *_writing(file, state, prefilled, offers, t, now),
        *_shown_preview(file, composed, state, offers, t),
        *_choices(file, mention, composed, state, prefilled, offers, t, now),
    ]
    for most in SHOWN:
        blocks = [*above, *_conversation(file, mention, t, now, home, most), *below]
        if fits_modal(blocks):
            break
    view = modal("case:answer", t("Answer"), blocks, submit=t("Send"), close=t("Cancel"), metadata=state.to_text())
    return view | {"notify_on_close": True}


def _writing(
    file: CaseFile, state: ModalState, prefilled: Prefilled, offers: Offers, t: Texts, now: datetime
) -> Iterator[Block]:
    """Yield the field for the text, below what is said of the text that stands in it."""
    if state.since is not None:
        yield _draft_line(t, datetime.fromtimestamp(state.since, UTC), now, file)
    if offers.snippets:
        yield _snippet_picker(t, state.inserted, templates_only=offers.templates_only)
    if state.proposed:
        name = literal(state.proposed, 80)
        yield context("💡 " + t("A proposal, after your answer to {name}. Make it personal.", name=name))
    if state.again:
        yield wrote_again(t)
    yield _text_field(t, prefilled.text, state.inserted, templates_only=offers.templates_only)


def _shown_preview(file: CaseFile, composed: Composed, state: ModalState, offers: Offers, t: Texts) -> Iterator[Block]:
    """Yield the preview, which also remembers what the modal shows, and a warning about copies."""
    shown = preview(composed, t, file)
    if state.seen is not None:
        shows(shown[0], state.seen, again=state.again)
    yield from shown
    if offers.copies:
        words = t(
            "{n} others got this same text, but for their name. Say something about what {name} wrote.",
            n=offers.copies,
            name=literal_reader(file),
        )
        yield context(f"⚠️ {words}")


def _choices(
    file: CaseFile,
    mention: Mention,
    composed: Composed,
    state: ModalState,
    prefilled: Prefilled,
    offers: Offers,
    t: Texts,
    now: datetime,
) -> Iterator[Block]:
    """Yield the fields below the text: who may read it, what goes with it, and what it is."""
    if file.may(Act.ANSWER, mention, now) and mention.may(Act.ANSWER_PRIVATELY, now):
        yield _visibility_field(t, state.anew, composed.private)
    if offers.confirm:
        yield _confirm_field(t, state.anew)
    if offers.invites:
        yield _invitation_field(t, state.anew, prefilled.invitation)
    if offers.images is not None:
        yield from _image_fields(t, state, offers.images, prefilled.description)
    elif state.image:
        yield context("🖼️ " + t("No image can go with this answer: the one from before is left out."))
    yield _kind_field(t, state.anew, prefilled.kind)
    if prefilled.kind is ReplyKind.INTERIM:
        yield _promise_field(t, state.anew, state.promise)
    if picker := topic_picker(file, offers.topics, t, value=prefilled.topic):
        yield _dispatched(t("Topic"), _block_id(TOPIC, state.anew), TOPIC, picker, optional=True)
    if state.ask is not None:
        yield initials_field(t, state.ask)


def _place_in_series(state: ModalState, t: Texts) -> list[Block]:
    """Say how many cases of a list are left to answer, with the buttons to those beside this one."""
    if not state.series:
        return []
    turns = [button(t("Previous"), BACK, "back"), button(t("Next"), ON, "on")]
    left = t.plural("{n} case left to answer in this list", "{n} cases left to answer in this list", state.left)
    passed = [context(moved_away(t))] if state.moved else []
    return [*passed, context(left), *(actions(*turns) if state.left > 1 else [])]


def moved_away(t: Texts) -> str:
    """Return the line that the case which the modal of a series showed before went to another team meanwhile."""
    return "➡️ " + t("The case that you had open here went to another team meanwhile.")


def preview(composed: Composed, t: Texts, file: CaseFile) -> list[Block]:
    """Return the preview: the text as it will be published, and who can read it and how much is left, or why not."""
    reader = literal_reader(file)
    if composed.private:
        audience = t("🔒 Private: only {name} can read this.", name=reader)
    else:
        audience = t("🌐 Public: everyone can read this.")
    if composed.left >= 0:
        length = t.plural("{n} character left", "{n} characters left", composed.left)
    else:
        length = "⚠️ " + t.plural("{n} character too long", "{n} characters too long", -composed.left)
    below = (audience, length) if composed.problem is None else ("⚠️ " + literal(t(composed.problem), 500),)
    return [
        section("*" + t("This is what the citizen will see:") + "*"),
        quote(composed.text or t("(type your answer above)"), 2900),
        context(*below),
    ]


def literal_reader(file: CaseFile) -> str:
    """Return the citizen's name for a sentence."""
    return author_line(file.author)


def name_of_field(block_id: str) -> str:
    """Return the field of the modal that has a block id: the counters of `ModalState` may follow its name."""
    return block_id.partition(":")[0]


def snippet_option(title: str, words: str) -> Block:
    """Return a canned text as an option, with its first words."""
    return option(title, title) | {"description": plain(" ".join(words.split()), 75)}


def _snippet_picker(t: Texts, inserted: int, *, templates_only: bool) -> Block:
    """Return the menu of snippets or templates; each insertion gives it a new block id, which clears the menu."""
    picker = {
        "type": "external_select",
        "action_id": SNIPPET,
        "placeholder": placeholder(t("Search by words")),
        "min_query_length": 0,
    }
    said = t("Insert a standard text (it comes above your own text):")
    if templates_only:
        said = t("The platform takes a template only now, as it is. Choose one, and fill in its blanks:")
    words = section(said)
    return {**words, "block_id": f"{SNIPPET}:{inserted}", "accessory": picker}


def _text_field(t: Texts, draft: str, inserted: int, *, templates_only: bool) -> Block:
    example, hint = (
        t("Write as you would speak: friendly, clear, to the point."),
        t("Your initials are added by themselves."),
    )
    if templates_only:
        example, hint = t("Choose a template above."), t("A template goes out without your initials.")
    element: Block = {
        "action_id": TEXT,
        "type": "plain_text_input",
        "multiline": True,
        "focus_on_load": True,
        "placeholder": placeholder(example),
        "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
    }
    if draft:
        element["initial_value"] = cut(draft, MAX_TYPED)
    return _dispatched(t("Your answer"), _block_id(TEXT, inserted), TEXT, element, hint=hint)


def _block_id(name: str, count: int) -> str:
    return f"{name}:{count}" if count else name


def _dispatched(label: str, block_id: str, name: str, element: Block, **more: Any) -> Block:
    """Return a field whose changes Slack sends at once."""
    field = field_of(label, block_id, {**element, "action_id": name}, **more)
    field["dispatch_action"] = True
    return field


def _draft_line(t: Texts, since: datetime, now: datetime, file: CaseFile) -> Block:
    """Show the time of the draft, with the button to start over."""
    line = section(t("Draft of {time}", time=t.when(since, now)))
    anew = button(t("Begin anew"), ANEW, str(file.case.id))
    anew["confirm"] = {
        "title": plain(t("Begin anew")),
        "text": plain(t("What you typed and chose here is deleted.")),
        "confirm": plain(t("Delete"), 30),
        "deny": plain(t("Cancel"), 30),
    }
    return {**line, "accessory": anew}


def _advice(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return the open questions for advice, and the advice that was given."""
    blocks: list[Block] = []
    for asked in file.escalations[-3:]:
        if asked.advice is not None:
            adviser, time = f"<@{asked.advised_by}>", t.when(asked.advised_at or asked.at, now)
            blocks.append(context(t("Advice from {adviser} ({time}):", adviser=adviser, time=time)))
            blocks.append(quote(asked.advice, 1000))
        elif asked.lapsed_at is None:
            who, target = f"<@{asked.by}>", target_name(asked.target)
            blocks.append(context(t("{agent} asked {target}, who did not answer yet:", agent=who, target=target)))
            blocks.append(quote(asked.question, 500))
    return blocks


def _visibility_field(t: Texts, anew: int, private: bool) -> Block:
    public, privately = option(t("Public"), "public"), option(t("Private message"), "private")
    radio = {
        "type": "radio_buttons",
        "options": [public, privately],
        "initial_option": privately if private else public,
    }
    return _dispatched(t("Who may read it"), _block_id(VISIBILITY, anew), VISIBILITY, radio)


def _invitation_field(t: Texts, anew: int, invited: str) -> Block:
    element: Block = {"type": "plain_text_input", "multiline": True}
    if invited:
        element["initial_value"] = cut(invited, MAX_TYPED)
    hint = t("Everyone can read this. It goes out only once the private message did. Empty: nothing in public.")
    label = t("In public, beside the private message")
    return _dispatched(label, _block_id(INVITATION, anew), INVITATION, element, optional=True, hint=hint)


def keep_image_field(t: Texts, anew: int) -> Block:
    """Return the checkbox that keeps the image that was chosen before."""
    stays = [option(t("Yes, it goes with this answer"), "keep")]
    boxes = {"type": "checkboxes", "action_id": KEEP_IMAGE, "options": stays, "initial_options": stays}
    label = t("The image that was chosen before")
    return field_of(label, _block_id(KEEP_IMAGE, anew), boxes, optional=True)


def _image_fields(t: Texts, state: ModalState, asked: ImageFields, description: str) -> list[Block]:
    """Return the fields for one image and its description. Slack reports a file only when the modal is sent.

    A field for files sends nothing before that (`dispatch_action` is refused), so we could not add a description field
    for each of several files: https://docs.slack.dev/reference/block-kit/blocks/input-block
    """
    keeps = [keep_image_field(t, state.anew)] if state.image else []
    if asked.lacks:
        lacks = t("No image can be chosen here: the Slack app lacks the permission {scope}.", scope=asked.lacks)
        chosen = context("🖼️ " + lacks + " " + t("Ask your administrator for it: `webcare check` says how."))
    else:
        hint = t("One JPEG or PNG of at most 10 MB. Place, time and other hidden data are taken out of it.")
        unsent = t("If you close this window without sending, choose it again later.")
        element = {"type": "file_input", "action_id": IMAGE, "filetypes": FILE_TYPES, "max_files": 1}
        label = t("Another image") if keeps else t("Image")
        said = [hint, unsent]
        if asked.words is not None:
            said.insert(0, t("The answer may have {most} characters then.", most=asked.words))
        chosen = field_of(label, _block_id(IMAGE, state.anew), element, optional=True, hint=" ".join(said))
    if not asked.described or (asked.lacks and not keeps):
        return [*keeps, chosen]
    element = {"type": "plain_text_input", "action_id": DESCRIPTION}
    if description:
        element["initial_value"] = cut(description, MAX_TYPED)
    hint = t("Needed with an image: say what can be seen, for people who cannot see it.")
    block_id = _block_id(DESCRIPTION, state.anew)
    return [*keeps, chosen, field_of(t("Description of the image"), block_id, element, optional=True, hint=hint)]


def _confirm_field(t: Texts, anew: int) -> Block:
    confirmed = option(t("Yes, post it publicly: everyone can read it"), "public")
    boxes = {"type": "checkboxes", "action_id": CONFIRM, "options": [confirmed]}
    return field_of(t("This was private until now"), _block_id(CONFIRM, anew), boxes)


def _kind_field(t: Texts, anew: int, chosen: ReplyKind) -> Block:
    options = {
        ReplyKind.FINAL: option(t("An answer"), ReplyKind.FINAL),
        ReplyKind.INTERIM: option(t("An interim message: more follows"), ReplyKind.INTERIM),
        ReplyKind.QUESTION: option(t("A question: we wait for the citizen"), ReplyKind.QUESTION),
    }
    radio = {"type": "radio_buttons", "options": list(options.values()), "initial_option": options[chosen]}
    return _dispatched(t("What it is"), _block_id(KIND, anew), KIND, radio)


def _promise_field(t: Texts, anew: int, chosen: int | None) -> Block:
    element: Block = {"type": "datetimepicker"}
    if chosen is not None:
        element["initial_date_time"] = chosen
    hint = t("By when does the citizen hear more? You are reminded before that.")
    return _dispatched(t("Promised: by"), _block_id(PROMISE, anew), PROMISE, element, hint=hint)


def _conversation(file: CaseFile, mention: Mention, t: Texts, now: datetime, home: str, most: int) -> list[Block]:
    """Return the exchange, oldest first; the mention to answer comes last, below `most` others."""
    head = section(head_line(file, t))
    for shows_others in others_button(file, t):
        head |= {"accessory": shows_others}
    said = [context(" · ".join(map(capital, words)))] if (words := others_words(file, t, home)) else []
    return [
        head,
        *said,
        *earlier(file, t, most=most, besides=mention),
        *exchange(file, t, now, most=most, limit=800, besides=mention),
        context(source_line(file, mention, t, now)),
        *mention_blocks(file, mention, t, now),
    ]
