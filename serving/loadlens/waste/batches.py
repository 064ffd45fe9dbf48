"""Batch codes of the ledger's stages: letters of the stage, the day, and three digits (HJ 1259-2022, 6.3)."""

import re
from dataclasses import dataclass
from datetime import date, datetime

# By stage and way. HWCK stands for what leaves the store and also begins the codes of exports: parsed longest first.
PREFIXES = {
    "produced": "HWCS",
    "stored": "HWRK",
    "retrieved": "HWCK",
    "own_use": "HWZXLY",
    "own_disposal": "HWZXCZ",
    "others_use": "HWWWLY",
    "others_disposal": "HWWWCZ",
    "export_use": "HWCKLY",
    "export_disposal": "HWCKCZ",
}


class BatchError(ValueError):
    """A batch code that is not written as HJ 1259-2022 writes them, or a number that does not fit one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: what was done (a key of PREFIXES), the day, and its number of that day, 1..999."""

    kind: str
    day: date
    number: int

    def __str__(self) -> str:
        return f"{PREFIXES[self.kind]}{self.day:%Y%m%d}{self.number:03}"


def batch(kind: str, day: date, number: int) -> Batch:
    """A batch of a day. Raises BatchError where its number does not fit three digits."""
    if kind not in PREFIXES:
        raise BatchError(f"unknown kind of batch {kind!r}; there are {', '.join(PREFIXES)}")
    if not 1 <= number <= 999:
        raise BatchError(f"batch {number} of {day} does not fit three digits; HJ 1259 counts to 999 a day")
    return Batch(kind, day, number)


def parse_batch(text: str) -> Batch:
    """A batch code read back. Raises BatchError."""
    for kind, prefix in sorted(PREFIXES.items(), key=lambda item: -len(item[1])):
        if matched := re.fullmatch(rf"{prefix}(\d{{8}})(\d{{3}})", text):
            try:
                day = datetime.strptime(matched[1], "%Y%m%d").date()
            except ValueError:
                raise BatchError(f"{text!r} names a day that is not in the calendar") from None
            return batch(kind, day, int(matched[2]))
    raise BatchError(f"{text!r} is no batch code, such as HWCS20211031001")
