"""A Mastodon server on loopback (the package mastodon-mock), with helpers that read as what citizens and team do."""

import threading
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn
from mastodon_mock import middleware
from mastodon_mock.app import create_app
from mastodon_mock.config import AuthConfig, MastodonMockConfig, SeedAccount, SeedConfig, StreamingConfig
from mastodon_mock.db.models import Account, MediaAttachment, OAuthToken
from mastodon_mock.db.models import Status as StatusRow

TEAM = "gemeente"
TEAM_TOKEN = "token-of-gemeente"

Status = dict[str, Any]

# The mock asks for `read` or `write` as a whole; a server lets a part of them do what it is for.
middleware._scopes_satisfy = lambda granted, required: required in {each.partition(":")[0] for each in granted}


class FakeMastodon:
    """One server with one account of the team; a citizen gets an account at their first post.

    Use as a context manager; `reset` brings it back to how it began. Ids go on rising, as on a real server.
    """

    token = TEAM_TOKEN

    def __init__(self) -> None:
        config = MastodonMockConfig(
            domain="social.example",
            title="Sociaal Voorbeeld",
            auth=AuthConfig(enforce_scopes=True),
            streaming=StreamingConfig(enabled=False),
            seed=SeedConfig(
                accounts=[SeedAccount(username=TEAM, display_name="Gemeente Voorbeeld", access_token=TEAM_TOKEN)]
            ),
        )
        self._app = create_app(config)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                host="127.0.0.1",
                port=0,
                log_level="critical",
                ws="none",
                log_config=None,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.base_url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise TimeoutError("the fake Mastodon did not start")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self.base_url, timeout=60)
        self._keep_policy()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._server.should_exit = True
        self._thread.join(timeout=10)

    # --- what citizens do ------------------------------------------------------------------------

    def post_as(
        self, citizen: str, text: str, in_reply_to: str | None = None, visibility: str = "public", **more: Any
    ) -> Status:
        """Let a citizen ("jan", or "jan@elders.example" from another server) post; return the status."""
        body = {"status": text, "visibility": visibility, "in_reply_to_id": in_reply_to, **more}
        status: Status = self._as(citizen, "POST", "/api/v1/statuses", json=body)
        return status

    def edit(self, citizen: str, status_id: str, text: str) -> Status:
        """Let a citizen change their post."""
        status: Status = self._as(citizen, "PUT", f"/api/v1/statuses/{status_id}", json={"status": text})
        return status

    def delete(self, citizen: str, status_id: str) -> None:
        """Let a citizen remove their post."""
        self._as(citizen, "DELETE", f"/api/v1/statuses/{status_id}")

    def attach(self, status_id: str, url: str, description: str, kind: str = "image") -> None:
        """Put a picture with a post."""
        with self._app.state.session_factory() as session:
            status = session.get(StatusRow, int(status_id))
            session.add(
                MediaAttachment(
                    account_id=status.account_id, status_id=status.id, type=kind, url=url, description=description
                )
            )
            session.commit()

    # --- what the team does in a browser ---------------------------------------------------------

    def agree(self, address: str) -> str:
        """Let the team sign in at the address that it was shown; returns where its browser goes."""
        asked = dict(parse_qsl(urlsplit(address).query))
        form = {name: asked[name] for name in ("redirect_uri", "client_id", "scope", "state")}
        answer = self._client.post("/oauth/authorize", data={**form, "username": TEAM})
        return str(answer.headers["Location"])

    # --- what the team did -----------------------------------------------------------------------

    def statuses_by_team(self) -> list[Status]:
        """Return all the team's posts, private ones too, newest first."""
        me = self._as(TEAM, "GET", "/api/v1/accounts/verify_credentials")
        statuses: list[Status] = self._as(TEAM, "GET", f"/api/v1/accounts/{me['id']}/statuses?limit=40")
        return statuses

    def content_of(self, url: str) -> bytes:
        """Return what lies at an address of this server, such as a picture."""
        response = self._client.get(httpx.URL(url).path)
        response.raise_for_status()
        return response.content

    # --- the server itself -----------------------------------------------------------------------

    def reset(self) -> None:
        """Forget all posts, citizens and faults."""
        self._client.post("/api/v1/_mock/reset").raise_for_status()
        self._keep_policy()

    def _keep_policy(self) -> None:
        """Store the team's notification policy: while none is, each GET of it writes one and a POST beside it fails."""
        self._as(TEAM, "PATCH", "/api/v2/notifications/policy", json={})

    def fault(
        self, path: str, effect: str, *, count: int | None = None, method: str | None = None, **more: Any
    ) -> None:
        """Let requests to a path ("*" is any part) fail: effect "status", "ratelimit", "malformed" or "timeout".

        `more` is the fault's `status`, `headers` or `body`; without a count it lasts until `clear_faults`.
        """
        match = {"path": path, "methods": [method] if method else None}
        rule = {"match": match, "effect": {"type": effect, **more}, "count": count}
        self._client.post("/api/v1/_mock/faults", json=rule).raise_for_status()

    def clear_faults(self) -> None:
        """Let all requests succeed again."""
        self._client.delete("/api/v1/_mock/faults").raise_for_status()

    def token_with(self, *scopes: str) -> str:
        """Return a token of the team's account that may do no more than this."""
        with self._app.state.session_factory() as session:
            team = session.query(Account).filter_by(username=TEAM, domain=None).one()
            token = OAuthToken(access_token="token-" + "+".join(scopes), account_id=team.id, scopes=list(scopes))
            session.add(token)
            session.commit()
            return str(token.access_token)

    def as_team(self, method: str, path: str, **kwargs: Any) -> Any:
        """Send a request with the team's token and return the JSON, for what has no helper here."""
        return self._as(TEAM, method, path, **kwargs)

    def _as(self, who: str, method: str, path: str, **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token_of(who)}"}
        response = self._client.request(method, path, headers=headers, **kwargs)
        response.raise_for_status()
        return response.json()

    def _token_of(self, who: str) -> str:
        name, _, domain = who.partition("@")
        token = f"token-of-{who}"
        with self._app.state.session_factory() as session:
            if session.query(OAuthToken).filter_by(access_token=token).first() is None:
                citizen = Account(username=name, domain=domain or None, display_name=name.capitalize(), fields=[])
                session.add(citizen)
                session.flush()
                session.add(OAuthToken(access_token=token, account_id=citizen.id, scopes=["read", "write"]))
                session.commit()
        return token
