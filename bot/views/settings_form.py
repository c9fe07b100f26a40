"""Parts of the settings' modals: the frame, the fields, and the name of each setting."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.sla import Recipient
from bot.domain.text import Text, text
from bot.texts import Texts
from bot.views.block import Block, button, context, field_of, modal, offered, option

GROUPS: dict[str, Text] = {
    "team": text("Team"),
    "hours": text("Opening hours"),
    "closed": text("Holidays and closing days"),
    "norms": text("Norms"),
    "accounts": text("Accounts"),
    "platforms": text("Norms per platform"),
    "reminders": text("Reminders and digest"),
    "duty": text("Duty"),
    "reasons": text("Topics and reasons to close"),
    "card": text("The card"),
    "snippets": text("Standard texts"),
    "advisers": text("Whom we often ask for advice"),
    "rules": text("House rules"),
    "hiding": text("Hidden posts"),
    "roles": text("Roles"),
    "initials": text("Initials"),
    "routing": text("Routing"),
}
ABOUT: dict[str, Text] = {
    "team": text("name, channel, time zone, language, who answers"),
    "hours": text("each day of the week"),
    "closed": text("also closing early"),
    "norms": text("for all, for urgent cases, for private messages"),
    "accounts": text("where citizens write to this team, and connecting another"),
    "platforms": text("where another norm holds"),
    "reminders": text("who is told when, claims with which nothing happens, the escalation channel"),
    "duty": text("who on which day, and a user group that follows it"),
    "reasons": text("what agents choose from"),
    "card": text("what goes first, other cases of a citizen, pictures, going on in private"),
    "snippets": text("for in an answer"),
    "advisers": text("offered first when you escalate"),
    "rules": text("why a post may be hidden"),
    "hiding": text("when they are looked at again, what the citizen reads"),
    "roles": text("who coordinates, who answers, who has read-only access"),
    "initials": text("what colleagues sign with"),
    "routing": text("which new posts go to which team, for the whole organisation"),
}
"""What each group contains."""
HOLIDAY_NAMES: dict[str, Text] = {
    "Nieuwjaarsdag": text("New Year's Day"),
    "Goede vrijdag": text("Good Friday"),
    "Eerste paasdag": text("Easter Sunday"),
    "Tweede paasdag": text("Easter Monday"),
    "Koningsdag": text("King's Day"),
    "Bevrijdingsdag": text("Liberation Day"),
    "Hemelvaartsdag": text("Ascension Day"),
    "Eerste pinksterdag": text("Whit Sunday"),
    "Tweede pinksterdag": text("Whit Monday"),
    "Eerste kerstdag": text("Christmas Day"),
    "Tweede kerstdag": text("Boxing Day"),
}
"""The holidays, which are stored by their Dutch names."""
FIELDS: dict[str, Text] = {
    "name": text("Name"),
    "channel": text("Channel"),
    "time_zone": text("Time zone"),
    "language": text("Language"),
    "channel_answers": text("Who answers"),
    "always_open": text("Open day and night"),
    "week": text("Opening hours"),
    "holidays": text("Holidays"),
    "closed_days": text("Closing days"),
    "early_closings": text("Early closings"),
    "norm": text("Norm"),
    "urgent": text("Norm for urgent cases"),
    "private": text("Norm for private messages"),
    "platforms": text("Norms per platform"),
    "ladder": text("Steps of the reminders"),
    "coordinators": text("Who is told as coordinator"),
    "escalation_channel": text("Channel for cases that are far too late"),
    "claim_reminder": text("Reminder of a claimed case"),
    "claim_return": text("Return of a claimed case"),
    "citizen_days": text("Time of the citizen to answer"),
    "person_months": text("How far back we look for other cases of a citizen"),
    "removed_days": text("Days that we keep the words of removed posts"),
    "images": text("Pictures on the card"),
    "invitation": text("In public beside a private message"),
    "way_to_us": text("Where a citizen reaches us in private"),
    "signal_words": text("Words with which a new post goes first"),
    "digest_at": text("Time of the digest"),
    "spikes": text("When more comes in than usual"),
    "rota": text("Who is on duty"),
    "duty_group": text("User group that follows the duty"),
    "topics": text("Topics"),
    "close_reasons": text("Our own reasons to close"),
    "reasons_left_out": text("Standard reasons to close"),
    "snippets": text("Standard texts"),
    "advisers": text("Whom we often ask for advice"),
    "house_rules": text("House rules"),
    "hide_days": text("Days after which a hidden post is looked at again"),
    "hide_text": text("What the citizen reads whose post was hidden"),
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
TOLD: dict[Recipient, Text] = {
    Recipient.OWNER: text("owner"),
    Recipient.TEAM: text("team"),
    Recipient.COORDINATOR: text("coordinator"),
    Recipient.CHANNEL: text("channel"),
}
"""Who is reminded at a step of the ladder, as teams write it."""
LANGUAGE_NAMES = {"nl": "Nederlands", "en": "English"}
CHANNELS: Block = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
"""The choice of a channel."""

FORM = "settings:"
"""How the callback id of each form begins."""

Filled = Mapping[str, Any]
"""The content of the fields, by block id."""


def form(name: str, team_id: int, title: str, blocks: list[Block], t: Texts, /, **kept: Any) -> Block:
    """Return a form with a Save button; its submission returns `kept`. The title may have at most 24 characters."""
    metadata = metadata_of(team_id, **kept)
    return modal(f"{FORM}{name}", title, blocks, submit=t("Save"), close=t("Cancel"), metadata=metadata)


def page(team_id: int, title: str, blocks: list[Block], t: Texts) -> Block:
    """Return a modal without fields; its buttons open other modals."""
    return modal("said", title, blocks, close=t("Close"), metadata=metadata_of(team_id))


def metadata_of(team_id: int, **more: Any) -> str:
    """Return the `private_metadata` of a modal: its team, and `more`."""
    return json.dumps({"team": team_id, **more})


def back(t: Texts) -> Block:
    """Return the button to the menu."""
    return button(t("Back to the settings"), "settings:group", "menu")


def more(left: int, t: Texts) -> list[Block]:
    """Return the line below a list that says how many do not fit in it, if any."""
    return [context(t("… and {n} more", n=left))] if left > 0 else []


def line(
    label: str,
    block_id: str,
    filled: Filled,
    *,
    many: bool = False,
    optional: bool = True,
    hint: str = "",
    most: int | None = None,
) -> Block:
    """Return a text field of one line, or of `many`, for at most `most` characters.

    What it begins with may be longer, as a name from TEAM_NAME: Slack would not show it in a shorter field.
    """
    element: Block = {"type": "plain_text_input", "multiline": many}
    if most:
        element["max_length"] = max(most, len(filled.get(block_id) or ""))
    if filled.get(block_id):
        element["initial_value"] = filled[block_id]
    return field_of(label, block_id, element, optional=optional, hint=hint)


def ticks(label: str, block_id: str, options: list[Block], filled: Filled, *, hint: str = "") -> Block:
    """Return a group of checkboxes."""
    element: Block = {"type": "checkboxes", "options": options}
    ticked = [each for each in options if each["value"] in (filled.get(block_id) or [])]
    if ticked:
        element["initial_options"] = ticked
    return field_of(label, block_id, element, optional=True, hint=hint)


def menu(label: str, block_id: str, options: list[Block], filled: Filled, *, hint: str = "") -> Block:
    """Return a menu for exactly one choice; "nothing" needs an option of its own."""
    element: Block = {"type": "static_select", **offered(options)}
    chosen = next((each for each in options if each["value"] == filled.get(block_id)), None)
    if chosen:
        element["initial_option"] = chosen
    return field_of(label, block_id, element, hint=hint)


def people(label: str, block_id: str, filled: Filled, *, optional: bool = True, hint: str = "") -> Block:
    """Return a choice of colleagues."""
    element: Block = {"type": "multi_users_select"}
    if filled.get(block_id):
        element["initial_users"] = list(filled[block_id])
    return field_of(label, block_id, element, optional=optional, hint=hint)


def channel(label: str, block_id: str, filled: Filled, *, optional: bool = True, hint: str = "") -> Block:
    """Return a choice of one channel."""
    initial = {"initial_conversation": filled[block_id]} if filled.get(block_id) else {}
    return field_of(label, block_id, CHANNELS | initial, optional=optional, hint=hint)


def remove_tick(block_id: str, t: Texts) -> Block:
    """Return the checkbox that removes the item of this form."""
    return ticks(t("Remove"), block_id, [option(t("Yes, remove this"), "yes")], {})


def group_menu(
    label: str, block_id: str, groups: Sequence[tuple[str, str]], filled: Filled, t: Texts, *, hint: str = ""
) -> Block:
    """Return a menu of user groups, given as (name, id), and "none"; it always has the current choice."""
    chosen, known = str(filled.get(block_id) or "none"), {key for _, key in groups}
    unknown = [] if chosen == "none" or chosen in known else [(chosen, chosen)]
    options = [option(t("None"), "none"), *(option(name, key) for name, key in [*unknown, *groups])]
    return menu(label, block_id, options, {block_id: chosen}, hint=hint)
