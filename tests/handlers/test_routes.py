"""Whatever a view lets people click, choose or send has its handler, and no handler waits for what no view shows."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import handlers
from bot import views
from bot.domain.case import CloseReason, Status
from bot.sandbox.slack import input_state
from bot.texts import Texts
from bot.views.case_state import REASONS, state_line
from tests.views.examples import NOW, ON_OLDER_CARDS, case_file, homes, messages, opened

T = Texts("nl", "Europe/Amsterdam")
ONLY_SHOWN = {"loading", "said", "more", "others", "home"}
"""Views without a submit button."""


class Routes:
    """Takes down what is routed, as Bolt's app would."""

    def __init__(self) -> None:
        self.routed: dict[str, set[str]] = {}

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        def route(name: str) -> Callable[[Any], Any]:
            self.routed.setdefault(kind, set()).add(name)
            return lambda handler: handler

        return route


def routed() -> dict[str, set[str]]:
    routes = Routes()
    handlers.register(routes, None)  # type: ignore[arg-type]
    return routes.routed


def clicked(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The elements that send something at once."""
    for block, element in input_state.elements(blocks):
        if block["type"] != "input" or block.get("dispatch_action"):
            yield element


def shown() -> list[list[dict[str, Any]]]:
    return [
        *(message.blocks for message in messages(T)), *(view["blocks"] for view in [*opened(T), *homes(T)])
    ]  # fmt: skip


def test_everything_that_can_be_clicked_has_its_handler_and_the_other_way_round() -> None:
    ids = {element["action_id"] for blocks in shown() for element in clicked(blocks)}
    assert ids | ON_OLDER_CARDS == routed()["action"]


def test_every_search_in_a_menu_has_its_handler() -> None:
    searched = {
        e["action_id"] for blocks in shown() for _, e in input_state.elements(blocks) if "external" in e["type"]
    }
    assert searched == routed()["options"]


def test_every_modal_that_can_be_sent_has_its_handler_and_the_other_way_round() -> None:
    sent = {view["callback_id"] for view in opened(T) if "submit" in view}
    assert sent == routed()["view"]
    assert {view["callback_id"] for view in [*opened(T), *homes(T)] if "submit" not in view} <= ONLY_SHOWN | {
        "settings"
    }


def test_every_action_that_is_written_in_a_view_has_its_handler() -> None:
    """The examples may lack a state; the source lacks nothing."""
    folder = Path(str(views.__file__)).parent
    written = {name for path in folder.glob("*.py") for name in re.findall(r'"([a-z]+:[a-z_]+)"', path.read_text())}
    known = routed()
    assert written <= known["action"] | known["view"] | known["options"]


def test_every_close_reason_and_every_status_has_its_words_on_the_card() -> None:
    assert set(REASONS) == set(CloseReason)
    for reason in CloseReason:
        assert T(REASONS[reason]) in state_line(case_file(Status.CLOSED, reason=reason), T, NOW)
    lines = [state_line(case_file(status), T, NOW) for status in Status]
    assert len(set(lines)) == len(Status)
    assert all(re.search(r"\*[\w ]+\*", line) for line in lines), "in words, not by a symbol alone"
