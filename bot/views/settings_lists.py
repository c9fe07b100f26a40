"""The lists in the settings and the form for one item of each: snippets, advisers, house rules, norms, initials."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.texts import Texts
from bot.views.block import Block, actions, button, context, field_of, literal, option, section
from bot.views.case_state import target_name
from bot.views.settings_form import (
    TARGETS,
    Filled,
    back,
    channel,
    form,
    group_menu,
    line,
    more,
    page,
    remove_tick,
    ticks,
)
from bot.views.settings_modals import norm_lines

SHOWN = 95
"""Rows that fit in a modal beside its buttons."""


def snippets_modal(team_id: int, titles: Sequence[str], t: Texts) -> Block:
    """Return the list of canned texts."""
    rows = [_row(literal(title, 80), t("Change"), "snippet:edit", title) for title in titles[:SHOWN]]
    about = context(t("Agents insert such a text in an answer, and can change it before they send it."))
    blocks = [about, *(rows or [section(t("There are no texts yet."))])]
    blocks += actions(button(t("Add a text"), "snippet:add", "add", style="primary"), back(t))
    return page(team_id, t("Standard texts"), blocks, t)


def snippet_modal(team_id: int, title: str | None, filled: Filled, t: Texts) -> Block:
    """Ask for one canned text; an existing text can be removed."""
    hint = t("{one} becomes the citizen's first name, {other} the agent's.", one="{name}", other="{agent}")
    blocks = [
        line(t("Title"), "snippet_title", filled, optional=False, most=60),
        line(t("Text"), "snippet_text", filled, many=True, optional=False, most=2500, hint=hint),
    ]
    if title is not None:
        blocks.append(remove_tick("snippet_remove", t))
    return form("snippet", team_id, t("Standard text"), blocks, t, title=title)


def rules_modal(team_id: int, rules: Sequence[Mapping[str, Any]], t: Texts) -> Block:
    """Return the list of house rules."""
    rows = [
        _row(f"*{literal(rule['title'], 80)}*{_flags(rule, t)}\n{literal(rule['text'], 300)}", t("Change"), "rule:edit",
             rule["title"])
        for rule in rules[:SHOWN]
    ]  # fmt: skip
    about = section(
        t("Agents can hide a post for one of these reasons only. Criticism, sarcasm, negative words and complaints can "
          "never be one: whoever is criticised by a citizen may not remove that.")
    )  # fmt: skip
    nothing = section(t("There are no house rules, so no post can be hidden."))
    blocks = [
        about,
        *(rows or [nothing]),
        *actions(button(t("Add a rule"), "rule:add", "add", style="primary"), back(t)),
    ]
    return page(team_id, t("House rules"), blocks, t)


def _flags(rule: Mapping[str, Any], t: Texts) -> str:
    flags = [t("a second colleague has to agree")] if rule["second"] else []
    flags += [t("the citizen is not told")] if rule["untold"] else []
    return f" – {', '.join(flags)}" if flags else ""


def rule_modal(team_id: int, title: str | None, filled: Filled, t: Texts) -> Block:
    """Ask for one house rule; an existing rule can be removed."""
    flags = [option(t("A second colleague has to agree"), "second"), option(t("The citizen is not told"), "untold")]
    blocks = [
        line(t("Title"), "rule_title", filled, optional=False, most=60, hint=t("The reason that agents choose.")),
        line(t("Text"), "rule_text", filled, many=True, optional=False, most=1000,
             hint=t("As you published it. It is kept with each post that is hidden for it.")),
        ticks(t("When a post is hidden for this"), "rule_flags", flags, filled,
              hint=t("Not telling is for spam. Whoever wrote something by hand hears why it was hidden.")),
    ]  # fmt: skip
    if title is not None:
        blocks.append(remove_tick("rule_remove", t))
    return form("rule", team_id, t("House rule"), blocks, t, title=title)


def advisers_modal(team_id: int, advisers: Sequence[tuple[str, str]], t: Texts) -> Block:
    """Return the list of usual advisers, given as (title, Slack id)."""
    rows = [
        _row(f"{literal(title, 80)} – {target_name(target)}", t("Change"), "adviser:edit", title)
        for title, target in advisers[:SHOWN]
    ]
    about = section(t("Those whom you ask often are offered first when you escalate."))
    blocks = [about, *rows, *actions(button(t("Add"), "adviser:add", "add", style="primary"), back(t))]
    return page(team_id, t("Whom we ask"), blocks, t)


def adviser_modal(
    team_id: int, title: str | None, groups: Sequence[tuple[str, str]], filled: Filled, t: Texts
) -> Block:
    """Ask for one usual adviser: a colleague, a user group of `groups` (name, id), or a channel."""
    person: Block = {"type": "users_select"}
    if filled.get("adviser_person"):
        person["initial_user"] = filled["adviser_person"]
    hint = t("What they are asked about, for example “Waste – Jan”.")
    blocks = [
        line(t("Name"), "adviser_title", filled, optional=False, most=60, hint=hint),
        field_of(t("A colleague"), "adviser_person", person, optional=True),
    ]
    if groups or filled.get("adviser_group"):
        blocks.append(group_menu(t("… or a group"), "adviser_group", groups, filled, t))
    blocks.append(channel(t("… or a channel"), "adviser_channel", filled, hint=t("Invite the bot there first.")))
    if title is not None:
        blocks.append(remove_tick("adviser_remove", t))
    return form("adviser", team_id, t("Whom we ask"), blocks, t, title=title)


def platforms_modal(team_id: int, platforms: Sequence[tuple[str, str, Mapping[str, int] | None]], t: Texts) -> Block:
    """Return the list of platforms, given as (platform, name, its own norm or None)."""
    rows = [
        _row(f"*{literal(name, 200)}*\n{_norm(norm, t)}", t("Change"), "platform:edit", platform, of=name)
        for platform, name, norm in platforms[:SHOWN]
    ]
    blocks = [*(rows or [section(t("There are no accounts yet."))]), *actions(back(t))]
    return page(team_id, t("Norms per platform"), blocks, t)


def platform_modal(team_id: int, platform: str, name: str, filled: Filled, t: Texts) -> Block:
    """Ask for the norm of one platform."""
    blocks = [
        section(f"*{literal(name, 200)}*"),
        *norm_lines("platform", filled, t, optional=True),
        context(t("In working minutes. Leave all empty to have the norm of all platforms. Urgent cases and private "
                  "messages keep their own.")),
    ]  # fmt: skip
    return form("platform", team_id, t("Norm of a platform"), blocks, t, platform=platform)


def initials_list(
    team_id: int, agents: Sequence[tuple[str, str]], t: Texts, *, left: Collection[str] = frozenset()
) -> Block:
    """Return the list of agents with initials, given as (Slack id, initials); `left` are those who answer no longer."""
    gone = " · " + t("no longer answers")
    rows = [
        _row(f"<@{slack_id}> – *^{initials}*{gone if slack_id in left else ''}", t("Change"), "initials:edit", slack_id,
             of=initials)
        for slack_id, initials in agents[:SHOWN]
    ]  # fmt: skip
    about = context(t("They sign answers. Colleagues choose their own at their first answer; here you correct them."))
    nobody = section(t("Nobody has initials yet: they are asked at someone's first answer."))
    blocks = [about, *(rows or [nobody]), *more(len(agents) - SHOWN, t), *actions(back(t))]
    return page(team_id, t("Initials"), blocks, t)


def initials_modal(team_id: int, slack_id: str, initials: str, t: Texts) -> Block:
    """Ask for a colleague's initials."""
    element: Block = {"type": "plain_text_input", "max_length": 4}
    if initials:
        element["initial_value"] = initials
    hint = t("Letters that sign the answers. Leave it empty to ask for them at the next answer. "
             "A colleague can then choose them.")  # fmt: skip
    blocks = [
        section(t("Initials of {agent}", agent=f"<@{slack_id}>")),
        field_of(t("Initials"), "initials", element, optional=True, hint=hint),
    ]
    return form("initials", team_id, t("Initials"), blocks, t, agent=slack_id)


def _norm(norm: Mapping[str, int] | None, t: Texts) -> str:
    if norm is None:
        return t("The norm of all platforms")
    parts = [t("{what} {minutes} min", what=t(TARGETS[name]), minutes=norm[name]) for name in TARGETS]
    return ", ".join(parts)


def _row(words: str, label: str, action_id: str, value: str, *, of: str = "") -> Block:
    row = section(words)
    row["accessory"] = button(label, action_id, value, of=of or value)
    return row
