"""What people call an account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """The name of an account for people: its platform, and its own name if that adds something."""

    platform: str
    name: str = ""

    def __str__(self) -> str:
        """Return platform and name, for a list or a table."""
        return f"{self.platform} · {self.name}" if self.name else self.platform
