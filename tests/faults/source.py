"""A source of our own that sends its posts by webhook until each was accepted, in any order, now and then twice."""

import json
from collections.abc import Iterator
from datetime import timedelta

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.faults.platform_server import Json, PlatformServer
from tests.faults.posts import Written
from tests.people import signed

SECRET = "whsec_c2NoZWR1bGVzLW9mLWNoYW9zLWFuZC1vcmRlci0zMmJ5dGU="
REMEMBERS = timedelta(hours=25)
"""How long it recognises a key: what is sent again after that is published again."""


class Source(PlatformServer):
    """The source and its callback."""

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.post("/replies", self.answering(self._reply))

    def _reply(self, asked: Json) -> Json:
        if asked["type"] != "reply.created":
            return {}
        sent, now = asked["data"], self.now()
        known = (each for each in self.published if each.key == sent["id"] and now - each.at < REMEMBERS)
        made = next(known, None) or self.publish(sent["id"], sent["in_reply_to"], sent["text"], sent["private"])
        return {"id": made.id}


async def send(session: ClientSession, address: str, written: Written, version: int) -> bool:
    """Send one version of a post to the bot; tells whether it was accepted."""
    body, name = json.dumps(written.as_json()), f"{written.id}.{version}"
    headers = {"Content-Type": "application/json", **signed(SECRET, body, name)}
    try:
        async with session.post(address, data=body, headers=headers, timeout=ClientTimeout(total=30)) as answer:
            await answer.read()
            return answer.status // 100 == 2
    except (ClientError, TimeoutError, OSError):
        return False
