"""The ticket on paper: an A4 sheet, or a strip of 80 mm from the printer in the cabin."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from importlib import resources
from typing import Literal

from loadlens.serving.sheet.contents import contents, costliest
from loadlens.serving.sheet.source import Source
from loadlens.serving.sheet.words import Lang, moment
from loadlens.waste.typesetting import qr_svg, typeset

Paper = Literal["a4", "80mm"]
_MOST_PICTURES = {"a4": 3, "80mm": 2}


@dataclass(frozen=True, slots=True)
class Link:
    """The address of the supplier's page, and until when it leads there."""

    url: str
    until: str


def draw_ticket(
    source: Source,
    paper: Paper,
    lang: Lang,
    link: Link | None,
    picture: Callable[[int], bytes | None],
    *,
    clock: tzinfo | None,
) -> bytes:
    """The ticket of `source` as a PDF; the same ticket, link, pictures and time zone give the same bytes.

    `picture` gives the JPEG of a layer, None where it was let go; `clock` is the time zone of the yard.
    """
    if source.ticket is None:
        raise ValueError("a version without a ticket is not printed")
    sheet = contents(source, lang, clock)
    shown, pictures = [], {}
    for layer in costliest(sheet.pop("layers"), _MOST_PICTURES[paper]):
        jpeg = picture(layer["index"])
        name = f"{layer['index']}.jpg"
        if jpeg is not None:
            pictures[name] = jpeg
        shown.append({**layer, "file": name if jpeg is not None else None})
    said = sheet["words"]
    data = {
        **sheet,
        "paper": paper,
        "layers": shown,
        "qr": link and qr_svg(link.url),
        "scan": said["scan"].format(until=moment(link.until, lang, clock)) if link else said["no_link"],
    }
    template = resources.files("loadlens.serving") / "templates" / "ticket.typ"
    made_at = datetime.fromisoformat(source.ticket.at)
    return typeset(template.read_bytes(), data, "pdf", made_at=made_at, pictures=pictures)
