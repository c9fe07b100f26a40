"""An overview of figures: the digest of a day, week or month, and the answer of `/webcare stats`.

Charts and tables are newer blocks of Slack. A workspace without them gets the same in sections; the text alone is
also complete.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from bot.domain.figures import AGES, Figures, Measured, Overview, Part, Source, Span, Standing, Tally, Trouble
from bot.domain.sla import minutes
from bot.models import SOCKET
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, cut, link, literal, section, sections
from bot.views.case_state import reason_words
from bot.views.filters import late_button

HOUR, NOON, DAY = timedelta(hours=1), timedelta(hours=12), timedelta(days=1)
MAX_ROWS = 20
MAX_TOPICS = 12
MAX_LATE = 10
"""The most late cases that a digest lists; the rest is counted."""


def overview(content: Overview, t: Texts, *, share: str = "", late: Sequence[str] = (), listed: int = MAX_LATE) -> View:
    """Return an overview; `share` adds the button that shows it to the whole channel.

    `late` are rows of cases that are late now. `listed` is how many at most were listed at the moment of the standing;
    how many more were late is known of that moment only.
    """
    head = f"*{_head(content, t)}*"
    period = _period(content.figures, t)
    texts = [_quiet(t)] if _is_quiet(content) else paragraphs(content, t)
    if content.missed:
        texts.append(t("The previous digest was not sent, so this one is about all since {time}.",
                       time=t.moment(content.figures.since)))  # fmt: skip
    buttons = actions(button(t("Share in channel"), "figures:share", share)) if share else []
    start, end = [section(head), context(period)], buttons
    rest = _rest(content.standing, listed, t)
    plain = [
        *(block for each in [*texts, *late] for block in sections(each)),
        *(section(each) | {"accessory": late_button(t)} for each in rest),
    ]
    in_table = _in_table(content.figures, t)
    native = [] if _is_quiet(content) else _native(content.figures, in_table, t)
    words = "\n".join([head, period, *texts, *late, *rest])
    sources = _sources(in_table, t)
    older = sections(sources) if sources and native else []
    whole = f"{words}\n{sources}" if older else words
    return View(whole, [*start, *plain, *native, *end], plain=[*start, *plain, *older, *end])


def _rest(standing: Standing | None, listed: int, t: Texts) -> list[str]:
    """Return how many cases were late besides those that were listed, if any."""
    more = standing.late - listed if standing else 0
    if standing is None or more <= 0:
        return []
    return [t("Late at {time}, but not in this list: *{n}*", time=t.time(standing.at), n=more)]


def _head(content: Overview, t: Texts) -> str:
    team = literal(content.team, 100)
    match content.span:
        case Span.ASKED:
            return t("Figures of {team}", team=team)
        case Span.DAY:
            return t("Digest of {team}", team=team)
        case Span.WEEK:
            return t("The past week of {team}", team=team)
        case Span.MONTH:
            return t("The past month of {team}", team=team)


def duration(seconds: int, t: Texts, target: int | None = None) -> str:
    """Return working time in hours and minutes; what is late takes longer than its `target`."""
    hours, rest = divmod(minutes(seconds, target), 60)
    if not hours:
        return t("{minutes} min", minutes=rest)
    return t("{hours} h {minutes} min", hours=hours, minutes=rest) if rest else t("{hours} h", hours=hours)


def _period(figures: Figures, t: Texts) -> str:
    """Return the days of a period, or the moments at which it begins and ends."""
    edges = (figures.since, figures.until)
    if any(at.astimezone(t.zone).time() != time.min for at in edges):
        return t("{since} to {until}", since=t.moment(figures.since), until=t.moment(figures.until))
    last = figures.until - timedelta(hours=1)  # midnight belongs to the next day
    if t.day(figures.since) == t.day(last):
        return t.date(figures.since)
    return t("{first} up to and including {last}", first=t.date(figures.since), last=t.date(last))


def _quiet(t: Texts) -> str:
    return t("Quiet: nothing came in, nothing waits and all accounts work.")


def _is_quiet(content: Overview) -> bool:
    figures, standing = content.figures, content.standing
    happened = figures.mentions or figures.opened or figures.answered or figures.closed or figures.first.count
    happened = happened or figures.hidden
    happened = happened or figures.first.late or figures.resolution.late
    waits = standing is not None and (
        standing.open or standing.late or standing.promised or standing.with_citizen or standing.troubles
    )
    differs = content.tally is not None and content.tally.differs
    return content.span is Span.DAY and not happened and not waits and not differs


def paragraphs(content: Overview, t: Texts) -> list[str]:
    """Return one paragraph with the figures, and one with the team's standing if the overview has it."""
    happened = "\n".join(f"• {row}" for row in _rows(content, t) if row)
    texts = [happened or t("Nothing came in, and nothing was answered or closed.")]
    if content.tally is not None and content.tally.differs:
        texts.append("\n".join(f"• {row}" for row in _differences(content.tally, t)))
    return [*texts, _standing(content.standing, t)] if content.standing else texts


