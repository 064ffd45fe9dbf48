"""What the readers of label files share: text, JSON and XML read strictly, since label files come from strangers."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from loadlens.datasets.errors import DataError
from loadlens.datasets.samples import Box


def read_text(path: Path) -> str:
    """The text of a label file. Raises DataError where it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise DataError(path, f"cannot be read ({fault.strerror}); give the label file") from None
    except UnicodeDecodeError:
        raise DataError(path, "not UTF-8; save it as UTF-8") from None


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises DataError where it is none."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as fault:
        raise DataError(path, f"not JSON ({fault.msg}); export it again", line=fault.lineno) from None
    except RecursionError:
        raise DataError(path, "nested too deep, so not COCO instances or any export; export it again") from None


def read_xml(path: Path) -> Element:
    """The root of an XML file.

    Raises DataError where it is none, or declares a document type: its entities can be made to fill the memory.
    """
    try:
        parser = XMLParser(target=_NoDocumentType())
        parser.feed(path.read_bytes())
        root: Element = parser.close()
    except OSError as fault:
        raise DataError(path, f"cannot be read ({fault.strerror}); give the label file") from None
    except ParseError as fault:
        raise DataError(path, f"not XML ({fault}); export it again", line=fault.position[0]) from None
    except ValueError as fault:
        raise DataError(path, f"{fault}; export it again") from None
    return root


class _NoDocumentType(TreeBuilder):
    # The parser calls this before it reads a single entity.
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise ValueError("it declares a document type; remove the DOCTYPE")


def inner_text(entry: Element, place: str) -> str:
    """The text of a child element. Raises ValueError where there is none."""
    text = (entry.findtext(place) or "").strip()
    if not text:
        raise ValueError(f"<{entry.tag}> lacks {place}")
    return text


def labels_of(boxes: Iterable[Box]) -> tuple[str, ...]:
    """The labels of boxes, each once, in the order of the boxes."""
    return tuple(dict.fromkeys(box.label for box in boxes))
