"""What people call an account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """What people call an account: its platform, and its own name where that adds something."""

    platform: str
    name: str = ""

    def __str__(self) -> str:
        """Return both, for a list or a table."""
        return f"{self.platform} · {self.name}" if self.name else self.platform
