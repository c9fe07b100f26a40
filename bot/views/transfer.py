"""A transfer to another team: the modal, and the messages to both teams."""

from collections.abc import Iterator
from datetime import datetime

from bot.models import CaseFile, Mention, Transfer
from bot.texts import Texts
from bot.views.block import Block, View, context, field_of, literal, modal, offered, option, quote, section
from bot.views.case_state import spoken_state, state_line
from bot.views.citizen import (
    Room,
    as_it_was,
    author_line,
    fitted,
    head_line,
    mention_blocks,
    name_of,
    quoted,
    source_line,
    words_of,
)
from bot.views.exchange import answer_line
from bot.views.marks import Mark, marks

MAX_NOTE = 1500
TOLD = 5
"""The most transfers that the details tell; those before are counted."""
STOPS = 6
"""How many of the last teams on its way are named, after the first, when a case went to many."""


def transfer_modal(file: CaseFile, t: Texts) -> Block:
    """Ask which team gets the case and why; the modal remembers which team has it now."""
    others = [team for team in file.teams if team.id != file.team.id]
    options = [option(team.name, str(team.id)) for team in others]
    picker: Block = {"type": "static_select", **offered(options)}
    came_from = file.transfers[-1].from_team_id if file.transfers else None
    former = next((each for each in options if each["value"] == str(came_from)), None)
    if former is not None or len(options) == 1:
        picker["initial_option"] = former or options[0]
    note = {"type": "plain_text_input", "multiline": True, "max_length": MAX_NOTE}
    blocks = quoted(file, t, 300)
    if former is not None:
        blocks.append(context(t("This case came from {team}.", team=literal(team_name(file, came_from), 80))))
    blocks += [
        field_of(t("Team"), "transfer_to", picker),
        field_of(t("Why"), "transfer_note", note, hint=t("For the other team; the citizen does not see it.")),
        context(t("The time that was used stays used; the case goes on by the hours and the norm of that team.")),
    ]
    metadata = f"{file.case.id}:{file.team.id}"
    return modal(
        "case:transfer", t("To another team"), blocks, submit=t("Hand over"), close=t("Cancel"), metadata=metadata
    )


def team_name(file: CaseFile, team_id: int | None) -> str:
    """Return the name of a team of the organisation."""
    return next((team.name for team in file.teams if team.id == team_id), "?")


def former_card(file: CaseFile, made: Transfer, t: Texts, now: datetime) -> View:
    """Show the team that handed a case over where it went, and its state there; not what was written since."""
    post = _newest(file, made)
    who = {"team": literal(team_name(file, made.to_team_id), 80), "agent": f"<@{made.by}>"}
    went = t("*Handed over to {team}* by {agent} at {time}", time=t.when(made.at, now), **who)
    name = name_of(file.author)
    number = t("Case {number}", number=made.number)
    blocks = [
        context(f"{author_line(file.author)} · {number}", source_line(file, post, t, now)),
        context(words_of(post, t, 200)),
        section(f"➡️ {went}"),
        quote(made.note, 300),
        context(_where(file, made, t, now)),
    ]
    spoken = t("{case} of {name} handed over to {team} by {agent}", case=number, name=name, **who)
    return View(f"{spoken}. {spoken_state(file, t, now, outside=True)}", blocks)


def _newest(file: CaseFile, made: Transfer) -> Mention:
    """Return the newest post that had come in by a transfer, as it was: what came later is for the other team."""
    newest = next((each for each in reversed(file.mentions) if each.received_at <= made.at), file.mentions[0])
    return as_it_was(newest, made.at)


def _where(file: CaseFile, made: Transfer, t: Texts, now: datetime) -> str:
    """Return which team has the case now, and its state."""
    state = state_line(file, t, now, outside=True)
    if file.team.id == made.from_team_id:
        return t("The case came back: see its new card. {state}", state=state)
    return t("Now with {team} ({channel}): {state}", team=literal(file.team.name, 80),
             channel=f"<#{file.team.channel}>", state=state)  # fmt: skip


