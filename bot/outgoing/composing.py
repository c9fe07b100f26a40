"""What an agent chose for a reply, what is published for it, and what makes it valid, for every way to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.connectors.base import Connector, Draft, Replies, TakesImages
from bot.desk import TeamDesk
from bot.domain.image import Images
from bot.domain.mention import ANSWERS, Act, Author, Caution, Gone, Post, PostKind, Seen
from bot.domain.reply import MAX_TYPED, Composed, Template, signed
from bot.domain.text import Refused, Text, Wrong, text
from bot.models import BY_AGENTS, HOLDS, Account, AnswerDraft, CaseFile, Mention, Reply, ReplyKind
from bot.models import Author as AuthorRow
from bot.outgoing import drafts
from bot.team.settings import Snippet, TeamSettings
from bot.texts import LANGUAGES, Texts

WORDS, VISIBILITY, CONFIRMED, PROMISE, INITIALS = "words", "visibility", "confirmed", "promise", "initials"
INVITED, IMAGE, DESCRIPTION = "invited", "image", "description"
"""The parts of an answer, by which `Wrong` names what is not valid."""

UNANSWERABLE = text("This post cannot be answered from here. Open it on the platform and close the case.")
NO_ACCESS = text(
    "The bot has no access to this account now, so this cannot be answered from here. Who runs the bot sees why with "
    "`webcare check`. Until then, answer on the platform and close the case."
)
ENDED = text(
    "The platform takes an answer for a limited time only, and that is over. "
    "Close the case, or wait until the citizen writes again."
)
UNDECIDED = text(
    "It is not certain whether the last answer was published. Look at the platform first, and press Yes or No "
    "on the card."
)
ONLY_PRIVATELY = text("This post can only be answered privately.")
BECAME_PRIVATE = text("This post became private meanwhile. Choose again who may read the answer.")
NOTHING_TO_TELL = text("What you tell the citizen here was undone or failed. Write an answer that does not mention it.")


@dataclass(frozen=True)
class Answer:
    """Everything that an agent chose for a reply to one mention.

    `words` is what the agent typed, without initials. `promised_at` is only for an interim message: by when the citizen
    hears more. `submission` is the same each time Slack delivers one submission. An agent without `initials` chooses
    them with the answer. `confirmed`: the agent confirmed that something private becomes public. `invitation` is what
    the agent typed for everyone beside a private reply, "" for nothing. `image` is the SHA-256 of the stored image that
    goes with it, `image_file` the id of its file in Slack. `tells_of` is the act about which the reply informs the
    citizen, if any. `seen` is what the agent saw of the citizen's words, None if that is unknown. `was_private`: the
    words were once private where they were typed.
    """

    case_id: int
    mention_id: int
    submission: str
    words: str
    private: bool
    kind: ReplyKind = ReplyKind.FINAL
    promised_at: datetime | None = None
    initials: str = ""
    confirmed: bool = False
    invitation: str = ""
    image: str | None = None
    image_file: str = ""
    image_description: str = ""
    tells_of: int | None = None
    seen: Seen | None = None
    was_private: bool = False


def mention_of(file: CaseFile, mention_id: int) -> Mention:
    """Return the mention that is answered; raises Refused when the case has no such mention."""
    mention = next((each for each in file.mentions if each.id == mention_id), None)
    if mention is None:
        raise Refused("This post belongs to another case. Open the answer again.")
    return mention


def may_be_private(mention: Mention, now: datetime) -> bool:
    """Tell whether a reply to this mention can be private."""
    return mention.private or mention.may(Act.ANSWER_PRIVATELY, now)


def may_be_public(file: CaseFile, mention: Mention, now: datetime) -> bool:
    """Tell whether a reply to this mention can be public; to a private mention only where the agent has a choice."""
    return file.may(Act.ANSWER, mention, now) and (not mention.private or mention.may(Act.ANSWER_PRIVATELY, now))


def may_be_invited(file: CaseFile, mention: Mention, now: datetime) -> bool:
    """Tell whether a private reply to this mention can go with a public invitation."""
    return not mention.private and may_be_private(mention, now) and may_be_public(file, mention, now)


def is_private_by_default(file: CaseFile, mention: Mention, now: datetime) -> bool:
    """Tell whether a reply to this mention is private unless the agent chooses otherwise."""
    return mention.private or not may_be_public(file, mention, now)


def must_confirm(
    file: CaseFile, mention: Mention, draft: AnswerDraft | None, *, private: bool, was_private: bool
) -> bool:
    """Tell whether the agent must confirm that a reply is public: the citizen's message or the draft was private.

    `was_private`: so were the words in this modal. Of two open modals the draft knows only what the other has by now.
    """
    return not private and (mention.private or was_private or drafts.was_private(file, draft))


def subject_of(mention: Mention, desk: TeamDesk) -> str:
    """Return the title of a private message about a mention, in the citizen's language, else in the team's."""
    t = _citizens(mention, desk)
    return t("Your message of {date}", date=t.date(mention.published_at))


def invitation_of(mention: Mention, desk: TeamDesk) -> str:
    """Return the public words beside a private message: the team's own, else ours in the citizen's language."""
    own = TeamSettings.of(desk.team.settings).invitation
    t = _citizens(mention, desk)
    return own or t("We have sent you a private message about this.")


def _citizens(mention: Mention, desk: TeamDesk) -> Texts:
    """Return the texts in the citizen's language if we speak it, else in the team's."""
    theirs = mention.language.partition("-")[0].lower()
    return desk.texts(theirs) if theirs in LANGUAGES else desk.t


def takes_templates_only(file: CaseFile, mention: Mention, now: datetime) -> bool:
    """Tell whether the time for an answer to this mention is over, but the platform still takes templates."""
    answers = [permit for permit in file.permits(mention) if permit.act in ANSWERS]
    return bool(file.templates and answers) and mention.private and not any(permit.holds(now) for permit in answers)


def standard_texts(file: CaseFile, mention: Mention, now: datetime) -> Sequence[Snippet | Template]:
    """Return the texts an agent can insert in an answer: the team's, or the templates if only these are taken."""
    if takes_templates_only(file, mention, now):
        return file.templates
    return TeamSettings.of(file.team.settings).snippets


