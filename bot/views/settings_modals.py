"""The settings of a team: a menu, a modal for each group, the canned texts, the roles, and word of what was changed.

What stands in the fields is given by block id and comes back by block id; see `bot.settings_forms`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.text import Text, text
from bot.models import Event
from bot.texts import Texts
from bot.views.block import Block, actions, button, context, field_of, literal, modal, option, section

GROUPS: dict[str, Text] = {
    "hours": text("Opening hours"),
    "closed": text("Holidays and closing days"),
    "norms": text("Norms"),
    "reminders": text("Reminders and digest"),
    "snippets": text("Standard texts"),
    "roles": text("Roles"),
}
TITLES: dict[str, Text] = {
    **GROUPS,
    "closed": text("Closing days"),
    "reminders": text("Reminders"),
}
"""Titles of modals: at most 24 characters."""
FIELDS: dict[str, Text] = {
    "always_open": text("Open day and night"),
    "week": text("Opening hours"),
    "holidays": text("Holidays"),
    "closed_days": text("Closing days"),
    "early_closings": text("Early closings"),
    "norm": text("Norm"),
    "urgent": text("Norm for urgent cases"),
    "private": text("Norm for private messages"),
    "ladder": text("Steps of the reminders"),
    "coordinators": text("Who is told as coordinator"),
    "escalation_channel": text("Channel for what is far too late"),
    "claim_reminder": text("Reminder of a claimed case"),
    "claim_return": text("Return of a claimed case"),
    "digest_at": text("Time of the digest"),
    "snippets": text("Standard texts"),
}
DAYS = (
    text("Monday"), text("Tuesday"), text("Wednesday"), text("Thursday"),
    text("Friday"), text("Saturday"), text("Sunday"),
)  # fmt: skip
TARGETS: dict[str, Text] = {
    "first_reaction": text("first reaction"),
    "next_reaction": text("next reaction"),
    "resolution": text("resolution"),
}
SHOWN_SNIPPETS = 95

Filled = Mapping[str, Any]


def settings_menu(team_id: int, name: str, t: Texts) -> Block:
    """Return the choice of what to set."""
    blocks = [section(t("What do you want to set for *{team}*?", team=literal(name, 80)))]
    for group, words in GROUPS.items():
        line = section(t(words))
        line["accessory"] = button(t("Change"), "settings:group", group)
        blocks.append(line)
    return modal("said", t("Settings"), blocks, close=t("Close"), keep=_keep(team_id))


def hours_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask for the opening hours of each day."""
    hint = t("As 09:00-12:00, 13:00-17:00; empty is closed.")
    blocks = [
        _ticks(t("Open day and night"), "always_open", [option(t("Yes, 24 hours, seven days a week"), "yes")], filled),
        *(_line(t(day), f"day_{n}", filled, hint=hint if n == 0 else "") for n, day in enumerate(DAYS)),
    ]
    return _form("hours", team_id, blocks, t)


def closed_modal(team_id: int, holidays: Sequence[str], filled: Filled, t: Texts) -> Block:
    """Ask on which days the team is closed, or closes early."""
    halves = (holidays[:6], holidays[6:])
    labels = (t("Closed on these holidays"), t("… and on these"))
    blocks = [
        _ticks(label, f"holidays_{n}", [option(name, name) for name in half], filled)
        for n, (label, half) in enumerate(zip(labels, halves, strict=True))
    ]
    blocks += [
        _line(t("Closing days of our own"), "closed_days", filled, many=True, hint=t("A line each, as 2026-12-24.")),
        _line(t("Early closings"), "early_closings", filled, many=True, hint=t("A line each, as 2026-12-24 15:00.")),
    ]
    return _form("closed", team_id, blocks, t)


def norms_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask for the norms, in working minutes."""
    blocks = [context(t("In working minutes. What is being timed already keeps the norm that it started with."))]
    for name in ("norm", "urgent", "private"):
        blocks.append(section(f"*{t(FIELDS[name])}*"))
        blocks += [
            _line(t(words).capitalize(), f"{name}_{target}", filled, optional=name == "private")
            for target, words in TARGETS.items()
        ]
    blocks.append(context(t("Leave the norm for private messages empty to have none of its own.")))
    return _form("norms", team_id, blocks, t)


def reminders_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask who is reminded when, and for the digest."""
    people: Block = {"type": "multi_users_select"}
    if filled.get("coordinators"):
        people["initial_users"] = filled["coordinators"]
    where: Block = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
    if filled.get("escalation_channel"):
        where["initial_conversation"] = filled["escalation_channel"]
    ladder_hint = t("A line each: percentage of the norm, who (owner, thread, coordinator, channel), your own words.")
    blocks = [
        _line(t(FIELDS["ladder"]), "ladder", filled, many=True, hint=ladder_hint),
        field_of(t(FIELDS["coordinators"]), "coordinators", people, optional=True),
        field_of(t(FIELDS["escalation_channel"]), "escalation_channel", where, optional=True,
                 hint=t("Invite the bot there first.")),
        _line(t("Remind of a claimed case after (minutes)"), "claim_reminder", filled, optional=False),
        _line(t("Then return it to the queue after (minutes)"), "claim_return", filled, optional=False),
        _line(t(FIELDS["digest_at"]), "digest_at", filled, hint=t("As 09:00; empty for none.")),
    ]  # fmt: skip
    return _form("reminders", team_id, blocks, t)