def _received(content: Overview, t: Texts) -> str:
    """Return how many mentions came in; in a daily digest, also what became of them."""
    tally = content.tally
    if tally is None or not tally.received:
        return t("Mentions received: *{n}*", n=content.figures.mentions)
    return t("Mentions received: *{n}*, of which {carded} on a card, {handled} handled and {open} open",
             n=tally.received, carded=tally.carded, handled=tally.handled, open=tally.open)  # fmt: skip


def _differences(tally: Tally, t: Texts) -> list[str]:
    """Return what the daily comparison found, or why it found nothing."""
    rows = []
    if tally.unshown:
        rows.append("❗ " + t("Not on a card that Slack shows: *{n}*", n=tally.unshown))
    if tally.healed:
        rows.append(t("Cards that were missing and were posted after all: *{n}*", n=tally.healed))
    if tally.missed:
        rows.append(t("Mentions that were missed and were taken in after all: *{n}*", n=tally.missed))
    if tally.uncompared:
        accounts = [literal(name, 100) for name in tally.uncompared[:MAX_ROWS]]
        accounts += _more(tally.uncompared, t)
        rows.append(t("Not compared with what the platform has: {accounts}", accounts=", ".join(accounts)))
    return rows


def _more(of: Sequence[Any], t: Texts) -> list[str]:
    """Return how many there are after the first MAX_ROWS, if any."""
    return [t("… and {n} more", n=len(of) - MAX_ROWS)] if len(of) > MAX_ROWS else []


def _rows(content: Overview, t: Texts) -> list[str]:
    """Return the figures in words, "" for what says nothing: a count that is zero and was so before.

    Whoever asks for them reads that nothing came in, too.
    """
    figures, before, is_asked = content.figures, content.before, content.span is Span.ASKED
    ended = not is_asked or content.is_over

    def counted(row: str, n: int, earlier: int | None) -> str:
        return _compared(row, earlier, t) if n or earlier else ""

    received, earlier = _received(content, t), before.mentions if before else None
    return [
        counted(received, figures.mentions, earlier) if not is_asked else _compared(received, earlier, t),
        counted(t("Cases opened: *{n}*", n=figures.opened), figures.opened, before.opened if before else None),
        _topics(figures, before, t),
        counted(t("Answers sent: *{n}*", n=figures.answered), figures.answered, before.answered if before else None),
        _closed(figures, t),
        _hidden(figures, t),
        _measured(t("First reaction"), figures.first, before.first if before else None, t, ended=ended),
        _measured(t("Resolution"), figures.resolution, before.resolution if before else None, t, ended=ended),
    ]


def _compared(row: str, before: int | None, t: Texts) -> str:
    return row if before is None else f"{row} {t('(previous: {n})', n=before)}"


def _topics(figures: Figures, before: Figures | None, t: Texts) -> str:
    """Return what the opened cases are about, the most frequent topic first; "" when none has a topic."""
    if not any(figures.topics):
        return ""
    named = [topic for topic in figures.topics if topic]
    groups = [(literal(topic, 60), [topic]) for topic in named[:MAX_TOPICS]]
    groups += [(t("other topics"), named[MAX_TOPICS:]), (t("no topic"), [""])]
    parts = []
    for name, topics in groups:
        count, earlier = (sum(each.topics.get(topic, 0) for topic in topics) for each in (figures, before or figures))
        if count:
            parts.append(_compared(f"{name} {count}", earlier if before else None, t))
    return t("About: {topics}", topics=", ".join(parts))


