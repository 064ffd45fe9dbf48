"""Labels as PDF, PNG and ZPL: one drawing, true to size, fonts embedded; a printer of any kind gets the same label."""

import io
import json
from datetime import UTC, datetime, time
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import cvttf_NotoSansCJK_Bold
import cvttf_NotoSansCJK_Regular
import segno
import typst
from PIL import Image

from loadlens.waste.label import BACKGROUND, HAZARDS_ZH, STATES_ZH, Label, LabelError

PRINTER_DPI = 203
_QR_SHARE = 0.36  # of a label's side


def draw(label: Label, link: str, kind: Literal["pdf", "png", "zpl"]) -> bytes:
    """The label in the format asked for. Raises LabelError where its text does not fit."""
    if kind == "zpl":
        return draw_zpl(label, link).encode()
    return draw_pdf(label, link) if kind == "pdf" else draw_png(label, link)


def draw_pdf(label: Label, link: str) -> bytes:
    """The label as a PDF page of its true size; `link` is what its QR code says. Raises LabelError for long text."""
    return _compile(label, link, "pdf", BACKGROUND)


def draw_png(label: Label, link: str, dpi: int = PRINTER_DPI, *, coloured_stock: bool = False) -> bytes:
    """The label as a PNG that knows its size. `coloured_stock`: the paper is orange already, so the ground is white."""
    ground = (255, 255, 255) if coloured_stock else BACKGROUND
    drawn = Image.open(io.BytesIO(_compile(label, link, "png", ground, dpi))).convert("RGBA")
    # The last pixels of a side lie partly beyond the page and are drawn half transparent.
    flat = Image.new("RGBA", drawn.size, ground)
    flat.alpha_composite(drawn)
    out = io.BytesIO()
    flat.convert("RGB").save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()


def draw_zpl(label: Label, link: str) -> str:
    """The label for a ZPL printer of 203 dpi on orange stock: one black picture, so that the printer needs no font."""
    grey = Image.open(io.BytesIO(draw_png(label, link, coloured_stock=True))).convert("L")
    black = grey.point(lambda value: 255 if value < 128 else 0).convert("1")
    width, height = black.size
    row_bytes = (width + 7) // 8
    data = black.tobytes().hex().upper()
    size = row_bytes * height
    return f"^XA^PW{width}^LL{height}^FO0,0^GFA,{size},{size},{row_bytes},{data}^FS^PQ{label.size.sides}^XZ"


def qr_svg(link: str) -> str:
    """The QR code as SVG, with a quarter of it to spare for dirt (level Q) and its quiet zone."""
    out = io.BytesIO()
    segno.make(link, error="q", micro=False).save(out, kind="svg", border=4, dark="#000", light="#fff")
    return out.getvalue().decode()


def _compile(
    label: Label, link: str, kind: Literal["pdf", "png"], background: tuple[int, int, int], dpi: int = PRINTER_DPI
) -> bytes:
    data = json.dumps(_data(label, link) | {"background": list(background)}, ensure_ascii=False)
    made_at = datetime.combine(label.produced_on, time(), UTC)  # the same label gives the same bytes
    template = resources.files("loadlens.waste") / "templates" / "hazardous.typ"
    try:
        return typst.compile(
            template.read_bytes(),
            font_paths=_fonts(),
            format=kind,
            ppi=dpi,
            sys_inputs={"label": data},
            timestamp=made_at,
        )
    except typst.TypstError as error:
        if "needs" in str(error):
            raise LabelError(
                f"the text does not fit a label of {label.size.side_mm} mm with letters of {label.size.letters_mm} mm "
                f"({error}); shorten it"
            ) from None
        raise


def _data(label: Label, link: str) -> dict[str, object]:
    size = label.size
    remark = "; ".join(part for part in (label.remark, f"{label.code.list_id} {label.code.edition}") if part)
    return {
        "side": size.side_mm,
        "letters": size.letters_mm,
        "qr_mm": round(size.side_mm * _QR_SHARE, 1),
        "qr": qr_svg(link),
        "name": label.name,
        "category": f"HW{label.code.code[-2:]} {label.code.category}",
        "code": label.code.code,
        "state": STATES_ZH[label.state],
        "hazards": "、".join(f"{HAZARDS_ZH[letter]} {letter}" for letter in label.hazards),
        "main_components": label.main_components,
        "harmful_components": label.harmful_components,
        "precautions": label.precautions,
        "identity": label.identity,
        "producer": label.producer.name,
        "contact": f"{label.producer.contact} {label.producer.phone}",
        "produced_on": label.produced_on.isoformat(),
        "mass": str(label.mass),
        "remark": remark,
    }


@cache
def _fonts() -> typst.Fonts:
    """The two weights of Noto Sans CJK that come with us; what the machine has is left aside, so labels look alike."""
    packages = (cvttf_NotoSansCJK_Regular, cvttf_NotoSansCJK_Bold)
    folders = [str(Path(str(package.__file__)).parent) for package in packages]
    return typst.Fonts(include_system_fonts=False, font_paths=folders)
