"""A change of the settings in words: the old and the new value."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.domain.case import CloseReason
from bot.domain.event import EventKind
from bot.domain.routing import Rule
from bot.domain.text import Text, text
from bot.models import Event
from bot.texts import Texts
from bot.views.block import Block, button, literal
from bot.views.case_state import REASONS, target_name
from bot.views.routing import Named, conditions
from bot.views.settings_form import DAYS, FIELDS, GROUPS, HOLIDAY_NAMES, LANGUAGE_NAMES, TARGETS, TOLD

ROLES: dict[str, Text] = {"reader": text("reader"), "agent": text("agent"), "coordinator": text("coordinator")}
MOST_PARTS = 8
"""How many parts of one setting are named; the rest is counted."""
IDS = frozenset({"channel", "escalation_channel", "duty_group"})
"""The settings that are an id of Slack: of a channel or a user group. In others a word may look like one: GEMEENTE."""
PERSON = re.compile(r"^<@[^>]*>: ")


def change_words(event: Event, t: Texts, named: Named | None = None) -> str:
    """Return what was changed, from old to new; for a setting with parts, those that differ. `named`: for routing."""
    details = event.details
    before, after = details.get("before"), details.get("after")
    if event.kind is EventKind.ROLE:
        was, now = (t(ROLES[role]) if role else t("no role of their own") for role in (before, after))
        return f"<@{details['agent']}>: {was} → {now}"
    if event.kind is EventKind.INITIALS:
        was, now = (f"^{letters}" if letters else t("no initials") for letters in (before, after))
        return f"<@{details['agent']}>: {was} → {now}"
    if event.kind is EventKind.ROUTING:
        name, rules = t(GROUPS["routing"]), [_rules(value, t, named) for value in (before, after)]
        return f"{name}: {_differing(rules[0], rules[1], t)}" if named else name
    field = details["field"]
    name = t(FIELDS[field]) if field in FIELDS else literal(field, 60)
    if before == after:
        return name
    parts = [_parts(field, value, t, named) for value in (before, after)]
    if parts[0] is not None and parts[1] is not None:
        return f"{name}: {_differing(parts[0], parts[1], t)}"
    return f"{name}: {_one(field, before, t)} → {_one(field, after, t)}"


def undo_button(event: Event, said: str, number: int, t: Texts) -> Block:
    """Return the button that undoes a change; for a screen reader it says which of the list: it says no names."""
    return button(t("Undo"), "settings:undo", str(event.id), of=f"{number}. {PERSON.sub('', said)}")


def _differing(was: Mapping[str, str], now: Mapping[str, str], t: Texts) -> str:
    """Return which parts are new, gone or different; a part that is only a name has no words."""
    if not was or not now:
        return f"{_listed(was, t)} → {_listed(now, t)}"
    new = {name: words for name, words in now.items() if name not in was}
    gone = {name: words for name, words in was.items() if name not in now}
    other = [f"{name} {was[name]} → {now[name]}" for name in now if name in was and was[name] != now[name]]
    said = [*_most(other, t)]
    if new:
        said.append(t("added: {parts}", parts=_listed(new, t)))
    if gone:
        said.append(t("removed: {parts}", parts=_listed(gone, t)))
    return " · ".join(said) or t("in another order")


def _listed(parts: Mapping[str, str], t: Texts) -> str:
    return ", ".join(_most([f"{name} {words}".strip() for name, words in parts.items()], t)) or t("nothing")


def _most(said: Sequence[str], t: Texts) -> list[str]:
    rest = len(said) - MOST_PARTS
    return [*said[:MOST_PARTS], *([t("… and {n} more", n=rest)] if rest > 0 else [])]


def _parts(field: str, value: Any, t: Texts, named: Named | None) -> dict[str, str] | None:
    """Return the parts of a setting by name, in words; None for a setting that is one value."""
    if field == "platforms":
        names = named.titles if named else {}
        return {literal(names.get(each, each), 60): _listed(_norm(norm, t), t) for each, norm in (value or {}).items()}
    return PARTS[field](value, t) if field in PARTS else None


def _week(value: Any, t: Texts) -> dict[str, str]:
    days = [", ".join(_interval(start, end, t) for start, end in day) for day in value or ()]
    return {t(day): hours or t("closed all day") for day, hours in zip(DAYS, days, strict=False)}


def _interval(start: str, end: str, t: Texts) -> str:
    """Return opening hours; those that end no later than they begin go on until the next day."""
    if end > start or end == "00:00":
        return f"{start}-{end}"
    return t("{start}-{end} the next day", start=start, end=end)


def _rota(value: Any, t: Texts) -> dict[str, str]:
    who = {int(number): people for number, people in (value or {}).items()}
    days = ((day, who.get(number)) for number, day in enumerate(DAYS))
    return {t(day): ", ".join(map(target_name, people)) for day, people in days if people}


def _norm(value: Any, t: Texts) -> dict[str, str]:
    return {t(TARGETS[name]): t("{n} min", n=value[name]) for name in TARGETS} if value else {}


def _early(value: Any, _: Texts) -> dict[str, str]:
    return dict(sorted((value or {}).items()))


def _title(item: Mapping[str, Any], t: Texts) -> str:
    return t.quoted(literal(item["title"], 60))


def _snippets(value: Any, t: Texts) -> dict[str, str]:
    return {_title(each, t): f"({literal(each['text'], 80)})" for each in value or ()}


def _advisers(value: Any, t: Texts) -> dict[str, str]:
    return {_title(each, t): target_name(each["target"]) for each in value or ()}


def _rules_of_house(value: Any, t: Texts) -> dict[str, str]:
    flags = {"second": t("with a second colleague"), "untold": t("the citizen is not told")}
    return {_title(each, t): f"({' – '.join([literal(each['text'], 80), *_set(each, flags)])})" for each in value or ()}


def _set(item: Mapping[str, Any], flags: Mapping[str, str]) -> list[str]:
    return [words for name, words in flags.items() if item.get(name)]


def _steps(value: Any, t: Texts) -> dict[str, str]:
    recipients = {recipient.value: t(words) for recipient, words in TOLD.items()}
    steps = (f"{each['percent']}% {recipients.get(each['to'], '')} {literal(each['text'], 80)}" for each in value or ())
    return dict.fromkeys(map(str.strip, steps), "")


def _reasons(left_out: Any, t: Texts) -> dict[str, str]:
    return {t(REASONS[each]): "" for each in CloseReason if each not in (left_out or ())}


def _holidays(value: Any, t: Texts) -> dict[str, str]:
    return {t(HOLIDAY_NAMES[each]) if each in HOLIDAY_NAMES else literal(each, 60): "" for each in value or ()}


def _several(value: Any, _: Texts) -> dict[str, str]:
    return {literal(each, 60): "" for each in value or ()}


def _people(value: Any, _: Texts) -> dict[str, str]:
    return {target_name(each): "" for each in value or ()}


PARTS: Mapping[str, Callable[[Any, Texts], dict[str, str]]] = {
    "week": _week,
    "rota": _rota,
    **dict.fromkeys(("norm", "urgent", "private"), _norm),
    "early_closings": _early,
    "snippets": _snippets,
    "advisers": _advisers,
    "house_rules": _rules_of_house,
    "ladder": _steps,
    "reasons_left_out": _reasons,
    "holidays": _holidays,
    "coordinators": _people,
    **dict.fromkeys(("closed_days", "topics", "signal_words", "close_reasons"), _several),
}
"""The functions that read a setting with parts; the norms per platform need the names of the platforms."""


def _rules(stored: Sequence[Mapping[str, Any]] | None, t: Texts, named: Named | None) -> dict[str, str]:
    """Return the rules of the routing, each with its full text."""
    rules = [Rule.of(each) for each in stored or ()] if named else []
    return {
        f"*{literal(named.teams.get(rule.team, '?'), 60)}* – {conditions(rule, named, t)}": ""
        for rule in rules
        if named
    }


def _one(field: str, value: Any, t: Texts) -> str:
    """Return the value of a setting that has no parts."""
    if field == "channel_answers":
        return t("everyone in the channel") if value else t("only those with a role")
    if field == "language":
        return LANGUAGE_NAMES.get(value) or t("As it was installed")
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if value in (None, ""):
        return t("nothing")
    if isinstance(value, int):
        return str(value)
    return target_name(value) if field in IDS else literal(str(value), 200)
