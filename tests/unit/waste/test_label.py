"""Labels: what may stand on one, how large it is, and that what is printed can be scanned and trusted."""

import html
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from loadlens.grading.quantity import Mass
from loadlens.waste.codes import code_list
from loadlens.waste.drawing import draw, draw_pdf, draw_png, draw_zpl
from loadlens.waste.label import LabelError, size_for
from loadlens.waste.seal import Sealed, SealError, open_seal, seal


@pytest.mark.parametrize(
    ("litres", "side", "letters", "sides"),
    [(0.1, 100, 3, 1), (50, 100, 3, 1), (50.1, 150, 5, 1), (450, 150, 5, 1), (450.1, 200, 6, 2), (1000, 200, 6, 2)],
)
def test_the_size_follows_the_volume(litres, side, letters, sides):
    size = size_for(litres)
    assert (size.side_mm, size.letters_mm, size.sides) == (side, letters, sides)


@pytest.mark.parametrize("litres", [0, -1, float("nan"), float("inf")])
def test_a_container_without_a_volume_gets_no_label(litres):
    with pytest.raises(LabelError, match="litres"):
        size_for(litres)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "name is empty"),
        ({"precautions": ""}, "precautions is empty"),
        ({"confirmed_by": ""}, "confirmed_by is empty"),
        ({"hazards": ()}, "no hazard"),
        ({"hazards": ("X",)}, "unknown hazard letters"),
        ({"hazards": ("T", "I")}, "listed with R,T, not with T,I"),
        ({"mass": Mass(0)}, "weighs more than"),
        ({"mass": Mass("-3")}, "weighs more than"),
        ({"code": code_list("general-cn").find("900-001-S17")}, "not hazardous"),
        ({"code": code_list("eu-low").find("17 04 05")}, "not hazardous"),
    ],
)
def test_a_label_that_would_mislead_is_refused(changed, fields, says):
    with pytest.raises(LabelError, match=re.escape(says)):
        changed(**fields)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def scanned(image: np.ndarray) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


@pytest.mark.parametrize("litres", [40, 200, 1000])
def test_every_size_is_true_and_scans(changed, link, litres):
    label = changed(litres=litres)
    side = label.size.side_mm
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", draw_pdf(label, link))
    assert [tuple(round(float(points) * 25.4 / 72, 1) for points in box) for box in boxes] == [(side, side)]
    image = picture(draw_png(label, link))
    assert abs(image.shape[0] - side / 25.4 * 203) <= 1
    assert scanned(image) == [link]


def test_fonts_are_embedded_and_the_same_label_gives_the_same_bytes(label, link):
    pdf = draw_pdf(label, link)
    assert b"NotoSansCJK" in pdf
    assert b"/FontFile3" in pdf
    assert pdf == draw_pdf(label, link)


def test_text_that_does_not_fit_is_refused_and_never_cut_off(changed, link):
    with pytest.raises(LabelError, match=r"does not fit a label of 100 mm.*shorten"):
        draw_pdf(changed(precautions="防潮、防水，远离火源，" * 20), link)


@pytest.mark.parametrize("kind", ["pdf", "png", "zpl"])
def test_text_that_would_print_as_empty_boxes_is_refused_and_the_characters_are_named(changed, plain, link, *, kind):
    told = re.escape("no shape for ั (U+0E31), ไ (U+0E44), 😀 (U+1F600); write the text without them")
    for label in (changed(precautions="防潮 😀ไ ั😀"), replace(plain, remark="😀ไ ั")):
        with pytest.raises(LabelError, match=told):
            draw(label, link, kind)


@pytest.mark.parametrize(
    "name", ["𠮷野 ㎏ ℃ ½ ²", "Öl-Ölschlamm, Ł ж Ω ™", "한국어 かな", "e\u0301\u200b ⚠ ☠ ①", "Ａ０\u3000！"]
)
def test_text_that_the_fonts_can_show_is_printed(changed, link, name):
    assert draw(changed(name=name), link, "png")


@pytest.mark.parametrize("litres", [40, 200, 1000])
def test_a_long_word_stays_within_the_frame_and_out_of_the_code(changed, plain, link, *, tmp_path, absent, litres):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    word = "2,3,7,8-" + "tetrachlorodibenzo" * 3 + "dioxin"
    hazardous = changed(litres=litres, name=word, main_components=word, remark=word)
    for label in (hazardous, replace(plain, litres=litres, name=word, remark=word)):
        side, code = label.size.side_mm, 0.36 * label.size.side_mm
        seen = ""
        for text, right, top in words_of(draw_pdf(label, link), tmp_path / "label.pdf"):
            seen += text.replace("\u200b", "")
            assert right <= side - 4
            # The code stands at the right, below the title.
            is_beside = 0.2 * side < top < 0.2 * side + code / 2
            assert right <= side - 4 - code or not is_beside, text
        assert seen.count(word) >= 2
        assert scanned(picture(draw_png(label, link))) == [link]


