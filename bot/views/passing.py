"""Cases in one line each, and the direct message to a colleague about cases that a coordinator closed."""

from collections.abc import Mapping, Sequence

from bot.models import CaseBrief, Passed
from bot.texts import Texts
from bot.views.block import Block, View, button, context, literal, section
from bot.views.case_list import case_of_team
from bot.views.citizen import name_of, outside_name, words_of
from bot.views.marks import private_mark

SHOWN = 15
"""Cases that are shown; the rest is counted."""


def named(brief: CaseBrief, t: Texts, team: str = "") -> str:
    """Return the name of a case in a sentence, with that of its team beside cases of others."""
    name = t(
        "case {number} of {name}",
        number=brief.case.number,
        name=name_of(brief.author),
    )
    return f"{name} ({literal(team, 60)})" if team else name


def line(brief: CaseBrief, t: Texts, *, outside: bool = False, teams: Mapping[int, str] | None = None) -> str:
    """Return a case in one line: its number, who wrote what, and whether that is private.

    `outside`: who reads it may no longer be in the team, so it has no private words and no mail address. `teams` as for
    `case_boxes`.
    """
    name = f"*{outside_name(brief.author) if outside else name_of(brief.author)}*"
    words = t("(private)") if outside and brief.latest.private else words_of(brief.latest, t, 100)
    private = private_mark(t) + " · " if brief.latest.private else ""
    return f"{_of_team(brief, t, teams)} · {private}{name}: {words}"


def _of_team(brief: CaseBrief, t: Texts, teams: Mapping[int, str] | None) -> str:
    return case_of_team(brief.case, t, literal((teams or {}).get(brief.case.team_id, ""), 60))


def rows(
    briefs: Sequence[CaseBrief], t: Texts, *, outside: bool = False, teams: Mapping[int, str] | None = None
) -> list[Block]:
    """Return a row for each case, with the button to its details; `outside` and `teams` as for `line`."""
    return [
        section(line(brief, t, outside=outside, teams=teams))
        | {"accessory": button(t("Details"), "case:details", str(brief.case.id), of=_of_team(brief, t, teams))}
        for brief in briefs
    ]


def passed_on(passed: Passed, briefs: Sequence[CaseBrief], t: Texts, teams: Mapping[int, str] | None = None) -> View:
    """Notify a colleague of their cases that were closed or went to others, each with the button to its details.

    `teams` as for `case_boxes`.
    """
    by, briefs = f"<@{passed.by}>", [brief for brief in briefs if brief.case.id not in passed.undone]
    if not briefs:
        words = t("{agent} closed cases that you had, and undid that. They are with you as before.", agent=by)
        return View(words, [section(words)])
    shown = briefs[:SHOWN]
    count = t.plural("{n} case", "{n} cases", len(briefs))
    head = t("{agent} closed {cases} that you had:", agent=by, cases=count)
    if passed.leaves:
        head = t("You no longer answer for the team. {agent} let {cases} that you had go to a colleague or the queue:",
                 agent=by, cases=count)  # fmt: skip
    more = [t("… and {n} more", n=len(briefs) - SHOWN)] if len(briefs) > SHOWN else []
    said = [line(brief, t, outside=passed.leaves, teams=teams) for brief in shown]
    shows = rows(shown, t, outside=passed.leaves, teams=teams)
    return View("\n".join([head, *said, *more]), [section(head), *shows, *map(context, more)])
