"""Labels as PDF, PNG and ZPL: one drawing, true to size, fonts embedded; a printer of any kind gets the same label."""

import io
from datetime import UTC, datetime, time
from importlib import resources
from typing import Literal

import typst
from PIL import Image

from loadlens.waste.label import BACKGROUND, HAZARDS_ZH, STATES_ZH, Label, LabelError
from loadlens.waste.plain_label import PlainLabel
from loadlens.waste.typesetting import qr_svg, typeset

PRINTER_DPI = 203
_QR_SHARE = 0.36  # of a label's side
_WHITE = (255, 255, 255)

AnyLabel = Label | PlainLabel
_TEMPLATES = {Label: "hazardous.typ", PlainLabel: "plain.typ"}


def draw(label: AnyLabel, link: str, kind: Literal["pdf", "png", "zpl"]) -> bytes:
    """The label in the format asked for. Raises LabelError where its text does not fit."""
    if kind == "zpl":
        return draw_zpl(label, link).encode()
    return draw_pdf(label, link) if kind == "pdf" else draw_png(label, link)


def draw_pdf(label: AnyLabel, link: str) -> bytes:
    """The label as a PDF page of its true size; `link` is what its QR code says. Raises LabelError for long text."""
    return _compile(label, link, "pdf", _ground(label))


def draw_png(label: AnyLabel, link: str, dpi: int = PRINTER_DPI, *, coloured_stock: bool = False) -> bytes:
    """The label as a PNG that knows its size. `coloured_stock`: the paper is orange already, so the ground is white."""
    ground = _WHITE if coloured_stock else _ground(label)
    drawn = Image.open(io.BytesIO(_compile(label, link, "png", ground, dpi))).convert("RGBA")
    # The last pixels of a side lie partly beyond the page and are drawn half transparent.
    flat = Image.new("RGBA", drawn.size, ground)
    flat.alpha_composite(drawn)
    out = io.BytesIO()
    flat.convert("RGB").save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()


def draw_zpl(label: AnyLabel, link: str) -> str:
    """The label for a ZPL printer of 203 dpi on orange stock: one black picture, so that the printer needs no font."""
    grey = Image.open(io.BytesIO(draw_png(label, link, coloured_stock=True))).convert("L")
    black = grey.point(lambda value: 255 if value < 128 else 0).convert("1")
    width, height = black.size
    row_bytes = (width + 7) // 8
    data = black.tobytes().hex().upper()
    size = row_bytes * height
    return f"^XA^PW{width}^LL{height}^FO0,0^GFA,{size},{size},{row_bytes},{data}^FS^PQ{label.size.sides}^XZ"


def _ground(label: AnyLabel) -> tuple[int, int, int]:
    return BACKGROUND if isinstance(label, Label) else _WHITE


def _compile(
    label: AnyLabel, link: str, kind: Literal["pdf", "png"], background: tuple[int, int, int], dpi: int = PRINTER_DPI
) -> bytes:
    data = _common(label, link) | {"background": list(background)}
    if isinstance(label, Label):
        data |= _of_hazardous(label)
    template = resources.files("loadlens.waste") / "templates" / _TEMPLATES[type(label)]
    try:
        return typeset(
            template.read_bytes(), data, kind, made_at=datetime.combine(label.produced_on, time(), UTC), dpi=dpi
        )
    except typst.TypstError as error:
        _, is_too_long, needed = str(error).partition("panicked with: needs ")
        if is_too_long:
            raise LabelError(
                f"the text does not fit a label of {label.size.side_mm} mm with letters of {label.size.letters_mm} mm "
                f"(it needs {needed}); shorten it"
            ) from None
        raise


def _common(label: AnyLabel, link: str) -> dict[str, object]:
    size = label.size
    remark = "; ".join(part for part in (label.remark, f"{label.code.list_id} {label.code.edition}") if part)
    return {
        "side": size.side_mm,
        "letters": size.letters_mm,
        "qr_mm": round(size.side_mm * _QR_SHARE, 1),
        "qr": qr_svg(link),
        "name": label.name,
        "category": label.code.category,
        "code": label.code.code,
        "identity": label.identity,
        "producer": label.producer.name,
        "contact": f"{label.producer.contact} {label.producer.phone}",
        "produced_on": label.produced_on.isoformat(),
        "mass": str(label.mass),
        "remark": remark,
    }


def _of_hazardous(label: Label) -> dict[str, object]:
    entry = label.code
    # Only China's list numbers its categories, by the last two digits of a code.
    category = f"HW{entry.code[-2:]} {entry.category}" if entry.list_id == "hazardous-cn" else entry.category
    return {
        "category": category,
        "state": STATES_ZH[label.state],
        "hazards": "、".join(f"{HAZARDS_ZH[letter]} {letter}" for letter in label.hazards),
        "main_components": label.main_components,
        "harmful_components": label.harmful_components,
        "precautions": label.precautions,
    }
