"""The rules that route new mentions to an organisation's teams: the list, the form, and the trial of a rule."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.routing import Rule, Visibility, WorkingTime
from bot.domain.text import Text, text
from bot.models import Author, Mention
from bot.texts import Texts
from bot.views.block import (
    Block,
    actions,
    button,
    context,
    field_of,
    link,
    literal,
    modal,
    offered,
    option,
    overflow,
    section,
)
from bot.views.citizen import name_of, words_of
from bot.views.marks import private_mark
from bot.views.settings_form import Filled, back, line, menu, metadata_of, page

ANY = "any"
SHOWN = 96
"""How many mentions that a rule would route are listed, and the rest is counted: a modal holds 100 blocks
(https://docs.slack.dev/reference/views/modal-views), of which three are other lines and one is kept free for what went
wrong."""
MAX_WORDS = 1500
VISIBLE: Mapping[str, Text] = {
    ANY: text("Public and private"),
    Visibility.PUBLIC: text("Public posts only"),
    Visibility.PRIVATE: text("Private messages only"),
}
TIMES: Mapping[str, Text] = {
    ANY: text("At any time"),
    WorkingTime.OPEN: text("While the team of the account is open"),
    WorkingTime.CLOSED: text("While the team of the account is closed"),
}


def routing_list(team_id: int, rules: Sequence[Rule], named: "Named", t: Texts) -> Block:
    """Return the rules in their order, each with its menu."""
    blocks = [
        section(t("New posts go to the team of the first rule that matches. Without a match they go to the team of "
                  "the account. A conversation stays with the team that has it.")),
    ]  # fmt: skip
    for number, rule in enumerate(rules, 1):
        team = literal(named.teams.get(rule.team, "?"), 80)
        row = section(f"{number}. *{team}* – {conditions(rule, named, t)}")
        row["accessory"] = overflow("route:do", _choices(rule, number, len(rules), t))
        blocks.append(row)
    if not rules:
        blocks.append(section(t("There are no rules yet.")))
    if len(named.teams) < 2:
        return page(team_id, t("Routing"), [*blocks, context(t("There is no other team.")), *actions(back(t))], t)
    row_of = actions(button(t("Add a rule"), "route:add", "add", style="primary"), back(t))
    return page(team_id, t("Routing"), [*blocks, *row_of], t)


class Named:
    """The names of the things that rules refer to: teams and accounts by id, platforms by name.

    `accounts` and `platforms` are those that a rule can be about; an earlier one may have been about others, which
    `names` and `titles` have too.
    """

    def __init__(
        self,
        teams: Mapping[int, str],
        accounts: Mapping[int, str],
        platforms: Mapping[str, str],
        titles: Mapping[str, str] | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.teams, self.accounts, self.platforms = teams, accounts, platforms
        self.titles, self.names = titles or platforms, names or accounts


def _choices(rule: Rule, number: int, of: int, t: Texts) -> list[Block]:
    options = [option(t("Change"), f"edit:{rule.key}")]
    if number > 1:
        options.append(option(t("Up"), f"up:{rule.key}"))
    if number < of:
        options.append(option(t("Down"), f"down:{rule.key}"))
    return [*options, option(t("Remove"), f"remove:{rule.key}")]


def conditions(rule: Rule, named: Named, t: Texts) -> str:
    """Return the conditions of a rule, in words."""
    parts = [
        ", ".join(literal(named.names.get(each, "?"), 60) for each in rule.accounts),
        ", ".join(literal(named.titles.get(each, each), 60) for each in rule.platforms),
        ", ".join(literal(each, 10) for each in rule.languages),
        literal(", ".join(rule.words), 300),
        t(VISIBLE[rule.visibility]) if rule.visibility else "",
        t(TIMES[rule.time]) if rule.time else "",
    ]
    return " · ".join(part for part in parts if part)


def rule_modal(team_id: int, rule: Rule | None, named: Named, t: Texts) -> Block:
    """Ask for one rule; it is tried before it is saved."""
    filled = _written(rule) if rule is not None else {"route_visibility": ANY, "route_time": ANY}
    blocks = [
        menu(t("Goes to"), "route_team", _options(named.teams), filled),
        line(t("Words or phrases"), "route_words", filled, many=True, most=MAX_WORDS,
             hint=t("A whole word or phrase per line. One of them is enough. Capitals and accents do not matter.")),
        *_several(t("Accounts"), "route_accounts", _options(named.accounts), filled),
        *_several(t("Platforms"), "route_platforms", _options(named.platforms), filled),
        line(t("Languages"), "route_languages", filled, most=60,
             hint=t("Codes, as nl or en: what the post says of itself. We do not guess.")),
        menu(t("Who can read it"), "route_visibility", [option(t(said), key) for key, said in VISIBLE.items()], filled),
        menu(t("When"), "route_time", [option(t(said), key) for key, said in TIMES.items()], filled),
    ]  # fmt: skip
    metadata = metadata_of(team_id, key=rule.key if rule else "", was=rule.stand if rule else "")
    return modal("route:try", t("Rule"), blocks, submit=t("Try it"), close=t("Cancel"), metadata=metadata)


def _written(rule: Rule) -> Filled:
    return {
        "route_team": str(rule.team),
        "route_words": "\n".join(rule.words),
        "route_accounts": [str(each) for each in rule.accounts],
        "route_platforms": list(rule.platforms),
        "route_languages": ", ".join(rule.languages),
        "route_visibility": rule.visibility or ANY,
        "route_time": rule.time or ANY,
    }


def _options(names: Mapping[int, str] | Mapping[str, str]) -> list[Block]:
    return [option(name[:75], str(key)) for key, name in names.items()]


def _several(label: str, block_id: str, options: list[Block], filled: Filled) -> list[Block]:
    """Return a menu for any number of choices; nothing without options."""
    element: Block = {"type": "multi_static_select", **offered(options)}
    chosen = [each for each in options if each["value"] in (filled.get(block_id) or [])]
    if chosen:
        element["initial_options"] = chosen
    return [field_of(label, block_id, element, optional=True)] if options else []


def tried_modal(
    team_id: int,
    rule: Rule,
    named: Named,
    of: int,
    count: int,
    shown: Sequence[tuple[Mention, Author]],
    t: Texts,
    now: datetime,
    was: str | None = None,
) -> Block:
    """Show what a rule would have done with the newest posts, and ask to save it; `was` as for `routing.put`."""
    team = literal(named.teams.get(rule.team, "?"), 80)
    blocks = [
        section(f"*{team}* – {conditions(rule, named, t)}"),
        section(t("Of the {of} newest posts, {n} would go to {team} by this rule.", of=of, n=count, team=team)),
    ]
    blocks += [context(_mention_line(mention, author, t, now)) for mention, author in shown[:SHOWN]]
    if rest := count - len(shown[:SHOWN]):
        blocks.append(context(t("… and {n} more", n=rest)))
    metadata = metadata_of(team_id, rule=rule.to_json(), was=was)
    return modal("route:save", t("Rule"), blocks, submit=t("Save"), close=t("Cancel"), metadata=metadata)


def _mention_line(mention: Mention, author: Author, t: Texts, now: datetime) -> str:
    parts = [private_mark(t)] if mention.private else []
    parts += [t.when(mention.received_at, now), f"*{name_of(author, 60)}*"]
    parts.append(words_of(mention, t, 150))
    if mention.url:
        parts.append(link(mention.url, t("view the post")))
    return " · ".join(parts)
