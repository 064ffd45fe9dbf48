"""A picture is decoded upright and only as far as needed; one that is damaged, cut or odd is refused by name."""

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loadlens.vision import image
from loadlens.vision.frame import Frame, SourceError


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """A picture with detail everywhere, red on its left, blue on its right."""
    noise = np.random.default_rng(7).integers(0, 90, (height, width, 3))
    noise[:, : width // 2, 0] += 120
    noise[:, width // 2 :, 2] += 120
    return Image.fromarray(noise.astype(np.uint8))


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    body = io.BytesIO()
    picture.save(body, kind, **options)
    return body.getvalue()


def read(body: bytes, colour_width: int | None = None) -> Frame:
    return Frame.from_bytes(body, name="gate.jpg", time_s=2.5, camera="lane-1", colour_width=colour_width)


# Proven sound by a small grey decode, or by the one in colour that is wanted anyway, at 1/1, 1/2 or 1/4.
WAYS = (None, 320, 160, 80)


def png_of_size(width: int, height: int) -> bytes:
    """A small file that claims to be a huge picture."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in (header, data, b"IEND")
    )


def webp_of_size(width: int, height: int) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def translucent(picture: Image.Image) -> Image.Image:
    picture.putalpha(128)
    return picture


def animated(kind: str) -> bytes:
    return encoded(scene(), kind, save_all=True, append_images=[scene().rotate(180)])


def sixteen_bit_png() -> bytes:
    return encoded(Image.fromarray(np.arange(80 * 80, dtype=np.uint16).reshape(80, 80)), "PNG")


def rare_jpeg() -> bytes:
    """A picture of one level whose second colour is stored at a size that hardly any decoder knows."""
    body = bytearray(encoded(Image.new("RGB", (128, 96), (90, 90, 90)), subsampling="4:2:2"))
    body[body.index(b"\xff\xc0") + 14] = 0x22
    return bytes(body)


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


REFUSED = {
    "empty": (b"", "empty"),
    "text": (b"this is no picture at all\n" * 40, "not a JPEG"),
    "pdf": (b"%PDF-1.7\n" + bytes(500), "not a JPEG"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"/>', "not a JPEG"),
    "gif": (encoded(scene(), "GIF"), "not a JPEG"),
    "animated gif": (animated("GIF"), "not a JPEG"),
    "tiff of two pages": (animated("TIFF"), "not a JPEG"),
    "animated png": (animated("PNG"), "animated"),
    "animated webp": (animated("WEBP"), "animated"),
    "cut jpeg": (half(encoded(scene())), "cut off"),
    "cut progressive jpeg": (half(encoded(scene(), progressive=True)), "cut off"),
    "cut jpeg with zeros": (half(encoded(scene())) + bytes(9000), "cut off"),
    "cut jpeg with an end marker": (half(encoded(scene())) + b"\xff\xd9", "cut off"),
    "rare jpeg": (rare_jpeg(), "rare kind"),
    "cut png": (half(encoded(scene(), "PNG")), "damaged"),
    "cut webp": (half(encoded(scene(), "WEBP")), "damaged"),
    "cut bmp": (half(encoded(scene(), "BMP")), "cut off"),
    "png bomb": (png_of_size(30_000, 30_000), "too large"),
    "larger png bomb": (png_of_size(12_000, 9_000), "too large"),
    "thin png": (png_of_size(20_000, 100), "too large"),
    "webp bomb": (webp_of_size(16_000, 16_000), "too large"),
    "small": (encoded(scene(320, 63)), "too small"),
    "tall": (encoded(scene(100, 1300)), "too narrow to grade; cut it"),
    "flat": (encoded(scene(1300, 100)), "too narrow to grade; cut it"),
    "16 bits": (sixteen_bit_png(), "16 bits"),
    "cmyk jpeg": (encoded(scene().convert("CMYK")), "CMYK"),
    "alpha png": (encoded(translucent(scene()), "PNG"), "transparent"),
    "alpha webp": (encoded(translucent(scene()), "WEBP"), "transparent"),
    "transparent colour": (encoded(scene(), "PNG", transparency=(0, 0, 0)), "transparent"),
}


@pytest.mark.parametrize("colour_width", WAYS)
@pytest.mark.parametrize(("body", "why"), REFUSED.values(), ids=REFUSED)
def test_a_picture_that_cannot_be_graded_is_refused_in_one_line(
    body: bytes, why: str, colour_width: int | None
) -> None:
    with pytest.raises(SourceError, match=why) as refusal:
        read(body, colour_width)
    assert str(refusal.value).startswith("gate.jpg: ")
    assert "\n" not in str(refusal.value)


def test_a_png_with_16_bits_a_colour_is_refused() -> None:
    body = bytearray(encoded(scene(), "PNG"))
    body[24] = 16
    body[29:33] = struct.pack(">I", zlib.crc32(bytes(body[12:29])))
    with pytest.raises(SourceError, match="16 bits"):
        read(bytes(body))


def test_a_flipped_bit_in_a_png_is_refused() -> None:
    body = bytearray(encoded(scene(), "PNG"))
    body[len(body) // 2] ^= 1
    with pytest.raises(SourceError, match="damaged"):
        read(bytes(body))


@pytest.mark.parametrize("colour_width", WAYS)
def test_a_missing_piece_of_a_jpeg_is_refused(colour_width: int | None) -> None:
    body = encoded(scene(640, 480), quality=90)
    with pytest.raises(SourceError, match="cut off"):
        read(body[: len(body) // 2] + body[len(body) // 2 + 4000 :], colour_width)


@pytest.mark.parametrize("colour_width", [None, 96, 48, 24])
def test_no_cut_of_a_jpeg_is_ever_accepted(colour_width: int | None) -> None:
    body = encoded(scene(96, 64))
    for length in range(0, len(body) - 1, 7):
        with pytest.raises(SourceError):
            read(body[:length], colour_width)


@pytest.mark.parametrize("colour_width", WAYS)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(320, 240), (320, 232), (312, 230)])
def test_a_jpeg_whose_last_blocks_are_missing_is_refused(
    size: tuple[int, int], subsampling: int, colour_width: int | None
) -> None:
    """Its end marker is there, as where a buffer ran over. 1080 lines end in half a row of blocks, as 232 do."""
    for picture in (scene(*size), scene(*size).convert("L")):
        body = encoded(picture, quality=90, subsampling=subsampling)
        for missing in (500, 1000, 2000):
            with pytest.raises(SourceError, match="cut off"):
                read(body[:-missing] + body[-2:], colour_width)


def test_a_picture_file_over_the_byte_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(image.MAX_BYTES + 1)
    with pytest.raises(SourceError, match="too large"):
        image.read_bytes(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_ordinary_pictures_of_every_kind_become_rgb(kind: str, mode: str) -> None:
    picture = scene().convert(mode)
    if kind in ("JPEG", "WEBP") and mode == "P":
        picture = picture.convert("RGB")
    frame = read(encoded(picture, kind))
    assert (frame.width, frame.height, frame.time_s, frame.camera) == (320, 240, 2.5, "lane-1")
    assert frame.rgb().shape == (240, 320, 3)
    wanted = np.asarray(picture.convert("RGB"), np.float32)
    assert abs(frame.rgb().astype(np.float32) - wanted).mean() < 25  # lossy kinds blur the noise, never the colours
    assert abs(frame.rgb().mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() < 3


def test_a_stereo_jpeg_is_read_as_its_first_photo() -> None:
    assert read(encoded(scene(), "MPO", save_all=True, append_images=[scene()])).width == 320


def test_a_picture_that_truly_ends_in_one_level_is_accepted() -> None:
    picture = scene()
    picture.paste((0, 0, 0), (0, 160, 320, 240))
    assert read(encoded(picture)).height == 240


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_exif_rotation_is_applied(kind: str, orientation: int) -> None:
    # Undoes the rotation that a viewer applies, so that every one of them must show the same scene.
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    upright = scene()
    upright.paste((255, 255, 255), (0, 0, 320, 60))
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    frame = read(encoded(stored, kind, exif=exif))
    assert (frame.width, frame.height) == (320, 240)
    for scale in (1, 2):
        rgb = frame.rgb(scale).astype(int)
        assert rgb.shape == (240 // scale, 320 // scale, 3)
        assert rgb[: 50 // scale].mean() > 240
        lower = rgb[80 // scale :]
        assert (lower[:, : 140 // scale, 0] - lower[:, : 140 // scale, 2]).mean() > 80
        assert (lower[:, 180 // scale :, 2] - lower[:, 180 // scale :, 0]).mean() > 80
    luma = frame.luma(160)
    assert luma.shape == (120, 160)
    assert luma[:25].mean() > 240


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_reduced_decode_is_the_picture_at_that_size(kind: str) -> None:
    frame = read(encoded(scene(1280, 720), kind))
    assert [frame.rgb(scale).shape for scale in (1, 2, 4)] == [(720, 1280, 3), (360, 640, 3), (180, 320, 3)]
    assert abs(frame.rgb(4).mean(axis=(0, 1)) - frame.rgb().mean(axis=(0, 1))).max() < 2
    assert frame.luma(240).shape == (135, 240)
    assert frame.luma(1000).shape == (562, 1000)
    assert abs(frame.luma(240).mean() - frame.luma(1000).mean()) < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("colour_width", [320, 640, 1280])
def test_what_is_decoded_once_is_what_would_be_decoded_twice(kind: str, colour_width: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    body = encoded(scene(1280, 720), kind, exif=exif)
    twice, once = read(body), read(body, colour_width)
    for scale in (1, 2, 4):
        assert np.array_equal(once.rgb(scale), twice.rgb(scale))
    assert np.array_equal(once.luma(240), twice.luma(240))
    assert once.sha256 == twice.sha256


def test_luma_is_never_wider_than_the_frame() -> None:
    assert read(encoded(scene(100, 80))).luma(240).shape == (80, 100)


def test_a_scale_that_no_decoder_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="scale 3"):
        read(encoded(scene())).rgb(3)


def test_the_digest_is_that_of_the_encoded_bytes() -> None:
    body = encoded(scene())
    assert read(body).sha256 == hashlib.sha256(body).hexdigest()


def test_a_frame_from_an_array_looks_like_one_from_a_file() -> None:
    rgb = np.asarray(scene(640, 480))
    frame, lossless = Frame.from_rgb(rgb, time_s=1.0), read(encoded(scene(640, 480), "PNG"))
    assert np.array_equal(frame.rgb(), rgb)
    assert frame.rgb(4).shape == (120, 160, 3)
    assert np.abs(frame.luma(240).astype(int) - lossless.luma(240)).mean() < 4
    assert abs(frame.luma(240).mean() - lossless.luma(240).mean()) < 1
    assert frame.sha256 == Frame.from_rgb(rgb.copy(), time_s=9.0).sha256


@pytest.mark.parametrize("shape", [(80, 80), (80, 80, 4), (80, 20, 3)])
def test_an_array_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        Frame.from_rgb(np.zeros(shape, np.uint8), time_s=0.0)


@pytest.mark.photos
def test_every_crane_frame_is_read(photos: Path) -> None:
    paths = sorted((photos / "unloading_frames").glob("*.jpg"))
    assert len(paths) == 35
    for path in paths:
        assert Frame.from_bytes(path.read_bytes(), name=path.name, time_s=0.0).luma(240).shape == (135, 240)


@pytest.mark.photos
def test_the_one_cut_photo_among_the_scrap_grades_is_refused(photos: Path) -> None:
    refused = []
    for path in sorted((photos / "scrap_grades").rglob("*.*")):
        if path.suffix.lower() == ".jpg":
            try:
                Frame.from_bytes(path.read_bytes(), name=path.name, time_s=0.0)
            except SourceError:
                refused.append(path.name)
    assert refused == ["7_3_.jpg"]
