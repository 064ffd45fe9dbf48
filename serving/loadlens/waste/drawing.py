"""Labels as PDF, PNG and ZPL: one drawing, true to size, fonts embedded; a printer of any kind gets the same label."""

import io
from datetime import UTC, datetime, time
from importlib import resources
from typing import Literal

import typst
from PIL import Image

from loadlens.waste.label import BACKGROUND, HAZARDS_ZH, STATES_ZH, Label, LabelError
from loadlens.waste.typesetting import qr_svg, typeset

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


def _compile(
    label: Label, link: str, kind: Literal["pdf", "png"], background: tuple[int, int, int], dpi: int = PRINTER_DPI
) -> bytes:
    data = _data(label, link) | {"background": list(background)}
    template = resources.files("loadlens.waste") / "templates" / "hazardous.typ"
    try:
        return typeset(
            template.read_bytes(), data, kind, made_at=datetime.combine(label.produced_on, time(), UTC), dpi=dpi
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
