"""Mirror changes of a post on its platform: edits, removals and returns, in any order of arrival."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import many
from bot.cases import clocks, follow_ups, signals
from bot.cases.indexing import index
from bot.cases.state import locked, record, touch, touch_messages
from bot.domain.alike import is_respelled
from bot.domain.case import OPEN, Move, Status
from bot.domain.event import EventKind, Why, because
from bot.domain.mention import ANSWERS, FOR_GOOD, Gone, Post, alike, is_mere_thanks, permits_to_json
from bot.domain.mention import Act as ActKind
from bot.domain.words import folded
from bot.models import (
    GOING,
    NEVER_DONE,
    Act,
    ActStatus,
    Case,
    Event,
    Mention,
    Message,
    MessageKind,
    Removal,
    Rollup,
    Shows,
    Team,
    kinds_that_show,
)

MAY_BE_OLDER = timedelta(minutes=5)
"""A platform's report of a post may be this old."""
NEVER = datetime.min.replace(tzinfo=UTC)
BECAME_PRIVATE = "private"
"""The key in the details of an edit by which the post became private."""
QUOTES = kinds_that_show(Shows.CASE, Shows.WORDS)
"""The messages of a case that show what the citizen wrote."""
# Built once, for each page: to build it takes longer than to run it.
REMOVED = sqlalchemy.select(col(Removal.external_id)).where(
    col(Removal.account_id) == bindparam("account"), many.among(col(Removal.external_id), "ids")
)


def versions_of(posts: Iterable[Post]) -> dict[str, list[Post]]:
    """Return the posts of a page by id, the versions of each from the oldest to the newest; a removal comes last.

    Versions without a time of their own count in the order of the page.
    """
    versions: dict[str, list[Post]] = {}
    for post in posts:
        versions.setdefault(post.external_id, []).append(post)
    for same in versions.values():
        same.sort(key=lambda post: (post.gone in FOR_GOOD, post.edited_at or NEVER))
    return versions


def as_new(same: Sequence[Post]) -> Post:
    """Return a post of which several versions came in at once as it would be stored had they come one by one.

    An edit may not say who wrote it, when, what it answers and what else is in it. What was private once stays so.
    """
    last, secret = same[-1], next((post for post in same if post.private), None)
    written = next((post for post in same if not post.gone and post.edited_at is None), last)
    if written is last or last.gone or last.edited_at is None:
        return replace(last, private=True, permits=secret.permits) if secret and not last.private else last
    permits = written.permits
    if secret is not None and not written.private:
        permits = secret.permits
    elif not written.may_be_answered() and last.private is written.private:
        permits = last.permits
    return replace(
        written,
        text=last.text,
        edited_at=last.edited_at,
        media=written.media if last.media is None else last.media,
        cautions=last.cautions,
        private=secret is not None,
        permits=permits,
    )


async def removed_before(session: AsyncSession, account_id: int, ids: Collection[str]) -> set[str]:
    """Return which of these posts were removed before they came in."""
    if not ids:
        return set()
    known = await (await session.connection()).execute(REMOVED, {"account": account_id, "ids": list(ids)})
    return set(known.scalars())


async def remember_removals(
    session: AsyncSession, account_id: int, unknown: Mapping[str, Sequence[Post]], now: datetime
) -> None:
    """Remember which of these posts, given with their versions, were removed before they came in."""
    removed = {external_id for external_id, same in unknown.items() if same[-1].gone in FOR_GOOD}
    for external_id in removed - await removed_before(session, account_id, removed):
        session.add(Removal(account_id=account_id, external_id=external_id, at=now))
    await session.flush()


async def change(session: AsyncSession, mention: Mention, post: Post, now: datetime) -> set[int]:
    """Mirror one version of a mention's post; returns the case when something changed.

    A removed post stays removed and as it was: a version that comes in after the removal is an older one. An edit that
    asks something new reopens a case that was answered or closed, as a new post does.
    """
    if mention.gone in FOR_GOOD:
        return set()
    before, was_private = mention.text, mention.private
    kinds = _removed(mention, post.gone, now) if post.gone else [*_back(mention), *_edited(mention, post)]
    turned_private = mention.private and not was_private
    became = {BECAME_PRIVATE: True} if turned_private else {}
    for kind in kinds:
        details = {"mention": mention.id, **({"gone": post.gone} if post.gone else {}), **became}
        session.add(Event(case_id=mention.case_id, kind=kind, at=now, details=details))
    cautions: list[str] | None = [*post.cautions] or None
    cautions_changed = post.gone is None and mention.cautions != cautions
    if cautions_changed:
        mention.cautions = cautions
    opened_up = post.gone is None and _opened_up(mention, post)
    shows_more = _shows_more(mention, post)
    if not kinds and not cautions_changed and not opened_up and not shows_more:
        return set()
    session.add(mention)
    await index(session, {mention.case_id})
    rolled_up = await _rolled_up_on(session, mention)
    if opened_up:
        case = await locked(session, mention.case_id)
        await clocks.became_answerable(session, case, now, thanks=is_mere_thanks(mention.text))
    if EventKind.MENTION_EDITED in kinds and _adds_words(before, mention.text):
        await _says_more(session, mention, post, now, before)
    showing = [mention]
    if turned_private:
        await _leave_rollup(session, mention)
        showing += await _quoting_no_more(session, mention)
    await _touch(session, showing, rolled_up)
    return {each.case_id for each in showing}


