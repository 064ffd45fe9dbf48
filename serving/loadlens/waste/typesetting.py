"""Documents set by Typst in fonts that come with us: embedded, true to size, the same bytes for the same data."""

import io
import json
import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cvttf_NotoSansCJK_Bold
import cvttf_NotoSansCJK_Regular
import segno
import typst

_NO_SHAPE = re.compile(r'the text `"(.+?)"` could not be displayed')


def typeset(
    template: bytes,
    data: Mapping[str, Any],
    kind: Literal["pdf", "png"],
    *,
    made_at: datetime,
    dpi: int = 144,
    pictures: Mapping[str, bytes] | None = None,
) -> bytes:
    """The document of a Typst template, which finds `data` as JSON in sys.inputs.data and `pictures` as files by name.

    `made_at` is the time that the PDF says it was made at. What the fonts cannot show stands there by its number, as
    [U+1F600]. Raises typst.TypstError where the template panics.
    """
    text = json.dumps(data, ensure_ascii=False)
    text = text.translate({ord(one): f"[U+{ord(one):04X}]" for one in unprintable(text)})
    with tempfile.TemporaryDirectory() as folder:
        for name, data_of in {"main.typ": template, **(pictures or {})}.items():
            Path(folder, name).write_bytes(data_of)
        return typst.compile(
            Path(folder, "main.typ"),
            root=Path(folder),
            font_paths=_fonts(),
            format=kind,
            ppi=dpi,
            sys_inputs={"data": text},
            timestamp=made_at.replace(microsecond=0),
        )


def unprintable(text: str) -> list[str]:
    """The characters of a text that our fonts cannot show, sorted: a page would have an empty box for each of them."""
    odd = sorted(one for one in set(text) if not one.isascii())
    if not odd:
        return []
    try:
        # PDF/A forbids such boxes, so that Typst names them all; each character has a line of its own.
        typst.compile(
            b'#set text(font: "Noto Sans CJK TC")\n#sys.inputs.text',
            font_paths=_fonts(),
            format="pdf",
            pdf_standards="a-2b",
            sys_inputs={"text": "\n".join(odd)},
        )
    except typst.TypstError as error:
        found = {
            re.sub(r"\\u\{(\w+)\}", lambda one: chr(int(one[1], 16)), one)
            for one in _NO_SHAPE.findall(error.diagnostic)
        }
        if not found:
            raise
        return [one for one in odd if one in found]
    return []


def qr_svg(link: str) -> str:
    """The QR code as SVG, with a quarter of it to spare for dirt (level Q) and its quiet zone."""
    out = io.BytesIO()
    segno.make(link, error="q", micro=False).save(out, kind="svg", border=4, dark="#000", light="#fff")
    return out.getvalue().decode()


@cache
def _fonts() -> typst.Fonts:
    """The two weights of Noto Sans CJK that come with us; what the machine has is left aside, so all prints alike."""
    packages = (cvttf_NotoSansCJK_Regular, cvttf_NotoSansCJK_Bold)
    folders = [str(Path(str(package.__file__)).parent) for package in packages]
    return typst.Fonts(include_system_fonts=False, font_paths=folders)
