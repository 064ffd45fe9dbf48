"""The sentences that the service writes, in the reader's language.

What is stored says each in English, once and for ever. `sentences.json` holds for every code its forms in both
languages, with places for what differs; the English form finds what stands in them, and the other form is filled with
it. So what was stored years ago is read in Chinese too. `{name:class}` is a place for surface classes, which have names
of their own; `{name:CODE}` is one for what that code of the table tells, one or several.

The console reads the same file (serving/web/src/sentences.ts). `refusals.json` holds in the same way why the API
refuses something; that is stored nowhere, so a refusal is sent in both languages (`api/problems.py`).
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from loadlens.serving.sheet.words import Lang
from loadlens.vision.taxonomy import load_taxonomy

_FILES = ("sentences.json", "refusals.json")
# A longer refusal quotes a long text that somebody sent; no time is spent on finding a form for it.
_LONGEST_REFUSAL = 500
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
# A fault of a workbook says where it is: "containers row 2: …".
_ROW = re.compile(r"([^:]+) row (\d+): (.+)", re.S)
# A class may be followed by its figure: "wood (12 kg)", "drum 40%".
_CLASS = re.compile(r"(.+?)( \(.*\)| [\d.]+%)?", re.S)
_SEVERAL = re.compile(r", | or ")
# Of several cameras each says its own: "camera north: …; camera south: …".
_CAMERA = re.compile(r"camera ([\w.\-]+): (.+?)(?=; camera [\w.\-]+: |$)")


class Form(NamedTuple):
    """One sentence in both languages, with the pattern that finds the places of the English one."""

    en: str
    zh: str
    pattern: re.Pattern[str]


@cache
def forms(code: str) -> Sequence[Form]:
    """The forms that a code may take; none where the table does not know it."""
    return tuple(Form(en, zh, _pattern(en)) for en, zh in _table().get(code, ()))


def told(code: str, why: str, lang: Lang) -> str:
    """A sentence of this code in a language; as it is where the table has no form that fits."""
    if lang == "en":
        return why
    by_camera = [(camera, _told(code, part)) for camera, part in _CAMERA.findall(why)]
    if by_camera and all(part is not None for _, part in by_camera):
        return "；".join(f"相机 {camera}：{part}" for camera, part in by_camera)
    return _told(code, why) or why


def fault_told(fault: str, lang: Lang) -> str:
    """What is wrong with a workbook of waste, in a language, with the sheet and the row that it is in."""
    row = _ROW.fullmatch(fault)
    if lang == "en" or row is None:
        return told("waste", fault, lang)
    return f"{row[1]} 第 {row[2]} 行：{told('waste', row[3], lang)}"


def refusal_zh(detail: str) -> str | None:
    """Why the API refuses something, in Chinese; None where no form of it is known."""
    if len(detail) > _LONGEST_REFUSAL:
        return None
    return next((zh for code in ("refused", "waste", "login") if (zh := _told(code, detail)) is not None), None)


def reason_told(text: str, lang: Lang) -> str:
    """A reason that a person gave, in a language: those that the console offers are known in both, in whichever of them
    they were given; what a person added in their own words stays as it is."""
    for form in forms("reason"):
        for said in (form.en, form.zh):
            if text == said or text.startswith(f"{said}: "):
                return (form.zh if lang == "zh" else form.en) + text[len(said) :]
    return text


def _told(code: str, why: str) -> str | None:
    for form in forms(code):
        if (found := form.pattern.fullmatch(why)) is not None:
            return _PLACE.sub(lambda place: _filled(found[place[1]], place[2]), form.zh)
    return None


def _filled(text: str, kind: str | None) -> str:
    """What stands in a place of a kind; classes, one or several, by their Chinese names."""
    if kind is None:
        return text
    if kind != "class":
        parts = [_told(kind, part) for part in _SEVERAL.split(text)]
        return "、".join(part for part in parts if part) if all(parts) else _told(kind, text) or text
    taxonomy = load_taxonomy()
    named = []
    for part in text.split(", "):
        found = _CLASS.fullmatch(part)
        name, figure = found.groups("") if found else (part, "")
        class_id = name.replace(" ", "_")
        named.append((taxonomy[class_id].name_zh if class_id in taxonomy else name) + figure)
    return "、".join(named)


@cache
def _table() -> dict[str, list[list[str]]]:
    table: dict[str, list[list[str]]] = {}
    for name in _FILES:
        table |= json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return table


def _pattern(form: str) -> re.Pattern[str]:
    parts = _PLACE.split(form)
    # Of three parts each: text, the name of a place, what kind it is.
    text, names = parts[::3], parts[1::3]
    return re.compile(
        "".join(
            re.escape(one) + (f"(?P<{name}>.+?)" if name else "") for one, name in zip(text, [*names, ""], strict=True)
        ),
        re.S,
    )
