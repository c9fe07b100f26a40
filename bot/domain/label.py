"""What people call an account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """The name of an account for people: its platform, and its own name if that adds something."""

    platform: str
    name: str = ""
    sign: str = ""
    """A small sign of the platform, an emoji; it is never shown without the platform's name."""

    def __str__(self) -> str:
        """Return platform and name, for a list or a table."""
        return f"{self.platform} · {self.name}" if self.name else self.platform

    @property
    def signed_platform(self) -> str:
        """Return the platform after its sign."""
        return f"{self.sign} {self.platform}".strip()

    @property
    def signed(self) -> str:
        """Return platform and name after the sign."""
        return f"{self.sign} {self}".strip()
