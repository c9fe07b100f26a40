"""What we know of one case in one value: everything, or what a list shows; not tables."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement, union_all
from sqlmodel import col, select

from bot.domain import case as rules
from bot.domain.case import ALLOWED_FROM, ONGOING, OPEN, Move, Status, WaitsFor
from bot.domain.label import Label
from bot.domain.mention import ANSWERS, FOR_GOOD, Permit, Seen, alike, left_out_of
from bot.domain.mention import Act as ActKind
from bot.domain.reply import Template
from bot.domain.sla import ClockKind
from bot.domain.words import folded, is_made_of
from bot.models.account import Account, Author
from bot.models.act import GOING, HOLDS, Act, ActStatus
from bot.models.case import NOT_ENDED, WAITING, Case, Escalation, Mention, Note
from bot.models.clock import Clock
from bot.models.hiding import Hiding
from bot.models.reply import Reply, ReplyKind, ReplyStatus, lingering
from bot.models.team import Team
from bot.models.transfer import Transfer

UNDOES = {ActKind.SHOW: ActKind.HIDE, ActKind.UNLIKE: ActKind.LIKE}
"""The acts that undo another: there is nothing to do while that other does not hold."""
COUNTED = 100
"""How many other cases of an author are counted at most."""


SIGN = 12
"""Characters of the sign of what edits made of a citizen's words."""
FEW = 10
"""How many other open cases a card names or counts.

For an author with more (a newspaper whose every article is a case) the cards say only that there are more, so that a
new case does not change all of them.
"""


@dataclass(frozen=True)
class OtherCase:
    """Another case of the same author; `team` is its team's name if that is another one.

    `channel` and `ts` say where its card is, if Slack has it.
    """

    id: int
    number: int
    status: Status
    team: str = ""
    channel: str = ""
    ts: str = ""


def unheard(mention: Mention, author: Author, mentions: Sequence[Mention], replies: Sequence[Reply]) -> str:
    """Return what the text of a mention leaves out, unless that is only what was written in its case before."""
    left_out = left_out_of(mention.place)
    if not left_out:
        return ""
    earlier = [each for each in mentions if each.id < mention.id]
    before = [reply for reply in replies if reply.created_at < mention.received_at]
    return not_in(left_out, author, earlier, before)


def not_in(left_out: str, author: Author, mentions: Sequence[Mention], replies: Sequence[Reply]) -> str:
    """Return what a post of this author leaves out, unless that is only what these mentions and replies say."""
    known = [author.name, *(each.text for each in mentions), *(left_out_of(each.place) for each in mentions)]
    known += [reply.text for reply in replies]
    return "" if is_made_of(left_out, known) else left_out


def edits_of(mentions: Iterable[Mention]) -> str:
    """Return a sign of what edits made of the words of these mentions; "" while no word was changed."""
    changed = [f"{each.id} {' '.join(folded(each.text))}" for each in mentions if is_edited(each)]
    return hashlib.sha256("\n".join(sorted(changed)).encode()).hexdigest()[:SIGN] if changed else ""


def is_edited(mention: Mention) -> bool:
    """Tell whether an edit changed words of a mention; signs, spaces and capitals are no words."""
    return mention.earlier_text is not None and folded(mention.earlier_text) != folded(mention.text)


