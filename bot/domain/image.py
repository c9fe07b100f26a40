"""The image of an answer: what a platform takes, and the one that is published."""

from collections.abc import Collection
from dataclasses import dataclass, field

JPEG, PNG = "image/jpeg", "image/png"
SUFFIX = {JPEG: "jpg", PNG: "png"}
"""The kinds of image that we publish, and how a file of each is named."""


@dataclass(frozen=True)
class Images:
    """Which image a platform takes with an answer: of these kinds, with at most so many bytes and pixels.

    `described` is how many characters its description may have; 0: it takes none. `words` is how many characters the
    answer may have beside it; None: as many as without.
    """

    kinds: Collection[str] = (JPEG, PNG)
    bytes: int = 2_000_000
    pixels: int = 16_000_000
    described: int = 1500
    words: int | None = None

    def take(self, kind: str, size: int, pixels: int) -> bool:
        """Tell whether an image of this kind, with so many bytes and pixels, is taken as it is."""
        return kind in self.kinds and size <= self.bytes and pixels <= self.pixels


@dataclass(frozen=True)
class Image:
    """The image of an answer; `content` is the same at every attempt to publish it."""

    content: bytes = field(repr=False)
    kind: str
    width: int
    height: int
    description: str = ""

    @property
    def file_name(self) -> str:
        """A name for it that tells nothing of the file from which it was made."""
        return f"image.{SUFFIX[self.kind]}"
