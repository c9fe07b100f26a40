"""Check an account at Meta: its token, its rights, the version, and whether news is pushed to us.

https://developers.facebook.com/docs/graph-api/reference/debug_token
https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps
"""

from collections.abc import Sequence
from datetime import datetime

from bot.connectors.base import Health, Rejected, Unauthorized
from bot.connectors.json_api import Json, within
from bot.connectors.meta.graph import Graph, listed
from bot.connectors.meta.hooks import moment_of
from bot.domain.text import Text, text


def merged(*parts: Health) -> Health:
    """Merge several results; the last identity and the first expiry of a token count."""
    return Health(
        tuple(each for part in parts for each in part.working),
        tuple(each for part in parts for each in part.warnings),
        tuple(each for part in parts for each in part.problems),
        next((part.identity for part in reversed(parts) if part.identity), None),
        {name: value for part in parts for name, value in part.limits.items()},
        min((part.token_expires_at for part in parts if part.token_expires_at), default=None),
        tuple(each for part in parts for each in part.faults),
    )


async def of_token(graph: Graph, app_id: str, needed: Sequence[str]) -> Health:
    """Report whether the token works, belongs to this app, has the needed rights, and when it expires.

    Access to data may expire before the token does; both count.
    """
    try:
        known = await graph.debug_token(app_id)
    except (Rejected, Unauthorized) as verdict:  # this request uses the app's secret, not our token
        return Health(problems=(text("Meta does not accept the app id and app secret: {reason}", reason=verdict.text),))
    if known.get("is_valid") is not True:
        return Health(problems=(text("Meta no longer accepts the access token; make a new one."),))
    if str(known.get("app_id")) != app_id:
        return Health(problems=(text("The access token is of another app than the app id says."),))
    missing = [each for each in needed if each not in (known.get("scopes") or ())]
    problems = tuple(
        text("The access token lacks the right {right}; make a new one that has it.", right=r) for r in missing
    )
    return Health(
        (text("Meta accepts the access token."),), _old_version(graph), problems, token_expires_at=_ends_at(known)
    )


def _ends_at(known: Json) -> datetime | None:
    """Return when the token or its access to data expires; 0 means never."""
    ends = [at for name in ("expires_at", "data_access_expires_at") if (at := moment_of(known.get(name) or None))]
    return min(ends, default=None)


def _old_version(graph: Graph) -> tuple[Text, ...]:
    if graph.answered_by in {"", graph.version}:
        return ()
    return (
        text(
            "Meta answers with version {other} of its API and no longer with {version}: set the option version.",
            other=graph.answered_by,
            version=graph.version,
        ),
    )


async def of_pushes(graph: Graph, object_id: str, app_id: str, fields: Sequence[str] = ()) -> Health:
    """Make sure that Meta pushes the events of an object in these fields: it stops that when we are down for long.

    Missing subscriptions are made.
    """
    try:
        apps = listed(await graph.get(f"{object_id}/subscribed_apps"))
        ours = next((app for app in apps if app_id in _ids(app)), None)
        subscribed = set(within(ours, "subscribed_fields") or ())
        if ours is not None and subscribed.issuperset(fields):
            return Health((text("Meta sends us what is new."),))
        wanted = sorted(subscribed.union(fields))
        await graph.post(f"{object_id}/subscribed_apps", {"subscribed_fields": wanted} if wanted else {})
    except Rejected as verdict:
        return Health(faults=(text("Meta does not send us what is new: {reason}", reason=verdict.text),))
    return Health((text("Meta did not send us what is new; we have asked it to."),))


def _ids(app: Json) -> set[str]:
    """Return the ids of a subscribed app; for WhatsApp they are in another object."""
    return {str(app.get("id")), str(within(app, "whatsapp_business_api_data", "id"))}
