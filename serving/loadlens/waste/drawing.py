"""Labels as PDF, PNG and ZPL: one drawing, true to size, fonts embedded; a printer of any kind gets the same label."""

import io
import json
from datetime import UTC, datetime, time
from importlib import resources
from typing import Literal

import typst
from PIL import Image

from loadlens.waste.label import BACKGROUND, HAZARDS_ZH, STATES_ZH, Label, LabelError
from loadlens.waste.plain_label import PlainLabel
from loadlens.waste.typesetting import qr_svg, typeset, unprintable

PRINTER_DPI = 203
_QR_SHARE = 0.36  # of a label's side
_WHITE = (255, 255, 255)

AnyLabel = Label | PlainLabel
# A row of a label: what stands side by side, each a name and what it is.
_Row = list[tuple[str, str]]


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
    size = label.size
    data = {
        "side": size.side_mm,
        "letters": size.letters_mm,
        "background": list(background),
        "qr_mm": round(size.side_mm * _QR_SHARE, 1),
        "qr": qr_svg(link),
        **(_hazardous(label) if isinstance(label, Label) else _plain(label)),
    }
    if boxes := unprintable(json.dumps(data, ensure_ascii=False)):
        named = ", ".join(f"{one} (U+{ord(one):04X})" for one in boxes)
        raise LabelError(f"our fonts have no shape for {named}; write the text without them")
    template = resources.files("loadlens.waste") / "templates" / "label.typ"
    try:
        return typeset(
            template.read_bytes(), data, kind, made_at=datetime.combine(label.produced_on, time(), UTC), dpi=dpi
        )
    except typst.TypstError as error:
        _, is_too_long, needed = str(error).partition("panicked with: needs ")
        if is_too_long:
            raise LabelError(
                f"the text does not fit a label of {size.side_mm} mm with letters of {size.letters_mm} mm "
                f"(it needs {needed}); shorten it"
            ) from None
        raise


def _hazardous(label: Label) -> dict[str, object]:
    entry = label.code
    # Only China's list numbers its categories, by the last two digits of a code.
    category = f"HW{entry.code[-2:]} {entry.category}" if entry.list_id == "hazardous-cn" else entry.category
    beside: list[_Row] = [
        [("废物名称", label.name)],
        [("废物类别", category)],
        [("废物代码", entry.code)],
        [("废物形态", STATES_ZH[label.state])],
        [("危险特性", "、".join(f"{HAZARDS_ZH[letter]} {letter}" for letter in label.hazards))],
        [("主要成分", label.main_components)],
        [("有害成分", label.harmful_components)],
    ]
    below: list[_Row] = [
        [("注意事项", label.precautions)],
        [("数字识别码", label.identity)],
        [("产生/收集单位", label.producer.name)],
        [("联系人和联系方式", _contact(label))],
        [("产生日期", label.produced_on.isoformat()), ("废物重量", str(label.mass))],
        [("备注", _remark(label))],
    ]
    return {"title": "危险废物", "title_size": 2, "centred": True, "frame": 1, "beside": beside, "below": below}


def _plain(label: PlainLabel) -> dict[str, object]:
    beside: list[_Row] = [
        [("废物代码 Code", label.code.code)],
        [("类别 Kind", label.code.category)],
        [("产生日期 Date", label.produced_on.isoformat())],
        [("重量 Mass", str(label.mass))],
    ]
    below: list[_Row] = [
        [("识别码 ID", label.identity)],
        [("产生单位 Producer", label.producer.name)],
        [("联系方式 Contact", _contact(label))],
        [("备注 Remark", _remark(label))],
    ]
    return {"title": label.name, "title_size": 1.7, "centred": False, "frame": 0.5, "beside": beside, "below": below}


def _contact(label: AnyLabel) -> str:
    return f"{label.producer.contact} {label.producer.phone}"


def _remark(label: AnyLabel) -> str:
    return "; ".join(part for part in (label.remark, f"{label.code.list_id} {label.code.edition}") if part)
