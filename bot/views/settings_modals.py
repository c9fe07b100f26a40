"""The settings of a team: a menu, a form for each group, and a summary of the changes; lists: `settings_lists`.

`filled` holds the content of the fields by block id, as a submission does; see `bot.team.forms`.
"""

from collections.abc import Mapping, Sequence

from bot.models import Event, Role
from bot.texts import LANGUAGES, Texts, capital
from bot.views.block import Block, actions, button, context, literal, option, section
from bot.views.case_state import REASONS
from bot.views.routing import Named
from bot.views.settings_change import change_words, undo_button
from bot.views.settings_form import (
    ABOUT,
    DAYS,
    FIELDS,
    GROUPS,
    HOLIDAY_NAMES,
    LANGUAGE_NAMES,
    TARGETS,
    Filled,
    back,
    channel,
    form,
    group_menu,
    line,
    menu,
    more,
    page,
    people,
    ticks,
)

ROLE_FIELDS = {Role.COORDINATOR: "role_coordinators", Role.AGENT: "role_agents", Role.READER: "role_readers"}
"""The field of the people with each role."""
SHOWN_CHANGES = 95


def settings_menu(team_id: int, name: str, t: Texts) -> Block:
    """Return the menu of the groups of settings."""
    blocks = [section(t("What do you want to set for *{team}*?", team=literal(name, 80)))]
    for group, words in GROUPS.items():
        row = section(f"*{t(words)}*\n{t(ABOUT[group])}")
        row["accessory"] = button(t("Change"), "settings:group", group, of=t(words))
        blocks.append(row)
    past = section(f"*{t('Past changes')}*\n{t('who changed what, and when')}")
    past["accessory"] = button(t("View"), "settings:group", "history")
    return page(team_id, t("Settings"), [*blocks, past], t)


def team_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask for the team's name, channel, time zone and language, and whether everyone in the channel answers."""
    options = [option(t("As it was installed"), "none"), *(option(LANGUAGE_NAMES[key], key) for key in LANGUAGES)]
    blocks = [
        line(t(FIELDS["name"]), "name", filled, optional=False, most=60,
             hint=t("Colleagues read it in lists and figures, and when a case goes to another team.")),
        channel(t(FIELDS["channel"]), "channel", filled, optional=False,
                hint=t("New cards appear here. Existing cards stay where they are. Invite the bot first: "
                       "/invite @webcare")),
        line(t(FIELDS["time_zone"]), "time_zone", filled, optional=False,
             hint=t("For opening hours and the days of figures. For example Europe/Amsterdam.")),
        menu(t(FIELDS["language"]), "language", options, filled,
             hint=t("An existing card changes at its next step.")),
        ticks(t(FIELDS["channel_answers"]), "channel_answers",
              [option(t("Everyone in the channel who is a full member of this workspace"), "yes")], filled,
              hint=t("Without this tick they have read-only access, and those with a role answer. Guests and people of "
                     "other organisations never have a role unless you give them one.")),
    ]  # fmt: skip
    return form("team", team_id, t("Team"), blocks, t)


def hours_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask for the opening hours of each day."""
    hint = t("For example 09:00-12:00, 13:00-17:00. Empty means: closed.")
    blocks = [
        context(t("Norms count only the time in which you are open, and you are reminded only then.")),
        ticks(
            t("Open day and night"),
            "always_open",
            [option(t("Yes, 24 hours, seven days a week"), "yes")],
            filled,
            hint=t("Then the hours below do not count."),
        ),
        *(line(t(day), f"day_{n}", filled, hint=hint if n == 0 else "") for n, day in enumerate(DAYS)),
    ]
    return form("hours", team_id, t("Opening hours"), blocks, t)


def closed_modal(team_id: int, holidays: Sequence[str], filled: Filled, t: Texts) -> Block:
    """Ask on which days the team is closed, or closes early."""
    halves = (holidays[:6], holidays[6:])
    labels = (t("Closed on these holidays"), t("… and on these"))
    blocks = [
        context(t("On these days the time of cases stands still, as outside opening hours.")),
        *(
            ticks(label, f"holidays_{n}", [option(t(HOLIDAY_NAMES[name]), name) for name in half], filled)
            for n, (label, half) in enumerate(zip(labels, halves, strict=True))
        ),
    ]
    blocks += [
        line(
            t("Closing days of our own"),
            "closed_days",
            filled,
            many=True,
            hint=t("One per line, for example 2026-12-24."),
        ),
        line(
            t("Early closings"),
            "early_closings",
            filled,
            many=True,
            hint=t("One per line, for example 2026-12-24 15:00."),
        ),
    ]
    return form("closed", team_id, t("Closing days"), blocks, t)


def norms_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask for the norms, in working minutes."""
    blocks = [
        context(t("In working minutes. Cases that are open already keep their norm.")),
        context(t("First reaction: until the citizen first reads something of us, an interim message too. Next "
                  "reaction: the same after they write again. Resolution: until the case is answered or closed.")),
    ]  # fmt: skip
    for name in ("norm", "urgent", "private"):
        blocks.append(section(f"*{t(FIELDS[name])}*"))
        blocks += norm_lines(name, filled, t, optional=name == "private")
    blocks.append(context(t("Leave the norm for private messages empty to have none of its own.")))
    return form("norms", team_id, t("Norms"), blocks, t)