def ended(draft: Draft, now: datetime) -> bool:
    """Tell whether the time in which the platform takes such an answer is over."""
    act = Act.ANSWER_PRIVATELY if draft.private else Act.ANSWER
    ends = [permit.until for permit in draft.to.permits if permit.act is act]
    return bool(ends) and all(until is not None and until <= now for until in ends)


def exposed(draft: Draft, *, became_private: bool) -> Text | None:
    """Return why a public reply is not published below a post that became private since it was approved, if so.

    As `may_be_public`: below a private post an answer is public only where the agent had a choice.
    """
    acts = {permit.act for permit in draft.to.permits}
    if draft.to.private and not draft.private and not acts >= ANSWERS:
        return ONLY_PRIVATELY
    return BECAME_PRIVATE if became_private else None


def refuse_unanswerable(file: CaseFile, mention: Mention, now: datetime) -> None:
    """Raise Refused when the platform takes no answer to this mention, or no longer."""
    if mention.gone in {Gone.HIDDEN, Gone.UNREACHABLE}:
        raise Refused("This post can no longer be seen on the platform, so it cannot be answered.")
    if mention.gone is Gone.REMOVED:
        raise Refused("This post was removed meanwhile, so it cannot be answered.")
    if mention.gone_at is not None:
        raise Refused("The citizen removed this post meanwhile, so it cannot be answered.")
    answers = [permit for permit in file.permits(mention) if permit.act in ANSWERS]
    if not answers:
        raise Refused(UNANSWERABLE.message)
    if not any(permit.holds(now) for permit in answers) and not takes_templates_only(file, mention, now):
        raise Refused(ENDED.message)


def refuse_undecided(file: CaseFile) -> None:
    """Raise Refused while it is not certain whether the last answer was published: the citizen might get two."""
    if file.undecided:
        raise Refused(UNDECIDED.message)


