"""The past changes of a team's settings: who changed what and when, the newest first."""

from collections.abc import Collection, Sequence
from datetime import datetime

from bot.models import Event
from bot.texts import Texts
from bot.views.block import Block, actions, button, context, section
from bot.views.routing import Named
from bot.views.settings_change import change_words, undo_button
from bot.views.settings_form import back, page


def history_modal(
    team_id: int,
    changes: Sequence[Event],
    last: Collection[int],
    t: Texts,
    now: datetime,
    named: Named,
    *,
    number: int = 0,
    more: bool = False,
) -> Block:
    """Return a page of changes; those in `last` can be undone, because the same setting did not change again."""
    blocks = [context(t("The newest is on top. What was not changed again since can be undone."))]
    for place, event in enumerate(changes, 1):
        by = f"<@{event.by}>" if event.by else t("Whoever runs the bot")
        said = change_words(event, t, named)
        row = section(f"{by} · {t.when(event.at, now)}\n{said}")
        if event.id in last:
            row["accessory"] = undo_button(event, said, place, t)
        blocks.append(row)
    if not changes:
        blocks = [section(t("Nothing here."))] if number else [section(t("Nothing was changed yet."))]
    newer = [button(t("Newer"), "history:newer", str(number - 1))] if number else []
    older = [button(t("Older"), "history:older", str(number + 1))] if more else []
    return page(team_id, t("Past changes"), [*blocks, *actions(*newer, *older, back(t))], t)
