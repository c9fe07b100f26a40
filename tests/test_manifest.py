"""The Slack app asks for exactly what the code uses: no permission more, none less; and every button has a handler."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import handlers
from bot.sandbox.slack import input_state, web_api
from bot.slack.pace import TIERS
from bot.texts import Texts
from tests.views.examples import ON_OLDER_CARDS, homes, messages, opened

ROOT = Path(__file__).parent.parent
MANIFEST = json.loads((ROOT / "bot/slack_manifest.json").read_text(encoding="utf-8"))
T = Texts("nl", "Europe/Amsterdam")

WHERE_CARDS_ARE = frozenset({"channels:history", "groups:history"})
SEES_CHANNELS = frozenset({"channels:read", "groups:read"})
SCOPES: dict[str, frozenset[str]] = {
    # The page of each method at https://docs.slack.dev/reference/methods names the scopes that it may be called with.
    "apps.connections.open": frozenset(),  # by the app-level token
    "auth.test": frozenset(),
    "blocks.validate": frozenset(),
    "bots.info": frozenset({"users:read"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": WHERE_CARDS_ARE | {"im:history"},  # a question to a colleague is a direct message
    "conversations.info": SEES_CHANNELS,
    "conversations.members": SEES_CHANNELS,
    "conversations.open": frozenset({"im:write"}),  # we open direct messages only
    "conversations.replies": WHERE_CARDS_ARE,
    "dnd.info": frozenset({"dnd:read"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
    "usergroups.users.update": frozenset({"usergroups:write"}),
    "users.info": frozenset({"users:read"}),
    "users.list": frozenset({"users:read"}),
    "views.open": frozenset(),
    "views.push": frozenset(),
    "views.publish": frozenset(),
    "views.update": frozenset(),
}
OF_ELEMENTS = {"files:read"}
"""What a field for a file needs: https://docs.slack.dev/reference/block-kit/block-elements/file-input-element"""
OPTIONAL = {"dnd:read", "files:read", "usergroups:write"}
"""Scopes that a workspace may leave out: https://docs.slack.dev/changelog/2026/03/16/optional-scopes"""
EVENTS: dict[str, dict[str, frozenset[str]]] = {
    # https://docs.slack.dev/reference/events: what a listener's event is called in the manifest, and its scopes if any
    "app_home_opened": {"app_home_opened": frozenset()},
    "app_uninstalled": {"app_uninstalled": frozenset()},
    "channel_archive": {"channel_archive": frozenset({"channels:read"})},
    "channel_left": {"channel_left": frozenset({"channels:read"})},
    "channel_unarchive": {"channel_unarchive": frozenset({"channels:read"})},
    "group_archive": {"group_archive": frozenset({"groups:read"})},
    "group_left": {"group_left": frozenset({"groups:read"})},
    "group_unarchive": {"group_unarchive": frozenset({"groups:read"})},
    "member_joined_channel": {"member_joined_channel": SEES_CHANNELS},
    "member_left_channel": {"member_left_channel": SEES_CHANNELS},
    "message": {
        "message.channels": frozenset({"channels:history"}),
        "message.groups": frozenset({"groups:history"}),
    },
    "tokens_revoked": {"tokens_revoked": frozenset()},
}


class Recorded:
    """Stands where the Bolt app stands, and keeps what is registered."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def __getattr__(self, kind: str) -> Callable[..., Callable[[Any], None]]:
        def register(name: str) -> Callable[[Any], None]:
            self.names.setdefault(kind, []).append(name)
            return lambda listener: None

        return register


@pytest.fixture(scope="module")
def registered() -> dict[str, list[str]]:
    recorded = Recorded()
    handlers.register(recorded, None)  # type: ignore[arg-type]
    return recorded.names


def our_modules() -> Iterator[Path]:
    for package in ("bot", "handlers", "jobs"):
        yield from (
            p for p in (ROOT / package).rglob("*.py") if not {"sandbox", "connectors"} & set(p.relative_to(ROOT).parts)
        )


def methods_called() -> set[str]:
    """Return the Web API methods in our functions: written as a name ("chat.update") or as the client's own method."""
    families = {name.partition(".")[0] for name in web_api.METHODS}
    found = set()
    for path in our_modules():
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                match node:
                    case ast.Constant(value=str() as name) if name in web_api.METHODS or name in SCOPES:
                        found.add(name)
                    case ast.Attribute(attr=name, value=ast.Attribute(attr="slack")):
                        family, _, rest = name.partition("_")
                        assert family in families, f"{path.name}: {name}"
                        found.add(f"{family}.{rest}")
    return found


def test_the_commands_are_those_with_a_handler(registered: dict[str, list[str]]) -> None:
    assert [each["command"] for each in MANIFEST["features"]["slash_commands"]] == registered["command"]


def test_the_shortcuts_are_those_with_a_handler(registered: dict[str, list[str]]) -> None:
    known = [(each["type"], each["callback_id"]) for each in MANIFEST["features"]["shortcuts"]]
    assert known == [("message", name) for name in registered["message_shortcut"]]
    assert not {"shortcut", "global_shortcut"} & set(registered)


def test_the_events_are_those_with_a_handler(registered: dict[str, list[str]]) -> None:
    wanted = sorted(event for name in registered["event"] for event in EVENTS[name])
    assert MANIFEST["settings"]["event_subscriptions"]["bot_events"] == wanted


def test_the_scopes_are_those_that_our_calls_commands_and_events_need(registered: dict[str, list[str]]) -> None:
    assert methods_called() == set(SCOPES), "a method was added or is no longer called: mend the table"
    of_events = (scopes for name in registered["event"] for scopes in EVENTS[name].values())
    needed = set().union(*SCOPES.values(), *of_events, OF_ELEMENTS)
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert scopes == {"bot": sorted(needed | {"commands"}), "bot_optional": sorted(OPTIONAL)}
    assert needed >= OPTIONAL  # Slack wants an optional scope in both lists


def test_every_method_that_we_call_has_its_rate() -> None:
    assert methods_called() == {*TIERS, "chat.postMessage"}


def test_the_local_slack_asks_for_the_same_scopes() -> None:
    for method, scopes in SCOPES.items():
        assert scopes <= set(web_api.METHODS[method].scopes), method


def test_colleagues_can_go_back_to_a_question_in_their_direct_messages() -> None:
    """Without the Messages tab Slack hides the conversation (https://docs.slack.dev/surfaces/app-home)."""
    home = MANIFEST["features"]["app_home"]
    assert home == {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True}


def heard_of(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the action ids that Slack tells the app about: an input's only when it dispatches."""
    for block, element in input_state.elements(blocks):
        if block["type"] != "input" or block.get("dispatch_action"):
            yield element["action_id"]


def test_every_button_has_a_handler_and_every_handler_a_button(registered: dict[str, list[str]]) -> None:
    shown = {name for message in messages(T) for name in heard_of(message.blocks)}
    shown |= {name for view in [*opened(T), *homes(T)] for name in heard_of(view["blocks"])}
    assert shown | ON_OLDER_CARDS == set(registered["action"])
    assert len(registered["action"]) == len(set(registered["action"]))


def test_every_modal_that_can_be_submitted_has_a_handler_and_every_handler_a_modal(
    registered: dict[str, list[str]],
) -> None:
    assert {modal["callback_id"] for modal in opened(T) if "submit" in modal} == set(registered["view"])
    assert len(registered["view"]) == len(set(registered["view"]))