@dataclass(frozen=True)
class CaseFile:
    """Everything we know about one case, read together; rows are ordered by time.

    `writing` are the agents who have an answer open: that they do, not what they type. `teams` are all teams of its
    organisation. `former` is the last owner of a case that has none now. `answered_posts` are the posts of others, and
    our answers to others, that its mentions answer: author and text, by external id. `others` are the newest other
    cases of its author, as far back as the team looks, and those that have not ended, the newest first. `acts` is
    what was or will be done to its posts besides answering them, and `can` what the platform's connector can
    do. `templates` are the only texts that the platform takes once the time for an answer is over. `below_hidden`:
    it takes a public answer to a post that we hid, or to one below that. `removes_private`: it removes our private
    answers too.
    """

    case: Case
    team: Team
    account: Account
    label: Label
    author: Author
    mentions: Sequence[Mention]
    replies: Sequence[Reply]
    escalations: Sequence[Escalation]
    notes: Sequence[Note]
    clocks: Sequence[Clock]
    writing: Sequence[str] = ()
    teams: Sequence[Team] = ()
    transfers: Sequence[Transfer] = ()
    former: str | None = None
    answered_posts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    others: Sequence[OtherCase] = ()
    acts: Sequence[Act] = ()
    hidings: Mapping[int, Hiding] = field(default_factory=dict)
    can: frozenset[ActKind] = frozenset()
    templates: Sequence[Template] = ()
    below_hidden: bool = True
    removes_private: bool = True

    @property
    def latest(self) -> Mention:
        """The citizen's newest mention."""
        return self.mentions[-1]

    @property
    def has_private(self) -> bool:
        """Tell whether the citizen wrote anything privately."""
        return any(mention.private for mention in self.mentions)

    def unheard(self, mention: Mention) -> str:
        """Return what the text of a mention leaves out and nobody has read; "" if nothing."""
        return unheard(mention, self.author, self.mentions, self.replies)

    @property
    def seen(self) -> Seen:
        """What somebody who reads the case now has seen; one that was written earlier may have come in last."""
        newest = max(mention.id for mention in self.mentions)
        return Seen(newest, self.edits_until(newest))

    @property
    def seen_to_close(self) -> Seen:
        """What somebody who may close the case has seen: our newest answer too."""
        return replace(self.seen, answer=max((reply.id for reply in self.replies if reply.reached), default=0))

    def edits_until(self, newest: int) -> str:
        """A sign of what edits made of the mentions that had come in when this one did; "" for nothing."""
        return edits_of(mention for mention in self.mentions if mention.id <= newest)

    @property
    def reply(self) -> Reply | None:
        """The newest reply that was not withdrawn and decides the state of the case, if any."""
        return next((r for r in reversed(self.answers) if r.status is not ReplyStatus.WITHDRAWN), None)

    @property
    def answers(self) -> Sequence[Reply]:
        """The replies that agents wrote to the citizen, without the public invitations beside them."""
        return [reply for reply in self.replies if reply.kind is not ReplyKind.INVITATION]

    @property
    def question(self) -> Reply | None:
        """The newest question that the citizen can read, if any."""
        reached = (r for r in reversed(self.replies) if r.reached and r.kind is ReplyKind.QUESTION)
        return next(reached, None)

    @property
    def undoable(self) -> Reply | None:
        """The newest reply that can still be taken back, if any."""
        return next((r for r in reversed(self.replies) if r.status is ReplyStatus.APPROVED), None)

    @property
    def doubted(self) -> Reply | None:
        """The newest reply for which an agent must say whether it was published, if any."""
        return next((r for r in reversed(self.replies) if r.status is ReplyStatus.UNCERTAIN), None)

    @property
    def undecided(self) -> bool:
        """Whether nobody has said yet if the last answer was published: another one might be the second."""
        may_answer, reply = self.case.status in ALLOWED_FROM[Move.ANSWER], self.reply
        return may_answer and reply is not None and reply.status is ReplyStatus.UNCERTAIN

    def goes_out_at(self, reply: Reply) -> datetime:
        """Return when a reply goes out or is tried again: not before an earlier one that was put off."""
        before = [
            each.send_at
            for each in self.replies
            if each.status is ReplyStatus.APPROVED
            and each.id < reply.id
            and ReplyKind.INVITATION not in {each.kind, reply.kind}
        ]
        return max([reply.send_at, *before])

    def taken_until(self, reply: Reply) -> datetime | None:
        """Return until when the platform takes a reply, if it sets an end after which it takes no template either."""
        act = ActKind.ANSWER_PRIVATELY if reply.private else ActKind.ANSWER
        to = [each for each in self.mentions if each.id == reply.mention_id]
        ends = [permit.until for each in to for permit in self.permits(each) if permit.act is act]
        known = [end for end in ends if end is not None]
        return max(known) if known and known == ends and not self.templates else None

    @property
    def open_question(self) -> Escalation | None:
        """The newest question that waits for advice, if any."""
        waiting = (e for e in reversed(self.escalations) if e.advice is None and e.lapsed_at is None)
        return next(waiting, None)

    @property
    def answerable(self) -> Mention | None:
        """The newest mention that still exists and that the platform lets us answer, if any.

        If the platform set an end to that, composing an answer is refused after the end.
        """
        return answerable(self.mentions, self.acts, below_hidden=self.below_hidden)

    @property
    def takes_answer(self) -> bool:
        """Whether the platform lets us answer, and no answer is in doubt beside which another might be the second."""
        return self.answerable is not None and not self.undecided

    def may(self, act: ActKind, mention: Mention, now: datetime) -> bool:
        """Tell whether the platform lets us do this to a mention now, after what we did to it."""
        return mention.may(act, now) and any(permit.act is act for permit in self.permits(mention))

    def permits(self, mention: Mention) -> frozenset[Permit]:
        """What the platform lets us do with a mention, beside the others of its case and after what we did to it."""
        return _permits(mention, self.mentions, self.acts, below_hidden=self.below_hidden)

    @property
    def earlier(self) -> int:
        """How many of `others` came in before it."""
        return sum(other.id < self.case.id for other in self.others)

    @property
    def also_open(self) -> Sequence[OtherCase]:
        """The other cases of its author that have not ended, the oldest first; empty if this one has ended."""
        if self.case.status not in ONGOING:
            return []
        return [other for other in reversed(self.others) if other.status in ONGOING]

    def last_act(self, kind: ActKind, mention_id: int, reply_id: int | None = None) -> Act | None:
        """The last act of this kind or its opposite on a post, without acts that were taken back, if any."""
        return next(
            (
                act
                for act in reversed(self.acts)
                if act.kind in alike(kind)
                and (act.mention_id, act.reply_id) == (mention_id, reply_id)
                and act.status is not ActStatus.WITHDRAWN
            ),
            None,
        )

    def decided_since(self, act: Act) -> Act | None:
        """The first act after this one that decides the same of its post anew, if any: it was done, or will be."""
        return next(
            (
                each
                for each in self.acts
                if each.id > act.id
                and each.kind in alike(act.kind)
                and (each.mention_id, each.reply_id) == (act.mention_id, act.reply_id)
                and each.status in HOLDS
            ),
            None,
        )

    def holds(self, kind: ActKind, mention_id: int) -> bool:
        """Whether an act holds for a mention: it was done or will be, and its opposite was not done or asked since."""
        return _holds(self.acts, kind, mention_id)

    def open_to(self, kind: ActKind) -> Sequence[Mention]:
        """The mentions to which this can be done now, the newest first."""
        if kind not in self.can:
            return []
        undoes = UNDOES.get(kind)
        return [
            mention
            for mention in reversed(self.mentions)
            if mention.may_be(kind)
            and self.holds(undoes or kind, mention.id) is (undoes is not None)
            and not self._is_asked(kind, mention.id)
        ]

    def _is_asked(self, kind: ActKind, mention_id: int) -> bool:
        last = self.last_act(kind, mention_id)
        return last is not None and last.status is ActStatus.ASKED

    @property
    def removable(self) -> Sequence[Reply]:
        """Our replies that can be removed from the platform, the newest first."""
        if ActKind.DELETE not in self.can:
            return []
        going = {act.reply_id for act in self.acts if act.kind is ActKind.DELETE and act.status in GOING}
        return [
            reply
            for reply in reversed(self.replies)
            if reply.status is ReplyStatus.SENT and reply.external_id and reply.gone not in FOR_GOOD
            and reply.id not in going and (self.removes_private or not reply.private)
        ]  # fmt: skip

    @property
    def undoable_act(self) -> Act | None:
        """The newest act that can still be taken back, if any."""
        return next((act for act in reversed(self.acts) if act.status in {ActStatus.APPROVED, ActStatus.ASKED}), None)

    @property
    def unexplained(self) -> Act | None:
        """The newest act that hides a post of a citizen who should be informed and was not, if any.

        They count as informed when we wrote to them since, in any words. What a second colleague had to agree to was
        decided only then.
        """
        for act in reversed(self.acts):
            hiding = self.hidings.get(act.id)
            if hiding is None or hiding.untold or act.status not in HOLDS:
                continue
            if self.decided_since(act) is None:
                return None if self._wrote_since(hiding.decided_at or act.created_at) else act
        return None

    def _wrote_since(self, moment: datetime) -> bool:
        lost = {ReplyStatus.WITHDRAWN, ReplyStatus.FAILED}
        return any(reply.created_at >= moment and reply.status not in lost for reply in self.replies)

    @property
    def waits_for(self) -> WaitsFor:
        """What the case waits for."""
        return waits_for(self.case, self.replies, self.clocks)

    def unread(self, now: datetime) -> bool:
        """Tell whether it was answered, but its citizen cannot read that: the answer lingers."""
        return self.case.status is Status.ANSWERED and any(reply.lingers(now) for reply in self.replies)

    @property
    def line(self) -> "CaseLine":
        """What a list shows of it."""
        return CaseLine(
            self.case, self.author, self.label.signed_platform, self.latest, self.has_private, self.clocks,
            self.waits_for, self.answerable is not None, self.undecided,
        )  # fmt: skip


