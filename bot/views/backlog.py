"""How many new cases wait for their card."""

from bot.domain.queue import Filter, Which
from bot.models import Waiting
from bot.texts import Texts
from bot.views.block import View, actions, button, context, section
from bot.views.citizen import counted_sources

A_MINUTE = 60
"""How many new cards Slack takes in one channel: https://docs.slack.dev/apis/web-api/rate-limits"""


def backlog(waiting: Waiting, t: Texts) -> View:
    """Say how many cases wait for their card and for how long the last will, that each has one, or where it is said."""
    if waiting.moved_to:
        words = t("➡️ How many cases wait for their card is said in <#{channel}> now.", channel=waiting.moved_to)
        return View(words, [section(words)])
    since = t.when(waiting.since, waiting.since)
    if waiting.until is not None:
        until = t.when(waiting.until, waiting.until)
        words = t("✅ All new cases have a card again. From {since} to {until} more came than Slack takes at once; "
                  "{most} waited at most.", since=since, until=until, most=waiting.most)  # fmt: skip
        return View(words, [section(words)])
    words = t.plural("🌊 *{n} new case waits for its card* since {since}.",
                     "🌊 *{n} new cases wait for their card* since {since}.", waiting.count, since=since)  # fmt: skip
    lately = t.plural("{n} came in the last five minutes", "{n} came in the last five minutes", waiting.lately)
    facts = [*_own_and_shared(waiting, t), lately]
    if waiting.count:
        minutes = -(-waiting.count // A_MINUTE)
        last = t.plural("the last card comes in about {n} minute", "the last card comes in about {n} minutes", minutes)
        facts.append(last)
    if waiting.first:
        facts.append(t.plural("{n} comes first", "{n} come first", waiting.first))
    if waiting.rolled_up:
        count = waiting.count + waiting.rolled_up
        words = t.plural("🌊 *{n} new case has no card of its own*, since {since}.",
                         "🌊 *{n} new cases have no card of their own*, since {since}.",
                         count, since=since)  # fmt: skip
    platforms = counted_sources(waiting.platforms)
    explained = t("Slack takes one card a second. The list shows all of them now, also those without a card.")
    wanted = Filter(Which.UNOWNED).to_text()
    subjects = [button(t("Subjects"), "rollup:subjects", "all")] if waiting.rolled_up else []
    return View(
        "\n".join([words, ", ".join(facts), platforms, explained]),
        [
            section(f"{words}\n{' · '.join(facts)}"),
            context(platforms),
            context(explained),
            *actions(button(t("Show what nobody has"), "list:show", wanted, style="primary"), *subjects),
        ],
    )


def _own_and_shared(waiting: Waiting, t: Texts) -> list[str]:
    """Say how many are much alike to others and how many wait for a card; nothing while none is alike."""
    if not waiting.rolled_up:
        return []
    shared = t.plural("{n} is much like others", "{n} are much like others", waiting.rolled_up)
    own = t.plural("{n} waits for its card", "{n} wait for their card", waiting.count)
    return [shared, own] if waiting.count else [shared]
