"""Finding a waste code by what a person types: digits, Chinese, pinyin, the initials of pinyin, or English."""

import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from loadlens.waste.codes import WasteCode, code_lists
from loadlens.waste.stage_tables import category

_spelling = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Spelled:
    entry: WasteCode
    digits: str
    text: str
    pinyin: str
    initials: str


def search(query: str, lists: Iterable[str] | None = None, limit: int = 20) -> list[WasteCode]:
    """The codes that fit every word of the query, best first: by code, name, pinyin, initials, then kind."""
    # Wide letters and digits are what an input method for Chinese writes; pinyin without ü writes v.
    query = unicodedata.normalize("NFKC", query).lower().replace("ü", "v")
    # A code that is written with blanks, as the European ones are, is one word.
    words = [query] if re.fullmatch(r"[\d\s\-*.]*\d[\d\s\-*.]*", query) else query.split()
    whole = "".join(words)
    wanted = set(lists) if lists is not None else set(code_lists())
    found = []
    for spelled in _spelled():
        if spelled.entry.list_id not in wanted:
            continue
        ranks = [_rank(word, spelled) for word in words]
        if words and all(rank is not None for rank in ranks):
            # Syllables that stand together count for more than those that stand anywhere.
            is_apart = _rank(whole, spelled) is None
            worst = max(rank for rank in ranks if rank is not None)
            found.append((is_apart, worst, len(spelled.text), spelled.entry))
    found.sort(key=lambda hit: (*hit[:3], hit[3].list_id, hit[3].code))
    return [entry for *_, entry in found[:limit]]


def _rank(word: str, spelled: _Spelled) -> int | None:
    """How well one word fits: 0 best; None where it does not fit at all."""
    digits = re.sub(r"[\s\-*.]", "", word)
    if digits.isdigit():
        return 0 if spelled.digits.startswith(digits) else None
    if word in spelled.entry.code.lower():
        return 0
    if word in spelled.entry.name_zh or word in spelled.entry.name_en.lower():
        return 1
    if len(word) >= 2 and word in spelled.pinyin:
        return 2
    if len(word) >= 2 and word in spelled.initials:
        return 3
    return 4 if word in spelled.text else None


def _spelled() -> tuple[_Spelled, ...]:
    # It takes a second: those who search meanwhile wait for it, instead of doing the same beside each other.
    with _spelling:
        return _spell_all()


@cache
def _spell_all() -> tuple[_Spelled, ...]:
    return tuple(_spell(entry) for one in code_lists().values() for entry in one.codes.values())


def _spell(entry: WasteCode) -> _Spelled:
    # Its dictionary takes a third of a second to load: only who searches waits for it.
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

    name = entry.name_zh
    return _Spelled(
        entry,
        digits=re.sub(r"\D", "", entry.code),
        text=f"{name} {entry.name_en} {category(entry.list_id, entry.code)} {entry.category} {entry.industry}".lower(),
        pinyin="".join(lazy_pinyin(name)),
        initials="".join(lazy_pinyin(name, style=Style.FIRST_LETTER)),
    )