def compose(
    connector: Connector,
    file: CaseFile,
    mention: Mention,
    words: str,
    initials: str,
    private: bool,
    *,
    now: datetime,
) -> Composed:
    """Return what would be published for these words, and how much room is left on the platform and in Slack's input.

    A template is sent as it was approved, so without a signature. Raises Refused when the platform takes no answers.
    """
    if not isinstance(connector, Replies):
        raise Refused(UNANSWERABLE.message)
    said = words.strip() if takes_templates_only(file, mention, now) else signed(words, initials)
    published, problem = said, None
    try:
        published = connector.compose(said, to=post_of(mention, file.author), private=private) if said else ""
    except Refused as refused:
        problem = refused.text
    measure = connector.measure(published, private=private)
    left = MAX_TYPED - len(words)
    if measure.limit is not None:
        left = min(left, measure.limit - measure.length)
    return Composed(published, left, private, problem)


def images_taken(
    connector: Connector, file: CaseFile, mention: Mention, *, private: bool, now: datetime
) -> Images | None:
    """Return which images the platform takes with such an answer to this mention, None for none."""
    if not isinstance(connector, TakesImages) or takes_templates_only(file, mention, now):
        return None
    return connector.images(private=private)


def compose_invitation(
    connector: Connector, file: CaseFile, mention: Mention, answer: Answer, initials: str, *, now: datetime
) -> Composed | None:
    """Return what would be published beside a private reply, None for nothing."""
    if not answer.invitation.strip():
        return None
    return compose(connector, file, mention, answer.invitation.strip(), initials, private=False, now=now)


def refuse_invalid(
    answer: Answer,
    file: CaseFile,
    draft: AnswerDraft | None,
    composed: Composed,
    now: datetime,
    invitation: Composed | None = None,
    *,
    images: Images | None = None,
    image_fits: bool = False,
) -> None:
    """Raise Wrong with what is not valid in each part of an answer; Refused when the mention takes no answer.

    `draft` is what its agent typed before, `invitation` what would be published beside a private reply. `images` says
    which images the platform takes, and `image_fits` whether it takes that of the answer.
    """
    mention = mention_of(file, answer.mention_id)
    refuse_undecided(file)
    refuse_unanswerable(file, mention, now)
    if why := nothing_to_tell(file, answer.tells_of):
        raise Refused(why.message)
    if answer.kind not in BY_AGENTS:
        raise Refused("Choose what it is: an answer, an interim message or a question.")
    wrong = {
        WORDS: _wrong_words(answer, composed, images) or _no_template(answer, file, mention, now),
        VISIBILITY: _wrong_visibility(answer, file, mention, now),
        CONFIRMED: _unconfirmed(answer, file, draft, mention, now),
        PROMISE: _wrong_promise(answer, now),
        INVITED: _wrong_invitation(answer, file, mention, invitation, now),
        IMAGE: _wrong_image(answer, images, image_fits),
        DESCRIPTION: _wrong_description(answer, images),
    }
    problems = {part: said for part, said in wrong.items() if said is not None}
    if problems:
        raise Wrong(problems)


def nothing_to_tell(file: CaseFile, tells_of: int | None) -> Text | None:
    """Return why an answer that tells of an act does not hold: that failed, or was undone, by us or the platform."""
    act = next((each for each in file.acts if each.id == tells_of), None)
    holds = act is None or (act.status in HOLDS and file.holds(act.kind, act.mention_id))
    return None if holds else NOTHING_TO_TELL


def _wrong_words(answer: Answer, composed: Composed, images: Images | None) -> Text | None:
    if answer.image is not None and images is not None and images.words is not None:
        over = len(composed.text) - images.words
        if over > 0:
            return text("With an image an answer may have {most} characters: {n} too many.", most=images.words, n=over)
    return _wrong_composed(composed)