def came_from(file: CaseFile, t: Texts) -> list[Block]:
    """Return the line on the card of the team that got a case: from whom, and why."""
    if not file.transfers:
        return []
    last = file.transfers[-1]
    return [context(t("➡️ From {team} ({agent}): {note}", team=literal(team_name(file, last.from_team_id), 80),
                      agent=f"<@{last.by}>", note=literal(last.note, 300)))]  # fmt: skip


def transfer_lines(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return the last transfers of a case and how many came before, for its details."""
    shown = file.transfers[-TOLD:]
    before = len(file.transfers) - len(shown)
    words = t.plural("{n} earlier transfer is not shown.", "{n} earlier transfers are not shown.", before)
    lines = [
        context(t("From {former} to {team} by {agent} at {time}: {note}", agent=f"<@{each.by}>",
                  former=literal(team_name(file, each.from_team_id), 80),
                  team=literal(team_name(file, each.to_team_id), 80),
                  time=t.when(each.at, now), note=literal(each.note, 500)))
        for each in shown
    ]  # fmt: skip
    return [*([context(words)] if before else []), *lines]


def transferred(file: CaseFile, made: Transfer, t: Texts, now: datetime) -> View:
    """Show under the new card why the case came, and what the citizen and we had written."""
    words = t("➡️ {team} handed this case over ({agent}):", team=literal(team_name(file, made.from_team_id), 80),
              agent=f"<@{made.by}>")  # fmt: skip
    head = [section(words), quote(made.note, MAX_NOTE)]

    def render(room: Room) -> View:
        blocks = [block for each in _exchange(file, made, t, now, room) for block in each]
        return View(f"{words} {literal(made.note, 300)}", [*head, *blocks[-40:]])

    return fitted(render)


def _exchange(file: CaseFile, made: Transfer, t: Texts, now: datetime, room: Room) -> Iterator[list[Block]]:
    """Yield what was written until a transfer, in order: the card itself shows a single post."""
    reached = [reply for reply in file.replies if reply.reached and reply.created_at <= made.at]
    posts = [mention for mention in file.mentions if mention.received_at <= made.at]
    if len(posts) == 1 and not reached:
        return
    yield [context(t("What was written so far:"))]
    limit = room.text // 3
    said = [(post.received_at, _post(file, post, t, now, limit)) for post in posts]
    for reply in reached:
        said.append((reply.created_at, [context(answer_line(reply, t, now)), quote(reply.text, limit)]))
    for _, blocks in sorted(said, key=lambda each: each[0])[-2 * room.turns - 2 :]:
        yield blocks


def _post(file: CaseFile, post: Mention, t: Texts, now: datetime, limit: int) -> list[Block]:
    return [context(source_line(file, post, t, now)), *mention_blocks(file, post, t, now, limit=limit, media=0)]


def to_and_fro(file: CaseFile, made: Transfer, t: Texts, now: datetime) -> View:
    """Notify a coordinator that a case went from team to team more than once: somebody must decide who answers."""
    until = [each for each in file.transfers if each.id <= made.id]
    stops = [literal(team_name(file, each), 80) for each in (until[0].from_team_id, *(m.to_team_id for m in until))]
    way = " → ".join(stops if len(stops) <= STOPS + 2 else [stops[0], "…", *stops[-STOPS:]])
    words = t("A case was handed over {n} times: {way}. Please agree which team answers.", n=len(until), way=way)
    noticed = marks(file, t, now, without={Mark.FIRST, Mark.DUE, Mark.ADVICE})  # why it goes first may be said later
    why = t("The last reason ({agent}): {note}", agent=f"<@{made.by}>", note=literal(made.note, 300))
    has_it = t("Now with {team} ({channel}): {state}", team=literal(file.team.name, 80),
               channel=f"<#{file.team.channel}>", state=state_line(file, t, now, outside=True))  # fmt: skip
    blocks = [
        section(f"🔁 {words}"),
        context(" · ".join([head_line(file, t), *noticed])),
        quote(_newest(file, made).text, 300),
        context(why),
        context(has_it),
    ]
    return View("\n".join([words, why, has_it]), blocks)
