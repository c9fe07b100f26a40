"""The web routes beside Slack's: mentions that sources push to us, and whether we are healthy."""

import json
from typing import Any

import structlog
from aiohttp import web
from sqlmodel import select

from bot.accounts import store
from bot.cases import inbox
from bot.connectors.base import NotSigned
from bot.connectors.webhook import posts_of, verify
from bot.desk import Desk
from bot.domain.payload import BadPayload
from bot.logs import trace
from bot.models import Account
from bot.slack import messages

log = structlog.get_logger()

MAX_BODY = 5 * 1024 * 1024


def build_web(desk: Desk) -> web.Application:
    """Return the web application: `POST /in/<source>` and `GET /health`."""
    app = web.Application(client_max_size=MAX_BODY)

    async def incoming(request: web.Request) -> web.Response:
        return await _incoming(desk, request)

    async def health(request: web.Request) -> web.Response:
        return await _health(desk)

    app.router.add_post("/in/{source}", incoming)
    app.router.add_post("/in/{source}/{token}", incoming)
    app.router.add_get("/health", health)
    return app


async def _incoming(desk: Desk, request: web.Request) -> web.Response:
    """Store the mentions of one call; the answer is 2xx only once they are in the database."""
    source = request.match_info["source"]
    async with desk.reading() as session:
        found = await session.exec(select(Account).where(Account.platform == "webhook", Account.name == source))
        row = found.first()
    body = await request.read()
    token = request.match_info.get("token") or request.query.get("token")
    if row is None:
        return _problem(404, "There is no source of this name; add it with `webcare accounts add webhook`.")
    account = store.opened(row, desk.settings)
    try:
        verify(account, request.headers, body, token=token)
        posts = posts_of(account, body, now=desk.now())
    except NotSigned as error:
        return _problem(401, str(error))
    except BadPayload as error:
        return _problem(400, str(error))
    if store.is_stopped_by_hand(row):  # one that a fault stopped has trouble with replies, not with mentions
        return _problem(503, "This source was stopped here; send this again when it was started.")
    async with desk.session() as session:
        taken = await inbox.take_in(session, row.id, posts, now=desk.now())
    messages.wake(desk, taken.channels)
    return web.json_response({"received": len(posts), "new": taken.new})


async def _health(desk: Desk) -> web.Response:
    """Tell whether the database answers, and which accounts need attention; names and problems only."""
    try:
        async with desk.reading() as session:
            rows = (await session.exec(select(Account))).all()
    except Exception as error:
        log.error("health: the database does not answer", **trace(error))
        return web.json_response({"database": "down"}, status=503)
    state: dict[str, Any] = {
        "database": "ok",
        "accounts": [{"platform": a.platform, "name": a.name, "state": _state(a)} for a in rows],
    }
    return web.json_response(state, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def _state(account: Account) -> str:
    return "stopped" if account.stopped_at else "failing" if account.problem else "ok"


def _problem(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)
