"""Make an image safe to publish: read it as a picture, and write a new file with nothing but the picture.

That removes what a camera or program adds (EXIF with place, device and owner, thumbnails, comments, profiles), and
anything hidden behind the picture. Pillow reads it: https://pillow.readthedocs.io
"""

import io
from collections.abc import Iterator

from PIL import Image as Pillow
from PIL import ImageOps

from bot.domain.image import JPEG, PNG, Image, Images
from bot.domain.text import Refused

MOST_BYTES = 10 * 1024 * 1024
"""The limit of Slack: https://docs.slack.dev/reference/block-kit/block-elements/file-input-element"""
MOST_PIXELS = 50_000_000
"""More than a phone makes; unpacked that is 200 MB."""
LONGEST_SIDE = 2048
"""Pixels; no platform shows more of a picture in a conversation."""
STORED_BYTES = 2_000_000
"""The most that we store of one image, no matter what the platform takes."""
FORMATS = ("JPEG", "PNG")
QUALITIES = (88, 75)
SMALLER = 0.75
SMALLEST_SIDE = 64


def cleaned(content: bytes, takes: Images) -> Image:
    """Return an image as this platform takes it, made smaller if needed; the same content always gives the same result.

    Raises Refused when it is no JPEG or PNG, when it is animated, and when it is too large to read.
    """
    picture = _read(content)
    whole = picture.size
    while True:
        for kind, written in _written(picture, takes):
            if takes.take(kind, len(written), picture.width * picture.height) and len(written) <= STORED_BYTES:
                return Image(written, kind, picture.width, picture.height)
        width, height = (round(side * SMALLER) for side in picture.size)
        if min(width, height) < min(SMALLEST_SIDE, *whole):
            raise Refused("The platform does not take this image, however small we make it.")
        picture = picture.resize((width, height), Pillow.Resampling.LANCZOS)


def _read(content: bytes) -> Pillow.Image:
    """Return the picture alone, upright and no larger than `LONGEST_SIDE`."""
    if len(content) > MOST_BYTES:
        raise Refused("The image is larger than {size} MB. Make it smaller first.", size=MOST_BYTES // 1024**2)
    try:
        with Pillow.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:  # checked before anything is unpacked
                raise _too_many_pixels()
            if getattr(opened, "n_frames", 1) > 1 and opened.format == "PNG":
                raise Refused("This image moves. Choose one that stands still.")
            opened.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is unpacked no larger than needed
            picture = _in_eight_bits(ImageOps.exif_transpose(opened))
            picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Refused:
        raise
    except Exception:  # hostile files make decoders fail in many ways
        raise Refused("This is no JPEG or PNG image that we can read.") from None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Pillow.Resampling.LANCZOS)
    return picture


def _in_eight_bits(picture: Pillow.Image) -> Pillow.Image:
    """Return a picture in 65,536 greys, as scanners write, in 256: Pillow would make all but the darkest white."""
    if not picture.mode.startswith("I"):
        return picture
    grey = picture.point(lambda shade: shade / 256).convert("L")
    grey.info.pop("transparency", None)  # one of the 65,536
    return grey


def _too_many_pixels() -> Refused:
    return Refused("The image has more than {count} million pixels. Make it smaller first.", count=MOST_PIXELS // 10**6)


def _written(picture: Pillow.Image, takes: Images) -> Iterator[tuple[str, bytes]]:
    """Yield the picture in the kinds that the platform takes, the best first: one with sharp letters stays a PNG."""
    bare = Pillow.new(picture.mode, picture.size)
    bare.paste(picture)  # nothing else from the file is copied
    if PNG in takes.kinds and (picture.mode == "RGBA" or _is_drawn(picture) or JPEG not in takes.kinds):
        yield PNG, _saved(bare, "PNG", optimize=True)
    if JPEG in takes.kinds:
        if bare.mode == "RGBA":
            bare = Pillow.alpha_composite(Pillow.new("RGBA", bare.size, "white"), bare).convert("RGB")
        for quality in QUALITIES:
            yield JPEG, _saved(bare, "JPEG", quality=quality, optimize=True)


def _is_drawn(picture: Pillow.Image) -> bool:
    """Tell whether a picture has few colours: a screenshot or a drawing, not a photograph."""
    return picture.getcolors(maxcolors=4096) is not None


def _saved(picture: Pillow.Image, kind: str, **options: int) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()