def _closed(figures: Figures, t: Texts) -> str:
    if not figures.closed:
        return ""
    reasons = ", ".join(f"{literal(reason_words(reason, t), 60)} {n}" for reason, n in figures.closed.items())
    row = t("Closed without answer: *{n}*", n=sum(figures.closed.values()))
    return f"{row} ({reasons})" if reasons else row


def _hidden(figures: Figures, t: Texts) -> str:
    """Return how many posts were hidden, and for which house rules."""
    if not figures.hidden:
        return ""
    rules = [f"{literal(rule, 60)} {n}" for rule, n in list(figures.hidden.items())[:MAX_TOPICS]]
    if rest := sum(list(figures.hidden.values())[MAX_TOPICS:]):
        rules.append(f"{t('other house rules')} {rest}")
    return t("Posts hidden: *{n}* ({rules})", n=sum(figures.hidden.values()), rules=", ".join(rules))


def _measured(what: str, measured: Measured, before: Measured | None, t: Texts, *, ended: bool) -> str:
    """Return the share within the norm; what was late when the period `ended` may be answered by now."""
    if measured.percent is None:
        return ""
    norm = duration(measured.target, t) if measured.target is not None else t("the norm")
    share = t("{what}: *{percent} %* within {norm}", what=what, percent=measured.percent, norm=norm)
    if before is not None and before.percent is not None:
        share += " " + t("(previous: {n} %)", n=before.percent)
    if measured.late and ended:
        share += ", " + t.plural("{n} was late and still waited", "{n} were late and still waited", measured.late)
    elif measured.late:
        share += ", " + t.plural("{n} is late and still waits", "{n} are late and still wait", measured.late)
    if not measured.count:
        return share
    spread = t("half within {median}, 90 % within {p90}", median=duration(measured.median or 0, t, measured.target),
               p90=duration(measured.p90 or 0, t, measured.target))  # fmt: skip
    return f"{share}, {spread}"


def _standing(standing: Standing, t: Texts) -> str:
    rows = [_open(standing, t)]
    if standing.with_citizen:
        rows.append(t("With the citizen: *{n}*", n=standing.with_citizen))
    if standing.late:
        rows.append("❗ " + t("Late: *{n}*", n=standing.late))
    if standing.promised:
        rows.append(t("Promised for today: *{n}*", n=standing.promised))
    rows += [_trouble(trouble, t, standing.at) for trouble in standing.troubles[:MAX_ROWS]]
    rows += _more(standing.troubles, t)
    if all(trouble.channel is not None for trouble in standing.troubles):
        rows.append(t("All accounts work."))
    return "\n".join([t("As of {time}:", time=t.time(standing.at)), *(f"• {row}" for row in rows)])


def _trouble(trouble: Trouble, t: Texts, now: datetime) -> str:
    problem = t.stored(trouble.problem)
    if trouble.until is not None:
        problem = t("The platform's limit is used up until {time}.", time=t.when(trouble.until, now))
    if trouble.channel == SOCKET:
        return "⚠️ " + problem
    if trouble.channel:
        return "⚠️ " + t("I cannot write in <#{channel}>: {reason}", channel=trouble.channel, reason=problem)
    if trouble.channel is not None:
        return "⚠️ " + t("I cannot write in Slack: {reason}", reason=problem)
    state = t("stopped") if trouble.stopped else t("has trouble")
    return f"⚠️ {literal(trouble.name, 100)} – {state}" + (f": {literal(problem, 300)}" if problem else "")


def _open(standing: Standing, t: Texts) -> str:
    row = t("Open: *{n}*", n=standing.open)
    if not standing.open:
        return row
    *younger, longer = standing.ages
    ages = [t("{count} less than {n} hours", count=count, n=n) for n, count in zip(AGES, younger, strict=True) if count]
    ages += [t("{count} longer", count=longer)] if longer else []
    row += f" ({', '.join(ages)})"
    if standing.oldest_at is not None:
        since = t("The oldest since {time}", time=t.when(standing.oldest_at, standing.at))
        row += f". {since}" + (f" ({link(standing.oldest_url, t('card'))})" if standing.oldest_url else "")
    return row


