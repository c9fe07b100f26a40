"""What one process counts of its own work, in a registry that its desk owns; `/metrics` shows it.

A label holds only what our code, the platforms or Slack's methods name: never what a citizen wrote, nor a person's id.

https://prometheus.io/docs/practices/naming/
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

ACKNOWLEDGED_IN = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5)
"""In seconds; Slack waits 3 (https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response)."""
SHOWN_IN = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
"""In seconds."""


class Meters:
    """The counters of one process; whoever does the work counts it here."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.slack_calls = Counter(
            "webcare_slack_calls", "Calls to Slack, by how they ended.", ["method", "result"], registry=self.registry
        )
        self.acknowledged = Histogram(
            "webcare_slack_acknowledged_seconds",
            "From when a request of Slack came in until our answer to it.",
            ["kind"],
            buckets=ACKNOWLEDGED_IN,
            registry=self.registry,
        )
        self.carded = Histogram(
            "webcare_card_shown_seconds",
            "From when a mention came in until Slack had its card.",
            buckets=SHOWN_IN,
            registry=self.registry,
        )
        self.sends = Counter(
            "webcare_sends",
            "What we asked platforms to publish or do, by how that ended.",
            ["platform", "what", "outcome"],
            registry=self.registry,
        )
        self.faults = Counter(
            "webcare_faults", "What was logged as an error, by what failed.", ["event"], registry=self.registry
        )
        self.lanes = Gauge("webcare_lanes_running", "Lanes with work at this moment.", ["kind"], registry=self.registry)

    @contextmanager
    def acknowledging(self, kind: str) -> Iterator[None]:
        """Measure how long this block takes to answer a request of Slack."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.acknowledged.labels(kind).observe(time.perf_counter() - began)
