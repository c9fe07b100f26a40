"""Several cases at once: the checkboxes to choose them, and the value of a button about them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.models import CaseLine
from bot.texts import Texts
from bot.views.block import OPTION, Block, field_of, literal, mrkdwn
from bot.views.citizen import name_of, words_of
from bot.views.marks import marks

MOST = 100
"""Cases that can be chosen at once; a modal has room for these."""
IN_ONE = 10
"""Checkboxes in one block (https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element)."""


def case_boxes(
    lines: Sequence[CaseLine],
    seen: Mapping[int, int],
    field: str,
    t: Texts,
    now: datetime,
    *,
    all_of: str = "",
    ticked: Collection[int] = (),
    teams: Mapping[int, str] | None = None,
) -> list[Block]:
    """Return the checkboxes of the first MOST of these cases, in fields named after `field`.

    `seen` is the last event of each. `all_of` is the owner of all of them, if it is one: then no owner is named, and
    all are checked. `ticked` are the ids of cases that are checked besides. `teams` are the names of the teams of a
    person who is in several: each has a case 1.
    """
    blocks = []
    for start in range(0, min(len(lines), MOST), IN_ONE):
        part = lines[start : min(start + IN_ONE, MOST)]
        options = [
            _box(line, seen[line.case.id], all_of, (teams or {}).get(line.case.team_id, ""), t, now) for line in part
        ]
        label = t("In this list: {first} to {last}", first=start + 1, last=start + len(part))
        if len(part) == 1:
            label = t("In this list: {place}", place=start + 1)
        element: Block = {"type": "checkboxes", "options": options}
        at_first = [box for line, box in zip(part, options, strict=True) if all_of or line.case.id in ticked]
        if at_first:
            element["initial_options"] = at_first
        blocks.append(field_of(label, f"{field}_{start // IN_ONE}", element, optional=True))
    return blocks


def _box(line: CaseLine, seen: int, all_of: str, team: str, t: Texts, now: datetime) -> Block:
    """Return the checkbox of a case: its number, who wrote what, its team and its marks."""
    head = f"{line.case.number} · {name_of(line.author, 24)}: "
    words = words_of(line.latest, t, OPTION - len(head) - 2)
    box: Block = {"text": mrkdwn(head + words), "value": f"{line.case.id}:{seen}"}
    noticed = [mark.replace("*", "") for mark in marks(line, t, now)]
    owner = [f"<@{line.case.assignee}>"] if line.case.assignee not in {None, all_of} else []
    if about := [*([literal(team, 30)] if team else []), *owner, *noticed]:
        box["description"] = mrkdwn(" · ".join(about), OPTION)
    return box


def value_of(case_ids: Sequence[int], what: str) -> str:
    """Return the value of a button about an action on several cases: one of them, `what`, and the others."""
    first, *others = case_ids
    return f"{first}:{what}:{','.join(map(str, others))}"


def value_in(value: str) -> tuple[list[int], str]:
    """Return the cases in the value of a button, and the action on them."""
    first, what, others = value.split(":")
    return [int(first), *(int(each) for each in others.split(",") if each)], what


def chosen_cases(filled: Mapping[str, Any], field: str) -> dict[int, int]:
    """Return the cases that were chosen in the modal, each with the last event that the agent saw."""
    values = (each for name, chosen in filled.items() if name.startswith(f"{field}_") for each in chosen or [])
    return {int(case_id): int(seen) for case_id, _, seen in (value.partition(":") for value in values)}
