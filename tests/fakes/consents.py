"""What a platform's side of a sign-in does: people agree or not, and a code is changed for a token once.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit


class BadCode(Exception):
    """A code that was used already, or that another app or address brings."""


@dataclass
class Consents:
    """The page on which people agree. `asked` are the rights of each time, `given` the codes that were not used yet."""

    app_id: str
    app_secret: str
    asked: list[str] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)

    def agree(self, address: str) -> str:
        """Let a person agree at the address that they were shown; returns where their browser goes."""
        asked = self._read(address)
        code = f"code-{len(self.asked)}"
        self.given[code] = asked["redirect_uri"]
        return _back(asked, code=code)

    def refuse(self, address: str, error: str = "access_denied", **more: str) -> str:
        """Let a person refuse; returns where their browser goes."""
        return _back(self._read(address), error=error, **more)

    def take(self, given: Mapping[str, str]) -> None:
        """Take a code that is to be changed for a token; raises BadCode."""
        redirect = self.given.pop(given.get("code", ""), None)
        of_app = (given.get("client_id"), given.get("client_secret"))
        if redirect is None or given.get("redirect_uri") != redirect or of_app != (self.app_id, self.app_secret):
            raise BadCode

    def _read(self, address: str) -> dict[str, str]:
        asked = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        assert asked["response_type"] == "code"
        assert asked["client_id"] == self.app_id
        assert len(asked["state"]) >= 32
        self.asked.append(asked.get("scope") or f"config {asked['config_id']}")
        return asked


def _back(asked: Mapping[str, str], **more: str) -> str:
    return f"{asked['redirect_uri']}?{urlencode({**more, 'state': asked['state']})}"
