"""The Slack workspace of a made-up municipality, Gemeente Voorbeeld, with our app installed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.installed_app import App
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.workspace import Channel, Person, UserGroup, Workspace


def example_workspace(
    manifest: dict[str, Any],
    rules: Rules | None = None,
    now: Callable[[], float] = time.time,
    speed: float = 1.0,
) -> Workspace:
    """The workspace of Gemeente Voorbeeld: two agents, a coordinator, another colleague, four channels, one group.

    The app is in #webcare, #webcare-escalatie and #beheer, not in #algemeen; Tom is in #beheer, not in #webcare.
    """
    app = App(manifest, "A0WEBCARE", "B0WEBCARE", "U0WEBCARE")
    team = ("T0GEMEENTE", "Gemeente Voorbeeld", "gemeente-voorbeeld")
    workspace = Workspace(app, *team, rules or Rules(), now, speed)
    people = [
        Person("U0SANNE", "sanne", "Sanne de Boer", "2b7489", email="sanne@voorbeeld.example"),
        Person("U0YOUSSEF", "youssef", "Youssef Amrani", "8d4b55", email="youssef@voorbeeld.example"),
        Person("U0MARIEKE", "marieke", "Marieke Visser", "4c6b22", email="marieke@voorbeeld.example"),
        Person("U0TOM", "tom", "Tom Verbeek", "3b6ea5", email="tom@voorbeeld.example"),
        Person(app.user_id, app.name, app.name, "1264a3", is_bot=True),
    ]
    workspace.people = {person.id: person for person in people}
    everyone = {person.id for person in people} - {"U0TOM"}
    workspace.add_channel(Channel("C0WEBCARE", "webcare", set(everyone), topic="Vragen en klachten van inwoners"))
    workspace.add_channel(
        Channel("C0ESCALATIE", "webcare-escalatie", set(everyone), topic="Wat meer dan webcare vraagt")
    )
    beheer = {"U0TOM", "U0MARIEKE", app.user_id}
    workspace.add_channel(Channel("C0BEHEER", "beheer", beheer, topic="Straten, groen, lantaarns"))
    workspace.add_channel(Channel("C0ALGEMEEN", "algemeen", everyone - {app.user_id}, topic="Voor iedereen"))
    workspace.usergroups["S0COMMUNICATIE"] = UserGroup("S0COMMUNICATIE", "communicatie", "Communicatie", ["U0MARIEKE"])
    return workspace
