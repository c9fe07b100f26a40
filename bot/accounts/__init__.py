"""Accounts: the team's accounts on platforms (`store`, whose verbs are named here) and how mentions are pushed to us.

store.py   add, renew, stop, start, remove; the connector of an account
seal.py    tokens at rest
web.py     the routes beside Slack's
manual.py  the account of hand-made cases
"""

from bot.accounts.store import (
    DraftSecrets,
    add,
    address,
    connected,
    connector_of,
    drafted,
    ensure_team,
    find,
    health,
    in_force,
    is_stopped_by_hand,
    key,
    learned,
    named,
    of_team,
    opened,
    remove,
    renew,
    start,
    stop,
    tools_of,
)

__all__ = [
    "DraftSecrets",
    "add",
    "address",
    "connected",
    "connector_of",
    "drafted",
    "ensure_team",
    "find",
    "health",
    "in_force",
    "is_stopped_by_hand",
    "key",
    "learned",
    "named",
    "of_team",
    "opened",
    "remove",
    "renew",
    "start",
    "stop",
    "tools_of",
]
