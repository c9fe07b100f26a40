"""The teams' accounts on platforms, and the web routes at which platforms push to us.

store.py   add, renew, stop, start, remove; the connector of an account (its functions are those of this package)
seal.py    encrypts tokens
sign_in.py signing in on a platform's own page
web.py     the routes beside Slack's
callback.py  the page to which a platform redirects
token_ends.py  the end of an account's token, announced to its team
troubles.py  what is wrong with accounts, reported to their teams
intake.py  stores what sources send
bodies.py  bodies of requests, with limits of time and memory
manual.py  the account of hand-made cases
"""

from bot.accounts.store import (
    ONLY_KEPT,
    READING,
    DraftSecrets,
    StoredSecrets,
    add,
    address,
    change,
    connected,
    connector_of,
    drafted,
    ensure_team,
    find,
    found_wrong,
    health,
    in_force,
    key,
    learned,
    name_of,
    named,
    of_team,
    opened,
    outdated,
    owner_of,
    refuse_read_already,
    refuse_taken,
    remove,
    renew,
    same,
    seal_anew,
    seen_in_use,
    start,
    stop,
    tools_of,
    unopened,
)

__all__ = [
    "ONLY_KEPT",
    "READING",
    "DraftSecrets",
    "StoredSecrets",
    "add",
    "address",
    "change",
    "connected",
    "connector_of",
    "drafted",
    "ensure_team",
    "find",
    "found_wrong",
    "health",
    "in_force",
    "key",
    "learned",
    "name_of",
    "named",
    "of_team",
    "opened",
    "outdated",
    "owner_of",
    "refuse_read_already",
    "refuse_taken",
    "remove",
    "renew",
    "same",
    "seal_anew",
    "seen_in_use",
    "start",
    "stop",
    "tools_of",
    "unopened",
]