def snippets_modal(team_id: int, titles: Sequence[str], t: Texts) -> Block:
    """Return the list of canned texts."""
    blocks: list[Block] = []
    for title in titles[:SHOWN_SNIPPETS]:
        line = section(literal(title, 80))
        line["accessory"] = button(t("Change"), "snippet:edit", title)
        blocks.append(line)
    if not titles:
        blocks.append(section(t("There are no texts yet.")))
    blocks += actions(button(t("Add a text"), "snippet:add", "add", style="primary"), _back(t))
    return modal("said", t("Standard texts"), blocks, close=t("Close"), keep=_keep(team_id))


def snippet_modal(team_id: int, title: str | None, words: str, t: Texts) -> Block:
    """Ask for one canned text; one that exists can be removed."""
    name: Block = {"type": "plain_text_input", "max_length": 60}
    body: Block = {"type": "plain_text_input", "multiline": True, "max_length": 2500}
    if title is not None:
        name["initial_value"], body["initial_value"] = title, words
    blocks = [
        field_of(t("Title"), "snippet_title", name),
        field_of(t("Text"), "snippet_text", body,
                 hint=t("{one} becomes the citizen's first name, {other} the agent's.", one="{name}", other="{agent}")),
    ]  # fmt: skip
    if title is not None:
        blocks.append(_ticks(t("Remove"), "snippet_remove", [option(t("Remove this text"), "yes")], {}))
    return _form("snippet", team_id, blocks, t, title=t("Standard text"), snippet=title)


def roles_modal(team_id: int, coordinators: Sequence[str], readers: Sequence[str], t: Texts) -> Block:
    """Ask who coordinates and who only looks along."""
    fields = {"role_coordinators": coordinators, "role_readers": readers}
    pickers: dict[str, Block] = {name: {"type": "multi_users_select"} for name in fields}
    for name, people in fields.items():
        if people:
            pickers[name]["initial_users"] = list(people)
    blocks = [
        field_of(t("Coordinators"), "role_coordinators", pickers["role_coordinators"],
                 hint=t("They change the settings and the roles.")),
        field_of(t("Readers"), "role_readers", pickers["role_readers"], optional=True,
                 hint=t("They look along and may advise. Everybody else answers.")),
    ]  # fmt: skip
    return _form("roles", team_id, blocks, t)


def changed_modal(team_id: int, events: Sequence[Event], t: Texts) -> Block:
    """Tell what was changed, each with the way to undo it."""
    blocks = [section(t("✅ Saved.") if events else t("Nothing was changed."))]
    for event in events:
        line = section(t(FIELDS[event.details["field"]]))
        line["accessory"] = button(t("Undo"), "settings:undo", str(event.id))
        blocks.append(line)
    blocks += actions(_back(t))
    return modal("said", t("Settings"), blocks, close=t("Close"), keep=_keep(team_id))


def _back(t: Texts) -> Block:
    return button(t("Back to the settings"), "settings:group", "menu")


def _keep(team_id: int, **more: Any) -> str:
    return json.dumps({"team": team_id, **more})


def _form(name: str, team_id: int, blocks: list[Block], t: Texts, *, title: str = "", **kept: Any) -> Block:
    head = title or t(TITLES[name])
    keep = _keep(team_id, **kept)
    return modal(f"settings:{name}", head, blocks, submit=t("Save"), close=t("Cancel"), keep=keep)


def _line(
    label: str, block_id: str, filled: Filled, *, many: bool = False, optional: bool = True, hint: str = ""
) -> Block:
    element: Block = {"type": "plain_text_input", "multiline": many}
    if filled.get(block_id):
        element["initial_value"] = filled[block_id]
    return field_of(label, block_id, element, optional=optional, hint=hint)


def _ticks(label: str, block_id: str, options: list[Block], filled: Filled) -> Block:
    element: Block = {"type": "checkboxes", "options": options}
    ticked = [each for each in options if each["value"] in (filled.get(block_id) or [])]
    if ticked:
        element["initial_options"] = ticked
    return field_of(label, block_id, element, optional=True)