def norm_lines(name: str, filled: Filled, t: Texts, *, optional: bool) -> list[Block]:
    """Return the fields of one norm."""
    named = ((t(words), f"{name}_{target}") for target, words in TARGETS.items())
    return [line(capital(words), block_id, filled, optional=optional) for words, block_id in named]


def reminders_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask who is reminded when, and when the digest is sent."""
    ladder_hint = t(
        "One step per line: percentage of the norm, who is told and, if you like, your own words. "
        "Who: owner, team, coordinator or channel."
    )
    blocks = [
        line(t(FIELDS["ladder"]), "ladder", filled, many=True, hint=ladder_hint),
        people(
            t(FIELDS["coordinators"]),
            "coordinators",
            filled,
            hint=t("They hear of a case at the step “coordinator”. That gives no rights: see Roles."),
        ),
        channel(
            t(FIELDS["escalation_channel"]),
            "escalation_channel",
            filled,
            hint=t("For the step “channel”. Invite the bot there first."),
        ),
        line(
            t("Remind of a claimed case after (working minutes)"),
            "claim_reminder",
            filled,
            optional=False,
            hint=t("When somebody claimed a case and does nothing with it."),
        ),
        line(
            t("Then return it to the queue after (working minutes)"),
            "claim_return",
            filled,
            optional=False,
            hint=t("Counted from the reminder. Then anyone can claim the case."),
        ),
        line(
            t("If the citizen does not answer a question, ask the owner after (working days)"),
            "citizen_days",
            filled,
            optional=False,
            hint=t("The owner then reminds the citizen, closes the case or waits longer."),
        ),
        line(t(FIELDS["digest_at"]), "digest_at", filled, hint=t("For example 09:00. Empty means: at opening.")),
        ticks(
            t(FIELDS["spikes"]),
            "spikes",
            [option(t("Say so in the channel, once"), "yes")],
            filled,
            hint=t("Compared with the same hour of the week in the past weeks, from five posts by three citizens."),
        ),
    ]
    return form("reminders", team_id, t("Reminders"), blocks, t)


def duty_modal(team_id: int, groups: Sequence[tuple[str, str]], filled: Filled, t: Texts) -> Block:
    """Ask who is on duty on each day; `groups` are (name, id) of the user groups that may follow the duty."""
    blocks = [
        context(
            t(
                "Those on duty are called to cases that nobody has claimed. Whoever types `/webcare duty` is on duty "
                "instead."
            )
        ),
        *(people(t(day), f"rota_{n}", filled) for n, day in enumerate(DAYS)),
    ]
    if groups or filled.get("duty_group") not in (None, "none"):
        hint = t(
            "The bot puts those on duty in this group and removes everybody else: choose a group that is for this only."
        )
        blocks.append(group_menu(t(FIELDS["duty_group"]), "duty_group", groups, filled, t, hint=hint))
    return form("duty", team_id, t("Duty"), blocks, t)


def reasons_modal(team_id: int, standard: Sequence[str], filled: Filled, t: Texts) -> Block:
    """Ask for the topics and the close reasons: which `standard` reasons the team uses, and its own reasons."""
    options = [option(capital(t(REASONS[reason])), reason) for reason in standard]
    blocks = [
        line(t(FIELDS["topics"]), "topics", filled, many=True,
             hint=t("What cases are about, one per line. Agents choose one; the figures count them.")),
        ticks(t("Standard reasons to close that we use"), "standard_reasons", options, filled,
              hint=t("Agents choose one when they close a case without an answer. “Other” is always there.")),
        line(t(FIELDS["close_reasons"]), "close_reasons", filled, many=True,
             hint=t("One per line, at most ten. Closed cases keep the reason they have.")),
    ]  # fmt: skip
    return form("reasons", team_id, t("Topics and reasons"), blocks, t)


def card_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask what the card shows of a citizen and for how long, and for the words of the invitation to a private talk."""
    blocks = [
        line(t("Other cases of a citizen: how many months back"), "person_months", filled, optional=False,
             hint=t("The card says how many there are, and a list shows them.")),
        line(t(FIELDS["removed_days"]), "removed_days", filled, optional=False,
             hint=t("After that a removed post has no words here either; what we answered stays. "
                    "0: they go within a quarter of an hour. Some platforms set a shorter time.")),
        ticks(t(FIELDS["images"]), "images", [option(t("Show pictures of public posts on the card"), "yes")], filled,
              hint=t("Slack then fetches each picture from the platform. Without this tick, and in private messages, "
                     "the card has a link.")),
        line(t(FIELDS["invitation"]), "invitation", filled, many=True, most=250,
             hint=t("The words with which “Go on in private…” begins. Empty: that we sent a private message.")),
        line(t(FIELDS["way_to_us"]), "way_to_us", filled, many=True, most=250,
             hint=t("Where a platform takes no private message, “Go on in private…” begins with these words: a number, "
                    "an address, a link. Empty: it is not offered there.")),
        line(t(FIELDS["signal_words"]), "signal_words", filled, many=True,
             hint=t("One per line; “firework*” stands for all words that begin like that. Danger, threats, the press, "
                    "private messages and who still waits for us always go first.")),
    ]  # fmt: skip
    return form("card", team_id, t("The card"), blocks, t)


