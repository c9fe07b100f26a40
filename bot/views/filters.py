"""The filters of a list of cases: which cases, and from where."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.queue import OVERVIEW, Filter, Place, Where, Which, moments
from bot.domain.text import Text, text
from bot.texts import Texts
from bot.views.block import Block, actions, button, literal, option, plain

WHICH: Mapping[Which, Text] = {
    Which.OPEN: text("All open cases"),
    Which.UNOWNED: text("With nobody"),
    Which.MINE: text("With me"),
    Which.LATE: text("Late"),
    Which.ADVICE: text("Waits for advice"),
    Which.CITIZEN: text("Waits for the citizen"),
    Which.PROMISED: text("Promises for today"),
}
WHERE: Mapping[Where, Text] = {
    Where.TEAM: text("Team"),
    Where.PLATFORM: text("Platform"),
    Where.ACCOUNT: text("Account"),
    Where.TOPIC: text("Topic"),
    Where.TIME: text("Time"),
}
MAX_PLACES = 100
"""Options in one group of a menu: https://docs.slack.dev/reference/block-kit/composition-objects/option-group-object."""


def filter_bar(wanted: Filter | None, places: Sequence[Place], of: str, t: Texts) -> list[Block]:
    """Return the two menus of a list; without `wanted` (on the Home) it is the overview, which the first menu offers.

    `of` is the reader: "with me" means with them. If the value of a filter no longer exists, nothing is chosen.
    """
    now = wanted or Filter()
    which = [option(t(words), _which(now, each, of).to_text()) for each, words in WHICH.items()]
    chosen = which[list(WHICH).index(now.which)] if wanted else None
    return actions(
        _select("list:which", which, chosen, t("Which cases")),
        _where(now, places, t),
    )


def in_words(wanted: Filter, name: str, t: Texts, now: datetime) -> str:
    """Return which cases a filter leaves, for people who do not see its menus; `name` is that of its place."""
    which = t("With {agent}", agent=f"<@{wanted.of}>") if wanted.which is Which.MINE else t(WHICH[wanted.which])
    kind, value = wanted.place
    match kind:
        case None:
            return which
        case Where.SUBJECT:
            return f"{which} · {t('About one subject')}"
        case Where.TIME:
            since, until = (t.when(at, now) if at else "" for at in moments(value))
            where = t("{since} to {until}", since=since, until=until) if until else t("since {time}", time=since)
        case _:
            where = literal(name, 60)
    return f"{which} · {t(WHERE[kind])}: {where}"


def overview_button(t: Texts) -> Block:
    """Return the button on the Home that ends a filter."""
    return button(t("Back to the overview"), "list:overview", OVERVIEW)


def all_button(wanted: Filter, count: int, t: Texts) -> Block:
    """Return the button on the Home that shows the whole list, of which the Home shows the first cases."""
    return button(t("Show all {n}", n=count), "list:all", wanted.to_text(), of=t(WHICH[wanted.which]))


def late_button(t: Texts) -> Block:
    """Return the button below a message that shows whoever clicks it what is late then."""
    return button(t("Show what is late"), "list:show", Filter(Which.LATE).to_text())


def _which(now: Filter, which: Which, of: str) -> Filter:
    return replace(now, which=which, of=of if which is Which.MINE else "", page=0)


def _where(now: Filter, places: Sequence[Place], t: Texts) -> Block:
    """Return the menu of places, in groups."""
    anywhere = option(t("Everywhere"), replace(now, where="", page=0).to_text())
    groups, chosen = [(t("Everywhere"), [anywhere])], anywhere if not now.where else None
    for kind, label in WHERE.items():
        options = []
        for place in [each for each in places if each.kind is kind][:MAX_PLACES]:
            options.append(option(place.label, replace(now, where=place.where, page=0).to_text()))
            chosen = options[-1] if place.where == now.where else chosen
        groups += [(t(label), options)] if options else []
    element = _select("list:where", [], chosen, t("From where"))
    element["option_groups"] = [{"label": plain(label), "options": options} for label, options in groups]
    del element["options"]
    return element


def _select(action_id: str, options: list[Block], chosen: Block | None, hint: str) -> Block:
    element: Block = {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(hint, 150),
        "options": options,
    }
    return element | ({"initial_option": chosen} if chosen else {})