def test_a_name_with_hyphens_is_broken_behind_one_of_them(changed, link, tmp_path, absent):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    for letters in range(1, 12):
        name = f"{'氮' * letters}2-methyl-4-isothiazolin-3-one"
        for text, *_ in words_of(draw_pdf(changed(litres=1000, main_components=name), link), tmp_path / "label.pdf"):
            assert not text.startswith("-"), name


def words_of(pdf: bytes, file: Path) -> list[tuple[str, float, float]]:
    """The words of a PDF as they are placed: text, and where each ends and is highest, in mm."""
    file.write_bytes(pdf)
    told = subprocess.run(["pdftotext", "-bbox", file, "-"], capture_output=True, check=True, text=True).stdout
    places = re.findall(r'yMin="([\d.]+)" xMax="([\d.]+)" yMax="[\d.]+">(.*?)</word>', told)
    return [(html.unescape(text), float(right) * 25.4 / 72, float(top) * 25.4 / 72) for top, right, text in places]


def photographed(image: np.ndarray, *, degrees: float, blur: float, dirt: float, tilt: float, seed: int) -> np.ndarray:
    """The label as a phone would take it: turned, at an angle, out of focus, under noise, with spots of dirt on it."""
    rng = np.random.default_rng(seed)
    dirty = image.copy()
    for _ in range(int(dirt * 100)):
        x, y = rng.integers(0, image.shape[1]), rng.integers(0, image.shape[0])
        cv2.circle(dirty, (int(x), int(y)), int(rng.integers(3, 9)), int(rng.integers(0, 90)), -1)
    side, room = image.shape[0], image.shape[0] // 2
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32)
    shift = rng.uniform(-tilt, tilt, (4, 2)) * side
    angle = np.deg2rad(degrees)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    placed = (((corners + shift) - side / 2) @ turn.T + side / 2 + room).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, placed)
    size = side + 2 * room
    taken = cv2.warpPerspective(dirty, matrix, (size, size), borderValue=120)
    taken = cv2.GaussianBlur(taken, (0, 0), blur)
    return np.clip(taken + rng.normal(0, 6, taken.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_a_label_scans_turned_tilted_blurred_and_dirty(label, link, seed):
    image = picture(draw_png(label, link))
    taken = photographed(image, degrees=seed * 31, blur=1.2, dirt=0.25, tilt=0.06, seed=seed)
    assert scanned(taken) == [link]


def test_a_printer_gets_the_same_label(label, link):
    zpl = draw_zpl(label, link)
    matched = re.fullmatch(r"\^XA\^PW(\d+)\^LL(\d+)\^FO0,0\^GFA,(\d+),\3,(\d+),([0-9A-F]+)\^FS\^PQ1\^XZ", zpl)
    width, height, size, row_bytes = map(int, matched.groups()[:4])
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(matched[5]), np.uint8)).reshape(height, row_bytes * 8)
    assert size == height * row_bytes
    assert abs(width - 100 / 25.4 * 203) <= 1
    assert scanned((255 * (1 - bits[:, :width])).astype(np.uint8)) == [link]


def test_a_seal_opens_to_what_was_sealed(label, link, key):
    assert open_seal(link, key.public_key()) == Sealed(label.identity, "hazardous-cn", "2021", label.mass)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=412500", "m=12500"),
        ("2021", "2025"),
        ("32102448", "32102648"),
        ("hazardous-cn", "general-cn"),
        ("&s=", "&s=A"),
        ("&s=", "&s=%00"),
    ],
)
def test_an_altered_label_is_found(link, key, old, new):
    with pytest.raises(SealError, match="forged or was altered"):
        open_seal(link.replace(old, new, 1), key.public_key())


def test_a_forged_label_is_found(label, key):
    forged = seal(
        Sealed(label.identity, "hazardous-cn", "2021", label.mass), Ed25519PrivateKey.generate().sign, "yard.example"
    )
    with pytest.raises(SealError, match="not ours"):
        open_seal(forged, key.public_key())


def test_another_host_opens_the_same_seal(link, key):
    assert open_seal(link.replace("yard.example", "new.example"), key.public_key()).mass == Mass("412.5")


@pytest.mark.parametrize(
    "link", ["", "https://example.org/", "WIFI:S:yard;;", "https://x/w/1?l=a:b&m=1", "https://x/w/1?l=a:b&m=x&s=AA"]
)
def test_other_codes_are_no_labels(link, key):
    with pytest.raises(SealError):
        open_seal(link, key.public_key())


def test_a_mass_finer_than_a_gram_is_not_sealed(label, key):
    with pytest.raises(SealError, match="finer than a gram"):
        seal(Sealed(label.identity, "hazardous-cn", "2021", Mass("0.0005")), key.sign, "yard.example")