async def became_private(session: AsyncSession, mention_id: int, *, since: datetime) -> bool:
    """Tell whether a post became private since then."""
    mention = await session.get_one(Mention, mention_id)
    if not mention.private:
        return False
    edited = select(Event.details).where(Event.case_id == mention.case_id, Event.kind == EventKind.MENTION_EDITED)
    told = await session.exec(edited.where(col(Event.at) >= since))
    return any(details.get("mention") == mention_id and details.get(BECAME_PRIVATE) for details in told)


def _shows_more(mention: Mention, post: Post) -> bool:
    """Fill in what else is in a private message of which only an edit came in, which may not say that; tell whether."""
    is_by_edit = mention.edited_at is not None and not mention.earlier_text and not mention.media
    if post.edited_at is not None or not post.private or not post.media or not is_by_edit:
        return False
    mention.media = [asdict(each) for each in post.media]
    return True


def _opened_up(mention: Mention, post: Post) -> bool:
    """Let a post be answered that could not be: it was hidden when it came in, or not shown to us; tell whether it was.

    What could be done once is not allowed again.
    """
    given = frozenset(permit for permit in post.permits if not permit.once)
    if mention.may_be_answered() or post.private is not mention.private:
        return False
    if not any(permit.act in ANSWERS for permit in given):
        return False
    mention.allows, mention.url = permits_to_json(mention.permits() | given), mention.url or post.url
    return True


def _adds_words(before: str, text: str) -> bool:
    """Tell whether an edit brought words; signs, spaces and capitals are none."""
    return bool(Counter(folded(text)) - Counter(folded(before)))


async def _says_more(session: AsyncSession, mention: Mention, post: Post, now: datetime, before: str) -> None:
    """Treat what an edit added as a new post: it may go first, has a card, and reopens a case that is not open.

    The thread of that case then shows the post again. A mere "ok" says nothing more, unless it answers our question.
    Other spelling of the words `before` is no reason for a card, unless it points to danger. A case that somebody has
    shows it on its card, and stays in their list of the roll-up.
    """
    case = await locked(session, mention.case_id)
    if is_mere_thanks(post.text) and case.status is not Status.WITH_CITIZEN:
        return
    if case.status not in OPEN:
        key = f"edited:{mention.id}:{now.timestamp()}"
        await follow_ups.show(session, case, post, mention.id, post.text, key=key, reopens=True, now=now)
        await record(session, Move.REOPEN_BY_CITIZEN, case, now=now, details={"mention": mention.id})
        if mention.may_be_answered():
            await clocks.citizen_wrote(session, case, now)
        return
    team, known = await session.get_one(Team, case.team_id), case.signals
    await signals.joins(session, case, post, post.whole_text, team)
    if case.status is Status.NEW and (case.signals != known or not is_respelled(before, post.text)):
        case.subject_id = None


async def _leave_rollup(session: AsyncSession, mention: Mention) -> None:
    """Take the case of a post that became private out of its roll-up for good, so that it has a card of its own."""
    case = await locked(session, mention.case_id)
    case.subject_id = None
    session.add(case)


async def _rolled_up_on(session: AsyncSession, mention: Mention) -> Sequence[int]:
    """Return the message of the roll-up on which the case of a mention is, if there is one; it may be an example."""
    on = select(Rollup.message_id).join(Case, col(Case.subject_id) == Rollup.subject_id)
    return (await session.exec(on.where(Case.id == mention.case_id))).all()


async def _quoting_no_more(session: AsyncSession, mention: Mention) -> Sequence[Mention]:
    """Return the posts that answer one that became private, without their quotation of it.

    Their cases are locked with its own.
    """
    answering = select(Mention).where(
        Mention.account_id == mention.account_id, Mention.in_reply_to == mention.external_id
    )
    quoting = (await session.exec(answering.order_by(col(Mention.id)))).all()
    for each in quoting:
        each.replies_to = None
        session.add(each)
    return quoting


async def _touch(session: AsyncSession, mentions: Sequence[Mention], rolled_up: Sequence[int]) -> None:
    """Mark what shows these mentions as no longer level, in the threads of their cases and on a roll-up's card too."""
    cases, shown = {each.case_id for each in mentions}, {each.id for each in mentions}
    of_others = (col(Message.kind) == MessageKind.FOLLOW_UP) & col(Message.subject_id).not_in(shown)
    await session.flush()
    await touch_messages(session, col(Message.case_id).in_(cases) & col(Message.kind).in_(QUOTES) & ~of_others)
    if rolled_up:  # one that has no card yet gets it in its turn
        await touch_messages(session, col(Message.id).in_(rolled_up) & col(Message.ts).is_not(None))


