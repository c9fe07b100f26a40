"""Lists of cases: the row that every list shows, and the list that one agent asked for or shared with the channel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.case import ALLOWED_FROM, Move, Status, Urgency
from bot.domain.queue import Filter
from bot.models import Case, CaseLine, Escalation
from bot.texts import Texts
from bot.views.block import Block, View, button, context, link, literal, section
from bot.views.case_state import case_name, list_state
from bot.views.citizen import name_of, outside_name, words_of
from bot.views.marks import marks, urgent_words
from bot.views.search_modal import Sought

LISTED = "listed:"
BLOCK_ID = 255
"""Characters in a block_id (https://docs.slack.dev/reference/block-kit/blocks)."""


def case_row(
    line: CaseLine,
    t: Texts,
    now: datetime,
    *,
    card_url: str = "",
    outside: bool = False,
    team: str = "",
    quoted: bool = True,
) -> str:
    """Return a case in two lines: its number and who wrote what where; its marks, how long it waits and who has it.

    `outside`: others than the team may read it, so it has no private words and no mail address. `team` is the name of
    its team, in a list with cases of several teams. Without `quoted` it has none of the citizen's words.
    """
    name = outside_name(line.author) if outside else name_of(line.author)
    wrote = {"name": f"*{name}*", "platform": literal(line.platform, 60)}
    words = words_of(line.latest, t, 150)
    if outside and line.latest.private:
        words = t("(private)")
    said = t("{name} via {platform}: {text}", **wrote, text=words) if quoted else t("{name} via {platform}", **wrote)
    who = f"<@{line.case.assignee}>" if line.case.assignee else t("nobody yet")
    state = [*marks(line, t, now, outside=outside), *list_state(line, t, now), who, *card_link(card_url, t)]
    return f"{case_of_team(line.case, t, literal(team, 60))} · {said}\n" + " · ".join(state)


def case_of_team(case: Case, t: Texts, team: str) -> str:
    """Return the name of a case, with that of its team in a list with cases of several teams."""
    return f"{case_name(case, t)} ({team})" if team else case_name(case, t)


def card_link(card_url: str, t: Texts) -> list[str]:
    """Return the link to a case's card, to put behind other words; nothing while we do not know it."""
    return [link(card_url, t("card"))] if card_url else []


def question_head(case: Case, asked: Escalation, card_url: str, t: Texts, team: str = "") -> str:
    """Return the line above a question to an adviser: which case it is about, whether that hurries, and its card."""
    urgent = [urgent_words(t)] if case.urgent or asked.urgency is Urgency.URGENT else []
    return " · ".join([case_of_team(case, t, literal(team, 60)), *urgent, *card_link(card_url, t)])


def case_block(
    line: CaseLine,
    t: Texts,
    now: datetime,
    *,
    card_url: str = "",
    acts: bool = True,
    outside: bool = False,
    team: str = "",
    quoted: bool = True,
) -> Block:
    """Return the row of a case, with the button for the next step; readers get no button."""
    row = section(case_row(line, t, now, card_url=card_url, outside=outside, team=team, quoted=quoted))
    return row | {"accessory": step} if acts and (step := _next_step(line, t, team)) else row


def _next_step(line: CaseLine, t: Texts, team: str) -> Block | None:
    """Return the button for the next step of an open case, as on its card, where an answer in doubt comes first."""
    value, name = str(line.case.id), case_of_team(line.case, t, team)
    if line.case.status is Status.NEW:
        return button(t("Claim"), "case:claim", value, of=name)
    if line.case.status in ALLOWED_FROM[Move.ANSWER] and line.takes_answer:
        return button(t("Answer"), "case:answer", value, of=name)
    return None


def case_list(
    head: str,
    rows: Sequence[Block],
    *,
    more: Sequence[str] = (),
    above: Sequence[Block] = (),
    below: Sequence[Block] = (),
) -> View:
    """Return a list; `more` says what it does not show; filters and buttons are above and below it."""
    said = [row["text"]["text"] for row in rows]
    return View("\n".join([head, *said, *more]), [section(head), *above, *rows, *map(context, more), *below])


def remembering(row: Block, case_id: int, asked: str) -> Block:
    """Return the row of a case with the query of its list, which a click needs; a very long query is left out."""
    name = f"{LISTED}{case_id}:{asked}"
    return row | ({"block_id": name} if len(name) <= BLOCK_ID else {})


def listed_in(block_id: str) -> str:
    """Return the query of the list of a clicked row; "" for a row that is in no list."""
    return block_id.removeprefix(LISTED).partition(":")[2] if block_id.startswith(LISTED) else ""


def page_buttons(wanted: Filter | Sought, pages: int, t: Texts) -> list[Block]:
    """Return the buttons to the previous and next page; none for a list of one page."""
    turns = [(wanted.page - 1, t("Previous"), "list:back"), (wanted.page + 1, t("Next"), "list:on")]
    return [
        button(label, action_id, replace(wanted, page=page).to_text())
        for page, label, action_id in turns
        if 0 <= page < pages
    ]


def share_button(what: str, t: Texts) -> Block:
    """Return the button that shows a list to everyone; `what` is its query."""
    return button(t("Share in channel"), "list:share", what)
