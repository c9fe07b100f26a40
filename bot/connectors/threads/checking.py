"""Try an account on Threads: who it is, how long its token is valid, its rights, and how many answers it may write."""

from datetime import datetime

from bot.connectors.base import Health, Identity, RateLimited, Rejected, Unauthorized, Unavailable, Verdict
from bot.connectors.json_api import Json
from bot.connectors.meta.hooks import moment_of
from bot.connectors.threads.server import Me, Server
from bot.domain.text import Text, text

NEEDED = (
    "threads_basic", "threads_content_publish", "threads_manage_mentions", "threads_manage_replies",
    "threads_read_replies",
)  # fmt: skip
TO_REMOVE = "threads_delete"
"""https://developers.facebook.com/docs/threads/get-started"""
LACKING = text("The access token lacks the right {right}; make a new one that has it.")
TRIED: tuple[tuple[str, Text], ...] = (
    ("me/mentions", text("Posts that name us can be read.")),
    ("me/replies", text("Replies can be read.")),
)


async def check(server: Server) -> Health:
    """Report what works and what does not; renew the token if it is time. Raises a verdict when nothing works."""
    me = await server.me()
    known = await _about(server)
    given_end = moment_of(known.get("expires_at") or None)
    warnings = await _renewed(server, given_end)
    working, problems = await _tried(server)
    scopes = known.get("scopes")
    missing = [right for right in (*NEEDED, TO_REMOVE) if isinstance(scopes, list) and right not in scopes]
    lacking = {right: text(LACKING.message, right=right) for right in missing}
    ends = (server.token_end or given_end, moment_of(known.get("data_access_expires_at") or None))
    return Health(
        (text("We are logged in as @{acct}.", acct=me.username), *working),
        (*warnings, *(lacking[right] for right in missing if right == TO_REMOVE)),
        (*(lacking[right] for right in missing if right in NEEDED), *problems),
        _identity(me),
        token_expires_at=min((at for at in ends if at), default=None),
    )


def _identity(me: Me) -> Identity:
    return Identity(me.id, me.username, me.name, f"https://www.threads.com/@{me.username}")


async def _renewed(server: Server, given_end: datetime | None) -> list[Text]:
    """Renew the token if it is time; return the reason if that failed."""
    try:
        await server.keep_token(given_end)
    except (RateLimited, Unavailable, Rejected, Unauthorized) as verdict:
        return [
            text(
                "Threads does not renew the access token yet; we ask again every day. It renews none that is younger "
                "than a day. {reason}",
                reason=verdict.text,
            )
        ]
    return []


async def _about(server: Server) -> Json:
    """Return what Threads says about the token; {} if it does not say."""
    try:
        return await server.about_token()
    except Verdict:
        return {}


async def _tried(server: Server) -> tuple[list[Text], list[Text]]:
    """Try everything that needs its own right; return what works, and what does not."""
    working, problems = [], []
    for path, done in TRIED:
        try:
            await server.get(path, fields="id", limit=1)
            working.append(done)
        except Rejected as verdict:
            problems.append(verdict.text)
    try:
        quota = await server.quota("reply")
    except Rejected as verdict:
        return working, [*problems, verdict.text]
    if quota is not None:
        used, total = quota
        working.append(text("Threads takes {total} answers a day; {used} were used.", total=total, used=used))
    return working, problems
