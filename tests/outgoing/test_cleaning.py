"""An image is published without anything that is not the picture, and as the platform takes it."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from bot.domain.image import JPEG, PNG, Image, Images
from bot.domain.text import Refused
from bot.outgoing.cleaning import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, STORED_BYTES, cleaned
from tests.fakes.pictures import HIDDEN, drawing, moving, photograph

ANY = Images()


def shown(image: Image) -> Pillow.Image:
    """The picture as it is published, which must be what it says to be."""
    picture = Pillow.open(io.BytesIO(image.content))
    assert (Pillow.MIME[picture.format], picture.size) == (image.kind, (image.width, image.height))
    return picture


def colour(picture: Pillow.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("made", [photograph(), photograph(turned=True), drawing(), drawing(transparent=True)])
def test_nothing_but_the_picture_is_left(made: bytes) -> None:
    hidden = [each for each in HIDDEN if each in made]
    assert len(hidden) >= 3
    image = cleaned(made, ANY)
    assert [each for each in HIDDEN if each in image.content] == []
    picture = shown(image)
    assert dict(picture.getexif()) == {}
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_photograph_that_lies_on_its_side_is_published_upright() -> None:
    upright = shown(cleaned(photograph(320, 200, turned=True), ANY))
    assert upright.size == (200, 320)
    red, _, blue = colour(upright, 180, 20)  # its upper left came to the upper right
    assert red > 200 > 60 > blue


def test_a_photograph_becomes_a_jpeg_and_a_drawing_stays_sharp() -> None:
    assert [cleaned(each, ANY).kind for each in (photograph(), drawing(), drawing(transparent=True))] == [
        JPEG,
        PNG,
        PNG,
    ]


def test_what_can_be_seen_through_lies_on_white_where_only_a_jpeg_is_taken() -> None:
    picture = shown(cleaned(drawing(transparent=True), Images(kinds=(JPEG,))))
    assert picture.mode == "RGB"
    assert min(colour(picture, 190, 10)) > 240


@pytest.mark.parametrize("options", [{}, {"transparency": 65535}])
def test_a_scan_in_sixteen_bits_keeps_its_greys(options: dict[str, int]) -> None:
    scan = Pillow.new("I;16", (256, 4))
    for x in range(256):
        scan.paste(x * 257, (x, 0, x + 1, 4))
    written = io.BytesIO()
    scan.save(written, "PNG", **options)
    picture = shown(cleaned(written.getvalue(), ANY))
    assert [colour(picture, x, 2) for x in (0, 64, 128, 255)] == [(x, x, x) for x in (0, 64, 128, 255)]


def test_the_same_file_gives_the_same_image_again() -> None:
    for made in (photograph(turned=True), drawing()):
        assert cleaned(made, ANY) == cleaned(made, ANY)
        again = cleaned(made, ANY)
        assert shown(cleaned(again.content, ANY)).size == (again.width, again.height)


@settings(max_examples=12)
@given(
    kinds=st.sampled_from([(JPEG,), (PNG,), (JPEG, PNG)]), most=st.integers(20_000, 400_000),
    pixels=st.integers(10_000, 500_000), drawn=st.booleans(),
)  # fmt: skip
def test_whatever_the_platform_takes_it_gets_no_more_than_that(
    kinds: tuple[str, ...], most: int, pixels: int, drawn: bool
) -> None:
    takes = Images(kinds, most, pixels)
    image = cleaned(drawing(900, 600) if drawn else photograph(900, 600), takes)
    assert takes.take(image.kind, len(image.content), image.width * image.height)
    assert abs(image.width / image.height - 1.5) < 0.05
    shown(image)


def test_a_large_photograph_is_made_smaller_and_stays_within_what_we_keep() -> None:
    noise = Pillow.effect_noise((3000, 2400), 90).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "JPEG", quality=95)
    image = cleaned(written.getvalue(), Images(bytes=MOST_BYTES))
    assert max(image.width, image.height) <= LONGEST_SIDE
    assert len(image.content) <= STORED_BYTES


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says that it is very large."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_an_image_with_very_many_pixels_is_refused_before_it_is_unpacked() -> None:
    for side in (7_100, 10_000, 60_000, 2_000_000_000):
        assert side * side > MOST_PIXELS
        with pytest.raises(Refused, match=r"million pixels|that we can read"):
            cleaned(bomb(side, side), ANY)


NO_IMAGES = [
    b"", b"<html><body>log in</body></html>", b"GIF89a\x01\x00\x01\x00", b"%PDF-1.7", b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', photograph()[:900], drawing()[:60],
    bomb(100, 100), bomb(0, 0), b"RIFF\x24\x00\x00\x00WEBPVP8 ",
]  # fmt: skip


@pytest.mark.parametrize("content", NO_IMAGES)
def test_what_is_no_image_of_a_kind_that_we_take_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="no JPEG or PNG"):
        cleaned(content, ANY)


@given(st.binary(max_size=200), st.integers(0, 5_000), st.booleans())
@settings(max_examples=60)
def test_a_damaged_image_is_refused_or_read_but_never_a_fault(noise: bytes, at: int, drawn: bool) -> None:
    whole = drawing() if drawn else photograph()
    damaged = whole[: at % len(whole)] + noise + whole[at % len(whole) + len(noise) :]
    try:
        shown(cleaned(damaged, ANY))
    except Refused:
        return


def test_what_moves_and_what_is_too_large_is_refused() -> None:
    with pytest.raises(Refused, match="moves"):
        cleaned(moving(), ANY)
    with pytest.raises(Refused, match="10 MB"):
        cleaned(photograph() + bytes(MOST_BYTES), ANY)
    with pytest.raises(Refused, match="however small"):
        cleaned(photograph(), Images(bytes=100))
