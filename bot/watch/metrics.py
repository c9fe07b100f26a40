"""The text of `/metrics`: what this process counted and knows of Slack, and what waits in the database.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator

import structlog
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.desk import Desk
from bot.logs import trace
from bot.slack.calls import contact_of
from bot.watch.stored import Stored

log = structlog.get_logger()


async def waiting(desk: Desk, stored: Stored) -> list[Metric] | None:
    """Return what waits in the database; None when it does not answer."""
    try:
        async with desk.reading() as session:
            return await stored.read(session, desk.now())
    except Exception as error:
        log.error("metrics: the database does not answer", **trace(error))
        return None


async def text_of(desk: Desk, waits: list[Metric] | None) -> bytes:
    """Return the text, with what is known of the database at this moment: None when it does not answer."""
    answers = GaugeMetricFamily("webcare_database_up", "Whether the database answered.", value=waits is not None)
    full = GaugeMetricFamily("webcare_database_disk_full", "Whether its disk is full.", value=desk.disk.is_full())
    return generate_latest(_All([*_counted(desk), *await _slack(desk), answers, full, *(waits or ())]))


class _All(Collector):
    """These metrics, as the library takes them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics


def _counted(desk: Desk) -> Iterator[Metric]:
    """Yield what the process counted, without when each counter began: that doubles the series and nobody asks it."""
    for metric in desk.meters.registry.collect():
        metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
        yield metric


async def _slack(desk: Desk) -> list[Metric]:
    """Return what this process knows of its contact with Slack."""
    contact = contact_of(desk.slack)
    moments = GaugeMetricFamily(
        "webcare_slack_timestamp_seconds", "When Slack last sent something, and last answered a call.", labels=["what"]
    )
    for what, at in (("event", contact.heard_at), ("call", contact.called_at)):
        if at is not None:
            moments.add_metric([what], at.timestamp())
    since = contact.unreachable_since
    seconds = (desk.now() - since).total_seconds() if since is not None else 0
    silence = GaugeMetricFamily(
        "webcare_slack_unreachable_seconds", "How long Slack has answered no call.", value=seconds
    )
    found: list[Metric] = [moments, silence]
    if socket := await contact.socket():
        found.append(
            GaugeMetricFamily(
                "webcare_slack_socket_open", "Whether Slack's socket is open.", value=socket == "connected"
            )
        )
    return found
