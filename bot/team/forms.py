"""A team's settings as text in the fields of a modal, and back; an error is shown at its field.

Reading the written fields gives the same settings. Fields are named by their block ids in the settings' views.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.case import CloseReason
from bot.domain.holidays import HOLIDAYS
from bot.domain.text import Wrong, text
from bot.models import Team
from bot.team.fields import (
    Filled,
    Reader,
    article,
    day,
    day_of_year,
    days,
    early_closing,
    hide_days,
    label,
    minutes,
    months,
    removed_days,
    rule_title,
    step,
    time,
    time_zone,
    word,
    words_with,
)
from bot.team.settings import MAX_REASONS, MAX_SIGNAL_WORDS, MAX_TOPICS, Norm, TeamSettings
from bot.texts import Texts
from bot.views.case_state import REASONS
from bot.views.settings_form import TOLD

LINES = {
    **dict.fromkeys(("closed_days", "topics", "close_reasons", "signal_words"), 0),
    "early_closings": 1,
    "ladder": 2,
}
"""The fields with one thing on each line, each with how many words name it: a date, a percentage and who is told.

0: the whole line does.
"""
NONE = "none"
"""The option for "nothing" in a menu in which something must be chosen."""


def written(settings: TeamSettings, t: Texts) -> dict[str, Any]:
    """Return the content of the fields of all forms for these settings."""
    filled: dict[str, Any] = {
        "time_zone": settings.time_zone,
        "language": settings.language or NONE,
        "channel_answers": ["yes"] if settings.channel_answers else [],
        "always_open": ["yes"] if settings.always_open else [],
        "holidays_0": [name for name in HOLIDAYS[:6] if name in settings.holidays],
        "holidays_1": [name for name in HOLIDAYS[6:] if name in settings.holidays],
        "closed_days": "\n".join(day.isoformat() for day in sorted(settings.closed_days)),
        "early_closings": "\n".join(f"{day} {at}" for day, at in sorted(settings.early_closings.items())),
        "ladder": "\n".join(f"{step.percent} {t(TOLD[step.to])} {step.text}".strip() for step in settings.steps()),
        "coordinators": list(settings.coordinators),
        "escalation_channel": settings.escalation_channel,
        "claim_reminder": str(settings.claim_reminder),
        "claim_return": str(settings.claim_return),
        "citizen_days": str(settings.citizen_days),
        "person_months": str(settings.person_months),
        "removed_days": str(settings.removed_days),
        "images": ["yes"] if settings.images else [],
        "invitation": settings.invitation,
        "way_to_us": settings.way_to_us,
        "signal_words": "\n".join(settings.signal_words),
        "digest_at": settings.digest_at or "",
        "spikes": ["yes"] if settings.spikes else [],
        "duty_group": settings.duty_group or NONE,
        "topics": "\n".join(settings.topics),
        "close_reasons": "\n".join(settings.close_reasons),
        "hide_days": str(settings.hide_days),
        "hide_text": settings.hide_text,
        "standard_reasons": [str(each) for each in STANDARD_REASONS if each not in settings.reasons_left_out],
    }
    for number, hours in enumerate(settings.week):
        filled[f"day_{number}"] = ", ".join(f"{start}-{end}" for start, end in hours)
        filled[f"rota_{number}"] = settings.rota.get(number, [])
    for name, norm in (("norm", settings.norm), ("urgent", settings.urgent), ("private", settings.private)):
        filled |= written_norm(name, norm)
    return filled


def written_of(team: Team, t: Texts) -> dict[str, Any]:
    """Return the content of the fields of all forms for a team, including its name and channel."""
    return {**written(TeamSettings.of(team.settings), t), "name": team.name, "channel": team.channel}


def written_norm(name: str, norm: Norm | None) -> dict[str, str]:
    """Return the content of the fields of a norm."""
    return {f"{name}_{target}": str(getattr(norm, target)) if norm else "" for target in Norm.model_fields}


def written_item(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of the fields of one snippet, adviser or house rule."""
    match kind:
        case "rule":
            flags = [each for each in ("second", "untold") if item[each]]
            return {"rule_title": item["title"], "rule_text": item["text"], "rule_flags": flags}
        case "adviser":
            place = {"S": "group", "C": "channel", "G": "channel"}.get(item["target"][0], "person")
            return {"adviser_title": item["title"], f"adviser_{place}": item["target"]}
        case _:
            return {"snippet_title": item["title"], "snippet_text": item["text"]}


def read(form: str, filled: Filled, t: Texts) -> dict[str, Any]:
    """Return the settings that a form sets, as TeamSettings takes them; raises Wrong.

    The form of one item of a list returns it as `item`, or None to remove it.
    """
    reader = Reader(filled, t)
    changes = _FORMS[form](reader)
    if reader.wrong:
        raise Wrong(reader.wrong)
    return changes


STANDARD_REASONS = [reason for reason in CloseReason if reason is not CloseReason.OTHER]
"""The reasons that a team may leave out; "other" is always there."""


def _team(reader: Reader) -> dict[str, Any]:
    language = reader.filled.get("language")
    return {
        "name": reader.read("name", label),
        "channel": reader.filled.get("channel"),
        "time_zone": reader.read("time_zone", time_zone),
        "language": None if language == NONE else language,
        "channel_answers": "yes" in reader.chosen("channel_answers"),
    }