def _sources(rows: Sequence[Source], t: Texts) -> str:
    """Return the table of accounts as text; "" for one account, whose figures are those of the team."""
    return "\n".join(f"• {_source(row, t)}" for row in rows)


def _source(row: Source, t: Texts) -> str:
    """Return the figures of an account in words, without its first reactions when there were none."""
    account = literal(row.name, 100)
    if not row.reactions:
        return t("{account}: {mentions} received, {answered} answered",
                 account=account, mentions=row.mentions, answered=row.answered)  # fmt: skip
    return t("{account}: {mentions} received, {answered} answered, {kept} of {count} first reactions within the norm",
             account=account, mentions=row.mentions, answered=row.answered, kept=row.kept,
             count=row.reactions)  # fmt: skip


def _in_table(figures: Figures, t: Texts) -> list[Source]:
    """Return the rows of the table of accounts, the largest first; one row is for all that do not fit."""
    if len(figures.sources) < 2:
        return []
    largest = sorted(figures.sources, key=lambda source: (-source.mentions, -source.answered, -source.reactions))
    most = MAX_ROWS if len(largest) <= MAX_ROWS else MAX_ROWS - 1
    rest = largest[most:]
    return [*largest[:most], *([_together(rest, t)] if rest else [])]


def _together(sources: Sequence[Source], t: Texts) -> Source:
    return Source(
        t("{n} other accounts", n=len(sources)),
        sum(source.mentions for source in sources),
        sum(source.opened for source in sources),
        sum(source.answered for source in sources),
        sum(source.reactions for source in sources),
        sum(source.kept for source in sources),
    )


def _native(figures: Figures, rows: Sequence[Source], t: Texts) -> list[Block]:
    blocks = [chart(figures.parts, t)] if tells(figures.parts) else []
    return [*blocks, _table(rows, t)] if rows else blocks


def tells(parts: Sequence[Part]) -> bool:
    """Tell whether a chart says more than a line: at least two parts are not empty."""
    return sum(bool(part.mentions or part.answered) for part in parts) > 1


def chart(parts: Sequence[Part], t: Texts) -> Block:
    """Return a bar chart of mentions and answers per part of a period."""
    days = _days(parts)
    years = {day.astimezone(t.zone).year for day in days}
    labels = [t.day(day, year=len(years) > 1) for day in days]
    incoming = [{"label": label, "value": part.mentions} for label, part in zip(labels, parts, strict=True)]
    answered = [{"label": label, "value": part.answered} for label, part in zip(labels, parts, strict=True)]
    series = [{"name": t("Received"), "data": incoming}, {"name": t("Answered"), "data": answered}]
    bars = {"type": "bar", "series": series, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": t("Mentions and answers"), "chart": bars}


def _days(parts: Sequence[Part]) -> list[datetime]:
    """Return noon of the first day of each part, which is on that day in other zones too.

    A part begins at midnight of its team, which is another day in a zone to the west in which times are shown. Only the
    first may begin later on its day; the midnight at which it ends says when that day was.
    """
    noons = [part.since + NOON for part in parts]
    if len(parts) > 1:
        first, second = parts[:2]
        whole_days = max(1, -((first.since + HOUR - second.since) // DAY))  # one of them may be an hour longer
        noons[0] = second.since - whole_days * DAY + NOON
    return noons


def _table(sources: Sequence[Source], t: Texts) -> Block:
    heads = [t("Account"), t("Received"), t("Answered"), t("First reactions due"), t("Within the norm")]
    rows: list[list[Block]] = [[{"type": "raw_text", "text": head} for head in heads]]
    for source in sources:
        numbers = (source.mentions, source.answered, source.reactions, source.kept)
        name = {"type": "raw_text", "text": cut(source.name, 100) or "—"}
        rows.append([name, *({"type": "raw_number", "value": n, "text": str(n)} for n in numbers)])
    return {"type": "data_table", "caption": t("Per account"), "rows": rows, "page_size": MAX_ROWS}
