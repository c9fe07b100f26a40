"""The App Home of one agent: their cases, and their teams' queue, promises and figures of today."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.figures import Overview, Part
from bot.domain.queue import OVERVIEW, Filter, Place, Which
from bot.models import Case, CaseLine, Escalation
from bot.texts import Texts
from bot.views.block import Block, actions, button, context, literal, named, plain, section, sections
from bot.views.case_list import case_block, case_of_team, page_buttons, question_head
from bot.views.digest import chart, paragraphs, tells
from bot.views.filters import WHICH, all_button, filter_bar, overview_button
from bot.views.handing_over import several_buttons
from bot.views.search_modal import search_field

MAX_BLOCKS = 100
"""Blocks of a Home: https://docs.slack.dev/reference/views/home-tab-views."""
SHOWN = 15
"""The most rows shown of each list, fewer when the Home would be too long; the rest is counted."""
MAX_TEAMS = 10
"""Teams whose figures are shown; more would not fit (Slack: 100 blocks)."""
MAX_SETTABLE = 10
"""Teams whose settings have a button; those of the others are opened in their channel."""
MAX_WARNED = 5
"""Channels of which a coordinator is warned at once."""


@dataclass(frozen=True)
class Chosen:
    """One page of the list that an agent chose with the filters, how many cases it has, and how many pages."""

    wanted: Filter
    lines: Sequence[CaseLine]
    count: int
    pages: int


@dataclass(frozen=True)
class Asked:
    """A question to the agent, and its case."""

    question: Escalation
    case: Case


@dataclass(frozen=True)
class Home:
    """Everything that one agent sees. The lists hold the first SHOWN; `mine_count` and its like count all cases.

    `read_only`: the teams in which the agent is a reader; `read_only_everywhere`: they are a reader in all teams.
    `settable`: (id, name) of the teams whose settings they may open; `coordinated`: each of those has a coordinator.
    `read_by_others`: the teams that they coordinate whose channel is public or (True) shared with another organisation.
    `today`: for each team in which the agent has a role, the figures of today and its standing now. `week`: the last
    seven days, today included, of all their teams together. `asked`: the questions for their advice. `card_urls`: the
    links to the cards of the listed cases. `teams`: the names of the teams, if there are cases of several. `by`: whose
    Home it is. `places`: what else their lists can be filtered by.
    `chosen`: the list that they chose in place of the overview.
    """

    read_only: Collection[int]
    read_only_everywhere: bool
    settable: Sequence[tuple[int, str]]
    coordinated: bool
    read_by_others: Sequence[tuple[str, bool]]
    mine: Sequence[CaseLine]
    mine_count: int
    queue: Sequence[CaseLine]
    queue_count: int
    promises: Sequence[CaseLine]
    promises_count: int
    today: Sequence[Overview]
    week: Sequence[Part]
    asked: Sequence[Asked] = ()
    card_urls: Mapping[int, str] = field(default_factory=dict)
    teams: Mapping[int, str] = field(default_factory=dict)
    by: str = ""
    places: Sequence[Place] = ()
    chosen: Chosen | None = None

    @property
    def listed(self) -> set[int]:
        """The cases that are in a list, or asked about."""
        lists = [self.chosen.lines] if self.chosen else [self.mine, self.queue, self.promises]
        return {line.case.id for lines in lists for line in lines} | {each.case.id for each in self.asked[:SHOWN]}


def home_tab(home: Home, t: Texts, now: datetime, *, charts: bool = True) -> Block:
    """Return the Home tab, with as many rows of its lists as fit.

    `charts=False` is for a workspace that does not support them.
    """
    if not home.today:
        words = t(
            "You are in no webcare team. You belong to one when you are in its channel, or when a "
            "coordinator gave you a role."
        )
        return {"type": "home", "callback_id": "home", "blocks": [*_asked(home, SHOWN, t), section(words)]}
    rows = SHOWN
    while len(blocks := _blocks(home, rows, t, now, charts=charts)) > MAX_BLOCKS and rows > 1:
        rows -= 1
    remembered = home.chosen.wanted.to_text() if home.chosen else OVERVIEW
    return {"type": "home", "callback_id": "home", "private_metadata": remembered, "blocks": named(blocks)}


def _blocks(home: Home, rows: int, t: Texts, now: datetime, *, charts: bool) -> list[Block]:
    """Return the blocks of the Home, with at most so many rows of each list; a page that was chosen is shown whole."""
    shorter = replace(home, mine=home.mine[:rows], queue=home.queue[:rows], promises=home.promises[:rows])
    return [
        {"type": "header", "text": plain(t("Webcare"), 150)},
        context(t.date(now)),
        search_field(t),
        *_asked(home, rows, t),
        *_read_by_others(home, t),
        *filter_bar(home.chosen.wanted if home.chosen else None, home.places, home.by, t),
        *(_chosen(home.chosen, home, t, now) if home.chosen else _overview(shorter, t, now)),
        *_today(home, t, charts=charts),
        *_settings(home, t),
    ]


def _overview(home: Home, t: Texts, now: datetime) -> list[Block]:
    """Return the first of the agent's cases, of the queue and of the promises."""
    mine, unowned, promised = Filter(Which.MINE, home.by), Filter(Which.UNOWNED), Filter(Which.PROMISED)
    blocks = _list(t("My cases"), home.mine, home.mine_count, home, t, now, mine.to_text())
    blocks += _all_of(mine, home.mine, home.mine_count, t)
    blocks += _list(t("The team's queue"), home.queue, home.queue_count, home, t, now, unowned.to_text())
    blocks += _all_of(unowned, home.queue, home.queue_count, t)
    if home.promises:
        blocks += _list(t("Promises for today"), home.promises, home.promises_count, home, t, now)
        blocks += _all_of(promised, home.promises, home.promises_count, t)
    return blocks


