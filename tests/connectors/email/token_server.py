"""Where an app gets access tokens: https://www.rfc-editor.org/rfc/rfc6749#section-4.4 and #section-6

Microsoft's is https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer

CLIENT, SECRET, SCOPE = "app-1", "s3cret", "https://outlook.office365.com/.default"
KNOWN = {"client_credentials": set[str](), "refresh_token": {"refresh_token"}}
"""The parameters that each grant takes besides those of the app."""


class FakeTokens(FakeServer):
    """Gives tokens that `make` makes; each is said to last `told`, and lasts `lasts`.

    With `refresh`, people's refresh tokens: each works once, and a new one comes with the access token.
    """

    def __init__(self, make: Callable[[timedelta], str]) -> None:
        super().__init__()
        self._make = make
        self.told = self.lasts = timedelta(hours=1)
        self.refresh: set[str] = set()
        self.grants: list[str] = []

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.post("/organisatie/oauth2/v2.0/token", self._token)

    @property
    def address(self) -> str:
        """The address to ask."""
        return f"{self.url}/organisatie/oauth2/v2.0/token"

    async def _token(self, request: web.Request) -> web.Response:
        given = {name: str(value) for name, value in (await request.post()).items()}
        grant = given.get("grant_type", "")
        if set(given) != {"grant_type", "client_id", "client_secret", "scope"} | KNOWN.get(grant, set()):
            self.violations.append(f"{grant}: {sorted(given)}")
        self.grants.append(grant)
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET):
            words = "AADSTS7000215: Invalid client secret provided. Trace ID: 0b1c Correlation ID: 77 Timestamp: now"
            return web.json_response({"error": "invalid_client", "error_description": words}, status=401)
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": int(self.told.total_seconds())}
        if grant == "refresh_token":
            if given["refresh_token"] not in self.refresh:
                refused = {"error": "invalid_grant", "error_description": "AADSTS70008: It has expired.\r\nTrace ID: 1"}
                return web.json_response(refused, status=400)
            self.refresh = {f"refresh-{len(self.grants)}"}
            answer["refresh_token"] = next(iter(self.refresh))
        return web.json_response({**answer, "access_token": self._make(self.lasts)})