async def hides_of(session: AsyncSession, mention_ids: Collection[int]) -> dict[int, list[Act]]:
    """Return the acts that hid these mentions or showed them again, in order; an empty list for one without any."""
    hides: dict[int, list[Act]] = {id: [] for id in mention_ids}
    if hides:
        kinds = col(Act.kind).in_(alike(ActKind.HIDE))
        for act in await session.exec(select(Act).where(col(Act.mention_id).in_(hides), kinds).order_by(col(Act.id))):
            hides[act.mention_id].append(act)
    return hides


def is_hidden(acts: Sequence[Act]) -> bool:
    """Whether a post is hidden on its platform as far as we know, by its acts as `hides_of` returns them."""
    done = [act.kind for act in acts if act.status is ActStatus.DONE]
    return done[-1:] == [ActKind.HIDE]


async def hidden(session: AsyncSession, mention: Mention, post: Post, acts: list[Act], now: datetime) -> set[int]:
    """Record that a post was hidden or shown again on the platform itself; returns the case when that is news.

    It is stored as an act like ours, by nobody here and for no house rule, and added to `acts` (those of `hides_of`).
    While an act of ours is in progress, or was just done, the report is ignored: it may be older than that act. One of
    ours of which nobody knows the outcome was done after all.
    """
    if post.hidden is None or mention.gone in FOR_GOOD:
        return set()
    kind = ActKind.HIDE if post.hidden else ActKind.SHOW
    done = [act for act in acts if act.status is ActStatus.DONE]
    is_fresh = any(act.done_at is None or now - act.done_at < MAY_BE_OLDER for act in done[-1:])
    if is_hidden(acts) is post.hidden or is_fresh or any(act.status in GOING for act in acts):
        return set()
    act = _doubted(acts, kind)
    if act is None:
        act = Act(
            case_id=mention.case_id, mention_id=mention.id, account_id=mention.account_id, kind=kind, by="",
            key=f"platform:{mention.id}:{len(acts)}", created_at=now, send_at=now,
        )  # fmt: skip
        acts.append(act)
    act.status, act.done_at, act.problem = ActStatus.DONE, now, None
    session.add(act)
    await session.flush()
    details = {"act": kind.value, "id": act.id, **because(Why.PLATFORM)}
    session.add(Event(case_id=mention.case_id, kind=EventKind.ACT_DONE, at=now, details=details))
    await session.flush()
    await touch(session, mention.case_id)
    about = (col(Message.kind) == MessageKind.ACT_PROBLEM) & (col(Message.subject_id) == act.id)
    await touch_messages(session, (col(Message.case_id) == mention.case_id) & about)
    return {mention.case_id}


def _doubted(acts: Sequence[Act], kind: ActKind) -> Act | None:
    """Return our last act on a post if it is of this kind and nobody knows whether it was done; else None."""
    last = next((act for act in reversed(acts) if act.status not in NEVER_DONE), None)
    return last if last is not None and last.kind is kind and last.status is ActStatus.UNCERTAIN else None


def _removed(mention: Mention, gone: Gone, now: datetime) -> list[EventKind]:
    if mention.gone is gone:
        return []
    mention.gone_at, mention.gone = mention.gone_at or now, gone
    return [EventKind.MENTION_GONE]


def _back(mention: Mention) -> list[EventKind]:
    if mention.gone_at is None:
        return []
    mention.gone_at, mention.gone = None, None
    return [EventKind.MENTION_BACK]


def _edited(mention: Mention, post: Post) -> list[EventKind]:
    """Store a version that is newer than ours: any edit is newer than a post that was never edited.

    Many platforms give times in whole seconds. Of two versions with the same time, the one that came in last is newer
    if its words differ. A post of which any version is private is private from then on, with what may be done with it.
    """
    turns_private = post.private and not mention.private
    if turns_private:
        mention.private, mention.allows = True, permits_to_json(post.permits)
    media = mention.media if post.media is None else [asdict(each) for each in post.media]
    is_later = post.edited_at is not None and (mention.edited_at is None or post.edited_at > mention.edited_at)
    is_later |= post.edited_at is not None and post.edited_at == mention.edited_at and post.text != mention.text
    if not is_later or (mention.text == post.text and mention.media == media):
        return [EventKind.MENTION_EDITED] if turns_private else []
    mention.earlier_text = mention.text if mention.earlier_text is None else mention.earlier_text
    mention.text, mention.edited_at, mention.media = post.text, post.edited_at, media
    return [EventKind.MENTION_EDITED]