def hiding_modal(team_id: int, filled: Filled, t: Texts) -> Block:
    """Ask when hidden posts are reviewed, and for the text to their authors."""
    blocks = [
        line(t("Look at a hidden post again after (days)"), "hide_days", filled, optional=False,
             hint=t("The coordinators are then asked whether it is still needed.")),
        line(t(FIELDS["hide_text"]), "hide_text", filled, many=True, most=1000,
             hint=t("Agents can change it before they send it. {rule} becomes the title of the house rule, {article} "
                    "its text, {name} the citizen's first name. Empty means: the usual text.",
                    rule="{rule}", article="{article}", name="{name}")),
    ]  # fmt: skip
    return form("hiding", team_id, t("Hidden posts"), blocks, t)


def roles_modal(team_id: int, given: Mapping[Role, Sequence[str]], t: Texts) -> Block:
    """Ask who coordinates, who answers and who only reads."""
    filled = {ROLE_FIELDS[role]: people for role, people in given.items()}
    blocks = [
        people(t("Coordinators"), "role_coordinators", filled, optional=False,
               hint=t("They change the settings and the roles.")),
        people(t("Agents"), "role_agents", filled,
               hint=t("They answer, also from outside the channel, and also as a guest.")),
        people(t("Readers"), "role_readers", filled,
               hint=t("They have read-only access and may advise.")),
    ]  # fmt: skip
    return form("roles", team_id, t("Roles"), blocks, t)


def changed_modal(
    team_id: int, events: Sequence[Event], t: Texts, named: Named | None = None, *, undone: bool = False, moved: int = 0
) -> Block:
    """Show each change, or what was put back when one was undone, with a button to undo it.

    `moved` is how many open cases went from somebody who no longer answers to others.
    """
    saved = t("↩️ Put back.") if undone else t("✅ Saved.")
    blocks = [section(saved if events else t("Nothing was changed."))]
    for number, event in enumerate(events[:SHOWN_CHANGES], 1):
        said = change_words(event, t, named)
        row = section(said)
        row["accessory"] = undo_button(event, said, number, t)
        blocks.append(row)
    blocks += more(len(events) - SHOWN_CHANGES, t)
    if moved:
        words = t.plural("{n} open case went to a colleague or the queue; undoing this does not give it back.",
                         "{n} open cases went to a colleague or the queue; undoing this does not give them back.",
                         moved)  # fmt: skip
        blocks.append(context(words))
    blocks += actions(back(t))
    return page(team_id, t("Settings"), blocks, t)


def not_changed_modal(team_id: int, why: str, t: Texts) -> Block:
    """Say why nothing was changed, with the way to the past changes."""
    past = button(t("Past changes"), "settings:group", "history")
    return page(team_id, t("Settings"), [section(why), *actions(past), *actions(back(t))], t)


def who_have_cases(theirs: Mapping[str, Sequence[int]], t: Texts) -> list[str]:
    """Return who would no longer answer and how many open cases each has; a field below asks where these go."""
    return [
        t("{agent} has {cases} and will no longer answer: say below where they go.", agent=f"<@{owner}>",
          cases=t.plural("{n} open case", "{n} open cases", len(case_ids)))
        for owner, case_ids in theirs.items()
    ]  # fmt: skip
