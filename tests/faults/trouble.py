"""Bad weather: what goes wrong with Slack's and the platforms' answers, by the dice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bot.sandbox.slack.faults import Drop, Fault, Faults

SLOW = (0.3, 1.5, 4.0, 9.0, 25.0, 45.0)
"""Seconds; Slack waits 3 for us, and we wait 10 for Slack and 20 for a platform."""
REFUSED = ("internal_error", "fatal_error", "rate_limited", "channel_not_found", "msg_too_long")


@dataclass
class Weather(Faults):
    """The faults of Slack's calls: each fails with the chance `bad`."""

    dice: Random = field(default_factory=Random)
    bad: float = 0.0
    log: Callable[[str], None] = print

    def take(self, method: str) -> Fault:
        if self.bad == 0 or self.dice.random() >= self.bad:
            return Fault()
        fault = self._any()
        told = ", ".join(f"{name} {value}" for name, value in vars(fault).items() if value)
        self.log(f"  Slack on {method}: {told}")
        return fault

    def _any(self) -> Fault:
        match self.dice.choices(range(6), (3, 2, 2, 3, 3, 1))[0]:
            case 0:
                return Fault(status=429, error="ratelimited", retry_after=self.dice.choice((1, 3, 30, 90)))
            case 1:
                return Fault(status=self.dice.choice((500, 502, 503)))
            case 2:
                return Fault(drop=Drop.BEFORE)
            case 3:
                return Fault(drop=Drop.AFTER)
            case 4:
                return Fault(delay=self.dice.choice(SLOW))
            case _:
                return Fault(error=self.dice.choice(REFUSED))


@dataclass
class Trouble:
    """The faults of a platform: each request fails with the chance `bad`."""

    dice: Random
    bad: float = 0.0
    log: Callable[[str], None] = print

    def take(self) -> tuple[str, float]:
        """What happens to a request: "" (nothing), or the name of a fault, and its number."""
        if self.bad == 0 or self.dice.random() >= self.bad:
            return "", 0
        kind = self.dice.choices(("limit", "fault", "before", "after", "slow", "refused"), (2, 2, 2, 3, 3, 1))[0]
        number = {"limit": (1, 20, 120, 900), "fault": (500, 502, 503), "slow": SLOW}.get(kind, (0,))
        chosen = self.dice.choice(number)
        self.log(f"  a platform: {kind} {chosen}")
        return kind, chosen