def _no_template(answer: Answer, file: CaseFile, mention: Mention, now: datetime) -> Text | None:
    if not takes_templates_only(file, mention, now):
        return None
    if any(template.filled_in(answer.words.strip()) is not None for template in file.templates):
        return None
    return text("The platform takes a template only now: choose one, and fill in its blanks, each on one line.")


def _wrong_composed(composed: Composed) -> Text | None:
    if composed.problem is not None:
        return composed.problem
    if not composed.text:
        return text("Write an answer first.")
    return text("Too long. Characters over the limit: {n}.", n=-composed.left) if composed.left < 0 else None


def _wrong_invitation(
    answer: Answer, file: CaseFile, mention: Mention, invitation: Composed | None, now: datetime
) -> Text | None:
    if invitation is None:
        return None
    if not answer.private or not may_be_invited(file, mention, now):
        return text("A public text is possible only if the citizen wrote in public and you answer in private.")
    return _wrong_composed(invitation)


def _wrong_image(answer: Answer, images: Images | None, fits: bool) -> Text | None:
    if answer.image is None:
        return None
    if images is None:
        return text("An image cannot go with this answer. Leave it out.")
    return None if fits else text("The platform does not take this image. Choose it again, or leave it out.")


def _wrong_description(answer: Answer, images: Images | None) -> Text | None:
    if answer.image is None or images is None or not images.described:
        return None
    over = len(answer.image_description) - images.described
    if over > 0:
        return text("Too long. Characters over the limit: {n}.", n=over)
    return None if answer.image_description else text("Say what can be seen, for people who cannot see the image.")


def _wrong_visibility(answer: Answer, file: CaseFile, mention: Mention, now: datetime) -> Text | None:
    if answer.private and not may_be_private(mention, now):
        return text("This post cannot be answered privately.")
    if not answer.private and not may_be_public(file, mention, now):
        return ONLY_PRIVATELY
    return None


def _unconfirmed(
    answer: Answer, file: CaseFile, draft: AnswerDraft | None, mention: Mention, now: datetime
) -> Text | None:
    turns = must_confirm(file, mention, draft, private=answer.private, was_private=answer.was_private)
    if answer.confirmed or not may_be_public(file, mention, now) or not turns:
        return None
    return text("This was private. Confirm that everyone may read it, or choose a private message.")


def _wrong_promise(answer: Answer, now: datetime) -> Text | None:
    if answer.kind is not ReplyKind.INTERIM:
        return text("Only an interim message promises more.") if answer.promised_at else None
    if answer.promised_at is None:
        return text("Say by when the citizen hears more.")
    return text("That moment has passed already.") if answer.promised_at <= now else None


def citizen(author: AuthorRow) -> Author:
    """Return a stored author as a connector and the rules of the domain know it."""
    return Author(author.external_id, author.name, author.handle, author.url)


def post_of(mention: Mention, author: AuthorRow) -> Post:
    """Return a stored mention as a post for a connector."""
    return Post(
        external_id=mention.external_id,
        author=citizen(author),
        text=mention.text,
        published_at=mention.published_at,
        url=mention.url,
        conversation=mention.conversation,
        in_reply_to=mention.in_reply_to,
        private=mention.private,
        language=mention.language,
        permits=mention.permits(),
        edited_at=mention.edited_at,
        gone=mention.gone,
        kind=mention.kind,
        cautions=tuple(Caution(each) for each in mention.cautions or () if each in set(Caution)),
        rating=mention.rating,
        place=mention.place,
    )


def post_of_reply(reply: Reply, mention: Mention, account: Account) -> Post:
    """Return our published reply to a mention as a post for a connector."""
    return Post(
        external_id=reply.external_id or "",
        author=Author(account.identity["id"] if account.identity else "", account.name),
        text=reply.text,
        published_at=reply.sent_at or reply.created_at,
        url=reply.url,
        conversation=mention.conversation,
        in_reply_to=mention.external_id,
        private=reply.private,
        gone=Gone.HIDDEN if reply.held else reply.gone,
        kind=PostKind.MESSAGE if reply.private else PostKind.REPLY,
    )
