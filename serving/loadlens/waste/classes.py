"""What a photo of waste can show, and the codes that each may have, read from `classes.toml`.

A photo never decides a code. A candidate says under which condition it would be the one and what to ask; a person
confirms it (`POST /v1/waste/containers`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from loadlens.waste.codes import CodeError, WasteCode, code_list

_KEYS = {"id", "name", "looks_like", "codes"}
_DANGEROUS = "mistaken_for"
_CANDIDATE_KEYS = {"list", "code", "why", "ask"}


class ClassError(ValueError):
    """A class of waste that is not known, or a file of classes with a fault; the message names it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A code that a waste may have: `why` is the condition, `ask` what a person must find out; both in Chinese too."""

    code: WasteCode
    why: str
    ask: str
    why_zh: str
    ask_zh: str

    @property
    def said(self) -> str:
        """The reason as a person reads it, with what is doubtful about the list itself."""
        about = code_list(self.code.list_id)
        doubts = [] if self.code.verified else ["the list was not read, check the code"]
        if about.superseded_by:
            since = f"superseded by {about.superseded_by} on {about.superseded_on}"
            doubts.append(f"edition {about.edition}, {since}: check the code")
        doubt = f" ({'; '.join(doubts)})" if doubts else ""
        return f"could be {self.code.code} {self.why}: ask {self.ask}{doubt}"

    @property
    def said_zh(self) -> str:
        """The same in Chinese."""
        about = code_list(self.code.list_id)
        doubts = [] if self.code.verified else ["该名录未经核读，请核对代码"]
        if about.superseded_by:
            doubts.append(f"{about.edition} 版自 {about.superseded_on} 起由 {about.superseded_by} 版取代，请核对代码")
        doubt = f"（{'；'.join(doubts)}）" if doubts else ""
        return f"{self.why_zh}，可能是 {self.code.code}；请问清：{self.ask_zh}{doubt}"

    def to_plain(self) -> dict[str, str]:
        """JSON-ready."""
        return {"list": self.code.list_id, "code": self.code.code, "why": self.said, "why_zh": self.said_zh}


@dataclass(frozen=True, slots=True)
class WasteClass:
    """One class of waste with its candidate codes, hazardous ones first.

    `mistaken_for` are classes that a dangerous one passes for where nobody asks; empty for all that are not dangerous.
    """

    id: str
    name_en: str
    name_zh: str
    looks_like: str
    candidates: tuple[Candidate, ...]
    mistaken_for: tuple[str, ...]


@cache
def waste_classes() -> Mapping[str, WasteClass]:
    """The shipped classes by id, in the order of their file."""
    return read_classes(Path(str(resources.files("loadlens.waste"))) / "classes.toml")


def read_classes(path: Path) -> Mapping[str, WasteClass]:
    """Read a file of classes.

    Raises ClassError for a code that its list has not, a class named twice, an odd key, or a text without its Chinese.
    """
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    entries, chinese = told["class"], told.get("zh", {})
    classes: dict[str, WasteClass] = {}
    for entry in entries:
        if entry.keys() - {_DANGEROUS} != _KEYS:
            raise ClassError(
                f"{path.name}: a class has {', '.join(sorted(_KEYS))} and perhaps {_DANGEROUS}, not {sorted(entry)}"
            )
        if entry["id"] in classes:
            raise ClassError(f"{path.name}: {entry['id']} is named twice")
        # What may be hazardous is read first: nobody should stop at a harmless code.
        candidates = [_candidate(path, entry["id"], one, chinese) for one in entry["codes"]]
        candidates.sort(key=lambda one: one.code.hazardous is not True)
        classes[entry["id"]] = WasteClass(
            entry["id"],
            entry["name"]["en"],
            entry["name"]["zh"],
            entry["looks_like"],
            tuple(candidates),
            tuple(entry.get(_DANGEROUS, ())),
        )
    for one in classes.values():
        if strange := [name for name in one.mistaken_for if name not in classes]:
            raise ClassError(f"{path.name}: {one.id} is mistaken for {', '.join(strange)}, which is no class here")
    return classes


def _candidate(path: Path, class_id: str, entry: Mapping[str, Any], chinese: Mapping[str, str]) -> Candidate:
    where = f"{path.name}: {class_id}"
    if entry.keys() != _CANDIDATE_KEYS or not all(isinstance(text, str) and text for text in entry.values()):
        raise ClassError(f"{where}: a candidate has exactly {', '.join(sorted(_CANDIDATE_KEYS))}, none of them empty")
    why, ask = entry["why"], entry["ask"]
    if absent := [text for text in (why, ask) if text not in chinese]:
        raise ClassError(f"{where}: [zh] has no Chinese for {absent[0]!r}")
    try:
        return Candidate(code_list(entry["list"]).find(entry["code"]), why, ask, chinese[why], chinese[ask])
    except CodeError as error:
        raise ClassError(f"{where}: {error}") from error
