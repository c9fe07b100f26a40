"""The teams' accounts on platforms, and the web routes at which platforms push to us.

store.py   add, renew, stop, start, remove; the connector of an account (its functions are those of this package)
seal.py    encrypts tokens
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
    outdated,
    remove,
    renew,
    seal_anew,
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
    "outdated",
    "remove",
    "renew",
    "seal_anew",
    "start",
    "stop",
    "tools_of",
]
