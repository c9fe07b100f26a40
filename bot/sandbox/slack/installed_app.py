"""The installed app as Slack knows it: its manifest, tokens, scopes and identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class App:
    """An installed app. Commands, shortcuts, scopes and events come from its manifest.

    The manifest is Slack's: https://docs.slack.dev/reference/app-manifest
    """

    manifest: Json
    id: str
    bot_id: str
    user_id: str
    bot_token: str = "xoxb-0-sandbox"  # noqa: S105 - a token of a made-up workspace
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    verification_token: str = "sandbox-verification-token"  # noqa: S105
    app_token: str = field(init=False)
    scopes: set[str] = field(init=False)
    revoked: dict[str, str] = field(default_factory=dict)
    """The revoked tokens, and the error with which Slack refuses each."""

    def __post_init__(self) -> None:
        """Read the scopes once; tests may remove some afterwards."""
        self.app_token = f"xapp-1-{self.id}-0-sandbox"
        self.scopes = set(self.manifest.get("oauth_config", {}).get("scopes", {}).get("bot", []))

    @property
    def commands(self) -> list[Json]:
        """The slash commands of the manifest."""
        return list(self.manifest.get("features", {}).get("slash_commands", []))

    @property
    def shortcuts(self) -> list[Json]:
        """The global and message shortcuts of the manifest."""
        return list(self.manifest.get("features", {}).get("shortcuts", []))

    @property
    def events(self) -> set[str]:
        """The names of the events the app subscribed to."""
        subscriptions = self.manifest.get("settings", {}).get("event_subscriptions", {})
        return set(subscriptions.get("bot_events", []))

    @property
    def name(self) -> str:
        """The display name of the bot user."""
        return str(self.manifest.get("features", {}).get("bot_user", {}).get("display_name", "app"))