def _all_of(wanted: Filter, lines: Sequence[CaseLine], count: int, t: Texts) -> list[Block]:
    return actions(all_button(wanted, count, t)) if count > len(lines) else []


def _chosen(chosen: Chosen, home: Home, t: Texts, now: datetime) -> list[Block]:
    """Return one page of the list that the agent chose, with the buttons to its other pages."""
    title = t(WHICH[chosen.wanted.which])
    if chosen.pages > 1:
        title = f"{title} – {t('page {n} of {pages}', n=chosen.wanted.page + 1, pages=chosen.pages)}"
    rows = _list(title, chosen.lines, chosen.count, home, t, now, chosen.wanted.to_text())
    return rows + actions(*page_buttons(chosen.wanted, chosen.pages, t), overview_button(t))


def _read_by_others(home: Home, t: Texts) -> list[Block]:
    """Warn a coordinator about channels that others than the team can read."""
    warned, more = home.read_by_others[:MAX_WARNED], len(home.read_by_others) - MAX_WARNED
    warnings = [context(f"⚠️ {_who_reads(literal(team, 80), shared, t)}") for team, shared in warned]
    return [*warnings, *([context(t("… and {n} more", n=more))] if more > 0 else [])]


def _who_reads(team: str, shared: bool, t: Texts) -> str:
    if shared:
        return t("The channel of {team} is shared with another organisation, which reads what citizens write. "
                 "Use a channel of your own.", team=team)  # fmt: skip
    return t("The channel of {team} is public: everyone in the workspace reads what citizens write. "
             "Make it private in Slack.", team=team)  # fmt: skip


def _asked(home: Home, rows: int, t: Texts) -> list[Block]:
    """List the first questions to this person, each with the button to give advice; nothing without questions."""
    if not home.asked:
        return []
    blocks: list[Block] = [{"type": "divider"}, section(f"*{t('Asked of you')}* ({len(home.asked)})")]
    for each in home.asked[:rows]:
        question, case = each.question, each.case
        team = home.teams.get(case.team_id, "")
        about = question_head(case, question, home.card_urls.get(case.id, ""), t, team)
        words = t("{agent} asks: {question}", agent=f"<@{question.by}>", question=literal(question.question, 300))
        advise = button(t("Advise"), "case:advise", str(question.id), of=case_of_team(case, t, team))
        blocks.append(section(f"{about}\n{words}") | {"accessory": advise})
    if len(home.asked) > rows:
        blocks.append(context(t("… and {n} more", n=len(home.asked) - rows)))
    return blocks


def _today(home: Home, t: Texts, *, charts: bool) -> list[Block]:
    several = len(home.today) > 1
    blocks: list[Block] = [{"type": "divider"}]
    for today in home.today[:MAX_TEAMS]:
        name = f"{t('Today')} – {literal(today.team, 100)}" if several else t("Today")
        blocks += sections("\n".join([f"*{name}*", *paragraphs(today, t)]))
    if (more := len(home.today) - MAX_TEAMS) > 0:
        words = t.plural(
            "Figures of {n} more team: `/webcare stats` with the name of a team.",
            "Figures of {n} more teams: `/webcare stats` with the name of a team.",
            more,
        )
        blocks.append(context(words))
    return [*blocks, chart(home.week, t)] if charts and tells(home.week) else blocks


def _list(
    title: str, lines: Sequence[CaseLine], count: int, home: Home, t: Texts, now: datetime, wanted: str = ""
) -> list[Block]:
    """Return a list; `wanted` says which it is, for the buttons below it."""
    blocks: list[Block] = [{"type": "divider"}, section(f"*{title}* ({count})")]
    if not lines:
        return [*blocks, context(t("Nothing here."))]
    for line in lines:
        url, acts = home.card_urls.get(line.case.id, ""), line.case.team_id not in home.read_only
        team = home.teams.get(line.case.team_id, "")
        blocks.append(case_block(line, t, now, card_url=url, acts=acts, team=team))
    acts = any(line.case.team_id not in home.read_only for line in lines)
    return [*blocks, *(actions(*several_buttons(wanted, t)) if wanted and acts else [])]


def _settings(home: Home, t: Texts) -> list[Block]:
    divider: Block = {"type": "divider"}
    if home.read_only_everywhere:
        return [divider, context(t("You have read-only access. A coordinator can let you answer."))]
    if not home.settable:
        return []
    several = len(home.today) > 1
    buttons = [
        button(f"{t('Settings')} – {name}" if several else t("Settings"), "settings:open", str(team_id))
        for team_id, name in home.settable[:MAX_SETTABLE]
    ]
    blocks = [divider]
    if not home.coordinated:
        blocks.append(context(t("There is no coordinator yet. Whoever opens the settings first becomes one.")))
    # One row for each button: they share an action id, and Slack refuses that within one row.
    blocks += [row for each in buttons for row in actions(each)]
    if (more := len(home.settable) - MAX_SETTABLE) > 0:
        words = t.plural(
            "You open the settings of {n} more team with `/webcare settings` in its channel.",
            "You open the settings of {n} more teams with `/webcare settings` in their channels.", more,
        )  # fmt: skip
        blocks.append(context(words))
    return blocks
