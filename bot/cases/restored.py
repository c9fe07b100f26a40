"""After the database was put back to an earlier state: what came in before that may have been answered since.

The message to each team that it was put back holds both moments; its key is always the same.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.moves import notify
from bot.domain.mention import Post
from bot.domain.text import Text, text
from bot.models import Case, Mention, Message, MessageKind, Team

# Built once, for each page: to build it takes longer than to run it.
TOLD = select(Message.details).where(Message.key == bindparam("key"))
MENTIONED_FOR = timedelta(days=30)
"""How long after it posts may still come in that were written before it."""


async def tell_team(session: AsyncSession, team: Team, as_of: datetime, now: datetime) -> None:
    """Say in the channel of a team that the database was put back."""
    key = _key(team.id)
    earlier = (await session.exec(select(Message).where(Message.key == key))).first()
    if earlier is not None:
        earlier.key = f"{key}:{earlier.id}"
        session.add(earlier)
        await session.flush()
    words = text(
        "The data of this bot were put back to how they were at {moment}. What was done after that is not known here: "
        "posts may come in again, and cases may have been answered. Look on the platform before you answer. Cards that "
        "came after that moment do nothing any more.",
        moment=_shown(as_of),
    )
    details = {**words.to_json(), "as_of": as_of.isoformat(), "at": now.isoformat()}
    session.add(Message(key=key, kind=MessageKind.NOTICE, subject_id=team.id, channel=team.channel, details=details))


async def warn(session: AsyncSession, case: Case, as_of: datetime, at: datetime) -> None:
    """Warn in the thread of a case that it may have been answered after the moment to which it was put back, once."""
    key = f"restored:{at.timestamp()}:{case.id}"
    if (await session.exec(select(Message.id).where(Message.key == key))).first() is None:
        await notify(session, case, key, _in_thread(as_of))


async def warn_of_posts(
    session: AsyncSession, account_id: int, team_id: int, posts: Collection[Post], now: datetime
) -> None:
    """Warn in the threads of posts that just came in, if they were written before the database was put back."""
    told = (await session.exec(TOLD, params={"key": _key(team_id)})).first()
    if not told:
        return
    at, as_of = datetime.fromisoformat(told["at"]), datetime.fromisoformat(told["as_of"])
    older = [post.external_id for post in posts if post.published_at < at]
    if not older or now - at > MENTIONED_FOR:
        return
    theirs = select(Mention.case_id).where(Mention.account_id == account_id, col(Mention.external_id).in_(older))
    cases = await session.exec(select(Case).where(col(Case.id).in_(theirs)).order_by(col(Case.id)))
    for case in cases.all():
        await warn(session, case, as_of, at)


def _key(team_id: int) -> str:
    return f"restored:team:{team_id}"


def _in_thread(as_of: datetime) -> Text:
    return text(
        "The data of the bot were put back to how they were at {moment}. "
        "Look on the platform whether this case has been answered since.",
        moment=_shown(as_of),
    )


def _shown(at: datetime) -> str:
    """Return a moment as Slack shows it to each reader in their own time zone.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    fallback = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_num}} {{time}}|{fallback}>"
