"""Fifty kinds of broken input: each gets one plain line, the right exit code, and leaves nothing half-written."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from loadlens.serving.cli import main

WRONG_USE, REFUSED = 2, 3
GREY = np.full((96, 128, 3), 120, np.uint8)
Words = list[str]


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (96, 128, 3), np.uint8)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def animated(kind: str) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (96, 96), (40 * number, 90, 10)) for number in range(4)]
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60000 pixels on either side."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def sixteen_bit() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((96, 96), 4000, np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def video(path: Path, *, sound: bool = False) -> None:
    with av.open(str(path), "w") as target:
        if sound:
            stream = target.add_stream("aac", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
        else:
            stream = target.add_stream("libx264", rate=5)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            frame = av.VideoFrame.from_ndarray(GREY, format="rgb24")
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


PICTURES: dict[str, tuple[str, bytes]] = {
    "empty file": ("a.jpg", b""),
    "text named jpg": ("a.jpg", b"this is no picture"),
    "html named png": ("a.png", b"<html><body>404</body></html>"),
    "pdf": ("a.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"),
    "svg": ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "zip": ("a.jpg", b"PK\x03\x04" + bytes(200)),
    "random bytes": ("a.jpg", bytes(np.random.default_rng(1).integers(0, 256, 4000, np.uint8))),
    "jpeg cut in half": ("a.jpg", encoded("JPEG")[: len(encoded("JPEG")) // 2]),
    "jpeg header alone": ("a.jpg", encoded("JPEG")[:20]),
    "png cut in half": ("a.png", encoded("PNG")[: len(encoded("PNG")) // 2]),
    "decompression bomb": ("a.png", bomb()),
    "16 bits a channel": ("a.png", sixteen_bit()),
    "CMYK": ("a.jpg", encoded("JPEG", "CMYK")),
    "see-through png": ("a.png", encoded("PNG", "RGBA")),
    "animated gif": ("a.gif", animated("GIF")),
    "animated webp": ("a.webp", animated("WEBP")),
    "animated png": ("a.png", animated("PNG")),
    "tiff of several pages": ("a.tif", animated("TIFF")),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_broken_picture_is_refused(kind, capsys, tmp_path, model_file):
    name, data = PICTURES[kind]
    (tmp_path / name).write_bytes(data)
    expect_refusal(["classify", str(tmp_path / name), "--model", str(model_file), "--json"], REFUSED, capsys, name)


def one_pixel(tmp_path: Path) -> Words:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    return ["classify", str(tmp_path / "dot.png")]


def missing_picture(tmp_path: Path) -> Words:
    return ["classify", str(tmp_path / "nowhere.jpg")]


def folder_as_picture(tmp_path: Path) -> Words:
    return ["classify", str(tmp_path)]


def missing_video(tmp_path: Path) -> Words:
    return ["grade", str(tmp_path / "nowhere.mp4")]


def empty_video(tmp_path: Path) -> Words:
    (tmp_path / "clip.mp4").touch()
    return ["grade", str(tmp_path / "clip.mp4")]


def text_as_video(tmp_path: Path) -> Words:
    (tmp_path / "clip.mp4").write_text("not a clip")
    return ["grade", str(tmp_path / "clip.mp4")]


def playlist_as_video(tmp_path: Path) -> Words:
    (tmp_path / "clip.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    return ["grade", str(tmp_path / "clip.mp4")]


def sound_without_picture(tmp_path: Path) -> Words:
    video(tmp_path / "clip.mp4", sound=True)
    return ["grade", str(tmp_path / "clip.mp4")]


def video_without_index(tmp_path: Path) -> Words:
    video(tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "clip.mp4").write_bytes(data[: data.index(b"moov")])
    (tmp_path / "whole.mp4").unlink()
    return ["grade", str(tmp_path / "clip.mp4")]


def empty_folder(tmp_path: Path) -> Words:
    (tmp_path / "frames").mkdir()
    return ["grade", str(tmp_path / "frames")]


def folder_without_pictures(tmp_path: Path) -> Words:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "notes.txt").write_text("gone home")
    return ["grade", str(tmp_path / "frames")]


def folder_of_broken_pictures(tmp_path: Path) -> Words:
    (tmp_path / "frames").mkdir()
    for number in range(3):
        (tmp_path / "frames" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    return ["grade", str(tmp_path / "frames")]


def dead_address(tmp_path: Path) -> Words:
    return ["grade", "http://127.0.0.1:9/stream"]


def strange_address(tmp_path: Path) -> Words:
    return ["grade", "gopher://yard/stream"]


def clip(tmp_path: Path) -> Words:
    video(tmp_path / "clip.mp4")
    return ["grade", str(tmp_path / "clip.mp4")]


def bed_outside(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--bed", "100,50,100,100"]


def bed_of_words(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--bed", "all of it"]


def bed_upside_down(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--bed", "60,60,-40,-40"]


def gross_without_tare(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "40000"]


def weights_swapped(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "16000", "--tare", "40000"]


def weight_of_words(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "forty tonnes", "--tare", "16000"]


def weight_is_nan(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "NaN", "--tare", "16000"]


def negative_tare(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "40000", "--tare=-16000"]


def division_of_zero(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--gross", "40000", "--tare", "16000", "--division", "0"]


def unknown_standard(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--standard", "gbt-1"]


def broken_standard(tmp_path: Path) -> Words:
    (tmp_path / "mill.toml").write_text("[standard\nid =")
    return [*clip(tmp_path), "--standard", str(tmp_path / "mill.toml")]


def model_of_text(tmp_path: Path) -> Words:
    (tmp_path / "m.onnx").write_text("weights")
    return [*clip(tmp_path), "--model", str(tmp_path / "m.onnx")]


def missing_model(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--model", str(tmp_path / "m.onnx")]


def folder_in_use(tmp_path: Path) -> Words:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "accounts.xls").write_text("keep me")
    return clip(tmp_path)


def unknown_option(tmp_path: Path) -> Words:
    return [*clip(tmp_path), "--colour"]


def no_source(tmp_path: Path) -> Words:
    return ["grade"]


def missing_recipe(tmp_path: Path) -> Words:
    return ["train", str(tmp_path / "nowhere.toml")]


def recipe_with_a_misspelt_key(tmp_path: Path) -> Words:
    (tmp_path / "r.toml").write_text('name = "x"\nstepps = 4\n')
    return ["train", str(tmp_path / "r.toml")]


def unknown_set(tmp_path: Path) -> Words:
    return ["data", "card", "imagenet"]


CASES: dict[Callable[[Path], Words], int] = {
    one_pixel: REFUSED,
    missing_picture: REFUSED,
    folder_as_picture: REFUSED,
    missing_video: REFUSED,
    empty_video: REFUSED,
    text_as_video: REFUSED,
    playlist_as_video: REFUSED,
    sound_without_picture: REFUSED,
    video_without_index: REFUSED,
    empty_folder: REFUSED,
    folder_without_pictures: REFUSED,
    folder_of_broken_pictures: REFUSED,
    dead_address: REFUSED,
    strange_address: REFUSED,
    bed_outside: WRONG_USE,
    bed_of_words: WRONG_USE,
    bed_upside_down: WRONG_USE,
    gross_without_tare: WRONG_USE,
    weights_swapped: WRONG_USE,
    weight_of_words: WRONG_USE,
    weight_is_nan: WRONG_USE,
    negative_tare: WRONG_USE,
    division_of_zero: WRONG_USE,
    unknown_standard: WRONG_USE,
    broken_standard: REFUSED,
    model_of_text: REFUSED,
    missing_model: REFUSED,
    folder_in_use: WRONG_USE,
    unknown_option: WRONG_USE,
    no_source: WRONG_USE,
    missing_recipe: REFUSED,
    recipe_with_a_misspelt_key: REFUSED,
    unknown_set: WRONG_USE,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.replace("_", " "))
def test_a_broken_request_is_refused(case, capsys, tmp_path, model_file):
    words = case(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    if words[0] in ("grade", "train") and words != ["grade"]:
        words += ["--out", str(tmp_path / "out")]
    if words[0] in ("grade", "classify") and "--model" not in words:
        words += ["--model", str(model_file)]
    expect_refusal(words, CASES[case], capsys)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def expect_refusal(words: Words, code: int, capsys: pytest.CaptureFixture[str], named: str = "") -> None:
    assert main(words) == code
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("loadlens: ")
    assert named in lines[0]


def test_there_are_fifty_kinds() -> None:
    assert len(PICTURES) + len(CASES) >= 50
