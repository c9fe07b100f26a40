"""The image of an answer: which images a platform takes, and the one that is published."""

from collections.abc import Collection
from dataclasses import dataclass, field

JPEG, PNG = "image/jpeg", "image/png"
SUFFIX = {JPEG: "jpg", PNG: "png"}
"""The kinds of image that we publish, with their file name extensions."""


@dataclass(frozen=True)
class Images:
    """Which images a platform takes with an answer: their kinds, and their limits in bytes and pixels.

    `described` is how many characters the description may have; 0: the platform takes none. `words` is how many
    characters the answer may have with an image; None: as many as without.
    """

    kinds: Collection[str] = (JPEG, PNG)
    bytes: int = 2_000_000
    pixels: int = 16_000_000
    described: int = 1500
    words: int | None = None

    def take(self, kind: str, size: int, pixels: int) -> bool:
        """Tell whether an image of this kind, with `size` bytes and `pixels` pixels, is taken as it is."""
        return kind in self.kinds and size <= self.bytes and pixels <= self.pixels


@dataclass(frozen=True)
class Image:
    """The image of an answer; `content` is the same on every attempt to publish it."""

    content: bytes = field(repr=False)
    kind: str
    width: int
    height: int
    description: str = ""

    @property
    def file_name(self) -> str:
        """A name for it that reveals nothing about the original file."""
        return f"image.{SUFFIX[self.kind]}"
