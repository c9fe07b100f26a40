"""Pictures as cameras and programs write them, with what is not for others in them."""

import io

from PIL import Image as Pillow
from PIL import ImageDraw
from PIL.PngImagePlugin import PngInfo

HIDDEN = (b"CameraCo 3000", b"52 deg 22", b"Jan de Vries", b"naar huis")
"""What stands beside the picture in those below: the device, the place, who made it, and a word."""


def photograph(width: int = 320, height: int = 200, *, turned: bool = False) -> bytes:
    """A JPEG with EXIF (device, place, owner) and a comment; `turned`: it lies on its side, as telephones write it.

    Its upper left quarter is red.
    """
    shades = Pillow.linear_gradient("L"), Pillow.linear_gradient("L").rotate(90), Pillow.radial_gradient("L")
    picture = Pillow.merge("RGB", [each.resize((width, height)) for each in shades])
    ImageDraw.Draw(picture).rectangle((0, 0, width // 2, height // 2), fill="red")
    exif = Pillow.Exif()
    exif[0x010F], exif[0x013B] = "CameraCo 3000", "Jan de Vries"
    exif.get_ifd(0x8825)[0x001B] = b"52 deg 22"
    if turned:
        exif[0x0112] = 6  # to be turned a quarter to the right
    written = io.BytesIO()
    picture.save(written, "JPEG", exif=exif, comment=b"naar huis", quality=95)
    return written.getvalue()


def drawing(width: int = 200, height: int = 100, *, transparent: bool = False) -> bytes:
    """A PNG with texts and EXIF beside the picture, and something behind its end."""
    picture = Pillow.new("RGBA" if transparent else "RGB", (width, height), (0, 0, 255, 0) if transparent else "blue")
    ImageDraw.Draw(picture).line((0, 0, width, height), fill="yellow", width=5)
    told = PngInfo()
    told.add_text("Author", "Jan de Vries")
    told.add_itxt("Comment", "naar huis", zip=False)
    exif = Pillow.Exif()
    exif[0x010F] = "CameraCo 3000"
    written = io.BytesIO()
    picture.save(written, "PNG", pnginfo=told, exif=exif)
    return written.getvalue() + b"52 deg 22"


def moving() -> bytes:
    """A PNG that moves."""
    frames = [Pillow.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    written = io.BytesIO()
    frames[0].save(written, "PNG", save_all=True, append_images=frames[1:], duration=100)
    return written.getvalue()
