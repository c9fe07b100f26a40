"""How the database, Slack and each account are; no contents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlmodel import select

from bot.accounts import troubles as account_troubles
from bot.desk import Desk
from bot.domain.budget import Budget
from bot.logs import trace
from bot.models import Account, AccountTrouble, SlackTrouble, TroubleKind
from bot.slack import troubles
from bot.slack.calls import contact_of
from bot.slack.contact import Contact

log = structlog.get_logger()


async def health(desk: Desk) -> dict[str, Any] | None:
    """Return which accounts and Slack channels need attention; None when the database does not answer."""
    try:
        async with desk.reading() as session:
            rows = (await session.exec(select(Account))).all()
            refused = await troubles.known(session)
            wrong = await account_troubles.known(session)
    except Exception as error:
        log.error("health: the database does not answer", **trace(error))
        return None
    return {
        "database": "ok",
        "slack": await _slack(contact_of(desk.slack), refused),
        "accounts": [_account(account, wrong.get(account.id), desk.now()) for account in rows],
    }


async def _slack(contact: Contact, refused: Sequence[SlackTrouble]) -> dict[str, Any]:
    """Return the state of our contact with Slack; the times are those of this process."""
    socket = await contact.socket()
    fails = refused or contact.unreachable_since is not None or socket in {"refused", "closed"}
    return {
        "state": "failing" if fails else "ok",
        "socket": socket,
        "last_event": contact.heard_at and contact.heard_at.isoformat(),
        "last_call": contact.called_at and contact.called_at.isoformat(),
        "unreachable_since": contact.unreachable_since and contact.unreachable_since.isoformat(),
        "refused": [{"channel": each.channel, "problem": each.error} for each in refused],
    }


def _account(account: Account, trouble: AccountTrouble | None, now: datetime) -> dict[str, Any]:
    """Return the state of an account.

    The times are those of the last successful reading, of the last post that came in (with its delay), of the trouble,
    and of the token's expiry.
    """
    known = trouble.kind if trouble and trouble.kind in {TroubleKind.LIMITED, TroubleKind.SILENT} else "ok"
    works = TroubleKind.PARTLY if account.fault and known == "ok" else known
    state = "stopped" if account.stopped_at else "failing" if account.problem else works
    return {
        "platform": account.platform,
        "name": account.name,
        "state": state,
        "since": trouble.since_at.isoformat() if trouble and state != "ok" else None,
        "last_read": account.polled_at and account.polled_at.isoformat(),
        "last_heard": account.heard_at and account.heard_at.isoformat(),
        "lag_seconds": account.lag,
        "token_ends": account.token_ends_at and account.token_ends_at.isoformat(),
        "budget": _budget(Budget.of(account.budget).at(now)),
    }


def _budget(budget: Budget) -> dict[str, Any]:
    """Return the percentage of the platform's limit that is used, and until when reading and answering rest for it."""
    return {
        "used_percent": budget.percent,
        "reads_again": budget.reading and budget.reading.until.isoformat(),
        "answers_again": budget.answering and budget.answering.until.isoformat(),
    }
