"""How many new cases wait for their card."""

from bot.domain.queue import Filter, Which
from bot.models import Waiting
from bot.texts import Texts
from bot.views.block import View, actions, button, context, section
from bot.views.citizen import counted_sources

A_MINUTE = 60
"""How many new cards Slack takes in one channel: https://docs.slack.dev/apis/web-api/rate-limits"""


def backlog(waiting: Waiting, t: Texts) -> View:
    """Say how many cases wait for their card and for how long the last will, or that each has one now."""
    since = t.time(waiting.since)
    if waiting.until is not None:
        words = t("✅ All new cases have a card again. From {since} to {until} more came than Slack takes at once; "
                  "{most} waited at most.", since=since, until=t.time(waiting.until), most=waiting.most)  # fmt: skip
        return View(words, [section(words)])
    words = t("🌊 *{count} new cases wait for their card* since {since}.", count=waiting.count, since=since)
    minutes = -(-waiting.count // A_MINUTE)
    facts = [
        t.plural("{n} came in the last five minutes", "{n} came in the last five minutes", waiting.lately),
        t.plural("the last card comes in about {n} minute", "the last card comes in about {n} minutes", minutes),
        *([t.plural("{n} comes first", "{n} come first", waiting.first)] if waiting.first else []),
    ]
    explained = t("Slack takes one card a second. The list shows all of them now, also those without a card.")
    wanted = Filter(Which.UNOWNED).to_text()
    return View(
        words,
        [
            section(f"{words}\n{' · '.join(facts)}"),
            context(counted_sources(waiting.platforms)),
            context(explained),
            *actions(button(t("Show what nobody has"), "list:show", wanted, style="primary")),
        ],
    )