def _hours(reader: Reader) -> dict[str, Any]:
    week = [reader.read(f"day_{number}", day) for number in range(7)]
    return {"always_open": "yes" in reader.chosen("always_open"), "week": week}


def _closed(reader: Reader) -> dict[str, Any]:
    ticked = {*reader.chosen("holidays_0"), *reader.chosen("holidays_1")}
    return {
        "holidays": [name for name in HOLIDAYS if name in ticked],
        "closed_days": sorted(set(reader.lines("closed_days", day_of_year))),
        "early_closings": dict(reader.lines("early_closings", early_closing)),
    }


def _norms(reader: Reader) -> dict[str, Any]:
    changes: dict[str, Any] = {name: _norm(reader, name) for name in ("norm", "urgent")}
    return changes | {"private": _norm_or_none(reader, "private")}


def _norm(reader: Reader, name: str) -> dict[str, Any]:
    return {target: reader.read(f"{name}_{target}", minutes) for target in Norm.model_fields}


def _norm_or_none(reader: Reader, name: str) -> dict[str, Any] | None:
    given = any(reader.filled.get(f"{name}_{target}") for target in Norm.model_fields)
    return _norm(reader, name) if given else None


def _reminders(reader: Reader) -> dict[str, Any]:
    return {
        "ladder": reader.lines("ladder", lambda line: step(line, reader.t)),
        "coordinators": reader.chosen("coordinators"),
        "escalation_channel": reader.filled.get("escalation_channel") or "",
        "claim_reminder": reader.read("claim_reminder", minutes),
        "claim_return": reader.read("claim_return", minutes),
        "citizen_days": reader.read("citizen_days", days),
        "digest_at": reader.read("digest_at", lambda at: time(at) if at else None),
        "spikes": "yes" in reader.chosen("spikes"),
    }


def _duty(reader: Reader) -> dict[str, Any]:
    rota = {number: reader.chosen(f"rota_{number}") for number in range(7)}
    changes: dict[str, Any] = {"rota": {number: people for number, people in rota.items() if people}}
    group = reader.filled.get("duty_group")
    if group:  # the form asks for it only if Slack says which groups exist
        changes["duty_group"] = "" if group == NONE else group
    return changes


def _reasons(reader: Reader) -> dict[str, Any]:
    ticked = reader.chosen("standard_reasons")
    words = {reason: reader.t(REASONS[reason]) for reason in CloseReason}
    standard = {name.casefold(): said for reason, said in words.items() for name in (reason, said)}
    return {
        "topics": reader.labels("topics", most=MAX_TOPICS),
        "close_reasons": reader.labels("close_reasons", most=MAX_REASONS, taken=standard),
        "reasons_left_out": [reason for reason in STANDARD_REASONS if reason not in ticked],
    }


def _card(reader: Reader) -> dict[str, Any]:
    return {
        "person_months": reader.read("person_months", months),
        "removed_days": reader.read("removed_days", removed_days),
        "images": "yes" in reader.chosen("images"),
        "invitation": (reader.filled.get("invitation") or "").strip(),
        "way_to_us": (reader.filled.get("way_to_us") or "").strip(),
        "signal_words": reader.labels("signal_words", most=MAX_SIGNAL_WORDS, parse=word),
    }


def _hiding(reader: Reader) -> dict[str, Any]:
    return {
        "hide_days": reader.read("hide_days", hide_days),
        "hide_text": reader.read("hide_text", words_with("{name}", "{rule}", "{article}")),
    }


def _rule(reader: Reader) -> dict[str, Any]:
    if reader.chosen("rule_remove"):
        return {"item": None}
    flags = reader.chosen("rule_flags")
    return {
        "item": {
            "title": reader.read("rule_title", rule_title),
            "text": reader.read("rule_text", article),
            "second": "second" in flags,
            "untold": "untold" in flags,
        }
    }


def _platform(reader: Reader) -> dict[str, Any]:
    return {"item": _norm_or_none(reader, "platform")}


def _snippet(reader: Reader) -> dict[str, Any]:
    if reader.chosen("snippet_remove"):
        return {"item": None}
    words = reader.read("snippet_text", words_with("{name}", "{agent}"))
    if words == "":
        reader.wrong["snippet_text"] = text("Write something here.")
    return {"item": {"title": reader.read("snippet_title", label), "text": words}}


def _adviser(reader: Reader) -> dict[str, Any]:
    if reader.chosen("adviser_remove"):
        return {"item": None}
    chosen = [reader.filled.get(f"adviser_{kind}") for kind in ("person", "group", "channel")]
    targets = [each for each in chosen if each and each != NONE]
    if len(targets) != 1:
        reader.wrong["adviser_person"] = text("Choose whom you ask: one colleague, group or channel.")
    return {"item": {"title": reader.read("adviser_title", label), "target": "".join(targets[:1])}}


_FORMS: dict[str, Callable[[Reader], dict[str, Any]]] = {
    "team": _team,
    "hours": _hours,
    "closed": _closed,
    "norms": _norms,
    "reminders": _reminders,
    "duty": _duty,
    "reasons": _reasons,
    "card": _card,
    "platform": _platform,
    "snippet": _snippet,
    "adviser": _adviser,
    "hiding": _hiding,
    "rule": _rule,
}