@dataclass(frozen=True)
class CaseLine:
    """What a list shows of a case; `clocks` are those that have not been stopped.

    `has_private`: its citizen wrote something privately, perhaps before the `latest`.
    `undecided`: nobody has said yet if the last answer was published, so that another one might be the second.
    """

    case: Case
    author: Author
    platform: str
    latest: Mention
    has_private: bool
    clocks: Sequence[Clock]
    waits_for: WaitsFor
    answerable: bool
    undecided: bool

    @property
    def takes_answer(self) -> bool:
        """The same as of its `CaseFile`."""
        return self.answerable and not self.undecided


@dataclass(frozen=True)
class CaseBrief:
    """What a sentence or line says of a case."""

    case: Case
    author: Author
    latest: Mention


@dataclass(frozen=True)
class AboutOne:
    """A subject on which many write: how many of its cases nobody has, and a post on it that all may read."""

    subject_id: int
    waiting: int
    example: CaseBrief | None


def answerable(mentions: Sequence[Mention], acts: Sequence[Act], *, below_hidden: bool) -> Mention | None:
    """Return the newest mention of a case that can be answered, as `CaseFile.answerable`; `acts` by time."""
    there = (m for m in reversed(mentions) if m.may_be_answered())
    given = ((m, _permits(m, mentions, acts, below_hidden=below_hidden)) for m in there)
    return next((m for m, permits in given if any(permit.act in ANSWERS for permit in permits)), None)


