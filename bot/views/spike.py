"""That more comes in than usual, as a sentence, a chart and the same in words."""

from datetime import timedelta

from bot.domain.queue import Filter, Where
from bot.models import Rising
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, literal, section
from bot.views.citizen import counted_sources

SLOT = timedelta(minutes=10)


def spike(rising: Rising, message_id: int, t: Texts) -> View:
    """Say how much more comes in than usual and what it is about, that it is over, or where it is said now."""
    if rising.moved_to:
        words = t("➡️ How much more comes in than usual is said in <#{channel}> now.", channel=rising.moved_to)
        return View(words, [section(words)])
    since = t.when(rising.since, rising.since)
    if rising.until is not None:
        words = t("✅ No more comes in than usual now. From {since} to {until} it was more; {most} in an hour at most.",
                  since=since, until=t.when(rising.until, rising.until), most=rising.most)  # fmt: skip
        return View(words, [section(words), *actions(_list_button(rising, t))])
    head = t("📈 *More comes in than usual*: {count} in the last hour.", count=rising.count)
    usual = t("At this hour of the week it is usually about {usual}.", usual=rising.usual)
    if not rising.usual:
        usual = t("At this hour of the week usually nothing comes in.")
    about = []
    if rising.words:
        about.append(t("Words that stand out: {words}", words=", ".join(literal(each, 40) for each in rising.words)))
    if rising.platforms:
        about.append(counted_sources(rising.platforms))
    times = _times(rising, t)
    slots = t("Per ten minutes: {counts}",
              counts=", ".join(f"{at} {n}" for at, n in zip(times, rising.slots, strict=True)))  # fmt: skip
    known = t("{agent} says: we know.", agent=f"<@{rising.known_by}>") if rising.known_by else ""
    start = [section("\n".join([f"{head} {usual}", *about]))]
    ask = [] if known else [button(t("We know"), "spike:know", str(message_id))]
    end = [*([context(known)] if known else []), *actions(_list_button(rising, t), *ask)]
    words = "\n".join([f"{head} {usual}", *about, slots, *([known] if known else [])])
    return View(words, [*start, _chart(rising, times, t), *end], plain=[*start, context(slots), *end])


def _list_button(rising: Rising, t: Texts) -> Block:
    until = int(rising.until.timestamp()) if rising.until else ""
    wanted = Filter(where=f"{Where.TIME}:{int(rising.since.timestamp())}-{until}")
    return button(t("Show what still waits of these"), "list:show", wanted.to_text(), style="primary")


def _times(rising: Rising, t: Texts) -> list[str]:
    """Return when each ten minutes began; a time that comes twice, as the clock is set back, is numbered then."""
    seconds = SLOT.total_seconds()
    last = rising.written - timedelta(seconds=rising.written.timestamp() % seconds)
    times = [t.time(last - SLOT * n) for n in reversed(range(len(rising.slots)))]
    return [f"{at} (2)" if at in times[:n] else at for n, at in enumerate(times)]


def _chart(rising: Rising, times: list[str], t: Texts) -> Block:
    counts = [{"label": at, "value": n} for at, n in zip(times, rising.slots, strict=True)]
    bars = {
        "type": "bar",
        "series": [{"name": t("Received"), "data": counts}],
        "axis_config": {"categories": times},
    }
    return {"type": "data_visualization", "title": t("What came in, per ten minutes"), "chart": bars}
