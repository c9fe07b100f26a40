"""What was answered before on the subject of a case: a proposal for the next answer, and whether that repeats it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain import mention
from bot.domain.alike import WITHIN
from bot.domain.reply import adapted, nameless
from bot.models import BY_AGENTS, Author, Case, Reply, ReplyKind, ReplyStatus
from bot.outgoing.composing import citizen

MOST = 200
"""Answers that are read, the newest first."""
MANY = 3
"""So many others got the same text: from then on an agent is told."""
TAKEN_BACK = (ReplyStatus.WITHDRAWN, ReplyStatus.FAILED)


@dataclass(frozen=True)
class Said:
    """A public answer to a citizen: what its agent typed, and to whom."""

    words: str
    to: mention.Author
    by: str
    kind: ReplyKind
    promised_at: datetime | None


async def on_subject(session: AsyncSession, case: Case, now: datetime) -> list[Said]:
    """Return the public answers to other citizens on the subject of a case, the newest first; none without one."""
    if case.subject_id is None:
        return []
    rows = await session.exec(
        select(Reply, Author)
        .join(Case, col(Reply.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(
            Case.subject_id == case.subject_id, Case.team_id == case.team_id, Case.id != case.id,
            col(Reply.kind).in_(BY_AGENTS), ~col(Reply.private),
            col(Reply.status).not_in(TAKEN_BACK), col(Reply.created_at) > now - WITHIN,
        )
        .order_by(col(Reply.id).desc())
        .limit(MOST)
    )  # fmt: skip
    return [Said(reply.draft, citizen(author), reply.by, reply.kind, reply.promised_at) for reply, author in rows]


def proposal(said: Sequence[Said], to: Author, *, by: str) -> Said | None:
    """Return the agent's own last answer that can be one to this citizen too, with their name in it; None for none."""
    own = (each for each in said if each.by == by)
    fitting = (Said(words, each.to, by, each.kind, each.promised_at)
               for each in own if (words := adapted(each.words, each.to, citizen(to))) is not None)  # fmt: skip
    return next(fitting, None)


def copies(said: Sequence[Said], words: str, to: Author) -> int:
    """Return how many others got this text already, but for their name."""
    bare = nameless(words, citizen(to))
    return sum(nameless(each.words, each.to) == bare for each in said) if bare else 0