def _permits(
    mention: Mention, mentions: Sequence[Mention], acts: Sequence[Act], *, below_hidden: bool
) -> frozenset[Permit]:
    given = mention.permits_beside(mentions)
    thread = [each for each in mentions if each.external_id in {mention.external_id, mention.in_reply_to}]
    if below_hidden or not any(_holds(acts, ActKind.HIDE, each.id) for each in thread):
        return given
    return frozenset(permit for permit in given if permit.act is not ActKind.ANSWER)


def _holds(acts: Sequence[Act], kind: ActKind, mention_id: int) -> bool:
    decided = (
        act.kind
        for act in reversed(acts)
        if act.kind in alike(kind) and act.mention_id == mention_id and act.status in HOLDS
    )
    return next(decided, None) is kind


def waits_for(case: Case, replies: Sequence[Reply], clocks: Sequence[Clock]) -> WaitsFor:
    """Return what a case waits for, by its replies and the clocks that have not been stopped."""
    return rules.waits_for(
        case.status,
        unsent=any(reply.held or reply.unsent for reply in replies),
        promised=any(clock.kind is ClockKind.PROMISE for clock in clocks),
    )


def on_our_desk(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a case stands in the lists of what is open: it waits, or its answer lingers.

    Each part goes by its own partial index; SQLite would use none of them for parts joined by OR.
    """
    return _listed(now, OPEN, WAITING)


def overdue(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a case is late: a clock of it is past its time, and no answer of ours has arrived.

    A clock that rests has no time. So of what waits for its citizen only a promise can be late.
    """
    late = select(Clock.id).where(
        Clock.case_id == Case.id, col(Clock.stopped_at).is_(None), col(Clock.due_at) <= now
    )  # fmt: skip
    return _listed(now, ONGOING, *NOT_ENDED) & late.correlate(Case).exists()


def _listed(now: datetime, statuses: Collection[Status], *which: ColumnElement[bool]) -> ColumnElement[bool]:
    waiting = [select(Case.id).where(each).correlate(None) for each in which]
    late = [select(Reply.case_id).where(each).correlate(None) for each in lingering(now)]
    return col(Case.status).in_([*statuses, Status.ANSWERED]) & col(Case.id).in_(union_all(*waiting, *late))
